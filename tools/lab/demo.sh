#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The main job, start to end: two VMs on one card, verbs between them, and AllReduce over
# TCP and over RDMA on the same function. Ends with one line that a script can read.

. "$(dirname "$0")/common.sh"

LAB=$BVF_SRC/tools/lab/bvf-lab
LIMIT_S=300
OUT=$BVF_BUILD/demo
IP0=192.168.77.1

head_line()
{
	printf '\n=== %s\n' "$*"
}

vm()
{
	local n=$1

	shift
	timeout --foreground $LIMIT_S "$LAB" run "$n" "$@" < /dev/null
}

# The server in VM 0 listens: pingpongs and perftest meet on the same port.
listening()
{
	vm 0 'for i in $(seq 100); do [ -z "$(ss -Hltn sport = :18515)" ] || exit 0; sleep 0.1; done; exit 1' ||
		die "the server in VM 0 does not listen" "see $OUT/server.log"
}

# both NAME SERVER CLIENT: the server in VM 0, the client in VM 1, whose output is shown.
both()
{
	local pid

	head_line "$1: $3"
	vm 0 "$2" > "$OUT/server.log" 2>&1 &
	pid=$!
	listening
	if ! vm 1 "$3" || ! wait $pid; then
		cat "$OUT/server.log" >&2
		die "the demo stopped at: $1" "see the output above, and $BVF_RUN/card.log"
	fi
}

# allreduce TRANSPORT: the sweep; rank 0's table is shown and kept.
allreduce()
{
	local pid sweep="-b 4 -e 64M -f 4 --row-time 400"

	head_line "AllReduce, 2 VMs, $1: bvf-allreduce --transport $1 $sweep"
	vm 1 "bvf-allreduce --rank 1 --nranks 2 --root $IP0:18515 --transport $1 $sweep" > "$OUT/server.log" 2>&1 &
	pid=$!
	if ! vm 0 "bvf-allreduce --rank 0 --nranks 2 --root $IP0:18515 --transport $1 $sweep" | tee "$OUT/$1.txt" ||
		! wait $pid; then
		cat "$OUT/server.log" >&2
		die "the AllReduce over $1 failed" "see the output above, and $BVF_RUN/card.log"
	fi
}

# field FILE COLUMN: of the 64 MiB row
field()
{
	awk -v col="$2" '$1 == 67108864 { print $col; exit }' "$1"
}

wrong()
{
	awk '$1 ~ /^[0-9]+$/ && NF >= 8 { sum += $8 } END { print sum + 0 }' "$OUT/tcp.txt" "$OUT/rdma.txt"
}

if [ -f "$BVF_RUN/lab.conf" ]; then
	die "a lab is up already" "end it with: tools/lab/bvf-lab down"
fi
mkdir -p "$OUT"
trap '"$LAB" down' EXIT
trap 'exit 130' INT TERM HUP

"$LAB" up -n 2
"$LAB" setup --mtu 9000
read -r dev0 gid0 <<< "$(vm 0 bvf-guest-dev)"
read -r dev1 gid1 <<< "$(vm 1 bvf-guest-dev)"

head_line "VM 0: ibv_devinfo"
vm 0 ibv_devinfo -d "$dev0"
both "RC ping-pong" "ibv_rc_pingpong -d $dev0 -g $gid0 -c" "ibv_rc_pingpong -d $dev1 -g $gid1 -c $IP0"
both "RDMA write bandwidth" "ib_write_bw -d $dev0 -x $gid0 -F -s 1048576 -n 2000" \
	"ib_write_bw -d $dev1 -x $gid1 -F -s 1048576 -n 2000 $IP0"
both "RDMA write latency" "ib_write_lat -d $dev0 -x $gid0 -F -s 8 -n 2000" \
	"ib_write_lat -d $dev1 -x $gid1 -F -s 8 -n 2000 $IP0"
allreduce tcp
allreduce rdma

tcp=$(field "$OUT/tcp.txt" 5) rdma=$(field "$OUT/rdma.txt" 5)
[ -n "$tcp" ] && [ -n "$rdma" ] || die "the AllReduce tables have no 64 MiB row" "see $OUT"
head_line "two VMs to go on with: tools/lab/bvf-lab up -n 2; tools/lab/bvf-lab setup; tools/lab/bvf-lab shell 0"
nr_wrong=$(wrong)
awk -v t="$tcp" -v r="$rdma" -v w="$nr_wrong" \
	'BEGIN { printf "AllReduce 64 MiB, 2 VMs: TCP %.0f us, RDMA %.0f us, %.1fx, wrong %d\n", t, r, t / r, w }'
[ "$nr_wrong" = 0 ]
