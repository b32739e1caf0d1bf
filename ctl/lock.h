/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One sensorctl changes things at a time. The lock is a flock(2) on the pin directory itself:
 * bpffs holds no regular files, and so there is one lock for each bpffs.
 */
#ifndef SENSORCTL_LOCK_H
#define SENSORCTL_LOCK_H

#include "ctl/error.h"

/*
 * Returns a descriptor to close when done, or -errno: -EBUSY after wait_ms without the
 * lock (error names the holder if it can be found), -ENOENT without the directory.
 */
int lock_take(const char *directory, int wait_ms, struct error *error);

/* How long a verb waits for another one. */
#define LOCK_WAIT_MS 10000

#endif
