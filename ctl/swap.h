/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SENSORCTL_SWAP_H
#define SENSORCTL_SWAP_H

#include "ctl/attached.h"
#include "ctl/error.h"

/*
 * Makes a compiled image the active one: gives its streams their stable ids and it the next
 * generation. confirm_ns: it is rolled back that long after unless confirmed, *deadline_ns says when; 0: for
 * good, which also confirms what was pending. Returns 0 or -errno; after an error the old
 * image is active. Needs the lock.
 */
int swap_to(const struct attached *attached, struct profile_image *image, __u64 confirm_ns,
	    __u64 *deadline_ns, struct error *error);

/* CLOCK_REALTIME. */
__u64 swap_now_ns(void);

#endif
