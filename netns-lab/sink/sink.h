/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include <signal.h>
#include <stdint.h>

#include "account.h"

struct sink {
	struct account account;
	const char *interface;
	uint16_t port, ethertype;
	uint32_t local, from, group; /* IPv4, network byte order; 0: any, any, none */
	uint16_t from_port;
	int buffer; /* bytes; 0: the system's default */
};

extern volatile sig_atomic_t sink_stop;

/*
 * Each prints READY on stderr once it receives, and returns 0 when it was told to stop, or
 * -errno after saying why.
 */
int sink_udp(struct sink *sink);
int sink_packet(struct sink *sink);
int sink_stream(struct sink *sink);

#endif
