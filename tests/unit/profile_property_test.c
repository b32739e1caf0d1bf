// SPDX-License-Identifier: GPL-2.0-only
/*
 * For random profiles and random packets, the image's tables name the same stream as a plain
 * walk over the rules does. The rules are made here and written out as YAML, so that neither
 * the parser nor the sets of the compiler take part in the reference.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/profile/profile.h"
#include "xdp/state.h"

#define PROFILES 100
#define PACKETS	 4000
#define PAYLOAD	 40

typedef unsigned __int128 u128;

static uint64_t seed = 20240229;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

static bool chance(uint32_t percent)
{
	return random_below(100) < percent;
}

struct range {
	bool given;
	uint32_t low, high;
};

struct prefix {
	bool given, v6;
	unsigned int length;
	uint8_t address[16];
};

struct rule {
	struct range vlan, pcp, ethertype, protocol, dscp, source_port, destination_port, length;
	bool mac_given;
	uint8_t mac_last;
	struct prefix source, destination;
	unsigned int tests;
	struct {
		uint8_t offset, value, mask;
	} test[3];
};

struct packet {
	bool tagged;
	uint32_t vlan, pcp, ethertype, protocol, dscp, source_port, destination_port, length;
	uint8_t mac_last;
	uint8_t source[16], destination[16];
	uint8_t before[16], payload[PAYLOAD]; /* headers lie before the payload */
};

static bool is_v4(const struct packet *p)
{
	return p->ethertype == 0x0800;
}

static bool is_v6(const struct packet *p)
{
	return p->ethertype == 0x86dd;
}

static bool has_ports(const struct packet *p)
{
	return (is_v4(p) || is_v6(p)) && (p->protocol == 6 || p->protocol == 17);
}

static bool in_range(const struct range *range, uint32_t value)
{
	return !range->given || (range->low <= value && value <= range->high);
}

static bool in_prefix(const struct prefix *prefix, const struct packet *p, const uint8_t *address)
{
	if (!prefix->given)
		return true;
	if (prefix->v6 ? !is_v6(p) : !is_v4(p))
		return false;
	for (unsigned int bit = 0; bit < prefix->length; bit++)
		if ((prefix->address[bit / 8] ^ address[bit / 8]) & (0x80 >> bit % 8))
			return false;
	return true;
}

static bool matches(const struct rule *r, const struct packet *p)
{
	bool ip = is_v4(p) || is_v6(p);

	if ((r->vlan.given || r->pcp.given) && !p->tagged)
		return false;
	if (p->tagged && (!in_range(&r->vlan, p->vlan) || !in_range(&r->pcp, p->pcp)))
		return false;
	if (!in_range(&r->ethertype, p->ethertype) || !in_range(&r->length, p->length))
		return false;
	if (r->mac_given && r->mac_last != p->mac_last)
		return false;
	if ((r->protocol.given || r->dscp.given) && !ip)
		return false;
	if (ip && (!in_range(&r->protocol, p->protocol) || !in_range(&r->dscp, p->dscp)))
		return false;
	if ((r->source_port.given || r->destination_port.given) && !has_ports(p))
		return false;
	if (has_ports(p) && (!in_range(&r->source_port, p->source_port) ||
			     !in_range(&r->destination_port, p->destination_port)))
		return false;
	if (!in_prefix(&r->source, p, p->source) || !in_prefix(&r->destination, p, p->destination))
		return false;
	for (unsigned int i = 0; i < r->tests; i++)
		if ((p->payload[r->test[i].offset] & r->test[i].mask) != r->test[i].value)
			return false;
	return true;
}

/* The image's side. */

static __u64 table_mask(const struct image_table *table, uint32_t value)
{
	return table->mask[table->class[value]];
}

static __u64 mask4(const struct image_prefix4 *table, const uint8_t *address)
{
	uint32_t value = (uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 |
			 (uint32_t)address[2] << 8 | address[3];
	unsigned int i = 0;

	/* The branchless search of the data path. */
	for (unsigned int half = IMAGE_INTERVALS / 2; half; half /= 2)
		i += table->start[i + half] <= value ? half : 0;
	return table->mask[i];
}

static __u64 mask6(const struct image_prefix6 *table, const uint8_t *address)
{
	u128 value = 0;
	unsigned int i = 0;

	for (int b = 0; b < 16; b++)
		value = value << 8 | address[b];
	for (unsigned int half = IMAGE_INTERVALS / 2; half; half /= 2) {
		const struct image_address6 *at = &table->start[i + half];

		i += ((u128)at->high << 64 | at->low) <= value ? half : 0;
	}
	return table->mask[i];
}

static __u64 mac_mask(const struct image_macs *macs, __u64 address)
{
	unsigned int i = 0;

	for (unsigned int half = IMAGE_STREAMS / 2; half; half /= 2)
		i += macs->address[i + half] <= address ? half : 0;
	return macs->address[i] == address ? macs->mask[i] : macs->otherwise;
}

static int looked_up(const struct profile_image *image, const struct packet *p, unsigned int *loads)
{
	/* As in the data path, only what some stream asks for is looked up. */
	__u32 keys = image->keys;
	__u64 mask = image->stream_count == 64 ? ~0ull : (1ull << image->stream_count) - 1;

	if (keys & IMAGE_KEY_ETHERTYPE)
		mask &= table_mask(&image->ethertype, p->ethertype);
	if (keys & IMAGE_KEY_LENGTH)
		mask &= table_mask(&image->length, p->length);
	if (keys & IMAGE_KEY_SOURCE_MAC)
		mask &= mac_mask(&image->source_mac, 0x607688000000ull | p->mac_last);
	if (keys & IMAGE_KEY_VLAN)
		mask &= p->tagged ? image->vlan[p->vlan] & image->pcp[p->pcp] : image->vlan_none;
	if (keys & IMAGE_KEY_SOURCE && is_v4(p))
		mask &= mask4(&image->source4, p->source);
	if (keys & IMAGE_KEY_DESTINATION && is_v4(p))
		mask &= mask4(&image->destination4, p->destination);
	if (keys & IMAGE_KEY_SOURCE && is_v6(p))
		mask &= mask6(&image->source6, p->source);
	if (keys & IMAGE_KEY_DESTINATION && is_v6(p))
		mask &= mask6(&image->destination6, p->destination);
	if (!is_v4(p) && !is_v6(p))
		mask &= image->no_ip;
	else if (keys & IMAGE_KEY_IP_PROTOCOL)
		mask &= image->ip_protocol[p->protocol];
	if ((is_v4(p) || is_v6(p)) && keys & IMAGE_KEY_DSCP)
		mask &= image->dscp[p->dscp];
	if (!has_ports(p))
		mask &= image->no_port;
	if (has_ports(p) && keys & IMAGE_KEY_SOURCE_PORT)
		mask &= table_mask(&image->source_port.table, p->source_port);
	if (has_ports(p) && keys & IMAGE_KEY_DESTINATION_PORT)
		mask &= table_mask(&image->destination_port.table, p->destination_port);
	*loads = 0;
	for (; mask; mask &= mask - 1) {
		int s = __builtin_ctzll(mask);
		const struct image_stream *stream = &image->stream[s];
		bool good = true;

		for (unsigned int t = 0; t < stream->test_count && good; t++) {
			const struct image_test *test = &image->test[stream->test_first + t];
			__u64 raw;

			memcpy(&raw, p->payload + test->load, 8);
			good = (raw & test->mask) == test->value;
			(*loads)++;
		}
		if (good)
			return s;
	}
	return -1;
}

/* Random rules from small pools, so that they overlap. */

static struct range random_range(uint32_t percent, uint32_t base, uint32_t spread, uint32_t most)
{
	struct range range = { chance(percent), base + random_below(spread), 0 };

	range.high = chance(50) ? range.low : range.low + random_below(spread);
	if (range.high > most)
		range.high = most;
	return range;
}

static struct prefix random_prefix(uint32_t percent, bool v6)
{
	struct prefix prefix = { .given = chance(percent), .v6 = v6 };
	unsigned int bits = v6 ? 128 : 32;

	prefix.length = chance(40) ? bits : chance(10) ? 0 : bits - random_below(4) - (v6 ? 60 : 0);
	prefix.address[0] = v6 ? 0xfd : 10;
	prefix.address[bits / 8 - 1] = (uint8_t)random_below(8);
	prefix.address[7] |= v6 ? (uint8_t)random_below(4) : 0;
	for (unsigned int bit = prefix.length; bit < bits; bit++)
		prefix.address[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
	return prefix;
}

static struct rule random_rule(void)
{
	struct rule r = {
		.vlan = random_range(15, 1, 4, 4094),
		.pcp = random_range(10, 2, 4, 7),
		.dscp = random_range(10, 44, 4, 63),
		.length = random_range(25, 1204, 6, 65535),
		.mac_given = chance(10),
		.mac_last = (uint8_t)random_below(4),
	};
	bool v6 = chance(35);

	if (chance(20)) {
		static const uint16_t types[] = { 0x88b5, 0x22f0, 0x0800, 0x86dd };

		r.ethertype.given = true;
		r.ethertype.low = r.ethertype.high = types[random_below(4)];
		v6 = r.ethertype.low == 0x86dd;
	}
	if (!r.ethertype.given || r.ethertype.low == 0x0800 || v6) {
		static const uint8_t protocols[] = { 6, 17, 17, 47 };

		r.protocol.given = chance(40);
		r.protocol.low = r.protocol.high = protocols[random_below(4)];
		if (!r.protocol.given || r.protocol.low != 47) {
			r.source_port = random_range(15, 5000, 4, 65535);
			r.destination_port = random_range(40, 2366, 6, 65535);
		}
		r.source = random_prefix(35, v6);
		r.destination = random_prefix(15, v6);
	} else {
		r.dscp.given = false;
	}
	/* Few, and in a place of 8 bytes, so that the limit of loads is not reached. */
	r.tests = chance(8) ? 1 + random_below(3) : 0;
	for (unsigned int i = 0; i < r.tests; i++) {
		r.test[i].offset = (uint8_t)(i * 2 + random_below(2));
		r.test[i].mask = chance(50) ? 0xff : 0x03;
		r.test[i].value = (uint8_t)random_below(3);
	}
	return r;
}

static void write_range(FILE *out, const char *key, const struct range *range)
{
	if (!range->given)
		return;
	if (range->low == range->high)
		fprintf(out, "%s: %u, ", key, range->low);
	else
		fprintf(out, "%s: %u-%u, ", key, range->low, range->high);
}

static void write_prefix(FILE *out, const char *key, const struct prefix *prefix)
{
	char text[INET6_ADDRSTRLEN];

	if (!prefix->given)
		return;
	inet_ntop(prefix->v6 ? AF_INET6 : AF_INET, prefix->address, text, sizeof(text));
	fprintf(out, "%s: \"%s/%u\", ", key, text, prefix->length);
}

static char *write_profile(const struct rule *rules, unsigned int count)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs("profile: random\nstreams:\n", out);
	for (unsigned int i = 0; i < count; i++) {
		const struct rule *r = &rules[i];

		fprintf(out, "  - {name: s%u, class: high, match: {", i);
		write_range(out, "vlan", &r->vlan);
		write_range(out, "pcp", &r->pcp);
		write_range(out, "ethertype", &r->ethertype);
		write_range(out, "ip_protocol", &r->protocol);
		write_range(out, "dscp", &r->dscp);
		write_range(out, "source_port", &r->source_port);
		write_range(out, "destination_port", &r->destination_port);
		write_range(out, "length", &r->length);
		if (r->mac_given)
			fprintf(out, "source_mac: \"60:76:88:00:00:%02x\", ", r->mac_last);
		write_prefix(out, "source", &r->source);
		write_prefix(out, "destination", &r->destination);
		if (r->tests) {
			fputs("payload: [", out);
			for (unsigned int t = 0; t < r->tests; t++)
				fprintf(out, "{offset: %u, value: 0x%02x, mask: 0x%02x}, ",
					r->test[t].offset, r->test[t].value, r->test[t].mask);
			fputs("]", out);
		}
		fputs("}}\n", out);
	}
	fclose(out);
	return text;
}

static struct packet random_packet(void)
{
	static const uint16_t types[] = { 0x0800, 0x0800, 0x86dd, 0x88b5, 0x22f0 };
	static const uint8_t protocols[] = { 6, 17, 17, 47 };
	struct packet p = {
		.tagged = chance(40),
		.vlan = random_below(6),
		.pcp = random_below(8),
		.ethertype = types[random_below(5)],
		.protocol = protocols[random_below(4)],
		.dscp = 42 + random_below(8),
		.source_port = 4999 + random_below(8),
		.destination_port = 2364 + random_below(12),
		.length = 1202 + random_below(14),
		.mac_last = (uint8_t)random_below(6),
	};

	for (int i = 0; i < 2; i++) {
		struct prefix at = random_prefix(100, is_v6(&p));

		memcpy(i ? p.source : p.destination, at.address, 16);
	}
	for (int i = 0; i < PAYLOAD; i++)
		p.payload[i] = (uint8_t)random_below(4);
	return p;
}

static void the_image_names_the_first_stream_that_matches(void **state)
{
	struct profile_image *image = malloc(sizeof(*image));
	unsigned int hits = 0, compiled = 0;

	(void)state;
	for (int round = 0; round < PROFILES; round++) {
		struct rule rules[IMAGE_STREAMS];
		unsigned int count = 1 + random_below(round % 2 ? IMAGE_STREAMS : 4);
		struct diagnostics d = { 0 };
		struct profile *profile = NULL;

		for (unsigned int i = 0; i < count; i++)
			rules[i] = random_rule();
		char *text = write_profile(rules, count);

		int result = profile_parse_text(text, strlen(text), "random.yaml", &profile, &d);

		if (!result)
			result = profile_compile(profile, image, &d);
		/* Contradicting tests and too many loads are refused, rightly. */
		if (result) {
			for (size_t i = 0; i < d.count; i++)
				if (!d.items[i].warning &&
				    !strstr(d.items[i].message, "contradict") &&
				    !strstr(d.items[i].message, "outside") &&
				    !strstr(d.items[i].message, "leaves out") &&
				    !strstr(d.items[i].message, "payload loads"))
					fail_msg("%s\n%s", d.items[i].message, text);
		} else {
			compiled++;
			for (int n = 0; n < PACKETS; n++) {
				struct packet p = random_packet();
				unsigned int loads, first = 0;
				int found = looked_up(image, &p, &loads);

				while (first < count && !matches(&rules[first], &p))
					first++;
				if (found != (first < count ? (int)first : -1))
					fail_msg("round %d packet %d: image %d, rules %u\n%s",
						 round, n, found, first, text);
				assert_true(loads <= IMAGE_LOADS_MAX);
				hits += found >= 0;
			}
		}
		profile_free(profile);
		diagnostics_free(&d);
		free(text);
	}
	print_message("%u profiles, %u of %u packets matched\n", compiled, hits,
		      compiled * PACKETS);
	assert_true(compiled >= PROFILES / 3);
	assert_true(hits > PACKETS);
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_image_names_the_first_stream_that_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
