/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Samples: one rotation of a LiDAR, one image of a camera. A sample is whole when as many
 * packets of it came as lie between its first position and the first one of the next;
 * that sum does not depend on the order in which packets, or CPUs, come.
 *
 * Samples of an instance are numbered by an ordinal. instance->sample says which one
 * is the latest, so that a packet finds its own:
 *
 *	 63  62      48 47      32 31                  0
 *	+---+----------+----------+---------------------+
 *	| 1 | ordinal  |  value   |      position       |	wrap (value: azimuth), marker (value: 1
 *	+---+----------+----------+---------------------+	if the packet there was a last one)
 *	| 1 | ordinal  |  begun   |     sample id       |	id, packets (begun: see below)
 *	+---+----------+----------+---------------------+
 *
 * All zero: no packet yet. Only a packet ahead of all others changes it, so
 * reordering can't count a boundary twice. The last SAMPLE_SLOTS samples have a
 * slot each; whoever takes a slot for a new sample settles the old one.
 *
 * When a sensor restarts, one packet restarts the sequence, but another CPU's packet from after
 * the restart may come here before it. That one sees an id or a position that can't
 * follow, and begins the new sample; the packet that restarted the sequence then finds it
 * begun (by the position, or by the bit `begun`), and only settles the sample before.
 */
#ifndef SENSORCTL_SAMPLE_H
#define SENSORCTL_SAMPLE_H

#include "sequence.h"

#define SAMPLE_VALID	   (1ull << 63)
#define SAMPLE_ORDINALS	   0x7fffu
#define SAMPLE_BEGUN	   (1ull << 32) /* by id: the sequence's restart is still to come */
#define SAMPLE_TAG	   0x10000u	/* makes a tag differ from an unused slot's */
#define SAMPLE_JOINED	   0x80000000u	/* in `received`: nobody saw how it began */
#define SAMPLE_TRIES	   8
#define SAMPLE_SKIPPED_MAX 4096u /* more whole samples at once: begin anew */

enum sample_flag {
	SAMPLE_KNOWN = 1 << 0,
	SAMPLE_FIRST = 1 << 1, /* the packet began its sample */
	SAMPLE_LAST = 1 << 2,  /* the sensor says that it is the last one */
};

/* What the packet says about its sample, and what came out. */
struct sample_step {
	__u64 value;  /* the sample field: azimuth or id */
	__u32 index;  /* number within the sample, if the stream has STREAM_INDEX */
	__u32 marked; /* the marker is set */
	__u32 ordinal;
	__u32 flags; /* enum sample_flag */
};

static __always_inline __u32 sample_ordinal(__u64 state)
{
	return (__u32)(state >> 48) & SAMPLE_ORDINALS;
}

static __always_inline __u32 sample_tag(__u32 ordinal)
{
	return SAMPLE_TAG | (ordinal & SAMPLE_ORDINALS);
}

/* Packets that make a sample whole, 0: not known. `next` is the first word of the slot after. */
static __always_inline __u32 sample_expected(const struct image_stream *stream, __u32 per_sample,
					     const struct sample_slot *slot, __u64 next)
{
	__u32 tag = (__u32)(slot->received >> 32);
	__u32 unit = sequence_unit(stream);

	if ((__u32)(slot->first >> 32) != tag || stream->sequence_kind == SEQUENCE_NONE)
		return 0;
	if (stream->sequence_kind == SEQUENCE_PER_SAMPLE) {
		__u32 first = (__u32)slot->first & SEQUENCE_INDEX_MASK;

		if (stream->sample_packets)
			per_sample = stream->sample_packets;
		return per_sample > first ? per_sample - first : 0;
	}
	if ((__u32)(next >> 32) == sample_tag(tag + 1) && unit)
		return (__u32)sequence_position_distance(stream, (__u32)slot->first, (__u32)next) /
		       unit;
	return slot->received & SAMPLE_JOINED ? 0 : per_sample;
}

static __always_inline __u32 sample_came(__u64 received)
{
	return (__u32)received & ~SAMPLE_JOINED;
}

static __always_inline bool sample_has_hole(const struct sample_slot *slot, __u32 expected)
{
	return sample_came(slot->received) < expected;
}

/* The first position of a sample, from any packet of it: the lowest that was told. */
static __always_inline void sample_begin(const struct image_stream *stream,
					 struct sample_slot *slot, __u32 tag, __u32 position)
{
	LOOP
	for (int try = 0; try < SAMPLE_TRIES; try++) {
		__u64 old = *(volatile __u64 *)&slot->first;
		__u64 new = (__u64)tag << 32 | position;

		if ((__u32)(old >> 32) == tag) {
			__u64 modulus = sequence_modulus(stream);

			if (sequence_position_distance(stream, (__u32)old, position) < modulus / 2)
				return;
		} else if (old &&
			   (((__u32)(old >> 32) - tag) & SAMPLE_ORDINALS) < SAMPLE_ORDINALS / 2) {
			return; /* the slot has gone on to a later sample */
		}
		if (__sync_val_compare_and_swap(&slot->first, old, new) == old)
			return;
	}
}

/*
 * Counts a packet into its sample's slot; settles the sample that had the slot before. came: 1, or 0
 * for none, and SAMPLE_JOINED. Returns whether the slot was taken.
 */
static __always_inline bool sample_receive(const struct image_stream *stream,
					   struct counters *counters, struct instance *instance,
					   __u32 ordinal, __u32 came)
{
	struct sample_slot *slot = &instance->slot[ordinal & (SAMPLE_SLOTS - 1)];
	struct sample_slot *next = &instance->slot[(ordinal + 1) & (SAMPLE_SLOTS - 1)];
	__u32 tag = sample_tag(ordinal);

	LOOP
	for (int try = 0; try < SAMPLE_TRIES; try++) {
		struct sample_slot old;
		__u64 next_first;

		old.received = *(volatile __u64 *)&slot->received;
		if (likely((__u32)(old.received >> 32) == tag)) {
			if (likely(came))
				__sync_fetch_and_add(&slot->received, 1);
			return false;
		}
		if (old.received &&
		    (((__u32)(old.received >> 32) - tag) & SAMPLE_ORDINALS) < SAMPLE_ORDINALS / 2)
			return false; /* too late: its slot has a later sample */
		/* read before the exchange: afterwards others write what is the new sample's */
		old.first = *(volatile __u64 *)&slot->first;
		next_first = *(volatile __u64 *)&next->first;
		if (__sync_val_compare_and_swap(&slot->received, old.received,
						(__u64)tag << 32 | came) != old.received)
			continue;
		if (sample_came(old.received)) {
			__u32 expected =
				sample_expected(stream, instance->per_sample, &old, next_first);

			if (sample_has_hole(&old, expected))
				counters->samples_incomplete++;
			if (stream->sequence_kind == SEQUENCE_COUNTER &&
			    !(old.received & SAMPLE_JOINED))
				instance->per_sample = expected;
		}
		return true;
	}
	return false;
}

/* A restart: the sample that was open ends with the highest packet that came. */
static __always_inline void sample_close(const struct image_stream *stream,
					 struct counters *counters, struct instance *instance,
					 __u32 ordinal, __u32 highest)
{
	struct sample_slot *slot = &instance->slot[ordinal & (SAMPLE_SLOTS - 1)];
	struct sample_slot old = *slot;
	__u32 unit = sequence_unit(stream), expected = 0;

	if ((__u32)(old.received >> 32) != sample_tag(ordinal) ||
	    (__u32)(old.first >> 32) != sample_tag(ordinal) || !unit)
		return;
	if (__sync_val_compare_and_swap(&slot->received, old.received, 0) != old.received)
		return;
	if (stream->sequence_kind == SEQUENCE_PER_SAMPLE)
		expected = (highest & SEQUENCE_INDEX_MASK) + 1 -
			   ((__u32)old.first & SEQUENCE_INDEX_MASK);
	else if (stream->sequence_kind != SEQUENCE_NONE)
		expected = (__u32)sequence_position_distance(stream, (__u32)old.first, highest) /
				   unit +
			   1;
	if (sample_has_hole(&old, expected))
		counters->samples_incomplete++;
}

/*
 * How many samples lie from `from` on to `to`, ids of the sensor; 0: the same one, < 0: an
 * older one. *anew: no plausible way, the sensor began again.
 */
static __always_inline __s32 sample_id_distance(const struct image_stream *stream, __u32 from,
						__u32 to, bool *anew)
{
	__u32 mask = stream->sample_kind == SAMPLE_ID ? (__u32)stream->sample.mask : ~0u;
	__u32 ahead = (to - from) & mask, back = (from - to) & mask;

	*anew = false;
	if (!ahead)
		return 0;
	if (stream->sample_kind == SAMPLE_ID && !stream->sample_step)
		return ahead <= mask / 2 ? 1 : -1;
	if (stream->sample_kind == SAMPLE_ID && stream->sample_step > 1) {
		ahead /= (__u32)stream->sample_step;
		back /= (__u32)stream->sample_step;
	}
	if (stream->sequence_kind == SEQUENCE_PER_SAMPLE && stream->skip_count) {
		if (((to - stream->skip) & mask) < ahead)
			ahead--;
		if (((from - stream->skip) & mask) < back)
			back--;
	}
	if (ahead <= SAMPLE_SKIPPED_MAX)
		return ahead ? (__s32)ahead : 1;
	if (back <= SAMPLE_SLOTS)
		return -(__s32)back;
	*anew = true;
	return 1;
}

/*
 * Learns the packets of a sample: a sample id came that is next to the one before.
 * A growing number was taken at once (sequence.h), a smaller one after three in a row.
 */
static __always_inline void sample_learn(struct instance *instance, __u32 packets)
{
	__u32 less = instance->per_sample_less;

	if (packets >= instance->per_sample) {
		instance->per_sample = packets;
		instance->per_sample_less = 0;
	} else if (less >> 8 != packets) {
		instance->per_sample_less = packets << 8 | 1;
	} else if ((less & 255) < 2) {
		instance->per_sample_less = less + 1;
	} else {
		instance->per_sample = packets;
		instance->per_sample_less = 0;
	}
}

/* What a packet does to instance->sample. */
struct sample_turn {
	__u32 ordinal; /* of the packet */
	__u32 began;   /* samples that began */
	__u32 first;   /* position of the first packet of the packet's sample */
	bool told;     /* `first` is worth telling the slot */
	bool joined;   /* nobody saw the sample begin */
	bool anew;
	bool settle; /* the sequence restarted: the sample before has ended */
	__u32 ended; /* ordinal of that */
};

/* What a packet that came after a restart makes of the word `state`: see above. */
enum sample_restart {
	SAMPLE_GOES_ON,
	SAMPLE_BEGINS,
	SAMPLE_BEGAN, /* another CPU's packet was first */
};

/* For kinds that keep the position; ahead: from there to the packet. Time stamps count on. */
static __always_inline enum sample_restart sample_restarted(const struct image_stream *stream,
							    const struct sequence_step *sequence,
							    __u64 ahead)
{
	__u64 unit = sequence_unit(stream), near = SEQUENCE_WINDOW * unit;
	__u64 back = sequence_modulus(stream) - ahead;

	if (unlikely(sequence->event == SEQUENCE_RESTARTED))
		return stream->sequence_kind == SEQUENCE_COUNTER && (ahead <= near || back <= near)
			       ? SAMPLE_BEGAN
			       : SAMPLE_BEGINS;
	if (likely(ahead <= near) || stream->sequence_kind != SEQUENCE_COUNTER ||
	    sequence->event == SEQUENCE_UNKNOWN || sequence->resent)
		return SAMPLE_GOES_ON;
	return ahead > stream->max_jump * unit && back > 2 * near ? SAMPLE_BEGINS : SAMPLE_GOES_ON;
}

/* Only who restarted the sequence knows where the sample before ended. turn->ordinal: the latest. */
static __always_inline void sample_settle(struct sample_turn *turn, enum sample_restart restart,
					  const struct sequence_step *sequence)
{
	if (likely(sequence->event != SEQUENCE_RESTARTED))
		return;
	turn->settle = turn->told = true;
	turn->ended = (turn->ordinal - (restart == SAMPLE_BEGAN)) & SAMPLE_ORDINALS;
}

static __always_inline __u64 sample_next_id(const struct image_stream *stream, __u64 state,
					    const struct sequence_step *sequence, __u32 id,
					    struct sample_turn *turn)
{
	__s32 distance;

	turn->first = sequence->position;
	turn->told = true;
	if (unlikely(!state)) {
		turn->began = 1;
		turn->joined = true;
		return SAMPLE_VALID | id;
	}
	turn->ordinal = sample_ordinal(state);
	distance = sample_id_distance(stream, (__u32)state, id, &turn->anew);
	if (unlikely(sequence->event == SEQUENCE_RESTARTED)) {
		turn->settle = turn->told = true;
		if (!distance && state & SAMPLE_BEGUN) {
			turn->ended = (turn->ordinal - 2) & SAMPLE_ORDINALS;
			return state & ~SAMPLE_BEGUN;
		}
		turn->ended = turn->ordinal;
		turn->anew = true;
		distance = 1;
	}
	if (likely(!distance)) {
		turn->told = sequence->event == SEQUENCE_LATE;
		return state;
	}
	/* beginning anew, leave out the slot whose beginning a marker may have told */
	turn->ordinal = (turn->ordinal + (__u32)(turn->anew ? 2 : distance)) & SAMPLE_ORDINALS;
	if (distance < 0)
		return state;
	turn->began = (__u32)distance;
	turn->joined = turn->anew;
	return SAMPLE_VALID | (__u64)turn->ordinal << 48 | id |
	       (turn->anew && !turn->settle && sequence->event ? SAMPLE_BEGUN : 0);
}

/* `value` is the azimuth. */
static __always_inline __u64 sample_next_wrap(const struct image_stream *stream, __u64 state,
					      const struct sequence_step *sequence, __u32 value,
					      struct sample_turn *turn)
{
	__u32 before = (__u32)(state >> 32) & 0xffff;
	enum sample_restart restart;
	__u64 ahead;

	turn->first = sequence->position;
	if (unlikely(!state)) {
		turn->began = 1;
		turn->told = turn->joined = true;
		return SAMPLE_VALID | (__u64)value << 32 | sequence->position;
	}
	turn->ordinal = sample_ordinal(state);
	ahead = sequence_position_distance(stream, (__u32)state, sequence->position);
	restart = sample_restarted(stream, sequence, ahead);
	sample_settle(turn, restart, sequence);
	if (unlikely(restart == SAMPLE_BEGINS)) {
		turn->anew = turn->told = turn->joined = true;
		turn->began = 1;
	} else if (unlikely(sequence->event != SEQUENCE_UNKNOWN &&
			    ahead >= sequence_modulus(stream) / 2)) {
		/* behind the latest: by its azimuth of this rotation, or of the one before */
		turn->told = true;
		if (value > before)
			turn->ordinal = (turn->ordinal - 1) & SAMPLE_ORDINALS;
		return state;
	} else if (unlikely(value < before)) {
		__u32 unit = sequence_unit(stream);
		__u32 distance = unit ? (__u32)ahead / unit : 0;
		__u32 modulus = stream->sample_modulus;

		turn->began = 1;
		turn->told = true;
		if (distance > 1 && modulus > before) {
			/* packets were lost around north: which of them lay behind it? */
			__u32 arc = modulus - before + value;
			__u32 old = (__u32)(((__u64)(modulus - before) * distance + arc - 1) / arc);
			__u64 head = old < distance ? (__u64)(distance - old) * unit : 0;

			if (turn->first < head)
				turn->first += (__u32)sequence_modulus(stream);
			turn->first -= (__u32)head;
		}
	}
	if (turn->began)
		turn->ordinal = (turn->ordinal + 1) & SAMPLE_ORDINALS;
	return SAMPLE_VALID | (__u64)turn->ordinal << 48 | (__u64)value << 32 | sequence->position;
}

/* The position after `position`. */
static __always_inline __u32 sample_after(const struct image_stream *stream, __u32 position)
{
	__u64 after = (__u64)position + sequence_unit(stream);

	return (__u32)(after >= sequence_modulus(stream) ? after - sequence_modulus(stream)
							 : after);
}

static __always_inline __u64 sample_next_marker(const struct image_stream *stream,
						const struct instance *instance, __u64 state,
						const struct sequence_step *sequence, bool marked,
						struct sample_turn *turn)
{
	enum sample_restart restart;
	__u64 ahead;

	turn->first = sequence->position;
	if (unlikely(!state)) {
		turn->began = 1;
		turn->told = turn->joined = true;
		return SAMPLE_VALID | (__u64)marked << 32 | sequence->position;
	}
	turn->ordinal = sample_ordinal(state);
	ahead = sequence_position_distance(stream, (__u32)state, sequence->position);
	restart = sample_restarted(stream, sequence, ahead);
	sample_settle(turn, restart, sequence);
	if (unlikely(restart == SAMPLE_BEGINS)) {
		turn->anew = turn->told = turn->joined = true;
		turn->began = 1;
	} else if (unlikely(sequence->event != SEQUENCE_UNKNOWN &&
			    ahead >= sequence_modulus(stream) / 2)) {
		turn->told = !marked;
		if (!marked) {
			/* from before the present sample's beginning, which the last marker told */
			const struct sample_slot *slot =
				&instance->slot[turn->ordinal & (SAMPLE_SLOTS - 1)];
			__u64 began = *(const volatile __u64 *)&slot->first;

			if ((__u32)(began >> 32) == sample_tag(turn->ordinal) &&
			    !(*(const volatile __u64 *)&slot->received & SAMPLE_JOINED) &&
			    sequence_position_distance(stream, sequence->position, (__u32)began) -
					    1 <
				    sequence_modulus(stream) / 2)
				turn->ordinal = (turn->ordinal - 1) & SAMPLE_ORDINALS;
			return state;
		}
		/* a last packet that comes late: what came ahead of it is the next sample's */
		turn->began = 1;
		return SAMPLE_VALID | (__u64)((turn->ordinal + 1) & SAMPLE_ORDINALS) << 48 |
		       (state & 0xffffffffffffull);
	} else if (state >> 32 & 1) {
		turn->began = 1;
		turn->told = true;
		if (sequence->event == SEQUENCE_ADVANCED) /* it began right after the marker */
			turn->first = sample_after(stream, (__u32)state);
	}
	if (turn->began)
		turn->ordinal = (turn->ordinal + 1) & SAMPLE_ORDINALS;
	return SAMPLE_VALID | (__u64)turn->ordinal << 48 | (__u64)marked << 32 | sequence->position;
}

/* Packets ahead of a late last packet were counted into its sample: they move on. */
static __always_inline void sample_move(const struct image_stream *stream,
					struct counters *counters, struct instance *instance,
					__u32 ordinal, const struct sequence_step *sequence)
{
	__u32 came = sequence->window & ((1u << (sequence->distance & 31)) - 1) & ~1u;
	__u32 next = (ordinal + 1) & SAMPLE_ORDINALS, moved;

	/* count the bits, and the highest packet itself */
	came -= came >> 1 & 0x55555555u;
	came = (came & 0x33333333u) + (came >> 2 & 0x33333333u);
	moved = (((came + (came >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24) + 1;
	sample_receive(stream, counters, instance, next, 1);
	__sync_fetch_and_add(&instance->slot[next & (SAMPLE_SLOTS - 1)].received, moved - 1);
	__sync_fetch_and_add(&instance->slot[ordinal & (SAMPLE_SLOTS - 1)].received, -(__u64)moved);
	sample_begin(stream, &instance->slot[next & (SAMPLE_SLOTS - 1)], sample_tag(next),
		     sample_after(stream, sequence->position));
}

/* Accounts one datagram that was not a duplicate. `sequence` is the same packet's step. */
SUBPROGRAM int sample_account(const struct image_stream *stream, struct instance *instance,
			      struct counters *counters, const struct sequence_step *sequence,
			      struct sample_step *step)
{
	struct sample_slot *slot;
	struct sample_turn turn;
	__u64 old = 0, new;
	bool marked, claimed;
	__u32 id, index;

	if (!stream || !instance || !counters || !sequence || !step)
		return 0;
	id = (__u32)step->value;
	index = step->index;
	marked = step->marked;
	if (stream->sample_kind == SAMPLE_PACKETS) {
		__u32 unit = sequence_unit(stream), number;

		if (!stream->sample_packets)
			return 0;
		number = sequence->position / unit;
		id = number / stream->sample_packets;
		index = number - id * stream->sample_packets;
		marked = index == stream->sample_packets - 1;
	}
	LOOP
	for (int try = 0; try < SAMPLE_TRIES; try++) {
		turn = (struct sample_turn){};
		old = *(volatile __u64 *)&instance->sample;
		if (stream->sample_kind == SAMPLE_WRAP)
			new = sample_next_wrap(stream, old, sequence, id & 0xffff, &turn);
		else if (stream->sample_kind == SAMPLE_MARKER)
			new = sample_next_marker(stream, instance, old, sequence, marked, &turn);
		else
			new = sample_next_id(stream, old, sequence, id, &turn);
		if (new == old || __sync_val_compare_and_swap(&instance->sample, old, new) == old)
			break;
	}
	if (unlikely(turn.began)) {
		counters->samples += turn.began;
		counters->samples_incomplete += turn.began - 1;
		if (stream->sequence_kind == SEQUENCE_PER_SAMPLE && turn.began == 1 && old &&
		    !turn.anew)
			sample_learn(instance, (sequence->highest & SEQUENCE_INDEX_MASK) + 1);
	}
	if (unlikely(turn.settle))
		sample_close(stream, counters, instance, turn.ended, sequence->highest);
	slot = &instance->slot[turn.ordinal & (SAMPLE_SLOTS - 1)];
	claimed = sample_receive(stream, counters, instance, turn.ordinal,
				 turn.joined ? SAMPLE_JOINED | 1 : 1);
	if (unlikely(claimed || turn.told)) {
		bool joined = *(volatile __u64 *)&slot->received & SAMPLE_JOINED;
		__u64 back = index * (__u64)sequence_unit(stream);
		__u64 modulus = sequence_modulus(stream);
		__u32 first = turn.first;

		if (!joined && stream->sequence_kind == SEQUENCE_PER_SAMPLE)
			first &= ~SEQUENCE_INDEX_MASK;
		else if (!joined && back < modulus &&
			 (stream->flags & STREAM_INDEX || stream->sample_kind == SAMPLE_PACKETS))
			first = (__u32)(first >= back ? first - back : first + modulus - back);
		sample_begin(stream, slot, sample_tag(turn.ordinal), first);
	}
	if (unlikely(marked && stream->sample_kind == SAMPLE_MARKER && turn.began && !turn.told))
		sample_move(stream, counters, instance, turn.ordinal, sequence);
	if (unlikely(marked && stream->sequence_kind == SEQUENCE_PER_SAMPLE))
		instance->per_sample = (sequence->position & SEQUENCE_INDEX_MASK) + 1;
	step->ordinal = turn.ordinal;
	step->flags = SAMPLE_KNOWN | (turn.began && turn.told ? SAMPLE_FIRST : 0) |
		      (marked ? SAMPLE_LAST : 0);
	return 0;
}

/*
 * The last packet of a sample that has an id: the next one begins right behind, whatever is lost
 * there. After sample_account(); `ordinal` is the packet's.
 */
SUBPROGRAM int sample_mark(const struct image_stream *stream, struct instance *instance,
			   struct counters *counters, __u32 ordinal, __u32 position)
{
	__u32 next = (ordinal + 1) & SAMPLE_ORDINALS;

	if (!stream || !instance || !counters)
		return 0;
	sample_receive(stream, counters, instance, next, 0);
	sample_begin(stream, &instance->slot[next & (SAMPLE_SLOTS - 1)], sample_tag(next),
		     sample_after(stream, position));
	return 0;
}

/*
 * For user space: samples of an instance that have a hole but whose slot nobody has
 * taken yet, the open one among them. Add this to counters.samples_incomplete.
 */
static inline __u32 samples_pending(const struct image_stream *stream,
				    const struct instance *instance)
{
	bool time = stream->sequence_kind == SEQUENCE_TIMESTAMP;
	__u32 highest = time ? (__u32)(instance->sequence >> 32) & 0xffff
			     : (__u32)instance->sequence;
	__u32 unit = sequence_unit(stream), pending = 0;

	for (__u32 i = 0; i < SAMPLE_SLOTS && instance->sample; i++) {
		const struct sample_slot *slot = &instance->slot[i];
		__u64 next = instance->slot[(i + 1) & (SAMPLE_SLOTS - 1)].first;
		__u32 expected;

		if (!sample_came(slot->received) ||
		    (__u32)(slot->first >> 32) != (__u32)(slot->received >> 32))
			continue;
		expected = sample_expected(stream, instance->per_sample, slot, next);
		if ((__u32)(slot->received >> 32) == sample_tag(sample_ordinal(instance->sample))) {
			/* still open: holes so far */
			if (stream->sequence_kind == SEQUENCE_PER_SAMPLE)
				expected = (highest & SEQUENCE_INDEX_MASK) + 1 -
					   ((__u32)slot->first & SEQUENCE_INDEX_MASK);
			else if (stream->sequence_kind != SEQUENCE_NONE)
				expected = (__u32)sequence_position_distance(
						   stream, (__u32)slot->first, highest) /
						   unit +
					   1;
			else
				expected = 0;
		}
		pending += sample_has_hole(slot, expected);
	}
	return pending;
}

#endif
