// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/profile/value.h"

static int need_scalar(struct diagnostics *d, const struct node *node, const char *expected)
{
	if (!node)
		return -ENOENT;
	if (node->kind == NODE_SCALAR && node->length)
		return 0;
	return complain(d, node, NULL, expected, "%s",
			node->kind == NODE_SCALAR    ? "there is no value"
			: node->kind == NODE_MAPPING ? "a map cannot stand here"
						     : "a list cannot stand here");
}

bool text_number(const char *text, uint64_t *out)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	char *end;

	if (!isxdigit((unsigned char)*digits))
		return false;
	errno = 0;
	/* Base 10 also for 0123: nobody means octal. */
	uint64_t number = strtoull(digits, &end, hex ? 16 : 10);

	if (*end || end == digits || errno)
		return false;
	*out = number;
	return true;
}

int value_number(struct diagnostics *d, const struct node *node, uint64_t least, uint64_t most,
		 uint64_t *out)
{
	char expected[96];
	uint64_t number;

	snprintf(expected, sizeof(expected), "a number from %llu to %llu",
		 (unsigned long long)least, (unsigned long long)most);
	int result = need_scalar(d, node, expected);

	if (result)
		return result;
	if (!text_number(node->text, &number)) {
		bool digits = strspn(node->text, "0123456789") == node->length;

		return complain(d, node, NULL, expected,
				digits ? "%s is out of range" : "\"%s\" is not a number",
				node->text);
	}
	if (number < least || number > most)
		return complain(d, node, NULL, expected, "%s is out of range", node->text);
	*out = number;
	return 0;
}

/* Digits and a dot only: no "nan", "inf", hexadecimal, sign or exponent. */
static size_t real_prefix(const char *text, double *out)
{
	size_t length = strspn(text, "0123456789");

	if (text[length] == '.')
		length += 1 + strspn(text + length + 1, "0123456789");
	if (!length || length > 32 || !isdigit((unsigned char)text[0]))
		return 0;
	char copy[40];

	memcpy(copy, text, length);
	copy[length] = 0;
	*out = strtod(copy, NULL);
	return length;
}

int value_real(struct diagnostics *d, const struct node *node, double least, double most,
	       double *out)
{
	char expected[96];
	double number;

	snprintf(expected, sizeof(expected), "a number from %g to %g", least, most);
	int result = need_scalar(d, node, expected);

	if (result)
		return result;
	if (real_prefix(node->text, &number) != node->length || !node->length)
		return complain(d, node, NULL, expected, "\"%s\" is not a number", node->text);
	if (number < least || number > most)
		return complain(d, node, NULL, expected, "%s is out of range", node->text);
	*out = number;
	return 0;
}

static void join_words(const char *const *words, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = 0;
	for (; *words && used < size - 1; words++) {
		int wrote = snprintf(buffer + used, size - used, "%s%s", used ? ", " : "", *words);

		used += wrote > 0 ? (size_t)wrote : 0;
	}
}

int value_word(struct diagnostics *d, const struct node *node, const char *const *words,
	       unsigned int *out)
{
	char list[256], expected[280];

	join_words(words, list, sizeof(list));
	snprintf(expected, sizeof(expected), "one of %s", list);
	int result = need_scalar(d, node, expected);

	if (result)
		return result;
	for (unsigned int i = 0; words[i]; i++)
		if (!strcmp(words[i], node->text)) {
			*out = i;
			return 0;
		}
	return complain(d, node, nearest_word(node->text, words), expected, "unknown word \"%s\"",
			node->text);
}

int value_text(struct diagnostics *d, const struct node *node, const char **out)
{
	if (!node)
		return -ENOENT;
	if (node->kind != NODE_SCALAR)
		return need_scalar(d, node, "text");
	*out = node->text;
	return 0;
}

int value_name(struct diagnostics *d, const struct node *node, const char **out)
{
	static const char *const expected =
		"a name: at most 47 letters, digits, '.', '_' or '-', a letter or digit first";
	int result = need_scalar(d, node, expected);

	if (result)
		return result;
	if (node->length >= IMAGE_NAME_BYTES)
		return complain(d, node, NULL, expected, "the name has %zu bytes", node->length);
	for (const char *p = node->text; *p; p++)
		if ((unsigned char)*p >= 0x80 ||
		    (!isalnum((unsigned char)*p) && (p == node->text || !strchr("._-", *p))))
			return complain(d, node, NULL, expected, "\"%s\" cannot be a name",
					node->text);
	*out = node->text;
	return 0;
}

struct unit {
	const char *name;
	double factor;
	bool packets;
};

static const struct unit *find_unit(const struct unit *units, const char *text)
{
	for (text += *text == ' '; units->name; units++)
		if (!strcmp(units->name, text))
			return units;
	return NULL;
}

static int with_unit(struct diagnostics *d, const struct node *node, const struct unit *units,
		     const char *expected, double *out, const struct unit **unit)
{
	double number;
	int result = need_scalar(d, node, expected);

	if (result)
		return result;
	size_t length = real_prefix(node->text, &number);

	if (!length)
		return complain(d, node, NULL, expected, "\"%s\" does not begin with a number",
				node->text);
	*unit = find_unit(units, node->text + length);
	if (!*unit) {
		const char *names[16];
		size_t count = 0;

		for (const struct unit *u = units; u->name && count < 15; u++)
			names[count++] = u->name;
		names[count] = NULL;
		const char *near = nearest_word(node->text + length, names);
		char suggestion[80] = "";

		if (near)
			snprintf(suggestion, sizeof(suggestion), "%.*s%s", (int)length, node->text,
				 near);
		if (!node->text[length])
			return complain(d, node, NULL, expected, "\"%s\" has no unit", node->text);
		return complain(d, node, suggestion, expected, "\"%s\" is no unit here",
				node->text + length);
	}
	*out = number * (*unit)->factor;
	return 0;
}

int value_duration(struct diagnostics *d, const struct node *node, uint64_t least_ns,
		   uint64_t most_ns, uint64_t *out)
{
	static const struct unit units[] = {
		{ "ns", 1, false },
		{ "us", 1e3, false },
		{ "ms", 1e6, false },
		{ "s", 1e9, false },
		{ "min", 60e9, false },
		{ "h", 3600e9, false },
		{ 0 },
	};
	const struct unit *unit;
	double number;
	int result = with_unit(d, node, units,
			       "a time with its unit, such as 20ms (ns, us, ms, s, min, h)",
			       &number, &unit);

	if (result)
		return result;
	if (number < (double)least_ns || number > (double)most_ns) {
		char expected[96];

		snprintf(expected, sizeof(expected), "from %gs to %gs", (double)least_ns / 1e9,
			 (double)most_ns / 1e9);
		return complain(d, node, NULL, expected, "%s is out of range", node->text);
	}
	*out = (uint64_t)llround(number);
	return 0;
}

int value_rate(struct diagnostics *d, const struct node *node, double *out, bool *packets)
{
	static const struct unit units[] = {
		{ "bit", 1, false },	{ "kbit", 1e3, false },
		{ "Mbit", 1e6, false }, { "Gbit", 1e9, false },
		{ "pps", 1, true },	{ "kpps", 1e3, true },
		{ "Mpps", 1e6, true },	{ 0 },
	};
	static const char *const expected =
		"a rate with its unit, such as 50Mbit or 10kpps (bit, kbit, Mbit, Gbit, pps, kpps, Mpps)";
	const struct unit *unit;
	double number;
	int result = with_unit(d, node, units, expected, &number, &unit);

	if (result)
		return result;
	/* Below, the time that one packet takes would not fit the bucket; above, it vanishes. */
	if (unit->packets ? number < 1 || number > 1e8 : number < 1e3 || number > 1e12)
		return complain(d, node, NULL, "from 1kbit to 1000Gbit, or from 1pps to 100Mpps",
				"%s is out of range", node->text);
	*out = number;
	*packets = unit->packets;
	return 0;
}

int value_burst(struct diagnostics *d, const struct node *node, double *out, bool *packets)
{
	static const struct unit units[] = {
		{ "B", 1, false },	{ "kB", 1e3, false },	{ "MB", 1e6, false },
		{ "KiB", 1024, false }, { "kiB", 1024, false }, { "MiB", 1048576, false },
		{ "packets", 1, true }, { "packet", 1, true },	{ 0 },
	};
	const struct unit *unit;
	double number;
	int result = with_unit(
		d, node, units,
		"a size with its unit, such as 1MiB or 64 packets (B, kB, MB, KiB, MiB, packets)",
		&number, &unit);

	if (result)
		return result;
	if (number < 1 || number > 1073741824.0)
		return complain(d, node, NULL, "from 1 to 1 Gi", "%s is out of range", node->text);
	*out = number;
	*packets = unit->packets;
	return 0;
}

int value_fraction(struct diagnostics *d, const struct node *node, uint32_t *over, uint32_t *under)
{
	static const char *const expected = "a fraction, such as 1/2, not above 1";
	int result = need_scalar(d, node, expected);

	if (result)
		return result;
	char *end;
	unsigned long a = strtoul(node->text, &end, 10), b = 0;

	if (*end == '/' && isdigit((unsigned char)end[1]))
		b = strtoul(end + 1, &end, 10);
	if (!isdigit((unsigned char)node->text[0]) || *end || !b || a > b || b > 65535 || !a)
		return complain(d, node, NULL, expected, "\"%s\" is no such fraction", node->text);
	*over = (uint32_t)a;
	*under = (uint32_t)b;
	return 0;
}

static uint8_t digit(char c)
{
	return (uint8_t)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

int value_bytes(struct diagnostics *d, const struct node *node, size_t most, uint8_t *bytes,
		size_t *count)
{
	char expected[96];
	uint64_t number;

	snprintf(expected, sizeof(expected),
		 "hexadecimal digits as on the wire, such as 0xEEFF, at most %zu bytes", most);
	int result = need_scalar(d, node, expected);

	if (result)
		return result;
	if (strncasecmp(node->text, "0x", 2)) {
		if (!text_number(node->text, &number))
			return complain(d, node, NULL, expected, "\"%s\" is not a number",
					node->text);
		if (number > 255)
			return complain(d, node, NULL, expected,
					"%s does not say how many bytes it is", node->text);
		bytes[0] = (uint8_t)number;
		*count = 1;
		return 0;
	}
	const char *text = node->text + 2;
	size_t digits = node->length - 2;

	if (!digits || strspn(text, "0123456789abcdefABCDEF") != digits)
		return complain(d, node, NULL, expected, "\"%s\" is not hexadecimal", node->text);
	if (digits == 1) {
		bytes[0] = digit(text[0]);
		*count = 1;
		return 0;
	}
	if (digits % 2)
		return complain(d, node, NULL, expected, "%s has half a byte", node->text);
	if (digits / 2 > most)
		return complain(d, node, NULL, expected, "%s is too long", node->text);
	for (size_t i = 0; i < digits / 2; i++)
		bytes[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
	*count = digits / 2;
	return 0;
}

int value_map(struct diagnostics *d, const struct node *node, const char *const *keys)
{
	char list[400], expected[420];
	int result = 0;

	if (!node)
		return -ENOENT;
	join_words(keys, list, sizeof(list));
	snprintf(expected, sizeof(expected), "one of %s", list);
	if (node->kind != NODE_MAPPING)
		return complain(d, node, NULL, "a map, {key: value}",
				node->kind == NODE_SEQUENCE ? "a list cannot stand here"
				: node->length		    ? "\"%s\" cannot stand here"
							    : "there is no value%s",
				node->text);
	for (size_t i = 0; i < node->count; i++) {
		bool known = false;

		for (size_t k = 0; keys[k] && !known; k++)
			known = !strcmp(keys[k], node->key[i]->text);
		if (!known)
			result = complain(d, node->key[i], nearest_word(node->key[i]->text, keys),
					  expected, "unknown key \"%s\"", node->key[i]->text);
	}
	return result;
}

int value_list(struct diagnostics *d, const struct node *node, const char *of)
{
	char expected[96];

	if (!node)
		return -ENOENT;
	if (node->kind == NODE_SEQUENCE)
		return 0;
	snprintf(expected, sizeof(expected), "a list of %s", of);
	return complain(d, node, NULL, expected, "this is not a list");
}

size_t value_count(const struct node *node)
{
	return node->kind == NODE_SEQUENCE ? node->count : 1;
}

const struct node *value_item(const struct node *node, size_t i)
{
	return node->kind == NODE_SEQUENCE ? node->item[i] : node;
}
