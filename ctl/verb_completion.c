// SPDX-License-Identifier: GPL-2.0-only
/* The completion script, made from the tables that parse the command line. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "ctl/option.h"
#include "ctl/verb.h"

static void print_option_words(const struct option *options)
{
	for (; options && options->name; options++) {
		printf(" --%s", options->name);
		if (options->letter)
			printf(" -%c", options->letter);
	}
}

/* A case for each option that takes a value: what the value may be. */
static void print_values(const struct option *options)
{
	for (; options && options->name; options++) {
		const char *words = "";

		if (!options->argument)
			continue;
		printf("\t\t--%s", options->name);
		if (options->letter)
			printf("|-%c", options->letter);
		if (options->choices) {
			printf(") words=\"");
			for (const char *c = options->choices; *c; c++)
				putchar(*c == '|' ? ' ' : *c);
			puts("\"; files=no ;;");
			continue;
		}
		if (!strcmp(options->name, "netns"))
			words = "$(ls /run/netns 2>/dev/null)";
		else if (!strcmp(options->argument, "NAME|FILE"))
			words = "$(_sensorctl_profiles)";
		printf(") words=\"%s\"; files=%s ;;\n", words,
		       strstr(options->argument, "FILE") || strstr(options->argument, "DIR")
			       ? "yes"
			       : "no");
	}
}

/* "list | show NAME | check FILE": the words that stand where an alternative begins. */
static void print_subcommands(const char *arguments)
{
	bool begins = true;

	for (const char *c = arguments; *c; c++) {
		if (*c == '|' || isspace(*c)) {
			begins |= *c == '|';
			continue;
		}
		if (begins && islower(*c)) {
			for (; islower(*c); c++)
				putchar(*c);
			putchar(' ');
			c--;
		}
		begins = false;
	}
}

/* Whether a positional argument is a file: FILE that is no option's. */
static bool takes_file(const char *arguments)
{
	const char *file = strstr(arguments, "FILE"), *option = strstr(arguments, "--");

	return file && (!option || file < option);
}

static void print_verb(const struct verb *verb)
{
	bool interface = strstr(verb->arguments, "IFACE");

	printf("\t%s)\n\t\toptions=\"", verb->name);
	print_option_words(verb->options);
	printf("\"\n\t\twords=\"");
	print_subcommands(verb->arguments);
	printf("%s\"\n", interface ? "$(ls /sys/class/net 2>/dev/null)" : "");
	if (takes_file(verb->arguments))
		puts("\t\tfiles=yes");
	puts("\t\tcase $previous in");
	print_values(verb->options);
	puts("\t\tesac ;;");
}

static int run(struct invocation *invocation)
{
	if (strcmp(invocation->argv[0], "bash"))
		return fail(invocation, USAGE, "Usage: sensorctl completion bash",
			    "no completion for \"%s\"", invocation->argv[0]);
	puts("# bash completion for sensorctl, made by: sensorctl completion bash\n"
	     "_sensorctl_profiles()\n{\n"
	     "\tlocal file\n"
	     "\tfor file in " DATADIR "/profiles/*.yaml; do\n"
	     "\t\t[ -e \"$file\" ] && basename \"$file\" .yaml\n"
	     "\tdone\n}\n\n"
	     "_sensorctl()\n{\n"
	     "\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
	     "\tlocal verb='' words='' options='' files=no word\n"
	     "\tlocal skip=no\n"
	     "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	     "\t\tif [ $skip = yes ]; then\n\t\t\tskip=no\n\t\t\tcontinue\n\t\tfi\n"
	     "\t\tcase $word in");
	printf("\t\t");
	for (const struct option *o = global_options; o->name; o++)
		if (o->argument)
			printf("%s--%s", o == global_options ? "" : "|", o->name);
	puts(") skip=yes ;;\n"
	     "\t\t-*) ;;\n"
	     "\t\t*) verb=$word; break ;;\n"
	     "\t\tesac\n\tdone\n"
	     "\tcase $verb in");
	printf("\t'') words=\"");
	for (const struct verb *const *verb = verbs; *verb; verb++)
		printf("%s ", (*verb)->name);
	puts("\" ;;");
	for (const struct verb *const *verb = verbs; *verb; verb++)
		print_verb(*verb);
	puts("\tesac\n\tcase $previous in");
	print_values(global_options);
	printf("\tesac\n\tif [[ $current == -* ]]; then\n\t\twords=\"$options");
	print_option_words(global_options);
	puts("\"\n\t\tfiles=no\n\tfi\n"
	     "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
	     "\tif [ $files = yes ]; then\n"
	     "\t\tmapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$current\")\n"
	     "\tfi\n}\n"
	     "complete -o filenames -F _sensorctl sensorctl");
	return DONE;
}

const struct verb verb_completion = {
	.name = "completion",
	.arguments = "bash",
	.summary = "Prints the completion script",
	.description = "For example: source <(sensorctl completion bash)",
	.least = 1,
	.most = 1,
	.run = run,
};
