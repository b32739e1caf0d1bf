/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The data path in front of a test, either over plain memory or as the loaded program with
 * BPF_PROG_TEST_RUN, so that one scenario is told once and runs through both.
 *
 * The program has no sockets to redirect to. What it would have redirected it counts as
 * redirect_failed, and that is told here as af_xdp by the profile.
 */
#ifndef SENSORCTL_TESTS_PATH_H
#define SENSORCTL_TESTS_PATH_H

#include "tests/lib/program.h"
#include "xdp/plain.h"

struct path {
	bool loaded;
	struct plain *plain;
	struct program program;
};

struct judged {
	__u32 id; /* row that was counted */
	enum verdict verdict;
	enum reason reason;
};

/* loaded: the program, which takes root. Returns 0 or -errno. */
int path_open(struct path *path, bool loaded);
void path_close(struct path *path);

/* Forgets everything, makes leases fresh. These fail the test where they can't. */
void path_reset(struct path *path);

/* Makes a profile the active one, from YAML of more than one line or by name. */
void path_profile(struct path *path, const char *yaml);

void path_lease(struct path *path, __u32 id, const struct lease *lease);

/* Judges a frame at a time. Each packet is counted once: that is checked, too. */
struct judged path_frame(struct path *path, const void *frame, __u32 length, __u64 time_ns);

void path_counters(struct path *path, __u32 id, struct counters *counters);

void judged_is(struct judged judged, __u32 id, enum verdict verdict, enum reason reason);

#endif
