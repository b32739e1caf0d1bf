// SPDX-License-Identifier: GPL-2.0-only
#include "tests/lib/fragments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/frames.h"
#include "tests/lib/path.h"

#define MS	  1000000ull
#define NOW	  (1000 * MS)
#define MTU_BYTES 1480u
#define FLOOD	  20000u

#define FOLLOWS(judged, verdict, reason) judged_is((judged), 0, (verdict), (reason))

static struct path path;
static bool loaded_program;

static const char redirected[] = "profile: redirected\n"
				 "streams:\n"
				 "  - {name: s, match: {ip_protocol: udp, destination_port: 7502},"
				 " deliver: af_xdp}\n";
static const char dropped[] = "profile: dropped\n"
			      "streams:\n"
			      "  - {name: s, match: {ip_protocol: udp, destination_port: 7502},"
			      " deliver: drop}\n";
static const char nothing[] = "profile: nothing\n"
			      "default: {deliver: drop}\n";
static const char by_source[] = "profile: by-source\n"
				"streams:\n"
				"  - {name: s, match: {source: 192.168.1.7}, deliver: af_xdp}\n"
				"  - {name: t, match: {source: 192.168.1.8}, deliver: drop}\n";
/* a burst that one datagram of 12616 bytes empties, and that is full again after 100 ms */
static const char limited[] = "profile: limited\n"
			      "streams:\n"
			      "  - {name: s, match: {ip_protocol: udp, destination_port: 7502},"
			      " deliver: stack, rate: 1Mbit, burst: 13kB}\n";

/* An Ouster's: nine fragments at an MTU of 1500. */
static struct datagram lidar(uint32_t id)
{
	return (struct datagram){ .source = 7,
				  .destination = 100,
				  .source_port = 40000,
				  .destination_port = 7502,
				  .length = 12608,
				  .id = id };
}

static struct judged send(const struct datagram *d, uint32_t number, __u64 time_ns)
{
	uint8_t frame[2048];
	uint32_t length = datagram_fragment(d, number * MTU_BYTES, MTU_BYTES, frame);

	return path_frame(&path, frame, length, time_ns);
}

static void unknown(struct judged judged)
{
	judged_is(judged, OTHER_ID, VERDICT_STACK, REASON_FRAGMENT_UNKNOWN);
}

static void in_order(struct datagram d)
{
	uint32_t count = datagram_fragments(&d, MTU_BYTES);
	struct counters row;

	path_reset(&path);
	path_profile(&path, redirected);
	for (uint32_t i = 0; i < count; i++)
		FOLLOWS(send(&d, i, NOW + i), VERDICT_AF_XDP, REASON_PROFILE);
	path_counters(&path, 0, &row);
	assert_int_equal(row.fragments, count);
	assert_int_equal(row.first_fragments, 1);
	assert_int_equal(row.instance_packets[0], 1);
	assert_int_equal(row.protocol[PROTOCOL_UDP], count);
	/* the whole datagram, and Ethernet, tag and IP headers of each fragment */
	assert_int_equal(row.bytes,
			 d.length + 8 +
				 count * (14u + (d.vlan ? 4 : 0) + (d.family == 6 ? 48 : 20)));
}

static void all_fragments_of_a_datagram_are_the_streams(void **state)
{
	struct datagram d = lidar(77);

	(void)state;
	in_order(d);
	d.vlan = 5;
	in_order(d);
	d.family = 6;
	d.id = 0x12345678;
	in_order(d);
	d.vlan = 0;
	in_order(d);
}

static void a_fragment_before_the_first_one_passes(void **state)
{
	struct datagram d = lidar(77);

	(void)state;
	for (d.family = 4; d.family <= 6; d.family += 2) {
		path_reset(&path);
		path_profile(&path, redirected);
		unknown(send(&d, 8, NOW));
		unknown(send(&d, 1, NOW));
		FOLLOWS(send(&d, 0, NOW + MS), VERDICT_AF_XDP, REASON_PROFILE);
		FOLLOWS(send(&d, 7, NOW + 2 * MS), VERDICT_AF_XDP, REASON_PROFILE);
		FOLLOWS(send(&d, 3, NOW + 2 * MS), VERDICT_AF_XDP, REASON_PROFILE);
		/* also a second copy of the last one: it deletes nothing */
		FOLLOWS(send(&d, 8, NOW + 3 * MS), VERDICT_AF_XDP, REASON_PROFILE);
		FOLLOWS(send(&d, 8, NOW + 3 * MS), VERDICT_AF_XDP, REASON_PROFILE);
		FOLLOWS(send(&d, 2, NOW + 4 * MS), VERDICT_AF_XDP, REASON_PROFILE);
	}
}

static void two_sensors_with_one_id_are_told_apart(void **state)
{
	struct datagram one = lidar(5), other = lidar(5);

	(void)state;
	other.source = 8;
	path_reset(&path);
	path_profile(&path, by_source);
	for (uint32_t i = 0; i < 9; i++) {
		judged_is(send(&one, i, NOW), 0, VERDICT_AF_XDP, REASON_PROFILE);
		judged_is(send(&other, i, NOW), 1, VERDICT_DROP, REASON_PROFILE);
	}
}

static void what_tells_datagrams_apart(void **state)
{
	struct datagram d = lidar(5), other;

	(void)state;
	path_reset(&path);
	path_profile(&path, redirected);
	FOLLOWS(send(&d, 0, NOW), VERDICT_AF_XDP, REASON_PROFILE);
	other = d, other.id = 6;
	unknown(send(&other, 1, NOW));
	other = d, other.vlan = 5;
	unknown(send(&other, 1, NOW));
	other = d, other.destination = 101;
	unknown(send(&other, 1, NOW));
	other = d, other.family = 6;
	unknown(send(&other, 1, NOW));
	FOLLOWS(send(&d, 1, NOW), VERDICT_AF_XDP, REASON_PROFILE);
}

static void a_decision_is_forgotten_after_200_ms(void **state)
{
	struct datagram d = lidar(5);

	(void)state;
	path_reset(&path);
	path_profile(&path, redirected);
	FOLLOWS(send(&d, 0, NOW), VERDICT_AF_XDP, REASON_PROFILE);
	FOLLOWS(send(&d, 1, NOW + 200 * MS), VERDICT_AF_XDP, REASON_PROFILE);
	unknown(send(&d, 2, NOW + 201 * MS));
	/* the id comes again, after 2^18 ms, too */
	unknown(send(&d, 2, NOW + 5000 * MS));
	path_profile(&path, dropped);
	FOLLOWS(send(&d, 0, NOW + 5000 * MS), VERDICT_DROP, REASON_PROFILE);
	FOLLOWS(send(&d, 1, NOW + 5000 * MS), VERDICT_DROP, REASON_PROFILE);
}

static void the_latest_first_fragment_of_an_id_counts(void **state)
{
	struct datagram d = lidar(5);

	(void)state;
	path_reset(&path);
	path_profile(&path, redirected);
	FOLLOWS(send(&d, 0, NOW), VERDICT_AF_XDP, REASON_PROFILE);
	path_profile(&path, dropped);
	FOLLOWS(send(&d, 0, NOW + MS), VERDICT_DROP, REASON_PROFILE);
	FOLLOWS(send(&d, 1, NOW + MS), VERDICT_DROP, REASON_PROFILE);
}

static void a_flood_of_other_fragments_does_not_push_a_stream_out(void **state)
{
	struct datagram d = lidar(5), flood = lidar(0);
	uint32_t left = 0;

	(void)state;
	flood.destination_port = 9;
	path_reset(&path);
	path_profile(&path, redirected);
	for (d.id = 0; d.id < 64; d.id++)
		FOLLOWS(send(&d, 0, NOW), VERDICT_AF_XDP, REASON_PROFILE);
	for (uint32_t i = 0; i < FLOOD; i++) {
		uint8_t frame[2048];
		uint32_t length;

		flood.id = i & 0xffff;
		flood.source = (uint8_t)(8 + (i >> 12));
		length = datagram_fragment(&flood, 0, 64, frame);
		if (path.loaded)
			program_run(path.program.descriptor, frame, length, 1, NULL);
		else
			plain_frame(path.plain, frame, length, length, NOW + i * 5000ull);
	}
	for (d.id = 0; d.id < 64; d.id++)
		left += send(&d, 1, NOW + FLOOD * 5000ull).verdict == VERDICT_AF_XDP;
	assert_int_equal(left, 64);
}

static void a_swap_does_not_tear(void **state)
{
	struct datagram first = lidar(5), second = lidar(6), third = lidar(7);

	(void)state;
	path_reset(&path);
	path_profile(&path, redirected);
	FOLLOWS(send(&first, 0, NOW), VERDICT_AF_XDP, REASON_PROFILE);
	FOLLOWS(send(&first, 1, NOW), VERDICT_AF_XDP, REASON_PROFILE);
	path_profile(&path, dropped);
	FOLLOWS(send(&first, 2, NOW), VERDICT_AF_XDP, REASON_PROFILE);
	FOLLOWS(send(&second, 0, NOW), VERDICT_DROP, REASON_PROFILE);
	path_profile(&path, nothing);
	FOLLOWS(send(&first, 3, NOW), VERDICT_AF_XDP, REASON_PROFILE);
	FOLLOWS(send(&second, 1, NOW), VERDICT_DROP, REASON_PROFILE);
	judged_is(send(&third, 0, NOW), OTHER_ID, VERDICT_DROP, REASON_DEFAULT);
	path_profile(&path, redirected);
	FOLLOWS(send(&first, 8, NOW), VERDICT_AF_XDP, REASON_PROFILE);
	FOLLOWS(send(&second, 8, NOW), VERDICT_DROP, REASON_PROFILE);
	judged_is(send(&third, 8, NOW), OTHER_ID, VERDICT_DROP, REASON_DEFAULT);
}

static void a_lapse_of_the_lease_does_not_tear(void **state)
{
	const struct lease fresh = { .deadline_ns = NOW + 20 * MS, .credit = 1000, .limit = 1000 };
	const struct lease later = { .deadline_ns = NOW + 60 * MS, .credit = 1000, .limit = 1000 };
	struct datagram first = lidar(5), second = lidar(6);

	(void)state;
	path_reset(&path);
	path_profile(&path, redirected);
	path_lease(&path, 0, &fresh);
	FOLLOWS(send(&first, 0, NOW + 19 * MS), VERDICT_AF_XDP, REASON_PROFILE);
	FOLLOWS(send(&first, 1, NOW + 21 * MS), VERDICT_AF_XDP, REASON_PROFILE);
	FOLLOWS(send(&second, 0, NOW + 21 * MS), VERDICT_STACK, REASON_NO_LEASE);
	path_lease(&path, 0, &later);
	FOLLOWS(send(&first, 2, NOW + 22 * MS), VERDICT_AF_XDP, REASON_PROFILE);
	FOLLOWS(send(&second, 1, NOW + 22 * MS), VERDICT_STACK, REASON_NO_LEASE);
	FOLLOWS(send(&second, 8, NOW + 22 * MS), VERDICT_STACK, REASON_NO_LEASE);
}

static void an_empty_bucket_does_not_tear(void **state)
{
	struct datagram first = lidar(5), second = lidar(6);

	(void)state;
	path_reset(&path);
	path_profile(&path, limited);
	FOLLOWS(send(&first, 0, NOW), VERDICT_STACK, REASON_PROFILE);
	FOLLOWS(send(&second, 0, NOW), VERDICT_DROP, REASON_RATE);
	for (uint32_t i = 1; i < 9; i++) {
		/* by the sixth one the bucket is full again */
		FOLLOWS(send(&first, i, NOW + i * 20 * MS), VERDICT_STACK, REASON_PROFILE);
		FOLLOWS(send(&second, i, NOW + i * 20 * MS), VERDICT_DROP, REASON_RATE);
	}
}

static void an_essential_that_is_dropped_is_dropped_whole(void **state)
{
	struct datagram control = { .source = 9,
				    .destination = 10,
				    .source_port = 40000,
				    .destination_port = 3956,
				    .length = 4000,
				    .id = 77 };
	uint8_t frame[2048];
	uint32_t length;

	(void)state;
	path_reset(&path);
	path_profile(&path, "profile: control\nessentials: {control: drop}\nstreams: []\n");
	for (uint32_t i = 0; i < 3; i++) {
		length = datagram_fragment(&control, i * 1480, 1480, frame);
		judged_is(path_frame(&path, frame, length, NOW), OTHER_ID, VERDICT_DROP,
			  REASON_ESSENTIAL);
	}
}

/* Destination options (8 bytes) behind the fragment header, which only a first fragment has whole. */
static void options_behind_the_fragment_header_do_not_tear(void **state)
{
	struct datagram plain = { .family = 6,
				  .source = 9,
				  .destination = 10,
				  .source_port = 40000,
				  .destination_port = 2368,
				  .length = 2800,
				  .id = 78 };
	uint8_t cut[2048], frame[2048];
	uint32_t length;

	(void)state;
	path_reset(&path);
	path_profile(&path, "profile: options\nstreams:\n"
			    "  - {name: lidar, match: {destination_port: 2368}, deliver: drop}\n");
	for (uint32_t i = 0; i < 2; i++) {
		length = datagram_fragment(&plain, i * 1400, 1400, cut);
		cut[14 + 40] = 60; /* the fragment header is followed by options */
		if (i) {
			judged_is(path_frame(&path, cut, length, NOW), 0, VERDICT_DROP,
				  REASON_PROFILE);
			continue;
		}
		memcpy(frame, cut, 14 + 48);
		memcpy(frame + 14 + 48, "\x11\0\x01\x04\0\0\0\0", 8);
		memcpy(frame + 14 + 56, cut + 14 + 48, length - 14 - 48);
		frame[14 + 5] = (uint8_t)(frame[14 + 5] + 8);
		if (frame[14 + 5] < 8)
			frame[14 + 4]++;
		judged_is(path_frame(&path, frame, length + 8, NOW), 0, VERDICT_DROP,
			  REASON_PROFILE);
	}
}

static int start(void **state)
{
	(void)state;
	return path_open(&path, loaded_program);
}

static int stop(void **state)
{
	(void)state;
	path_close(&path);
	return 0;
}

int fragments_run(const char *title, bool loaded)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_fragments_of_a_datagram_are_the_streams),
		cmocka_unit_test(a_fragment_before_the_first_one_passes),
		cmocka_unit_test(two_sensors_with_one_id_are_told_apart),
		cmocka_unit_test(what_tells_datagrams_apart),
		cmocka_unit_test(a_decision_is_forgotten_after_200_ms),
		cmocka_unit_test(the_latest_first_fragment_of_an_id_counts),
		cmocka_unit_test(a_flood_of_other_fragments_does_not_push_a_stream_out),
		cmocka_unit_test(a_swap_does_not_tear),
		cmocka_unit_test(a_lapse_of_the_lease_does_not_tear),
		cmocka_unit_test(an_empty_bucket_does_not_tear),
		cmocka_unit_test(an_essential_that_is_dropped_is_dropped_whole),
		cmocka_unit_test(options_behind_the_fragment_header_do_not_tear),
	};

	loaded_program = loaded;
	return cmocka_run_group_tests_name(title, tests, start, stop);
}
