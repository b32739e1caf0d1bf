// SPDX-License-Identifier: GPL-2.0-only
#include "output.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define RETRY_NS      50000
#define STUCK_RETRIES 100000 /* about 5 s without one frame taken */

static int interface_request(const char *interface, unsigned long what, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;

	if (fd < 0)
		return -errno;
	memset(request, 0, sizeof(*request));
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", interface);
	result = ioctl(fd, what, request) ? -errno : 0;
	close(fd);
	return result;
}

int interface_mac(const char *interface, uint8_t mac[6])
{
	struct ifreq request;
	int result = interface_request(interface, SIOCGIFHWADDR, &request);

	if (!result)
		memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	return result;
}

int interface_mtu(const char *interface, size_t *mtu)
{
	struct ifreq request;
	int result = interface_request(interface, SIOCGIFMTU, &request);

	if (!result)
		*mtu = (size_t)request.ifr_mtu;
	return result;
}

/* /proc/net/dev is the calling thread's network namespace; /sys is the mount's. */
static uint64_t interface_dropped(const char *interface)
{
	FILE *file = fopen("/proc/net/dev", "re");
	char line[512];
	uint64_t dropped = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':'), *name = line + strspn(line, " ");

		if (!colon)
			continue;
		*colon = 0;
		if (!strcmp(name, interface))
			sscanf(colon + 1, "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %lu",
			       &dropped);
	}
	fclose(file);
	return dropped;
}

int output_interface(struct output *output, const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	int size = 8 << 20;

	memset(output, 0, sizeof(*output));
	output->socket = -1;
	address.sll_ifindex = (int)if_nametoindex(interface);
	if (!address.sll_ifindex) {
		fprintf(stderr,
			"emulate: %s: no such interface here. Is this the right network "
			"namespace?\n",
			interface);
		return -ENODEV;
	}
	output->socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (output->socket < 0 ||
	    bind(output->socket, (struct sockaddr *)&address, sizeof(address))) {
		int error = errno;

		fprintf(stderr,
			"emulate: raw socket on %s: %s. Sending needs CAP_NET_RAW; "
			"--pcap FILE needs nothing.\n",
			interface, strerror(error));
		return -error;
	}
	setsockopt(output->socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	snprintf(output->interface, sizeof(output->interface), "%s", interface);
	output->dropped_at_start = interface_dropped(interface);
	return 0;
}

int output_file(struct output *output, const char *path)
{
	memset(output, 0, sizeof(*output));
	output->socket = -1;
	output->pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, FRAME_MAX,
							    PCAP_TSTAMP_PRECISION_NANO);
	if (!output->pcap)
		return -ENOMEM;
	output->dumper = pcap_dump_open(output->pcap, path);
	if (!output->dumper) {
		fprintf(stderr, "emulate: %s\n", pcap_geterr(output->pcap));
		return -EIO;
	}
	return 0;
}

uint8_t *output_reserve(struct output *output, size_t length)
{
	if (output->count == BATCH_FRAMES || output->used + length > sizeof(output->buffer))
		if (output_flush(output))
			return NULL;
	return output->buffer + output->used;
}

void output_commit(struct output *output, size_t length, uint64_t stamp_ns)
{
	uint8_t *data = output->buffer + output->used;
	struct iovec *vector = &output->vector[output->count];

	output->frames++;
	output->bytes += length;
	if (output->dumper) {
		struct pcap_pkthdr header = {
			.ts = { (time_t)(stamp_ns / 1000000000), (long)(stamp_ns % 1000000000) },
			.caplen = (uint32_t)length,
			.len = (uint32_t)length,
		};

		pcap_dump((uint8_t *)output->dumper, &header, data);
		return;
	}
	*vector = (struct iovec){ .iov_base = data, .iov_len = length };
	output->message[output->count] = (struct mmsghdr){
		.msg_hdr = { .msg_iov = vector, .msg_iovlen = 1 },
	};
	output->count++;
	output->used += (length + 63) & ~(size_t)63;
}

int output_flush(struct output *output)
{
	const struct timespec wait = { .tv_nsec = RETRY_NS };
	unsigned int sent = 0, stuck = 0;

	while (sent < output->count) {
		int n = sendmmsg(output->socket, output->message + sent, output->count - sent, 0);

		if (n > 0) {
			sent += (unsigned int)n;
			stuck = 0;
			continue;
		}
		if (errno == EINTR)
			continue;
		if ((errno != ENOBUFS && errno != EAGAIN) || ++stuck > STUCK_RETRIES) {
			int error = errno;

			fprintf(stderr, "emulate: send on %s: %s\n", output->interface,
				strerror(error));
			return -error;
		}
		output->retries++;
		nanosleep(&wait, NULL);
	}
	output->count = 0;
	output->used = 0;
	return 0;
}

uint64_t output_dropped(const struct output *output)
{
	if (output->socket < 0)
		return 0;
	return interface_dropped(output->interface) - output->dropped_at_start;
}

int output_close(struct output *output)
{
	int result = 0;

	if (output->socket >= 0)
		close(output->socket);
	if (output->dumper) {
		if (pcap_dump_flush(output->dumper)) {
			fprintf(stderr, "emulate: writing the capture failed: disk full?\n");
			result = -EIO;
		}
		pcap_dump_close(output->dumper);
	}
	if (output->pcap)
		pcap_close(output->pcap);
	return result;
}

static bool neighbour(const char *interface, uint32_t address, uint8_t mac[6])
{
	FILE *file = fopen("/proc/net/arp", "re");
	char line[256], ip[64], text[64], device[64];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		unsigned int flags;
		struct in_addr in;

		if (sscanf(line, "%63s %*s %x %63s %*s %63s", ip, &flags, text, device) != 4 ||
		    !inet_aton(ip, &in) || in.s_addr != address || !(flags & 2) ||
		    strcmp(device, interface))
			continue;
		found = sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2],
			       &mac[3], &mac[4], &mac[5]) == 6;
	}
	fclose(file);
	return found;
}

/* A datagram to the discard port makes the kernel ask for the address. */
static void ask(const char *interface, uint32_t address)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(9),
				  .sin_addr.s_addr = address };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface));
	sendto(fd, "", 0, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	close(fd);
}

int resolve_mac(const char *interface, uint32_t address, uint8_t mac[6])
{
	uint32_t host = ntohl(address);
	struct ifreq request;

	if (host == 0xffffffff ||
	    (!interface_request(interface, SIOCGIFBRDADDR, &request) &&
	     ((struct sockaddr_in *)&request.ifr_broadaddr)->sin_addr.s_addr == address)) {
		memset(mac, 0xff, 6);
		return 0;
	}
	if (host >> 28 == 0xe) {
		const uint8_t group[6] = { 0x01,
					   0x00,
					   0x5e,
					   (uint8_t)(host >> 16 & 0x7f),
					   (uint8_t)(host >> 8),
					   (uint8_t)host };

		memcpy(mac, group, 6);
		return 0;
	}
	for (int i = 0; i < 100; i++) {
		const struct timespec wait = { .tv_nsec = 10000000 };

		if (neighbour(interface, address, mac))
			return 0;
		if (i % 30 == 0)
			ask(interface, address);
		nanosleep(&wait, NULL);
	}
	return -EHOSTUNREACH;
}
