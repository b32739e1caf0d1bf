// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading as today's drivers do: one blocking socket, recvmsg, the kernel's receive time.
 * --from connects the socket and --local 255.255.255.255 takes broadcasts only, so two sensors
 * on one port do not fill each other's buffers: better than most drivers, never worse.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "sink.h"

static int failed(const char *what)
{
	int error = errno;

	fprintf(stderr, "sink: %s: %s\n", what, strerror(error));
	return -error;
}

static int prepare(struct sink *sink, int fd)
{
	const struct timeval wait = { .tv_usec = 100000 };
	const int on = 1;
	int size;
	socklen_t length = sizeof(size);

	/* FORCE is for root; a driver without it gets net.core.rmem_max at most. */
	if (sink->buffer &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &sink->buffer, sizeof(sink->buffer)) &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &sink->buffer, sizeof(sink->buffer)))
		return failed("socket buffer");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on)) ||
	    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &length))
		return failed("socket options");
	sink->account.buffer_bytes = (uint64_t)size;
	return 0;
}

/* The kernel counts, with each datagram, how many it dropped since the socket was made. */
static void read_control(struct sink *sink, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		uint32_t dropped;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&dropped, CMSG_DATA(c), sizeof(dropped));
		sink->account.dropped = dropped;
	}
}

static int receive(struct sink *sink, int fd)
{
	static uint8_t buffer[65536];
	uint8_t control[256];

	fputs("READY\n", stderr);
	while (!sink_stop) {
		struct iovec vector = { .iov_base = buffer, .iov_len = sizeof(buffer) };
		struct msghdr message = { .msg_iov = &vector,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		ssize_t length = recvmsg(fd, &message, 0);

		if (length < 0) {
			if (errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED)
				continue;
			return failed("receive");
		}
		account_datagram(&sink->account, buffer, (size_t)length);
		read_control(sink, &message);
	}
	return 0;
}

int sink_udp(struct sink *sink)
{
	struct sockaddr_in here = { .sin_family = AF_INET,
				    .sin_port = htons(sink->port),
				    .sin_addr.s_addr = sink->local };
	struct sockaddr_in there = { .sin_family = AF_INET,
				     .sin_port = htons(sink->from_port),
				     .sin_addr.s_addr = sink->from };
	struct ip_mreqn group = { .imr_multiaddr.s_addr = sink->group };
	const int on = 1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;

	if (fd < 0)
		return failed("socket");
	result = prepare(sink, fd);
	if (result)
		goto out;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)) ||
	    (sink->from && connect(fd, (struct sockaddr *)&there, sizeof(there))) ||
	    (sink->group && setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)))) {
		result = failed("UDP socket");
		goto out;
	}
	result = receive(sink, fd);
out:
	close(fd);
	return result;
}

int sink_packet(struct sink *sink)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(sink->ethertype),
				       .sll_ifindex = (int)if_nametoindex(sink->interface) };
	struct tpacket_stats stats;
	socklen_t length = sizeof(stats);
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;

	if (fd < 0)
		return failed("packet socket");
	result = prepare(sink, fd);
	if (!result &&
	    (!address.sll_ifindex || bind(fd, (struct sockaddr *)&address, sizeof(address))))
		result = failed(sink->interface);
	if (!result)
		result = receive(sink, fd);
	if (!result && !getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length))
		sink->account.dropped = stats.tp_drops;
	close(fd);
	return result;
}
