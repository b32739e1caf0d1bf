/* SPDX-License-Identifier: GPL-2.0-only */
/* A stream that is served: its ring, its feeds, and what of it goes to the stack. */
#ifndef SENSORCTL_STREAM_H
#define SENSORCTL_STREAM_H

#include "xdp/image.h"
#include "xdp/stream/feed.h"
#include "xdp/stream/writer.h"

#define STREAM_BATCH 64u

struct stream {
	char name[IMAGE_NAME_BYTES];
	uint32_t id;
	uint64_t lease_ns;
	struct ring_header template; /* of its rings */
	struct writer writer;	     /* header NULL: no ring, as nobody reads */
	struct sealed copies;	     /* its own frame memory, if memory is RING_MEMORY_COPY */
	enum ring_memory memory;
	uint32_t chunk_bytes;
	uint64_t datagrams;
	uint64_t samples;
	uint32_t readers; /* connections that have it open */
	uint32_t armed;	  /* of them, those that want to be woken */
	bool leased;
	bool leaves;	     /* is being dropped: its lease is not renewed */
	uint32_t feed_count; /* one for each queue */
	struct feed *feeds;
};

/* The name of a class, as profiles spell it. */
const char *class_name(unsigned int class);

/* Makes the ring of a stream (and its own memory). Returns 0 or -errno. */
int stream_open_ring(struct stream *stream, uint32_t frames, const struct umem *umem);
/* Gives all frames that the ring holds back to the UMEM: whoever maps it still is told before. */
void stream_close_ring(struct stream *stream, struct umem *umem);
void stream_destroy(struct stream *stream);

/* Whether the program has redirected frames that have not arrived yet. */
bool stream_in_flight(const struct stream *stream);

/*
 * Takes at most STREAM_BATCH frames from one feed, publishes them and refills the queue. now_ns
 * is the time of frames that carry none. Without a ring they count as lost. Returns the number of
 * frames.
 */
uint32_t stream_drain(struct stream *stream, struct feed *feed, struct umem *umem, uint64_t now_ns);

#endif
