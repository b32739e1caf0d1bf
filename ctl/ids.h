/* SPDX-License-Identifier: GPL-2.0-only */
/* Stable ids: the slots of an interface's name table, which the counters are keyed by. */
#ifndef SENSORCTL_IDS_H
#define SENSORCTL_IDS_H

#include <stdbool.h>

#include "ctl/attached.h"

/*
 * Gives each stream of the image its id: the one that the same name with the same protocol has
 * in the table, else a free one; where none is free, the one whose last image is oldest and
 * which neither `active` nor `kept` (each may be NULL) uses. names is changed to what the table
 * will be, fresh[id] is set for ids that begin anew.
 */
void ids_assign(struct profile_image *image, const struct profile_image *active,
		const struct profile_image *kept, struct name_entry names[STREAM_IDS],
		bool fresh[STREAM_IDS]);

/* The whole name table. Returns 0 or -errno. */
int ids_read(int names_map, struct name_entry names[STREAM_IDS]);

/* Writes the entries of the image's streams. Returns 0 or -errno. */
int ids_write(int names_map, const struct profile_image *image,
	      const struct name_entry names[STREAM_IDS]);

/* Lets an id begin anew: counters, instances, bucket, leases and sockets. Returns 0 or -errno. */
int ids_zero(const struct attached *attached, __u32 id);

/*
 * Whether a stream can go on counting where it stood: it was in the active image, and its counter
 * and samples are described as they were. Else what it remembers of the sensor's last packet
 * says nothing about the next one.
 */
bool ids_go_on(const struct profile_image *active, const struct image_stream *stream);

/*
 * Forgets where the sensors of an id were: the next packet of each opens its window anew.
 * Totals stay. Returns 0 or -errno.
 */
int ids_forget(const struct attached *attached, __u32 id);

#endif
