/* SPDX-License-Identifier: GPL-2.0-only */
/* The words that are printed, in text and JSON, for the enums of image.h and state.h, by value. */
#ifndef SENSORCTL_NAMES_H
#define SENSORCTL_NAMES_H

#include "xdp/image.h"
#include "xdp/state.h"

extern const char *const verdict_names[VERDICTS];
extern const char *const reason_names[REASONS];
extern const char *const class_names[CLASSES];
extern const char *const delivery_names[]; /* enum image_deliver */
extern const char *const protocol_names[PROTOCOL_OTHER + 1];
extern const char *const mode_names[]; /* enum attach_mode */

#endif
