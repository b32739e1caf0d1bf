// SPDX-License-Identifier: GPL-2.0-only
#include "xdp/stream/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS	 32u /* of all feeds, before anything else gets its turn */
#define TIRED_NS 1000000ull
#define LOOK_NS	 1000000000ull

/*
 * Frames that come faster than one in BUSY_NS, on average, are not worth a wakeup each, neither to us
 * nor to the CPU that receives them: then the broker naps for a moment and takes what has come, and
 * while it naps nobody has to wake it. The CPU that this saves is the readers'.
 */
#define NAP_NS	250000ull
#define BUSY_NS 100000ull
#define AVERAGE 16u /* frames, about */

uint64_t broker_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* Another user may not look into the directory; through a descriptor he may. */
static int watch_pin(struct broker *broker, struct error *error)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/control", broker->attached->directory);
	broker->pin = open(path, O_PATH | O_CLOEXEC);
	return broker->pin >= 0 ? 0
				: error_set(error, -errno, 0, NULL, "can't open %s: %s", path,
					    strerror(errno));
}

static int still_there(const struct broker *broker, struct error *error)
{
	char name[IF_NAMESIZE];
	struct stat status;

	if (fstat(broker->pin, &status) || !status.st_nlink)
		return error_set(error, -ENODEV, 0, NULL, "detached from %s",
				 broker->attached->interface);
	/* Also true of one that is in another namespace now. */
	if (!if_indextoname(broker->attached->ifindex, name))
		return error_set(error, -ENODEV, 0, NULL, "%s is gone",
				 broker->attached->interface);
	return 0;
}

static int map_leases(struct broker *broker, struct error *error)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = STREAM_IDS * (size_t)broker->queue_count * sizeof(struct lease);

	broker->leases_bytes = (bytes + page - 1) & ~(page - 1);
	broker->leases = mmap(NULL, broker->leases_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			      broker->attached->leases, 0);
	if (broker->leases == MAP_FAILED) {
		broker->leases = NULL;
		return error_set(error, -errno, 0, NULL, "can't map the leases: %s",
				 strerror(errno));
	}
	return 0;
}

/* Each stream has a socket for each queue, more than the 1024 that are usual. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int set_up(struct broker *broker, struct error *error)
{
	struct control *view = broker->attached->view;
	int result;

	if (view->mode != MODE_NATIVE && view->mode != MODE_GENERIC)
		return error_set(error, -EOPNOTSUPP, LACKING, NULL,
				 "no XDP program on %s: streams need one",
				 broker->attached->interface);
	broker->queue_count = view->queues;
	broker->queues = calloc(broker->queue_count, sizeof(*broker->queues));
	broker->image = malloc(sizeof(*broker->image));
	if (!broker->queues || !broker->image)
		return error_set(error, -ENOMEM, 0, NULL, "out of memory");
	allow_descriptors();
	result = watch_pin(broker, error);
	server_name(broker);
	if (!result && broker->config.user)
		result = errand_open(broker, error);
	if (!result)
		result = map_leases(broker, error);
	if (!result)
		result = server_open(broker, error);
	if (!result)
		result = broker_apply(broker, error);
	if (result)
		return result;
	view->broker_pid = (__u32)getpid();
	view->broker_heartbeat_ns = broker_now_ns();
	return 0;
}

int broker_open(struct broker **out, struct attached *attached, const struct broker_config *config,
		struct error *error)
{
	struct broker *broker = calloc(1, sizeof(*broker));
	int result;

	if (!broker)
		return error_set(error, -ENOMEM, 0, NULL, "out of memory");
	broker->attached = attached;
	broker->pin = -1;
	broker->config = *config;
	for (uint32_t i = 0; i < BROKER_CONNECTIONS; i++)
		broker->server.connections[i].fd = -1;
	result = set_up(broker, error);
	if (result)
		broker_close(broker);
	else
		*out = broker;
	return result;
}

void broker_watch(struct broker *broker)
{
	broker->poll_count = 0;
	broker->polls[broker->poll_count++] = (struct pollfd){ broker->server.epoll, POLLIN, 0 };
	/* Nothing comes to these sockets, but they tell when the interface is gone. */
	for (uint32_t q = 0; q < broker->queues_there; q++)
		if (broker->queues[q].owner)
			broker->polls[broker->poll_count++] =
				(struct pollfd){ xsk_socket__fd(broker->queues[q].owner), 0, 0 };
	for (uint32_t s = 0; s < broker->stream_count; s++) {
		const struct stream *stream = broker->streams[s];

		for (uint32_t i = 0; stream->writer.header && i < stream->feed_count; i++)
			broker->polls[broker->poll_count++] =
				(struct pollfd){ stream->feeds[i].fd, POLLIN, 0 };
	}
}

/* Once around the feeds of all streams that are read; wakes whom it concerns. */
static uint32_t round_trip(struct broker *broker, uint64_t now_ns)
{
	uint32_t frames = 0;

	for (uint32_t s = 0; s < broker->stream_count; s++) {
		struct stream *stream = broker->streams[s];
		uint32_t published = 0;

		if (!stream->writer.header)
			continue;
		for (uint32_t i = 0; i < stream->feed_count; i++)
			published += stream_drain(stream, &stream->feeds[i], &broker->umem, now_ns);
		if (published && stream->readers)
			server_wake(broker, stream, now_ns);
		frames += published;
	}
	return frames;
}

static uint32_t drain(struct broker *broker, uint64_t now_ns)
{
	uint32_t frames = 0, got;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		got = round_trip(broker, now_ns);
		frames += got;
		if (got < STREAM_BATCH)
			break;
	}
	return frames;
}

/* Zero-copy drivers that ran out of frames want to be told that there are some again. */
static void kick(struct broker *broker)
{
	if (!broker->stream_count)
		return;
	for (uint32_t i = 0; i < broker->streams[0]->feed_count; i++) {
		struct feed *feed = &broker->streams[0]->feeds[i];

		if (broker->config.busy_poll || xsk_ring_prod__needs_wakeup(&feed->queue->fill))
			recvfrom(feed->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
	}
}

static int look_for_errors(const struct broker *broker, struct error *error)
{
	for (uint32_t i = 1; i < broker->poll_count; i++)
		if (broker->polls[i].revents & (POLLERR | POLLHUP | POLLNVAL))
			return error_set(error, -ENETDOWN, 0, NULL, "%s is gone",
					 broker->attached->interface);
	return 0;
}

/* napping: only the server is looked at. Returns 0 or -errno. */
static int wait_for_work(struct broker *broker, uint64_t ns, bool napping, const sigset_t *signals,
			 struct error *error)
{
	bool tired = server_tired(&broker->server, broker_now_ns());
	uint64_t most_ns = tired && ns > TIRED_NS ? TIRED_NS : ns;
	const struct timespec timeout = { .tv_sec = (time_t)(most_ns / 1000000000),
					  .tv_nsec = (long)(most_ns % 1000000000) };
	uint32_t count = napping ? 1 : broker->poll_count;
	int ready;

	broker->polls[0].events = tired ? 0 : POLLIN;
	ready = ppoll(broker->polls, count, &timeout, signals);

	if (ready < 0 && errno != EINTR)
		return error_set(error, -errno, 0, NULL, "can't wait: %s", strerror(errno));
	if (ready <= 0)
		return 0;
	if (broker->polls[0].revents)
		server_run(broker, broker_now_ns());
	return napping ? 0 : look_for_errors(broker, error);
}

/*
 * Streams whose last reader is gone give their frames back, once what was on its way has come; what
 * comes later still is not kept.
 */
static void tidy(struct broker *broker, uint64_t now_ns)
{
	for (uint32_t s = 0; s < broker->stream_count; s++) {
		struct stream *stream = broker->streams[s];

		if (stream->readers)
			continue;
		if (!stream->writer.header) {
			for (uint32_t i = 0; i < stream->feed_count; i++)
				stream_drain(stream, &stream->feeds[i], &broker->umem, now_ns);
		} else if (!stream_in_flight(stream)) {
			loan_end(broker, stream);
			broker_watch(broker);
		}
	}
}

void broker_keep_up(struct broker *broker)
{
	uint64_t now_ns = broker_now_ns();

	drain(broker, now_ns);
	if (now_ns < broker->next_tick_ns)
		return;
	lease_tick(broker, now_ns);
	broker->next_tick_ns = now_ns + broker->tick_ns;
}

/* What is not done for each frame. */
static int look_around(struct broker *broker, uint64_t now_ns, struct error *error)
{
	struct control *view = broker->attached->view;

	if (__atomic_load_n(&view->generation, __ATOMIC_ACQUIRE) != broker->generation) {
		int result = broker_apply(broker, error);

		if (result)
			return result;
		/* That took a while; ticks went on in it, and time must not go back for them. */
		now_ns = broker_now_ns();
	}
	if (now_ns >= broker->next_tick_ns) {
		server_listen(broker, now_ns);
		lease_tick(broker, now_ns);
		tidy(broker, now_ns);
		broker->next_tick_ns = now_ns + broker->tick_ns;
	}
	if (now_ns >= broker->next_look_ns) {
		broker->next_look_ns = now_ns + LOOK_NS;
		return still_there(broker, error);
	}
	return 0;
}

/* Whether to nap: by the average time between frames, which is kept up to date in *mean_ns. */
static bool is_busy(uint64_t *mean_ns, uint32_t frames, uint64_t *last_ns, uint64_t now_ns)
{
	uint64_t each;

	if (frames) {
		uint32_t weight = frames < AVERAGE ? frames : AVERAGE;

		each = (now_ns - *last_ns) / frames;
		if (each > 2 * BUSY_NS * AVERAGE)
			each = 2 * BUSY_NS * AVERAGE;
		*mean_ns = (*mean_ns * (AVERAGE - weight) + each * weight) / AVERAGE;
		*last_ns = now_ns;
	}
	return frames && *mean_ns < BUSY_NS;
}

int broker_run(struct broker *broker, volatile int *stop, struct error *error)
{
	uint64_t now_ns = broker_now_ns(), last_ns = now_ns, mean_ns = UINT32_MAX;
	sigset_t blocked, signals;
	int result = 0;

	/* Signals come in only while it waits, so that none is overlooked before. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &signals);
	while (!*stop && !result) {
		uint64_t wait_ns = 0;
		uint32_t frames;
		bool napping;

		now_ns = broker_now_ns();
		frames = drain(broker, now_ns);
		kick(broker);
		result = look_around(broker, now_ns, error);
		if (result)
			break;
		napping = is_busy(&mean_ns, frames, &last_ns, now_ns);
		if (napping)
			wait_ns = NAP_NS;
		else if (broker->next_tick_ns > now_ns)
			wait_ns = broker->next_tick_ns - now_ns;
		if (broker->config.busy_poll) {
			wait_ns = 0;
			napping = true;
		}
		result = wait_for_work(broker, wait_ns, napping, &signals, error);
	}
	sigprocmask(SIG_SETMASK, &signals, NULL);
	return result;
}

void broker_close(struct broker *broker)
{
	struct control *view = broker->attached->view;

	broker_drop_all(broker);
	if (view->broker_pid == (__u32)getpid()) {
		view->broker_heartbeat_ns = 0;
		view->broker_queues = 0;
		view->broker_zero_copy = 0;
		view->broker_scheduling = 0;
		view->broker_lease_ns = 0;
		view->broker_pid = 0;
	}
	server_close(broker);
	errand_close(broker);
	if (broker->pin >= 0)
		close(broker->pin);
	if (broker->leases)
		munmap(broker->leases, broker->leases_bytes);
	free(broker->polls);
	free(broker->queues);
	free(broker->image);
	free(broker);
}
