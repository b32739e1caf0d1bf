// SPDX-License-Identifier: GPL-2.0-only
/* What readers may say to the broker, what they get, and that nothing they say harms others. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/ring_fixture.h"
#include "xdp/stream/reader.h"

struct served {
	struct fixture f;
	char path[96];
	pthread_t thread;
	pthread_mutex_t lock;
	volatile int stop;
	bool running;
};

static void *run_server(void *argument)
{
	struct served *served = argument;

	while (!served->stop) {
		struct epoll_event event;

		epoll_wait(served->f.broker.server.epoll, &event, 1, 5);
		pthread_mutex_lock(&served->lock);
		server_run(&served->f.broker, broker_now_ns());
		server_listen(&served->f.broker, broker_now_ns());
		pthread_mutex_unlock(&served->lock);
	}
	return NULL;
}

static int set_up(void **state)
{
	struct served *served = calloc(1, sizeof(*served));
	struct server *server = &served->f.broker.server;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct epoll_event event = { .events = EPOLLIN };

	fixture_make(&served->f, RING_MEMORY_UMEM);
	pthread_mutex_init(&served->lock, NULL);
	snprintf(served->path, sizeof(served->path), "/tmp/sensorctl-test-%d.sock", getpid());
	strcpy(address.sun_path, served->path);
	unlink(served->path);
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->readers = epoll_create1(EPOLL_CLOEXEC);
	server->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (bind(server->listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(server->listener, 16) ||
	    epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &event) ||
	    pthread_create(&served->thread, NULL, run_server, served))
		return -1;
	*state = served;
	return 0;
}

static int tear_down(void **state)
{
	struct served *served = *state;

	served->stop = 1;
	pthread_join(served->thread, NULL);
	close(served->f.broker.server.listener);
	close(served->f.broker.server.epoll);
	close(served->f.broker.server.readers);
	unlink(served->path);
	fixture_free(&served->f);
	free(served);
	return 0;
}

static void publish(struct served *served, uint64_t first, uint32_t count)
{
	pthread_mutex_lock(&served->lock);
	for (uint32_t i = 0; i < count; i++) {
		fixture_receive(&served->f, 200, first + i, false);
		fixture_drain(&served->f);
	}
	if (served->f.stream->readers)
		server_wake(&served->f.broker, served->f.stream, broker_now_ns());
	pthread_mutex_unlock(&served->lock);
}

static struct reader *open_reader(struct served *served)
{
	struct reader *reader = NULL;
	char message[256] = "";

	assert_int_equal(reader_open(&reader, served->path, "lidar", message, sizeof(message)), 0);
	return reader;
}

static void a_reader_gets_what_is_published_from_then_on(void **state)
{
	struct served *served = *state;
	struct reader_datagram datagram;
	struct reader *reader;

	publish(served, 0, 10);
	reader = open_reader(served);
	assert_true(served->f.stream->leased);
	assert_int_equal(reader_next(reader, &datagram, 0), 0);
	publish(served, 10, 20);
	for (uint64_t i = 10; i < 30; i++) {
		assert_int_equal(reader_next(reader, &datagram, 0), 1);
		assert_int_equal(datagram.descriptor.device_sequence, i);
		assert_int_equal(datagram.pieces, 1);
		assert_int_equal(datagram.piece[0].iov_len, 200);
		assert_int_equal(*(unsigned char *)datagram.piece[0].iov_base, i);
		assert_true(reader_valid(reader, &datagram));
	}
	assert_int_equal(reader_next(reader, &datagram, 0), 0);
	assert_int_equal(reader_count(reader).read, 20);
	assert_int_equal(reader_count(reader).missed, 0);
	reader_close(reader);
}

static void a_slow_reader_knows_exactly_what_it_missed(void **state)
{
	struct served *served = *state;
	struct reader *reader = open_reader(served);
	struct reader_datagram datagram;
	uint64_t missed = 0, read = 0;

	publish(served, 0, 5 * RING_SIZE);
	while (reader_next(reader, &datagram, 0) == 1) {
		missed += datagram.missed_before;
		assert_int_equal(datagram.descriptor.device_sequence, read + missed);
		read++;
	}
	assert_true(read > 0 && read <= RING_SIZE);
	assert_int_equal(read + missed, 5 * RING_SIZE);
	assert_int_equal(reader_count(reader).missed, missed);
	reader_close(reader);
}

static void a_frame_overwritten_in_use_is_not_valid_and_counts_once(void **state)
{
	struct served *served = *state;
	struct reader *reader = open_reader(served);
	struct reader_datagram datagram;

	publish(served, 0, 1);
	assert_int_equal(reader_next(reader, &datagram, 0), 1);
	publish(served, 1, RING_SIZE);
	assert_false(reader_valid(reader, &datagram));
	assert_false(reader_valid(reader, &datagram));
	assert_int_equal(reader_count(reader).missed, 1);
	assert_int_equal(reader_count(reader).read, 0);
	reader_close(reader);
}

static void *publish_later(void *argument)
{
	usleep(50000);
	publish(argument, 0, 1);
	return NULL;
}

static void a_sleeping_reader_is_woken(void **state)
{
	struct served *served = *state;
	struct reader *reader = open_reader(served);
	struct reader_datagram datagram;
	pthread_t thread;

	assert_int_equal(reader_next(reader, &datagram, 10), 0);
	pthread_create(&thread, NULL, publish_later, served);
	assert_int_equal(reader_next(reader, &datagram, 5000), 1);
	pthread_join(thread, NULL);
	assert_int_equal(reader_next(reader, &datagram, 10), 0);
	reader_close(reader);
}

static void a_stream_that_ends_is_read_to_its_end(void **state)
{
	struct served *served = *state;
	struct reader *reader = open_reader(served);
	struct reader_datagram datagram;

	publish(served, 0, 3);
	pthread_mutex_lock(&served->lock);
	server_forget(&served->f.broker, served->f.stream);
	pthread_mutex_unlock(&served->lock);
	assert_false(served->f.stream->leased);
	for (int i = 0; i < 3; i++)
		assert_int_equal(reader_next(reader, &datagram, 1000), 1);
	assert_int_equal(reader_next(reader, &datagram, 1000), -EPIPE);
	reader_close(reader);
}

static void an_unknown_stream_is_refused_with_a_reason(void **state)
{
	struct served *served = *state;
	struct reader *reader;
	char message[256] = "";

	assert_int_equal(reader_open(&reader, served->path, "nothing", message, sizeof(message)),
			 -ENOENT);
	assert_non_null(strstr(message, "no such stream"));
}

static int raw(struct served *served)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, served->path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The broker hangs up, and serves the next one as if nothing had been. */
static void ends_the_connection(struct served *served, const void *data, size_t bytes)
{
	char byte[512];
	int fd = raw(served);

	assert_int_equal(send(fd, data, bytes, MSG_NOSIGNAL), bytes);
	while (recv(fd, byte, sizeof(byte), 0) > 0)
		;
	close(fd);
	reader_close(open_reader(served));
}

static void nonsense_ends_its_connection_and_nothing_else(void **state)
{
	struct served *served = *state;
	struct wire_request request = { .magic = WIRE_MAGIC, .version = WIRE_VERSION };

	ends_the_connection(served, "x", 1);
	ends_the_connection(served, &request, sizeof(request) - 1);
	ends_the_connection(served, &request, sizeof(request));
	request.kind = WIRE_ARM;
	ends_the_connection(served, &request, sizeof(request));
	request.kind = WIRE_OPEN;
	memset(request.stream, 'a', sizeof(request.stream));
	ends_the_connection(served, &request, sizeof(request));
	request.version = 99;
	ends_the_connection(served, &request, sizeof(request));
	request.magic = 1;
	ends_the_connection(served, &request, sizeof(request));
}

static void a_cursor_in_the_future_is_no_progress(void **state)
{
	struct served *served = *state;
	struct wire_request request = {
		.magic = WIRE_MAGIC, .version = WIRE_VERSION, .kind = WIRE_OPEN, .stream = "lidar"
	};
	char reply[512];
	int fd = raw(served);

	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	assert_int_equal(recv(fd, reply, sizeof(reply), 0), sizeof(struct wire_reply));
	request.kind = WIRE_REPORT;
	request.cursor = UINT64_MAX;
	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	assert_true(recv(fd, reply, sizeof(reply), 0) <= 0);
	close(fd);
}

static void connections_are_bounded(void **state)
{
	struct served *served = *state;
	int fds[3 * BROKER_CONNECTIONS], open = 0;
	char byte;

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		fds[i] = raw(served);
	usleep(100000);
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		open += recv(fds[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
		close(fds[i]);
	}
	assert_true(open <= (int)BROKER_CONNECTIONS);
	usleep(100000);
	reader_close(open_reader(served));
}

static void a_lease_lasts_while_a_reader_gets_on(void **state)
{
	struct served *served = *state;
	struct reader *reader = open_reader(served);
	struct reader_datagram datagram;
	uint64_t now_ns = broker_now_ns();

	pthread_mutex_lock(&served->lock);
	lease_tick(&served->f.broker, now_ns + 5000000000ull); /* nothing to read: it is fine */
	assert_true(served->f.stream->leased);
	assert_int_equal(served->f.lease.deadline_ns, now_ns + 5020000000ull);
	pthread_mutex_unlock(&served->lock);
	publish(served, 0, 1);
	pthread_mutex_lock(&served->lock);
	lease_tick(&served->f.broker, now_ns + 5900000000ull);
	assert_true(served->f.stream->leased);
	lease_tick(&served->f.broker, now_ns + 6100000000ull); /* stuck for more than a second */
	assert_false(served->f.stream->leased);
	assert_int_equal(served->f.lease.deadline_ns, 0);
	assert_int_equal(served->f.lease.reason, REASON_NO_READER);
	pthread_mutex_unlock(&served->lock);
	assert_int_equal(reader_next(reader, &datagram, 0), 1);
	assert_int_equal(reader_arm(reader), 0);
	usleep(50000);
	pthread_mutex_lock(&served->lock);
	lease_tick(&served->f.broker, now_ns + 6200000000ull);
	assert_true(served->f.stream->leased);
	pthread_mutex_unlock(&served->lock);
	reader_close(reader);
	usleep(50000);
	assert_false(served->f.stream->leased);
}

static void frames_that_never_came_are_counted_and_their_credit_returned(void **state)
{
	struct served *served = *state;

	pthread_mutex_lock(&served->lock);
	served->f.lease.sent += 17;
	for (int i = 0; i < 20; i++)
		lease_tick(&served->f.broker, broker_now_ns());
	assert_int_equal(served->f.lease.lost, 17);
	assert_int_equal(served->f.lease.drained, served->f.lease.sent);
	pthread_mutex_unlock(&served->lock);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_reader_gets_what_is_published_from_then_on),
		TEST(a_slow_reader_knows_exactly_what_it_missed),
		TEST(a_frame_overwritten_in_use_is_not_valid_and_counts_once),
		TEST(a_sleeping_reader_is_woken),
		TEST(a_stream_that_ends_is_read_to_its_end),
		TEST(an_unknown_stream_is_refused_with_a_reason),
		TEST(nonsense_ends_its_connection_and_nothing_else),
		TEST(a_cursor_in_the_future_is_no_progress),
		TEST(connections_are_bounded),
		TEST(a_lease_lasts_while_a_reader_gets_on),
		TEST(frames_that_never_came_are_counted_and_their_credit_returned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
