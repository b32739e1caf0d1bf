/* SPDX-License-Identifier: GPL-2.0-only */
/* Ethernet frames for tests: UDP datagrams and fragments of them, or any other payload. */
#ifndef SENSORCTL_TESTS_FRAMES_H
#define SENSORCTL_TESTS_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#define FRAME_HEADERS_MAX 80u

/* One UDP datagram. Addresses are 192.168.1.x and 2001:db8::x with the low bits from here. */
struct datagram {
	uint16_t vlan;		     /* 0: untagged */
	uint8_t family;		     /* 4 or 6; 0 is 4 */
	uint8_t source, destination; /* last byte of the addresses */
	uint16_t source_port, destination_port;
	const void *payload; /* NULL: zeros */
	uint32_t length;     /* of the payload */
	uint32_t id;	     /* of the IP datagram, for fragments */
};

/* The whole datagram as one frame. Returns the frame's length. */
uint32_t datagram_frame(const struct datagram *datagram, void *frame);

/*
 * The fragment that holds `bytes` bytes from `offset` on of what follows the IP header: 8
 * bytes of UDP header and the payload. Cut at the datagram's end, and then the last one.
 */
uint32_t datagram_fragment(const struct datagram *datagram, uint32_t offset, uint32_t bytes,
			   void *frame);

/* Number of fragments of `bytes` bytes each. */
uint32_t datagram_fragments(const struct datagram *datagram, uint32_t bytes);

/* Any payload behind an EtherType; vlan 0: untagged. */
uint32_t ethernet_frame(uint16_t vlan, uint16_t ethertype, const void *payload, uint32_t length,
			void *frame);

/* An IP packet (family 4 or 6) of any protocol, not a fragment. */
uint32_t ip_frame(uint8_t family, uint8_t protocol, const void *payload, uint32_t length,
		  void *frame);

/* A packet of the project's own 0x88B5 camera, `bytes` >= 24 of payload. */
uint32_t experimental_frame(uint32_t sequence, uint32_t image, uint16_t index, uint16_t count,
			    uint32_t bytes, void *frame);

/* A packet of a Hesai XT32: UDP 2368 with 1080 bytes. Azimuth in 0.01 degrees. */
uint32_t hesai_frame(uint32_t sequence, uint16_t azimuth, void *frame);

#endif
