/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A broker without AF_XDP: its UMEM is plain memory, the rings of its one queue are arrays, and the
 * test plays the kernel. Needs no privileges.
 */
#ifndef TEST_RING_FIXTURE_H
#define TEST_RING_FIXTURE_H

#include <linux/if_xdp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xdp/stream/broker.h"

#include <cmocka.h> /* last: it has a macro fail() */

#define RX_SIZE	  256u
#define RING_SIZE 128u
#define CHUNK	  2048u

/* Fuzzers are not linked with cmocka. */
static inline void fixture_require(bool condition)
{
	if (!condition)
		abort();
}

struct fixture {
	struct broker broker;
	struct attached attached;
	struct control control;
	struct stream *stream;
	struct queue queue;
	struct lease lease;
	uint32_t rx_producer, rx_consumer, fill_producer, fill_consumer, rx_flags, fill_flags;
	struct xdp_desc rx[RX_SIZE];
	uint64_t fill[RX_SIZE];
};

static inline void fixture_make(struct fixture *f, enum ring_memory memory)
{
	uint32_t frames = RX_SIZE + RING_SIZE + STREAM_BATCH;
	struct feed *feed = calloc(1, sizeof(*feed));

	memset(f, 0, sizeof(*f));
	f->broker.attached = &f->attached;
	f->attached.view = &f->control;
	for (uint32_t i = 0; i < BROKER_CONNECTIONS; i++)
		f->broker.server.connections[i].fd = -1;
	f->broker.umem.chunk_bytes = CHUNK;
	f->broker.umem.frames = frames;
	f->broker.umem.free = calloc(frames, sizeof(uint64_t));
	fixture_require((sealed_create(&f->broker.umem.memory, "test", frames * CHUNK, false)) ==
			0);
	fixture_require((sealed_seal(&f->broker.umem.memory)) == 0);
	for (uint32_t i = 0; i < frames; i++)
		umem_put(&f->broker.umem, (uint64_t)i * CHUNK);

	f->stream = calloc(1, sizeof(*f->stream));
	strcpy(f->stream->name, "lidar");
	f->stream->id = 7;
	f->stream->lease_ns = 20000000;
	f->stream->memory = memory;
	f->stream->template = (struct ring_header){ .stream_id = 7,
						    .clock = "CLOCK_MONOTONIC",
						    .stream = "lidar" };
	fixture_require((stream_open_ring(f->stream, RING_SIZE, &f->broker.umem)) == 0);
	f->broker.streams[f->broker.stream_count++] = f->stream;

	f->queue.fill = (struct xsk_ring_prod){ .mask = RX_SIZE - 1,
						.size = RX_SIZE,
						.cached_cons = RX_SIZE,
						.producer = &f->fill_producer,
						.consumer = &f->fill_consumer,
						.ring = f->fill,
						.flags = &f->fill_flags };
	umem_fill(&f->broker.umem, &f->queue.fill, RX_SIZE);
	f->queue.kept = RX_SIZE;
	*feed = (struct feed){ .queue = &f->queue, .lease = &f->lease, .size = RX_SIZE };
	feed->rx = (struct xsk_ring_cons){ .mask = RX_SIZE - 1,
					   .size = RX_SIZE,
					   .producer = &f->rx_producer,
					   .consumer = &f->rx_consumer,
					   .ring = f->rx,
					   .flags = &f->rx_flags };
	f->stream->feeds = feed;
	f->stream->feed_count = 1;
}

static inline void fixture_free(struct fixture *f)
{
	for (uint32_t i = 0; i < BROKER_CONNECTIONS; i++)
		if (f->broker.server.connections[i].fd >= 0)
			close(f->broker.server.connections[i].fd);
	stream_destroy(f->stream);
	free(f->stream);
	sealed_destroy(&f->broker.umem.memory);
	free(f->broker.umem.free);
}

/* What XDP program and kernel do: a frame of one fill entry, its meta, an RX descriptor. */
static inline char *fixture_receive(struct fixture *f, uint32_t length, uint64_t number, bool more)
{
	uint64_t address;
	struct meta *meta;
	char *frame;

	fixture_require(f->fill_consumer != f->fill_producer);
	fixture_require(f->rx_producer - f->rx_consumer < RX_SIZE);
	address = f->fill[f->fill_consumer++ & (RX_SIZE - 1)] + UMEM_HEADROOM;
	frame = (char *)f->broker.umem.memory.data + address;
	meta = (struct meta *)frame - 1;
	*meta = (struct meta){ .time_ns = 1000 + number,
			       .device_sequence = number,
			       .flags = META_SEQUENCE,
			       .instance = 3,
			       .stream = 7,
			       .magic = META_MAGIC };
	memset(frame, (int)(number & 255), length);
	f->rx[f->rx_producer & (RX_SIZE - 1)] =
		(struct xdp_desc){ address, length, more ? XDP_PKT_CONTD : 0 };
	__atomic_store_n(&f->rx_producer, f->rx_producer + 1, __ATOMIC_RELEASE);
	f->lease.sent++;
	return frame;
}

static inline uint32_t fixture_drain(struct fixture *f)
{
	return stream_drain(f->stream, &f->stream->feeds[0], &f->broker.umem, 1);
}

#endif
