// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/change.h"
#include "ctl/json.h"
#include "ctl/pending.h"

static int confirm(const struct invocation *invocation, const char *directory)
{
	const char *interface = invocation->argv[0];
	struct pending pending;
	int result = pending_get(directory, &pending);

	if (result == -ENOENT)
		return fail(invocation, FAILED, "If its time was up, it is rolled back",
			    "nothing on %s waits to be confirmed", interface);
	if (!result)
		result = pending_drop(directory);
	if (result)
		return fail(invocation, FAILED, NULL, "can't confirm: %s", strerror(-result));
	if (invocation->globals->json)
		json_print(json_pack("{s:s, s:b}", "interface", interface, "confirmed", 1), false);
	else
		printf("%s: confirmed\n", interface);
	return DONE;
}

static int run(struct invocation *invocation)
{
	char directory[PATH_MAX];
	unsigned int ifindex;
	struct error error;
	ino_t netns;
	int lock, code;

	code = change_begin(invocation, false, &lock);
	if (code)
		return code;
	if (attached_find(invocation->globals, invocation->argv[0], directory, &netns, &ifindex,
			  &error))
		code = fail_error(invocation, &error);
	else
		code = confirm(invocation, directory);
	change_end(lock);
	return code;
}

const struct verb verb_confirm = {
	.name = "confirm",
	.arguments = "IFACE",
	.summary = "Keeps what --confirm would otherwise roll back",
	.least = 1,
	.most = 1,
	.run = run,
};
