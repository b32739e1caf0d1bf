/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults at known places. A list is "5,17-19"; items are packet indices from 0, ranges, and
 * where it makes sense "N/F" (fragment F of packet N) or "N:D" (packet N, D packets later).
 * "0.01" or "1%" instead of a list is a probability, decided by the seed.
 */
#ifndef EMULATE_FAULTS_H
#define EMULATE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fault {
	uint64_t first, last;
	int32_t fragment; /* -1: the whole packet */
	uint32_t distance;
};

struct faults {
	struct fault *item;
	size_t count;
	double probability;
};

/* Returns 0 or -EINVAL, with the offending place in *where. */
int faults_parse(struct faults *faults, const char *text, const char **where);
void faults_free(struct faults *faults);

/* `kind` keeps the decisions of several probabilities apart. NULL: not at this packet. */
const struct fault *faults_at(const struct faults *faults, uint64_t seed, unsigned int kind,
			      uint64_t index);
bool faults_fragment_at(const struct faults *faults, uint64_t index, unsigned int fragment);

#endif
