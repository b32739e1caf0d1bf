#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The virtual machine has what it is there for; otherwise what fails elsewhere has its cause here.

@test "the kernel of the virtual machine describes its types (BTF)" {
	[ -s /sys/kernel/btf/vmlinux ]
}

@test "modules of that kernel load: veth, VLAN devices" {
	modprobe -a veth 8021q
}

@test "an XDP program attaches to a veth by netlink" {
	ip link add vmeth1 type veth peer name vmpeer1
	ip link set vmeth1 xdpdrv object "$BATS_TEST_DIRNAME/../../build/tests/vm/observer.bpf.o" section xdp
	ip -d link show vmeth1 | grep -q 'prog/xdp'
	ip link del vmeth1
}
