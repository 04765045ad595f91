#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# perftest between two VMs: write, read, send; bandwidth and latency; polling and events.

. "$(dirname "$0")/lib.sh"
dev0=$(ibdev 0) dev1=$(ibdev 1) gid0=$(gid_index 0) gid1=$(gid_index 1)

pt()
{
	local prog=$1

	shift
	pair "$prog -d $dev0 -x $gid0 -F $*" "$prog -d $dev1 -x $gid1 -F $* $IP0"
}

tap_plan 14
for op in write read send; do
	tap_run "ib_${op}_lat 8 B" pt "ib_${op}_lat" -s 8 -n 200
	tap_run "ib_${op}_bw 64 KiB" pt "ib_${op}_bw" -s 65536 -n 500
	tap_run "ib_${op}_bw 1 MiB, 4 QPs" pt "ib_${op}_bw" -s 1048576 -n 100 -q 4
done
tap_run "ib_write_bw both ways" pt ib_write_bw -s 65536 -n 500 -b
tap_run "ib_write_bw inline" pt ib_write_bw -s 64 -n 2000 -I 64
tap_run "ib_send_bw with events" pt ib_send_bw -s 4096 -n 500 -e
tap_run "ib_send_lat with events" pt ib_send_lat -s 64 -n 200 -e
tap_run "ib_read_bw with events" pt ib_read_bw -s 4096 -n 500 -e
tap_end
