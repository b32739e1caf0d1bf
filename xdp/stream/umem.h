/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frames of an interface: one UMEM, in sealed memory that readers may map. At any
 * time each frame is in one place:
 *
 *	a queue's fill ring, the kernel's hands, or an RX ring	queue->kept of each queue
 *	a slot of a stream's ring					the ring's frames
 *	the free list						the rest, at least one batch
 *
 * What is taken from a queue's RX rings is replaced in its fill ring at once, so kept only grows,
 * when a stream gets its first reader (loan.c); and as the credits of its streams are together not
 * more than kept, no stream can take the frames that another one's credit promises.
 */
#ifndef SENSORCTL_UMEM_H
#define SENSORCTL_UMEM_H

#include <stdint.h>
#include <xdp/xsk.h>

#include "xdp/stream/sealed.h"

#define UMEM_HEADROOM 256u /* XDP_PACKET_HEADROOM: a frame begins that far into its chunk */

struct umem {
	struct sealed memory;
	struct xsk_umem *handle;
	struct xsk_ring_prod fill; /* of the first queue that is bound */
	struct xsk_ring_cons completion;
	bool bound; /* that queue is */
	uint32_t chunk_bytes;
	uint32_t frames;
	uint32_t free_count;
	uint64_t *free; /* addresses of chunks */
};

/* fill_size: a power of two, for each queue. Returns 0 or -errno. */
int umem_create(struct umem *umem, uint32_t frames, uint32_t chunk_bytes, uint32_t fill_size);
void umem_destroy(struct umem *umem);

static inline void umem_put(struct umem *umem, uint64_t address)
{
	umem->free[umem->free_count++] = address & ~((uint64_t)umem->chunk_bytes - 1);
}

static inline uint64_t umem_take(struct umem *umem)
{
	return umem->free[--umem->free_count];
}

/* Moves `count` frames from the free list to a fill ring; there are that many, and room. */
void umem_fill(struct umem *umem, struct xsk_ring_prod *fill, uint32_t count);

#endif
