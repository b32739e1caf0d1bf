// SPDX-License-Identifier: GPL-2.0-only
/* What is essential by its port, EtherType or IP protocol (the list in sensorctl-profile(5)). */
#include "ctl/profile/match.h"
#include "xdp/state.h"

unsigned int essential_udp(uint16_t port)
{
	switch (port) {
	case 319:
	case 320:
		return ESSENTIAL_PTP;
	case 123:
		return ESSENTIAL_NTP;
	case 67:
	case 68:
	case 546:
	case 547:
		return ESSENTIAL_DHCP;
	case 3956:  /* GigE Vision control */
	case 30490: /* SOME/IP service discovery */
	case 13400: /* DoIP */
	case 56000: /* Livox: discovery and commands */
	case 56100:
	case 56101:
	case 65000: /* Livox, first generation */
	case 55000:
		return ESSENTIAL_CONTROL;
	default:
		return ESSENTIAL_NONE;
	}
}

unsigned int essential_tcp(uint16_t port)
{
	switch (port) {
	case 9347: /* Hesai PTC */
	case 554:  /* RTSP */
		return ESSENTIAL_CONTROL;
	case 80:   /* web pages of sensors */
	case 7501: /* Ouster */
		return ESSENTIAL_CONTROL_NAMED;
	default:
		return ESSENTIAL_NONE;
	}
}

/* All values of a small set satisfy is_one(); a large set is never all essential. */
static bool all_values(const struct set *set, bool (*is_one)(unsigned int value))
{
	for (size_t i = 0; i < set->count; i++) {
		if (set->span[i].high - set->span[i].low > 64)
			return false;
		for (u128 value = set->span[i].low; value <= set->span[i].high; value++)
			if (!is_one((unsigned int)value))
				return false;
	}
	return set->count > 0;
}

static bool essential_ethertype(unsigned int value)
{
	return value == 0x0806 || value == 0x88f7 || value == 0x88cc || value == 0x8809 ||
	       value == 0x888e;
}

static bool essential_protocol(unsigned int value)
{
	return value == 1 || value == 2 || value == 58;
}

static bool udp_port(unsigned int value)
{
	return value <= 65535 && essential_udp((uint16_t)value);
}

/* Named control ports depend on the source and don't take every packet. */
static bool tcp_port(unsigned int value)
{
	return value <= 65535 && essential_tcp((uint16_t)value) == ESSENTIAL_CONTROL;
}

const char *match_essential(const struct match *match)
{
	const struct set *ports[2] = { &match->axis[AXIS_SOURCE_PORT],
				       &match->axis[AXIS_DESTINATION_PORT] };
	const struct set *protocol = &match->axis[AXIS_IP_PROTOCOL];
	bool udp = set_has(protocol, 17), tcp = set_has(protocol, 6);

	if (all_values(&match->axis[AXIS_ETHERTYPE], essential_ethertype))
		return "its EtherType";
	if (all_values(protocol, essential_protocol))
		return "its IP protocol";
	if (!match->given[MATCH_SOURCE_PORT] && !match->given[MATCH_DESTINATION_PORT])
		return NULL;
	for (int i = 0; i < 2; i++)
		if ((!udp || all_values(ports[i], udp_port)) &&
		    (!tcp || all_values(ports[i], tcp_port)))
			return i ? "its destination port" : "its source port";
	return NULL;
}
