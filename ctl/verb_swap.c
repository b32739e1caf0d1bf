// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/change.h"
#include "ctl/chosen.h"
#include "ctl/rehearse.h"

static int swap(const struct invocation *invocation, struct profile_image *image, __u64 confirm_ns)
{
	struct attached *attached;
	struct error error;
	int lock, code;

	code = change_begin(invocation, false, &lock);
	if (code)
		return code;
	if (attached_open(invocation->globals, invocation->argv[0], &attached, &error)) {
		code = fail_error(invocation, &error);
	} else {
		chosen_warn_ssh(invocation, image, attached->interface);
		code = change_swap(invocation, attached, image, confirm_ns);
		attached_close(attached);
	}
	change_end(lock);
	return code;
}

/* --dry-run: says what would change, and changes nothing. */
static int dry_run(const struct invocation *invocation, const struct profile_image *image)
{
	struct profile_image *active = malloc(sizeof(*active));
	struct attached *attached = NULL;
	struct error error;
	int code = DONE, result;

	if (!active)
		return fail(invocation, FAILED, NULL, "out of memory");
	if (attached_open(invocation->globals, invocation->argv[0], &attached, &error)) {
		code = fail_error(invocation, &error);
	} else {
		chosen_warn_ssh(invocation, image, attached->interface);
		result = attached_image(attached, active);
		code = result ? fail(invocation, FAILED, NULL, "can't read the active image: %s",
				     strerror(-result))
			      : rehearse(invocation, attached->interface, active, image,
					 option_value(invocation, "capture"));
	}
	attached_close(attached);
	free(active);
	return code;
}

static int run(struct invocation *invocation)
{
	struct profile_image *image = NULL;
	__u64 confirm_ns;
	int code;

	if (option_value(invocation, "capture") && !option_value(invocation, "dry-run"))
		return fail(invocation, USAGE, NULL, "--capture goes with --dry-run");
	code = change_confirm(invocation, &confirm_ns);
	if (!code)
		code = chosen_image(invocation, &image);
	if (!code)
		code = option_value(invocation, "dry-run") ? dry_run(invocation, image)
							   : swap(invocation, image, confirm_ns);
	free(image);
	return code;
}

static const struct option options[] = {
	{ "profile", 'p', "NAME|FILE", NULL, "the profile to make active" },
	{ "dry-run", 'n', NULL, NULL, "say what would change, change nothing" },
	{ "capture", 0, "FILE", NULL, "with --dry-run: and what a capture would meet" },
	{ "confirm", 0, "SECONDS", NULL, "roll back after that time unless confirmed" },
	{ .name = NULL },
};

const struct verb verb_swap = {
	.name = "swap",
	.arguments = "IFACE --profile NAME|FILE",
	.summary = "Makes another profile the active one, between two packets",
	.description =
		"No packet is lost and none judged by a mixture of both profiles. Streams with the\n"
		"same name and protocol in both keep their counters.",
	.options = options,
	.least = 1,
	.most = 1,
	.run = run,
};
