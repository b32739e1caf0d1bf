/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The essentials: what keeps a network and its sensors alive. They are looked at before the
 * streams and never shed. Ports are essential on either side; which ones are, the
 * image's port tables say.
 */
#ifndef SENSORCTL_ESSENTIAL_H
#define SENSORCTL_ESSENTIAL_H

#include "frame.h"

#define LLC_STP 0x4242 /* DSAP and SSAP of spanning tree */

static __always_inline enum essential essential_ethertype(const struct packet *packet,
							  const struct frame *frame)
{
	const struct wire_u16 *llc;

	switch (frame->ethertype) {
	case ETHERTYPE_ARP:
		return ESSENTIAL_ARP;
	case ETHERTYPE_PTP:
		return ESSENTIAL_PTP;
	case ETHERTYPE_LLDP:
		return ESSENTIAL_LLDP;
	case ETHERTYPE_LACP:
		return ESSENTIAL_LACP;
	case ETHERTYPE_EAPOL:
	case ETHERTYPE_MACSEC:
		return ESSENTIAL_EAPOL;
	}
	if (frame->ethertype >= ETHERTYPE_LEAST)
		return ESSENTIAL_NONE;
	llc = packet_at(packet, frame->payload, 2);
	return llc && llc->value == LLC_STP ? ESSENTIAL_STP : ESSENTIAL_NONE;
}

/* RFC 4861: 133..137; RFC 2710 and 3810: 130..132, 143. */
static __always_inline enum essential essential_icmpv6(const struct frame *frame)
{
	if (frame->icmp_type >= 133 && frame->icmp_type <= 137)
		return ESSENTIAL_ND;
	if ((frame->icmp_type >= 130 && frame->icmp_type <= 132) || frame->icmp_type == 143)
		return ESSENTIAL_IGMP;
	return ESSENTIAL_ICMP;
}

/* source, destination: classes of the ports in the image's port tables. */
static __always_inline enum essential essential_port(const struct profile_image *image,
						     const struct frame *frame, __u8 source,
						     __u8 destination)
{
	__u8 kind;

	if (frame->protocol == IP_UDP) {
		kind = image->destination_port.essential_udp[destination];
		if (likely(!kind))
			kind = image->source_port.essential_udp[source];
	} else {
		kind = image->destination_port.essential_tcp[destination];
		if (!kind)
			kind = image->source_port.essential_tcp[source];
	}
	return kind;
}

/* By the IP protocol alone, so also for later fragments. */
static __always_inline enum essential essential_protocol(const struct frame *frame)
{
	if (frame->protocol == IP_ICMP)
		return ESSENTIAL_ICMP;
	if (frame->protocol == IP_IGMP)
		return ESSENTIAL_IGMP;
	if (frame->protocol == IP_ICMPV6)
		return essential_icmpv6(frame);
	return ESSENTIAL_NONE;
}

#endif
