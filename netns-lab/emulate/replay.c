// SPDX-License-Identifier: GPL-2.0-only
#include "replay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sensor.h"

#define MORE_FRAGMENTS	0x2000u
#define DO_NOT_FRAGMENT 0x4000u

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Where the network header begins; its EtherType in *type. */
static size_t ethernet_bytes(const uint8_t *frame, size_t length, uint16_t *type)
{
	size_t at = 12;

	while (at + 6 <= length && (get16(frame + at) == 0x8100 || get16(frame + at) == 0x88a8))
		at += 4;
	*type = at + 2 <= length ? get16(frame + at) : 0;
	return at + 2;
}

/* RFC 1624: the checksum at `sum` after `old` became `new`. */
static void patch(uint8_t *sum, const uint8_t *old, const uint8_t *new, size_t length)
{
	uint32_t total = (uint16_t)~get16(sum);

	for (size_t i = 0; i < length; i += 2)
		total += (uint16_t)~get16(old + i) + (uint32_t)get16(new + i);
	put16be(sum, frame_fold(total));
}

static void readdress(uint8_t *ip, size_t length, size_t where, uint32_t address)
{
	size_t header = (ip[0] & 15) * 4u;
	uint8_t old[4];

	memcpy(old, ip + where, 4);
	memcpy(ip + where, &address, 4);
	patch(ip + 10, old, ip + where, 4);
	if (get16(ip + 6) & 0x1fff)
		return; /* no transport header in here */
	if (ip[9] == 17 && length >= header + 8 && get16(ip + header + 6))
		patch(ip + header + 6, old, ip + where, 4);
	else if (ip[9] == 6 && length >= header + 20)
		patch(ip + header + 16, old, ip + where, 4);
}

static bool group_address(const uint8_t *ip)
{
	return ip[16] >> 4 == 0xe || !memcmp(ip + 16, "\xff\xff\xff\xff", 4);
}

static void rewrite(const struct replay *replay, uint8_t *frame, size_t length)
{
	uint16_t type;
	size_t header = ethernet_bytes(frame, length, &type);
	bool ipv4 = type == 0x0800 && length >= header + 20;
	uint8_t *ip = frame + header;

	if (replay->set_source_mac)
		memcpy(frame + 6, replay->source_mac, 6);
	if (ipv4 && replay->set_source)
		readdress(ip, length - header, 12, replay->source);
	/* Broadcast and multicast reach everybody as they are. */
	if ((frame[0] & 1) || (ipv4 && group_address(ip)))
		return;
	if (ipv4 && replay->set_destination)
		readdress(ip, length - header, 16, replay->destination);
	if (replay->set_destination_mac)
		memcpy(frame, replay->destination_mac, 6);
}

static int send_frame(struct replay *replay, const uint8_t *frame, size_t length, uint64_t stamp_ns)
{
	uint8_t *out = output_reserve(replay->output, length);

	if (!out)
		return -EIO;
	memcpy(out, frame, length);
	rewrite(replay, out, length);
	output_commit(replay->output, length, stamp_ns);
	return 0;
}

/* Cuts an IPv4 packet at the MTU; one that was a fragment already stays one. */
static int send_fragments(struct replay *replay, const uint8_t *frame, size_t header,
			  uint64_t stamp_ns)
{
	uint8_t piece[FRAME_MAX];
	const uint8_t *ip = frame + header;
	size_t ip_bytes = (ip[0] & 15) * 4u, total = get16(ip + 2) - ip_bytes;
	size_t each = (replay->mtu - ip_bytes) & ~(size_t)7;
	uint16_t flags = get16(ip + 6) & (uint16_t)~DO_NOT_FRAGMENT;
	uint16_t id = get16(ip + 4) ? get16(ip + 4) : ++replay->ip_id;
	int result = 0;

	for (size_t at = 0; !result && at < total; at += each) {
		size_t here = total - at < each ? total - at : each;
		uint16_t more = at + here < total ? MORE_FRAGMENTS : 0;

		memcpy(piece, frame, header + ip_bytes);
		put16be(piece + header + 2, ip_bytes + here);
		put16be(piece + header + 4, id);
		put16be(piece + header + 6, (flags | more) + at / 8);
		put16be(piece + header + 10, 0);
		put16be(piece + header + 10, frame_fold(frame_sum(0, piece + header, ip_bytes)));
		memcpy(piece + header + ip_bytes, ip + ip_bytes + at, here);
		result = send_frame(replay, piece, header + ip_bytes + here, stamp_ns);
	}
	return result;
}

/* 0: fits; 1: can be cut; -EINVAL: neither. */
static int fits(const struct replay *replay, const uint8_t *frame, size_t length)
{
	uint16_t type;
	size_t header = ethernet_bytes(frame, length, &type);
	const uint8_t *ip = frame + header;

	if (length <= header + replay->mtu)
		return 0;
	if (!replay->fragment || type != 0x0800 || (ip[0] & 15) < 5 ||
	    get16(ip + 2) > length - header || get16(ip + 2) < (ip[0] & 15) * 4u)
		return -EINVAL;
	return 1;
}

static pcap_t *open_capture(const struct replay *replay)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(replay->path,
							       PCAP_TSTAMP_PRECISION_NANO, error);

	if (!pcap) {
		fprintf(stderr, "emulate: %s\n", error);
		return NULL;
	}
	if (pcap_datalink(pcap) == DLT_EN10MB)
		return pcap;
	fprintf(stderr, "emulate: %s: link type %d; only Ethernet captures can be sent.\n",
		replay->path, pcap_datalink(pcap));
	pcap_close(pcap);
	return NULL;
}

/* Nothing is sent of a capture of which something could not be sent. */
static int check(const struct replay *replay)
{
	pcap_t *pcap = open_capture(replay);
	struct pcap_pkthdr *header;
	const uint8_t *frame;
	int result = 0;

	if (!pcap)
		return -EINVAL;
	for (uint64_t n = 1; !result && pcap_next_ex(pcap, &header, &frame) == 1; n++) {
		if (replay->count && n > replay->count)
			break;
		if (header->caplen < 14 || header->caplen < header->len) {
			fprintf(stderr, "emulate: %s: frame %lu was cut off by the capture.\n",
				replay->path, n);
			result = -EINVAL;
		} else if (fits(replay, frame, header->caplen) < 0) {
			fprintf(stderr,
				"emulate: %s: frame %lu has %u bytes, more than the MTU "
				"of %zu allows. %s\n",
				replay->path, n, header->caplen, replay->mtu,
				replay->fragment
					? "It is not IPv4, so it can not be fragmented either."
					: "--fragment sends it in IP fragments, as the sensor would.");
			result = -EINVAL;
		}
	}
	pcap_close(pcap);
	return result;
}

/* Once through the capture, from `base_ns` on the pace's clock; *end_ns is where it ended. */
static int pass(struct replay *replay, uint64_t base_ns, uint64_t *end_ns)
{
	struct pcap_pkthdr *header;
	const uint8_t *frame;
	uint64_t first_ns = 0, after_ns = base_ns, n = 0;
	pcap_t *pcap = open_capture(replay);
	int result = 0;

	if (!pcap)
		return -EIO;
	for (; !result && !pace_stop && pcap_next_ex(pcap, &header, &frame) == 1; n++) {
		uint64_t at =
			(uint64_t)header->ts.tv_sec * 1000000000 + (uint64_t)header->ts.tv_usec;
		uint16_t type;

		if (!n)
			first_ns = at;
		/* Joined recordings may jump back: time stands still there. */
		if (at > first_ns && base_ns + at - first_ns > after_ns)
			after_ns = base_ns + at - first_ns;
		if ((replay->count && n == replay->count) ||
		    (replay->duration_ns && after_ns >= replay->duration_ns))
			break;
		result = pace_wait(replay->pace, replay->output, after_ns);
		if (result || pace_stop)
			break;
		if (fits(replay, frame, header->caplen))
			result = send_fragments(replay, frame,
						ethernet_bytes(frame, header->caplen, &type),
						after_ns);
		else
			result = send_frame(replay, frame, header->caplen, after_ns);
		replay->packets++;
	}
	/* The next pass begins one mean interval after the last frame of this one. */
	*end_ns = after_ns + (n > 1 ? (after_ns - base_ns) / (n - 1) : 1000000);
	pcap_close(pcap);
	return result;
}

int replay_run(struct replay *replay)
{
	uint64_t at_ns = 0;
	int result = check(replay);

	if (result)
		return result;
	do
		result = pass(replay, at_ns, &at_ns);
	while (!result && !pace_stop && at_ns < replay->duration_ns);
	return result ? result : output_flush(replay->output);
}
