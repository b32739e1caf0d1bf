/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line, parsed by the option tables of verb.h. */
#ifndef SENSORCTL_OPTION_H
#define SENSORCTL_OPTION_H

#include "ctl/verb.h"

/* The options that every verb takes; ends with name NULL. */
extern const struct option global_options[];

struct line {
	struct globals globals;
	struct invocation invocation; /* .verb NULL: none was named */
	bool help;
	bool version;
};

/*
 * Parses a command line. Global options may stand anywhere, a verb's own
 * after the verb; "--" ends the options. Returns 0, or says what is wrong and
 * returns USAGE. argv's strings must outlive line; option_free() releases the rest.
 */
int option_parse(int argc, char **argv, struct line *line);
void option_free(struct line *line);

/*
 * A whole, positive number of an option's value. Returns 0, or says what is wrong and
 * returns USAGE. *number is left alone when the option was not given.
 */
int option_number(const struct invocation *invocation, const char *name, unsigned long most,
		  unsigned long *number);

#endif
