// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every capture through the loaded program gives the verdicts, reasons and counters that the
 * same code over plain memory gives, which is what `explain` prints.
 */
#include <dirent.h>
#include <linux/bpf.h>

/* libpcap's bpf.h and the kernel's both have a struct bpf_insn. */
#define PCAP_DONT_INCLUDE_PCAP_BPF_H
struct bpf_program;
struct bpf_insn;
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/names.h"
#include "tests/lib/program.h"
#include "xdp/plain.h"

#define FRAME_MAX 65536

static struct program program; /* loaded once: the verifier takes seconds */

static __u64 frames, redirected; /* of all captures and profiles */

static const char *const profiles[] = { "lidar-first",	"camera-first", "balanced",
					"sensors-only", "no-icmp",	"observe" };

static const char *captures(void)
{
	const char *directory = getenv("SENSOR_CAPTURES");

	return directory && *directory ? directory : "../shared/captures";
}

static __u32 action_of(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_DROP:
		return XDP_DROP;
	case VERDICT_AF_XDP:
		return XDP_REDIRECT;
	case VERDICT_STACK:
	case VERDICT_CPU:
	case VERDICT_INTERFACE:
	case VERDICT_REFLECT:
	case VERDICTS:
		break;
	}
	return XDP_PASS;
}

static void compare_rows(const struct plain *plain, __u32 id, const char *what)
{
	const struct counters *theirs = plain_counters(plain, id);
	struct counters ours;
	const __s64 *left = (const __s64 *)&ours, *right = (const __s64 *)theirs;

	assert_int_equal(program_counters(&program, id, &ours), 0);
	for (size_t i = 0; i < sizeof(ours) / sizeof(*left); i++)
		if (left[i] != right[i])
			print_error("%s, id %u, word %zu: %lld in the kernel, %lld here\n", what,
				    id, i, left[i], right[i]);
	assert_memory_equal(&ours, theirs, sizeof(ours));
	redirected += ours.by[VERDICT_AF_XDP][REASON_PROFILE];
}

static void compare(const char *profile, const char *file)
{
	char path[4096], error[PCAP_ERRBUF_SIZE], what[512];
	static struct profile_image image;
	struct pcap_pkthdr *header;
	const unsigned char *data;
	struct plain *plain;
	pcap_t *capture;
	unsigned int number = 0;

	snprintf(path, sizeof(path), "%s/%s", captures(), file);
	snprintf(what, sizeof(what), "%s under %s", file, profile);
	capture = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
	assert_non_null(capture);
	assert_int_equal(program_compile(profile, &image), 0);
	assert_int_equal(program_reset(&program), 0);
	assert_int_equal(program_image(&program, &image), 0);
	assert_int_equal(program_sockets(&program, &image), 0);
	program_leases(&program);
	plain = plain_new(&image);
	assert_non_null(plain);
	while (pcap_next_ex(capture, &header, &data) == 1) {
		__u64 time = (__u64)header->ts.tv_sec * 1000000000u + (__u64)header->ts.tv_usec;
		struct decision decision;
		__u32 action = ~0u;
		int result;

		number++;
		frames++;
		if (header->caplen != header->len || header->caplen > FRAME_MAX)
			continue;
		decision = plain_frame(plain, data, header->caplen, header->len, time);
		program.control->test_ns = time;
		result = program_run(program.descriptor, data, header->caplen, 1, &action);
		if (result < 0 || action != action_of(decision.verdict)) {
			print_error("%s, frame %u: %d, action %u, not %u (%s)\n", what, number,
				    result, action, action_of(decision.verdict),
				    reason_names[decision.reason]);
			fail();
		}
	}
	for (__u32 i = 0; i < image.stream_count; i++)
		compare_rows(plain, image.stream[i].id, what);
	compare_rows(plain, OTHER_ID, what);
	plain_free(plain);
	pcap_close(capture);
}

static void program_and_plain_agree(void **state)
{
	const char *profile = *state;
	DIR *directory = opendir(captures());
	struct dirent *entry;
	unsigned int seen = 0;

	if (!directory) {
		print_message("skipped: no captures in %s\n", captures());
		skip();
	}
	while ((entry = readdir(directory))) {
		const char *end = strrchr(entry->d_name, '.');

		if (!end || strcmp(end, ".pcap"))
			continue;
		compare(profile, entry->d_name);
		seen++;
	}
	closedir(directory);
	if (!seen) {
		print_message("skipped: no .pcap in %s\n", captures());
		skip();
	}
}

static void redirects_were_among_them(void **state)
{
	(void)state;
	if (!frames)
		skip();
	assert_true(redirected > 0);
}

static int load(void **state)
{
	(void)state;
	return program_open(&program, true);
}

static int unload(void **state)
{
	(void)state;
	program_close(&program);
	return 0;
}

int main(void)
{
	const size_t count = sizeof(profiles) / sizeof(*profiles);
	struct CMUnitTest tests[sizeof(profiles) / sizeof(*profiles) + 1];

	tests[count] = (struct CMUnitTest)cmocka_unit_test(redirects_were_among_them);
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){ .name = profiles[i],
						.test_func = program_and_plain_agree,
						.initial_state = (void *)(uintptr_t)profiles[i] };
	return cmocka_run_group_tests_name("each capture through the program as over plain memory",
					   tests, load, unload);
}
