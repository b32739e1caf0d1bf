/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes pcapng (draft-ietf-opsawg-pcapng): one section, one Ethernet interface with nanosecond
 * stamps, enhanced packet blocks with a comment. The file is valid up to the last block
 * that was flushed.
 */
#ifndef SENSORCTL_PCAPNG_H
#define SENSORCTL_PCAPNG_H

#include <stdint.h>
#include <stdio.h>
#include <sys/uio.h>

struct pcapng {
	FILE *file;
	int error; /* the first one, -errno */
};

/* Begins a file. description is of the interface; may be NULL. Returns 0 or -errno. */
int pcapng_open(struct pcapng *pcapng, const char *path, const char *interface,
		const char *description);

/*
 * Adds a packet. time_ns is CLOCK_REALTIME; dropped: packets missing between this and the one
 * before. Returns 0 or -errno.
 */
int pcapng_packet(struct pcapng *pcapng, uint64_t time_ns, const struct iovec *piece,
		  unsigned int pieces, uint64_t dropped, const char *comment);

/* Writes out what is buffered. Returns 0 or -errno. */
int pcapng_flush(struct pcapng *pcapng);

/* Writes the statistics and closes. Returns 0 or -errno: what was not written. */
int pcapng_close(struct pcapng *pcapng, uint64_t received, uint64_t dropped);

#endif
