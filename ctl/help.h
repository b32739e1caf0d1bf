/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SENSORCTL_HELP_H
#define SENSORCTL_HELP_H

#include "ctl/verb.h"

/* --help of a verb, or of sensorctl itself if verb is NULL. */
void help_print(const struct verb *verb);

#endif
