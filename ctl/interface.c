// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/interface.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <stdio.h>
#include <string.h>

#include "ctl/verb.h"

static void fill(struct interface *interface, struct rtnl_link *link)
{
	const char *kind = rtnl_link_get_type(link);
	uint32_t queues = rtnl_link_get_num_rx_queues(link);
	unsigned int type;

	snprintf(interface->name, sizeof(interface->name), "%s", rtnl_link_get_name(link));
	snprintf(interface->kind, sizeof(interface->kind), "%s", kind ? kind : "");
	interface->ifindex = (unsigned int)rtnl_link_get_ifindex(link);
	interface->mtu = rtnl_link_get_mtu(link);
	interface->rx_queues = queues ? queues : 1;
	/* lo is not Ethernet by name, but its frames have the header. */
	type = rtnl_link_get_arptype(link);
	interface->ethernet = type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK;
	interface->up = rtnl_link_get_flags(link) & IFF_UP;
}

int interface_get(const char *name, struct interface *interface, struct error *error)
{
	unsigned int ifindex = if_nametoindex(name);
	struct nl_sock *socket;
	struct rtnl_link *link;
	int result;

	if (!ifindex)
		return error_set(error, -ENODEV, FAILED, "ip link shows those there are",
				 "no interface \"%s\"", name);
	socket = nl_socket_alloc();
	if (!socket)
		return error_set(error, -ENOMEM, FAILED, NULL, "out of memory");
	result = nl_connect(socket, NETLINK_ROUTE);
	if (!result)
		result = rtnl_link_get_kernel(socket, (int)ifindex, NULL, &link);
	nl_socket_free(socket);
	if (result)
		return error_set(error, -EIO, FAILED, NULL, "can't ask the kernel about %s: %s",
				 name, nl_geterror(result));
	fill(interface, link);
	rtnl_link_put(link);
	return 0;
}
