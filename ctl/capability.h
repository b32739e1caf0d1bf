/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SENSORCTL_CAPABILITY_H
#define SENSORCTL_CAPABILITY_H

#include <stdbool.h>

#define CAPABILITY_HINT "Run as root or with CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON"

/* Whether this process may load and attach programs: then it is the kernel that forbids it. */
bool capability_suffices(void);

#endif
