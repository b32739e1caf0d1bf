// SPDX-License-Identifier: GPL-2.0-only
/* match: {...} of a stream, a protocol or an egress rule. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "ctl/profile/match.h"

static const char *const keys[] = {
	"vlan",	       "pcp",	      "ethertype", "source_mac",  "source",
	"destination", "ip_protocol", "dscp",	   "source_port", "destination_port",
	"length",      "payload",     NULL
};

struct protocol_name {
	const char *name;
	uint8_t number;
};

static const struct protocol_name protocol_names[] = {
	{ "icmp", 1 },	 { "igmp", 2 },	  { "tcp", 6 },	      { "udp", 17 },  { "gre", 47 },
	{ "esp", 50 },	 { "ah", 51 },	  { "icmpv6", 58 },   { "ospf", 89 }, { "pim", 103 },
	{ "vrrp", 112 }, { "sctp", 132 }, { "udplite", 136 },
};

#define PROTOCOL_NAMES (sizeof(protocol_names) / sizeof(protocol_names[0]))

/* "N" or "A-B". */
static int add_range(struct arena *arena, struct diagnostics *d, const struct node *node,
		     uint64_t least, uint64_t most, bool ranges, bool clamp, struct set *set)
{
	char expected[96];
	uint64_t low, high;
	const char *dash = node->kind == NODE_SCALAR ? strchr(node->text, '-') : NULL;

	if (!ranges || !dash) {
		int result = value_number(d, node, least, most, &low);

		if (!result)
			set_add(arena, set, low, low);
		return result;
	}
	char *first = arena_copy(arena, node->text, (size_t)(dash - node->text));

	snprintf(expected, sizeof(expected), "a number or a range A-B within %llu-%llu",
		 (unsigned long long)least, (unsigned long long)most);
	if (!text_number(first, &low) || !text_number(dash + 1, &high))
		return complain(d, node, NULL, expected, "\"%s\" is not a range", node->text);
	if (clamp && high > most)
		high = most;
	if (low < least || high > most)
		return complain(d, node, NULL, expected, "%s is out of range", node->text);
	if (low > high)
		return complain(d, node, NULL, expected,
				"the range %s is empty: %llu is above %llu", node->text,
				(unsigned long long)low, (unsigned long long)high);
	set_add(arena, set, low, high);
	return 0;
}

static int add_protocol(struct arena *arena, struct diagnostics *d, const struct node *node,
			struct set *set)
{
	const char *names[PROTOCOL_NAMES + 1] = { 0 };
	uint64_t number;

	if (node->kind != NODE_SCALAR || !node->length || isdigit((unsigned char)node->text[0])) {
		int result = value_number(d, node, 0, 255, &number);

		if (!result)
			set_add(arena, set, number, number);
		return result;
	}
	for (size_t i = 0; i < PROTOCOL_NAMES; i++) {
		names[i] = protocol_names[i].name;
		if (!strcmp(names[i], node->text)) {
			set_add(arena, set, protocol_names[i].number, protocol_names[i].number);
			return 0;
		}
	}
	return complain(d, node, nearest_word(node->text, names),
			"a number from 0 to 255, or tcp, udp, icmp, icmpv6, igmp, ...",
			"unknown IP protocol \"%s\"", node->text);
}

static int add_mac(struct arena *arena, struct diagnostics *d, const struct node *node,
		   struct set *set)
{
	u128 address = 0;
	const char *p = node->kind == NODE_SCALAR ? node->text : "";

	for (int i = 0; i < 6; i++, p += 2) {
		unsigned int byte;

		if ((i && *p++ != ':') || !isxdigit((unsigned char)p[0]) ||
		    !isxdigit((unsigned char)p[1]) || sscanf(p, "%2x", &byte) != 1)
			return complain(d, node, NULL, "a MAC address, such as 60:76:88:00:00:01",
					"this is not a MAC address");
		address = address << 8 | byte;
	}
	if (*p)
		return complain(d, node, NULL, "a MAC address, such as 60:76:88:00:00:01",
				"this is not a MAC address");
	set_add(arena, set, address, address);
	return 0;
}

static int add_prefix(struct arena *arena, struct diagnostics *d, const struct node *node,
		      struct set *v4, struct set *v6)
{
	static const char *const expected =
		"an address or a prefix, such as 192.168.1.201, 10.0.0.0/8 or fd00::/8";
	char text[64] = "";
	unsigned char bytes[16];
	uint64_t length = 0;
	u128 address = 0;

	if (node->kind != NODE_SCALAR || !node->length || node->length >= sizeof(text))
		return complain(d, node, NULL, expected, "this is not an address");
	memcpy(text, node->text, node->length);
	char *slash = strchr(text, '/');

	if (slash)
		*slash++ = 0;
	bool is_v4 = inet_pton(AF_INET, text, bytes) == 1;
	unsigned int bits = is_v4 ? 32 : 128;

	if (!is_v4 && inet_pton(AF_INET6, text, bytes) != 1)
		return complain(d, node, NULL, expected, "\"%s\" is not an address", node->text);
	length = bits;
	if (slash && (!text_number(slash, &length) || length > bits || !strncmp(slash, "0x", 2)))
		return complain(d, node, NULL, expected,
				"\"/%s\" is no prefix length, it is 0 to %u", slash, bits);
	for (unsigned int i = 0; i < bits / 8; i++)
		address = address << 8 | bytes[i];
	u128 host = length == bits ? 0
		    : length	   ? ((u128)1 << (bits - length)) - 1
		    : is_v4	   ? 0xffffffffu
				   : ~(u128)0;

	if (address & host)
		return complain(d, node, NULL, expected,
				"%s has bits set beyond its prefix length of %llu", node->text,
				(unsigned long long)length);
	set_add(arena, is_v4 ? v4 : v6, address, address | host);
	return 0;
}

static int add_ethertype(struct arena *arena, struct diagnostics *d, const struct node *node,
			 struct set *set)
{
	uint64_t number;
	int result = value_number(d, node, 0x600, 0xffff, &number);

	if (result)
		return result;
	if (number == 0x8100 || number == 0x88a8)
		return complain(
			d, node, NULL, "the EtherType behind the tags",
			"a VLAN tag is not matched as an EtherType, but by the key \"vlan\"");
	set_add(arena, set, number, number);
	return 0;
}

static int parse_payload_item(struct arena *arena, struct diagnostics *d, const struct node *node,
			      struct match *match)
{
	static const char *const item_keys[] = { "offset", "value", "mask", NULL };
	const struct node *mask = node_get(node, "mask");
	struct payload_test test = { .node = node };
	size_t mask_count = 0;
	uint64_t offset = 0;
	int result = value_map(d, node, item_keys);

	if (node->kind != NODE_MAPPING)
		return result;
	int got = value_number(d, node_get(node, "offset"), 0, IMAGE_PAYLOAD_MAX - 1, &offset);

	if (got == -ENOENT)
		result = complain(d, node, NULL, "offset: bytes from the start of the payload",
				  "the key \"offset\" is missing");
	else if (got)
		result = got;
	got = value_bytes(d, node_get(node, "value"), BYTES_MAX, test.value, &test.count);
	if (got == -ENOENT)
		result = complain(d, node, NULL, "value: 0x..., as on the wire",
				  "the key \"value\" is missing");
	else if (got)
		result = got;
	memset(test.mask, 0xff, sizeof(test.mask));
	if (mask) {
		got = value_bytes(d, mask, BYTES_MAX, test.mask, &mask_count);
		if (got)
			result = got;
	}
	if (result)
		return result;
	if (mask && mask_count != test.count)
		return complain(d, mask, NULL, "as many bytes as the value has",
				"the mask has %zu bytes, the value %zu", mask_count, test.count);
	for (size_t i = 0; i < test.count; i++)
		if (test.value[i] & ~test.mask[i])
			return complain(
				d, node_get(node, "value"), NULL, "no bits outside the mask",
				"the value has bits that the mask leaves out, so it never matches");
	if (offset + test.count > IMAGE_PAYLOAD_MAX)
		return complain(d, node, NULL, "bytes within the first 2048 of the payload",
				"the test ends at byte %llu of the payload",
				(unsigned long long)(offset + test.count));
	test.offset = (uint32_t)offset;
	match->payload = arena_grow(arena, match->payload, match->payload_count,
				    &match->payload_room, sizeof(*match->payload));
	match->payload[match->payload_count++] = test;
	return 0;
}

static int parse_item(struct arena *arena, struct diagnostics *d, enum match_key key,
		      const struct node *node, struct match *match)
{
	struct set *axis = match->axis;

	switch (key) {
	case MATCH_VLAN:
		return add_range(arena, d, node, 0, 4094, true, false, &axis[AXIS_VLAN]);
	case MATCH_PCP:
		return add_range(arena, d, node, 0, 7, true, false, &axis[AXIS_PCP]);
	case MATCH_ETHERTYPE:
		return add_ethertype(arena, d, node, &axis[AXIS_ETHERTYPE]);
	case MATCH_SOURCE_MAC:
		return add_mac(arena, d, node, &axis[AXIS_SOURCE_MAC]);
	case MATCH_SOURCE:
		return add_prefix(arena, d, node, &axis[AXIS_SOURCE4], &axis[AXIS_SOURCE6]);
	case MATCH_DESTINATION:
		return add_prefix(arena, d, node, &axis[AXIS_DESTINATION4],
				  &axis[AXIS_DESTINATION6]);
	case MATCH_IP_PROTOCOL:
		return add_protocol(arena, d, node, &axis[AXIS_IP_PROTOCOL]);
	case MATCH_DSCP:
		return add_range(arena, d, node, 0, 63, true, false, &axis[AXIS_DSCP]);
	case MATCH_SOURCE_PORT:
		return add_range(arena, d, node, 0, 65535, true, false, &axis[AXIS_SOURCE_PORT]);
	case MATCH_DESTINATION_PORT:
		return add_range(arena, d, node, 0, 65535, true, false,
				 &axis[AXIS_DESTINATION_PORT]);
	case MATCH_LENGTH:
		return add_range(arena, d, node, 0, 65535, true, true, &axis[AXIS_LENGTH]);
	case MATCH_PAYLOAD:
		return parse_payload_item(arena, d, node, match);
	case MATCH_KEYS:
		break;
	}
	return 0;
}

int match_parse(struct arena *arena, struct diagnostics *d, const struct node *node,
		struct match *match)
{
	match_any(arena, match);
	match->node = node;
	int result = value_map(d, node, keys);

	if (!node || node->kind != NODE_MAPPING)
		return result;
	for (int key = 0; key < MATCH_KEYS; key++) {
		const struct node *value = node_get(node, keys[key]);

		if (!value)
			continue;
		match->given[key] = value;
		for (int i = 0; i < 2; i++)
			if (match_axes[key][i] >= 0)
				match->axis[match_axes[key][i]] = (struct set){ 0 };
		if (value->kind == NODE_SEQUENCE && !value->count)
			result =
				complain(d, value, NULL, "at least one value", "the list is empty");
		if (key == MATCH_PAYLOAD && value->kind != NODE_SEQUENCE) {
			result = value_list(d, value, "{offset, value, mask}");
			continue;
		}
		for (size_t i = 0; i < value_count(value); i++) {
			int got = parse_item(arena, d, (enum match_key)key, value_item(value, i),
					     match);

			if (got)
				result = got;
		}
	}
	return result;
}
