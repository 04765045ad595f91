#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Prints golden.h for the headers as they are (update.sh > golden.h), or with -x
# golden.hex. For whoever changes the ABI: the difference is what a reviewer looks at.
set -eu

cd "$(dirname "$0")"
inc="../../kmod/include"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if [ "${1:-}" = -x ]; then
	${CC:-gcc} -std=gnu11 -I"$inc/hw" -I"$inc/uapi/rdma" -c layout.c -o "$tmp/l.o"
	objcopy -O binary --only-section=bvf_samples --set-section-flags bvf_samples=alloc \
		"$tmp/l.o" "$tmp/l.bin"
	exec od -An -v -tx1 -w16 "$tmp/l.bin"
fi

{
	echo '#include <stdio.h>'
	echo '#include <stddef.h>'
	for h in "$inc"/hw/*.h "$inc"/uapi/rdma/bvf-abi.h; do
		echo "#include \"$(basename "$h")\""
	done
	echo 'int main(void) {'
	cat "$inc"/hw/*.h "$inc"/uapi/rdma/bvf-abi.h | awk -f list.awk | awk '
		$1 == "S" { printf "printf(\"BVF_S(%s, %%zu)\\n\", sizeof(struct %s));\n", $2, $2 }
		$1 == "F" { printf "printf(\"BVF_F(%s, %s, %%zu, %%zu)\\n\", offsetof(struct %s, %s), sizeof(((struct %s *)0)->%s));\n",
				   $2, $3, $2, $3, $2, $3 }
		$1 == "C" { printf "printf(\"BVF_C(%s, %%#llx)\\n\", (unsigned long long)(%s));\n", $2, $2 }'
	echo 'return 0; }'
} > "$tmp/g.c"
${CC:-gcc} -std=gnu11 -w -I"$inc/hw" -I"$inc/uapi/rdma" "$tmp/g.c" -o "$tmp/g"
echo '/* SPDX-License-Identifier: GPL-2.0 */'
echo '/*'
echo ' * The ABI in numbers: S size of a struct, F offset and size of a field, C value.'
echo ' * Written by update.sh; a change here is a change of the ABI.'
echo ' */'
"$tmp/g"
