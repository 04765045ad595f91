# SPDX-License-Identifier: GPL-2.0
# Which QEMU, which accelerator, and the command line of one VM. Sourced; keeps no
# state of VMs and starts none but the probe.

QEMU_MIN_MAJOR=11
QEMU_MIN_MINOR=1
QEMU_PROBE_S=15

# qemu_usable CMD...: new enough, and with the vfio-user client?
qemu_usable()
{
	local version

	version=$("$@" --version 2> /dev/null | sed -n 's/^QEMU emulator version \([0-9]*\.[0-9]*\).*/\1/p')
	[ -n "$version" ] || return 1
	[ "${version%.*}" -gt $QEMU_MIN_MAJOR ] ||
		{ [ "${version%.*}" -eq $QEMU_MIN_MAJOR ] && [ "${version#*.}" -ge $QEMU_MIN_MINOR ]; } || return 1
	"$@" -device help 2> /dev/null | grep -q '"vfio-user-pci"'
}

# The private root's QEMU runs by the root's own loader: no chroot, so no mounts.
qemu_private()
{
	local lib=$BVF_ROOT/usr/lib/x86_64-linux-gnu

	QEMU=("$BVF_ROOT/usr/lib64/ld-linux-x86-64.so.2" --library-path "$lib" --argv0 qemu-system-x86_64
		"$BVF_ROOT/usr/bin/qemu-system-x86_64")
	QEMU_DATA=(-L "$BVF_ROOT/usr/share/qemu" -L "$BVF_ROOT/usr/share/seabios")
	export QEMU_MODULE_DIR=$lib/qemu
}

qemu_select()
{
	local kind

	kind=$(sed -n 's/^qemu=//p' "$BVF_LAB/qemu.conf" 2> /dev/null || true)
	QEMU_DATA=()
	case $kind in
	host) QEMU=(qemu-system-x86_64) ;;
	private) qemu_private ;;
	*) die "the lab is not set up" "run: make lab" ;;
	esac
}

qemu_key()
{
	{
		cat "$BVF_LAB/root.stamp" 2> /dev/null
		kernels
		[ -c /dev/kvm ] && echo kvm
		stat -L -c "%n %Y %s" "$(command -v qemu-system-x86_64)" 2> /dev/null || true
		cat /proc/version
	} | hash_of
}

qemu_known()
{
	[ "$(sed -n 's/^key=//p' "$BVF_LAB/qemu.conf" 2> /dev/null)" = "$(qemu_key)" ]
}

# Boots the kernel as a VM would be booted, up to init, under the accelerator given.
qemu_boots()
{
	local accel=$1 cpu=$2 kernel=$3 dir=$BVF_LAB/probe.tmp pid i=0 ok=1

	rm -rf "$dir"
	mkdir -p "$dir"
	"${QEMU[@]}" "${QEMU_DATA[@]}" -machine q35 -accel "$accel" -cpu "$cpu" -m 512 -nodefaults -display none \
		-no-reboot -kernel "$BVF_LAB/boot-$kernel/vmlinuz" -initrd "$BVF_LAB/boot-$kernel/initrd" \
		-append "console=ttyS0 quiet panic=-1 rdinit=/bin/busybox -- echo bvf-probe-ok" \
		-serial "file:$dir/console" > "$dir/log" 2>&1 < /dev/null &
	pid=$!
	while [ $i -lt $((QEMU_PROBE_S * 10)) ]; do
		if grep -qs bvf-probe-ok "$dir/console"; then
			ok=0
			break
		fi
		kill -0 $pid 2> /dev/null || break
		! grep -qs 'KVM internal error' "$dir/log" || break
		sleep 0.1
		i=$((i + 1))
	done
	kill -9 $pid 2> /dev/null || true
	wait $pid 2> /dev/null || true
	QEMU_WHY=$(grep -m1 . "$dir/log" || echo "no sign of life in $QEMU_PROBE_S s")
	rm -rf "$dir"
	return $ok
}

# qemu_probe: settle QEMU and accelerator once for this host, kernel and QEMU.
qemu_probe()
{
	local kind accel=tcg why kernel

	! qemu_known || return 0
	QEMU_DATA=()
	if command -v qemu-system-x86_64 > /dev/null && qemu_usable qemu-system-x86_64; then
		kind=host
		QEMU=(qemu-system-x86_64)
	else
		kind=private
		qemu_private
		qemu_usable "${QEMU[@]}" || die "no usable QEMU: need $QEMU_MIN_MAJOR.$QEMU_MIN_MINOR or newer with vfio-user-pci" \
			"make distclean && make lab; or install such a QEMU on the host"
	fi
	kernel=$(kernels | tail -1)
	if [ ! -c /dev/kvm ]; then
		why="this host has no /dev/kvm"
	elif qemu_boots kvm host "$kernel"; then
		accel=kvm
		why="a stock kernel boots under it"
	else
		why="a stock kernel does not boot under KVM here ($QEMU_WHY)"
	fi
	printf 'qemu=%s\naccel=%s\nwhy=%s\nkey=%s\n' "$kind" "$accel" "$why" "$(qemu_key)" > "$BVF_LAB/qemu.conf.tmp"
	mv "$BVF_LAB/qemu.conf.tmp" "$BVF_LAB/qemu.conf"
	say "      QEMU: $kind, accelerator: $accel, because $why"
}

qemu_accel_args()
{
	case $1 in
	kvm) printf '%s\n' -accel kvm -cpu host ;;
	*) printf '%s\n' -accel tcg,thread=multi -cpu max ;;
	esac
}

# qemu_args N: the command line of VM N, one word a line, from the settings of the
# running lab (LAB_*). Sockets are relative to the run directory: their paths are short.
qemu_args()
{
	local n=$1 boot=$BVF_LAB/boot-$LAB_KERNEL

	printf '%s\n' -name "bvf-vm$n" -machine q35,memory-backend=mem
	qemu_accel_args "$LAB_ACCEL"
	printf '%s\n' -smp "$LAB_CPUS" -m "$LAB_MEM" -object "memory-backend-memfd,id=mem,size=$LAB_MEM,share=on" \
		-nodefaults -no-user-config -display none -kernel "$boot/vmlinuz" -initrd "$boot/initrd" \
		-append "console=ttyS0 quiet loglevel=5 kfence.sample_interval=100 mitigations=off tsc=reliable no_timer_check bvf.vm=$n${LAB_HUGE:+ bvf.hugepages=$LAB_HUGE}" \
		-chardev "socket,id=con,path=vm$n/console.sock,server=on,wait=off,logfile=vm$n/console.log,logappend=on" \
		-serial chardev:con -qmp "unix:vm$n/qmp.sock,server=on,wait=off" \
		-drive "if=none,id=disk,file=$BVF_LAB/image.ext4,format=raw,readonly=on,file.locking=off" \
		-device virtio-blk-pci,drive=disk \
		-netdev "user,id=mgmt,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:$(cat "$BVF_RUN/vm$n/port")-10.0.2.15:22" \
		-device "virtio-net-pci,netdev=mgmt,mac=52:54:00:00:00:0$((n + 1)),romfile="
	qemu_share "$n" bvf "$BVF_SRC" on
	qemu_share "$n" build "$BVF_BUILD" on
	qemu_share "$n" out "$BVF_RUN/vm$n/out" off
	qemu_pair "$n"
	if [ "$LAB_CARD" = 1 ]; then
		printf '%s\n' -device pcie-root-port,id=rp0,chassis=1,slot=1 \
			-device "{\"driver\":\"vfio-user-pci\",\"id\":\"card0\",\"bus\":\"rp0\",\"x-msg-timeout\":30000,\"socket\":{\"type\":\"unix\",\"path\":\"card/fn$n.sock\"}}"
	fi
}

qemu_share()
{
	printf '%s\n' -fsdev "local,id=$2,path=$3,security_model=none,readonly=$4,multidevs=remap" \
		-device "virtio-9p-pci,fsdev=$2,mount_tag=$2"
}

# The first two VMs share a plain virtio link, for the baselines: rxe and TCP run over it.
qemu_pair()
{
	local addr=addr.type=unix,addr.path=pair.sock

	[ "$LAB_NR" -ge 2 ] || return 0
	case $1 in
	0) printf '%s\n' -netdev "stream,id=pair,server=on,$addr" ;;
	1) printf '%s\n' -netdev "stream,id=pair,server=off,reconnect-ms=500,$addr" ;;
	*) return 0 ;;
	esac
	printf '%s\n' -device "virtio-net-pci,netdev=pair,mac=52:54:00:00:01:0$(($1 + 1)),romfile="
}
