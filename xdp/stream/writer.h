/* SPDX-License-Identifier: GPL-2.0-only */
/* The one that writes a ring; ring.h has the argument why that needs no lock. */
#ifndef SENSORCTL_WRITER_H
#define SENSORCTL_WRITER_H

#include "xdp/stream/ring.h"
#include "xdp/stream/sealed.h"

struct writer {
	struct sealed memory;
	struct ring_header *header;
	union ring_slot *slots;
	uint64_t head;
	uint32_t frames;
	uint32_t mask;
};

/*
 * Makes a ring of `frames` slots (a power of two); template says the header's names and
 * numbers. Sealed. Returns 0 or -errno.
 */
int writer_create(struct writer *writer, uint32_t frames, const struct ring_header *template);
void writer_destroy(struct writer *writer);

/*
 * Says that the next `count` slots are about to be overwritten (W1, W2); count <= frames. Before
 * it, no slot and no frame that a slot names may be touched.
 */
static inline void writer_begin(struct writer *writer, uint32_t count)
{
	uint64_t end = writer->head + count;

	if (end > writer->frames)
		__atomic_store_n(&writer->header->floor, end - writer->frames, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

/* The slot of sequence head + index. */
static inline union ring_slot *writer_slot(struct writer *writer, uint32_t index)
{
	return &writer->slots[(writer->head + index) & writer->mask];
}

static inline void writer_store(union ring_slot *slot, const struct ring_descriptor *descriptor)
{
	union ring_slot copy = { .descriptor = *descriptor };

	for (unsigned int i = 0; i < sizeof(copy) / 8; i++)
		__atomic_store_n(&slot->word[i], copy.word[i], __ATOMIC_RELAXED);
}

/* Makes `count` slots readable (W4). */
static inline void writer_publish(struct writer *writer, uint32_t count)
{
	writer->head += count;
	__atomic_store_n(&writer->header->head, writer->head, __ATOMIC_RELEASE);
}

#endif
