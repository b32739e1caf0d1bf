// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/help.h"

#include <stdio.h>

#include "ctl/option.h"

static void print_options(const struct option *options)
{
	for (; options && options->name; options++) {
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", options->letter ? '-' : ' ',
			 options->letter ? options->letter : ' ', options->letter ? "," : " ",
			 options->name, options->argument ? " " : "",
			 options->argument ? options->argument : "");
		printf("  %-30s %s%s%s%s\n", left, options->help, options->choices ? " (" : "",
		       options->choices ? options->choices : "", options->choices ? ")" : "");
	}
}

static void print_verbs(void)
{
	for (const struct verb *const *verb = verbs; *verb; verb++)
		printf("  %-12s %s\n", (*verb)->name, (*verb)->summary);
}

void help_print(const struct verb *verb)
{
	if (!verb) {
		puts("Usage: sensorctl [OPTIONS] VERB [ARGUMENTS]\n\n"
		     "Priority sensor streams go past the network stack straight to their readers,\n"
		     "the rest keeps working, and everything is counted.\n\nVerbs:");
		print_verbs();
		puts("\nOptions, before or after the verb:");
		print_options(global_options);
		puts("\nsensorctl VERB --help says more about a verb.");
		return;
	}
	printf("Usage: sensorctl %s%s%s\n\n%s.\n", verb->name, *verb->arguments ? " " : "",
	       verb->arguments, verb->summary);
	if (verb->description)
		printf("\n%s\n", verb->description);
	if (verb->options && verb->options->name) {
		puts("\nOptions:");
		print_options(verb->options);
	}
	puts("\nOptions of every verb:");
	print_options(global_options);
}
