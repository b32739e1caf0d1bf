/* SPDX-License-Identifier: GPL-2.0-only */
/* The file system that pins live in. */
#ifndef SENSORCTL_BPFFS_H
#define SENSORCTL_BPFFS_H

#include <stdbool.h>

#include "ctl/error.h"

/* Whether path, or what is nearest above it, lies on a bpffs. */
bool bpffs_is(const char *path);

/*
 * Makes directory, with its parents, on a bpffs; mounts one where none is and that hides
 * nothing. Returns 0 or -errno.
 */
int bpffs_prepare(const char *directory, struct error *error);

/* mkdir -p, mode 0700. Returns 0 or -errno. */
int bpffs_mkdir(const char *directory);

/* Removes a directory of pins. Returns 0, also when it is not there, or -errno. */
int bpffs_remove(const char *directory);

#endif
