# SPDX-License-Identifier: GPL-2.0-only
#
# What the tests in network namespaces share: two namespaces joined by a veth pair, a bpffs of
# their own, and their removal, also after a failure. Names hold the test's process id.
# shellcheck shell=bash disable=SC2034,SC2154 # used by the tests, set by bats

top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
sensorctl=${SENSORCTL:-$top/build/sensorctl}

# Skips the whole file where the tests can't run, and says why.
need_network() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	[ -x "$sensorctl" ] || skip "needs $sensorctl: make"
	ip netns add "sc-probe-$$" 2>/dev/null || skip "network namespaces can't be made here"
	ip netns del "sc-probe-$$"
}

# A namespace that lab_down removes: lab_netns NAME
lab_netns() {
	ip netns add "$1"
	lab_namespaces+=("$1")
	# Nothing but what the test sends
	ip netns exec "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
}

# lab_up [RX-QUEUES TX-QUEUES]: the interface eth1 in $ns, joined to peer in $far, and the pins in
# $bpffs. Sets ctl to the command with both. GRO is on at both ends, as frames that are
# redirected into a veth need it; checksums are real, as AF_XDP sees them.
lab_up() {
	local queues=${1:-1}
	ns=sc-near-$$-${BATS_TEST_NUMBER:-0}
	far=sc-far-$$-${BATS_TEST_NUMBER:-0}
	lab_namespaces=()
	bpffs_mount=$BATS_TEST_TMPDIR/bpf
	bpffs=$bpffs_mount/sensorctl
	mkdir -p "$bpffs_mount"
	mount -t bpf bpf "$bpffs_mount"
	lab_netns "$ns"
	lab_netns "$far"
	lab_veth eth1 peer "$queues" "${2:-$queues}"
	ctl=("$sensorctl" --netns "$ns" --bpffs "$bpffs")
}

# lab_veth NEAR FAR [RX-QUEUES TX-QUEUES]: one more pair between the two.
lab_veth() {
	ip -n "$ns" link add "$1" numrxqueues "${3:-1}" numtxqueues "${3:-1}" type veth \
		peer name "$2" netns "$far" numrxqueues "${4:-1}" numtxqueues "${4:-1}"
	ip netns exec "$ns" ethtool -K "$1" gro on >/dev/null
	ip netns exec "$far" ethtool -K "$2" gro on tx off >/dev/null
	ip -n "$ns" link set "$1" up
	ip -n "$far" link set "$2" up
}

lab_down() {
	local name
	for name in "${lab_namespaces[@]}"; do
		ip netns del "$name" 2>/dev/null
	done
	mountpoint -q "$bpffs_mount" && umount "$bpffs_mount"
	return 0
}

# send COUNT [ETHERTYPE]: frames of 64 bytes from the far end, as fast as python can.
send() {
	ip netns exec "$far" /usr/bin/python3 - "$1" "${2:-0x88B5}" <<-'END'
		import socket, sys, time
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		s.bind(("peer", 0))
		frame = b"\xff" * 6 + b"\x02" + bytes(5) + int(sys.argv[2], 0).to_bytes(2, "big") + bytes(50)
		for i in range(int(sys.argv[1])):
		    s.send(frame)
		    if i % 64 == 63:
		        time.sleep(0.002)   # the ring of a veth has 256 slots
	END
}

# other_program NAME FILE: compiles an XDP program that passes everything.
other_program() {
	printf '__attribute__((section("xdp"), used)) int %s(void *ctx) { return 2; }\nchar l[] __attribute__((section("license"), used)) = "GPL";\n' \
		"$1" | "${CLANG:-clang-19}" -target bpf -O2 -g -x c -c -o "$2" -
}

# field FILTER: of the JSON in $output.
field() {
	jq -er "$1" <<<"$output"
}
