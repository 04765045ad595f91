#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hot unplug of a function whose RDMA device is held open, and plugging it in again.
# Has VMs of its own: with irq=msi, since QEMU 11.1 aborts when it unplugs MSI-X.

set -u
SRC=$(cd "$(dirname "$0")/../.." && pwd -P)
LAB=${BVF_LAB_CMD:-$SRC/tools/lab/bvf-lab}
trap '"$LAB" down > /dev/null 2>&1' EXIT
trap 'exit 130' INT TERM HUP
"$LAB" up -n 2 --irq msi ${BVF_KERNEL:+--kernel "$BVF_KERNEL"} > /dev/null 2>&1 && "$LAB" setup > /dev/null 2>&1 ||
	{ echo "1..1"; echo "not ok 1 two VMs with irq=msi start"; exit 1; }
. "$SRC/selftests/vm/lib.sh"

ADD='{"execute":"device_add","arguments":{"driver":"vfio-user-pci","id":"card0","bus":"rp0","x-msg-timeout":30000,"socket":{"type":"unix","path":"card/fn1.sock"}}}'

gone()
{
	local i

	for i in $(seq 60); do
		vm 1 '! ls -d /sys/bus/pci/drivers/bvf/0* > /dev/null 2>&1' && return 0
		sleep 0.25
	done
	return 1
}

works()
{
	pair /build/selftests/verbs/rc_pair "/build/selftests/verbs/rc_pair -n 10 $IP0"
}

# Traffic in flight and another process that just holds the device.
unplug()
{
	vm 0 'timeout 20 ib_write_bw -F -D 15 > /dev/null 2>&1 & :'
	vm 1 "timeout 20 ib_write_bw -F -D 15 $IP0 > /dev/null 2>&1 & timeout 20 ibv_asyncwatch > /dev/null 2>&1 & sleep 2"
	"$LAB" qmp 1 '{"execute":"device_del","arguments":{"id":"card0"}}' && gone
}

replug()
{
	"$LAB" qmp 1 "$ADD" && sleep 1 && setup_again 1 && works
}

clean()
{
	! vm 1 dmesg | grep -E 'WARNING|BUG:|Call Trace|Oops|blocked for more'
}

tap_plan 4
tap_run "RDMA works with MSI" works
tap_run "unplug with open users and traffic" unplug
tap_run "plug in again and use" replug
tap_run "kernel log stays clean" clean
tap_end
