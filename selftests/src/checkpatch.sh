#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's own checkpatch has nothing to say of the modules.

. "$(dirname "$0")/lib.sh"
CHECKPATCH=$LAB/checkpatch/scripts/checkpatch.pl
[ -x "$CHECKPATCH" ] || tap_skip_all "no checkpatch in the lab"

# Not in a kernel tree, so: no maintainers, no lists of the tree's own structs and devices.
check()
{
	perl "$CHECKPATCH" --no-tree --terse --no-summary --file --show-types \
		--ignore FILE_PATH_CHANGES,LINUX_VERSION_CODE,NAKED_SSCANF "$1"
}

mapfile -t files < <(cd "$SRC" && find kmod -name '*.[ch]' | sort)
tap_plan "${#files[@]}"
cd "$SRC"
for file in "${files[@]}"; do
	tap_run "$file" check "$file"
done
tap_end
