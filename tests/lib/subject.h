/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A loaded object of the data path, nothing attached or pinned, as what ctl/swap.h works on;
 * and frames for it.
 */
#ifndef SENSORCTL_TESTS_SUBJECT_H
#define SENSORCTL_TESTS_SUBJECT_H

#include <bpf/libbpf.h>

#include "ctl/attached.h"

struct subject {
	struct attached attached; /* its directory is empty and goes with the subject */
	struct counters *rows;	  /* room for one row of all CPUs */
	int cpus;
};

/* object must outlive it. Makes first the active image. Returns 0 or -errno. */
int subject_open(struct subject *subject, const struct bpf_object *object,
		 const struct profile_image *first);
void subject_close(struct subject *subject);

/* Makes an image the active one as `sensorctl swap` does. Returns 0 or -errno. */
int subject_swap(struct subject *subject, struct profile_image *image);

/* The row of an id, all CPUs added up; times and longest gaps are meaningless then. 0 or -errno. */
int subject_counters(struct subject *subject, __u32 id, struct counters *sum);

/* The id of a stream by its name, -ENOENT if it has none. */
int subject_id(const struct subject *subject, const char *name);

#define SUBJECT_FRAME_BYTES 64

/* A UDP packet to a port, and a packet of the `experimental` camera. */
void subject_udp_frame(unsigned char frame[SUBJECT_FRAME_BYTES], unsigned int port);
void subject_camera_frame(unsigned char frame[SUBJECT_FRAME_BYTES]);

/* Keeps the calling thread on a CPU. Returns 0 or -errno. */
int subject_pin(int cpu);

#endif
