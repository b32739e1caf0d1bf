// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/occupant.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/filter.h"

#define MOST_TCX 32

static void describe_program(struct occupant *occupant)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(occupant->id);

	snprintf(occupant->name, sizeof(occupant->name), "?");
	if (fd < 0)
		return;
	if (!bpf_prog_get_info_by_fd(fd, &info, &size))
		snprintf(occupant->name, sizeof(occupant->name), "%s", info.name);
	close(fd);
}

/* The link that holds an XDP program on an interface; 0 if none does. */
static __u32 link_of(unsigned int ifindex, __u32 program)
{
	for (__u32 id = 0; !bpf_link_get_next_id(id, &id);) {
		struct bpf_link_info info = { 0 };
		__u32 size = sizeof(info);
		int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (bpf_link_get_info_by_fd(fd, &info, &size))
			info.type = 0;
		close(fd);
		if (info.type == BPF_LINK_TYPE_XDP && info.prog_id == program &&
		    info.xdp.ifindex == ifindex)
			return id;
	}
	return 0;
}

int occupant_xdp(unsigned int ifindex, struct occupant *occupant)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int result = bpf_xdp_query((int)ifindex, 0, &query);

	if (result)
		return result;
	memset(occupant, 0, sizeof(*occupant));
	occupant->hook = "xdp";
	occupant->id = query.prog_id	   ? query.prog_id
		       : query.drv_prog_id ? query.drv_prog_id
		       : query.skb_prog_id ? query.skb_prog_id
					   : query.hw_prog_id;
	if (!occupant->id)
		return -ENOENT;
	occupant->link = link_of(ifindex, occupant->id);
	describe_program(occupant);
	return 0;
}

static int add_tcx(unsigned int ifindex, enum bpf_attach_type type, const char *hook,
		   struct occupant *list, int most)
{
	__u32 programs[MOST_TCX] = { 0 }, links[MOST_TCX] = { 0 };
	LIBBPF_OPTS(bpf_prog_query_opts, query, .prog_ids = programs, .link_ids = links,
		    .prog_cnt = MOST_TCX);
	int count = 0;

	if (bpf_prog_query_opts((int)ifindex, type, &query))
		return 0; /* a kernel without TCX has none there */
	for (__u32 i = 0; i < query.prog_cnt && i < MOST_TCX && count < most; i++) {
		list[count] =
			(struct occupant){ .hook = hook, .id = programs[i], .link = links[i] };
		describe_program(&list[count++]);
	}
	return count;
}

struct filters {
	struct occupant *list;
	int most, count;
	const char *hook;
};

static void add_filter(void *context, __u32 program, const char *name)
{
	struct filters *filters = context;
	struct occupant *occupant = &filters->list[filters->count];

	if (filters->count >= filters->most)
		return;
	*occupant = (struct occupant){ .hook = filters->hook, .id = program };
	describe_program(occupant);
	if (!strcmp(occupant->name, "?"))
		snprintf(occupant->name, sizeof(occupant->name), "%s", name);
	filters->count++;
}

int occupants(unsigned int ifindex, struct occupant *list, int most)
{
	struct filters filters = { .list = list, .most = most };
	int result = occupant_xdp(ifindex, list);

	if (result && result != -ENOENT)
		return result;
	filters.count = !result;
	filters.count += add_tcx(ifindex, BPF_TCX_INGRESS, "tcx/ingress", list + filters.count,
				 most - filters.count);
	filters.count += add_tcx(ifindex, BPF_TCX_EGRESS, "tcx/egress", list + filters.count,
				 most - filters.count);
	filters.hook = "tc/ingress";
	filter_each(ifindex, true, add_filter, &filters);
	filters.hook = "tc/egress";
	filter_each(ifindex, false, add_filter, &filters);
	return filters.count;
}

bool occupant_is_dispatcher(const struct occupant *occupant)
{
	return !strcmp(occupant->name, "xdp_dispatcher");
}

/* Whether a descriptor of the process is the program or the link. */
static bool holds(const char *pid, const struct occupant *occupant)
{
	char path[PATH_MAX], line[128];
	struct dirent *entry;
	bool result = false;
	DIR *descriptors;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	descriptors = opendir(path);
	while (descriptors && !result && (entry = readdir(descriptors))) {
		FILE *info;

		snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, entry->d_name);
		info = fopen(path, "re");
		while (info && !result && fgets(line, sizeof(line), info)) {
			__u32 id;

			result = (sscanf(line, "prog_id: %u", &id) == 1 && id == occupant->id) ||
				 (occupant->link && sscanf(line, "link_id: %u", &id) == 1 &&
				  id == occupant->link);
		}
		if (info)
			fclose(info);
	}
	if (descriptors)
		closedir(descriptors);
	return result;
}

static void command(const char *pid, char *text, size_t size)
{
	char path[64];
	FILE *comm;

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	comm = fopen(path, "re");
	if (!comm || !fgets(text, (int)size, comm))
		snprintf(text, size, "?");
	text[strcspn(text, "\n")] = '\0';
	if (comm)
		fclose(comm);
}

/* " of loader (pid 99), other (pid 100)" */
static void owners(const struct occupant *occupant, char *text, size_t size)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	size_t used = 0;

	*text = '\0';
	while (processes && (entry = readdir(processes))) {
		char comm[32];

		if (*entry->d_name < '1' || *entry->d_name > '9' ||
		    atoi(entry->d_name) == getpid() || !holds(entry->d_name, occupant))
			continue;
		command(entry->d_name, comm, sizeof(comm));
		used += (size_t)snprintf(text + used, size - used, "%s%s (pid %.16s)",
					 used ? ", " : " of ", comm, entry->d_name);
		if (used >= size)
			break;
	}
	if (processes)
		closedir(processes);
}

void occupant_describe(const struct occupant *occupant, char *text, size_t size)
{
	char who[160], held[64];

	owners(occupant, who, sizeof(who));
	if (occupant->link)
		snprintf(held, sizeof(held), "held by link %u", occupant->link);
	else
		snprintf(held, sizeof(held), "attached by netlink");
	snprintf(text, size, "%s (id %u), %s%s", occupant->name, occupant->id, held,
		 *who		  ? who
		 : occupant->link ? ", which is pinned or the kernel's"
				  : ", owned by no process");
}
