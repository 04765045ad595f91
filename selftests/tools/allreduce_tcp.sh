#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bvf-allreduce over TCP on the loopback gives right results: all types and operations,
# sizes that nothing divides, fewer elements than ranks. Needs no VM.

set -eu
cd "$(dirname "$(readlink -f "$0")")"
. ./allreduce_lib.sh

# Every row right, and as many rows as there should be.
correct()
{
	local nranks=$1 rows=$2

	shift 2
	job "$nranks" "$@" || return 1
	awk -v rows="$rows" '/^ / { n++; if ($8 != 0) bad = 1 } END { exit bad || n != rows }' "$TMP/0" ||
		{ cat "$TMP/0"; return 1; }
}

json()
{
	job 2 -e 1K -f 4 --json="$TMP/json" || return 1
	python3 - "$TMP/json" <<-'END'
		import json, sys
		r = json.load(open(sys.argv[1]))
		assert r["nranks"] == 2 and r["transport"] == "tcp" and r["wrong"] == 0
		assert [x["size"] for x in r["rows"]] == [4, 16, 64, 256, 1024]
		assert all(x["wrong"] == 0 and x["time_us"] > 0 for x in r["rows"])
	END
}

from_environment()
{
	new_port
	OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 timeout 30 "$AR" --root "127.0.0.1:$PORT" --transport tcp -e 4 > "$TMP/1" 2>&1 &
	PIDS[1]=$!
	PMI_RANK=0 PMI_SIZE=2 timeout 30 "$AR" --root "127.0.0.1:$PORT" --transport tcp -e 4 > "$TMP/0" 2>&1 || { cat "$TMP/0"; return 1; }
	wait "${PIDS[1]}"
	PIDS=()
}

ipv6()
{
	[ -e /proc/net/if_inet6 ] && grep -q '^0*1 .* lo$' /proc/net/if_inet6 || { echo "no IPv6 here"; return 4; }
	HOST='[::1]' job 2 -e 64K -f 16
}

tap_plan 12
tap_run "one rank" correct 1 5 -e 1K -f 4 -d f16 -n 2
for n in 2 3 4; do
	tap_run "$n ranks, all types and operations, small" correct "$n" 192 -b 0 -e 420 -i 28 -n 2 -w 0 -d all -o all
	tap_run "$n ranks, all types, pipelined" correct "$n" 8 -b 1000006 -e 3000018 -f 3 -n 2 -w 1 -d all --piece 4K --slots 4
done
tap_run "sleeping at once" correct 2 3 -b 4 -e 1M -f 512 --events
tap_run "never sleeping" correct 2 3 -b 4 -e 1M -f 512 --poll
tap_run "JSON" json
tap_run "IPv6" ipv6
tap_run "rank and size from the environment" from_environment
tap_end
