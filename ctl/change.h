/* SPDX-License-Identifier: GPL-2.0-only */
/* What the verbs that change something begin with. */
#ifndef SENSORCTL_CHANGE_H
#define SENSORCTL_CHANGE_H

#include "ctl/attached.h"
#include "ctl/verb.h"

/*
 * Takes the lock and mends what a killed call left. create: makes the pin directory first;
 * otherwise, where there is none, nothing is attached and no lock needed. *lock: a descriptor, -1
 * without a directory. Returns 0, or the exit code after saying why.
 */
int change_begin(const struct invocation *invocation, bool create, int *lock);
void change_end(int lock);

/* --confirm SECONDS in ns, 0 without it. Returns 0 or USAGE. */
int change_confirm(const struct invocation *invocation, __u64 *confirm_ns);

/*
 * Makes image the active one of an attached interface and says so. Needs the lock.
 * Returns the exit code.
 */
int change_swap(const struct invocation *invocation, const struct attached *attached,
		struct profile_image *image, __u64 confirm_ns);

/* Leaves the process behind that rolls back, and says until when `confirm` is waited for. */
int change_await(const struct invocation *invocation, const char *directory, ino_t netns,
		 unsigned int ifindex, const char *interface, __u64 deadline_ns);

#endif
