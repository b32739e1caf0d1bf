// SPDX-License-Identifier: GPL-2.0-only
/* From a name, a file or a text to the model. */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/profile/model.h"

static int build(struct profile *profile, struct loader *loader, struct source *source)
{
	size_t before = loader->d->errors;

	profile->name = profile->description = "";
	if (!source_check(source, loader->d))
		return -EINVAL;
	struct node *root = node_parse(&profile->arena, source, loader->d);

	if (!root)
		return -EINVAL;
	profile->root = profile_merge(loader, root);
	profile_check(profile, loader);
	diagnostics_sort(loader->d);
	return loader->d->errors == before ? 0 : -EINVAL;
}

static struct profile *profile_new(void)
{
	struct profile *profile = calloc(1, sizeof(*profile));

	if (!profile)
		abort();
	return profile;
}

int profile_load(const char *name_or_file, const char *profile_path, struct profile **out,
		 struct diagnostics *d)
{
	struct profile *profile = profile_new();
	struct loader loader = { &profile->arena, d, profile_path, true, NULL };
	size_t length = strlen(name_or_file);
	const char *file = name_or_file;
	struct source *source;
	int result;

	if (!strchr(file, '/') && (length < 6 || strcmp(file + length - 5, ".yaml"))) {
		file = find_profile(&loader, name_or_file);
		if (!file) {
			complain(d, NULL, nearest_word(name_or_file, list_profiles(&loader)),
				 "a profile's name, see \"sensorctl profile list\", or a file",
				 "there is no profile \"%s\"", name_or_file);
			profile_free(profile);
			return -ENOENT;
		}
	}
	char *copy = arena_copy(&profile->arena, file, strlen(file));

	loader.beside = dirname(copy);
	result = source_read(&profile->arena, file, &source, d);
	if (!result)
		result = build(profile, &loader, source);
	if (result) {
		profile_free(profile);
		return result;
	}
	*out = profile;
	return 0;
}

int profile_parse_text(const char *text, size_t length, const char *file, struct profile **out,
		       struct diagnostics *d)
{
	struct profile *profile = profile_new();
	struct loader loader = { &profile->arena, d, NULL, false, NULL };
	struct source *source = arena_alloc(&profile->arena, sizeof(*source));
	int result;

	source->file = arena_copy(&profile->arena, file, strlen(file));
	if (length > FILE_BYTES_MAX) {
		complain_at(d, source, 0, 0, 0, "at most 1 MiB", "the text is too large");
		result = -EFBIG;
	} else {
		source->text = arena_copy(&profile->arena, text, length);
		source->length = length;
		result = build(profile, &loader, source);
	}
	if (result) {
		profile_free(profile);
		return result;
	}
	*out = profile;
	return 0;
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	arena_free(&profile->arena);
	free(profile);
}

const char *profile_name(const struct profile *profile)
{
	return profile->name;
}

const char *profile_description(const struct profile *profile)
{
	return profile->description;
}

char *profile_yaml(const struct profile *profile)
{
	return node_emit(profile->root);
}

static const char *read_description(struct loader *loader, const char *file)
{
	struct diagnostics ignored = { 0 };
	struct source *source;
	const char *text = "";
	struct node *root = NULL;

	if (!source_read(loader->arena, file, &source, &ignored) && source_check(source, &ignored))
		root = node_parse(loader->arena, source, &ignored);
	if (root)
		value_text(&ignored, node_get(root, "description"), &text);
	diagnostics_free(&ignored);
	return text;
}

int profile_each(const char *profile_path,
		 int (*each)(const char *name, const char *description, const char *file,
			     void *context),
		 void *context)
{
	struct arena arena = { 0 };
	struct diagnostics ignored = { 0 };
	struct loader loader = { &arena, &ignored, profile_path, true, NULL };
	int result = 0;

	for (const char *const *name = list_profiles(&loader); *name && !result; name++) {
		const char *file = find_profile(&loader, *name);

		if (file && file_is(&arena, file, "profile"))
			result = each(*name, read_description(&loader, file), file, context);
	}
	diagnostics_free(&ignored);
	arena_free(&arena);
	return result;
}
