#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What holds for the files of the tree as such.

setup() {
	cd "$BATS_TEST_DIRNAME/.." || return
	git rev-parse --git-dir >/dev/null 2>&1 || skip "no git work tree here: the files to look at are not known"
}

@test "C code is formatted as .clang-format says" {
	command -v clang-format-19 >/dev/null || skip "clang-format-19 is not here"
	run make -s format-check
	grep -oE '^[^ :]+:[0-9]+' <<<"$output" | cut -d: -f1 | sort | uniq -c
	[ "$status" -eq 0 ]
}

@test "shell scripts pass shellcheck" {
	command -v shellcheck >/dev/null || skip "shellcheck is not here"
	mapfile -t scripts < <(git grep -lE '^#!/(usr/bin/env )?(bin/)?(ba)?sh' -- ':!*.bats')
	shellcheck -x "${scripts[@]}"
}

@test "each source file and document names its licence at its top" {
	without=
	for file in $(git ls-files '*.c' '*.h' '*.yaml' '*.bats' '*.bash' '*.py' '*.sh' '*.md' '*.scd' Makefile) \
		$(git grep -lE '^#!' -- ':!*.bats'); do
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: \(GPL-2.0-only\|BSD-2-Clause\)' || without+=" $file"
	done
	echo "without:$without"
	[ -z "$without" ]
}

@test "no check in a bats file is one that can't fail" {
	# Only as a test's last command does "! command" count: elsewhere it is to be "run ! command".
	run awk 'FNR == 1 { negated = "" }
		negated != "" && !/^}/ { print negated; bad = 1 }
		{ negated = /^[[:space:]]+! / ? FILENAME ":" FNR ": " $0 : "" }
		END { exit bad }' $(git ls-files '*.bats')
	echo "$output"
	[ "$status" -eq 0 ]
	# Before bats 1.5 that would be a command named "!".
	for file in $(git grep -lE '^[[:space:]]+run (!|-[0-9])' -- '*.bats'); do
		grep -q '^bats_require_minimum_version 1.5.0' "$file" || { echo "$file requires no version"; return 1; }
	done
}

@test "make help has one line for each target that a user calls" {
	run make -s help
	[ "$status" -eq 0 ]
	for target in all check check-vm check-long demo bench install clean; do
		[ "$(grep -cE "^  $target +[^ ]" <<<"$output")" -eq 1 ]
	done
}

@test "a set-up with nothing missing says nothing" {
	run netns-lab/setup --check build
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "an unknown group of packages is wrong usage" {
	run netns-lab/setup no-such-group
	[ "$status" -eq 2 ]
}
