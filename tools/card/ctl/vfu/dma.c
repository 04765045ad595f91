// SPDX-License-Identifier: GPL-2.0
/*
 * The function's address table: guest address ranges, sorted, no two overlap.
 * Trust boundary: ranges come from the client and are checked here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "priv.h"

/* Return: index of the first range that ends after @iova */
static size_t dma_lower(const struct bvf_vfu *vfu, uint64_t iova)
{
	size_t lo = 0, hi = vfu->nr_dma;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct bvf_vfu_dma *dma = &vfu->dma[mid];

		if (dma->iova + (dma->size - 1) < iova)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct bvf_vfu_dma *bvf_vfu_dma_find(const struct bvf_vfu *vfu,
					   uint64_t iova)
{
	size_t i = dma_lower(vfu, iova);

	if (i == vfu->nr_dma || vfu->dma[i].iova > iova)
		return NULL;
	return &vfu->dma[i];
}

static int dma_grow(struct bvf_vfu *vfu)
{
	size_t cap = vfu->cap_dma ? vfu->cap_dma * 2 : 16;
	struct bvf_vfu_dma *dma;

	if (vfu->nr_dma < vfu->cap_dma)
		return 0;
	if (vfu->nr_dma >= BVF_VFU_MAX_DMA_MAPS)
		return -ENOSPC;
	dma = realloc(vfu->dma, cap * sizeof(*dma));
	if (!dma)
		return -ENOMEM;
	vfu->dma = dma;
	vfu->cap_dma = cap;
	return 0;
}

int bvf_vfu_dma_insert(struct bvf_vfu *vfu, const struct bvf_vfu_dma *req,
		       int fd)
{
	struct bvf_vfu_dma dma = *req;
	size_t at;
	int err;

	if (!dma.size || dma.iova + (dma.size - 1) < dma.iova ||
	    dma.offset + (dma.size - 1) < dma.offset)
		return -EINVAL;
	at = dma_lower(vfu, dma.iova);
	if (at < vfu->nr_dma && vfu->dma[at].iova <= dma.iova + (dma.size - 1))
		return -EEXIST;
	err = dma_grow(vfu);
	if (err)
		return err;
	err = vfu->cfg.ops->dma_map(vfu->cfg.dev, &dma, fd);
	if (err)
		return err;
	memmove(&vfu->dma[at + 1], &vfu->dma[at],
		(vfu->nr_dma - at) * sizeof(dma));
	vfu->dma[at] = dma;
	vfu->nr_dma++;
	return 0;
}

/* Ranges are removed whole; one that is only partly named is an error. */
int bvf_vfu_dma_remove(struct bvf_vfu *vfu, uint64_t iova, uint64_t size)
{
	uint64_t last = iova + (size - 1);
	size_t from, to;

	if (!size || last < iova)
		return -EINVAL;
	from = dma_lower(vfu, iova);
	for (to = from; to < vfu->nr_dma && vfu->dma[to].iova <= last; to++) {
		const struct bvf_vfu_dma *dma = &vfu->dma[to];

		if (dma->iova < iova || dma->iova + (dma->size - 1) > last)
			return -EINVAL;
	}
	if (from == to)
		return -ENOENT;
	for (size_t i = from; i < to; i++)
		vfu->cfg.ops->dma_unmap(vfu->cfg.dev, &vfu->dma[i]);
	memmove(&vfu->dma[from], &vfu->dma[to],
		(vfu->nr_dma - to) * sizeof(*vfu->dma));
	vfu->nr_dma -= to - from;
	return 0;
}

void bvf_vfu_dma_clear(struct bvf_vfu *vfu)
{
	for (size_t i = 0; i < vfu->nr_dma; i++)
		vfu->cfg.ops->dma_unmap(vfu->cfg.dev, &vfu->dma[i]);
	free(vfu->dma);
	vfu->dma = NULL;
	vfu->nr_dma = 0;
	vfu->cap_dma = 0;
}
