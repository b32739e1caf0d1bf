// SPDX-License-Identifier: GPL-2.0-only
/*
 * Velodyne VLP-16 (ros-drivers/velodyne input.h, VLP-16 manual), Hesai XT32 (HesaiLidar_SDK_2.0
 * UdpProtocol) and Ouster OS1-64 LEGACY (ouster-sdk parsing.cpp), all at 10 rotations a second.
 */
#include <string.h>

#include "sensor.h"

#define DEGREES	    36000u /* a rotation in 0.01 degrees */
#define US_PER_HOUR 3600000000ull

/*
 * Where packet n of a rotating sensor stands: it advances `step` of `turn` units a packet,
 * and a sample begins with the first packet whose first block lies behind the turn.
 */
static void rotation(struct sensor *sensor, struct packet *packet, uint64_t step, uint64_t turn)
{
	uint64_t n = sensor->since_start;
	uint64_t scan = n * step / turn;
	uint64_t first = (scan * turn + step - 1) / step;
	uint64_t next = ((scan + 1) * turn + step - 1) / step;

	packet->sample = sensor->sample_base + (uint32_t)scan;
	packet->part = (uint16_t)(n - first);
	packet->parts = (uint16_t)(next - first);
	packet->sample_end = n + 1 == next;
	sensor->part = packet->sample_end ? 0 : packet->part + 1u;
	sensor->sample = packet->sample + packet->sample_end;
}

/*
 * 12 blocks of 2 firings (110.592 us) of 16 channels; in dual mode each azimuth comes
 * twice. 110.592 us at 10 Hz are 39.81312 hundredths of a degree: all in 1/100000 here.
 */
static void velodyne(struct sensor *sensor, struct packet *packet, unsigned int returns)
{
	const uint64_t block_step = 3981312, turn = DEGREES * 100000ull;
	const unsigned int azimuths = 12 / returns;
	const uint64_t interval_ns = azimuths * 110592ull;
	uint64_t azimuth = sensor->since_start * azimuths * block_step;
	uint64_t time_us = (sensor->origin_ns + sensor->since_start * interval_ns) / 1000;
	uint8_t *data = packet->data;

	rotation(sensor, packet, azimuths * block_step, turn);
	packet->due_ns = sensor->index * interval_ns;
	packet->length = 1206;
	memcpy(data, sensor->noise, packet->length);
	for (unsigned int block = 0; block < 12; block++) {
		uint64_t at = azimuth + block / returns * block_step;

		put16le(data + block * 100, 0xeeff);
		put16le(data + block * 100 + 2, at % turn / 100000);
	}
	put32le(data + 1200, time_us % US_PER_HOUR);
	data[1204] = returns == 2 ? 0x39 : 0x37;
	data[1205] = 0x22;
}

void velodyne_next(struct sensor *sensor, struct packet *packet)
{
	velodyne(sensor, packet, 1);
}

void velodyne_dual_next(struct sensor *sensor, struct packet *packet)
{
	velodyne(sensor, packet, 2);
}

/* 8 blocks, two returns of 4 azimuths 0.18 degrees apart: 500 packets a rotation. */
void hesai_next(struct sensor *sensor, struct packet *packet)
{
	const uint64_t interval_ns = 200000;
	uint64_t time_us = (sensor->origin_ns + sensor->since_start * interval_ns) / 1000;
	uint64_t seconds = time_us / 1000000;
	uint64_t azimuth = sensor->since_start * 72;
	uint8_t *data = packet->data;

	rotation(sensor, packet, 72, DEGREES);
	packet->due_ns = sensor->index * interval_ns;
	packet->length = 1080;
	memcpy(data, sensor->noise, packet->length);
	/* Version 6.1; 32 channels, 8 blocks, unit 4 mm, 2 returns, flag: UDP sequence. */
	memcpy(data, "\xee\xff\x06\x01\x00\x00\x20\x08\x01\x04\x02\x01", 12);
	for (unsigned int block = 0; block < 8; block++)
		put16le(data + 12 + block * 130, (azimuth + block / 2 * 18) % DEGREES);
	memset(data + 1052, 0, 10);
	data[1062] = 0x39;
	put16le(data + 1063, 600);
	data[1065] = 125; /* years since 1900, month, day, hour, minute, second */
	data[1066] = 6;
	data[1067] = 1;
	data[1068] = (uint8_t)(seconds / 3600 % 24);
	data[1069] = (uint8_t)(seconds / 60 % 60);
	data[1070] = (uint8_t)(seconds % 60);
	put32le(data + 1071, time_us % 1000000);
	data[1075] = 0x42;
	put32le(data + 1076, sensor->sequence);
}

/* 16 columns of 64 pixels, 1024 columns a rotation: 64 datagrams. */
void ouster_next(struct sensor *sensor, struct packet *packet)
{
	const unsigned int columns = 16, column_bytes = 16 + 12 * 64 + 4, per_scan = 1024;
	const uint64_t interval_ns = 1562500, column_ns = interval_ns / columns;
	uint64_t time_ns = sensor->origin_ns + sensor->since_start * interval_ns;
	uint8_t *data = packet->data;
	uint32_t frame;

	rotation(sensor, packet, columns, per_scan);
	frame = packet->sample - sensor->sample_base + (sensor->origin_ns ? SEQUENCE_AT_START : 0);
	packet->due_ns = sensor->index * interval_ns;
	packet->length = columns * column_bytes;
	memcpy(data, sensor->noise, packet->length);
	for (unsigned int column = 0; column < columns; column++, data += column_bytes) {
		uint64_t id = (sensor->since_start * columns + column) % per_scan;

		put64le(data, time_ns + column * column_ns);
		put16le(data + 8, id);
		put16le(data + 10, frame);
		put32le(data + 12, id * 88); /* 90112 encoder ticks a rotation */
		put32le(data + column_bytes - 4, 0xffffffff);
	}
}
