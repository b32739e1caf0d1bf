/* SPDX-License-Identifier: GPL-2.0-only */
/* What was really sent: the numbers that a test compares with what was counted. */
#ifndef EMULATE_TRUTH_H
#define EMULATE_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct places {
	uint64_t *at;
	size_t count, room;
};

struct truth {
	uint64_t packets;   /* that were due, lost ones too */
	uint64_t datagrams; /* sent whole, second copies too; on Ethernet: frames */
	uint64_t broken;    /* datagrams of which a fragment was left out */
	uint64_t headless;  /* of them, without their first fragment: no ports, no sequence */
	uint64_t fragments; /* frames that are IP fragments */
	uint64_t lost_fragments;
	uint64_t lost_visible; /* lost with a packet sent before and after, no restart between */
	uint64_t reordered, duplicate, restarts;
	uint64_t samples, samples_whole, samples_incomplete, samples_cut;
	struct places lost, broken_at, incomplete_at;

	/* the current sample, and the run of lost packets that may turn out to be invisible */
	bool sample_open, sample_hole;
	uint32_t sample;
	bool seen;
	uint64_t lost_run;
	bool any_sent;
	uint64_t highest_sent;
};

struct run {
	const char *sensor;
	const char *where;
	uint64_t seed, frames, bytes, retries, interface_dropped, elapsed_ns, late_max_ns;
};

void truth_restart(struct truth *truth);
/* The next packet of the sensor, before its fate is known. */
void truth_packet(struct truth *truth, uint32_t sample);
void truth_lost(struct truth *truth, uint64_t index);
void truth_sent(struct truth *truth, uint64_t index, unsigned int fragments,
		unsigned int lost_fragments, bool headless, bool second_copy);
void truth_sample_end(struct truth *truth);
void truth_finish(struct truth *truth);

void truth_print(const struct truth *truth, const struct run *run, bool json);
void truth_free(struct truth *truth);

#endif
