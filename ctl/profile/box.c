// SPDX-License-Identifier: GPL-2.0-only
/* What the keys of a match mean together, and which match covers which. */
#include <errno.h>
#include <string.h>

#include "ctl/profile/match.h"

#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_IPV6 0x86ddu

/* The axes that a key restricts; the second one for addresses of the other family. */
const int match_axes[MATCH_KEYS][2] = {
	[MATCH_VLAN] = { AXIS_VLAN, -1 },
	[MATCH_PCP] = { AXIS_PCP, -1 },
	[MATCH_ETHERTYPE] = { AXIS_ETHERTYPE, -1 },
	[MATCH_SOURCE_MAC] = { AXIS_SOURCE_MAC, -1 },
	[MATCH_SOURCE] = { AXIS_SOURCE4, AXIS_SOURCE6 },
	[MATCH_DESTINATION] = { AXIS_DESTINATION4, AXIS_DESTINATION6 },
	[MATCH_IP_PROTOCOL] = { AXIS_IP_PROTOCOL, -1 },
	[MATCH_DSCP] = { AXIS_DSCP, -1 },
	[MATCH_SOURCE_PORT] = { AXIS_SOURCE_PORT, -1 },
	[MATCH_DESTINATION_PORT] = { AXIS_DESTINATION_PORT, -1 },
	[MATCH_LENGTH] = { AXIS_LENGTH, -1 },
	[MATCH_PAYLOAD] = { -1, -1 },
};

static const u128 highest[AXES] = {
	[AXIS_VLAN] = VLAN_NONE,
	[AXIS_PCP] = PCP_NONE,
	[AXIS_ETHERTYPE] = 0xffff,
	[AXIS_SOURCE_MAC] = 0xffffffffffffull,
	[AXIS_IP_PROTOCOL] = 255,
	[AXIS_DSCP] = 63,
	[AXIS_SOURCE_PORT] = PORT_NONE,
	[AXIS_DESTINATION_PORT] = PORT_NONE,
	[AXIS_LENGTH] = 0xffff,
	[AXIS_SOURCE4] = 0xffffffffu,
	[AXIS_DESTINATION4] = 0xffffffffu,
	[AXIS_SOURCE6] = ~(u128)0,
	[AXIS_DESTINATION6] = ~(u128)0,
};

void match_any(struct arena *arena, struct match *match)
{
	memset(match, 0, sizeof(*match));
	for (int axis = 0; axis < AXES; axis++)
		set_add(arena, &match->axis[axis], 0, highest[axis]);
}

void match_override(struct arena *arena, struct match *match, const struct match *over)
{
	match->node = over->node;
	for (int key = 0; key < MATCH_KEYS; key++) {
		if (!over->given[key])
			continue;
		match->given[key] = over->given[key];
		for (int i = 0; i < 2; i++)
			if (match_axes[key][i] >= 0)
				match->axis[match_axes[key][i]] = over->axis[match_axes[key][i]];
	}
	struct match before = *match;

	match->payload = NULL;
	match->payload_count = match->payload_room = 0;
	for (size_t i = 0; i < before.payload_count + over->payload_count; i++) {
		const struct payload_test *test =
			i < before.payload_count ? &before.payload[i]
						 : &over->payload[i - before.payload_count];
		bool replaced = false;

		for (size_t j = 0; i < before.payload_count && j < over->payload_count; j++)
			replaced |= over->payload[j].offset == test->offset;
		if (replaced)
			continue;
		match->payload = arena_grow(arena, match->payload, match->payload_count,
					    &match->payload_room, sizeof(*test));
		match->payload[match->payload_count++] = *test;
	}
}

/* All tests as single bytes; false if two of them contradict each other. */
static bool flatten_payload(struct arena *arena, struct match *match)
{
	size_t most = 0;

	for (size_t i = 0; i < match->payload_count; i++)
		most += match->payload[i].count;
	match->byte = arena_alloc(arena, (most + 1) * sizeof(*match->byte));
	match->byte_count = 0;
	for (size_t i = 0; i < match->payload_count; i++)
		for (size_t b = 0; b < match->payload[i].count; b++) {
			const struct payload_test *test = &match->payload[i];
			struct payload_byte new = { test->offset + (uint32_t)b, test->value[b],
						    test->mask[b] };
			size_t at = 0;

			if (!new.mask)
				continue;
			while (at < match->byte_count && match->byte[at].offset < new.offset)
				at++;
			struct payload_byte *old = &match->byte[at];

			if (at < match->byte_count && old->offset == new.offset) {
				if ((old->value ^ new.value) & old->mask & new.mask)
					return false;
				old->value |= new.value;
				old->mask |= new.mask;
				continue;
			}
			memmove(old + 1, old, (match->byte_count - at) * sizeof(*old));
			*old = new;
			match->byte_count++;
		}
	return true;
}

static bool names_any(const struct match *match, const enum match_key *of, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (match->given[of[i]])
			return true;
	return false;
}

static void restrict_axis(struct arena *arena, struct match *match, enum axis axis,
			  const struct set *to)
{
	match->axis[axis] = set_intersection(arena, &match->axis[axis], to);
}

bool match_ipv4(const struct match *match)
{
	return set_has(&match->axis[AXIS_ETHERTYPE], ETHERTYPE_IPV4);
}

bool match_ipv6(const struct match *match)
{
	return set_has(&match->axis[AXIS_ETHERTYPE], ETHERTYPE_IPV6);
}

int match_finish(struct arena *arena, struct diagnostics *d, const struct node *node,
		 struct match *match)
{
	static const enum match_key ports[] = { MATCH_SOURCE_PORT, MATCH_DESTINATION_PORT };
	static const enum match_key ip[] = {
		MATCH_SOURCE, MATCH_DESTINATION, MATCH_IP_PROTOCOL,
		MATCH_DSCP,   MATCH_SOURCE_PORT, MATCH_DESTINATION_PORT
	};
	struct set *axis = match->axis;
	struct set allowed = { 0 };

	if (!flatten_payload(arena, match))
		return complain(
			d, node, NULL, "tests that agree where they overlap",
			"two payload tests contradict each other, so no packet ever matches");
	if (names_any(match, ports, 2)) {
		set_add(arena, &allowed, 6, 6);
		set_add(arena, &allowed, 17, 17);
		restrict_axis(arena, match, AXIS_IP_PROTOCOL, &allowed);
		if (!axis[AXIS_IP_PROTOCOL].count)
			return complain(d, node, NULL, "ip_protocol: udp or tcp",
					"this matches a port, which its IP protocol does not have");
	}
	if (names_any(match, ip, 6)) {
		allowed = (struct set){ 0 };
		if (axis[AXIS_SOURCE4].count && axis[AXIS_DESTINATION4].count)
			set_add(arena, &allowed, ETHERTYPE_IPV4, ETHERTYPE_IPV4);
		if (axis[AXIS_SOURCE6].count && axis[AXIS_DESTINATION6].count)
			set_add(arena, &allowed, ETHERTYPE_IPV6, ETHERTYPE_IPV6);
		if (!allowed.count)
			return complain(d, node, NULL, "addresses of one family",
					"the source is of another IP version than the destination");
		restrict_axis(arena, match, AXIS_ETHERTYPE, &allowed);
		if (!axis[AXIS_ETHERTYPE].count)
			return complain(
				d, node, NULL, "ethertype: 0x0800 or 0x86DD, or none",
				"this matches a field of IP under an EtherType that does not have it");
		/* A family that is left out must not lend its addresses. */
		if (!match_ipv4(match))
			axis[AXIS_SOURCE4] = axis[AXIS_DESTINATION4] = (struct set){ 0 };
		if (!match_ipv6(match))
			axis[AXIS_SOURCE6] = axis[AXIS_DESTINATION6] = (struct set){ 0 };
	}
	/* A tag has both or none: who names the one leaves out untagged frames on the other. */
	if (match->given[MATCH_VLAN] || match->given[MATCH_PCP]) {
		allowed = (struct set){ 0 };
		set_add(arena, &allowed, 0, 4095);
		restrict_axis(arena, match, AXIS_VLAN, &allowed);
		allowed = (struct set){ 0 };
		set_add(arena, &allowed, 0, 7);
		restrict_axis(arena, match, AXIS_PCP, &allowed);
	}
	if (names_any(match, ports, 2)) {
		allowed = (struct set){ 0 };
		set_add(arena, &allowed, 0, 65535);
		restrict_axis(arena, match, AXIS_SOURCE_PORT, &allowed);
		restrict_axis(arena, match, AXIS_DESTINATION_PORT, &allowed);
	}
	return 0;
}

static bool covers_payload(const struct match *outer, const struct match *inner)
{
	size_t j = 0;

	for (size_t i = 0; i < outer->byte_count; i++) {
		const struct payload_byte *want = &outer->byte[i];

		while (j < inner->byte_count && inner->byte[j].offset < want->offset)
			j++;
		if (j == inner->byte_count || inner->byte[j].offset != want->offset ||
		    (inner->byte[j].mask & want->mask) != want->mask ||
		    (inner->byte[j].value & want->mask) != want->value)
			return false;
	}
	return true;
}

bool match_covers(const struct match *outer, const struct match *inner)
{
	for (int axis = 0; axis < AXIS_SOURCE4; axis++)
		if (!set_covers(&outer->axis[axis], &inner->axis[axis]))
			return false;
	if (match_ipv4(inner) &&
	    (!set_covers(&outer->axis[AXIS_SOURCE4], &inner->axis[AXIS_SOURCE4]) ||
	     !set_covers(&outer->axis[AXIS_DESTINATION4], &inner->axis[AXIS_DESTINATION4])))
		return false;
	if (match_ipv6(inner) &&
	    (!set_covers(&outer->axis[AXIS_SOURCE6], &inner->axis[AXIS_SOURCE6]) ||
	     !set_covers(&outer->axis[AXIS_DESTINATION6], &inner->axis[AXIS_DESTINATION6])))
		return false;
	return covers_payload(outer, inner);
}
