/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which stream a frame belongs to: one mask per field, AND-ed, lowest bit first; then the
 * payload tests of what is left. Searches have a fixed number of steps and no
 * data-dependent branch, so the cost does not grow with the streams.
 */
#ifndef SENSORCTL_CLASSIFY_H
#define SENSORCTL_CLASSIFY_H

#include "essential.h"

struct classification {
	int stream;		  /* index in the image, -1: none */
	enum essential essential; /* not NONE: the stream does not matter */
};

/* Number of the lowest set bit of mask != 0: multiplication by a de Bruijn sequence. */
static __always_inline __u32 lowest_bit(__u64 mask)
{
	static const __u8 position[64] = {
		0,  1,	2,  53, 3,  7,	54, 27, 4,  38, 41, 8,	34, 55, 48, 28,
		62, 5,	39, 46, 44, 42, 22, 9,	24, 35, 59, 56, 49, 18, 29, 11,
		63, 52, 6,  26, 37, 40, 33, 47, 61, 45, 43, 21, 23, 58, 17, 10,
		51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12,
	};

	return position[((mask & -mask) * 0x022fdd63cc95386dull) >> 58];
}

/*
 * Comparisons without a branch: one would double the ways that the verifier has to
 * walk with each step of a search, and the CPU can't predict them either.
 */

/* 1 if start <= value, else 0; both below 2^63. */
static __always_inline __u32 below(__u64 start, __u64 value)
{
	return (__u32)((start - value - 1) >> 63);
}

/* What a - b - borrow borrows from the next higher word: 0 or 1. */
static __always_inline __u64 borrows(__u64 a, __u64 b, __u64 borrow)
{
	return ((~a & b) | ((~a | b) & (a - b - borrow))) >> 63;
}

#define MAC_PADDED 0x1ffffffffffffull /* keeps the padding, ~0, above all addresses */

static __always_inline __u64 classify_prefix4(const struct image_prefix4 *table, __u32 address)
{
	__u32 at = 0;

	UNROLL
	for (__u32 step = IMAGE_INTERVALS / 2; step; step /= 2)
		at |= step * below(table->start[(at | step) & (IMAGE_INTERVALS - 1)], address);
	return table->mask[at & (IMAGE_INTERVALS - 1)];
}

static __always_inline __u64 classify_prefix6(const struct image_prefix6 *table, __u64 high,
					      __u64 low)
{
	__u32 at = 0;

	UNROLL
	for (__u32 step = IMAGE_INTERVALS / 2; step; step /= 2) {
		const struct image_address6 *start =
			&table->start[(at | step) & (IMAGE_INTERVALS - 1)];
		__u64 borrow = borrows(low, start->low, 0);

		at |= step * (1 - (__u32)borrows(high, start->high, borrow));
	}
	return table->mask[at & (IMAGE_INTERVALS - 1)];
}

static __always_inline __u64 classify_mac(const struct image_macs *table, __u64 address)
{
	__u32 at = 0;

	UNROLL
	for (__u32 step = IMAGE_STREAMS / 2; step; step /= 2)
		at |= step * below(table->address[(at | step) & (IMAGE_STREAMS - 1)] & MAC_PADDED,
				   address);
	at &= IMAGE_STREAMS - 1;
	return table->address[at] == address ? table->mask[at] : table->otherwise;
}

static __always_inline __u64 classify_vlan(const struct profile_image *image,
					   const struct frame *frame)
{
	__u64 mask;

	if (likely(!frame->tags))
		return image->vlan_none;
	mask = image->vlan[frame->tag[0] & 0xfff] & image->pcp[frame->tag[0] >> 13];
	if (frame->tags > 1)
		mask |= image->vlan[frame->tag[1] & 0xfff] & image->pcp[frame->tag[1] >> 13];
	return mask;
}

/* The streams whose headers fit, given the masks of the ports. */
static __always_inline __u64 classify_headers(const struct packet *packet,
					      const struct frame *frame, __u64 mask)
{
	const struct profile_image *image = packet->image;

	if (image->keys & IMAGE_KEY_VLAN)
		mask &= classify_vlan(image, frame);
	if (image->keys & IMAGE_KEY_ETHERTYPE)
		mask &= image->ethertype.mask[image->ethertype.class[frame->ethertype]];
	if (image->keys & IMAGE_KEY_SOURCE_MAC) {
		const struct wire_u64 *mac = packet_at(packet, 4, 8);

		mask &= mac ? classify_mac(&image->source_mac,
					   bswap64(mac->value) & 0xffffffffffffull)
			    : 0;
	}
	if (image->keys & IMAGE_KEY_LENGTH) {
		__u32 length = frame->payload_length < 65535 ? frame->payload_length : 65535;

		mask &= image->length.mask[image->length.class[length]];
	}
	if (likely(frame->family == 4)) {
		if (image->keys & IMAGE_KEY_SOURCE)
			mask &= classify_prefix4(&image->source4, bswap32((__u32)frame->source[0]));
		if (image->keys & IMAGE_KEY_DESTINATION)
			mask &= classify_prefix4(&image->destination4,
						 bswap32((__u32)frame->destination[0]));
	} else if (frame->family == 6) {
		if (image->keys & IMAGE_KEY_SOURCE)
			mask &= classify_prefix6(&image->source6, bswap64(frame->source[0]),
						 bswap64(frame->source[1]));
		if (image->keys & IMAGE_KEY_DESTINATION)
			mask &= classify_prefix6(&image->destination6,
						 bswap64(frame->destination[0]),
						 bswap64(frame->destination[1]));
	} else {
		return mask & image->no_ip;
	}
	if (image->keys & IMAGE_KEY_IP_PROTOCOL)
		mask &= image->ip_protocol[frame->protocol];
	if (image->keys & IMAGE_KEY_DSCP)
		mask &= image->dscp[frame->dscp & 63];
	return mask;
}

/* Payload offset -> frame offset for an 8-byte load that has to lie inside the payload. */
static __always_inline bool payload_load8(const struct packet *packet, const struct frame *frame,
					  __s16 load, __u64 *value)
{
	__u32 offset = frame->payload + load;

	if (unlikely((__s32)frame->payload_length < load + 8))
		return false;
	return packet_load8(packet, offset, value);
}

static __always_inline bool payload_test(const struct packet *packet, const struct frame *frame,
					 const struct image_test *test)
{
	__u64 raw;

	return payload_load8(packet, frame, test->load, &raw) && (raw & test->mask) == test->value;
}

static __always_inline bool payload_field(const struct packet *packet, const struct frame *frame,
					  const struct image_field *field, __u64 *value)
{
	__u64 raw;

	if (!payload_load8(packet, frame, field->load, &raw))
		return false;
	*value = field->big_endian ? bswap64(raw) & field->mask : raw >> field->shift & field->mask;
	return true;
}

/*
 * The lowest stream of the mask whose payload tests hold. The compiler of profiles has
 * made sure that no packet needs more than IMAGE_LOADS_MAX loads.
 */
static __always_inline int classify_payload(const struct packet *packet, const struct frame *frame,
					    __u64 mask)
{
	const struct profile_image *image = packet->image;
	__u32 test = 0;

	LOOP
	for (__u32 turn = 0; turn < 2 * IMAGE_LOADS_MAX + 1; turn++) {
		const struct image_stream *stream;
		__u32 index;

		if (!mask)
			return -1;
		index = lowest_bit(mask) & (IMAGE_STREAMS - 1);
		stream = &image->stream[index];
		if (test >= stream->test_count)
			return (int)index;
		if (state_test(packet, frame, (stream->test_first + test) & (IMAGE_TESTS - 1))) {
			test++;
		} else {
			mask &= mask - 1;
			test = 0;
		}
	}
	return -1;
}

static __always_inline struct classification classify(const struct packet *packet,
						      const struct frame *frame)
{
	const struct profile_image *image = packet->image;
	struct classification result = { .stream = -1, .essential = ESSENTIAL_NONE };
	const struct image_stream *stream;
	__u32 first;
	__u64 mask;

	if (likely(frame->has_ports)) {
		__u8 source = image->source_port.table.class[frame->source_port];
		__u8 destination = image->destination_port.table.class[frame->destination_port];

		result.essential = essential_port(image, frame, source, destination);
		if (unlikely(result.essential && result.essential != ESSENTIAL_CONTROL_NAMED))
			return result;
		mask = classify_headers(packet, frame,
					image->source_port.table.mask[source] &
						image->destination_port.table.mask[destination]);
		if (unlikely(result.essential == ESSENTIAL_CONTROL_NAMED)) {
			__u64 named = 0;

			if (image->keys & IMAGE_KEY_SOURCE) {
				if (likely(frame->family == 4))
					named = classify_prefix4(&image->source4,
								 bswap32((__u32)frame->source[0]));
				else if (frame->family == 6)
					named = classify_prefix6(&image->source6,
								 bswap64(frame->source[0]),
								 bswap64(frame->source[1]));
			}
			if (named & image->with_source)
				return result;
			result.essential = ESSENTIAL_NONE;
		}
	} else {
		result.essential = frame_is_ip(frame) ? essential_protocol(frame)
						      : essential_ethertype(packet, frame);
		if (result.essential)
			return result;
		mask = classify_headers(packet, frame, image->no_port);
	}
	if (!mask)
		return result;
	first = lowest_bit(mask) & (IMAGE_STREAMS - 1);
	stream = &image->stream[first];
	if (!stream->test_count ||
	    (stream->test_count == 1 &&
	     payload_test(packet, frame, &image->test[stream->test_first & (IMAGE_TESTS - 1)])))
		result.stream = (int)first;
	else
		result.stream = state_pick(packet, frame, mask);
	return result;
}

#endif
