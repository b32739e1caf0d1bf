#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# `sensorctl swap` while frames arrive on an attached interface. The profiles are those of
# tests/prog/swap_test.c: both drop the probe, by different streams, and each delivers what the
# other one drops, so a probe judged by both would pass.

load common

setup() {
	need_network
	lab_up
	tools=$top/build
}

teardown() {
	[ -z "${sink:-}" ] || kill "$sink" 2>/dev/null || true
	lab_down
}

# probe_profile NAME DROPPING DELIVERING
probe_profile() {
	cat >"$BATS_TEST_TMPDIR/$1.yaml" <<-END
		profile: $1
		streams:
		  - {name: $2, match: {ip_protocol: udp, destination_port: 2368}, deliver: drop}
		  - {name: $3, match: {ip_protocol: udp, destination_port: 2000}, deliver: stack}
		  - {name: steady, protocol: experimental, deliver: stack}
	END
}

# number FILTER FILE
number() {
	jq -er "$1" "$2"
}

@test "swaps under traffic: each frame is counted once, and each of a stream that stays arrives" {
	local out=$BATS_TEST_TMPDIR swaps=0 steady probe
	probe_profile before left right
	probe_profile after right left
	"${ctl[@]}" attach eth1 --profile "$out/before.yaml"
	ip netns exec "$ns" "$tools/sink" packet --interface eth1 --ethertype 0x88B5 \
		--buffer 33554432 >"$out/sink" 2>"$out/ready" 3>&- &
	sink=$!
	for _ in {1..50}; do
		grep -qs READY "$out/ready" && break
		sleep 0.1
	done
	ip netns exec "$far" "$tools/emulate" velodyne --interface peer --duration 15 --rate-scale 5 \
		--destination-mac 02:00:00:00:00:01 --destination 192.168.1.10 --source 192.168.1.201 \
		--json >"$out/probe" 3>&- &
	probe=$!
	ip netns exec "$far" "$tools/emulate" experimental --interface peer --duration 15 \
		--rate-scale 2 --json >"$out/steady" 3>&- &
	steady=$!
	while kill -0 "$steady" 2>/dev/null && kill -0 "$probe" 2>/dev/null; do
		"${ctl[@]}" swap eth1 --profile "$out/after.yaml" >/dev/null
		"${ctl[@]}" swap eth1 --profile "$out/before.yaml" >/dev/null
		swaps=$((swaps + 2))
	done
	wait "$steady"
	wait "$probe"
	sleep 0.3
	kill "$sink"
	wait "$sink" || true
	"${ctl[@]}" stats eth1 --json >"$out/stats"
	cat "$out"/{probe,steady,sink,stats}
	echo "$swaps swaps"
	[ "$swaps" -ge 50 ]
	[ "$(number .generation "$out/stats")" -eq $((swaps + 1)) ]

	sent=$(number .frames "$out/steady")
	[ "$(number .interface_dropped "$out/steady")" = 0 ]
	[ "$sent" -ge 100000 ]
	[ "$(number .datagrams "$out/sink")" = "$sent" ]
	[ "$(number '.streams[] | select(.name == "steady") | .packets' "$out/stats")" = "$sent" ]
	[ "$(number '.streams[] | select(.name == "steady") | [.lost, .reordered, .duplicate, .restarts] | add' "$out/stats")" = 0 ]

	sent=$(number .frames "$out/probe")
	[ "$(number .interface_dropped "$out/probe")" = 0 ]
	[ "$(number '[.streams[] | select(.name != "steady") | .verdicts.drop] | add' "$out/stats")" = "$sent" ]
	[ "$(number '[.streams[] | select(.name != "steady") | .packets] | add' "$out/stats")" = "$sent" ]
	[ "$(number '[.streams[] | select(.name != "steady" and .packets > 0)] | length' "$out/stats")" = 2 ]
}
