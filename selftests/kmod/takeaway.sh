#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A kernel user with QPs in use, while its device goes in every way there is: it
# gets to drain them each time, with all receives flushed.

. "$(dirname "$0")/lib.sh"

port_active()
{
	grep -qs ACTIVE /sys/bus/pci/devices/"$PCI"/infiniband/*/ports/1/state
}

# Loads the module on a working device, takes the device away, sees that it was drained.
drained_after()
{
	kv_unload
	ip link set "$(ls /sys/bus/pci/devices/"$PCI"/net)" up
	wait_for 10 port_active || { echo "port is not active"; return 1; }
	kv_mark
	insmod "$KV_KO" hold=1
	kv_said | grep -q '^holding' || { echo "no pair"; return 1; }
	"$@"
	wait_for 20 'kv_said | grep -q "^drained, 5 flushed"' || { kv_said; return 1; }
	wait_for 20 "[ -d /sys/bus/pci/devices/$PCI/infiniband ]"
}

reload_ib()
{
	rmmod bvf_ib
	insmod "/build/kmod-$(uname -r)/bvf_ib.ko"
}

rebind()
{
	echo "$PCI" > /sys/bus/pci/drivers/bvf/unbind
	echo "$PCI" > /sys/bus/pci/drivers/bvf/bind
}

flr()
{
	echo 1 > "/sys/bus/pci/devices/$PCI/reset"
}

# The card stops a function without bus mastering; the driver finds it dead, and starts it anew.
die()
{
	setpci -s "$PCI" COMMAND=0002
	cat /sys/class/infiniband/*/ports/1/hw_counters/tx_msgs > /dev/null 2>&1 || true
}

command -v bvf-guest-setup > /dev/null || tap_skip_all "not in a lab's guest"
tap_plan 4
tap_run "module unloaded and loaded" drained_after reload_ib
tap_run "driver unbound and bound" drained_after rebind
tap_run "function level reset" drained_after flr
tap_run "function dead" drained_after die
kv_unload
bvf-guest-setup > /dev/null
tap_end
