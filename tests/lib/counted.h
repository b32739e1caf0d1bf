/* SPDX-License-Identifier: GPL-2.0-only */
/* Each packet stands once in the counters: in one cell of verdict and reason, and in one protocol. */
#ifndef SENSORCTL_TESTS_COUNTED_H
#define SENSORCTL_TESTS_COUNTED_H

#include "xdp/plain.h"

/* Whether that is so after `packets` frames of `bytes` bytes together. */
static inline int counted_once(const struct plain *plain, __u64 packets, __u64 bytes)
{
	__u64 cells = 0, protocols = 0, sum = 0;

	for (__u32 id = 0; id < COUNTER_ROWS; id++) {
		const struct counters *row = plain_counters(plain, id);
		__u64 here = 0, by_protocol = 0;

		for (unsigned int verdict = 0; verdict < 8; verdict++)
			for (unsigned int reason = 0; reason < 16; reason++) {
				if (row->by[verdict][reason] &&
				    (verdict >= VERDICTS || reason >= REASONS))
					return 0;
				here += row->by[verdict][reason];
			}
		for (unsigned int protocol = 0; protocol < PROTOCOLS; protocol++)
			by_protocol += row->protocol[protocol];
		if (here != by_protocol || row->fragments > here ||
		    row->first_fragments > row->fragments)
			return 0;
		cells += here;
		protocols += by_protocol;
		sum += row->bytes;
	}
	return cells == packets && protocols == packets && sum == bytes;
}

#endif
