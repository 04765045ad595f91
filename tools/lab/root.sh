# SPDX-License-Identifier: GPL-2.0
# Builds the private root: a Debian tree with QEMU, kernels, compilers and what
# the guests run. Sourced; knows nothing of VMs.

ROOT_PACKAGES="
debian-archive-keyring ca-certificates apt-utils
gcc g++ make cmake ninja-build pkg-config dpkg-dev sparse perl python3 python3-docutils cython3
libc6-dev libnl-3-dev libnl-route-3-dev libudev-dev libsystemd-dev libnuma-dev
libibverbs-dev librdmacm-dev libibverbs1 ibverbs-providers ibverbs-utils rdma-core rdmacm-utils infiniband-diags perftest python3-pyverbs
openmpi-bin libopenmpi-dev ucx-utils
iproute2 iputils-ping ethtool iperf3 openssh-server openssh-client kmod pciutils fio nvme-cli socat tcpdump
busybox-static e2fsprogs procps psmisc strace less bash-completion
linux-image-amd64 linux-headers-amd64
"
ROOT_BACKPORTS="qemu-system-x86 linux-image-amd64 linux-headers-amd64"
# bump when the recipe below changes in a way the lists do not show
ROOT_VERSION=1

root_hash()
{
	printf '%s\n' "$ROOT_VERSION" "$ROOT_PACKAGES" "$ROOT_BACKPORTS" "$BVF_SUITE" | hash_of
}

root_sources()
{
	local signed="[signed-by=$HOST_KEYRING]"

	printf 'deb %s %s %s main\n' "$signed" "$1" "$BVF_SUITE"
	printf 'deb %s %s %s-updates main\n' "$signed" "$1" "$BVF_SUITE"
	printf 'deb %s %s %s-backports main\n' "$signed" "$1" "$BVF_SUITE"
	[ -z "$2" ] || printf 'deb %s %s %s-security main\n' "$signed" "$2" "$BVF_SUITE"
}

# No initramfs is ever made in here: the lab has its own, and each would cost 20 s.
root_bootstrap()
{
	local include

	# shellcheck disable=SC2086 # a list of packages
	include=$(printf '%s,' $ROOT_PACKAGES)
	root_sources "$2" "$3" | INITRD=No mmdebstrap --variant=apt --mode=root --verbose \
		--skip=check/empty --include="${include%,}" \
		--dpkgopt=force-confold --dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--dpkgopt='path-include=/usr/share/doc/rdma-core/*' \
		--essential-hook='mkdir -p "$1/etc/initramfs-tools" && echo update_initramfs=no > "$1/etc/initramfs-tools/update-initramfs.conf"' \
		--customize-hook="chroot \"\$1\" env INITRD=No DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold -t $BVF_SUITE-backports install $ROOT_BACKPORTS" \
		"$BVF_SUITE" "$1" -
}

root_build()
{
	local want mirror security tmp=$BVF_LAB/root.tmp

	want=$(root_hash)
	if stamp_ok "$BVF_LAB/root.stamp" "$want" && [ -d "$BVF_ROOT" ]; then
		return 0
	fi
	mirror=$(host_mirror)
	security=$(host_security_mirror)
	host_network "$mirror"
	rm -f "$BVF_LAB/root.stamp"
	rm -rf --one-file-system "$tmp" "$BVF_ROOT"
	# A mount namespace of its own: whatever ends this leaves no mount behind.
	if ! BVF_LAB_STEP=root unshare --mount --propagation private \
		bash -c '. "$1/tools/lab/common.sh"; . "$1/tools/lab/host.sh"; . "$1/tools/lab/root.sh"; root_bootstrap "$2" "$3" "$4"' \
		root_bootstrap "$BVF_SRC" "$tmp" "$mirror" "$security" > "$BVF_LAB/root.log" 2>&1; then
		tail -15 "$BVF_LAB/root.log" >&2
		die "the private root could not be built" \
			"see $BVF_LAB/root.log; run the same command again, it starts afresh"
	fi
	mv "$tmp" "$BVF_ROOT"
	root_record
	stamp_write "$BVF_LAB/root.stamp" "$want"
}

# What apt gave us is written down, so that a figure can name its versions.
root_record()
{
	chroot "$BVF_ROOT" dpkg-query -W -f '${Package} ${Version}\n' > "$BVF_LAB/packages.txt"
	kernels > "$BVF_LAB/kernels.txt"
}
