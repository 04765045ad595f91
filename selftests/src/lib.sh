# SPDX-License-Identifier: GPL-2.0
# For checks of the source; to be sourced. They need the lab's private root.

SRC=$(cd "$(dirname "$0")/../.." && pwd -P)
BUILD=${BVF_BUILD:-$SRC/build}
LAB=$BUILD/lab
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"

[ -f "$LAB/root.stamp" ] || tap_skip_all "there is no private root: make lab"
