// SPDX-License-Identifier: GPL-2.0
/*
 * What a function can touch: DMA windows, keys, queue buffers.
 * Knows nothing of work requests beyond a key, an address and a length.
 *
 * Extents and page tables in the DRAM were made when the object was. Windows
 * can go away later, and region slots can be used anew, so a place is only
 * turned into a host address if the function's windows cover it right now.
 * The lists of covered ranges ("reach") are private copies, so that they do
 * not change while the control plane edits the windows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp.h"

static const struct bvf_reach reach_none;

static int by_gptr(const void *a, const void *b)
{
	const struct bvf_reach *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Window i as a range of its region, if it lies in one that is there. */
static bool window_range(const struct bvf_func *f, uint32_t i,
			 struct bvf_reach *out)
{
	const struct dram_dma *w = &f->dma[i];
	unsigned int id = GPTR_REGION(w->ptr);
	uint64_t off = GPTR_OFF(w->ptr);
	const struct bvf_region *r;

	if (id >= DRAM_MAX_REGION)
		return false;
	r = &f->dp->region[id];
	if (!r->base || r->dead || !w->len)
		return false;
	if (off > r->size || w->len > r->size - off)
		return false;
	out->lo = w->ptr;
	out->len = w->len;
	out->host = r->base + off;
	return true;
}

static void reach_build(struct bvf_func *f, bool write)
{
	struct bvf_reach_map *m = &f->reach[write];
	uint32_t nr = 0, to = 0;

	for (uint32_t i = 0; i < f->nr_dma; i++)
		if ((f->dma[i].writable || !write) &&
		    window_range(f, i, &m->r[nr]))
			nr++;
	qsort(m->r, nr, sizeof(m->r[0]), by_gptr);
	for (uint32_t i = 1; i < nr; i++) {
		struct bvf_reach *last = &m->r[to], *r = &m->r[i];
		uint64_t end = last->lo + last->len;

		if (r->lo <= end &&
		    GPTR_REGION(r->lo) == GPTR_REGION(last->lo)) {
			if (r->lo + r->len > end)
				last->len = r->lo + r->len - last->lo;
		} else {
			m->r[++to] = *r;
		}
	}
	m->nr = nr ? to + 1 : 0;
	m->last = &reach_none;
}

void bvf_mem_sync(struct bvf_func *f)
{
	uint32_t nr = bvf_load_acq(&f->d->nr_dma);

	if (nr > DRAM_MAX_DMA)
		nr = DRAM_MAX_DMA;
	if (!bvf_load(&f->d->master))
		nr = 0;
	memcpy(f->dma, f->d->dma, nr * sizeof(f->dma[0]));
	f->nr_dma = nr;
	reach_build(f, false);
	reach_build(f, true);
	f->mem_gen++;
}

uint8_t *bvf_reach_slow(struct bvf_func *f, gptr_t p, uint64_t len, bool write)
{
	struct bvf_reach_map *m = &f->reach[write];
	uint32_t lo = 0, hi = m->nr;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		const struct bvf_reach *r = &m->r[mid];

		if (p < r->lo) {
			hi = mid;
		} else if (p - r->lo >= r->len) {
			lo = mid + 1;
		} else {
			m->last = r;
			if (len > r->len - (p - r->lo))
				return NULL;
			return r->host + (p - r->lo);
		}
	}
	return NULL;
}

bool bvf_buf_ok(struct bvf_func *f, const struct dram_buf *buf)
{
	const gptr_t *pt = bvf_arena(f, buf->pt);

	for (uint32_t i = 0; i < buf->nr_pages; i++)
		if (!bvf_reach(f, pt[i], BVF_PAGE_SIZE, true))
			return false;
	return true;
}

/* The window that holds an IOVA; NULL if none does. */
static const struct dram_dma *window_find(const struct bvf_func *f,
					  uint64_t iova)
{
	uint32_t lo = 0, hi = f->nr_dma;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		const struct dram_dma *w = &f->dma[mid];

		if (iova < w->iova)
			hi = mid;
		else if (iova - w->iova >= w->len)
			lo = mid + 1;
		else
			return w;
	}
	return NULL;
}

uint8_t *bvf_dma_ptr(struct bvf_func *f, uint64_t iova, bool write,
		     uint64_t *avail)
{
	const struct dram_dma *w = window_find(f, iova);
	uint64_t off;

	if (!w || (write && !w->writable))
		return NULL;
	off = iova - w->iova;
	*avail = w->len - off;
	return bvf_reach(f, w->ptr + off, w->len - off, write);
}

int bvf_dma_check(struct bvf_func *f, uint64_t iova, uint64_t len, bool write)
{
	/* A range crosses each window at most once. */
	for (uint32_t i = 0; len && i <= f->nr_dma; i++) {
		uint64_t avail;

		if (!bvf_dma_ptr(f, iova, write, &avail))
			return -EFAULT;
		if (avail >= len)
			return 0;
		iova += avail;
		len -= avail;
	}
	return len ? -EFAULT : 0;
}

int bvf_dma_read(struct bvf_func *f, void *to, uint64_t iova, uint32_t len)
{
	while (len) {
		uint64_t avail;
		uint8_t *p = bvf_dma_ptr(f, iova, false, &avail);
		uint32_t n;

		if (!p)
			return -EFAULT;
		n = avail < len ? (uint32_t)avail : len;
		bvf_copy(to, p, n);
		to = (uint8_t *)to + n;
		iova += n;
		len -= n;
	}
	return 0;
}

int bvf_dma_write(struct bvf_func *f, uint64_t iova, const void *from,
		  uint32_t len)
{
	while (len) {
		uint64_t avail;
		uint8_t *p = bvf_dma_ptr(f, iova, true, &avail);
		uint32_t n;

		if (!p)
			return -EFAULT;
		n = avail < len ? (uint32_t)avail : len;
		bvf_copy(p, from, n);
		from = (const uint8_t *)from + n;
		iova += n;
		len -= n;
	}
	return 0;
}

static int dma_seg(struct bvf_func *f, uint64_t addr, uint32_t len,
		   uint32_t access, struct bvf_seg *seg)
{
	bool write = access & (BVF_ACC_LOCAL_WRITE | BVF_ACC_REMOTE_WRITE);

	if (bvf_dma_check(f, addr, len, write))
		return BVF_VE_BOUNDS;
	seg->kind = BVF_SEG_DMA;
	seg->off = addr;
	seg->len = len;
	return BVF_VE_NONE;
}

int bvf_key_seg(const struct bvf_qp *qp, uint32_t key, uint64_t addr,
		uint32_t len, uint32_t access, struct bvf_seg *seg)
{
	struct bvf_func *f = qp->f;
	uint32_t idx = BVF_KEY_IDX(key);
	const struct dram_mr *mr;

	if (key == BVF_LKEY_DMA && !qp->d->uctx &&
	    !(access & (BVF_ACC_REMOTE_READ | BVF_ACC_REMOTE_WRITE)))
		return dma_seg(f, addr, len, access, seg);
	if (bvf_unlikely(!idx || idx >= DRAM_MAX_MR))
		return BVF_VE_KEY;
	mr = &f->d->mr[idx];
	if (bvf_unlikely(bvf_load_acq(&mr->key) != key))
		return BVF_VE_KEY;
	if (bvf_unlikely(mr->pdn != qp->d->pdn))
		return BVF_VE_PD;
	if (bvf_unlikely((mr->access & access) != access))
		return BVF_VE_ACCESS;
	if (bvf_unlikely(mr->flags & BVF_MRF_DMA)) {
		if (qp->d->uctx)
			return BVF_VE_KEY;
		return dma_seg(f, addr, len, access, seg);
	}
	if (bvf_unlikely(addr < mr->va || addr - mr->va > mr->len ||
			 len > mr->len - (addr - mr->va)))
		return BVF_VE_BOUNDS;
	seg->kind = BVF_SEG_MR;
	seg->ext = bvf_arena(f, mr->ext);
	seg->nr_ext = mr->nr_ext;
	seg->off = addr - mr->va;
	seg->len = len;
	seg->cur = 0;
	return BVF_VE_NONE;
}

/* Extent of an MR that holds offset @off; the caller has checked the bounds. */
static uint32_t ext_find(const struct bvf_seg *seg, uint64_t off)
{
	uint32_t lo = 0, hi = seg->nr_ext;

	while (hi - lo > 1) {
		uint32_t mid = (lo + hi) / 2;

		if (off < seg->ext[mid].off)
			hi = mid;
		else
			lo = mid;
	}
	return lo;
}

uint32_t bvf_seg_chunk(struct bvf_func *f, struct bvf_seg *seg, uint32_t pos,
		       bool write, uint8_t **ptr)
{
	uint32_t left = seg->len - pos;
	uint64_t off = seg->off + pos, avail;
	const struct dram_ext *e;

	if (seg->kind == BVF_SEG_HOST) {
		*ptr = (uint8_t *)(uintptr_t)off;
		return left;
	}
	if (seg->kind == BVF_SEG_DMA) {
		*ptr = bvf_dma_ptr(f, off, write, &avail);
		if (!*ptr)
			return 0;
		return avail < left ? (uint32_t)avail : left;
	}
	e = &seg->ext[seg->cur];
	if (bvf_unlikely(off - e->off >= e[1].off - e->off)) {
		/* Usually the next one, else anywhere. */
		if (seg->cur + 1 < seg->nr_ext && off >= e[1].off &&
		    off < e[2].off)
			seg->cur++;
		else
			seg->cur = ext_find(seg, off);
		e = &seg->ext[seg->cur];
	}
	avail = e[1].off - off;
	if (avail < left)
		left = (uint32_t)avail;
	*ptr = bvf_reach(f, e->ptr + (off - e->off), left, write);
	return *ptr ? left : 0;
}
