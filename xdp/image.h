/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The profile image: the flat, versioned blob that a profile is compiled to, and
 * the only description of a profile that the data path reads. It is the one value
 * of an ARRAY map that hangs in the one slot of an ARRAY_OF_MAPS, so a swap is one
 * update and a packet sees either the old image or the new one.
 *
 * Classification is a bit vector: bit i of a mask stands for streams[i]. Each field
 * of a packet looks up one mask, the masks are AND-ed, and the lowest bit that is
 * left names the stream. The cost does not depend on the number of streams.
 */
#ifndef SENSORCTL_IMAGE_H
#define SENSORCTL_IMAGE_H

#include "types.h"

#define IMAGE_MAGIC	   0x534e4943u /* "SNIC" */
#define IMAGE_VERSION	   1u
#define IMAGE_STREAMS	   64u
#define IMAGE_CLASSES	   256u	  /* distinct masks a 16-bit table can hold */
#define IMAGE_INTERVALS	   256u	  /* elementary intervals of a prefix table */
#define IMAGE_TESTS	   256u	  /* payload tests of all streams together */
#define IMAGE_LOADS_MAX	   8u	  /* payload loads spent on one packet at most */
#define IMAGE_SOURCE_BYTES 65536u /* the YAML source, zlib-compressed */
#define IMAGE_NAME_BYTES   48u	  /* with the terminating zero */
#define IMAGE_PAYLOAD_MAX  2048u  /* fields lie within the first 2 KiB of the payload */

/* Which fields any stream of the image looks at; the others are not looked up. */
enum image_key {
	IMAGE_KEY_VLAN = 1 << 0, /* VLAN id or PCP */
	IMAGE_KEY_ETHERTYPE = 1 << 1,
	IMAGE_KEY_SOURCE_MAC = 1 << 2,
	IMAGE_KEY_SOURCE = 1 << 3,
	IMAGE_KEY_DESTINATION = 1 << 4,
	IMAGE_KEY_IP_PROTOCOL = 1 << 5,
	IMAGE_KEY_DSCP = 1 << 6,
	IMAGE_KEY_SOURCE_PORT = 1 << 7,
	IMAGE_KEY_DESTINATION_PORT = 1 << 8,
	IMAGE_KEY_LENGTH = 1 << 9,
};

/*
 * A 16-bit field: value -> class -> mask. Two loads from small tables stay in the
 * cache where one 512 KiB table of masks would not.
 */
struct image_table {
	__u64 mask[IMAGE_CLASSES];
	__u8 class[65536];
};

/* A port table also says which ports are essential (enum essential), per protocol. */
struct image_ports {
	struct image_table table;
	__u8 essential_udp[IMAGE_CLASSES]; /* by class of the table */
	__u8 essential_tcp[IMAGE_CLASSES];
};

/*
 * Addresses: sorted starts of elementary intervals; interval i reaches from start[i]
 * to start[i + 1] - 1. start[0] is 0. Unused entries at the end repeat the highest
 * address and the last interval's mask, so a search needs no length. Host byte order.
 */
struct image_prefix4 {
	__u64 mask[IMAGE_INTERVALS];
	__u32 start[IMAGE_INTERVALS];
};

struct image_address6 {
	__u64 high;
	__u64 low;
};

struct image_prefix6 {
	__u64 mask[IMAGE_INTERVALS];
	struct image_address6 start[IMAGE_INTERVALS];
};

/* Source MACs: sorted, unused entries ~0; what is not found has mask `otherwise`. */
struct image_macs {
	__u64 address[IMAGE_STREAMS]; /* 48 bits, first byte on the wire is the highest */
	__u64 mask[IMAGE_STREAMS];
	__u64 otherwise;
};

/*
 * A number inside the payload. It is read with one 8-byte load that ends where the
 * field ends (a payload always has at least 14 bytes of headers before it):
 *
 *	            load                  field
 *	             |                  |<----->|
 *	  ... headers| payload ...      |       |
 *	             `------- 8 bytes ---------'
 *
 *	big endian:	value = bswap64(raw) & mask
 *	little endian:	value = (raw >> shift) & mask
 *
 * offset counts from the start of the payload and may be negative down to -7.
 * mask 0: there is no such field.
 */
struct image_field {
	__u64 mask;
	__s16 load; /* offset of the 8-byte load from the payload's start */
	__u8 big_endian;
	__u8 shift; /* little endian only: 64 - width */
	__u32 pad;
};

/* (8 bytes at `load`, as they lie in memory, & mask) == value; mask 0: none. */
struct image_test {
	__u64 mask;
	__u64 value;
	__s16 load;
	__u16 pad[3];
};

enum image_deliver {
	DELIVER_STACK,
	DELIVER_AF_XDP,
	DELIVER_DROP,
};

enum image_class {
	CLASS_CRITICAL,
	CLASS_HIGH,
	CLASS_NORMAL,
	CLASS_BULK,
	CLASSES,
};

/* How a stream's loss is known. */
enum image_sequence {
	SEQUENCE_NONE,
	SEQUENCE_COUNTER,    /* `sequence` counts packets, for ever */
	SEQUENCE_PER_SAMPLE, /* `sequence` restarts when `sample` (an id) changes */
	SEQUENCE_TIMESTAMP,  /* no counter: a step of `sequence` (a time) above the nominal */
};

/* How a stream's samples are told apart. */
enum image_sample {
	SAMPLE_NONE,
	SAMPLE_WRAP,	/* a new sample begins where `sample` falls back (azimuth) */
	SAMPLE_ID,	/* `sample` is the sample's id (frame id, RTP time stamp) */
	SAMPLE_MARKER,	/* `marker` is set on a sample's last packet, and nothing else tells */
	SAMPLE_PACKETS, /* a sample is `sample_packets` packets, counted by `sequence` */
};

enum image_stream_flag {
	STREAM_PRECISE = 1 << 0, /* precise receive time, inter-arrival histogram */
	STREAM_INDEX = 1 << 2,	 /* `index` says which packet of its sample this is */
	STREAM_RESENT = 1 << 3,	 /* `resent` marks packets that fill an older hole */
};

struct image_stream {
	__u32 id;	    /* stable id, 0..STREAM_IDS-1 */
	__u8 class;	    /* enum image_class */
	__u8 deliver;	    /* enum image_deliver */
	__u8 flags;	    /* enum image_stream_flag */
	__u8 sequence_kind; /* enum image_sequence */
	__u8 sample_kind;   /* enum image_sample */
	__u8 key_count;	    /* fields that tell instances apart, 0..2 */
	__u8 skip_count;    /* 0 or 1 values that the counter leaves out (PER_SAMPLE: the id) */
	__u8 test_count;    /* payload tests, in `tests` of the image */
	__u32 test_first;
	struct image_field sequence;
	struct image_field sample;
	struct image_field index;
	struct image_field key[2];
	struct image_test marker;
	struct image_test resent;
	__u64 modulus;	      /* of `sequence`, in its own units; 0: 2^64 */
	__u32 step;	      /* units of `sequence` between two packets, >= 1 */
	__u32 first;	      /* SEQUENCE_PER_SAMPLE: the first value in a sample */
	__u32 skip;	      /* the value left out, if skip_count */
	__u32 max_jump;	      /* packets; a longer jump is a restart */
	__u32 sample_packets; /* packets of a whole sample; 0: not known beforehand */
	__u32 sample_modulus; /* SAMPLE_WRAP: first value never reached (36000); 0: not known */
	__u64 sample_step; /* SAMPLE_ID: units between two ids; 0: any change is the next sample */
	__u64 nominal;	   /* SEQUENCE_TIMESTAMP: nominal step, units << 8 */
	__u64 gap;	   /* SEQUENCE_TIMESTAMP: a longer step is loss, units << 8 */
	__u64 stale_after_ns; /* 0: never called stale */
	__u64 lease_ns;
	__u64 keep; /* reserved for shedding by sample: a << 32 | b, 0: not thinned */
};

/*
 * A token bucket as a virtual schedule (GCRA): a packet costs `cost` << 16 ns per
 * byte or per packet; it conforms while the schedule is not more than `burst_ns`
 * ahead of now. cost 0: no limit.
 */
struct image_bucket {
	__u64 cost; /* ns << 16 for each unit */
	__u64 burst_ns;
	__u32 per_packet; /* units are packets, else bytes */
	__u32 precise;	  /* uses the precise clock */
};

struct image_class_policy {
	struct image_bucket bucket;
	__u32 shed_at; /* shed from this pressure level on; 0: never */
	__u32 pad;
};

/* For people and for the name table; the data path does not read it. */
struct image_label {
	char name[IMAGE_NAME_BYTES];
	char protocol[IMAGE_NAME_BYTES]; /* "" without one */
};

struct profile_image {
	__u32 magic;
	__u32 version;
	__u32 bytes; /* sizeof(struct profile_image) */
	__u32 stream_count;
	__u64 generation;    /* counts swaps on the interface, from 1 */
	__u64 swapped_at_ns; /* CLOCK_REALTIME */
	char name[IMAGE_NAME_BYTES];
	__u32 keys;	      /* enum image_key */
	__u32 essential_drop; /* bit e: essential kind e is dropped, not passed */
	__u8 default_class;
	__u8 default_deliver; /* DELIVER_STACK or DELIVER_DROP */
	__u8 pad[6];
	__u64 with_tests;  /* mask: streams that have payload tests */
	__u64 with_source; /* mask: streams that name a source */
	__u64 no_ip;	   /* mask: streams that a frame without IP may match */
	__u64 no_port;	   /* mask: streams that name no port */
	struct image_class_policy class[CLASSES];
	struct image_bucket bucket[IMAGE_STREAMS];
	struct image_stream stream[IMAGE_STREAMS];
	struct image_test test[IMAGE_TESTS];
	__u64 vlan_none; /* mask for an untagged frame */
	__u64 vlan[4096];
	__u64 pcp[8];
	__u64 ip_protocol[256];
	__u64 dscp[64];
	struct image_table ethertype;
	struct image_ports source_port;
	struct image_ports destination_port;
	struct image_table length;
	struct image_macs source_mac;
	struct image_prefix4 source4;
	struct image_prefix4 destination4;
	struct image_prefix6 source6;
	struct image_prefix6 destination6;
	struct image_label label[IMAGE_STREAMS];
	__u32 source_bytes;  /* used of `source` */
	__u32 source_length; /* after decompression */
	__u8 source[IMAGE_SOURCE_BYTES];
};

_Static_assert(sizeof(struct image_field) == 16, "image_field");
_Static_assert(sizeof(struct image_test) == 24, "image_test");
_Static_assert(sizeof(struct image_stream) == 224, "image_stream");
_Static_assert(sizeof(struct profile_image) % 8 == 0, "profile_image");

#endif
