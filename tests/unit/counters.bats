#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Counters as text: what saw something is shown, what saw nothing is counted.

setup() {
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	sensorctl=$top/build/sensorctl
	capture=$BATS_TEST_TMPDIR/one.pcap
	[ -x "$top/build/emulate" ] || skip "needs $top/build/emulate: make"
	"$top/build/emulate" hesai --pcap "$capture" --count 20 >/dev/null
}

streams() {
	"$sensorctl" profile show "$1" | grep -c '^  - name:'
}

@test "streams that saw no packet are left out, and how many is said" {
	run "$sensorctl" explain "$capture" --profile lidar-first
	[ "$status" -eq 0 ]
	[[ $output == *$'\n'"lidar-hesai-xt32 "* ]]
	[[ $output != *lidar-ouster* ]]
	[[ $output == *$'\n'"$(($(streams lidar-first) - 1)) streams saw nothing; -v lists them"$'\n'* ]]
}

@test "-v lists them" {
	run "$sensorctl" explain "$capture" --profile lidar-first -v
	[ "$status" -eq 0 ]
	[[ $output == *$'\n'"lidar-ouster "* ]]
	[[ $output != *"saw nothing"* ]]
}

@test "the JSON has all of them, always" {
	run "$sensorctl" explain "$capture" --profile lidar-first --json
	[ "$(jq '.streams | length' <<<"$output")" = "$(streams lidar-first)" ]
}
