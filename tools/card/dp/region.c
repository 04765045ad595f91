// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory files: mapped whole and once. A file that shrinks under us
 * turns into zero pages and a dead region, never into the card's death.
 * Knows nothing of who may touch which part of them (mem.c).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dp.h"

/* For the signal handler: the only data plane of this process. */
static struct bvf_dp *bus_dp;

static void bus_handler(int sig, siginfo_t *info, void *uctx)
{
	uintptr_t at = (uintptr_t)info->si_addr;

	(void)uctx;
	for (int i = 0; i < DRAM_MAX_REGION; i++) {
		struct bvf_region *r = &bus_dp->region[i];
		uintptr_t base = (uintptr_t)r->base;

		if (!base || at < base || at - base >= r->size)
			continue;
		if (mmap(r->base, r->size, PROT_READ | PROT_WRITE,
			 MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS |
			 MAP_NORESERVE, -1, 0) == MAP_FAILED)
			break;
		r->dead = 1;
		bus_dp->region_died = 1;
		return;
	}
	/* Not guest memory: fault again, without a handler. */
	signal(sig, SIG_DFL);
}

void bvf_mem_init(struct bvf_dp *dp)
{
	struct sigaction sa = {
		.sa_sigaction = bus_handler,
		.sa_flags = SA_SIGINFO,
	};

	bus_dp = dp;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGBUS, &sa, NULL);
}

static void sync_users(struct bvf_dp *dp)
{
	for (int i = 0; i < DRAM_MAX_FUNC; i++)
		if (dp->func[i].nr_dma)
			bvf_mem_sync(&dp->func[i]);
}

int bvf_region_add(struct bvf_dp *dp, uint32_t id, uint64_t size, int fd)
{
	struct bvf_region *r = &dp->region[id];
	void *p;

	if (r->base)
		bvf_region_del(dp, id);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	madvise(p, size, MADV_DONTDUMP);
	r->size = size;
	r->dead = 0;
	r->base = p;
	sync_users(dp);
	return 0;
}

void bvf_region_del(struct bvf_dp *dp, uint32_t id)
{
	struct bvf_region *r = &dp->region[id];
	void *base = r->base;

	if (!base)
		return;
	r->base = NULL;
	/* No function may reach it by the time that it is unmapped. */
	sync_users(dp);
	munmap(base, r->size);
	r->size = 0;
	r->dead = 0;
}
