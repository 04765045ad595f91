# SPDX-License-Identifier: GPL-2.0
# What the host must be and have before anything is built, each with a remedy.
# Sourced; knows nothing of the private root beyond the space it needs.

HOST_DISK_KB=$((10 * 1024 * 1024))
HOST_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# command or file to look for, and the package that brings it
HOST_NEEDS="
mmdebstrap:mmdebstrap
mke2fs:e2fsprogs
gcc:gcc
make:make
pkg-config:pkg-config
cpio:cpio
xz:xz-utils
perl:perl
ssh:openssh-client
ssh-keygen:openssh-client
unshare:util-linux
file:/usr/include/stdlib.h:libc6-dev
file:$HOST_KEYRING:debian-archive-keyring
"

host_check()
{
	local free

	[ "$(id -u)" = 0 ] || die "the set-up needs root, to install packages and to make the private root" \
		"run it again as root: sudo make ..."
	[ "$(uname -m)" = x86_64 ] || die "this machine is $(uname -m), the lab is for x86-64 only" \
		"use an x86-64 machine; 'make card' alone needs no lab"
	command -v apt-get > /dev/null || die "this host has no apt-get" \
		"use Debian 12 or newer (or a derivative with apt)"
	mkdir -p "$BVF_LAB"
	free=$(df -Pk "$BVF_LAB" | awk 'NR == 2 { print $4 }')
	if [ ! -d "$BVF_ROOT" ] && [ "$free" -lt "$HOST_DISK_KB" ]; then
		die "only $((free / 1024 / 1024)) GiB free under $BVF_BUILD, the lab needs $((HOST_DISK_KB / 1024 / 1024)) GiB" \
			"free some space, or put the checkout on a larger disk"
	fi
}

# host_missing: the packages the host lacks, one a line.
host_missing()
{
	local need

	for need in $HOST_NEEDS; do
		case $need in
		file:*)
			need=${need#file:}
			[ -e "${need%%:*}" ] || printf '%s\n' "${need##*:}" ;;
		*)
			command -v "${need%%:*}" > /dev/null || printf '%s\n' "${need##*:}" ;;
		esac
	done | sort -u
}

# apt_retry ARGS: apt-get, waiting for whoever else holds the dpkg lock.
apt_retry()
{
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

host_packages()
{
	local missing

	missing=$(host_missing | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	say "      installing on the host: $missing"
	# shellcheck disable=SC2086 # a list of packages
	if ! { apt_retry update && apt_retry install --no-install-recommends $missing; } \
		> "$BVF_LAB/apt.log" 2>&1; then
		tail -5 "$BVF_LAB/apt.log" >&2
		die "apt-get could not install: $missing" \
			"check the network and the host's apt sources, see $BVF_LAB/apt.log"
	fi
}

# host_archive LABEL: the address from which the host's own apt has Debian's archive of that name.
host_archive()
{
	apt-get indextargets --format '$(SITE) $(ORIGIN) $(LABEL)' 'Identifier: Packages' 2> /dev/null |
		awk -v label="$1" '$2 == "Debian" && $3 == label { print $1; exit }'
}

# host_mirror: the archive that MIRROR= names, or else the one of the host's apt.
host_mirror()
{
	local site=${MIRROR:-}

	[ -n "$site" ] || site=$(host_archive Debian)
	if [ -z "$site" ]; then
		# apt without lists does not know whose archive is whose
		apt_retry update > "$BVF_LAB/apt.log" 2>&1 || true
		site=$(host_archive Debian)
	fi
	[ -n "$site" ] || die "the host's apt names no Debian archive" \
		"check the network and the host's apt sources, or give one: make MIRROR=<address of a Debian archive> ..."
	printf '%s\n' "${site%/}"
}

# host_security_mirror: the archive with security updates, empty if apt has none.
host_security_mirror()
{
	[ -n "${MIRROR:-}" ] || host_archive Debian-Security
}

host_network()
{
	local probe=$BVF_LAB/probe.tmp

	if ! timeout 60 /usr/lib/apt/apt-helper download-file \
		"$1/dists/$BVF_SUITE/InRelease" "$probe" > /dev/null 2>&1; then
		rm -f "$probe"
		die "cannot reach the package archive $1" \
			"check the network (and http_proxy), or name another archive: make MIRROR=<address> ..."
	fi
	rm -f "$probe"
}
