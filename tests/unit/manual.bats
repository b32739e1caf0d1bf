#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The man pages say what the program says: its verbs, their synopses, their options; and the
# profile's keys.

setup_file() {
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export top sensorctl=$top/build/sensorctl page=$top/docs/sensorctl.8.scd
}

setup() {
	[ -x "$sensorctl" ] || skip "needs $sensorctl: make"
}

verbs() {
	"$sensorctl" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# What --help lists under a heading, as "-p, --profile NAME|FILE".
options_of_help() {
	awk -v title="$1" '$0 == title { on = 1; next } /^$/ { on = 0 } on {
		sub(/^ +/, ""); sub(/  .*/, ""); print }' | sort
}

# What a section of the page lists.
options_of_page() {
	awk -v title="$1" '/^#/ { on = $0 == title || index($0, title " ") == 1 } on && /^\*-/' "$page" |
		tr -d '*_' | sort
}

@test "sensorctl(8) has the verbs of --help, in its order" {
	[ "$(sed -n 's/^## \([a-z]*\).*/\1/p' "$page")" = "$(verbs)" ]
}

@test "sensorctl(8) has each verb's synopsis" {
	for verb in $(verbs); do
		usage=$("$sensorctl" "$verb" --help | sed -n '1s/^Usage: sensorctl //p')
		grep -qxF "## $usage" "$page" || { echo "missing: ## $usage" && false; }
	done
}

@test "sensorctl(8) has each verb's options, and no others" {
	for verb in $(verbs); do
		diff <(options_of_page "## $verb") <("$sensorctl" "$verb" --help | options_of_help "Options:")
	done
}

@test "sensorctl(8) has the options of every verb" {
	diff <(options_of_page "# OPTIONS") \
		<("$sensorctl" attach --help | options_of_help "Options of every verb:")
}

@test "sensorctl(8) has every choice of an option" {
	for verb in $(verbs); do
		for choice in $("$sensorctl" "$verb" --help | sed -n 's/.*(\([a-z|]*|[a-z|]*\))$/\1/p' | tr '|' ' '); do
			grep -q "\*$choice\*" "$page" || { echo "$verb: $choice" && false; }
		done
	done
}

@test "sensorctl-profile(5) has every key that the compiler knows" {
	# It names them itself, when it meets one that it does not know.
	file=$BATS_TEST_TMPDIR/wrong.yaml
	cat >"$file" <<-END
		profile: wrong
		xxxxx: 1
		streams: [{name: a, match: {xxxxx: 1}, xxxxx: 1, readers: {xxxxx: 1}, budget: {xxxxx: 1}}]
		classes: {bulk: {xxxxx: 1}, xxxxx: {}}
		essentials: {xxxxx: drop}
		default: {xxxxx: 1}
		threads: [{comm: a, xxxxx: 1}]
		egress: [{name: a, xxxxx: 1}]
	END
	run bash -c "\"$sensorctl\" profile check \"$file\" --json 2>/dev/null"
	[ "$status" -eq 2 ]
	keys=$(jq -r '.errors[] | select(.message | startswith("unknown key")) | .expected' <<<"$output" |
		sed 's/^one of //' | tr -d ' ' | tr , '\n' | sort -u)
	[ "$(wc -l <<<"$keys")" -gt 50 ]
	for key in $keys; do
		grep -q "\*$key\*" "$top/docs/sensorctl-profile.5.scd" || { echo "missing: $key" && false; }
	done
}

@test "the pages can be formatted" {
	command -v scdoc >/dev/null || skip "scdoc is not installed"
	for page in "$top"/docs/*.scd; do
		scdoc <"$page" >/dev/null
	done
}

@test "the profile that sensorctl-profile(5) shows is a good one" {
	awk '/^```/ { on = !on; next } on' "$top/docs/sensorctl-profile.5.scd" >"$BATS_TEST_TMPDIR/shown.yaml"
	run "$sensorctl" profile check "$BATS_TEST_TMPDIR/shown.yaml" --json
	[ "$status" -eq 0 ]
	[ "$(jq '.errors + .warnings | length' <<<"$output")" = 0 ]
}
