#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Attach, swap, confirm, detach, status and stats, and the bad moments they must survive.

load common

setup() {
	need_network
	lab_up
}

teardown() {
	lab_down
}

mode() {
	"${ctl[@]}" status "${1:-eth1}" --json | jq -r '.interfaces[0].mode'
}

generation() {
	"${ctl[@]}" status eth1 --json | jq -r '.interfaces[0].generation'
}

profile() {
	"${ctl[@]}" status eth1 --json | jq -r '.interfaces[0].profile'
}

# What the kernel itself says about the interface: program ids.
program() {
	ip -n "$ns" -j link show "${1:-eth1}" | jq -r '.[0].xdp.prog.id // "none"'
}

# Nothing is left: no program on the interface, no pins but the machine's own.
assert_bare() {
	[ "$(program "$@")" = none ]
	[ -z "$(find "$bpffs" -mindepth 1 2>/dev/null)" ] || [ "$(cd "$bpffs" && find . -type f)" = ./pressure ]
	[ -z "$(find "$bpffs" -mindepth 1 -type d 2>/dev/null)" ]
}

# A small profile of one stream: tiny NAME STREAM [DELIVER]
tiny() {
	cat >"$BATS_TEST_TMPDIR/$1.yaml" <<-END
		profile: $1
		streams:
		  - name: $2
		    match: {ethertype: 0x88B5}
		    class: high
		    deliver: ${3:-stack}
	END
	echo "$BATS_TEST_TMPDIR/$1.yaml"
}

@test "attach puts a program on, detach leaves nothing" {
	run "${ctl[@]}" attach eth1 --profile observe --json
	[ "$status" -eq 0 ]
	[ "$(field .mode)" = native ]
	[ "$(field .generation)" = 1 ]
	[ "$(program)" != none ]
	run "${ctl[@]}" status eth1 --json
	[ "$status" -eq 0 ]
	[ "$(field '.interfaces[0] | [.interface, .netns, .mode, .profile] | join(" ")')" = "eth1 $ns native observe" ]
	[ "$(field '.interfaces[0].programs[0] | .hook + " " + .name')" = "xdp sensor_ingress" ]
	[ "$(field '.interfaces[0].programs[0].id')" = "$(program)" ]
	field '.interfaces[0].attached_at | fromdate'
	[ "$(field '.interfaces[0] | has("broker") and has("pressure") and .others == []')" = true ]
	run "${ctl[@]}" detach eth1
	[ "$status" -eq 0 ]
	assert_bare
}

@test "a second detach says that nothing is attached" {
	run "${ctl[@]}" detach eth1 --json
	[ "$status" -eq 1 ]
	[[ $output == *"nothing is attached to eth1"* ]]
}

@test "an error with --json is an object on stdout" {
	"${ctl[@]}" stats eth9 --json >"$BATS_TEST_TMPDIR/out" 2>/dev/null && false
	[ "$(jq -r '.error.code' "$BATS_TEST_TMPDIR/out")" = 1 ]
	[[ $(jq -r '.error.message' "$BATS_TEST_TMPDIR/out") == 'no interface "eth9"' ]]
	jq -e '.error.hint' "$BATS_TEST_TMPDIR/out"
}

@test "no such interface: every verb fails with 1 and names it" {
	for verb in "attach eth9 --profile observe" "swap eth9 --profile observe" "detach eth9" \
		"status eth9" "stats eth9" "confirm eth9"; do
		# shellcheck disable=SC2086
		run "${ctl[@]}" $verb
		[ "$status" -eq 1 ]
		[[ $output == *'no interface "eth9"'* ]]
	done
	[ -z "$(find "$bpffs" -mindepth 1 2>/dev/null)" ]
}

@test "no such network namespace" {
	run "$sensorctl" --netns sc-nowhere --bpffs "$bpffs" status eth1
	[ "$status" -eq 1 ]
	[[ $output == *'no network namespace "sc-nowhere"'* ]]
}

@test "wrong usage exits with 2, says what was meant and changes nothing" {
	run "${ctl[@]}" atach eth1
	[ "$status" -eq 2 ]
	[[ $output == *"Did you mean attach?"* ]]
	run "${ctl[@]}" attach eth1 --profil observe
	[ "$status" -eq 2 ]
	[[ $output == *"Did you mean --profile?"* ]]
	run "${ctl[@]}" attach eth1 --profile observe --mode naitve
	[ "$status" -eq 2 ]
	[[ $output == *"auto|native|generic|tc"* ]]
	for line in "attach eth1" "attach --profile observe" "attach eth1 eth2 --profile observe" \
		"attach eth1 --profile observe --confirm 0" "attach eth1 --profile observe --confirm x" \
		"attach eth1 --profile no-such-profile" "attach eth1 --profile /no/such/file.yaml" "stats" \
		"stats eth1 --watch -1" "swap eth1 --profile observe --capture x" "--netns"; do
		# shellcheck disable=SC2086
		run "${ctl[@]}" $line
		echo "$line: $status $output"
		[ "$status" -eq 2 ]
	done
	[ "$(program)" = none ]
}

@test "a wrong profile changes nothing" {
	"${ctl[@]}" attach eth1 --profile observe
	echo 'profile: x' >"$BATS_TEST_TMPDIR/x.yaml"
	echo 'streams: [{name: a, clas: high}]' >>"$BATS_TEST_TMPDIR/x.yaml"
	run "${ctl[@]}" swap eth1 --profile "$BATS_TEST_TMPDIR/x.yaml"
	[ "$status" -eq 2 ]
	[[ $output == *x.yaml:2:* ]]
	[ "$(generation) $(profile)" = "1 observe" ]
}

@test "global options may stand anywhere on the line" {
	run "$sensorctl" attach --bpffs "$bpffs" eth1 --json --profile observe "--netns=$ns"
	[ "$status" -eq 0 ]
	run "$sensorctl" --json status "--bpffs=$bpffs" eth1 --netns "$ns"
	[ "$status" -eq 0 ]
	[ "$(field '.interfaces[0].mode')" = native ]
}

@test "without privileges: a clear error and nothing done" {
	run setpriv --reuid 65534 --regid 65534 --clear-groups "$sensorctl" --bpffs "$bpffs" attach lo --profile observe
	[ "$status" -eq 1 ]
	[[ $output == *"permission"* ]]
	[[ $output == *CAP_SYS_ADMIN* ]]
	run setpriv --bounding-set -all --inh-caps -all "${ctl[@]:0:1}" --bpffs "$bpffs" attach lo --profile observe
	[ "$status" -eq 1 ]
	[[ $output == *CAP_SYS_ADMIN* ]]
	[ ! -e "$bpffs" ]
	"${ctl[@]}" attach eth1 --profile observe
	for verb in status stats detach; do
		run setpriv --reuid 65534 --regid 65534 --clear-groups "$sensorctl" --bpffs "$bpffs" $verb lo
		echo "$verb: $output"
		[ "$status" -eq 1 ]
		[[ $output == *CAP_SYS_ADMIN* ]]
	done
	[ "$(mode)" = native ]
}

@test "without CAP_SYS_ADMIN every verb says so, with it and CAP_NET_ADMIN all of them work" {
	local without=(ip netns exec "$ns" setpriv --bounding-set=-sys_admin "$sensorctl" --bpffs "$bpffs")
	run "${without[@]}" attach eth1 --profile observe
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *CAP_SYS_ADMIN* ]]
	assert_bare
	"${ctl[@]}" attach eth1 --profile observe
	for verb in "attach eth1 --profile observe" "swap eth1 --profile observe" "status eth1" status "stats eth1" \
		"confirm eth1" "detach eth1"; do
		# shellcheck disable=SC2086
		run "${without[@]}" $verb
		echo "$verb: $output"
		[ "$status" -eq 1 ]
		[[ $output == *"no permission. Run as root or with CAP_NET_ADMIN and CAP_SYS_ADMIN"* ]]
	done
	[ "$(generation)" = 1 ]
	"${ctl[@]}" detach eth1
	for verb in "attach eth1 --profile observe --confirm 60" "confirm eth1" "swap eth1 --profile observe" "status eth1" \
		status "stats eth1" "detach eth1"; do
		# shellcheck disable=SC2086
		run setpriv --bounding-set=-all,+net_admin,+sys_admin "${ctl[@]}" $verb
		echo "$verb: $output"
		[ "$status" -eq 0 ]
	done
	assert_bare
}

@test "a pin directory that belongs to another user is not used" {
	mkdir "$bpffs"
	chown 65534 "$bpffs"
	run "${ctl[@]}" attach eth1 --profile observe
	[ "$status" -eq 1 ]
	[[ $output == *"belongs to another user"* ]]
	[ "$(program)" = none ]
}

@test "bpffs not mounted: it is mounted where that hides nothing" {
	local empty=$BATS_TEST_TMPDIR/empty full=$BATS_TEST_TMPDIR/full
	mkdir "$empty" "$full"
	touch "$full/file"
	run "$sensorctl" --netns "$ns" --bpffs "$empty/sensorctl" attach eth1 --profile observe
	[ "$status" -eq 0 ]
	[ "$(stat -f -c %T "$empty")" = bpf_fs ]
	"$sensorctl" --netns "$ns" --bpffs "$empty/sensorctl" detach eth1
	umount "$empty"
	run "$sensorctl" --netns "$ns" --bpffs "$full/sensorctl" attach eth1 --profile observe
	[ "$status" -eq 1 ]
	[[ $output == *"mount -t bpf bpf $full/sensorctl"* ]]
	[ -e "$full/file" ]
	[ "$(program)" = none ]
}

@test "mode: what was asked for is what is attached" {
	run "${ctl[@]}" attach eth1 --profile observe --mode generic
	[ "$status" -eq 0 ]
	[ "$(mode)" = generic ]
	run "${ctl[@]}" attach eth1 --profile observe --mode native
	[ "$status" -eq 1 ]
	[[ $output == *"attached in generic mode already"* ]]
	"${ctl[@]}" attach eth1 --profile observe
	[ "$(generation)" = 2 ]
}

@test "what this build lacks exits with 3 and names it" {
	run "${ctl[@]}" attach eth1 --profile observe --mode tc
	[ "$status" -eq 3 ]
	[[ $output == *TC* ]]
	run "${ctl[@]}" attach eth1 --profile observe --tune
	[ "$status" -eq 3 ]
	[ "$(program)" = none ]
}

@test "where native mode is refused: generic, with the driver's own words" {
	lab_veth eth2 peer2 1 2
	run "${ctl[@]}" attach eth2 --profile observe --mode native
	[ "$status" -eq 1 ]
	[[ $output == *"rx queues"* ]]
	[ "$(program eth2)" = none ]
	run "${ctl[@]}" attach eth2 --profile observe
	[ "$status" -eq 0 ]
	[[ $output == *"rx queues"* ]]
	[ "$(mode eth2)" = generic ]
}

@test "an interface without native XDP: native says so and does nothing, auto falls back and says why" {
	ip -n "$ns" link set lo up
	ip -n "$ns" link add br0 type bridge
	ip -n "$ns" link set br0 up
	for interface in lo br0; do
		run "${ctl[@]}" attach "$interface" --profile observe --mode native
		echo "$output"
		[ "$status" -eq 1 ]
		[[ $output == *"can't attach to $interface in native mode: "*"--mode generic works with every driver"* ]]
		assert_bare "$interface"
		run "${ctl[@]}" attach "$interface" --profile observe --json
		[ "$status" -eq 0 ]
		[ "$(mode "$interface")" = generic ]
		run "${ctl[@]}" detach "$interface"
		assert_bare "$interface"
		run "${ctl[@]}" attach "$interface" --profile observe
		echo "$output"
		[ "$status" -eq 0 ]
		[[ $output == *"native mode"*"nderlying driver"* ]]
		[[ $output == *generic* ]]
		"${ctl[@]}" detach "$interface"
	done
}

@test "an MTU above what is left of a page, and a driver without XDP: generic mode counts whole frames" {
	ip -n "$ns" link set lo up
	[ "$(ip -n "$ns" -j link show lo | jq '.[0].mtu')" = 65536 ]
	run "${ctl[@]}" attach lo --profile observe
	[ "$status" -eq 0 ]
	ip netns exec "$ns" /usr/bin/python3 - <<-'END'
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		for i in range(10):
		    s.sendto(bytes(9000), ("127.0.0.1", 9))
	END
	run "${ctl[@]}" stats lo --json
	field '([.streams[], .other] | map(.bytes) | add) >= 90000'
	"${ctl[@]}" detach lo
	assert_bare lo
}

# without COMMAND ...: bpf(COMMAND) says EINVAL, as a kernel that does not have it.
without() {
	/usr/bin/python3 - "$@" <<-'END'
		import ctypes, os, struct, sys
		bpf = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
		def op(code, true, false, value):
		    return struct.pack("=HBBI", code, true, false, value)
		code = (op(0x20, 0, 0, 0) + op(0x15, 0, 3, bpf) + op(0x20, 0, 0, 16) +
		        op(0x15, 0, 1, int(sys.argv[1])) + op(6, 0, 0, 0x00050016) + op(6, 0, 0, 0x7fff0000))
		class Filter(ctypes.Structure):
		    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]
		libc = ctypes.CDLL(None, use_errno=True)
		libc.prctl(38, 1, 0, 0, 0)	# no new privileges
		assert libc.prctl(22, 2, ctypes.byref(Filter(len(code) // 8, code))) == 0	# seccomp
		os.execv(sys.argv[2], sys.argv[2:])
	END
}

@test "a kernel without a feature: what is missing is said, and nothing is left" {
	run without 5 "${ctl[@]}" attach eth1 --profile observe	# BPF_PROG_LOAD
	echo "$output"
	[ "$status" -eq 3 ]
	[[ $output == *"this kernel does not accept the program: Invalid argument"* ]]
	assert_bare
	run without 28 "${ctl[@]}" attach eth1 --profile observe	# BPF_LINK_CREATE
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"can't attach to eth1 in generic mode: "* ]]
	assert_bare
}

@test "an interface without Ethernet frames is refused" {
	ip netns exec "$ns" ip tuntap add dev tun0 mode tun || skip "no tun devices here"
	run "${ctl[@]}" attach tun0 --profile observe
	[ "$status" -eq 1 ]
	[[ $output == *"tun0 carries no Ethernet frames"* ]]
	assert_bare tun0
}

@test "a jumbo MTU is no obstacle for native mode" {
	ip -n "$ns" link set eth1 mtu 9000
	ip -n "$far" link set peer mtu 9000
	run "${ctl[@]}" attach eth1 --profile observe --mode native
	[ "$status" -eq 0 ]
}

@test "leases have room for every queue that the interface can have" {
	lab_veth eth2 peer2 4 2
	ip netns exec "$ns" ethtool -L eth2 rx 2 tx 2
	"${ctl[@]}" attach eth2 --profile observe --mode native
	local ifindex
	ifindex=$(ip -n "$ns" -j link show eth2 | jq '.[0].ifindex')
	run bpftool map show pinned "$(find "$bpffs" -path "*/$ifindex/leases")"
	[[ $output == *"max_entries 1024"* ]]
	ip netns exec "$ns" ethtool -L eth2 rx 4 tx 4
	[ "$(mode eth2)" = native ]
}

@test "another tool's program, by netlink: it is named, and --replace replaces it" {
	other_program other_tool "$BATS_TEST_TMPDIR/other.o"
	ip -n "$ns" link set eth1 xdpdrv obj "$BATS_TEST_TMPDIR/other.o" sec xdp
	local other
	other=$(program)
	run "${ctl[@]}" status eth1 --json
	[ "$(field '.interfaces[0] | [.mode, .others[0].hook, .others[0].name, .others[0].id] | join(" ")')" = "none xdp other_tool $other" ]
	run "${ctl[@]}" attach eth1 --profile observe
	[ "$status" -eq 1 ]
	[[ $output == *"other_tool (id $other)"*netlink* ]]
	[[ $output == *--replace* ]]
	[ "$(program)" = "$other" ]
	run "${ctl[@]}" attach eth1 --profile observe --replace
	[ "$status" -eq 0 ]
	[ "$(mode)" = native ]
	[ "$(program)" != "$other" ]
	"${ctl[@]}" detach eth1
	assert_bare
}

@test "what --replace took off comes back when it is not confirmed" {
	other_program other_tool "$BATS_TEST_TMPDIR/other.o"
	ip -n "$ns" link set eth1 xdpdrv obj "$BATS_TEST_TMPDIR/other.o" sec xdp
	local other
	other=$(program)
	"${ctl[@]}" attach eth1 --profile observe --replace --confirm 1
	[ "$(program)" != "$other" ]
	sleep 1.7
	[ "$(program)" = "$other" ]
	run "${ctl[@]}" status eth1 --json
	[ "$(field '.interfaces[0].mode')" = none ]
}

@test "what --replace took off comes back when attach is refused" {
	lab_veth eth2 peer2 1 2
	other_program other_tool "$BATS_TEST_TMPDIR/other.o"
	ip -n "$ns" link set eth2 xdpgeneric obj "$BATS_TEST_TMPDIR/other.o" sec xdp
	local other
	other=$(program eth2)
	run "${ctl[@]}" attach eth2 --profile observe --replace --mode native
	[ "$status" -eq 1 ]
	[ "$(program eth2)" = "$other" ]
}

@test "another tool's program, by a link: its owner is named, and nothing replaces it" {
	# Our own program, from pins elsewhere, is as good a stranger as any.
	local elsewhere=$bpffs_mount/elsewhere
	"$sensorctl" --netns "$ns" --bpffs "$elsewhere" attach eth1 --profile observe
	local other link
	other=$(program)
	link=$(find "$elsewhere" -name link)
	# bpf(BPF_OBJ_GET) and hold it
	/usr/bin/python3 - "$link" <<-'END' 3>&- &
		import ctypes, struct, sys, time
		libc = ctypes.CDLL(None, use_errno=True)
		path = ctypes.create_string_buffer(sys.argv[1].encode())
		attr = ctypes.create_string_buffer(struct.pack("QII", ctypes.addressof(path), 0, 0))
		assert libc.syscall(321, 7, attr, 16) >= 0
		time.sleep(20)
	END
	local holder=$!
	sleep 0.5
	run "${ctl[@]}" attach eth1 --profile observe --replace
	kill $holder
	wait $holder || true
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"sensor_ingress (id $other), held by link"*"(pid $holder)"* ]]
	[ "$(program)" = "$other" ]
}

@test "programs of other tools on tc hooks are shown" {
	echo '__attribute__((section("tc"), used)) int tc_tool(void *ctx) { return -1; } char l[] __attribute__((section("license"), used)) = "GPL";' |
		"${CLANG:-clang-19}" -target bpf -O2 -g -x c -c -o "$BATS_TEST_TMPDIR/tc.o" -
	ip netns exec "$ns" tc qdisc add dev eth1 clsact
	ip netns exec "$ns" tc filter add dev eth1 ingress bpf da obj "$BATS_TEST_TMPDIR/tc.o" sec tc
	"${ctl[@]}" attach eth1 --profile observe
	run "${ctl[@]}" status eth1 --json
	[ "$(field '[.interfaces[0].others[] | .hook + " " + .name] | join(",")')" = "tc/ingress tc_tool" ]
}

@test "swap makes another profile active and keeps the counters of what stays" {
	local a b
	a=$(tiny first camera)
	b=$(tiny second camera)
	echo '  - {name: more, match: {ethertype: 0x88B6}}' >>"$b"
	"${ctl[@]}" attach eth1 --profile "$a"
	send 100
	"${ctl[@]}" swap eth1 --profile "$b"
	[ "$(generation) $(profile)" = "2 second" ]
	send 50
	send 7 0x88B6
	run "${ctl[@]}" stats eth1 --json
	[ "$(field '[.streams[] | .name + "=" + (.packets | tostring)] | join(" ")')" = "camera=150 more=7" ]
	[ "$(field '.generation')" = 2 ]
}

@test "a stream of another protocol begins anew, and its counters come back with it" {
	local a b
	a=$(tiny first camera)
	b=$(tiny second camera)
	sed -i 's/match: .*/protocol: experimental/' "$b"
	"${ctl[@]}" attach eth1 --profile "$a"
	send 10
	"${ctl[@]}" swap eth1 --profile "$b"
	run "${ctl[@]}" stats eth1 --json
	[ "$(field '.streams[0].packets')" = 0 ]
	"${ctl[@]}" swap eth1 --profile "$a"
	run "${ctl[@]}" stats eth1 --json
	[ "$(field '.streams[0].packets')" = 10 ]
}

@test "ids run out after many profiles: the oldest are given away, the active ones kept" {
	local n
	"${ctl[@]}" attach eth1 --profile "$(tiny first camera)"
	send 10
	for n in 1 2 3 4 5 6; do
		tiny "p$n" camera >/dev/null
		for i in $(seq 60); do
			echo "  - {name: s$n-$i, match: {ethertype: $((0x9000 + i))}}"
		done >>"$BATS_TEST_TMPDIR/p$n.yaml"
		"${ctl[@]}" swap eth1 --profile "$BATS_TEST_TMPDIR/p$n.yaml"
		send 5 0x9001
		run "${ctl[@]}" stats eth1 --json
		[ "$(field '.streams[] | select(.name == "s'$n'-1").packets')" = 5 ]
		[ "$(field '.streams[] | select(.name == "camera").packets')" = 10 ]
	done
}

@test "swap --dry-run says what would change and changes nothing" {
	"${ctl[@]}" attach eth1 --profile "$(tiny first camera)"
	run "${ctl[@]}" swap eth1 --dry-run --json --profile "$(tiny second other)"
	[ "$status" -eq 0 ]
	[ "$(field '.active + " " + .next + " " + .come[0] + " " + .go[0]')" = "first second other camera" ]
	[ "$(generation)" = 1 ]
}

@test "swap --dry-run --capture says which packets would meet something else" {
	local active next
	"$top/build/emulate" velodyne --pcap "$BATS_TEST_TMPDIR/capture.pcap" --count 30 >/dev/null
	"$top/build/emulate" hesai --pcap "$BATS_TEST_TMPDIR/hesai.pcap" --count 20 >/dev/null
	mergecap -F pcap -w "$BATS_TEST_TMPDIR/both.pcap" "$BATS_TEST_TMPDIR"/{capture,hesai}.pcap
	for name in active next; do
		cat >"$BATS_TEST_TMPDIR/$name.yaml" <<-END
			profile: $name
			streams:
			  - {name: velodyne, protocol: velodyne-vlp16, deliver: $([ $name = next ] && echo drop || echo stack)}
			  - {name: hesai, protocol: hesai-xt32, deliver: stack}
		END
	done
	active=$BATS_TEST_TMPDIR/active.yaml next=$BATS_TEST_TMPDIR/next.yaml
	"${ctl[@]}" attach eth1 --profile "$active"
	run "${ctl[@]}" swap eth1 --dry-run --json --profile "$next" --capture "$BATS_TEST_TMPDIR/both.pcap"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(field '.capture | [.packets, .changed] | join(" ")')" = "50 30" ]
	[ "$(field '[.capture.moves[] | "\(.from)>\(.to)=\(.packets)"] | sort | join(" ")')" = "stack>drop=30 stack>stack=20" ]
	run "${ctl[@]}" swap eth1 --dry-run --profile "$next" --capture "$BATS_TEST_TMPDIR/both.pcap"
	[[ $output == *"of 50 packets in the capture, 30 would be judged differently"*"stack -> drop: 30"* ]]
	# A capture that is none, or only a part of one, is wrong input to both verbs.
	echo nothing >"$BATS_TEST_TMPDIR/text.pcap"
	head -c 3000 "$BATS_TEST_TMPDIR/both.pcap" >"$BATS_TEST_TMPDIR/half.pcap"
	for file in none text half; do
		run "${ctl[@]}" swap eth1 --dry-run --profile "$next" --capture "$BATS_TEST_TMPDIR/$file.pcap"
		echo "$output"
		[ "$status" -eq 2 ]
		[[ $output == *"capture $BATS_TEST_TMPDIR/$file.pcap"* || $output == *"can't read capture"*$file.pcap* ]]
		run "$sensorctl" explain "$BATS_TEST_TMPDIR/$file.pcap" --profile "$next"
		[ "$status" -eq 2 ]
	done
	[ "$(generation) $(profile)" = "1 active" ]
	run "${ctl[@]}" stats eth1 --json
	[ "$(field '[.streams[].packets] | add')" = 0 ]
}

@test "swap without an attach: nothing attached" {
	run "${ctl[@]}" swap eth1 --profile observe
	[ "$status" -eq 1 ]
	[[ $output == *"nothing is attached"* ]]
}

@test "attach on what is attached is a swap" {
	"${ctl[@]}" attach eth1 --profile observe
	local before
	before=$(program)
	"${ctl[@]}" attach eth1 --profile balanced
	[ "$(generation) $(profile)" = "2 balanced" ]
	[ "$(program)" = "$before" ]
}

@test "stats: verdicts, reasons and protocols add up to the packets" {
	"${ctl[@]}" attach eth1 --profile "$(tiny first camera drop)"
	send 300
	send 20 0x9999
	run "${ctl[@]}" stats eth1 --json
	[ "$status" -eq 0 ]
	[ "$(field '.streams[0].packets')" = 300 ]
	[ "$(field '.streams[0].verdicts.drop')" = 300 ]
	[ "$(field '.other.packets')" -ge 20 ]
	field '[.streams[], .other] | all((.verdicts | add) == .packets and (.reasons | add) == .packets)'
	field '([.streams[].packets] | add) + .other.packets == (.protocols | add)'
	field '.streams[0].last_seen_ns_ago < 60000000000'
	run "${ctl[@]}" stats eth1
	[ "$status" -eq 0 ]
	[[ $output == *camera* ]]
}

@test "stats --watch prints one document a line and ends cleanly" {
	"${ctl[@]}" attach eth1 --profile observe
	"${ctl[@]}" stats eth1 --json --watch 1 >"$BATS_TEST_TMPDIR/watch" 3>&- &
	local watcher=$!
	sleep 1.5
	kill -INT $watcher
	kill -TERM $watcher
	wait $watcher
	[ "$(wc -l <"$BATS_TEST_TMPDIR/watch")" -eq 2 ]
	jq -e .generation "$BATS_TEST_TMPDIR/watch"
}

@test "an interface that is down can be attached, swapped and detached" {
	ip -n "$ns" link set eth1 down
	run "${ctl[@]}" attach eth1 --profile observe
	[ "$status" -eq 0 ]
	[[ $output == *"is down"* ]]
	"${ctl[@]}" swap eth1 --profile balanced
	"${ctl[@]}" stats eth1 >/dev/null
	[ "$(generation)" = 2 ]
	ip -n "$ns" link set eth1 up
	ip -n "$ns" link set eth1 down
	"${ctl[@]}" detach eth1
	assert_bare
}

@test "a renamed interface is found by its new name, and the old one says so" {
	"${ctl[@]}" attach eth1 --profile observe
	ip -n "$ns" link set eth1 down
	ip -n "$ns" link set eth1 name lidar0
	ip -n "$ns" link set lidar0 up
	run "${ctl[@]}" stats eth1
	[ "$status" -eq 1 ]
	[[ $output == *"it is called lidar0 now"* ]]
	[ "$(mode lidar0)" = native ]
	"${ctl[@]}" swap lidar0 --profile balanced
	"${ctl[@]}" stats lidar0 --json | jq -e '.interface == "lidar0"'
	"${ctl[@]}" detach lidar0
	assert_bare lidar0
}

@test "an interface that moved to another namespace is found from both" {
	"${ctl[@]}" attach eth1 --profile observe
	ip -n "$ns" link set eth1 netns "$far"
	ip -n "$far" link set eth1 up
	local there=("$sensorctl" --netns "$far" --bpffs "$bpffs")
	run "${there[@]}" status eth1 --json
	[ "$(field '.interfaces[0] | [.mode, .netns, .moved] | join(" ")')" = "native $far true" ]
	run "${ctl[@]}" status eth1 --json
	[ "$(field '.interfaces[0] | [.mode, .netns, .moved] | join(" ")')" = "native $far true" ]
	"${there[@]}" swap eth1 --profile balanced
	"${ctl[@]}" swap eth1 --profile observe
	"${there[@]}" stats eth1 --json | jq -e '.generation == 3'
	# Another interface may take the index it had here.
	"${there[@]}" detach eth1
	[ "$(ip -n "$far" -j link show eth1 | jq -r '.[0].xdp.prog.id // "none"')" = none ]
	[ -z "$(find "$bpffs" -mindepth 1 -type d)" ]
}

@test "an interface that took the index of one that moved away gets pins of its own" {
	"${ctl[@]}" attach eth1 --profile observe
	local ifindex
	ifindex=$(ip -n "$ns" -j link show eth1 | jq '.[0].ifindex')
	ip -n "$ns" link set eth1 netns "$far"
	ip -n "$ns" link add eth1 index "$ifindex" type veth peer name peer9
	run "${ctl[@]}" status eth1 --json
	[ "$(field '.interfaces[0].mode')" = none ]
	"${ctl[@]}" attach eth1 --profile balanced
	[ "$(profile)" = balanced ]
	run "$sensorctl" --netns "$far" --bpffs "$bpffs" status eth1 --json
	[ "$(field '.interfaces[0].profile')" = observe ]
	"${ctl[@]}" detach eth1
	"$sensorctl" --netns "$far" --bpffs "$bpffs" detach eth1
	[ -z "$(find "$bpffs" -mindepth 1 -type d)" ]
}

@test "an interface that disappears takes its pins along at the next call" {
	"${ctl[@]}" attach eth1 --profile observe
	ip -n "$ns" link del eth1
	run "${ctl[@]}" stats eth1
	[ "$status" -eq 1 ]
	[[ $output == *'no interface "eth1"'* ]]
	[ -z "$(find "$bpffs" -mindepth 1 -type d)" ]
	lab_veth eth1 peer
	"${ctl[@]}" attach eth1 --profile observe
	[ "$(generation)" = 1 ]
}

@test "a namespace that disappears takes its pins along at the next call" {
	"${ctl[@]}" attach eth1 --profile observe
	ip netns del "$ns"
	for _ in $(seq 50); do
		"$sensorctl" --bpffs "$bpffs" status >/dev/null
		[ -z "$(find "$bpffs" -mindepth 1 -type d)" ] && return
		sleep 0.1
	done
	false
}

@test "attaches at the same time: one attaches, the others swap" {
	for n in 1 2 3 4; do
		"${ctl[@]}" attach eth1 --profile observe >"$BATS_TEST_TMPDIR/out$n" 2>&1 3>&- &
	done
	for n in 1 2 3 4; do
		wait -n
	done
	cat "$BATS_TEST_TMPDIR"/out*
	[ "$(grep -c attached "$BATS_TEST_TMPDIR"/out? | grep -c ':1$')" -eq 1 ]
	[ "$(generation)" = 4 ]
}

@test "while another one is at work: a bounded wait, then it is named" {
	"${ctl[@]}" attach eth1 --profile observe
	exec 7<"$bpffs"
	flock 7
	run timeout 20 "${ctl[@]}" attach eth1 --profile balanced 7<&-
	exec 7<&-
	[ "$status" -eq 1 ]
	[[ $output == *"another sensorctl"*"for 10 s"* ]]
	[ "$(profile)" = observe ]
}

# crash STEP ARGUMENTS...: the call is killed at that step.
crash() {
	local step=$1
	shift
	SENSORCTL_CRASH=$step run "${ctl[@]}" "$@"
	echo "$step: $status $output"
	[ "$status" -eq 137 ]
}

@test "attach killed before the end: the next call finds nothing and cleans up" {
	for step in staged loaded maps-pinned replaced linked; do
		crash $step attach eth1 --profile observe
		run "${ctl[@]}" status eth1 --json
		[ "$(field '.interfaces[0].mode')" = none ]
		[ "$(program)" = none ]
		[ -z "$(find "$bpffs" -mindepth 1 -type d)" ]
		"${ctl[@]}" attach eth1 --profile observe
		[ "$(generation)" = 1 ]
		"${ctl[@]}" detach eth1
	done
}

@test "attach killed at the end: the next call finds it attached" {
	for step in link-pinned attached; do
		crash $step attach eth1 --profile observe
		[ "$(mode) $(generation)" = "native 1" ]
		[ "$(program)" != none ]
		"${ctl[@]}" swap eth1 --profile balanced
		"${ctl[@]}" detach eth1
		assert_bare
	done
}

@test "attach --replace killed between the programs: the other one is put back" {
	other_program other_tool "$BATS_TEST_TMPDIR/other.o"
	ip -n "$ns" link set eth1 xdpdrv obj "$BATS_TEST_TMPDIR/other.o" sec xdp
	local other
	other=$(program)
	for step in replaced linked; do
		crash $step attach eth1 --profile observe --replace
		[ "$(program)" = none ]
		run "${ctl[@]}" status eth1 --json
		[ "$(program)" = "$other" ]
	done
	crash link-pinned attach eth1 --profile observe --replace
	[ "$(mode)" = native ]
	"${ctl[@]}" detach eth1
	assert_bare
}

@test "swap killed at any step: the old profile or the new one, whole" {
	local a b
	a=$(tiny first camera)
	b=$(tiny second other)
	"${ctl[@]}" attach eth1 --profile "$a"
	for step in zeroed named filled; do
		crash $step swap eth1 --profile "$b"
		[ "$(profile) $(generation)" = "first 1" ]
	done
	crash swapped swap eth1 --profile "$b"
	[ "$(profile) $(generation)" = "second 2" ]
	# The brokers are told by the call that found it so.
	run bpftool -j map lookup pinned "$(find "$bpffs" -name control)" key 0 0 0 0
	[ "$(field '.formatted.value.generation')" = 2 ]
	"${ctl[@]}" swap eth1 --profile "$a"
	[ "$(profile) $(generation)" = "first 3" ]
}

@test "detach killed at any step: the next call finds it gone" {
	for step in retired unlinked; do
		"${ctl[@]}" attach eth1 --profile observe
		crash $step detach eth1
		run "${ctl[@]}" status eth1 --json
		[ "$(field '.interfaces[0].mode')" = none ]
		assert_bare
	done
}

@test "detach killed at any step: the program that --replace took off is put back" {
	other_program other_tool "$BATS_TEST_TMPDIR/other.o"
	ip -n "$ns" link set eth1 xdpdrv obj "$BATS_TEST_TMPDIR/other.o" sec xdp
	local other
	other=$(program)
	for step in retired unlinked; do
		"${ctl[@]}" attach eth1 --profile observe --replace --confirm 60
		crash $step detach eth1
		# From wherever the next call comes.
		"$sensorctl" --netns "$far" --bpffs "$bpffs" status
		[ "$(program)" = "$other" ]
		[ -z "$(find "$bpffs" -mindepth 1 -type d)" ]
	done
}

@test "a program that --replace took off and that can't go back on is kept for the next call" {
	other_program other_tool "$BATS_TEST_TMPDIR/other.o"
	ip -n "$ns" link set eth1 xdpdrv obj "$BATS_TEST_TMPDIR/other.o" sec xdp
	local other
	other=$(program)
	"${ctl[@]}" attach eth1 --profile observe --replace --confirm 60
	# More than the other one, without xdp.frags, takes.
	ip -n "$far" link set peer mtu 9000
	ip -n "$ns" link set eth1 mtu 9000
	run "${ctl[@]}" detach eth1
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"the program that --replace took off can't be put back: "* ]]
	[ "$(program)" = none ]
	"${ctl[@]}" status eth1
	[ "$(program)" = none ]
	ip -n "$ns" link set eth1 mtu 1500
	ip -n "$far" link set peer mtu 1500
	"${ctl[@]}" status eth1
	[ "$(program)" = "$other" ]
}

@test "--confirm: confirmed in time it stays" {
	"${ctl[@]}" attach eth1 --profile observe
	"${ctl[@]}" swap eth1 --profile balanced --confirm 1
	run "${ctl[@]}" confirm eth1
	[ "$status" -eq 0 ]
	sleep 1.5
	[ "$(profile) $(generation)" = "balanced 2" ]
	run "${ctl[@]}" confirm eth1
	[ "$status" -eq 1 ]
}

@test "--confirm: a swap is rolled back by itself, with the counters" {
	"${ctl[@]}" attach eth1 --profile "$(tiny first camera)"
	send 10
	"${ctl[@]}" swap eth1 --profile "$(tiny second other drop)" --confirm 1
	send 5
	sleep 1.6
	# Not by a later call: the kernel's own view, before any.
	run bpftool -j map lookup pinned "$(find "$bpffs" -name control)" key 0 0 0 0
	[ "$(field '.formatted.value.generation')" = 3 ]
	[ "$(profile) $(generation)" = "first 3" ]
	send 1
	run "${ctl[@]}" stats eth1 --json
	[ "$(field '.streams[0].packets')" = 11 ]
}

@test "--confirm: an attach is undone by itself, also when the shell is gone" {
	setsid bash -c '"$@"; kill -9 $$' sh "${ctl[@]}" attach eth1 --profile observe --confirm 1 3>&- || true
	[ "$(program)" != none ]
	sleep 1.7
	assert_bare
}

@test "--confirm: if even the process that waits is killed, the next call rolls back" {
	local watcher
	"${ctl[@]}" attach eth1 --profile observe
	"${ctl[@]}" swap eth1 --profile balanced --confirm 3
	# Nobody else has these pins on its command line now.
	watcher=$(grep -lF "$bpffs" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | while read -r pid; do
		[ "$(cat "/proc/$pid/comm")" != sensorctl ] || echo "$pid"
	done)
	kill -9 "$watcher"
	sleep 3
	[ "$(profile) $(generation)" = "observe 3" ]
}

@test "--confirm: killed anywhere, what was not confirmed is rolled back and what was is kept" {
	"${ctl[@]}" attach eth1 --profile observe
	crash pending swap eth1 --profile balanced --confirm 1
	sleep 1.1
	[ "$(profile) $(generation)" = "observe 1" ]
	[ -z "$(find "$bpffs" -name pending -o -name previous)" ]
	crash swapped swap eth1 --profile balanced --confirm 1
	[ "$(profile) $(generation)" = "balanced 2" ]
	sleep 1.1
	[ "$(profile) $(generation)" = "observe 3" ]
	"${ctl[@]}" swap eth1 --profile balanced --confirm 1
	crash confirming confirm eth1
	sleep 1.1
	[ "$(profile) $(generation)" = "balanced 4" ]
	[ -z "$(find "$bpffs" -name pending -o -name previous)" ]
}

@test "--confirm: a second one before the first is confirmed goes back to what was confirmed" {
	"${ctl[@]}" attach eth1 --profile observe
	"${ctl[@]}" swap eth1 --profile balanced --confirm 30
	"${ctl[@]}" swap eth1 --profile camera-first --confirm 1
	sleep 1.6
	[ "$(profile)" = observe ]
	"${ctl[@]}" swap eth1 --profile balanced --confirm 1
	"${ctl[@]}" swap eth1 --profile camera-first
	sleep 1.6
	[ "$(profile)" = camera-first ]
}

@test "a profile that would cut the caller's own SSH connection is warned of" {
	ip -n "$ns" addr add 198.51.100.1/24 dev eth1
	SSH_CONNECTION="198.51.100.2 40000 198.51.100.1 22" run "${ctl[@]}" attach eth1 --profile sensors-only
	[ "$status" -eq 0 ]
	[[ $output == *"drops your own SSH connection from 198.51.100.2 through eth1"* ]]
	SSH_CONNECTION="198.51.100.2 40000 198.51.100.1 22" run "${ctl[@]}" attach eth1 --profile observe
	[[ $output != *SSH* ]]
	SSH_CONNECTION="198.51.100.2 40000 203.0.113.1 22" run "${ctl[@]}" attach eth1 --profile sensors-only
	[[ $output != *SSH* ]]
	ip netns exec "$ns" sysctl -qw net.ipv6.conf.eth1.disable_ipv6=0
	ip -n "$ns" addr add 2001:db8::1/64 dev eth1 nodad
	SSH_CONNECTION="2001:db8::2 40000 2001:db8::1 22" run "${ctl[@]}" attach eth1 --profile sensors-only
	[ "$status" -eq 0 ]
	[[ $output == *"drops your own SSH connection from 2001:db8::2 through eth1"* ]]
	ip -n "$ns" addr add fe80::1/64 dev eth1 nodad
	SSH_CONNECTION="fe80::2%eth1 40000 fe80::1%eth1 22" run "${ctl[@]}" attach eth1 --profile sensors-only
	[[ $output == *"drops your own SSH connection from fe80::2 through eth1"* ]]
}

@test "the SSH warning knows addresses of what stands on the interface, and no others" {
	local connection="198.51.100.2 40000 198.51.100.1 22"
	ip -n "$ns" link add br0 type bridge
	ip -n "$ns" link set eth1 master br0
	ip -n "$ns" addr add 198.51.100.1/24 dev br0
	SSH_CONNECTION=$connection run "${ctl[@]}" attach eth1 --profile sensors-only
	[ "$status" -eq 0 ]
	[[ $output == *"drops your own SSH connection from 198.51.100.2 through eth1"* ]]
	# On the bridge again, and not in it any more.
	if ip -n "$ns" link add mac0 link br0 type macvlan; then
		ip -n "$ns" addr del 198.51.100.1/24 dev br0
		ip -n "$ns" addr add 198.51.100.1/24 dev mac0
		SSH_CONNECTION=$connection run "${ctl[@]}" attach eth1 --profile sensors-only
		[[ $output == *"drops your own SSH connection"* ]]
	fi
	ip -n "$ns" link set eth1 nomaster
	SSH_CONNECTION=$connection run "${ctl[@]}" attach eth1 --profile sensors-only
	[[ $output != *SSH* ]]
	# The other end of a pair is nothing above this one.
	ip -n "$ns" link add pair1 type veth peer name pair2
	ip -n "$ns" addr add 203.0.113.1/24 dev pair2
	SSH_CONNECTION="203.0.113.2 40000 203.0.113.1 22" run "${ctl[@]}" attach pair1 --profile sensors-only
	[ "$status" -eq 0 ]
	[[ $output != *SSH* ]]
}

@test "pins of another version are not read, but detached" {
	"${ctl[@]}" attach eth1 --profile observe
	bpftool map update pinned "$(find "$bpffs" -name control)" key 0 0 0 0 value \
		$(printf '0xff %.0s' $(seq "$(bpftool -j map show pinned "$(find "$bpffs" -name control)" | jq .bytes_value)"))
	run "${ctl[@]}" stats eth1
	[ "$status" -eq 1 ]
	[[ $output == *"another version"* ]]
	"${ctl[@]}" detach eth1
	assert_bare
}

@test "completion and --help follow the verb tables" {
	"$sensorctl" completion bash >"$BATS_TEST_TMPDIR/completion"
	bash -n "$BATS_TEST_TMPDIR/completion"
	# shellcheck disable=SC1091
	run bash -c 'source "$1"; COMP_WORDS=(sensorctl attach eth1 --mode ""); COMP_CWORD=4; _sensorctl; echo "${COMPREPLY[@]}"' \
		sh "$BATS_TEST_TMPDIR/completion"
	[ "$output" = "auto native generic tc" ]
	for verb in attach swap confirm detach status stats completion; do
		run "$sensorctl" $verb --help
		[ "$status" -eq 0 ]
		[[ $output == "Usage: sensorctl $verb"* ]]
	done
	run "$sensorctl" --version
	[ "$status" -eq 0 ]
	[[ $output == "sensorctl "[0-9]* ]]
}
