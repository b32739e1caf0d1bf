// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rates are kept within 2 % over one second of virtual time, whatever is offered, on a clock
 * that runs smoothly and on one that moves by ticks, as the coarse one does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "tests/lib/frames.h"
#include "tests/lib/program.h"
#include "xdp/plain.h"

#define SECOND 1000000000ull

static const struct rate_case {
	const char *name, *rate;
	double units; /* a second: bytes, or packets */
	bool packets;
	uint32_t bytes; /* of a packet, with all headers */
} cases[] = {
	{ "1 Mbit/s", "1Mbit", 125e3, false, 500 },
	{ "50 Mbit/s", "50Mbit", 6.25e6, false, 1248 },
	{ "2 Gbit/s", "2Gbit", 250e6, false, 1514 },
	{ "2 Gbit/s of jumbo frames", "2Gbit", 250e6, false, 8942 },
	{ "1000 packets/s", "1kpps", 1000, true, 60 },
	{ "150000 packets/s", "150kpps", 150e3, true, 200 },
};

static uint64_t seed = 88172645463325252ull;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

static struct plain *begin(const char *format, const char *rate)
{
	struct profile_image *image = malloc(sizeof(*image));
	struct plain *plain;
	char yaml[512];

	assert_non_null(image);
	snprintf(yaml, sizeof(yaml), format, rate);
	assert_int_equal(program_compile(yaml, image), 0);
	plain = plain_new(image);
	assert_non_null(plain);
	free(image);
	return plain;
}

/*
 * What passes in one second, in the rate's units, while `load` times the rate is offered; the
 * seconds before it use up the burst. *offered: what was offered in it.
 */
static double passed(struct plain *plain, const struct rate_case *c, double load, uint64_t tick,
		     double *offered)
{
	static uint8_t frame[16384];
	struct datagram d = { .source = 1,
			      .destination = 2,
			      .source_port = 9,
			      .destination_port = 5201,
			      .length = c->bytes - 42 };
	double interval = (c->packets ? 1 : c->bytes) / (c->units * load) * SECOND, at = SECOND;
	uint32_t length = datagram_frame(&d, frame);
	double burst = c->packets ? 200 : 70000;
	double warm = SECOND * (0.1 + burst / c->units / (load > 1 ? load - 1 : 1));
	double sum = 0;

	*offered = 0;

	assert_int_equal(length, c->bytes);
	while (at < warm + 2. * SECOND) {
		double units = c->packets ? 1 : length;
		bool counts = at >= warm + SECOND;

		uint64_t now = (uint64_t)at / tick * tick;

		/* of two streams, where the class has the rate */
		frame[14 + 20 + 3] = (uint8_t)(5201 + random_below(2));
		*offered += counts ? units : 0;
		if (plain_frame(plain, frame, length, length, now).verdict != VERDICT_DROP &&
		    counts)
			sum += units;
		at += interval * (0.5 + random_below(1000) / 1000.0);
	}
	plain_free(plain);
	return sum;
}

static uint64_t tick_of_this_kernel(void)
{
	struct timespec tick;

	assert_int_equal(clock_getres(CLOCK_MONOTONIC_COARSE, &tick), 0);
	return (uint64_t)tick.tv_nsec;
}

#define STREAM                   \
	"profile: p\nstreams:\n" \
	"  - {name: s, match: {destination_port: 5201-5202}, deliver: stack, rate: %s}\n"
#define CLASS                                                           \
	"profile: p\nstreams:\n"                                        \
	"  - {name: s, match: {destination_port: 5201}, class: bulk}\n" \
	"  - {name: t, match: {destination_port: 5202}, class: bulk}\n" \
	"classes: {bulk: {rate: %s}}\n"
#define DEFAULT "profile: p\ndefault: {class: normal}\nclasses: {normal: {rate: %s}}\n"

static void is_near(const char *what, const struct rate_case *c, double got, double want)
{
	if (got < want * 0.98 || got > want * 1.02)
		fail_msg("%s, %s: %.0f of %.0f a second", what, c->name, got, want);
}

static void keeps_to(const char *format)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct rate_case *c = &cases[i];
		const double loads[] = { 1.05, 3, 20 };
		double offered;

		for (size_t load = 0; load < 3 - (c->units > 1e8); load++) {
			is_near("smooth clock", c,
				passed(begin(format, c->rate), c, loads[load], 1, &offered),
				c->units);
			is_near("clock of ticks", c,
				passed(begin(format, c->rate), c, loads[load],
				       tick_of_this_kernel(), &offered),
				c->units);
		}
	}
}

static void a_stream_keeps_to_its_rate(void **state)
{
	(void)state;
	keeps_to(STREAM);
}

static void the_streams_of_a_class_keep_to_its_rate_together(void **state)
{
	(void)state;
	keeps_to(CLASS);
}

static void what_matches_nothing_keeps_to_the_rate_of_its_class(void **state)
{
	(void)state;
	keeps_to(DEFAULT);
}

static void what_stays_below_the_rate_loses_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		double offered, got = passed(begin(STREAM, cases[i].rate), &cases[i], 0.9,
					     tick_of_this_kernel(), &offered);

		assert_true(got == offered);
	}
}

static void a_packet_above_the_burst_passes_an_empty_bucket(void **state)
{
	struct plain *plain = begin("profile: p\nstreams:\n"
				    "  - {name: a, match: {destination_port: 5201}, rate: %s, "
				    "burst: 1KiB}\n",
				    "100kbit");
	struct datagram d = { .source = 1,
			      .destination = 2,
			      .source_port = 9,
			      .destination_port = 5201,
			      .length = 1458 };
	uint8_t frame[2048];
	uint32_t length = datagram_frame(&d, frame);
	int sum = 0;

	(void)state;
	/* 1500 bytes at 100 kbit/s are 120 ms: of one each 10 ms for 12 s, about 100 pass */
	for (uint64_t at = SECOND; at < 13 * SECOND; at += SECOND / 100)
		sum += plain_frame(plain, frame, length, length, at).verdict != VERDICT_DROP;
	assert_in_range(sum, 96, 104);
	plain_free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_keeps_to_its_rate),
		cmocka_unit_test(the_streams_of_a_class_keep_to_its_rate_together),
		cmocka_unit_test(what_matches_nothing_keeps_to_the_rate_of_its_class),
		cmocka_unit_test(what_stays_below_the_rate_loses_nothing),
		cmocka_unit_test(a_packet_above_the_burst_passes_an_empty_bucket),
	};

	return cmocka_run_group_tests_name("token buckets", tests, NULL, NULL);
}
