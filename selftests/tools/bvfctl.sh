#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bvfctl against a real card without VMs: every command as text and JSON, filters,
# and errors that say what to do. Needs no privilege and no VM.

set -eu
cd "$(dirname "$(readlink -f "$0")")"
SRC=$(cd ../.. && pwd -P)
. ../lib/tap.sh
BUILD=${BVF_BUILD:-$SRC/build}
CTL=${BVF_CTL:-$BUILD/tools/bvfctl}
CARD=${BVF_CARD:-$BUILD/card/bvf-card}
[ -x "$CTL" ] || tap_skip_all "there is no $CTL: make -C tools/bvfctl"
[ -x "$CARD" ] || tap_skip_all "there is no $CARD: make card"

# The card drops root, and has to reach its folder then.
TMP=$(mktemp -d)
chmod 755 "$TMP"
CARD_PID=
cleanup()
{
	[ -z "$CARD_PID" ] || { kill "$CARD_PID" 2> /dev/null && wait "$CARD_PID"; } || true
	rm -rf "$TMP"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

"$CARD" --dir "$TMP/run" --function name=web,network=3 --function name=db,irq=msi \
	> "$TMP/card.log" 2>&1 &
CARD_PID=$!
for _ in $(seq 100); do
	grep -q ready "$TMP/card.log" && break
	sleep 0.1
done
grep -q ready "$TMP/card.log" || { sed 's/^/# /' "$TMP/card.log"; echo "Bail out! no card"; exit 1; }

ctl()
{
	"$CTL" -s "$TMP/run/ctl.sock" "$@"
}

json()
{
	ctl -j "$@" | python3 -c '
import json, sys
r = json.load(sys.stdin)
sys.exit(0 if eval(sys.argv[1]) else "not so: %s in %s" % (sys.argv[1], r))' "$CHECK"
}

# fails CODE WORDS ARGS...: bvfctl ends with CODE and its message has WORDS
fails()
{
	local want=$1 words=$2 code=0

	shift 2
	"$@" > "$TMP/out" 2>&1 || code=$?
	cat "$TMP/out"
	[ "$code" = "$want" ] && grep -q -- "$words" "$TMP/out"
}

text()
{
	local words=$1

	shift
	ctl "$@" | tee "$TMP/out"
	grep -q -- "$words" "$TMP/out"
}

tap_plan 16
tap_run "functions as text" text "^func web index 0 state disabled .* network 3 " func show
tap_run "words may be shortened" text "^func db " f s
tap_run "one function" text "^func db .* irq msi" func db
CHECK='[f["func"] for f in r] == ["web", "db"]' tap_run "functions as JSON" json func
CHECK='len(r) == 2 and all(f["tx_bytes"] == 0 and f["rnr_nak"] == 0 for f in r)' \
	tap_run "counters" json stat show
CHECK='len(r) == 1' tap_run "counters of one function" json stat show func web
CHECK='r == []' tap_run "no queue pairs" json qp show
CHECK='r == []' tap_run "no counters of queue pairs" json stat qp func db
CHECK='sorted(n["network"] for n in r) == [0, 3]' tap_run "networks" json network
CHECK='r["functions"] == 2 and r["datapath"]["pid"] > 1' tap_run "version" json version
CHECK='len(r) == 2' tap_run "pretty JSON is JSON" json -p func
tap_run "unknown function" fails 1 "nobody" ctl func show name nobody
tap_run "unknown command" fails 2 "try" ctl frobnicate
tap_run "a number that is none" fails 2 "not a number" ctl qp qpn x
tap_run "no socket, with a remedy" fails 1 "remedy: start bvf-card" "$CTL" -s "$TMP/none" func
kill "$CARD_PID" && wait "$CARD_PID" || true
CARD_PID=
tap_run "no card any more, with a remedy" fails 1 "remedy" ctl func
tap_end
