#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Random RC operations between two VMs, every byte compared; and bvf-allreduce's own check.

. "$(dirname "$0")/lib.sh"
seed=${BVF_SEED:-$(date +%s)}

rounds()
{
	pair /build/selftests/verbs/rc_pair "/build/selftests/verbs/rc_pair -n 150 -s $seed $IP0"
}

allreduce()
{
	pair "bvf-allreduce --rank 0 --nranks 2 --root $IP0:18700 $*" \
		"bvf-allreduce --rank 1 --nranks 2 --root $IP0:18700 $*"
}

tap_plan 6
tap_run "random operations, seed $seed" rounds
tap_run "allreduce f32 over RDMA" allreduce --transport rdma -b 4 -e 1M -f 16 -n 2
tap_run "allreduce bf16 max over RDMA" allreduce --transport rdma -d bf16 -o max -b 4 -e 64K -f 32 -n 2
tap_run "allreduce i32 with events" allreduce --transport rdma --events -d i32 -b 4 -e 64K -f 32 -n 2
tap_run "allreduce f32 over TCP" allreduce --transport tcp -b 4 -e 1M -f 64 -n 2
tap_run "two ranks in each VM" pair \
	"bvf-allreduce --rank 0 --nranks 4 --root $IP0:18701 -b 4 -e 64K -f 32 -n 2 &
	 bvf-allreduce --rank 1 --nranks 4 --root $IP0:18701 -b 4 -e 64K -f 32 -n 2 && wait" \
	"bvf-allreduce --rank 2 --nranks 4 --root $IP0:18701 -b 4 -e 64K -f 32 -n 2 &
	 bvf-allreduce --rank 3 --nranks 4 --root $IP0:18701 -b 4 -e 64K -f 32 -n 2 && wait"
tap_end
