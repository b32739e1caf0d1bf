#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What emulate writes is what the sensors send, and what it reports is what it wrote.

bats_require_minimum_version 1.5.0

setup_file()
{
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export ROOT EMULATE=${EMULATE:-$ROOT/build/emulate}
	export CAPTURES=${SENSOR_CAPTURES:-$ROOT/../shared/captures}
	[[ -x $EMULATE ]] || { echo "$EMULATE is not built: make" >&2; return 1; }
}

setup()
{
	pcap=$BATS_TEST_TMPDIR/out.pcap
}

fields()
{
	tshark -r "$pcap" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE "$@" 2>/dev/null
}

need_tshark()
{
	command -v tshark >/dev/null || skip "tshark is not installed"
}

@test "velodyne: 754 packets of 1206 bytes a second, no counter, time in us" {
	need_tshark
	"$EMULATE" velodyne --pcap "$pcap" --duration 1
	[ "$(fields -T fields -e udp.length | sort | uniq -c | tr -s ' ')" = " 754 1214" ]
	[ "$(fields -T fields -e udp.dstport -e udp.checksum -e ip.dst | sort -u | tr '\t' ' ')" = \
	  "2368 0x0000 255.255.255.255" ]
	# Time stamp at byte 1200, little-endian: steps of 1327 or 1328 us.
	fields -T fields -e data.data | cut -c2401-2408 | while read -r hex; do
		echo $((16#${hex:6:2}${hex:4:2}${hex:2:2}${hex:0:2}))
	done | awk 'NR > 1 && ($1 - last < 1327 || $1 - last > 1328) { exit 1 } { last = $1 }'
}

@test "velodyne-dual: twice the rate, azimuths in pairs" {
	need_tshark
	"$EMULATE" velodyne-dual --pcap "$pcap" --duration 1
	[ "$(fields | wc -l)" -eq 1508 ]
	fields -c 20 -T fields -e data.data |
		awk '{ if (substr($0, 5, 4) != substr($0, 205, 4) || substr($0, 2409, 2) != "39") exit 1 }'
}

@test "hesai: 5000 packets of 1080 bytes a second, sequence steps by one" {
	need_tshark
	"$EMULATE" hesai --pcap "$pcap" --duration 1
	[ "$(fields -T fields -e udp.length -e udp.checksum.status | sort | uniq -c | tr -s ' \t' ' ')" = \
	  " 5000 1088 1" ]
	fields -T fields -e data.data | cut -c2153-2160 | while read -r hex; do
		echo $((16#${hex:6:2}${hex:4:2}${hex:2:2}${hex:0:2}))
	done | awk 'NR > 1 && $1 != last + 1 { exit 1 } { last = $1 }'
}

@test "ouster: 640 datagrams a second in nine fragments each, checksums right" {
	need_tshark
	run --separate-stderr "$EMULATE" ouster --pcap "$pcap" --duration 1 --json
	[ "$(jq -c '[.datagrams, .frames, .fragments, .samples_whole]' <<<"$output")" = \
	  "[640,5760,5760,10]" ]
	[ "$(fields -Y udp -T fields -e udp.length -e udp.checksum.status -e ip.fragment.count |
	     sort | uniq -c | tr -s ' \t' ' ')" = " 640 12616 1 9" ]
	[ "$(fields -T fields -e ip.checksum.status | tr , '\n' | sort -u)" = 1 ]
}

@test "rtp: tshark sees one H.264 stream without loss, a marker for each image" {
	need_tshark
	run --separate-stderr "$EMULATE" rtp --pcap "$pcap" --duration 3 --json
	images=$(jq .samples_whole <<<"$output")
	[ "$(fields -d udp.port==5004,rtp -Y 'rtp.marker == 1' | wc -l)" -eq "$images" ]
	fields -d udp.port==5004,rtp -q -z rtp,streams | grep -q '0 (0.0%)'
	[ "$(fields -d udp.port==5004,rtp -T fields -e ip.dsfield.dscp | sort -u)" = 34 ]
}

@test "rtp: tshark counts the loss that was made" {
	need_tshark
	"$EMULATE" rtp --pcap "$pcap" --count 500 --lose 100,200-203
	fields -d udp.port==5004,rtp -q -z rtp,streams | grep -Eq ' 5 \(1\.0%\)'
}

@test "avtp: CVF on VLAN 5 with priority 3, sequence in 8 bits, marker" {
	need_tshark
	run --separate-stderr "$EMULATE" avtp --pcap "$pcap" --duration 2 --json
	images=$(jq .samples_whole <<<"$output")
	[ "$(fields -T fields -e vlan.id -e vlan.priority -e ieee1722.subtype | sort -u | tr '\t' ' ')" = \
	  "5 3 0x03" ]
	[ "$(fields -Y 'cvf.marker_bit == 1' | wc -l)" -eq "$images" ]
	fields -T fields -e cvf.seqnum |
		awk 'NR > 1 && $1 != (last + 1) % 256 { exit 1 } { last = $1 }'
}

@test "gvsp: leader, payload and trailer; block ids leave out 0" {
	need_tshark
	"$EMULATE" gvsp --pcap "$pcap" --count 636 --sequence 65534
	[ "$(fields -d udp.port==50020,gvsp -T fields -e gvsp.blockid16 -e gvsp.format |
	     uniq -c | awk '{ printf "%s ", $1 ":" $2 ":" $3 }')" = \
	  "1:65535:0x01 210:65535:0x03 1:65535:0x02 1:1:0x01 210:1:0x03 1:1:0x02 1:2:0x01 210:2:0x03 1:2:0x02 " ]
}

@test "experimental: magic, sequence, image, index and count, big-endian" {
	need_tshark
	"$EMULATE" experimental --pcap "$pcap" --count 10
	fields -x -c 2 | awk '$1 == "0000" { print $14 $15, $16 $17 }' >"$BATS_TEST_TMPDIR/head"
	[ "$(sort -u "$BATS_TEST_TMPDIR/head")" = "88b5 534e" ]
	[ "$(fields -T fields -e eth.type | sort -u)" = 0x88b5 ]
}

@test "the same seed writes the same bytes, another seed does not" {
	"$EMULATE" ouster --pcap "$pcap" --count 100 --lose 5% --seed 7
	"$EMULATE" ouster --pcap "$pcap.2" --count 100 --lose 5% --seed 7
	"$EMULATE" ouster --pcap "$pcap.3" --count 100 --lose 5% --seed 8
	cmp "$pcap" "$pcap.2"
	run -1 cmp -s "$pcap" "$pcap.3"
}

@test "faults stand where they were asked for" {
	run --separate-stderr "$EMULATE" hesai --pcap "$pcap" --count 2000 --json \
		--lose 0,10-12,1999 --reorder 100,200:5 --duplicate 300,400:3 --restart 1000
	[ "$(jq -c '[.packets, .datagrams, .lost, .lost_visible, .reordered, .duplicate, .restarts]' \
	     <<<"$output")" = "[2000,1997,5,3,2,2,1]" ]
	[ "$(jq -c .lost_packets <<<"$output")" = "[0,10,11,12,1999]" ]
	# 500 packets a rotation: a hole in the first and the last one.
	[ "$(jq -c '[.samples, .samples_whole, .incomplete_samples]' <<<"$output")" = "[4,2,[0,3]]" ]
	need_tshark
	fields -T fields -e data.data | cut -c2153-2160 | while read -r hex; do
		echo $((16#${hex:6:2}${hex:4:2}${hex:2:2}${hex:0:2}))
	done >"$BATS_TEST_TMPDIR/seq"
	[ "$(sed -n '1p;97,99p' "$BATS_TEST_TMPDIR/seq" | tr '\n' ' ')" = "1001 1101 1100 1102 " ]
	[ "$(grep -c '^1300$' "$BATS_TEST_TMPDIR/seq")" -eq 2 ]
	[ "$(tail -1 "$BATS_TEST_TMPDIR/seq")" -eq 998 ]
}

@test "one lost fragment breaks its datagram and nothing else" {
	run --separate-stderr "$EMULATE" ouster --pcap "$pcap" --count 64 --lose 5/3,9/0 --json
	[ "$(jq -c '[.datagrams, .broken, .headless, .lost, .lost_fragments, .frames, .broken_packets]' \
	     <<<"$output")" = "[62,2,1,0,2,574,[5,9]]" ]
	[ "$(jq .samples_incomplete <<<"$output")" -eq 1 ]
}

@test "a chance of loss loses about that much" {
	run --separate-stderr "$EMULATE" hesai --pcap "$pcap" --count 20000 --lose 0.01 --json
	lost=$(jq .lost <<<"$output")
	((lost > 140 && lost < 260))
}

@test "a stamp says when and which, and nothing else changes" {
	"$EMULATE" velodyne --pcap "$pcap" --count 3
	"$EMULATE" velodyne --pcap "$pcap.2" --count 3 --stamp
	# 24 bytes a packet at most.
	different=$(cmp -l "$pcap" "$pcap.2" | wc -l)
	((different > 0 && different <= 72))
	# Frame header 42, then byte 8: 'SNST'.
	[ "$(dd if="$pcap.2" bs=1 skip=$((24 + 16 + 42 + 8)) count=4 2>/dev/null)" = SNST ]
}

@test "sensorctl explain counts exactly the faults that were made" {
	[[ -x $ROOT/build/sensorctl ]] || skip "build/sensorctl is not built"
	for sensor in velodyne velodyne-dual hesai ouster experimental rtp; do
		"$EMULATE" "$sensor" --pcap "$pcap" --count 8000 --lose 1% --reorder 0.5% \
			--duplicate 0.3% --restart 3000 --json >"$BATS_TEST_TMPDIR/truth"
		"$ROOT/build/sensorctl" --profile-path "$ROOT/profiles" explain "$pcap" \
			--profile lidar-first --json >"$BATS_TEST_TMPDIR/explained"
		want=$(jq -c '[.frames, .lost_visible, .reordered, .duplicate, .restarts, .samples,
			       .samples_incomplete]' "$BATS_TEST_TMPDIR/truth")
		got=$(jq -c '[.streams[] | select(.packets > 0)] | .[0] | [.packets, .lost, .reordered,
			      .duplicate, .restarts, .samples, .samples_incomplete]' \
			"$BATS_TEST_TMPDIR/explained")
		# An RTP image tells neither its number nor its size: which of two neighbours a
		# hole at their border belongs to cannot be known.
		if [ "$sensor" = rtp ]; then
			want=$(jq -c 'del(.[6])' <<<"$want")
			got=$(jq -c 'del(.[6])' <<<"$got")
		fi
		[ "$want" = "$got" ] || { echo "$sensor: sent $want, explained $got"; return 1; }
	done
}

@test "replay refuses what exceeds the MTU, and fragments it when told to" {
	"$EMULATE" ouster --mtu 20000 --pcap "$pcap" --count 10
	run "$EMULATE" replay "$pcap" --pcap "$pcap.2"
	[ "$status" -eq 2 ]
	[[ $output == *"more than the MTU"*"--fragment"* ]]
	run "$EMULATE" replay "$pcap" --pcap "$pcap.2" --fragment
	[ "$status" -eq 0 ]
	[[ $output == *"10 frames of the capture sent as 90"* ]]
	need_tshark
	pcap=$pcap.2
	[ "$(fields -Y udp -T fields -e udp.length -e udp.checksum.status | sort | uniq -c |
	     tr -s ' \t' ' ')" = " 10 12616 1" ]
}

@test "replay with new addresses keeps the checksums right" {
	need_tshark
	"$EMULATE" ouster --pcap "$pcap" --count 10
	"$EMULATE" rtp --pcap "$pcap.r" --count 10
	for file in "$pcap" "$pcap.r"; do
		"$EMULATE" replay "$file" --pcap "$file.new" --source 10.1.2.3 --destination 10.9.8.7
		pcap=$file.new
		[ "$(fields -Y udp -T fields -e ip.src -e ip.dst -e udp.checksum.status | sort -u |
		     tr '\t' ' ')" = "10.1.2.3 10.9.8.7 1" ]
	done
}

@test "captures of real sensors can be replayed" {
	[[ -d $CAPTURES ]] || skip "no captures in $CAPTURES (SENSOR_CAPTURES)"
	for file in "$CAPTURES"/*.pcap; do
		run "$EMULATE" replay "$file" --pcap "$pcap" --fragment
		[ "$status" -eq 0 ] || [[ $output == *"not IPv4"* || $output == *"cut off"* ]] ||
			{ echo "$file: $output"; return 1; }
	done
}

@test "wrong usage says what was expected and exits 2" {
	run "$EMULATE" velodine --pcap "$pcap"
	[ "$status" -eq 2 ]
	[[ $output == *velodine*"expected one sensor"* ]]
	run "$EMULATE" velodyne --pcap "$pcap" --lose 5,x
	[ "$status" -eq 2 ]
	[[ $output == *"--lose x"* ]]
	run "$EMULATE" velodyne --pcap "$pcap" --mtu 10
	[ "$status" -eq 2 ]
	run "$EMULATE" velodyne
	[ "$status" -eq 2 ]
	run "$EMULATE" experimental --pcap "$pcap" --port 5
	[ "$status" -eq 2 ]
}
