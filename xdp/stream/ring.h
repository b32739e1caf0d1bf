/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream in shared memory: one writer (the broker), any number of readers that
 * map it read-only and that the writer never waits for.
 *
 *	ring memory:	header | descriptor 0 | descriptor 1 | ... | descriptor frames - 1
 *	frame memory:	chunks of chunk_bytes; a descriptor says where its frame lies
 *
 * The descriptor of sequence s stands in slot s % frames. `head` is the sequence that will
 * be written next, `floor` the oldest one that can still be used:
 *
 *	      floor            head
 *	        |                |
 *	 ...xxxx|  usable frames |  not yet written ...
 *	        |<-- <= frames ->|
 *
 * Why a reader without locks never takes a wrong byte for a right one:
 *
 *	writer					reader, at sequence c < head
 *	W1 floor = s + 1			R1 read head (acquire)
 *	W2 fence (release)			R2 read descriptor and frame of c
 *	W3 overwrite the slot of s,		R3 fence (acquire)
 *	   give the frame of s away		R4 read floor: what R2 read is valid
 *	W4 head = s + frames + 1 (release)	   if and only if floor <= c
 *
 * If R2 saw anything of W3, then R3 after R2 and W2 before W3 make W1 visible to R4, and R4
 * finds floor > c. The frame of s goes to the kernel by the fill ring, whose producer index is
 * written with release after W1 and read with acquire before the kernel writes the frame, so
 * the same holds for its bytes. R1 and W4 see to it that a descriptor is complete. So a
 * reader uses a frame in place, or copies it, and asks ring_valid() afterwards.
 *
 * Waiting is not done on this memory: a futex would make one wakeup cost the writer a step for
 * each waiting thread, of which a hostile reader may have thousands. See wire.h.
 */
#ifndef SENSOR_RING_H
#define SENSOR_RING_H

#include <stdbool.h>
#include <stdint.h>

#define RING_MAGIC	  0x534e5247u /* "SNRG" */
#define RING_VERSION	  1u
#define RING_HEADER_BYTES 4096u
#define RING_NAME_BYTES	  48u
#define RING_FRAMES_MAX	  (1u << 20)

enum ring_memory {
	RING_MEMORY_UMEM = 1, /* the memory the kernel writes frames to */
	RING_MEMORY_COPY = 2, /* this stream's own, a copy */
};

enum ring_flag {
	RING_BEGIN = 1 << 0,	/* first piece of a datagram */
	RING_MORE = 1 << 1,	/* the datagram goes on in the next descriptor */
	RING_PRECISE = 1 << 2,	/* time_ns was taken for this very packet */
	RING_FIRST = 1 << 3,	/* first of a sample */
	RING_LAST = 1 << 4,	/* last of a sample, as far as the sensor marks it */
	RING_FRAGMENT = 1 << 5, /* an IP fragment */
	RING_SEQUENCE = 1 << 6, /* device_sequence is there */
	RING_SAMPLE = 1 << 7,	/* sample is there */
	RING_GAP = 1 << 8,	/* lost_before datagrams are missing before this one */
	RING_PARTIAL = 1 << 9,	/* parts of the datagram are missing */
};

/* One piece of a datagram; most have one. The pieces of one are published together. */
struct ring_descriptor {
	uint64_t sequence;	  /* of this descriptor, from 0 */
	uint64_t datagram;	  /* of this datagram, from 0 */
	uint64_t address;	  /* where the piece begins in the frame memory */
	uint64_t time_ns;	  /* of reception, on the clock that the header names */
	uint64_t device_sequence; /* the sensor's own counter, or its time stamp */
	uint32_t length;	  /* bytes of this piece */
	uint32_t total;		  /* bytes of the datagram, all pieces */
	uint32_t sample;	  /* ordinal of the sample within its instance */
	uint32_t lost_before;	  /* datagrams of the sensor that never came */
	uint16_t instance;	  /* which sensor of the stream; 0xffff: not told apart */
	uint16_t flags;		  /* enum ring_flag */
	uint32_t pad;
};

/* Copied word by word: a reader may look at a slot while it is overwritten. */
union ring_slot {
	struct ring_descriptor descriptor;
	uint64_t word[sizeof(struct ring_descriptor) / 8];
};

struct ring_header {
	/* Written before the first reader comes. */
	uint32_t magic;
	uint32_t version;
	uint32_t header_bytes; /* slots begin here */
	uint32_t slot_bytes;
	uint32_t frames;    /* slots, a power of two */
	uint32_t stream_id; /* stable id */
	uint32_t ifindex;
	uint32_t memory; /* enum ring_memory */
	uint32_t chunk_bytes;
	uint32_t pad;
	uint64_t memory_bytes; /* of the frame memory */
	uint64_t created_ns;   /* CLOCK_REALTIME; tells a ring from its successor */
	char stream[RING_NAME_BYTES];
	char interface[16];
	char clock[24]; /* of time_ns: "CLOCK_MONOTONIC" */
	uint8_t reserved[48];
	/* Written by the broker while it runs. */
	uint64_t head;
	uint64_t floor;
	uint64_t datagrams;  /* published */
	uint64_t incomplete; /* of them, with parts missing */
	uint64_t samples;    /* that began */
	uint64_t generation; /* of the profile */
	char class[16];	     /* of the stream in that profile */
};

_Static_assert(sizeof(struct ring_descriptor) == 64, "ring_descriptor");
_Static_assert(__builtin_offsetof(struct ring_header, head) % 64 == 0, "head begins a cache line");
_Static_assert(sizeof(struct ring_header) <= RING_HEADER_BYTES, "ring_header");

static inline uint64_t ring_bytes(uint32_t frames)
{
	return RING_HEADER_BYTES + (uint64_t)frames * sizeof(union ring_slot);
}

static inline uint64_t ring_head(const struct ring_header *header)
{
	return __atomic_load_n(&header->head, __ATOMIC_ACQUIRE);
}

/* Whether what was read of this sequence, up to now, was the real thing (R3, R4). */
static inline bool ring_valid(const struct ring_header *header, uint64_t sequence)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&header->floor, __ATOMIC_RELAXED) <= sequence;
}

static inline union ring_slot *ring_slots(const struct ring_header *header)
{
	return (union ring_slot *)((char *)header + RING_HEADER_BYTES);
}

/* Copies a slot; what it holds is only known after ring_valid(). */
static inline void ring_load(const union ring_slot *slot, struct ring_descriptor *out)
{
	union ring_slot copy;

	for (unsigned int i = 0; i < sizeof(copy) / 8; i++)
		copy.word[i] = __atomic_load_n(&slot->word[i], __ATOMIC_RELAXED);
	*out = copy.descriptor;
}

#endif
