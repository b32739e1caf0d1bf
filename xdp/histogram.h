/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The histogram of every latency here: base 2 with 8 sub-buckets, so a value's
 * bucket is known to 1/8 of its power of two. Values below 8 have a bucket each.
 *
 *	value	1 b2 b1 b0 x x x ...	bucket	(log2(value) - 2) * 8 + (b2 b1 b0)
 */
#ifndef SENSORCTL_HISTOGRAM_H
#define SENSORCTL_HISTOGRAM_H

#include "state.h"

/* floor(log2(value)), value > 0; BPF has no instruction for it. */
static inline __attribute__((always_inline)) __u32 log2_u64(__u64 value)
{
	__u32 result = 0;

	if (value >> 32) {
		result += 32;
		value >>= 32;
	}
	if (value >> 16) {
		result += 16;
		value >>= 16;
	}
	if (value >> 8) {
		result += 8;
		value >>= 8;
	}
	if (value >> 4) {
		result += 4;
		value >>= 4;
	}
	if (value >> 2) {
		result += 2;
		value >>= 2;
	}
	return result + (__u32)(value >> 1);
}

/* The bucket of a value; everything above the last bucket's range is in the last one. */
static inline __attribute__((always_inline)) __u32 histogram_bucket(__u64 value)
{
	__u32 log, bucket;

	if (value < 8)
		return (__u32)value;
	log = log2_u64(value);
	bucket = (log - 2) * 8 + ((__u32)(value >> (log - 3)) & 7);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The lowest value of a bucket. */
static inline __u64 histogram_lowest(__u32 bucket)
{
	if (bucket < 8)
		return bucket;
	return (8ull + (bucket & 7)) << (bucket / 8 - 1);
}

/*
 * The value below which `share` (0..1) of `count` values lie, as the middle of its bucket, which
 * is within 6 % of the truth. 0 where there are no values.
 */
static inline __u64 histogram_quantile(const __u64 *buckets, __u64 count, double share)
{
	__u64 rank = (__u64)((double)count * share), seen = 0;

	if (!count)
		return 0;
	if (rank >= count)
		rank = count - 1;
	for (__u32 i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += buckets[i];
		if (seen > rank)
			return (histogram_lowest(i) + histogram_lowest(i + 1)) / 2;
	}
	return histogram_lowest(HISTOGRAM_BUCKETS);
}

#endif
