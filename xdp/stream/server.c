// SPDX-License-Identifier: GPL-2.0-only
/*
 * The broker's socket. Readers may be anybody, so each pass does a bounded amount of
 * work, nothing is waited for, and a connection that says anything unexpected, or too
 * much, is ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "xdp/stream/broker.h"

#define EVENTS 16 /* handled in one pass */
#define MESSAGES \
	100000u /* of one connection in a second; a reader that sleeps
					 * between any two datagrams sends one for each */
#define SECOND_NS	  1000000000ull
#define STRANGER_MESSAGES 20u /* connections and requests of a user in a second */
#define STRANGER_IDLE_NS  5000000000ull
#define WORK		  64u /* of those that read no stream yet, in WORK_NS */
#define WORK_NS		  1000000ull

static void hang_up(struct broker *broker, struct connection *connection)
{
	struct stream *stream = connection->stream;

	close(connection->fd);
	connection->fd = -1;
	if (!stream)
		return;
	stream->armed -= connection->armed;
	connection->stream = NULL;
	if (!--stream->readers)
		lease_end(broker, stream, REASON_NO_READER);
}

static void name_peer(struct connection *connection)
{
	char path[32];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", connection->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, connection->comm, sizeof(connection->comm) - 1);
		close(fd);
	}
	connection->comm[n > 0 ? n : 0] = '\0';
	connection->comm[strcspn(connection->comm, "\n")] = '\0';
}

static bool in_group(int fd, gid_t group)
{
	gid_t groups[64];
	socklen_t length = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length))
		return false;
	for (size_t i = 0; i < length / sizeof(*groups); i++)
		if (groups[i] == group)
			return true;
	return false;
}

static bool is_own(uid_t uid)
{
	return !uid || uid == geteuid();
}

/* Root, the user and the group that the broker runs as. */
static bool may_read(int fd, const struct ucred *peer)
{
	return is_own(peer->uid) || peer->gid == getegid() || in_group(fd, getegid());
}

/* Whether somebody who may not read anything is heard; each user some times a second. */
static bool hear_stranger(struct server *server, uid_t uid, uint64_t now_ns)
{
	struct stranger *old = NULL;

	for (uint32_t i = 0; i < BROKER_STRANGERS; i++) {
		struct stranger *stranger = &server->strangers[i];

		if (now_ns - stranger->since_ns > SECOND_NS)
			old = stranger;
		else if (stranger->uid == uid)
			return ++stranger->messages <= STRANGER_MESSAGES;
	}
	if (!old)
		return false;
	*old = (struct stranger){ .uid = uid, .since_ns = now_ns, .messages = 1 };
	return true;
}

/* The slot for another connection of this user, or NULL: there are enough. */
static struct connection *room_for(struct server *server, uid_t uid, bool reader)
{
	struct connection *room = NULL;
	unsigned int same = 0, free = 0, strangers = 0;

	for (uint32_t i = 0; i < BROKER_CONNECTIONS; i++) {
		struct connection *connection = &server->connections[i];

		if (connection->fd < 0) {
			room = connection;
			free++;
			continue;
		}
		same += connection->uid == uid;
		strangers += !connection->may_read;
	}
	if (is_own(uid))
		return room;
	if (free <= BROKER_CONNECTIONS_RESERVED ||
	    same >= (reader ? BROKER_CONNECTIONS_USER : BROKER_STRANGERS_USER) ||
	    (!reader && strangers >= BROKER_STRANGERS))
		return NULL;
	return room;
}

static void take_in(struct broker *broker, uint64_t now_ns)
{
	struct server *server = &broker->server;
	int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };
	struct connection *connection;
	struct ucred peer;
	socklen_t length = sizeof(peer);
	bool reader;

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length)) {
		close(fd);
		return;
	}
	reader = may_read(fd, &peer);
	connection = NULL;
	if (reader || hear_stranger(server, peer.uid, now_ns))
		connection = room_for(server, peer.uid, reader);
	event.data.ptr = connection;
	if (!connection || epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event)) {
		close(fd);
		return;
	}
	*connection = (struct connection){
		.fd = fd,
		.pid = peer.pid,
		.uid = peer.uid,
		.may_read = reader,
		.heard_ns = now_ns,
	};
	name_peer(connection);
}

static int answer(int fd, const struct wire_reply *reply, const int *fds, unsigned int count)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)reply, .iov_len = sizeof(*reply) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count) {
		struct cmsghdr *header;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int refuse(const struct connection *connection, int error, const char *text)
{
	struct wire_reply reply = { .magic = WIRE_MAGIC, .version = WIRE_VERSION, .error = error };

	snprintf(reply.text, sizeof(reply.text), "%s", text);
	answer(connection->fd, &reply, NULL, 0);
	return error;
}

static struct stream *find(struct broker *broker, const char *name)
{
	for (uint32_t i = 0; i < broker->stream_count; i++)
		if (!strcmp(broker->streams[i]->name, name))
			return broker->streams[i];
	return NULL;
}

/*
 * A reader that reports or asks to be woken need not wake the broker for it: that would be once for
 * each frame. The broker asks it when there is something to wake it for, and at each tick.
 */
static void set_aside(const struct server *server, struct connection *connection)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };

	if (!epoll_ctl(server->readers, EPOLL_CTL_ADD, connection->fd, &event))
		epoll_ctl(server->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
}

static int open_stream(struct broker *broker, struct connection *connection,
		       const struct wire_request *request, uint64_t now_ns)
{
	struct wire_reply reply = { .magic = WIRE_MAGIC, .version = WIRE_VERSION };
	struct stream *stream;
	int fds[2], result;

	if (connection->stream || strnlen(request->stream, RING_NAME_BYTES) == RING_NAME_BYTES)
		return -EPROTO;
	stream = find(broker, request->stream);
	if (!stream)
		return refuse(connection, -ENOENT,
			      "the active profile has no such stream with "
			      "deliver: af_xdp");
	if (!connection->may_read)
		return refuse(connection, -EACCES,
			      "not a reader of this stream: neither root nor "
			      "the user or group of the broker");
	if (!stream->writer.header) {
		result = loan_make(broker, stream);
		if (result)
			return refuse(connection, result, strerror(-result));
		broker_watch(broker);
	}
	fds[0] = stream->writer.memory.reader_fd;
	fds[1] = stream->memory == RING_MEMORY_COPY ? stream->copies.reader_fd
						    : broker->umem.memory.reader_fd;
	reply.cursor = stream->writer.head;
	reply.datagrams = stream->datagrams;
	reply.ring_bytes = stream->writer.memory.bytes;
	reply.memory_bytes = stream->writer.header->memory_bytes;
	connection->stream = stream;
	connection->cursor = reply.cursor;
	connection->progress_ns = now_ns;
	stream->readers++;
	set_aside(&broker->server, connection);
	lease_renew(broker, stream, now_ns);
	/* Last: what is sent from the answer on comes to this reader. */
	return answer(connection->fd, &reply, fds, 2);
}

static void wake(struct connection *connection)
{
	const char byte = WIRE_WAKE;

	connection->armed = false;
	connection->stream->armed--;
	/* A full buffer is the reader's own doing; the bytes in it wake it as well. */
	(void)!send(connection->fd, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int report(struct connection *connection, const struct wire_request *request,
		  uint64_t now_ns)
{
	struct stream *stream = connection->stream;

	if (!stream || request->cursor > stream->writer.head)
		return -EPROTO;
	if (request->cursor != connection->cursor)
		connection->progress_ns = now_ns;
	connection->cursor = request->cursor;
	connection->read = request->read;
	connection->missed = request->missed;
	if (request->kind != WIRE_ARM)
		return 0;
	if (!connection->armed) {
		connection->armed = true;
		stream->armed++;
	}
	if (request->cursor < stream->writer.head)
		wake(connection);
	return 0;
}

static void list_stream(struct wire_stream *out, const struct stream *stream)
{
	memcpy(out->name, stream->name, sizeof(out->name));
	out->id = stream->id;
	out->memory = stream->memory;
	out->published = stream->datagrams;
	out->samples = stream->samples;
	out->frames = stream->writer.frames;
	out->leased = stream->leased;
	out->bytes = stream->writer.memory.bytes + stream->copies.bytes;
}

static void list_reader(struct wire_reader *out, const struct connection *connection)
{
	out->stream = connection->stream->id;
	out->pid = connection->pid;
	memcpy(out->comm, connection->comm, sizeof(out->comm));
	out->read = connection->read;
	out->missed = connection->missed;
	out->lag = connection->stream->writer.head - connection->cursor;
}

static int list(struct broker *broker, const struct connection *connection)
{
	static struct {
		struct wire_list head;
		char rest[IMAGE_STREAMS * sizeof(struct wire_stream) +
			  BROKER_CONNECTIONS * sizeof(struct wire_reader)];
	} message;
	struct wire_stream *streams = (struct wire_stream *)message.rest;
	struct wire_reader *readers = (struct wire_reader *)(streams + broker->stream_count);
	uint32_t count = 0;

	memset(&message, 0, sizeof(message));
	for (uint32_t i = 0; i < broker->stream_count; i++)
		list_stream(&streams[i], broker->streams[i]);
	for (uint32_t i = 0; i < BROKER_CONNECTIONS; i++)
		if (broker->server.connections[i].fd >= 0 && broker->server.connections[i].stream)
			list_reader(&readers[count++], &broker->server.connections[i]);
	message.head = (struct wire_list){
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
		.streams = broker->stream_count,
		.readers = count,
	};
	snprintf(message.head.interface, sizeof(message.head.interface), "%s",
		 broker->attached->interface);
	if (send(connection->fd, &message, (size_t)((char *)(readers + count) - (char *)&message),
		 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

int server_request(struct broker *broker, struct connection *connection, const void *data,
		   size_t bytes, uint64_t now_ns)
{
	struct wire_request request;

	if (bytes != sizeof(request))
		return -EPROTO;
	memcpy(&request, data, sizeof(request));
	if (request.magic != WIRE_MAGIC)
		return -EPROTO;
	if (request.version != WIRE_VERSION)
		return refuse(connection, -EPROTONOSUPPORT, "the broker speaks another version");
	if (now_ns - connection->messages_ns > SECOND_NS) {
		connection->messages_ns = now_ns;
		connection->messages = 0;
	}
	connection->heard_ns = now_ns;
	if (++connection->messages > MESSAGES ||
	    (!connection->may_read && !hear_stranger(&broker->server, connection->uid, now_ns)))
		return -EDQUOT;
	switch (request.kind) {
	case WIRE_OPEN:
		return open_stream(broker, connection, &request, now_ns);
	case WIRE_REPORT:
	case WIRE_ARM:
		return report(connection, &request, now_ns);
	case WIRE_LIST:
		return list(broker, connection);
	default:
		return -EPROTO;
	}
}

/*
 * One message. Descriptors that a peer attached are closed by the kernel, as no room is given
 * for them; a longer message is cut and its real length returned.
 */
static bool hear(struct broker *broker, struct connection *connection, uint64_t now_ns)
{
	char data[sizeof(struct wire_request)];
	ssize_t n = recv(connection->fd, data, sizeof(data), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0 && !server_request(broker, connection, data, (size_t)n, now_ns))
		return true;
	hang_up(broker, connection);
	return false;
}

bool server_tired(const struct server *server, uint64_t now_ns)
{
	return server->work >= WORK && now_ns - server->work_ns < WORK_NS;
}

static void run(struct broker *broker, int epoll, uint64_t now_ns)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(epoll, events, EVENTS, 0);

	for (int i = 0; i < n; i++) {
		if (!events[i].data.ptr)
			take_in(broker, now_ns);
		else
			hear(broker, events[i].data.ptr, now_ns);
	}
}

void server_run(struct broker *broker, uint64_t now_ns)
{
	struct server *server = &broker->server;

	if (server_tired(server, now_ns))
		return;
	if (now_ns - server->work_ns >= WORK_NS) {
		server->work_ns = now_ns;
		server->work = 0;
	}
	server->work += EVENTS;
	run(broker, server->epoll, now_ns);
}

void server_listen(struct broker *broker, uint64_t now_ns)
{
	for (uint32_t i = 0; i < BROKER_CONNECTIONS; i++) {
		struct connection *connection = &broker->server.connections[i];

		if (connection->fd >= 0 && !connection->may_read &&
		    now_ns - connection->heard_ns > STRANGER_IDLE_NS)
			hang_up(broker, connection);
	}
	run(broker, broker->server.readers, now_ns);
}

void server_wake(struct broker *broker, struct stream *stream, uint64_t now_ns)
{
	uint32_t left = stream->readers;

	/* The head is published; whoever says after this that it waits looks at the head again. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint32_t i = 0; left && i < BROKER_CONNECTIONS; i++) {
		struct connection *connection = &broker->server.connections[i];

		if (connection->fd < 0 || connection->stream != stream)
			continue;
		left--;
		if (connection->armed) {
			wake(connection);
			continue;
		}
		/* ARM behind the head wakes at once; a report or two may stand before it. */
		for (int m = 0; m < 3 && hear(broker, connection, now_ns); m++)
			;
	}
}

void server_forget(struct broker *broker, struct stream *stream)
{
	for (uint32_t i = 0; i < BROKER_CONNECTIONS; i++)
		if (broker->server.connections[i].fd >= 0 &&
		    broker->server.connections[i].stream == stream)
			hang_up(broker, &broker->server.connections[i]);
}

/* The lock outlives no process, so a pid in an unlocked file means nothing. */
static int lock(struct server *server, struct error *error)
{
	char path[128], pid[16] = "";
	struct stat status;
	int result;

	snprintf(path, sizeof(path), "%s.lock", server->path);
	server->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (server->lock < 0)
		return error_set(error, -errno, 0, NULL, "can't open %s: %s", path,
				 strerror(errno));
	server->locked = !flock(server->lock, LOCK_EX | LOCK_NB);
	/* The broker before may have removed it meanwhile. */
	if (server->locked && (fstat(server->lock, &status) || !status.st_nlink)) {
		server->locked = false;
		return error_set(error, -EAGAIN, 0, "Start it again",
				 "another broker was just about to end");
	}
	if (!server->locked) {
		result = read(server->lock, pid, sizeof(pid) - 1) > 0 ? atoi(pid) : 0;
		return error_set(error, -EBUSY, 0,
				 "One broker serves all streams of an interface; "
				 "sensorctl streams shows them",
				 "a broker runs already: pid %d", result);
	}
	snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(server->lock, 0) || write(server->lock, pid, strlen(pid)) < 0)
		return error_set(error, -errno, 0, NULL, "can't write %s: %s", path,
				 strerror(errno));
	return 0;
}

static int directories(const char *path, struct error *error)
{
	char directory[96];

	snprintf(directory, sizeof(directory), "%s", path);
	*strrchr(directory, '/') = '\0';
	if ((mkdir(WIRE_DIRECTORY, 0755) && errno != EEXIST) ||
	    (mkdir(directory, 0755) && errno != EEXIST))
		return error_set(error, -errno, 0, NULL, "can't make %s: %s", directory,
				 strerror(errno));
	return 0;
}

void server_name(struct broker *broker)
{
	struct server *server = &broker->server;

	snprintf(server->path, sizeof(server->path), WIRE_DIRECTORY "/%ju/%u.sock",
		 (uintmax_t)broker->attached->netns, broker->attached->ifindex);
}

void server_clean(const struct server *server)
{
	char path[128];

	unlink(server->path);
	snprintf(path, sizeof(path), "%s.lock", server->path);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

int server_open(struct broker *broker, struct error *error)
{
	struct server *server = &broker->server;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct epoll_event event = { .events = EPOLLIN };
	int result;

	for (uint32_t i = 0; i < BROKER_CONNECTIONS; i++)
		server->connections[i].fd = -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->path);
	result = directories(server->path, error);
	if (!result)
		result = lock(server, error);
	if (result)
		return result;
	unlink(server->path);
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->readers = epoll_create1(EPOLL_CLOEXEC);
	server->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->epoll < 0 || server->readers < 0 || server->listener < 0 ||
	    bind(server->listener, (struct sockaddr *)&address, sizeof(address)) ||
	    chmod(server->path, 0666) || listen(server->listener, 16) ||
	    epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &event))
		return error_set(error, -errno, 0, NULL, "can't listen on %s: %s", server->path,
				 strerror(errno));
	return 0;
}

void server_close(struct broker *broker)
{
	struct server *server = &broker->server;

	if (server->listener > 0) {
		close(server->listener);
	}
	for (uint32_t i = 0; i < BROKER_CONNECTIONS; i++)
		if (server->connections[i].fd >= 0)
			hang_up(broker, &server->connections[i]);
	if (server->epoll > 0)
		close(server->epoll);
	if (server->readers > 0)
		close(server->readers);
	/* Last, and with the lock still held. */
	if (server->locked)
		errand_clean(broker);
	if (server->lock > 0)
		close(server->lock);
}
