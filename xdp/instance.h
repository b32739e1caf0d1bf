/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which sensor of a stream a datagram comes from: source address, source port, and the
 * protocol's key fields (an SSRC, a stream id). Up to INSTANCES a stream.
 */
#ifndef SENSORCTL_INSTANCE_H
#define SENSORCTL_INSTANCE_H

#include "account.h"
#include "classify.h"

#define INSTANCE_UNTRACKED 0xffffu

/* Multiply and fold; the constants are the fractional parts of golden ratio and pi, made odd. */
static __always_inline __u64 mix(__u64 hash, __u64 value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

static __always_inline __u64 instance_hash(const struct frame *frame, __u64 address, __u64 key)
{
	__u64 hash = mix(0x243f6a8885a308d3ull, address);

	if (unlikely(frame->family == 6))
		hash = mix(hash, frame->source[1]);
	return mix(hash ^ (__u64)frame->family << 16 ^ frame->source_port, key) | 1;
}

/* The protocol's key fields as one number. */
static __always_inline __u64 instance_key(const struct packet *packet, const struct frame *frame,
					  const struct image_stream *stream)
{
	__u64 key = 0, second = 0;

	if (likely(!stream->key_count))
		return 0;
	if (!payload_field(packet, frame, &stream->key[0], &key))
		return 0;
	if (stream->key_count > 1 && payload_field(packet, frame, &stream->key[1], &second))
		return key << 32 | (second & 0xffffffffu);
	return key;
}

/* Returns its number, or INSTANCE_UNTRACKED for a ninth one. */
static __always_inline __u32 instance_find(const struct packet *packet, const struct frame *frame,
					   const struct image_stream *stream,
					   struct instances *instances)
{
	__u64 key = instance_key(packet, frame, stream), address = frame->source[0], hash;

	if (unlikely(!frame->family)) {
		const struct wire_u64 *mac = packet_at(packet, 6, 8);

		address = mac ? mac->value & 0xffffffffffffull : 0;
	}
	hash = instance_hash(frame, address, key);
	if (likely(*(volatile __u64 *)&instances->tag[0] == hash))
		return 0;
	LOOP
	for (__u32 i = 0; i < INSTANCES; i++) {
		__u64 tag = *(volatile __u64 *)&instances->tag[i];
		struct instance *instance = &instances->instance[i];

		if (!tag)
			tag = __sync_val_compare_and_swap(&instances->tag[i], 0, hash);
		if (!tag) {
			instance->address[0] = address;
			instance->address[1] = frame->family == 6 ? frame->source[1] : 0;
			instance->key = key;
			instance->port = frame->source_port;
			instance->family = frame->family;
			instance->ready = 1;
		}
		if (!tag || tag == hash)
			return i;
	}
	return INSTANCE_UNTRACKED;
}

#endif
