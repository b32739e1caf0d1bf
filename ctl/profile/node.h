/* SPDX-License-Identifier: GPL-2.0-only */
/* A YAML document as a tree whose nodes know where they stand in their file. */
#ifndef SENSORCTL_NODE_H
#define SENSORCTL_NODE_H

#include "ctl/profile/arena.h"
#include "ctl/profile/profile.h"

#define FILE_BYTES_MAX (1u << 20) /* of one YAML file */
#define NODES_MAX      32768u	  /* of one document, aliases expanded */
#define DEPTH_MAX      24u

struct source {
	const char *file;
	const char *text;
	size_t length;
};

enum node_kind {
	NODE_SCALAR,
	NODE_SEQUENCE,
	NODE_MAPPING,
};

struct node {
	enum node_kind kind;
	bool quoted;	  /* a scalar that was written in quotes */
	int line, column; /* from 1 */
	const struct source *source;
	const struct node *parent;
	const struct node *name; /* the key that this is the value of, or NULL */
	const char *text;	 /* scalars */
	size_t length;
	struct node **key;  /* mappings; scalars */
	struct node **item; /* mappings and sequences */
	size_t count, room;
};

/* Parses one document. NULL when there is none that could be used; the reason is in d. */
struct node *node_parse(struct arena *arena, const struct source *source, struct diagnostics *d);

/* Sorts by file, line and column; what has no place stays in front of its file. */
void diagnostics_sort(struct diagnostics *d);

/* The value of a key of a mapping, or NULL. */
struct node *node_get(const struct node *mapping, const char *key);

struct node *node_mapping(struct arena *arena, const struct node *at);
struct node *node_sequence(struct arena *arena, const struct node *at);
struct node *node_scalar(struct arena *arena, const struct node *at, const char *text);
void node_add(struct arena *arena, struct node *parent, struct node *key, struct node *item);
/* Sets a key to a value, in the place of an older value if there is one. */
void node_set(struct arena *arena, struct node *mapping, const char *key, struct node *item);

/* The tree as YAML text, to be freed. Parsing it again gives the same tree. */
char *node_emit(const struct node *root);

/* Where a node stands, as streams[0].match.source. */
void node_path(const struct node *node, char *buffer, size_t size);

/* Reads a file of at most FILE_BYTES_MAX. Returns 0 or -errno with a diagnostic. */
int source_read(struct arena *arena, const char *file, struct source **out, struct diagnostics *d);
/* Checks that a text is UTF-8 without control characters. */
bool source_check(const struct source *source, struct diagnostics *d);

/*
 * Adds a diagnostic about a node (may be NULL). expected and suggestion may be NULL.
 * complain() always returns -EINVAL, so that a check may return it.
 */
int complain(struct diagnostics *d, const struct node *node, const char *suggestion,
	     const char *expected, const char *format, ...) __attribute__((format(printf, 5, 6)));
void warn_about(struct diagnostics *d, const struct node *node, const char *expected,
		const char *format, ...) __attribute__((format(printf, 4, 5)));
/* About a place in a file; line 0: the whole file. */
int complain_at(struct diagnostics *d, const struct source *source, int line, int column,
		size_t width, const char *expected, const char *format, ...)
	__attribute__((format(printf, 7, 8)));

/* The one of `words` (ends with NULL) that is near to what was written, or NULL. */
const char *nearest_word(const char *written, const char *const *words);

#endif
