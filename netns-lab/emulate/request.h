/* SPDX-License-Identifier: GPL-2.0-only */
/* What was asked for on the command line. */
#ifndef EMULATE_REQUEST_H
#define EMULATE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

/* NULL or -1 where nothing was said. */
struct request {
	const char *interface, *pcap, *source, *destination, *source_mac, *destination_mac;
	const char *lose, *reorder, *duplicate, *restart;
	long source_port, port, vlan, pcp, sequence, mtu, count, seed;
	double duration, scale;
	bool json, realtime, untagged, stamp, fragment, help;
};

/* Returns how many arguments were options, or -EINVAL after saying what was wrong. */
int request_parse(struct request *request, int argc, char **argv);
void request_help(void);

/* Says what was expected of --option; returns -EINVAL. */
int request_wrong(const char *option, const char *text, const char *expected);

#endif
