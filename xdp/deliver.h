/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Delivery past the stack, by lease and credit. A frame is redirected only while the broker
 * keeps the lease fresh and while what lies between program and broker leaves room: what
 * a redirect finds no room for is dropped by the kernel, in silence.
 *
 *	sent (program)  - drained (broker)  + frames needed now  <=  credit
 *
 * Both counters only grow, each has one owner, and they wrap together. A stale `drained`
 * makes the difference too large, so the worst that a race can do is to send a packet up
 * the stack. A first fragment asks for the whole datagram's frames at once; its later
 * fragments may go on to `limit`, which is above the credit and within the ring. A frame that is
 * longer than the broker's chunks, max_bytes, finds no room there at any time.
 */
#ifndef SENSORCTL_DELIVER_H
#define SENSORCTL_DELIVER_H

#include "packet.h"

/* A descriptor carries a chunk of 4096 bytes less headroom; with room for the driver's needs. */
#define DELIVER_CHUNK_BYTES 3456u

struct delivery {
	enum verdict verdict;
	enum reason reason;
};

static __always_inline struct delivery deliver_stack(enum reason reason)
{
	return (struct delivery){ VERDICT_STACK, reason };
}

static __always_inline __u32 deliver_frames(__u32 bytes)
{
	return likely(bytes <= DELIVER_CHUNK_BYTES) ? 1 : bytes / DELIVER_CHUNK_BYTES + 1;
}

/* Whether a frame of `bytes` that needs `frames` descriptors may go to the broker now. */
static __always_inline struct delivery deliver_admit(const struct lease *lease, __u64 now_ns,
						     __u32 bytes, __u32 frames, bool later)
{
	const volatile struct lease *live = lease;
	__u32 flight;

	if (unlikely(!lease))
		return deliver_stack(REASON_NO_LEASE);
	if (unlikely(!later && now_ns >= live->deadline_ns))
		return deliver_stack(live->reason == REASON_NO_READER ? REASON_NO_READER
								      : REASON_NO_LEASE);
	/* The MTU was raised after the broker had chosen its chunks. */
	if (unlikely(live->max_bytes && bytes > live->max_bytes))
		return deliver_stack(REASON_RING_FULL);
	flight = live->sent - live->drained;
	if (unlikely(flight + frames > (later ? live->limit : live->credit)))
		return deliver_stack(REASON_RING_FULL);
	return (struct delivery){ VERDICT_AF_XDP, REASON_PROFILE };
}

#endif
