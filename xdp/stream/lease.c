// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stream is taken off the stack only while a reader gets on: a broker that drains
 * frames nobody reads would be worse than none. A reader gets on if it has read all there
 * is, or has moved its cursor in the last second.
 */
#include "xdp/stream/broker.h"

static bool gets_on(struct connection *connection, const struct stream *stream, uint64_t now_ns)
{
	if (connection->cursor >= stream->writer.head)
		connection->progress_ns = now_ns;
	return now_ns < connection->progress_ns + BROKER_READER_TIMEOUT_NS;
}

void lease_renew(struct broker *broker, struct stream *stream, uint64_t now_ns)
{
	(void)broker;
	for (uint32_t i = 0; i < stream->feed_count; i++) {
		struct lease *lease = stream->feeds[i].lease;

		/* If it is not renewed again, it is because we are gone or stuck. */
		__atomic_store_n(&lease->reason, REASON_NO_LEASE, __ATOMIC_RELAXED);
		__atomic_store_n(&lease->deadline_ns, now_ns + stream->lease_ns, __ATOMIC_RELAXED);
	}
	stream->leased = true;
}

void lease_end(struct broker *broker, struct stream *stream, enum reason reason)
{
	(void)broker;
	for (uint32_t i = 0; i < stream->feed_count; i++) {
		__atomic_store_n(&stream->feeds[i].lease->reason, reason, __ATOMIC_RELAXED);
		__atomic_store_n(&stream->feeds[i].lease->deadline_ns, 0, __ATOMIC_RELEASE);
	}
	stream->leased = false;
}

/*
 * Frames that were redirected, are in no ring, and do not come: after some ticks in which
 * nothing moved they never will. Should they do so after all, more is drained than was sent, which
 * the program would read as a ring that is more than full.
 */
static void look_for_leaks(struct stream *stream)
{
	for (uint32_t i = 0; i < stream->feed_count; i++) {
		struct feed *feed = &stream->feeds[i];
		uint32_t sent = __atomic_load_n(&feed->lease->sent, __ATOMIC_RELAXED);

		if ((int32_t)(sent - feed->drained) < 0)
			feed_forgive(feed);
		if (sent == feed->drained || sent != feed->quiet_sent) {
			feed->quiet_sent = sent;
			feed->quiet_ticks = 0;
		} else if (++feed->quiet_ticks > 8) {
			feed_forgive(feed);
			feed->quiet_ticks = 0;
		}
	}
}

void lease_tick(struct broker *broker, uint64_t now_ns)
{
	bool read[IMAGE_STREAMS] = { 0 };

	for (uint32_t i = 0; i < BROKER_CONNECTIONS; i++) {
		struct connection *connection = &broker->server.connections[i];

		for (uint32_t s = 0; connection->fd >= 0 && s < broker->stream_count; s++)
			if (broker->streams[s] == connection->stream &&
			    gets_on(connection, connection->stream, now_ns))
				read[s] = true;
	}
	for (uint32_t s = 0; s < broker->stream_count; s++) {
		if (broker->streams[s]->leaves)
			continue;
		if (read[s])
			lease_renew(broker, broker->streams[s], now_ns);
		else
			lease_end(broker, broker->streams[s], REASON_NO_READER);
		look_for_leaks(broker->streams[s]);
	}
	broker->attached->view->broker_heartbeat_ns = now_ns;
}
