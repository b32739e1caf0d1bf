// SPDX-License-Identifier: GPL-2.0-only
/* Somebody else's XDP program, which a libxdp dispatcher holds before sensorctl comes. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int observer(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
