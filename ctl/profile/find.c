// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a NAME is looked up: the directories of --profile-path, beside the profile that
 * names it, the installed directory, the source tree of a program that was not installed. In
 * each, protocols lie in protocols/.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/profile/model.h"

#define PLACES_MAX 16

struct places {
	const char *directory[PLACES_MAX];
	size_t count;
};

static void add_place(struct places *places, const char *directory)
{
	if (directory && *directory && places->count < PLACES_MAX)
		places->directory[places->count++] = directory;
}

/* profiles/ above the running program: build/sensorctl and build/tests/unit/x_test. */
static const char *tree_profiles(struct arena *arena)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	struct stat about;

	if (length <= 0)
		return NULL;
	path[length] = 0;
	for (int up = 0; up < 4; up++) {
		char *slash = strrchr(path, '/');

		if (!slash || slash == path)
			return NULL;
		*slash = 0;
		/* A source file beside it tells our tree from any other directory. */
		if (stat(arena_printf(arena, "%s/profiles/protocols", path), &about) ||
		    !S_ISDIR(about.st_mode) ||
		    access(arena_printf(arena, "%s/xdp/image.h", path), R_OK))
			continue;
		return arena_printf(arena, "%s/profiles", path);
	}
	return NULL;
}

static struct places all_places(const struct loader *loader)
{
	struct places places = { 0 };
	const char *at = loader->profile_path;

	if (!loader->files)
		return places;
	while (at && *at) {
		size_t length = strcspn(at, ":");

		add_place(&places, arena_copy(loader->arena, at, length));
		at += length + (at[length] == ':');
	}
	add_place(&places, loader->beside);
	add_place(&places, DATADIR "/profiles");
	add_place(&places, tree_profiles(loader->arena));
	return places;
}

bool file_is(struct arena *arena, const char *file, const char *kind)
{
	struct diagnostics ignored = { 0 };
	struct source *source;
	bool is = true;

	/* What exists but can't be used is found all the same: the error says why. */
	if (!source_read(arena, file, &source, &ignored) && source_check(source, &ignored)) {
		const struct node *root = node_parse(arena, source, &ignored);

		is = !root || node_get(root, kind);
	}
	diagnostics_free(&ignored);
	return is;
}

/* In a directory that is not one of protocols, a profile may have a protocol's name. */
static const char *first_of(const struct loader *loader, const char *const *middles,
			    const char *name, const char *kind)
{
	struct places places = all_places(loader);
	struct stat about;

	for (size_t i = 0; i < places.count; i++)
		for (const char *const *middle = middles; *middle; middle++) {
			const char *file = arena_printf(loader->arena, "%s%s/%s.yaml",
							places.directory[i], *middle, name);

			if (!stat(file, &about) && (**middle || file_is(loader->arena, file, kind)))
				return file;
		}
	return NULL;
}

static const char *const profile_places[] = { "", NULL };
static const char *const protocol_places[] = { "/protocols", "", NULL };

const char *find_profile(const struct loader *loader, const char *name)
{
	return first_of(loader, profile_places, name, "profile");
}

const char *find_protocol(const struct loader *loader, const char *name)
{
	return first_of(loader, protocol_places, name, "protocol");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *const *list(const struct loader *loader, const char *middle)
{
	struct places places = all_places(loader);
	const char **names = NULL;
	size_t count = 0, room = 0;

	for (size_t i = 0; i < places.count; i++) {
		DIR *directory =
			opendir(arena_printf(loader->arena, "%s%s", places.directory[i], middle));
		struct dirent *entry;

		while (directory && (entry = readdir(directory))) {
			size_t length = strlen(entry->d_name);

			if (length < 6 || strcmp(entry->d_name + length - 5, ".yaml"))
				continue;
			names = arena_grow(loader->arena, names, count, &room, sizeof(*names));
			names[count++] = arena_copy(loader->arena, entry->d_name, length - 5);
		}
		if (directory)
			closedir(directory);
	}
	if (count)
		qsort(names, count, sizeof(*names), by_name);
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!kept || strcmp(names[kept - 1], names[i]))
			names[kept++] = names[i];
	names = arena_grow(loader->arena, names, kept, &room, sizeof(*names));
	names[kept] = NULL;
	return names;
}

const char *const *list_profiles(const struct loader *loader)
{
	return list(loader, "");
}

const char *const *list_protocols(const struct loader *loader)
{
	return list(loader, "/protocols");
}
