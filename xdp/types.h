/* SPDX-License-Identifier: GPL-2.0-only */
/* Fixed-width types for what kernel and user space both see. */
#ifndef SENSORCTL_TYPES_H
#define SENSORCTL_TYPES_H

#ifdef __bpf__
#include <linux/bpf/vmlinux.h>
#else
#include <linux/types.h>
#endif

#endif
