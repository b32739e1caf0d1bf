/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A libxdp dispatcher that somebody else put on an interface. We join it where the kernel can
 * replace functions (freplace), and never create one.
 */
#ifndef SENSORCTL_DISPATCHER_H
#define SENSORCTL_DISPATCHER_H

#include <linux/types.h>
#include <stdbool.h>

#include "ctl/error.h"

struct sensor_bpf;

bool dispatcher_there(unsigned int ifindex);

/*
 * Adds the loaded program's twin, which shares its maps, to the dispatcher. *program: a
 * descriptor of the twin; *mode: the dispatcher's, enum attach_mode. Returns 0 or -errno.
 */
int dispatcher_join(unsigned int ifindex, const struct sensor_bpf *loaded, int *program,
		    __u32 *mode, struct error *error);

/* Whether a program that uses a map (by id) is in the interface's dispatcher. */
bool dispatcher_has(unsigned int ifindex, __u32 map);

/*
 * Takes the program that uses a map (by id) out, and leaves the others in. 0 also when
 * none does. A twin is found by what it shares, even if nobody lived to note its own id.
 */
int dispatcher_leave(unsigned int ifindex, __u32 map, struct error *error);

#endif
