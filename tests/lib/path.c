// SPDX-License-Identifier: GPL-2.0-only
#include "tests/lib/path.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/names.h"

#define ROWS 4u /* ids that a scenario may use; and that of the others */

int path_open(struct path *path, bool loaded)
{
	*path = (struct path){ .loaded = loaded };
	return loaded ? program_open(&path->program, true) : 0;
}

void path_close(struct path *path)
{
	plain_free(path->plain);
	if (path->loaded)
		program_close(&path->program);
	*path = (struct path){};
}

void path_reset(struct path *path)
{
	plain_free(path->plain);
	path->plain = NULL;
	if (!path->loaded)
		return;
	assert_int_equal(program_reset(&path->program), 0);
	program_leases(&path->program);
}

void path_profile(struct path *path, const char *yaml)
{
	struct profile_image *image = calloc(1, sizeof(*image));

	assert_non_null(image);
	assert_int_equal(program_compile(yaml, image), 0);
	assert_true(image->stream_count <= ROWS);
	if (path->loaded)
		assert_int_equal(program_image(&path->program, image), 0);
	else if (path->plain)
		plain_swap(path->plain, image);
	else
		assert_non_null(path->plain = plain_new(image));
	free(image);
}

void path_lease(struct path *path, __u32 id, const struct lease *lease)
{
	if (path->loaded)
		path->program.leases[id] = *lease;
	else
		plain_set_lease(path->plain, id, lease);
}

void path_counters(struct path *path, __u32 id, struct counters *counters)
{
	if (path->loaded)
		assert_int_equal(program_counters(&path->program, id, counters), 0);
	else
		*counters = *plain_counters(path->plain, id);
}

struct judged path_frame(struct path *path, const void *frame, __u32 length, __u64 time_ns)
{
	static struct counters before[ROWS + 1], after[ROWS + 1];
	struct judged judged = {};
	unsigned int found = 0;

	for (__u32 row = 0; row <= ROWS; row++)
		path_counters(path, row < ROWS ? row : OTHER_ID, &before[row]);
	if (path->loaded) {
		path->program.control->test_ns = time_ns;
		assert_true(program_run(path->program.descriptor, frame, length, 1, NULL) >= 0);
	} else {
		plain_frame(path->plain, frame, length, length, time_ns);
	}
	for (__u32 row = 0; row <= ROWS; row++) {
		path_counters(path, row < ROWS ? row : OTHER_ID, &after[row]);
		for (unsigned int cell = 0; cell < 8 * 16; cell++) {
			if ((&after[row].by[0][0])[cell] == (&before[row].by[0][0])[cell])
				continue;
			found++;
			judged = (struct judged){ row < ROWS ? row : OTHER_ID,
						  (enum verdict)(cell / 16),
						  (enum reason)(cell % 16) };
		}
	}
	assert_int_equal(found, 1);
	if (path->loaded && judged.reason == REASON_REDIRECT_FAILED)
		judged = (struct judged){ judged.id, VERDICT_AF_XDP, REASON_PROFILE };
	return judged;
}

void judged_is(struct judged judged, __u32 id, enum verdict verdict, enum reason reason)
{
	if (judged.id != id || judged.verdict != verdict || judged.reason != reason)
		fail_msg("row %u, %s, %s; expected row %u, %s, %s", judged.id,
			 verdict_names[judged.verdict], reason_names[judged.reason], id,
			 verdict_names[verdict], reason_names[reason]);
}
