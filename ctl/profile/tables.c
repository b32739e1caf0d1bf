// SPDX-License-Identifier: GPL-2.0-only
/* From the streams' boxes to the lookup tables of the image: one mask for each value. */
#include <stdlib.h>
#include <string.h>

#include "ctl/profile/model.h"

struct tables {
	struct profile_image *image;
	const struct profile *profile;
	struct diagnostics *d;
};

static const struct set *axis_of(const struct tables *t, size_t stream, enum axis axis)
{
	return &t->profile->stream[stream].match.axis[axis];
}

/* Sets bit `stream` in mask[value] for every value of a small axis. */
static void fill_direct(const struct tables *t, enum axis axis, __u64 *mask, unsigned int size)
{
	for (size_t s = 0; s < t->profile->streams; s++) {
		const struct set *set = axis_of(t, s, axis);

		for (size_t i = 0; i < set->count; i++)
			for (u128 v = set->span[i].low; v <= set->span[i].high && v < size; v++)
				mask[v] |= 1ull << s;
	}
}

struct value16 {
	__u64 mask;
	__u8 udp, tcp;
};

static __u8 class_of(struct image_table *table, struct value16 *known, unsigned int *count,
		     const struct value16 *value)
{
	for (unsigned int c = 0; c < *count; c++)
		if (known[c].mask == value->mask && known[c].udp == value->udp &&
		    known[c].tcp == value->tcp)
			return (__u8)c;
	if (*count >= IMAGE_CLASSES) {
		(*count)++;
		return 0;
	}
	known[*count] = *value;
	table->mask[*count] = value->mask;
	return (__u8)(*count)++;
}

static void fill_table(const struct tables *t, enum axis axis, struct image_table *table,
		       struct image_ports *ports)
{
	struct value16 known[IMAGE_CLASSES], *value = calloc(65536, sizeof(*value));
	unsigned int count = 0;

	if (!value)
		abort();
	for (size_t s = 0; s < t->profile->streams; s++) {
		const struct set *set = axis_of(t, s, axis);

		for (size_t i = 0; i < set->count; i++)
			for (u128 v = set->span[i].low; v <= set->span[i].high && v < 65536; v++)
				value[v].mask |= 1ull << s;
	}
	for (unsigned int v = 0; v < 65536; v++) {
		if (ports) {
			value[v].udp = (__u8)essential_udp((uint16_t)v);
			value[v].tcp = (__u8)essential_tcp((uint16_t)v);
		}
		/* Neighbours mostly share their class. */
		if (v && !memcmp(&value[v], &value[v - 1], sizeof(*value)))
			table->class[v] = table->class[v - 1];
		else
			table->class[v] = class_of(table, known, &count, &value[v]);
	}
	free(value);
	if (count > IMAGE_CLASSES) {
		const char *name = axis == AXIS_LENGTH	      ? "length"
				   : axis == AXIS_ETHERTYPE   ? "ethertype"
				   : axis == AXIS_SOURCE_PORT ? "source_port"
							      : "destination_port";

		complain(t->d, node_get(t->profile->root, "streams"), NULL,
			 "fewer ranges that overlap in part",
			 "the streams split \"%s\" into more than 256 different combinations",
			 name);
		return;
	}
	for (unsigned int c = 0; ports && c < count; c++) {
		ports->essential_udp[c] = known[c].udp;
		ports->essential_tcp[c] = known[c].tcp;
	}
}

static int by_value(const void *a, const void *b)
{
	u128 x = *(const u128 *)a, y = *(const u128 *)b;

	return x < y ? -1 : x > y;
}

/* Where spans of an axis begin, and where they are over; sorted, each once, 0 first. */
static size_t boundaries(const struct tables *t, enum axis axis, u128 highest, u128 **out)
{
	size_t count = 1, kept = 0;

	for (size_t s = 0; s < t->profile->streams; s++)
		count += 2 * axis_of(t, s, axis)->count;
	u128 *at = aligned_alloc(_Alignof(u128), count * sizeof(*at));

	if (!at)
		abort();
	at[0] = 0;
	count = 1;
	for (size_t s = 0; s < t->profile->streams; s++) {
		const struct set *set = axis_of(t, s, axis);

		for (size_t i = 0; i < set->count; i++) {
			at[count++] = set->span[i].low;
			if (set->span[i].high < highest)
				at[count++] = set->span[i].high + 1;
		}
	}
	qsort(at, count, sizeof(*at), by_value);
	for (size_t i = 0; i < count; i++)
		if (!kept || at[kept - 1] != at[i])
			at[kept++] = at[i];
	*out = at;
	return kept;
}

static __u64 mask_at(const struct tables *t, enum axis axis, u128 value)
{
	__u64 mask = 0;

	for (size_t s = 0; s < t->profile->streams; s++)
		if (set_has(axis_of(t, s, axis), value))
			mask |= 1ull << s;
	return mask;
}

static void store_start(struct image_prefix4 *v4, struct image_prefix6 *v6, size_t i, u128 start)
{
	if (v4)
		v4->start[i] = (__u32)start;
	else
		v6->start[i] = (struct image_address6){ (__u64)(start >> 64), (__u64)start };
}

static void fill_prefix(const struct tables *t, enum axis axis, struct image_prefix4 *v4,
			struct image_prefix6 *v6)
{
	u128 highest = v4 ? 0xffffffffu : ~(u128)0, *start;
	size_t count = boundaries(t, axis, highest, &start);
	__u64 *mask = v4 ? v4->mask : v6->mask;

	if (count > IMAGE_INTERVALS) {
		complain(t->d, node_get(t->profile->root, "streams"), NULL, "fewer prefixes",
			 "the streams split the %s addresses into %zu intervals, more than 256",
			 axis == AXIS_SOURCE4 || axis == AXIS_SOURCE6 ? "source" : "destination",
			 count);
		count = IMAGE_INTERVALS;
	}
	for (size_t i = 0; i < count; i++) {
		mask[i] = mask_at(t, axis, start[i]);
		store_start(v4, v6, i, start[i]);
	}
	/*
	 * The entries left over begin at the highest address. That one belongs to the last
	 * interval, whose mask they repeat, so it does not matter which of them is found.
	 */
	for (size_t i = count; i < IMAGE_INTERVALS; i++) {
		mask[i] = mask[count - 1];
		store_start(v4, v6, i, highest);
	}
	free(start);
}

static void fill_macs(const struct tables *t, struct image_macs *macs)
{
	size_t count = 0;

	memset(macs->address, 0xff, sizeof(macs->address));
	for (size_t s = 0; s < t->profile->streams; s++) {
		const struct match *match = &t->profile->stream[s].match;
		const struct set *set = &match->axis[AXIS_SOURCE_MAC];

		if (!match->given[MATCH_SOURCE_MAC]) {
			macs->otherwise |= 1ull << s;
			continue;
		}
		for (size_t i = 0; i < set->count; i++)
			for (u128 v = set->span[i].low; v <= set->span[i].high; v++) {
				size_t at = 0;

				while (at < count && macs->address[at] < (__u64)v)
					at++;
				if (at < count && macs->address[at] == (__u64)v)
					continue;
				if (count == IMAGE_STREAMS) {
					complain(t->d, match->given[MATCH_SOURCE_MAC], NULL,
						 "at most 64 addresses in a profile",
						 "there are too many source MACs");
					return;
				}
				memmove(&macs->address[at + 1], &macs->address[at],
					(count - at) * sizeof(macs->address[0]));
				macs->address[at] = (__u64)v;
				count++;
			}
	}
	for (size_t i = 0; i < count; i++)
		macs->mask[i] = mask_at(t, AXIS_SOURCE_MAC, macs->address[i]);
	for (size_t i = count; i < IMAGE_STREAMS; i++)
		macs->mask[i] = macs->otherwise;
}

static void fill_masks(const struct tables *t)
{
	static const struct {
		enum match_key key;
		__u32 bit;
	} bits[] = {
		{ MATCH_VLAN, IMAGE_KEY_VLAN },
		{ MATCH_PCP, IMAGE_KEY_VLAN },
		{ MATCH_ETHERTYPE, IMAGE_KEY_ETHERTYPE },
		{ MATCH_SOURCE_MAC, IMAGE_KEY_SOURCE_MAC },
		{ MATCH_SOURCE, IMAGE_KEY_SOURCE },
		{ MATCH_DESTINATION, IMAGE_KEY_DESTINATION },
		{ MATCH_IP_PROTOCOL, IMAGE_KEY_IP_PROTOCOL },
		{ MATCH_DSCP, IMAGE_KEY_DSCP },
		{ MATCH_SOURCE_PORT, IMAGE_KEY_SOURCE_PORT },
		{ MATCH_DESTINATION_PORT, IMAGE_KEY_DESTINATION_PORT },
		{ MATCH_LENGTH, IMAGE_KEY_LENGTH },
	};
	struct profile_image *image = t->image;

	for (size_t s = 0; s < t->profile->streams; s++) {
		const struct match *match = &t->profile->stream[s].match;
		const struct node *const *given = match->given;
		__u64 bit = 1ull << s;

		for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
			if (given[bits[i].key])
				image->keys |= bits[i].bit;
		if (match->byte_count)
			image->with_tests |= bit;
		if (given[MATCH_SOURCE])
			image->with_source |= bit;
		if (!given[MATCH_VLAN] && !given[MATCH_PCP])
			image->vlan_none |= bit;
		if (!given[MATCH_SOURCE_PORT] && !given[MATCH_DESTINATION_PORT])
			image->no_port |= bit;
		if (!given[MATCH_SOURCE] && !given[MATCH_DESTINATION] &&
		    !given[MATCH_IP_PROTOCOL] && !given[MATCH_DSCP] && !given[MATCH_SOURCE_PORT] &&
		    !given[MATCH_DESTINATION_PORT])
			image->no_ip |= bit;
	}
}

void compile_tables(struct profile_image *image, const struct profile *profile,
		    struct diagnostics *d)
{
	struct tables t = { image, profile, d };

	fill_masks(&t);
	fill_direct(&t, AXIS_VLAN, image->vlan, 4096);
	fill_direct(&t, AXIS_PCP, image->pcp, 8);
	fill_direct(&t, AXIS_IP_PROTOCOL, image->ip_protocol, 256);
	fill_direct(&t, AXIS_DSCP, image->dscp, 64);
	fill_table(&t, AXIS_ETHERTYPE, &image->ethertype, NULL);
	fill_table(&t, AXIS_LENGTH, &image->length, NULL);
	fill_table(&t, AXIS_SOURCE_PORT, &image->source_port.table, &image->source_port);
	fill_table(&t, AXIS_DESTINATION_PORT, &image->destination_port.table,
		   &image->destination_port);
	fill_macs(&t, &image->source_mac);
	fill_prefix(&t, AXIS_SOURCE4, &image->source4, NULL);
	fill_prefix(&t, AXIS_DESTINATION4, &image->destination4, NULL);
	fill_prefix(&t, AXIS_SOURCE6, NULL, &image->source6);
	fill_prefix(&t, AXIS_DESTINATION6, NULL, &image->destination6);
}
