/* SPDX-License-Identifier: GPL-2.0-only */
/* What is promised about fragments, for either build of the data path. */
#ifndef SENSORCTL_TESTS_FRAGMENTS_H
#define SENSORCTL_TESTS_FRAGMENTS_H

#include <stdbool.h>

/* Runs all of them. Returns how many failed. */
int fragments_run(const char *title, bool loaded);

#endif
