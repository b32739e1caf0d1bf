// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/status.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/netns.h"
#include "ctl/pending.h"
#include "ctl/pins.h"
#include "ctl/stats.h"

static __u64 monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000u + (__u64)now.tv_nsec;
}

static int read_program(struct status *status, int fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	int result = bpf_prog_get_info_by_fd(fd, &info, &size);

	if (result)
		return result;
	status->program.id = info.id;
	snprintf(status->program.name, sizeof(status->program.name), "%s", info.name);
	for (int i = 0; i < 8; i++)
		snprintf(status->program.tag + 2 * i, 3, "%02x", info.tag[i]);
	return 0;
}

static void read_control(struct status *status, const struct control *control)
{
	status->mode = control->mode;
	status->attached_at_ns = control->attached_at_ns;
	status->broker = broker_lives(control, monotonic_ns());
	status->broker_pid = control->broker_pid;
	status->broker_queues = control->broker_queues;
	status->broker_zero_copy = control->broker_zero_copy;
	status->broker_scheduling = control->broker_scheduling;
	status->broker_lease_ns = control->broker_lease_ns;
}

/* Others than the program that is ours. */
static void read_others(struct status *status, unsigned int ifindex)
{
	int count = occupants(ifindex, status->other, STATUS_OTHERS);

	status->other_count = 0;
	for (int i = 0; i < count; i++)
		if (status->other[i].id != status->program.id)
			status->other[status->other_count++] = status->other[i];
}

/* Carries read_others() and the search for a moved interface to another namespace. */
struct visit {
	struct status *status;
	unsigned int ifindex;
};

static bool here(void *context)
{
	const struct visit *visit = context;
	char name[IF_NAMESIZE];

	if (!pins_on(visit->ifindex, visit->status->program.id))
		return false;
	if (if_indextoname(visit->ifindex, name))
		memcpy(visit->status->interface, name, sizeof(visit->status->interface));
	read_others(visit->status, visit->ifindex);
	return true;
}

static int read_image(struct status *status, const struct attached *attached)
{
	struct profile_image *image = malloc(sizeof(*image));
	int result = image ? attached_image(attached, image) : -ENOMEM;

	if (!result) {
		memcpy(status->profile, image->name, sizeof(status->profile));
		status->generation = image->generation;
	}
	free(image);
	return result;
}

/* inode: where the interface was found, 0: in no namespace with a name. */
static void place(struct status *status, const struct attached *attached, ino_t inode)
{
	status->netns_inode = inode ? inode : attached->netns;
	netns_name(status->netns_inode, status->netns, sizeof(status->netns));
	status->moved = inode && inode != attached->netns;
	status->lost = !inode && attached->netns == netns_inode();
}

int status_read(struct status *status, const struct attached *attached)
{
	struct visit visit = { status, attached->ifindex };
	struct pending pending;
	int result;

	memset(status, 0, sizeof(*status));
	memcpy(status->interface, attached->interface, sizeof(status->interface));
	read_control(status, attached->view);
	status->joined = attached->joined;
	status->pressure = stats_pressure(attached);
	if (!pending_get(attached->directory, &pending)) {
		__u64 now = pending_now();

		status->confirm_in_ns = pending.deadline_ns > now ? pending.deadline_ns - now : 1;
	}
	result = read_image(status, attached);
	if (!result)
		result = read_program(status, attached->program);
	if (result)
		return result;
	if (!attached->moved) {
		read_others(status, attached->ifindex);
		place(status, attached, netns_inode());
		return 0;
	}
	place(status, attached, netns_search(here, &visit));
	return 0;
}

int status_read_bare(struct status *status, const char *interface)
{
	unsigned int ifindex = if_nametoindex(interface);

	if (!ifindex)
		return -ENODEV;
	memset(status, 0, sizeof(*status));
	snprintf(status->interface, sizeof(status->interface), "%s", interface);
	status->netns_inode = netns_inode();
	netns_name(status->netns_inode, status->netns, sizeof(status->netns));
	read_others(status, ifindex);
	return 0;
}
