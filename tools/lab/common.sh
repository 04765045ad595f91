# SPDX-License-Identifier: GPL-2.0
# What every script of the lab shares: paths, messages, locks and stamps.
# Sourced by bash scripts; knows nothing of packages, images or VMs.

set -eu -o pipefail

BVF_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
BVF_BUILD=${BVF_BUILD:-$BVF_SRC/build}
BVF_LAB=$BVF_BUILD/lab
BVF_RUN=$BVF_BUILD/run
BVF_ROOT=$BVF_LAB/root
BVF_SUITE=trixie
export LC_ALL=C.UTF-8

say()
{
	printf '%s\n' "$*" >&2
}

# die MESSAGE REMEDY: a message without a remedy is not finished.
die()
{
	printf 'bvf: error: %s\n' "$1" >&2
	[ $# -lt 2 ] || printf 'bvf: remedy: %s\n' "$2" >&2
	exit 2
}

# A stamp file holds the hash of the recipe its product was made with. It is
# written last, so a product without a matching stamp is never trusted.
stamp_ok()
{
	[ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}

stamp_write()
{
	printf '%s\n' "$2" > "$1.tmp"
	mv -f "$1.tmp" "$1"
}

hash_of()
{
	sha256sum | cut -c1-16
}

# lock NAME: one set-up at a time; the lock goes with the process.
lock()
{
	mkdir -p "$BVF_LAB"
	exec 9> "$BVF_LAB/$1.lock"
	if ! flock -n 9; then
		say "waiting for another bvf set-up in this tree to finish"
		flock 9
	fi
}

# kernels: the releases in the private root, oldest first.
kernels()
{
	local dir

	for dir in "$BVF_ROOT"/lib/modules/*/; do
		[ -d "$dir/build/" ] || [ -L "$dir/build" ] || continue
		dir=${dir%/}
		printf '%s\n' "${dir##*/}"
	done | sort -V
}
