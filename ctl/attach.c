// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/bpffs.h"
#include "ctl/capability.h"
#include "ctl/crash.h"
#include "ctl/detach.h"
#include "ctl/dispatcher.h"
#include "ctl/load.h"
#include "ctl/log.h"
#include "ctl/netns.h"
#include "ctl/occupant.h"
#include "ctl/pending.h"
#include "ctl/pins.h"
#include "ctl/replaced.h"
#include "xdp/sensor.skel.h"

/* What is to happen to the program of another tool. */
struct plan {
	bool join;
	__u32 replace; /* id, 0: nothing */
};

static int make_plan(const struct attach_request *request, struct plan *plan, struct error *error)
{
	struct occupant other;
	char who[256];
	int result = occupant_xdp(request->interface.ifindex, &other);

	memset(plan, 0, sizeof(*plan));
	if (result == -ENOENT)
		return 0;
	if (result)
		return error_set(error, result, FAILED, NULL,
				 "can't ask for the XDP program of %s: %s", request->interface.name,
				 strerror(-result));
	if (dispatcher_there(request->interface.ifindex)) {
		plan->join = true;
		return 0;
	}
	occupant_describe(&other, who, sizeof(who));
	if (other.link)
		return error_set(error, -EBUSY, FAILED,
				 "Only its owner can take it off: end the "
				 "process, or remove the pin, that holds the link",
				 "%s has an XDP program already: %s", request->interface.name, who);
	if (!request->replace)
		return error_set(error, -EBUSY, FAILED, "--replace takes its place",
				 "%s has an XDP program already: %s", request->interface.name, who);
	plan->replace = other.id;
	return 0;
}

static __u32 flags_of(enum attach_mode mode)
{
	return mode == MODE_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

/*
 * Why a link was refused: bpf_link_create() loses the driver's words,
 * the same attempt by netlink has them in its extended ack.
 */
static void ask_why(const struct attach_request *request, int program, enum attach_mode mode,
		    int refused, char *why, size_t size)
{
	int ifindex = (int)request->interface.ifindex;
	LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = program);

	log_forget();
	if (!bpf_xdp_attach(ifindex, program, flags_of(mode) | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL))
		bpf_xdp_detach(ifindex, flags_of(mode), &options);
	snprintf(why, size, "%.200s%s%s",
		 *log_kernel_said() ? log_kernel_said() : strerror(-refused),
		 refused == -ENOSPC || refused == -ERANGE ? ", " : "",
		 refused == -ENOSPC   ? "see ethtool -l"
		 : refused == -ERANGE ? "see ip link"
				      : "");
}

/* Returns a link or -errno. */
static int create_link(const struct attach_request *request, int program, enum attach_mode mode,
		       char *why, size_t size)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags_of(mode));
	int link = bpf_link_create(program, (int)request->interface.ifindex, BPF_XDP, &options);

	if (link < 0)
		ask_why(request, program, mode, link, why, size);
	return link;
}

static int link_program(const struct attach_request *request, int program,
			struct attach_outcome *outcome, struct error *error)
{
	enum attach_mode mode = request->mode ? request->mode : MODE_NATIVE;
	char why[256];
	int link = create_link(request, program, mode, why, sizeof(why));

	/* Busy or forbidden natively is so generically: falling back would hide the cause. */
	if (link < 0 && !request->mode && link != -EPERM && link != -EBUSY && link != -EEXIST) {
		snprintf(outcome->fallback, sizeof(outcome->fallback), "%s", why);
		mode = MODE_GENERIC;
		link = create_link(request, program, mode, why, sizeof(why));
	}
	outcome->mode = mode;
	if (link >= 0)
		return link;
	return error_set(error, link, FAILED,
			 request->mode == MODE_NATIVE
				 ? "--mode generic works with every driver, more slowly"
			 : link == -EPERM ? CAPABILITY_HINT
					  : NULL,
			 "can't attach to %s in %s mode: %s", request->interface.name,
			 mode == MODE_NATIVE ? "native" : "generic", why);
}

static int pin(const char *directory, const char *name, int fd)
{
	char path[PATH_MAX + NAME_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return bpf_obj_pin(fd, path);
}

/* Puts the program on by a link of ours, and pins that last. */
static int attach_link(const struct attach_request *request, const struct plan *plan,
		       struct sensor_bpf *skeleton, const char *staging,
		       struct attach_outcome *outcome, struct error *error)
{
	int link, result = 0;

	if (plan->replace)
		result = replaced_take(staging, request->interface.ifindex, plan->replace, error);
	if (result)
		return result;
	crash_here(CRASH_REPLACED);
	link = link_program(request, bpf_program__fd(skeleton->progs.sensor_ingress), outcome,
			    error);
	if (link < 0)
		return link;
	crash_here(CRASH_LINKED);
	result = load_set_mode(skeleton, outcome->mode);
	if (!result)
		result = pin(staging, PIN_LINK, link);
	close(link);
	return result ? error_set(error, result, FAILED, NULL, "can't pin the link: %s",
				  strerror(-result))
		      : 0;
}

/* The same through somebody's dispatcher. */
static int attach_joined(const struct attach_request *request, struct sensor_bpf *skeleton,
			 const char *staging, struct attach_outcome *outcome, struct error *error)
{
	char path[PATH_MAX + NAME_MAX];
	int program, result;
	__u32 mode;

	result = dispatcher_join(request->interface.ifindex, skeleton, &program, &mode, error);
	if (result)
		return result;
	outcome->mode = mode;
	outcome->joined = true;
	crash_here(CRASH_LINKED);
	/* Which program it is comes second, that it is in comes last. */
	snprintf(path, sizeof(path), "%s/program", staging);
	unlink(path);
	result = bpf_obj_pin(program, path);
	if (!result)
		result = load_set_mode(skeleton, mode);
	if (!result)
		result = pin(staging, PIN_JOINED, program);
	close(program);
	return result ? error_set(error, result, FAILED, NULL, "can't pin the program: %s",
				  strerror(-result))
		      : 0;
}

/*
 * Pins of an interface that left this namespace, and whose index this one has now, make
 * room: they are found by their program.
 */
static void make_room(const char *directory)
{
	char aside[PATH_MAX];
	struct pins_link link;

	if (pins_link(directory, &link) || !link.link)
		return;
	snprintf(aside, sizeof(aside), "%s", directory);
	snprintf(strrchr(aside, '/'), 32, "/moved-%u", link.link);
	rename(directory, aside);
}

static int stage(const struct attach_request *request, const struct plan *plan,
		 struct profile_image *image, const char *staging, struct attach_outcome *outcome,
		 struct error *error)
{
	struct pending pending;
	struct sensor_bpf *skeleton;
	int result = load(&request->interface, request->bpffs, image, &skeleton, error);

	if (result)
		return result;
	crash_here(CRASH_LOADED);
	result = load_pin(skeleton, staging, error);
	if (!result && request->confirm_ns) {
		/* From here: loading may have taken a second or two. */
		outcome->deadline_ns = pending_now() + request->confirm_ns;
		pending.deadline_ns = outcome->deadline_ns;
		result = pending_set(staging, &pending, -1, error);
	}
	crash_here(CRASH_MAPS_PINNED);
	if (!result)
		result = plan->join ? attach_joined(request, skeleton, staging, outcome, error)
				    : attach_link(request, plan, skeleton, staging, outcome, error);
	crash_here(CRASH_LINK_PINNED);
	sensor_bpf__destroy(skeleton);
	return result;
}

/* After an error, which is still the one to report. */
static void undo(const char *staging, ino_t netns, unsigned int ifindex, struct error *error)
{
	size_t length = strlen(error->message);
	struct error another;

	if (!detach(staging, netns, ifindex, &another))
		return;
	snprintf(error->message + length, sizeof(error->message) - length, "; and %s",
		 another.message);
}

int attach(const struct attach_request *request, struct profile_image *image,
	   struct attach_outcome *outcome, struct error *error)
{
	unsigned int ifindex = request->interface.ifindex;
	char staging[PATH_MAX];
	struct plan plan;
	int result;

	if (!request->interface.ethernet)
		return error_set(error, -EINVAL, FAILED, NULL, "%s carries no Ethernet frames",
				 request->interface.name);
	memset(outcome, 0, sizeof(*outcome));
	outcome->netns = netns_inode();
	pins_path(outcome->directory, request->bpffs, outcome->netns, ifindex, "");
	pins_path(staging, request->bpffs, outcome->netns, ifindex, "-new");
	result = make_plan(request, &plan, error);
	if (result)
		return result;
	make_room(outcome->directory);
	result = bpffs_mkdir(staging);
	if (result)
		return error_set(error, result, FAILED, NULL, "can't make %s: %s", staging,
				 strerror(-result));
	crash_here(CRASH_STAGED);
	result = stage(request, &plan, image, staging, outcome, error);
	if (!result && rename(staging, outcome->directory))
		result = error_set(error, -errno, FAILED, NULL, "can't rename %s: %s", staging,
				   strerror(errno));
	if (result) {
		undo(staging, outcome->netns, ifindex, error);
		return result;
	}
	crash_here(CRASH_ATTACHED);
	if (!request->confirm_ns)
		replaced_drop(outcome->directory);
	return 0;
}
