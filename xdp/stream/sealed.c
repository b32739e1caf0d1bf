// SPDX-License-Identifier: GPL-2.0-only
#include "xdp/stream/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HUGE_BYTES (2ul << 20)

static int try_create(struct sealed *sealed, const char *name, size_t bytes, unsigned int flags)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
	void *data;
	int result;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes)) {
		result = -errno;
		close(fd);
		return result;
	}
	data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (data == MAP_FAILED) {
		result = -errno;
		close(fd);
		return result;
	}
	*sealed = (struct sealed){
		.data = data, .bytes = bytes, .fd = fd, .reader_fd = -1, .huge = flags & MFD_HUGETLB
	};
	return 0;
}

int sealed_create(struct sealed *sealed, const char *name, size_t bytes, bool want_huge)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t rounded = (bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);

	if (want_huge && !try_create(sealed, name, rounded, MFD_HUGETLB))
		return 0;
	return try_create(sealed, name, (bytes + page - 1) & ~(page - 1), 0);
}

/*
 * A memfd is a file of mode 0777: a process that gets a descriptor may open it again
 * through /proc with more rights. With FUTURE_WRITE alone it could then truncate it;
 * all four seals together leave it nothing, and 0444 not even the attempt, unless it is us.
 */
int sealed_seal(struct sealed *sealed)
{
	char path[32];

	if (fchmod(sealed->fd, 0444) ||
	    fcntl(sealed->fd, F_ADD_SEALS,
		  F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", sealed->fd);
	sealed->reader_fd = open(path, O_RDONLY | O_CLOEXEC);
	return sealed->reader_fd < 0 ? -errno : 0;
}

void sealed_destroy(struct sealed *sealed)
{
	if (!sealed->data)
		return;
	munmap(sealed->data, sealed->bytes);
	close(sealed->fd);
	if (sealed->reader_fd >= 0)
		close(sealed->reader_fd);
	*sealed = (struct sealed){ .fd = -1, .reader_fd = -1 };
}
