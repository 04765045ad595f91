// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory files: mapped whole and once. A file that shrinks under us
 * turns into zero pages and a dead region, never into the card's death.
 * Knows nothing of who may touch which part of them (mem.c).
 */
#include <errno.h>
#include <sys/mman.h>

#include "dp.h"
#include "lib/sigbus.h"

static bool uses(const struct bvf_func *f, uint32_t id)
{
	for (uint32_t i = 0; i < f->nr_dma; i++)
		if (GPTR_REGION(f->dma[i].ptr) == id)
			return true;
	return false;
}

/* Only those: what one guest maps does not concern the others. */
static void sync_users(struct bvf_dp *dp, uint32_t id)
{
	for (int i = 0; i < DRAM_MAX_FUNC; i++)
		if (uses(&dp->func[i], id))
			bvf_mem_sync(&dp->func[i]);
}

int bvf_region_add(struct bvf_dp *dp, uint32_t id, uint64_t size, int fd)
{
	struct bvf_region *r = &dp->region[id];
	void *p;

	bvf_region_del(dp, id);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	madvise(p, size, MADV_DONTDUMP);
	r->guard = bvf_sigbus_add(p, size);
	if (r->guard < 0) {
		munmap(p, size);
		return r->guard;
	}
	r->size = size;
	r->dead = false;
	r->base = p;
	sync_users(dp, id);
	return 0;
}

void bvf_region_del(struct bvf_dp *dp, uint32_t id)
{
	struct bvf_region *r = &dp->region[id];
	void *base = r->base;

	if (base) {
		r->base = NULL;
		/* No function may reach it by the time that it is unmapped. */
		sync_users(dp, id);
		bvf_sigbus_del(r->guard);
		munmap(base, r->size);
	}
	r->size = 0;
}

/* A guest's file shrank: nobody is let into that region any more. */
void bvf_region_check(struct bvf_dp *dp)
{
	dp->faults_seen = bvf_sigbus_faults;
	for (int i = 0; i < DRAM_MAX_REGION; i++) {
		struct bvf_region *r = &dp->region[i];

		if (!r->base || r->dead || !bvf_sigbus_faulted(r->guard))
			continue;
		r->dead = true;
		bvf_warn("guest memory region %d shrank, it is given up", i);
		sync_users(dp, (uint32_t)i);
	}
}
