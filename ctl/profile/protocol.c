// SPDX-License-Identifier: GPL-2.0-only
/* A protocol file: a sensor's wire format as data. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "ctl/profile/model.h"

#define WITH(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Remembers that something was wrong, and goes on to find the rest. */
static int note(int *result, int got)
{
	if (got && got != -ENOENT)
		*result = got;
	return got;
}

static int need(struct diagnostics *d, const struct node *node, const char *key, int *result,
		int got)
{
	if (got == -ENOENT)
		*result = complain(d, node, NULL, key, "the key \"%s\" is missing", key);
	else
		note(result, got);
	return got;
}

static int field_parse(struct diagnostics *d, const struct node *node, const char *const *more,
		       struct field *out)
{
	static const char *const endians[] = { "little", "big", NULL };
	const char *keys[16] = { "offset", "width", "endian" };
	uint64_t offset = 0, width = 0;
	unsigned int endian = 0;
	int result = 0;

	if (!node)
		return -ENOENT;
	for (size_t i = 3; more && *more && i < 15; i++)
		keys[i] = *more++;
	if (note(&result, value_map(d, node, keys)) && node->kind != NODE_MAPPING)
		return result;
	need(d, node, "offset", &result,
	     value_number(d, node_get(node, "offset"), 0, IMAGE_PAYLOAD_MAX - 1, &offset));
	if (!need(d, node, "width", &result,
		  value_number(d, node_get(node, "width"), 8, 64, &width)) &&
	    width != 8 && width != 16 && width != 24 && width != 32 && width != 64)
		result = complain(d, node_get(node, "width"), NULL, "8, 16, 24, 32 or 64",
				  "a field cannot be %llu bits wide", (unsigned long long)width);
	int got = value_word(d, node_get(node, "endian"), endians, &endian);

	if (width > 8 || got != -ENOENT)
		need(d, node, "endian", &result, got);
	if (result)
		return result;
	if (offset + width / 8 > IMAGE_PAYLOAD_MAX)
		return complain(d, node, NULL, "a field within the first 2048 bytes of the payload",
				"the field ends at byte %llu of the payload",
				(unsigned long long)(offset + width / 8));
	*out = (struct field){ node, (uint32_t)offset, (uint32_t)width, endian == 1 };
	return 0;
}

static uint64_t field_limit(const struct field *field)
{
	return field->width == 64 ? UINT64_MAX : (1ull << field->width) - 1;
}

static int bits_parse(struct diagnostics *d, const struct node *node, struct bits *out)
{
	const struct node *value = node_get(node, "value");
	struct bits bits = { .node = node };
	uint64_t offset = 0;
	size_t count = 0;
	int result = 0;

	if (!node)
		return -ENOENT;
	if (note(&result, value_map(d, node, WITH("offset", "mask", "value"))) &&
	    node->kind != NODE_MAPPING)
		return result;
	need(d, node, "offset", &result,
	     value_number(d, node_get(node, "offset"), 0, IMAGE_PAYLOAD_MAX - 8, &offset));
	need(d, node, "mask", &result,
	     value_bytes(d, node_get(node, "mask"), 8, bits.mask, &bits.count));
	bits.offset = (uint32_t)offset;
	memcpy(bits.value, bits.mask, sizeof(bits.value));
	if (value)
		note(&result, value_bytes(d, value, 8, bits.value, &count));
	if (result)
		return result;
	if (value && count != bits.count)
		return complain(d, value, NULL, "as many bytes as the mask has",
				"the value has %zu bytes, the mask %zu", count, bits.count);
	uint8_t any = 0;

	for (size_t i = 0; i < bits.count; i++) {
		any |= bits.mask[i];
		if (bits.value[i] & ~bits.mask[i])
			return complain(d, value, NULL, "no bits outside the mask",
					"the value has bits that the mask leaves out");
	}
	if (!any)
		return complain(d, node_get(node, "mask"), NULL, "at least one bit",
				"the mask is empty");
	*out = bits;
	return 0;
}

static int parse_id(struct diagnostics *d, const struct node *node, struct samples *out)
{
	const struct node *step = node_get(node, "step");
	int result = field_parse(d, node, WITH("step"), &out->id);

	out->step = 1;
	if (result)
		return result;
	if (step && step->kind == NODE_SCALAR && !strcmp(step->text, "any"))
		out->step = 0;
	else
		note(&result, value_number(d, step, 1, field_limit(&out->id), &out->step));
	return result;
}

int samples_parse(struct diagnostics *d, const struct node *node, struct samples *out)
{
	uint64_t packets = 0;
	int result = 0;

	if (!node)
		return -ENOENT;
	*out = (struct samples){ .node = node };
	if (node->kind == NODE_SCALAR && !strcmp(node->text, "none")) {
		out->none = true;
		return 0;
	}
	if (node->kind != NODE_MAPPING)
		return complain(d, node, NULL, "none, or a map with wrap, id, marker or packets",
				"this does not say how samples are told apart");
	note(&result, value_map(d, node, WITH("wrap", "id", "marker", "index", "packets")));
	if (!note(&result, field_parse(d, node_get(node, "wrap"), WITH("modulus"), &out->wrap)))
		note(&result,
		     value_number(d, node_get(out->wrap.node, "modulus"), 2,
				  field_limit(&out->wrap) < UINT32_MAX ? field_limit(&out->wrap) + 1
								       : UINT32_MAX,
				  &out->modulus));
	note(&result, parse_id(d, node_get(node, "id"), out));
	note(&result, bits_parse(d, node_get(node, "marker"), &out->marker));
	note(&result, field_parse(d, node_get(node, "index"), NULL, &out->index));
	note(&result, value_number(d, node_get(node, "packets"), 1, 1000000, &packets));
	out->packets = (uint32_t)packets;
	if (!node->count)
		return complain(d, node, NULL, "wrap, id, marker or packets",
				"this does not say how samples are told apart");
	if (!result && out->wrap.node && (out->id.node || out->marker.node || out->index.node))
		return complain(d, node, NULL, "wrap alone",
				"a wrap cannot stand beside an id, a marker or an index");
	return result;
}

static bool same_field(const struct field *a, const struct field *b)
{
	return a->offset == b->offset && a->width == b->width &&
	       (a->width == 8 || a->big_endian == b->big_endian);
}

int samples_check(struct diagnostics *d, const struct node *node, const struct samples *samples,
		  const struct protocol_model *protocol)
{
	bool per = protocol && protocol->per.node, counter = protocol && protocol->sequence.node;

	if (per && samples->id.node && !same_field(&samples->id, &protocol->per))
		return complain(d, node, NULL, "the same field in sequence.per and sample.id",
				"the sequence restarts with another field than the sample's id");
	if (per && samples->wrap.node)
		return complain(
			d, node, NULL, "sample: {id: ...} or none",
			"the sequence restarts with an id, so samples cannot be told by a wrap");
	if (samples->index.node && !samples->id.node && !per)
		return complain(d, samples->index.node, NULL, "an index beside an id",
				"an index has no use without a sample's id");
	bool only_packets = samples->packets && !samples->wrap.node && !samples->id.node &&
			    !samples->marker.node && !per;

	if (only_packets && !counter)
		return complain(d, node, NULL, "a sequence, or wrap, id or marker",
				"samples of a number of packets need a sequence to count them by");
	return 0;
}

static int parse_skip(struct diagnostics *d, const struct node *node, struct protocol_model *p)
{
	int result = value_list(d, node, "numbers");

	if (result || !node->count)
		return result;
	if (node->count > 1)
		return complain(d, node, NULL, "one value", "only one value may be left out");
	p->has_skip = true;
	return value_number(d, node->item[0], 0, UINT32_MAX, &p->skip);
}

static int parse_sequence(struct diagnostics *d, const struct node *node, struct protocol_model *p)
{
	const struct node *modulus = node_get(node, "modulus");
	uint64_t limit;

	p->step = 1;
	if (!node || (node->kind == NODE_SCALAR && !strcmp(node->text, "none")))
		return 0;
	int result =
		field_parse(d, node, WITH("step", "skip", "modulus", "first", "per"), &p->sequence);

	if (result)
		return result;
	limit = field_limit(&p->sequence);
	p->modulus = limit == UINT64_MAX ? 0 : limit + 1;
	note(&result, value_number(d, node_get(node, "step"), 1,
				   limit < UINT32_MAX ? limit : UINT32_MAX, &p->step));
	note(&result,
	     value_number(d, modulus, 2, limit == UINT64_MAX ? limit : limit + 1, &p->modulus));
	note(&result, value_number(d, node_get(node, "first"), 0,
				   limit < UINT32_MAX ? limit : UINT32_MAX, &p->first));
	note(&result, field_parse(d, node_get(node, "per"), NULL, &p->per));
	note(&result, parse_skip(d, node_get(node, "skip"), p));
	if (result)
		return result;
	if (node_get(node, "first") && !p->per.node)
		return complain(d, node_get(node, "first"), NULL, "first beside per",
				"a counter that never restarts has no first value");
	if (p->has_skip && p->skip > field_limit(p->per.node ? &p->per : &p->sequence))
		return complain(d, node_get(node, "skip"), NULL, "a value that fits the field",
				"the field never has this value");
	/* The window of 32 packets and a jump of at least one must be told apart. */
	if (p->modulus && p->modulus / p->step < 34)
		return complain(
			d, modulus ? modulus : node, NULL,
			"at least 34 steps before the counter wraps",
			"the counter wraps after %llu packets, too few to tell loss from reordering",
			(unsigned long long)(p->modulus / p->step));
	return 0;
}

static int parse_timestamp(struct diagnostics *d, const struct node *node, struct protocol_model *p)
{
	static const char *const units[] = { "ns", "us", "ms", "s", NULL };
	static const uint64_t unit_ns[] = { 1, 1000, 1000000, SECOND_NS };
	uint64_t modulus = 0;
	unsigned int unit = 0;

	if (!node || (node->kind == NODE_SCALAR && !strcmp(node->text, "none")))
		return 0;
	int result = field_parse(d, node, WITH("unit", "modulus", "gap_above"), &p->timestamp);

	if (node->kind != NODE_MAPPING)
		return result;
	need(d, node, "unit", &result, value_word(d, node_get(node, "unit"), units, &unit));
	note(&result,
	     value_duration(d, node_get(node, "modulus"), 1, 86400 * SECOND_NS * 366, &modulus));
	note(&result, value_real(d, node_get(node, "gap_above"), 1.0, 1000.0, &p->gap_above));
	if (result)
		return result;
	p->unit_ns = unit_ns[unit];
	p->timestamp_modulus = p->timestamp.width == 64 ? 0 : 1ull << p->timestamp.width;
	if (!modulus)
		return 0;
	if (modulus % p->unit_ns || modulus / p->unit_ns < 2 ||
	    modulus / p->unit_ns - 1 > field_limit(&p->timestamp))
		return complain(d, node_get(node, "modulus"), NULL,
				"a whole number of units that the field can hold",
				"%s is not a modulus of this field",
				node_get(node, "modulus")->text);
	p->timestamp_modulus = modulus / p->unit_ns;
	return 0;
}

static int check_gap(struct diagnostics *d, const struct node *node, struct protocol_model *p)
{
	if (p->gap_above == 0 || p->sequence.node)
		return 0;
	if (p->packet_rate == 0)
		return complain(d, node_get(p->timestamp.node, "gap_above"), NULL,
				"nominal: {packet_rate: ...}",
				"a gap in time needs the nominal packet rate");
	double interval = (double)SECOND_NS / (double)p->unit_ns / p->packet_rate;

	/* Kept in 1/256 of a unit; a finer interval would be rounded away. */
	if (interval < 1.0 || interval > 1e12 ||
	    (p->timestamp_modulus && (double)p->timestamp_modulus / interval < 34))
		return complain(
			d, node_get(node, "nominal"), NULL,
			"an interval of 1 unit or more, and 34 of them before the time wraps",
			"the nominal interval is %g units of the time stamp", interval);
	return 0;
}

static int parse_keys(struct diagnostics *d, const struct node *node, struct protocol_model *p)
{
	int result = value_list(d, node, "{offset, width, endian}");

	if (result)
		return result;
	if (node->count > 2)
		return complain(d, node, NULL, "at most two fields", "there are %zu fields",
				node->count);
	for (size_t i = 0; i < node->count; i++)
		note(&result, field_parse(d, node->item[i], NULL, &p->key[i]));
	p->keys = (unsigned int)node->count;
	return result;
}

struct protocol_model *protocol_parse(struct loader *loader, const struct node *node)
{
	static const char *const keys[] = { "protocol", "description", "source",    "match",
					    "sequence", "sample",      "timestamp", "nominal",
					    "key",	"resent",      "checked",   NULL };
	struct protocol_model *p = arena_alloc(loader->arena, sizeof(*p));
	struct diagnostics *d = loader->d;
	const struct node *nominal = node_get(node, "nominal");
	const char *source = "";
	unsigned int checked;
	int result = 0;

	p->node = node;
	p->name = p->description = "";
	p->wrong = true;
	match_any(loader->arena, &p->match);
	if (note(&result, value_map(d, node, keys)) && node->kind != NODE_MAPPING)
		return p;
	need(d, node, "protocol", &result, value_name(d, node_get(node, "protocol"), &p->name));
	note(&result, value_text(d, node_get(node, "description"), &p->description));
	note(&result, value_text(d, node_get(node, "source"), &source));
	note(&result, value_word(d, node_get(node, "checked"),
				 WITH("bytes", "recording", "documentation"), &checked));
	if (node_get(node, "match"))
		note(&result, match_parse(loader->arena, d, node_get(node, "match"), &p->match));
	note(&result, parse_sequence(d, node_get(node, "sequence"), p));
	note(&result, samples_parse(d, node_get(node, "sample"), &p->samples));
	note(&result, parse_timestamp(d, node_get(node, "timestamp"), p));
	if (nominal) {
		note(&result, value_map(d, nominal, WITH("packet_rate", "sample_rate")));
		note(&result,
		     value_real(d, node_get(nominal, "packet_rate"), 0.001, 1e8, &p->packet_rate));
		note(&result,
		     value_real(d, node_get(nominal, "sample_rate"), 0.001, 1e6, &p->sample_rate));
	}
	note(&result, parse_keys(d, node_get(node, "key"), p));
	note(&result, bits_parse(d, node_get(node, "resent"), &p->resent));
	if (!result)
		note(&result, check_gap(d, node, p));
	if (!result && p->samples.node)
		note(&result, samples_check(d, p->samples.node, &p->samples, p));
	p->wrong = result != 0;
	return p;
}
