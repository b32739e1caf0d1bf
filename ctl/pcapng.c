// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/pcapng.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define BUFFER_BYTES (1u << 20)

enum block {
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};

enum option_code {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_RESOLUTION = 9,
	PACKET_FLAGS = 2,
	PACKET_DROPPED = 4,
	STATISTICS_RECEIVED = 4,
	STATISTICS_DROPPED = 5,
};

#define LINKTYPE_ETHERNET 1
#define FLAGS_INBOUND	  1u
#define NANOSECONDS	  9

/* A block or an option is filled up to 4 bytes. */
static uint32_t padded(size_t bytes)
{
	return (uint32_t)(bytes + 3) & ~3u;
}

static void put(struct pcapng *pcapng, const void *data, size_t bytes)
{
	if (fwrite(data, 1, bytes, pcapng->file) != bytes && !pcapng->error)
		pcapng->error = -errno;
}

static void put32(struct pcapng *pcapng, uint32_t value)
{
	put(pcapng, &value, sizeof(value));
}

static void put_padding(struct pcapng *pcapng, size_t bytes)
{
	put(pcapng, "\0\0", padded(bytes) - bytes);
}

static uint32_t option_bytes(size_t bytes)
{
	return 4 + padded(bytes);
}

static void put_option(struct pcapng *pcapng, uint16_t code, const void *data, size_t bytes)
{
	const uint16_t head[2] = { code, (uint16_t)bytes };

	put(pcapng, head, sizeof(head));
	put(pcapng, data, bytes);
	put_padding(pcapng, bytes);
}

/* Every block begins with type and length and ends with the length. */
static void begin(struct pcapng *pcapng, enum block type, uint32_t bytes)
{
	put32(pcapng, type);
	put32(pcapng, bytes);
}

static void put_section(struct pcapng *pcapng)
{
	static const char application[] = "sensorctl " VERSION;
	const uint32_t bytes = 28 + option_bytes(sizeof(application) - 1) + 4;
	const uint16_t version[2] = { 1, 0 };

	begin(pcapng, BLOCK_SECTION, bytes);
	put32(pcapng, 0x1a2b3c4d);
	put(pcapng, version, sizeof(version));
	put32(pcapng, UINT32_MAX); /* length of the section: not known, 64 bits */
	put32(pcapng, UINT32_MAX);
	put_option(pcapng, SECTION_APPLICATION, application, sizeof(application) - 1);
	put32(pcapng, OPTION_END);
	put32(pcapng, bytes);
}

static void put_interface(struct pcapng *pcapng, const char *name, const char *description)
{
	const uint16_t link[2] = { LINKTYPE_ETHERNET, 0 };
	const uint8_t resolution = NANOSECONDS;
	uint32_t bytes = 20 + option_bytes(strlen(name)) + option_bytes(1) + 4;

	if (description)
		bytes += option_bytes(strlen(description));
	begin(pcapng, BLOCK_INTERFACE, bytes);
	put(pcapng, link, sizeof(link));
	put32(pcapng, 0); /* no limit of the captured length */
	put_option(pcapng, INTERFACE_NAME, name, strlen(name));
	if (description)
		put_option(pcapng, INTERFACE_DESCRIPTION, description, strlen(description));
	put_option(pcapng, INTERFACE_RESOLUTION, &resolution, 1);
	put32(pcapng, OPTION_END);
	put32(pcapng, bytes);
}

static void put_time(struct pcapng *pcapng, uint64_t time_ns)
{
	put32(pcapng, (uint32_t)(time_ns >> 32));
	put32(pcapng, (uint32_t)time_ns);
}

int pcapng_flush(struct pcapng *pcapng)
{
	if (fflush(pcapng->file) && !pcapng->error)
		pcapng->error = -errno;
	return pcapng->error;
}

int pcapng_open(struct pcapng *pcapng, const char *path, const char *interface,
		const char *description)
{
	*pcapng = (struct pcapng){ .file = fopen(path, "we") };
	if (!pcapng->file)
		return -errno;
	setvbuf(pcapng->file, NULL, _IOFBF, BUFFER_BYTES);
	put_section(pcapng);
	put_interface(pcapng, interface, description);
	return pcapng_flush(pcapng);
}

int pcapng_packet(struct pcapng *pcapng, uint64_t time_ns, const struct iovec *piece,
		  unsigned int pieces, uint64_t dropped, const char *comment)
{
	const uint32_t flags = FLAGS_INBOUND;
	size_t length = 0;
	uint32_t bytes;

	for (unsigned int i = 0; i < pieces; i++)
		length += piece[i].iov_len;
	bytes = 32 + padded(length) + option_bytes(sizeof(flags)) + option_bytes(strlen(comment)) +
		4;
	if (dropped)
		bytes += option_bytes(sizeof(dropped));
	begin(pcapng, BLOCK_PACKET, bytes);
	put32(pcapng, 0); /* the interface */
	put_time(pcapng, time_ns);
	put32(pcapng, (uint32_t)length);
	put32(pcapng, (uint32_t)length);
	for (unsigned int i = 0; i < pieces; i++)
		put(pcapng, piece[i].iov_base, piece[i].iov_len);
	put_padding(pcapng, length);
	put_option(pcapng, OPTION_COMMENT, comment, strlen(comment));
	put_option(pcapng, PACKET_FLAGS, &flags, sizeof(flags));
	if (dropped)
		put_option(pcapng, PACKET_DROPPED, &dropped, sizeof(dropped));
	put32(pcapng, OPTION_END);
	put32(pcapng, bytes);
	return pcapng->error;
}

static void put_statistics(struct pcapng *pcapng, uint64_t received, uint64_t dropped)
{
	const uint32_t bytes = 24 + 2 * option_bytes(8) + 4;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	begin(pcapng, BLOCK_STATISTICS, bytes);
	put32(pcapng, 0);
	put_time(pcapng, (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec);
	put_option(pcapng, STATISTICS_RECEIVED, &received, sizeof(received));
	put_option(pcapng, STATISTICS_DROPPED, &dropped, sizeof(dropped));
	put32(pcapng, OPTION_END);
	put32(pcapng, bytes);
}

int pcapng_close(struct pcapng *pcapng, uint64_t received, uint64_t dropped)
{
	int result;

	put_statistics(pcapng, received, dropped);
	result = pcapng_flush(pcapng);
	if (fclose(pcapng->file) && !result)
		result = -errno;
	pcapng->file = NULL;
	return result;
}
