// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/detach.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl/dispatcher.h"
#include "ctl/netns.h"
#include "ctl/pins.h"
#include "ctl/replaced.h"

/* Not by a link of ours: it may be in a dispatcher, even if that was not noted. */
static int leave(const char *directory, unsigned int ifindex, struct error *error)
{
	char path[PATH_MAX + NAME_MAX];
	__u32 map;

	snprintf(path, sizeof(path), "%s/" PIN_LINK, directory);
	if (!access(path, F_OK) || pins_control(directory, &map))
		return 0;
	return dispatcher_leave(ifindex, map, error);
}

int detach(const char *directory, ino_t netns, unsigned int ifindex, struct error *error)
{
	bool here = netns == netns_inode();
	__u32 flags = 0;
	int other = replaced_open(directory, &flags), result = 0;

	if (other >= 0 && !here) {
		close(other);
		return error_set(error, -EXDEV, 0, "Call it in that namespace",
				 "a program in another network namespace is to be put back");
	}
	if (here)
		result = leave(directory, ifindex, error);
	if (!result)
		result = pins_remove(directory, error);
	if (!result && other >= 0)
		result = replaced_attach(ifindex, other, flags);
	if (other >= 0)
		close(other);
	return result;
}
