// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/filter.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

struct walk {
	void (*each)(void *context, __u32 program, const char *name);
	void *context;
};

/* Keeps the attributes of one level by type; table has `most` + 1 entries. */
struct table {
	const struct nlattr **attribute;
	int most;
};

static int keep(const struct nlattr *attribute, void *context)
{
	const struct table *table = context;

	if (mnl_attr_get_type(attribute) <= table->most)
		table->attribute[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

static int visit(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *outer[TCA_MAX + 1] = { NULL }, *inner[TCA_BPF_MAX + 1] = { NULL };
	struct table outside = { outer, TCA_MAX }, inside = { inner, TCA_BPF_MAX };
	const struct walk *walk = context;

	mnl_attr_parse(message, sizeof(struct tcmsg), keep, &outside);
	if (!outer[TCA_KIND] || strcmp(mnl_attr_get_str(outer[TCA_KIND]), "bpf") ||
	    !outer[TCA_OPTIONS])
		return MNL_CB_OK;
	mnl_attr_parse_nested(outer[TCA_OPTIONS], keep, &inside);
	if (inner[TCA_BPF_ID])
		walk->each(walk->context, mnl_attr_get_u32(inner[TCA_BPF_ID]),
			   inner[TCA_BPF_NAME] ? mnl_attr_get_str(inner[TCA_BPF_NAME]) : "?");
	return MNL_CB_OK;
}

static int ask(struct mnl_socket *socket, unsigned int ifindex, bool ingress, struct walk *walk)
{
	char buffer[16384];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct tcmsg *tc;
	ssize_t bytes;
	int result;

	message->nlmsg_type = RTM_GETTFILTER;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = 1;
	tc = mnl_nlmsg_put_extra_header(message, sizeof(*tc));
	tc->tcm_ifindex = (int)ifindex;
	tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT, ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;
	do {
		bytes = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (bytes < 0)
			return -errno;
		result = mnl_cb_run(buffer, (size_t)bytes, 1, mnl_socket_get_portid(socket), visit,
				    walk);
	} while (result > MNL_CB_STOP);
	return result < 0 ? -errno : 0;
}

int filter_each(unsigned int ifindex, bool ingress,
		void (*each)(void *context, __u32 program, const char *name), void *context)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct walk walk = { each, context };
	int result;

	if (!socket)
		return -errno;
	result = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID);
	result = result < 0 ? -errno : ask(socket, ifindex, ingress, &walk);
	mnl_socket_close(socket);
	return result;
}
