/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a stream. No system call for a datagram that is there already; none of what is
 * here writes to memory that others see. A reader belongs to one thread at a time.
 *
 *	reader_path(path, sizeof(path), "eth1");
 *	reader_open(&reader, path, "lidar-front", message, sizeof(message));
 *	while (reader_next(reader, &datagram, -1) > 0) {
 *		use(datagram.piece[0].iov_base, datagram.piece[0].iov_len);
 *		if (!reader_valid(reader, &datagram))
 *			undo();		// it was overwritten while we used it
 *	}
 *	reader_close(reader);
 */
#ifndef SENSOR_READER_H
#define SENSOR_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "ring.h"

#define READER_PIECES 18 /* of a datagram, at most: a jumbo frame of 17 fragments */

struct reader;

struct reader_datagram {
	struct ring_descriptor descriptor; /* of the first piece */
	unsigned int pieces;
	uint64_t missed_before;		   /* datagrams that this reader was too slow for */
	bool counted;			   /* as read, or already as missed */
	struct iovec piece[READER_PIECES]; /* in shared memory, read-only */
};

struct reader_count {
	uint64_t read;
	uint64_t missed;
};

/* The socket of an interface of the caller's network namespace. Returns 0 or -errno. */
int reader_path(char *path, size_t size, const char *interface);

/*
 * Opens a stream; the first datagram will be the next one that comes. On failure returns -errno
 * and says why in message (which may be NULL): -ENOENT no broker, or no such stream; -EACCES.
 */
int reader_open(struct reader **out, const char *path, const char *stream, char *message,
		size_t size);

/*
 * The next datagram. Waits at most timeout_ms for one, 0 not at all, -1 for ever. Returns 1 with a
 * datagram; 0 without; -EPIPE when the stream has ended and all of it was read; -EINTR after a
 * signal; or another -errno.
 */
int reader_next(struct reader *reader, struct reader_datagram *datagram, int timeout_ms);

/* Whether all that was read of the datagram until now was its own. If not, it counts as missed. */
bool reader_valid(struct reader *reader, struct reader_datagram *datagram);

/*
 * For poll(2): asks to be told, then wait for the descriptor to be readable, then call
 * reader_next(). reader_arm() returns 1 when there is something already, 0, or -errno.
 */
int reader_descriptor(const struct reader *reader);
int reader_arm(struct reader *reader);

struct reader_count reader_count(const struct reader *reader);
const struct ring_header *reader_ring(const struct reader *reader);

void reader_close(struct reader *reader);

/*
 * Asks the scheduler to run the calling thread in short slices: it gets no more of the CPU than
 * before, but sooner after it was woken, also beside threads that compute without end. Needs no
 * privilege. Linux before 6.12 takes no notice. Returns 0 or -errno.
 */
int reader_be_prompt(void);

#endif
