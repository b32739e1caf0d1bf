// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nobody but the broker writes to a stream's memory, whichever way it is tried; and a reader
 * never takes a frame that is being overwritten for a valid one.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/ring_fixture.h"

static void refuses_every_change(int fd)
{
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 1 << 24), -1);
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	assert_int_equal(fallocate(fd, 0, 0, 1 << 24), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

static void sealed_memory_can_only_be_read(void **state)
{
	struct sealed memory;
	char path[64], *data;
	int fd;

	(void)state;
	assert_int_equal(sealed_create(&memory, "test", 8192, false), 0);
	assert_int_equal(sealed_seal(&memory), 0);
	refuses_every_change(memory.reader_fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory.reader_fd);
	fd = open(path, O_RDWR);
	/* Who may open it again with more rights gets no further with them. */
	if (fd >= 0) {
		refuses_every_change(fd);
		close(fd);
	}
	data = mmap(NULL, 8192, PROT_READ, MAP_SHARED, memory.reader_fd, 0);
	assert_ptr_not_equal(data, MAP_FAILED);
	assert_int_equal(mprotect(data, 8192, PROT_READ | PROT_WRITE), -1);
	((char *)memory.data)[5000] = 'y';
	assert_int_equal(data[5000], 'y');
	munmap(data, 8192);
	sealed_destroy(&memory);
}

static void rings_are_powers_of_two(void **state)
{
	const struct ring_header template = { 0 };
	struct writer writer;

	(void)state;
	assert_int_equal(writer_create(&writer, 0, &template), -EINVAL);
	assert_int_equal(writer_create(&writer, 1000, &template), -EINVAL);
	assert_int_equal(writer_create(&writer, RING_FRAMES_MAX * 2, &template), -EINVAL);
}

static void an_overtaken_reader_is_told(void **state)
{
	struct fixture f;
	const struct ring_header *ring;

	(void)state;
	fixture_make(&f, RING_MEMORY_UMEM);
	ring = f.stream->writer.header;
	for (uint32_t i = 0; i < RING_SIZE; i++) {
		fixture_receive(&f, 64, i, false);
		fixture_drain(&f);
	}
	assert_true(ring_valid(ring, 0));
	fixture_receive(&f, 64, RING_SIZE, false);
	fixture_drain(&f);
	assert_false(ring_valid(ring, 0));
	assert_true(ring_valid(ring, 1));
	fixture_free(&f);
}

struct race {
	struct fixture *f;
	volatile int done;
	volatile uint64_t valid, overtaken, wrong;
};

/* Reads as fast as it can, sleeping now and then so that it is overtaken. */
static void *read_all(void *argument)
{
	struct race *race = argument;
	const struct ring_header *ring = race->f->stream->writer.header;
	const char *memory = race->f->broker.umem.memory.data;
	struct ring_descriptor d;
	uint64_t cursor = 0;

	while (!race->done || cursor < ring_head(ring)) {
		bool same = true;
		uint64_t head = ring_head(ring);

		if (cursor == head)
			continue;
		ring_load(&ring_slots(ring)[cursor & (RING_SIZE - 1)], &d);
		for (uint32_t i = 0; i < 64; i++)
			same &= __atomic_load_n(
					&memory[d.address % race->f->broker.umem.memory.bytes + i],
					__ATOMIC_RELAXED) == (char)(d.device_sequence & 255);
		if (!ring_valid(ring, cursor)) {
			race->overtaken++;
			cursor = head;
			continue;
		}
		race->valid++;
		race->wrong += !same || d.sequence != cursor || d.device_sequence != cursor;
		cursor++;
		if (!(cursor & 1023))
			usleep(100);
	}
	return NULL;
}

static void valid_means_unharmed_while_the_writer_laps(void **state)
{
	struct fixture f;
	struct race race = { .f = &f };
	pthread_t thread;

	(void)state;
	fixture_make(&f, RING_MEMORY_UMEM);
	pthread_create(&thread, NULL, read_all, &race);
	/* On a busy machine the reader may get no CPU for long. */
	for (uint64_t number = 0;
	     number < 400000 || (number < 1u << 30 && (race.valid < 10000 || !race.overtaken));) {
		for (int i = 0; i < 48; i++)
			fixture_receive(&f, 64, number++, false);
		fixture_drain(&f);
		if (!(number % 4800))
			usleep(20);
	}
	race.done = 1;
	pthread_join(thread, NULL);
	assert_int_equal(race.wrong, 0);
	assert_true(race.valid > 0);
	assert_true(race.overtaken > 0);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed_memory_can_only_be_read),
		cmocka_unit_test(rings_are_powers_of_two),
		cmocka_unit_test(an_overtaken_reader_is_told),
		cmocka_unit_test(valid_means_unharmed_while_the_writer_laps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
