// SPDX-License-Identifier: GPL-2.0-only
/* Somebody else's XDP program in a libxdp dispatcher. Counts what it is shown. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#ifndef OBSERVER_SECTION
#define OBSERVER_SECTION "xdp"
#endif

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} observed SEC(".maps");

SEC(OBSERVER_SECTION)
int observer(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u64 *packets = bpf_map_lookup_elem(&observed, &zero);

	(void)ctx;
	if (packets)
		__sync_fetch_and_add(packets, 1);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
