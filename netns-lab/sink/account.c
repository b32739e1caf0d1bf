// SPDX-License-Identifier: GPL-2.0-only
#include "account.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "netns-lab/emulate/sensor.h"

#define SAMPLES_MAX (1u << 20) /* a larger number is no stamp of ours */

static void *grown(void *array, size_t need, size_t *room, size_t each)
{
	size_t more = *room ? *room : 1024;

	if (need <= *room)
		return array;
	while (more < need)
		more *= 2;
	array = realloc(array, more * each);
	if (!array)
		abort();
	memset((char *)array + *room * each, 0, (more - *room) * each);
	*room = more;
	return array;
}

void account_datagram(struct account *account, const uint8_t *data, size_t length)
{
	struct timespec now;
	struct stamp stamp;

	clock_gettime(CLOCK_MONOTONIC, &now);
	account->datagrams++;
	account->bytes += length;
	if (!account->stamp_offset || length < account->stamp_offset + sizeof(stamp))
		return;
	memcpy(&stamp, data + account->stamp_offset, sizeof(stamp));
	if (stamp.magic != STAMP_MAGIC || stamp.sample >= SAMPLES_MAX)
		return;
	account->stamped++;
	account->delay_ns = grown(account->delay_ns, account->delays + 1, &account->delay_room,
				  sizeof(*account->delay_ns));
	account->delay_ns[account->delays++] =
		(uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec - stamp.sent_ns;
	account->sample = grown(account->sample, stamp.sample + 1ul, &account->sample_room,
				sizeof(*account->sample));
	if (stamp.sample >= account->samples)
		account->samples = stamp.sample + 1ul;
	account->sample[stamp.sample].got++;
	account->sample[stamp.sample].parts = stamp.parts;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static json_int_t quantile(const struct account *account, double q)
{
	if (!account->delays)
		return 0;
	return (json_int_t)account->delay_ns[(size_t)((double)(account->delays - 1) * q)];
}

static json_int_t cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000ll +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000ll;
}

void account_print(struct account *account)
{
	json_int_t whole = 0, broken = 0;
	json_t *root;

	for (size_t i = 0; i < account->samples; i++) {
		bool complete = account->sample[i].got &&
				account->sample[i].got == account->sample[i].parts;

		*(complete ? &whole : &broken) += 1;
	}
	if (account->delays)
		qsort(account->delay_ns, account->delays, sizeof(*account->delay_ns), ascending);
	root = json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:I}",
		"name", account->name, "datagrams", (json_int_t)account->datagrams, "bytes",
		(json_int_t)account->bytes, "frames", (json_int_t)account->frames, "stamped",
		(json_int_t)account->stamped, "partial", (json_int_t)account->partial, "dropped",
		(json_int_t)account->dropped, "buffer_bytes", (json_int_t)account->buffer_bytes,
		"samples_whole", whole, "samples_broken", broken, "delay_ns", "p50",
		quantile(account, 0.5), "p99", quantile(account, 0.99), "max", quantile(account, 1),
		"cpu_ns", cpu_ns());
	json_dumpf(root, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(root);
	free(account->delay_ns);
	free(account->sample);
}
