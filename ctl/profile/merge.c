// SPDX-License-Identifier: GPL-2.0-only
/*
 * include: [NAME]. What is included comes first, in its order; what this profile says is
 * merged over it: streams, egress rules and protocols of the same name are replaced in
 * their place, new ones follow; classes, essentials and default are merged key by key.
 */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/profile/model.h"

#define INCLUDE_DEPTH 16

struct merging {
	struct loader *loader;
	struct node *merged;
	const char *chain[INCLUDE_DEPTH]; /* files that are being included */
	unsigned int depth;
	const char **done; /* files that were merged */
	size_t done_count, done_room;
};

static const char *const root_keys[] = { "profile", "description", "include", "streams",
					 "classes", "essentials",  "default", "threads",
					 "egress",  "protocols",   NULL };

static void merge_list(struct merging *m, const struct node *root, const char *key,
		       const char *name_key)
{
	const struct node *list = node_get(root, key);
	struct node *into = node_get(m->merged, key);
	struct arena *arena = m->loader->arena;

	if (value_list(m->loader->d, list, "maps"))
		return;
	if (!into) {
		into = node_sequence(arena, list);
		node_set(arena, m->merged, key, into);
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct node *name = name_key ? node_get(list->item[i], name_key) : NULL;
		bool placed = false;

		for (size_t j = 0; name && name->length && j < into->count && !placed; j++) {
			const struct node *other = node_get(into->item[j], name_key);

			if (!other || strcmp(other->text, name->text))
				continue;
			if (other->source == name->source) {
				complain(m->loader->d, name, NULL, "a name of its own",
					 "the name \"%s\" is already used in line %d", name->text,
					 other->line);
				break;
			}
			placed = true;
			into->item[j] = list->item[i];
		}
		if (!placed)
			node_add(arena, into, NULL, list->item[i]);
	}
}

static void merge_map(struct merging *m, const struct node *root, const char *key, int levels)
{
	const struct node *map = node_get(root, key);
	struct node *into = node_get(m->merged, key);
	struct arena *arena = m->loader->arena;

	if (!map)
		return;
	if (map->kind != NODE_MAPPING || !into || into->kind != NODE_MAPPING) {
		into = map->kind == NODE_MAPPING ? node_mapping(arena, map) : (struct node *)map;
		node_set(arena, m->merged, key, into);
	}
	for (size_t i = 0; map->kind == NODE_MAPPING && i < map->count; i++) {
		struct node *old = node_get(into, map->key[i]->text), *new = map->item[i];

		if (levels > 1 && old && old->kind == NODE_MAPPING && new->kind == NODE_MAPPING) {
			struct node *both = node_mapping(arena, new);

			for (size_t j = 0; j < old->count; j++)
				node_add(arena, both, old->key[j], old->item[j]);
			for (size_t j = 0; j < new->count; j++)
				node_set(arena, both, new->key[j]->text, new->item[j]);
			new = both;
		}
		bool known = old != NULL;

		if (known)
			node_set(arena, into, map->key[i]->text, new);
		else
			node_add(arena, into, map->key[i], new);
	}
}

static void absorb(struct merging *m, const struct node *root);

static const char *include_file(struct merging *m, const struct node *name)
{
	struct loader *loader = m->loader;
	const char *words;

	if (name->kind == NODE_SCALAR && loader->files &&
	    (strchr(name->text, '/') ||
	     (name->length > 5 && !strcmp(name->text + name->length - 5, ".yaml")))) {
		if (name->text[0] == '/')
			return name->text;
		char *copy =
			arena_copy(loader->arena, name->source->file, strlen(name->source->file));

		return arena_printf(loader->arena, "%s/%s", dirname(copy), name->text);
	}
	if (value_name(loader->d, name, &words))
		return NULL;
	const char *file = find_profile(loader, words);

	if (!file)
		complain(loader->d, name, nearest_word(words, list_profiles(loader)),
			 "a profile's name, see \"sensorctl profile list\"",
			 "there is no profile \"%s\"", words);
	return file;
}

static void include_one(struct merging *m, const struct node *name)
{
	struct loader *loader = m->loader;
	const char *file = include_file(m, name);
	struct source *source;

	if (!file)
		return;
	char *real = realpath(file, NULL);

	if (real) {
		file = arena_copy(loader->arena, real, strlen(real));
		free(real);
	}
	for (unsigned int i = 0; i < m->depth; i++)
		if (!strcmp(m->chain[i], file)) {
			complain(loader->d, name, NULL, "profiles that do not include each other",
				 "an include loop: %s includes itself through %s", file,
				 m->chain[m->depth - 1]);
			return;
		}
	for (size_t i = 0; i < m->done_count; i++)
		if (!strcmp(m->done[i], file))
			return;
	if (m->depth == INCLUDE_DEPTH) {
		complain(loader->d, name, NULL, "at most 16 levels",
			 "includes are nested too deeply");
		return;
	}
	if (source_read(loader->arena, file, &source, loader->d)) {
		complain(loader->d, name, NULL, NULL, "the included file %s cannot be used", file);
		return;
	}
	struct node *root = source_check(source, loader->d)
				    ? node_parse(loader->arena, source, loader->d)
				    : NULL;

	if (!root)
		return;
	m->done =
		arena_grow(loader->arena, m->done, m->done_count, &m->done_room, sizeof(*m->done));
	m->done[m->done_count++] = file;
	m->chain[m->depth++] = file;
	absorb(m, root);
	m->depth--;
}

static void absorb(struct merging *m, const struct node *root)
{
	struct loader *loader = m->loader;
	const struct node *include = node_get(root, "include");

	value_map(loader->d, root, root_keys);
	if (root->kind != NODE_MAPPING)
		return;
	for (size_t i = 0; include && i < value_count(include); i++)
		include_one(m, value_item(include, i));
	for (int i = 0; i < 2; i++)
		if (node_get(root, root_keys[i]))
			node_set(loader->arena, m->merged, root_keys[i],
				 node_get(root, root_keys[i]));
	if (!node_get(root, "profile"))
		complain(loader->d, root, NULL, "profile: NAME", "the key \"profile\" is missing");
	merge_list(m, root, "streams", "name");
	merge_map(m, root, "classes", 2);
	merge_map(m, root, "essentials", 1);
	merge_map(m, root, "default", 1);
	merge_list(m, root, "threads", NULL);
	merge_list(m, root, "egress", "name");
	merge_list(m, root, "protocols", "protocol");
}

struct node *profile_merge(struct loader *loader, const struct node *root)
{
	struct merging m = { .loader = loader };
	char *real = loader->files ? realpath(root->source->file, NULL) : NULL;

	m.merged = node_mapping(loader->arena, root);
	m.chain[m.depth++] = real ? arena_copy(loader->arena, real, strlen(real))
				  : root->source->file;
	free(real);
	absorb(&m, root);
	return m.merged;
}
