// SPDX-License-Identifier: GPL-2.0-only
/* The plain-memory front end of the data path. See plain.h. */
#include "plain.h"

#include <stdlib.h>
#include <string.h>

#include "frame.h"

static inline int state_parse(const struct packet *packet, struct frame *frame)
{
	return (int)frame_parse(packet, frame);
}

static inline int state_pick(const struct packet *packet, const struct frame *frame, __u64 mask);
static inline int state_test(const struct packet *packet, const struct frame *frame, __u32 number);

#include "bucket.h"
#include "deliver.h"
#include "fragment.h"

struct plain {
	struct profile_image image;
	struct counters counters[COUNTER_ROWS];
	struct instances instances[STREAM_IDS];
	struct fragment_set fragments[FRAGMENT_SETS];
	struct lease lease[STREAM_IDS];
	__u64 bucket[BUCKETS];
	__u64 time_ns;
	__u32 pressure;
	struct meta meta; /* of the frame being judged */
};

static inline int state_pick(const struct packet *packet, const struct frame *frame, __u64 mask)
{
	return classify_payload(packet, frame, mask);
}

static inline int state_test(const struct packet *packet, const struct frame *frame, __u32 number)
{
	return payload_test(packet, frame, &packet->image->test[number % IMAGE_TESTS]);
}

static inline struct counters *state_counters(const struct packet *packet, __u32 row)
{
	return &packet->plain->counters[row < COUNTER_ROWS ? row : OTHER_ID];
}

static inline struct instances *state_instances(const struct packet *packet, __u32 id)
{
	return &packet->plain->instances[id % STREAM_IDS];
}

static inline struct fragment_set *state_fragments(const struct packet *packet, __u32 set)
{
	return &packet->plain->fragments[set % FRAGMENT_SETS];
}

static inline __u64 *state_bucket(const struct packet *packet, __u32 number)
{
	return &packet->plain->bucket[number % BUCKETS];
}

static inline struct lease *state_lease(const struct packet *packet, __u32 id)
{
	return &packet->plain->lease[id % STREAM_IDS];
}

static inline __u32 state_pressure(const struct packet *packet)
{
	return packet->plain->pressure;
}

static inline __u64 state_coarse_ns(const struct packet *packet)
{
	return packet->plain->time_ns;
}

static inline __u64 state_precise_ns(const struct packet *packet)
{
	return packet->plain->time_ns;
}

static inline __u64 state_seed(const struct packet *packet)
{
	(void)packet;
	return 0;
}

/* Nobody is there to drain, so what was redirected counts as drained at once. */
static inline bool state_redirect(struct packet *packet, __u32 id, const struct meta *meta)
{
	struct lease *lease = state_lease(packet, id);

	packet->plain->meta = *meta;
	lease->sent += deliver_frames(packet->length);
	lease->drained = lease->sent;
	return true;
}

static inline void state_account(const struct packet *packet, const struct frame *frame,
				 const struct image_stream *stream, struct meta *meta);

static inline __u32 state_instance(const struct packet *packet, const struct frame *frame,
				   const struct image_stream *stream, struct instances *instances)
{
	return instance_find(packet, frame, stream, instances);
}

static inline bool state_read(const struct packet *packet, const struct frame *frame,
			      const struct image_stream *stream, struct sequence_step *sequence,
			      struct sample_step *sample);
static inline struct delivery state_police(struct packet *packet, const struct frame *frame,
					   __u32 class, __u32 place);

struct outcome;
static inline struct outcome state_later(struct packet *packet, const struct frame *frame,
					 enum protocol protocol);

#include "ingress.h"

static inline bool state_read(const struct packet *packet, const struct frame *frame,
			      const struct image_stream *stream, struct sequence_step *sequence,
			      struct sample_step *sample)
{
	return ingress_read(packet, frame, stream, sequence, sample);
}

static inline struct delivery state_police(struct packet *packet, const struct frame *frame,
					   __u32 class, __u32 place)
{
	return ingress_police(packet, frame, class, place);
}

static inline struct outcome state_later(struct packet *packet, const struct frame *frame,
					 enum protocol protocol)
{
	return ingress_later(packet, frame, protocol);
}

static inline void state_account(const struct packet *packet, const struct frame *frame,
				 const struct image_stream *stream, struct meta *meta)
{
	ingress_account(packet, frame, stream, meta);
}

struct plain *plain_new(const struct profile_image *image)
{
	struct plain *plain = calloc(1, sizeof(*plain));
	const struct lease fresh = { .deadline_ns = ~0ull, .credit = ~0u, .limit = ~0u };

	if (!plain)
		return NULL;
	plain->image = *image;
	for (__u32 id = 0; id < STREAM_IDS; id++)
		plain->lease[id] = fresh;
	return plain;
}

void plain_free(struct plain *plain)
{
	free(plain);
}

void plain_swap(struct plain *plain, const struct profile_image *image)
{
	plain->image = *image;
}

struct decision plain_frame(struct plain *plain, const void *frame, __u32 captured, __u32 length,
			    __u64 time_ns)
{
	struct packet packet = {
		.data = (void *)(unsigned long)frame,
		.data_end = (char *)(unsigned long)frame + captured,
		.length = length,
		.plain = plain,
		.image = &plain->image,
	};
	struct outcome outcome;

	/* 0 means "not read yet" to the data path */
	plain->time_ns = time_ns ? time_ns : 1;
	plain->meta = (struct meta){};
	outcome = ingress(&packet);
	return (struct decision){
		.verdict = outcome.verdict,
		.reason = outcome.reason,
		.stream = outcome.stream,
		.id = (int)outcome.id,
		.meta = plain->meta,
	};
}

const struct counters *plain_counters(const struct plain *plain, __u32 id)
{
	return &plain->counters[id < COUNTER_ROWS ? id : OTHER_ID];
}

const struct instances *plain_instances(const struct plain *plain, __u32 id)
{
	return &plain->instances[id % STREAM_IDS];
}

void plain_set_lease(struct plain *plain, __u32 id, const struct lease *lease)
{
	plain->lease[id % STREAM_IDS] = *lease;
}

void plain_set_pressure(struct plain *plain, __u32 level)
{
	plain->pressure = level;
}
