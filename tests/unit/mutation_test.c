// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames of every capture cut at every length and with bits flipped: the data path reads nothing that
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

#define FILE_MS	   150 /* for each capture, beyond the first frame of each kind */
#define FRAME_MAX  65536
#define KINDS	   32  /* in one capture */
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
	unsigned int files, everywhere; /* captures; frames cut at every length */
};

/* From memory of its own of just that size, so that a byte too far is seen. */
static struct decision judge(struct judge *j, const unsigned char *frame, uint32_t captured,
			     uint32_t length, uint64_t time)
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
	return decision;
}

/* Cut at `bytes`: a frame that is that short, and a longer one that was captured so far. */
static void cut(struct judge *j, const unsigned char *data, uint32_t bytes, uint32_t length,
		uint64_t time)
{
	judge(j, data, bytes, bytes, time);
	judge(j, data, bytes, length, time);
}

static void cut_everywhere(struct judge *j, const unsigned char *data, uint32_t length,
			   uint64_t time)
{
	for (uint32_t bytes = 0; bytes <= length; bytes++)
		cut(j, data, bytes, length, time);
}

/* Where headers and fields lie, and at the end. */
static void cut_at_ends(struct judge *j, const unsigned char *data, uint32_t length, uint64_t time)
{
	for (uint32_t bytes = 0; bytes <= length; bytes++) {
		cut(j, data, bytes, length, time);
		if (bytes == 200 && length > 400)
			bytes = length - 200;
	}
}

static void flip(struct judge *j, const unsigned char *data, uint32_t length, uint64_t time)
{
	static unsigned char flipped[FRAME_MAX];

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

/* Frames are of one kind when they are judged alike and have the same type and IP protocol. */
struct kinds {
	struct kind {
		int id;
		enum reason reason;
		unsigned char type[2], protocol;
	} seen[KINDS];
	unsigned int count;
};

/* Whether this is the first of its kind in the file. */
static bool first_of_kind(struct kinds *kinds, const struct decision *decision,
			  const unsigned char *data, uint32_t length)
{
	struct kind kind = { .id = decision->id, .reason = decision->reason };

	if (length >= 24) {
		memcpy(kind.type, data + 12, 2);
		kind.protocol = data[23];
	}
	for (unsigned int i = 0; i < kinds->count; i++) {
		const struct kind *seen = &kinds->seen[i];

		if (seen->id == kind.id && seen->reason == kind.reason &&
		    !memcmp(seen->type, kind.type, 2) && seen->protocol == kind.protocol)
			return false;
	}
	if (kinds->count == KINDS)
		return false;
	kinds->seen[kinds->count++] = kind;
	return true;
}

/*
 * The first frame of each kind is cut at every length, whatever time it takes; of the others, as
 * many as time allows, spread over the file, at their ends.
 */
static void mutate_file(struct judge *j, const char *file)
{
	char path[4096], error[PCAP_ERRBUF_SIZE];
	struct kinds kinds = { 0 };
	struct pcap_pkthdr *header;
	const unsigned char *data;
	unsigned int number = 0;
	uint64_t spent_ms = 0;
	pcap_t *capture;

	snprintf(path, sizeof(path), "%s/%s", captures(), file);
	capture = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
	assert_non_null(capture);
	while (pcap_next_ex(capture, &header, &data) == 1) {
		uint64_t time =
			(uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;
		struct decision decision = judge(j, data, header->caplen, header->len, time);
		uint64_t begin = now_ms();

		if (header->caplen > FRAME_MAX)
			continue;
		if (first_of_kind(&kinds, &decision, data, header->caplen)) {
			cut_everywhere(j, data, header->caplen, time);
			flip(j, data, header->caplen, time);
			j->everywhere++;
		} else if ((number++ < 10 || !(number % 7)) && spent_ms < FILE_MS) {
			cut_at_ends(j, data, header->caplen, time);
			flip(j, data, header->caplen, time);
			spent_ms += now_ms() - begin;
		}
	}
	assert_true(kinds.count > 0);
	pcap_close(capture);
	j->files++;
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
	assert_true(counted_once(j.plain, j.packets, j.bytes));
	plain_free(j.plain);
	free(image);
	if (!j.files) {
		print_message("skipped: no .pcap in %s\n", captures());
		skip();
	}
	print_message("%llu frames of %u captures, %u of them cut at every length\n",
		      (unsigned long long)j.packets, j.files, j.everywhere);
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
