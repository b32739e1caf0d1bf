// SPDX-License-Identifier: GPL-2.0-only
/* profile list | show | check | active: what a profile says, before and after it is used. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/attached.h"
#include "ctl/json.h"
#include "ctl/profile/profile.h"
#include "ctl/verb.h"

struct listing {
	json_t *array;
	bool json;
};

static int list_one(const char *name, const char *description, const char *file, void *context)
{
	struct listing *listing = context;

	if (!listing->json)
		printf("%-20s %s\n%-20s %s\n", name, description, "", file);
	else
		json_array_append_new(listing->array,
				      json_pack("{s:s, s:s, s:s}", "name", name, "description",
						description, "file", file));
	return 0;
}

static int run_list(struct invocation *invocation)
{
	struct listing listing = { json_array(), invocation->globals->json };

	profile_each(invocation->globals->profile_path, list_one, &listing);
	if (!listing.json) {
		json_decref(listing.array);
		return DONE;
	}
	return json_print(json_pack("{s:o}", "profiles", listing.array), false) ? FAILED : DONE;
}

/* Loads and compiles; profile and image are for whoever wants them. */
static int load(struct invocation *invocation, const char *name, struct profile **profile,
		struct diagnostics *d)
{
	struct profile_image *image = malloc(sizeof(*image));
	int result = image ? profile_load(name, invocation->globals->profile_path, profile, d)
			   : -ENOMEM;

	if (!result)
		result = profile_compile(*profile, image, d);
	free(image);
	return result;
}

static int run_check(struct invocation *invocation, const char *name)
{
	struct diagnostics d = { 0 };
	struct profile *profile = NULL;
	int result = load(invocation, name, &profile, &d);

	diagnostics_print(&d, stderr);
	if (invocation->globals->json)
		json_print(diagnostics_json(&d), false);
	else if (!result)
		printf("%s: good%s\n", profile_name(profile), d.count ? ", with warnings" : "");
	if (result)
		fprintf(stderr,
			"sensorctl: profile: %s is wrong: %zu error%s. Nothing was changed.\n",
			name, d.errors, d.errors == 1 ? "" : "s");
	profile_free(profile);
	diagnostics_free(&d);
	return result ? USAGE : DONE;
}

static int print_yaml(struct invocation *invocation, const char *name, const char *yaml)
{
	if (!invocation->globals->json) {
		fputs(yaml, stdout);
		return fflush(stdout) ? FAILED : DONE;
	}
	return json_print(json_pack("{s:s, s:s}", "profile", name, "yaml", yaml), false) ? FAILED
											 : DONE;
}

static int run_show(struct invocation *invocation, const char *name)
{
	struct diagnostics d = { 0 };
	struct profile *profile = NULL;
	int result = load(invocation, name, &profile, &d);

	if (result) {
		diagnostics_print(&d, stderr);
		diagnostics_free(&d);
		profile_free(profile);
		return fail(invocation, USAGE, "Mend what is said above", "%s is wrong", name);
	}
	char *yaml = profile_yaml(profile);
	int code = yaml ? print_yaml(invocation, profile_name(profile), yaml)
			: fail(invocation, FAILED, NULL, "out of memory");

	free(yaml);
	profile_free(profile);
	diagnostics_free(&d);
	return code;
}

static int run_active(struct invocation *invocation, const char *interface)
{
	struct profile_image *image = malloc(sizeof(*image));
	struct attached *attached = NULL;
	struct error error = { 0 };
	char *yaml = NULL;
	int code;

	if (!image)
		return fail(invocation, FAILED, NULL, "out of memory");
	if (attached_open(invocation->globals, interface, &attached, &error)) {
		free(image);
		return fail_error(invocation, &error);
	}
	int result = attached_image(attached, image);

	if (!result)
		result = profile_source(image, &yaml);
	code = result ? fail(invocation, FAILED, "Attach it again with --profile",
			     "the active profile of %s cannot be read: %s", interface,
			     strerror(-result))
		      : print_yaml(invocation, image->name, yaml);
	free(yaml);
	free(image);
	attached_close(attached);
	return code;
}

static int run(struct invocation *invocation)
{
	const char *what = invocation->argv[0];
	const char *of = invocation->argc > 1 ? invocation->argv[1] : NULL;

	if (!strcmp(what, "list"))
		return of ? fail(invocation, USAGE, NULL, "list takes no argument")
			  : run_list(invocation);
	if (strcmp(what, "show") && strcmp(what, "check") && strcmp(what, "active"))
		return fail(invocation, USAGE, "It is list, show, check or active",
			    "unknown word \"%s\"", what);
	if (!of)
		return fail(invocation, USAGE, "See sensorctl profile --help", "%s needs %s", what,
			    !strcmp(what, "active") ? "an interface" : "a profile's name or file");
	return !strcmp(what, "show")	? run_show(invocation, of)
	       : !strcmp(what, "check") ? run_check(invocation, of)
					: run_active(invocation, of);
}

const struct verb verb_profile = {
	.name = "profile",
	.arguments = "list | show NAME | check FILE | active IFACE",
	.summary = "Lists, shows and checks profiles",
	.description =
		"list names the profiles that are found. show prints one with its includes and\n"
		"protocols merged in. check says everything that is wrong with one. active prints\n"
		"what is attached to an interface. What show and active print, check accepts.",
	.least = 1,
	.most = 2,
	.run = run,
};
