/* SPDX-License-Identifier: GPL-2.0-only */
/* What is promised about lease, credit and essentials, for either build of the data path. */
#ifndef SENSORCTL_TESTS_DELIVERIES_H
#define SENSORCTL_TESTS_DELIVERIES_H

#include <stdbool.h>

/* Each runs all of its tests. Returns how many failed. */
int leases_run(const char *title, bool loaded);
int essentials_run(const char *title, bool loaded);

#endif
