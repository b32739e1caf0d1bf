/* SPDX-License-Identifier: GPL-2.0-only */
/* From the sensor's packets to frames, with the faults that were asked for. */
#ifndef EMULATE_EMIT_H
#define EMULATE_EMIT_H

#include "faults.h"
#include "frame.h"
#include "output.h"
#include "pace.h"
#include "sensor.h"
#include "truth.h"

struct held;

struct emit {
	struct sensor sensor;
	struct address address;
	struct output *output;
	struct pace *pace;
	struct truth *truth;
	struct faults lose, reorder, duplicate, restart;
	uint64_t seed;
	uint64_t count;	      /* packets, 0: no limit */
	uint64_t duration_ns; /* of real time, 0: no limit */
	bool stamp;
	uint16_t ip_id;
	struct held *held; /* late packets and second copies, in order of release */
	struct packet packet;
	uint8_t datagram[FRAME_MAX];
};

/* Sends until the count or duration is reached or a signal comes. Returns 0 or -errno. */
int emit_run(struct emit *emit);

#endif
