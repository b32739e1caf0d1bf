#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# A second pair of eyes (tests/oracle): what a profile makes of a capture, worked out once more in
# Python from the documentation alone, and compared with what sensorctl says.

setup() {
	cd "$BATS_TEST_DIRNAME/.." || return
	captures=${SENSOR_CAPTURES:-$PWD/../shared/captures}
	export PYTHONDONTWRITEBYTECODE=1
	/usr/bin/python3 -c 'import yaml' 2>/dev/null || skip "python3-yaml is not here"
}

need_captures() {
	[ -e "$captures/README.md" ] || skip "no captures in $captures"
}

# The lines of a report that are not "ok".
only_ok() {
	run "$@"
	grep -v '^ok' <<<"$output" || true
	[ "$status" -eq 0 ]
}

@test "the oracle counts each rule as worked out by hand" {
	only_ok /usr/bin/python3 tests/oracle/cases.py
}

@test "the oracle finds in the captures what their documents say" {
	need_captures
	only_ok /usr/bin/python3 tests/oracle/check.py "$captures"
}

@test "the oracle finds the faults that the emulator made" {
	only_ok /usr/bin/python3 tests/oracle/emulated.py build/emulate 4
}

@test "sensorctl accepts each protocol that is installed, without a warning" {
	for file in profiles/protocols/*.yaml; do
		protocol=$(basename "$file" .yaml)
		printf 'profile: one\nstreams: [{name: one, protocol: %s}]\n' "$protocol" >"$BATS_TEST_TMPDIR/one.yaml"
		run build/sensorctl --profile-path profiles profile check "$BATS_TEST_TMPDIR/one.yaml"
		echo "$output"
		[ "$status" -eq 0 ]
		[[ $output != *warning* ]]
	done
}

@test "sensorctl accepts each profile that is installed, without a warning" {
	for file in profiles/*.yaml; do
		run build/sensorctl --profile-path profiles profile check "$file"
		echo "$output"
		[ "$status" -eq 0 ]
		[[ $output != *warning* ]]
	done
}

@test "sensorctl explains each capture under each profile as the oracle does, packet by packet" {
	need_captures
	for file in profiles/*.yaml; do
		profile=$(basename "$file" .yaml)
		for capture in "$captures"/*.pcap; do
			build/sensorctl --profile-path profiles explain "$capture" --profile "$profile" --packets --json |
				/usr/bin/python3 tests/oracle/oracle.py "$capture" --profile "$profile" --packets --compare -
		done
	done
}

# The profiles that are installed know each sensor by one protocol; here each protocol meets its own captures.
@test "sensorctl counts with each protocol in its captures as the oracle does" {
	need_captures
	count=0
	while IFS=$'\t' read -r capture protocol match; do
		printf 'profile: one\nstreams: [{name: one, protocol: %s%s}]\n' "$protocol" \
			"${match:+, match: {$match\}}" >"$BATS_TEST_TMPDIR/one.yaml"
		build/sensorctl --profile-path profiles explain "$captures/$capture" --profile "$BATS_TEST_TMPDIR/one.yaml" \
			--packets --json |
			/usr/bin/python3 tests/oracle/oracle.py "$captures/$capture" --packets --compare - \
				--profile "$BATS_TEST_TMPDIR/one.yaml"
		count=$((count + 1))
	done < <(jq -r 'to_entries[] | .key as $c | .value.streams[] | [$c, .protocol, .match // ""] | @tsv' \
		tests/oracle/expected.json)
	[ "$count" -eq "$(grep -c '"protocol":' tests/oracle/expected.json)" ]
	[ "$count" -gt 0 ]
}
