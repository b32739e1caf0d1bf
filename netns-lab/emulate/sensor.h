/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the emulated sensors share. A sensor is a function that makes its next packet;
 * everything else (faults, headers, fragments, pace, truth) is common to all.
 */
#ifndef EMULATE_SENSOR_H
#define EMULATE_SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_MAX 65507

/*
 * The mark that --stamp leaves in a payload, little-endian, inside points or pixels,
 * where it disturbs no field of the protocol (stamp_offset of each sensor). A reader can
 * tell from it, without knowing the protocol, when the packet was sent and what of its
 * sample is missing.
 *
 *	 0        4        8        12    14    16               24
 *	| 'SNST' | index  | sample | part| of  | sent_ns         |
 */
#define STAMP_MAGIC 0x54534e53u /* "SNST" as it lies in memory */

struct stamp {
	uint32_t magic;
	uint32_t index;	  /* of the packet, from 0 */
	uint32_t sample;  /* of the sample, from 0 */
	uint16_t part;	  /* this packet among the stamped ones of its sample, from 0 */
	uint16_t parts;	  /* how many there are, if no restart cuts it */
	uint64_t sent_ns; /* CLOCK_MONOTONIC */
} __attribute__((packed));

_Static_assert(sizeof(struct stamp) == 24, "stamp");

enum wire {
	WIRE_UDP,
	WIRE_ETHERTYPE,
};

struct sensor;

struct packet {
	uint64_t index;	 /* from 0, counts lost ones too */
	uint64_t due_ns; /* after the first one, at the sensor's own rate */
	uint32_t sample;
	uint16_t part, parts; /* among the stamped packets of the sample */
	bool stamped;
	bool sample_end; /* the last packet of its sample */
	size_t length;
	uint8_t data[PAYLOAD_MAX];
};

struct model {
	const char *name;
	const char *what;
	enum wire wire;
	uint16_t ethertype;	    /* WIRE_ETHERTYPE */
	uint16_t source_port, port; /* WIRE_UDP */
	const char *source;	    /* IPv4 address */
	const char *destination;    /* IPv4 address, or the MAC address of an Ethernet stream */
	bool no_checksum;	    /* sends UDP checksum 0, as Velodyne does */
	uint8_t dscp;
	bool tagged;
	uint16_t vlan;
	uint8_t pcp;
	size_t stamp_offset;
	void (*next)(struct sensor *sensor, struct packet *packet);
};

struct sensor {
	const struct model *model;
	uint64_t seed;
	size_t payload_max;	    /* the most that one packet may carry, for cameras */
	uint64_t index;		    /* next packet */
	uint64_t since_start;	    /* packets since power-up or restart */
	uint32_t sample;	    /* current sample, counted over restarts */
	uint32_t sample_base;	    /* `sample` at power-up or restart */
	uint32_t part;		    /* next packet of the current sample, 0: a new one begins */
	uint32_t sequence;	    /* the sensor's counter */
	uint64_t origin_ns;	    /* the device's clock at power-up or restart */
	uint32_t image_id;	    /* what the camera calls its current image */
	uint8_t noise[PAYLOAD_MAX]; /* seeded; points and pixels are taken from it */
};

/* A sensor that was switched on a while ago counts from here; after a restart, from 0. */
#define SEQUENCE_AT_START 1000u
#define CLOCK_AT_START_NS 1000000000000ull

extern const struct model models[];
extern const size_t model_count;

const struct model *model_find(const char *name);
void sensor_init(struct sensor *sensor, const struct model *model, uint64_t seed, size_t mtu);
void sensor_restart(struct sensor *sensor);
void sensor_next(struct sensor *sensor, struct packet *packet);

void velodyne_next(struct sensor *sensor, struct packet *packet);
void velodyne_dual_next(struct sensor *sensor, struct packet *packet);
void hesai_next(struct sensor *sensor, struct packet *packet);
void ouster_next(struct sensor *sensor, struct packet *packet);
void gvsp_next(struct sensor *sensor, struct packet *packet);
void avtp_next(struct sensor *sensor, struct packet *packet);
void rtp_next(struct sensor *sensor, struct packet *packet);
void experimental_next(struct sensor *sensor, struct packet *packet);

/* splitmix64: a good 64-bit number for each (seed, n). */
static inline uint64_t mix(uint64_t seed, uint64_t n)
{
	uint64_t z = seed + (n + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline void put16le(uint8_t *at, uint64_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static inline void put32le(uint8_t *at, uint64_t value)
{
	put16le(at, value);
	put16le(at + 2, value >> 16);
}

static inline void put64le(uint8_t *at, uint64_t value)
{
	put32le(at, value);
	put32le(at + 4, value >> 32);
}

static inline void put16be(uint8_t *at, uint64_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void put32be(uint8_t *at, uint64_t value)
{
	put16be(at, value >> 16);
	put16be(at + 2, value);
}

static inline void put64be(uint8_t *at, uint64_t value)
{
	put32be(at, value >> 32);
	put32be(at + 4, value);
}

#endif
