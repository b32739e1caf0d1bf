/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directories of pins below --bpffs, and what puts them right after a crash. attached.h
 * says what lies in one.
 *
 *	IFINDEX		attached
 *	IFINDEX-new	being attached: complete once `link` or `joined` is in it
 *	IFINDEX-old	being detached
 *	moved-LINK	attached, but the interface left this namespace and another took its index
 *
 * bpffs takes no names with a dot.
 */
#ifndef SENSORCTL_PINS_H
#define SENSORCTL_PINS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "ctl/error.h"
#include "ctl/verb.h"

#define PIN_LINK     "link"
#define PIN_JOINED   "joined"	/* the program, where a libxdp dispatcher holds it */
#define PIN_PREVIOUS "previous" /* --confirm: the image to roll back to */
#define PIN_PENDING  "pending"	/* --confirm: until when */

/* DIR/NETNS/IFINDEX + suffix. path has PATH_MAX bytes. */
void pins_path(char *path, const char *bpffs, ino_t netns, unsigned int ifindex,
	       const char *suffix);

/*
 * Whether the directory's link (or dispatcher) still holds an interface; ifindex, link id and
 * program id if asked for. Returns 0; -ENODEV when its interface is gone; -ENOENT when there is
 * no link; or another -errno.
 */
struct pins_link {
	unsigned int ifindex; /* 0: a dispatcher holds the program */
	unsigned int link;    /* id, 0 likewise */
	unsigned int program; /* id */
};
int pins_link(const char *directory, struct pins_link *link);

/* The id of the control map: who uses it is ours. Returns 0 or -errno. */
int pins_control(const char *directory, unsigned int *id);

/* Whether the program is on that interface of the current network namespace. */
bool pins_on(unsigned int ifindex, unsigned int program);

enum pins_kind {
	PINS_ATTACHED,
	PINS_NEW,
	PINS_OLD,
};

/* Calls visit for each directory; stops when it returns non-0, and returns that. */
int pins_walk(const char *bpffs,
	      int (*visit)(void *context, const char *directory, ino_t netns, unsigned int ifindex,
			   enum pins_kind kind),
	      void *context);

/* Calls visit for each attached directory (not for -new and -old); stops when it returns non-0. */
int pins_each(const char *bpffs,
	      int (*visit)(void *context, const char *directory, ino_t netns, unsigned int ifindex),
	      void *context);

/*
 * Finishes or removes what a killed sensorctl left behind, sweeps pins whose interface
 * is gone, and rolls back what was not confirmed in time. Does nothing while another
 * sensorctl is at work, or when there is nothing to do.
 */
void pins_mend(const struct globals *globals);

/* The same for who holds the lock already. */
void pins_mend_locked(const struct globals *globals);

/* The steps of a removal, all under the lock: */

/* Renames to IFINDEX-old, unless it is called so; old has PATH_MAX bytes. Returns 0 or -errno. */
int pins_retire(const char *directory, char *old, struct error *error);

/*
 * Takes the program off the interface now, and removes the pin that held it there: the kernel
 * alone does it some time after the last pin is gone, and a program that is to take its place
 * can't wait for that.
 */
void pins_release(const char *directory);

/* Removes the other pins, and the directory. Returns 0 or -errno. */
int pins_clear(const char *directory, struct error *error);

/* All of them. Returns 0 or -errno. */
int pins_remove(const char *directory, struct error *error);

#endif
