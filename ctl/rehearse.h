/* SPDX-License-Identifier: GPL-2.0-only */
/* What a swap would change. */
#ifndef SENSORCTL_REHEARSE_H
#define SENSORCTL_REHEARSE_H

#include "ctl/verb.h"
#include "xdp/image.h"

/*
 * Prints which streams would stay, come and go, and, with a capture (may be NULL), how many
 * of its packets would be judged differently. Returns the exit code.
 */
int rehearse(const struct invocation *invocation, const char *interface,
	     const struct profile_image *active, const struct profile_image *next,
	     const char *capture);

#endif
