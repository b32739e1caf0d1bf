// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/attach.h"
#include "ctl/change.h"
#include "ctl/chosen.h"
#include "ctl/json.h"
#include "ctl/names.h"
#include "ctl/swap.h"

static int refuse_what_is_missing(const struct invocation *invocation)
{
	const char *mode = option_value(invocation, "mode");

	if (mode && !strcmp(mode, "tc"))
		return fail(invocation, LACKING, "Use --mode generic",
			    "this build has no TC programs");
	if (option_value(invocation, "tune"))
		return fail(invocation, LACKING, "Attach without --tune",
			    "this build can't tune interfaces");
	return 0;
}

static enum attach_mode mode_of(const char *name)
{
	if (name && !strcmp(name, "native"))
		return MODE_NATIVE;
	return name && !strcmp(name, "generic") ? MODE_GENERIC : MODE_NONE;
}

static void report(const struct invocation *invocation, const struct attach_request *request,
		   const struct attach_outcome *outcome, const struct profile_image *image)
{
	const char *name = request->interface.name;

	if (*outcome->fallback)
		fprintf(stderr,
			"sensorctl: attach: no native mode on %s: %s. Generic mode works, "
			"more slowly.\n",
			name, outcome->fallback);
	if (!request->interface.up)
		fprintf(stderr,
			"sensorctl: attach: %s is down: nothing arrives until: ip link set "
			"%s up\n",
			name, name);
	if (invocation->globals->json)
		json_print(json_pack("{s:s, s:s, s:s, s:I, s:b, s:s?}", "interface", name,
				     "profile", image->name, "mode", mode_names[outcome->mode],
				     "generation", (json_int_t)image->generation, "dispatcher",
				     (int)outcome->joined, "fallback",
				     *outcome->fallback ? outcome->fallback : NULL),
			   false);
	else
		printf("%s: attached in %s mode%s, profile %s (generation %llu)\n", name,
		       mode_names[outcome->mode], outcome->joined ? " to a libxdp dispatcher" : "",
		       image->name, image->generation);
}

/* There is one of ours already. */
static int swap(const struct invocation *invocation, const char *directory, ino_t netns,
		const struct attach_request *request, struct profile_image *image)
{
	struct attached *attached;
	struct error error;
	int code;

	if (attached_open_directory(directory, netns, request->interface.ifindex, &attached,
				    &error))
		return fail_error(invocation, &error);
	if (request->mode && request->mode != attached->view->mode)
		code = fail(invocation, FAILED, "Detach first, or leave --mode away",
			    "%s is attached in %s mode already", attached->interface,
			    mode_names[attached->view->mode]);
	else
		code = change_swap(invocation, attached, image, request->confirm_ns);
	attached_close(attached);
	return code;
}

static int attach_new(const struct invocation *invocation, const struct attach_request *request,
		      struct profile_image *image)
{
	struct attach_outcome outcome;
	struct error error;
	int code = DONE;

	if (attach(request, image, &outcome, &error))
		return fail_error(invocation, &error);
	if (outcome.deadline_ns)
		code = change_await(invocation, outcome.directory, outcome.netns,
				    request->interface.ifindex, request->interface.name,
				    outcome.deadline_ns);
	if (!code)
		report(invocation, request, &outcome, image);
	return code;
}

static int locked(const struct invocation *invocation, const struct attach_request *request,
		  struct profile_image *image)
{
	char directory[PATH_MAX];
	unsigned int ifindex;
	struct error error;
	ino_t netns;
	int result;

	result = attached_find(invocation->globals, request->interface.name, directory, &netns,
			       &ifindex, &error);
	if (!result)
		return swap(invocation, directory, netns, request, image);
	if (result == -ENOENT)
		return attach_new(invocation, request, image);
	return fail_error(invocation, &error);
}

static int run(struct invocation *invocation)
{
	const struct globals *globals = invocation->globals;
	struct attach_request request = {
		.bpffs = globals->bpffs,
		.mode = mode_of(option_value(invocation, "mode")),
		.replace = option_value(invocation, "replace"),
	};
	struct profile_image *image = NULL;
	struct error error;
	int lock = -1, code;

	code = refuse_what_is_missing(invocation);
	if (!code)
		code = change_confirm(invocation, &request.confirm_ns);
	if (!code)
		code = chosen_image(invocation, &image);
	if (!code && ((globals->netns && netns_enter(globals->netns, &error)) ||
		      interface_get(invocation->argv[0], &request.interface, &error)))
		code = fail_error(invocation, &error);
	if (!code) {
		chosen_warn_ssh(invocation, image, request.interface.name);
		code = change_begin(invocation, true, &lock);
	}
	if (!code)
		code = locked(invocation, &request, image);
	change_end(lock);
	free(image);
	return code;
}

static const struct option options[] = {
	{ "profile", 'p', "NAME|FILE", NULL, "the profile to attach with" },
	{ "mode", 'm', "MODE", "auto|native|generic|tc", "how; auto: native, else generic" },
	{ "replace", 0, NULL, NULL, "take the place of another tool's XDP program" },
	{ "tune", 0, NULL, NULL, "also tune the interface for sensors" },
	{ "confirm", 0, "SECONDS", NULL, "roll back after that time unless confirmed" },
	{ .name = NULL },
};

const struct verb verb_attach = {
	.name = "attach",
	.arguments = "IFACE --profile NAME|FILE",
	.summary = "Attaches XDP programs with a profile",
	.description =
		"On an interface that is attached already it is a swap. Nothing needs to stay\n"
		"running: the kernel holds all state, and status, stats and detach find it.",
	.options = options,
	.least = 1,
	.most = 1,
	.run = run,
};
