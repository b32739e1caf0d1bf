/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AF_XDP sockets on one UMEM: for each queue one that owns the fill ring and receives nothing, and
 * for each (queue, stream) one that shares it, the feeds of a stream. So feeds come and go
 * in any order. (libxdp binds every shared socket to the UMEM's first one, which the kernel takes
 * for another queue; a second stream on a second queue has to name a socket of that queue.)
 */
#ifndef SENSORCTL_FEED_H
#define SENSORCTL_FEED_H

#include <stdbool.h>

#include "xdp/state.h"
#include "xdp/stream/umem.h"

/* A receive queue of the interface. */
struct queue {
	struct xsk_socket *owner;    /* NULL: not open */
	struct xsk_ring_cons unused; /* its RX ring, which libxdp unmaps when it goes */
	uint32_t number;
	bool zero_copy;
	uint32_t kept;	   /* frames between its fill ring and its RX rings */
	uint32_t promised; /* of them, to streams that are read; not more */
	struct xsk_ring_prod fill;
	struct xsk_ring_cons completion;
};

struct feed {
	struct xsk_ring_cons rx;
	void *map; /* of the RX ring */
	size_t map_bytes;
	struct queue *queue;
	struct lease *lease;
	uint32_t size;	   /* of the RX ring */
	uint32_t promised; /* frames of the queue that are for this feed */
	uint32_t drained;  /* as in the lease */
	int fd;
	uint32_t quiet_sent; /* lease->sent when it was last seen to change */
	uint32_t quiet_ticks;
};

struct feed_config {
	const char *interface;
	unsigned int ifindex;
	uint32_t rx_size;
	bool copy;	    /* do not try zero-copy: the program runs in generic mode */
	bool pieces;	    /* frames may be larger than a chunk */
	uint32_t max_bytes; /* of a frame; 0: no limit */
	bool busy_poll;
};

/*
 * Binds a queue, zero-copy where the driver can. Tries for a second while the kernel still holds
 * it for a socket that was closed before. Returns 0 or -errno.
 */
int queue_open(struct queue *queue, struct umem *umem, const struct feed_config *config);
void queue_close(struct queue *queue);

/*
 * Opens the socket of one (queue, stream), without any frames or credit. The queue is open. Returns
 * 0 or -errno.
 */
int feed_open(struct feed *feed, struct queue *queue, struct lease *lease,
	      const struct feed_config *config);
void feed_close(struct feed *feed);

/*
 * Adds a feed's frames, not more than its RX ring has room for, to the queue's fill ring, and sets
 * the lease's credit. The free list has that many. feed_retire() promises them to others.
 */
void feed_promise(struct feed *feed, struct umem *umem, uint32_t frames);
void feed_retire(struct feed *feed);

/*
 * Takes back the credit of frames that were redirected and never arrived (the kernel refused them, or
 * they lay in the ring of a broker that was killed): counted in lease->lost.
 */
void feed_forgive(struct feed *feed);

#endif
