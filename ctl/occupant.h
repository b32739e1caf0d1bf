/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs of others on an interface, and who owns them. */
#ifndef SENSORCTL_OCCUPANT_H
#define SENSORCTL_OCCUPANT_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct occupant {
	const char *hook; /* "xdp", "tcx/ingress", "tcx/egress", "tc/ingress", "tc/egress" */
	__u32 id;	  /* of the program */
	__u32 link;	  /* id of the link that holds it; 0: attached by netlink */
	char name[64];
};

/*
 * The XDP program on an interface. Returns 0, -ENOENT without one, or another -errno.
 */
int occupant_xdp(unsigned int ifindex, struct occupant *occupant);

/* All programs on an interface, up to `most`. Returns how many, or -errno. */
int occupants(unsigned int ifindex, struct occupant *list, int most);

/* A libxdp dispatcher: it can take more programs. */
bool occupant_is_dispatcher(const struct occupant *occupant);

/* "xdp_pass (id 12), held by link 3 of loader (pid 99)". */
void occupant_describe(const struct occupant *occupant, char *text, size_t size);

#endif
