// SPDX-License-Identifier: GPL-2.0-only
#include "xdp/stream/umem.h"

#include <errno.h>
#include <stdlib.h>

#define COMPLETIONS 64u /* nothing is sent, but the kernel wants the ring */

int umem_create(struct umem *umem, uint32_t frames, uint32_t chunk_bytes, uint32_t fill_size)
{
	const struct xsk_umem_config config = {
		.fill_size = fill_size,
		.comp_size = COMPLETIONS,
		.frame_size = chunk_bytes,
	};
	size_t bytes = (size_t)frames * chunk_bytes;
	int result;

	*umem = (struct umem){ .frames = frames, .chunk_bytes = chunk_bytes };
	umem->free = calloc(frames, sizeof(*umem->free));
	if (!umem->free)
		return -ENOMEM;
	result = sealed_create(&umem->memory, "sensorctl-umem", bytes, true);
	if (!result)
		result = xsk_umem__create(&umem->handle, umem->memory.data, bytes, &umem->fill,
					  &umem->completion, &config);
	/* Only now: the kernel takes the pages for writing when the UMEM is registered. */
	if (!result)
		result = sealed_seal(&umem->memory);
	if (result) {
		umem_destroy(umem);
		return result;
	}
	for (uint32_t i = frames; i--;)
		umem_put(umem, (uint64_t)i * chunk_bytes);
	return 0;
}

void umem_destroy(struct umem *umem)
{
	if (umem->handle)
		xsk_umem__delete(umem->handle);
	sealed_destroy(&umem->memory);
	free(umem->free);
	*umem = (struct umem){ 0 };
}

void umem_fill(struct umem *umem, struct xsk_ring_prod *fill, uint32_t count)
{
	uint32_t index;

	if (!xsk_ring_prod__reserve(fill, count, &index))
		return;
	for (uint32_t i = 0; i < count; i++)
		*xsk_ring_prod__fill_addr(fill, index + i) = umem_take(umem);
	xsk_ring_prod__submit(fill, count);
}
