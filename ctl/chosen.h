/* SPDX-License-Identifier: GPL-2.0-only */
/* The profile that --profile names, for the verbs that make it the active one. */
#ifndef SENSORCTL_CHOSEN_H
#define SENSORCTL_CHOSEN_H

#include "ctl/verb.h"
#include "xdp/image.h"

/*
 * Loads, checks and compiles it; says what is wrong and warns on stderr. *image is to be
 * freed. Returns DONE or the exit code.
 */
int chosen_image(const struct invocation *invocation, struct profile_image **image);

/* Warns where the image would cut the caller's own SSH connection through the interface. */
void chosen_warn_ssh(const struct invocation *invocation, const struct profile_image *image,
		     const char *interface);

#endif
