#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The main verbs on a Debian kernel, and a libxdp dispatcher, which needs freplace.

bats_require_minimum_version 1.5.0

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export ROOT
	mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
}

setup() {
	[ -x "$ROOT/build/sensorctl" ] || skip "build/sensorctl is not built"
	grep -q ' attach ' <<<"$("$ROOT/build/sensorctl" --help)" || skip "sensorctl has no verb attach yet"
	command -v xdp-loader >/dev/null || skip "xdp-loader (xdp-tools) is not here"
	ip link add vmeth0 type veth peer name sensor0
	ip link set sensor0 up
	ip link set vmeth0 up
	for delivery in stack drop af_xdp; do
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
	run -0 ip -d link show vmeth0
	[[ $output != *xdp* ]]
	run sensorctl stats vmeth0
	[ "$status" -eq 1 ]
}

# A dispatcher made by another tool, with a program that has its turn after ours.
dispatcher() {
	xdp-loader load -m native -P 60 vmeth0 "$ROOT/build/tests/vm/observer.bpf.o"
	xdp-loader status vmeth0
	in_dispatcher observer
}

in_dispatcher() {
	xdp-loader status vmeth0 | grep -q xdp_dispatcher && xdp-loader status vmeth0 | grep -q " $1 "
}

# packets that the other program saw, each test has its own
observed() {
	bpftool -j map dump id "$(bpftool -j map show name observed | jq 'if type == "array" then last else . end | .id')" |
		jq '.[0].formatted.value // 0'
}

# Tries for a while: the machine is slow.
soon() {
	for _ in {1..100}; do
		"$@" && return
		sleep 0.1
	done
	echo "in vain: $*"
	return 1
}

@test "a libxdp dispatcher that is there is joined, and left as it was found" {
	dispatcher
	sensorctl attach vmeth0 --profile "$BATS_TEST_TMPDIR/stack.yaml"
	xdp-loader status vmeth0
	in_dispatcher observer
	in_dispatcher sensor_ingress
	[ "$(sensorctl status vmeth0 --json | jq -r '.interfaces[0] | [.mode, .dispatcher] | join(" ")')" = "native true" ]
	sensorctl status vmeth0 | grep -q 'without sequence numbers'

	# What we pass, the other program sees, too.
	emulate 50
	[ "$(lidar)" -eq 50 ]
	before=$(observed)
	[ "$before" -ge 50 ]
	sensorctl swap vmeth0 --profile "$BATS_TEST_TMPDIR/drop.yaml"
	emulate 50
	[ "$(lidar)" -eq 100 ]
	[ "$(lidar .verdicts.drop)" -eq 50 ]
	[ "$(observed)" -lt $((before + 50)) ]

	sensorctl detach vmeth0
	in_dispatcher observer
	run ! in_dispatcher sensor_ingress
	before=$(observed)
	emulate 50
	[ "$(observed)" -ge $((before + 50)) ]
	xdp-loader unload vmeth0 --all
}

leased() {
	[ "$(sensorctl streams vmeth0 --json |
		jq '.streams[] | select(.name == "lidar") | .leased and (.readers | length == 1)')" = true ]
}

@test "in a dispatcher: streams reach their readers, with the broker's time and nothing twice" {
	dispatcher
	sensorctl attach vmeth0 --profile "$BATS_TEST_TMPDIR/af_xdp.yaml"
	"$ROOT/build/sensorctl" serve vmeth0 >"$BATS_TEST_TMPDIR/serve" 2>&1 3>&- &
	broker=$!
	soon grep -q ^serving "$BATS_TEST_TMPDIR/serve"
	"$ROOT/build/sensorctl" record vmeth0 lidar -o "$BATS_TEST_TMPDIR/lidar.pcapng" --count 50 --duration 60 \
		>"$BATS_TEST_TMPDIR/record" 2>&1 3>&- &
	reader=$!
	soon leased
	before=$(observed)
	# The machine is slow: what comes while the broker has no turn goes to the stack.
	for _ in {1..20}; do
		kill -0 "$reader" 2>/dev/null || break
		emulate 50
		sleep 0.3
	done
	code=0
	wait "$reader" || code=$?
	kill "$broker"
	wait "$broker" || true
	cat "$BATS_TEST_TMPDIR"/{serve,record}
	sensorctl stats vmeth0
	[ "$code" -eq 0 ]
	[ "$(lidar .verdicts.af_xdp)" -ge 50 ]
	[ $(($(observed) - before)) -le $(($(lidar .verdicts.stack) + $(sensorctl stats vmeth0 --json | jq .other.packets))) ]
	sensorctl explain "$BATS_TEST_TMPDIR/lidar.pcapng" --profile "$BATS_TEST_TMPDIR/af_xdp.yaml" --json >"$BATS_TEST_TMPDIR/explain"
	cat "$BATS_TEST_TMPDIR/explain"
	[ "$(jq '.streams[] | select(.name == "lidar") | .packets' "$BATS_TEST_TMPDIR/explain")" -eq 50 ]
	sensorctl detach vmeth0
	in_dispatcher observer
	xdp-loader unload vmeth0 --all
}

@test "in a dispatcher: whoever is killed leaves the other programs at work" {
	dispatcher
	for step in maps-pinned linked; do
		SENSORCTL_CRASH=$step run sensorctl attach vmeth0 --profile "$BATS_TEST_TMPDIR/stack.yaml"
		[ "$status" -eq 137 ]
		[ "$(sensorctl status vmeth0 --json | jq -r '.interfaces[0].mode')" = none ]
		in_dispatcher observer
		run ! in_dispatcher sensor_ingress
	done
	SENSORCTL_CRASH=link-pinned run sensorctl attach vmeth0 --profile "$BATS_TEST_TMPDIR/stack.yaml"
	[ "$status" -eq 137 ]
	[ "$(sensorctl status vmeth0 --json | jq -r '.interfaces[0].mode')" = native ]
	in_dispatcher sensor_ingress
	emulate 20
	[ "$(lidar)" -eq 20 ]
	SENSORCTL_CRASH=unlinked run sensorctl detach vmeth0
	[ "$status" -eq 137 ]
	[ "$(sensorctl status vmeth0 --json | jq -r '.interfaces[0].mode')" = none ]
	in_dispatcher observer
	run ! in_dispatcher sensor_ingress

	# The owner takes the whole dispatcher off, and us with it: found gone, and swept.
	sensorctl attach vmeth0 --profile "$BATS_TEST_TMPDIR/stack.yaml"
	xdp-loader unload vmeth0 --all
	[ "$(sensorctl status vmeth0 --json | jq -r '.interfaces[0].mode')" = none ]
	[ -z "$(find /sys/fs/bpf/sensorctl -mindepth 1 -type d)" ]
}

@test "in a dispatcher for frames of many pages they are counted, too" {
	ip link set sensor0 mtu 9000
	ip link set vmeth0 mtu 9000
	# xdp-loader can't say that a program takes such frames.
	/usr/bin/python3 - "$ROOT/build/tests/vm/observer_frags.bpf.o" <<-'END'
		import ctypes, socket, sys
		xdp = ctypes.CDLL("libxdp.so.1")
		xdp.xdp_program__open_file.restype = ctypes.c_void_p
		program = ctypes.c_void_p(xdp.xdp_program__open_file(sys.argv[1].encode(), b"xdp.frags", None))
		assert xdp.xdp_program__set_xdp_frags_support(program, ctypes.c_bool(True)) == 0
		assert xdp.xdp_program__attach(program, socket.if_nametoindex("vmeth0"), 1, 0) == 0
	END
	in_dispatcher observer
	sensorctl attach vmeth0 --profile "$BATS_TEST_TMPDIR/stack.yaml"
	in_dispatcher sensor_ingress
	"$ROOT/build/emulate" gvsp --interface sensor0 --destination-mac 02:00:00:00:00:01 --mtu 9000 --count 20 --rate-scale 0 >/dev/null
	sensorctl stats vmeth0 --json | jq -c '.other | {packets, bytes}'
	[ "$(sensorctl stats vmeth0 --json | jq '.other | .packets >= 20 and .bytes > 100000')" = true ]
	sensorctl detach vmeth0
	xdp-loader unload vmeth0 --all
}
