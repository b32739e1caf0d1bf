/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A verb of sensorctl: one file each, one option table each. The table makes the
 * parser, --help, the man page's synopsis and the completion.
 */
#ifndef SENSORCTL_VERB_H
#define SENSORCTL_VERB_H

#include <stdbool.h>
#include <stddef.h>

enum exit_code {
	DONE = 0,
	FAILED = 1,  /* the operation failed */
	USAGE = 2,   /* wrong usage, a wrong profile or capture; nothing was changed */
	LACKING = 3, /* this machine lacks what the verb needs */
};

/* What stands before the verb, or anywhere on the line. */
struct globals {
	const char *netns;	  /* name, or NULL: the caller's */
	const char *bpffs;	  /* directory of the pins */
	const char *profile_path; /* DIR[:DIR], or NULL */
	bool json;
	int verbose;
};

struct option {
	const char *name;     /* without the dashes */
	char letter;	      /* short form, or 0 */
	const char *argument; /* "SECONDS", or NULL: a flag */
	const char *choices;  /* "auto|native|generic|tc", or NULL: anything */
	const char *help;
};

struct invocation;

struct verb {
	const char *name;
	const char *arguments;	      /* of the synopsis: "IFACE --profile NAME|FILE" */
	const char *summary;	      /* one line */
	const char *description;      /* for --help, may be NULL */
	const struct option *options; /* ends with name NULL; may be NULL */
	int least, most;	      /* positional arguments */
	int (*run)(struct invocation *invocation); /* returns enum exit_code */
};

struct invocation {
	const struct globals *globals;
	const struct verb *verb;
	int argc; /* positional arguments only */
	char **argv;
	const char **values; /* by index in verb->options; flags: "" when given */
};

/* The option's value, "" for a flag that was given, NULL when it was not. */
const char *option_value(const struct invocation *invocation, const char *name);

/*
 * Says what went wrong, as `sensorctl: VERB: MESSAGE. HINT.` on stderr, and with --json
 * also {"error": {"message", "code", "hint"}} on stdout. Returns code. hint may be NULL.
 */
int fail(const struct invocation *invocation, enum exit_code code, const char *hint,
	 const char *format, ...) __attribute__((format(printf, 4, 5)));

struct error;

/* The same for what a library function filled in. */
int fail_error(const struct invocation *invocation, const struct error *error);

/* All verbs, ends with NULL. */
extern const struct verb *const verbs[];

#endif
