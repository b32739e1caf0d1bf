// SPDX-License-Identifier: GPL-2.0-only
#include "xdp/stream/feed.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <sys/socket.h>
#include <time.h>

#define RETRY_NS	10000000l
#define RETRIES		100
#define BUSY_POLL_US	20
#define BUSY_BUDGET	64

static int create(struct feed *feed, struct umem *umem, struct queue *queue,
		  const struct feed_config *config, __u16 flags)
{
	const struct xsk_socket_config socket_config = {
		.rx_size = config->rx_size,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = flags,
	};

	return xsk_socket__create_shared(&feed->xsk, config->interface, queue->number, umem->handle,
					 &feed->rx, NULL, &queue->fill, &queue->completion,
					 &socket_config);
}

static int create_patiently(struct feed *feed, struct umem *umem, struct queue *queue,
			    const struct feed_config *config)
{
	const struct timespec pause = { .tv_nsec = RETRY_NS };
	__u16 flags = XDP_USE_NEED_WAKEUP;
	int result;

	if (config->copy)
		flags |= XDP_COPY;
	if (config->pieces)
		flags |= XDP_USE_SG;
	for (int i = 0; i < RETRIES; i++) {
		result = create(feed, umem, queue, config, flags);
		if (result != -EBUSY)
			break;
		nanosleep(&pause, NULL);
	}
	/* A driver may offer zero-copy and refuse it for this queue, ring size or MTU. */
	if (result && !(flags & XDP_COPY))
		result = create(feed, umem, queue, config, flags | XDP_COPY);
	return result;
}

static int prefer_busy_poll(int fd)
{
	const int on = 1, time_us = BUSY_POLL_US, budget = BUSY_BUDGET;

	if (setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &time_us, sizeof(time_us)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof(budget)))
		return -errno;
	return 0;
}

int feed_open(struct feed *feed, struct umem *umem, struct queue *queue, struct lease *lease,
	      const struct feed_config *config)
{
	struct xdp_options options = { 0 };
	socklen_t length = sizeof(options);
	uint32_t wanted;
	int result;

	*feed = (struct feed){ .queue = queue, .lease = lease, .size = config->rx_size };
	result = create_patiently(feed, umem, queue, config);
	if (result)
		return result;
	feed->fd = xsk_socket__fd(feed->xsk);
	if (config->busy_poll)
		result = prefer_busy_poll(feed->fd);
	if (result) {
		xsk_socket__delete(feed->xsk);
		return result;
	}
	if (!getsockopt(feed->fd, SOL_XDP, XDP_OPTIONS, &options, &length))
		feed->zero_copy = options.flags & XDP_OPTIONS_ZEROCOPY;

	/* After a stream has left, its share is still in the fill ring and serves the next one. */
	queue->sockets++;
	wanted = queue->sockets * config->rx_size;
	if (queue->kept < wanted) {
		umem_fill(umem, &queue->fill, wanted - queue->kept);
		queue->kept = wanted;
	}

	feed->drained = lease->drained;
	feed_forgive(feed);
	lease->credit = config->rx_size - config->rx_size / 8;
	lease->limit = config->rx_size - config->rx_size / 64;
	return 0;
}

void feed_close(struct feed *feed)
{
	if (!feed->xsk)
		return;
	feed->lease->deadline_ns = 0;
	feed->lease->credit = 0;
	feed->lease->limit = 0;
	xsk_socket__delete(feed->xsk);
	feed->xsk = NULL;
	feed->queue->sockets--;
}

void feed_forgive(struct feed *feed)
{
	uint32_t sent = __atomic_load_n(&feed->lease->sent, __ATOMIC_RELAXED);

	feed->lease->lost += (uint64_t)(int64_t)(int32_t)(sent - feed->drained);
	feed->drained = sent;
	__atomic_store_n(&feed->lease->drained, sent, __ATOMIC_RELEASE);
}
