/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values of a profile: numbers, words, durations, rates. Each returns 0, or -EINVAL with a
 * diagnostic at the node; *out is untouched then. A node that is NULL is -ENOENT, silently: the
 * caller knows what a missing key means.
 */
#ifndef SENSORCTL_VALUE_H
#define SENSORCTL_VALUE_H

#include <stdint.h>

#include "ctl/profile/node.h"

#define SECOND_NS 1000000000ull

int value_number(struct diagnostics *d, const struct node *node, uint64_t least, uint64_t most,
		 uint64_t *out);
int value_real(struct diagnostics *d, const struct node *node, double least, double most,
	       double *out);
/* The index in words, which ends with NULL. */
int value_word(struct diagnostics *d, const struct node *node, const char *const *words,
	       unsigned int *out);
int value_text(struct diagnostics *d, const struct node *node, const char **out);
/* Letters, digits, '.', '_' and '-', at most IMAGE_NAME_BYTES - 1. */
int value_name(struct diagnostics *d, const struct node *node, const char **out);
/* 20ms, 1.5s, 1h */
int value_duration(struct diagnostics *d, const struct node *node, uint64_t least_ns,
		   uint64_t most_ns, uint64_t *out);

/* 50Mbit: 50e6 units of bits a second; 10kpps: 10e3 packets a second. */
int value_rate(struct diagnostics *d, const struct node *node, double *out, bool *packets);
/* 1MiB: bytes; 64 packets. */
int value_burst(struct diagnostics *d, const struct node *node, double *out, bool *packets);
/* 1/2 */
int value_fraction(struct diagnostics *d, const struct node *node, uint32_t *over, uint32_t *under);

/* "0xEEFF", whose digits give the width, or a number that fits one byte. */
#define BYTES_MAX 32u
int value_bytes(struct diagnostics *d, const struct node *node, size_t most, uint8_t *bytes,
		size_t *count);

/* It is a map with no other keys than these (ends with NULL). Each stranger is a diagnostic. */
int value_map(struct diagnostics *d, const struct node *node, const char *const *keys);
int value_list(struct diagnostics *d, const struct node *node, const char *of);

/* A list, or one value that stands for a list of one. */
size_t value_count(const struct node *node);
const struct node *value_item(const struct node *node, size_t i);

/* Parses plain text; false if it is no number. */
bool text_number(const char *text, uint64_t *out);

#endif
