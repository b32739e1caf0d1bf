#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Streams: what readers of `serve` get, what the stack gets, and that nothing gets lost between them.

bats_require_minimum_version 1.5.0
load common

setup() {
	need_network
	lab_up
	ip -n "$ns" addr add 10.9.0.2/24 dev eth1
	ip -n "$far" addr add 10.9.0.1/24 dev peer
	ip -n "$far" neigh replace 10.9.0.2 dev peer \
		lladdr "$(ip -n "$ns" -json link show eth1 | jq -r '.[0].address')"
	cd "$BATS_TEST_TMPDIR"
	broker=
	profile two 'lidar 2368' 'camera 2369'
}

teardown() {
	local pid
	for pid in $(jobs -p); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	wait
	lab_down
}

# profile NAME 'STREAM PORT'...: NAME.yaml, whose streams go to the broker.
profile() {
	local name=$1 stream
	shift
	echo "profile: $name" >"$name.yaml"
	[ $# -eq 0 ] || echo "streams:" >>"$name.yaml"
	for stream; do
		echo "  - {name: ${stream% *}, match: {ip_protocol: udp, destination_port: ${stream#* }}," \
			"class: critical, deliver: af_xdp}" >>"$name.yaml"
	done
}

attach() {
	"${ctl[@]}" attach eth1 --profile "$PWD/$1.yaml" "${@:2}"
}

# Starts the broker and waits until it says that it serves.
serve() {
	"${ctl[@]}" serve eth1 "$@" >serve.log 2>&1 3>&- &
	broker=$!
	soon grep -q '^serving' serve.log
}

# soon COMMAND...: tries for five seconds.
soon() {
	local i
	for i in {1..100}; do
		"$@" && return
		sleep 0.05
	done
	echo "in vain: $*"
	cat ./*.log
	return 1
}

# In the background, for 40 s at most; reader is its pid. record STREAM FILE [OPTION...]
record() {
	"${ctl[@]}" record eth1 "$1" -o "$2" --duration 40 "${@:3}" >"$2.log" 2>&1 3>&- &
	reader=$!
	soon reads "$1"
}

# ends_with CODE PID: waits for it. (`run` would wait in a subshell, which has no such child.)
ends_with() {
	local code=0
	wait "$2" || code=$?
	[ "$code" = "$1" ]
}

reads() {
	[ "$("${ctl[@]}" streams eth1 --json | jq --arg s "$1" '.streams[] | select(.name == $s) | .readers | length')" = 1 ]
}

# datagrams COUNT [PORT [BYTES [PAUSE-MS]]]: numbered, from the far end.
datagrams() {
	ip netns exec "$far" /usr/bin/python3 - "$@" 3>&- <<-'END'
		import socket, sys, time
		count, port, size, pause = (list(map(float, sys.argv[1:])) + [0, 2368, 1206, 1][len(sys.argv) - 1:])[:4]
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("10.9.0.1", 4000))
		for i in range(int(count)):
		    s.sendto(i.to_bytes(4, "big") + bytes(int(size) - 4), ("10.9.0.2", int(port)))
		    time.sleep(pause / 1000)
	END
}

# A program as they are today: counts what comes to a UDP port, until it is told to end.
socket_reader() {
	ip netns exec "$ns" /usr/bin/python3 - "$1" >socket.log 2>&1 3>&- <<-'END' &
		import signal, socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
		s.bind(("10.9.0.2", int(sys.argv[1])))
		s.settimeout(0.1)
		going, count = True, 0
		def end(*_):
		    global going
		    going = False
		signal.signal(signal.SIGTERM, end)
		print("ready", flush=True)
		while True:
		    try:
		        s.recv(65536)
		        count += 1
		    except socket.timeout:
		        if not going:
		            break
		print("got", count)
	END
	listener=$!
	soon grep -q ready socket.log
}

# Ends it; the number of its datagrams is in got.
socket_count() {
	kill -TERM "$listener"
	wait "$listener" || true
	got=$(awk '/^got/ {print $2}' socket.log)
}

# stat FILTER: of the stream lidar
stat_of() {
	"${ctl[@]}" stats eth1 --json | jq ".streams[] | select(.name == \"lidar\") | $1"
}

stream_of() {
	"${ctl[@]}" streams eth1 --json | jq -r ".streams[] | select(.name == \"$1\") | $2"
}

broker_socket() {
	echo "/run/sensorctl/$(ip netns exec "$ns" stat -Lc %i /proc/self/ns/net)/$(ip -n "$ns" -json link show eth1 |
		jq '.[0].ifindex').sock"
}

# The directory stays if another broker's files are in it, one that was killed.
no_traces() {
	[ ! -e "$(broker_socket)" ] && [ ! -e "$(broker_socket).lock" ] || return 1
	[ ! -d "$(dirname "$(broker_socket)")" ] || [ -n "$(ls "$(dirname "$(broker_socket)")")" ]
}

packets_in() {
	capinfos -Mc "$1" | awk '/Number of packets/ {print $NF}'
}

@test "serve without anything attached: exit 1 and what to do" {
	run -1 "${ctl[@]}" serve eth1
	[[ $output == *"sensorctl: serve: "*attach* ]]
}

@test "streams and record without a broker: exit 1 and what to do" {
	attach two
	run -1 "${ctl[@]}" streams eth1
	[[ $output == *"serve"* ]]
	run -1 "${ctl[@]}" record eth1 lidar -o x.pcapng
	[[ $output == *"streams"* ]]
	run -1 "${ctl[@]}" streams eth7
	run -2 "${ctl[@]}" record eth1 lidar
	run -2 "${ctl[@]}" record eth1 lidar -o x.pcapng --count many
	[ ! -e x.pcapng ]
}

@test "record gets every datagram, and tshark and capinfos read its file without complaint" {
	attach two
	serve
	record lidar lidar.pcapng --count 500
	datagrams 500
	wait "$reader"
	grep -q '^500 datagrams.* 0 missed' lidar.pcapng.log
	[ "$(packets_in lidar.pcapng)" = 500 ]
	run -0 capinfos lidar.pcapng
	[[ $output == *"nanoseconds"* && $output == *"Name = eth1"* && $output != *"cut short"* ]]
	run -0 tshark -r lidar.pcapng -T fields -e udp.length -e frame.comment
	[ "$(grep -c '^1214.*stream lidar, verdict af_xdp, class critical' <<<"$output")" = 500 ]
	[ "$(tshark -r lidar.pcapng -T fields -e data 2>/dev/null | cut -c1-8 | tail -n 1)" = 000001f3 ]
	[ "$(stat_of .verdicts.af_xdp)" = 500 ]
}

@test "a record that is interrupted leaves a whole file and says what it holds" {
	attach two
	serve
	record lidar lidar.pcapng
	datagrams 100
	sleep 0.2
	kill -INT "$reader"
	wait "$reader"
	grep -q '^100 datagrams' lidar.pcapng.log
	[ "$(packets_in lidar.pcapng)" = 100 ]
}

@test "record ends after its duration, also when nothing comes" {
	attach two
	serve
	run -0 timeout 5 "${ctl[@]}" record eth1 lidar -o empty.pcapng --duration 0.3 --json
	[ "$(jq .datagrams <<<"$output")" = 0 ]
	[ "$(packets_in empty.pcapng)" = 0 ]
}

@test "a full disk is told, and what was written before can be read" {
	attach two
	serve
	mkdir small
	mount -t tmpfs -o size=256k tmpfs small
	"${ctl[@]}" record eth1 lidar -o small/lidar.pcapng >full.log 2>&1 3>&- &
	reader=$!
	soon reads lidar
	datagrams 400
	ends_with 1 "$reader"
	grep -q "can't write all of small/lidar.pcapng: No space left" full.log
	[ "$(tshark -r small/lidar.pcapng -T fields -e udp.length 2>/dev/null | grep -c 1214)" -gt 100 ]
	umount small
}

@test "nobody reads: all goes to the stack, counted as no_reader; with a reader it comes to him" {
	attach two
	serve
	socket_reader 2368
	datagrams 100
	record lidar lidar.pcapng --count 100
	datagrams 100
	wait "$reader"
	datagrams 100
	socket_count
	[ "$got" = 200 ]
	[ "$(stat_of .reasons.no_reader)" = 200 ]
	[ "$(stat_of .verdicts.af_xdp)" = 100 ]
}

@test "a second broker is refused and the first one named; status names it too" {
	attach two
	serve
	run -1 "${ctl[@]}" serve eth1
	[[ $output == *"pid $broker"* ]]
	run -0 "${ctl[@]}" status eth1 --json
	[ "$(jq '.interfaces[0].broker.pid' <<<"$output")" = "$broker" ]
	[ "$(jq '.interfaces[0].broker.queues' <<<"$output")" = 1 ]
}

@test "the broker stops: readers are told, all packets are accounted for, and the stack gets the rest" {
	attach two
	serve
	socket_reader 2368
	record lidar lidar.pcapng
	datagrams 1000 2368 200 0.5 &
	local sender=$!
	sleep 0.4
	kill -TERM "$broker"
	wait "$broker"
	broker=
	ends_with 1 "$reader"
	wait "$sender"
	socket_count
	local read
	read=$(packets_in lidar.pcapng)
	[ "$read" -gt 0 ]
	[ "$((read + got))" = 1000 ]
	[ "$("${ctl[@]}" status eth1 --json | jq '.interfaces[0].broker')" = null ]
	grep -q 'the stream ended' lidar.pcapng.log
}

@test "the broker is killed: the stack gets its packets, and the next broker serves again" {
	attach two
	serve
	socket_reader 2368
	record lidar lidar.pcapng
	datagrams 1000 2368 200 0.5 &
	local sender=$!
	sleep 0.4
	kill -KILL "$broker"
	wait "$broker" || true
	ends_with 1 "$reader"
	wait "$sender"
	local read
	read=$(packets_in lidar.pcapng)
	serve
	socket_count
	# What lay in its rings, a wakeup's worth, is lost; and it is counted.
	[ "$((read + got))" -gt 900 ]
	[ "$((read + got + $(stat_of .ring_lost)))" = 1000 ]
	[ "$(stat_of .verdicts.stack)" = "$got" ]
	record lidar again.pcapng --count 50
	datagrams 50
	wait "$reader"
	[ "$(packets_in again.pcapng)" = 50 ]
}

@test "the broker is stuck: its lease lapses, the stack gets the stream, and it comes back" {
	attach two
	serve
	socket_reader 2368
	record lidar lidar.pcapng
	datagrams 50
	kill -STOP "$broker"
	sleep 0.1
	datagrams 100
	[ "$(stat_of .reasons.no_lease)" = 100 ]
	kill -CONT "$broker"
	sleep 0.5
	[ "$(stream_of lidar .leased)" = true ]
	datagrams 50
	kill -INT "$reader"
	wait "$reader"
	socket_count
	[ "$got" = 100 ]
	[ "$(packets_in lidar.pcapng)" = 100 ]
}

@test "a reader is stuck: after a second the stack gets the stream, until the reader gets on" {
	attach two
	serve
	socket_reader 2368
	record lidar lidar.pcapng
	datagrams 10
	kill -STOP "$reader"
	datagrams 150 2368 200 10
	[ "$(stat_of .reasons.no_reader)" -gt 0 ]
	kill -CONT "$reader"
	sleep 0.5
	[ "$(stream_of lidar .leased)" = true ]
	datagrams 10
	kill -INT "$reader"
	wait "$reader"
	socket_count
	[ "$(($(packets_in lidar.pcapng) + got))" = 170 ]
}

@test "a reader is killed: others go on, and the stream stays with them" {
	attach two
	serve
	record lidar one.pcapng
	local victim=$reader
	"${ctl[@]}" record eth1 lidar -o two.pcapng >two.log 2>&1 3>&- &
	reader=$!
	sleep 0.5
	[ "$(stream_of lidar '.readers | length')" = 2 ]
	kill -KILL "$victim"
	wait "$victim" || true
	datagrams 100
	kill -INT "$reader"
	wait "$reader"
	[ "$(packets_in two.pcapng)" = 100 ]
	grep -q ' 0 missed' two.log
}

@test "a swap: a stream that stays loses nothing, one that goes ends, a new one is served" {
	attach two
	profile other 'lidar 2368' 'radar 2370'
	serve
	record camera camera.pcapng
	local camera=$reader
	record lidar lidar.pcapng
	datagrams 600 2368 200 1 &
	local sender=$!
	sleep 0.2
	"${ctl[@]}" swap eth1 --profile "$PWD/other.yaml"
	ends_with 1 "$camera"
	grep -q 'the stream ended' camera.pcapng.log
	wait "$sender"
	sleep 0.2
	kill -INT "$reader"
	wait "$reader"
	[ "$(packets_in lidar.pcapng)" = 600 ]
	record radar radar.pcapng --count 20
	datagrams 20 2370
	wait "$reader"
	[ "$(packets_in radar.pcapng)" = 20 ]
	run -1 "${ctl[@]}" record eth1 camera -o none.pcapng
	[[ $output == *"no such stream"* ]]
}

@test "more new streams than there was room for: all are served" {
	profile one 'lidar 2368'
	profile many 'lidar 2368' 'a 2371' 'b 2372' 'c 2373' 'd 2374' 'e 2375'
	attach one
	serve
	"${ctl[@]}" swap eth1 --profile "$PWD/many.yaml"
	sleep 0.3
	record e e.pcapng --count 20
	datagrams 20 2375
	wait "$reader"
	[ "$("${ctl[@]}" streams eth1 --json | jq '.streams | length')" = 6 ]
	run "${ctl[@]}" streams eth1
	[[ $output == *"e: 20 frames published"*"5 streams have neither readers nor frames; -v lists them"* ]]
	[[ $output != *"lidar:"* ]]
	run "${ctl[@]}" streams eth1 -v
	[[ $output == *"lidar: 0 frames published"*"e: 20 frames published"* ]]
	[[ $output != *"neither"* ]]
}

# many COUNT: lines for profile, of streams that are not lidar.
many() {
	local i
	for ((i = 0; i < $1; i++)); do
		echo "s$i $((4000 + i))"
	done
}

@test "a swap that drops dozens of streams: the one that stays loses nothing and keeps its lease" {
	mapfile -t others < <(many 50)
	profile one 'lidar 2368'
	profile all 'lidar 2368' "${others[@]}"
	attach all
	serve
	record lidar lidar.pcapng
	datagrams 2000 2368 200 0.3 &
	local sender=$!
	sleep 0.2
	"${ctl[@]}" swap eth1 --profile "$PWD/one.yaml"
	wait "$sender"
	sleep 0.2
	kill -INT "$reader"
	wait "$reader"
	stat_of '{verdicts, reasons, ring_lost}'
	[ "$(packets_in lidar.pcapng)" = "$(stat_of .verdicts.af_xdp)" ]
	# A machine that is busy may take its time once; fifty times is what this is about.
	[ "$(packets_in lidar.pcapng)" -ge 1980 ]
}

@test "a swap that adds dozens of streams: the reader of the one that stays goes on" {
	mapfile -t others < <(many 20)
	profile one 'lidar 2368'
	profile all 'lidar 2368' "${others[@]}"
	attach one
	serve
	socket_reader 2368
	record lidar lidar.pcapng
	datagrams 1000 2368 200 0.3 &
	local sender=$!
	sleep 0.2
	"${ctl[@]}" swap eth1 --profile "$PWD/all.yaml"
	wait "$sender"
	sleep 0.2
	kill -INT "$reader"
	wait "$reader"
	socket_count
	[ "$(packets_in lidar.pcapng)" = 1000 ]
	run -1 grep -q ended lidar.pcapng.log
}

@test "a swap that needs other memory: record opens its stream again and goes on, and tells the gap" {
	mapfile -t others < <(many 50)
	profile one 'lidar 2368'
	profile all 'lidar 2368' "${others[@]}"
	attach one
	serve
	socket_reader 2368
	record lidar lidar.pcapng
	datagrams 1500 2368 200 0.5 &
	local sender=$!
	sleep 0.2
	"${ctl[@]}" swap eth1 --profile "$PWD/all.yaml"
	wait "$sender"
	sleep 0.2
	kill -INT "$reader"
	wait "$reader"
	socket_count
	grep -q 'opened again' lidar.pcapng.log
	[ "$(packets_in lidar.pcapng)" -gt 500 ]
	[ "$(($(packets_in lidar.pcapng) + got))" = 1500 ]
}

@test "a profile without such streams: serve says so, waits, and serves what a swap brings" {
	profile none
	attach none
	"${ctl[@]}" serve eth1 >serve.log 2>&1 3>&- &
	broker=$!
	soon grep -q 'no stream' serve.log
	"${ctl[@]}" swap eth1 --profile "$PWD/two.yaml"
	sleep 0.3
	record lidar lidar.pcapng --count 20
	datagrams 20
	wait "$reader"
	[ "$(packets_in lidar.pcapng)" = 20 ]
}

@test "the interface goes away, or to another namespace: the broker ends and says so" {
	attach two
	serve
	ip link add name "s$$m" type veth peer name "s$$n" || skip "no veth"
	ip link del "s$$m"
	ip -n "$ns" link set eth1 netns "$far"
	ends_with 1 "$broker"
	grep -q 'is gone' serve.log
	ip -n "$far" link del eth1
}

@test "detach while serving as another user: the broker ends and says why" {
	attach two
	serve --user nobody
	"${ctl[@]}" detach eth1
	ends_with 1 "$broker"
	grep -q 'detached' serve.log
}

@test "a broker that ends leaves no socket, lock or directory behind" {
	attach two
	serve
	[ -S "$(broker_socket)" ]
	kill -TERM "$broker"
	wait "$broker"
	no_traces
}

@test "detach while serving: the broker ends and says why" {
	attach two
	serve
	"${ctl[@]}" detach eth1
	ends_with 1 "$broker"
	broker=
	grep -q 'detached' serve.log
}

@test "the MTU is raised while serve runs: frames that its memory can't hold go to the stack, and none is lost" {
	attach two
	serve
	ip -n "$ns" link set eth1 mtu 9000
	ip -n "$far" link set peer mtu 9000
	socket_reader 2368
	record lidar lidar.pcapng
	datagrams 50 2368 3000
	datagrams 50 2368 1206
	sleep 0.2
	kill -INT "$reader"
	wait "$reader"
	socket_count
	[ "$got" = 50 ]
	[ "$(packets_in lidar.pcapng)" = 50 ]
	[ "$(stat_of .reasons.ring_full)" = 50 ]
}

@test "jumbo frames come whole" {
	ip -n "$ns" link set eth1 mtu 9000
	ip -n "$far" link set peer mtu 9000
	attach two
	serve
	record lidar lidar.pcapng --count 100
	datagrams 100 2368 8900
	wait "$reader"
	[ "$(tshark -r lidar.pcapng -Y 'frame.len == 8942 && udp.length == 8908' 2>/dev/null | wc -l)" = 100 ]
	[ "$(stat_of .verdicts.af_xdp)" = 100 ]
}

@test "generic mode serves as well" {
	attach two --mode generic
	serve
	record lidar lidar.pcapng --count 100
	datagrams 100
	wait "$reader"
	[ "$(packets_in lidar.pcapng)" = 100 ]
}

@test "memory of its own: the same datagrams, copied" {
	attach two
	serve --memory copy
	[ "$(stream_of lidar .memory)" = copy ]
	record lidar lidar.pcapng --count 300
	datagrams 300
	wait "$reader"
	[ "$(tshark -r lidar.pcapng -T fields -e data 2>/dev/null | cut -c1-8 | sort -u | wc -l)" = 300 ]
}

@test "several queues: each has a socket" {
	lab_down
	lab_up 4
	ip -n "$ns" addr add 10.9.0.2/24 dev eth1
	ip -n "$far" addr add 10.9.0.1/24 dev peer
	attach two
	serve
	grep -q '4 queues' serve.log
	record lidar lidar.pcapng --count 200
	datagrams 200
	wait "$reader"
}

@test "another user is no reader, unless of the broker's group" {
	attach two
	serve
	run ! setpriv --reuid 65534 --regid 65534 --clear-groups \
		/usr/bin/python3 - "$(ls /run/sensorctl/*/"$(ip -n "$ns" -json link show eth1 | jq '.[0].ifindex')".sock | head -n 1)" <<-'END'
		import socket, struct, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		s.connect(sys.argv[1])
		s.send(struct.pack("<IHHQQQ48s", 0x534e5752, 1, 1, 0, 0, 0, b"lidar"))
		reply, fds, _, _ = socket.recv_fds(s, 4096, 4)
		sys.exit(1 if struct.unpack("<i", reply[8:12])[0] == -13 and not fds else 0)
	END
}

@test "as another user: the broker gives up root and goes on serving" {
	attach two
	serve --user nobody
	[ "$(awk '/^Uid/ {print $2}' "/proc/$broker/status")" = "$(id -u nobody)" ]
	record lidar lidar.pcapng --count 20
	datagrams 20
	wait "$reader"
	[ "$(packets_in lidar.pcapng)" = 20 ]
}

@test "as another user: a swap is followed, and nothing is left at the end" {
	attach two
	profile other 'lidar 2368' 'radar 2370'
	serve --user nobody
	"${ctl[@]}" swap eth1 --profile "$PWD/other.yaml"
	record radar radar.pcapng --count 20
	datagrams 20 2370
	wait "$reader"
	kill -TERM "$broker"
	wait "$broker"
	no_traces
}

@test "strangers can neither keep root out nor ask without end" {
	attach two
	serve
	local socket
	socket=$(broker_socket)
	for uid in 65530 65531 65532 65533 65534; do
		setpriv --reuid "$uid" --regid "$uid" --clear-groups /usr/bin/python3 - "$socket" >"$uid.out" 2>&1 3>&- <<-'END' &
			import socket, struct, sys, time
			opened = []
			for i in range(30):
			    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
			    s.connect(sys.argv[1])
			    opened.append(s)
			ask, answered = struct.pack("<IHHQQQ48s", 0x534e5752, 1, 4, 0, 0, 0, b""), 0
			for i in range(1000):
			    try:
			        opened[0].send(ask)
			        answered += len(opened[0].recv(65536)) > 0
			    except OSError:
			        break
			print("answered", answered, flush=True)
			time.sleep(3)
		END
	done
	sleep 1
	grep -q answered 65534.out
	[ "$(cat 6553?.out | awk '{n += $2} END {print n}')" -le 100 ]
	record lidar lidar.pcapng --count 100
	datagrams 100
	wait "$reader"
	[ "$(packets_in lidar.pcapng)" = 100 ]
}

@test "busy polling serves as well" {
	attach two
	serve --busy-poll
	record lidar lidar.pcapng --count 100
	datagrams 100
	wait "$reader"
	[ "$(packets_in lidar.pcapng)" = 100 ]
}
