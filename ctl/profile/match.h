/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a stream matches, as a box: one set of values for each field of a packet, and bytes of
 * the payload. IPv4 and IPv6 addresses are axes of their own; a match that names an address
 * of one family only has an empty set on the other one's axis.
 */
#ifndef SENSORCTL_MATCH_H
#define SENSORCTL_MATCH_H

#include <stdint.h>

#include "ctl/profile/node.h"
#include "ctl/profile/set.h"
#include "ctl/profile/value.h"

enum axis {
	AXIS_VLAN, /* VLAN_NONE: untagged */
	AXIS_PCP,  /* PCP_NONE: untagged */
	AXIS_ETHERTYPE,
	AXIS_SOURCE_MAC,
	AXIS_IP_PROTOCOL,
	AXIS_DSCP,
	AXIS_SOURCE_PORT, /* PORT_NONE: neither UDP nor TCP */
	AXIS_DESTINATION_PORT,
	AXIS_LENGTH,
	AXIS_SOURCE4,
	AXIS_DESTINATION4,
	AXIS_SOURCE6,
	AXIS_DESTINATION6,
	AXES,
};

#define VLAN_NONE 4096u
#define PCP_NONE  8u
#define PORT_NONE 65536u

enum match_key {
	MATCH_VLAN,
	MATCH_PCP,
	MATCH_ETHERTYPE,
	MATCH_SOURCE_MAC,
	MATCH_SOURCE,
	MATCH_DESTINATION,
	MATCH_IP_PROTOCOL,
	MATCH_DSCP,
	MATCH_SOURCE_PORT,
	MATCH_DESTINATION_PORT,
	MATCH_LENGTH,
	MATCH_PAYLOAD,
	MATCH_KEYS,
};

struct payload_test {
	const struct node *node;
	uint32_t offset;
	size_t count;
	uint8_t value[BYTES_MAX], mask[BYTES_MAX];
};

/* One byte that is looked at: (packet & mask) == value. Sorted by offset, one entry each. */
struct payload_byte {
	uint32_t offset;
	uint8_t value, mask;
};

struct match {
	const struct node *node;	      /* the map, for diagnostics */
	const struct node *given[MATCH_KEYS]; /* NULL: any value */
	struct set axis[AXES];
	struct payload_test *payload;
	size_t payload_count, payload_room;
	struct payload_byte *byte;
	size_t byte_count;
};

/* The axes that a key restricts: one, or two for an address, else -1. */
extern const int match_axes[MATCH_KEYS][2];

/* Every packet. */
void match_any(struct arena *arena, struct match *match);
int match_parse(struct arena *arena, struct diagnostics *d, const struct node *node,
		struct match *match);
/* What `over` gives overrides what `match` has; payload tests are joined. */
void match_override(struct arena *arena, struct match *match, const struct match *over);
/*
 * After the last override: fields imply others (ports UDP or TCP, addresses an IP EtherType), and
 * what can match no packet at all is an error, reported at `node`.
 */
int match_finish(struct arena *arena, struct diagnostics *d, const struct node *node,
		 struct match *match);

/* Every packet that `inner` matches is matched by `outer`. Both are finished. */
bool match_covers(const struct match *outer, const struct match *inner);
/* Names the essential that takes every packet of this match before any stream, or NULL. */
const char *match_essential(const struct match *match);

bool match_ipv4(const struct match *match);
bool match_ipv6(const struct match *match);

/* UDP and TCP ports that are essential, either way: an enum essential, or 0. */
unsigned int essential_udp(uint16_t port);
unsigned int essential_tcp(uint16_t port);

#endif
