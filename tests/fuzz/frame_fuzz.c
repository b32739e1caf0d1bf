// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any frames, in any order, at any times, under profiles of all kinds: nothing is read that is not
 * there, only a profile's word drops, and each frame is counted once.
 *
 * An input is a profile byte, then records:
 *	steps of 4 ms since the last frame u8, length u16 (little endian; the top bit: go
 *	on to the next profile first), the frame's bytes
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/profile/profile.h"
#include "tests/lib/counted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

const char *__lsan_default_suppressions(void);

/* Loading profiles may leak a little in libfyaml 0.7.12 itself. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

static const struct {
	const char *name;
	int drops;
} profiles[] = {
	{ "observe", 0 },      { "lidar-first", 1 }, /* by the rate of its class bulk */
	{ "sensors-only", 1 }, { "no-icmp", 1 },
	{ "camera-first", 1 }, { "tests/fuzz/corpus/profile/everything.yaml", 1 },
};

#define PROFILES (sizeof(profiles) / sizeof(*profiles))
#define INPUTS	 200u /* one data path's */

static struct profile_image images[PROFILES];

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < PROFILES; i++) {
		struct diagnostics d = { 0 };
		struct profile *profile = NULL;

		if (profile_load(profiles[i].name, "profiles", &profile, &d) ||
		    profile_compile(profile, &images[i], &d)) {
			diagnostics_print(&d, stderr);
			abort();
		}
		profile_free(profile);
		diagnostics_free(&d);
	}
	return 0;
}

/*
 * A data path takes milliseconds to make, so it serves many inputs. A second lies between two
 * inputs, so that no fragment of one follows a decision from another.
 */
static struct plain *plain;
static size_t active;
static uint64_t now = 1, packets, bytes;
static unsigned int inputs;

static void take(size_t profile)
{
	if (profile != active)
		plain_swap(plain, &images[profile]);
	active = profile;
}

static void begin(size_t profile)
{
	if (plain && inputs++ < INPUTS) {
		take(profile);
		now += 1000000000;
		return;
	}
	plain_free(plain);
	plain = plain_new(&images[profile]);
	require(plain != NULL);
	active = profile;
	packets = bytes = 0;
	inputs = 0;
}

/* From memory of its own of just that size. */
static void judge(const uint8_t *at, size_t length, int drops)
{
	uint8_t *frame = malloc(length ? length : 1);
	struct decision decision;

	require(frame != NULL);
	memcpy(frame, at, length);
	decision = plain_frame(plain, frame, (uint32_t)length, (uint32_t)length, now);
	require(decision.verdict < VERDICTS && decision.reason < REASONS);
	require(drops || decision.verdict != VERDICT_DROP);
	require(decision.verdict != VERDICT_AF_XDP || decision.meta.magic == META_MAGIC);
	require(decision.id >= 0 && decision.id < (int)COUNTER_ROWS);
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int drops;

	if (!size)
		return 0;
	begin(*data++ % PROFILES);
	size--;
	drops = profiles[active].drops;
	while (size > 3) {
		uint32_t length = data[1] | (uint32_t)data[2] << 8;

		now += data[0] * 4000000ull;
		data += 3;
		size -= 3;
		if (length >> 15) {
			take((active + 1) % PROFILES);
			drops |= profiles[active].drops;
		}
		length &= 0x7fff;
		if (length > size)
			length = (uint32_t)size;
		judge(data, length, drops);
		packets++;
		bytes += length;
		data += length;
		size -= length;
	}
	if (!(inputs % 32)) /* it reads them all, which takes longer than an input */
		require(counted_once(plain, packets, bytes));
	return 0;
}
