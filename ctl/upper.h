/* SPDX-License-Identifier: GPL-2.0-only */
/* What stands on an interface and takes its frames: bridge, bond, VLAN, and on those again. */
#ifndef SENSORCTL_UPPER_H
#define SENSORCTL_UPPER_H

#include <stddef.h>

/*
 * The interface itself and all devices above it in this namespace, by index, up to `most`
 * (at least 1). Returns how many; only the interface itself if the kernel does not tell.
 */
size_t upper_devices(unsigned int ifindex, unsigned int *list, size_t most);

#endif
