// SPDX-License-Identifier: GPL-2.0-only
/* From a stream of the model to image_stream: loads, masks and shifts. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ctl/profile/model.h"

#define MAX_JUMP 3000u
#define WINDOW	 33u /* the last 32 packets, and one step forward */

static struct image_field field(const struct field *f)
{
	struct image_field out = { 0 };

	if (!f->node)
		return out;
	out.mask = f->width == 64 ? ~0ull : (1ull << f->width) - 1;
	out.load = (__s16)((int)(f->offset + f->width / 8) - 8);
	out.big_endian = f->big_endian;
	out.shift = f->big_endian ? 0 : (__u8)(64 - f->width);
	return out;
}

/* `count` bytes at `offset`, as one 8-byte load that ends with the last of them. */
static struct image_test test(uint32_t offset, size_t count, const uint8_t *mask,
			      const uint8_t *value)
{
	struct image_test out = { 0 };
	uint8_t m[8] = { 0 }, v[8] = { 0 };

	for (size_t i = 0; i < count; i++) {
		m[8 - count + i] = mask[i];
		v[8 - count + i] = value[i] & mask[i];
	}
	/* As the CPU reads them: no byte order enters. */
	memcpy(&out.mask, m, 8);
	memcpy(&out.value, v, 8);
	out.load = (__s16)((int)(offset + count) - 8);
	return out;
}

static struct image_test bits(const struct bits *b)
{
	return b->node ? test(b->offset, b->count, b->mask, b->value) : (struct image_test){ 0 };
}

/* A field that no packet of the stream is long enough for would never be read, in silence. */
static void within(struct diagnostics *d, const struct match *match, const struct field *f)
{
	const struct set *length = &match->axis[AXIS_LENGTH];

	if (f->node && length->count &&
	    length->span[length->count - 1].high < f->offset + f->width / 8)
		complain(d, f->node, NULL, "an offset inside the longest length that matches",
			 "the field ends at byte %u, and no packet that matches is longer than %u",
			 (unsigned int)(f->offset + f->width / 8),
			 (unsigned int)length->span[length->count - 1].high);
}

static void compile_sequence(struct image_stream *out, const struct protocol_model *p)
{
	uint64_t steps;

	out->step = 1;
	if (p->sequence.node) {
		out->sequence_kind = p->per.node ? SEQUENCE_PER_SAMPLE : SEQUENCE_COUNTER;
		out->sequence = field(&p->sequence);
		out->modulus = p->modulus;
		out->step = (__u32)p->step;
		out->first = (__u32)p->first;
		out->skip_count = p->has_skip;
		out->skip = (__u32)p->skip;
		steps = p->modulus ? p->modulus / p->step : UINT64_MAX / p->step;
	} else if (p->gap_above > 0) {
		double nominal = (double)SECOND_NS / (double)p->unit_ns / p->packet_rate;

		out->sequence_kind = SEQUENCE_TIMESTAMP;
		out->sequence = field(&p->timestamp);
		out->modulus = p->timestamp_modulus;
		out->nominal = (__u64)llround(nominal * 256);
		out->gap = (__u64)llround(nominal * 256 * p->gap_above);
		steps = p->timestamp_modulus ? (uint64_t)((double)p->timestamp_modulus / nominal)
					     : UINT64_MAX;
	} else {
		return;
	}
	out->max_jump = steps - WINDOW > MAX_JUMP ? MAX_JUMP : (__u32)(steps - WINDOW);
}

static void compile_samples(struct image_stream *out, const struct stream_model *stream)
{
	const struct samples *s = &stream->samples;
	const struct protocol_model *p = stream->protocol;

	if (s->node && !s->none) {
		out->sample_packets = s->packets;
		out->marker = bits(&s->marker);
		out->index = field(&s->index);
		if (s->index.node)
			out->flags |= STREAM_INDEX;
	}
	if (s->wrap.node) {
		out->sample_kind = SAMPLE_WRAP;
		out->sample = field(&s->wrap);
		out->sample_modulus = (__u32)s->modulus;
	} else if (s->id.node || (p && p->per.node)) {
		out->sample_kind = s->none ? SAMPLE_NONE : SAMPLE_ID;
		out->sample = field(s->id.node ? &s->id : &p->per);
		out->sample_step = s->id.node ? s->step : 1;
	} else if (s->marker.node) {
		out->sample_kind = SAMPLE_MARKER;
	} else if (s->packets) {
		out->sample_kind = SAMPLE_PACKETS;
	}
}

/* Adjacent bytes go into one load; it ends with the last of them, as a field's does. */
static void compile_tests(struct profile_image *image, struct image_stream *out,
			  const struct match *match, unsigned int *used, struct diagnostics *d)
{
	out->test_first = *used;
	for (size_t i = 0; i < match->byte_count;) {
		uint32_t start = match->byte[i].offset;
		uint8_t mask[8] = { 0 }, value[8] = { 0 };
		size_t width = 0;

		for (; i < match->byte_count && match->byte[i].offset < start + 8; i++) {
			width = match->byte[i].offset - start + 1;
			mask[width - 1] = match->byte[i].mask;
			value[width - 1] = match->byte[i].value;
		}
		if (*used == IMAGE_TESTS || out->test_count == UINT8_MAX) {
			complain(d, match->node, NULL, "at most 256 tests in a profile",
				 "there are too many payload tests");
			return;
		}
		image->test[(*used)++] = test(start, width, mask, value);
		out->test_count++;
	}
}

void compile_stream(struct profile_image *image, size_t index, const struct profile *profile,
		    struct diagnostics *d)
{
	const struct stream_model *stream = &profile->stream[index];
	const struct protocol_model *p = stream->protocol;
	struct image_stream *out = &image->stream[index];
	struct image_label *label = &image->label[index];
	unsigned int used = index ? out[-1].test_first + out[-1].test_count : 0;
	uint64_t least = 4 * coarse_tick_ns();

	snprintf(label->name, sizeof(label->name), "%s", stream->name);
	snprintf(label->protocol, sizeof(label->protocol), "%s", p ? p->name : "");
	out->id = (__u32)index;
	out->class = (__u8)stream->class;
	out->deliver = (__u8)stream->deliver;
	out->flags = stream->precise ? STREAM_PRECISE : 0;
	out->stale_after_ns = stream->stale_after_ns;
	out->lease_ns = stream->lease_ns;
	if (out->lease_ns < least) {
		if (stream->lease_node)
			warn_about(
				d, stream->lease_node, NULL,
				"a lease is at least 4 ticks of this kernel's clock: %g ms are used",
				(double)least / 1e6);
		out->lease_ns = least;
	}
	if (stream->keep_under)
		out->keep = (__u64)stream->keep_over << 32 | stream->keep_under;
	within(d, &stream->match, &stream->samples.wrap);
	within(d, &stream->match, &stream->samples.id);
	within(d, &stream->match, &stream->samples.index);
	if (p) {
		const struct field *const fields[] = { &p->sequence, &p->per, &p->timestamp,
						       &p->key[0], &p->key[1] };

		for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
			within(d, &stream->match, fields[i]);
		compile_sequence(out, p);
		out->key_count = (__u8)p->keys;
		for (unsigned int k = 0; k < p->keys; k++)
			out->key[k] = field(&p->key[k]);
		out->resent = bits(&p->resent);
		if (p->resent.node)
			out->flags |= STREAM_RESENT;
	}
	compile_samples(out, stream);
	compile_tests(image, out, &stream->match, &used, d);
	image->bucket[index] = compile_bucket(&stream->rate, stream->precise, d);
}
