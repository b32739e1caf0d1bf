// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/deliveries.h"
#include "tests/lib/frames.h"
#include "tests/lib/path.h"

#define NOW 1000000000ull

static struct path path;
static bool loaded_program;

static const char redirected[] =
	"profile: redirected\n"
	"streams: [{name: s, match: {destination_port: 7502}, deliver: af_xdp}]\n";

static struct datagram datagram(uint32_t length)
{
	return (struct datagram){ .source = 7,
				  .destination = 100,
				  .source_port = 40000,
				  .destination_port = 7502,
				  .length = length,
				  .id = 5 };
}

/* One whole packet under a lease. */
static struct judged judge(uint32_t bytes, __u64 time_ns, const struct lease *lease)
{
	const struct datagram d = datagram(bytes);
	static uint8_t frame[16384];

	path_lease(&path, 0, lease);
	return path_frame(&path, frame, datagram_frame(&d, frame), time_ns);
}

static struct judged judge_fragment(uint32_t offset, const struct lease *lease)
{
	const struct datagram d = datagram(12608);
	uint8_t frame[2048];

	path_lease(&path, 0, lease);
	return path_frame(&path, frame, datagram_fragment(&d, offset, 1480, frame), NOW);
}

static void redirects(struct judged judged)
{
	judged_is(judged, 0, VERDICT_AF_XDP, REASON_PROFILE);
}

static void passes(struct judged judged, enum reason reason)
{
	judged_is(judged, 0, VERDICT_STACK, reason);
}

static void begin(void)
{
	path_reset(&path);
	path_profile(&path, redirected);
}

static void until_its_deadline(void **state)
{
	struct lease lease = { .deadline_ns = NOW, .credit = 8, .limit = 8 };

	(void)state;
	begin();
	redirects(judge(100, NOW - 1, &lease));
	passes(judge(100, NOW, &lease), REASON_NO_LEASE);
	passes(judge(100, 2 * NOW, &lease), REASON_NO_LEASE);
	lease.reason = REASON_NO_READER;
	passes(judge(100, NOW, &lease), REASON_NO_READER);
	lease.reason = REASON_NO_LEASE;
	passes(judge(100, NOW, &lease), REASON_NO_LEASE);
	lease = (struct lease){ .reason = REASON_NO_READER };
	passes(judge(100, NOW, &lease), REASON_NO_READER);
}

static void while_there_is_credit(void **state)
{
	struct lease lease = { .deadline_ns = ~0ull, .credit = 10, .limit = 10, .sent = 9 };

	(void)state;
	begin();
	redirects(judge(100, NOW, &lease));
	lease.sent = 10;
	passes(judge(100, NOW, &lease), REASON_RING_FULL);
	lease.drained = 1;
	redirects(judge(100, NOW, &lease));
	lease.credit = 0;
	passes(judge(100, NOW, &lease), REASON_RING_FULL);
}

static void counters_of_32_bits_come_round_together(void **state)
{
	struct lease lease = { .deadline_ns = ~0ull, .credit = 6, .sent = 3, .drained = ~0u - 1 };

	(void)state;
	begin();
	redirects(judge(100, NOW, &lease)); /* 5 in flight */
	lease.sent = 4;
	passes(judge(100, NOW, &lease), REASON_RING_FULL);
	lease.drained = 0;
	redirects(judge(100, NOW, &lease));
}

static void a_frame_of_several_chunks_needs_as_many(void **state)
{
	struct lease lease = { .deadline_ns = ~0ull, .credit = 2 };

	(void)state;
	begin();
	passes(judge(8900, NOW, &lease), REASON_RING_FULL);
	lease.credit = 3;
	redirects(judge(8900, NOW, &lease));
	lease.credit = 1;
	redirects(judge(3000, NOW, &lease));
}

static void a_frame_longer_than_the_chunks_passes(void **state)
{
	struct lease lease = { .deadline_ns = ~0ull, .credit = 8, .limit = 8, .max_bytes = 1792 };

	(void)state;
	begin();
	redirects(judge(1700, NOW, &lease));
	passes(judge(2000, NOW, &lease), REASON_RING_FULL);
	lease.max_bytes = 0;
	redirects(judge(2000, NOW, &lease));
}

static void a_first_fragment_asks_for_the_whole_datagram(void **state)
{
	struct lease lease = { .deadline_ns = ~0ull, .credit = 8, .limit = 16 };

	(void)state;
	begin();
	passes(judge_fragment(0, &lease), REASON_RING_FULL);
	passes(judge_fragment(1480, &lease), REASON_RING_FULL);
	lease.credit = 9;
	redirects(judge_fragment(0, &lease));
	redirects(judge_fragment(1480, &lease));
}

static void a_later_fragment_may_go_to_the_limit(void **state)
{
	struct lease lease = { .deadline_ns = ~0ull, .credit = 9, .limit = 16 };

	(void)state;
	begin();
	redirects(judge_fragment(0, &lease));
	lease.sent = 15;
	redirects(judge_fragment(1480, &lease));
	lease.sent = 16;
	passes(judge_fragment(2960, &lease), REASON_RING_FULL);
}

static int start(void **state)
{
	(void)state;
	return path_open(&path, loaded_program);
}

static int stop(void **state)
{
	(void)state;
	path_close(&path);
	return 0;
}

int leases_run(const char *title, bool loaded)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(until_its_deadline),
		cmocka_unit_test(while_there_is_credit),
		cmocka_unit_test(counters_of_32_bits_come_round_together),
		cmocka_unit_test(a_frame_of_several_chunks_needs_as_many),
		cmocka_unit_test(a_frame_longer_than_the_chunks_passes),
		cmocka_unit_test(a_first_fragment_asks_for_the_whole_datagram),
		cmocka_unit_test(a_later_fragment_may_go_to_the_limit),
	};

	loaded_program = loaded;
	return cmocka_run_group_tests_name(title, tests, start, stop);
}
