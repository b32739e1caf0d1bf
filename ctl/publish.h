/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes an image the active one. */
#ifndef SENSORCTL_PUBLISH_H
#define SENSORCTL_PUBLISH_H

#include "ctl/attached.h"
#include "ctl/error.h"
#include "xdp/image.h"

/*
 * A new inner map that holds the image, with the flags of the map whose place it takes (the
 * kernel wants them equal). Returns a descriptor or -errno.
 */
int publish_fill(__u32 map_flags, const struct profile_image *image, struct error *error);

/* The inner map that is active now: a descriptor or -errno. */
int publish_active(int outer);

/*
 * Fills a new inner map with the image, makes it the active one by one update of the
 * outer map, between two packets, and then tells the brokers. Returns 0 or -errno; after an error the
 * old image is active. Needs the lock.
 */
int publish(const struct attached *attached, const struct profile_image *image,
	    struct error *error);

#endif
