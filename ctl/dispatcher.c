// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/dispatcher.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "ctl/attached.h"
#include "ctl/load.h"
#include "ctl/log.h"
#include "ctl/verb.h"
#include "xdp/sensor_joined.skel.h"

#define MOST_MAPS 64

/* NULL when there is none. */
static struct xdp_multiprog *get(unsigned int ifindex)
{
	struct xdp_multiprog *dispatcher = xdp_multiprog__get_from_ifindex((int)ifindex);

	if (libxdp_get_error(dispatcher))
		return NULL;
	if (!xdp_multiprog__is_legacy(dispatcher))
		return dispatcher;
	xdp_multiprog__close(dispatcher);
	return NULL;
}

bool dispatcher_there(unsigned int ifindex)
{
	struct xdp_multiprog *dispatcher = get(ifindex);

	if (dispatcher)
		xdp_multiprog__close(dispatcher);
	return dispatcher;
}

static int join(struct xdp_program *program, unsigned int ifindex, enum xdp_attach_mode mode,
		struct error *error)
{
	int result;

	log_forget();
	result = xdp_program__attach(program, (int)ifindex, mode, 0);
	if (!result)
		return 0;
	return error_set(error, result, LACKING,
			 "Take the other programs off, or use a kernel "
			 "that can replace BPF functions (freplace)",
			 "can't join the libxdp dispatcher that is on the interface: %s%s%s",
			 strerror(-result), *log_kernel_said() ? ": " : "", log_kernel_said());
}

int dispatcher_join(unsigned int ifindex, const struct sensor_bpf *loaded, int *program,
		    __u32 *mode, struct error *error)
{
	struct xdp_multiprog *dispatcher = get(ifindex);
	struct sensor_joined_bpf *twin = NULL;
	struct xdp_program *ours;
	enum xdp_attach_mode how;
	int result;

	if (!dispatcher)
		return error_set(error, -ENOENT, FAILED, NULL, "the dispatcher is gone");
	how = xdp_multiprog__attach_mode(dispatcher);
	xdp_multiprog__close(dispatcher);
	result = load_joined(loaded, &twin, error);
	if (result)
		return result;
	ours = xdp_program__from_bpf_obj(twin->obj, "xdp.frags");
	if (libxdp_get_error(ours)) {
		result = error_set(error, (int)libxdp_get_error(ours), FAILED, NULL,
				   "libxdp does not take the program");
	} else {
		/* libxdp does not see it in the section's name, and would cut all others short. */
		xdp_program__set_xdp_frags_support(ours, true);
		/* What it passes goes on to the next program in the dispatcher. */
		xdp_program__set_chain_call_enabled(ours, 2 /* XDP_PASS */, true);
		result = join(ours, ifindex, how, error);
		if (!result)
			*program = fcntl(xdp_program__fd(ours), F_DUPFD_CLOEXEC, 3);
		xdp_program__close(ours);
	}
	sensor_joined_bpf__destroy(twin);
	*mode = how == XDP_MODE_SKB ? MODE_GENERIC : MODE_NATIVE;
	return result;
}

static bool uses(const struct xdp_program *program, __u32 map)
{
	struct bpf_prog_info info = { 0 };
	__u32 maps[MOST_MAPS] = { 0 }, size = sizeof(info);

	info.nr_map_ids = MOST_MAPS;
	info.map_ids = (__u64)(unsigned long)maps;
	if (bpf_prog_get_info_by_fd(xdp_program__fd(program), &info, &size))
		return false;
	for (__u32 i = 0; i < info.nr_map_ids && i < MOST_MAPS; i++)
		if (maps[i] == map)
			return true;
	return false;
}

static struct xdp_program *find(struct xdp_multiprog *dispatcher, __u32 map)
{
	struct xdp_program *program = NULL;

	while ((program = xdp_multiprog__next_prog(program, dispatcher)))
		if (uses(program, map))
			return program;
	return NULL;
}

bool dispatcher_has(unsigned int ifindex, __u32 map)
{
	struct xdp_multiprog *dispatcher = get(ifindex);
	bool result = dispatcher && find(dispatcher, map);

	if (dispatcher)
		xdp_multiprog__close(dispatcher);
	return result;
}

int dispatcher_leave(unsigned int ifindex, __u32 map, struct error *error)
{
	struct xdp_multiprog *dispatcher = get(ifindex);
	struct xdp_program *ours = dispatcher ? find(dispatcher, map) : NULL;
	int result = 0;

	if (ours)
		result = xdp_program__detach(ours, (int)ifindex,
					     xdp_multiprog__attach_mode(dispatcher), 0);
	if (dispatcher)
		xdp_multiprog__close(dispatcher);
	return result ? error_set(error, result, FAILED, NULL,
				  "can't leave the libxdp dispatcher: %s", strerror(-result))
		      : 0;
}
