// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who gets how many frames. A profile may have dozens of streams of which a handful are read, and a
 * UMEM can't grow; so a stream has frames only while it is read. The first reader's stream may take
 * much, but never what each stream without readers needs at least.
 *
 *	umem.frames >= kept of all queues + rings + a batch + what the others need at least
 *
 * Frames that were put into a queue's fill ring stay there: they are promised to the next stream.
 */
#include <errno.h>
#include <string.h>

#include "xdp/stream/broker.h"

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Frames that would be left for no purpose, negative: too few, if this loan were made. */
static int64_t left_after(const struct broker *broker, struct loan loan)
{
	bool copies = broker->memory == RING_MEMORY_COPY;
	int64_t others = (int64_t)broker->stream_room - broker->lent - 1;
	int64_t rings = (int64_t)broker->rings + loan.ring + others * LOAN_RING_LEAST;
	int64_t used = STREAM_BATCH;

	for (uint32_t q = 0; q < broker->queues_there; q++) {
		const struct queue *queue = &broker->queues[q];
		uint32_t promised = queue->promised + loan.rx;
		uint32_t kept = larger(queue->kept, promised);
		int64_t spare = kept - promised, need = others * LOAN_RX_LEAST;

		used += kept + (need > spare ? need - spare : 0);
	}
	/* Copies lie in memory of their own, but there is no more of it than of the other. */
	if (copies)
		return rings > broker->umem.frames ? (int64_t)broker->umem.frames - rings
						   : (int64_t)broker->umem.frames - used;
	return (int64_t)broker->umem.frames - used - rings;
}

bool loan_room(struct broker *broker, uint32_t streams)
{
	const struct loan least = { LOAN_RING_LEAST, LOAN_RX_LEAST };
	uint32_t before = broker->stream_room;

	if (streams <= before)
		return true;
	broker->stream_room = streams;
	if (left_after(broker, least) >= 0)
		return true;
	broker->stream_room = before;
	return false;
}

struct loan loan_for(const struct broker *broker)
{
	struct loan loan = { LOAN_RING_LEAST, LOAN_RX_LEAST };
	int64_t left = left_after(broker, loan);

	/* The reader waits for a CPU longer than the broker does: its ring comes first. */
	while (loan.ring < LOAN_RING) {
		struct loan more = { loan.ring * 2, loan.rx };

		if (left_after(broker, more) < 0)
			break;
		loan = more;
	}
	while (loan.rx < broker->rx_size) {
		struct loan more = { loan.ring, loan.rx * 2 };

		if (left_after(broker, more) < 0 ||
		    (int64_t)more.rx * broker->queues_there > left / 16)
			break;
		loan = more;
	}
	return loan;
}

int loan_make(struct broker *broker, struct stream *stream)
{
	struct loan loan = loan_for(broker);
	int result;

	if (left_after(broker, loan) < 0)
		return -ENOBUFS;
	result = stream_open_ring(stream, loan.ring, &broker->umem);
	if (result)
		return result;
	for (uint32_t i = 0; i < stream->feed_count; i++)
		feed_promise(&stream->feeds[i], &broker->umem, loan.rx);
	broker->rings += loan.ring;
	broker->lent++;
	return 0;
}

void loan_end(struct broker *broker, struct stream *stream)
{
	if (!stream->writer.header)
		return;
	for (uint32_t i = 0; i < stream->feed_count; i++)
		feed_retire(&stream->feeds[i]);
	broker->rings -= stream->writer.frames;
	broker->lent--;
	stream_close_ring(stream, &broker->umem);
}
