// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/json.h"
#include "ctl/option.h"
#include "ctl/stats.h"
#include "ctl/verb.h"

#define LONGEST_WATCH_S 86400

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* Opens anew each time: the interface may be renamed, swapped or detached meanwhile. */
static int once(const struct invocation *invocation, bool watch)
{
	struct profile_image *image = malloc(sizeof(*image));
	struct stats *stats = calloc(1, sizeof(*stats));
	struct attached *attached = NULL;
	struct error error;
	int code = DONE, result;

	if (!image || !stats) {
		code = fail(invocation, FAILED, NULL, "out of memory");
	} else if (attached_open(invocation->globals, invocation->argv[0], &attached, &error)) {
		code = fail_error(invocation, &error);
	} else {
		result = stats_read(stats, attached, image);
		if (result)
			code = fail(invocation, FAILED, NULL, "can't read the counters: %s",
				    strerror(-result));
		else if (invocation->globals->json)
			code = json_print(stats_json(stats), watch) ? FAILED : DONE;
		else
			stats_print(stats, invocation->globals->verbose, stdout);
	}
	attached_close(attached);
	free(stats);
	free(image);
	return code;
}

static int watch(const struct invocation *invocation, unsigned long seconds)
{
	const struct sigaction action = { .sa_handler = stop };
	const struct timespec pause = { .tv_sec = (time_t)seconds };
	bool screen = isatty(STDOUT_FILENO) && !invocation->globals->json;
	int code;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	for (;;) {
		if (screen)
			fputs("\033[H\033[2J", stdout);
		code = once(invocation, true);
		if (code || stopped)
			return code;
		if (!invocation->globals->json)
			putchar('\n');
		if (fflush(stdout))
			return FAILED;
		if (nanosleep(&pause, NULL) && stopped)
			return DONE;
	}
}

static int run(struct invocation *invocation)
{
	unsigned long seconds = 0;
	int code = option_number(invocation, "watch", LONGEST_WATCH_S, &seconds);

	if (code)
		return code;
	return seconds ? watch(invocation, seconds) : once(invocation, false);
}

static const struct option options[] = {
	{ "watch", 'w', "SECONDS", NULL, "again and again, until Ctrl-C" },
	{ .name = NULL },
};

const struct verb verb_stats = {
	.name = "stats",
	.arguments = "IFACE",
	.summary = "Prints the counters",
	.description =
		"Totals since each stream first appeared on the interface, across swaps. With\n"
		"--watch and --json: one document a line.",
	.options = options,
	.least = 1,
	.most = 1,
	.run = run,
};
