// SPDX-License-Identifier: GPL-2.0-only
/* What is wrong with a file: where, what was expected, what was probably meant. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/nearest.h"
#include "ctl/profile/node.h"
#include "ctl/profile/utf8.h"

#define DIAGNOSTICS_MAX 1000u /* a file full of nonsense is not worth more */
#define EXCERPT_MAX	100u  /* bytes of a long line */

/*
 * Texts quote files: nothing in them may reach a terminal as a control sequence, and
 * JSON takes UTF-8 only.
 */
static void make_printable(char *text)
{
	size_t left = strlen(text);

	while (left) {
		size_t length = utf8_length(text, left);
		unsigned char c = (unsigned char)*text;

		if (!length || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
			*text = '?';
			length = 1;
		} else if (c == 0xc2 && (unsigned char)text[1] < 0xa0) {
			text[0] = text[1] = '?';
		}
		text += length;
		left -= length;
	}
}

static char *copy_or_empty(const char *text)
{
	char *copy = strdup(text ? text : "");

	if (copy)
		make_printable(copy);
	return copy;
}

static bool continues_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t line_start(const struct source *source, int line)
{
	size_t at = 0;

	while (--line > 0) {
		const char *end = memchr(source->text + at, '\n', source->length - at);

		if (!end)
			return source->length;
		at = (size_t)(end - source->text) + 1;
	}
	return at;
}

/* The line and, below it, carets under `width` characters from `column` on. */
static char *make_excerpt(const struct source *source, int line, int column, size_t width)
{
	if (!source || !source->text || line < 1)
		return strdup("");
	size_t start = line_start(source, line), end = start, mark, length = 0;

	while (end < source->length && source->text[end] != '\n' && source->text[end] != '\r')
		end++;
	mark = start;
	for (int left = column - 1; left > 0 && mark < end; left--)
		do
			mark++;
		while (mark < end && continues_character(source->text[mark]));
	if (end - start > EXCERPT_MAX && mark - start > EXCERPT_MAX / 2) {
		start = mark - EXCERPT_MAX / 2;
		while (start < mark && continues_character(source->text[start]))
			start++;
	}
	if (end - start > EXCERPT_MAX) {
		end = start + EXCERPT_MAX;
		while (end > mark && continues_character(source->text[end]))
			end--;
	}
	char *text = calloc(1, 2 * (end - start) + 8);

	if (!text)
		return NULL;
	memcpy(text, source->text + start, end - start);
	length = end - start;
	text[length++] = '\n';
	for (size_t i = start; i < mark; i++)
		if (!continues_character(source->text[i]))
			text[length++] = source->text[i] == '\t' ? '\t' : ' ';
	text[length++] = '^';
	for (size_t i = mark + 1; i < end && width > 1; i++)
		if (!continues_character(source->text[i])) {
			text[length++] = '~';
			width--;
		}
	make_printable(text);
	return text;
}

static void add(struct diagnostics *d, struct diagnostic item)
{
	if (!item.warning)
		d->errors++;
	struct diagnostic *items = realloc(d->items, (d->count + 1) * sizeof(*items));

	if (!items)
		goto drop;
	d->items = items;
	items[d->count++] = item;
	return;
drop:
	free(item.file);
	free(item.key);
	free(item.message);
	free(item.expected);
	free(item.suggestion);
	free(item.excerpt);
}

static char *format_message(const char *format, va_list arguments)
{
	char *text = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		return strdup("out of memory");
	make_printable(text);
	return text;
}

/* Counts what is not kept: its text would cost more than it tells. */
static bool is_full(struct diagnostics *d, bool warning)
{
	if (d->count < DIAGNOSTICS_MAX)
		return false;
	if (!warning)
		d->errors++;
	d->dropped++;
	return true;
}

static void about(struct diagnostics *d, bool warning, const struct node *node,
		  const char *suggestion, const char *expected, const char *format,
		  va_list arguments)
{
	char path[256] = "";
	size_t width = 1;

	if (is_full(d, warning))
		return;
	if (node) {
		node_path(node, path, sizeof(path));
		if (node->kind == NODE_SCALAR)
			width = node->length + (node->quoted ? 2 : 0);
	}
	add(d, (struct diagnostic){
		       .file = copy_or_empty(node && node->source ? node->source->file : NULL),
		       .line = node ? node->line : 0,
		       .column = node ? node->column : 0,
		       .key = copy_or_empty(path),
		       .message = format_message(format, arguments),
		       .expected = copy_or_empty(expected),
		       .suggestion = copy_or_empty(suggestion),
		       .excerpt = make_excerpt(node ? node->source : NULL, node ? node->line : 0,
					       node ? node->column : 0, width),
		       .warning = warning,
	       });
}

int complain(struct diagnostics *d, const struct node *node, const char *suggestion,
	     const char *expected, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	about(d, false, node, suggestion, expected, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

void warn_about(struct diagnostics *d, const struct node *node, const char *expected,
		const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	about(d, true, node, NULL, expected, format, arguments);
	va_end(arguments);
}

int complain_at(struct diagnostics *d, const struct source *source, int line, int column,
		size_t width, const char *expected, const char *format, ...)
{
	va_list arguments;

	if (is_full(d, false))
		return -EINVAL;
	va_start(arguments, format);
	add(d, (struct diagnostic){
		       .file = copy_or_empty(source->file),
		       .line = line,
		       .column = column,
		       .key = copy_or_empty(NULL),
		       .message = format_message(format, arguments),
		       .expected = copy_or_empty(expected),
		       .suggestion = copy_or_empty(NULL),
		       .excerpt = make_excerpt(source, line, column, width),
	       });
	va_end(arguments);
	return -EINVAL;
}

static bool comes_before(const struct diagnostic *a, const struct diagnostic *b)
{
	return a->line < b->line || (a->line == b->line && a->column < b->column);
}

/* Insertion: stable, and nearly sorted already. Files stay in the order they were read. */
void diagnostics_sort(struct diagnostics *d)
{
	for (size_t i = 1; i < d->count; i++) {
		struct diagnostic item = d->items[i];
		size_t first = i, to;

		for (size_t j = 0; j < i; j++)
			if (!strcmp(d->items[j].file, item.file)) {
				first = j;
				break;
			}
		for (to = first; to < i && !strcmp(d->items[to].file, item.file) &&
				 !comes_before(&item, &d->items[to]);
		     to++)
			;
		memmove(&d->items[to + 1], &d->items[to], (i - to) * sizeof(item));
		d->items[to] = item;
	}
}

void diagnostics_free(struct diagnostics *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->items[i].file);
		free(d->items[i].key);
		free(d->items[i].message);
		free(d->items[i].expected);
		free(d->items[i].suggestion);
		free(d->items[i].excerpt);
	}
	free(d->items);
	*d = (struct diagnostics){ 0 };
}

static void print_excerpt(const struct diagnostic *item, FILE *out)
{
	const char *second = strchr(item->excerpt, '\n');

	if (!second)
		return;
	fprintf(out, "%5d | %.*s\n      | %s\n", item->line, (int)(second - item->excerpt),
		item->excerpt, second + 1);
}

void diagnostics_print(const struct diagnostics *d, FILE *out)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct diagnostic *item = &d->items[i];

		fputs(item->file, out);
		if (item->line)
			fprintf(out, ":%d:%d", item->line, item->column);
		fprintf(out, "%s%s: %s\n", *item->file ? ": " : "",
			item->warning ? "warning" : "error", item->message);
		print_excerpt(item, out);
		if (*item->expected)
			fprintf(out, "        expected: %s\n", item->expected);
		if (*item->suggestion)
			fprintf(out, "        did you mean \"%s\"?\n", item->suggestion);
	}
	if (d->dropped)
		fprintf(out, "%zu more are not shown\n", d->dropped);
}

json_t *diagnostics_json(const struct diagnostics *d)
{
	json_t *errors = json_array(), *warnings = json_array();

	for (size_t i = 0; i < d->count; i++) {
		const struct diagnostic *item = &d->items[i];

		json_array_append_new(
			item->warning ? warnings : errors,
			json_pack("{s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:s}", "file", item->file,
				  "line", item->line, "column", item->column, "key", item->key,
				  "message", item->message, "expected", item->expected,
				  "suggestion", item->suggestion, "excerpt", item->excerpt));
	}
	return json_pack("{s:o, s:o}", "errors", errors, "warnings", warnings);
}

const char *nearest_word(const char *written, const char *const *words)
{
	const char *best = NULL;

	for (; *words; words++)
		nearest(written, *words, &best);
	return best;
}
