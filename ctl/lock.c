// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/capability.h"
#include "ctl/verb.h"

#define STEP_MS 20

/* The process that holds the lock, by /proc/locks; 0 if that does not say. */
static int holder(int fd)
{
	FILE *locks = fopen("/proc/locks", "re");
	struct stat status;
	char line[256];
	int found = 0;

	while (locks && !fstat(fd, &status) && !found && fgets(line, sizeof(line), locks)) {
		unsigned long inode;
		int pid;

		if (sscanf(line, "%*s FLOCK %*s WRITE %d %*x:%*x:%lu", &pid, &inode) == 2 &&
		    inode == status.st_ino)
			found = pid;
	}
	if (locks)
		fclose(locks);
	return found;
}

int lock_take(const char *directory, int wait_ms, struct error *error)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result;

	if (fd < 0)
		return error_set(error, -errno, FAILED, errno == EACCES ? CAPABILITY_HINT : NULL,
				 "can't open %s: %s", directory, strerror(errno));
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB); waited += STEP_MS) {
		if (errno != EWOULDBLOCK || waited >= wait_ms) {
			int pid = holder(fd);
			char who[32] = "";

			result = errno == EWOULDBLOCK ? -EBUSY : -errno;
			if (pid)
				snprintf(who, sizeof(who), " (pid %d)", pid);
			close(fd);
			return error_set(error, result, FAILED, "Try again when it is done",
					 "another sensorctl%s has been changing things for %d s",
					 who, waited / 1000);
		}
		usleep(STEP_MS * 1000);
	}
	return fd;
}
