// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each fault that the emulator makes is counted, exactly, by the data path over plain memory
 * and by the loaded program: what was lost, swapped, sent twice, the restart, the samples.
 */
#include <linux/bpf.h>

/* libpcap's bpf.h and the kernel's both have a struct bpf_insn. */
#define PCAP_DONT_INCLUDE_PCAP_BPF_H
struct bpf_program;
struct bpf_insn;
#include <jansson.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/path.h"
#include "xdp/sample.h"

#define COUNT  1600
#define GROUP  8 /* faults do not touch, so that each has one right answer */
#define ROUNDS 4

static uint64_t seed = 69069;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

/*
 * What no counter can tell, the emulator knows: where nothing but a marker ends an image, a lost
 * marker joins two; where an image tells neither its number nor its size, a hole at its
 * border may be either neighbour's. Eight bits of counter hide a restart.
 */
static const struct sensor {
	const char *name, *protocol;
	bool restarts, samples, borders;
} sensors[] = {
	{ "velodyne", "velodyne-vlp16", true, true, true },
	{ "velodyne-dual", "velodyne-vlp16-dual", true, true, true },
	{ "hesai", "hesai-xt32", true, true, true },
	{ "ouster", "ouster-legacy-64", true, true, true },
	{ "gvsp", "gvsp", true, true, true },
	{ "avtp", "avtp-cvf", false, false, false },
	{ "rtp", "rtp", true, true, false },
	{ "experimental", "experimental", true, true, true },
};

#define SENSORS (sizeof(sensors) / sizeof(*sensors))

static struct path paths[2]; /* plain memory, the program */
static char capture[] = "/tmp/sensorctl-faults-XXXXXX";

static const char *emulate(void)
{
	const char *given = getenv("EMULATE");

	return given ? given : "build/emulate";
}

static void add(char *list, size_t room, const char *format, uint32_t a, uint32_t b)
{
	size_t used = strlen(list);

	snprintf(list + used, room - used, used ? "," : "");
	used = strlen(list);
	snprintf(list + used, room - used, format, a, b);
}

/* A command that makes a capture with faults here and there, and prints the truth as JSON. */
static void fault(const struct sensor *sensor, uint32_t round, char *command, size_t room)
{
	char lose[512] = "", reorder[512] = "", twice[512] = "", restart[32] = "";
	uint32_t calm = COUNT / GROUP / 3 + random_below(COUNT / GROUP / 3);

	for (uint32_t group = 1; group < COUNT / GROUP - 1; group++) {
		uint32_t at = group * GROUP + random_below(3), dice = random_below(24);

		if (group + 1 >= calm && group <= calm + 1)
			continue;
		if (dice == 0)
			add(lose, sizeof(lose), "%u-%u", at, at + random_below(4));
		else if (dice == 1)
			add(reorder, sizeof(reorder), "%u:%u", at, 1 + random_below(3));
		else if (dice == 2)
			add(twice, sizeof(twice), "%u:%u", at, 1 + random_below(3));
	}
	if (sensor->restarts && round % 2)
		snprintf(restart, sizeof(restart), "--restart %u", calm * GROUP);
	snprintf(command, room, "%s %s --pcap %s --count %u --seed %u --json %s%s %s%s %s%s %s",
		 emulate(), sensor->name, capture, COUNT, round + 1, *lose ? "--lose " : "", lose,
		 *reorder ? "--reorder " : "", reorder, *twice ? "--duplicate " : "", twice,
		 restart);
}

static json_t *run(const char *command)
{
	FILE *pipe = popen(command, "r");
	json_t *truth;

	assert_non_null(pipe);
	truth = json_loadf(pipe, 0, NULL);
	assert_int_equal(pclose(pipe), 0);
	assert_non_null(truth);
	return truth;
}

static void judge(struct path *path)
{
	char error[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const unsigned char *data;
	pcap_t *file =
		pcap_open_offline_with_tstamp_precision(capture, PCAP_TSTAMP_PRECISION_NANO, error);

	assert_non_null(file);
	while (pcap_next_ex(file, &header, &data) == 1) {
		__u64 time = (__u64)header->ts.tv_sec * 1000000000u + (__u64)header->ts.tv_usec;

		if (path->loaded) {
			path->program.control->test_ns = time;
			assert_true(program_run(path->program.descriptor, data, header->caplen, 1,
						NULL) >= 0);
		} else {
			plain_frame(path->plain, data, header->caplen, header->len, time);
		}
	}
	pcap_close(file);
}

static unsigned int differs(json_t *truth, const char *what, __s64 got, bool at_most)
{
	__s64 want = json_integer_value(json_object_get(truth, what));

	if (got == want || (at_most && got < want))
		return 0;
	print_error("%s: %lld, sent with %lld\n", what, (long long)got, (long long)want);
	return 1;
}

static unsigned int compare(struct path *path, const struct sensor *sensor, json_t *truth)
{
	struct profile_image *image = calloc(1, sizeof(*image));
	static struct instances instances;
	struct counters row;
	unsigned int bad = 0;
	char yaml[256];

	assert_non_null(image);
	snprintf(yaml, sizeof(yaml),
		 "profile: p\nstreams: [{name: s, protocol: %s, deliver: stack}]\n",
		 sensor->protocol);
	path_reset(path);
	path_profile(path, yaml);
	assert_int_equal(program_compile(yaml, image), 0);
	judge(path);
	path_counters(path, 0, &row);
	if (path->loaded)
		assert_int_equal(program_instances(&path->program, 0, &instances), 0);
	else
		instances = *plain_instances(path->plain, 0);
	row.samples_incomplete += samples_pending(&image->stream[0], &instances.instance[0]);
	free(image);
	bad += differs(truth, "datagrams", (__s64)row.instance_packets[0], false);
	bad += differs(truth, "fragments", (__s64)row.fragments, false);
	bad += differs(truth, "lost_visible", row.lost, false);
	bad += differs(truth, "reordered", (__s64)row.reordered, false);
	bad += differs(truth, "duplicate", (__s64)row.duplicate, false);
	bad += differs(truth, "restarts", (__s64)row.restarts, false);
	bad += differs(truth, "samples", row.samples, !sensor->samples);
	bad += differs(truth, "samples_incomplete", row.samples_incomplete, !sensor->borders);
	return bad;
}

static void each_fault_is_counted(void **state)
{
	const struct sensor *sensor = *state;
	unsigned int bad = 0;
	char command[2048];

	if (access(emulate(), X_OK)) {
		print_message("skipped: %s is not here\n", emulate());
		skip();
	}
	for (uint32_t round = 0; round < ROUNDS; round++) {
		json_t *truth;

		fault(sensor, round, command, sizeof(command));
		truth = run(command);
		for (size_t i = 0; i < 2; i++) {
			unsigned int wrong = compare(&paths[i], sensor, truth);

			if (wrong)
				print_error("%s: %s\n", i ? "the program" : "plain memory",
					    command);
			bad += wrong;
		}
		json_decref(truth);
	}
	assert_int_equal(bad, 0);
}

static int start(void **state)
{
	int descriptor = mkstemp(capture);

	(void)state;
	if (descriptor < 0)
		return -1;
	close(descriptor);
	return path_open(&paths[0], false) || path_open(&paths[1], true);
}

static int stop(void **state)
{
	(void)state;
	unlink(capture);
	path_close(&paths[0]);
	path_close(&paths[1]);
	return 0;
}

int main(void)
{
	struct CMUnitTest tests[SENSORS];

	for (size_t i = 0; i < SENSORS; i++)
		tests[i] = (struct CMUnitTest){ .name = sensors[i].name,
						.test_func = each_fault_is_counted,
						.initial_state = (void *)(uintptr_t)&sensors[i] };
	return cmocka_run_group_tests_name("each fault that the emulator makes is counted", tests,
					   start, stop);
}
