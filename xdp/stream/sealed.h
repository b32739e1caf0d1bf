/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that this process writes and that others can only read, whoever they are. */
#ifndef SENSORCTL_SEALED_H
#define SENSORCTL_SEALED_H

#include <stdbool.h>
#include <stddef.h>

struct sealed {
	void *data; /* our writable mapping, all of it present */
	size_t bytes;
	int fd;
	int reader_fd; /* the same, opened read-only: for others. -1 before sealing */
	bool huge;
};

/* Huge pages if there are some and want_huge, else normal ones. Returns 0 or -errno. */
int sealed_create(struct sealed *sealed, const char *name, size_t bytes, bool want_huge);

/*
 * From now on nobody maps it writable, writes, grows, shrinks, punches holes or
 * changes the seals; the mapping we have stays. Returns 0 or -errno.
 */
int sealed_seal(struct sealed *sealed);

void sealed_destroy(struct sealed *sealed);

#endif
