#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Every command of the README works as it stands there: its ```sh blocks, in their order, as one
# script. It runs in mount and network namespaces of its own, so the lab's plain names and
# the default places of pins and sockets are its own, too; what it writes to /tmp goes elsewhere.

setup() {
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	[ -x "$top/build/sensorctl" ] || skip "needs $top/build/sensorctl: make"
	unshare --mount --net true 2>/dev/null || skip "namespaces can't be made here"
}

blocks() {
	awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on' "$top/README.md" |
		sed "s|/tmp/|$BATS_TEST_TMPDIR/|g"
}

@test "the README's commands work, one after the other" {
	blocks >"$BATS_TEST_TMPDIR/readme.sh"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/readme.sh")" -gt 20 ]
	cat >"$BATS_TEST_TMPDIR/outer.sh" <<-'END'
		set -eu
		readme=$(cat "$1")
		mkdir -p /run/netns /run/sensorctl /run/sensorctl-lab
		for directory in /run/netns /run/sensorctl /run/sensorctl-lab; do
			mount -t tmpfs tmpfs "$directory"
		done
		umount /sys/fs/bpf 2>/dev/null || true
		unset MAKEFLAGS MAKELEVEL MFLAGS SENSORCTL_LAB
		trap 'netns-lab/lab down' EXIT
		set -x
		eval "$readme"
	END
	cd "$top"
	run timeout 120 unshare --mount --propagation private --net \
		bash "$BATS_TEST_TMPDIR/outer.sh" "$BATS_TEST_TMPDIR/readme.sh" 3>&-
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"attached in native mode, profile lidar-first (generation 1)"* ]]
	[[ $output == *"500 datagrams,"*"; 0 missed, 0 lost"* ]]
	[[ $output == *"profile observe, generation 2"* ]]
	[[ $output == *"eth1: detached"* ]]
}

@test "the README's links lead somewhere" {
	for link in $(grep -o '](\([^)]*\))' "$top/README.md" | tr -d ']()'); do
		[ -e "$top/$link" ] || { echo "$link" && false; }
	done
}
