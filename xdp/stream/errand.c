// SPDX-License-Identifier: GPL-2.0-only
/*
 * A broker that gave up root can neither open the image of the next profile, which takes
 * CAP_SYS_ADMIN, nor remove its socket. A child that was made before does these two things, when it
 * is asked to by one byte; it takes no other input, and ends with the broker.
 */
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "xdp/stream/broker.h"

enum { ERRAND_IMAGE = 'i', ERRAND_CLEAN = 'c' };

#define LOOK_MS 1 /* at the streams, while the child copies */

static void do_errands(struct broker *broker, int fd)
{
	char what;

	while (read(fd, &what, 1) == 1) {
		int result = 0;

		if (what == ERRAND_IMAGE)
			result = attached_image(broker->attached, broker->errand.image);
		else
			server_clean(&broker->server);
		if (write(fd, &result, sizeof(result)) != sizeof(result))
			break;
	}
}

static void be_child(struct broker *broker, int fd)
{
	/* Signals that a terminal or a service manager sends to all are the broker's. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (!privilege_keep(1ull << CAP_SYS_ADMIN | 1ull << CAP_BPF))
		do_errands(broker, fd);
	_exit(0);
}

int errand_open(struct broker *broker, struct error *error)
{
	struct errand *errand = &broker->errand;
	int fds[2];
	void *image;

	image = mmap(NULL, sizeof(*errand->image), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (image == MAP_FAILED)
		return error_set(error, -errno, 0, NULL, "out of memory");
	errand->image = image;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return error_set(error, -errno, 0, NULL, "can't make a pair of sockets: %s",
				 strerror(errno));
	errand->pid = fork();
	if (!errand->pid) {
		close(fds[0]);
		be_child(broker, fds[1]);
	}
	close(fds[1]);
	errand->fd = fds[0];
	if (errand->pid < 0)
		return error_set(error, -errno, 0, NULL, "can't make a child: %s", strerror(errno));
	return 0;
}

static int ask(struct broker *broker, char what)
{
	struct pollfd ready = { broker->errand.fd, POLLIN, 0 };
	int result;

	if (send(ready.fd, &what, 1, MSG_NOSIGNAL) != 1)
		return -errno;
	while (poll(&ready, 1, LOOK_MS) <= 0)
		broker_keep_up(broker);
	if (read(ready.fd, &result, sizeof(result)) != sizeof(result))
		return -EPIPE;
	return result;
}

int errand_image(struct broker *broker)
{
	int result;

	if (!broker->errand.pid)
		return attached_image(broker->attached, broker->image);
	result = ask(broker, ERRAND_IMAGE);
	if (!result)
		memcpy(broker->image, broker->errand.image, sizeof(*broker->image));
	return result;
}

void errand_clean(struct broker *broker)
{
	if (broker->errand.pid)
		ask(broker, ERRAND_CLEAN);
	else
		server_clean(&broker->server);
}

void errand_close(struct broker *broker)
{
	struct errand *errand = &broker->errand;

	if (errand->pid > 0) {
		close(errand->fd);
		waitpid(errand->pid, NULL, 0);
	}
	if (errand->image)
		munmap(errand->image, sizeof(*errand->image));
	*errand = (struct errand){ 0 };
}
