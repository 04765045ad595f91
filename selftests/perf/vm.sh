#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm.sh NATIVE.jsonl OUT.jsonl: the figures that need two VMs. The memcpy baselines
# come from NATIVE.jsonl, which the same `make bench` has just written.

set -eu
SRC=$(cd "$(dirname "$0")/../.." && pwd -P)
BUILD=${BVF_BUILD:-$SRC/build}
LAB=$SRC/tools/lab/bvf-lab
native=$1 out=$2 log=${2%.jsonl}.log
IP0=192.168.77.1 V0=192.168.78.1

"$LAB" status | grep -q '^no lab' || { echo "vm.sh: a lab is up; bvf-lab down first" >&2; exit 1; }
trap '"$LAB" down > /dev/null 2>&1' EXIT
trap 'exit 130' INT TERM HUP
"$LAB" up -n 2
"$LAB" setup

vm()
{
	local n=$1

	shift
	timeout 240 "$LAB" run "$n" "$@" < /dev/null
}

# both SERVER CLIENT: what the client says
both()
{
	local pid

	vm 0 "$1" > /dev/null 2>> "$log" &
	pid=$!
	sleep 1
	vm 1 "$2" 2>> "$log"
	wait "$pid" || true
}

# value NAME: of a record of the native run
value()
{
	sed -n 's/^{"name": *"'"$1"'", *"value": *\([0-9.]*\).*/\1/p' "$native" | head -1
}

# record NAME VALUE UNIT [VS-NAME VS-VALUE]: ratio is this one's value over the baseline's
record()
{
	local vs=

	[ -n "$2" ] || { echo "vm.sh: no figure for $1" >&2; return 0; }
	[ -z "${5:-}" ] || vs=$(awk -v a="$2" -v b="$5" -v n="$4" \
		'BEGIN { if (b > 0) printf ", \"vs\": {\"name\": \"%s\", \"value\": %s, \"ratio\": %.3f}", n, b, a / b }')
	printf '{"name": "%s", "value": %s, "unit": "%s"%s}\n' "$1" "$2" "$3" "$vs" | tee -a "$out"
}

gid()
{
	vm "$1" "cd /sys/class/infiniband/$2/ports/1
		for f in \$(ls gids | sort -n); do
			grep -q 'RoCE v2' gid_attrs/types/\$f 2> /dev/null && grep -q ffff: gids/\$f && echo \$f && break
		done"
}

dev0=$(vm 0 'basename /sys/bus/pci/drivers/bvf/0*/infiniband/*')
dev1=$(vm 1 'basename /sys/bus/pci/drivers/bvf/0*/infiniband/*')
gid0=$(gid 0 "$dev0") gid1=$(gid 1 "$dev1")

# bw PROG SIZE ITERATIONS [OPTIONS]: GB/s, the best of three, as perftest's average column says
bw()
{
	local i

	for i in 1 2 3; do
		both "$1 -d $dev0 -x $gid0 -F -s $2 -n $3 ${4:-}" "$1 -d $dev1 -x $gid1 -F -s $2 -n $3 ${4:-} $IP0" |
			awk -v s="$2" '$1 == s { printf "%.2f\n", $4 * 1.048576 / 1000 }'
	done | sort -rn | head -1
}

# lat PROG DEVICE-OPTIONS-OF-0 OF-1 ADDRESS: typical time in us
lat()
{
	both "$1 $2 -F -s 8 -n 2000" "$1 $3 -F -s 8 -n 2000 $4" | awk '$1 == 8 { print $5 }'
}

ticks()
{
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# CPU time of both card processes over 10 s with two idle VMs, % of a core
idle()
{
	local pids p a=0 b=0 main

	main=$("$LAB" status | sed -n 's/^card: pid //p')
	pids="$main $(pgrep -P "$main" | tr '\n' ' ')"
	sleep 2
	for p in $pids; do a=$((a + $(ticks "$p"))); done
	sleep 10
	for p in $pids; do b=$((b + $(ticks "$p"))); done
	awk -v d=$((b - a)) -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", d * 100 / hz / 10 }'
}

# allreduce_vm TRANSPORT ROOT: us of 64 MiB f32 over two VMs
allreduce_vm()
{
	local pid

	vm 1 "bvf-allreduce --rank 1 --nranks 2 --root $2:18900 --transport $1 -b 64M -e 64M -n 3 -w 1" > /dev/null 2>&1 &
	pid=$!
	vm 0 "bvf-allreduce --rank 0 --nranks 2 --root $2:18900 --transport $1 -b 64M -e 64M -n 3 -w 1" |
		awk '$1 == 67108864 { print $5 }'
	wait "$pid" || true
}

allreduce_native()
{
	local prog=$BUILD/tools/bvf-allreduce pid

	"$prog" --rank 1 --nranks 2 --root 127.0.0.1:18901 --transport tcp -b 64M -e 64M -n 5 -w 1 > /dev/null 2>&1 &
	pid=$!
	"$prog" --rank 0 --nranks 2 --root 127.0.0.1:18901 --transport tcp -b 64M -e 64M -n 5 -w 1 |
		awk '$1 == 67108864 { print $5 }'
	wait "$pid" || true
}

iperf()
{
	both "iperf3 -s -1" "iperf3 -c $1 -t 4 -f m" | awk '/receiver/ { printf "%.3f\n", $7 / 8000 }'
}

: > "$out"
: > "$log"
record idle_cpu "$(idle)" "%"
record write_bw_1M "$(bw ib_write_bw 1048576 1000)" GB/s memcpy_1M "$(value memcpy_1M)"
record write_bw_64M "$(bw ib_write_bw 67108864 20)" GB/s memcpy_64M "$(value memcpy_64M)"
record read_bw_1M "$(bw ib_read_bw 1048576 1000)" GB/s memcpy_1M "$(value memcpy_1M)"
record send_bw_1M "$(bw ib_send_bw 1048576 1000)" GB/s memcpy_1M "$(value memcpy_1M)"
record send_bw_1M_events "$(bw ib_send_bw 1048576 1000 -e)" GB/s memcpy_1M "$(value memcpy_1M)"
mine=$(lat ib_write_lat "-d $dev0 -x $gid0" "-d $dev1 -x $gid1" "$IP0")
tcp_fn=$(iperf "$IP0") tcp_virt=$(iperf "$V0")
for n in 0 1; do
	vm $n "modprobe rdma_rxe && rdma link add rxe0 type rxe netdev virt0"
done
rxe=$(lat ib_write_lat "-d rxe0 -x $(gid 0 rxe0)" "-d rxe0 -x $(gid 1 rxe0)" "$V0")
record write_lat_8B "$mine" us rxe_write_lat_8B "$rxe"
record tcp_bw_function "$tcp_fn" GB/s tcp_bw_virtio_net "$tcp_virt"
ar=$(allreduce_vm rdma "$IP0")
record allreduce_64M "$ar" us allreduce_64M_tcp_function "$(allreduce_vm tcp "$IP0")"
record allreduce_64M_tcp_virtio_net "$(allreduce_vm tcp "$V0")" us
record allreduce_64M_native_tcp "$(allreduce_native)" us allreduce_64M "$ar"
