// SPDX-License-Identifier: GPL-2.0-only
/* Which stable id a stream gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ids.h"

#include <cmocka.h> /* last: its fail() is a macro */

static struct name_entry names[STREAM_IDS];
static bool fresh[STREAM_IDS];

/* An image of streams PREFIX0, PREFIX1, ... */
static struct profile_image *image(const char *prefix, __u32 count, __u64 generation)
{
	struct profile_image *new = calloc(1, sizeof(*new));

	assert_non_null(new);
	new->stream_count = count;
	new->generation = generation;
	for (__u32 i = 0; i < count; i++)
		snprintf(new->label[i].name, sizeof(new->label[i].name), "%s%u", prefix, i);
	return new;
}

static int setup(void **state)
{
	(void)state;
	memset(names, 0, sizeof(names));
	return 0;
}

static void same_name_and_protocol_keep_the_id(void **state)
{
	struct profile_image *first = image("a", 3, 1), *second = image("a", 4, 2);

	(void)state;
	ids_assign(first, NULL, NULL, names, fresh);
	strcpy(second->label[1].protocol, "other");
	ids_assign(second, first, NULL, names, fresh);
	assert_int_equal(second->stream[0].id, first->stream[0].id);
	assert_int_equal(second->stream[2].id, first->stream[2].id);
	assert_int_not_equal(second->stream[1].id, first->stream[1].id);
	assert_false(fresh[second->stream[0].id]);
	assert_true(fresh[second->stream[1].id]);
	assert_true(fresh[second->stream[3].id]);
	free(first);
	free(second);
}

static void a_full_table_gives_away_what_is_oldest_and_not_in_use(void **state)
{
	struct profile_image *before = NULL, *kept = NULL;
	const char prefix[] = "abcdefgh";

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		struct profile_image *now =
			image((char[]){ prefix[i], '\0' }, IMAGE_STREAMS, i + 1);
		bool used[STREAM_IDS] = { false };

		ids_assign(now, before, kept, names, fresh);
		for (__u32 s = 0; s < IMAGE_STREAMS; s++) {
			assert_true(now->stream[s].id < STREAM_IDS);
			assert_false(used[now->stream[s].id]);
			used[now->stream[s].id] = true;
		}
		for (__u32 s = 0; before && s < IMAGE_STREAMS; s++)
			assert_false(used[before->stream[s].id]);
		for (__u32 s = 0; kept && s < IMAGE_STREAMS; s++)
			assert_false(used[kept->stream[s].id]);
		/* The fifth takes the place of the first, the sixth that of the second. */
		if (i == 4)
			for (__u32 id = 0; id < STREAM_IDS; id++)
				assert_true(*names[id].name != 'a');
		if (i == 1)
			kept = before;
		else if (before != kept)
			free(before);
		before = now;
		if (i == 3) {
			free(kept);
			kept = NULL;
		}
	}
	free(before);
}

static void a_stream_that_comes_back_finds_its_id(void **state)
{
	struct profile_image *first = image("a", 1, 1), *second = image("b", 1, 2);
	struct profile_image *third = image("a", 1, 3);

	(void)state;
	ids_assign(first, NULL, NULL, names, fresh);
	ids_assign(second, first, NULL, names, fresh);
	ids_assign(third, second, NULL, names, fresh);
	assert_int_equal(third->stream[0].id, first->stream[0].id);
	assert_false(fresh[third->stream[0].id]);
	free(first);
	free(second);
	free(third);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(same_name_and_protocol_keep_the_id, setup),
		cmocka_unit_test_setup(a_full_table_gives_away_what_is_oldest_and_not_in_use,
				       setup),
		cmocka_unit_test_setup(a_stream_that_comes_back_finds_its_id, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
