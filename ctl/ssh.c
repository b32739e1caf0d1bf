// SPDX-License-Identifier: GPL-2.0-only
/* Would a profile cut the caller's own SSH connection? It is asked, with a frame of it. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/chosen.h"
#include "ctl/upper.h"
#include "xdp/plain.h"

#define ANCESTORS 16
#define UPPERS	  64

/* "client port server port" */
struct connection {
	char client[64], server[64];
	unsigned int client_port, server_port;
};

static bool parse(const char *text, struct connection *ssh)
{
	if (sscanf(text, "%63s %u %63s %u", ssh->client, &ssh->client_port, ssh->server,
		   &ssh->server_port) != 4)
		return false;
	/* Of fe80::1%eth1 a frame holds no zone. */
	ssh->client[strcspn(ssh->client, "%")] = '\0';
	ssh->server[strcspn(ssh->server, "%")] = '\0';
	return true;
}

/* SSH_CONNECTION in the environment of a process. */
static bool of_process(int pid, struct connection *ssh)
{
	static char environment[65536];
	char path[64];
	ssize_t bytes;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bytes = read(fd, environment, sizeof(environment) - 1);
	close(fd);
	if (bytes <= 0)
		return false;
	environment[bytes] = '\0';
	for (const char *entry = environment; entry < environment + bytes;
	     entry += strlen(entry) + 1)
		if (!strncmp(entry, "SSH_CONNECTION=", 15))
			return parse(entry + 15, ssh);
	return false;
}

static int parent_of(int pid)
{
	char path[64], line[512];
	int parent = 0;
	const char *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	/* The name, in brackets, may hold anything. */
	if (fgets(line, sizeof(line), file)) {
		end = strrchr(line, ')');
		if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
			parent = 0;
	}
	fclose(file);
	return parent;
}

/* sudo drops the variable, so ancestors are asked too. */
static bool find(struct connection *ssh)
{
	const char *own = getenv("SSH_CONNECTION");
	int pid = getppid();

	if (own)
		return parse(own, ssh);
	for (int i = 0; i < ANCESTORS && pid > 1; i++, pid = parent_of(pid))
		if (of_process(pid, ssh))
			return true;
	return false;
}

static bool is_one_of(const char *name, const unsigned int *devices, size_t count)
{
	unsigned int ifindex = if_nametoindex(name);

	for (size_t i = 0; i < count; i++)
		if (devices[i] == ifindex)
			return true;
	return false;
}

/* Whether what arrives on the interface can be for that address. */
static bool is_local(const char *interface, const char *address)
{
	unsigned int devices[UPPERS];
	size_t count = upper_devices(if_nametoindex(interface), devices, UPPERS);
	struct ifaddrs *all, *one;
	bool result = false;

	if (getifaddrs(&all))
		return false;
	for (one = all; one && !result; one = one->ifa_next) {
		char text[64] = "";

		if (!one->ifa_addr || !is_one_of(one->ifa_name, devices, count))
			continue;
		if (one->ifa_addr->sa_family == AF_INET)
			inet_ntop(AF_INET, &((struct sockaddr_in *)one->ifa_addr)->sin_addr, text,
				  sizeof(text));
		else if (one->ifa_addr->sa_family == AF_INET6)
			inet_ntop(AF_INET6, &((struct sockaddr_in6 *)one->ifa_addr)->sin6_addr,
				  text, sizeof(text));
		result = !strcmp(text, address);
	}
	freeifaddrs(all);
	return result;
}

/* A frame as it arrives on the connection. Returns its length, 0 if it can't be made. */
static __u32 make_frame(const struct connection *ssh, __u8 frame[128])
{
	struct ether_header *ethernet = (struct ether_header *)frame;
	struct tcphdr tcp = {
		.source = htons((__u16)ssh->client_port),
		.dest = htons((__u16)ssh->server_port),
		.doff = 5,
		.ack = 1,
	};
	__u8 *next = frame + sizeof(*ethernet);

	memset(frame, 0, 128);
	if (strchr(ssh->server, ':')) {
		/* The version is a member of the union's other side: all by one side. */
		struct ip6_hdr ip = { .ip6_flow = htonl(6u << 28),
				      .ip6_plen = htons(sizeof(tcp)),
				      .ip6_nxt = IPPROTO_TCP,
				      .ip6_hlim = 64 };

		if (inet_pton(AF_INET6, ssh->client, &ip.ip6_src) != 1 ||
		    inet_pton(AF_INET6, ssh->server, &ip.ip6_dst) != 1)
			return 0;
		ethernet->ether_type = htons(ETHERTYPE_IPV6);
		memcpy(next, &ip, sizeof(ip));
		next += sizeof(ip);
	} else {
		struct iphdr ip = { .version = 4,
				    .ihl = 5,
				    .ttl = 64,
				    .protocol = IPPROTO_TCP,
				    .tot_len = htons(sizeof(ip) + sizeof(tcp)) };

		if (inet_pton(AF_INET, ssh->client, &ip.saddr) != 1 ||
		    inet_pton(AF_INET, ssh->server, &ip.daddr) != 1)
			return 0;
		ethernet->ether_type = htons(ETHERTYPE_IP);
		memcpy(next, &ip, sizeof(ip));
		next += sizeof(ip);
	}
	memcpy(next, &tcp, sizeof(tcp));
	return (__u32)(next + sizeof(tcp) - frame);
}

void chosen_warn_ssh(const struct invocation *invocation, const struct profile_image *image,
		     const char *interface)
{
	struct connection ssh;
	struct plain *plain;
	__u8 frame[128];
	__u32 length;

	if (!find(&ssh) || !is_local(interface, ssh.server))
		return;
	length = make_frame(&ssh, frame);
	plain = length ? plain_new(image) : NULL;
	if (!plain)
		return;
	if (plain_frame(plain, frame, length, length, 1).verdict == VERDICT_DROP)
		fprintf(stderr,
			"sensorctl: %s: warning: profile %s drops your own SSH connection "
			"from %s through %s. --confirm SECONDS rolls back by itself.\n",
			invocation->verb->name, image->name, ssh.client, interface);
	plain_free(plain);
}
