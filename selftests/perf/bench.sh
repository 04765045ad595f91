#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make bench: measures, each figure beside its baseline of the same run; prints a table
# and writes build/bench/results.json. About 4 minutes.

set -eu
SRC=$(cd "$(dirname "$0")/../.." && pwd -P)
BUILD=${BVF_BUILD:-$SRC/build}
OUT=$BUILD/bench
NATIVE=$BUILD/selftests/perf/native

awk '$1 > 1 { print "warning: load " $1 ": figures need the machine to itself" }' /proc/loadavg >&2
mkdir -p "$OUT"
rm -f "$OUT"/*.jsonl

echo "[1/2] native: a client that drives the card without a VM"
BVF_CARD=$BUILD/card/bvf-card "$NATIVE" > "$OUT/native.jsonl"
echo "[2/2] two VMs (about 3 minutes)"
"$SRC/selftests/perf/vm.sh" "$OUT/native.jsonl" "$OUT/vm.jsonl"

cat "$OUT"/native.jsonl "$OUT"/vm.jsonl | grep '^{' | sed '$!s/$/,/' |
	{ echo '['; cat; echo ']'; } > "$OUT/results.json.tmp"
mv "$OUT/results.json.tmp" "$OUT/results.json"

# One line a record, as the two programs write them.
sed -n 's/^{"name": *"\([^"]*\)", *"value": *\([^,]*\), *"unit": *"\([^"]*\)"\(.*\)$/\1|\2|\3|\4/p' "$OUT/results.json" |
	sed 's/, *"vs": *{"name": *"\([^"]*\)", *"value": *\([^,]*\), *"ratio": *\([^}]*\)}.*$/\1|\2|\3/; s/}.*$//' |
	awk -F'|' 'BEGIN { printf "%-30s %12s %-8s %-28s %12s %8s\n", "name", "value", "unit", "vs", "value", "ratio" }
		{ printf "%-30s %12s %-8s %-28s %12s %8s\n", $1, $2, $3, $4, $5, $6 }'
echo "host: $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(nproc) cores; $(sed -n 's/^accel=//p' "$BUILD/lab/qemu.conf") guests; written to build/bench/results.json"
