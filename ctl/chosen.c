// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/chosen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/profile/profile.h"

static int refused(const struct invocation *invocation, int result, const char *name,
		   const struct diagnostics *diagnostics)
{
	if (result == -ENOENT && !diagnostics->count)
		return fail(invocation, USAGE, "sensorctl profile list shows those there are",
			    "no profile \"%s\"", name);
	if (result == -ENOMEM)
		return fail(invocation, FAILED, NULL, "out of memory");
	return fail(invocation, USAGE, "Nothing was changed", "profile %s is wrong", name);
}

int chosen_image(const struct invocation *invocation, struct profile_image **image)
{
	const char *name = option_value(invocation, "profile");
	struct diagnostics diagnostics = { 0 };
	struct profile *profile = NULL;
	int result, code = DONE;

	if (!name)
		return fail(invocation, USAGE, "sensorctl profile list shows those there are",
			    "--profile NAME|FILE is missing");
	*image = calloc(1, sizeof(**image));
	if (!*image)
		return fail(invocation, FAILED, NULL, "out of memory");
	result = profile_load(name, invocation->globals->profile_path, &profile, &diagnostics);
	if (!result)
		result = profile_compile(profile, *image, &diagnostics);
	diagnostics_print(&diagnostics, stderr);
	if (result) {
		code = refused(invocation, result, name, &diagnostics);
		free(*image);
		*image = NULL;
	}
	if (profile)
		profile_free(profile);
	diagnostics_free(&diagnostics);
	return code;
}
