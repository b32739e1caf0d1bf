// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loss window against a naive reference: a set of the positions that came. What is lost are
 * the positions between the oldest and the highest known one that are not in the set.
 * Packets come in random order, twice, or never, for every kind of counter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xdp/sequence.h"

#define STEPS	  200000
#define POSITIONS 4096 /* of the reference's ring; more than any jump */
#define START	  1000000

struct counter_case {
	const char *name;
	struct image_stream stream;
	uint32_t packets; /* SEQUENCE_PER_SAMPLE: of a sample */
	uint64_t cycle;	  /* positions until the counter comes round; 0: never, as good as */
};

static uint64_t seed = 5489;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

/* Positions count packets as the sensor made them. */
struct reference {
	int64_t highest, oldest;
	bool open;
	bool came[POSITIONS];
	int64_t lost;
	uint64_t reordered, duplicate, restarts;
};

static bool *came(struct reference *r, int64_t position)
{
	return &r->came[(uint64_t)position % POSITIONS];
}

static uint32_t window_of(const struct image_stream *stream)
{
	return stream->sequence_kind == SEQUENCE_TIMESTAMP ? SEQUENCE_WINDOW_TIME : SEQUENCE_WINDOW;
}

static void reference_open(struct reference *r, int64_t position)
{
	memset(r->came, 0, sizeof(r->came));
	r->open = true;
	r->highest = r->oldest = position;
	*came(r, position) = true;
}

static enum sequence_event reference_take(struct reference *r, const struct counter_case *c,
					  int64_t position)
{
	int64_t forward = position - r->highest;

	if (!r->open) {
		reference_open(r, position);
		return SEQUENCE_OPENED;
	}
	if (c->cycle) {
		forward = ((forward % (int64_t)c->cycle) + (int64_t)c->cycle) % (int64_t)c->cycle;
		if (forward > c->stream.max_jump)
			forward -= (int64_t)c->cycle;
		if (forward >= -(int64_t)window_of(&c->stream))
			position = r->highest + forward;
	}
	if (!forward) {
		r->duplicate++;
		return SEQUENCE_REPEATED;
	}
	if (forward > 0 && forward <= c->stream.max_jump) {
		for (int64_t p = r->highest + 1; p < position; p++)
			*came(r, p) = false;
		*came(r, position) = true;
		r->lost += forward - 1;
		r->highest = position;
		return SEQUENCE_ADVANCED;
	}
	if (forward > 0 || forward < -(int64_t)window_of(&c->stream)) {
		r->restarts++;
		reference_open(r, position);
		return SEQUENCE_RESTARTED;
	}
	if (position < r->oldest) {
		for (int64_t p = position + 1; p < r->oldest; p++)
			*came(r, p) = false;
		r->lost += r->oldest - position - 1;
		r->oldest = position;
	} else if (*came(r, position)) {
		r->duplicate++;
		return SEQUENCE_REPEATED;
	} else {
		r->lost--;
	}
	*came(r, position) = true;
	r->reordered++;
	return SEQUENCE_LATE;
}

/* What the sensor writes into the packet at a position, and the sample's id. */
static uint64_t value_at(const struct counter_case *c, int64_t position, uint64_t *id)
{
	const struct image_stream *stream = &c->stream;
	uint64_t count = (uint64_t)position, value;

	*id = 0;
	switch ((enum image_sequence)stream->sequence_kind) {
	case SEQUENCE_COUNTER:
		if (stream->skip_count) {
			count %= c->cycle;
			value = count * stream->step;
			return value < stream->skip ? value : value + stream->step;
		}
		value = count * stream->step;
		return stream->modulus ? value % stream->modulus : value;
	case SEQUENCE_TIMESTAMP:
		/* the sensor's clock jitters by an eighth of the interval; a copy has the same time */
		value = (count * stream->nominal >> 8) +
			(count * 2654435761u >> 8) % (stream->nominal >> 11);
		return stream->modulus ? value % stream->modulus : value;
	case SEQUENCE_PER_SAMPLE:
		*id = count / c->packets % (stream->sample.mask + 1 - stream->skip_count);
		if (stream->skip_count && *id >= stream->skip)
			++*id;
		return stream->first + count % c->packets * stream->step;
	case SEQUENCE_NONE:
		break;
	}
	return 0;
}

static int64_t pick(const struct counter_case *c, const struct reference *r)
{
	uint32_t window = window_of(&c->stream), dice = random_below(1000);

	if (!r->open || dice < 700)
		return r->highest + 1;
	if (dice < 800)
		return r->highest - random_below(window + 1);
	if (dice < 900)
		return r->highest + 1 + random_below(4);
	if (dice < 980)
		return r->highest + 1 + random_below(2 * window);
	if (dice < 996)
		return r->highest + 1 + random_below(c->stream.max_jump);
	/* somewhere else: forward or back by more than can be */
	return r->highest +
	       (dice & 1 ? 1 : -1) * (int64_t)(c->stream.max_jump + random_below(5000));
}

static void window_is_the_set(void **state)
{
	const struct counter_case *c = *state;
	struct reference *r = calloc(1, sizeof(*r));
	struct instance instance = {};
	struct counters *counters = calloc(1, sizeof(*counters));

	assert_non_null(r);
	assert_non_null(counters);
	instance.per_sample = c->packets;
	r->highest = START;
	for (uint32_t n = 0; n < STEPS; n++) {
		struct sequence_step step = {};
		int64_t position = pick(c, r), before = r->lost;
		enum sequence_event event;
		uint64_t id;

		if (position < START / 2)
			position = START;
		step.value = value_at(c, position, &id);
		event = reference_take(r, c, position);
		sequence_account(&c->stream, &instance, counters, id, &step);
		if (step.event != event || step.lost != r->lost - before ||
		    counters->lost != r->lost || counters->reordered != r->reordered ||
		    counters->duplicate != r->duplicate || counters->restarts != r->restarts)
			fail_msg(
				"%s, step %u, position %lld (highest %lld): event %u, not %u; lost by %d, not %lld",
				c->name, n, (long long)position, (long long)r->highest, step.event,
				event, step.lost, (long long)(r->lost - before));
	}
	assert_true(r->duplicate > 1000 && r->reordered > 1000);
	/* of a short cycle nearly every place is in reach */
	assert_true(r->restarts > 100 || (c->cycle && c->cycle <= 256));
	free(r);
	free(counters);
}

#define COUNTER(modulus_, step_, steps)                                            \
	.sequence_kind = SEQUENCE_COUNTER, .step = (step_), .modulus = (modulus_), \
	.max_jump = (steps) - 33 > 3000 ? 3000 : (steps) - 33
#define BITS(width) (1ull << (width))

static struct counter_case cases[] = {
	{ "8 bits", { COUNTER(BITS(8), 1, 256) }, 0, 256 },
	{ "8 bits, 0 left out", { COUNTER(BITS(8), 1, 256), .skip_count = 1, .skip = 0 }, 0, 255 },
	{ "8 bits, 77 left out",
	  { COUNTER(BITS(8), 1, 256), .skip_count = 1, .skip = 77 },
	  0,
	  255 },
	{ "8 bits by 4", { COUNTER(BITS(8), 4, 64) }, 0, 64 },
	{ "16 bits", { COUNTER(BITS(16), 1, 65536) }, 0, 65536 },
	{ "16 bits, 0 left out",
	  { COUNTER(BITS(16), 1, 65536), .skip_count = 1, .skip = 0 },
	  0,
	  65535 },
	{ "16 bits by 16", { COUNTER(BITS(16), 16, 4096) }, 0, 4096 },
	{ "16 bits, from 0 to 9999", { COUNTER(10000, 1, 10000) }, 0, 10000 },
	{ "24 bits", { COUNTER(BITS(24), 1, 1 << 24) }, 0, 1 << 24 },
	{ "32 bits", { COUNTER(BITS(32), 1, 100000) }, 0, 0 },
	{ "32 bits by 3", { COUNTER(BITS(32), 3, 100000) }, 0, 0 },
	{ "32 bits by 1000, coming round", { COUNTER(BITS(32), 1000, 100000) }, 0, 0 },
	{ "64 bits", { COUNTER(0, 1, 100000) }, 0, 0 },
	{ "64 bits by 4096, low half coming round", { COUNTER(0, 4096, 100000) }, 0, 1 << 20 },
	{ "time in us of an hour",
	  { .sequence_kind = SEQUENCE_TIMESTAMP,
	    .modulus = 3600000000u,
	    .nominal = 1326 << 8,
	    .gap = 1989 << 8,
	    .max_jump = 3000 },
	  0,
	  0 },
	{ "time in ns, 64 bits",
	  { .sequence_kind = SEQUENCE_TIMESTAMP,
	    .nominal = 200000 << 8,
	    .gap = 300000 << 8,
	    .max_jump = 3000 },
	  0,
	  0 },
	{ "64 packets a sample",
	  { .sequence_kind = SEQUENCE_PER_SAMPLE,
	    .step = 16,
	    .max_jump = 3000,
	    .sample = { .mask = 0xffff } },
	  64,
	  0 },
	{ "200 packets a sample, from 1 on, id 0 left out",
	  { .sequence_kind = SEQUENCE_PER_SAMPLE,
	    .step = 1,
	    .first = 1,
	    .max_jump = 3000,
	    .skip_count = 1,
	    .sample = { .mask = 0xffff } },
	  200,
	  0 },
};

int main(void)
{
	struct CMUnitTest tests[sizeof(cases) / sizeof(*cases)];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		tests[i] = (struct CMUnitTest){ .name = cases[i].name,
						.test_func = window_is_the_set,
						.initial_state = &cases[i] };
	return cmocka_run_group_tests_name("the loss window is the set of what came", tests, NULL,
					   NULL);
}
