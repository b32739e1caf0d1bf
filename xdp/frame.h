/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a frame says about itself: Ethernet with up to two VLAN tags, IPv4 with options,
 * IPv6 with a bounded chain of extension headers, UDP, TCP, and fragments of both.
 * Layer 4 lengths are those that the headers claim; a first fragment's UDP length is longer
 * than the frame.
 */
#ifndef SENSORCTL_FRAME_H
#define SENSORCTL_FRAME_H

#include "packet.h"

#define ETHERTYPE_IPV4	 0x0800
#define ETHERTYPE_ARP	 0x0806
#define ETHERTYPE_VLAN	 0x8100
#define ETHERTYPE_IPV6	 0x86dd
#define ETHERTYPE_LACP	 0x8809
#define ETHERTYPE_EAPOL	 0x888e
#define ETHERTYPE_QINQ	 0x88a8
#define ETHERTYPE_LLDP	 0x88cc
#define ETHERTYPE_MACSEC 0x88e5
#define ETHERTYPE_PTP	 0x88f7
#define ETHERTYPE_LEAST	 0x0600 /* below it stands an 802.3 length */

#define IP_ICMP	  1
#define IP_IGMP	  2
#define IP_TCP	  6
#define IP_UDP	  17
#define IP_ICMPV6 58

#define IPV6_EXTENSIONS_MAX   6 /* longer chains are passed unread */
#define EXTENSION_HOPOPTS     0
#define EXTENSION_ROUTING     43
#define EXTENSION_FRAGMENT    44
#define EXTENSION_AUTH	      51
#define EXTENSION_DESTINATION 60

struct frame_ipv4 {
	__u8 version_ihl;
	__u8 tos;
	__u16 total_length;
	__u16 id;
	__u16 fragment;
	__u8 ttl;
	__u8 protocol;
	__u16 checksum;
	__u32 source;
	__u32 destination;
} WIRE;

struct frame_ipv6 {
	__u32 version_class_flow;
	__u16 payload_length;
	__u8 next_header;
	__u8 hop_limit;
	__u64 source[2];
	__u64 destination[2];
} WIRE;

struct frame_fragment6 {
	__u8 next_header;
	__u8 reserved;
	__u16 fragment; /* offset in 8 bytes << 3 | more */
	__u32 id;
} WIRE;

enum frame_fragment {
	FRAGMENT_NONE,
	FRAGMENT_FIRST,
	FRAGMENT_LATER,
};

enum frame_result {
	FRAME_PARSED,
	FRAME_MALFORMED, /* passes, counted */
};

/* Host byte order throughout. */
struct frame {
	__u64 source[2]; /* IPv4 in the first; wire byte order */
	__u64 destination[2];
	__u32 length;	      /* of the whole frame */
	__u32 payload;	      /* offset in the frame: layer 4 payload, or behind the EtherType */
	__u32 payload_length; /* as claimed, see above */
	__u32 fragment_id;
	__u16 ethertype; /* behind the tags */
	__u16 tag[2];	 /* VLAN TCIs, outermost first */
	__u16 vlan;	 /* id of the innermost tag + 1, 0: none */
	__u16 source_port;
	__u16 destination_port;
	__u8 tags;
	__u8 family;   /* 4, 6, or 0: not IP */
	__u8 protocol; /* of IP */
	__u8 dscp;
	__u8 fragment; /* enum frame_fragment */
	__u8 has_ports;
	__u8 icmp_type;		/* ICMPv6 only */
	__u8 fragment_protocol; /* what the fragment header says follows it */
};

static __always_inline bool frame_is_ip(const struct frame *frame)
{
	return frame->family != 0;
}

/* Layer 4 at `offset`, `length` bytes of IP payload from there on. */
static __always_inline enum frame_result
frame_parse_transport(const struct packet *packet, struct frame *frame, __u32 offset, __u32 length)
{
	frame->payload = offset;
	frame->payload_length = length;
	if (frame->fragment == FRAGMENT_LATER)
		return FRAME_PARSED;
	if (likely(frame->protocol == IP_UDP)) {
		const struct {
			__u16 source, destination, length, checksum;
		} WIRE *udp = packet_at(packet, offset, 8);
		__u32 udp_length;

		if (!udp)
			return FRAME_MALFORMED;
		udp_length = bswap16(udp->length);
		if (udp_length < 8 || (frame->fragment == FRAGMENT_NONE && udp_length > length))
			return FRAME_MALFORMED;
		frame->source_port = bswap16(udp->source);
		frame->destination_port = bswap16(udp->destination);
		frame->has_ports = 1;
		frame->payload = offset + 8;
		frame->payload_length = udp_length - 8;
	} else if (frame->protocol == IP_TCP) {
		const struct {
			__u16 source, destination;
			__u32 sequence, acknowledged;
			__u8 offset, flags;
			__u16 window, checksum, urgent;
		} WIRE *tcp = packet_at(packet, offset, 20);
		__u32 header;

		if (!tcp)
			return FRAME_MALFORMED;
		header = (__u32)(tcp->offset >> 4) * 4;
		if (header < 20 || header > length)
			return FRAME_MALFORMED;
		frame->source_port = bswap16(tcp->source);
		frame->destination_port = bswap16(tcp->destination);
		frame->has_ports = 1;
		frame->payload = offset + header;
		frame->payload_length = length - header;
	} else if (frame->protocol == IP_ICMPV6) {
		const __u8 *type = packet_at(packet, offset, 1);

		if (!type)
			return FRAME_MALFORMED;
		frame->icmp_type = *type;
	}
	return FRAME_PARSED;
}

static __always_inline enum frame_result frame_parse_ipv4(const struct packet *packet,
							  struct frame *frame, __u32 offset)
{
	const struct frame_ipv4 *ip = packet_at(packet, offset, sizeof(*ip));
	__u32 header, total, fragment;

	if (!ip || ip->version_ihl >> 4 != 4)
		return FRAME_MALFORMED;
	header = (__u32)(ip->version_ihl & 15) * 4;
	total = bswap16(ip->total_length);
	if (total > packet->length - offset) /* seen in a Velodyne's position packets */
		total = packet->length - offset;
	if (header < 20 || total < header)
		return FRAME_MALFORMED;
	fragment = bswap16(ip->fragment);
	if (unlikely(fragment & 0x3fff)) {
		frame->fragment = fragment & 0x1fff ? FRAGMENT_LATER : FRAGMENT_FIRST;
		frame->fragment_id = bswap16(ip->id);
		frame->fragment_protocol = ip->protocol;
	}
	frame->family = 4;
	frame->source[0] = ip->source;
	frame->destination[0] = ip->destination;
	frame->protocol = ip->protocol;
	frame->dscp = ip->tos >> 2;
	return frame_parse_transport(packet, frame, offset + header, total - header);
}

static __always_inline enum frame_result frame_parse_ipv6(const struct packet *packet,
							  struct frame *frame, __u32 offset)
{
	const struct frame_ipv6 *ip = packet_at(packet, offset, sizeof(*ip));
	__u32 left, at = offset + sizeof(*ip);
	__u8 next;

	if (!ip || (bswap32(ip->version_class_flow) >> 28) != 6)
		return FRAME_MALFORMED;
	left = bswap16(ip->payload_length);
	if (left > packet->length - at)
		left = packet->length - at;
	frame->family = 6;
	frame->source[0] = ip->source[0];
	frame->source[1] = ip->source[1];
	frame->destination[0] = ip->destination[0];
	frame->destination[1] = ip->destination[1];
	frame->dscp = (bswap32(ip->version_class_flow) >> 22) & 63;
	next = ip->next_header;
	LOOP
	for (int i = 0; i <= IPV6_EXTENSIONS_MAX; i++) {
		const struct frame_fragment6 *extension;
		__u32 bytes;

		if (next != EXTENSION_HOPOPTS && next != EXTENSION_ROUTING &&
		    next != EXTENSION_FRAGMENT && next != EXTENSION_AUTH &&
		    next != EXTENSION_DESTINATION) {
			frame->protocol = next;
			return frame_parse_transport(packet, frame, at, left);
		}
		extension = packet_at(packet, at, sizeof(*extension));
		if (!extension)
			return FRAME_MALFORMED;
		bytes = ((__u32)extension->reserved + 1) * 8;
		if (next == EXTENSION_AUTH)
			bytes = ((__u32)extension->reserved + 2) * 4;
		if (next == EXTENSION_FRAGMENT) {
			__u16 fragment = bswap16(extension->fragment);

			bytes = 8;
			if (fragment & 0xfff9) {
				frame->fragment = fragment >> 3 ? FRAGMENT_LATER : FRAGMENT_FIRST;
				frame->fragment_id = bswap32(extension->id);
				frame->fragment_protocol = extension->next_header;
			}
		}
		if (bytes > left)
			return FRAME_MALFORMED;
		next = extension->next_header;
		at += bytes;
		left -= bytes;
		if (frame->fragment == FRAGMENT_LATER) {
			frame->protocol = next;
			return frame_parse_transport(packet, frame, at, left);
		}
	}
	return FRAME_MALFORMED;
}

/*
 * The short way for what most sensors send: no tag, no option, no fragment, UDP, all of
 * it in the linear part, so that nobody need ask for the length of the rest. frame: all
 * zero. Returns false, with nothing changed, where a frame is anything else.
 */
static __always_inline bool frame_parse_plain(const struct packet *packet, struct frame *frame)
{
	const struct frame_ipv4 *ip = packet->data + 14;
	const struct {
		__u16 source, destination, length, checksum;
	} WIRE *ports = packet->data + 34;
	const struct wire_u16 *type = packet->data + 12;
	__u32 linear = (__u32)((char *)packet->data_end - (char *)packet->data);
	__u32 total, udp;

	if (packet->data + 42 > packet->data_end)
		return false;
	total = bswap16(ip->total_length);
	udp = bswap16(ports->length);
	if (type->value != bswap16(ETHERTYPE_IPV4) || ip->version_ihl != 0x45 ||
	    ip->protocol != IP_UDP || ip->fragment & bswap16(0x3fff) || total > linear - 14 ||
	    udp < 8 || udp + 20 > total)
		return false;
	frame->source[0] = ip->source;
	frame->destination[0] = ip->destination;
	frame->length = linear;
	frame->payload = 42;
	frame->payload_length = udp - 8;
	frame->ethertype = ETHERTYPE_IPV4;
	frame->source_port = bswap16(ports->source);
	frame->destination_port = bswap16(ports->destination);
	frame->family = 4;
	frame->protocol = IP_UDP;
	frame->dscp = ip->tos >> 2;
	frame->has_ports = 1;
	return true;
}

/* frame: all zero. */
static __always_inline enum frame_result frame_parse(const struct packet *packet,
						     struct frame *frame)
{
	const struct wire_u16 *type = packet_at(packet, 12, 2);
	__u32 offset = 14;

	frame->length = packet->length;
	if (!type)
		return FRAME_MALFORMED;
	frame->ethertype = bswap16(type->value);
	for (int i = 0; i < 2; i++) {
		const struct {
			__u16 tci, type;
		} WIRE *tag;

		if (likely(frame->ethertype != ETHERTYPE_VLAN &&
			   frame->ethertype != ETHERTYPE_QINQ))
			break;
		tag = packet_at(packet, offset, 4);
		if (!tag)
			return FRAME_MALFORMED;
		frame->tag[i] = bswap16(tag->tci);
		frame->tags++;
		frame->vlan = (frame->tag[i] & 0xfff) + 1;
		frame->ethertype = bswap16(tag->type);
		offset += 4;
	}
	if (likely(frame->ethertype == ETHERTYPE_IPV4))
		return frame_parse_ipv4(packet, frame, offset);
	if (frame->ethertype == ETHERTYPE_IPV6)
		return frame_parse_ipv6(packet, frame, offset);
	frame->payload = offset;
	frame->payload_length = packet->length - offset;
	return FRAME_PARSED;
}

#endif
