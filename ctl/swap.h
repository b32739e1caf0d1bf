/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SENSORCTL_SWAP_H
#define SENSORCTL_SWAP_H

#include "ctl/attached.h"
#include "ctl/error.h"

/*
 * Makes a compiled image the active one: gives its streams their stable ids and it the next
 * generation. deadline_ns: CLOCK_BOOTTIME, when it is rolled back unless confirmed; 0: at once
 * for good, which also confirms what was pending. Returns 0 or -errno; after an error the old
 * image is active. Needs the lock.
 */
int swap_to(const struct attached *attached, struct profile_image *image, __u64 deadline_ns,
	    struct error *error);

/* CLOCK_REALTIME. */
__u64 swap_now_ns(void);

#endif
