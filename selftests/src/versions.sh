#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Kernel and rdma-core versions are tested in one header each and nowhere else.

. "$(dirname "$0")/lib.sh"

none_outside()
{
	local found

	found=$(cd "$SRC" && grep -rnE "$1" "$2" --include='*.[ch]' | grep -vE "^[^:]*$3[^:]*:")
	[ -z "$found" ] || { echo "$found"; return 1; }
}

tap_plan 2
tap_run "kernel versions only in kmod/compat*.h" none_outside 'LINUX_VERSION_CODE|KERNEL_VERSION' kmod '/compat'
tap_run "rdma-core versions only in the provider's compat.h" none_outside '#.*BVF_RDMA_CORE' providers '/compat'
tap_end
