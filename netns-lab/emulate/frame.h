/* SPDX-License-Identifier: GPL-2.0-only */
/* Ethernet frames around a payload: VLAN tag, IPv4, UDP, fragments, checksums. */
#ifndef EMULATE_FRAME_H
#define EMULATE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 65600

struct frame {
	size_t length;
	uint8_t *data;
};

struct address {
	uint8_t source_mac[6], destination_mac[6];
	bool tagged;
	uint16_t vlan;
	uint8_t pcp;
	uint8_t dscp;
	bool no_checksum;
	uint32_t source, destination; /* IPv4, network byte order */
	uint16_t source_port, port;
	size_t mtu;
};

/* How many frames a UDP payload takes. */
unsigned int frame_fragments(const struct address *address, size_t payload);

/* Writes the Ethernet header and tag; returns its length. */
size_t frame_ethernet(const struct address *address, uint16_t ethertype, uint8_t *out);

/*
 * UDP header and payload as one datagram, at `out` (payload + 8 bytes). Fragments are cut
 * from it by frame_fragment(), which returns the frame's length.
 */
void frame_datagram(const struct address *address, const uint8_t *payload, size_t length,
		    uint8_t *out);
size_t frame_fragment(const struct address *address, const uint8_t *datagram, size_t length,
		      unsigned int fragment, uint16_t id, uint8_t *out);

/* One's complement sum over bytes, not folded away; frame_fold() makes the checksum. */
uint32_t frame_sum(uint32_t sum, const void *bytes, size_t length);
uint16_t frame_fold(uint32_t sum);

#endif
