#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The provider's queue code, compiled with sanitizers against the guests' rdma-core and
# run without a kernel or a card: see provider_queues.c.

set -eu
. "$(dirname "$0")/lib.sh"

OUT=$BUILD/selftests/src
TREE=$BUILD/provider-56
mkdir -p "$OUT"
in_root()
{
	"$SRC/tools/lab/in-root" "$@"
}

in_root make -s -C providers O="$TREE" RDMA_CORE_SRC="$LAB/rdma-core-56" > "$OUT/provider.log" 2>&1 ||
	{ tail -20 "$OUT/provider.log" >&2; exit 1; }
in_root gcc -O1 -g -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined -DBVF_RDMA_CORE=56 \
	-I"$TREE/rdma-core/include" -Iproviders/bvf -Ikmod/include/hw -Ikmod/include/uapi/rdma \
	selftests/src/provider_queues.c providers/bvf/{cq,poll,poll_ex,wr}.c \
	"$TREE/rdma-core/ccan/libccan_pic.a" -o "$OUT/provider_queues"
in_root env ASAN_OPTIONS=detect_leaks=0 "$OUT/provider_queues"
