/* SPDX-License-Identifier: BSD-2-Clause */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched/types.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define LONG_WAIT_S 3600
#define SLICE_NS    100000u /* the shortest that the kernel takes */

struct reader {
	int fd;
	const struct ring_header *ring;
	const union ring_slot *slots;
	const char *memory;
	size_t ring_bytes, memory_bytes;
	uint32_t mask;
	uint64_t cursor;   /* sequence that is read next */
	uint64_t head;	   /* as last seen */
	uint64_t datagram; /* number expected next */
	struct reader_count count;
	uint64_t reported; /* cursor of the last report */
	uint64_t reported_ns;
	int timeout_ms; /* of a receive that waits */
	bool armed;
	bool ended;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

int reader_path(char *path, size_t size, const char *interface)
{
	unsigned int index = if_nametoindex(interface);
	struct stat status;

	if (!index)
		return -ENODEV;
	if (stat("/proc/self/ns/net", &status))
		return -errno;
	snprintf(path, size, WIRE_DIRECTORY "/%ju/%u.sock", (uintmax_t)status.st_ino, index);
	return 0;
}

static int complain(int error, char *message, size_t size, const char *what)
{
	if (message)
		snprintf(message, size, "%s: %s", what, strerror(-error));
	return error;
}

static int send_request(struct reader *reader, enum wire_kind kind, const char *stream)
{
	struct wire_request request = {
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
		.kind = (uint16_t)kind,
		.cursor = reader->cursor,
		.read = reader->count.read,
		.missed = reader->count.missed,
	};

	if (stream)
		snprintf(request.stream, sizeof(request.stream), "%s", stream);
	if (send(reader->fd, &request, sizeof(request), MSG_NOSIGNAL) < 0) {
		reader->ended |= errno == EPIPE || errno == ECONNRESET;
		return -errno;
	}
	return 0;
}

/* Receives the reply and its two descriptors; those stay -1 if there are none. */
static int receive_reply(int fd, struct wire_reply *reply, int fds[2])
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = reply, .iov_len = sizeof(*reply) };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	if (n < 0)
		return -errno;
	if (header && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(2 * sizeof(int)))
		memcpy(fds, CMSG_DATA(header), 2 * sizeof(int));
	if (n != sizeof(*reply) || reply->magic != WIRE_MAGIC)
		return n ? -EPROTO : -EPIPE;
	if (!reply->error && (fds[0] < 0 || fds[1] < 0))
		return -EPROTO;
	return reply->error;
}

static const void *map(int fd, size_t bytes)
{
	const void *data = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

	return data == MAP_FAILED ? NULL : data;
}

static int map_all(struct reader *reader, const struct wire_reply *reply, const int fds[2])
{
	reader->ring_bytes = reply->ring_bytes;
	reader->memory_bytes = reply->memory_bytes;
	reader->ring = map(fds[0], reader->ring_bytes);
	reader->memory = map(fds[1], reader->memory_bytes);
	if (!reader->ring || !reader->memory)
		return -errno;
	if (reader->ring->magic != RING_MAGIC || reader->ring->version != RING_VERSION ||
	    reader->ring->slot_bytes != sizeof(union ring_slot) ||
	    ring_bytes(reader->ring->frames) > reader->ring_bytes)
		return -EPROTO;
	reader->slots = ring_slots(reader->ring);
	reader->mask = reader->ring->frames - 1;
	reader->cursor = reader->head = reader->reported = reply->cursor;
	reader->datagram = reply->datagrams;
	reader->reported_ns = now_ns();
	return 0;
}

static int open_stream(struct reader *reader, const char *path, const char *stream, char *message,
		       size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct wire_reply reply = { 0 };
	int fds[2] = { -1, -1 };
	int result;

	if (strlen(path) >= sizeof(address.sun_path) || strlen(stream) >= RING_NAME_BYTES)
		return complain(-ENAMETOOLONG, message, size, stream);
	strcpy(address.sun_path, path);
	reader->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (reader->fd < 0 || connect(reader->fd, (struct sockaddr *)&address, sizeof(address))) {
		result = errno == ECONNREFUSED ? -ENOENT : -errno;
		return complain(result, message, size, "no broker");
	}
	result = send_request(reader, WIRE_OPEN, stream);
	if (!result)
		result = receive_reply(reader->fd, &reply, fds);
	if (!result)
		result = map_all(reader, &reply, fds);
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (!result)
		return 0;
	reply.text[sizeof(reply.text) - 1] = '\0';
	if (message && *reply.text)
		snprintf(message, size, "%s", reply.text);
	else if (result == -EPIPE || result == -ECONNRESET)
		complain(result, message, size, "the broker has no room for another reader");
	else
		complain(result, message, size, "can't open the stream");
	return result;
}

int reader_open(struct reader **out, const char *path, const char *stream, char *message,
		size_t size)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int result;

	if (!reader)
		return complain(-ENOMEM, message, size, stream);
	reader->fd = -1;
	result = open_stream(reader, path, stream, message, size);
	if (result)
		reader_close(reader);
	else
		*out = reader;
	return result;
}

void reader_close(struct reader *reader)
{
	if (reader->slots && !reader->ended)
		send_request(reader, WIRE_REPORT, NULL);
	if (reader->fd >= 0)
		close(reader->fd);
	if (reader->ring)
		munmap((void *)reader->ring, reader->ring_bytes);
	if (reader->memory)
		munmap((void *)reader->memory, reader->memory_bytes);
	free(reader);
}

static void report(struct reader *reader, uint64_t time_ns)
{
	reader->reported = reader->cursor;
	reader->reported_ns = time_ns;
	send_request(reader, WIRE_REPORT, NULL);
}

/*
 * The reader was overtaken. It goes on a quarter of the ring above the oldest one that is left, as
 * right there it would be overtaken again.
 */
static void skip(struct reader *reader)
{
	uint64_t floor = __atomic_load_n(&reader->ring->floor, __ATOMIC_RELAXED);

	reader->head = ring_head(reader->ring);
	reader->cursor = floor + reader->ring->frames / 4;
	if (reader->cursor > reader->head)
		reader->cursor = reader->head;
}

/* Adds a piece; false if it can't be one. */
static bool add_piece(const struct reader *reader, struct reader_datagram *datagram,
		      const struct ring_descriptor *piece)
{
	if (datagram->pieces == READER_PIECES || piece->address > reader->memory_bytes ||
	    piece->length > reader->memory_bytes - piece->address)
		return false;
	datagram->piece[datagram->pieces++] = (struct iovec){
		.iov_base = (void *)(reader->memory + piece->address),
		.iov_len = piece->length,
	};
	return true;
}

/* The datagram at the cursor, which is below head. Returns how many descriptors, 0: none here. */
static uint64_t take(struct reader *reader, struct reader_datagram *datagram)
{
	uint64_t cursor = reader->cursor;
	struct ring_descriptor piece;

	ring_load(&reader->slots[cursor & reader->mask], &datagram->descriptor);
	datagram->pieces = 0;
	if (!(datagram->descriptor.flags & RING_BEGIN) ||
	    !add_piece(reader, datagram, &datagram->descriptor))
		return 0;
	piece = datagram->descriptor;
	while (piece.flags & RING_MORE && cursor + 1 < reader->head) {
		ring_load(&reader->slots[++cursor & reader->mask], &piece);
		if (!add_piece(reader, datagram, &piece))
			return 0;
	}
	return cursor + 1 - reader->cursor;
}

/* Fetches what the next call will want: its descriptor is there, its frame only perhaps. */
static void prefetch(const struct reader *reader)
{
	const struct ring_descriptor *next;
	const char *frame;

	if (reader->cursor + 1 >= reader->head)
		return;
	next = &reader->slots[(reader->cursor + 1) & reader->mask].descriptor;
	frame = reader->memory + __atomic_load_n(&next->address, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 4; i++)
		__builtin_prefetch(frame + i * 64);
}

/* Without waiting: 1 or 0. */
static int next(struct reader *reader, struct reader_datagram *datagram)
{
	uint64_t taken;

	for (;;) {
		if (reader->cursor == reader->head)
			reader->head = ring_head(reader->ring);
		if (reader->cursor == reader->head)
			return 0;
		taken = take(reader, datagram);
		if (!ring_valid(reader->ring, reader->cursor)) {
			skip(reader);
			continue;
		}
		if (taken)
			break;
		reader->cursor++; /* after a skip: the rest of a datagram that began before */
	}
	prefetch(reader);
	reader->cursor += taken;
	datagram->missed_before = datagram->descriptor.datagram - reader->datagram;
	reader->datagram = datagram->descriptor.datagram + 1;
	reader->count.missed += datagram->missed_before;
	reader->count.read++;
	datagram->counted = false;
	if ((int64_t)(datagram->descriptor.time_ns - reader->reported_ns) > (int64_t)WIRE_REPORT_NS)
		report(reader, datagram->descriptor.time_ns);
	return 1;
}

bool reader_valid(struct reader *reader, struct reader_datagram *datagram)
{
	if (ring_valid(reader->ring, datagram->descriptor.sequence))
		return true;
	if (!datagram->counted) {
		datagram->counted = true;
		reader->count.read--;
		reader->count.missed++;
	}
	return false;
}

int reader_descriptor(const struct reader *reader)
{
	return reader->fd;
}

/* Takes wakeups off the connection, at most one of which we asked for. */
/* Returns -1 with errno EINTR if a signal came. */
static int receive(struct reader *reader, int flags)
{
	char byte;
	ssize_t n = recv(reader->fd, &byte, 1, flags);

	if (n > 0)
		reader->armed = false;
	else if (!n || (errno != EAGAIN && errno != EINTR))
		reader->ended = true;
	return n < 0 && errno == EINTR ? -1 : 0;
}

static void hear(struct reader *reader)
{
	receive(reader, MSG_DONTWAIT);
}

/*
 * Waits in the receive itself, one system call a wakeup. As receive(); a limit that is not reached makes
 * a signal end it in any case. No limit: timeout_ms < 0.
 */
static int wait_for_wakeup(struct reader *reader, int timeout_ms)
{
	const struct timeval limit = {
		.tv_sec = timeout_ms > 0 ? timeout_ms / 1000 : LONG_WAIT_S,
		.tv_usec = timeout_ms > 0 ? timeout_ms % 1000 * 1000 : 0,
	};

	if (timeout_ms != reader->timeout_ms)
		setsockopt(reader->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	reader->timeout_ms = timeout_ms;
	return receive(reader, 0);
}

int reader_arm(struct reader *reader)
{
	if (reader->armed)
		hear(reader);
	if (reader->ended || ring_head(reader->ring) != reader->cursor)
		return 1;
	if (reader->armed)
		return 0;
	reader->armed = true;
	reader->reported = reader->cursor;
	reader->reported_ns = now_ns();
	send_request(reader, WIRE_ARM, NULL);
	/* The broker looks for requests after it has published: one of us two sees the other. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return reader->ended || ring_head(reader->ring) != reader->cursor;
}

/* What was published and can't be read any more, because the frames went to another stream. */
static int end(struct reader *reader)
{
	uint64_t datagrams = __atomic_load_n(&reader->ring->datagrams, __ATOMIC_RELAXED);

	reader->count.missed += datagrams - reader->datagram;
	reader->datagram = datagrams;
	return -EPIPE;
}

/* A reader that only polls the ring tells from time to time that it has read all of it. */
static void report_idle(struct reader *reader)
{
	uint64_t time_ns;

	if (reader->reported == reader->cursor)
		return;
	time_ns = now_ns();
	if ((int64_t)(time_ns - reader->reported_ns) > (int64_t)WIRE_REPORT_NS)
		report(reader, time_ns);
}

int reader_next(struct reader *reader, struct reader_datagram *datagram, int timeout_ms)
{
	uint64_t end_ns = 0;
	int left = timeout_ms;

	if (next(reader, datagram))
		return 1;
	if (!timeout_ms) {
		report_idle(reader);
		return reader->ended ? end(reader) : 0;
	}
	if (timeout_ms > 0)
		end_ns = now_ns() + (uint64_t)timeout_ms * 1000000;
	for (;;) {
		if (!reader_arm(reader)) {
			if (wait_for_wakeup(reader, left))
				return -errno;
			if (timeout_ms > 0) {
				uint64_t time_ns = now_ns();

				left = time_ns < end_ns ? (int)((end_ns - time_ns) / 1000000) + 1
							: 0;
			}
		}
		if (next(reader, datagram))
			return 1;
		if (reader->ended)
			return end(reader);
		if (!left)
			return 0;
	}
}

struct reader_count reader_count(const struct reader *reader)
{
	return reader->count;
}

const struct ring_header *reader_ring(const struct reader *reader)
{
	return reader->ring;
}

int reader_be_prompt(void)
{
	struct sched_attr attributes = { .size = sizeof(attributes) };

	if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0))
		return -errno;
	/* Real-time threads are prompt already. */
	if (attributes.sched_policy != SCHED_OTHER)
		return 0;
	attributes.sched_runtime = SLICE_NS;
	return syscall(SYS_sched_setattr, 0, &attributes, 0) ? -errno : 0;
}
