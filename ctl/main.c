// SPDX-License-Identifier: GPL-2.0-only
/* sensorctl: finds the verb and runs it. */
#include <stdio.h>

#include "ctl/help.h"
#include "ctl/log.h"
#include "ctl/option.h"
#include "ctl/verb.h"

static int run(struct line *line)
{
	if (line->version) {
		puts("sensorctl " VERSION);
		return DONE;
	}
	if (line->help) {
		help_print(line->invocation.verb);
		return DONE;
	}
	if (!line->invocation.verb)
		return fail(&line->invocation, USAGE, "See sensorctl --help", "no verb");
	log_install(line->globals.verbose);
	return line->invocation.verb->run(&line->invocation);
}

int main(int argc, char **argv)
{
	struct line line;
	int code;

	code = option_parse(argc, argv, &line);
	if (!code)
		code = run(&line);
	option_free(&line);
	return code;
}
