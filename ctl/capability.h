/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SENSORCTL_CAPABILITY_H
#define SENSORCTL_CAPABILITY_H

#include <stdbool.h>

#define CAPABILITY_HINT "Run as root or with CAP_NET_ADMIN and CAP_SYS_ADMIN"

/*
 * Whether this process may load, attach and look at programs: if that fails, then, it is the
 * kernel that forbids it.
 */
bool capability_suffices(void);

#endif
