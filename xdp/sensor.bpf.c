// SPDX-License-Identifier: GPL-2.0-only
/* The XDP front end of the data path (ingress.h). */
#include "types.h"

#include <bpf/bpf_helpers.h>

#include "frame.h"

/* Each by itself, because the many ways through headers would multiply with all that follows. */
static __always_inline int state_parse(const struct packet *packet, struct frame *frame);
static __always_inline int state_pick(const struct packet *packet, const struct frame *frame,
				      __u64 mask);
static __always_inline int state_test(const struct packet *packet, const struct frame *frame,
				      __u32 number);
static __always_inline void state_account(const struct packet *packet, const struct frame *frame,
					  const struct image_stream *stream, struct meta *meta);

#include "deliver.h"
#include "fragment.h"
#include "bucket.h"

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 queues = 1; /* factor of lease and socket keys */
const volatile __u64 fragment_seed = 0x13198a2e03707344ull;
const volatile __u64 tick_ns = 0;	/* of the kernel's tick; 0: not known */
const volatile bool test_clock = false; /* take the time from struct control */

#define CLOCK_TICKS 64 /* at HZ 250 a quarter of a second */

/* The coarse clock less the ticks, and the tick at which it was asked for. */
__u64 clock_offset_ns;
__u64 clock_asked;

struct image_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct profile_image));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct image_map);
} image SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STREAM_IDS);
	__type(key, __u32);
	__type(value, struct name_entry);
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTER_ROWS);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STREAM_IDS);
	__type(key, __u32);
	__type(value, struct instances);
} instances SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FRAGMENT_SETS);
	__type(key, __u32);
	__type(value, struct fragment_set);
} fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BUCKETS);
	__type(key, __u32);
	__type(value, __u64);
} buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STREAM_IDS); /* times queues, set at load */
	__type(key, __u32);
	__type(value, struct lease);
} leases SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STREAM_IDS); /* times queues, set at load */
	__type(key, __u32);
	__type(value, __u32);
} xsks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pressure);
} pressure SEC(".maps");

static __always_inline struct counters *state_counters(const struct packet *packet, __u32 row)
{
	(void)packet;
	return bpf_map_lookup_elem(&counters, &row);
}

static __always_inline struct instances *state_instances(const struct packet *packet, __u32 id)
{
	(void)packet;
	return bpf_map_lookup_elem(&instances, &id);
}

static __always_inline struct fragment_set *state_fragments(const struct packet *packet, __u32 set)
{
	(void)packet;
	return bpf_map_lookup_elem(&fragments, &set);
}

static __always_inline __u64 *state_bucket(const struct packet *packet, __u32 number)
{
	(void)packet;
	return bpf_map_lookup_elem(&buckets, &number);
}

/* In assembly, as compilers like to keep the field's address, and the verifier takes only ctx + number. */
static __always_inline __u32 rx_queue(const struct packet *packet)
{
	__u64 queue;

	asm("%0 = *(u32 *)(%1 + %2)"
	    : "=r"(queue)
	    : "r"(packet->ctx), "i"(__builtin_offsetof(struct xdp_md, rx_queue_index)));
	return (__u32)queue;
}

static __always_inline __u32 lease_key(const struct packet *packet, __u32 id)
{
	return id * queues + rx_queue(packet);
}

static __always_inline struct lease *state_lease(const struct packet *packet, __u32 id)
{
	__u32 key = lease_key(packet, id);

	if (rx_queue(packet) >= queues)
		return NULL;
	return bpf_map_lookup_elem(&leases, &key);
}

static __always_inline __u64 state_test_ns(void)
{
	__u32 zero = 0;
	struct control *entry = bpf_map_lookup_elem(&control, &zero);

	return entry ? entry->test_ns : 0;
}

/*
 * The coarse clock is the time of the last tick. Asking for it is a call, about 20 ns where
 * the CPU's returns are guarded; the number of that tick is a load. What lies between
 * the two is asked for 4 times a second at most, often enough for a clock that is being slewed.
 * Returns 0.
 */
SUBPROGRAM int clock_ask(void)
{
	__u64 ticks = bpf_jiffies64(), now_ns = bpf_ktime_get_coarse_ns();

	if (ticks != bpf_jiffies64()) { /* a tick came in between; the next one is far */
		ticks = bpf_jiffies64();
		now_ns = bpf_ktime_get_coarse_ns();
	}
	clock_offset_ns = now_ns - ticks * tick_ns;
	clock_asked = ticks;
	return 0;
}

static __always_inline __u64 state_coarse_ns(const struct packet *packet)
{
	__u64 ticks;

	(void)packet;
	if (test_clock)
		return state_test_ns();
	if (!tick_ns)
		return bpf_ktime_get_coarse_ns();
	ticks = bpf_jiffies64();
	if (unlikely(ticks - clock_asked >= CLOCK_TICKS))
		clock_ask();
	return ticks * tick_ns + clock_offset_ns;
}

static __always_inline __u64 state_precise_ns(const struct packet *packet)
{
	(void)packet;
	return test_clock ? state_test_ns() : bpf_ktime_get_ns();
}

static __always_inline __u64 state_seed(const struct packet *packet)
{
	(void)packet;
	return fragment_seed;
}

/* The highest level that has not expired; a writer that died sheds nothing. */
static __always_inline __u32 state_pressure(struct packet *packet)
{
	__u32 zero = 0, level = 0;
	struct pressure *entry = bpf_map_lookup_elem(&pressure, &zero);
	__u64 any = 0, now_ms;

	if (!entry)
		return 0;
	for (__u32 i = 0; i < PRESSURE_SOURCES; i++)
		any |= entry->slot[i];
	if (likely(!any))
		return 0;
	if (!packet->now_ns)
		packet->now_ns = state_coarse_ns(packet);
	now_ms = packet->now_ns / 1000000;
	for (__u32 i = 0; i < PRESSURE_SOURCES; i++) {
		__u64 slot = entry->slot[i];

		if (slot >> 8 > now_ms && (slot & 255) > level)
			level = slot & 255;
	}
	return level;
}

/* Frames without it are stamped by the broker, which does not know more than the time. */
static __always_inline void prepend(struct xdp_md *ctx, const struct meta *meta)
{
#ifdef WITHOUT_META
	(void)ctx;
	(void)meta;
#else
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)) == 0) {
		void *data = (void *)(long)ctx->data;
		struct meta *at = (void *)(long)ctx->data_meta;

		if ((void *)(at + 1) <= data)
			*at = *meta;
	}
#endif
}

static __always_inline bool state_redirect(struct packet *packet, __u32 id, struct meta *meta)
{
	struct lease *lease = state_lease(packet, id);

	prepend(packet->ctx, meta);
	if (bpf_redirect_map(&xsks, lease_key(packet, id), XDP_PASS) != XDP_REDIRECT)
		return false;
	if (lease)
		__sync_fetch_and_add(&lease->sent, deliver_frames(packet->length));
	return true;
}

/* The active image. To look it up once a packet is what makes a swap atomic for it. */
static __always_inline bool state_image(struct packet *packet)
{
	__u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&image, &zero);

	if (inner)
		packet->image = bpf_map_lookup_elem(inner, &zero);
	return inner && packet->image;
}

static __always_inline __u32 state_instance(const struct packet *packet, const struct frame *frame,
					    const struct image_stream *stream,
					    struct instances *of);
static __always_inline struct delivery
state_police(const struct packet *packet, const struct frame *frame, __u32 class, __u32 place);
static __always_inline bool state_read(const struct packet *packet, const struct frame *frame,
				       const struct image_stream *stream,
				       struct sequence_step *sequence, struct sample_step *sample);
struct outcome;
static __always_inline struct outcome state_later(struct packet *packet, const struct frame *frame,
						  enum protocol protocol);

#include "ingress.h"

static __always_inline struct packet packet_of(struct xdp_md *ctx, __u32 length)
{
	return (struct packet){
		.data = (void *)(long)ctx->data,
		.data_end = (void *)(long)ctx->data_end,
		.ctx = ctx,
		.length = length,
	};
}

SUBPROGRAM int parse(struct xdp_md *ctx, struct frame *frame)
{
	struct packet packet = packet_of(ctx, (__u32)bpf_xdp_get_buff_len(ctx));

	return frame ? (int)frame_parse(&packet, frame) : (int)FRAME_MALFORMED;
}

static __always_inline int state_parse(const struct packet *packet, struct frame *frame)
{
	return parse(packet->ctx, frame);
}

SUBPROGRAM int test(struct xdp_md *ctx, const struct frame *frame,
		    const struct profile_image *active, __u32 number)
{
	struct packet packet = packet_of(ctx, frame ? frame->length : 0);

	return frame && active &&
	       payload_test(&packet, frame, &active->test[number & (IMAGE_TESTS - 1)]);
}

static __always_inline int state_test(const struct packet *packet, const struct frame *frame,
				      __u32 number)
{
	return test(packet->ctx, frame, packet->image, number);
}

SUBPROGRAM int pick(struct xdp_md *ctx, const struct frame *frame,
		    const struct profile_image *active, __u64 mask)
{
	struct packet packet = packet_of(ctx, frame ? frame->length : 0);

	packet.image = active;
	return frame && active ? classify_payload(&packet, frame, mask) : -1;
}

static __always_inline int state_pick(const struct packet *packet, const struct frame *frame,
				      __u64 mask)
{
	return pick(packet->ctx, frame, packet->image, mask);
}

/* Returns verdict | reason << 8. place: of the stream, or IMAGE_STREAMS. */
SUBPROGRAM int police(const struct frame *frame, const struct profile_image *active, __u32 class,
		      __u32 place, __u64 now_ns)
{
	struct packet packet = { .image = active, .now_ns = now_ns };
	struct delivery delivery;

	if (!frame || !active)
		return VERDICT_STACK | REASON_PROFILE << 8;
	delivery = ingress_police(&packet, frame, class, place);
	return (int)(delivery.verdict | delivery.reason << 8);
}

static __always_inline struct delivery
state_police(const struct packet *packet, const struct frame *frame, __u32 class, __u32 place)
{
	__u32 packed = (__u32)police(frame, packet->image, class, place, packet->now_ns);

	return (struct delivery){ (enum verdict)(packed & 255), (enum reason)(packed >> 8 & 255) };
}

SUBPROGRAM int read_fields(struct xdp_md *ctx, const struct frame *frame,
			   const struct image_stream *stream, struct sequence_step *sequence,
			   struct sample_step *sample)
{
	struct packet packet = packet_of(ctx, frame ? frame->length : 0);

	return frame && stream && sequence && sample &&
	       ingress_read(&packet, frame, stream, sequence, sample);
}

static __always_inline bool state_read(const struct packet *packet, const struct frame *frame,
				       const struct image_stream *stream,
				       struct sequence_step *sequence, struct sample_step *sample)
{
	return read_fields(packet->ctx, frame, stream, sequence, sample);
}

SUBPROGRAM int find(struct xdp_md *ctx, const struct frame *frame,
		    const struct image_stream *stream, struct instances *of)
{
	struct packet packet = packet_of(ctx, frame ? frame->length : 0);

	return frame && stream && of ? (int)instance_find(&packet, frame, stream, of)
				     : (int)INSTANCE_UNTRACKED;
}

static __always_inline __u32 state_instance(const struct packet *packet, const struct frame *frame,
					    const struct image_stream *stream, struct instances *of)
{
	return (__u32)find(packet->ctx, frame, stream, of);
}

SUBPROGRAM int account(struct xdp_md *ctx, const struct frame *frame,
		       const struct image_stream *stream, struct counters *row, struct meta *meta)
{
	struct packet packet = packet_of(ctx, frame ? frame->length : 0);

	packet.counters = row;
	if (frame && stream && row && meta)
		ingress_account(&packet, frame, stream, meta);
	return 0;
}

static __always_inline void state_account(const struct packet *packet, const struct frame *frame,
					  const struct image_stream *stream, struct meta *meta)
{
	account(packet->ctx, frame, stream, packet->counters, meta);
}

/* Returns verdict | reason << 8 | id << 16. */
SUBPROGRAM int later(struct xdp_md *ctx, const struct frame *frame, __u32 protocol)
{
	struct packet packet = packet_of(ctx, frame ? frame->length : 0);
	struct outcome outcome;

	if (!frame)
		return VERDICT_STACK | REASON_MALFORMED << 8 | (int)OTHER_ID << 16;
	outcome = ingress_later(&packet, frame, (enum protocol)(protocol & (PROTOCOLS - 1)));
	return (int)(outcome.verdict | outcome.reason << 8 | outcome.id << 16);
}

static __always_inline struct outcome state_later(struct packet *packet, const struct frame *frame,
						  enum protocol protocol)
{
	__u32 packed = (__u32)later(packet->ctx, frame, protocol);

	return (struct outcome){
		.verdict = (enum verdict)(packed & 255),
		.reason = (enum reason)(packed >> 8 & 255),
		.stream = -1,
		.id = packed >> 16,
	};
}

SEC("xdp.frags")
int sensor_ingress(struct xdp_md *ctx)
{
	struct packet packet = packet_of(ctx, 0);
	struct outcome outcome;

	if (!state_image(&packet))
		return XDP_PASS;
	outcome = ingress(&packet);
	switch (outcome.verdict) {
	case VERDICT_AF_XDP:
		return XDP_REDIRECT;
	case VERDICT_DROP:
		return XDP_DROP;
	case VERDICT_STACK:
	case VERDICT_CPU:
	case VERDICT_INTERFACE:
	case VERDICT_REFLECT:
	case VERDICTS:
		break;
	}
	return XDP_PASS;
}
