#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The modules build on each kernel without a warning of gcc (W=1) or sparse.

. "$(dirname "$0")/lib.sh"

# A folder of its own, built whole: sparse looks only at what is compiled.
clean_build()
{
	local out=$BUILD/sparse-$1 log

	rm -rf "$out"
	log=$("$SRC/tools/lab/in-root" make -s -C kmod KDIR="/lib/modules/$1/build" O="$out" C=2 CF=-Wsparse-error 2>&1) ||
		{ echo "$log"; return 1; }
	rm -rf "$out"
	[ -z "$(echo "$log" | grep -E 'warning|error')" ] || { echo "$log"; return 1; }
}

tap_plan "$(wc -l < "$LAB/kernels.txt")"
while read -r kernel; do
	tap_run "gcc and sparse, Linux $kernel" clean_build "$kernel"
done < "$LAB/kernels.txt"
tap_end
