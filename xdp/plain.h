/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The data path over plain memory: the same parser, classifier and accounting as
 * the XDP program, for `explain`, for unit tests and for fuzzers. Leases are always fresh, the
 * pressure is 0, and the time is what the caller says.
 */
#ifndef SENSORCTL_PLAIN_H
#define SENSORCTL_PLAIN_H

#include "image.h"
#include "state.h"

struct plain;

struct decision {
	enum verdict verdict;
	enum reason reason;
	int stream;	  /* index into image->stream, -1: none */
	int id;		  /* stable id, or OTHER_ID */
	struct meta meta; /* as it would stand before the frame */
};

/* Returns NULL when out of memory. The image is copied. */
struct plain *plain_new(const struct profile_image *image);
void plain_free(struct plain *plain);

/* Makes another image the active one; counters and instances of its ids stay. */
void plain_swap(struct plain *plain, const struct profile_image *image);

/*
 * Judges one Ethernet frame. captured: bytes at `frame`; length: bytes it had on the
 * wire (>= captured; what was not captured can't be looked at)..
 */
struct decision plain_frame(struct plain *plain, const void *frame, __u32 captured, __u32 length,
			    __u64 time_ns);

/* The state so far. id: a stable id, or OTHER_ID for counters. Never NULL. */
const struct counters *plain_counters(const struct plain *plain, __u32 id);
const struct instances *plain_instances(const struct plain *plain, __u32 id);

/* For tests: what the classifier otherwise takes as given. */
void plain_set_lease(struct plain *plain, __u32 id, const struct lease *lease);
void plain_set_pressure(struct plain *plain, __u32 level);

#endif
