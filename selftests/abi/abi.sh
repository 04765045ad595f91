#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Golden-bytes test: offsets, sizes, values (golden.h) and bytes (golden.hex) of the ABI,
# compiled as the card, the provider and each kernel at hand compile it.
set -u

dir=$(cd "$(dirname "$0")" && pwd -P)
src=$(cd "$dir/../.." && pwd -P)
. "$dir/../lib/tap.sh"
inc=$src/kmod/include
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$dir" || exit 1

command -v gcc > /dev/null && command -v objcopy > /dev/null || tap_skip_all "no gcc"
[ -d "$inc/hw" ] || tap_skip_all "the ABI headers are not here"

# same_bytes OBJECT: its samples are those of golden.hex
same_bytes()
{
	objcopy -O binary --only-section=bvf_samples --set-section-flags bvf_samples=alloc \
		"$1" "$tmp/bin" && od -An -v -tx1 -w16 "$tmp/bin" | diff golden.hex -
}

# user CFLAGS...
user()
{
	gcc -Wall -Wextra -Werror "$@" -I"$inc/hw" -I"$inc/uapi/rdma" -c layout.c -o "$tmp/l.o" &&
		same_bytes "$tmp/l.o"
}

# kernel RELEASE: in the private root if the headers are there, else on this host
kernel()
{
	local out=$src/build/selftests/abi/kernel-$1 run=

	[ -d "/lib/modules/$1/build" ] || run=$src/tools/lab/in-root
	mkdir -p "$out" || return 1
	cp kernel/Kbuild layout.c "$out" || return 1
	$run make -s -C "/lib/modules/$1/build" M="$out" BVF_ABI_DIR="$dir" modules &&
		same_bytes "$out/layout.o"
}

complete()
{
	cat "$inc"/hw/*.h "$inc"/uapi/rdma/bvf-abi.h | awk -f list.awk | sort > "$tmp/want"
	sed -n 's/^BVF_\([SC]\)(\([^,]*\),.*/\1 \2/p; s/^BVF_F(\([^,]*\), \([^,]*\),.*/F \1 \2/p' golden.h |
		sort > "$tmp/have"
	diff "$tmp/have" "$tmp/want"
}

kernels=$(cd "$src/build/lab/root/usr/lib/modules" 2> /dev/null && ls -d -- */build 2> /dev/null | cut -d/ -f1
	[ ! -d "/lib/modules/$(uname -r)/build" ] || uname -r)
nr=$(echo "$kernels" | grep -c .)

tap_plan $((4 + (nr ? nr : 1)))
tap_run "golden.h names all there is" complete
tap_run "as the card" user -std=gnu11 -O2 -fno-strict-aliasing
tap_run "as the provider" user -std=gnu11 -O2 -fPIC -DNDEBUG -Wmissing-prototypes -Wstrict-prototypes
tap_run "as a 32-bit program" user -std=gnu11 -O2 -m32 -ffreestanding -Ishim32 \
	-idirafter "/usr/include/$(gcc -print-multiarch)"
for k in $kernels; do
	tap_run "as kernel $k" kernel "$k"
done
[ -n "$kernels" ] || tap_skip "as the kernel" "no kernel headers"
tap_end
