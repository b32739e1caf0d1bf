// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/detach.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/dispatcher.h"
#include "ctl/netns.h"
#include "ctl/pins.h"
#include "ctl/replaced.h"

static bool has(const char *directory, const char *name)
{
	char path[PATH_MAX + NAME_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return !access(path, F_OK);
}

/* Not by a link of ours: it may be in a dispatcher, even if that was not noted. */
static int leave(const char *directory, unsigned int ifindex, struct error *error)
{
	__u32 map;

	if (has(directory, PIN_LINK) || pins_control(directory, &map))
		return 0;
	return dispatcher_leave(ifindex, map, error);
}

/* Puts back what --replace took off. Only once it is on again is its pin removed. */
static int put_back(const char *directory, unsigned int ifindex, struct error *error)
{
	__u32 flags = 0;
	int other = replaced_open(directory, &flags), result;

	if (other == -ENOENT)
		return 0;
	result = other < 0 ? other : replaced_attach(ifindex, other, flags);
	if (other >= 0)
		close(other);
	/* Somebody has put one on meanwhile, or this was done before a crash; or nowhere to go. */
	if (result == -EBUSY || result == -EEXIST || result == -ENODEV)
		result = 0;
	if (result)
		return error_set(error, result, 0, "The next call tries it again",
				 "the program that --replace took off can't be put back: %s",
				 strerror(-result));
	replaced_drop(directory);
	return 0;
}

struct work {
	const char *directory;
	ino_t netns;
	unsigned int ifindex;
	struct error *error;
	int result;
};

/* In the interface's namespace. */
static int work(const struct work *work)
{
	char old[PATH_MAX];
	int result = leave(work->directory, work->ifindex, work->error);

	if (!result)
		result = pins_retire(work->directory, old, work->error);
	if (result)
		return result;
	pins_release(old);
	result = put_back(old, work->ifindex, work->error);
	return result ? result : pins_clear(old, work->error);
}

static bool work_there(void *context)
{
	struct work *there = context;

	if (netns_inode() != there->netns)
		return false;
	there->result = work(there);
	return true;
}

int detach(const char *directory, ino_t netns, unsigned int ifindex, struct error *error)
{
	struct work to_do = { directory, netns, ifindex, error, 0 };

	if (work_there(&to_do))
		return to_do.result;
	/* A link is let go of from everywhere. */
	if (has(directory, PIN_LINK) && !replaced_there(directory))
		return pins_remove(directory, error);
	if (netns_search(work_there, &to_do))
		return to_do.result;
	if (replaced_there(directory) || has(directory, PIN_JOINED))
		return error_set(error, -EXDEV, 0, "Call it in that namespace",
				 "the programs of others in another network namespace, which has "
				 "no name, are to be left as they were");
	return pins_remove(directory, error);
}
