/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet in front of the classifier, however it got there. The front ends (sensor.bpf.c
 * over an xdp_buff, plain.c over memory) fill a struct packet; everything else
 * reads the frame only through the two functions below.
 */
#ifndef SENSORCTL_PACKET_H
#define SENSORCTL_PACKET_H

#include "image.h"
#include "state.h"

#ifdef __bpf__
#include <bpf/bpf_helpers.h>
#define bswap64(x) __builtin_bswap64(x)
#define bswap32(x) __builtin_bswap32(x)
#define bswap16(x) __builtin_bswap16(x)
#else
#include <stdbool.h>
#include <stddef.h>
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define bswap64(x) __builtin_bswap64(x)
#define bswap32(x) __builtin_bswap32(x)
#define bswap16(x) __builtin_bswap16(x)
#endif

/*
 * A function that the verifier looks at once, by itself, instead of once for each way that leads
 * to it. It takes pointers to map values and to the stack, and may get NULL as far as
 * the verifier knows.
 */
#ifdef __bpf__
#define SUBPROGRAM __attribute__((noinline))
#else
#define SUBPROGRAM static inline
#endif

/* Loops that seldom go on: no copies of their body; and short ones that always do. */
#ifdef __bpf__
#define LOOP   _Pragma("clang loop unroll(disable)")
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define LOOP
#define UNROLL
#endif

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Beyond this nothing of a frame is looked at; the verifier needs a bound too. */
#define PACKET_LOOK_MAX 0x3fffu

/*
 * Headers lie at any address. BPF loads what is not aligned as it is, but clang would take
 * a packed structure apart byte by byte; the other front ends need the attribute.
 */
#ifdef __bpf__
#define WIRE
#else
#define WIRE __attribute__((packed))
#endif

struct wire_u16 {
	__u16 value;
} WIRE;
struct wire_u64 {
	__u64 value;
} WIRE;

struct packet {
	void *data;
	void *data_end; /* of the linear part */
	__u32 length;	/* of the whole frame, all buffers */
#ifdef __bpf__
	struct xdp_md *ctx;
#else
	struct plain *plain;
#endif
	const struct profile_image *image;
	struct counters *counters; /* this CPU's row of the packet's stream, or of the others */
	__u64 now_ns;		   /* coarse; 0: not read yet */
};

/* A pointer to `size` bytes at `offset` of the linear part, or NULL. */
static __always_inline void *packet_at(const struct packet *packet, __u32 offset, __u32 size)
{
	void *at;

	if (offset > PACKET_LOOK_MAX)
		return NULL;
	at = packet->data + offset;
	if (at + size > packet->data_end)
		return NULL;
	return at;
}

/* 8 bytes at `offset`, in memory order, also from beyond the linear part. */
static __always_inline bool packet_load8(const struct packet *packet, __u32 offset, __u64 *value)
{
	const struct wire_u64 *at = packet_at(packet, offset, 8);

	if (likely(at != NULL)) {
		*value = at->value;
		return true;
	}
#ifdef __bpf__
	if (offset + 8 > packet->length)
		return false;
	return bpf_xdp_load_bytes(packet->ctx, offset, value, 8) == 0;
#else
	return false;
#endif
}

#endif
