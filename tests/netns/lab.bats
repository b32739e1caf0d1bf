#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The lab carries sensors' traffic whole, and leaves nothing behind.

bats_require_minimum_version 1.5.0

setup_file()
{
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export ROOT LAB=$ROOT/netns-lab/lab EMULATE=$ROOT/build/emulate
	export SENSORCTL_LAB=labtest$$
	((EUID == 0)) || skip "network namespaces need root"
	[[ -x $EMULATE ]] || { echo "$EMULATE is not built: make" >&2; return 1; }
	"$LAB" up
}

teardown_file()
{
	((EUID == 0)) || return 0
	"$LAB" down
}

# Captures at the vehicle's eth1 while COMMAND runs; leaves the file in $pcap.
capture()
{
	pcap=$BATS_TEST_TMPDIR/vehicle.pcap
	"$LAB" exec vehicle timeout 20 tcpdump --immediate-mode -B 32768 -Z root -i eth1 -Q in -w "$pcap" \
		2>"$BATS_TEST_TMPDIR/tcpdump" 3>&- &
	local tcpdump=$!
	for _ in {1..50}; do
		grep -q listening "$BATS_TEST_TMPDIR/tcpdump" && break
		sleep 0.1
	done
	"$@"
	sleep 0.5
	kill -INT "$tcpdump"
	wait "$tcpdump" || true
	grep -q ' 0 packets dropped by kernel' "$BATS_TEST_TMPDIR/tcpdump" ||
		grep -q '^0 packets dropped by kernel' "$BATS_TEST_TMPDIR/tcpdump"
}

need_tools()
{
	command -v tcpdump >/dev/null || skip "tcpdump is not installed"
	command -v tshark >/dev/null || skip "tshark is not installed"
}

@test "broadcast, unicast, fragments and tags arrive as they were sent" {
	need_tools
	send_all()
	{
		"$LAB" exec lidar "$EMULATE" velodyne --interface eth0 --count 100 >/dev/null
		"$LAB" exec lidar "$EMULATE" ouster --interface eth0 --count 50 >/dev/null
		"$LAB" exec camera "$EMULATE" avtp --interface eth0 --count 50 >/dev/null
		"$LAB" exec camera "$EMULATE" rtp --interface eth0 --count 50 \
			--destination 239.1.2.3 >/dev/null
		"$LAB" exec camera "$EMULATE" experimental --interface eth0 --count 50 >/dev/null
	}
	capture send_all
	count() { tshark -r "$pcap" -Y "$1" 2>/dev/null | wc -l; }
	[ "$(count 'udp.port == 2368 && ip.dst == 255.255.255.255')" -eq 100 ]
	[ "$(count 'ip.proto == 17 && ip.src == 192.168.1.203')" -eq 450 ]
	[ "$(count 'vlan.id == 5 && vlan.priority == 3 && ieee1722')" -eq 50 ]
	[ "$(count 'ip.dst == 239.1.2.3')" -eq 50 ]
	[ "$(count 'eth.type == 0x88b5')" -eq 50 ]
}

@test "what a lab sensor is told to lose does not arrive, everything else does" {
	need_tools
	send() { "$LAB" exec lidar "$EMULATE" hesai --interface eth0 --count 1000 \
			--lose 5,17-19 --json >"$BATS_TEST_TMPDIR/truth"; }
	capture send
	[ "$(tshark -r "$pcap" -Y 'udp.port == 2368' 2>/dev/null | wc -l)" -eq 996 ]
	[ "$(jq '[.datagrams, .lost, .interface_dropped] | tostring' -r \
	     "$BATS_TEST_TMPDIR/truth")" = "[996,4,0]" ]
}

@test "replay brings a capture to the vehicle's own address" {
	need_tools
	"$EMULATE" ouster --pcap "$BATS_TEST_TMPDIR/in.pcap" --count 20 --destination 10.0.0.9
	capture "$LAB" replay "$BATS_TEST_TMPDIR/in.pcap"
	[ "$(tshark -r "$pcap" -Y 'ip.dst == 192.168.1.100 && eth.dst == 02:5e:50:00:00:01' \
	     2>/dev/null | wc -l)" -eq 180 ]
}

@test "exec keeps the caller's mounts" {
	[ "$("$LAB" exec vehicle stat -c %i -f /sys/fs)" = "$(stat -c %i -f /sys/fs)" ]
	[ "$("$LAB" exec vehicle readlink /proc/self/ns/mnt)" = "$(readlink /proc/self/ns/mnt)" ]
	[ "$("$LAB" exec vehicle readlink /proc/self/ns/net)" != "$(readlink /proc/self/ns/net)" ]
}

@test "exec returns the command's exit code" {
	run "$LAB" exec vehicle sh -c 'exit 7'
	[ "$status" -eq 7 ]
}

@test "under a flood, the priority port loses no sensor frame and the plain one tells its own" {
	command -v iperf3 >/dev/null || skip "iperf3 is not installed"
	for kind in priority fifo; do
		"$LAB" port "$kind" --port-rate 100mbit
		"$LAB" flood --rate 200M --duration 3 >/dev/null 3>&- &
		flood=$!
		sleep 1
		"$LAB" exec lidar "$EMULATE" hesai --interface eth0 --count 5000 --json \
			>"$BATS_TEST_TMPDIR/$kind"
		wait "$flood"
		"$LAB" status | tail -1 >"$BATS_TEST_TMPDIR/$kind.drops"
		[ "$(jq .interface_dropped "$BATS_TEST_TMPDIR/$kind")" -eq 0 ]
	done
	grep -q 'sensors 0,' "$BATS_TEST_TMPDIR/priority.drops"
	run -1 grep -q 'others 0$' "$BATS_TEST_TMPDIR/fifo.drops"
	"$LAB" port fifo --port-rate 1gbit
}

@test "a second lab of the same name is refused, another one is not" {
	run "$LAB" up
	[ "$status" -eq 1 ]
	[[ $output == *"is there already"* ]]
	"$LAB" up --name "${SENSORCTL_LAB}b"
	"$LAB" down --name "${SENSORCTL_LAB}b"
	[ -e "/run/netns/$SENSORCTL_LAB-vehicle" ]
}

@test "down removes all of it, programs too, and may be repeated" {
	"$LAB" up --name "${SENSORCTL_LAB}c"
	"$LAB" exec --name "${SENSORCTL_LAB}c" vehicle sleep 60 3>&- &
	sleeper=$!
	sleep 0.3
	"$LAB" down --name "${SENSORCTL_LAB}c"
	code=0
	wait "$sleeper" || code=$?
	[ "$code" -ne 0 ]
	run -0 ip netns list
	[[ $output != *"${SENSORCTL_LAB}c-"* ]]
	[ ! -e "/run/sensorctl-lab/${SENSORCTL_LAB}c" ]
	"$LAB" down --name "${SENSORCTL_LAB}c"
}

@test "down mends what a crash in the middle of up left" {
	name=${SENSORCTL_LAB}d
	"$LAB" up --name "$name" 3>&- &
	up=$!
	sleep 0.1
	kill -KILL "$up"
	wait "$up" || true
	sleep 0.5
	"$LAB" down --name "$name"
	run -0 ip netns list
	[[ $output != *"$name-"* ]]
}

@test "a namespace that the lab did not make is not touched" {
	name=${SENSORCTL_LAB}e
	ip netns add "$name-camera"
	run "$LAB" up --name "$name"
	left=$(ip netns list | grep "^$name-" | cut -d' ' -f1 | tr '\n' ' ')
	ip netns delete "$name-camera"
	[ "$status" -eq 1 ]
	[[ $output == *"is not ours"* ]]
	[ "$left" = "$name-camera " ]
}

@test "wrong usage exits 2" {
	for words in "" "fly" "up --fast" "exec vehicle" "exec nobody true" "flood --duration 1000" \
		     "port slow" "replay" "down now"; do
		# shellcheck disable=SC2086 # words
		run "$LAB" $words
		[ "$status" -eq 2 ] || { echo "lab $words: $status"; return 1; }
	done
}
