// SPDX-License-Identifier: GPL-2.0-only
#include "xdp/stream/stream.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "xdp/deliver.h"

const char *class_name(unsigned int class)
{
	static const char *const names[CLASSES] = {
		[CLASS_CRITICAL] = "critical",
		[CLASS_HIGH] = "high",
		[CLASS_NORMAL] = "normal",
		[CLASS_BULK] = "bulk",
	};

	return class < CLASSES ? names[class] : "normal";
}

int stream_open_ring(struct stream *stream, uint32_t frames, const struct umem *umem)
{
	struct ring_header header = stream->template;
	struct timespec now;
	int result = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	stream->chunk_bytes = umem->chunk_bytes;
	header.created_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
	header.memory = stream->memory;
	header.chunk_bytes = umem->chunk_bytes;
	header.memory_bytes = umem->memory.bytes;
	header.datagrams = stream->datagrams;
	header.samples = stream->samples;
	if (stream->memory == RING_MEMORY_COPY) {
		result = sealed_create(&stream->copies, "sensorctl-copies",
				       (size_t)frames * umem->chunk_bytes, true);
		if (!result)
			result = sealed_seal(&stream->copies);
		header.memory_bytes = stream->copies.bytes;
	}
	if (!result)
		result = writer_create(&stream->writer, frames, &header);
	if (result)
		sealed_destroy(&stream->copies);
	return result;
}

static void release(const struct stream *stream, struct umem *umem)
{
	const struct writer *writer = &stream->writer;
	uint32_t used = writer->head < writer->frames ? (uint32_t)writer->head : writer->frames;

	if (stream->memory != RING_MEMORY_UMEM)
		return;
	__atomic_store_n(&writer->header->floor, writer->head, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (uint32_t i = 1; i <= used; i++) {
		uint64_t sequence = writer->head - i;

		umem_put(umem, writer->slots[sequence & writer->mask].descriptor.address);
	}
}

void stream_close_ring(struct stream *stream, struct umem *umem)
{
	if (!stream->writer.header)
		return;
	release(stream, umem);
	writer_destroy(&stream->writer);
	sealed_destroy(&stream->copies);
}

void stream_destroy(struct stream *stream)
{
	for (uint32_t i = 0; i < stream->feed_count; i++)
		feed_close(&stream->feeds[i]);
	free(stream->feeds);
	writer_destroy(&stream->writer);
	sealed_destroy(&stream->copies);
	*stream = (struct stream){ 0 };
}

bool stream_in_flight(const struct stream *stream)
{
	for (uint32_t i = 0; i < stream->feed_count; i++)
		if (__atomic_load_n(&stream->feeds[i].lease->sent, __ATOMIC_RELAXED) !=
		    stream->feeds[i].drained)
			return true;
	return false;
}

/* How many of the n descriptors end with a whole frame: a batch may end inside one. */
static uint32_t whole(const struct xsk_ring_cons *rx, uint32_t index, uint32_t n)
{
	while (n && xsk_ring_cons__rx_desc(rx, index + n - 1)->options & XDP_PKT_CONTD)
		n--;
	return n;
}

static struct meta *meta_of(const struct umem *umem, uint64_t address)
{
	return (struct meta *)((char *)umem->memory.data + address - sizeof(struct meta));
}

/* A frame whose program could not write meta has what its chunk held before; so that is wiped. */
static void describe(struct ring_descriptor *descriptor, struct meta *meta, uint32_t stream,
		     uint64_t now_ns)
{
	/* meta_flag -> ring_flag; both are small, and this is once for each frame. */
	static const uint16_t flags[128] = {
#define BIT(i, from, to) ((i) & (from) ? (to) : 0)
#define ROW(i)                                                                     \
	(BIT(i, META_PRECISE, RING_PRECISE) | BIT(i, META_FIRST, RING_FIRST) |     \
	 BIT(i, META_LAST, RING_LAST) | BIT(i, META_FRAGMENT, RING_FRAGMENT) |     \
	 BIT(i, META_SEQUENCE, RING_SEQUENCE) | BIT(i, META_SAMPLE, RING_SAMPLE) | \
	 BIT(i, META_GAP, RING_GAP))
#define ROW4(i)	 ROW(i), ROW((i) + 1), ROW((i) + 2), ROW((i) + 3)
#define ROW16(i) ROW4(i), ROW4((i) + 4), ROW4((i) + 8), ROW4((i) + 12)
		ROW16(0),  ROW16(16), ROW16(32), ROW16(48),
		ROW16(64), ROW16(80), ROW16(96), ROW16(112)
	};

	descriptor->instance = UINT16_MAX;
	descriptor->flags = RING_BEGIN;
	descriptor->time_ns = now_ns;
	if (meta->magic != META_MAGIC || meta->stream != stream)
		return;
	meta->magic = 0;
	if (meta->time_ns)
		descriptor->time_ns = meta->time_ns;
	descriptor->device_sequence = meta->device_sequence;
	descriptor->sample = meta->sample;
	descriptor->lost_before = meta->lost_before;
	descriptor->instance = meta->instance;
	descriptor->flags |= flags[meta->flags & 127];
}

/* Bytes of the whole frame that begins at index; its pieces are all there. */
static uint32_t total(const struct xsk_ring_cons *rx, uint32_t index)
{
	const struct xdp_desc *piece;
	uint32_t bytes = 0;

	do {
		piece = xsk_ring_cons__rx_desc(rx, index++);
		bytes += piece->len;
	} while (piece->options & XDP_PKT_CONTD);
	return bytes;
}

/* Where a reader finds the piece; gives a frame back to the UMEM in exchange. */
static uint64_t place(struct stream *stream, struct umem *umem, uint32_t index, uint64_t address,
		      uint32_t length)
{
	struct writer *writer = &stream->writer;
	uint64_t slot = (writer->head + index) & writer->mask;

	if (stream->memory == RING_MEMORY_COPY) {
		uint64_t copy = slot * stream->chunk_bytes;

		memcpy((char *)stream->copies.data + copy, (char *)umem->memory.data + address,
		       length);
		umem_put(umem, address);
		return copy;
	}
	if (writer->head + index >= writer->frames)
		umem_put(umem, writer->slots[slot].descriptor.address);
	return address;
}

/* Returns what the program counted as sent for these n descriptors: by the frames' lengths. */
static uint32_t publish(struct stream *stream, struct feed *feed, struct umem *umem, uint32_t index,
			uint32_t n, uint64_t now_ns)
{
	struct writer *writer = &stream->writer;
	struct ring_header *header = writer->header;
	struct ring_descriptor descriptor = { 0 };
	bool begin = true;
	uint32_t sent = 0;

	writer_begin(writer, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct xdp_desc *piece = xsk_ring_cons__rx_desc(&feed->rx, index + i);
		bool more = piece->options & XDP_PKT_CONTD;

		if (begin) {
			memset(&descriptor, 0, sizeof(descriptor));
			describe(&descriptor, meta_of(umem, piece->addr), stream->id, now_ns);
			descriptor.datagram = stream->datagrams++;
			descriptor.total = more ? total(&feed->rx, index + i) : piece->len;
			sent += deliver_frames(descriptor.total);
			stream->samples += !!(descriptor.flags & RING_FIRST);
		} else {
			descriptor.flags &= (uint16_t)~RING_BEGIN;
		}
		if (more)
			descriptor.flags |= RING_MORE;
		else
			descriptor.flags &= (uint16_t)~RING_MORE;
		descriptor.sequence = writer->head + i;
		descriptor.address = place(stream, umem, i, piece->addr, piece->len);
		descriptor.length = piece->len;
		writer_store(writer_slot(writer, i), &descriptor);
		begin = !more;
	}
	__atomic_store_n(&header->datagrams, stream->datagrams, __ATOMIC_RELAXED);
	__atomic_store_n(&header->samples, stream->samples, __ATOMIC_RELAXED);
	writer_publish(writer, n);
	return sent;
}

/* What came when the last reader had just gone. Returns what the program counted as sent. */
static uint32_t discard(struct feed *feed, struct umem *umem, uint32_t index, uint32_t n)
{
	uint32_t sent = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct xdp_desc *piece = xsk_ring_cons__rx_desc(&feed->rx, index + i);

		if (!i ||
		    !(xsk_ring_cons__rx_desc(&feed->rx, index + i - 1)->options & XDP_PKT_CONTD)) {
			sent += deliver_frames(total(&feed->rx, index + i));
			meta_of(umem, piece->addr)->magic = 0;
		}
		umem_put(umem, piece->addr);
	}
	feed->lease->lost += sent;
	return sent;
}

uint32_t stream_drain(struct stream *stream, struct feed *feed, struct umem *umem, uint64_t now_ns)
{
	uint32_t index, n, seen, sent;

	/* libxdp looks at the producer only when all it knew of is used up; half a frame never is. */
	feed->rx.cached_prod = __atomic_load_n(feed->rx.producer, __ATOMIC_ACQUIRE);
	seen = xsk_ring_cons__peek(&feed->rx, STREAM_BATCH, &index);
	if (!seen)
		return 0;
	n = whole(&feed->rx, index, seen);
	if (n < seen)
		xsk_ring_cons__cancel(&feed->rx, seen - n);
	if (!n)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		__builtin_prefetch(
			meta_of(umem, xsk_ring_cons__rx_desc(&feed->rx, index + i)->addr), 1);
	sent = stream->writer.header ? publish(stream, feed, umem, index, n, now_ns)
				     : discard(feed, umem, index, n);

	/* Room in the rings first, credit for it last. */
	xsk_ring_cons__release(&feed->rx, n);
	umem_fill(umem, &feed->queue->fill, n);
	feed->drained += sent;
	__atomic_store_n(&feed->lease->drained, feed->drained, __ATOMIC_RELEASE);
	return n;
}
