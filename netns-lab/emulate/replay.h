/* SPDX-License-Identifier: GPL-2.0-only */
/* Sends a capture at its recorded pace. */
#ifndef EMULATE_REPLAY_H
#define EMULATE_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "output.h"
#include "pace.h"

struct replay {
	const char *path;
	struct output *output;
	struct pace *pace;
	size_t mtu;
	bool fragment; /* cut IPv4 packets larger than the MTU instead of refusing them */
	bool set_source_mac, set_destination_mac;
	uint8_t source_mac[6], destination_mac[6];
	bool set_source, set_destination;
	uint32_t source, destination; /* network byte order */
	uint64_t count;		      /* frames of the capture, 0: all */
	uint64_t duration_ns;	      /* begin again until this time is over; 0: once */
	uint64_t packets;	      /* frames read and sent */
	uint16_t ip_id;
};

/* Returns 0; -EINVAL for a capture that cannot be sent as it is; or another -errno; says why. */
int replay_run(struct replay *replay);

#endif
