// SPDX-License-Identifier: GPL-2.0-only
#include "xdp/stream/writer.h"

#include <errno.h>

int writer_create(struct writer *writer, uint32_t frames, const struct ring_header *template)
{
	int result;

	if (!frames || frames & (frames - 1) || frames > RING_FRAMES_MAX)
		return -EINVAL;
	*writer = (struct writer){ .frames = frames, .mask = frames - 1 };
	result = sealed_create(&writer->memory, "sensorctl-ring", ring_bytes(frames), false);
	if (result)
		return result;
	writer->header = writer->memory.data;
	writer->slots = ring_slots(writer->header);
	*writer->header = *template;
	writer->header->magic = RING_MAGIC;
	writer->header->version = RING_VERSION;
	writer->header->header_bytes = RING_HEADER_BYTES;
	writer->header->slot_bytes = sizeof(union ring_slot);
	writer->header->frames = frames;
	result = sealed_seal(&writer->memory);
	if (result)
		writer_destroy(writer);
	return result;
}

void writer_destroy(struct writer *writer)
{
	sealed_destroy(&writer->memory);
	*writer = (struct writer){ 0 };
}
