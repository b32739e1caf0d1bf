// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/stats.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xdp/histogram.h"
#include "xdp/sample.h"

/* Each packet is in one cell of by[][], so all three sums come from it. */
static void fill_row(struct stats_row *row, const struct counters *counters)
{
	memset(row, 0, sizeof(*row));
	row->bytes = counters->bytes;
	for (int verdict = 0; verdict < VERDICTS; verdict++) {
		for (int reason = 0; reason < REASONS; reason++) {
			__u64 packets = counters->by[verdict][reason];

			row->packets += packets;
			row->verdicts[verdict] += packets;
			row->reasons[reason] += packets;
		}
	}
}

static void print_address(char *text, size_t size, const struct instance *instance)
{
	const __u8 *a = (const __u8 *)instance->address;

	switch (instance->family) {
	case 4:
		inet_ntop(AF_INET, a, text, (socklen_t)size);
		break;
	case 6:
		inet_ntop(AF_INET6, a, text, (socklen_t)size);
		break;
	default:
		snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4],
			 a[5]);
		break;
	}
}

static void fill_senders(struct stats_stream *stream, const struct image_stream *image,
			 const struct counters *counters, const struct instances *instances)
{
	stream->sender_count = 0;
	for (unsigned int i = 0; i < INSTANCES; i++) {
		const struct instance *instance = &instances->instance[i];
		struct stats_sender *sender = &stream->sender[stream->sender_count];

		if (!instances->tag[i] || !instance->ready)
			continue;
		print_address(sender->address, sizeof(sender->address), instance);
		sender->keyed = image->key_count;
		sender->key = instance->key;
		sender->packets = counters->instance_packets[i];
		sender->lost = counters->instance_lost[i];
		stream->sender_count++;
	}
}

static void fill_times(struct stats_stream *stream, const struct image_stream *image,
		       const struct counters *counters, __u64 now_ns)
{
	stream->seen = counters->last_ns;
	/* The coarse clock of the data path may be a tick behind, never ahead; CPUs race. */
	stream->last_seen_ns_ago = now_ns > counters->last_ns ? now_ns - counters->last_ns : 0;
	stream->stale = stream->seen && image->stale_after_ns &&
			stream->last_seen_ns_ago > image->stale_after_ns;
}

static void fill_interarrival(struct stats_stream *stream, const struct counters *counters)
{
	__u64 count = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += counters->interarrival[i];
	stream->interarrival_p50_ns = histogram_quantile(counters->interarrival, count, 0.5);
	stream->interarrival_p99_ns = histogram_quantile(counters->interarrival, count, 0.99);
	stream->interarrival_max_ns = counters->interarrival_max_ns;
	/* The middle of a bucket can lie above the largest value in it. */
	if (stream->interarrival_p50_ns > stream->interarrival_max_ns)
		stream->interarrival_p50_ns = stream->interarrival_max_ns;
	if (stream->interarrival_p99_ns > stream->interarrival_max_ns)
		stream->interarrival_p99_ns = stream->interarrival_max_ns;
}

static void fill_stream(struct stats_stream *stream, const struct profile_image *image, __u32 i,
			const struct counters *counters, const struct instances *instances)
{
	const struct image_stream *from = &image->stream[i];

	memcpy(stream->name, image->label[i].name, sizeof(stream->name));
	memcpy(stream->protocol, image->label[i].protocol, sizeof(stream->protocol));
	stream->class = from->class;
	stream->deliver = from->deliver;
	stream->precise = from->flags & STREAM_PRECISE;
	fill_row(&stream->row, counters);
	stream->fragments = counters->fragments;
	stream->datagrams = stream->row.packets - counters->fragments + counters->first_fragments;
	stream->lost = counters->lost;
	stream->reordered = counters->reordered;
	stream->duplicate = counters->duplicate;
	stream->restarts = counters->restarts;
	stream->samples = counters->samples;
	stream->samples_incomplete = counters->samples_incomplete;
	for (unsigned int n = 0; n < INSTANCES; n++)
		stream->samples_incomplete += samples_pending(from, &instances->instance[n]);
	stream->untracked = counters->untracked;
	fill_senders(stream, from, counters, instances);
	fill_interarrival(stream, counters);
}

static void add_protocols(struct stats *stats, const struct counters *counters)
{
	for (int i = 0; i < PROTOCOLS; i++)
		stats->protocols[i] += counters->protocol[i];
}

int stats_fill(struct stats *stats, const struct profile_image *image,
	       const struct stats_source *source, __u64 now_ns)
{
	struct counters *counters = malloc(sizeof(*counters));
	struct instances *instances = malloc(sizeof(*instances));
	int result = counters && instances ? 0 : -ENOMEM;

	memcpy(stats->profile, image->name, sizeof(stats->profile));
	memset(stats->protocols, 0, sizeof(stats->protocols));
	stats->generation = image->generation;
	stats->stream_count = (int)image->stream_count;
	for (__u32 i = 0; !result && i < image->stream_count; i++) {
		__u32 id = image->stream[i].id;

		result = source->counters(source->context, id, counters);
		if (!result)
			result = source->instances(source->context, id, instances);
		if (result)
			break;
		fill_stream(&stats->stream[i], image, i, counters, instances);
		if (stats->live)
			fill_times(&stats->stream[i], &image->stream[i], counters, now_ns);
		add_protocols(stats, counters);
	}
	if (!result)
		result = source->counters(source->context, OTHER_ID, counters);
	if (!result) {
		fill_row(&stats->other, counters);
		add_protocols(stats, counters);
	}
	free(counters);
	free(instances);
	return result;
}
