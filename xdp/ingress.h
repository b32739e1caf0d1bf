/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The data path, once for all front ends: parse, classify, account, police, deliver.
 *
 * A front end defines, before it includes this file:
 *
 *	state_parse(packet, frame)	frame_parse(), as a function of its own where that helps
 *	state_test(packet, frame, number)	payload_test() of a test of the image
 *	state_pick(packet, frame, mask)	classify_payload(), likewise (before classify.h)
 *	state_account(packet, frame, stream, meta)	ingress_account(), likewise
 *	state_instance(packet, frame, stream, instances)	instance_find(), likewise
 *	state_read(packet, frame, stream, sequence, sample)	ingress_read(), likewise
 *	state_police(packet, frame, class, place)	ingress_police(), likewise
 *	state_later(packet, frame, protocol)	ingress_later(), likewise
 *	state_counters(packet, row)	this CPU's row; never fails for row < COUNTER_ROWS
 *	state_instances(packet, id)	struct instances of a stable id
 *	state_fragments(packet, set)	a set of the fragment table
 *	state_bucket(packet, n)		state of a token bucket
 *	state_lease(packet, id)		lease of this stream on this packet's queue
 *	state_pressure(packet)	the pressure level now
 *	state_coarse_ns(packet)		the coarse clock
 *	state_precise_ns(packet)	the precise clock
 *	state_seed(packet)		seed of the fragment hash
 *	state_redirect(packet, id, meta)	hands the frame to the broker; false: no socket
 * Pointers may be NULL where a map lookup can fail.
 */
#ifndef SENSORCTL_INGRESS_H
#define SENSORCTL_INGRESS_H

#include "bucket.h"
#include "deliver.h"
#include "fragment.h"

struct outcome {
	enum verdict verdict;
	enum reason reason;
	int stream; /* index in the image, -1: none, or a later fragment */
	__u32 id;   /* row that was counted */
};

static __always_inline enum protocol ingress_protocol(const struct frame *frame,
						      enum essential essential)
{
	if (unlikely(essential == ESSENTIAL_PTP))
		return PROTOCOL_PTP;
	if (likely(frame_is_ip(frame))) {
		switch (frame->protocol) {
		case IP_UDP:
			return PROTOCOL_UDP;
		case IP_TCP:
			return PROTOCOL_TCP;
		case IP_ICMP:
			return PROTOCOL_ICMP;
		case IP_ICMPV6:
			return PROTOCOL_ICMPV6;
		}
		return PROTOCOL_OTHER;
	}
	return frame->ethertype == ETHERTYPE_ARP ? PROTOCOL_ARP : PROTOCOL_OTHER;
}

/* Every packet ends here, once. */
static __always_inline struct outcome ingress_count(const struct packet *packet,
						    const struct frame *frame, __u32 id, int stream,
						    enum verdict verdict, enum reason reason,
						    enum protocol protocol)
{
	struct counters *counters = packet->counters;

	if (likely(counters != NULL)) {
		counters->bytes += packet->length;
		counters->by[verdict & 7][reason & 15]++;
		counters->protocol[protocol & (PROTOCOLS - 1)]++;
		if (unlikely(frame->fragment)) {
			counters->fragments++;
			counters->first_fragments += frame->fragment == FRAGMENT_FIRST;
		}
	}
	return (struct outcome){ verdict, reason, stream, id };
}

static __always_inline struct outcome ingress_other(struct packet *packet,
						    const struct frame *frame, enum verdict verdict,
						    enum reason reason, enum protocol protocol)
{
	packet->counters = state_counters(packet, OTHER_ID);
	return ingress_count(packet, frame, OTHER_ID, -1, verdict, reason, protocol);
}

static __always_inline __u64 ingress_now(struct packet *packet)
{
	if (!packet->now_ns)
		packet->now_ns = state_coarse_ns(packet);
	return packet->now_ns;
}

/* A later fragment goes the way of its first one. */
static __always_inline struct outcome
ingress_later(struct packet *packet, const struct frame *frame, enum protocol protocol)
{
	__u64 hash = fragment_hash(frame, state_seed(packet));
	struct fragment_set *set = state_fragments(packet, fragment_set_of(hash));
	struct fragment_decision decision = {};
	struct delivery delivery;
	struct meta meta;

	if (!set || !fragment_recall(set, hash, ingress_now(packet), &decision))
		return ingress_other(packet, frame, VERDICT_STACK, REASON_FRAGMENT_UNKNOWN,
				     protocol);
	packet->counters = state_counters(packet, decision.id);
	delivery =
		(struct delivery){ (enum verdict)decision.verdict, (enum reason)decision.reason };
	if (packet->counters && decision.id < STREAM_IDS)
		packet->counters->last_ns = ingress_now(packet);
	if (delivery.verdict == VERDICT_AF_XDP) {
		struct lease *lease = state_lease(packet, decision.id);

		delivery = deliver_admit(lease, ingress_now(packet), packet->length,
					 deliver_frames(packet->length), true);
		meta = (struct meta){
			.time_ns = decision.precise ? state_precise_ns(packet)
						    : ingress_now(packet),
			.instance = INSTANCE_UNTRACKED,
			.stream = (__u16)decision.id,
			.flags = META_FRAGMENT | (decision.precise ? META_PRECISE : 0),
			.magic = META_MAGIC,
		};
	}
	if (delivery.verdict == VERDICT_AF_XDP && !state_redirect(packet, decision.id, &meta))
		delivery = deliver_stack(REASON_REDIRECT_FAILED);
	return ingress_count(packet, frame, decision.id, -1, delivery.verdict, delivery.reason,
			     protocol);
}

/* Arrival times, for streams with `timing: precise`. */
SUBPROGRAM int ingress_interarrival(struct counters *counters, struct instance *instance,
				    __u64 now_ns)
{
	__u64 last, gap;
	__u32 bucket;

	if (!counters || !instance)
		return 0;
	last = __sync_lock_test_and_set(&instance->last_ns, now_ns);
	if (!last)
		return 0;
	gap = now_ns > last ? now_ns - last : 0;
	bucket = histogram_bucket(gap);
	if (bucket < HISTOGRAM_BUCKETS)
		counters->interarrival[bucket]++;
	if (gap > counters->interarrival_max_ns)
		counters->interarrival_max_ns = gap;
	return 0;
}

/*
 * Reads what the packet says about its place: into sequence->value and ->resent, sample->value,
 * ->marked and ->index. Returns whether all that the stream's accounting needs is there.
 */
static __always_inline bool ingress_read(const struct packet *packet, const struct frame *frame,
					 const struct image_stream *stream,
					 struct sequence_step *sequence, struct sample_step *sample)
{
	__u64 value = 0;

	if (stream->sample.mask && !payload_field(packet, frame, &stream->sample, &value))
		return false;
	sample->value = value;
	if (stream->sequence_kind != SEQUENCE_NONE) {
		if (!payload_field(packet, frame, &stream->sequence, &value))
			return false;
		sequence->value = value;
	}
	if (stream->flags & STREAM_RESENT)
		sequence->resent = payload_test(packet, frame, &stream->resent);
	if (stream->marker.mask)
		sample->marked = payload_test(packet, frame, &stream->marker);
	value = 0;
	if (stream->flags & STREAM_INDEX)
		payload_field(packet, frame, &stream->index, &value);
	sample->index = (__u32)value;
	return true;
}

/* Loss, samples, arrival. Fills what the reader is told. */
static __always_inline void ingress_account(const struct packet *packet, const struct frame *frame,
					    const struct image_stream *stream, struct meta *meta)
{
	struct counters *counters = packet->counters;
	struct instances *instances = state_instances(packet, stream->id);
	struct sequence_step sequence = {};
	struct sample_step sample = {};
	struct instance *instance;
	__u32 number;

	meta->instance = INSTANCE_UNTRACKED;
	if (!instances)
		return;
	number = state_instance(packet, frame, stream, instances);
	if (unlikely(number >= INSTANCES)) {
		counters->untracked++;
		return;
	}
	instance = &instances->instance[number];
	meta->instance = (__u16)number;
	counters->instance_packets[number]++;
	if (stream->flags & STREAM_PRECISE)
		ingress_interarrival(counters, instance, meta->time_ns);
	if (!state_read(packet, frame, stream, &sequence, &sample))
		return;
	if (stream->sequence_kind != SEQUENCE_NONE) {
		LOOP
		for (int call = 0; call < SEQUENCE_CALLS; call++)
			if (sequence_account(stream, instance, counters, sample.value, &sequence))
				break;
		meta->device_sequence = sequence.value;
		meta->flags |= META_SEQUENCE;
		if (unlikely(sequence.lost)) {
			counters->instance_lost[number] += sequence.lost;
			if (sequence.lost > 0) {
				meta->lost_before = (__u32)sequence.lost;
				meta->flags |= META_GAP;
			}
		}
	}
	if (stream->sample_kind == SAMPLE_NONE || sequence.event == SEQUENCE_REPEATED)
		return;
	sample_account(stream, instance, counters, &sequence, &sample);
	if (unlikely(sample.marked) && stream->sample_kind == SAMPLE_ID &&
	    stream->sequence_kind == SEQUENCE_COUNTER)
		sample_mark(stream, instance, counters, sample.ordinal, sequence.position);
	meta->sample = sample.ordinal;
	meta->flags |= sample.flags & SAMPLE_KNOWN ? META_SAMPLE : 0;
	meta->flags |= sample.flags & SAMPLE_FIRST ? META_FIRST : 0;
	meta->flags |= sample.flags & SAMPLE_LAST ? META_LAST : 0;
}

/*
 * The short way: the next packet of a stream's first instance, with neither key nor flags to look
 * at. Returns false, with nothing changed, where it is not that.
 */
static __always_inline bool ingress_account_next(const struct packet *packet,
						 const struct frame *frame,
						 const struct image_stream *stream,
						 struct instances *instances, struct meta *meta)
{
	__u64 value = 0, sample = 0;

	if (stream->key_count || stream->flags & ~STREAM_PRECISE || stream->marker.mask ||
	    !frame->family ||
	    *(volatile __u64 *)&instances->tag[0] != instance_hash(frame, frame->source[0], 0))
		return false;
	if (stream->sequence_kind != SEQUENCE_NONE || stream->sample_kind != SAMPLE_NONE) {
		if (!payload_field(packet, frame, &stream->sequence, &value) ||
		    (stream->sample.mask &&
		     !payload_field(packet, frame, &stream->sample, &sample)) ||
		    !account_next(stream, &instances->instance[0], packet->counters, (__u32)value,
				  (__u32)sample, &meta->sample))
			return false;
		meta->device_sequence = value;
		meta->flags |= META_SEQUENCE |
			       (stream->sample_kind != SAMPLE_NONE ? META_SAMPLE : 0);
	}
	packet->counters->instance_packets[0]++;
	meta->instance = 0;
	if (stream->flags & STREAM_PRECISE)
		ingress_interarrival(packet->counters, &instances->instance[0], meta->time_ns);
	return true;
}

/*
 * What the profile's rates and the pressure make of a packet. place: the stream's in the image,
 * IMAGE_STREAMS for none.
 */
static __always_inline struct delivery
ingress_police(struct packet *packet, const struct frame *frame, __u32 class, __u32 place)
{
	const struct profile_image *image = packet->image;
	const struct image_class_policy *policy = &image->class[class & (CLASSES - 1)];
	const struct image_bucket *bucket = &image->bucket[0];
	__u64 *state, *charged = NULL;
	__u32 bytes = frame->length;

	if (policy->shed_at && state_pressure(packet) >= policy->shed_at)
		return (struct delivery){ VERDICT_DROP, REASON_PRESSURE };
	if (frame->fragment == FRAGMENT_FIRST && frame->payload_length > bytes)
		bytes = frame->payload_length; /* the later ones are not asked again */
	if (place < IMAGE_STREAMS && image->bucket[place].cost) {
		bucket = &image->bucket[place];
		charged = state_bucket(packet,
				       CLASSES + (image->stream[place].id & (STREAM_IDS - 1)));
		if (!bucket_conforms(charged, bucket, bytes,
				     bucket->precise ? state_precise_ns(packet)
						     : ingress_now(packet)))
			return (struct delivery){ VERDICT_DROP, REASON_RATE };
	}
	state = policy->bucket.cost ? state_bucket(packet, class & (CLASSES - 1)) : NULL;
	if (state && !bucket_conforms(state, &policy->bucket, bytes,
				      policy->bucket.precise ? state_precise_ns(packet)
							     : ingress_now(packet))) {
		if (charged) /* the stream does not pay for what its class drops */
			__sync_fetch_and_add(charged, -bucket_cost(bucket, bytes));
		return (struct delivery){ VERDICT_DROP, REASON_RATE };
	}
	return (struct delivery){ VERDICT_STACK, REASON_PROFILE };
}

/* Most classes and streams have neither: no call for them. */
static __always_inline bool ingress_policed(const struct profile_image *image, __u32 class,
					    __u32 place)
{
	const struct image_class_policy *policy = &image->class[class & (CLASSES - 1)];

	return policy->shed_at || policy->bucket.cost ||
	       (place < IMAGE_STREAMS && image->bucket[place].cost);
}

static __always_inline void ingress_remember(struct packet *packet, const struct frame *frame,
					     __u32 id, struct delivery delivery, bool precise)
{
	__u64 hash = fragment_hash(frame, state_seed(packet));
	struct fragment_set *set = state_fragments(packet, fragment_set_of(hash));

	if (set)
		fragment_remember(set, hash, ingress_now(packet), id,
				  (__u32)delivery.reason << 4 | (precise ? 8u : 0) |
					  delivery.verdict);
}

static __always_inline struct outcome
ingress_default(struct packet *packet, const struct frame *frame, enum protocol protocol)
{
	const struct profile_image *image = packet->image;
	struct delivery delivery = deliver_stack(REASON_PROFILE);

	if (ingress_policed(image, image->default_class, IMAGE_STREAMS))
		delivery = state_police(packet, frame, image->default_class, IMAGE_STREAMS);

	if (delivery.verdict != VERDICT_DROP) {
		delivery.reason = REASON_DEFAULT;
		if (image->default_deliver == DELIVER_DROP)
			delivery.verdict = VERDICT_DROP;
	}
	if (unlikely(frame->fragment == FRAGMENT_FIRST))
		ingress_remember(packet, frame, OTHER_ID, delivery, false);
	return ingress_other(packet, frame, delivery.verdict, delivery.reason, protocol);
}

static __always_inline struct outcome ingress_stream(struct packet *packet,
						     const struct frame *frame, __u32 index,
						     enum protocol protocol)
{
	const struct image_stream *stream = &packet->image->stream[index & (IMAGE_STREAMS - 1)];
	__u32 id = stream->id & (STREAM_IDS - 1), frames;
	struct meta meta = { .stream = (__u16)id, .magic = META_MAGIC };
	struct instances *instances;
	struct delivery delivery;

	if (stream->flags & STREAM_PRECISE) {
		packet->now_ns = state_precise_ns(packet);
		meta.flags |= META_PRECISE;
	}
	meta.time_ns = ingress_now(packet);
	packet->counters = state_counters(packet, id);
	if (unlikely(!packet->counters))
		return (struct outcome){ VERDICT_STACK, REASON_PROFILE, (int)index, id };
	packet->counters->last_ns = packet->now_ns;
	instances = state_instances(packet, id);
	if (unlikely(!instances))
		return (struct outcome){ VERDICT_STACK, REASON_PROFILE, (int)index, id };
	if (!ingress_account_next(packet, frame, stream, instances, &meta))
		state_account(packet, frame, stream, &meta);

	delivery = deliver_stack(REASON_PROFILE);
	if (ingress_policed(packet->image, stream->class, index & (IMAGE_STREAMS - 1)))
		delivery = state_police(packet, frame, stream->class, index & (IMAGE_STREAMS - 1));
	if (delivery.verdict == VERDICT_DROP)
		goto count;
	if (stream->deliver == DELIVER_DROP) {
		delivery.verdict = VERDICT_DROP;
	} else if (stream->deliver == DELIVER_AF_XDP) {
		frames = deliver_frames(packet->length);
		if (unlikely(frame->fragment == FRAGMENT_FIRST)) {
			meta.flags |= META_FRAGMENT;
			frames += frame->payload_length / (packet->length | 1);
		}
		delivery = deliver_admit(state_lease(packet, id), packet->now_ns, packet->length,
					 frames, false);
	}
count:
	if (unlikely(frame->fragment == FRAGMENT_FIRST))
		ingress_remember(packet, frame, id, delivery, stream->flags & STREAM_PRECISE);
	if (delivery.verdict == VERDICT_AF_XDP && !state_redirect(packet, id, &meta))
		delivery = deliver_stack(REASON_REDIRECT_FAILED);
	return ingress_count(packet, frame, id, (int)index, delivery.verdict, delivery.reason,
			     protocol);
}

static __always_inline struct outcome ingress(struct packet *packet)
{
	struct frame frame = {};
	struct classification found;
	enum protocol protocol;
	int parsed;

	parsed = frame_parse_plain(packet, &frame) ? FRAME_PARSED : state_parse(packet, &frame);
	packet->length = frame.length;
	if (unlikely(parsed != FRAME_PARSED))
		return ingress_other(packet, &frame, VERDICT_STACK, REASON_MALFORMED,
				     ingress_protocol(&frame, ESSENTIAL_NONE));
	found = frame.fragment == FRAGMENT_LATER
			? (struct classification){ -1, essential_protocol(&frame) }
			: classify(packet, &frame);
#ifdef SWAP_BROKEN /* a mistake made on purpose, which the test of the swap has to see */
	if (!state_image(packet))
		return (struct outcome){ VERDICT_STACK, REASON_PROFILE, -1, OTHER_ID };
#endif
	protocol = ingress_protocol(&frame, found.essential);
	if (found.essential) {
		struct delivery delivery = deliver_stack(REASON_ESSENTIAL);

		if (packet->image->essential_drop >> found.essential & 1)
			delivery.verdict = VERDICT_DROP;
		if (unlikely(frame.fragment == FRAGMENT_FIRST))
			ingress_remember(packet, &frame, OTHER_ID, delivery, false);
		return ingress_other(packet, &frame, delivery.verdict, delivery.reason, protocol);
	}
	if (unlikely(frame.fragment == FRAGMENT_LATER))
		return state_later(packet, &frame, protocol);
	if (found.stream < 0)
		return ingress_default(packet, &frame, protocol);
	return ingress_stream(packet, &frame, (__u32)found.stream, protocol);
}

#endif
