#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Kernel verbs on a device that talks to itself; the module prints the results.

. "$(dirname "$0")/lib.sh"

kv_mark
insmod "$KV_KO" || tap_skip_all "bvf_kverbs does not load"
kv_said | grep -E '^(ok|not ok|1\.\.)'
! kv_said | grep -q '^not ok'
