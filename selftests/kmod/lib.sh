# SPDX-License-Identifier: GPL-2.0
# For tests with the module bvf_kverbs in a guest; to be sourced.

. "$(dirname "$0")/../lib/tap.sh"

[ "$(id -u)" = 0 ] || tap_skip_all "needs root"
KV_KO=
for dir in "$(dirname "$0")" "${OUTPUT:-}" /build/selftests/kmod; do
	ko=$dir/kverbs-$(uname -r)/bvf_kverbs.ko
	[ ! -f "$ko" ] || KV_KO=$ko
done
[ -n "$KV_KO" ] || tap_skip_all "no bvf_kverbs.ko for this kernel"
PCI=$(basename "$(ls -d /sys/bus/pci/drivers/bvf/0* 2> /dev/null | head -1)")
[ -n "$PCI" ] && [ -d /sys/module/bvf_ib ] || tap_skip_all "no bvf function with bvf_ib"

# What the module says from here on is what kv_said shows.
kv_mark()
{
	KV_MARK="kverbs $$ $(date +%s%N)"
	echo "$KV_MARK" > /dev/kmsg
}

kv_said()
{
	dmesg | sed "1,/$KV_MARK/d" | sed -n 's/^.*bvf_kverbs: //p'
}

kv_unload()
{
	[ ! -d /sys/module/bvf_kverbs ] || rmmod bvf_kverbs
}

# wait_for SECONDS CONDITION
wait_for()
{
	i=0
	while ! eval "$2"; do
		i=$((i + 1))
		[ $i -lt $(($1 * 10)) ] || return 1
		sleep 0.1
	done
}

trap kv_unload EXIT
