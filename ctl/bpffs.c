// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/bpffs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "ctl/capability.h"
#include "ctl/verb.h"

static bool exists(const char *path)
{
	struct stat status;

	return !stat(path, &status);
}

/* Cuts the last component off; false when nothing is left to cut. */
static bool parent(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !path[1])
		return false;
	slash[slash == path] = '\0';
	return true;
}

bool bpffs_is(const char *path)
{
	char here[PATH_MAX];
	struct statfs status;

	snprintf(here, sizeof(here), "%s", path);
	while (!exists(here))
		if (!parent(here))
			return false;
	return !statfs(here, &status) && status.f_type == BPF_FS_MAGIC;
}

/* Mounting over it hides nothing. */
static bool empty(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	bool result = directory;

	while (directory && (entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			result = false;
	if (directory)
		closedir(directory);
	return result;
}

int bpffs_mkdir(const char *directory)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", directory);
	for (char *c = path + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			return -errno;
		*c = '/';
	}
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static int mount_at(const char *path, struct error *error)
{
	char hint[200];

	if (!mount("bpf", path, "bpf", 0, "mode=0700"))
		return 0;
	snprintf(hint, sizeof(hint), "Run as root: mount -t bpf bpf %.150s", path);
	return error_set(error, -errno, FAILED, hint, "can't mount bpffs at %s: %s", path,
			 strerror(errno));
}

int bpffs_prepare(const char *directory, struct error *error)
{
	char above[PATH_MAX], hint[200];
	struct stat status;
	int result = 0;

	snprintf(above, sizeof(above), "%s", directory);
	if (*directory != '/' || !parent(above))
		return error_set(error, -EINVAL, USAGE, NULL,
				 "--bpffs takes an absolute path, not \"%s\"", directory);
	if (!bpffs_is(directory)) {
		if (exists(directory) ? empty(directory) : empty(above))
			result = mount_at(exists(directory) ? directory : above, error);
		else
			result = -ENOENT;
		if (result == -ENOENT) {
			snprintf(hint, sizeof(hint), "mkdir -p %.80s && mount -t bpf bpf %.80s",
				 directory, directory);
			return error_set(error, -ENOENT, FAILED, hint, "%s is not on a bpffs",
					 directory);
		}
		if (result)
			return result;
	}
	result = bpffs_mkdir(directory);
	if (result == -EACCES || result == -EPERM)
		return error_set(error, result, FAILED, CAPABILITY_HINT,
				 "can't write in %s: no permission", directory);
	if (result)
		return error_set(error, result, FAILED, NULL, "can't make %s: %s", directory,
				 strerror(-result));
	if (stat(directory, &status) || (status.st_uid && status.st_uid != geteuid()))
		return error_set(error, -EPERM, FAILED, "Remove it, or choose another by --bpffs",
				 "%s belongs to another user, who could take the pins away",
				 directory);
	return 0;
}

int bpffs_remove(const char *directory)
{
	DIR *open = opendir(directory);
	struct dirent *entry;
	int result = 0;

	if (!open)
		return errno == ENOENT ? 0 : -errno;
	while (!result && (entry = readdir(open))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(dirfd(open), entry->d_name, 0) && errno != ENOENT)
			result = -errno;
	}
	closedir(open);
	if (!result && rmdir(directory) && errno != ENOENT)
		result = -errno;
	return result;
}
