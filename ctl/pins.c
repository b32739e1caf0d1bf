// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/bpffs.h"
#include "ctl/crash.h"

void pins_path(char *path, const char *bpffs, ino_t netns, unsigned int ifindex, const char *suffix)
{
	snprintf(path, PATH_MAX, "%s/%lu/%u%s", bpffs, (unsigned long)netns, ifindex, suffix);
}

static int get(const char *directory, const char *name)
{
	char path[PATH_MAX + NAME_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return bpf_obj_get(path);
}

static int program_id(int fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	return bpf_prog_get_info_by_fd(fd, &info, &size) ? -errno : (int)info.id;
}

int pins_link(const char *directory, struct pins_link *link)
{
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);
	int fd = get(directory, PIN_LINK), id, result;

	memset(link, 0, sizeof(*link));
	if (fd == -ENOENT) {
		fd = get(directory, PIN_JOINED);
		if (fd < 0)
			return fd;
		id = program_id(fd);
		close(fd);
		if (id < 0)
			return id;
		link->program = (unsigned int)id;
		return 0;
	}
	if (fd < 0)
		return fd;
	result = bpf_link_get_info_by_fd(fd, &info, &size);
	close(fd);
	if (result)
		return result;
	link->ifindex = info.xdp.ifindex;
	link->link = info.id;
	link->program = info.prog_id;
	return info.xdp.ifindex ? 0 : -ENODEV;
}

int pins_control(const char *directory, unsigned int *id)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	int fd = get(directory, "control"), result;

	if (fd < 0)
		return fd;
	result = bpf_map_get_info_by_fd(fd, &info, &size);
	close(fd);
	*id = info.id;
	return result;
}

bool pins_on(unsigned int ifindex, unsigned int program)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if (bpf_xdp_query((int)ifindex, 0, &query))
		return false;
	return program == query.prog_id || program == query.drv_prog_id ||
	       program == query.skb_prog_id || program == query.hw_prog_id;
}

/* What a name below a namespace's directory means; -1: nothing of ours. */
static int kind_of(const char *name, unsigned int *ifindex)
{
	char *end;

	*ifindex = (unsigned int)strtoul(name, &end, 10);
	if (!strncmp(name, "moved-", 6)) {
		size_t length = strlen(name);

		return length > 4 && !strcmp(name + length - 4, "-old") ? PINS_OLD : PINS_ATTACHED;
	}
	if (end == name)
		return -1;
	if (!*end)
		return PINS_ATTACHED;
	if (!strcmp(end, "-new"))
		return PINS_NEW;
	return strcmp(end, "-old") ? -1 : PINS_OLD;
}

int pins_walk(const char *bpffs,
	      int (*visit)(void *context, const char *directory, ino_t netns, unsigned int ifindex,
			   enum pins_kind kind),
	      void *context)
{
	DIR *namespaces = opendir(bpffs);
	struct dirent *netns;
	int result = 0;

	if (!namespaces)
		return errno == ENOENT ? 0 : -errno;
	while (!result && (netns = readdir(namespaces))) {
		char path[PATH_MAX];
		struct dirent *entry;
		ino_t inode;
		DIR *inside;
		char *end;

		inode = strtoul(netns->d_name, &end, 10);
		if (*end || end == netns->d_name)
			continue;
		snprintf(path, sizeof(path), "%s/%s", bpffs, netns->d_name);
		inside = opendir(path);
		while (inside && !result && (entry = readdir(inside))) {
			char directory[PATH_MAX + NAME_MAX + 2];
			unsigned int ifindex;
			int kind = kind_of(entry->d_name, &ifindex);

			snprintf(directory, sizeof(directory), "%s/%s", path, entry->d_name);
			if (kind >= 0)
				result = visit(context, directory, inode, ifindex,
					       (enum pins_kind)kind);
		}
		if (inside)
			closedir(inside);
	}
	closedir(namespaces);
	return result;
}

struct each {
	int (*visit)(void *context, const char *directory, ino_t netns, unsigned int ifindex);
	void *context;
};

static int visit_attached(void *context, const char *directory, ino_t netns, unsigned int ifindex,
			  enum pins_kind kind)
{
	const struct each *each = context;

	return kind == PINS_ATTACHED ? each->visit(each->context, directory, netns, ifindex) : 0;
}

int pins_each(const char *bpffs,
	      int (*visit)(void *context, const char *directory, ino_t netns, unsigned int ifindex),
	      void *context)
{
	struct each each = { visit, context };

	return pins_walk(bpffs, visit_attached, &each);
}

static const char *holder(const char *directory)
{
	char path[PATH_MAX + NAME_MAX];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%s", directory, PIN_LINK);
	return stat(path, &status) ? PIN_JOINED : PIN_LINK;
}

/*
 * Off the interface now: the kernel does it some time after the last pin is gone, and a
 * program that is to take its place can't wait for that.
 */
static void release(const char *directory)
{
	int fd = get(directory, PIN_LINK);

	if (fd < 0)
		return;
	bpf_link_detach(fd);
	close(fd);
}

int pins_remove(const char *directory, struct error *error)
{
	size_t length = strlen(directory);
	char old[PATH_MAX];
	int result;

	snprintf(old, sizeof(old), "%s", directory);
	if (length < 4 ||
	    (strcmp(directory + length - 4, "-old") && strcmp(directory + length - 4, "-new"))) {
		snprintf(old, sizeof(old), "%s-old", directory);
		bpffs_remove(old, holder(old));
		if (rename(directory, old))
			return error_set(error, -errno, 0, NULL, "can't rename %s: %s", directory,
					 strerror(errno));
		crash_here(CRASH_RETIRED);
	}
	release(old);
	result = bpffs_remove(old, holder(old));
	if (result)
		return error_set(error, result, 0, NULL, "can't remove %s: %s", old,
				 strerror(-result));
	*strrchr(old, '/') = '\0';
	rmdir(old); /* the namespace's, if this was the last one in it */
	return 0;
}
