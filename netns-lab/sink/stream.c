// SPDX-License-Identifier: GPL-2.0-only
/* Reading a stream of `sensorctl serve`. Each datagram is copied out, as recvmsg does. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "reassemble.h"
#include "sink.h"
#include "xdp/stream/reader.h"

#define ETHERNET_BYTES 14u

/* Where the network header begins, behind tags; *ipv4 says whether it is IPv4. */
static size_t network_offset(const uint8_t *frame, size_t length, bool *ipv4)
{
	size_t at = ETHERNET_BYTES;

	while (at + 4 <= length && ((frame[at - 2] == 0x81 && frame[at - 1] == 0x00) ||
				    (frame[at - 2] == 0x88 && frame[at - 1] == 0xa8)))
		at += 4;
	*ipv4 = at + 20 <= length && frame[at - 2] == 0x08 && frame[at - 1] == 0x00;
	return at < length ? at : length;
}

static void take(struct sink *sink, struct reader *reader, struct reader_datagram *datagram)
{
	static uint8_t copy[READER_PIECES * 4096];
	size_t length = 0, offset;
	const uint8_t *payload;
	bool ipv4;

	for (unsigned int i = 0; i < datagram->pieces; i++) {
		size_t bytes = datagram->piece[i].iov_len;

		if (bytes > sizeof(copy) - length)
			bytes = sizeof(copy) - length;
		memcpy(copy + length, datagram->piece[i].iov_base, bytes);
		length += bytes;
	}
	/* What was overwritten meanwhile counts as missed, in reader_count(). */
	if (!reader_valid(reader, datagram))
		return;
	if (datagram->descriptor.flags & RING_PARTIAL)
		sink->account.partial++;
	sink->account.frames++;
	offset = network_offset(copy, length, &ipv4);
	length -= offset;
	payload = ipv4 ? reassemble(&sink->account, copy + offset, length, &length) : copy + offset;
	if (payload)
		account_datagram(&sink->account, payload, length);
}

/* A broker that needs other memory for a new profile ends its streams and serves them anew. */
static bool open_again(struct sink *sink, const char *path, struct reader **reader)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct reader *next;

	for (int i = 0; i < 50 && !sink_stop; i++) {
		if (!reader_open(&next, path, sink->account.name, NULL, 0)) {
			sink->account.dropped += reader_count(*reader).missed;
			reader_close(*reader);
			*reader = next;
			return true;
		}
		nanosleep(&pause, NULL);
	}
	return false;
}

int sink_stream(struct sink *sink)
{
	struct reader_datagram datagram;
	struct reader *reader;
	char path[256], message[256] = "";
	int result = reader_path(path, sizeof(path), sink->interface);

	if (!result)
		result = reader_open(&reader, path, sink->account.name, message, sizeof(message));
	if (result) {
		fprintf(stderr, "sink: stream %s of %s: %s %s\n", sink->account.name,
			sink->interface, strerror(-result), message);
		return result;
	}
	reader_be_prompt();
	fputs("READY\n", stderr);
	while (!sink_stop && result != -EPIPE) {
		result = reader_next(reader, &datagram, 100);
		if (result > 0)
			take(sink, reader, &datagram);
		else if (result == -EPIPE && open_again(sink, path, &reader))
			result = 0;
		else if (result < 0 && result != -EINTR && result != -EPIPE)
			break;
	}
	/* What lies there already was delivered in time; only reading it comes late. */
	while (reader_next(reader, &datagram, 0) > 0)
		take(sink, reader, &datagram);
	sink->account.dropped += reader_count(reader).missed;
	reader_close(reader);
	if (result < 0 && result != -EINTR && result != -EPIPE) {
		fprintf(stderr, "sink: stream %s: %s\n", sink->account.name, strerror(-result));
		return result;
	}
	return 0;
}
