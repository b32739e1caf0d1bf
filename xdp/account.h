/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The short way through sequence.h and sample.h. Nearly every packet is the next one of its
 * sample, with nothing lost in the window before it; a call costs more than that
 * takes. What is not that goes the long way, with the same outcome.
 */
#ifndef SENSORCTL_ACCOUNT_H
#define SENSORCTL_ACCOUNT_H

#include "sample.h"

#define ACCOUNT_WINDOW	    0x80000001u /* all positions known; none that is missing leaves */
#define ACCOUNT_WINDOW_TIME 0x8001u

/* Another CPU was at the same sample: the long way for the sample alone. Returns enum sample_flag. */
SUBPROGRAM int account_raced(const struct image_stream *stream, struct instance *instance,
			     struct counters *counters, __u64 positions, __u64 value)
{
	struct sequence_step step = {
		.event = SEQUENCE_ADVANCED,
		.distance = 1,
		.position = (__u32)positions,
		.highest = (__u32)(positions >> 32),
	};
	struct sample_step sample = { .value = value };

	if (!stream || !instance || !counters)
		return 0;
	sample_account(stream, instance, counters, &step, &sample);
	return (int)sample.flags;
}

/*
 * The next packet after the highest, one more of the latest sample, with no hole leaving the
 * window. Returns false, with nothing changed, where it is not that.
 * value: the counter or time stamp; sample: azimuth or id; *ordinal: of the sample.
 */
static __always_inline bool account_next(const struct image_stream *stream,
					 struct instance *instance, struct counters *counters,
					 __u32 value, __u32 sample, __u32 *ordinal)
{
	__u64 old = *(volatile __u64 *)&instance->sequence, new, new_sample;
	__u64 old_sample = *(volatile __u64 *)&instance->sample;
	__u32 before = (__u32)old, window, position, highest;
	struct sample_slot *slot;

	if (value <= before)
		return false;
	if (stream->sequence_kind == SEQUENCE_COUNTER) {
		window = (__u32)(old >> 32);
		if (value - before != stream->step || stream->skip_count ||
		    (window & ACCOUNT_WINDOW) != ACCOUNT_WINDOW)
			return false;
		new = (__u64)(window << 1 | 1) << 32 | value;
		highest = before;
		position = value;
	} else if (stream->sequence_kind == SEQUENCE_TIMESTAMP) {
		window = (__u32)(old >> 48);
		if ((__u64)(value - before) << 8 > stream->gap ||
		    (window & ACCOUNT_WINDOW_TIME) != ACCOUNT_WINDOW_TIME)
			return false;
		highest = (__u32)(old >> 32) & 0xffff;
		position = (highest + 1) & 0xffff;
		new = (__u64)(window << 1 | 1) << 48 | (__u64)position << 32 | value;
	} else {
		return false;
	}
	*ordinal = sample_ordinal(old_sample);
	slot = &instance->slot[*ordinal & (SAMPLE_SLOTS - 1)];
	if (stream->sample_kind == SAMPLE_NONE)
		return __sync_val_compare_and_swap(&instance->sequence, old, new) == old;
	if (*(volatile __u64 *)&slot->received >> 32 != sample_tag(*ordinal))
		return false;
	new_sample = old_sample;
	if (stream->sample_kind == SAMPLE_WRAP) {
		sample &= 0xffff;
		if (sample < ((__u32)(old_sample >> 32) & 0xffff) || (__u32)old_sample != highest)
			return false;
		new_sample = (old_sample & 0xffff000000000000ull) | (__u64)sample << 32 | position;
	} else if (stream->sample_kind != SAMPLE_ID || sample != (__u32)old_sample) {
		return false;
	}
	if (__sync_val_compare_and_swap(&instance->sequence, old, new) != old)
		return false;
	if (new_sample != old_sample &&
	    unlikely(__sync_val_compare_and_swap(&instance->sample, old_sample, new_sample) !=
		     old_sample))
		account_raced(stream, instance, counters, (__u64)highest << 32 | position, sample);
	else
		__sync_fetch_and_add(&slot->received, 1);
	return true;
}

#endif
