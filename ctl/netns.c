// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/attached.h"

#define NAMED "/run/netns"

/*
 * Only the network namespace: ip-netns(8) also makes a new /sys, where bpffs is
 * not mounted.
 */
static int enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result = 0;

	if (fd < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET))
		result = -errno;
	close(fd);
	return result;
}

int netns_enter(const char *name, struct error *error)
{
	char path[PATH_MAX];
	int result;

	if (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return error_set(error, -EINVAL, USAGE, "ip netns list shows the names there are",
				 "\"%s\" is no name of a network namespace", name);
	snprintf(path, sizeof(path), NAMED "/%s", name);
	result = enter(path);
	if (result == -ENOENT)
		return error_set(error, -ESRCH, FAILED, "ip netns list shows the names there are",
				 "no network namespace \"%s\"", name);
	if (result == -EPERM)
		return error_set(error, result, FAILED, "Run as root or with CAP_SYS_ADMIN",
				 "can't enter network namespace \"%s\": no permission", name);
	if (result)
		return error_set(error, result, FAILED, NULL,
				 "can't enter network namespace \"%s\": %s", name,
				 strerror(-result));
	return 0;
}

ino_t netns_inode(void)
{
	struct stat status;

	return stat("/proc/self/ns/net", &status) ? 0 : status.st_ino;
}

int netns_name(ino_t inode, char *name, size_t size)
{
	DIR *directory = opendir(NAMED);
	struct dirent *entry;
	int result = -ENOENT;

	while (directory && result && (entry = readdir(directory))) {
		struct stat status;

		if (!fstatat(dirfd(directory), entry->d_name, &status, 0) &&
		    status.st_ino == inode && *entry->d_name != '.') {
			snprintf(name, size, "%s", entry->d_name);
			result = 0;
		}
	}
	if (directory)
		closedir(directory);
	return result;
}

ino_t netns_search(bool (*here)(void *context), void *context)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	DIR *directory = opendir(NAMED);
	struct dirent *entry;
	ino_t found = 0;

	if (home >= 0 && !enter("/proc/1/ns/net") && here(context))
		found = netns_inode();
	while (home >= 0 && directory && !found && (entry = readdir(directory))) {
		char path[PATH_MAX];

		if (*entry->d_name == '.')
			continue;
		snprintf(path, sizeof(path), NAMED "/%s", entry->d_name);
		if (!enter(path) && here(context))
			found = netns_inode();
	}
	if (directory)
		closedir(directory);
	if (home >= 0) {
		setns(home, CLONE_NEWNET);
		close(home);
	}
	return found;
}
