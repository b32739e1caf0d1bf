// SPDX-License-Identifier: GPL-2.0-only
#include "pace.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

volatile int pace_stop;

static void on_signal(int signal)
{
	(void)signal;
	pace_stop = 1;
}

uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/*
 * A sensor is another machine: its pace does not depend on the load of this one, so with
 * `realtime` the sender comes before the threads that are to be judged.
 */
void pace_start(struct pace *pace, bool live, double scale, bool realtime)
{
	const struct sigaction action = { .sa_handler = on_signal };
	const struct sched_param param = { .sched_priority = 40 };

	*pace = (struct pace){ .live = live, .scale = scale };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	prctl(PR_SET_TIMERSLACK, 1);
	if (realtime && sched_setscheduler(0, SCHED_FIFO, &param))
		fprintf(stderr,
			"emulate: SCHED_FIFO: %s; the pace depends on this machine's "
			"load.\n",
			strerror(errno));
	pace->start_ns = monotonic_ns();
}

int pace_wait(struct pace *pace, struct output *output, uint64_t after_ns)
{
	uint64_t due, now;
	struct timespec until;
	int result;

	if (!pace->live || pace->scale <= 0)
		return 0;
	due = pace->start_ns + (uint64_t)((double)after_ns / pace->scale);
	now = monotonic_ns();
	if (now >= due) {
		if (now - due > pace->late_max_ns)
			pace->late_max_ns = now - due;
		return 0;
	}
	result = output_flush(output);
	until.tv_sec = (time_t)(due / 1000000000);
	until.tv_nsec = (long)(due % 1000000000);
	while (!result && !pace_stop &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
	now = monotonic_ns();
	if (now > due && now - due > pace->late_max_ns)
		pace->late_max_ns = now - due;
	return result;
}

uint64_t pace_now(const struct pace *pace, uint64_t after_ns)
{
	return pace->live ? monotonic_ns() : after_ns;
}
