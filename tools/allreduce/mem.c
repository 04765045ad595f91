// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for buffers. It must not know what is kept in it.
 */
#include <sys/mman.h>

#include "allreduce.h"

#define BVF_MEM_HUGE	(2u << 20)

/*
 * Buffers that are read and written side by side must not lie alike: a processor
 * takes a load and a store with the same low address bits for one and the same,
 * and an emulated one has a direct-mapped TLB in which they evict each other at
 * every access (four times slower). So each buffer begins some pages and some
 * cache lines further on than the others.
 */
static size_t bvf_mem_shift(enum bvf_mem_use use)
{
	static const unsigned int pages[] = {
		[BVF_MEM_IN] = 0, [BVF_MEM_SLOTS] = 11, [BVF_MEM_OUT] = 37,
	};

	return pages[use] * (4096u + 64u);
}

static size_t bvf_mem_span(size_t len, enum bvf_mem_use use)
{
	return (len + bvf_mem_shift(use) + BVF_MEM_HUGE - 1) & ~(size_t)(BVF_MEM_HUGE - 1);
}

/* Big pages where they can be had: fewer extents in a memory region. */
void *bvf_mem_alloc(size_t len, enum bvf_mem_use use)
{
	size_t span = bvf_mem_span(len, use), head;
	char *p;

	p = mmap(NULL, span + BVF_MEM_HUGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	head = -(uintptr_t)p & (BVF_MEM_HUGE - 1);
	if (head)
		munmap(p, head);
	munmap(p + head + span, BVF_MEM_HUGE - head);
	madvise(p + head, span, MADV_HUGEPAGE);
	return p + head + bvf_mem_shift(use);
}

void bvf_mem_free(void *p, size_t len, enum bvf_mem_use use)
{
	if (p)
		munmap((char *)p - bvf_mem_shift(use), bvf_mem_span(len, use));
}
