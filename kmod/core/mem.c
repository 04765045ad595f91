// SPDX-License-Identifier: GPL-2.0
/*
 * Queue memory and page lists: how memory is named to the card.
 * Knows no command.
 */
#include "core.h"

/* One page of a list while it is built. */
struct bvf_pl_chunk {
	struct list_head list;
	struct bvf_pl_page *page;
	dma_addr_t dma;
};

/**
 * bvf_buf_alloc - zeroed memory that driver and card share
 * @bdev:	function
 * @buf:	gets address and length
 * @len:	bytes, rounded up to BVF_PAGE_SIZE
 *
 * Return: 0 or -ENOMEM
 */
int bvf_buf_alloc(struct bvf_dev *bdev, struct bvf_buf *buf, size_t len)
{
	buf->len = ALIGN(len, BVF_PAGE_SIZE);
	buf->va = dma_alloc_coherent(&bdev->pdev->dev, buf->len, &buf->dma,
				     GFP_KERNEL | __GFP_NOWARN);
	return buf->va ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_GPL(bvf_buf_alloc);

void bvf_buf_free(struct bvf_dev *bdev, struct bvf_buf *buf)
{
	if (buf->va)
		dma_free_coherent(&bdev->pdev->dev, buf->len, buf->va, buf->dma);
	buf->va = NULL;
}
EXPORT_SYMBOL_GPL(bvf_buf_free);

void bvf_pl_begin(struct bvf_dev *bdev, struct bvf_pl *pl)
{
	memset(pl, 0, sizeof(*pl));
	INIT_LIST_HEAD(&pl->pages);
	pl->bdev = bdev;
}
EXPORT_SYMBOL_GPL(bvf_pl_begin);

static struct bvf_pl_chunk *bvf_pl_grow(struct bvf_pl *pl)
{
	struct device *dev = &pl->bdev->pdev->dev;
	struct bvf_pl_chunk *chunk, *tail;

	chunk = kmalloc_obj(*chunk, GFP_KERNEL);
	if (!chunk)
		return NULL;
	chunk->page = dma_alloc_coherent(dev, sizeof(*chunk->page), &chunk->dma, GFP_KERNEL);
	if (!chunk->page) {
		kfree(chunk);
		return NULL;
	}
	if (list_empty(&pl->pages)) {
		pl->hw.iova = cpu_to_le64(chunk->dma);
	} else {
		tail = list_last_entry(&pl->pages, struct bvf_pl_chunk, list);
		tail->page->next = cpu_to_le64(chunk->dma);
	}
	list_add_tail(&chunk->list, &pl->pages);
	return chunk;
}

/* Writes the piece that is being merged into the list. */
static int bvf_pl_flush(struct bvf_pl *pl)
{
	unsigned int i = pl->nr % BVF_PL_PER_PAGE;
	struct bvf_pl_chunk *chunk;

	if (pl->nr == BVF_PL_MAX_ENTRIES)
		return -E2BIG;
	if (i)
		chunk = list_last_entry(&pl->pages, struct bvf_pl_chunk, list);
	else
		chunk = bvf_pl_grow(pl);
	if (!chunk)
		return -ENOMEM;
	chunk->page->e[i].iova = cpu_to_le64(pl->last_iova);
	chunk->page->e[i].len = cpu_to_le64(pl->last_len);
	pl->nr++;
	return 0;
}

/**
 * bvf_pl_add - add a piece of memory
 * @pl:		page list, after bvf_pl_begin()
 * @iova:	DMA address
 * @len:	bytes; nothing happens with 0
 *
 * Return: 0, -ENOMEM, or -E2BIG with more pieces than the card takes
 */
int bvf_pl_add(struct bvf_pl *pl, u64 iova, u64 len)
{
	int err;

	if (!len)
		return 0;
	if (pl->last_len && pl->last_iova + pl->last_len == iova) {
		pl->last_len += len;
		return 0;
	}
	if (pl->last_len) {
		err = bvf_pl_flush(pl);
		if (err)
			return err;
	}
	pl->last_iova = iova;
	pl->last_len = len;
	return 0;
}
EXPORT_SYMBOL_GPL(bvf_pl_add);

/* Completes pl->hw; -EINVAL if nothing was added. */
int bvf_pl_end(struct bvf_pl *pl)
{
	int err;

	if (!pl->last_len)
		return -EINVAL;
	if (!pl->nr) {
		pl->hw = bvf_pl_contig(pl->last_iova);
		return 0;
	}
	err = bvf_pl_flush(pl);
	if (!err)
		pl->hw.nr = cpu_to_le32(pl->nr);
	return err;
}
EXPORT_SYMBOL_GPL(bvf_pl_end);

void bvf_pl_free(struct bvf_pl *pl)
{
	struct bvf_pl_chunk *chunk, *next;

	list_for_each_entry_safe(chunk, next, &pl->pages, list) {
		dma_free_coherent(&pl->bdev->pdev->dev, sizeof(*chunk->page), chunk->page,
				  chunk->dma);
		kfree(chunk);
	}
	INIT_LIST_HEAD(&pl->pages);
}
EXPORT_SYMBOL_GPL(bvf_pl_free);

/**
 * bvf_pl_from_sg - page list of a part of a mapped scatterlist
 * @bdev:	function
 * @pl:		page list, not begun; to be freed by bvf_pl_free() in any case
 * @sgl:	mapped scatterlist
 * @nents:	its mapped entries
 * @off:	where the part begins
 * @len:	bytes of the part
 *
 * Return: 0, -EINVAL when the scatterlist is too short, or as bvf_pl_add()
 */
int bvf_pl_from_sg(struct bvf_dev *bdev, struct bvf_pl *pl, struct scatterlist *sgl,
		   unsigned int nents, u64 off, u64 len)
{
	struct scatterlist *sg;
	unsigned int i;
	int err;

	bvf_pl_begin(bdev, pl);
	for_each_sg(sgl, sg, nents, i) {
		u64 piece = sg_dma_len(sg);
		u64 skip = min(off, piece);

		off -= skip;
		piece = min(piece - skip, len);
		err = bvf_pl_add(pl, sg_dma_address(sg) + skip, piece);
		if (err)
			return err;
		len -= piece;
		if (!len)
			break;
	}
	return len ? -EINVAL : bvf_pl_end(pl);
}
EXPORT_SYMBOL_GPL(bvf_pl_from_sg);
