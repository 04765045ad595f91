#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh [-k KERNEL]... [-o] [FOLDER[/TEST]...]: runs the tests, on the host and in VMs on each
# kernel, and counts. -o: host tests only. Knows no test by name; the folders' Makefiles list them.

. "$(dirname "$(readlink -f "$0")")/../tools/lab/common.sh"

LAB=$BVF_SRC/tools/lab/bvf-lab
OUT=$BVF_BUILD/check
HOST_FOLDERS="abi src dp card tools"
GUEST_FOLDERS="verbs kmod net"
VM_FOLDER=vm
TEST_S=${BVF_TEST_TIMEOUT:-180}
VM_TEST_S=${BVF_VM_TEST_TIMEOUT:-400}
# what no kernel log may show; each is how the kernel starts such a report
BAD_LOG='WARNING: |BUG: |Oops|Call Trace:|general protection fault|Kernel panic|self-detected stall|detected stalls|blocked for more than|UBSAN:|KASAN:|refcount_t:|DMA-API:.*error|list_(add|del) corruption'

nr_passed=0 nr_failed=0 nr_skipped=0
started_lab=0
test_pid=

cleanup()
{
	# timeout leads a process group of its own, so this ends all of a test
	[ -z "$test_pid" ] || kill -TERM -- "-$test_pid" 2> /dev/null || true
	[ "$started_lab" = 0 ] || "$LAB" down > /dev/null 2>&1 || true
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# selected FOLDER TEST: does the command line ask for it?
selected()
{
	local want

	[ ${#ONLY[@]} -gt 0 ] || return 0
	for want in "${ONLY[@]}"; do
		case $want in
		"$1" | "$1/$2") return 0 ;;
		esac
	done
	return 1
}

# list FOLDER VARIABLE: the names its Makefile gives, without folders.
list()
{
	local dir=$BVF_SRC/selftests/$1 name

	[ -f "$dir/Makefile" ] || return 0
	for name in $(printf 'include Makefile\nbvf_list:\n\t@echo $(%s)\n' "$2" |
		make -s -C "$dir" -f - OUTPUT="$BVF_BUILD/selftests/$1" bvf_list 2> /dev/null); do
		name=${name##*/}
		! selected "$1" "$name" || printf '%s\n' "$name"
	done
}

# count TITLE LOG EXIT-CODE: reads a program's TAP. What it planned and did not report,
# and an exit code that its lines do not explain, are failures.
count()
{
	local pass fail skip plan why=

	pass=$(grep -cE '^ok ' "$2" || true)
	skip=$(grep -cE '^ok .*# *SKIP' "$2" || true)
	fail=$(grep -cE '^not ok ' "$2" || true)
	plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$2" | head -1)
	pass=$((pass - skip))
	if [ -n "$plan" ] && [ $((pass + fail + skip)) -lt "$plan" ]; then
		fail=$((plan - pass - skip))
		why=" (exit code $3 after $((pass + skip)) of $plan)"
	elif [ "$3" = 4 ] && [ $fail = 0 ]; then
		[ $((pass + skip)) -gt 0 ] || skip=1
	elif [ "$3" != 0 ] && [ $fail = 0 ]; then
		fail=1
		why=" (exit code $3)"
	elif [ $((pass + fail + skip)) = 0 ]; then
		fail=1
		why=" (no result)"
	fi
	[ "$3" != 124 ] && [ "$3" != 137 ] || why=" (timed out)"
	nr_passed=$((nr_passed + pass))
	nr_failed=$((nr_failed + fail))
	nr_skipped=$((nr_skipped + skip))
	printf '%s: %d passed, %d failed, %d skipped%s\n' "$1" "$pass" "$fail" "$skip" "$why"
	if [ $fail -gt 0 ]; then
		grep -E '^not ok' "$2" | head -40 | sed 's/^/    /' || true
		[ -z "$why" ] || tail -5 "$2" | sed 's/^/    | /'
		printf '    log: %s\n' "$2"
	fi
}

# one TITLE SECONDS CMD...
one()
{
	local title=$1 limit=$2 rc=0 log

	shift 2
	log=$OUT/$(printf '%s' "$title" | tr '/ ' '--' | tr -d '()').log
	timeout -k 10 "$limit" "$@" > "$log" 2>&1 < /dev/null &
	test_pid=$!
	wait $test_pid || rc=$?
	test_pid=
	count "$title" "$log" "$rc"
	return 0
}

host_tests()
{
	local folder name dir

	# the card under test is the one with sanitizers
	export BVF_CARD=$BVF_BUILD/card-asan/bvf-card
	for folder in $HOST_FOLDERS; do
		dir=$BVF_SRC/selftests/$folder
		for name in $(list "$folder" TEST_PROGS); do
			one "$folder/$name" "$TEST_S" "$dir/$name"
		done
		for name in $(list "$folder" TEST_GEN_PROGS); do
			one "$folder/$name" "$TEST_S" "$BVF_BUILD/selftests/$folder/$name"
		done
	done
	unset BVF_CARD
}

# A VM that a test left dead or stuck is replaced, so that it costs the other tests nothing.
vms_alive()
{
	local n

	for n in 0 1; do
		timeout 15 "$LAB" run "$n" true > /dev/null 2>&1 < /dev/null && continue
		say "vm$n does not answer: starting it again"
		"$LAB" kill "$n" || true
		"$LAB" start "$n" && timeout 60 "$LAB" run "$n" bvf-guest-setup < /dev/null || true
	done
}

guest_tests()
{
	local kernel=$1 folder name

	for folder in $GUEST_FOLDERS; do
		for name in $(list "$folder" TEST_GEN_PROGS); do
			one "$folder/$name ($kernel)" "$TEST_S" "$LAB" run 0 \
				"cd /build/selftests/$folder && exec timeout $((TEST_S - 10)) ./$name"
			vms_alive
		done
		for name in $(list "$folder" TEST_PROGS); do
			one "$folder/$name ($kernel)" "$TEST_S" "$LAB" run 0 \
				"cd /bvf/selftests/$folder && exec timeout $((TEST_S - 10)) ./$name"
			vms_alive
		done
	done
	for name in $(list $VM_FOLDER TEST_PROGS); do
		one "$VM_FOLDER/$name ($kernel)" "$VM_TEST_S" "$BVF_SRC/selftests/$VM_FOLDER/$name"
		vms_alive
	done
}

# The console has all that the kernel warned of, over reboots and kills.
kernel_logs()
{
	local kernel=$1 tag=$1${2:+-$2} n log

	for n in 0 1; do
		log=$OUT/console-vm$n-$tag.log
		cp "$BVF_RUN/vm$n/console.log" "$log" 2> /dev/null || : > "$log"
		if grep -nE "$BAD_LOG" "$log" > "$log.bad"; then
			nr_failed=$((nr_failed + 1))
			printf 'kernel log of vm%d (%s%s): not clean\n' "$n" "$kernel" "${2:+, $2}"
			head -5 "$log.bad" | sed 's/^/    | /'
			printf '    log: %s\n' "$log"
		else
			nr_passed=$((nr_passed + 1))
			printf 'kernel log of vm%d (%s%s): clean\n' "$n" "$kernel" "${2:+, $2}"
		fi
		rm -f "$log.bad"
	done
}

lab_failed()
{
	nr_failed=$((nr_failed + 1))
	printf 'VMs (%s): %s\n' "$1" "$2"
	tail -8 "$OUT/lab-$1.log" | sed 's/^/    | /'
}

vm_tests()
{
	local kernel=$1 cpus=1 name

	# two vCPUs, on one of the kernels, for races that one cannot show
	[ "$kernel" != "$(kernels | tail -1)" ] || cpus=2
	started_lab=1
	if ! "$LAB" up -n 2 --kernel "$kernel" --cpus $cpus > "$OUT/lab-$kernel.log" 2>&1; then
		lab_failed "$kernel" "did not start"
	else
		if timeout 90 "$LAB" setup >> "$OUT/lab-$kernel.log" 2>&1; then
			guest_tests "$kernel"
		else
			lab_failed "$kernel" "bvf-guest-setup failed"
		fi
		kernel_logs "$kernel"
		cp "$BVF_RUN/card.log" "$OUT/card-$kernel.log" 2> /dev/null || true
		"$LAB" down
	fi
	export BVF_KERNEL=$kernel
	for name in $(list $VM_FOLDER TEST_PROGS_OWN_LAB); do
		one "$VM_FOLDER/$name ($kernel)" "$VM_TEST_S" "$BVF_SRC/selftests/$VM_FOLDER/$name"
		"$LAB" down
		kernel_logs "$kernel" "$name"
	done
	"$LAB" down
	started_lab=0
}

any_vm_test()
{
	local folder

	for folder in $GUEST_FOLDERS $VM_FOLDER; do
		[ -z "$(list "$folder" TEST_PROGS)$(list "$folder" TEST_GEN_PROGS)$(list "$folder" TEST_PROGS_OWN_LAB)" ] ||
			return 0
	done
	return 1
}

KERNELS=() ONLY=() host_only=0
while [ $# -gt 0 ]; do
	case $1 in
	-k) KERNELS+=("${2:?-k needs a kernel}"); shift ;;
	-o) host_only=1 ;;
	-*) die "run.sh has no option $1" "run.sh [-k KERNEL]... [-o] [FOLDER[/TEST]...]" ;;
	*) ONLY+=("$1") ;;
	esac
	shift
done
[ ${#KERNELS[@]} -gt 0 ] || mapfile -t KERNELS < <(kernels)

if [ $host_only = 0 ] && [ -f "$BVF_RUN/lab.conf" ]; then
	die "a lab is up, and the tests need their own VMs" "tools/lab/bvf-lab down"
fi
mkdir -p "$OUT"
rm -f "$OUT"/*.log
start=$SECONDS
say "tests on this host (about 3 minutes)"
host_tests
if [ $host_only = 0 ] && any_vm_test; then
	for kernel in "${KERNELS[@]}"; do
		say "tests in two VMs, Linux $kernel (about 3 minutes)"
		vm_tests "$kernel"
	done
fi
say "took $(((SECONDS - start) / 60)) min $(((SECONDS - start) % 60)) s, logs in $OUT"
echo "$nr_passed passed, $nr_failed failed, $nr_skipped skipped"
[ $nr_failed = 0 ]
