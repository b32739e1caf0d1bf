/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel says about a network interface. */
#ifndef SENSORCTL_INTERFACE_H
#define SENSORCTL_INTERFACE_H

#include <stdbool.h>

#include "ctl/error.h"

struct interface {
	char name[16];
	char kind[16]; /* "veth", "" for hardware */
	unsigned int ifindex;
	unsigned int mtu;
	unsigned int rx_queues; /* the most it can have */
	bool up;
	bool ethernet; /* frames begin with an Ethernet header */
};

/* Looks in the current network namespace. Returns 0, -ENODEV, or another -errno. */
int interface_get(const char *name, struct interface *interface, struct error *error);

#endif
