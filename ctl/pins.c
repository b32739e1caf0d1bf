// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int pins_retire(const char *directory, char *old, struct error *error)
{
	const char *suffix = strrchr(directory, '-');
	size_t length = strlen(directory);

	snprintf(old, PATH_MAX, "%s", directory);
	if (suffix && !strcmp(suffix, "-old"))
		return 0;
	if (suffix && !strcmp(suffix, "-new"))
		length -= strlen(suffix);
	snprintf(old, PATH_MAX, "%.*s-old", (int)length, directory);
	bpffs_remove(old);
	if (rename(directory, old))
		return error_set(error, -errno, 0, NULL, "can't rename %s: %s", directory,
				 strerror(errno));
	crash_here(CRASH_RETIRED);
	return 0;
}

void pins_release(const char *directory)
{
	static const char *const holders[] = { PIN_LINK, PIN_JOINED };
	char path[PATH_MAX + NAME_MAX];
	int fd = get(directory, PIN_LINK);

	if (fd >= 0) {
		bpf_link_detach(fd);
		close(fd);
	}
	for (size_t i = 0; i < sizeof(holders) / sizeof(holders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, holders[i]);
		unlink(path);
	}
	crash_here(CRASH_UNLINKED);
}

int pins_clear(const char *directory, struct error *error)
{
	char above[PATH_MAX];
	int result = bpffs_remove(directory);

	if (result)
		return error_set(error, result, 0, NULL, "can't remove %s: %s", directory,
				 strerror(-result));
	snprintf(above, sizeof(above), "%s", directory);
	*strrchr(above, '/') = '\0';
	rmdir(above); /* the namespace's, if this was the last one in it */
	return 0;
}

int pins_remove(const char *directory, struct error *error)
{
	char old[PATH_MAX];
	int result = pins_retire(directory, old, error);

	if (result)
		return result;
	pins_release(old);
	return pins_clear(old, error);
}
