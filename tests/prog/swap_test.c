// SPDX-License-Identifier: GPL-2.0-only
/*
 * A swap takes effect between two packets: none is lost, none is judged by a mixture of two
 * profiles, and the counters of streams that stay are kept.
 *
 * Two profiles both drop the probe, but by different streams: what the one drops, the other
 * one delivers. So a probe that is classified by one profile and delivered by the other
 * passes, which neither profile would do. One CPU feeds the program without a pause while
 * another one swaps, by the code of `sensorctl swap`.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/subject.h" /* before cmocka, which has a macro called fail */

#include <cmocka.h>

#include "tests/lib/program.h"
#include "tests/prog/broken.skel.h"

#define SWAPS	  1000
#define LEAST_PPS 100000
#define BURST \
	1000000 /* frames of one BPF_PROG_TEST_RUN: each call has a cost of its own, about 10 ms */
#define PROBE_PORT 1000

static const char before[] =
	"profile: before\n"
	"streams:\n"
	"  - {name: left, match: {ip_protocol: udp, destination_port: 1000}, deliver: drop}\n"
	"  - {name: right, match: {ip_protocol: udp, destination_port: 2000}, deliver: stack}\n"
	"  - {name: steady, protocol: experimental, deliver: stack}\n";

static const char after[] =
	"profile: after\n"
	"streams:\n"
	"  - {name: left, match: {ip_protocol: udp, destination_port: 2000}, deliver: stack}\n"
	"  - {name: right, match: {ip_protocol: udp, destination_port: 1000}, deliver: drop}\n"
	"  - {name: steady, protocol: experimental, deliver: stack}\n";

struct feeder {
	int program;
	volatile bool stop;
	uint64_t probes, steady; /* sent */
	int result;
};

struct verdicts {
	uint64_t sent, counted, left, right, mixed, elsewhere;
	uint64_t steady_sent, steady_counted, steady_bytes, steady_duplicate, steady_restarts;
	double pps;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *feed(void *context)
{
	unsigned char probe[SUBJECT_FRAME_BYTES], steady[SUBJECT_FRAME_BYTES];
	struct feeder *feeder = context;
	int result = subject_pin((int)sysconf(_SC_NPROCESSORS_ONLN) - 1);

	subject_udp_frame(probe, PROBE_PORT);
	subject_camera_frame(steady);
	while (!result && !feeder->stop) {
		result = program_run(feeder->program, probe, sizeof(probe), BURST, NULL);
		if (result < 0)
			break;
		feeder->probes += BURST;
		result = program_run(feeder->program, steady, sizeof(steady), BURST / 10, NULL);
		if (result < 0)
			break;
		feeder->steady += BURST / 10;
		result = 0;
	}
	feeder->result = result;
	return NULL;
}

static uint64_t all_of(const struct counters *row, uint64_t *passed)
{
	uint64_t sum = 0;

	for (int verdict = 0; verdict < VERDICTS; verdict++)
		for (int reason = 0; reason < REASONS; reason++) {
			sum += row->by[verdict][reason];
			if (verdict != VERDICT_DROP && passed)
				*passed += row->by[verdict][reason];
		}
	return sum;
}

static void judge(struct subject *subject, const struct feeder *feeder, struct verdicts *verdicts)
{
	struct counters row;

	assert_int_equal(subject_counters(subject, (__u32)subject_id(subject, "left"), &row), 0);
	verdicts->left = all_of(&row, &verdicts->mixed);
	assert_int_equal(subject_counters(subject, (__u32)subject_id(subject, "right"), &row), 0);
	verdicts->right = all_of(&row, &verdicts->mixed);
	assert_int_equal(subject_counters(subject, OTHER_ID, &row), 0);
	verdicts->elsewhere = all_of(&row, NULL);
	assert_int_equal(subject_counters(subject, (__u32)subject_id(subject, "steady"), &row), 0);
	verdicts->steady_counted = all_of(&row, NULL);
	verdicts->steady_bytes = row.bytes;
	verdicts->steady_duplicate = row.duplicate;
	verdicts->steady_restarts = row.restarts;
	verdicts->sent = feeder->probes;
	verdicts->steady_sent = feeder->steady;
	verdicts->counted = verdicts->left + verdicts->right;
}

/* The same for the program as it is and for the broken one. */
static void swap_under_load(const struct bpf_object *object, struct verdicts *verdicts)
{
	struct profile_image *image[2] = { malloc(sizeof(**image)), malloc(sizeof(**image)) };
	struct feeder feeder = { 0 };
	struct subject subject;
	pthread_t thread;
	double begin;

	memset(verdicts, 0, sizeof(*verdicts));
	assert_non_null(image[0]);
	assert_non_null(image[1]);
	assert_int_equal(program_compile(before, image[0]), 0);
	assert_int_equal(program_compile(after, image[1]), 0);
	assert_int_equal(subject_open(&subject, object, image[0]), 0);
	assert_int_equal(subject_swap(&subject, image[0]), 0); /* gives the streams their ids */
	subject_pin(0);
	feeder.program = subject.attached.program;
	begin = now();
	assert_int_equal(pthread_create(&thread, NULL, feed, &feeder), 0);
	for (int i = 1; i <= SWAPS; i++)
		assert_int_equal(subject_swap(&subject, image[i % 2]), 0);
	feeder.stop = true;
	pthread_join(thread, NULL);
	verdicts->pps = (double)(feeder.probes + feeder.steady) / (now() - begin);
	assert_int_equal(feeder.result, 0);
	judge(&subject, &feeder, verdicts);
	printf("# %d swaps in %.1f s at %.0f packets/s: %llu probes dropped by one profile, %llu by the other, %llu by neither\n",
	       SWAPS, now() - begin, verdicts->pps, (unsigned long long)verdicts->left,
	       (unsigned long long)verdicts->right, (unsigned long long)verdicts->mixed);
	assert_int_equal(subject.attached.view->generation, image[0]->generation);
	subject_close(&subject);
	free(image[0]);
	free(image[1]);
}

static void swaps_lose_and_mix_nothing(void **state)
{
	struct verdicts verdicts;
	struct program program;

	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		print_message("needs two CPUs\n");
		skip();
	}
	assert_int_equal(program_open(&program, false), 0);
	swap_under_load(program.skeleton->obj, &verdicts);
	program_close(&program);

	assert_true(verdicts.pps >= LEAST_PPS);
	assert_true(verdicts.left && verdicts.right); /* both profiles were in force */
	assert_int_equal(verdicts.counted, verdicts.sent);
	assert_int_equal(verdicts.mixed, 0);
	assert_int_equal(verdicts.elsewhere, 0);
	assert_int_equal(verdicts.steady_counted, verdicts.steady_sent);
	assert_int_equal(verdicts.steady_bytes, verdicts.steady_sent * SUBJECT_FRAME_BYTES);
	/* The sequence window is kept, too: it knows the packet all the time. */
	assert_int_equal(verdicts.steady_duplicate, verdicts.steady_sent - 1);
	assert_int_equal(verdicts.steady_restarts, 0);
}

static void the_broken_program_is_found_out(void **state)
{
	struct broken_bpf *broken;
	struct verdicts verdicts;

	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		print_message("needs two CPUs\n");
		skip();
	}
	broken = broken_bpf__open_and_load();
	assert_non_null(broken);
	swap_under_load(broken->obj, &verdicts);
	broken_bpf__destroy(broken);
	assert_int_not_equal(verdicts.mixed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(swaps_lose_and_mix_nothing),
		cmocka_unit_test(the_broken_program_is_found_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
