// SPDX-License-Identifier: GPL-2.0-only
/*
 * In front of the measured program: BPF_PROG_TEST_RUN gives it the same bytes each time, and a
 * sensor that repeats one packet is not what should be timed. This one counts the sensor's
 * counter up, turns its azimuth, takes back the metadata of the run before, and jumps.
 */
#include <linux/bpf/vmlinux.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 counter_offset = 0; /* u32, little endian; 0: none */
const volatile __u32 azimuth_offset = 0; /* u16, little endian; 0: none */
const volatile __u32 id_offset = 0;	 /* IPv4 id of a fragmented datagram; 0: none */

__u32 count;
__u32 azimuth;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

static __always_inline void *at(struct xdp_md *ctx, __u32 offset, __u32 size)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (offset > 4000 || data + offset + size > end)
		return NULL;
	return data + offset;
}

SEC("xdp.frags")
int step(struct xdp_md *ctx)
{
	__u32 taken = ctx->data - ctx->data_meta;
	__u32 *counter;
	__u16 *turned;

	if (taken)
		bpf_xdp_adjust_meta(ctx, (int)taken);
	count++;
	azimuth += 18;
	if (azimuth >= 36000)
		azimuth -= 36000;
	if (counter_offset) {
		counter = at(ctx, counter_offset, 4);
		if (counter)
			*counter = count;
	}
	if (azimuth_offset) {
		turned = at(ctx, azimuth_offset, 2);
		if (turned)
			*turned = (__u16)azimuth;
	}
	if (id_offset) {
		turned = at(ctx, id_offset, 2);
		if (turned)
			*turned = (__u16)count;
	}
	bpf_tail_call(ctx, &next, 0);
	return XDP_PASS;
}

/* What a test run costs with nothing in it, and the least that drops a packet. */
SEC("xdp.frags")
int pass(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_PASS;
}

SEC("xdp.frags")
int drop(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_DROP;
}
