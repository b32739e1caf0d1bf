/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loss, from the sensor's own counter. The state of an instance is one u64 that CPUs change
 * with one compare-and-exchange, which costs a tenth of a spin lock:
 *
 *	 63            32 31             0
 *	+----------------+----------------+
 *	|     window     |    highest     |	a counter
 *	+----------------+----------------+
 *	| window |  pos  |   highest time |	a time stamp in place of a counter:
 *	+--------+-------+----------------+	16 bits of window, 16 of position
 *
 * highest: SEQUENCE_COUNTER and _TIMESTAMP the low 32 bits of the highest value so far,
 * SEQUENCE_PER_SAMPLE (sample id << 20 | index).
 *
 * window: bit k (1..31) says that the packet k before the highest has come. The
 * highest itself has, so bit 0 is free to say that all 31 positions lie after the
 * packet that opened the window. Until then the highest bit that is set is a sentinel
 * just behind the oldest known position:
 *
 *	0 0 0 1 1 0 1 0		sentinel at 4; 3 and 1 came, 2 is missing; bit 0: not full
 *	      ^
 *
 * So lost = positions between the oldest and the highest known ones that have not come: a late
 * packet from before the opening moves the sentinel back. All zero: not opened.
 */
#ifndef SENSORCTL_SEQUENCE_H
#define SENSORCTL_SEQUENCE_H

#include "packet.h"
#include "histogram.h"

#define SEQUENCE_TRIES	     2	 /* compare-and-exchange attempts of one call */
#define SEQUENCE_CALLS	     16	 /* calls: more attempts in one cost the verifier too much */
#define SEQUENCE_WINDOW	     31u /* positions behind the highest that are known */
#define SEQUENCE_WINDOW_TIME 15u /* the same for time stamps */
#define SEQUENCE_INDEX_BITS  20
#define SEQUENCE_INDEX_MASK  ((1u << SEQUENCE_INDEX_BITS) - 1)

enum sequence_event {
	SEQUENCE_UNKNOWN, /* no counter, or the packet is too short for it */
	SEQUENCE_OPENED,
	SEQUENCE_ADVANCED,
	SEQUENCE_LATE,
	SEQUENCE_REPEATED,
	SEQUENCE_RESTARTED,
};

struct sequence_step {
	__u64 value;	/* as the sensor sent it */
	__u32 event;	/* enum sequence_event */
	__u32 resent;	/* the packet fills an older hole */
	__u32 distance; /* ADVANCED: packets forward; LATE: packets back */
	__s32 lost;	/* by how much `lost` changes */
	__u32 position; /* of the packet: see sequence_position_distance() */
	__u32 highest;	/* position of the highest before this packet */
	__u32 window;	/* after this packet */
	__u32 grown;	/* PER_SAMPLE: by how much this index exceeds what was learned */
};

/* The window after a packet `distance` >= 1 ahead of the highest. */
static __always_inline __u32 window_advance(__u32 window, __u32 distance, __u32 last)
{
	__u64 moved;
	__u32 full = window & 1;

	if (distance > last)
		return 1;
	moved = (__u64)(window & ~1u) << distance;
	if (moved >> (last + 1))
		full = 1;
	return (__u32)(moved & ((2ull << last) - 1)) | 1u << distance | full;
}

/*
 * The window after a packet `back` (1..last) behind the highest. *lost is the change of
 * the losses, *repeated whether the packet had come before.
 */
static __always_inline __u32 window_late(__u32 window, __u32 back, __u32 last, __s32 *lost,
					 bool *repeated)
{
	__u32 sentinel;

	*repeated = false;
	sentinel = window & 1 ? last + 1 : log2_u64(window);
	if (back < sentinel) {
		*repeated = window >> back & 1;
		*lost = *repeated ? 0 : -1;
		return window | 1u << back;
	}
	*lost = (__s32)(back - sentinel);
	window = (window & ~(1u << sentinel)) | 1u << back;
	return back < last ? window | 2u << back : window | 1;
}

/*
 * The same for the last packet of the sample before, which comes when that sample was taken for
 * `grown` packets shorter: what lies behind the present sample, `back` packets of it, moves on.
 * Returns 0 where the window knows nothing of that sample.
 */
static __always_inline __u32 window_grow(__u32 window, __u32 back, __u32 grown)
{
	__u32 present = (1u << (back & 31)) - 1;
	__u64 behind = window & ~present;

	if (back > SEQUENCE_WINDOW || (!behind && !(window & 1)))
		return 0;
	behind = grown <= SEQUENCE_WINDOW ? behind << grown : 1ull << 32;
	return (__u32)behind | (window & present) | 1u << back | (behind >> 32 ? 1 : 0);
}

/* Positions are counted in these units, modulo this. */
static __always_inline __u64 sequence_modulus(const struct image_stream *stream)
{
	if (stream->sequence_kind == SEQUENCE_TIMESTAMP)
		return 1ull << 16;
	if (stream->sequence_kind != SEQUENCE_COUNTER || !stream->modulus || stream->modulus >> 32)
		return 1ull << 32;
	return stream->modulus;
}

/* From one position to another, forward, in the counter's units. */
static __always_inline __u64 sequence_position_distance(const struct image_stream *stream,
							__u32 from, __u32 to)
{
	__u64 distance = (__u64)to - from;

	if (to < from)
		distance += sequence_modulus(stream);
	return distance;
}

static __always_inline __u32 sequence_unit(const struct image_stream *stream)
{
	return stream->sequence_kind == SEQUENCE_COUNTER && stream->step ? stream->step : 1;
}

/*
 * Packets from the highest to `value`, negative: behind it. Returns false where that is
 * no plausible way for the counter to go.
 */
static __always_inline bool sequence_counter_distance(const struct image_stream *stream,
						      __u32 highest, __u32 value, __s32 *distance)
{
	__u64 modulus = !stream->modulus || stream->modulus >> 32 ? 1ull << 32 : stream->modulus;
	__u64 forward = value >= highest ? value - highest : value + modulus - highest;
	__u64 back = modulus - forward;
	__u32 step = stream->step;

	if (unlikely(stream->skip_count)) {
		__u64 to_skip = stream->skip >= highest ? stream->skip - highest
							: stream->skip + modulus - highest;
		__u64 from_skip = stream->skip >= value ? stream->skip - value
							: stream->skip + modulus - value;

		if (to_skip && to_skip < forward)
			forward -= step;
		if (from_skip && from_skip < back)
			back -= step;
	}
	if (likely(step == 1)) {
		if (likely(forward <= stream->max_jump))
			*distance = (__s32)forward;
		else if (back <= SEQUENCE_WINDOW)
			*distance = -(__s32)back;
		else
			return false;
		return true;
	}
	if (!step)
		return false;
	if (forward <= (__u64)stream->max_jump * step)
		*distance = (__s32)((__u32)forward / step);
	else if (back <= (__u64)SEQUENCE_WINDOW * step)
		*distance = -(__s32)((__u32)back / step);
	else
		return false;
	return true;
}

static __always_inline bool sequence_time_distance(const struct image_stream *stream, __u32 highest,
						   __u32 value, __s32 *distance)
{
	__u64 modulus = !stream->modulus || stream->modulus >> 32 ? 1ull << 32 : stream->modulus;
	__u64 forward = value >= highest ? value - highest : value + modulus - highest;
	__u64 back = modulus - forward;
	__u64 packets;

	if (likely(forward << 8 <= stream->gap)) {
		*distance = forward != 0;
		return true;
	}
	if (!stream->nominal)
		return false;
	packets = ((forward << 8) + stream->nominal / 2) / stream->nominal;
	if (packets <= stream->max_jump) {
		*distance = (__s32)packets;
		return true;
	}
	packets = ((back << 8) + stream->nominal / 2) / stream->nominal;
	if (packets > SEQUENCE_WINDOW_TIME)
		return false;
	*distance = packets ? -(__s32)packets : -1;
	return true;
}

/*
 * Both are (sample id << 20 | index). `id` is the whole id, per_sample the packets of a
 * sample, 0: not known yet.
 */
static __always_inline bool sequence_sample_distance(const struct image_stream *stream,
						     __u32 highest, __u32 value, __u64 id,
						     __u32 per_sample, __s32 *distance)
{
	__u32 turned = (value >> SEQUENCE_INDEX_BITS) - (highest >> SEQUENCE_INDEX_BITS);
	__s32 samples = (__s32)(turned << SEQUENCE_INDEX_BITS) >> SEQUENCE_INDEX_BITS;
	__s32 packets =
		(__s32)(value & SEQUENCE_INDEX_MASK) - (__s32)(highest & SEQUENCE_INDEX_MASK);
	__s64 all;

	if (unlikely(stream->skip_count)) {
		/* is the value that ids leave out between the two? */
		__u64 behind = (id - stream->skip) & stream->sample.mask;
		__u64 ahead = (stream->skip - id) & stream->sample.mask;

		if (samples > 0 && behind < (__u64)samples)
			samples--;
		else if (samples < 0 && ahead <= (__u64)-samples && ahead)
			samples++;
	}
	all = (__s64)samples * per_sample + packets;
	if (samples < 0 && !per_sample)
		return false;
	if (all > (__s64)stream->max_jump && samples > 1)
		return false;
	if (all < -(__s64)SEQUENCE_WINDOW || all > SEQUENCE_INDEX_MASK)
		return false;
	*distance = (__s32)all;
	return true;
}

/*
 * What this packet does to a state. Pure, so that it can be tried over in a
 * compare-and-exchange loop. id and per_sample: SEQUENCE_PER_SAMPLE only.
 */
static __always_inline __u64 sequence_next(const struct image_stream *stream, __u64 state,
					   __u32 value, __u64 id, __u32 per_sample,
					   struct sequence_step *step)
{
	bool time = stream->sequence_kind == SEQUENCE_TIMESTAMP;
	__u32 last = time ? SEQUENCE_WINDOW_TIME : SEQUENCE_WINDOW;
	__u32 highest = (__u32)state;
	__u32 window = time ? (__u32)(state >> 48) : (__u32)(state >> 32);
	__u32 at = time ? (__u32)(state >> 32) & 0xffff : highest;
	__s32 distance = 0;
	bool plausible, repeated;

	step->lost = 0;
	step->highest = at;
	step->distance = 0;
	if (unlikely(!window)) {
		step->event = SEQUENCE_OPENED;
		goto open;
	}
	if (time)
		plausible = sequence_time_distance(stream, highest, value, &distance);
	else if (stream->sequence_kind == SEQUENCE_PER_SAMPLE)
		plausible =
			sequence_sample_distance(stream, highest, value, id, per_sample, &distance);
	else
		plausible = sequence_counter_distance(stream, highest, value, &distance);
	if (likely(plausible && distance > 0)) {
		step->event = SEQUENCE_ADVANCED;
		step->distance = (__u32)distance;
		step->lost = distance - 1;
		window = window_advance(window, (__u32)distance, last);
		at = time ? (at + (__u32)distance) & 0xffff : value;
		highest = value;
	} else if (plausible && distance < 0) {
		__u32 back = (__u32)-distance, moved = 0;

		step->distance = back;
		if (unlikely(step->grown) && back == (highest & SEQUENCE_INDEX_MASK) + 1)
			moved = window_grow(window, back, step->grown);
		if (unlikely(moved)) {
			window = moved;
			step->lost = (__s32)step->grown - 1;
			repeated = false;
		} else {
			window = window_late(window, back <= last ? back : last, last, &step->lost,
					     &repeated);
		}
		step->event = repeated ? SEQUENCE_REPEATED : SEQUENCE_LATE;
		step->position = time ? (at - back) & 0xffff : value;
		step->window = window;
		goto out;
	} else if (plausible) {
		step->event = SEQUENCE_REPEATED;
	} else if (step->resent) {
		/* fills a hole that the window no longer knows */
		step->event = SEQUENCE_LATE;
		step->lost = -1;
		step->position = value;
		step->window = window;
		return state;
	} else {
		step->event = SEQUENCE_RESTARTED;
		goto open;
	}
	step->position = at;
	step->window = window;
out:
	if (time)
		return (__u64)window << 48 | (__u64)at << 32 | highest;
	return (__u64)window << 32 | highest;
open:
	step->window = 2;
	if (time) {
		step->position = at;
		return 2ull << 48 | (__u64)at << 32 | value;
	}
	step->position = value;
	return 2ull << 32 | value;
}

/*
 * Accounts one datagram. step->value is the sensor's number; sample_id the value of the
 * stream's sample field, for SEQUENCE_PER_SAMPLE.
 */
SUBPROGRAM int sequence_account(const struct image_stream *stream, struct instance *instance,
				struct counters *counters, __u64 sample_id,
				struct sequence_step *step)
{
	bool done = false;
	__u32 value;

	if (!stream || !instance || !counters || !step)
		return 1;
	value = (__u32)step->value;
	if (stream->sequence_kind == SEQUENCE_PER_SAMPLE) {
		__u32 index = value - stream->first;

		if (stream->step > 1)
			index /= stream->step;
		index &= SEQUENCE_INDEX_MASK;
		value = (__u32)sample_id << SEQUENCE_INDEX_BITS | index;
		if (unlikely(index >= instance->per_sample && !stream->sample_packets)) {
			if (instance->per_sample && index - instance->per_sample < stream->max_jump)
				step->grown = index + 1 - instance->per_sample;
			instance->per_sample = index + 1;
		}
	}
	LOOP
	for (int try = 0; !done && try < SEQUENCE_TRIES; try++) {
		__u32 per_sample = stream->sample_packets ? stream->sample_packets
							  : instance->per_sample;
		__u64 old = *(volatile __u64 *)&instance->sequence;
		__u64 new = sequence_next(stream, old, value, sample_id, per_sample, step);

		done = old == new ||
		       __sync_val_compare_and_swap(&instance->sequence, old, new) == old;
	}
	if (unlikely(!done))
		return 0;
	if (unlikely(step->lost))
		counters->lost += step->lost;
	if (unlikely(step->event == SEQUENCE_LATE))
		counters->reordered++;
	else if (unlikely(step->event == SEQUENCE_REPEATED))
		counters->duplicate++;
	else if (unlikely(step->event == SEQUENCE_RESTARTED))
		counters->restarts++;
	return 1;
}

#endif
