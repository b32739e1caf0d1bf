// SPDX-License-Identifier: GPL-2.0-only
#include "tests/lib/frames.h"

#include <arpa/inet.h>
#include <string.h>

#define ETHERNET_BYTES	14u
#define UDP_BYTES	8u
#define PROTOCOL_OF_UDP 17

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static uint32_t put_ethernet(uint8_t *frame, uint16_t vlan, uint16_t ethertype)
{
	static const uint8_t addresses[12] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	uint32_t at = sizeof(addresses);

	memcpy(frame, addresses, sizeof(addresses));
	if (vlan) {
		put16(frame + at, 0x8100);
		put16(frame + at + 2, vlan);
		at += 4;
	}
	put16(frame + at, ethertype);
	return at + 2;
}

static uint16_t ipv4_sum(const uint8_t *header)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* What follows the Ethernet header, up to the IP payload of `bytes`. Returns its length. */
static uint32_t put_ip(uint8_t *at, const struct datagram *d, uint8_t protocol, uint32_t bytes,
		       bool fragment, uint32_t offset, bool more)
{
	if (d->family == 6) {
		uint32_t header = fragment ? 48 : 40;

		memset(at, 0, header);
		at[0] = 0x60;
		put16(at + 4, bytes + header - 40);
		at[6] = fragment ? 44 : protocol;
		at[7] = 64;
		put32(at + 8, 0x20010db8);
		at[23] = d->source;
		put32(at + 24, 0x20010db8);
		at[39] = d->destination;
		if (fragment) {
			at[40] = protocol;
			put16(at + 42, offset | more);
			put32(at + 44, d->id);
		}
		return header;
	}
	memset(at, 0, 20);
	at[0] = 0x45;
	put16(at + 2, bytes + 20);
	put16(at + 4, d->id & 0xffff);
	put16(at + 6, (more ? 0x2000 : 0) | offset / 8);
	at[8] = 64;
	at[9] = protocol;
	put32(at + 12, 0xc0a80100u | d->source);
	put32(at + 16, 0xc0a80100u | d->destination);
	put16(at + 10, ipv4_sum(at));
	return 20;
}

static void put_udp(uint8_t *at, const struct datagram *d)
{
	put16(at, d->source_port);
	put16(at + 2, d->destination_port);
	put16(at + 4, d->length + UDP_BYTES);
	put16(at + 6, 0);
}

static uint32_t datagram_part(const struct datagram *d, bool fragment, uint32_t offset,
			      uint32_t bytes, void *frame)
{
	uint32_t whole = d->length + UDP_BYTES, at, from, to;
	uint8_t *out = frame, udp[UDP_BYTES];
	bool more = bytes < whole - offset;

	if (!more)
		bytes = whole - offset;
	put_udp(udp, d);
	at = put_ethernet(out, d->vlan, d->family == 6 ? 0x86dd : 0x0800);
	at += put_ip(out + at, d, PROTOCOL_OF_UDP, bytes, fragment, offset, more);
	for (from = offset, to = offset + bytes; from < to && from < UDP_BYTES; from++)
		out[at++] = udp[from];
	if (d->payload)
		memcpy(out + at, (const uint8_t *)d->payload + from - UDP_BYTES, to - from);
	else
		memset(out + at, 0, to - from);
	return at + to - from;
}

uint32_t datagram_frame(const struct datagram *datagram, void *frame)
{
	return datagram_part(datagram, false, 0, ~0u, frame);
}

uint32_t datagram_fragment(const struct datagram *datagram, uint32_t offset, uint32_t bytes,
			   void *frame)
{
	return datagram_part(datagram, true, offset, bytes, frame);
}

uint32_t datagram_fragments(const struct datagram *datagram, uint32_t bytes)
{
	return (datagram->length + UDP_BYTES + bytes - 1) / bytes;
}

uint32_t ethernet_frame(uint16_t vlan, uint16_t ethertype, const void *payload, uint32_t length,
			void *frame)
{
	uint32_t at = put_ethernet(frame, vlan, ethertype);

	memcpy((uint8_t *)frame + at, payload, length);
	return at + length;
}

uint32_t ip_frame(uint8_t family, uint8_t protocol, const void *payload, uint32_t length,
		  void *frame)
{
	const struct datagram d = { .family = family, .source = 1, .destination = 2 };
	uint32_t at = put_ethernet(frame, 0, family == 6 ? 0x86dd : 0x0800);

	at += put_ip((uint8_t *)frame + at, &d, protocol, length, false, 0, false);
	memcpy((uint8_t *)frame + at, payload, length);
	return at + length;
}

uint32_t experimental_frame(uint32_t sequence, uint32_t image, uint16_t index, uint16_t count,
			    uint32_t bytes, void *frame)
{
	uint8_t *at = (uint8_t *)frame + put_ethernet(frame, 0, 0x88b5);

	memset(at, 0, bytes);
	put32(at, 0x534e5352);
	put32(at + 4, sequence);
	put32(at + 8, image);
	put16(at + 12, index);
	put16(at + 14, count);
	return ETHERNET_BYTES + bytes;
}

uint32_t hesai_frame(uint32_t sequence, uint16_t azimuth, void *frame)
{
	uint8_t payload[1080] = { 0xee, 0xff, 6, 1 };
	const struct datagram d = { .source = 201,
				    .destination = 100,
				    .source_port = 10000,
				    .destination_port = 2368,
				    .payload = payload,
				    .length = sizeof(payload) };

	payload[12] = (uint8_t)azimuth;
	payload[13] = (uint8_t)(azimuth >> 8);
	for (int i = 0; i < 4; i++)
		payload[1076 + i] = (uint8_t)(sequence >> 8 * i);
	return datagram_frame(&d, frame);
}
