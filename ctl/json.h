/* SPDX-License-Identifier: GPL-2.0-only */
/* What every verb's JSON has in common. */
#ifndef SENSORCTL_JSON_H
#define SENSORCTL_JSON_H

#include <jansson.h>
#include <stdbool.h>

/*
 * Prints a document to stdout, members in the order they were added, on one line if
 * one_line, and releases it. Returns 0, or -ENOMEM for NULL, or -EIO.
 */
int json_print(json_t *document, bool one_line);

#endif
