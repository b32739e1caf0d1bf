// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/profile/arena.h"

#define BLOCK_BYTES 65536u

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char data[];
};

static void out_of_memory(void)
{
	fputs("sensorctl: out of memory\n", stderr);
	abort();
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->block;

	size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (!block || block->size - block->used < size) {
		size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;

		block = calloc(1, sizeof(*block) + room);
		if (!block)
			out_of_memory();
		block->size = room;
		block->next = arena->block;
		arena->block = block;
	}
	void *data = block->data + block->used;

	block->used += size;
	return data;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);

	if (length)
		memcpy(copy, text, length);
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);

	va_end(arguments);
	if (length < 0)
		out_of_memory();
	char *copy = arena_copy(arena, text, (size_t)length);

	free(text);
	return copy;
}

void *arena_grow(struct arena *arena, void *items, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return items;
	size_t larger = *room ? *room * 2 : 8;
	void *moved = arena_alloc(arena, larger * size);

	if (count)
		memcpy(moved, items, count * size);
	*room = larger;
	return moved;
}

void arena_free(struct arena *arena)
{
	while (arena->block) {
		struct arena_block *block = arena->block;

		arena->block = block->next;
		free(block);
	}
}
