# SPDX-License-Identifier: GPL-2.0
# Fetches sources through apt, which checks them: rdma-core of the guests' release
# and of the newest suite, and the kernel's checkpatch. Sourced; builds nothing.

SOURCE_NEW_SUITE=sid
SOURCE_VERSION=1
CHECKPATCH_FILES="scripts/checkpatch.pl scripts/spelling.txt scripts/const_structs.checkpatch"

# An apt of our own (lists, cache and sources in one folder), so that the host's is left as it is.
source_apt()
{
	local dir=$1

	shift
	(cd "$dir" && apt-get -q -y -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$dir/lists" -o Dir::Cache="$dir" -o APT::Sandbox::User=root \
		-o Acquire::Languages=none "$@")
}

source_apt_init()
{
	local dir=$1 mirror=$2 signed="[signed-by=$HOST_KEYRING]"

	rm -rf "$dir"
	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	{
		printf 'deb-src %s %s %s main\n' "$signed" "$mirror" "$BVF_SUITE"
		printf 'deb-src %s %s %s main\n' "$signed" "$mirror" "$SOURCE_NEW_SUITE"
		printf 'deb %s %s %s-backports main\n' "$signed" "$mirror" "$BVF_SUITE"
	} > "$dir/sources.list"
	source_apt "$dir" update
}

# source_rdma_core APTDIR SUITE DEST: unpacks the upstream tree; the .dsc is not needed.
source_rdma_core()
{
	local dir=$1 suite=$2 dest=$3 orig

	mkdir -p "$dir/$suite"
	(cd "$dir/$suite" && source_apt "$dir" --print-uris --only-source -t "$suite" source rdma-core > uris)
	orig=$(sed -n "s/^'\([^']*\.orig\.tar\.[a-z0-9]*\)' .* \(SHA256:[0-9a-f]*\)$/\1 \2/p" "$dir/$suite/uris")
	[ -n "$orig" ] || return 1
	/usr/lib/apt/apt-helper download-file "${orig% *}" "$dir/$suite/orig.tar" "${orig#* }" || return 1
	rm -rf "$dest.tmp"
	mkdir -p "$dest.tmp"
	tar -xf "$dir/$suite/orig.tar" -C "$dest.tmp" --strip-components=1
	rm -rf "$dest"
	mv "$dest.tmp" "$dest"
}

# source_checkpatch APTDIR DEST: three scripts out of the newest kernel's source package.
source_checkpatch()
{
	local dir=$1 dest=$2 pkg deb

	pkg=$(source_apt "$dir" --print-uris download linux-source 2> /dev/null |
		sed -n 's/.*linux-source_\([0-9]*\.[0-9]*\).*/linux-source-\1/p')
	[ -n "$pkg" ] || return 1
	source_apt "$dir" download "$pkg" || return 1
	deb=$(ls "$dir/$pkg"_*.deb)
	rm -rf "$dest.tmp"
	mkdir -p "$dest.tmp"
	# shellcheck disable=SC2086 # a list of files
	dpkg-deb --fsys-tarfile "$deb" | tar -xO "./usr/src/$pkg.tar.xz" |
		xz -dc -T2 | tar -x -C "$dest.tmp" --strip-components=1 $(printf "$pkg/%s " $CHECKPATCH_FILES)
	chmod +x "$dest.tmp/scripts/checkpatch.pl"
	rm -rf "$dest"
	mv "$dest.tmp" "$dest"
}

source_hash()
{
	printf '%s\n' "$SOURCE_VERSION" "$BVF_SUITE" "$SOURCE_NEW_SUITE" "$CHECKPATCH_FILES" | hash_of
}

source_fetch()
{
	local want mirror dir=$BVF_LAB/apt.tmp

	want=$(source_hash)
	! stamp_ok "$BVF_LAB/source.stamp" "$want" || return 0
	rm -f "$BVF_LAB/source.stamp"
	mirror=$(host_mirror)
	host_network "$mirror"
	if ! { source_apt_init "$dir" "$mirror" &&
		source_rdma_core "$dir" "$BVF_SUITE" "$BVF_LAB/rdma-core-56" &&
		source_checkpatch "$dir" "$BVF_LAB/checkpatch"; } > "$BVF_LAB/source.log" 2>&1; then
		tail -5 "$BVF_LAB/source.log" >&2
		die "a source package could not be fetched" "see $BVF_LAB/source.log, and run the same command again"
	fi
	# only a second build of the provider uses this one
	source_rdma_core "$dir" "$SOURCE_NEW_SUITE" "$BVF_LAB/rdma-core-new" >> "$BVF_LAB/source.log" 2>&1 ||
		say "      the newest rdma-core is not to be had: the provider is built against one release only"
	rm -rf "$dir"
	stamp_write "$BVF_LAB/source.stamp" "$want"
}
