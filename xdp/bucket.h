/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Token buckets as a virtual schedule (GCRA, ITU-T I.371): the state is the time at
 * which everything sent so far would have been sent at the rate. One u64 for all
 * CPUs, changed by one compare-and-exchange.
 */
#ifndef SENSORCTL_BUCKET_H
#define SENSORCTL_BUCKET_H

#include "packet.h"

#define BUCKETS	     (CLASSES + STREAM_IDS) /* classes, then streams by stable id */
#define BUCKET_TRIES 16

/* What a packet costs, ns of the schedule. */
static __always_inline __u64 bucket_cost(const struct image_bucket *bucket, __u32 bytes)
{
	return (bucket->cost * (bucket->per_packet ? 1 : bytes)) >> 16;
}

/*
 * Whether the packet conforms; only then is it charged. An empty schedule takes any packet, also
 * one that is larger than the burst: it pays by what it keeps back afterwards. Where
 * other CPUs were faster each time, the packet goes on: nobody said to drop it.
 */
SUBPROGRAM int bucket_conforms(__u64 *state, const struct image_bucket *bucket, __u32 bytes,
			       __u64 now_ns)
{
	__u64 cost;

	if (!state || !bucket)
		return 1;
	cost = bucket_cost(bucket, bytes);
	LOOP
	for (int try = 0; try < BUCKET_TRIES; try++) {
		__u64 old = *(volatile __u64 *)state;
		__u64 schedule = old > now_ns ? old : now_ns;

		if (old > now_ns && schedule + cost > now_ns + bucket->burst_ns)
			return 0;
		if (__sync_val_compare_and_swap(state, old, schedule + cost) == old)
			return 1;
	}
	return 1;
}

#endif
