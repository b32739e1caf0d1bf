// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "ctl/capability.h"
#include "ctl/ids.h"
#include "ctl/publish.h"
#include "ctl/swap.h"
#include "ctl/verb.h"
#include "xdp/sensor.skel.h"
#include "xdp/sensor_joined.skel.h"

static int cannot_load(int result, struct error *error)
{
	if ((result == -EPERM || result == -EACCES) && !capability_suffices())
		return error_set(error, result, FAILED, CAPABILITY_HINT,
				 "can't load programs: no permission");
	if (result == -ENOMEM)
		return error_set(error, result, FAILED, NULL, "out of memory for the maps");
	return error_set(error, result, LACKING, "-vv shows the kernel's reasons",
			 "this kernel does not accept the program: %s", strerror(-result));
}

/* The pressure map is the machine's: the first one who comes pins it. */
static int share_pressure(struct sensor_bpf *skeleton, const char *bpffs)
{
	char path[PATH_MAX];
	int fd, result;

	snprintf(path, sizeof(path), "%s/pressure", bpffs);
	fd = bpf_obj_get(path);
	if (fd == -ENOENT)
		return bpf_map__set_pin_path(skeleton->maps.pressure, path);
	if (fd < 0)
		return fd;
	result = bpf_map__reuse_fd(skeleton->maps.pressure, fd);
	close(fd);
	return result;
}

static int resize(struct sensor_bpf *skeleton, unsigned int queues)
{
	struct timespec tick;
	__u64 seed;
	int result;

	skeleton->rodata->queues = queues;
	if (!clock_getres(CLOCK_MONOTONIC_COARSE, &tick) && !tick.tv_sec)
		skeleton->rodata->tick_ns = (__u64)tick.tv_nsec;
	/* Who sends fragments must not know which ones meet in a set. */
	if (getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		skeleton->rodata->fragment_seed = seed;
	result = bpf_map__set_max_entries(skeleton->maps.leases, STREAM_IDS * queues);
	return result ? result : bpf_map__set_max_entries(skeleton->maps.xsks, STREAM_IDS * queues);
}

static int activate(const struct sensor_bpf *skeleton, __u32 inner_flags,
		    struct profile_image *image, struct error *error)
{
	struct name_entry *names = calloc(STREAM_IDS, sizeof(*names));
	__u32 zero = 0;
	bool fresh[STREAM_IDS];
	int fd, result;

	if (!names)
		return error_set(error, -ENOMEM, FAILED, NULL, "out of memory");
	image->generation = 1;
	image->swapped_at_ns = swap_now_ns();
	ids_assign(image, NULL, NULL, names, fresh);
	result = ids_write(bpf_map__fd(skeleton->maps.names), image, names);
	free(names);
	fd = publish_fill(inner_flags, image, error);
	if (fd < 0)
		return fd;
	if (!result)
		result =
			bpf_map_update_elem(bpf_map__fd(skeleton->maps.image), &zero, &fd, BPF_ANY);
	close(fd);
	return result ? error_set(error, result, FAILED, NULL, "can't fill the maps: %s",
				  strerror(-result))
		      : 0;
}

static int introduce(const struct sensor_bpf *skeleton, const struct interface *interface)
{
	struct control control = {
		.version = STATE_VERSION,
		.ifindex = interface->ifindex,
		.queues = interface->rx_queues,
		.generation = 1,
		.attached_at_ns = swap_now_ns(),
	};
	__u32 zero = 0;

	memcpy(control.interface, interface->name, sizeof(control.interface));
	return bpf_map_update_elem(bpf_map__fd(skeleton->maps.control), &zero, &control, BPF_ANY);
}

int load(const struct interface *interface, const char *bpffs, struct profile_image *image,
	 struct sensor_bpf **out, struct error *error)
{
	struct sensor_bpf *skeleton = sensor_bpf__open();
	__u32 inner_flags;
	int result;

	if (!skeleton)
		return cannot_load(-errno, error);
	/* libbpf forgets the template when it has made the outer map. */
	inner_flags = bpf_map__map_flags(bpf_map__inner_map(skeleton->maps.image));
	result = resize(skeleton, interface->rx_queues);
	if (!result)
		result = share_pressure(skeleton, bpffs);
	if (!result)
		result = sensor_bpf__load(skeleton);
	if (result) {
		sensor_bpf__destroy(skeleton);
		return cannot_load(result, error);
	}
	result = introduce(skeleton, interface);
	if (result)
		error_set(error, result, FAILED, NULL, "can't fill the maps: %s",
			  strerror(-result));
	else
		result = activate(skeleton, inner_flags, image, error);
	if (result)
		sensor_bpf__destroy(skeleton);
	else
		*out = skeleton;
	return result;
}

int load_joined(const struct sensor_bpf *first, struct sensor_joined_bpf **out, struct error *error)
{
	struct sensor_joined_bpf *skeleton = sensor_joined_bpf__open();
	struct bpf_map *map;
	int result = 0;

	if (!skeleton)
		return cannot_load(-errno, error);
	skeleton->rodata->queues = first->rodata->queues;
	skeleton->rodata->fragment_seed = first->rodata->fragment_seed;
	skeleton->rodata->tick_ns = first->rodata->tick_ns;
	skeleton->rodata->test_clock = first->rodata->test_clock;
	bpf_object__for_each_map(map, skeleton->obj)
	{
		const struct bpf_map *same =
			bpf_object__find_map_by_name(first->obj, bpf_map__name(map));

		if (!bpf_map__is_internal(map) && same && !result)
			result = bpf_map__reuse_fd(map, bpf_map__fd(same));
	}
	if (result) {
		sensor_joined_bpf__destroy(skeleton);
		return cannot_load(result, error);
	}
	*out = skeleton;
	return 0;
}

int load_set_mode(const struct sensor_bpf *skeleton, __u32 mode)
{
	int map = bpf_map__fd(skeleton->maps.control), result;
	struct control control;
	__u32 zero = 0;

	result = bpf_map_lookup_elem(map, &zero, &control);
	control.mode = mode;
	return result ? result : bpf_map_update_elem(map, &zero, &control, BPF_ANY);
}

static int pin(const char *directory, const char *name, int fd)
{
	char path[PATH_MAX + NAME_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return bpf_obj_pin(fd, path);
}

int load_pin(const struct sensor_bpf *skeleton, const char *directory, struct error *error)
{
	struct bpf_map *map;
	int result = pin(directory, "program", bpf_program__fd(skeleton->progs.sensor_ingress));

	bpf_object__for_each_map(map, skeleton->obj) if (!result && !bpf_map__is_internal(map) &&
							 map != skeleton->maps.pressure)
		result = pin(directory, bpf_map__name(map), bpf_map__fd(map));
	return result ? error_set(error, result, FAILED, NULL, "can't pin in %s: %s", directory,
				  strerror(-result))
		      : 0;
}
