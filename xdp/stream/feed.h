/* SPDX-License-Identifier: GPL-2.0-only */
/* AF_XDP sockets: one for each (queue, stream), the feeds of a stream, on one UMEM. */
#ifndef SENSORCTL_FEED_H
#define SENSORCTL_FEED_H

#include <stdbool.h>

#include "xdp/state.h"
#include "xdp/stream/umem.h"

/* A receive queue of the interface; all its sockets share its fill ring. */
struct queue {
	uint32_t number;
	uint32_t kept;			/* frames between its fill ring and its RX rings */
	uint32_t sockets;
	struct xsk_ring_prod fill;
	struct xsk_ring_cons completion;
};

struct feed {
	struct xsk_socket *xsk;
	struct xsk_ring_cons rx;
	struct queue *queue;
	struct lease *lease;
	uint32_t size;			/* of the RX ring */
	uint32_t drained;		/* as in the lease */
	int fd;
	bool zero_copy;
	uint32_t quiet_sent;		/* lease->sent when it was last seen to change */
	uint32_t quiet_ticks;
};

struct feed_config {
	const char *interface;
	uint32_t rx_size;
	bool copy;			/* do not try zero-copy: the program runs in generic mode */
	bool pieces;			/* frames may be larger than a chunk */
	bool busy_poll;
};

/*
 * Opens the socket of one (queue, stream), adds its share of frames to the queue's fill
 * ring, and sets the lease's credit; redirects nothing yet. Tries for a second while the kernel still
 * holds the queue for a socket that was closed before (PITFALLS P18). Returns 0 or -errno.
 */
int feed_open(struct feed *feed, struct umem *umem, struct queue *queue, struct lease *lease,
	      const struct feed_config *config);
void feed_close(struct feed *feed);

/*
 * Takes back the credit of frames that were redirected and never arrived (the kernel refused them, or
 * they lay in the ring of a broker that was killed): counted in lease->lost.
 */
void feed_forgive(struct feed *feed);

#endif
