// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/ids.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void mark(bool *used, const struct profile_image *image)
{
	for (__u32 i = 0; image && i < image->stream_count; i++)
		used[image->stream[i].id % STREAM_IDS] = true;
}

static int find(const struct name_entry *names, const struct image_label *label)
{
	for (int id = 0; id < (int)STREAM_IDS; id++)
		if (!strcmp(names[id].name, label->name) &&
		    !strcmp(names[id].protocol, label->protocol))
			return id;
	return -1;
}

/* A free slot, else the one that went out of use first. There are more ids than 3 x 64. */
static __u32 choose(const struct name_entry *names, const bool *used)
{
	__u32 best = STREAM_IDS;

	for (__u32 id = 0; id < STREAM_IDS; id++) {
		if (used[id])
			continue;
		if (!*names[id].name)
			return id;
		if (best == STREAM_IDS || names[id].generation < names[best].generation)
			best = id;
	}
	return best;
}

_Static_assert(STREAM_IDS > 3 * IMAGE_STREAMS, "active, kept and new streams fit");

void ids_assign(struct profile_image *image, const struct profile_image *active,
		const struct profile_image *kept, struct name_entry names[STREAM_IDS],
		bool fresh[STREAM_IDS])
{
	bool used[STREAM_IDS] = { false };
	int found[IMAGE_STREAMS];

	memset(fresh, 0, STREAM_IDS * sizeof(*fresh));
	mark(used, active);
	mark(used, kept);
	/* First those that keep their id, so that nobody takes it from them. */
	for (__u32 i = 0; i < image->stream_count; i++) {
		found[i] = find(names, &image->label[i]);
		if (found[i] >= 0)
			used[found[i]] = true;
	}
	for (__u32 i = 0; i < image->stream_count; i++) {
		__u32 id = found[i] >= 0 ? (__u32)found[i] : choose(names, used);

		fresh[id] = found[i] < 0;
		used[id] = true;
		image->stream[i].id = id;
		memcpy(names[id].name, image->label[i].name, sizeof(names[id].name));
		memcpy(names[id].protocol, image->label[i].protocol, sizeof(names[id].protocol));
		names[id].generation = image->generation;
	}
}

int ids_read(int names_map, struct name_entry names[STREAM_IDS])
{
	int result = 0;

	for (__u32 id = 0; !result && id < STREAM_IDS; id++)
		result = bpf_map_lookup_elem(names_map, &id, &names[id]);
	return result;
}

int ids_write(int names_map, const struct profile_image *image,
	      const struct name_entry names[STREAM_IDS])
{
	int result = 0;

	for (__u32 i = 0; !result && i < image->stream_count; i++) {
		__u32 id = image->stream[i].id;

		result = bpf_map_update_elem(names_map, &id, &names[id], BPF_ANY);
	}
	return result;
}

/* One element of zeros; copies: a per-CPU map takes a value for each CPU. */
static int zero_element(int map, __u32 key, size_t bytes, int copies)
{
	void *zeros = calloc((size_t)copies, (bytes + 7) / 8 * 8);
	int result = zeros ? bpf_map_update_elem(map, &key, zeros, BPF_ANY) : -ENOMEM;

	free(zeros);
	return result;
}

int ids_zero(const struct attached *attached, __u32 id)
{
	int cpus = libbpf_num_possible_cpus(), result;

	if (cpus < 0)
		return cpus;
	result = zero_element(attached->counters, id, sizeof(struct counters), cpus);
	if (!result)
		result = zero_element(attached->instances, id, sizeof(struct instances), 1);
	if (!result)
		result = zero_element(attached->buckets, CLASSES + id, sizeof(__u64), 1);
	for (__u32 queue = 0; !result && queue < attached->view->queues; queue++) {
		__u32 key = id * attached->view->queues + queue;

		result = zero_element(attached->leases, key, sizeof(struct lease), 1);
		bpf_map_delete_elem(attached->xsks, &key); /* mostly there is none */
	}
	return result;
}

/* What follows the delivery of a stream's description up to its limits is how it is counted. */
static bool counted_alike(const struct image_stream *a, const struct image_stream *b)
{
	return a->sequence_kind == b->sequence_kind && a->sample_kind == b->sample_kind &&
	       !memcmp(&a->sequence, &b->sequence, sizeof(a->sequence)) &&
	       !memcmp(&a->sample, &b->sample, sizeof(a->sample)) &&
	       !memcmp(&a->marker, &b->marker, sizeof(a->marker)) && a->modulus == b->modulus &&
	       a->step == b->step && a->first == b->first && a->nominal == b->nominal &&
	       a->sample_packets == b->sample_packets && a->sample_modulus == b->sample_modulus &&
	       a->sample_step == b->sample_step;
}

bool ids_go_on(const struct profile_image *active, const struct image_stream *stream)
{
	for (__u32 i = 0; active && i < active->stream_count; i++)
		if (active->stream[i].id == stream->id)
			return counted_alike(&active->stream[i], stream);
	return false;
}

int ids_forget(const struct attached *attached, __u32 id)
{
	struct instances *instances = malloc(sizeof(*instances));
	int result = instances ? bpf_map_lookup_elem(attached->instances, &id, instances) : -ENOMEM;

	for (__u32 i = 0; !result && i < INSTANCES; i++) {
		struct instance *instance = &instances->instance[i];

		instance->sequence = instance->sample = instance->last_ns = 0;
		instance->per_sample = instance->per_sample_less = 0;
		memset(instance->slot, 0, sizeof(instance->slot));
	}
	if (!result)
		result = bpf_map_update_elem(attached->instances, &id, instances, BPF_ANY);
	free(instances);
	return result;
}
