// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two CPUs run the odd and the even packets of one stream in lockstep of 8, over a million
 * packets: whatever the order they come in within those 16, every count is exact. Packets
 * are lost and copied at known places, and the sensor restarts once.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/frames.h"
#include "tests/lib/program.h"
#include "xdp/sample.h"

#define PACKETS	 1000000u
#define LOCKSTEP 8u
#define BLOCK	 (2 * LOCKSTEP)
static uint32_t restart_at = 600000u;
#define APART 24u /* losses are so far apart that all known holes lie in the window */

static struct program program;

static uint64_t seed = 20261123;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

struct sensor {
	const char *yaml;
	uint32_t per_sample;
	uint32_t (*frame)(uint32_t position, void *frame);
};

/* What is sent, in order, and what is true of it. */
struct plan {
	uint32_t count;
	uint32_t *position;
	struct counters truth;
};

static uint32_t experimental(uint32_t position, void *frame)
{
	return experimental_frame(position, position / 20, (uint16_t)(position % 20), 20, 40,
				  frame);
}

/* 500 packets a rotation, by 0.72 degrees. */
static uint32_t hesai(uint32_t position, void *frame)
{
	return hesai_frame(position, (uint16_t)(position % 500 * 72), frame);
}

static struct sensor sensors[] = {
	{ "profile: p\nstreams: [{name: s, protocol: experimental, deliver: af_xdp}]\n", 20,
	  experimental },
	{ "profile: p\nstreams: [{name: s, protocol: hesai-xt32, deliver: stack}]\n", 500, hesai },
};

/* Copies come up to six packets later. Around the beginning and the restart nothing is lost. */
static struct plan plan_make(const struct sensor *sensor)
{
	struct plan plan = { .position = calloc(2 * PACKETS, sizeof(*plan.position)) };
	uint32_t copy = 0, copy_in = 0, gone = 0, wait = 0, hurt = ~0u, position = 0;

	assert_non_null(plan.position);
	for (uint32_t n = 0; n < PACKETS; n++, position++) {
		bool calm = position < 100 || (n + 100 > restart_at && !plan.truth.restarts);
		uint32_t sample;

		if (n >= restart_at && !plan.truth.restarts && !copy_in && !(plan.count % BLOCK)) {
			plan.truth.restarts++;
			hurt = ~0u;
			position = 0;
		}
		sample = position / sensor->per_sample;
		plan.truth.samples += !(position % sensor->per_sample);
		if (!calm && !gone && !wait && !random_below(200)) {
			gone = 1 + random_below(4);
			wait = APART;
		}
		wait -= wait > 0;
		if (gone && !calm) {
			gone--;
			plan.truth.lost++;
			plan.truth.samples_incomplete += sample != hurt;
			hurt = sample;
			continue;
		}
		plan.position[plan.count++] = position;
		if (copy_in && !--copy_in) {
			plan.position[plan.count++] = copy;
			plan.truth.duplicate++;
		} else if (!calm && !copy_in && !random_below(150)) {
			copy = position;
			copy_in = 1 + random_below(6);
		}
	}
	return plan;
}

struct runner {
	pthread_t thread;
	const struct sensor *sensor;
	const struct plan *plan;
	uint32_t number;
	int failed;
};

static uint32_t met[2];

/* Both wait for each other, awake: to sleep would take longer than what is waited for. */
static void meet(uint32_t number, uint32_t round)
{
	__atomic_store_n(&met[number], round, __ATOMIC_RELEASE);
	for (uint32_t spun = 1; __atomic_load_n(&met[!number], __ATOMIC_ACQUIRE) < round; spun++)
		if (!(spun % (1 << 20)))
			sched_yield();
}

static void *run(void *argument)
{
	struct runner *runner = argument;
	const struct plan *plan = runner->plan;
	uint8_t frame[2048];
	cpu_set_t cpu;
	uint32_t round = 0;

	CPU_ZERO(&cpu);
	CPU_SET(runner->number, &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		runner->failed++;
	for (uint32_t i = runner->number; i < plan->count; i += 2) {
		uint32_t length = runner->sensor->frame(plan->position[i], frame);

		if (i % BLOCK < 2)
			meet(runner->number, ++round);
		if (program_run(program.descriptor, frame, length, 1, NULL) < 0)
			runner->failed++;
	}
	meet(runner->number, ~0u);
	return NULL;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void every_count_is_exact(void **state)
{
	const struct sensor *sensor = *state;
	struct profile_image *image = malloc(sizeof(*image));
	struct plan plan = plan_make(sensor);
	struct runner runners[2] = {};
	struct instances instances;
	struct counters row;
	uint64_t packets = 0, began = now_ms();

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		print_message("skipped: this takes two CPUs\n");
		skip();
	}
	assert_non_null(image);
	assert_int_equal(program_compile(sensor->yaml, image), 0);
	assert_int_equal(program_reset(&program), 0);
	assert_int_equal(program_image(&program, image), 0);
	memset(met, 0, sizeof(met));
	for (uint32_t i = 0; i < 2; i++) {
		runners[i] = (struct runner){ .number = i, .sensor = sensor, .plan = &plan };
		assert_int_equal(pthread_create(&runners[i].thread, NULL, run, &runners[i]), 0);
	}
	for (uint32_t i = 0; i < 2; i++) {
		pthread_join(runners[i].thread, NULL);
		assert_int_equal(runners[i].failed, 0);
	}
	assert_int_equal(program_counters(&program, image->stream[0].id, &row), 0);
	assert_int_equal(program_instances(&program, image->stream[0].id, &instances), 0);
	row.samples_incomplete += samples_pending(&image->stream[0], &instances.instance[0]);
	for (uint32_t i = 0; i < 8 * 16; i++)
		packets += (&row.by[0][0])[i];
	print_message(
		"%u packets in %llu ms: %lld lost, %llu duplicate, %llu restarts, %lld samples, %lld incomplete\n",
		plan.count, (unsigned long long)(now_ms() - began), (long long)row.lost,
		(unsigned long long)row.duplicate, (unsigned long long)row.restarts,
		(long long)row.samples, (long long)row.samples_incomplete);
	assert_int_equal(packets, plan.count);
	assert_int_equal(row.instance_packets[0], plan.count);
	assert_int_equal(row.lost, plan.truth.lost);
	assert_int_equal(row.instance_lost[0], plan.truth.lost);
	assert_int_equal(row.duplicate, plan.truth.duplicate);
	assert_int_equal(row.restarts, plan.truth.restarts);
	assert_int_equal(row.samples, plan.truth.samples);
	assert_int_equal(row.samples_incomplete, plan.truth.samples_incomplete);
	free(plan.position);
	free(image);
}

static int load(void **state)
{
	(void)state;
	return program_open(&program, false);
}

static int unload(void **state)
{
	(void)state;
	program_close(&program);
	return 0;
}

int main(void)
{
	const char *given = getenv("SENSOR_SEED");
	const struct CMUnitTest tests[] = {
		{ "experimental: every count is exact", every_count_is_exact, NULL, NULL,
		  &sensors[0] },
		{ "hesai-xt32: every count is exact", every_count_is_exact, NULL, NULL,
		  &sensors[1] },
	};

	if (given)
		seed = strtoull(given, NULL, 0);
	return cmocka_run_group_tests_name("two CPUs in lockstep of 8", tests, load, unload);
}
