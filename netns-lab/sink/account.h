/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a reader saw of a stream, told from emulate's stamps (netns-lab/emulate/sensor.h), so
 * that every way of reading is judged by the same code.
 */
#ifndef SINK_ACCOUNT_H
#define SINK_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct account {
	const char *name;
	size_t stamp_offset;
	uint64_t datagrams, bytes, stamped;
	uint64_t frames;       /* read from a stream */
	uint64_t partial;      /* delivered with pieces missing (streams only) */
	uint64_t dropped;      /* as the socket, or the stream's ring, tells */
	uint64_t buffer_bytes; /* the socket's buffer; 0: no socket */
	uint64_t *delay_ns;
	size_t delays, delay_room;
	struct {
		uint16_t got, parts;
	} *sample; /* by sample number */
	size_t samples, sample_room;
};

/* One datagram, read now. `data` are at least the first bytes of its payload. */
void account_datagram(struct account *account, const uint8_t *data, size_t length);
/* One JSON object on stdout; frees what account holds. */
void account_print(struct account *account);

#endif
