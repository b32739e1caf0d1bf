// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/detach.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl/dispatcher.h"
#include "ctl/netns.h"
#include "ctl/pins.h"
#include "ctl/replaced.h"

static int pinned_map(const char *directory, __u32 *id)
{
	char path[PATH_MAX + NAME_MAX];
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	int fd, result;

	snprintf(path, sizeof(path), "%s/control", directory);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	result = bpf_map_get_info_by_fd(fd, &info, &size);
	close(fd);
	*id = info.id;
	return result;
}

/* Not by a link of ours: it may be in a dispatcher, even if that was not noted. */
static int leave(const char *directory, unsigned int ifindex, struct error *error)
{
	char path[PATH_MAX + NAME_MAX];
	__u32 map;

	snprintf(path, sizeof(path), "%s/" PIN_LINK, directory);
	if (!access(path, F_OK) || pinned_map(directory, &map))
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
