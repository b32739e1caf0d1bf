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

/* Whether the packet conforms; only then is it charged. */
SUBPROGRAM int bucket_conforms(__u64 *state, const struct image_bucket *bucket, __u32 bytes,
			       __u64 now_ns)
{
	__u64 cost;

	if (!state || !bucket)
		return 1;
	cost = (bucket->cost * (bucket->per_packet ? 1 : bytes)) >> 16;
	LOOP
	for (int try = 0; try < BUCKET_TRIES; try++) {
		__u64 old = *(volatile __u64 *)state;
		__u64 schedule = old > now_ns ? old : now_ns;

		if (schedule + cost > now_ns + bucket->burst_ns)
			return 0;
		if (__sync_val_compare_and_swap(state, old, schedule + cost) == old)
			return 1;
	}
	return 0;
}

#endif
