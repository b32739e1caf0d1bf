// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever a reader sends: messages one after another, each with a length byte before it. The
 * broker's books stay right.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/ring_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fixture f;
	static bool made;
	struct connection *connection = &f.broker.server.connections[3];
	char drained[16384];
	int pair[2];

	if (!made) {
		fixture_make(&f, RING_MEMORY_UMEM);
		for (uint64_t i = 0; i < 5; i++)
			fixture_receive(&f, 100, i, false);
		fixture_drain(&f);
		made = true;
	}
	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	*connection = (struct connection){
		.fd = pair[0], .pid = getpid(), .uid = getuid(), .may_read = true
	};
	for (uint64_t now_ns = 1; size; now_ns++) {
		size_t bytes = *data++;

		size--;
		if (bytes > size)
			bytes = size;
		if (server_request(&f.broker, connection, data, bytes, now_ns))
			break;
		while (recv(pair[1], drained, sizeof(drained), MSG_DONTWAIT) > 0)
			;
		require(f.stream->armed <= f.stream->readers);
		require(connection->cursor <= f.stream->writer.head);
		data += bytes;
		size -= bytes;
	}
	close(pair[1]);
	server_forget(&f.broker, f.stream);
	require(!f.stream->readers && !f.stream->armed);
	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = -1;
	return 0;
}
