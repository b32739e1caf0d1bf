#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The virtual machine has what it is there for; otherwise what is skipped or fails elsewhere has its cause here.

@test "the kernel of the virtual machine describes its types (BTF)" {
	[ -s /sys/kernel/btf/vmlinux ]
}

@test "freplace, which a libxdp dispatcher needs, is there" {
	run bpftool feature probe kernel
	[ "$status" -eq 0 ]
	grep -q 'program_type ext is available' <<<"$output"
}

@test "modules load: veth, VLAN devices, vivid" {
	modprobe -a veth 8021q vivid
}
