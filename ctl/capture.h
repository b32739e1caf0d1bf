/* SPDX-License-Identifier: GPL-2.0-only */
/* Captures that a verb is given to read. */
#ifndef SENSORCTL_CAPTURE_H
#define SENSORCTL_CAPTURE_H

#include <pcap/pcap.h>

#include "ctl/verb.h"

/* Opens one of Ethernet frames, with stamps in ns. Returns DONE or, having said why, the code. */
int capture_open(const struct invocation *invocation, const char *file, pcap_t **capture);

/* Says that reading stopped before its end. Returns the exit code. */
int capture_broken(const struct invocation *invocation, const char *file, const char *why);

#endif
