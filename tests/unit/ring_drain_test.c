// SPDX-License-Identifier: GPL-2.0-only
/* What the broker takes from the kernel it publishes, and every frame is in one place. */
#include <sys/mman.h>

#include "tests/unit/ring_fixture.h"

static struct ring_descriptor at(struct fixture *f, uint64_t sequence)
{
	struct ring_descriptor descriptor;

	ring_load(&f->stream->writer.slots[sequence & (RING_SIZE - 1)], &descriptor);
	assert_int_equal(descriptor.sequence, sequence);
	return descriptor;
}

/* Each frame of the UMEM: free, in the fill ring, in the RX ring, or in the stream's ring. */
static void assert_conserved(struct fixture *f)
{
	static unsigned char seen[RX_SIZE + RING_SIZE + STREAM_BATCH];
	const struct writer *writer = &f->stream->writer;

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < f->broker.umem.free_count; i++)
		seen[f->broker.umem.free[i] / CHUNK]++;
	for (uint32_t i = f->fill_consumer; i != f->fill_producer; i++)
		seen[f->fill[i & (RX_SIZE - 1)] / CHUNK]++;
	for (uint32_t i = f->rx_consumer; i != f->rx_producer; i++)
		seen[f->rx[i & (RX_SIZE - 1)].addr / CHUNK]++;
	for (uint64_t i = writer->head > RING_SIZE ? writer->head - RING_SIZE : 0;
	     f->stream->memory == RING_MEMORY_UMEM && i < writer->head; i++)
		seen[writer->slots[i & (RING_SIZE - 1)].descriptor.address / CHUNK]++;
	for (size_t i = 0; i < sizeof(seen); i++)
		assert_int_equal(seen[i], 1);
}

static void keeps_every_frame_in_one_place(enum ring_memory memory)
{
	struct fixture f;
	uint64_t number = 0;

	fixture_make(&f, memory);
	srand(1);
	for (int round = 0; round < 2000; round++) {
		for (int i = rand() % 100; i > 0 && f.lease.sent - f.lease.drained < RX_SIZE; i--)
			fixture_receive(&f, 1206, number++, false);
		for (int i = rand() % 3; i > 0; i--)
			fixture_drain(&f);
		assert_conserved(&f);
	}
	while (fixture_drain(&f))
		;
	assert_int_equal(f.stream->writer.head, number);
	assert_int_equal(f.stream->datagrams, number);
	assert_int_equal(f.lease.drained, f.lease.sent);
	fixture_free(&f);
}

static void umem_frames_are_conserved(void **state)
{
	(void)state;
	keeps_every_frame_in_one_place(RING_MEMORY_UMEM);
}

static void copied_frames_are_conserved(void **state)
{
	(void)state;
	keeps_every_frame_in_one_place(RING_MEMORY_COPY);
}

static void descriptors_say_what_the_program_wrote(void **state)
{
	struct ring_descriptor descriptor;
	struct fixture f;
	char *frame, *first;

	(void)state;
	fixture_make(&f, RING_MEMORY_UMEM);
	first = frame = fixture_receive(&f, 1206, 77, false);
	((struct meta *)frame)[-1].flags |= META_FIRST | META_GAP | META_FRAGMENT;
	((struct meta *)frame)[-1].lost_before = 9;
	frame = fixture_receive(&f, 60, 78, false);
	((struct meta *)frame)[-1].stream = 8;
	assert_int_equal(fixture_drain(&f), 2);
	assert_int_equal(((struct meta *)first)[-1].magic, 0);
	descriptor = at(&f, 0);
	assert_int_equal(descriptor.flags,
			 RING_BEGIN | RING_SEQUENCE | RING_FIRST | RING_GAP | RING_FRAGMENT);
	assert_int_equal(descriptor.time_ns, 1077);
	assert_int_equal(descriptor.device_sequence, 77);
	assert_int_equal(descriptor.lost_before, 9);
	assert_int_equal(descriptor.instance, 3);
	assert_int_equal(descriptor.length, 1206);
	assert_int_equal(f.stream->samples, 1);
	descriptor = at(&f, 1);
	assert_int_equal(descriptor.flags, RING_BEGIN);
	assert_int_equal(descriptor.time_ns, 1);
	assert_int_equal(descriptor.instance, UINT16_MAX);
	fixture_free(&f);
}

static void pieces_are_published_together(void **state)
{
	struct fixture f;

	(void)state;
	fixture_make(&f, RING_MEMORY_UMEM);
	fixture_receive(&f, 100, 1, false);
	fixture_receive(&f, 1500, 2, true);
	fixture_receive(&f, 1500, 2, true);
	assert_int_equal(fixture_drain(&f), 1);
	assert_int_equal(fixture_drain(&f), 0);
	assert_int_equal(f.stream->writer.head, 1);
	fixture_receive(&f, 500, 2, false);
	assert_int_equal(fixture_drain(&f), 3);
	assert_int_equal(f.stream->datagrams, 2);
	assert_int_equal(at(&f, 1).flags & (RING_BEGIN | RING_MORE), RING_BEGIN | RING_MORE);
	assert_int_equal(at(&f, 1).total, 3500);
	assert_int_equal(at(&f, 2).flags & (RING_BEGIN | RING_MORE), RING_MORE);
	assert_int_equal(at(&f, 3).flags & (RING_BEGIN | RING_MORE), 0);
	assert_int_equal(at(&f, 3).datagram, 1);
	fixture_free(&f);
}

static void a_ring_that_closes_gives_all_frames_back_and_says_so(void **state)
{
	struct ring_header *header;
	struct fixture f;
	uint64_t head;

	(void)state;
	fixture_make(&f, RING_MEMORY_UMEM);
	for (uint32_t i = 0; i < 3 * RING_SIZE; i++) {
		fixture_receive(&f, 64, i, false);
		fixture_drain(&f);
	}
	head = f.stream->writer.head;
	header = mmap(NULL, RING_HEADER_BYTES, PROT_READ, MAP_SHARED,
		      f.stream->writer.memory.reader_fd, 0);
	assert_ptr_not_equal(header, MAP_FAILED);
	stream_close_ring(f.stream, &f.broker.umem);
	assert_int_equal(f.broker.umem.free_count, RING_SIZE + STREAM_BATCH);
	assert_false(ring_valid(header, head - 1));
	munmap(header, RING_HEADER_BYTES);
	fixture_free(&f);
}

static void frames_that_come_after_the_last_reader_count_as_lost(void **state)
{
	struct fixture f;

	(void)state;
	fixture_make(&f, RING_MEMORY_UMEM);
	stream_close_ring(f.stream, &f.broker.umem);
	for (uint32_t i = 0; i < 3 * RX_SIZE; i++) {
		fixture_receive(&f, 64, i, false);
		assert_int_equal(fixture_drain(&f), 1);
	}
	assert_int_equal(f.lease.lost, 3 * RX_SIZE);
	assert_int_equal(f.lease.drained, f.lease.sent);
	assert_int_equal(f.broker.umem.free_count, RING_SIZE + STREAM_BATCH);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(umem_frames_are_conserved),
		cmocka_unit_test(copied_frames_are_conserved),
		cmocka_unit_test(descriptors_say_what_the_program_wrote),
		cmocka_unit_test(pieces_are_published_together),
		cmocka_unit_test(a_ring_that_closes_gives_all_frames_back_and_says_so),
		cmocka_unit_test(frames_that_come_after_the_last_reader_count_as_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
