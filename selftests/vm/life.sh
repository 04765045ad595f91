#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Life cycle of a function beside a peer that goes on: module reload, FLR, sleep,
# guest reboot, a QEMU killed under load.

. "$(dirname "$0")/lib.sh"
dev0=$(ibdev 0) gid0=$(gid_index 0)

works()
{
	pair /build/selftests/verbs/rc_pair "/build/selftests/verbs/rc_pair -n 10 $IP0"
}

reload20()
{
	VM_TIMEOUT=200 vm 1 'for i in $(seq 20); do bvf-guest-setup --unload && bvf-guest-setup || exit 1; done' && works
}

flr()
{
	vm 1 'echo 1 > $(readlink -f /sys/bus/pci/drivers/bvf/0*)/reset' && sleep 1 && setup_again 1 && works
}

# As far as devices, and back. The guest's 9p does not survive it: the program is
# copied before, and a reboot has to come next.
doze()
{
	vm 1 'cp /build/selftests/verbs/rc_pair /tmp && echo 1 > /sys/module/suspend/parameters/pm_test_delay &&
		echo devices > /sys/power/pm_test && echo freeze > /sys/power/state' &&
		vm 1 "ping -q -c 3 -i 0.2 $IP0" &&
		pair /build/selftests/verbs/rc_pair "/tmp/rc_pair -n 10 $IP0"
}

reboot()
{
	"$LAB" reboot 1 && setup_again 1 && works
}

# The peer of a killed VM must see its QP fail, not hang, and go on with a new one.
killed()
{
	local pid rc

	vm 0 "ib_write_bw -d $dev0 -x $gid0 -F -s 65536 -D 20" > /dev/null 2>&1 &
	sleep 1
	vm 1 "timeout 30 ib_write_bw -d $(ibdev 1) -x $(gid_index 1) -F -s 65536 -D 20 $IP0" > /dev/null 2>&1 &
	pid=$!
	sleep 3
	"$LAB" kill 1
	wait "$pid"
	vm 0 "pkill ib_write_bw; sleep 0.5; pkill -9 ib_write_bw; true"
	vm 0 /build/selftests/verbs/rc_ops write.8 || return 1
	"$LAB" start 1 && setup_again 1 && works
	rc=$?
	wait
	return $rc
}

tap_plan 5
tap_run "modules reloaded 20 times" reload20
tap_run "function level reset" flr
tap_run "sleep" doze
tap_run "guest reboot" reboot
tap_run "QEMU killed under load" killed
tap_end
