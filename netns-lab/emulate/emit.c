// SPDX-License-Identifier: GPL-2.0-only
#include "emit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHANCE_LOSE = 1,
	CHANCE_REORDER,
	CHANCE_DUPLICATE,
	CHANCE_RESTART,
};

/* A packet that is sent later than its turn: after packet `release`. */
struct held {
	struct held *next;
	uint64_t release;
	bool second_copy;
	struct packet packet;
};

static void stamp(const struct emit *emit, struct packet *packet)
{
	size_t offset = emit->sensor.model->stamp_offset;
	struct stamp mark = {
		.magic = STAMP_MAGIC,
		.index = (uint32_t)packet->index,
		.sample = packet->sample,
		.part = packet->part,
		.parts = packet->parts,
		.sent_ns = pace_now(emit->pace, packet->due_ns),
	};

	if (emit->stamp && packet->stamped && packet->length >= offset + sizeof(mark))
		memcpy(packet->data + offset, &mark, sizeof(mark));
}

static int send_ethernet(struct emit *emit, const struct packet *packet)
{
	uint8_t *out = output_reserve(emit->output, packet->length + 64);
	size_t header;

	if (!out)
		return -EIO;
	header = frame_ethernet(&emit->address, emit->sensor.model->ethertype, out);
	memcpy(out + header, packet->data, packet->length);
	output_commit(emit->output, header + packet->length, packet->due_ns);
	return 0;
}

static int send_udp(struct emit *emit, const struct packet *packet, unsigned int fragments,
		    unsigned int *left_out)
{
	uint16_t id = emit->ip_id++;

	frame_datagram(&emit->address, packet->data, packet->length, emit->datagram);
	for (unsigned int i = 0; i < fragments; i++) {
		uint8_t *out;

		if (fragments > 1 && faults_fragment_at(&emit->lose, packet->index, i)) {
			++*left_out;
			continue;
		}
		out = output_reserve(emit->output, emit->address.mtu + 64);
		if (!out)
			return -EIO;
		output_commit(emit->output,
			      frame_fragment(&emit->address, emit->datagram, packet->length + 8, i,
					     id, out),
			      packet->due_ns + i * 12300); /* as on a 1 Gbit/s link */
	}
	return 0;
}

static int send_packet(struct emit *emit, struct packet *packet, bool second_copy)
{
	unsigned int fragments = 1, left_out = 0;
	int result;

	stamp(emit, packet);
	if (emit->sensor.model->wire == WIRE_ETHERTYPE) {
		result = send_ethernet(emit, packet);
	} else {
		fragments = frame_fragments(&emit->address, packet->length);
		result = send_udp(emit, packet, fragments, &left_out);
	}
	if (result)
		return result;
	if (left_out == fragments)
		truth_lost(emit->truth, packet->index);
	else
		truth_sent(emit->truth, packet->index, fragments, left_out,
			   left_out && faults_fragment_at(&emit->lose, packet->index, 0),
			   second_copy);
	return 0;
}

static int hold(struct emit *emit, const struct packet *packet, uint64_t distance, bool second_copy)
{
	struct held *held = malloc(sizeof(*held)), **at = &emit->held;

	if (!held)
		return -ENOMEM;
	held->release = packet->index + distance;
	held->second_copy = second_copy;
	memcpy(&held->packet, packet, offsetof(struct packet, data) + packet->length);
	while (*at && (*at)->release <= held->release)
		at = &(*at)->next;
	held->next = *at;
	*at = held;
	return 0;
}

static int release(struct emit *emit, uint64_t index)
{
	int result = 0;

	while (!result && emit->held && emit->held->release <= index) {
		struct held *held = emit->held;

		emit->held = held->next;
		held->packet.due_ns = emit->packet.due_ns;
		result = send_packet(emit, &held->packet, held->second_copy);
		free(held);
	}
	return result;
}

/* What becomes of the packet whose turn it is. */
static int turn(struct emit *emit)
{
	struct packet *packet = &emit->packet;
	const struct fault *late, *twice;
	int result = 0;

	if (faults_at(&emit->lose, emit->seed, CHANCE_LOSE, packet->index)) {
		truth_lost(emit->truth, packet->index);
		return 0;
	}
	late = faults_at(&emit->reorder, emit->seed, CHANCE_REORDER, packet->index);
	if (late)
		return hold(emit, packet, late->distance, false);
	result = send_packet(emit, packet, false);
	twice = faults_at(&emit->duplicate, emit->seed, CHANCE_DUPLICATE, packet->index);
	if (!result && twice)
		result = hold(emit, packet, twice->distance - 1, true);
	return result;
}

int emit_run(struct emit *emit)
{
	struct packet *packet = &emit->packet;
	double scale = emit->pace->scale > 0 ? emit->pace->scale : 1;
	int result = 0;

	emit->ip_id = (uint16_t)mix(emit->seed, 0x1d);
	while (!result && !pace_stop && (!emit->count || emit->sensor.index < emit->count)) {
		uint64_t index = emit->sensor.index;
		bool restart = faults_at(&emit->restart, emit->seed, CHANCE_RESTART, index);

		if (restart)
			sensor_restart(&emit->sensor);
		sensor_next(&emit->sensor, packet);
		if (emit->duration_ns &&
		    (double)packet->due_ns / scale >= (double)emit->duration_ns)
			break;
		result = pace_wait(emit->pace, emit->output, packet->due_ns);
		if (result || pace_stop)
			break;
		if (restart)
			truth_restart(emit->truth);
		truth_packet(emit->truth, packet->sample);
		result = turn(emit);
		if (packet->sample_end)
			truth_sample_end(emit->truth);
		if (!result)
			result = release(emit, index);
	}
	if (!result)
		result = release(emit, UINT64_MAX);
	while (emit->held) {
		struct held *held = emit->held;

		emit->held = held->next;
		free(held);
	}
	truth_finish(emit->truth);
	if (!result)
		result = output_flush(emit->output);
	return result;
}
