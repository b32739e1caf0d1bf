/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What attach leaves in bpffs: DIR/NETNS-INODE/IFINDEX/ holds the pins of one interface.
 *
 *	link		the XDP link
 *	program		the XDP program
 *	image		ARRAY_OF_MAPS, one slot: the active struct profile_image
 *	names		ARRAY[STREAM_IDS] of struct name_entry
 *	counters	PERCPU_ARRAY[COUNTER_ROWS] of struct counters
 *	instances	ARRAY[STREAM_IDS] of struct instances
 *	fragments	ARRAY of fragment sets
 *	buckets		ARRAY of token bucket states
 *	leases		ARRAY[STREAM_IDS * queues] of struct lease, mmap-able
 *	xsks		XSKMAP[STREAM_IDS * queues]
 *	control		ARRAY[1] of struct control, mmap-able
 * and DIR/pressure, machine-wide, ARRAY[1] of struct pressure, mmap-able.
 *
 * All pins are made under IFINDEX-new, the link last, and the directory is then renamed: whoever
 * is killed in between leaves either a complete state that the next call renames, or
 * one without a link that the next call removes.
 */
#ifndef SENSORCTL_ATTACHED_H
#define SENSORCTL_ATTACHED_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "ctl/error.h"
#include "ctl/verb.h"
#include "xdp/image.h"
#include "xdp/state.h"

enum attach_mode {
	MODE_NONE,
	MODE_NATIVE,
	MODE_GENERIC,
	MODE_TC,
};

struct attached {
	char directory[PATH_MAX];
	char interface[16]; /* its name now */
	unsigned int ifindex;
	ino_t netns;
	int link, program, image, names, counters, instances, fragments, buckets, leases, xsks,
		control, pressure; /* file descriptors */
	struct control *view;	   /* the control map, mapped read-write */
	bool joined;		   /* a libxdp dispatcher holds the program; link is -1 */
	bool moved;		   /* the interface is in another namespace now; ifindex is there */
};

/*
 * Opens what is attached to an interface. Enters the network namespace of globals first, if
 * one is named. Returns 0; -ENODEV no such interface; -ENOENT nothing attached; or
 * another -errno, with error filled in. attached_close() releases what was opened.
 */
int attached_open(const struct globals *globals, const char *interface, struct attached **out,
		  struct error *error);
void attached_close(struct attached *attached);

/*
 * The same for a directory of pins. netns, ifindex: what its path says. Of the interface
 * itself only .moved and .interface are looked at, so it may be gone.
 */
int attached_open_directory(const char *directory, ino_t netns, unsigned int ifindex,
			    struct attached **out, struct error *error);

/*
 * The directory where an interface's pins lie, PATH_MAX bytes, without opening them: for
 * those that another version of sensorctl made. Returns as attached_open().
 */
int attached_find(const struct globals *globals, const char *interface, char *directory,
		  ino_t *netns, unsigned int *ifindex, struct error *error);

/*
 * Copies the active image (sizeof(struct profile_image) bytes at image). One lookup
 * of the outer map, so never a mixture. Returns 0 or -errno.
 */
int attached_image(const struct attached *attached, struct profile_image *image);

/* Whether the interface's broker lives, at a time of CLOCK_MONOTONIC. */
bool broker_lives(const struct control *control, __u64 now_ns);

/* Enters the network namespace NAME (as ip-netns(8) makes it). Returns 0, -ESRCH, or -errno. */
int netns_enter(const char *name, struct error *error);

#endif
