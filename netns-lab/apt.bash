# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A private apt: own sources, own lists, own pins, made from the machine's own Debian source. So
# packages of other suites can be had without a change to the machine's configuration, and no mirror
# is named here. Proxies, hooks and Acquire settings of the machine stay in force.
#
# Sourced by setup and vm. A source entry is what apt calls it: FILE:N, the N-th line of a one-line
# file or the N-th stanza of a deb822 file.

cache=${XDG_CACHE_HOME:-/var/cache}/sensorctl
codename=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")

die() {
	local code=$1
	shift
	echo "${0##*/}: $*" >&2
	exit "$code"
}

# "ENTRY URI SUITE CODENAME" for each Debian source of the machine that apt has lists of
debian_sources() {
	# shellcheck disable=SC2016  # apt fills these in
	apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(SOURCESENTRY) $(REPO_URI) $(RELEASE) $(CODENAME)' \
		'Created-By: Packages' 2>/dev/null |
		awk '$1 == "Debian" && $2 == "main" && $4 !~ /^cdrom/ && !seen[$4 $5]++ {print $3, $4, $5, $6}'
}

# The same, of a machine that may never have called apt-get update
machine_sources() {
	local found
	found=$(debian_sources)
	if [ -z "$found" ]; then
		# A third-party source that can't be reached must not stop us: what counts is the result.
		apt-get -qq update >/dev/null 2>&1 </dev/null
		found=$(debian_sources)
	fi
	[ -n "$found" ] || die 1 "no Debian source among apt's: apt-get indextargets names none. Add one and run apt-get update."
	echo "$found"
}

# write_source DIR NAME ENTRY URI SUITE: the machine's entry again, with its key and its options, for another suite
write_source() {
	local dir=$1 name=$2 entry=$3 uri=$4 suite=$5
	local file=${entry%:*} n=${entry##*:}

	if [[ $file == *.sources ]]; then
		{
			grep -v '^#' "$file" | awk -v n="$n" 'BEGIN {RS = ""; FS = "\n"} NR == n' |
				awk '/^[^ \t]/ {keep = tolower($0) !~ /^(types|uris|suites|components|enabled):/} keep'
			printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$suite"
		} >"$dir/$name.sources"
	else
		local options=
		[[ $(sed -n "${n}p" "$file") =~ ^[[:space:]]*deb[[:space:]]+(\[[^]]*\]) ]] && options=${BASH_REMATCH[1]}
		echo "deb $options $uri $suite main" >"$dir/$name.list"
	fi
}

# private_apt NAME SUITE...: makes the configuration. "machine" stands for all suites that the machine itself uses.
private_apt() {
	local name=$1 dir=$cache/apt/$1 sources entry uri suite code base_entry='' base_uri='' i=0
	shift

	sources=$(machine_sources) || exit
	mkdir -p "$dir/lists/partial" || die 1 "cannot make $dir: set XDG_CACHE_HOME to a directory that can be written."
	rm -rf "$dir/sources" && mkdir "$dir/sources"
	while read -r entry uri suite code; do
		[ "$code" = "$codename" ] && base_entry=$entry base_uri=$uri
	done <<<"$sources"
	[ -n "$base_entry" ] || die 1 "none of the machine's Debian sources is for '$codename'."

	for suite; do
		if [ "$suite" = machine ]; then
			while read -r entry uri code _; do
				write_source "$dir/sources" "$((i++))" "$entry" "$uri" "$code"
			done <<<"$sources"
		elif [[ " $* " != *" machine "* ]] || ! awk -v s="$suite" '$4 == s {f = 1} END {exit !f}' <<<"$sources"; then
			write_source "$dir/sources" "$((i++))" "$base_entry" "$base_uri" "$suite"
		fi
	done
	: >"$dir/preferences"
	: >"$dir/status"
	cat >"$dir/apt.conf" <<-END
		Dir::Etc::SourceList "/dev/null";
		Dir::Etc::SourceParts "$dir/sources";
		Dir::Etc::Preferences "$dir/preferences";
		Dir::Etc::PreferencesParts "/dev/null";
		Dir::State::Lists "$dir/lists";
		Dir::Cache::pkgcache "";
		Dir::Cache::srcpkgcache "";
		Acquire::Languages "none";
		Acquire::Retries "3";
		DPkg::Lock::Timeout "300";
	END
	# apt's own user can't enter a private cache directory.
	[ -z "${XDG_CACHE_HOME:-}" ] || echo 'APT::Sandbox::User "root";' >>"$dir/apt.conf"
}

# apt_get NAME ARGUMENTS: apt-get with that configuration
apt_get() {
	local name=$1
	shift
	DEBIAN_FRONTEND=noninteractive apt-get -c "$cache/apt/$name/apt.conf" "$@" </dev/null
}

# The packages of a kernel that matter here: PACKAGE itself and what it needs of its own version. Recent kernels
# come as linux-image (empty), linux-base, linux-binary and linux-modules, older ones as one linux-image.
kernel_packages() {
	apt-cache -c "$cache/apt/$1/apt.conf" -o Dir::State::status="$cache/apt/$1/status" depends --recurse \
		--no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "$2" |
		grep -E '^linux-(image|base|binary|modules)-[0-9]' | sort -u
}

# unpack CONFIGURATION DIR PACKAGE...: downloads packages and unpacks them into DIR; nothing is installed
unpack() {
	local name=$1 dir=$2 deb
	shift 2
	mkdir -p "$dir/.deb"
	(cd "$dir/.deb" && apt_get "$name" -qq -o Dir::State::status="$cache/apt/$name/status" \
		-o APT::Sandbox::User=root download "$@") || return 1
	for deb in "$dir"/.deb/*.deb; do
		dpkg-deb -x "$deb" "$dir" || return 1
	done
	rm -rf "$dir/.deb"
}
