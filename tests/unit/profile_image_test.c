// SPDX-License-Identifier: GPL-2.0-only
/* What the data path is told about fields, samples, loss, rates and essentials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "ctl/profile/profile.h"
#include "xdp/state.h"

static struct profile_image *image;

static void compile_into(struct profile_image *out, const char *yaml, size_t warnings)
{
	struct diagnostics d = { 0 };
	struct profile *profile = NULL;
	int result = profile_parse_text(yaml, strlen(yaml), "test.yaml", &profile, &d);

	if (!result)
		result = profile_compile(profile, out, &d);
	if (result || d.count != warnings) {
		diagnostics_print(&d, stdout);
		fail_msg("result %d, %zu diagnostics", result, d.count);
	}
	profile_free(profile);
	diagnostics_free(&d);
}

#define STREAM_OF(protocol)                                             \
	"profile: p\nprotocols:\n  - protocol: x\n"                     \
	"    match: {ip_protocol: udp, destination_port: 9}\n" protocol \
	"streams:\n  - {name: a, protocol: x, deliver: af_xdp}\n"

static const struct image_stream *stream_of(const char *yaml)
{
	compile_into(image, yaml, 0);
	return &image->stream[0];
}

static uint64_t read_field(const struct image_field *field, const uint8_t *payload)
{
	uint64_t raw;

	memcpy(&raw, payload + field->load, 8);
	return (field->big_endian ? __builtin_bswap64(raw) : raw >> field->shift) & field->mask;
}

static void fields_of_all_widths_are_read_where_they_lie(void **state)
{
	static const unsigned int widths[] = { 8, 16, 24, 32, 64 };
	uint8_t buffer[64];

	(void)state;
	for (int i = 0; i < 64; i++)
		buffer[i] = (uint8_t)(i * 37 + 11);
	for (int w = 0; w < 5; w++)
		for (unsigned int offset = 0; offset < 20; offset++)
			for (int big = 0; big < 2; big++) {
				char yaml[512];
				uint64_t expected = 0;

				snprintf(
					yaml, sizeof(yaml),
					STREAM_OF(
						"    key: [{offset: %u, width: %u, endian: %s}]\n"),
					offset, widths[w], big ? "big" : "little");
				const struct image_stream *s = stream_of(yaml);

				for (unsigned int b = 0; b < widths[w] / 8; b++) {
					uint64_t byte = buffer[16 + offset + b];

					expected = big ? expected << 8 | byte
						       : expected | byte << (8 * b);
				}
				assert_int_equal(s->key_count, 1);
				assert_true(s->key[0].load >= -7);
				assert_true(read_field(&s->key[0], buffer + 16) == expected);
			}
}

static void a_counter_is_described_with_its_wrap(void **state)
{
	(void)state;
	const struct image_stream *s = stream_of(
		STREAM_OF("    sequence: {offset: 2, width: 16, endian: big, skip: [0]}\n"));

	assert_int_equal(s->sequence_kind, SEQUENCE_COUNTER);
	assert_int_equal(s->modulus, 65536);
	assert_int_equal(s->step, 1);
	assert_int_equal(s->skip_count, 1);
	assert_int_equal(s->skip, 0);
	assert_int_equal(s->max_jump, 3000);
	s = stream_of(STREAM_OF("    sequence: {offset: 2, width: 8}\n"));
	assert_int_equal(s->modulus, 256);
	assert_int_equal(s->max_jump, 256 - 33);
	s = stream_of(STREAM_OF("    sequence: {offset: 2, width: 64, endian: big}\n"));
	assert_int_equal(s->modulus, 0);
	assert_int_equal(s->max_jump, 3000);
	s = stream_of(STREAM_OF(
		"    sequence: {offset: 2, width: 16, endian: big, step: 16, modulus: 4096}\n"));
	assert_int_equal(s->modulus, 4096);
	assert_int_equal(s->max_jump, 256 - 33);
	s = stream_of(STREAM_OF("    sequence: none\n"));
	assert_int_equal(s->sequence_kind, SEQUENCE_NONE);
	assert_int_equal(s->sequence.mask, 0);
}

static void a_counter_that_restarts_has_the_sample_id_beside_it(void **state)
{
	(void)state;
	const struct image_stream *s = stream_of(STREAM_OF(
		"    sequence: {offset: 5, width: 24, endian: big, first: 1, skip: [0],"
		" per: {offset: 2, width: 16, endian: big}}\n"
		"    resent: {offset: 0, mask: 0xFFFF, value: 0x0100}\n"
		"    sample: {id: {offset: 2, width: 16, endian: big}, marker: {offset: 4, mask: 0x0F, value: 0x02},"
		" index: {offset: 5, width: 24, endian: big}, packets: 100}\n"));

	assert_int_equal(s->sequence_kind, SEQUENCE_PER_SAMPLE);
	assert_int_equal(s->first, 1);
	assert_int_equal(s->sample_kind, SAMPLE_ID);
	assert_int_equal(s->sample_step, 1);
	assert_int_equal(s->sample_packets, 100);
	assert_int_equal(s->sample.mask, 0xffff);
	assert_int_equal(s->flags, STREAM_PRECISE | STREAM_INDEX | STREAM_RESENT);
	uint8_t wire[16] = { [8] = 0x01, [12] = 0xf2 };
	uint64_t raw;

	memcpy(&raw, wire + 8 + s->marker.load, 8);
	assert_true((raw & s->marker.mask) == s->marker.value);
	memcpy(&raw, wire + 8 + s->resent.load, 8);
	assert_true((raw & s->resent.mask) == s->resent.value);
	wire[9] = 1;
	memcpy(&raw, wire + 8 + s->resent.load, 8);
	assert_false((raw & s->resent.mask) == s->resent.value);
	s = stream_of(STREAM_OF("    sequence: {offset: 4, width: 16, endian: big, step: 16,"
				" per: {offset: 2, width: 16, endian: big}}\n"));
	assert_int_equal(s->sample_kind, SAMPLE_ID);
	assert_int_equal(s->sample.mask, 0xffff);
	s = stream_of(
		STREAM_OF("    sample: {id: {offset: 2, width: 32, endian: big, step: any}}\n"));
	assert_int_equal(s->sample_step, 0);
}

static void a_time_stamp_stands_in_for_a_counter(void **state)
{
	(void)state;
	const struct image_stream *s = stream_of(STREAM_OF(
		"    sequence: none\n"
		"    sample: {wrap: {offset: 2, width: 16, endian: little, modulus: 36000}}\n"
		"    timestamp: {offset: 1200, width: 32, endian: little, unit: us, modulus: 1h, gap_above: 1.5}\n"
		"    nominal: {packet_rate: 1000}\n"));

	assert_int_equal(s->sequence_kind, SEQUENCE_TIMESTAMP);
	assert_int_equal(s->sequence.load, 1196);
	assert_true(s->modulus == 3600000000u);
	assert_int_equal(s->nominal, 1000 << 8);
	assert_int_equal(s->gap, 1500 << 8);
	assert_int_equal(s->max_jump, 3000);
	assert_int_equal(s->sample_kind, SAMPLE_WRAP);
	assert_int_equal(s->sample_modulus, 36000);
	s = stream_of(STREAM_OF(
		"    timestamp: {offset: 0, width: 64, endian: big, unit: ns, gap_above: 2}\n"
		"    nominal: {packet_rate: 18}\n"));
	assert_int_equal(s->modulus, 0);
	s = stream_of(STREAM_OF("    timestamp: {offset: 0, width: 64, endian: big, unit: ns}\n"));
	assert_int_equal(s->sequence_kind, SEQUENCE_NONE);
}

static void a_stream_says_what_else_the_protocol_leaves_open(void **state)
{
	(void)state;
	compile_into(
		image,
		"profile: p\n"
		"protocols:\n"
		"  - {protocol: x, sequence: {offset: 0, width: 16, endian: big}, sample: none,\n"
		"     match: {destination_port: 9, payload: [{offset: 0, value: 0x01}, {offset: 4, value: 0x02}]}}\n"
		"streams:\n"
		"  - {name: a, protocol: x, samples: {packets: 75}, class: critical, stale_after: 200ms,\n"
		"     lease: 50ms, match: {destination_port: 10, payload: [{offset: 4, value: 0x03}]}}\n"
		"  - {name: b, protocol: x, timing: precise, deliver: drop}\n",
		0);
	const struct image_stream *a = &image->stream[0], *b = &image->stream[1];

	assert_string_equal(image->name, "p");
	assert_int_equal(image->stream_count, 2);
	assert_int_equal(a->sample_kind, SAMPLE_PACKETS);
	assert_int_equal(a->sample_packets, 75);
	assert_int_equal(a->stale_after_ns, 200000000);
	assert_int_equal(a->lease_ns, 50000000);
	assert_int_equal(a->class, CLASS_CRITICAL);
	assert_int_equal(a->flags, 0);
	assert_int_equal(a->deliver, DELIVER_STACK);
	assert_int_equal(b->class, CLASS_NORMAL);
	assert_int_equal(b->deliver, DELIVER_DROP);
	assert_int_equal(b->flags, STREAM_PRECISE);
	assert_int_equal(b->sample_kind, SAMPLE_NONE);
	assert_string_equal(image->label[1].name, "b");
	assert_string_equal(image->label[1].protocol, "x");
	assert_int_equal(b->id, 1);
	/* Both tests lie in one load: byte 0 is 1, byte 4 is 3. */
	assert_int_equal(a->test_count, 1);
	uint8_t wire[24] = { [8] = 1, [12] = 3 };
	const struct image_test *test = &image->test[a->test_first];
	uint64_t raw;

	memcpy(&raw, wire + 8 + test->load, 8);
	assert_true((raw & test->mask) == test->value);
	const struct image_ports *ports = &image->destination_port;

	assert_int_equal(ports->table.mask[ports->table.class[10]], 1);
	assert_int_equal(ports->table.mask[ports->table.class[9]], 2);
	assert_int_equal(ports->table.mask[ports->table.class[8]], 0);
	assert_int_equal(image->keys, IMAGE_KEY_DESTINATION_PORT);
	assert_int_equal(image->with_tests, 3);
}

static void rates_become_virtual_schedules(void **state)
{
	struct timespec tick;

	(void)state;
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	compile_into(
		image,
		"profile: p\n"
		"classes: {bulk: {rate: 8Mbit, burst: 1MB}, high: {rate: 10kpps, burst: 2000 packets, shed_at: 3},\n"
		"          critical: {shed_at: never}}\n"
		"streams:\n"
		"  - {name: a, match: {vlan: 1}, rate: 80Mbit, burst: 1500B, deliver: af_xdp}\n"
		"  - {name: b, match: {vlan: 2}, rate: 8Gbit, burst: 1500B}\n"
		"default: {class: bulk, deliver: drop}\nessentials: {icmp: drop, control: drop, arp: pass}\n",
		1);
	const struct image_class_policy *bulk = &image->class[CLASS_BULK];

	assert_int_equal(bulk->bucket.cost, 1000 << 16);
	assert_int_equal(bulk->bucket.burst_ns, 1000000000);
	assert_int_equal(bulk->bucket.per_packet, 0);
	assert_int_equal(bulk->shed_at, 1);
	assert_int_equal(image->class[CLASS_NORMAL].shed_at, 2);
	assert_int_equal(image->class[CLASS_NORMAL].bucket.cost, 0);
	assert_int_equal(image->class[CLASS_HIGH].bucket.cost, 100000ull << 16);
	assert_int_equal(image->class[CLASS_HIGH].bucket.burst_ns, 200000000);
	assert_int_equal(image->class[CLASS_HIGH].bucket.per_packet, 1);
	assert_int_equal(image->class[CLASS_HIGH].shed_at, 3);
	assert_int_equal(image->class[CLASS_CRITICAL].shed_at, 0);
	/* A precise stream keeps its small burst, a coarse one gets three ticks, with a warning. */
	assert_int_equal(image->bucket[0].precise, 1);
	assert_int_equal(image->bucket[0].burst_ns, 150000);
	assert_int_equal(image->bucket[1].precise, 0);
	assert_int_equal(image->bucket[1].burst_ns, 3 * tick.tv_nsec);
	assert_int_equal(image->default_class, CLASS_BULK);
	assert_int_equal(image->default_deliver, DELIVER_DROP);
	assert_int_equal(image->essential_drop, 1 << ESSENTIAL_ICMP | 1 << ESSENTIAL_CONTROL |
							1 << ESSENTIAL_CONTROL_NAMED);
}

static void essential_ports_have_classes_of_their_own(void **state)
{
	static const struct {
		uint16_t port;
		uint8_t udp, tcp;
	} expected[] = {
		{ 319, ESSENTIAL_PTP, 0 },
		{ 320, ESSENTIAL_PTP, 0 },
		{ 123, ESSENTIAL_NTP, 0 },
		{ 67, ESSENTIAL_DHCP, 0 },
		{ 68, ESSENTIAL_DHCP, 0 },
		{ 546, ESSENTIAL_DHCP, 0 },
		{ 547, ESSENTIAL_DHCP, 0 },
		{ 3956, ESSENTIAL_CONTROL, 0 },
		{ 30490, ESSENTIAL_CONTROL, 0 },
		{ 13400, ESSENTIAL_CONTROL, 0 },
		{ 56000, ESSENTIAL_CONTROL, 0 },
		{ 56100, ESSENTIAL_CONTROL, 0 },
		{ 9347, 0, ESSENTIAL_CONTROL },
		{ 554, 0, ESSENTIAL_CONTROL },
		{ 80, 0, ESSENTIAL_CONTROL_NAMED },
		{ 7501, 0, ESSENTIAL_CONTROL_NAMED },
		{ 2368, 0, 0 },
		{ 56301, 0, 0 },
		{ 22, 0, 0 },
	};

	(void)state;
	compile_into(image,
		     "profile: p\nstreams:\n  - {name: a, match: {source_port: 0-65535}}\n"
		     "  - {name: b, match: {destination_port: 100-400, source: 10.0.0.1}}\n",
		     1);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		for (int side = 0; side < 2; side++) {
			const struct image_ports *p = side ? &image->source_port
							   : &image->destination_port;

			assert_int_equal(p->essential_udp[p->table.class[expected[i].port]],
					 expected[i].udp);
			assert_int_equal(p->essential_tcp[p->table.class[expected[i].port]],
					 expected[i].tcp);
		}
	assert_int_equal(image->with_source, 2);
}

static void the_image_carries_a_source_that_makes_it_again(void **state)
{
	static const char yaml[] =
		"profile: p\n"
		"description: \"quotes \\\" and caf\xc3\xa9, # no comment: [x]\"\n"
		"protocols:\n"
		"  - {protocol: unused, sequence: none}\n"
		"  - {protocol: x, match: {destination_port: 2368, length: [1206, 1248-1300]},\n"
		"     sample: {wrap: {offset: 2, width: 16, endian: little}}}\n"
		"streams:\n"
		"  - {name: a, protocol: x, match: {source: \"fd00::/8\"}, class: critical}\n"
		"  - {name: b, match: {source_mac: \"60:76:88:00:00:01\", vlan: 5}, rate: 5Mbit}\n";
	char *source, *again;
	struct profile_image *second = malloc(sizeof(*second));

	(void)state;
	compile_into(image, yaml, 0);
	assert_int_equal(profile_source(image, &source), 0);
	assert_null(strstr(source, "unused"));
	compile_into(second, source, 0);
	assert_memory_equal(image, second, sizeof(*image));
	assert_int_equal(profile_source(second, &again), 0);
	assert_string_equal(source, again);
	second->source[10] ^= 0x55;
	free(again);
	assert_int_not_equal(profile_source(second, &again), 0);
	second->source_length = 0xffffffff;
	assert_int_not_equal(profile_source(second, &again), 0);
	free(source);
	free(second);
}

static int set_up(void **state)
{
	(void)state;
	image = malloc(sizeof(*image));
	return image ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(image);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_all_widths_are_read_where_they_lie),
		cmocka_unit_test(a_counter_is_described_with_its_wrap),
		cmocka_unit_test(a_counter_that_restarts_has_the_sample_id_beside_it),
		cmocka_unit_test(a_time_stamp_stands_in_for_a_counter),
		cmocka_unit_test(a_stream_says_what_else_the_protocol_leaves_open),
		cmocka_unit_test(rates_become_virtual_schedules),
		cmocka_unit_test(essential_ports_have_classes_of_their_own),
		cmocka_unit_test(the_image_carries_a_source_that_makes_it_again),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
