/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What libbpf and libxdp say by themselves: silent but for -v, and the verifier's log
 * for -vv. They also know what the kernel said in an extended ack, which is kept.
 */
#ifndef SENSORCTL_LOG_H
#define SENSORCTL_LOG_H

void log_install(int verbose);

/* The kernel's words since log_forget(), in an extended ack or first in a verifier's log, or "". */
const char *log_kernel_said(void);
void log_forget(void);

#endif
