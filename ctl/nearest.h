/* SPDX-License-Identifier: GPL-2.0-only */
/* "Did you mean": the candidate that takes the fewest edits to become a word. */
#ifndef SENSORCTL_NEAREST_H
#define SENSORCTL_NEAREST_H

#include <stddef.h>

/* Insertions, deletions, replacements and swaps of neighbours between two words. */
size_t edit_distance(const char *a, const char *b);

/*
 * Keeps in *best the better of *best and candidate. *best starts as NULL and stays
 * NULL while nothing is near: more than a third of the word would have to change.
 */
void nearest(const char *word, const char *candidate, const char **best);

#endif
