/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of numbers as sorted, disjoint, non-adjacent spans. */
#ifndef SENSORCTL_SET_H
#define SENSORCTL_SET_H

#include "ctl/profile/arena.h"

#include <stdbool.h>

typedef unsigned __int128 u128;

struct span {
	u128 low, high;
};

struct set {
	struct span *span;
	size_t count, room;
};

void set_add(struct arena *arena, struct set *set, u128 low, u128 high);
bool set_has(const struct set *set, u128 value);
bool set_covers(const struct set *outer, const struct set *inner);
struct set set_intersection(struct arena *arena, const struct set *a, const struct set *b);

#endif
