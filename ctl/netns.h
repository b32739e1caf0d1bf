/* SPDX-License-Identifier: GPL-2.0-only */
/* Network namespaces: which one this is, and what the others are called. */
#ifndef SENSORCTL_NETNS_H
#define SENSORCTL_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The inode of the caller's network namespace, 0 if /proc is not there. */
ino_t netns_inode(void);

/* The name that ip-netns(8) knows an inode by. Returns 0 or -ENOENT. */
int netns_name(ino_t inode, char *name, size_t size);

/*
 * Calls here() in the first process's and in every named network namespace until it
 * returns true, then returns to the caller's. Returns the inode of the namespace where it did,
 * or 0 if it is nowhere.
 */
ino_t netns_search(bool (*here)(void *context), void *context);

#endif
