// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <string.h>

#include "ctl/names.h"
#include "ctl/stats.h"

static void print_counts(FILE *out, const char *title, const char *const *names,
			 const __u64 *values, int count)
{
	fprintf(out, "  %s", title);
	for (int i = 0; i < count; i++)
		if (values[i])
			fprintf(out, "  %s %llu", names[i], values[i]);
	fputc('\n', out);
}

static void print_time(FILE *out, const char *title, __u64 ns)
{
	if (ns < 10000)
		fprintf(out, "%s %llu ns", title, ns);
	else if (ns < 10000000)
		fprintf(out, "%s %.1f us", title, (double)ns / 1e3);
	else if (ns < 10000000000)
		fprintf(out, "%s %.1f ms", title, (double)ns / 1e6);
	else
		fprintf(out, "%s %.1f s", title, (double)ns / 1e9);
}

static bool is_shown(const struct stats_stream *stream, bool all)
{
	return all || stream->row.packets;
}

static int name_width(const struct stats *stats, bool all)
{
	int width = (int)strlen("STREAM");

	for (int i = 0; i < stats->stream_count; i++) {
		int length = (int)strlen(stats->stream[i].name);

		if (is_shown(&stats->stream[i], all))
			width = length > width ? length : width;
	}
	return width;
}

/* Profiles know more sensors than a vehicle has: what saw no packet is left out unless all. */
static void print_table(const struct stats *stats, bool all, FILE *out)
{
	int width = name_width(stats, all), silent = 0;

	fprintf(out, "%-*s %-8s %-7s %12s %14s %9s %9s %9s %9s %9s %10s\n", width, "STREAM",
		"CLASS", "DELIVER", "PACKETS", "BYTES", "LOST", "REORDERED", "DUPLICATE",
		"RESTARTS", "SAMPLES", "INCOMPLETE");
	for (int i = 0; i < stats->stream_count; i++) {
		const struct stats_stream *s = &stats->stream[i];

		if (!is_shown(s, all)) {
			silent++;
			continue;
		}
		fprintf(out, "%-*s %-8s %-7s %12llu %14llu %9lld %9llu %9llu %9llu %9lld %10lld\n",
			width, s->name, class_names[s->class], delivery_names[s->deliver],
			s->row.packets, s->row.bytes, s->lost, s->reordered, s->duplicate,
			s->restarts, s->samples, s->samples_incomplete);
	}
	fprintf(out, "%-*s %-8s %-7s %12llu %14llu\n", width, "(other)", "-", "-",
		stats->other.packets, stats->other.bytes);
	if (silent)
		fprintf(out, "%d stream%s saw nothing; -v lists %s\n", silent,
			silent == 1 ? "" : "s", silent == 1 ? "it" : "them");
}

static void print_stream(const struct stats *stats, const struct stats_stream *stream, FILE *out)
{
	if (!stream->row.packets)
		return;
	fprintf(out, "\n%s%s%s%s:\n", stream->name, *stream->protocol ? " (" : "", stream->protocol,
		*stream->protocol ? ")" : "");
	print_counts(out, "verdicts", verdict_names, stream->row.verdicts, VERDICTS);
	print_counts(out, "reasons ", reason_names, stream->row.reasons, REASONS);
	if (stream->fragments)
		fprintf(out, "  %llu datagrams, %llu packets are fragments of them\n",
			stream->datagrams, stream->fragments);
	for (int i = 0; i < stream->sender_count; i++) {
		const struct stats_sender *sender = &stream->sender[i];

		fprintf(out, "  from %s", sender->address);
		if (sender->keyed)
			fprintf(out, " key 0x%llx", sender->key);
		fprintf(out, ": %llu datagrams, %lld lost\n", sender->packets, sender->lost);
	}
	if (stream->untracked)
		fprintf(out, "  %llu packets of further sources are not looked at for loss\n",
			stream->untracked);
	if (stream->ring_lost)
		fprintf(out, "  %llu packets lay in the rings of a broker that died\n",
			stream->ring_lost);
	if (stream->precise && stream->interarrival_max_ns) {
		print_time(out, "  between packets: p50", stream->interarrival_p50_ns);
		print_time(out, ", p99", stream->interarrival_p99_ns);
		print_time(out, ", max", stream->interarrival_max_ns);
		fputc('\n', out);
	}
	if (stats->live) {
		print_time(out, "  last packet", stream->last_seen_ns_ago);
		fprintf(out, " ago%s\n", stream->stale ? ": STALE" : "");
	}
}

void stats_print(const struct stats *stats, bool all, FILE *out)
{
	if (stats->interface)
		fprintf(out, "%s: ", stats->interface);
	fprintf(out, "profile %s", stats->profile);
	if (stats->live)
		fprintf(out, ", generation %llu, %s, pressure %u", stats->generation,
			mode_names[stats->mode], stats->pressure);
	fputs("\n\n", out);
	print_table(stats, all, out);
	for (int i = 0; i < stats->stream_count; i++)
		print_stream(stats, &stats->stream[i], out);
	if (stats->other.packets) {
		fputs("\n(other):\n", out);
		print_counts(out, "verdicts", verdict_names, stats->other.verdicts, VERDICTS);
		print_counts(out, "reasons ", reason_names, stats->other.reasons, REASONS);
	}
	fputc('\n', out);
	print_counts(out, "protocols", protocol_names, stats->protocols, PROTOCOL_OTHER + 1);
}
