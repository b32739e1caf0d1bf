// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cameras: GVSP (GigE Vision), AVTP CVF (IEEE 1722-2016), RTP H.264 (RFC 3550, 6184) and
 * the project's own 0x88B5 stream. 30 images a second; the packets of an image
 * are spread over three quarters of its period, as an inter-packet delay does.
 */
#include <string.h>

#include "sensor.h"

#define PERIOD_NS   33333333ull
#define SPREAD_NS   25000000ull
#define IMAGE_BYTES (640u * 480)
#define GROUP	    30u /* one I picture in a group of H.264 pictures */

/* The next packet of an image of `packets`; says whether it is the last one. */
static bool image_step(struct sensor *sensor, struct packet *packet, uint32_t packets)
{
	uint32_t part = sensor->part;

	packet->sample = sensor->sample;
	packet->due_ns = sensor->sample * PERIOD_NS + part * (SPREAD_NS / packets);
	packet->part = (uint16_t)part;
	packet->parts = (uint16_t)packets;
	packet->sample_end = part + 1 == packets;
	sensor->part = packet->sample_end ? 0 : part + 1;
	if (packet->sample_end)
		sensor->sample++;
	return packet->sample_end;
}

static uint64_t image_time_ns(const struct sensor *sensor)
{
	return sensor->origin_ns + (sensor->sample - sensor->sample_base) * PERIOD_NS;
}

/* Bytes of the next H.264 picture: a large one, then small ones, as an encoder makes them. */
static uint32_t picture_bytes(const struct sensor *sensor)
{
	uint32_t n = sensor->sample - sensor->sample_base;
	uint32_t base = n % GROUP ? 12000 : 80000;

	return base + (uint32_t)(mix(sensor->seed, n) % (base / 4));
}

static bool picture_key(const struct sensor *sensor)
{
	return (sensor->sample - sensor->sample_base) % GROUP == 0;
}

/* The FU-A headers of fragment `part` of a picture (RFC 6184, 5.8). */
static void fragment_unit(uint8_t *at, bool key, bool first, bool last)
{
	at[0] = 0x7c; /* NRI 3, type 28 */
	at[1] = (uint8_t)((first ? 0x80 : 0) | (last ? 0x40 : 0) | (key ? 5 : 1));
}

/*
 * Leader, payload packets, trailer; a block id counts 1..65535. The stamped packets are those
 * of the payload: leader and trailer have no room.
 */
void gvsp_next(struct sensor *sensor, struct packet *packet)
{
	uint32_t room = (uint32_t)sensor->payload_max - 8;
	uint32_t payloads = (IMAGE_BYTES + room - 1) / room;
	uint32_t part = sensor->part;
	uint64_t time_ns = image_time_ns(sensor);
	uint8_t *data = packet->data, format;
	bool last;

	if (!part)
		sensor->image_id = sensor->image_id % 65535 + 1;
	last = image_step(sensor, packet, payloads + 2);
	format = !part ? 1 : last ? 2 : 3;
	packet->stamped = format == 3;
	packet->part = (uint16_t)(part - 1);
	packet->parts = (uint16_t)payloads;

	memset(data, 0, 44);
	put16be(data + 2, sensor->image_id);
	put32be(data + 4, (uint32_t)format << 24 | part);
	if (format == 1) {
		packet->length = 44;
		put16be(data + 10, 1); /* payload type: image */
		put64be(data + 12, time_ns);
		put32be(data + 20, 0x01080001); /* Mono8 */
		put32be(data + 24, 640);
		put32be(data + 28, 480);
	} else if (format == 2) {
		packet->length = 16;
		put16be(data + 10, 1);
		put32be(data + 12, 480);
	} else {
		uint32_t done = (part - 1) * room;
		uint32_t bytes = IMAGE_BYTES - done < room ? IMAGE_BYTES - done : room;

		memcpy(data + 8, sensor->noise, bytes);
		packet->length = 8 + bytes;
	}
}

/*
 *	0       4           12        16      20     22  24      28    30
 *	| hdr,seq | stream id | avtp ts | format | length | M | h264 ts | FU-A | picture
 */
void avtp_next(struct sensor *sensor, struct packet *packet)
{
	uint32_t room = (uint32_t)sensor->payload_max - 30, bytes = picture_bytes(sensor);
	uint32_t packets = (bytes + room - 1) / room, part = sensor->part;
	uint64_t time_ns = image_time_ns(sensor);
	bool key = picture_key(sensor), last = image_step(sensor, packet, packets);
	uint32_t here = last ? bytes - part * room : room;
	uint8_t *data = packet->data;

	/* The last piece still has room for the stamp. */
	if (here < 64)
		here = 64;
	memset(data, 0, 28);
	data[0] = 0x03; /* CVF */
	data[1] = 0x81; /* stream id and time stamp valid */
	data[2] = (uint8_t)sensor->sequence;
	memcpy(data + 4, "\x02\x5e\x50\x00\x00\x02\x00\x01", 8);
	put32be(data + 12, time_ns);
	put16be(data + 16, 0x0201); /* RFC format, H.264 */
	put16be(data + 20, 4 + 2 + here);
	data[22] = (uint8_t)(0x20 | (last ? 0x10 : 0)); /* PTV, marker */
	put32be(data + 24, time_ns);
	fragment_unit(data + 28, key, !part, last);
	memcpy(data + 30, sensor->noise, here);
	packet->length = 30 + here;
}

void rtp_next(struct sensor *sensor, struct packet *packet)
{
	uint32_t room = (uint32_t)sensor->payload_max - 14, bytes = picture_bytes(sensor);
	uint32_t packets = (bytes + room - 1) / room, part = sensor->part;
	uint64_t time_90khz =
		sensor->origin_ns / 100000 * 9 + (sensor->sample - sensor->sample_base) * 3000ull;
	bool key = picture_key(sensor), last = image_step(sensor, packet, packets);
	uint32_t here = last ? bytes - part * room : room;
	uint8_t *data = packet->data;

	if (here < 64)
		here = 64;
	data[0] = 0x80;
	data[1] = (uint8_t)(96 | (last ? 0x80 : 0));
	put16be(data + 2, sensor->sequence);
	put32be(data + 4, time_90khz);
	put32be(data + 8, mix(sensor->seed, 0x55));
	fragment_unit(data + 12, key, !part, last);
	memcpy(data + 14, sensor->noise, here);
	packet->length = 14 + here;
}

void experimental_next(struct sensor *sensor, struct packet *packet)
{
	uint32_t room = (uint32_t)sensor->payload_max - 24;
	uint32_t packets = (IMAGE_BYTES + room - 1) / room, part = sensor->part;
	uint32_t done = part * room, here = IMAGE_BYTES - done < room ? IMAGE_BYTES - done : room;
	uint64_t time_ns = image_time_ns(sensor);
	uint8_t *data = packet->data;

	if (!part)
		sensor->image_id++;
	image_step(sensor, packet, packets);
	memcpy(data, "SNSR", 4);
	put32be(data + 4, sensor->sequence);
	put32be(data + 8, sensor->image_id);
	put16be(data + 12, part);
	put16be(data + 14, packets);
	put64be(data + 16, time_ns);
	memcpy(data + 24, sensor->noise, here);
	packet->length = 24 + here;
}
