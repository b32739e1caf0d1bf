/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stream hands out IPv4 fragments as they came; a datagram counts when all of it is there.
 * As in the kernel, but small: 64 datagrams at a time, the oldest gives way.
 */
#ifndef SINK_REASSEMBLE_H
#define SINK_REASSEMBLE_H

#include <stddef.h>
#include <stdint.h>

#include "account.h"

/*
 * Takes the IPv4 packet at `ip`. Returns the payload behind the UDP header and its length
 * when a datagram is complete, valid until the next call; NULL while it is not.
 */
const uint8_t *reassemble(struct account *account, const uint8_t *ip, size_t bytes, size_t *length);

#endif
