#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rdma-core's own pingpong between two VMs, with data validation, polling and events.

. "$(dirname "$0")/lib.sh"
dev0=$(ibdev 0) dev1=$(ibdev 1) gid0=$(gid_index 0) gid1=$(gid_index 1)
gid60=$(gid_index 0 6) gid61=$(gid_index 1 6)

rc()
{
	pair "ibv_rc_pingpong -d $dev0 -g $gid0 -c $1" "ibv_rc_pingpong -d $dev1 -g $gid1 -c $1 $IP0"
}

tap_plan 6
tap_run "rc_pingpong 4 KiB" rc "-n 200"
tap_run "rc_pingpong 8 B" rc "-s 8 -n 200"
tap_run "rc_pingpong 1 MiB" rc "-s 1048576 -n 20"
tap_run "rc_pingpong with events" rc "-e -n 200"
tap_run "rc_pingpong MTU 4096" rc "-m 4096 -s 100000 -n 50"
tap_run "rc_pingpong over an IPv6 GID" pair "ibv_rc_pingpong -d $dev0 -g $gid60 -c -n 100" \
	"ibv_rc_pingpong -d $dev1 -g $gid61 -c -n 100 $IP0"
tap_end
