#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bvf-allreduce never hangs: a rank that dies, stops, does not come or comes with other
# options is named by all others, soon. Bad options are refused. Needs no VM.

set -eu
cd "$(dirname "$(readlink -f "$0")")"
. ./allreduce_lib.sh

# inner timeout's child: the rank itself
rank_pid()
{
	ps -o pid= --ppid "${PIDS[$1]}" | tr -d ' '
}

# trouble SIGNAL RANK WORDS...: the others end soon, with these words and a failure
trouble()
{
	local sig=$1 who=$2 rank rc=0 code

	shift 2
	new_port
	for rank in 2 1 0; do
		start "$rank" 3 -b 1M -e 1M -n 1000000 --timeout 2
	done
	sleep 1
	kill "-$sig" "$(rank_pid "$who")"
	for rank in 0 1 2; do
		[ "$rank" != "$who" ] || continue
		code=0
		wait "${PIDS[rank]}" || code=$?
		if [ "$code" != 1 ] || ! grep -q "rank $who failed: $*" "$TMP/$rank"; then
			echo "rank $rank: exit code $code"
			cat "$TMP/$rank"
			rc=1
		fi
	done
	kill -CONT "$(rank_pid "$who")" 2> /dev/null || true
	wait "${PIDS[who]}" || true
	PIDS=()
	return "$rc"
}

absent()
{
	new_port
	start 0 3 --timeout 2
	start 1 3 --timeout 2
	! wait "${PIDS[0]}" && ! wait "${PIDS[1]}" &&
		grep -q 'waited 2 s for these ranks to come: 2' "$TMP/0" &&
		grep -q 'rank 0 failed: waited 2 s' "$TMP/1" || { cat "$TMP"/[01]; return 1; }
	PIDS=()
}

nobody_listens()
{
	new_port
	start 1 2 --timeout 1
	! wait "${PIDS[1]}" && grep -q "cannot reach rank 0 at 127.0.0.1 port $PORT within 1 s: Connection refused" "$TMP/1" ||
		{ cat "$TMP/1"; return 1; }
	PIDS=()
}

other_options()
{
	new_port
	start 0 2 -n 5 --timeout 3
	start 1 2 -n 6 --timeout 3
	! wait "${PIDS[1]}" && grep -q 'turned away by rank 0: -n differs from rank 0' "$TMP/1" || { cat "$TMP/1"; return 1; }
	# The root goes on waiting for the right one.
	start 1 2 -n 5 --timeout 3
	wait "${PIDS[0]}" && wait "${PIDS[1]}" || { cat "$TMP"/[01]; return 1; }
	PIDS=()
}

stranger()
{
	new_port
	start 0 2 -e 4 --timeout 20
	sleep 0.3
	(exec 3<> "/dev/tcp/127.0.0.1/$PORT"; printf 'GET / HTTP/1.0\r\n\r\n%200s' ' ' >&3; cat <&3 > /dev/null) || true
	start 1 2 -e 4 --timeout 20
	wait "${PIDS[0]}" && wait "${PIDS[1]}" || { cat "$TMP"/[01]; return 1; }
	PIDS=()
}

interrupted()
{
	new_port
	start 0 2 -b 1M -n 1000000
	start 1 2 -b 1M -n 1000000
	sleep 0.7
	kill -INT "$(rank_pid 1)"
	! wait "${PIDS[0]}" && grep -q 'rank 1 failed: interrupted' "$TMP/0" || { cat "$TMP"/[01]; return 1; }
	! wait "${PIDS[1]}" || return 1
	PIDS=()
}

# bad WORDS ARGS...: refused with exit code 2 and these words
bad()
{
	local words=$1 rc=0

	shift
	"$AR" "$@" > "$TMP/out" 2>&1 || rc=$?
	[ "$rc" = 2 ] && grep -qF -- "$words" "$TMP/out" || { echo "exit code $rc"; cat "$TMP/out"; return 1; }
}

bad_options()
{
	local two="--rank 0 --nranks 2 --root 127.0.0.1:9"

	# shellcheck disable=SC2086
	{
		bad "--rank and --nranks are needed" --root 127.0.0.1:9 &&
		bad "--root HOST:PORT is needed" --rank 0 --nranks 2 &&
		bad "--rank must be less" --rank 2 --nranks 2 --root 127.0.0.1:9 &&
		bad "HOST:PORT" --rank 0 --nranks 2 --root 127.0.0.1 &&
		bad "HOST:PORT" --rank 0 --nranks 2 --root fe80::1:9 &&
		bad "a number from 1 to 65535" --rank 0 --nranks 2 --root 127.0.0.1:99999 &&
		bad "rdma or tcp" $two --transport udp &&
		bad "f32, f16, bf16, i32 or all" $two -d f64 &&
		bad "sum, min, max or all" $two -o prod &&
		bad "a size from" $two -b 4X &&
		bad "a size from" $two -e -1 &&
		bad "a number from 2" $two -f 1 &&
		bad "-b must not be more than -e" $two -b 2M -e 1M &&
		bad "256, 512, 1024, 2048 or 4096" $two --mtu 1500 &&
		bad "exclude each other" $two --bind 127.0.0.1 --iface lo &&
		bad "unexpected argument" $two file &&
		bad "unrecognized option" --frobnicate
	}
}

tap_plan 9
tap_run "a killed rank is named by all others" trouble KILL 2 "it ended without a word"
tap_run "a killed root is named by all others" trouble KILL 0 "it ended without a word"
tap_run "a stopped rank is named by all others" trouble STOP 1 "it does not respond"
tap_run "ranks that do not come" absent
tap_run "a root that does not listen" nobody_listens
tap_run "options that differ" other_options
tap_run "a stranger at the root's port" stranger
tap_run "an interrupt" interrupted
tap_run "bad options" bad_options
tap_end
