/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SENSORCTL_UTF8_H
#define SENSORCTL_UTF8_H

#include <stddef.h>

/* Bytes of the character that begins at text; 0 if it is not UTF-8. left is at least 1. */
size_t utf8_length(const char *text, size_t left);

#endif
