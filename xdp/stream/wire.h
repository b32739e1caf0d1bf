/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a reader and the broker say to each other, over a SOCK_SEQPACKET connection to
 * /run/sensorctl/NETNS-INODE/IFINDEX.sock.
 *
 *	reader				broker
 *	OPEN stream		->
 *				<-	reply, with descriptors: ring, frame memory
 *	REPORT cursor, ...	->	at most 10 times a second, and before the end
 *	ARM cursor, ...		->	"wake me when there is something after cursor"
 *				<-	one byte 'w', once for each ARM
 *				<-	end of file: the stream or the broker is gone
 *
 *	LIST			->
 *				<-	one message: wire_list, wire_stream..., wire_reader...
 *
 * Every request is one struct wire_request, no more and no less; anything else ends the
 * connection. The broker never waits for a reader: what does not fit into the reader's
 * socket buffer is not sent. What a reader reports is shown to people and keeps its
 * stream on; nothing else depends on it.
 */
#ifndef SENSOR_WIRE_H
#define SENSOR_WIRE_H

#include <stdint.h>

#include "ring.h"

#define WIRE_MAGIC     0x534e5752u /* "SNWR" */
#define WIRE_VERSION   1u
#define WIRE_DIRECTORY "/run/sensorctl"
#define WIRE_WAKE      'w'
#define WIRE_REPORT_NS 100000000ull /* between two reports of a reader */

enum wire_kind {
	WIRE_OPEN = 1,
	WIRE_REPORT,
	WIRE_ARM,
	WIRE_LIST,
};

struct wire_request {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;	 /* enum wire_kind */
	uint64_t cursor; /* sequence that the reader will read next */
	uint64_t read;	 /* datagrams, since it opened the stream */
	uint64_t missed;
	char stream[RING_NAME_BYTES]; /* OPEN: zero-terminated */
};

struct wire_reply {
	uint32_t magic;
	uint16_t version;
	uint16_t pad;
	int32_t error; /* 0, or -errno and no descriptors */
	uint32_t pad2;
	uint64_t cursor;    /* sequence to begin with */
	uint64_t datagrams; /* published before it */
	uint64_t ring_bytes;
	uint64_t memory_bytes;
	char text[128]; /* why not, and what to do */
};

struct wire_list {
	uint32_t magic;
	uint16_t version;
	uint16_t pad;
	uint32_t streams; /* struct wire_stream that follow */
	uint32_t readers; /* struct wire_reader that follow those */
	char interface[16];
};

struct wire_stream {
	char name[RING_NAME_BYTES];
	uint32_t id;
	uint32_t memory; /* enum ring_memory */
	uint64_t published;
	uint64_t incomplete;
	uint64_t samples;
	uint32_t frames;
	uint32_t leased; /* the stream is taken off the stack now */
	uint64_t bytes;	 /* ring, and its own frame memory */
};

struct wire_reader {
	uint32_t stream; /* stable id */
	int32_t pid;
	char comm[16];
	uint64_t read;
	uint64_t missed;
	uint64_t lag; /* frames published and not yet read */
};

_Static_assert(sizeof(struct wire_request) == 80, "wire_request");
_Static_assert(sizeof(struct wire_reply) == 176, "wire_reply");

#endif
