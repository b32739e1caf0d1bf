/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was decided for a datagram's first fragment, for the later ones, which have no
 * ports: they follow the decision itself, so a swap, a lapsed lease or an empty
 * token bucket in between can't tear a datagram apart.
 *
 * Sets of four one-word entries. An entry is written with one store, so there is
 * nothing to tear, and nothing is deleted: what is older than FRAGMENT_AGE_MS is unknown.
 *
 *	 63            34 33        16 15     8 7    4 3    0
 *	+----------------+------------+--------+------+------+
 *	|      tag       |  time, ms  |   id   |reason|p|ver.|
 *	+----------------+------------+--------+------+------+
 *
 * tag and set are 30 and 13 bits of a seeded hash of (VLAN, source, destination, id, protocol).
 * id 0..255 is the stream's; the others' decisions carry FRAGMENT_OTHER in the reason.
 */
#ifndef SENSORCTL_FRAGMENT_H
#define SENSORCTL_FRAGMENT_H

#include "instance.h"

#define FRAGMENT_SETS	   8192u
#define FRAGMENT_WAYS	   4u
#define FRAGMENT_AGE_MS	   200u
#define FRAGMENT_AHEAD_MS  50u
#define FRAGMENT_TIME_MASK 0x3ffffu
#define FRAGMENT_OTHER	   15u /* reason of what belongs to no stream: see below */

struct fragment_set {
	__u64 way[FRAGMENT_WAYS];
};

/* The decision on a first fragment. */
struct fragment_decision {
	__u32 id; /* stable id, or OTHER_ID */
	__u32 verdict;
	__u32 reason;
	__u32 precise; /* the first one was stamped with the precise clock */
};

static __always_inline __u64 fragment_hash(const struct frame *frame, __u64 seed)
{
	__u64 hash = mix(seed, (__u64)frame->fragment_id << 8 | frame->fragment_protocol);

	hash = mix(hash, frame->vlan);
	if (frame->family == 4)
		return mix(hash, frame->source[0] << 32 | frame->destination[0]);
	hash = mix(mix(hash, frame->source[0]), frame->source[1]);
	return mix(mix(hash, frame->destination[0]), frame->destination[1]);
}

static __always_inline __u32 fragment_set_of(__u64 hash)
{
	return (__u32)hash & (FRAGMENT_SETS - 1);
}

static __always_inline __u64 fragment_tag(__u64 hash)
{
	return hash >> 34 << 34;
}

/*
 * The first fragment of a precise stream brings the precise clock, the later ones the coarse
 * one, which is up to a tick behind: an entry from just ahead of now is a new one.
 */
static __always_inline __u32 fragment_age(__u64 entry, __u32 now_ms)
{
	__u32 age = (now_ms - (__u32)(entry >> 16)) & FRAGMENT_TIME_MASK;

	return age > FRAGMENT_TIME_MASK - FRAGMENT_AHEAD_MS ? 0 : age;
}

/*
 * Remembers a decision: in the entry of the same datagram, else in the oldest one, but
 * before a stream's entry that still lives any that is no stream's, so that a flood of other
 * fragments does not push a sensor's out. outcome: reason << 4 | precise << 3 | verdict.
 */
SUBPROGRAM int fragment_remember(struct fragment_set *set, __u64 hash, __u64 now_ns, __u32 id,
				 __u32 outcome)
{
	__u32 now_ms = (__u32)(now_ns / 1000000);
	__u32 best = 0, best_score = 0;
	bool other;

	if (!set)
		return 0;
	other = id >= STREAM_IDS;
	LOOP
	for (__u32 i = 0; i < FRAGMENT_WAYS; i++) {
		__u64 entry = *(volatile __u64 *)&set->way[i];
		__u32 age = fragment_age(entry, now_ms), score = age + 1;

		if (!entry || fragment_tag(entry) == fragment_tag(hash))
			score = ~0u;
		else if (age > FRAGMENT_AGE_MS)
			score += 2u << 20;
		else if ((entry >> 4 & 15) == FRAGMENT_OTHER)
			score += 1u << 20;
		if (score > best_score) {
			best_score = score;
			best = i;
		}
	}
	if (other && best_score < 1u << 20)
		return 0;
	*(volatile __u64 *)&set->way[best & (FRAGMENT_WAYS - 1)] =
		fragment_tag(hash) | (__u64)(now_ms & FRAGMENT_TIME_MASK) << 16 |
		(other ? (__u64)(outcome >> 4) : (__u64)id) << 8 |
		(other ? FRAGMENT_OTHER : (__u64)(outcome >> 4)) << 4 | (outcome & 15);
	return 0;
}

/* Whether the datagram's first fragment is known; only then is the decision filled. */
SUBPROGRAM int fragment_recall(const struct fragment_set *set, __u64 hash, __u64 now_ns,
			       struct fragment_decision *decision)
{
	__u32 now_ms = (__u32)(now_ns / 1000000);

	if (!set || !decision)
		return 0;
	LOOP
	for (__u32 i = 0; i < FRAGMENT_WAYS; i++) {
		__u64 entry = *(volatile __u64 *)&set->way[i];

		if (!entry || fragment_tag(entry) != fragment_tag(hash) ||
		    fragment_age(entry, now_ms) > FRAGMENT_AGE_MS)
			continue;
		decision->verdict = entry & 7;
		decision->precise = entry >> 3 & 1;
		if ((entry >> 4 & 15) == FRAGMENT_OTHER) {
			decision->id = OTHER_ID;
			decision->reason = entry >> 8 & 15;
		} else {
			decision->id = (__u32)(entry >> 8) & 255;
			decision->reason = entry >> 4 & 15;
		}
		return 1;
	}
	return 0;
}

_Static_assert(REASONS <= FRAGMENT_OTHER, "a reason is no FRAGMENT_OTHER");

#endif
