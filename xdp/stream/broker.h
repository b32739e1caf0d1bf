/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The broker of one interface: takes the frames of all its streams out of their AF_XDP
 * sockets, publishes them in shared memory, and keeps the leases.
 *
 *	feed ─┐
 *	feed ─┼─ stream_drain() ─▶ ring ─▶ readers (memory only)
 *	feed ─┘                     │
 *	                  server: who reads, who wants to be woken
 *	                            │
 *	              lease: only what is read is taken off the stack
 *
 * One thread, no locks; it waits in one place, and for nobody.
 */
#ifndef SENSORCTL_BROKER_H
#define SENSORCTL_BROKER_H

#include <poll.h>
#include <sys/types.h>

#include "ctl/attached.h"
#include "xdp/stream/stream.h"
#include "xdp/stream/wire.h"

#define BROKER_CONNECTIONS	    64u /* of all users */
#define BROKER_CONNECTIONS_USER	    16u /* of one user who is neither root nor the broker's own */
#define BROKER_CONNECTIONS_RESERVED 8u	/* for root and the broker's own user */
#define BROKER_STRANGERS	    16u /* connections of those who may not read, and users of them */
#define BROKER_STRANGERS_USER	    4u
#define BROKER_READER_TIMEOUT_NS    1000000000ull

/*
 * Frames of a stream that is read: of its ring, for a reader that gets no CPU for a while (a second
 * and more of a LiDAR or camera), and of its RX rings, for a broker that gets none.
 */
#define LOAN_RING	8192u
#define LOAN_RING_LEAST 512u
#define LOAN_RX_LEAST	256u

enum broker_memory {
	BROKER_MEMORY_AUTO,
	BROKER_MEMORY_UMEM,
	BROKER_MEMORY_COPY,
};

struct broker_config {
	bool busy_poll;
	const char *user; /* to run as, NULL: stay who we are */
	enum broker_memory memory;
	int verbose;
};

struct connection {
	int fd; /* -1: free */
	pid_t pid;
	uid_t uid;
	char comm[16];
	bool may_read;	       /* root, the broker's user, its group */
	uint64_t heard_ns;     /* of its last request */
	struct stream *stream; /* NULL: none opened */
	bool armed;
	uint64_t cursor, read, missed; /* as reported */
	uint64_t progress_ns;	       /* when it last got on, or had nothing to do */
	uint64_t messages_ns;	       /* of the second in which messages are counted */
	uint32_t messages;
};

/* Somebody without the right to read, by user: what he may ask in a second is limited. */
struct stranger {
	uid_t uid;
	uint64_t since_ns;
	uint32_t messages;
};

struct server {
	int listener;
	int epoll;     /* the listener and connections without a stream */
	int readers;   /* epoll: the other connections */
	char path[96]; /* of the socket; fits sun_path */
	int lock;      /* held while the broker runs; its file holds the pid */
	bool locked;
	struct connection connections[BROKER_CONNECTIONS];
	struct stranger strangers[BROKER_STRANGERS];
	uint64_t work_ns; /* begin of the millisecond in which requests are counted */
	uint32_t work;
};

/* errand.c */
struct errand {
	pid_t pid; /* 0: none, what it does we may do ourselves */
	int fd;
	struct profile_image *image; /* shared with the child, which writes it */
};

struct broker {
	struct attached *attached;
	struct broker_config config;
	struct lease *leases; /* the leases map */
	size_t leases_bytes;
	struct profile_image *image; /* the last one that was applied */
	uint64_t generation;
	struct umem umem;
	uint32_t queue_count;  /* that the keys have room for */
	uint32_t queues_there; /* of them, those that are bound */
	struct queue *queues;
	enum ring_memory memory; /* of all streams */
	uint32_t rx_size;	 /* descriptors of each RX ring */
	uint32_t stream_room;	 /* streams that the UMEM has frames for */
	uint32_t lent;		 /* of them, those that have frames now */
	uint32_t rings;		 /* frames of their rings */
	struct stream *streams[IMAGE_STREAMS];
	uint32_t stream_count;
	struct server server;
	struct errand errand;
	struct pollfd *polls; /* the server's epoll, then the feeds of streams that are read */
	uint32_t poll_count;
	uint64_t tick_ns; /* between two renewals */
	uint64_t next_tick_ns;
	uint64_t next_look_ns; /* whether we are still attached */
	int pin;	       /* O_PATH of the control map's, to see that it is still there */
};

uint64_t broker_now_ns(void);

/*
 * Makes a broker for what is attached, which it does not own; serves what the active profile
 * delivers by af_xdp, which may be nothing. Returns 0, or -errno with error filled in: -EBUSY when
 * there is one already.
 */
int broker_open(struct broker **out, struct attached *attached, const struct broker_config *config,
		struct error *error);

/*
 * Runs until *stop, or until the interface or its programs go away. Returns 0 after *stop, else
 * -errno with error filled in.
 */
int broker_run(struct broker *broker, volatile int *stop, struct error *error);

/* Ends the leases, publishes what is still in the rings, tells the readers. */
void broker_close(struct broker *broker);

/* profile.c: makes the streams served those of the active image. */
int broker_apply(struct broker *broker, struct error *error);
/*
 * Of all streams that leave: ends their leases, publishes all that their feeds hold, tells their
 * readers; the others are served meanwhile. recycle: the frames go to other streams; else readers
 * may still read what they have not.
 */
void broker_drop_leavers(struct broker *broker, bool recycle);
void broker_drop_all(struct broker *broker);

/* broker.c: what can't wait while a profile is applied: feeds that fill, leases that end. */
void broker_keep_up(struct broker *broker);

/* Closes queues and UMEM; no stream is served. */
void broker_release(struct broker *broker);

/* The loop waits for the streams that have rings now. */
void broker_watch(struct broker *broker);

/* loan.c: frames for a stream that is going to be read. */
struct loan {
	uint32_t ring;
	uint32_t rx; /* on each queue: its credit */
};

/* Makes room for that many streams, if what the UMEM holds is enough for the least of each. */
bool loan_room(struct broker *broker, uint32_t streams);
struct loan loan_for(const struct broker *broker);
int loan_make(struct broker *broker, struct stream *stream);
/* Nobody reads the stream and nothing is on its way to it. */
void loan_end(struct broker *broker, struct stream *stream);

/* lease.c: renews or ends every lease. */
void lease_tick(struct broker *broker, uint64_t now_ns);
void lease_renew(struct broker *broker, struct stream *stream, uint64_t now_ns);
void lease_end(struct broker *broker, struct stream *stream, enum reason reason);

/* errand.c: what takes root, also after it was given up. Made before that. */
int errand_open(struct broker *broker, struct error *error);
/* The active image to broker->image; streams are served meanwhile. */
int errand_image(struct broker *broker);
void errand_clean(struct broker *broker);
void errand_close(struct broker *broker);

/* server.c */
/* Where its socket will be. */
void server_name(struct broker *broker);
/* Removes socket, lock and, if it is empty, their directory; by who holds the lock. */
void server_clean(const struct server *server);
/* Whether it has done its share of this millisecond: its epoll is not to be waited for. */
bool server_tired(const struct server *server, uint64_t now_ns);
int server_open(struct broker *broker, struct error *error);
void server_close(struct broker *broker);
/* Handles what has come in, a bounded part of it; never waits. */
void server_run(struct broker *broker, uint64_t now_ns);
/* What readers have said meanwhile, which is no reason to wake up the broker; at each tick. */
void server_listen(struct broker *broker, uint64_t now_ns);
/* Something was published: wakes the readers of the stream that ask for it. */
void server_wake(struct broker *broker, struct stream *stream, uint64_t now_ns);
/* Ends the connections of a stream that is no longer served. */
void server_forget(struct broker *broker, struct stream *stream);
/* One request of a reader. Returns 0, or -errno: the connection is to be ended. */
int server_request(struct broker *broker, struct connection *connection, const void *data,
		   size_t bytes, uint64_t now_ns);

/* privilege.c: real-time scheduling, or the best there is; another user. */
/* Writes to *shown (control->broker_scheduling) what came of it, also when that changes later. */
unsigned int privilege_schedule(bool busy_poll, unsigned int *shown);
int privilege_become(const char *user, struct error *error);
/* Gives up all capabilities but these. Returns 0 or -errno. */
int privilege_keep(uint64_t capabilities);

#endif
