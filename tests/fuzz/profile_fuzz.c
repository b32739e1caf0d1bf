// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any text either is refused with a diagnostic, or gives a profile whose own YAML gives the
 * same image again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/profile/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 itself leaks a buffer on a run of quotes such as {''''...''a: b}, 40 of them. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

static void require(int condition)
{
	if (!condition)
		abort();
}

/* Returns what profile_compile() returned, or -1 if it did not come so far. */
static int compile(const char *text, size_t size, struct profile_image *image,
		   struct diagnostics *d)
{
	struct profile *profile = NULL;
	int result = -1;

	if (profile_parse_text(text, size, "fuzz.yaml", &profile, d))
		require(d->errors > 0);
	else
		result = profile_compile(profile, image, d);
	profile_free(profile);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct profile_image first, second;
	struct diagnostics d = { 0 }, again = { 0 };
	char *yaml;

	int result = compile((const char *)data, size, &first, &d);

	json_decref(diagnostics_json(&d));
	require(!result == !d.errors);
	if (!result) {
		require(!profile_source(&first, &yaml));
		require(!compile(yaml, strlen(yaml), &second, &again));
		require(!memcmp(&first, &second, sizeof(first)));
		require(d.count == again.count);
		free(yaml);
	}
	diagnostics_free(&d);
	diagnostics_free(&again);
	return 0;
}
