// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "ctl/change.h"
#include "ctl/detach.h"
#include "ctl/json.h"

static int run(struct invocation *invocation)
{
	const char *interface = invocation->argv[0];
	char directory[PATH_MAX];
	unsigned int ifindex;
	struct error error;
	ino_t netns;
	int lock, code;

	code = change_begin(invocation, false, &lock);
	if (code)
		return code;
	if (attached_find(invocation->globals, interface, directory, &netns, &ifindex, &error) ||
	    detach(directory, netns, ifindex, &error))
		code = fail_error(invocation, &error);
	else if (invocation->globals->json)
		json_print(json_pack("{s:s, s:s}", "interface", interface, "mode", "none"), false);
	else
		printf("%s: detached\n", interface);
	change_end(lock);
	return code;
}

const struct verb verb_detach = {
	.name = "detach",
	.arguments = "IFACE",
	.summary = "Removes all that attach made",
	.description =
		"A libxdp dispatcher that another tool made stays, with the programs of others.",
	.least = 1,
	.most = 1,
	.run = run,
};
