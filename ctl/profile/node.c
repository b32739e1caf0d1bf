// SPDX-License-Identifier: GPL-2.0-only
/*
 * From libfyaml's events to a tree. The document API of libfyaml would do it too, but
 * events let every duplicate key be named, and let aliases and depth be bounded.
 */
#include <libfyaml.h>
#include <stdio.h>
#include <string.h>

#include "ctl/profile/node.h"

struct anchor {
	const char *name;
	struct node *node;
};

struct builder {
	struct arena *arena;
	const struct source *source;
	struct diagnostics *d;
	struct fy_parser *parser;
	struct node *stack[DEPTH_MAX];
	struct node *pending[DEPTH_MAX]; /* the key that waits for its value */
	unsigned int depth;
	struct node *root;
	struct anchor *anchor;
	size_t anchors, anchor_room;
	size_t nodes;
	unsigned int documents;
};

struct node *node_get(const struct node *mapping, const char *key)
{
	if (!mapping || mapping->kind != NODE_MAPPING)
		return NULL;
	for (size_t i = 0; i < mapping->count; i++)
		if (!strcmp(mapping->key[i]->text, key))
			return mapping->item[i];
	return NULL;
}

static struct node *node_new(struct arena *arena, enum node_kind kind, const struct node *at)
{
	struct node *node = arena_alloc(arena, sizeof(*node));

	node->kind = kind;
	node->text = "";
	if (at) {
		node->source = at->source;
		node->line = at->line;
		node->column = at->column;
		node->parent = at->parent;
		node->name = at->name;
	}
	return node;
}

struct node *node_mapping(struct arena *arena, const struct node *at)
{
	return node_new(arena, NODE_MAPPING, at);
}

struct node *node_sequence(struct arena *arena, const struct node *at)
{
	return node_new(arena, NODE_SEQUENCE, at);
}

struct node *node_scalar(struct arena *arena, const struct node *at, const char *text)
{
	struct node *node = node_new(arena, NODE_SCALAR, at);

	node->length = strlen(text);
	node->text = arena_copy(arena, text, node->length);
	return node;
}

void node_add(struct arena *arena, struct node *parent, struct node *key, struct node *item)
{
	size_t room = parent->room;

	parent->item = arena_grow(arena, parent->item, parent->count, &room, sizeof(item));
	room = parent->room;
	parent->key = arena_grow(arena, parent->key, parent->count, &room, sizeof(key));
	parent->room = room;
	parent->key[parent->count] = key;
	parent->item[parent->count++] = item;
}

void node_set(struct arena *arena, struct node *mapping, const char *key, struct node *item)
{
	for (size_t i = 0; i < mapping->count; i++)
		if (!strcmp(mapping->key[i]->text, key)) {
			mapping->item[i] = item;
			return;
		}
	node_add(arena, mapping, node_scalar(arena, item, key), item);
}

void node_path(const struct node *node, char *buffer, size_t size)
{
	const struct node *chain[DEPTH_MAX + 2];
	size_t count = 0, used = 0;

	for (; node && count < DEPTH_MAX + 2; node = node->parent)
		chain[count++] = node;
	buffer[0] = 0;
	for (; count > 1 && used < size - 1; count--) {
		const struct node *parent = chain[count - 1], *child = chain[count - 2];
		size_t i = 0;
		int wrote;

		while (parent->kind == NODE_SEQUENCE && i < parent->count &&
		       parent->item[i] != child)
			i++;
		if (parent->kind == NODE_SEQUENCE)
			wrote = snprintf(buffer + used, size - used, "[%zu]", i);
		else
			wrote = snprintf(buffer + used, size - used, "%s%s", used ? "." : "",
					 child->name ? child->name->text : child->text);
		used += wrote > 0 ? (size_t)wrote : 0;
	}
}

static bool complain_node(struct builder *b, const struct node *node, const char *expected,
			  const char *message)
{
	complain(b->d, node, NULL, expected, "%s", message);
	return false;
}

/* Puts a finished node where it belongs: the root, an item, a key or its value. */
static bool place(struct builder *b, struct node *node)
{
	if (!b->depth) {
		b->root = node;
		return true;
	}
	struct node *parent = b->stack[b->depth - 1], *key = b->pending[b->depth - 1];

	node->parent = parent;
	if (parent->kind == NODE_SEQUENCE) {
		node_add(b->arena, parent, NULL, node);
		return true;
	}
	if (!key) {
		if (node->kind != NODE_SCALAR)
			return complain_node(b, node, "a word", "a list or a map is no key");
		b->pending[b->depth - 1] = node;
		return true;
	}
	b->pending[b->depth - 1] = NULL;
	node->name = key;
	for (size_t i = 0; i < parent->count; i++)
		if (!strcmp(parent->key[i]->text, key->text)) {
			complain(b->d, key, NULL, NULL, "the key \"%s\" is already in line %d",
				 key->text, parent->key[i]->line);
			return true;
		}
	node_add(b->arena, parent, key, node);
	return true;
}

static struct node *copy_tree(struct builder *b, const struct node *node, const struct node *parent)
{
	struct node *copy = arena_alloc(b->arena, sizeof(*copy));

	if (++b->nodes > NODES_MAX)
		return NULL;
	*copy = *node;
	copy->parent = parent;
	copy->key = copy->item = NULL;
	copy->count = copy->room = 0;
	for (size_t i = 0; i < node->count; i++) {
		struct node *key = node->key[i] ? copy_tree(b, node->key[i], copy) : NULL;
		struct node *item = copy_tree(b, node->item[i], copy);

		if (!item || (node->key[i] && !key))
			return NULL;
		node_add(b->arena, copy, key, item);
	}
	return copy;
}

static struct node *event_node(struct builder *b, struct fy_event *event, enum node_kind kind)
{
	const struct fy_mark *mark = fy_event_start_mark(event);
	struct node *node = node_new(b->arena, kind, NULL);

	node->source = b->source;
	node->line = mark ? mark->line + 1 : 1;
	node->column = mark ? mark->column + 1 : 1;
	node->parent = b->depth ? b->stack[b->depth - 1] : NULL;
	node->name = b->depth ? b->pending[b->depth - 1] : NULL;
	return node;
}

static const char *token_text(struct builder *b, struct fy_token *token, size_t *length)
{
	const char *text = token ? fy_token_get_text(token, length) : NULL;

	if (!text) {
		*length = 0;
		text = "";
	}
	return arena_copy(b->arena, text, *length);
}

static bool add_alias(struct builder *b, struct fy_event *event)
{
	struct node *at = event_node(b, event, NODE_SCALAR);
	const struct anchor *found = NULL;

	at->text = token_text(b, event->alias.anchor, &at->length);
	at->column -= at->column > 1; /* libfyaml marks what follows the star */
	for (size_t i = b->anchors; i-- && !found;)
		if (!strcmp(b->anchor[i].name, at->text))
			found = &b->anchor[i];
	if (!found) {
		complain(b->d, at, NULL, NULL, "there is no anchor \"%s\" before this alias",
			 at->text);
		return false;
	}
	for (unsigned int i = 0; i < b->depth; i++)
		if (b->stack[i] == found->node)
			return complain_node(b, at, NULL,
					     "this alias stands inside its own anchor");
	struct node *copy = copy_tree(b, found->node, NULL);

	if (!copy)
		return complain_node(b, at, "at most 32768 keys and values",
				     "with its aliases expanded the document is too large");
	return place(b, copy);
}

static bool start_node(struct builder *b, struct fy_event *event, struct node *node)
{
	struct fy_token *anchor = fy_event_get_anchor_token(event);

	if (++b->nodes > NODES_MAX)
		return complain_node(b, node, "at most 32768 keys and values",
				     "the document is too large");
	if (fy_event_get_tag_token(event))
		return complain_node(b, node, "a value without a tag",
				     "YAML tags have no use here");
	if (anchor) {
		size_t length;

		b->anchor = arena_grow(b->arena, b->anchor, b->anchors, &b->anchor_room,
				       sizeof(*b->anchor));
		b->anchor[b->anchors++] = (struct anchor){ token_text(b, anchor, &length), node };
	}
	if (!place(b, node))
		return false;
	if (node->kind == NODE_SCALAR)
		return true;
	if (b->depth == DEPTH_MAX)
		return complain_node(b, node, "at most 24 levels",
				     "the document is nested too deeply");
	b->pending[b->depth] = NULL;
	b->stack[b->depth++] = node;
	return true;
}

static bool add_scalar(struct builder *b, struct fy_event *event)
{
	struct node *node = event_node(b, event, NODE_SCALAR);

	node->text = token_text(b, event->scalar.value, &node->length);
	enum fy_scalar_style style =
		event->scalar.value ? fy_token_scalar_style(event->scalar.value) : FYSS_PLAIN;

	node->quoted = style != FYSS_PLAIN;
	/* libfyaml marks what is inside the quotes. */
	if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && node->column > 1)
		node->column--;
	if (strlen(node->text) != node->length)
		return complain_node(b, node, "text", "there is a zero byte in this text");
	return start_node(b, event, node);
}

static bool take_event(struct builder *b, struct fy_event *event)
{
	switch (event->type) {
	case FYET_MAPPING_START:
		return start_node(b, event, event_node(b, event, NODE_MAPPING));
	case FYET_SEQUENCE_START:
		return start_node(b, event, event_node(b, event, NODE_SEQUENCE));
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		b->depth--;
		return true;
	case FYET_SCALAR:
		return add_scalar(b, event);
	case FYET_ALIAS:
		return add_alias(b, event);
	case FYET_DOCUMENT_START:
		if (!b->documents++)
			return true;
		return complain_node(b, event_node(b, event, NODE_SCALAR), "one document",
				     "a second YAML document begins here");
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
		return true;
	}
	return true;
}

/* A tab at the start of a line gives libfyaml's least helpful messages. */
static int tab_line(const struct source *source)
{
	int line = 1;

	for (size_t i = 0; i < source->length; i++) {
		if (source->text[i] == '\t' && (!i || source->text[i - 1] == '\n'))
			return line;
		line += source->text[i] == '\n';
	}
	return 0;
}

static void add_syntax_errors(struct builder *b, struct fy_diag *diag)
{
	struct fy_diag_error *error;
	void *previous = NULL;
	size_t before = b->d->errors;
	int tab = tab_line(b->source);

	if (tab)
		complain_at(b->d, b->source, tab, 1, 1, "spaces",
			    "YAML does not allow a tab in the indentation");
	while ((error = fy_diag_errors_iterate(diag, &previous)))
		if (error->type == FYET_ERROR)
			complain_at(b->d, b->source, error->line > 0 ? error->line : 1,
				    error->column > 0 ? error->column : 1, 1, "YAML", "%s",
				    error->msg);
	if (b->d->errors == before)
		complain_at(b->d, b->source, 0, 0, 0, "YAML", "cannot be parsed");
}

static void silent(struct fy_diag *diag, void *user, const char *text, size_t length)
{
	(void)diag, (void)user, (void)text, (void)length;
}

static bool run(struct builder *b)
{
	struct fy_event *event;
	bool good = true;

	while (good && (event = fy_parser_parse(b->parser))) {
		good = take_event(b, event);
		fy_parser_event_free(b->parser, event);
	}
	return good;
}

struct node *node_parse(struct arena *arena, const struct source *source, struct diagnostics *d)
{
	struct builder b = { .arena = arena, .source = source, .d = d };
	struct fy_diag_cfg diag_cfg;
	bool good = false;

	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag_cfg.output_fn = silent;
	diag_cfg.colorize = false;
	struct fy_diag *diag = fy_diag_create(&diag_cfg);

	if (!diag)
		return NULL;
	fy_diag_set_collect_errors(diag, true);
	b.parser = fy_parser_create(&(struct fy_parse_cfg){
		.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_ALLOW_DUPLICATE_KEYS |
			 FYPCF_JSON_NONE,
		.diag = diag,
	});
	if (b.parser && !fy_parser_set_string(b.parser, source->text, source->length)) {
		good = run(&b);
		if (good && fy_parser_get_stream_error(b.parser)) {
			add_syntax_errors(&b, diag);
			good = false;
		}
	}
	fy_parser_destroy(b.parser);
	/* Not fy_diag_unref(): that leaves the collected errors behind. */
	fy_diag_destroy(diag);
	if (good && !b.root) {
		complain_at(d, source, 0, 0, 0, NULL, "the file is empty");
		good = false;
	}
	return good ? b.root : NULL;
}
