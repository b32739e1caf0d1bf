/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where frames go: an interface, by AF_PACKET in batches, or a pcap file. A full queue is waited
 * for and counted (`retries`); a frame is never dropped silently here.
 */
#ifndef EMULATE_OUTPUT_H
#define EMULATE_OUTPUT_H

#include <pcap/pcap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "frame.h"

#define BATCH_FRAMES 64
#define BATCH_BYTES  (256 * 1024)

struct output {
	int socket; /* -1: to a file */
	char interface[16];
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	uint64_t frames, bytes, retries;
	uint64_t dropped_at_start; /* the interface's tx drops */
	struct mmsghdr message[BATCH_FRAMES];
	struct iovec vector[BATCH_FRAMES];
	unsigned int count;
	size_t used;
	uint8_t buffer[BATCH_BYTES];
};

/* Both return 0 or -errno, and say on stderr what failed. */
int output_interface(struct output *output, const char *interface);
int output_file(struct output *output, const char *path);

/* A place for a frame of at most `length` bytes; may send what is waiting. NULL: failed. */
uint8_t *output_reserve(struct output *output, size_t length);
/* Takes over what was written there; stamp_ns is the frame's time in a file. */
void output_commit(struct output *output, size_t length, uint64_t stamp_ns);
int output_flush(struct output *output);
int output_close(struct output *output);

/* Frames that the interface itself dropped since output_interface(). */
uint64_t output_dropped(const struct output *output);

int interface_mac(const char *interface, uint8_t mac[6]);
int interface_mtu(const char *interface, size_t *mtu);
/*
 * The MAC address of an IPv4 address (network byte order): broadcast and multicast by rule,
 * another one from the neighbour table, asked for if it is not there.
 */
int resolve_mac(const char *interface, uint32_t address, uint8_t mac[6]);

#endif
