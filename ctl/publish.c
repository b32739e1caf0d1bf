// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/publish.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ctl/crash.h"

int publish_fill(__u32 map_flags, const struct profile_image *image, struct error *error)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = map_flags);
	__u32 zero = 0;
	int result, fd;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "profile_image", sizeof(zero), sizeof(*image), 1,
			    &options);
	if (fd < 0)
		return error_set(error, fd, 0, NULL, "can't make a map for the profile image: %s",
				 strerror(-fd));
	result = bpf_map_update_elem(fd, &zero, image, BPF_ANY);
	if (!result)
		return fd;
	close(fd);
	return error_set(error, result, 0, NULL, "can't fill the profile image: %s",
			 strerror(-result));
}

int publish_active(int outer)
{
	__u32 zero = 0, id;
	int result = bpf_map_lookup_elem(outer, &zero, &id);

	return result ? result : bpf_map_get_fd_by_id(id);
}

int publish(const struct attached *attached, const struct profile_image *image, struct error *error)
{
	struct bpf_map_info info = { 0 };
	__u32 zero = 0, size = sizeof(info);
	int active = publish_active(attached->image), fd, result;

	if (active < 0)
		return error_set(error, active, 0, NULL, "can't look at the active image: %s",
				 strerror(-active));
	result = bpf_map_get_info_by_fd(active, &info, &size);
	close(active);
	if (result)
		return error_set(error, result, 0, NULL, "can't look at the active image: %s",
				 strerror(-result));
	fd = publish_fill(info.map_flags, image, error);
	if (fd < 0)
		return fd;
	crash_here(CRASH_FILLED);
	result = bpf_map_update_elem(attached->image, &zero, &fd, BPF_ANY);
	close(fd);
	if (result)
		return error_set(error, result, 0, NULL, "can't make the image the active one: %s",
				 strerror(-result));
	crash_here(CRASH_SWAPPED);
	__atomic_store_n(&attached->view->generation, image->generation, __ATOMIC_RELEASE);
	return 0;
}
