// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/capture.h"

int capture_open(const struct invocation *invocation, const char *file, pcap_t **capture)
{
	char message[PCAP_ERRBUF_SIZE] = "";
	const char *type;
	int code;

	*capture =
		pcap_open_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, message);
	if (!*capture)
		return fail(invocation, USAGE, "It takes a pcap or pcapng file",
			    "can't read capture %s: %s", file, message);
	if (pcap_datalink(*capture) == DLT_EN10MB)
		return DONE;
	type = pcap_datalink_val_to_name(pcap_datalink(*capture));
	code = fail(invocation, USAGE, "Record on the Ethernet interface itself",
		    "capture %s: link type %s, not Ethernet", file, type ? type : "unknown");
	pcap_close(*capture);
	*capture = NULL;
	return code;
}

int capture_broken(const struct invocation *invocation, const char *file, const char *why)
{
	return fail(invocation, USAGE, "Check it with capinfos or tcpdump -r",
		    "capture %s can't be read to its end: %s", file, why);
}
