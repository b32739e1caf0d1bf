// SPDX-License-Identifier: GPL-2.0-only
#include "reassemble.h"

#include <stdbool.h>
#include <string.h>

#define SLOTS	  64u
#define UDP_BYTES 8u

struct slot {
	uint8_t key[10]; /* source, destination, id */
	bool used;
	uint64_t age;
	size_t got, total; /* bytes; total 0: the last one has not come */
	uint8_t data[65536];
};

static struct slot slots[SLOTS];
static uint64_t clock_now;

static struct slot *find(struct account *account, const uint8_t *ip)
{
	struct slot *oldest = &slots[0];
	uint8_t key[10];

	memcpy(key, ip + 12, 8);
	memcpy(key + 8, ip + 4, 2);
	for (unsigned int i = 0; i < SLOTS; i++) {
		if (slots[i].used && !memcmp(slots[i].key, key, sizeof(key)))
			return &slots[i];
		if (slots[i].used ? oldest->used && slots[i].age < oldest->age : oldest->used)
			oldest = &slots[i];
	}
	account->partial += oldest->used;
	memcpy(oldest->key, key, sizeof(key));
	oldest->used = true;
	oldest->age = ++clock_now;
	oldest->got = oldest->total = 0;
	return oldest;
}

const uint8_t *reassemble(struct account *account, const uint8_t *ip, size_t bytes, size_t *length)
{
	size_t header = (ip[0] & 15) * 4u, total = (size_t)ip[2] << 8 | ip[3];
	unsigned int flags = (unsigned int)ip[6] << 8 | ip[7];
	size_t offset = (flags & 0x1fff) * 8, here;
	struct slot *slot;

	if (bytes < 20 || total > bytes || total < header + 1)
		return NULL;
	here = total - header;
	if (!(flags & 0x3fff)) {
		*length = here - UDP_BYTES;
		return ip + header + UDP_BYTES;
	}
	slot = find(account, ip);
	if (offset + here > sizeof(slot->data))
		return NULL;
	memcpy(slot->data + offset, ip + header, here);
	slot->got += here;
	if (!(flags & 0x2000))
		slot->total = offset + here;
	if (!slot->total || slot->got < slot->total)
		return NULL;
	slot->used = false;
	*length = slot->total - UDP_BYTES;
	return slot->data + UDP_BYTES;
}
