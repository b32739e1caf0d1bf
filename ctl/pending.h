/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --confirm: what is rolled back unless `confirm` comes in time. It lies beside the other pins
 * (`pending`, and `previous`: the image to return to; without one, attach is undone),
 * so it outlives the process that waits for the deadline: any later call sees to it.
 */
#ifndef SENSORCTL_PENDING_H
#define SENSORCTL_PENDING_H

#include <stdbool.h>

#include "ctl/attached.h"
#include "ctl/error.h"

struct pending {
	__u64 deadline_ns; /* CLOCK_BOOTTIME */
};

/* Returns 0, -ENOENT when nothing is pending, or another -errno. */
int pending_get(const char *directory, struct pending *pending);

/*
 * Pins it in directory. previous: the inner map to return to, or -1 after an attach. What
 * is pending already stays the one to return to. Returns 0 or -errno.
 */
int pending_set(const char *directory, const struct pending *pending, int previous,
		struct error *error);

/* Forgets it: confirmed. Returns 0 or -errno. */
int pending_drop(const char *directory);

/* Whether its time is up. */
bool pending_overdue(const char *directory);

/* Rolls back now, whatever the time. Needs the lock. Returns 0 or -errno. */
int pending_roll_back(const char *directory, ino_t netns, unsigned int ifindex,
		      struct error *error);

/*
 * Leaves a process of a session of its own behind that rolls back when the time is up.
 * Returns 0 or -errno.
 */
int pending_watch(const struct globals *globals, const char *directory, ino_t netns,
		  unsigned int ifindex, __u64 deadline_ns);

__u64 pending_now(void);

#endif
