// SPDX-License-Identifier: GPL-2.0-only
/* The rest of a profile: classes, essentials, default, threads, egress, and streams as a whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/profile/model.h"
#include "xdp/state.h"

#define WITH(...) ((const char *const[]){ __VA_ARGS__, NULL })

static int note(int *result, int got)
{
	if (got && got != -ENOENT)
		*result = got;
	return got;
}

static int parse_classes(struct profile *profile, struct diagnostics *d, const struct node *node)
{
	static const char *const levels[] = { "never", "1", "2", "3", NULL };
	int result = value_map(d, node, class_words);

	profile->class[CLASS_BULK].shed_at = 1;
	profile->class[CLASS_NORMAL].shed_at = 2;
	for (int c = 0; node && node->kind == NODE_MAPPING && c < CLASSES; c++) {
		const struct node *class = node_get(node, class_words[c]);

		if (!class)
			continue;
		note(&result, value_map(d, class, WITH("rate", "burst", "shed_at")));
		note(&result, rate_parse(d, class, &profile->class[c].rate));
		note(&result,
		     value_word(d, node_get(class, "shed_at"), levels, &profile->class[c].shed_at));
	}
	return result;
}

struct essential_name {
	const char *name;
	uint32_t bits;
};

static int parse_essentials(struct profile *profile, struct diagnostics *d, const struct node *node)
{
	static const struct essential_name names[] = {
		{ "icmp", 1u << ESSENTIAL_ICMP },
		{ "nd", 1u << ESSENTIAL_ND },
		{ "igmp", 1u << ESSENTIAL_IGMP },
		{ "arp", 1u << ESSENTIAL_ARP },
		{ "ptp", 1u << ESSENTIAL_PTP },
		{ "ntp", 1u << ESSENTIAL_NTP },
		{ "dhcp", 1u << ESSENTIAL_DHCP },
		{ "lldp", 1u << ESSENTIAL_LLDP },
		{ "stp", 1u << ESSENTIAL_STP },
		{ "lacp", 1u << ESSENTIAL_LACP },
		{ "eapol", 1u << ESSENTIAL_EAPOL },
		{ "control", 1u << ESSENTIAL_CONTROL | 1u << ESSENTIAL_CONTROL_NAMED },
	};
	const size_t count = sizeof(names) / sizeof(names[0]);
	const char *words[sizeof(names) / sizeof(names[0]) + 1] = { 0 };
	unsigned int drop;

	for (size_t i = 0; i < count; i++)
		words[i] = names[i].name;
	int result = value_map(d, node, words);

	for (size_t i = 0; node && node->kind == NODE_MAPPING && i < count; i++)
		if (!note(&result, value_word(d, node_get(node, names[i].name),
					      WITH("pass", "drop"), &drop)) &&
		    drop)
			profile->essential_drop |= names[i].bits;
	return result;
}

static int parse_default(struct profile *profile, struct diagnostics *d, const struct node *node)
{
	unsigned int class = CLASS_NORMAL, deliver = 0;
	int result = 0;

	if (node)
		note(&result, value_map(d, node, WITH("class", "deliver")));
	note(&result, value_word(d, node_get(node, "class"), class_words, &class));
	note(&result, value_word(d, node_get(node, "deliver"), WITH("stack", "drop"), &deliver));
	profile->default_class = (enum image_class) class;
	profile->default_deliver = deliver ? DELIVER_DROP : DELIVER_STACK;
	return result;
}

static int check_cpus(struct diagnostics *d, const struct node *node)
{
	static const char *const expected = "CPUs, such as 1-3 or 0,2";

	if (!node)
		return 0;
	for (size_t i = 0; i < value_count(node); i++) {
		const struct node *item = value_item(node, i);

		if (item->kind != NODE_SCALAR)
			return complain(d, item, NULL, expected, "this is no list of CPUs");
		const char *p = item->text;

		for (;;) {
			char *end;
			unsigned long low = strtoul(p, &end, 10), high = low;
			bool good = end != p && strchr("0123456789", *p);

			if (good && *end == '-') {
				p = end + 1;
				high = strtoul(p, &end, 10);
				good = end != p && strchr("0123456789", *p);
			}
			if (!good || low > high || high > 4095 || (*end && *end != ','))
				return complain(d, item, NULL, expected,
						"\"%s\" is no list of CPUs", item->text);
			if (!*end)
				break;
			p = end + 1;
		}
	}
	return 0;
}

static const char *const *stream_names(struct profile *profile)
{
	const char **names = arena_alloc(&profile->arena, (profile->streams + 1) * sizeof(*names));

	for (size_t i = 0; i < profile->streams; i++)
		names[i] = profile->stream[i].name;
	return names;
}

static int parse_threads(struct profile *profile, struct diagnostics *d, const struct node *list)
{
	const char *const *names = stream_names(profile);
	const char *comm;
	unsigned int index;
	uint64_t budget;
	int result = 0;

	if (!list)
		return 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct node *thread = list->item[i], *streams = node_get(thread, "streams");

		note(&result,
		     value_map(d, thread, WITH("comm", "role", "streams", "budget", "cpus")));
		if (thread->kind != NODE_MAPPING)
			continue;
		if (note(&result, value_text(d, node_get(thread, "comm"), &comm)) == -ENOENT)
			result = complain(d, thread, NULL, "comm: NAME, a pattern with * or not",
					  "this says nothing about which threads it is for");
		note(&result,
		     value_word(d, node_get(thread, "role"),
				WITH("inference", "packet", "control", "background"), &index));
		if (!note(&result, value_list(d, streams, "stream names")))
			for (size_t j = 0; j < streams->count; j++)
				note(&result, value_word(d, streams->item[j], names, &index));
		note(&result,
		     value_duration(d, node_get(thread, "budget"), 1000, SECOND_NS, &budget));
		note(&result, check_cpus(d, node_get(thread, "cpus")));
	}
	if (list->count)
		warn_about(d, list->name, NULL,
			   "this version keeps \"threads\" but does not act on them yet");
	return result;
}

static int parse_egress(struct profile *profile, struct diagnostics *d, const struct node *list)
{
	const char *name;
	unsigned int class;
	uint64_t dscp;
	int result = 0;

	if (!list)
		return 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct node *rule = list->item[i], *match = node_get(rule, "match");
		struct rate rate = { 0 };
		struct match box;

		note(&result,
		     value_map(d, rule,
			       WITH("name", "match", "class", "rate", "burst", "dscp", "pcp")));
		if (rule->kind != NODE_MAPPING)
			continue;
		if (note(&result, value_name(d, node_get(rule, "name"), &name)) == -ENOENT)
			result = complain(d, rule, NULL, "name: NAME", "this rule has no name");
		if (match && !note(&result, match_parse(&profile->arena, d, match, &box)))
			note(&result, match_finish(&profile->arena, d, match, &box));
		note(&result, value_word(d, node_get(rule, "class"), class_words, &class));
		note(&result, rate_parse(d, rule, &rate));
		note(&result, value_number(d, node_get(rule, "dscp"), 0, 63, &dscp));
		note(&result, value_number(d, node_get(rule, "pcp"), 0, 7, &dscp));
	}
	if (list->count)
		warn_about(d, list->name, NULL,
			   "this version keeps \"egress\" but does not act on it yet");
	return result;
}

static void warn_shadowed(struct profile *profile, struct diagnostics *d)
{
	for (size_t i = 0; i < profile->streams; i++) {
		const struct stream_model *stream = &profile->stream[i];
		const char *by = match_essential(&stream->match);
		const struct node *at = node_get(stream->node, "name");

		if (by)
			warn_about(
				d, at, "what is not essential",
				"the stream \"%s\" never matches: %s is essential, and essentials are checked first",
				stream->name, by);
		for (size_t j = 0; j < i && !by; j++)
			if (match_covers(&profile->stream[j].match, &stream->match)) {
				warn_about(
					d, at, "the narrower stream before the wider one",
					"the stream \"%s\" never matches: \"%s\" before it matches all of its packets",
					stream->name, profile->stream[j].name);
				break;
			}
	}
}

static int parse_streams(struct profile *profile, struct loader *loader, const struct node *list)
{
	int result = 0;

	if (!list)
		return 0;
	if (list->count > IMAGE_STREAMS)
		result = complain(loader->d, list->item[IMAGE_STREAMS], NULL, "at most 64 streams",
				  "there are %zu streams", list->count);
	profile->stream =
		arena_alloc(&profile->arena, 2 * IMAGE_STREAMS * sizeof(*profile->stream));
	/* Some more than can be used are looked at, but not any number of them. */
	for (size_t i = 0; i < list->count && i < 2 * IMAGE_STREAMS; i++)
		note(&result, stream_parse(profile, loader, list->item[i],
					   &profile->stream[profile->streams++]));
	return result;
}

/* The definitions that were used become part of the document: it depends on no file then. */
static void embed_protocols(struct profile *profile, struct node *root)
{
	struct node *list = node_sequence(&profile->arena, root);

	for (size_t i = 0; i < profile->protocols; i++) {
		bool used = false;

		for (size_t s = 0; s < profile->streams && !used; s++)
			used = profile->stream[s].protocol == profile->protocol[i];
		if (used)
			node_add(&profile->arena, list, NULL,
				 (struct node *)profile->protocol[i]->node);
	}
	node_set(&profile->arena, root, "protocols", list);
}

int profile_check(struct profile *profile, struct loader *loader)
{
	struct node *root = (struct node *)profile->root;
	const struct node *protocols = node_get(root, "protocols");
	struct diagnostics *d = loader->d;
	size_t before = d->errors;

	value_name(d, node_get(root, "profile"), &profile->name);
	value_text(d, node_get(root, "description"), &profile->description);
	for (size_t i = 0; protocols && i < protocols->count; i++) {
		profile->protocol = arena_grow(&profile->arena, profile->protocol,
					       profile->protocols, &profile->protocol_room,
					       sizeof(*profile->protocol));
		profile->protocol[profile->protocols++] =
			protocol_parse(loader, protocols->item[i]);
	}
	parse_classes(profile, d, node_get(root, "classes"));
	parse_essentials(profile, d, node_get(root, "essentials"));
	parse_default(profile, d, node_get(root, "default"));
	parse_streams(profile, loader, node_get(root, "streams"));
	parse_threads(profile, d, node_get(root, "threads"));
	parse_egress(profile, d, node_get(root, "egress"));
	if (d->errors != before)
		return -EINVAL;
	warn_shadowed(profile, d);
	embed_protocols(profile, root);
	return 0;
}
