/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SENSORCTL_DETACH_H
#define SENSORCTL_DETACH_H

#include <sys/types.h>

#include "ctl/error.h"

/*
 * Removes all that attach made, complete or not, and puts back what --replace took off and
 * was not confirmed. Where that needs another network namespace than this one (a dispatcher, a
 * replaced program), it is done there; if that has no name, it is left for a call from
 * there: -EXDEV. Returns 0 or -errno. Needs the lock.
 */
int detach(const char *directory, ino_t netns, unsigned int ifindex, struct error *error);

#endif
