/* SPDX-License-Identifier: GPL-2.0-only */
/* What is attached to an interface: the model of `status`, and its printers. */
#ifndef SENSORCTL_STATUS_H
#define SENSORCTL_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "ctl/attached.h"
#include "ctl/occupant.h"

#define STATUS_OTHERS 32

struct status {
	char interface[16];
	char netns[NAME_MAX + 1]; /* where it is: the name of the namespace, or "" */
	ino_t netns_inode;
	enum attach_mode mode; /* MODE_NONE: nothing of ours */
	bool joined;
	bool moved; /* it was attached in another namespace */
	bool lost;  /* and is in one now that has no name */
	char profile[IMAGE_NAME_BYTES];
	__u64 generation;
	__u64 attached_at_ns; /* CLOCK_REALTIME */
	__u64 confirm_in_ns;  /* until it is rolled back; 0: nothing is pending */
	struct {
		__u32 id;
		char name[64];
		char tag[17];
	} program;
	__u32 pressure;
	bool broker; /* alive */
	__u32 broker_pid, broker_queues, broker_zero_copy, broker_scheduling;
	__u64 broker_lease_ns;
	int other_count;
	struct occupant other[STATUS_OTHERS];
};

/* Fills the model. Returns 0 or -errno. */
int status_read(struct status *status, const struct attached *attached);

/* The same for an interface of this namespace that nothing of ours is attached to. */
int status_read_bare(struct status *status, const char *interface);

json_t *status_json(const struct status *status);
void status_print(const struct status *status, FILE *out);

#endif
