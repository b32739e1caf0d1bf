/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that lives as long as a profile and is released at once. The input is bounded, so
 * running out of memory here is no condition to recover from: it ends the program.
 */
#ifndef SENSORCTL_ARENA_H
#define SENSORCTL_ARENA_H

#include <stddef.h>

struct arena {
	struct arena_block *block;
};

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);
/* A copy with a terminating zero. */
char *arena_copy(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* An array of `count` items that has room for one more: *items may move. */
void *arena_grow(struct arena *arena, void *items, size_t count, size_t *room, size_t size);
void arena_free(struct arena *arena);

#endif
