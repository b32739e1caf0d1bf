// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/attached.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ctl/capability.h"
#include "ctl/netns.h"
#include "ctl/pins.h"

/* What is opened, and the size of a value of ours; 0: not checked. */
static const struct {
	const char *name;
	size_t member;
	__u32 value_size;
} maps[] = {
	{ "image", offsetof(struct attached, image), sizeof(__u32) },
	{ "names", offsetof(struct attached, names), sizeof(struct name_entry) },
	{ "counters", offsetof(struct attached, counters), sizeof(struct counters) },
	{ "instances", offsetof(struct attached, instances), sizeof(struct instances) },
	{ "fragments", offsetof(struct attached, fragments), 0 },
	{ "buckets", offsetof(struct attached, buckets), 0 },
	{ "leases", offsetof(struct attached, leases), sizeof(struct lease) },
	{ "xsks", offsetof(struct attached, xsks), sizeof(__u32) },
	{ "control", offsetof(struct attached, control), sizeof(struct control) },
};

#define MAPS (sizeof(maps) / sizeof(maps[0]))

static int *member(struct attached *attached, size_t i)
{
	return (int *)((char *)attached + maps[i].member);
}

static int other_version(const char *directory, struct error *error)
{
	return error_set(error, -EPROTO, FAILED, "Detach and attach again",
			 "the pins in %s are another version's", directory);
}

static int open_pin(const char *directory, const char *name, struct error *error)
{
	char path[PATH_MAX + NAME_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = bpf_obj_get(path);
	if (fd == -EPERM || fd == -EACCES)
		return error_set(error, fd, FAILED, CAPABILITY_HINT, "can't open %s: no permission",
				 path);
	if (fd < 0)
		return error_set(error, fd, FAILED, NULL, "can't open %s: %s", path, strerror(-fd));
	return fd;
}

static int open_maps(struct attached *attached, struct error *error)
{
	for (size_t i = 0; i < MAPS; i++) {
		struct bpf_map_info info = { 0 };
		__u32 size = sizeof(info);
		int fd = open_pin(attached->directory, maps[i].name, error);

		if (fd == -ENOENT)
			return other_version(attached->directory, error);
		if (fd < 0)
			return fd;
		*member(attached, i) = fd;
		if (bpf_map_get_info_by_fd(fd, &info, &size))
			return error_set(error, -errno, FAILED, NULL, "can't look at map %s: %s",
					 maps[i].name, strerror(errno));
		if (maps[i].value_size && maps[i].value_size != info.value_size)
			return other_version(attached->directory, error);
	}
	return 0;
}

/* DIR/NETNS/IFINDEX -> DIR/pressure. */
static int open_pressure(const char *directory, struct error *error)
{
	char top[PATH_MAX];

	snprintf(top, sizeof(top), "%s", directory);
	for (int i = 0; i < 2; i++)
		*strrchr(top, '/') = '\0';
	return open_pin(top, "pressure", error);
}

static struct attached *new_attached(void)
{
	struct attached *attached = calloc(1, sizeof(*attached));

	if (!attached)
		return NULL;
	attached->link = attached->program = attached->pressure = -1;
	for (size_t i = 0; i < MAPS; i++)
		*member(attached, i) = -1;
	return attached;
}

/* The interface's name now; what it was when attached, if it is not here. */
static void name_interface(struct attached *attached, unsigned int ifindex,
			   const struct pins_link *link)
{
	attached->ifindex = link->ifindex ? link->ifindex : ifindex;
	attached->moved = !pins_on(attached->ifindex, link->program) && !attached->joined;
	if (attached->moved || !if_indextoname(attached->ifindex, attached->interface))
		snprintf(attached->interface, sizeof(attached->interface), "%s",
			 attached->view->interface);
}

int attached_open_directory(const char *directory, ino_t netns, unsigned int ifindex,
			    struct attached **out, struct error *error)
{
	struct attached *attached = new_attached();
	struct pins_link link;
	int result;

	if (!attached)
		return error_set(error, -ENOMEM, FAILED, NULL, "out of memory");
	snprintf(attached->directory, sizeof(attached->directory), "%s", directory);
	attached->netns = netns;
	attached->link = open_pin(directory, PIN_LINK, NULL);
	attached->joined = attached->link == -ENOENT;
	result = attached->program = open_pin(directory, "program", error);
	if (result >= 0)
		result = open_maps(attached, error);
	if (result >= 0)
		result = attached->pressure = open_pressure(directory, error);
	if (result >= 0) {
		attached->view = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE,
				      MAP_SHARED, attached->control, 0);
		if (attached->view == MAP_FAILED) {
			attached->view = NULL;
			result = error_set(error, -errno, FAILED, NULL,
					   "can't map the control map: %s", strerror(errno));
		} else if (attached->view->version != STATE_VERSION) {
			result = other_version(directory, error);
		}
	}
	if (result < 0) {
		attached_close(attached);
		return result;
	}
	if (pins_link(directory, &link) && !link.program)
		link.program = ~0u;
	name_interface(attached, ifindex, &link);
	*out = attached;
	return 0;
}

void attached_close(struct attached *attached)
{
	if (!attached)
		return;
	if (attached->view)
		munmap(attached->view, sizeof(struct control));
	for (size_t i = 0; i < MAPS; i++)
		if (*member(attached, i) >= 0)
			close(*member(attached, i));
	if (attached->link >= 0)
		close(attached->link);
	if (attached->program >= 0)
		close(attached->program);
	if (attached->pressure >= 0)
		close(attached->pressure);
	free(attached);
}

/* A broker says every quarter of a lease that it lives; leases are well below this. */
#define SILENT_NS 2000000000u

bool broker_lives(const struct control *control, __u64 now_ns)
{
	__u64 heard = __atomic_load_n(&control->broker_heartbeat_ns, __ATOMIC_RELAXED);

	return heard && now_ns < heard + SILENT_NS;
}

int attached_image(const struct attached *attached, struct profile_image *image)
{
	struct bpf_map_info info = { 0 };
	__u32 zero = 0, id, size = sizeof(info);
	int fd, result;

	/* A swap may free the inner map between its id and its descriptor: look again. */
	for (int i = 0; i < 100; i++) {
		result = bpf_map_lookup_elem(attached->image, &zero, &id);
		if (result)
			return result;
		fd = bpf_map_get_fd_by_id(id);
		if (fd != -ENOENT)
			break;
	}
	if (fd < 0)
		return fd;
	result = bpf_map_get_info_by_fd(fd, &info, &size);
	if (!result && info.value_size != sizeof(*image))
		result = -EPROTO;
	if (!result)
		result = bpf_map_lookup_elem(fd, &zero, image);
	close(fd);
	if (!result && (image->magic != IMAGE_MAGIC || image->version != IMAGE_VERSION))
		result = -EPROTO;
	/* A swap that was killed after its one update has not told the brokers yet. */
	if (!result &&
	    __atomic_load_n(&attached->view->generation, __ATOMIC_ACQUIRE) < image->generation)
		__atomic_store_n(&attached->view->generation, image->generation, __ATOMIC_RELEASE);
	return result;
}

/* What a walk over all pins looks for, and what it found. */
struct search {
	unsigned int ifindex; /* an interface here whose program is in the pins */
	const char *name;     /* or the name an interface had when it was attached */
	ino_t netns;	      /* there */
	char *directory;
	ino_t *found_netns;
	unsigned int *found_ifindex;
};

static int found(const struct search *search, const char *directory, ino_t netns,
		 unsigned int ifindex)
{
	snprintf(search->directory, PATH_MAX, "%s", directory);
	*search->found_netns = netns;
	*search->found_ifindex = ifindex;
	return 1;
}

/* An interface that moved here from another namespace: its program tells. */
static int by_program(void *context, const char *directory, ino_t netns, unsigned int ifindex)
{
	const struct search *search = context;
	struct pins_link link;

	if (pins_link(directory, &link) || link.ifindex != search->ifindex ||
	    !pins_on(search->ifindex, link.program))
		return 0;
	return found(search, directory, netns, ifindex);
}

static int by_name(void *context, const char *directory, ino_t netns, unsigned int ifindex)
{
	const struct search *search = context;
	struct control control;
	struct pins_link link;
	__u32 zero = 0;
	int fd, result;

	if (netns != search->netns || pins_link(directory, &link))
		return 0;
	fd = open_pin(directory, "control", NULL);
	if (fd < 0)
		return 0;
	result = bpf_map_lookup_elem(fd, &zero, &control);
	close(fd);
	if (result || strncmp(control.interface, search->name, sizeof(control.interface)))
		return 0;
	return found(search, directory, netns, ifindex);
}

static int nothing_attached(const char *interface, struct error *error)
{
	char hint[128];

	snprintf(hint, sizeof(hint), "sensorctl attach %s --profile NAME", interface);
	return error_set(error, -ENOENT, FAILED, hint, "nothing is attached to %s", interface);
}

static int find_interface(const struct search *search, const struct globals *globals,
			  const char *interface, struct error *error)
{
	char now[IF_NAMESIZE], hint[128];
	struct pins_link link;

	if (search->ifindex) {
		char path[PATH_MAX];

		pins_path(path, globals->bpffs, search->netns, search->ifindex, "");
		if (!pins_link(path, &link) &&
		    (!link.ifindex || pins_on(search->ifindex, link.program)))
			return found(search, path, search->netns, search->ifindex), 0;
		if (pins_each(globals->bpffs, by_program, (void *)search) == 1)
			return 0;
		return nothing_attached(interface, error);
	}
	if (pins_each(globals->bpffs, by_name, (void *)search) != 1)
		return error_set(error, -ENODEV, FAILED, "ip link shows those there are",
				 "no interface \"%s\"", interface);
	if (pins_link(search->directory, &link) || !pins_on(link.ifindex, link.program) ||
	    !if_indextoname(link.ifindex, now))
		return 0; /* in another namespace, but its pins are here */
	snprintf(hint, sizeof(hint), "Use its new name");
	return error_set(error, -ENODEV, FAILED, hint, "no interface \"%s\": it is called %s now",
			 interface, now);
}

int attached_find(const struct globals *globals, const char *interface, char *directory,
		  ino_t *netns, unsigned int *ifindex, struct error *error)
{
	struct search search = {
		.name = interface,
		.directory = directory,
		.found_netns = netns,
		.found_ifindex = ifindex,
	};
	int result;

	/* Most would work without, up to the first map that is opened by its id. */
	if (!capability_suffices())
		return error_set(error, -EPERM, FAILED, CAPABILITY_HINT,
				 "can't look at what is attached: no permission");
	result = globals->netns ? netns_enter(globals->netns, error) : 0;
	if (result)
		return result;
	search.netns = netns_inode();
	search.ifindex = if_nametoindex(interface);
	if (access(globals->bpffs, R_OK | X_OK) && errno == EACCES)
		return error_set(error, -EACCES, FAILED, CAPABILITY_HINT,
				 "can't look into %s: no permission", globals->bpffs);
	pins_mend(globals);
	return find_interface(&search, globals, interface, error);
}

int attached_open(const struct globals *globals, const char *interface, struct attached **out,
		  struct error *error)
{
	char directory[PATH_MAX];
	unsigned int ifindex;
	ino_t netns;
	int result = attached_find(globals, interface, directory, &netns, &ifindex, error);

	if (result)
		return result;
	return attached_open_directory(directory, netns, ifindex, out, error);
}
