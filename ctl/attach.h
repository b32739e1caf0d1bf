/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SENSORCTL_ATTACH_H
#define SENSORCTL_ATTACH_H

#include <linux/types.h>
#include <stdbool.h>

#include "ctl/attached.h"
#include "ctl/error.h"
#include "ctl/interface.h"

struct attach_request {
	const char *bpffs;
	struct interface interface;
	enum attach_mode mode; /* MODE_NONE: native, else generic */
	bool replace;	       /* take off what another tool attached by netlink */
	__u64 confirm_ns;      /* undone that long after unless confirmed; 0: for good */
};

struct attach_outcome {
	enum attach_mode mode;
	bool joined; /* in somebody's dispatcher */
	char directory[PATH_MAX];
	ino_t netns;
	__u64 deadline_ns;  /* CLOCK_BOOTTIME, when it is undone; 0: never */
	char fallback[256]; /* why not native, or "" */
};

/*
 * Attaches to an interface of the current network namespace that has none of ours. Returns 0
 * or -errno; after an error everything is as it was. Needs the lock.
 */
int attach(const struct attach_request *request, struct profile_image *image,
	   struct attach_outcome *outcome, struct error *error);

#endif
