// SPDX-License-Identifier: GPL-2.0-only
/* sensorctl serve: the broker, in the foreground. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "ctl/attached.h"
#include "xdp/stream/broker.h"

static const struct option options[] = {
	{ "busy-poll", 0, NULL, NULL, "never sleep: the lowest delay, for one CPU" },
	{ "user", 0, "NAME", NULL, "run as this user once everything is open" },
	{ "memory", 0, "KIND", "auto|umem|copy",
	  "what readers map: the frames as they come (umem), or each stream's own copy" },
	{ 0 },
};

static volatile int stop;

static void end(int signal)
{
	(void)signal;
	stop = 1;
}

static int complain(const struct invocation *invocation, const struct error *error)
{
	return fail(invocation, error->code ? (enum exit_code)error->code : FAILED,
		    *error->hint ? error->hint : NULL, "%s", error->message);
}

static void announce(const struct broker *broker)
{
	const struct control *view = broker->attached->view;
	static const char *const scheduling[] = { "normal scheduling", "SCHED_FIFO 1", "nice -20" };

	printf("serving %s: %u streams, %u queues (%u zero-copy), %s\n",
	       broker->attached->interface, broker->stream_count, view->broker_queues,
	       view->broker_zero_copy, scheduling[view->broker_scheduling % 3]);
	if (!broker->stream_count)
		printf("profile %s delivers no stream by af_xdp; waiting for one that does\n",
		       broker->image->name);
	for (uint32_t i = 0; i < broker->stream_count; i++)
		printf("  %s\n", broker->streams[i]->name);
	fflush(stdout);
}

static int serve(struct invocation *invocation, struct attached *attached, struct error *error)
{
	const char *memory = option_value(invocation, "memory");
	const char *user = option_value(invocation, "user");
	const struct broker_config config = {
		.user = user,
		.busy_poll = option_value(invocation, "busy-poll"),
		.memory = !memory || !strcmp(memory, "auto") ? BROKER_MEMORY_AUTO
			  : !strcmp(memory, "copy")	     ? BROKER_MEMORY_COPY
							     : BROKER_MEMORY_UMEM,
	};
	const struct sigaction action = { .sa_handler = end };
	struct broker *broker;
	int result;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	result = broker_open(&broker, attached, &config, error);
	if (result)
		return result;
	privilege_schedule(config.busy_poll, &attached->view->broker_scheduling);
	if (user)
		result = privilege_become(user, error);
	if (!result) {
		announce(broker);
		sd_notifyf(0, "READY=1\nSTATUS=%u streams of %s", broker->stream_count,
			   attached->interface);
		result = broker_run(broker, &stop, error);
		sd_notify(0, "STOPPING=1");
	}
	broker_close(broker);
	return result;
}

static int run(struct invocation *invocation)
{
	struct attached *attached;
	struct error error = { 0 };
	int result;

	result = attached_open(invocation->globals, invocation->argv[0], &attached, &error);
	if (result)
		return complain(invocation, &error);
	result = serve(invocation, attached, &error);
	attached_close(attached);
	return result ? complain(invocation, &error) : DONE;
}

const struct verb verb_serve = {
	.name = "serve",
	.arguments = "IFACE [--busy-poll] [--user NAME] [--memory auto|umem|copy]",
	.summary = "Runs the AF_XDP broker of an interface, in the foreground",
	.description =
		"Hands the streams that the profile delivers by af_xdp to their readers, through\n"
		"shared memory. A stream is taken off the network stack only while somebody\n"
		"reads it. With a profile that has no such stream it waits for one that does.\n"
		"Says READY=1 by sd_notify(3).",
	.options = options,
	.least = 1,
	.most = 1,
	.run = run,
};
