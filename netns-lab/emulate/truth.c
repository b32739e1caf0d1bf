// SPDX-License-Identifier: GPL-2.0-only
#include "truth.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static void note(struct places *places, uint64_t value)
{
	if (places->count == places->room) {
		size_t room = places->room ? places->room * 2 : 64;
		uint64_t *more = realloc(places->at, room * sizeof(*more));

		if (!more)
			abort();
		places->at = more;
		places->room = room;
	}
	places->at[places->count++] = value;
}

static void sample_close(struct truth *truth, bool cut)
{
	if (!truth->sample_open)
		return;
	truth->sample_open = false;
	if (cut)
		truth->samples_cut++;
	if (truth->sample_hole) {
		truth->samples_incomplete++;
		note(&truth->incomplete_at, truth->sample);
	} else if (!cut) {
		truth->samples_whole++;
	}
}

void truth_restart(struct truth *truth)
{
	truth->restarts++;
	sample_close(truth, true);
	truth->seen = false;
	truth->lost_run = 0;
}

void truth_packet(struct truth *truth, uint32_t sample)
{
	truth->packets++;
	if (truth->sample_open)
		return;
	truth->sample_open = true;
	truth->sample_hole = false;
	truth->sample = sample;
	truth->samples++;
}

void truth_lost(struct truth *truth, uint64_t index)
{
	note(&truth->lost, index);
	truth->lost_run++;
	truth->sample_hole = true;
}

void truth_sent(struct truth *truth, uint64_t index, unsigned int fragments,
		unsigned int lost_fragments, bool headless, bool second_copy)
{
	if (fragments > 1)
		truth->fragments += fragments - lost_fragments;
	truth->lost_fragments += lost_fragments;
	if (lost_fragments) {
		truth->broken++;
		truth->headless += headless;
		note(&truth->broken_at, index);
		truth->sample_hole = true;
	} else {
		truth->datagrams++;
	}
	if (second_copy) {
		truth->duplicate++;
		return;
	}
	if (truth->seen)
		truth->lost_visible += truth->lost_run;
	truth->lost_run = 0;
	truth->seen = true;
	if (truth->any_sent && index < truth->highest_sent)
		truth->reordered++;
	else
		truth->highest_sent = index;
	truth->any_sent = true;
}

void truth_sample_end(struct truth *truth)
{
	sample_close(truth, false);
}

void truth_finish(struct truth *truth)
{
	sample_close(truth, true);
}

static json_t *array(const struct places *places)
{
	json_t *out = json_array();

	for (size_t i = 0; i < places->count; i++)
		json_array_append_new(out, json_integer((json_int_t)places->at[i]));
	return out;
}

static void set(json_t *root, const char *key, uint64_t value)
{
	json_object_set_new(root, key, json_integer((json_int_t)value));
}

static void print_json(const struct truth *truth, const struct run *run)
{
	json_t *root = json_object();

	json_object_set_new(root, "sensor", json_string(run->sensor));
	json_object_set_new(root, "output", json_string(run->where));
	set(root, "seed", run->seed);
	set(root, "packets", truth->packets);
	set(root, "datagrams", truth->datagrams);
	set(root, "frames", run->frames);
	set(root, "fragments", truth->fragments);
	set(root, "bytes", run->bytes);
	set(root, "lost", truth->lost.count);
	set(root, "lost_visible", truth->lost_visible);
	set(root, "lost_fragments", truth->lost_fragments);
	set(root, "broken", truth->broken);
	set(root, "headless", truth->headless);
	set(root, "reordered", truth->reordered);
	set(root, "duplicate", truth->duplicate);
	set(root, "restarts", truth->restarts);
	set(root, "samples", truth->samples);
	set(root, "samples_whole", truth->samples_whole);
	set(root, "samples_incomplete", truth->samples_incomplete);
	set(root, "samples_cut", truth->samples_cut);
	json_object_set_new(root, "lost_packets", array(&truth->lost));
	json_object_set_new(root, "broken_packets", array(&truth->broken_at));
	json_object_set_new(root, "incomplete_samples", array(&truth->incomplete_at));
	set(root, "elapsed_ns", run->elapsed_ns);
	set(root, "late_max_ns", run->late_max_ns);
	set(root, "retries", run->retries);
	set(root, "interface_dropped", run->interface_dropped);
	json_dumpf(root, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(root);
}

static void print_text(const struct truth *truth, const struct run *run)
{
	double seconds = (double)run->elapsed_ns / 1e9;

	printf("%s to %s: %lu packets", run->sensor, run->where, truth->packets);
	if (run->elapsed_ns)
		printf(" in %.3f s (%.0f/s, %.1f Mbit/s)", seconds,
		       (double)truth->packets / seconds, (double)run->bytes * 8e-6 / seconds);
	printf("\n  sent      %lu frames, %lu of them fragments, %lu bytes; %lu whole datagrams\n",
	       run->frames, truth->fragments, run->bytes, truth->datagrams);
	printf("  lost      %zu packets (%lu visible), %lu fragments of %lu datagrams\n",
	       truth->lost.count, truth->lost_visible, truth->lost_fragments, truth->broken);
	printf("  reordered %lu, duplicate %lu, restarts %lu\n", truth->reordered, truth->duplicate,
	       truth->restarts);
	printf("  samples   %lu: %lu whole, %lu with a hole, %lu cut by a restart or the end\n",
	       truth->samples, truth->samples_whole, truth->samples_incomplete, truth->samples_cut);
	if (run->elapsed_ns)
		printf("  pace      at most %.3f ms late, %lu retries, %lu dropped by the "
		       "interface\n",
		       (double)run->late_max_ns / 1e6, run->retries, run->interface_dropped);
}

void truth_print(const struct truth *truth, const struct run *run, bool json)
{
	if (json)
		print_json(truth, run);
	else
		print_text(truth, run);
}

void truth_free(struct truth *truth)
{
	free(truth->lost.at);
	free(truth->broken_at.at);
	free(truth->incomplete_at.at);
}
