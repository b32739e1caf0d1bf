/* SPDX-License-Identifier: GPL-2.0-only */
/* When to send: on the monotonic clock, never ahead, and the worst lateness is kept. */
#ifndef EMULATE_PACE_H
#define EMULATE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "output.h"

struct pace {
	bool live;    /* false: no waiting, a capture's clock */
	double scale; /* 0: as fast as possible */
	uint64_t start_ns, late_max_ns;
};

/* Set by SIGINT and SIGTERM; what was sent by then is reported as always. */
extern volatile int pace_stop;

uint64_t monotonic_ns(void);
void pace_start(struct pace *pace, bool live, double scale, bool realtime);
/* Sends what is waiting and sleeps until `after_ns` of the sensor's time. Returns 0 or -errno. */
int pace_wait(struct pace *pace, struct output *output, uint64_t after_ns);
/* The time to stamp on a packet that is due after_ns. */
uint64_t pace_now(const struct pace *pace, uint64_t after_ns);

#endif
