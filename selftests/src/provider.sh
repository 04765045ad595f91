#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The provider builds in an unmodified rdma-core of the guests' release and of the newest.

. "$(dirname "$0")/lib.sh"

builds()
{
	local log

	log=$("$SRC/tools/lab/in-root" make -s -C providers O="$BUILD/provider-$1" RDMA_CORE_SRC="$LAB/rdma-core-$1" 2>&1) ||
		{ echo "$log" | tail -20; return 1; }
	ls "$BUILD/provider-$1"/libbvf-rdmav*.so
}

tap_plan 2
tap_run "rdma-core $(sed -n 's/^set(PACKAGE_VERSION "\(.*\)")/\1/p' "$LAB/rdma-core-56/CMakeLists.txt")" builds 56
if [ -d "$LAB/rdma-core-new" ]; then
	tap_run "rdma-core $(sed -n 's/^set(PACKAGE_VERSION "\(.*\)")/\1/p' "$LAB/rdma-core-new/CMakeLists.txt")" builds new
else
	tap_skip "the newest rdma-core" "its source was not to be had"
fi
tap_end
