# SPDX-License-Identifier: GPL-2.0
# For two-VM tests; to be sourced. They use the lab that is up (bvf-lab up -n 2, then
# bvf-lab setup) and leave it as it was: both VMs running, modules loaded.

SRC=$(cd "$(dirname "$0")/../.." && pwd -P)
LAB=${BVF_LAB_CMD:-$SRC/tools/lab/bvf-lab}
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
IP0=192.168.77.1 IP1=192.168.77.2
IP6_0=fd00:77::1 IP6_1=fd00:77::2

"$LAB" run 0 true > /dev/null 2>&1 && "$LAB" run 1 true > /dev/null 2>&1 ||
	tap_skip_all "two VMs are not up: bvf-lab up -n 2 && bvf-lab setup"

# vm N CMD...: in a VM, against a time limit of 60 s.
vm()
{
	local n=$1

	shift
	timeout "${VM_TIMEOUT:-60}" "$LAB" run "$n" "$@" < /dev/null
}

# The RDMA device of a VM, its name being udev's affair.
ibdev()
{
	vm "$1" bvf-guest-dev | cut -d' ' -f1
}

netdev()
{
	vm "$1" 'basename $(ls -d /sys/bus/pci/drivers/bvf/*/net/* | head -1)'
}

# Index of the RoCEv2 GID that maps the IPv4 (default) or the global IPv6 address.
gid_index()
{
	vm "$1" bvf-guest-dev "${2:-4}" | cut -d' ' -f2
}

# pair SERVER-CMD CLIENT-CMD: the server in VM 0, the client, as soon as the server
# listens or 0.5 s have passed, in VM 1. Fails if either does; shows what both said.
pair()
{
	local out rc=0 pid

	out=$(mktemp)
	vm 0 "$1" > "$out" 2>&1 &
	pid=$!
	sleep 0.7
	vm 1 "$2" || rc=$?
	wait "$pid" || rc=$?
	[ "$rc" = 0 ] || { echo "--- server:"; cat "$out"; }
	rm -f "$out"
	return "$rc"
}

# The function again ready for RDMA after a reset or a reboot.
setup_again()
{
	vm "$1" bvf-guest-setup
}
