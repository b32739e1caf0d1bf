// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/names.h"

#include "ctl/attached.h"

const char *const verdict_names[VERDICTS] = {
	[VERDICT_AF_XDP] = "af_xdp",	   [VERDICT_STACK] = "stack",
	[VERDICT_DROP] = "drop",	   [VERDICT_CPU] = "cpu",
	[VERDICT_INTERFACE] = "interface", [VERDICT_REFLECT] = "reflect",
};

const char *const reason_names[REASONS] = {
	[REASON_PROFILE] = "profile",
	[REASON_DEFAULT] = "default",
	[REASON_ESSENTIAL] = "essential",
	[REASON_NO_LEASE] = "no_lease",
	[REASON_NO_READER] = "no_reader",
	[REASON_RING_FULL] = "ring_full",
	[REASON_FRAGMENT_UNKNOWN] = "fragment_unknown",
	[REASON_RATE] = "rate",
	[REASON_PRESSURE] = "pressure",
	[REASON_THINNED] = "thinned",
	[REASON_ROGUE] = "rogue",
	[REASON_MALFORMED] = "malformed",
	[REASON_REDIRECT_FAILED] = "redirect_failed",
};

const char *const class_names[CLASSES] = {
	[CLASS_CRITICAL] = "critical",
	[CLASS_HIGH] = "high",
	[CLASS_NORMAL] = "normal",
	[CLASS_BULK] = "bulk",
};

const char *const delivery_names[] = {
	[DELIVER_STACK] = "stack",
	[DELIVER_AF_XDP] = "af_xdp",
	[DELIVER_DROP] = "drop",
};

const char *const protocol_names[PROTOCOL_OTHER + 1] = {
	[PROTOCOL_TCP] = "tcp",	      [PROTOCOL_UDP] = "udp", [PROTOCOL_ICMP] = "icmp",
	[PROTOCOL_ICMPV6] = "icmpv6", [PROTOCOL_ARP] = "arp", [PROTOCOL_PTP] = "ptp",
	[PROTOCOL_OTHER] = "other",
};

const char *const mode_names[] = {
	[MODE_NONE] = "none",
	[MODE_NATIVE] = "native",
	[MODE_GENERIC] = "generic",
	[MODE_TC] = "tc",
};
