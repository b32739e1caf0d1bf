// SPDX-License-Identifier: GPL-2.0-only
/* One stream of a profile. */
#include <errno.h>
#include <string.h>

#include "ctl/profile/model.h"

#define LEASE_DEFAULT_NS 20000000ull

#define WITH(...) ((const char *const[]){ __VA_ARGS__, NULL })

const char *const class_words[] = { "critical", "high", "normal", "bulk", NULL };

static int note(int *result, int got)
{
	if (got && got != -ENOENT)
		*result = got;
	return got;
}

int rate_parse(struct diagnostics *d, const struct node *node, struct rate *rate)
{
	const struct node *burst = node_get(node, "burst");
	int result = 0;
	bool packets = false;

	if (!note(&result, value_rate(d, node_get(node, "rate"), &rate->rate, &rate->packets))) {
		rate->node = node_get(node, "rate");
		/* 10 ms of the rate, and enough for a datagram of 64 KiB. */
		rate->burst = rate->packets ? rate->rate / 100 : rate->rate / 800;
		double least = rate->packets ? 64 : 65536;

		if (rate->burst < least)
			rate->burst = least;
	}
	if (!burst)
		return result;
	double size = 0;

	if (note(&result, value_burst(d, burst, &size, &packets)))
		return result;
	if (!node_get(node, "rate"))
		return complain(d, burst, NULL, "a rate beside it",
				"a burst has no use without a rate");
	if (rate->node && packets != rate->packets)
		return complain(d, burst, NULL,
				rate->packets ? "a number of packets, such as 64 packets"
					      : "a size, such as 1MiB",
				"the burst is not in the unit of the rate");
	rate->burst = size;
	rate->burst_node = burst;
	return result;
}

static struct protocol_model *add_protocol(struct profile *profile, struct protocol_model *protocol)
{
	profile->protocol = arena_grow(&profile->arena, profile->protocol, profile->protocols,
				       &profile->protocol_room, sizeof(*profile->protocol));
	profile->protocol[profile->protocols++] = protocol;
	return protocol;
}

struct protocol_model *protocol_find(struct profile *profile, struct loader *loader,
				     const struct node *node)
{
	const char *name;
	struct source *source;

	if (value_name(loader->d, node, &name))
		return NULL;
	for (size_t i = 0; i < profile->protocols; i++)
		if (!strcmp(profile->protocol[i]->name, name))
			return profile->protocol[i];
	const char *file = find_protocol(loader, name);

	if (!file) {
		complain(loader->d, node, nearest_word(name, list_protocols(loader)),
			 "the name of a protocol file", "there is no protocol \"%s\"", name);
		return NULL;
	}
	struct protocol_model *wrong = arena_alloc(loader->arena, sizeof(*wrong));

	wrong->name = name;
	wrong->wrong = true;
	if (source_read(loader->arena, file, &source, loader->d))
		return add_protocol(profile, wrong);
	struct node *root = source_check(source, loader->d)
				    ? node_parse(loader->arena, source, loader->d)
				    : NULL;

	if (!root)
		return add_protocol(profile, wrong);
	struct protocol_model *protocol = protocol_parse(loader, root);

	if (!protocol->wrong && strcmp(protocol->name, name)) {
		complain(loader->d, node_get(root, "protocol"), name, "the file's own name",
			 "this file is called %s.yaml, but its protocol \"%s\"", name,
			 protocol->name);
		return add_protocol(profile, wrong);
	}
	if (protocol->wrong)
		protocol->name = name;
	return add_protocol(profile, protocol);
}

static int parse_deliver(struct diagnostics *d, const struct node *node,
			 struct stream_model *stream)
{
	static const char *const words[] = { "stack", "af_xdp", "drop", "reflect", NULL };
	unsigned int word = DELIVER_STACK;

	if (!node)
		return 0;
	if (node->kind == NODE_MAPPING) {
		int result = value_map(d, node, WITH("cpu", "interface"));

		return result ? result
			      : complain(
					d, node, NULL, "af_xdp, stack or drop",
					"this version cannot deliver to a CPU or an interface yet");
	}
	int result = value_word(d, node, words, &word);

	if (!result && word == 3)
		return complain(d, node, NULL, "af_xdp, stack or drop",
				"this version cannot reflect packets yet");
	if (!result)
		stream->deliver = (enum image_deliver)word;
	return result;
}

static int parse_shedding(struct diagnostics *d, const struct node *node,
			  struct stream_model *stream)
{
	const struct node *shed = node_get(node, "shed"), *keep = node_get(node, "keep");
	unsigned int word = 0;
	int result = 0;

	if (!note(&result, value_word(d, shed, WITH("packet", "sample"), &word)) && word == 1) {
		stream->by_sample = true;
		warn_about(d, shed, NULL,
			   "this version keeps \"shed: sample\" but sheds by packet");
	}
	if (!note(&result, value_fraction(d, keep, &stream->keep_over, &stream->keep_under)))
		warn_about(d, keep, NULL, "this version keeps \"keep\" but does not act on it yet");
	return result;
}

static int parse_readers(struct diagnostics *d, const struct node *node)
{
	static const char *const kinds[] = { "users", "groups", NULL };
	int result = value_map(d, node, kinds);

	if (node)
		warn_about(d, node, NULL,
			   "this version keeps \"readers\" but does not act on it yet");
	for (int k = 0; node && node->kind == NODE_MAPPING && kinds[k]; k++) {
		const struct node *list = node_get(node, kinds[k]);

		if (note(&result, value_list(d, list, "names or numbers")))
			continue;
		for (size_t i = 0; i < list->count; i++)
			if (list->item[i]->kind != NODE_SCALAR || !list->item[i]->length)
				result = complain(d, list->item[i], NULL, "a name or a number",
						  "this is not the name of a user or group");
	}
	return result;
}

static int parse_budget(struct diagnostics *d, const struct node *node)
{
	static const char *const stages[] = { "jitter", "to_reader", "to_inference", "to_control",
					      NULL };
	int result = value_map(d, node, stages);
	uint64_t time;

	for (int i = 0; node && node->kind == NODE_MAPPING && stages[i]; i++)
		note(&result,
		     value_duration(d, node_get(node, stages[i]), 1000, 3600 * SECOND_NS, &time));
	return result;
}

static int check_sampling(struct diagnostics *d, const struct node *node,
			  struct stream_model *stream)
{
	const struct node *own = node_get(node, "samples");
	bool per = stream->protocol && stream->protocol->per.node;

	if (own && stream->protocol) {
		int result = samples_check(d, own, &stream->samples, stream->protocol);

		if (result)
			return result;
	} else if (own) {
		int result = samples_check(d, own, &stream->samples, NULL);

		if (result)
			return result;
	}
	if ((stream->by_sample || stream->keep_under) && !stream->samples.id.node && !per)
		return complain(d, node_get(node, stream->by_sample ? "shed" : "keep"), NULL,
				"a protocol with a sample id",
				"this stream has no sample id, so it cannot be shed by sample");
	return 0;
}

static int parse_protocol(struct profile *profile, struct loader *loader, const struct node *node,
			  struct stream_model *stream)
{
	const struct node *match = node_get(node, "match"), *protocol = node_get(node, "protocol");
	struct match own;
	int result = 0;

	match_any(loader->arena, &stream->match);
	if (protocol) {
		stream->protocol = protocol_find(profile, loader, protocol);
		if (!stream->protocol || stream->protocol->wrong)
			result = -EINVAL;
		if (stream->protocol && !stream->protocol->wrong)
			stream->match = stream->protocol->match;
		else
			stream->protocol = NULL;
	}
	if (match && !note(&result, match_parse(loader->arena, loader->d, match, &own)))
		match_override(loader->arena, &stream->match, &own);
	if (!match && !protocol)
		return complain(
			loader->d, node, NULL, "protocol: NAME, or match: {...}",
			"this stream says neither which protocol it is nor what it matches");
	if (result)
		return result;
	return match_finish(loader->arena, loader->d, match ? match : protocol, &stream->match);
}

int stream_parse(struct profile *profile, struct loader *loader, const struct node *node,
		 struct stream_model *stream)
{
	static const char *const keys[] = { "name",	   "protocol", "match",	 "class", "deliver",
					    "stale_after", "samples",  "rate",	 "burst", "shed",
					    "keep",	   "readers",  "budget", "lease", "timing",
					    "mirror",	   NULL };
	struct diagnostics *d = loader->d;
	unsigned int class = CLASS_NORMAL, timing = 0;
	int result = 0;

	stream->node = node;
	stream->name = "";
	if (note(&result, value_map(d, node, keys)) && node->kind != NODE_MAPPING)
		return result;
	if (note(&result, value_name(d, node_get(node, "name"), &stream->name)) == -ENOENT)
		result = complain(d, node, NULL, "name: NAME", "this stream has no name");
	note(&result, parse_protocol(profile, loader, node, stream));
	note(&result, value_word(d, node_get(node, "class"), class_words, &class));
	stream->class = (enum image_class) class;
	note(&result, parse_deliver(d, node_get(node, "deliver"), stream));
	/* Without stale_after a stream is never stale: a nominal rate does not say it must run. */
	note(&result, value_duration(d, node_get(node, "stale_after"), 1000000, 86400 * SECOND_NS,
				     &stream->stale_after_ns));
	stream->lease_ns = LEASE_DEFAULT_NS;
	stream->lease_node = node_get(node, "lease");
	note(&result,
	     value_duration(d, stream->lease_node, 1000000, 10 * SECOND_NS, &stream->lease_ns));
	stream->precise = stream->deliver == DELIVER_AF_XDP;
	if (!note(&result,
		  value_word(d, node_get(node, "timing"), WITH("coarse", "precise"), &timing)))
		stream->precise = timing == 1;
	if (stream->protocol)
		stream->samples = stream->protocol->samples;
	int samples = samples_parse(d, node_get(node, "samples"), &stream->samples);

	note(&result, samples);
	note(&result, rate_parse(d, node, &stream->rate));
	note(&result, parse_shedding(d, node, stream));
	note(&result, parse_readers(d, node_get(node, "readers")));
	note(&result, parse_budget(d, node_get(node, "budget")));
	if (node_get(node, "mirror"))
		result = complain(d, node_get(node, "mirror"), NULL, "a stream without mirror",
				  "this version cannot mirror packets yet");
	/* Without its protocol a stream would be said to lack what the protocol has. */
	if ((!samples || samples == -ENOENT) && (stream->protocol || !node_get(node, "protocol")))
		note(&result, check_sampling(d, node, stream));
	return result;
}
