// SPDX-License-Identifier: GPL-2.0-only
/* What the next call does about what a killed one left (pins.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/detach.h"
#include "ctl/dispatcher.h"
#include "ctl/lock.h"
#include "ctl/netns.h"
#include "ctl/pending.h"
#include "ctl/pins.h"
#include "ctl/replaced.h"

enum fault {
	FAULT_NONE,
	FAULT_RETIRED,	  /* IFINDEX-old: detach was killed */
	FAULT_COMPLETE,	  /* IFINDEX-new with a link: attach was killed at the very end */
	FAULT_INCOMPLETE, /* IFINDEX-new without: attach was killed before that */
	FAULT_DEAD,	  /* the interface is gone */
	FAULT_OVERDUE,	  /* nobody confirmed */
	FAULT_CONFIRMED,  /* confirm was killed: leftovers */
};

static bool has(const char *directory, const char *name)
{
	char path[PATH_MAX + NAME_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return !access(path, F_OK);
}

/* Its owner may have taken the dispatcher off, or the interface is gone with it. */
static bool left_out(const char *directory, ino_t netns, unsigned int ifindex)
{
	unsigned int control;

	return netns == netns_inode() && !pins_control(directory, &control) &&
	       !dispatcher_has(ifindex, control);
}

static enum fault fault_of(const char *directory, ino_t netns, unsigned int ifindex,
			   enum pins_kind kind)
{
	struct pins_link link;
	int result;

	if (kind == PINS_OLD)
		return FAULT_RETIRED;
	result = pins_link(directory, &link);
	if (kind == PINS_NEW)
		return result ? FAULT_INCOMPLETE : FAULT_COMPLETE;
	if (result == -ENODEV || result == -ENOENT)
		return FAULT_DEAD;
	if (!result && !link.ifindex && left_out(directory, netns, ifindex))
		return FAULT_DEAD;
	if (pending_overdue(directory))
		return FAULT_OVERDUE;
	if (!has(directory, PIN_PENDING) &&
	    (has(directory, PIN_PREVIOUS) || replaced_there(directory)))
		return FAULT_CONFIRMED;
	return FAULT_NONE;
}

/* IFINDEX-new -> IFINDEX. */
static void finish(const char *directory)
{
	char final[PATH_MAX];

	snprintf(final, sizeof(final), "%s", directory);
	*strrchr(final, '-') = '\0';
	if (!rename(directory, final))
		return;
	/* Only one of two links on an interface can be alive, and it is the newer one. */
	if (errno == ENOTEMPTY || errno == EEXIST) {
		pins_remove(final, NULL);
		if (rename(directory, final))
			pins_remove(directory, NULL);
	}
}

static int mend(void *context, const char *directory, ino_t netns, unsigned int ifindex,
		enum pins_kind kind)
{
	(void)context;
	switch (fault_of(directory, netns, ifindex, kind)) {
	case FAULT_NONE:
		break;
	case FAULT_DEAD:
		pins_remove(directory, NULL);
		break;
	case FAULT_COMPLETE:
		finish(directory);
		break;
	case FAULT_RETIRED:
	case FAULT_INCOMPLETE:
		detach(directory, netns, ifindex, NULL);
		break;
	case FAULT_OVERDUE:
		pending_roll_back(directory, netns, ifindex, NULL);
		break;
	case FAULT_CONFIRMED:
		pending_drop(directory);
		break;
	}
	return 0;
}

static int look(void *context, const char *directory, ino_t netns, unsigned int ifindex,
		enum pins_kind kind)
{
	(void)context;
	return fault_of(directory, netns, ifindex, kind) != FAULT_NONE;
}

void pins_mend_locked(const struct globals *globals)
{
	pins_walk(globals->bpffs, mend, NULL);
}

void pins_mend(const struct globals *globals)
{
	int lock;

	if (pins_walk(globals->bpffs, look, NULL) <= 0)
		return;
	lock = lock_take(globals->bpffs, 0, NULL);
	if (lock < 0)
		return; /* no leftovers, but somebody's work */
	pins_mend_locked(globals);
	close(lock);
}
