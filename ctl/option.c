// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/option.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/nearest.h"

#define DEFAULT_BPFFS "/sys/fs/bpf/sensorctl"

const struct option global_options[] = {
	{ "netns", 0, "NAME", NULL, "work on interfaces of that network namespace" },
	{ "bpffs", 0, "DIR", NULL, "where the pins lie (default " DEFAULT_BPFFS ")" },
	{ "profile-path", 0, "DIR[:DIR]", NULL, "look up profiles and protocols there first" },
	{ "json", 0, NULL, NULL, "print one JSON document" },
	{ "verbose", 'v', NULL, NULL, "say more; twice: the verifier's log too" },
	{ "version", 0, NULL, NULL, "print the version" },
	{ "help", 'h', NULL, NULL, "print this help" },
	{ .name = NULL },
};

enum {
	GLOBAL_NETNS,
	GLOBAL_BPFFS,
	GLOBAL_PROFILE_PATH,
	GLOBAL_JSON,
	GLOBAL_VERBOSE,
	GLOBAL_VERSION,
	GLOBAL_HELP
};

static size_t count(const struct option *options)
{
	size_t n = 0;

	while (options && options[n].name)
		n++;
	return n;
}

const char *option_value(const struct invocation *invocation, const char *name)
{
	const struct option *options = invocation->verb->options;

	for (size_t i = 0; i < count(options); i++)
		if (!strcmp(options[i].name, name))
			return invocation->values[i];
	return NULL;
}

int option_number(const struct invocation *invocation, const char *name, unsigned long most,
		  unsigned long *number)
{
	const char *value = option_value(invocation, name);
	unsigned long parsed;
	char *end;

	if (!value)
		return 0;
	errno = 0;
	parsed = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || !parsed || parsed > most)
		return fail(invocation, USAGE, NULL,
			    "--%s takes a whole number from 1 to %lu, not \"%s\"", name, most,
			    value);
	*number = parsed;
	return 0;
}

static const struct option *find(const struct option *options, const char *name, size_t length)
{
	for (; options && options->name; options++)
		if (strlen(options->name) == length && !strncmp(options->name, name, length))
			return options;
	return NULL;
}

static const struct option *find_letter(const struct option *options, char letter)
{
	for (; options && options->name; options++)
		if (options->letter && options->letter == letter)
			return options;
	return NULL;
}

static void nearest_of(const struct option *options, const char *name, const char **best)
{
	for (; options && options->name; options++)
		nearest(name, options->name, best);
}

static int unknown_option(const struct line *line, const char *word, const char *name)
{
	const struct verb *verb = line->invocation.verb;
	const char *best = NULL;
	char hint[128];

	nearest_of(global_options, name, &best);
	if (verb)
		nearest_of(verb->options, name, &best);
	if (best)
		snprintf(hint, sizeof(hint), "Did you mean --%s?", best);
	else
		snprintf(hint, sizeof(hint), "See sensorctl %s%s--help", verb ? verb->name : "",
			 verb ? " " : "");
	return fail(&line->invocation, USAGE, hint, "unknown option %s", word);
}

static int unknown_verb(const struct line *line, const char *word)
{
	const char *best = NULL;
	char hint[128] = "See sensorctl --help";

	for (const struct verb *const *verb = verbs; *verb; verb++)
		nearest(word, (*verb)->name, &best);
	if (best)
		snprintf(hint, sizeof(hint), "Did you mean %s?", best);
	return fail(&line->invocation, USAGE, hint, "unknown verb \"%s\"", word);
}

static bool is_choice(const char *choices, const char *value)
{
	size_t length = strlen(value);

	for (const char *choice = choices; choice; choice = strchr(choice, '|')) {
		choice += *choice == '|';
		if (!strncmp(choice, value, length) && (choice[length] == '|' || !choice[length]))
			return true;
	}
	return false;
}

static void set_global(struct line *line, ptrdiff_t which, const char *value)
{
	switch (which) {
	case GLOBAL_NETNS:
		line->globals.netns = value;
		break;
	case GLOBAL_BPFFS:
		line->globals.bpffs = value;
		break;
	case GLOBAL_PROFILE_PATH:
		line->globals.profile_path = value;
		break;
	case GLOBAL_JSON:
		line->globals.json = true;
		break;
	case GLOBAL_VERBOSE:
		line->globals.verbose++;
		break;
	case GLOBAL_VERSION:
		line->version = true;
		break;
	case GLOBAL_HELP:
		line->help = true;
		break;
	}
}

/* Takes an option; value is NULL for a flag. */
static int take(struct line *line, const struct option *option, bool global, const char *value)
{
	if (value && option->choices && !is_choice(option->choices, value))
		return fail(&line->invocation, USAGE, NULL, "--%s takes %s, not \"%s\"",
			    option->name, option->choices, value);
	if (value && !*value)
		return fail(&line->invocation, USAGE, NULL, "--%s is empty", option->name);
	if (global)
		set_global(line, option - global_options, value);
	else
		line->invocation.values[option - line->invocation.verb->options] = value ? value
											 : "";
	return 0;
}

/* --name, --name=VALUE, --name VALUE; *next is the word after it, consumed if used. */
static int take_long(struct line *line, const char *word, char *const **next)
{
	const struct verb *verb = line->invocation.verb;
	const char *name = word + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct option *option = find(global_options, name, length);
	bool global = option;

	if (!option && verb)
		option = find(verb->options, name, length);
	if (!option)
		return unknown_option(line, word, name);
	if (!option->argument) {
		if (equals)
			return fail(&line->invocation, USAGE, NULL, "--%s takes no value",
				    option->name);
		return take(line, option, global, NULL);
	}
	if (equals)
		return take(line, option, global, equals + 1);
	if (!**next)
		return fail(&line->invocation, USAGE, NULL, "--%s needs a value: %s", option->name,
			    option->argument);
	return take(line, option, global, *(*next)++);
}

/* -v, -vv, -o FILE, -oFILE. */
static int take_short(struct line *line, const char *word, char *const **next)
{
	const struct verb *verb = line->invocation.verb;

	for (const char *letter = word + 1; *letter; letter++) {
		const struct option *option = find_letter(global_options, *letter);
		bool global = option;
		int result;

		if (!option && verb)
			option = find_letter(verb->options, *letter);
		if (!option)
			return unknown_option(line, word, word + 1);
		if (!option->argument) {
			result = take(line, option, global, NULL);
			if (result)
				return result;
			continue;
		}
		if (letter[1])
			return take(line, option, global, letter + 1);
		if (!**next)
			return fail(&line->invocation, USAGE, NULL, "-%c needs a value: %s",
				    *letter, option->argument);
		return take(line, option, global, *(*next)++);
	}
	return 0;
}

/* The verb, or a positional argument of it. */
static int take_word(struct line *line, char *word)
{
	struct invocation *invocation = &line->invocation;

	if (invocation->verb) {
		invocation->argv[invocation->argc++] = word;
		return 0;
	}
	for (const struct verb *const *verb = verbs; *verb; verb++)
		if (!strcmp((*verb)->name, word))
			invocation->verb = *verb;
	if (!invocation->verb)
		return unknown_verb(line, word);
	invocation->values = calloc(count(invocation->verb->options) + 1, sizeof(char *));
	return invocation->values ? 0 : fail(invocation, FAILED, NULL, "out of memory");
}

static int check_count(const struct line *line)
{
	const struct invocation *invocation = &line->invocation;
	const struct verb *verb = invocation->verb;
	char hint[256];

	if (!verb || line->help || line->version)
		return 0;
	snprintf(hint, sizeof(hint), "Usage: sensorctl %s %s", verb->name, verb->arguments);
	if (invocation->argc < verb->least)
		return fail(invocation, USAGE, hint, "an argument is missing");
	if (invocation->argc > verb->most)
		return fail(invocation, USAGE, hint, "unexpected argument \"%s\"",
			    invocation->argv[verb->most]);
	return 0;
}

int option_parse(int argc, char **argv, struct line *line)
{
	char *const *next = argv + 1;
	bool options = true;
	int result = 0;

	memset(line, 0, sizeof(*line));
	line->globals.bpffs = DEFAULT_BPFFS;
	line->invocation.globals = &line->globals;
	line->invocation.argv = calloc((size_t)argc + 1, sizeof(char *));
	if (!line->invocation.argv)
		return fail(&line->invocation, FAILED, NULL, "out of memory");
	/* Before anything else can fail: an error has to come as JSON too. */
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		line->globals.json |= !strcmp(argv[i], "--json");
	while (!result && *next) {
		char *word = *next++;

		if (options && !strcmp(word, "--"))
			options = false;
		else if (options && !strncmp(word, "--", 2))
			result = take_long(line, word, &next);
		else if (options && *word == '-' && word[1])
			result = take_short(line, word, &next);
		else
			result = take_word(line, word);
	}
	return result ? result : check_count(line);
}

void option_free(struct line *line)
{
	free(line->invocation.argv);
	free(line->invocation.values);
}
