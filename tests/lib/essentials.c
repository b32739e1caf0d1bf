// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/deliveries.h"
#include "tests/lib/frames.h"
#include "tests/lib/path.h"

#define UDP 17
#define TCP 6

static struct path path;
static bool loaded_program;

/* One frame that belongs to a kind: an EtherType, an ICMP type, or a port. */
static const struct sample {
	const char *kind;   /* NULL: no essential */
	uint16_t ethertype; /* 0: IP; < 0x600: an 802.3 length */
	uint8_t protocol;
	uint8_t type; /* of ICMP */
	uint16_t port;
} samples[] = {
	{ "icmp", .protocol = 1, .type = 8 },
	{ "icmp", .protocol = 1, .type = 3 },
	{ "icmp", .protocol = 58, .type = 128 },
	{ "icmp", .protocol = 58, .type = 2 },
	{ "nd", .protocol = 58, .type = 133 },
	{ "nd", .protocol = 58, .type = 135 },
	{ "nd", .protocol = 58, .type = 137 },
	{ "igmp", .protocol = 2 },
	{ "igmp", .protocol = 58, .type = 130 },
	{ "igmp", .protocol = 58, .type = 132 },
	{ "igmp", .protocol = 58, .type = 143 },
	{ "arp", .ethertype = 0x0806 },
	{ "ptp", .ethertype = 0x88f7 },
	{ "ptp", .protocol = UDP, .port = 319 },
	{ "ptp", .protocol = UDP, .port = 320 },
	{ "ntp", .protocol = UDP, .port = 123 },
	{ "dhcp", .protocol = UDP, .port = 67 },
	{ "dhcp", .protocol = UDP, .port = 68 },
	{ "dhcp", .protocol = UDP, .port = 546 },
	{ "dhcp", .protocol = UDP, .port = 547 },
	{ "lldp", .ethertype = 0x88cc },
	{ "stp", .ethertype = 38 },
	{ "lacp", .ethertype = 0x8809 },
	{ "eapol", .ethertype = 0x888e },
	{ "control", .protocol = UDP, .port = 3956 },
	{ "control", .protocol = UDP, .port = 30490 },
	{ "control", .protocol = UDP, .port = 13400 },
	{ "control", .protocol = TCP, .port = 9347 },
	{ "control", .protocol = TCP, .port = 554 },
	{ NULL, .protocol = TCP, .port = 80 },
	{ NULL, .protocol = TCP, .port = 3956 },
	{ NULL, .protocol = UDP, .port = 9 },
	{ NULL, .protocol = 47 },
	{ NULL, .ethertype = 0x88b5 },
};

static const char *const kinds[] = { "icmp", "nd",   "igmp", "arp",  "ptp",   "ntp",
				     "dhcp", "lldp", "stp",  "lacp", "eapol", "control" };

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Returns 0 where there is no such frame. side: the port is the source's or the destination's. */
static uint32_t build(const struct sample *s, uint8_t family, bool side, uint8_t *frame)
{
	uint8_t payload[60] = { s->type };

	if (s->ethertype) {
		if (s->ethertype < 0x600)
			payload[0] = payload[1] = 0x42;
		return family == 4 ? ethernet_frame(side ? 5 : 0, s->ethertype, payload, 46, frame)
				   : 0;
	}
	if ((s->protocol == 58) != (family == 6) && s->protocol != UDP && s->protocol != TCP)
		return 0;
	if (s->port) {
		uint16_t source = side ? s->port : 40000, destination = side ? 40000 : s->port;

		payload[0] = (uint8_t)(source >> 8);
		payload[1] = (uint8_t)source;
		payload[2] = (uint8_t)(destination >> 8);
		payload[3] = (uint8_t)destination;
		if (s->protocol == UDP)
			payload[5] = sizeof(payload);
		else
			payload[12] = 0x50;
	}
	return ip_frame(family, s->protocol, payload, sizeof(payload), frame);
}

/* Judges all samples in all forms. drop: the kind that the profile drops, or NULL. */
static void judge_all(const char *drop, enum verdict otherwise)
{
	for (size_t i = 0; i < COUNT(samples) * 4; i++) {
		const struct sample *s = &samples[i / 4];
		bool essential = s->kind, dropped = drop && essential && !strcmp(s->kind, drop);
		uint8_t frame[256];
		uint32_t length = build(s, i & 2 ? 6 : 4, i & 1, frame);

		if (length)
			judged_is(path_frame(&path, frame, length, 1000 + i), OTHER_ID,
				  dropped     ? VERDICT_DROP
				  : essential ? VERDICT_STACK
					      : otherwise,
				  essential ? REASON_ESSENTIAL : REASON_DEFAULT);
	}
}

static void pass_where_everything_else_is_dropped(void **state)
{
	(void)state;
	path_reset(&path);
	path_profile(&path, "profile: p\ndefault: {deliver: drop}\n");
	judge_all(NULL, VERDICT_DROP);
}

static void are_dropped_one_kind_at_a_time(void **state)
{
	char yaml[128];

	(void)state;
	for (size_t kind = 0; kind < COUNT(kinds); kind++) {
		snprintf(yaml, sizeof(yaml), "profile: p\nessentials: {%s: drop}\n", kinds[kind]);
		path_reset(&path);
		path_profile(&path, yaml);
		judge_all(kinds[kind], VERDICT_STACK);
	}
}

static void come_before_streams(void **state)
{
	(void)state;
	path_reset(&path);
	path_profile(&path, "profile: p\n"
			    "streams: [{name: all, match: {}, class: bulk, deliver: drop}]\n"
			    "classes: {bulk: {rate: 1kbit, shed_at: 1}}\n");
	for (size_t i = 0; i < COUNT(samples) * 4; i++) {
		const struct sample *s = &samples[i / 4];
		uint8_t frame[256];
		uint32_t length = build(s, i & 2 ? 6 : 4, i & 1, frame);

		if (length && s->kind)
			judged_is(path_frame(&path, frame, length, 1000 + i), OTHER_ID,
				  VERDICT_STACK, REASON_ESSENTIAL);
	}
}

static void web_pages_of_sensors_that_a_stream_names(void **state)
{
	static const uint16_t ports[] = { 80, 7501 };
	uint8_t frame[256];
	uint32_t length;

	(void)state;
	for (size_t i = 0; i < COUNT(ports); i++) {
		const struct sample s = { .protocol = TCP, .port = ports[i] };

		path_reset(&path);
		path_profile(&path, "profile: p\n"
				    "streams: [{name: s, match: {source: 192.168.1.1,"
				    " ip_protocol: udp}}]\n"
				    "default: {deliver: drop}\n");
		length = build(&s, 4, true, frame);
		judged_is(path_frame(&path, frame, length, 1), OTHER_ID, VERDICT_STACK,
			  REASON_ESSENTIAL);
		frame[14 + 15] = 3; /* from 192.168.1.3 */
		judged_is(path_frame(&path, frame, length, 1), OTHER_ID, VERDICT_DROP,
			  REASON_DEFAULT);
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

int essentials_run(const char *title, bool loaded)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pass_where_everything_else_is_dropped),
		cmocka_unit_test(are_dropped_one_kind_at_a_time),
		cmocka_unit_test(come_before_streams),
		cmocka_unit_test(web_pages_of_sensors_that_a_stream_names),
	};

	loaded_program = loaded;
	return cmocka_run_group_tests_name(title, tests, start, stop);
}
