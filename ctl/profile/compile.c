// SPDX-License-Identifier: GPL-2.0-only
/* From the model to the image that the data path reads. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "ctl/profile/model.h"

#define SOURCE_LENGTH_MAX (16u << 20) /* what a damaged image may make us allocate */

uint64_t coarse_tick_ns(void)
{
	struct timespec tick;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick))
		return 10000000;
	return (uint64_t)tick.tv_sec * SECOND_NS + (uint64_t)tick.tv_nsec;
}

struct image_bucket compile_bucket(const struct rate *rate, bool precise, struct diagnostics *d)
{
	struct image_bucket bucket = { 0 };
	uint64_t least = 3 * coarse_tick_ns();

	if (!rate->node)
		return bucket;
	double cost_ns = (rate->packets ? 1e9 : 8e9) / rate->rate;

	bucket.cost = (__u64)(cost_ns * 65536 + 0.5);
	bucket.burst_ns = (__u64)(cost_ns * rate->burst + 0.5);
	bucket.per_packet = rate->packets;
	bucket.precise = precise;
	/* A clock that stands still for a tick would let only one burst through in each. */
	if (!precise && bucket.burst_ns < least) {
		if (rate->burst_node)
			warn_about(
				d, rate->burst_node, NULL,
				"this burst is less than 3 ticks of this kernel's clock at the rate: it is raised to %g ms of the rate",
				(double)least / 1e6);
		bucket.burst_ns = least;
	}
	return bucket;
}

static void compile_source(struct profile_image *image, const struct profile *profile,
			   struct diagnostics *d)
{
	char *yaml = profile_yaml(profile);
	uLongf bytes = sizeof(image->source);
	int result = Z_MEM_ERROR;

	if (yaml && strlen(yaml) <= SOURCE_LENGTH_MAX)
		result = compress2(image->source, &bytes, (const Bytef *)yaml, strlen(yaml), 9);
	if (result != Z_OK) {
		complain(d, profile->root, NULL, "at most 64 KiB, compressed",
			 "the profile with its includes and protocols is too large");
	} else {
		image->source_bytes = (__u32)bytes;
		image->source_length = (__u32)strlen(yaml);
	}
	free(yaml);
}

int profile_compile(const struct profile *profile, struct profile_image *image,
		    struct diagnostics *d)
{
	size_t before = d->errors;

	memset(image, 0, sizeof(*image));
	image->magic = IMAGE_MAGIC;
	image->version = IMAGE_VERSION;
	image->bytes = sizeof(*image);
	image->stream_count = (__u32)profile->streams;
	snprintf(image->name, sizeof(image->name), "%s", profile->name);
	image->essential_drop = profile->essential_drop;
	image->default_class = (__u8)profile->default_class;
	image->default_deliver = (__u8)profile->default_deliver;
	for (int c = 0; c < CLASSES; c++) {
		image->class[c].bucket = compile_bucket(&profile->class[c].rate, false, d);
		image->class[c].shed_at = profile->class[c].shed_at;
	}
	for (size_t i = 0; i < profile->streams; i++)
		compile_stream(image, i, profile, d);
	compile_tables(image, profile, d);
	if (d->errors == before)
		compile_loads(profile, image, d);
	compile_source(image, profile, d);
	return d->errors == before ? 0 : -EINVAL;
}

int profile_source(const struct profile_image *image, char **yaml)
{
	uLongf length = image->source_length;

	if (image->magic != IMAGE_MAGIC || image->version != IMAGE_VERSION ||
	    image->source_bytes > sizeof(image->source) || image->source_length > SOURCE_LENGTH_MAX)
		return -EBADMSG;
	char *text = malloc(length + 1);

	if (!text)
		return -ENOMEM;
	if (uncompress((Bytef *)text, &length, image->source, image->source_bytes) != Z_OK ||
	    length != image->source_length) {
		free(text);
		return -EBADMSG;
	}
	text[length] = 0;
	*yaml = text;
	return 0;
}
