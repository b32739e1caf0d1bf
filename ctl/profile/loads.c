// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many payload loads can one packet cost? The data path tests the candidates that the
 * header fields left, lowest first, until one passes or has no tests. So it is the sum over
 * streams that one packet's headers can match together, up to the first without tests. This looks
 * for a set of streams whose sum is too large and whose boxes have a packet in common.
 */
#include <stdio.h>

#include "ctl/profile/model.h"

#define STEPS_MAX 200000u /* beyond, the profile is called too complex */

struct search {
	const struct profile *profile;
	const struct profile_image *image;
	struct arena scratch;
	size_t chosen[IMAGE_LOADS_MAX + 1];
	unsigned int steps;
};

/* What two boxes have in common; false when there is no such packet. */
static bool intersect(struct arena *arena, const struct match *a, const struct match *b,
		      struct match *both)
{
	*both = (struct match){ 0 };
	for (int axis = 0; axis < AXES; axis++) {
		both->axis[axis] = set_intersection(arena, &a->axis[axis], &b->axis[axis]);
		if (axis < AXIS_SOURCE4 && !both->axis[axis].count)
			return false;
	}
	bool ip4 = match_ipv4(both) && both->axis[AXIS_SOURCE4].count &&
		   both->axis[AXIS_DESTINATION4].count;
	bool ip6 = match_ipv6(both) && both->axis[AXIS_SOURCE6].count &&
		   both->axis[AXIS_DESTINATION6].count;
	const struct set *types = &both->axis[AXIS_ETHERTYPE];
	bool other = false;

	for (size_t i = 0; i < types->count && !other; i++)
		other = types->span[i].low != types->span[i].high ||
			(types->span[i].low != 0x0800 && types->span[i].low != 0x86dd);
	return ip4 || ip6 || other;
}

/* An earlier stream without tests takes all of these packets, so they never get here. */
static bool taken_before(const struct search *s, const struct match *box, size_t stream)
{
	for (size_t i = 0; i < stream; i++)
		if (!s->image->stream[i].test_count &&
		    match_covers(&s->profile->stream[i].match, box))
			return true;
	return false;
}

/* Returns how many streams were chosen if their loads are too many, else 0. */
static size_t choose(struct search *s, const struct match *box, size_t from, size_t count,
		     unsigned int loads)
{
	if (loads > IMAGE_LOADS_MAX || s->steps > STEPS_MAX)
		return count;
	for (size_t i = from; i < s->profile->streams; i++) {
		unsigned int more = s->image->stream[i].test_count;
		struct match both;

		s->steps++;
		if (!more || !intersect(&s->scratch, box, &s->profile->stream[i].match, &both) ||
		    taken_before(s, &both, i))
			continue;
		s->chosen[count] = i;
		size_t found = choose(s, &both, i + 1, count + 1, loads + more);

		if (found)
			return found;
	}
	return 0;
}

void compile_loads(const struct profile *profile, const struct profile_image *image,
		   struct diagnostics *d)
{
	struct search s = { .profile = profile, .image = image };
	struct match any;
	char names[512];
	size_t used = 0, found;

	match_any(&s.scratch, &any);
	found = choose(&s, &any, 0, 0, 0);
	names[0] = 0;
	for (size_t i = 0; i < found && used < sizeof(names) - 1; i++) {
		int wrote = snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
				     profile->stream[s.chosen[i]].name);

		used += wrote > 0 ? (size_t)wrote : 0;
	}
	if (found)
		complain(
			d, node_get(profile->stream[s.chosen[found - 1]].node, "name"), NULL,
			"ports, addresses or lengths that tell these streams apart",
			"one packet may need more than %u payload loads, to tell these streams apart: %s",
			IMAGE_LOADS_MAX, names);
	arena_free(&s.scratch);
}
