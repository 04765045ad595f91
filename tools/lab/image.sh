# SPDX-License-Identifier: GPL-2.0
# Makes what a guest boots from: one read-only image of the private root, a small
# initrd for each kernel, and keys. Sourced; starts no VM.

IMAGE_VERSION=2
IMAGE_MODULES="virtio_blk ext4 overlay virtio_net 9pnet_virtio 9p"
# unpacked once here, so that no guest spends its time on xz
IMAGE_UNPACK="drivers/infiniband drivers/block drivers/net/virtio_net drivers/net/net_failover drivers/nvme
drivers/virtio fs/9p fs/netfs fs/fscache fs/ext4 fs/jbd2 fs/mbcache fs/overlayfs fs/configfs net lib crypto arch"
IMAGE_DROP="sound drivers/gpu drivers/media drivers/staging drivers/net/wireless drivers/net/ethernet drivers/iio
drivers/hid drivers/comedi drivers/isdn drivers/usb net/bluetooth net/wireless net/mac80211"

image_hash()
{
	printf '%s\n' "$IMAGE_VERSION" "$IMAGE_MODULES" "$IMAGE_UNPACK" "$IMAGE_DROP" \
		"$(cat "$BVF_LAB/root.stamp" "$BVF_LAB/packages.txt")" | hash_of
}

image_modules()
{
	local kernel dir sub

	for kernel in $(kernels); do
		dir=$BVF_ROOT/lib/modules/$kernel/kernel
		for sub in $IMAGE_DROP; do
			rm -rf "${dir:?}/$sub"
		done
		for sub in $IMAGE_UNPACK; do
			find "$dir/$sub"* -name '*.ko.xz' -print0 2> /dev/null || true
		done | xargs -0 -r xz -d -f
		chroot "$BVF_ROOT" depmod "$kernel"
	done
}

image_keys()
{
	local dir=$BVF_LAB/keys

	[ ! -f "$dir/host.pub" ] || return 0
	rm -rf "$dir" "$dir.tmp"
	mkdir -p "$dir.tmp"
	ssh-keygen -q -t ed25519 -N '' -C bvf-lab -f "$dir.tmp/user"
	ssh-keygen -q -t ed25519 -N '' -C bvf-lab -f "$dir.tmp/host"
	mv "$dir.tmp" "$dir"
}

image_build()
{
	local want size tmp=$BVF_LAB/image.ext4.tmp

	want=$(image_hash)
	if stamp_ok "$BVF_LAB/image.stamp" "$want" && [ -f "$BVF_LAB/image.ext4" ]; then
		return 0
	fi
	rm -f "$BVF_LAB/image.stamp" "$BVF_LAB"/image.ext4* "$BVF_LAB"/boot-*/stamp
	image_modules
	mkdir -p "$BVF_ROOT"/bvf "$BVF_ROOT"/build "$BVF_ROOT"/out
	size=$(du -sxk --apparent-size "$BVF_ROOT" | cut -f1)
	truncate -s "$((size + size / 4 + 262144))K" "$tmp"
	mke2fs -q -t ext4 -O ^has_journal -m 0 -E root_owner=0:0 -d "$BVF_ROOT" "$tmp" > "$BVF_LAB/image.log" 2>&1 ||
		die "the guest image could not be made" "see $BVF_LAB/image.log; is the disk full?"
	mv "$tmp" "$BVF_LAB/image.ext4"
	stamp_write "$BVF_LAB/image.stamp" "$want"
}

# initrd_modules KERNEL: files to load for IMAGE_MODULES, dependencies first.
initrd_modules()
{
	awk -v want="$IMAGE_MODULES" '
	function base(path) { sub(/.*\//, "", path); sub(/\.ko.*/, "", path); gsub(/-/, "_", path); return path }
	function visit(path,   list, n, i) {
		if (path in seen)
			return
		seen[path] = 1
		n = split(deps[path], list, " ")
		for (i = n; i >= 1; i--)
			visit(list[i])
		print path
	}
	{ path = $1; sub(/:$/, "", path); $1 = ""; deps[path] = $0; at[base(path)] = path }
	END {
		n = split(want, names, " ")
		for (k = 1; k <= n; k++) {
			if (names[k] in at)
				visit(at[names[k]])
			# ext4 asks for its checksum by name, which modules.dep does not show on older kernels
			if (names[k] == "ext4" && ("crc32c_generic" in at))
				visit(at["crc32c_generic"])
		}
	}' "$BVF_ROOT/lib/modules/$1/modules.dep"
}

initrd_tree()
{
	local kernel=$1 dir=$2 src=$BVF_SRC/tools/lab/guest keys=$BVF_LAB/keys path cmd

	mkdir -p "$dir"/bin "$dir"/dev "$dir"/proc "$dir"/sys "$dir"/ro "$dir"/rw "$dir"/new "$dir"/mods
	cp "$BVF_ROOT/usr/bin/busybox" "$dir/bin/"
	for cmd in sh mount mkdir insmod sleep cp switch_root; do
		ln -s busybox "$dir/bin/$cmd"
	done
	for path in $(initrd_modules "$kernel"); do
		case $path in
		*.xz) xz -dc "$BVF_ROOT/lib/modules/$kernel/$path" > "$dir/mods/$(basename "$path" .xz)" ;;
		*) cp "$BVF_ROOT/lib/modules/$kernel/$path" "$dir/mods/" ;;
		esac
		basename "$path" .xz >> "$dir/mods/order"
	done
	install -m 755 "$src/initrd-init" "$dir/init"
	install -D -m 755 "$src/init" "$dir/guest/usr/lib/bvf/init"
	install -D -m 755 "$src/bvf-guest-setup" "$dir/guest/usr/local/bin/bvf-guest-setup"
	install -D -m 755 "$src/bvf-guest-dev" "$dir/guest/usr/local/bin/bvf-guest-dev"
	install -D -m 644 "$src/sshd_config" "$dir/guest/etc/bvf/sshd_config"
	install -D -m 600 "$keys/host" "$dir/guest/etc/bvf/ssh_host_key"
	install -d -m 700 "$dir/guest/root/.ssh"
	install -m 600 "$keys/user" "$dir/guest/root/.ssh/id_ed25519"
	install -m 600 "$keys/user.pub" "$dir/guest/root/.ssh/authorized_keys"
	printf 'Host *\n\tStrictHostKeyChecking no\n\tUserKnownHostsFile /dev/null\n\tLogLevel ERROR\n' \
		> "$dir/guest/root/.ssh/config"
	chmod 600 "$dir/guest/root/.ssh/config"
}

initrd_hash()
{
	cat "$BVF_LAB/image.stamp" "$BVF_SRC"/tools/lab/guest/* "$BVF_LAB/keys/user.pub" \
		"$BVF_SRC/tools/lab/image.sh" | hash_of
}

initrd_done()
{
	local kernel want nr=0

	want=$(initrd_hash)
	for kernel in $(kernels); do
		stamp_ok "$BVF_LAB/boot-$kernel/stamp" "$want" || return 1
		nr=$((nr + 1))
	done
	[ $nr -gt 0 ]
}

initrd_build()
{
	local kernel want dir

	want=$(initrd_hash)
	for kernel in $(kernels); do
		dir=$BVF_LAB/boot-$kernel
		! stamp_ok "$dir/stamp" "$want" || continue
		rm -rf "$dir" "$dir.tmp"
		mkdir -p "$dir.tmp/tree"
		cp "$BVF_ROOT/boot/vmlinuz-$kernel" "$dir.tmp/vmlinuz"
		initrd_tree "$kernel" "$dir.tmp/tree"
		(cd "$dir.tmp/tree" && find . | cpio -o -H newc -R 0:0 --quiet) > "$dir.tmp/initrd"
		rm -rf "$dir.tmp/tree"
		mv "$dir.tmp" "$dir"
		stamp_write "$dir/stamp" "$want"
	done
}
