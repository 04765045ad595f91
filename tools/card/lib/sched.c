// SPDX-License-Identifier: GPL-2.0
/*
 * Short slices by sched_setattr(), spare processors by /proc/loadavg.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sched.h"

#define SLICE_NS	100000ull	/* the shortest that the kernel grants */
#define ASK_NS		4000000ull	/* between two questions */
#define SPARE_STREAK	5		/* equal answers that make one believe it */

/* struct sched_attr of the kernel, as far as it is needed. */
struct attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

void bvf_sched_short_slice(void)
{
	struct attr attr = { .size = sizeof(attr), .runtime = SLICE_NS };

	syscall(SYS_sched_setattr, 0, &attr, 0);
}

static int loadavg_fd = -1;
static int nr_cpus;

void bvf_sched_init(void)
{
	cpu_set_t set;

	loadavg_fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	nr_cpus = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
}

/* Threads that run or want to, ourselves included; -1 if that is not told. */
static int nr_running(void)
{
	char buf[128];
	ssize_t n;
	int nr;

	if (loadavg_fd < 0)
		return -1;
	n = pread(loadavg_fd, buf, sizeof(buf) - 1, 0);
	if (n <= 0)
		return -1;
	buf[n] = 0;
	return sscanf(buf, "%*s %*s %*s %d/", &nr) == 1 ? nr : -1;
}

bool bvf_sched_spare(uint64_t now)
{
	static uint64_t asked;
	static int streak;
	int nr;

	if (now - asked < ASK_NS)
		return streak >= SPARE_STREAK;
	asked = now;
	nr = nr_running();
	if (nr < 0 || nr > nr_cpus)
		streak = 0;
	else if (streak < SPARE_STREAK)
		streak++;
	return streak >= SPARE_STREAK;
}
