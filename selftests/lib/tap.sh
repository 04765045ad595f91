# SPDX-License-Identifier: GPL-2.0
# KTAP for shell tests; to be sourced. Knows nothing of bvf.
#
#   . ../lib/tap.sh
#   tap_plan 2
#   tap_run "name" command args...
#   tap_skip "name" "why"
#   tap_end

TAP_SKIP_CODE=4
tap_nr=0
tap_bad=0
tap_skipped=0

tap_plan()
{
	echo "TAP version 13"
	echo "1..$1"
}

# The command's output is shown as comments when it fails.
tap_run()
{
	tap_name=$1
	shift
	tap_nr=$((tap_nr + 1))
	tap_out=$("$@" 2>&1) && tap_code=0 || tap_code=$?
	if [ "$tap_code" -eq 0 ]; then
		echo "ok $tap_nr $tap_name"
	elif [ "$tap_code" -eq "$TAP_SKIP_CODE" ]; then
		tap_skipped=$((tap_skipped + 1))
		echo "ok $tap_nr $tap_name # SKIP $(echo "$tap_out" | tail -n 1)"
	else
		tap_bad=$((tap_bad + 1))
		echo "$tap_out" | sed 's/^/# /'
		echo "not ok $tap_nr $tap_name # exit code $tap_code"
	fi
}

tap_skip()
{
	tap_nr=$((tap_nr + 1))
	tap_skipped=$((tap_skipped + 1))
	echo "ok $tap_nr $1 # SKIP $2"
}

# All skipped at once, with a reason: for what the machine does not have.
tap_skip_all()
{
	echo "1..0 # SKIP $1"
	exit "$TAP_SKIP_CODE"
}

tap_end()
{
	echo "# Totals: pass:$((tap_nr - tap_bad - tap_skipped)) fail:$tap_bad skip:$tap_skipped"
	[ "$tap_bad" -eq 0 ] || exit 1
	[ "$tap_nr" -ne "$tap_skipped" ] || exit "$TAP_SKIP_CODE"
	exit 0
}
