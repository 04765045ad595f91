#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Random RC operations between two VMs, over IPv4 and IPv6, every byte compared.

. "$(dirname "$0")/lib.sh"
seed=${BVF_SEED:-$(date +%s)}

rounds()
{
	pair /build/selftests/verbs/rc_pair "/build/selftests/verbs/rc_pair -n 150 -s $seed $1"
}

tap_plan 2
tap_run "random operations, seed $seed" rounds "$IP0"
tap_run "random operations, met over IPv6, seed $((seed += 1))" rounds "$IP6_0"
tap_end
