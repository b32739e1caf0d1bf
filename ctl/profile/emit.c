// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tree as YAML: blocks near the root, flow form below, whatever is not a plain
 * word or number in double quotes.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/profile/node.h"

#define BLOCK_DEPTH 3

static bool is_plain(const struct node *node)
{
	static const char *const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789_./+-";

	return node->length && !node->quoted && strchr("-+", node->text[0]) == NULL &&
	       strspn(node->text, letters) == node->length;
}

static void emit_scalar(const struct node *node, FILE *out)
{
	if (is_plain(node)) {
		fputs(node->text, out);
		return;
	}
	fputc('"', out);
	for (const char *p = node->text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if ((unsigned char)*p < 0x20 || *p == 0x7f)
			fprintf(out, "\\x%02x", (unsigned char)*p);
		else
			fputc(*p, out);
	}
	fputc('"', out);
}

static void emit_flow(const struct node *node, FILE *out)
{
	if (node->kind == NODE_SCALAR) {
		emit_scalar(node, out);
		return;
	}
	fputc(node->kind == NODE_MAPPING ? '{' : '[', out);
	for (size_t i = 0; i < node->count; i++) {
		if (i)
			fputs(", ", out);
		if (node->kind == NODE_MAPPING) {
			emit_scalar(node->key[i], out);
			fputs(": ", out);
		}
		emit_flow(node->item[i], out);
	}
	fputc(node->kind == NODE_MAPPING ? '}' : ']', out);
}

static void emit_block(const struct node *node, int depth, int indent, FILE *out)
{
	for (size_t i = 0; i < node->count; i++) {
		const struct node *item = node->item[i];
		bool block = item->kind != NODE_SCALAR && item->count && depth + 1 < BLOCK_DEPTH;

		/* A list's item starts behind its dash: its first key stands in that line. */
		if (node->kind == NODE_SEQUENCE) {
			fprintf(out, "%*s- ", indent, "");
			if (block && item->kind == NODE_MAPPING) {
				char *text = NULL;
				size_t size = 0;
				FILE *inner = open_memstream(&text, &size);

				if (inner) {
					emit_block(item, depth + 1, indent + 2, inner);
					fclose(inner);
					fputs(text + indent + 2, out);
					free(text);
				}
			} else {
				emit_flow(item, out);
				fputc('\n', out);
			}
			continue;
		}
		fprintf(out, "%*s", indent, "");
		emit_scalar(node->key[i], out);
		fputc(':', out);
		if (block) {
			fputc('\n', out);
			emit_block(item, depth + 1, indent + 2, out);
		} else {
			fputc(' ', out);
			emit_flow(item, out);
			fputc('\n', out);
		}
	}
}

char *node_emit(const struct node *root)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	emit_block(root, 0, 0, out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
