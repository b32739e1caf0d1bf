// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/upper.h"

#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <stdbool.h>
#include <string.h>

/* Of the links made on another one. A veth names its peer by the same attribute. */
static bool is_stacked(struct rtnl_link *link)
{
	static const char *const kinds[] = { "vlan", "macvlan", "macvtap", "ipvlan", "ipvtap" };
	const char *kind = rtnl_link_get_type(link);
	int netns;

	/* What is below is in another namespace, and has its index there. */
	if (!kind || !rtnl_link_get_link_netnsid(link, &netns))
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kind, kinds[i]))
			return true;
	return false;
}

static bool in(int ifindex, const unsigned int *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == (unsigned int)ifindex)
			return true;
	return false;
}

static size_t add(int ifindex, unsigned int *list, size_t count, size_t most)
{
	if (ifindex <= 0 || count == most || in(ifindex, list, count))
		return count;
	list[count] = (unsigned int)ifindex;
	return count + 1;
}

static size_t collect(struct nl_cache *links, unsigned int *list, size_t most)
{
	size_t count = 1, before;

	do {
		before = count;
		for (struct nl_object *object = nl_cache_get_first(links); object;
		     object = nl_cache_get_next(object)) {
			struct rtnl_link *link = (struct rtnl_link *)object;
			int own = rtnl_link_get_ifindex(link);

			if (in(own, list, count))
				count = add(rtnl_link_get_master(link), list, count, most);
			if (is_stacked(link) && in(rtnl_link_get_link(link), list, count))
				count = add(own, list, count, most);
		}
	} while (count > before);
	return count;
}

size_t upper_devices(unsigned int ifindex, unsigned int *list, size_t most)
{
	struct nl_sock *socket = nl_socket_alloc();
	struct nl_cache *links;
	size_t count = 1;

	list[0] = ifindex;
	if (socket && !nl_connect(socket, NETLINK_ROUTE) &&
	    !rtnl_link_alloc_cache(socket, AF_UNSPEC, &links)) {
		count = collect(links, list, most);
		nl_cache_free(links);
	}
	if (socket)
		nl_socket_free(socket);
	return count;
}
