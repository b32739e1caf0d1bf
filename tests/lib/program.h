/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The XDP program with its maps, loaded for BPF_PROG_TEST_RUN by tests and benchmarks, with
 * an image put in place and nothing attached.
 */
#ifndef SENSORCTL_TESTS_PROGRAM_H
#define SENSORCTL_TESTS_PROGRAM_H

#include <stdbool.h>
#include <stdio.h>

#include "xdp/image.h"
#include "xdp/sensor.skel.h"
#include "xdp/state.h"

struct program {
	struct sensor_bpf *skeleton;
	struct control *control; /* mapped */
	struct lease *leases;	 /* mapped, STREAM_IDS entries */
	int descriptor;		 /* of the program */
	int socket;		 /* of program_sockets(); 0: none */
};

/* test_clock: the program takes the time from control->test_ns. Returns 0 or -errno. */
int program_open(struct program *program, bool test_clock);
void program_close(struct program *program);

/* A profile of the tree by its name, or YAML text of more than one line. Returns 0 or -errno. */
int program_compile(const char *name_or_yaml, struct profile_image *image);

/* Makes an image the active one. Returns 0 or -errno. */
int program_image(struct program *program, const struct profile_image *image);

/* Forgets all counters, instances, fragments and buckets. Returns 0 or -errno. */
int program_reset(struct program *program);

/* All leases fresh, with all the credit there is. */
void program_leases(struct program *program);

/*
 * An AF_XDP socket, bound to nothing, for each stream of the image: what a redirect looks for
 * is there. Returns 0 or -errno.
 */
int program_sockets(struct program *program, const struct profile_image *image);

/* The row of an id, all CPUs added up; and its instances. Return 0 or -errno. */
int program_counters(const struct program *program, __u32 id, struct counters *sum);
int program_instances(const struct program *program, __u32 id, struct instances *instances);

/* One frame, `repeat` times. *action: what the program returned. Returns ns a run, or -errno. */
int program_run(int descriptor, const void *frame, __u32 length, __u32 repeat, __u32 *action);

#endif
