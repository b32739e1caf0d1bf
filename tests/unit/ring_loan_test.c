// SPDX-License-Identifier: GPL-2.0-only
/* Frames go to streams that are read: much to the first ones, enough to all. */
#include "tests/unit/ring_fixture.h"

#define STREAMS 37u
#define FRAMES	98304u

static struct broker broker;
static struct queue queues[8];

static void make(uint32_t queue_count)
{
	memset(queues, 0, sizeof(queues));
	broker = (struct broker){ .queues = queues,
				  .queues_there = queue_count,
				  .memory = RING_MEMORY_UMEM,
				  .rx_size = 4096,
				  .stream_room = STREAMS };
	broker.umem.frames = FRAMES + STREAM_BATCH;
}

/* The bookkeeping of loan_make() and loan_end(), without sockets. */
static void lend(struct loan loan)
{
	broker.lent++;
	broker.rings += loan.ring;
	for (uint32_t q = 0; q < broker.queues_there; q++) {
		queues[q].promised += loan.rx;
		if (queues[q].kept < queues[q].promised)
			queues[q].kept = queues[q].promised;
	}
}

static void give_back(struct loan loan)
{
	broker.lent--;
	broker.rings -= loan.ring;
	for (uint32_t q = 0; q < broker.queues_there; q++)
		queues[q].promised -= loan.rx;
}

static uint32_t used(void)
{
	uint32_t sum = broker.rings + STREAM_BATCH;

	for (uint32_t q = 0; q < broker.queues_there; q++)
		sum += queues[q].kept;
	return sum;
}

static void a_handful_of_many_streams_gets_deep_rings(void **state)
{
	(void)state;
	make(1);
	for (int i = 0; i < 7; i++) {
		struct loan loan = loan_for(&broker);

		assert_int_equal(loan.ring, LOAN_RING);
		lend(loan);
	}
}

static void all_streams_can_be_read_at_once(void **state)
{
	(void)state;
	for (uint32_t count = 1; count <= 8; count++) {
		make(count);
		for (uint32_t i = 0; i < STREAMS; i++) {
			struct loan loan = loan_for(&broker);

			assert_true(loan.ring >= LOAN_RING_LEAST && loan.rx >= LOAN_RX_LEAST);
			lend(loan);
			assert_true(used() <= broker.umem.frames);
		}
	}
}

static void readers_that_come_and_go_use_nothing_up(void **state)
{
	struct loan loan[STREAMS];
	bool open[STREAMS] = { 0 };
	unsigned int random = 1;

	(void)state;
	make(4);
	for (int i = 0; i < 100000; i++) {
		uint32_t s;

		random = random * 1103515245 + 12345;
		s = (random >> 16) % STREAMS;
		if (open[s]) {
			give_back(loan[s]);
		} else {
			loan[s] = loan_for(&broker);
			lend(loan[s]);
		}
		open[s] = !open[s];
		assert_true(used() <= broker.umem.frames);
	}
	for (uint32_t s = 0; s < STREAMS; s++)
		if (open[s])
			give_back(loan[s]);
	assert_true(loan_for(&broker).ring == LOAN_RING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handful_of_many_streams_gets_deep_rings),
		cmocka_unit_test(all_streams_can_be_read_at_once),
		cmocka_unit_test(readers_that_come_and_go_use_nothing_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
