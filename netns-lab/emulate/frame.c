// SPDX-License-Identifier: GPL-2.0-only
#include "frame.h"

#include <arpa/inet.h>
#include <string.h>

#include "sensor.h"

#define IP_BYTES	20u
#define UDP_BYTES	8u
#define MORE_FRAGMENTS	0x2000u
#define DO_NOT_FRAGMENT 0x4000u

uint32_t frame_sum(uint32_t sum, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint64_t total = sum;

	for (; length > 1; length -= 2, at += 2)
		total += (uint32_t)at[0] << 8 | at[1];
	if (length)
		total += (uint32_t)at[0] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint32_t)total;
}

uint16_t frame_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static size_t fragment_bytes(const struct address *address)
{
	return (address->mtu - IP_BYTES) & ~(size_t)7;
}

unsigned int frame_fragments(const struct address *address, size_t payload)
{
	size_t datagram = payload + UDP_BYTES, each = fragment_bytes(address);

	if (datagram <= address->mtu - IP_BYTES)
		return 1;
	return (unsigned int)((datagram + each - 1) / each);
}

size_t frame_ethernet(const struct address *address, uint16_t ethertype, uint8_t *out)
{
	memcpy(out, address->destination_mac, 6);
	memcpy(out + 6, address->source_mac, 6);
	if (!address->tagged) {
		put16be(out + 12, ethertype);
		return 14;
	}
	put16be(out + 12, 0x8100);
	put16be(out + 14, (uint64_t)address->pcp << 13 | address->vlan);
	put16be(out + 16, ethertype);
	return 18;
}

void frame_datagram(const struct address *address, const uint8_t *payload, size_t length,
		    uint8_t *out)
{
	uint32_t sum;
	uint16_t checksum;

	put16be(out, address->source_port);
	put16be(out + 2, address->port);
	put16be(out + 4, length + UDP_BYTES);
	put16be(out + 6, 0);
	memcpy(out + UDP_BYTES, payload, length);
	if (address->no_checksum)
		return;
	sum = frame_sum(0, &address->source, 4);
	sum = frame_sum(sum, &address->destination, 4);
	sum += 17 + (uint32_t)(length + UDP_BYTES);
	checksum = frame_fold(frame_sum(sum, out, length + UDP_BYTES));
	put16be(out + 6, checksum ? checksum : 0xffff);
}

size_t frame_fragment(const struct address *address, const uint8_t *datagram, size_t length,
		      unsigned int fragment, uint16_t id, uint8_t *out)
{
	bool whole = length <= address->mtu - IP_BYTES;
	size_t each = whole ? length : fragment_bytes(address), offset = fragment * each;
	size_t here = length - offset < each ? length - offset : each;
	size_t ethernet = frame_ethernet(address, 0x0800, out);
	uint8_t *ip = out + ethernet;
	uint16_t flags = (uint16_t)(offset / 8);

	if (whole)
		flags |= DO_NOT_FRAGMENT;
	else if (offset + here < length)
		flags |= MORE_FRAGMENTS;
	ip[0] = 0x45;
	ip[1] = (uint8_t)(address->dscp << 2);
	put16be(ip + 2, IP_BYTES + here);
	put16be(ip + 4, id);
	put16be(ip + 6, flags);
	ip[8] = 64;
	ip[9] = 17;
	put16be(ip + 10, 0);
	memcpy(ip + 12, &address->source, 4);
	memcpy(ip + 16, &address->destination, 4);
	put16be(ip + 10, frame_fold(frame_sum(0, ip, IP_BYTES)));
	memcpy(ip + IP_BYTES, datagram + offset, here);
	return ethernet + IP_BYTES + here;
}
