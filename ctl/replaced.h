/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program of somebody else that --replace took off. It stays pinned beside our pins
 * until ours is on and confirmed, so that whatever goes wrong it is put back.
 */
#ifndef SENSORCTL_REPLACED_H
#define SENSORCTL_REPLACED_H

#include <linux/types.h>
#include <stdbool.h>

#include "ctl/error.h"

/* Pins the program in directory and takes it off the interface. Returns 0 or -errno. */
int replaced_take(const char *directory, unsigned int ifindex, unsigned int program,
		  struct error *error);

bool replaced_there(const char *directory);

/* A descriptor of it, or -errno; *flags: how it was attached. */
int replaced_open(const char *directory, __u32 *flags);

/* Puts it back, if the interface has no program now. Returns 0 or -errno. */
int replaced_attach(unsigned int ifindex, int program, __u32 flags);

/* Removes the pin: it will not come back. */
void replaced_drop(const char *directory);

#endif
