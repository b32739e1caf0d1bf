#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The profile verb on files: names, includes, and files that are none.

bats_require_minimum_version 1.5.0

setup() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	sensorctl=${SENSORCTL:-$root/build/sensorctl}
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p place/protocols
	cat > place/protocols/maker-model.yaml <<-'EOF'
	protocol: maker-model
	match: {ip_protocol: udp, destination_port: 2368, length: 1206}
	sequence: {offset: 4, width: 32, endian: little}
	EOF
	cat > place/one.yaml <<-'EOF'
	profile: one
	description: the first
	streams:
	  - {name: lidar, protocol: maker-model, class: critical, deliver: af_xdp}
	EOF
}

check() {
	run --separate-stderr "$sensorctl" --profile-path place profile check "$@"
}

# The file that the error is in, its line, and words of its message.
wrong() {
	[ "$status" -eq 2 ]
	[[ $stderr == *"$1"* ]]
	[[ $stderr == *"$2"* ]]
}

@test "a profile is found by its name and by its file" {
	check one
	[ "$status" -eq 0 ]
	check place/one.yaml
	[ "$status" -eq 0 ]
	cd place
	run "$sensorctl" profile check one.yaml
	[ "$status" -eq 0 ]
}

@test "a profile may be called as the protocol it uses" {
	sed 's/profile: one/profile: maker-model/' place/one.yaml > place/maker-model.yaml
	check maker-model
	[ "$status" -eq 0 ]
	check ./place/maker-model.yaml
	[ "$status" -eq 0 ]
}

@test "protocols may lie beside the profiles" {
	mv place/protocols/maker-model.yaml place
	check one
	[ "$status" -eq 0 ]
	run --separate-stderr "$sensorctl" --profile-path place --json profile list
	jq -e '[.profiles[].name] | index("one") and (index("maker-model") | not)' <<< "$output"
}

@test "a name that is not there suggests one that is" {
	check onne
	wrong 'there is no profile "onne"' 'did you mean "one"?'
}

@test "list names what would be found, in JSON too" {
	run --separate-stderr "$sensorctl" --profile-path place --json profile list
	[ "$status" -eq 0 ]
	jq -e '.profiles[] | select(.name == "one") | .description == "the first"' <<< "$output"
}

@test "check --json has errors and warnings with their places" {
	printf 'profile: x\nstreams:\n  - {name: a, match: {sorce: 10.0.0.1}}\n' > bad.yaml
	check --json ./bad.yaml
	[ "$status" -eq 2 ]
	jq -e '.errors | length == 1' <<< "$output"
	jq -e '.errors[0] | .file == "./bad.yaml" and .line == 3 and .column == 23 and
		.key == "streams[0].match.sorce" and .suggestion == "source"' <<< "$output"
	jq -e '.warnings == []' <<< "$output"
}

@test "warnings alone are no failure" {
	printf 'profile: x\nthreads: [{comm: a}]\n' > odd.yaml
	check --json ./odd.yaml
	[ "$status" -eq 0 ]
	jq -e '.errors == [] and (.warnings | length == 1)' <<< "$output"
}

@test "what show prints is accepted, shows the same, and needs no other file" {
	run --separate-stderr "$sensorctl" --profile-path place profile show one
	[ "$status" -eq 0 ]
	mkdir alone
	echo "$output" > alone/shown.yaml
	run --separate-stderr "$sensorctl" profile show ./alone/shown.yaml
	[ "$status" -eq 0 ]
	diff - alone/shown.yaml <<< "$output"
}

@test "every profile of the tree is right, without a warning that something never matches" {
	for file in "$root"/profiles/*.yaml; do
		[ -e "$file" ] || skip "there are no profiles in the tree"
		run --separate-stderr "$sensorctl" profile check "$file"
		[ "$status" -eq 0 ]
		[[ $stderr != *"never matches"* ]]
	done
}

@test "every protocol of the tree is right" {
	local file name n=0
	for file in "$root"/profiles/protocols/*.yaml; do
		[ -e "$file" ] || skip "there are no protocols in the tree"
		name=$(basename "$file" .yaml)
		printf 'profile: x\nstreams:\n  - {name: a, protocol: %s}\n' "$name" > p.yaml
		run --separate-stderr "$sensorctl" --profile-path "$root/profiles" profile check ./p.yaml
		echo "$stderr"
		[ "$status" -eq 0 ]
		n=$((n + 1))
	done
	echo "$n protocols"
}

@test "every key of a profile and a protocol is accepted, and survives show" {
	everything=$root/tests/fuzz/corpus/profile/everything.yaml
	check "$everything"
	[ "$status" -eq 0 ]
	run --separate-stderr "$sensorctl" profile show "$everything"
	echo "$output" > shown.yaml
	for key in $(sed 1d "$everything" | grep -oE '[a-z_0-9]+: ' | sort -u); do
		grep -q "$key" shown.yaml || { echo "lost: $key"; false; }
	done
	run --separate-stderr "$sensorctl" profile show ./shown.yaml
	diff - shown.yaml <<< "$output"
}

@test "an included profile comes first, and what includes it overrides by name" {
	cat > place/two.yaml <<-'EOF'
	profile: two
	include: [one]
	streams:
	  - {name: camera, match: {ethertype: 0x88B5}}
	  - {name: lidar, protocol: maker-model, class: high}
	classes: {bulk: {shed_at: 2}}
	EOF
	run --separate-stderr "$sensorctl" --profile-path place profile show two
	[ "$status" -eq 0 ]
	[[ $output == "profile: two"* ]]
	[[ $output != *include* ]]
	[ "$(grep -c 'name:' <<< "$output")" -eq 2 ]
	grep -A3 'name: lidar' <<< "$output" | grep -q 'class: high'
	[ "$(grep 'name:' <<< "$output" | head -1)" = '  - name: lidar' ]
}

@test "an include loop is named" {
	printf 'profile: a\ninclude: [b]\n' > place/a.yaml
	printf 'profile: b\ninclude: [a]\n' > place/b.yaml
	check a
	wrong 'place/b.yaml:2:11: error' 'include loop'
	printf 'profile: s\ninclude: [s]\n' > place/s.yaml
	check s
	wrong 'place/s.yaml:2:11: error' 'include loop'
}

@test "a profile included twice by different ways counts once" {
	printf 'profile: l\ninclude: [one]\n' > place/l.yaml
	printf 'profile: r\ninclude: [one]\n' > place/r.yaml
	printf 'profile: d\ninclude: [l, r]\n' > place/d.yaml
	check d
	[ "$status" -eq 0 ]
}

@test "an include that is not there is named at its place" {
	printf 'profile: a\ninclude: [one, onee]\n' > place/a.yaml
	check a
	wrong 'a.yaml:2:16: error' 'did you mean "one"?'
}

@test "an error in an included file or a protocol names that file" {
	printf 'profile: inner\nclases: {}\n' > place/inner.yaml
	printf 'profile: outer\ninclude: [inner]\n' > place/outer.yaml
	check outer
	wrong 'place/inner.yaml:2:1: error' 'did you mean "classes"?'
	sed -i 's/width: 32/width: 33/' place/protocols/maker-model.yaml
	check one
	wrong 'protocols/maker-model.yaml:3:30: error' '33 bits wide'
}

@test "a protocol file must be called as its protocol" {
	sed -i 's/protocol: maker-model/protocol: maker/' place/protocols/maker-model.yaml
	check one
	wrong 'maker-model.yaml:1:11: error' 'this file is called'
}

@test "an unknown protocol suggests a known one" {
	printf 'profile: a\nstreams: [{name: a, protocol: maker-modle}]\n' > place/a.yaml
	check a
	wrong 'a.yaml:2:31: error' 'did you mean "maker-model"?'
}

@test "a file of 100 MB is refused at once" {
	truncate -s 100M large.yaml
	SECONDS=0
	check ./large.yaml
	wrong large.yaml 'too large'
	[ "$SECONDS" -lt 5 ]
	check /dev/zero
	wrong /dev/zero 'too large'
}

@test "a directory, an empty file, a missing file are refused" {
	mkdir dir.yaml
	check ./dir.yaml
	wrong dir.yaml 'a directory'
	: > empty.yaml
	check ./empty.yaml
	wrong empty.yaml 'empty'
	check ./missing.yaml
	wrong missing.yaml 'No such file'
	mkfifo pipe.yaml
	check ./pipe.yaml
	wrong pipe.yaml 'empty'
}

@test "a profile comes through a pipe" {
	run --separate-stderr bash -c "'$sensorctl' --profile-path place profile show one |
		'$sensorctl' profile check /dev/stdin"
	[ "$status" -eq 0 ]
}

@test "a file without read permission is refused, and said why" {
	chmod 755 place
	cd place
	chmod 000 one.yaml
	if [ "$(id -u)" -ne 0 ]; then
		run --separate-stderr "$sensorctl" profile check ./one.yaml
	else
		# By relative paths: the directories above may be closed to others.
		cp "$sensorctl" .
		run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups \
			./sensorctl profile check ./one.yaml
	fi
	wrong one.yaml 'Permission denied'
}

@test "text that is not UTF-8, or not YAML, is refused at its place" {
	printf 'profile: x\ndescription: "caf\xe9"\n' > latin.yaml
	check --json ./latin.yaml
	[ "$status" -eq 2 ]
	jq -e '.errors[0] | .line == 2 and .column == 18' <<< "$output"
	printf 'profile: x\nstreams: [a, b\n' > open.yaml
	check ./open.yaml
	wrong open.yaml:3: 'error'
	head -c 4096 /dev/urandom > noise.yaml
	check ./noise.yaml
	[ "$status" -eq 2 ]
}

@test "nothing of a file reaches the terminal as a control sequence" {
	printf 'profile: "\\x1b[31mred"\nstr\\x1beams: []\n' > red.yaml
	check ./red.yaml
	[ "$status" -eq 2 ]
	[[ $stderr != *$'\x1b'* ]]
}

@test "wrong words after profile are wrong usage" {
	for arguments in "shew one" "check" "show" "active" "list one"; do
		# shellcheck disable=SC2086
		run "$sensorctl" profile $arguments
		[ "$status" -eq 2 ]
	done
}

@test "a counter beyond every length that matches is an error, not a silence" {
	cat >"$BATS_TEST_TMPDIR/beyond.yaml" <<-'END'
		profile: beyond
		protocols:
		  - {protocol: mine, match: {ip_protocol: udp, destination_port: 2368, length: 1206},
		     sequence: {offset: 1300, width: 32, endian: little}}
		streams: [{name: a, protocol: mine}]
	END
	run "$sensorctl" profile check "$BATS_TEST_TMPDIR/beyond.yaml"
	[ "$status" -eq 2 ]
	[[ $output == *"byte 1304"* ]]
}
