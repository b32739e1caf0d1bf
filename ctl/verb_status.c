// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/capability.h"
#include "ctl/json.h"
#include "ctl/netns.h"
#include "ctl/pins.h"
#include "ctl/status.h"
#include "ctl/verb.h"

struct report {
	const struct invocation *invocation;
	struct status status; /* of the interface at hand */
	json_t *interfaces;   /* with --json, else NULL */
	int count;
	ino_t only; /* that namespace, 0: all */
	int code;
};

static void add(struct report *report)
{
	if (report->interfaces)
		json_array_append_new(report->interfaces, status_json(&report->status));
	else
		status_print(&report->status, stdout);
	report->count++;
}

static void add_attached(struct report *report, const struct attached *attached)
{
	int result = status_read(&report->status, attached);

	if (!result)
		add(report);
	else
		report->code = fail(report->invocation, FAILED, NULL,
				    "can't read what is attached to %s: %s", attached->interface,
				    strerror(-result));
}

static int one(struct report *report, const char *interface)
{
	const struct invocation *invocation = report->invocation;
	struct attached *attached;
	struct error error;
	int result = attached_open(invocation->globals, interface, &attached, &error);

	if (!result) {
		add_attached(report, attached);
		attached_close(attached);
		return report->code;
	}
	if (result != -ENOENT)
		return fail_error(invocation, &error);
	if (status_read_bare(&report->status, interface))
		return fail(invocation, FAILED, NULL, "%s went away", interface);
	add(report);
	return DONE;
}

static int visit(void *context, const char *directory, ino_t netns, unsigned int ifindex)
{
	struct report *report = context;
	struct attached *attached;
	struct error error;

	if (report->only && report->only != netns)
		return 0;
	if (attached_open_directory(directory, netns, ifindex, &attached, &error)) {
		report->code = fail_error(report->invocation, &error);
		return 1;
	}
	add_attached(report, attached);
	attached_close(attached);
	return report->code != DONE;
}

static int all(struct report *report)
{
	const struct globals *globals = report->invocation->globals;
	struct error error;

	if (!capability_suffices())
		return fail(report->invocation, FAILED, CAPABILITY_HINT,
			    "can't look at what is attached: no permission");
	if (globals->netns) {
		if (netns_enter(globals->netns, &error))
			return fail_error(report->invocation, &error);
		report->only = netns_inode();
	}
	if (access(globals->bpffs, R_OK | X_OK) && errno == EACCES)
		return fail(report->invocation, FAILED, CAPABILITY_HINT,
			    "can't look into %s: no permission", globals->bpffs);
	pins_mend(globals);
	pins_each(globals->bpffs, visit, report);
	if (!report->code && !report->count && !report->interfaces)
		puts("Nothing is attached.");
	return report->code;
}

static int run(struct invocation *invocation)
{
	struct report *report = calloc(1, sizeof(*report));
	int code;

	if (!report)
		return fail(invocation, FAILED, NULL, "out of memory");
	report->invocation = invocation;
	report->interfaces = invocation->globals->json ? json_array() : NULL;
	code = invocation->argc ? one(report, invocation->argv[0]) : all(report);
	if (!code && report->interfaces)
		json_print(json_pack("{s:O}", "interfaces", report->interfaces), false);
	json_decref(report->interfaces);
	free(report);
	return code;
}

const struct verb verb_status = {
	.name = "status",
	.arguments = "[IFACE]",
	.summary = "Prints what is attached, and what other tools have there",
	.least = 0,
	.most = 1,
	.run = run,
};
