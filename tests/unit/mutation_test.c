// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every capture cut at every length and with bits flipped: the data path reads nothing that
 * is not there (the sanitizers' build says so), drops nothing unless the profile says
 * so, and counts each packet once.
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
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/lib/counted.h"
#include "tests/lib/program.h"

#define FILE_MS	   500 /* for each capture */
#define FLIPS	   100 /* for each frame */
#define FLIP_BYTES 160 /* where headers and fields lie */

static uint64_t seed = 16807;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

static const char *captures(void)
{
	const char *directory = getenv("SENSOR_CAPTURES");

	return directory && *directory ? directory : "../shared/captures";
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct judge {
	struct plain *plain;
	bool drops; /* the profile may drop */
	uint64_t packets, bytes;
};

/* From memory of its own of just that size, so that a byte too far is seen. */
static void judge(struct judge *j, const unsigned char *frame, uint32_t captured, uint32_t length,
		  uint64_t time)
{
	unsigned char *copy = malloc(captured ? captured : 1);
	struct decision decision;

	assert_non_null(copy);
	memcpy(copy, frame, captured);
	decision = plain_frame(j->plain, copy, captured, length, time);
	free(copy);
	j->packets++;
	j->bytes += length;
	if (decision.verdict == VERDICT_DROP && !j->drops)
		fail_msg("a frame was dropped, reason %u", decision.reason);
}

static void mutate(struct judge *j, const unsigned char *data, uint32_t length, uint64_t time)
{
	static unsigned char flipped[65536];

	for (uint32_t bytes = 0; bytes <= length; bytes++) {
		judge(j, data, bytes, bytes, time);
		judge(j, data, bytes, length, time); /* a capture's snap length */
		if (bytes == 400 && length > 800)
			bytes = length - 400;
	}
	memcpy(flipped, data, length);
	for (uint32_t i = 0; i < FLIPS && length; i++) {
		uint32_t bits = 1 + random_below(3);

		for (uint32_t bit = 0; bit < bits; bit++)
			flipped[random_below(length < FLIP_BYTES ? length : FLIP_BYTES)] ^=
				(unsigned char)(1u << random_below(8));
		judge(j, flipped, length, length, time);
		if (i % 4 == 3)
			memcpy(flipped, data, length);
	}
}

/* As many frames as time allows, spread over the file; the first ones always. */
static void mutate_file(struct judge *j, const char *file)
{
	uint64_t until = now_ms() + FILE_MS;
	char path[4096], error[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const unsigned char *data;
	unsigned int number = 0;
	pcap_t *capture;

	snprintf(path, sizeof(path), "%s/%s", captures(), file);
	capture = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
	assert_non_null(capture);
	while (pcap_next_ex(capture, &header, &data) == 1) {
		uint64_t time =
			(uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;

		judge(j, data, header->caplen, header->len, time);
		if (header->caplen < 65536 && (number++ < 10 || !(number % 7)) && now_ms() < until)
			mutate(j, data, header->caplen, time);
	}
	pcap_close(capture);
}

static void mutate_all(const char *profile, bool drops)
{
	struct profile_image *image = malloc(sizeof(*image));
	DIR *directory = opendir(captures());
	struct judge j = { .drops = drops };
	struct dirent *entry;

	if (!directory) {
		free(image);
		print_message("skipped: no captures in %s\n", captures());
		skip();
	}
	assert_non_null(image);
	assert_int_equal(program_compile(profile, image), 0);
	assert_non_null(j.plain = plain_new(image));
	while ((entry = readdir(directory))) {
		const char *end = strrchr(entry->d_name, '.');

		if (end && !strcmp(end, ".pcap"))
			mutate_file(&j, entry->d_name);
	}
	closedir(directory);
	print_message("%llu frames\n", (unsigned long long)j.packets);
	assert_true(counted_once(j.plain, j.packets, j.bytes));
	plain_free(j.plain);
	free(image);
}

static void a_profile_that_drops_nothing_drops_nothing(void **state)
{
	(void)state;
	mutate_all("observe", false);
}

static void a_profile_that_drops_counts_each_packet_once(void **state)
{
	(void)state;
	mutate_all("sensors-only", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_profile_that_drops_nothing_drops_nothing),
		cmocka_unit_test(a_profile_that_drops_counts_each_packet_once),
	};

	return cmocka_run_group_tests_name("captures cut and with bits flipped", tests, NULL, NULL);
}
