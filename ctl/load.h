/* SPDX-License-Identifier: GPL-2.0-only */
/* The BPF object, from opened to loaded with a profile in it. */
#ifndef SENSORCTL_LOAD_H
#define SENSORCTL_LOAD_H

#include "ctl/error.h"
#include "ctl/interface.h"
#include "xdp/image.h"

struct sensor_bpf;
struct sensor_joined_bpf;

/*
 * Loads the programs and maps for an interface and makes the image, as generation 1, the
 * active one; nothing is attached or pinned but DIR/pressure, which all interfaces share.
 * Returns 0 or -errno; sensor_bpf__destroy() releases it.
 */
int load(const struct interface *interface, const char *bpffs, struct profile_image *image,
	 struct sensor_bpf **out, struct error *error);

/*
 * The program for a dispatcher (xdp/sensor_joined.bpf.c), opened and not loaded, since libxdp
 * wants to do that itself. Shares all maps of the first. Returns 0 or -errno.
 */
int load_joined(const struct sensor_bpf *first, struct sensor_joined_bpf **out,
		struct error *error);

/* Tells the maps how the program is attached. Returns 0 or -errno. */
int load_set_mode(const struct sensor_bpf *skeleton, __u32 mode);

/* Pins all maps and the program in a directory. Returns 0 or -errno. */
int load_pin(const struct sensor_bpf *skeleton, const char *directory, struct error *error);

#endif
