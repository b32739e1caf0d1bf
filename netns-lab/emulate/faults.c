// SPDX-License-Identifier: GPL-2.0-only
#include "faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sensor.h"

static int parse_probability(struct faults *faults, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (*end == '%') {
		value /= 100;
		end++;
	}
	if (end == text || *end || !(value >= 0 && value <= 1))
		return -EINVAL;
	faults->probability = value;
	return 0;
}

static int number(const char **at, uint64_t *out)
{
	char *end;

	if (**at < '0' || **at > '9')
		return -EINVAL;
	errno = 0;
	*out = strtoull(*at, &end, 10);
	*at = end;
	return errno ? -EINVAL : 0;
}

static int parse_item(const char **at, struct fault *fault)
{
	uint64_t value;

	*fault = (struct fault){ .fragment = -1, .distance = 1 };
	if (number(at, &fault->first))
		return -EINVAL;
	fault->last = fault->first;
	if (**at == '-') {
		++*at;
		if (number(at, &fault->last) || fault->last < fault->first)
			return -EINVAL;
	}
	if (**at == '/') {
		++*at;
		if (number(at, &value) || value > 8191)
			return -EINVAL;
		fault->fragment = (int32_t)value;
	} else if (**at == ':') {
		++*at;
		if (number(at, &value) || !value || value > 10000)
			return -EINVAL;
		fault->distance = (uint32_t)value;
	}
	return **at && **at != ',' ? -EINVAL : 0;
}

int faults_parse(struct faults *faults, const char *text, const char **where)
{
	*where = text;
	if (strpbrk(text, ".%"))
		return parse_probability(faults, text);
	for (;;) {
		struct fault fault, *more;

		if (parse_item(where, &fault))
			return -EINVAL;
		more = realloc(faults->item, (faults->count + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		faults->item = more;
		more[faults->count++] = fault;
		if (!**where)
			return 0;
		++*where;
	}
}

void faults_free(struct faults *faults)
{
	free(faults->item);
	*faults = (struct faults){ 0 };
}

const struct fault *faults_at(const struct faults *faults, uint64_t seed, unsigned int kind,
			      uint64_t index)
{
	static const struct fault by_chance = { .fragment = -1, .distance = 1 };

	for (size_t i = 0; i < faults->count; i++) {
		const struct fault *fault = &faults->item[i];

		if (fault->fragment < 0 && index >= fault->first && index <= fault->last)
			return fault;
	}
	if (faults->probability > 0 &&
	    (double)(mix(seed ^ ((uint64_t)kind << 56), index) >> 11) * 0x1p-53 <
		    faults->probability)
		return &by_chance;
	return NULL;
}

bool faults_fragment_at(const struct faults *faults, uint64_t index, unsigned int fragment)
{
	for (size_t i = 0; i < faults->count; i++) {
		const struct fault *fault = &faults->item[i];

		if (fault->fragment == (int32_t)fragment && index >= fault->first &&
		    index <= fault->last)
			return true;
	}
	return false;
}
