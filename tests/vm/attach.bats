#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The main verbs on a Debian kernel, and a libxdp dispatcher, which needs freplace.

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export ROOT
	mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
}

setup() {
	[ -x "$ROOT/build/sensorctl" ] || skip "build/sensorctl is not built"
	grep -q ' attach ' <<<"$("$ROOT/build/sensorctl" --help)" || skip "sensorctl has no verb attach yet"
	ip link add vmeth0 type veth peer name sensor0
	ip link set sensor0 up
	ip link set vmeth0 up
	for delivery in stack drop; do
		cat >"$BATS_TEST_TMPDIR/$delivery.yaml" <<-END
			profile: vm-$delivery
			streams:
			  - {name: lidar, protocol: velodyne-vlp16, class: critical, deliver: $delivery}
		END
	done
}

teardown() {
	ip link del vmeth0 2>/dev/null || true
}

sensorctl() {
	"$ROOT/build/sensorctl" --profile-path "$ROOT/profiles" "$@"
}

emulate() {
	"$ROOT/build/emulate" velodyne --interface sensor0 --count "$1" --rate-scale 0 >/dev/null
}

# packets of the stream "lidar", by the jq expression if there is one
lidar() {
	sensorctl stats vmeth0 --json | jq ".streams[] | select(.name == \"lidar\") | ${1:-.packets}"
}

@test "attach, swap and detach: every packet is counted, and counters outlive the swap" {
	sensorctl attach vmeth0 --profile "$BATS_TEST_TMPDIR/stack.yaml"
	[ "$(sensorctl status vmeth0 --json | jq -r '.interfaces[0].mode')" = native ]
	emulate 200
	[ "$(lidar)" -eq 200 ]
	[ "$(lidar .verdicts.stack)" -eq 200 ]

	sensorctl swap vmeth0 --profile "$BATS_TEST_TMPDIR/drop.yaml"
	[ "$(sensorctl stats vmeth0 --json | jq -r .profile)" = vm-drop ]
	emulate 100
	[ "$(lidar)" -eq 300 ]
	[ "$(lidar .verdicts.drop)" -eq 100 ]

	sensorctl detach vmeth0
	! ip -d link show vmeth0 | grep -q xdp
	run sensorctl stats vmeth0
	[ "$status" -eq 1 ]
}

@test "a libxdp dispatcher that is there is joined, and left as it was found" {
	command -v xdp-loader >/dev/null || skip "xdp-loader (xdp-tools) is not here"
	xdp-loader load -m native vmeth0 "$ROOT/build/tests/vm/observer.bpf.o"
	xdp-loader status vmeth0
	xdp-loader status vmeth0 | grep -q xdp_dispatcher

	sensorctl attach vmeth0 --profile "$BATS_TEST_TMPDIR/stack.yaml"
	xdp-loader status vmeth0
	xdp-loader status vmeth0 | grep -q observer
	xdp-loader status vmeth0 | grep -q sensor_ingress
	emulate 50
	[ "$(lidar)" -eq 50 ]
	sensorctl swap vmeth0 --profile "$BATS_TEST_TMPDIR/drop.yaml"
	emulate 50
	[ "$(lidar)" -eq 100 ]
	[ "$(lidar .verdicts.drop)" -eq 50 ]

	sensorctl detach vmeth0
	xdp-loader status vmeth0 | grep -q observer
	! xdp-loader status vmeth0 | grep -q sensor_ingress
	xdp-loader unload vmeth0 --all
}
