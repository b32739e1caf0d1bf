/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counters of an interface, or of a capture: one model, filled from maps or from
 * the data path over plain memory, and two printers of it.
 */
#ifndef SENSORCTL_STATS_H
#define SENSORCTL_STATS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "ctl/attached.h"
#include "xdp/image.h"
#include "xdp/state.h"

/* Where the numbers come from. Both return 0 or -errno. */
struct stats_source {
	void *context;
	/* The row of a stable id, or OTHER_ID, all CPUs added up. */
	int (*counters)(void *context, __u32 id, struct counters *sum);
	int (*instances)(void *context, __u32 id, struct instances *instances);
};

/* One row of counters: each packet in one verdict and in one reason. */
struct stats_row {
	__u64 packets;
	__u64 bytes;
	__u64 verdicts[VERDICTS];
	__u64 reasons[REASONS];
};

struct stats_sender {
	char address[64];
	bool keyed; /* the protocol has key fields */
	__u64 key;
	__u64 packets; /* datagrams */
	__s64 lost;
};

struct stats_stream {
	char name[IMAGE_NAME_BYTES];
	char protocol[IMAGE_NAME_BYTES];
	__u8 class;   /* enum image_class */
	__u8 deliver; /* enum image_deliver */
	bool precise; /* there is an inter-arrival histogram */
	struct stats_row row;
	__u64 datagrams;
	__u64 fragments;
	__s64 lost;
	__u64 reordered;
	__u64 duplicate;
	__u64 restarts;
	__s64 samples;
	__s64 samples_incomplete;
	__u64 untracked;
	__u64 ring_lost; /* frames that lay in a broker's rings when it died */
	bool seen;
	__u64 last_seen_ns_ago;
	bool stale;
	__u64 interarrival_p50_ns;
	__u64 interarrival_p99_ns;
	__u64 interarrival_max_ns;
	int sender_count;
	struct stats_sender sender[INSTANCES];
};

struct stats {
	/* The caller fills these in; live false: a capture, no generation, mode and times. */
	bool live;
	const char *interface;
	__u32 mode; /* enum attach_mode */
	__u32 pressure;
	/* stats_fill() does these. */
	char profile[IMAGE_NAME_BYTES];
	__u64 generation;
	int stream_count;
	struct stats_stream stream[IMAGE_STREAMS];
	struct stats_row other;
	__u64 protocols[PROTOCOLS];
};

/*
 * Fills the model for the streams of an image, in the profile's order. now_ns: CLOCK_MONOTONIC,
 * for what is stale; not looked at unless stats->live. Returns 0 or -errno.
 */
int stats_fill(struct stats *stats, const struct profile_image *image,
	       const struct stats_source *source, __u64 now_ns);

/* The same for an attached interface, all of it. image has room for the active image. */
int stats_read(struct stats *stats, const struct attached *attached, struct profile_image *image);

/* The pressure level now: the highest that has not expired. */
__u32 stats_pressure(const struct attached *attached);

/* The document of `stats --json`; the caller prints and releases it. NULL when out of memory. */
json_t *stats_json(const struct stats *stats);

/* For people. all: streams that saw no packet, too. */
void stats_print(const struct stats *stats, bool all, FILE *out);

#endif
