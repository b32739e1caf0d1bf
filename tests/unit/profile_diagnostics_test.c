// SPDX-License-Identifier: GPL-2.0-only
/* Every mistake is named at its place, with what was expected and what was probably meant. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/profile/profile.h"

#define HEAD	 "profile: p\nstreams:\n"
#define STREAM	 "  - name: a\n    match: {ethertype: 0x88B5}\n"
#define PROTOCOL "profile: p\nprotocols:\n  - protocol: x\n"

struct mistake {
	const char *yaml;
	int line, column;
	const char *key, *message, *suggestion;
	bool warning;
};

static const struct mistake mistakes[] = {
	/* The shape of the document. */
	{ "profile: p\nstreems: []\n", 2, 1, "streems", "unknown key \"streems\"", "streams",
	  false },
	{ "profile: p\nprofile: q\n", 2, 1, "profile", "already in line 1", "", false },
	{ "streams: []\n", 1, 1, "", "\"profile\" is missing", "", false },
	{ "- a\n", 1, 1, "", "a list cannot stand here", "", false },
	{ "word\n", 1, 1, "", "cannot stand here", "", false },
	{ "", 0, 0, "", "empty", "", false },
	{ "# nothing\n", 0, 0, "", "empty", "", false },
	{ "profile: p\nstreams: 5\n", 2, 10, "streams", "not a list", "", false },
	{ "profile: p\n---\nprofile: q\n", 2, 1, "", "second YAML document", "", false },
	{ "profile: !x p\n", 1, 0, "profile", "tags", "", false },
	{ "{a: b}: c\n", 1, 1, "", "no key", "", false },
	{ "profile: [p\n", 2, 0, "", "", "", false },
	{ "profile: \"p\n", 0, 0, "", "", "", false },
	{ "profile: p\n\tx: y\n", 2, 1, "", "a tab", "", false },
	{ "profile: p\nstreams: *x\n", 2, 10, "streams", "no anchor \"x\"", "", false },
	{ "a: &a [*a]\n", 1, 8, "a[0]", "inside its own anchor", "", false },
	{ "profile: caf\xe9\n", 1, 13, "", "not UTF-8", "", false },
	{ "profile: p\ndescription: \"a\x07\"\n", 2, 16, "", "control character", "", false },
	{ "profile: \"a\\0b\"\n", 1, 10, "profile", "zero byte", "", false },
	/* Names. */
	{ "profile: \"a b\"\n", 1, 10, "profile", "cannot be a name", "", false },
	{ "profile: ../../etc/passwd\n", 1, 10, "profile", "cannot be a name", "", false },
	{ "profile: \"a\\x1bb\"\n", 1, 10, "profile", "\"a?b\" cannot be a name", "", false },
	{ "profile: caf\xc3\xa9\n", 1, 10, "profile", "cannot be a name", "", false },
	{ "profile: 123456789012345678901234567890123456789012345678\n", 1, 10, "profile",
	  "48 bytes", "", false },
	{ "profile:\n", 1, 0, "profile", "no value", "", false },
	/* Streams. */
	{ HEAD STREAM STREAM, 5, 11, "streams[1].name", "already used in line 3", "", false },
	{ HEAD "  - {name: a}\n", 3, 5, "streams[0]", "neither which protocol", "", false },
	{ HEAD "  - {match: {vlan: 5}}\n", 3, 5, "streams[0]", "no name", "", false },
	{ HEAD STREAM "    class: critcal\n", 5, 12, "streams[0].class", "unknown word", "critical",
	  false },
	{ HEAD STREAM "    deliver: afxdp\n", 5, 14, "streams[0].deliver", "unknown word", "af_xdp",
	  false },
	{ HEAD STREAM "    deliver: {cpu: 2}\n", 5, 14, "streams[0].deliver", "to a CPU", "",
	  false },
	{ HEAD STREAM "    deliver: {interface: [a, b]}\n", 5, 14, "streams[0].deliver",
	  "interface", "", false },
	{ HEAD STREAM "    deliver: reflect\n", 5, 14, "streams[0].deliver", "reflect", "", false },
	{ HEAD STREAM "    mirror: eth2\n", 5, 13, "streams[0].mirror", "mirror", "", false },
	{ HEAD STREAM "    protocol: velodyne\n", 5, 15, "streams[0].protocol", "no protocol", "",
	  false },
	{ HEAD STREAM "    rate: 50\n", 5, 11, "streams[0].rate", "no unit", "", false },
	{ HEAD STREAM "    rate: 50Mbti\n", 5, 11, "streams[0].rate", "no unit here", "50Mbit",
	  false },
	{ HEAD STREAM "    rate: fast\n", 5, 11, "streams[0].rate", "begin with a number", "",
	  false },
	{ HEAD STREAM "    rate: 0bit\n", 5, 11, "streams[0].rate", "out of range", "", false },
	{ HEAD STREAM "    rate: 5kpps\n    burst: 1MiB\n", 6, 12, "streams[0].burst",
	  "unit of the rate", "", false },
	{ HEAD STREAM "    burst: 1MiB\n", 5, 12, "streams[0].burst", "no use", "", false },
	{ HEAD STREAM "    lease: 20\n", 5, 12, "streams[0].lease", "no unit", "", false },
	{ HEAD STREAM "    lease: 1h\n", 5, 12, "streams[0].lease", "out of range", "", false },
	{ HEAD STREAM "    timing: exact\n", 5, 13, "streams[0].timing", "unknown word", "",
	  false },
	{ HEAD STREAM "    keep: 3/2\n", 5, 11, "streams[0].keep", "fraction", "", false },
	{ HEAD STREAM "    keep: 1/2\n", 5, 11, "streams[0].keep", "no sample id", "", false },
	{ HEAD STREAM "    shed: sample\n", 5, 11, "streams[0].shed", "no sample id", "", false },
	{ HEAD STREAM "    readers: {user: [a]}\n", 5, 15, "streams[0].readers.user", "unknown key",
	  "users", false },
	{ HEAD STREAM "    readers: {users: a}\n", 5, 22, "streams[0].readers.users", "not a list",
	  "", false },
	{ HEAD STREAM "    budget: {jitter: 2}\n", 5, 22, "streams[0].budget.jitter", "no unit", "",
	  false },
	{ HEAD STREAM "    samples: {packets: 5}\n", 5, 14, "streams[0].samples", "need a sequence",
	  "", false },
	/* Matches. */
	{ HEAD "  - {name: a, match: {prot: 5}}\n", 3, 23, "streams[0].match.prot", "unknown key",
	  "", false },
	{ HEAD "  - {name: a, match: {destination_prt: 5}}\n", 3, 23,
	  "streams[0].match.destination_prt", "unknown key", "destination_port", false },
	{ HEAD "  - {name: a, match: {source_port: 236800}}\n", 3, 36,
	  "streams[0].match.source_port", "out of range", "", false },
	{ HEAD "  - {name: a, match: {source_port: x}}\n", 3, 36, "streams[0].match.source_port",
	  "not a number", "", false },
	{ HEAD "  - {name: a, match: {source_port: {a: 5}}}\n", 3, 36,
	  "streams[0].match.source_port", "a map cannot stand here", "", false },
	{ HEAD "  - {name: a, match: {source_port: 9-5}}\n", 3, 36, "streams[0].match.source_port",
	  "is empty", "", false },
	{ HEAD "  - {name: a, match: {length: [5, 70000]}}\n", 3, 35, "streams[0].match.length[1]",
	  "out of range", "", false },
	{ HEAD "  - {name: a, match: {source_port: []}}\n", 3, 36, "streams[0].match.source_port",
	  "empty", "", false },
	{ HEAD "  - {name: a, match: {vlan: 4095}}\n", 3, 29, "streams[0].match.vlan",
	  "out of range", "", false },
	{ HEAD "  - {name: a, match: {pcp: 8}}\n", 3, 28, "streams[0].match.pcp", "out of range",
	  "", false },
	{ HEAD "  - {name: a, match: {ethertype: 0x8100}}\n", 3, 34, "streams[0].match.ethertype",
	  "VLAN tag", "", false },
	{ HEAD "  - {name: a, match: {ethertype: 5}}\n", 3, 34, "streams[0].match.ethertype",
	  "out of range", "", false },
	{ HEAD "  - {name: a, match: {source_mac: 1:2:3}}\n", 3, 35, "streams[0].match.source_mac",
	  "not a MAC", "", false },
	{ HEAD "  - {name: a, match: {source: 192.168.1}}\n", 3, 31, "streams[0].match.source",
	  "not an address", "", false },
	{ HEAD "  - {name: a, match: {source: 10.0.0.0/33}}\n", 3, 31, "streams[0].match.source",
	  "prefix length", "", false },
	{ HEAD "  - {name: a, match: {source: 10.0.0.1/8}}\n", 3, 31, "streams[0].match.source",
	  "beyond its prefix length", "", false },
	{ HEAD "  - {name: a, match: {source: 10.0.0.1, destination: \"fd00::1\"}}\n", 3, 22,
	  "streams[0].match", "another IP version", "", false },
	{ HEAD "  - {name: a, match: {ethertype: 0x88B5, source: 10.0.0.1}}\n", 3, 22,
	  "streams[0].match", "field of IP", "", false },
	{ HEAD "  - {name: a, match: {ip_protocol: icmp, source_port: 5}}\n", 3, 22,
	  "streams[0].match", "does not have", "", false },
	{ HEAD "  - {name: a, match: {ip_protocol: udo}}\n", 3, 36, "streams[0].match.ip_protocol",
	  "unknown IP protocol", "udp", false },
	{ HEAD "  - {name: a, match: {dscp: 64}}\n", 3, 29, "streams[0].match.dscp", "out of range",
	  "", false },
	{ HEAD "  - {name: a, match: {payload: [{offset: 0, value: 0xEEFF, mask: 0xFF}]}}\n", 3, 66,
	  "streams[0].match.payload[0].mask", "1 bytes, the value 2", "", false },
	{ HEAD "  - {name: a, match: {payload: [{offset: 0, value: 0xEEF}]}}\n", 3, 52,
	  "streams[0].match.payload[0].value", "half a byte", "", false },
	{ HEAD "  - {name: a, match: {payload: [{offset: 0, value: 1000}]}}\n", 3, 52,
	  "streams[0].match.payload[0].value", "how many bytes", "", false },
	{ HEAD "  - {name: a, match: {payload: [{offset: 2047, value: 0x0102}]}}\n", 3, 33,
	  "streams[0].match.payload[0]", "ends at byte 2049", "", false },
	{ HEAD "  - {name: a, match: {payload: [{value: 0x01}]}}\n", 3, 33,
	  "streams[0].match.payload[0]", "\"offset\" is missing", "", false },
	{ HEAD
	  "  - {name: a, match: {payload: [{offset: 0, value: 0x01}, {offset: 0, value: 0x02}]}}\n",
	  3, 22, "streams[0].match", "contradict", "", false },
	/* What never matches. */
	{ HEAD STREAM "  - {name: b, match: {ethertype: 0x88B5, length: 5}}\n", 5, 12,
	  "streams[1].name", "\"b\" never matches: \"a\" before it", "", true },
	{ HEAD "  - {name: a, match: {ip_protocol: udp, destination_port: 319}}\n", 3, 12,
	  "streams[0].name", "never matches: its destination port is essential", "", true },
	{ HEAD "  - {name: a, match: {ethertype: 0x88F7}}\n", 3, 12, "streams[0].name",
	  "its EtherType is essential", "", true },
	/* Classes, essentials, default, threads, egress. */
	{ "profile: p\nclasses: {critcal: {}}\n", 2, 11, "classes.critcal", "unknown key",
	  "critical", false },
	{ "profile: p\nclasses: {bulk: {shed_at: 4}}\n", 2, 27, "classes.bulk.shed_at",
	  "unknown word", "", false },
	{ "profile: p\nclasses: {bulk: {rate: 50}}\n", 2, 24, "classes.bulk.rate", "no unit", "",
	  false },
	{ "profile: p\nessentials: {imcp: drop}\n", 2, 14, "essentials.imcp", "unknown key", "icmp",
	  false },
	{ "profile: p\nessentials: {icmp: dorp}\n", 2, 20, "essentials.icmp", "unknown word",
	  "drop", false },
	{ "profile: p\ndefault: {deliver: af_xdp}\n", 2, 20, "default.deliver", "unknown word", "",
	  false },
	{ "profile: p\nthreads: [{comm: a, streams: [b]}]\n", 2, 31, "threads[0].streams[0]",
	  "unknown word", "", false },
	{ "profile: p\nthreads: [{comm: a, cpus: 3-1}]\n", 2, 27, "threads[0].cpus",
	  "no list of CPUs", "", false },
	{ "profile: p\nthreads: [{comm: a}]\n", 2, 1, "threads", "does not act", "", true },
	{ "profile: p\negress: [{name: u, rate: 5}]\n", 2, 26, "egress[0].rate", "no unit", "",
	  false },
	{ "profile: p\ninclude: [other]\n", 2, 11, "include[0]", "no profile \"other\"", "",
	  false },
	/* Protocols. */
	{ PROTOCOL "    sequence: {offset: 2048, width: 8}\n", 4, 24,
	  "protocols[0].sequence.offset", "out of range", "", false },
	{ PROTOCOL "    sequence: {offset: 0, width: 12}\n", 4, 34, "protocols[0].sequence.width",
	  "12 bits wide", "", false },
	{ PROTOCOL "    sequence: {offset: 0, width: 16}\n", 4, 15, "protocols[0].sequence",
	  "\"endian\" is missing", "", false },
	{ PROTOCOL "    sequence: {offset: 0, width: 16, endian: litle}\n", 4, 46,
	  "protocols[0].sequence.endian", "unknown word", "little", false },
	{ PROTOCOL "    sequence: {offset: 2047, width: 16, endian: big}\n", 4, 15,
	  "protocols[0].sequence", "ends at byte 2049", "", false },
	{ PROTOCOL "    sequence: {offset: 0, width: 8, step: 16}\n", 4, 15,
	  "protocols[0].sequence", "wraps after 16 packets", "", false },
	{ PROTOCOL "    sequence: {offset: 0, width: 8, skip: [0, 1]}\n", 4, 43,
	  "protocols[0].sequence.skip", "only one", "", false },
	{ PROTOCOL "    sequence: {offset: 0, width: 8, first: 1}\n", 4, 44,
	  "protocols[0].sequence.first", "never restarts", "", false },
	{ PROTOCOL
	  "    timestamp: {offset: 0, width: 32, endian: little, unit: us, gap_above: 1.5}\n",
	  4, 76, "protocols[0].timestamp.gap_above", "nominal packet rate", "", false },
	{ PROTOCOL "    timestamp: {offset: 0, width: 16, endian: little, unit: us, modulus: 1s}\n",
	  4, 74, "protocols[0].timestamp.modulus", "not a modulus", "", false },
	{ PROTOCOL "    sample: {packets: 5}\n", 4, 13, "protocols[0].sample", "need a sequence",
	  "", false },
	{ PROTOCOL "    sample: {marker: {offset: 0, mask: 0}}\n", 4, 40,
	  "protocols[0].sample.marker.mask", "mask is empty", "", false },
	{ PROTOCOL
	  "    key: [{offset: 0, width: 8}, {offset: 1, width: 8}, {offset: 2, width: 8}]\n",
	  4, 10, "protocols[0].key", "3 fields", "", false },
};

static int parse(const char *yaml, struct diagnostics *d)
{
	struct profile *profile = NULL;
	struct profile_image *image = malloc(sizeof(*image));
	int result = profile_parse_text(yaml, strlen(yaml), "test.yaml", &profile, d);

	if (!result)
		result = profile_compile(profile, image, d);
	profile_free(profile);
	free(image);
	return result;
}

/* 0 and "" in the table: anything. */
static bool is_it(const struct mistake *m, const struct diagnostic *item)
{
	return (!m->line || m->line == item->line) && (!m->column || m->column == item->column) &&
	       !strcmp(m->key, item->key) && strstr(item->message, m->message) &&
	       (!*m->suggestion || !strcmp(m->suggestion, item->suggestion)) &&
	       m->warning == item->warning && !strcmp(item->file, "test.yaml");
}

static void a_mistake_is_named_at_its_place(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const struct mistake *m = &mistakes[i];
		struct diagnostics d = { 0 };
		int result = parse(m->yaml, &d);
		bool found = false;

		for (size_t j = 0; j < d.count; j++)
			found |= is_it(m, &d.items[j]);
		if (!found || (result == 0) != m->warning) {
			print_message("mistake %zu, result %d, wanted %d:%d %s \"%s\"\n%s", i,
				      result, m->line, m->column, m->key, m->message, m->yaml);
			diagnostics_print(&d, stdout);
			for (size_t j = 0; j < d.count; j++)
				print_message("key %s\n", d.items[j].key);
			wrong++;
		}
		diagnostics_free(&d);
	}
	assert_int_equal(wrong, 0);
}

static void all_mistakes_are_named_in_one_run_in_the_order_of_lines(void **state)
{
	struct diagnostics d = { 0 };

	(void)state;
	assert_int_equal(parse(HEAD "  - name: a\n"
				    "    protocl: x\n"
				    "    match: {source: 1.2.3, destination_port: 99999}\n"
				    "    class: hihg\n"
				    "    rate: 50\n"
				    "clases: {}\n"
				    "default: {deliver: dorp}\n",
			       &d),
			 -EINVAL);
	static const int lines[] = { 4, 5, 5, 6, 7, 8, 9 };

	assert_int_equal(d.errors, 7);
	assert_int_equal(d.count, 7);
	for (size_t i = 0; i < d.count; i++)
		assert_int_equal(d.items[i].line, lines[i]);
	diagnostics_free(&d);
}

static void an_excerpt_shows_the_line_and_carets_below(void **state)
{
	struct diagnostics d = { 0 };

	(void)state;
	parse("profile: p\ndefault: {class: \"\xc3\xa9\xc3\xa9\", deliver: dorp}\n", &d);
	assert_string_equal(d.items[1].excerpt,
			    "default: {class: \"\xc3\xa9\xc3\xa9\", deliver: dorp}\n"
			    "                                ^~~~");
	json_t *json = diagnostics_json(&d);

	assert_int_equal(json_array_size(json_object_get(json, "errors")), 2);
	assert_int_equal(json_array_size(json_object_get(json, "warnings")), 0);
	assert_string_equal(
		json_string_value(json_object_get(
			json_array_get(json_object_get(json, "errors"), 1), "suggestion")),
		"drop");
	json_decref(json);
	diagnostics_free(&d);
}

static char *repeat(const char *head, const char *format, unsigned int count)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs(head, out);
	for (unsigned int i = 0; i < count; i++)
		fprintf(out, format, i, i);
	fclose(out);
	return text;
}

static void expect(char *yaml, const char *message)
{
	struct diagnostics d = { 0 };
	bool found = !message;
	int result = parse(yaml, &d);

	for (size_t i = 0; message && i < d.count; i++)
		found |= strstr(d.items[i].message, message) != NULL;
	if (!found || (result == 0) != !message) {
		diagnostics_print(&d, stdout);
		fail_msg("expected: %s", message ? message : "no error");
	}
	diagnostics_free(&d);
	free(yaml);
}

static void limits_are_kept(void **state)
{
	(void)state;
	expect(repeat(HEAD, "  - {name: s%u, match: {destination_port: %u}}\n", 64), NULL);
	expect(repeat(HEAD, "  - {name: s%u, match: {destination_port: %u}}\n", 65), "65 streams");
	expect(repeat("a: ", "[", 1000), "");
	expect(repeat("", "- ", 1000), "");
	expect(repeat("a: ", "{a: ", 100), "");
	expect(repeat("a0: &a0 [x, x, x, x, x, x, x, x, x]\n",
		      "a%1$u_: &b%1$u [*a0, *a0, *a0, *a0, *a0, *a0, *a0]\n", 2000),
	       "too large");
	expect(repeat("profile: p\n", "x%u: y\n", 5000), "unknown key");
	expect(repeat("profile: p\ndescription: ", "%u%u abcdefg", 90000), "too large");
}

static void aliases_are_expanded(void **state)
{
	struct diagnostics d = { 0 };

	(void)state;
	assert_int_equal(parse(HEAD "  - {name: a, match: &m {vlan: 5}}\n"
				    "  - {name: b, match: *m}\n",
			       &d),
			 0);
	assert_int_equal(d.count, 1);
	assert_non_null(strstr(d.items[0].message, "\"b\" never matches"));
	diagnostics_free(&d);
}

static void payload_loads_are_counted_for_reachable_sets_only(void **state)
{
	/* Nine streams that one packet may match: too many. On ports of their own: fine. */
	(void)state;
	expect(repeat(HEAD,
		      "  - {name: s%u, match: {destination_port: 5, payload: [{offset: 0, value: 0x%02x}]}}\n",
		      8),
	       NULL);
	expect(repeat(HEAD,
		      "  - {name: s%u, match: {destination_port: 5, payload: [{offset: 0, value: 0x%02x}]}}\n",
		      9),
	       "8 payload loads, to tell these streams apart: s0, s1");
	expect(repeat(HEAD,
		      "  - {name: s%u, match: {destination_port: %u, payload: [{offset: 0, value: 0x01}]}}\n",
		      64),
	       NULL);
	/* Tests side by side are one load. */
	expect(repeat(HEAD "  - {name: a, match: {vlan: 1, payload: [",
		      "{offset: %u, value: 0x01}, ", 64),
	       "");
	char *wide = repeat(HEAD "  - {name: a, match: {vlan: 1, payload: [",
			    "{offset: %u, value: 0x01}, ", 64);
	size_t length = strlen(wide);

	wide = realloc(wide, length + 8);
	strcpy(wide + length, "]}}\n");
	expect(wide, NULL);
	/* A stream without tests before them takes the packets that would cost too much. */
	expect(repeat(HEAD "  - {name: all, match: {destination_port: 5}}\n",
		      "  - {name: s%u, match: {destination_port: 5, payload: [{offset: 0, value: 0x%02x}]}}\n",
		      9),
	       NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mistake_is_named_at_its_place),
		cmocka_unit_test(all_mistakes_are_named_in_one_run_in_the_order_of_lines),
		cmocka_unit_test(an_excerpt_shows_the_line_and_carets_below),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(aliases_are_expanded),
		cmocka_unit_test(payload_loads_are_counted_for_reachable_sets_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
