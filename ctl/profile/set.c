// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "ctl/profile/set.h"

void set_add(struct arena *arena, struct set *set, u128 low, u128 high)
{
	size_t from = 0, to;

	/* Spans that touch the new one, or overlap it, become part of it. */
	while (from < set->count && low && set->span[from].high < low - 1)
		from++;
	for (to = from; to < set->count && (high == ~(u128)0 || set->span[to].low <= high + 1);
	     to++) {
		if (set->span[to].low < low)
			low = set->span[to].low;
		if (set->span[to].high > high)
			high = set->span[to].high;
	}
	if (to == from) {
		set->span =
			arena_grow(arena, set->span, set->count, &set->room, sizeof(*set->span));
		memmove(set->span + from + 1, set->span + from,
			(set->count - from) * sizeof(*set->span));
		set->count++;
	} else {
		memmove(set->span + from + 1, set->span + to,
			(set->count - to) * sizeof(*set->span));
		set->count -= to - from - 1;
	}
	set->span[from] = (struct span){ low, high };
}

bool set_has(const struct set *set, u128 value)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->span[i].low <= value && value <= set->span[i].high)
			return true;
	return false;
}

bool set_covers(const struct set *outer, const struct set *inner)
{
	size_t j = 0;

	for (size_t i = 0; i < inner->count; i++) {
		while (j < outer->count && outer->span[j].high < inner->span[i].low)
			j++;
		if (j == outer->count || outer->span[j].low > inner->span[i].low ||
		    outer->span[j].high < inner->span[i].high)
			return false;
	}
	return true;
}

struct set set_intersection(struct arena *arena, const struct set *a, const struct set *b)
{
	struct set both = { 0 };

	for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
		u128 low = a->span[i].low > b->span[j].low ? a->span[i].low : b->span[j].low;
		u128 high = a->span[i].high < b->span[j].high ? a->span[i].high : b->span[j].high;

		if (low <= high) {
			both.span = arena_grow(arena, both.span, both.count, &both.room,
					       sizeof(*both.span));
			both.span[both.count++] = (struct span){ low, high };
		}
		if (a->span[i].high < b->span[j].high)
			i++;
		else
			j++;
	}
	return both;
}
