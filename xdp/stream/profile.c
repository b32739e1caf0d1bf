// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which streams are served: those of the active image. A stream that stays keeps its
 * ring, its readers and its sockets over a swap; a new one gets its own; one that is
 * gone is emptied and closed.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "xdp/stream/broker.h"

/*
 * A broker that gets no CPU for a while needs RX rings, a reader the stream's ring. With 4096 and 8192
 * frames that is 4 and 8 ms at a million frames a second, and a second of a LiDAR. Streams that are
 * read share FRAMES_ALL, 192 MiB in small chunks; with few streams it is less.
 */
#define RX_FRAMES	4096u
#define RX_FRAMES_LEAST 512u
#define RX_FRAMES_ALL	262144u /* a descriptor has 16 bytes */
#define FRAMES_ALL	98304u
#define FRAMES_MOST	262144u /* what many streams on many queues may need at least */
#define SPARE_STREAMS	2u	/* that a later profile may add without a new UMEM */
#define LINK_BYTES	22u	/* Ethernet header and two VLAN tags */
#define SMALL_CHUNK	2048u
#define LARGE_CHUNK	4096u
#define TICK_MOST_NS	10000000ull  /* readers that come and go are seen that soon */
#define GRACE_NS	1000000ull   /* a program that saw a lease has done what it did with it */
#define DRAIN_NS	100000000ull /* for the last frames on their way to a socket */
#define DRAIN_NAP_NS	200000l

static uint32_t power_of_two(uint32_t value)
{
	uint32_t power = 1;

	while (power < value)
		power *= 2;
	return power;
}

/* Descriptors of a socket's RX ring. */
static uint32_t rx_size(uint32_t sockets)
{
	uint32_t size = RX_FRAMES;

	while (size > RX_FRAMES_LEAST && size * sockets > RX_FRAMES_ALL)
		size /= 2;
	return size;
}

/* Enough for all streams, or for a handful that is read and a little for each of the others. */
static uint32_t frames_for(const struct broker *broker)
{
	uint32_t all = broker->stream_room * (LOAN_RING + broker->queues_there * broker->rx_size);
	uint32_t least =
		broker->stream_room * (LOAN_RING_LEAST + broker->queues_there * LOAN_RX_LEAST);

	if (all > FRAMES_ALL)
		all = least > FRAMES_ALL ? least : FRAMES_ALL;
	return all + STREAM_BATCH;
}

static int mtu_of(const char *interface)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int mtu = 1500;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (fd >= 0 && !ioctl(fd, SIOCGIFMTU, &request))
		mtu = request.ifr_mtu;
	if (fd >= 0)
		close(fd);
	return mtu;
}

/*
 * Receive queues that are there now. The leases have room for as many as the device can
 * have; a socket can't be bound to one that is switched off. A driver that doesn't say has all.
 */
static uint32_t queues_of(const char *interface, uint32_t most)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq request = { .ifr_data = (char *)&channels };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t count = 0;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (fd >= 0 && !ioctl(fd, SIOCETHTOOL, &request))
		count = channels.rx_count + channels.combined_count;
	if (fd >= 0)
		close(fd);
	return count && count < most ? count : most;
}

/* Generic XDP comes after GRO, which makes packets that are larger than any frame. */
static uint32_t chunk_for(const struct attached *attached)
{
	if (attached->view->mode != MODE_NATIVE)
		return LARGE_CHUNK;
	return (uint32_t)mtu_of(attached->interface) + LINK_BYTES + UMEM_HEADROOM <= SMALL_CHUNK
		       ? SMALL_CHUNK
		       : LARGE_CHUNK;
}

/* All streams have the same readers as long as profiles name none. */
static enum ring_memory memory_for(const struct broker *broker)
{
	return broker->config.memory == BROKER_MEMORY_COPY ? RING_MEMORY_COPY : RING_MEMORY_UMEM;
}

static int make_umem(struct broker *broker, uint32_t streams, struct error *error)
{
	uint32_t frames;
	int result;

	broker->stream_room = streams + SPARE_STREAMS;
	broker->queues_there = queues_of(broker->attached->interface, broker->queue_count);
	broker->memory = memory_for(broker);
	broker->rx_size = rx_size(broker->stream_room * broker->queues_there);
	frames = frames_for(broker);
	if (frames > FRAMES_MOST)
		return error_set(error, -ENOBUFS, 0,
				 "Use fewer queues, ethtool -L IFACE combined N, "
				 "or deliver fewer streams by af_xdp",
				 "%u streams on %u queues need %" PRIu64
				 " MiB of frames, and %" PRIu64 " MiB is the most",
				 streams, broker->queues_there,
				 ((uint64_t)frames * chunk_for(broker->attached)) >> 20,
				 ((uint64_t)FRAMES_MOST * chunk_for(broker->attached)) >> 20);
	result = umem_create(&broker->umem, frames, chunk_for(broker->attached),
			     power_of_two(frames));
	if (result)
		return error_set(
			error, result, 0,
			result == -ENOBUFS
				? "Raise the limit of locked memory: LimitMEMLOCK= of the unit, "
				  "or ulimit -l"
				: NULL,
			"can't register %" PRIu64 " MiB of frames: %s",
			((uint64_t)frames * chunk_for(broker->attached)) >> 20, strerror(-result));
	memset(broker->queues, 0, broker->queue_count * sizeof(*broker->queues));
	for (uint32_t i = 0; i < broker->queue_count; i++)
		broker->queues[i].number = i;
	return 0;
}

static struct feed_config feed_config(const struct broker *broker)
{
	bool pieces = broker->umem.chunk_bytes == LARGE_CHUNK;

	return (struct feed_config){
		.interface = broker->attached->interface,
		.ifindex = broker->attached->ifindex,
		.rx_size = broker->rx_size,
		.copy = broker->attached->view->mode != MODE_NATIVE,
		.pieces = pieces,
		.max_bytes = pieces ? 0 : broker->umem.chunk_bytes - UMEM_HEADROOM,
		.busy_poll = broker->config.busy_poll,
	};
}

static int cannot_bind(const struct broker *broker, uint32_t queue, int result, struct error *error)
{
	return error_set(error, result, 0,
			 result == -EBUSY ? "Another program has an AF_XDP socket on that queue"
					  : NULL,
			 "can't bind an AF_XDP socket to %s queue %u: %s",
			 broker->attached->interface, queue, strerror(-result));
}

static int open_queues(struct broker *broker, struct error *error)
{
	const struct feed_config config = feed_config(broker);

	for (uint32_t q = 0; q < broker->queues_there; q++) {
		int result = queue_open(&broker->queues[q], &broker->umem, &config);

		if (result)
			return cannot_bind(broker, q, result, error);
	}
	return 0;
}

void broker_release(struct broker *broker)
{
	for (uint32_t q = 0; broker->queues && q < broker->queue_count; q++)
		queue_close(&broker->queues[q]);
	umem_destroy(&broker->umem);
	broker->stream_room = 0;
	broker->lent = 0;
	broker->rings = 0;
}

static int open_feeds(struct broker *broker, struct stream *stream, struct error *error)
{
	const struct feed_config config = feed_config(broker);

	stream->feeds = calloc(broker->queue_count, sizeof(*stream->feeds));
	if (!stream->feeds)
		return error_set(error, -ENOMEM, 0, NULL, "out of memory");
	for (uint32_t q = 0; q < broker->queues_there; q++) {
		uint32_t key = stream->id * broker->queue_count + q;
		struct feed *feed = &stream->feeds[q];
		int result = feed_open(feed, &broker->queues[q], &broker->leases[key], &config);

		if (result)
			return cannot_bind(broker, q, result, error);
		stream->feed_count++;
		feed->lease->reason = REASON_NO_READER;
		if (bpf_map_update_elem(broker->attached->xsks, &key, &feed->fd, BPF_ANY))
			return error_set(error, -errno, 0, NULL,
					 "can't put the socket of %s queue "
					 "%u into the map: %s",
					 broker->attached->interface, q, strerror(errno));
	}
	return 0;
}

static void describe(struct broker *broker, struct stream *stream,
		     const struct image_stream *wanted)
{
	struct ring_header *header = stream->writer.header;

	stream->lease_ns = wanted->lease_ns;
	stream->template.generation = broker->image->generation;
	snprintf(stream->template.class, sizeof(stream->template.class), "%s",
		 class_name(wanted->class));
	if (!header)
		return;
	header->generation = stream->template.generation;
	memcpy(header->class, stream->template.class, sizeof(header->class));
}

static int add(struct broker *broker, uint32_t index, struct error *error)
{
	const struct image_stream *wanted = &broker->image->stream[index];
	struct stream *stream = calloc(1, sizeof(*stream));
	struct ring_header *template;

	if (!stream)
		return error_set(error, -ENOMEM, 0, NULL, "out of memory");
	template = &stream->template;
	*template = (struct ring_header){
		.stream_id = wanted->id,
		.ifindex = broker->attached->ifindex,
		.clock = "CLOCK_MONOTONIC",
	};
	snprintf(template->interface, sizeof(template->interface), "%s",
		 broker->attached->interface);
	memcpy(template->stream, broker->image->label[index].name, sizeof(template->stream));
	memcpy(stream->name, broker->image->label[index].name, sizeof(stream->name));
	stream->id = wanted->id;
	stream->memory = broker->memory;
	describe(broker, stream, wanted);
	broker->streams[broker->stream_count++] = stream;
	return open_feeds(broker, stream, error);
}

/* Takes what has come for the streams that leave; returns whether more is on its way. */
static bool drain_leavers(struct broker *broker)
{
	bool more = false;

	for (uint32_t s = 0; s < broker->stream_count; s++) {
		struct stream *stream = broker->streams[s];

		if (!stream->leaves)
			continue;
		for (uint32_t i = 0; i < stream->feed_count; i++)
			while (stream_drain(stream, &stream->feeds[i], &broker->umem,
					    broker_now_ns()))
				;
		more |= stream_in_flight(stream);
	}
	return more;
}

/*
 * A program that saw a lease just before it ended may still redirect: what it sends is
 * counted before, so sent == drained says that all is here. That is microseconds;
 * what has not come after DRAIN_NS is lost, and counted. One wait for all that leave, in which
 * those that stay are served.
 */
static void empty_leavers(struct broker *broker)
{
	const struct timespec nap = { .tv_nsec = DRAIN_NAP_NS };
	uint64_t now_ns = broker_now_ns(), start_ns = now_ns;
	bool more;

	do {
		nanosleep(&nap, NULL);
		broker_keep_up(broker);
		more = drain_leavers(broker);
		now_ns = broker_now_ns();
	} while (now_ns < start_ns + GRACE_NS || (more && now_ns < start_ns + DRAIN_NS));
	for (uint32_t s = 0; s < broker->stream_count; s++)
		for (uint32_t i = 0;
		     broker->streams[s]->leaves && i < broker->streams[s]->feed_count; i++)
			feed_forgive(&broker->streams[s]->feeds[i]);
}

static void forget(struct broker *broker, struct stream *stream, bool recycle)
{
	for (uint32_t q = 0; q < stream->feed_count; q++) {
		uint32_t key = stream->id * broker->queue_count + q;

		bpf_map_delete_elem(broker->attached->xsks, &key);
	}
	server_forget(broker, stream);
	/* server_forget() says that nobody reads; now there is nobody to ask. */
	lease_end(broker, stream, REASON_NO_LEASE);
	if (recycle)
		loan_end(broker, stream);
	for (uint32_t i = 0; i < broker->stream_count; i++)
		if (broker->streams[i] == stream)
			broker->streams[i] = broker->streams[--broker->stream_count];
	stream_destroy(stream);
	free(stream);
}

void broker_drop_leavers(struct broker *broker, bool recycle)
{
	bool any = false;

	for (uint32_t i = 0; i < broker->stream_count; i++) {
		if (!broker->streams[i]->leaves)
			continue;
		lease_end(broker, broker->streams[i], REASON_NO_LEASE);
		any = true;
	}
	if (!any)
		return;
	empty_leavers(broker);
	for (uint32_t i = broker->stream_count; i--;) {
		if (!broker->streams[i]->leaves)
			continue;
		forget(broker, broker->streams[i], recycle);
		broker_keep_up(broker);
	}
}

void broker_drop_all(struct broker *broker)
{
	for (uint32_t i = 0; i < broker->stream_count; i++)
		broker->streams[i]->leaves = true;
	broker_drop_leavers(broker, false);
	broker_release(broker);
}

static struct stream *served(struct broker *broker, const struct image_stream *wanted,
			     const char *name)
{
	for (uint32_t i = 0; i < broker->stream_count; i++)
		if (broker->streams[i]->id == wanted->id && !strcmp(broker->streams[i]->name, name))
			return broker->streams[i];
	return NULL;
}

/* Drops what the image no longer delivers; returns the number of streams that are new. */
static uint32_t keep(struct broker *broker, bool *is_new)
{
	const struct profile_image *image = broker->image;
	uint32_t count = 0;

	for (uint32_t i = 0; i < broker->stream_count; i++)
		broker->streams[i]->leaves = true;
	for (uint32_t i = 0; i < image->stream_count; i++) {
		struct stream *stream = served(broker, &image->stream[i], image->label[i].name);

		is_new[i] = false;
		if (image->stream[i].deliver != DELIVER_AF_XDP)
			continue;
		if (stream) {
			stream->leaves = false;
			describe(broker, stream, &image->stream[i]);
		} else {
			is_new[i] = true;
			count++;
		}
	}
	broker_drop_leavers(broker, true);
	return count;
}

/* What the loop and status look at. */
static int follow(struct broker *broker)
{
	struct control *view = broker->attached->view;
	uint64_t lease_ns = UINT64_MAX;
	uint32_t bound = 0, zero_copy = 0;
	struct pollfd *polls =
		calloc(1 + (1 + broker->stream_count) * broker->queue_count, sizeof(*polls));

	if (!polls)
		return -ENOMEM;
	free(broker->polls);
	broker->polls = polls;
	for (uint32_t s = 0; s < broker->stream_count; s++)
		if (broker->streams[s]->lease_ns < lease_ns)
			lease_ns = broker->streams[s]->lease_ns;
	broker_watch(broker);
	if (broker->stream_count)
		for (bound = 0; bound < broker->streams[0]->feed_count; bound++)
			zero_copy += broker->queues[bound].zero_copy;
	else
		lease_ns = 20000000;
	view->broker_queues = bound;
	view->broker_zero_copy = zero_copy;
	view->broker_lease_ns = lease_ns;
	broker->tick_ns = lease_ns / 4 < TICK_MOST_NS ? lease_ns / 4 : TICK_MOST_NS;
	broker->next_tick_ns = 0;
	return 0;
}

int broker_apply(struct broker *broker, struct error *error)
{
	uint64_t generation =
		__atomic_load_n(&broker->attached->view->generation, __ATOMIC_ACQUIRE);
	bool is_new[IMAGE_STREAMS];
	uint32_t wanted;
	int result;

	result = errand_image(broker);
	if (result)
		return error_set(error, result, 0, NULL, "can't read the active profile: %s",
				 strerror(-result));
	wanted = keep(broker, is_new);
	/* A UMEM can't grow. Without room for all, everything is made anew and readers open again. */
	if (wanted && broker->umem.handle && !loan_room(broker, broker->stream_count + wanted)) {
		broker_drop_all(broker);
		wanted = keep(broker, is_new);
	}
	if (!broker->stream_count)
		broker_release(broker);
	if (wanted && !broker->umem.handle) {
		result = make_umem(broker, wanted, error);
		if (!result)
			result = open_queues(broker, error);
	}
	for (uint32_t i = 0; !result && i < broker->image->stream_count; i++)
		if (is_new[i]) {
			result = add(broker, i, error);
			broker_keep_up(broker);
		}
	if (!result && follow(broker))
		result = error_set(error, -ENOMEM, 0, NULL, "out of memory");
	broker->generation = generation;
	return result;
}
