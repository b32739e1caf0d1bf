// SPDX-License-Identifier: GPL-2.0-only
/* The stats model from the maps of an attached interface. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "ctl/stats.h"

struct reader {
	const struct attached *attached;
	struct counters *rows; /* one for each CPU */
	int cpus;
};

/* Adds up words: all of struct counters is 64-bit numbers. */
static void add(struct counters *sum, const struct counters *row)
{
	__u64 *to = (__u64 *)sum, last = sum->last_ns, longest = sum->interarrival_max_ns;
	const __u64 *from = (const __u64 *)row;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
	/* ... but for the two that are no counts. */
	sum->last_ns = row->last_ns > last ? row->last_ns : last;
	sum->interarrival_max_ns = row->interarrival_max_ns > longest ? row->interarrival_max_ns
								      : longest;
}

static int read_counters(void *context, __u32 id, struct counters *sum)
{
	struct reader *reader = context;
	int result = bpf_map_lookup_elem(reader->attached->counters, &id, reader->rows);

	if (result)
		return result;
	*sum = reader->rows[0];
	for (int i = 1; i < reader->cpus; i++)
		add(sum, &reader->rows[i]);
	return 0;
}

static int read_instances(void *context, __u32 id, struct instances *instances)
{
	const struct reader *reader = context;

	return bpf_map_lookup_elem(reader->attached->instances, &id, instances);
}

static __u64 monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000u + (__u64)now.tv_nsec;
}

__u32 stats_pressure(const struct attached *attached)
{
	__u64 now_ms = monotonic_ns() / 1000000;
	struct pressure pressure;
	__u32 zero = 0, level = 0;

	if (bpf_map_lookup_elem(attached->pressure, &zero, &pressure))
		return 0;
	for (unsigned int i = 0; i < PRESSURE_SOURCES; i++) {
		__u32 claimed = pressure.slot[i] & 0xff;

		if (pressure.slot[i] >> 8 > now_ms && claimed > level)
			level = claimed;
	}
	return level;
}

/*
 * What a broker took to its grave: what the next one found, and what still lies there while
 * none lives.
 */
static int read_rings(struct stats *stats, const struct attached *attached,
		      const struct profile_image *image)
{
	bool alive = broker_lives(attached->view, monotonic_ns());

	for (int i = 0; i < stats->stream_count; i++) {
		stats->stream[i].ring_lost = 0;
		for (__u32 queue = 0; queue < attached->view->queues; queue++) {
			__u32 key = image->stream[i].id * attached->view->queues + queue;
			struct lease lease;

			if (bpf_map_lookup_elem(attached->leases, &key, &lease))
				return -errno;
			stats->stream[i].ring_lost += lease.lost;
			if (!alive)
				stats->stream[i].ring_lost += lease.sent - lease.drained;
		}
	}
	return 0;
}

int stats_read(struct stats *stats, const struct attached *attached, struct profile_image *image)
{
	struct reader reader = { .attached = attached, .cpus = libbpf_num_possible_cpus() };
	struct stats_source source = { &reader, read_counters, read_instances };
	int result;

	if (reader.cpus < 0)
		return reader.cpus;
	result = attached_image(attached, image);
	if (result)
		return result;
	reader.rows = calloc((size_t)reader.cpus, sizeof(*reader.rows));
	if (!reader.rows)
		return -ENOMEM;
	stats->live = true;
	stats->interface = attached->interface;
	stats->mode = attached->view->mode;
	stats->pressure = stats_pressure(attached);
	result = stats_fill(stats, image, &source, monotonic_ns());
	if (!result)
		result = read_rings(stats, attached, image);
	free(reader.rows);
	return result;
}
