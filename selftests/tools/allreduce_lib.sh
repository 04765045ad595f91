# SPDX-License-Identifier: GPL-2.0
# For tests of bvf-allreduce on the loopback; to be sourced. Starts ranks and ends them
# with the test, whose folder is the current one. Knows no behaviour.

SRC=$(cd ../.. && pwd -P)
. ../lib/tap.sh
AR=${BVF_ALLREDUCE:-${BVF_BUILD:-$SRC/build}/tools/bvf-allreduce}
[ -x "$AR" ] || tap_skip_all "there is no $AR: make -C tools/allreduce"

TMP=$(mktemp -d)
PIDS=()
cleanup()
{
	local p

	for p in "${PIDS[@]}"; do
		kill -CONT "$p" 2> /dev/null && kill -9 "$p" 2> /dev/null || true
	done
	rm -rf "$TMP"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

new_port()
{
	PORT=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
}

# start RANK NRANKS ARGS...: in the background, output in $TMP/RANK
start()
{
	local rank=$1 nranks=$2

	shift 2
	timeout -k 1 60 "$AR" --rank "$rank" --nranks "$nranks" --root "${HOST:-127.0.0.1}:$PORT" \
		--transport tcp "$@" > "$TMP/$rank" 2>&1 &
	PIDS[rank]=$!
}

# job NRANKS ARGS...: all ranks; fails if one does
job()
{
	local nranks=$1 rank rc=0

	shift
	new_port
	for ((rank = nranks - 1; rank >= 0; rank--)); do
		start "$rank" "$nranks" "$@"
	done
	for ((rank = 0; rank < nranks; rank++)); do
		wait "${PIDS[rank]}" || rc=1
	done
	PIDS=()
	[ "$rc" = 0 ] || cat "$TMP"/[0-9]*
	return "$rc"
}
