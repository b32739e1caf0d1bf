// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/replaced.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The pin's name says how the program was attached. */
static const struct {
	const char *name;
	__u32 flags;
	int attach_mode;
} modes[] = {
	{ "replaced-native", XDP_FLAGS_DRV_MODE, XDP_ATTACHED_DRV },
	{ "replaced-generic", XDP_FLAGS_SKB_MODE, XDP_ATTACHED_SKB },
};

#define MODES (sizeof(modes) / sizeof(modes[0]))

static void pin_path(char *path, const char *directory, size_t mode)
{
	snprintf(path, PATH_MAX + NAME_MAX, "%s/%s", directory, modes[mode].name);
}

int replaced_take(const char *directory, unsigned int ifindex, unsigned int program,
		  struct error *error)
{
	char path[PATH_MAX + NAME_MAX];
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	LIBBPF_OPTS(bpf_xdp_attach_opts, options);
	size_t mode = 0;
	int fd, result;

	result = bpf_xdp_query((int)ifindex, 0, &query);
	if (result)
		return error_set(error, result, 0, NULL, "can't ask for the XDP program: %s",
				 strerror(-result));
	while (mode < MODES && modes[mode].attach_mode != query.attach_mode)
		mode++;
	if (mode == MODES)
		return error_set(error, -EOPNOTSUPP, 0, "Take it off first",
				 "program %u is attached in a way that can't be replaced", program);
	fd = bpf_prog_get_fd_by_id(program);
	if (fd < 0)
		return error_set(error, fd, 0, NULL, "can't open program %u: %s", program,
				 strerror(-fd));
	pin_path(path, directory, mode);
	options.old_prog_fd = fd;
	result = bpf_obj_pin(fd, path);
	if (!result) {
		result = bpf_xdp_detach((int)ifindex, modes[mode].flags, &options);
		if (result)
			unlink(path);
	}
	close(fd);
	return result ? error_set(error, result, 0, NULL, "can't take program %u off: %s", program,
				  strerror(-result))
		      : 0;
}

int replaced_open(const char *directory, __u32 *flags)
{
	char path[PATH_MAX + NAME_MAX];
	int fd = -ENOENT;

	for (size_t mode = 0; mode < MODES && fd < 0; mode++) {
		pin_path(path, directory, mode);
		fd = bpf_obj_get(path);
		*flags = modes[mode].flags;
	}
	return fd;
}

bool replaced_there(const char *directory)
{
	__u32 flags;
	int fd = replaced_open(directory, &flags);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int replaced_attach(unsigned int ifindex, int program, __u32 flags)
{
	return bpf_xdp_attach((int)ifindex, program, flags | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
}

void replaced_drop(const char *directory)
{
	char path[PATH_MAX + NAME_MAX];

	for (size_t mode = 0; mode < MODES; mode++) {
		pin_path(path, directory, mode);
		unlink(path);
	}
}
