/* SPDX-License-Identifier: GPL-2.0-only */
/* BPF filters of tc (clsact), which libnl has no object for. */
#ifndef SENSORCTL_FILTER_H
#define SENSORCTL_FILTER_H

#include <linux/types.h>
#include <stdbool.h>

/* Calls each() for every BPF filter of one direction. Returns 0 or -errno. */
int filter_each(unsigned int ifindex, bool ingress,
		void (*each)(void *context, __u32 program, const char *name), void *context);

#endif
