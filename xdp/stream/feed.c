// SPDX-License-Identifier: GPL-2.0-only
#include "xdp/stream/feed.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define OWNER_RX     64u /* the kernel wants an RX ring to bind */
#define RETRY_NS     10000000l
#define RETRIES	     100
#define BUSY_POLL_US 20
#define BUSY_BUDGET  64

static int create(struct queue *queue, struct umem *umem, const struct feed_config *config,
		  __u16 flags)
{
	const struct xsk_socket_config socket_config = {
		.rx_size = OWNER_RX,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = flags,
	};

	int result;

	if (umem->bound)
		return xsk_socket__create_shared(&queue->owner, config->interface, queue->number,
						 umem->handle, &queue->unused, NULL, &queue->fill,
						 &queue->completion, &socket_config);
	/*
	 * The first socket of a UMEM uses the rings that it was made with. Given copies of them,
	 * libxdp would unmap those when bind fails, and a second attempt would find nothing there.
	 */
	result = xsk_socket__create_shared(&queue->owner, config->interface, queue->number,
					   umem->handle, &queue->unused, NULL, &umem->fill,
					   &umem->completion, &socket_config);
	if (result)
		return result;
	umem->bound = true;
	queue->fill = umem->fill;
	queue->completion = umem->completion;
	return 0;
}

static int create_patiently(struct queue *queue, struct umem *umem,
			    const struct feed_config *config)
{
	const struct timespec pause = { .tv_nsec = RETRY_NS };
	__u16 flags = XDP_USE_NEED_WAKEUP;
	int result = -EBUSY;

	if (config->copy)
		flags |= XDP_COPY;
	if (config->pieces)
		flags |= XDP_USE_SG;
	for (int i = 0; i < RETRIES; i++) {
		result = create(queue, umem, config, flags);
		if (result != -EBUSY)
			break;
		nanosleep(&pause, NULL);
	}
	/* A driver may offer zero-copy and refuse it for this queue, ring size or MTU. */
	if (result && !(flags & XDP_COPY))
		result = create(queue, umem, config, flags | XDP_COPY);
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

int queue_open(struct queue *queue, struct umem *umem, const struct feed_config *config)
{
	struct xdp_options options = { 0 };
	socklen_t length = sizeof(options);
	int result;

	result = create_patiently(queue, umem, config);
	if (result) {
		queue->owner = NULL;
		return result;
	}
	if (!getsockopt(xsk_socket__fd(queue->owner), SOL_XDP, XDP_OPTIONS, &options, &length))
		queue->zero_copy = options.flags & XDP_OPTIONS_ZEROCOPY;
	return 0;
}

void queue_close(struct queue *queue)
{
	if (queue->owner)
		xsk_socket__delete(queue->owner);
	*queue = (struct queue){ .number = queue->number };
}

static int map_ring(struct feed *feed)
{
	struct xdp_mmap_offsets offsets;
	socklen_t length = sizeof(offsets);
	char *map;

	if (setsockopt(feed->fd, SOL_XDP, XDP_RX_RING, &feed->size, sizeof(feed->size)) ||
	    getsockopt(feed->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &length))
		return -errno;
	feed->map_bytes = offsets.rx.desc + feed->size * sizeof(struct xdp_desc);
	map = mmap(NULL, feed->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		   feed->fd, XDP_PGOFF_RX_RING);
	if (map == MAP_FAILED)
		return -errno;
	feed->map = map;
	feed->rx = (struct xsk_ring_cons){
		.mask = feed->size - 1,
		.size = feed->size,
		.producer = (__u32 *)(map + offsets.rx.producer),
		.consumer = (__u32 *)(map + offsets.rx.consumer),
		.flags = (__u32 *)(map + offsets.rx.flags),
		.ring = map + offsets.rx.desc,
	};
	return 0;
}

static int open_socket(struct feed *feed, const struct feed_config *config)
{
	const struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = XDP_SHARED_UMEM,
		.sxdp_ifindex = config->ifindex,
		.sxdp_queue_id = feed->queue->number,
		.sxdp_shared_umem_fd = (__u32)xsk_socket__fd(feed->queue->owner),
	};
	int result;

	feed->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (feed->fd < 0)
		return -errno;
	result = map_ring(feed);
	if (!result && bind(feed->fd, (const struct sockaddr *)&address, sizeof(address)))
		result = -errno;
	if (!result && config->busy_poll)
		result = prefer_busy_poll(feed->fd);
	return result;
}

static void *close_one(void *fd)
{
	close((int)(intptr_t)fd);
	return NULL;
}

/*
 * The kernel waits for a grace period or two when an AF_XDP socket is closed, longer than the
 * leases and rings of the streams that stay can bridge. So another thread does that.
 */
static void close_aside(int fd)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attributes, close_one, (void *)(intptr_t)fd))
		close(fd);
	pthread_attr_destroy(&attributes);
}

static void close_socket(struct feed *feed)
{
	if (feed->map)
		munmap(feed->map, feed->map_bytes);
	if (feed->fd >= 0)
		close_aside(feed->fd);
	feed->map = NULL;
	feed->fd = -1;
}

int feed_open(struct feed *feed, struct queue *queue, struct lease *lease,
	      const struct feed_config *config)
{
	int result;

	*feed = (struct feed){ .queue = queue, .lease = lease, .size = config->rx_size };
	result = open_socket(feed, config);
	if (result) {
		close_socket(feed);
		return result;
	}
	feed->drained = lease->drained;
	lease->max_bytes = config->max_bytes;
	feed_forgive(feed);
	return 0;
}

void feed_close(struct feed *feed)
{
	if (!feed->map)
		return;
	feed->lease->deadline_ns = 0;
	feed_retire(feed);
	close_socket(feed);
}

void feed_promise(struct feed *feed, struct umem *umem, uint32_t frames)
{
	struct queue *queue = feed->queue;

	/* After a stream has left, its share is still in the fill ring and serves the next one. */
	queue->promised += frames;
	feed->promised = frames;
	if (queue->kept < queue->promised) {
		umem_fill(umem, &queue->fill, queue->promised - queue->kept);
		queue->kept = queue->promised;
	}
	feed->lease->credit = frames - frames / 8;
	feed->lease->limit = frames - frames / 64;
}

void feed_retire(struct feed *feed)
{
	feed->lease->credit = 0;
	feed->lease->limit = 0;
	feed->queue->promised -= feed->promised;
	feed->promised = 0;
}

void feed_forgive(struct feed *feed)
{
	uint32_t sent = __atomic_load_n(&feed->lease->sent, __ATOMIC_RELAXED);

	feed->lease->lost += (uint64_t)(int64_t)(int32_t)(sent - feed->drained);
	feed->drained = sent;
	__atomic_store_n(&feed->lease->drained, sent, __ATOMIC_RELEASE);
}
