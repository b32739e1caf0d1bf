// SPDX-License-Identifier: GPL-2.0-only
/* The table of sensors, and what they have in common. Sources of the formats: see each file. */
#include "sensor.h"

#include <string.h>

const struct model models[] = {
	{ .name = "velodyne",
	  .what = "VLP-16: 1206 bytes, 754 packets/s, no counter",
	  .source_port = 2368,
	  .port = 2368,
	  .source = "192.168.1.201",
	  .destination = "255.255.255.255",
	  .no_checksum = true,
	  .stamp_offset = 8,
	  .next = velodyne_next },
	{ .name = "velodyne-dual",
	  .what = "VLP-16, dual return: 1206 bytes, 1507 packets/s",
	  .source_port = 2368,
	  .port = 2368,
	  .source = "192.168.1.201",
	  .destination = "255.255.255.255",
	  .no_checksum = true,
	  .stamp_offset = 8,
	  .next = velodyne_dual_next },
	{ .name = "hesai",
	  .what = "XT32, dual return: 1080 bytes, 5000 packets/s, UDP sequence",
	  .source_port = 10000,
	  .port = 2368,
	  .source = "192.168.1.202",
	  .destination = "255.255.255.255",
	  .stamp_offset = 16,
	  .next = hesai_next },
	{ .name = "ouster",
	  .what = "OS1-64 LEGACY 1024x10: 12608 bytes in IP fragments, 640/s",
	  .source_port = 49152,
	  .port = 7502,
	  .source = "192.168.1.203",
	  .destination = "192.168.1.100",
	  .stamp_offset = 16,
	  .next = ouster_next },
	{ .name = "gvsp",
	  .what = "GigE Vision camera, 640x480 Mono8, 30 images/s",
	  .source_port = 50010,
	  .port = 50020,
	  .source = "192.168.1.211",
	  .destination = "192.168.1.100",
	  .stamp_offset = 16,
	  .next = gvsp_next },
	{ .name = "avtp",
	  .what = "IEEE 1722 camera, CVF H.264 on a VLAN, 30 images/s",
	  .wire = WIRE_ETHERTYPE,
	  .ethertype = 0x22f0,
	  .destination = "91:e0:f0:00:fe:01",
	  .tagged = true,
	  .vlan = 5,
	  .pcp = 3,
	  .stamp_offset = 40,
	  .next = avtp_next },
	{ .name = "rtp",
	  .what = "RTP camera, H.264, 30 images/s, 90 kHz",
	  .source_port = 50030,
	  .port = 5004,
	  .source = "192.168.1.212",
	  .destination = "192.168.1.100",
	  .dscp = 34,
	  .stamp_offset = 16,
	  .next = rtp_next },
	{ .name = "experimental",
	  .what = "0x88B5 camera, 640x480 Mono8, 30 images/s",
	  .wire = WIRE_ETHERTYPE,
	  .ethertype = 0x88b5,
	  .destination = "ff:ff:ff:ff:ff:ff",
	  .stamp_offset = 24,
	  .next = experimental_next },
};

const size_t model_count = sizeof(models) / sizeof(models[0]);

const struct model *model_find(const char *name)
{
	for (size_t i = 0; i < model_count; i++)
		if (!strcmp(models[i].name, name))
			return &models[i];
	return NULL;
}

void sensor_init(struct sensor *sensor, const struct model *model, uint64_t seed, size_t mtu)
{
	memset(sensor, 0, sizeof(*sensor));
	sensor->model = model;
	sensor->seed = seed;
	sensor->payload_max = model->wire == WIRE_UDP ? mtu - 28 : mtu;
	sensor->sequence = SEQUENCE_AT_START;
	sensor->origin_ns = CLOCK_AT_START_NS;
	sensor->image_id = SEQUENCE_AT_START;
	for (size_t i = 0; i + 8 <= sizeof(sensor->noise); i += 8)
		put64le(sensor->noise + i, mix(seed, i));
}

/* Counters and clock begin again, as after a loss of power; the world's time goes on. */
void sensor_restart(struct sensor *sensor)
{
	if (sensor->part)
		sensor->sample++;
	sensor->since_start = 0;
	sensor->sample_base = sensor->sample;
	sensor->part = 0;
	sensor->sequence = 0;
	sensor->origin_ns = 0;
	sensor->image_id = 0;
}

void sensor_next(struct sensor *sensor, struct packet *packet)
{
	packet->index = sensor->index;
	packet->stamped = true;
	packet->sample_end = false;
	sensor->model->next(sensor, packet);
	sensor->index++;
	sensor->since_start++;
	sensor->sequence++;
}
