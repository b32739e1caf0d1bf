// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/pending.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctl/crash.h"
#include "ctl/detach.h"
#include "ctl/lock.h"
#include "ctl/pins.h"
#include "ctl/publish.h"
#include "ctl/replaced.h"

#define LATE_LOCK_WAIT_MS 60000

__u64 pending_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (__u64)now.tv_sec * 1000000000u + (__u64)now.tv_nsec;
}

static void pin_path(char *path, const char *directory, const char *name)
{
	snprintf(path, PATH_MAX + NAME_MAX, "%s/%s", directory, name);
}

int pending_get(const char *directory, struct pending *pending)
{
	char path[PATH_MAX + NAME_MAX];
	__u32 zero = 0;
	int fd, result;

	pin_path(path, directory, PIN_PENDING);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	result = bpf_map_lookup_elem(fd, &zero, pending);
	close(fd);
	return result;
}

/* A map of its own: it exists, complete, once it is pinned. */
static int pin_pending(const char *path, const struct pending *pending)
{
	__u32 zero = 0;
	int result, fd;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "pending", sizeof(zero), sizeof(*pending), 1, NULL);
	if (fd < 0)
		return fd;
	result = bpf_map_update_elem(fd, &zero, pending, BPF_ANY);
	if (!result)
		result = bpf_obj_pin(fd, path);
	close(fd);
	return result;
}

/* Changes what is pending in its one value: a map update replaces it as a whole. */
static int prolong(const char *path, const struct pending *pending)
{
	__u32 zero = 0;
	int fd = bpf_obj_get(path), result;

	if (fd < 0)
		return fd;
	result = bpf_map_update_elem(fd, &zero, pending, BPF_ANY);
	close(fd);
	return result;
}

int pending_set(const char *directory, const struct pending *pending, int previous,
		struct error *error)
{
	char path[PATH_MAX + NAME_MAX];
	struct pending there;
	int result = pending_get(directory, &there);

	if (!result) {
		pin_path(path, directory, PIN_PENDING);
		result = prolong(path, pending);
	} else if (result == -ENOENT) {
		pin_path(path, directory, PIN_PREVIOUS);
		result = previous < 0 ? 0 : bpf_obj_pin(previous, path);
		pin_path(path, directory, PIN_PENDING);
		if (!result)
			result = pin_pending(path, pending);
	}
	if (result)
		return error_set(error, result, 0, NULL, "can't keep what to roll back to: %s",
				 strerror(-result));
	crash_here(CRASH_PENDING);
	return 0;
}

int pending_drop(const char *directory)
{
	char path[PATH_MAX + NAME_MAX];

	pin_path(path, directory, PIN_PENDING);
	if (unlink(path) && errno != ENOENT)
		return -errno;
	crash_here(CRASH_CONFIRMING);
	pin_path(path, directory, PIN_PREVIOUS);
	if (unlink(path) && errno != ENOENT)
		return -errno;
	replaced_drop(directory);
	return 0;
}

bool pending_overdue(const char *directory)
{
	struct pending pending;

	return !pending_get(directory, &pending) && pending_now() >= pending.deadline_ns;
}

static int undo_swap(const char *directory, ino_t netns, unsigned int ifindex, int previous,
		     struct error *error)
{
	struct profile_image *active = malloc(sizeof(*active)), *image = malloc(sizeof(*image));
	struct attached *attached = NULL;
	__u32 zero = 0;
	int result = active && image ? 0 : -ENOMEM;

	if (!result)
		result = attached_open_directory(directory, netns, ifindex, &attached, error);
	if (!result)
		result = attached_image(attached, active);
	if (!result)
		result = bpf_map_lookup_elem(previous, &zero, image);
	/* Equal: killed before the new image became the active one, nothing to undo. */
	if (!result && active->generation != image->generation) {
		image->generation = active->generation + 1;
		result = publish(attached, image, error);
	}
	attached_close(attached);
	free(active);
	free(image);
	return result;
}

int pending_roll_back(const char *directory, ino_t netns, unsigned int ifindex, struct error *error)
{
	char path[PATH_MAX + NAME_MAX];
	int previous, result;

	pin_path(path, directory, PIN_PREVIOUS);
	previous = bpf_obj_get(path);
	if (previous == -ENOENT)
		return detach(directory, netns, ifindex, error);
	if (previous < 0)
		return previous;
	result = undo_swap(directory, netns, ifindex, previous, error);
	close(previous);
	return result ? result : pending_drop(directory);
}

/* A session of its own, no terminal, no lock, and no hold on a namespace it doesn't need. */
static void become_watcher(const char *directory)
{
	char joined[PATH_MAX + NAME_MAX];
	int null = open("/dev/null", O_RDWR);

	setsid();
	signal(SIGHUP, SIG_IGN);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close_range(3, ~0u, 0);
	if (chdir("/"))
		return;
	pin_path(joined, directory, PIN_JOINED);
	if (access(joined, F_OK) && !replaced_there(directory)) {
		int init = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);

		if (init >= 0)
			setns(init, CLONE_NEWNET);
	}
}

static void watch(const char *bpffs, const char *directory, ino_t netns, unsigned int ifindex,
		  __u64 deadline_ns)
{
	struct pending pending;
	int lock;

	become_watcher(directory);
	/* In steps: who is confirmed meanwhile needs no watcher. */
	for (__u64 now = pending_now(); now < deadline_ns; now = pending_now()) {
		__u64 rest = deadline_ns - now < 500000000u ? deadline_ns - now : 500000000u;
		struct timespec step = { .tv_nsec = (long)rest };

		nanosleep(&step, NULL);
		if (pending_now() + 500000000u > deadline_ns)
			continue;
		if (pending_get(directory, &pending) == -ENOENT)
			return;
	}
	lock = lock_take(bpffs, LATE_LOCK_WAIT_MS, NULL);
	if (lock >= 0 && pending_overdue(directory))
		pending_roll_back(directory, netns, ifindex, NULL);
}

int pending_watch(const struct globals *globals, const char *directory, ino_t netns,
		  unsigned int ifindex, __u64 deadline_ns)
{
	pid_t child;
	int status;

	fflush(NULL);
	child = fork();
	if (child < 0)
		return -errno;
	if (!child) {
		/* Twice, so that the watcher is nobody's child and no zombie. */
		child = fork();
		if (!child)
			watch(globals->bpffs, directory, netns, ifindex, deadline_ns);
		_exit(child < 0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EAGAIN;
}
