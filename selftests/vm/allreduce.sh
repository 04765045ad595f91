#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bvf-allreduce between two VMs: right results over RDMA and over TCP on the function,
# several ranks in a VM, and a clear end when a rank is killed.

. "$(dirname "$0")/lib.sh"
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
PORT=$((20000 + RANDOM % 10000))

# ranks N ARGS...: rank r runs in VM r % 2; fails if one does, or if no row was printed
ranks()
{
	local n=$1 r rc=0 pids=()

	shift
	PORT=$((PORT + 1))
	for ((r = n - 1; r >= 0; r--)); do
		vm $((r % 2)) "bvf-allreduce --rank $r --nranks $n --root ${ROOT:-$IP0}:$PORT --timeout 20 $*" > "$TMP/$r" 2>&1 &
		pids+=($!)
	done
	for r in "${pids[@]}"; do
		wait "$r" || rc=1
	done
	awk '/^ / { n++; wrong += $8 } END { exit !n || wrong }' "$TMP/0" || rc=1
	[ "$rc" = 0 ] || cat "$TMP"/[0-9]*
	return "$rc"
}

# Rank 1 is killed in the middle; rank 0 says so and fails, soon.
killed()
{
	local pid code=0

	PORT=$((PORT + 1))
	vm 1 "bvf-allreduce --rank 1 --nranks 2 --root $IP0:$PORT -b 1M -n 1000000 & sleep 3; kill -9 \$!" > /dev/null 2>&1 &
	pid=$!
	VM_TIMEOUT=15 vm 0 "bvf-allreduce --rank 0 --nranks 2 --root $IP0:$PORT -b 1M -n 1000000" > "$TMP/0" 2>&1 || code=$?
	wait "$pid" || true
	[ "$code" = 1 ] && grep -q 'rank 1 failed: it ended without a word' "$TMP/0" && return 0
	echo "exit code $code"
	cat "$TMP/0"
	return 1
}

tap_plan 9
tap_run "RDMA, 2 ranks, the whole sweep" ranks 2 -e 64M -f 4 --row-time 100
tap_run "RDMA, 2 ranks, all types and operations" ranks 2 -b 2 -e 300002 -f 387 -n 2 -w 1 -d all -o all
tap_run "RDMA, 2 ranks, sleeping at once" ranks 2 -e 4M -f 32 --row-time 100 --events
tap_run "RDMA, 2 ranks, small pieces, ring only" ranks 2 -b 6 -e 3000006 -f 711 -n 3 --piece 4K --slots 4 --direct 0
tap_run "RDMA, 4 ranks in 2 VMs" ranks 4 -b 4 -e 1M -f 64 -n 3 -w 1 -d all
tap_run "RDMA, IPv6 GIDs" eval 'ROOT="[$IP6_0]" ranks 2 -e 64K -f 16 -n 3'
tap_run "TCP, 2 ranks" ranks 2 -e 4M -f 32 --row-time 100 --transport tcp
tap_run "a killed rank is named" killed
tap_run "RDMA works after that" ranks 2 -e 4K -f 32 -n 3
tap_end
