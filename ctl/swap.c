// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/swap.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/crash.h"
#include "ctl/ids.h"
#include "ctl/pending.h"
#include "ctl/pins.h"
#include "ctl/publish.h"

__u64 swap_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (__u64)now.tv_sec * 1000000000u + (__u64)now.tv_nsec;
}

/* The image that a roll-back would return to, if there is one: its ids are in use too. */
static struct profile_image *kept_image(const struct attached *attached)
{
	char path[PATH_MAX + NAME_MAX];
	struct profile_image *image;
	__u32 zero = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", attached->directory, PIN_PREVIOUS);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return NULL;
	image = malloc(sizeof(*image));
	if (image && bpf_map_lookup_elem(fd, &zero, image)) {
		free(image);
		image = NULL;
	}
	close(fd);
	return image;
}

static int give_ids(const struct attached *attached, struct profile_image *image,
		    const struct profile_image *active)
{
	struct name_entry *names = calloc(STREAM_IDS, sizeof(*names));
	struct profile_image *kept = kept_image(attached);
	bool fresh[STREAM_IDS];
	int result = names ? ids_read(attached->names, names) : -ENOMEM;

	if (!result)
		ids_assign(image, active, kept, names, fresh);
	for (__u32 id = 0; !result && id < STREAM_IDS; id++)
		if (fresh[id])
			result = ids_zero(attached, id);
	for (__u32 i = 0; !result && i < image->stream_count; i++)
		if (!fresh[image->stream[i].id] && !ids_go_on(active, &image->stream[i]))
			result = ids_forget(attached, image->stream[i].id);
	crash_here(CRASH_ZEROED);
	if (!result)
		result = ids_write(attached->names, image, names);
	crash_here(CRASH_NAMED);
	free(kept);
	free(names);
	return result;
}

static int keep_previous(const struct attached *attached, __u64 deadline_ns, struct error *error)
{
	struct pending pending = { .deadline_ns = deadline_ns };
	int previous = publish_active(attached->image), result;

	if (previous < 0)
		return error_set(error, previous, 0, NULL, "can't look at the active image: %s",
				 strerror(-previous));
	result = pending_set(attached->directory, &pending, previous, error);
	close(previous);
	return result;
}

int swap_to(const struct attached *attached, struct profile_image *image, __u64 confirm_ns,
	    __u64 *deadline_ns, struct error *error)
{
	struct profile_image *active = malloc(sizeof(*active));
	int result = active ? attached_image(attached, active) : -ENOMEM;

	if (!result) {
		image->generation = active->generation + 1;
		image->swapped_at_ns = swap_now_ns();
		result = give_ids(attached, image, active);
	}
	free(active);
	if (result)
		return error_set(error, result, 0, NULL, "can't prepare the swap: %s",
				 strerror(-result));
	*deadline_ns = confirm_ns ? pending_now() + confirm_ns : 0;
	if (confirm_ns)
		result = keep_previous(attached, *deadline_ns, error);
	if (!result)
		result = publish(attached, image, error);
	if (!result && !confirm_ns)
		pending_drop(attached->directory);
	return result;
}
