// SPDX-License-Identifier: GPL-2.0
/*
 * Page lists of commands, translated once into page tables (queues) and
 * extents (MRs) in the function's arena.
 *
 * Trust boundary: lists are in guest memory. Each list page is copied once and
 * the copy checked; the chain is as long as the command said, so a loop in it
 * ends.
 */
#include <stdlib.h>
#include <string.h>

#include "card.h"

#define BUF_MAX_LEN	(32u << 20)	/* the largest queues fit with room to spare */

/* Walks the entries of a list. */
struct pl_iter {
	struct bvf_fn *fn;
	uint32_t left;			/* entries not yet handed out */
	uint32_t at;			/* in page */
	uint64_t next;			/* list page to load next */
	struct bvf_pl_entry single;	/* a list of one, which has no page */
	bool is_single;
	struct bvf_pl_page page;
};

static int iter_start(struct pl_iter *it, struct bvf_fn *fn,
		      const struct bvf_page_list *pl, uint64_t len)
{
	if (pl->rsvd)
		return BVF_ST_BAD_RSVD;
	if (!pl->nr || pl->nr > BVF_PL_MAX_ENTRIES)
		return BVF_ST_BAD_PARAM;
	it->fn = fn;
	it->left = pl->nr;
	it->is_single = pl->nr == 1;
	it->single = (struct bvf_pl_entry){ .iova = pl->iova, .len = len };
	it->at = BVF_PL_PER_PAGE;
	it->next = pl->iova;
	return BVF_ST_OK;
}

static int iter_load(struct pl_iter *it)
{
	if (!it->next || it->next % BVF_PAGE_SIZE ||
	    bvf_mem_read(it->fn, it->next, &it->page, sizeof(it->page)))
		return BVF_ST_BAD_ADDR;
	if (it->page.rsvd)
		return BVF_ST_BAD_RSVD;
	it->next = it->page.next;
	it->at = 0;
	return BVF_ST_OK;
}

/* Entries end where the last byte does; none wraps around. */
static int iter_next(struct pl_iter *it, struct bvf_pl_entry *entry)
{
	int st;

	if (it->is_single) {
		*entry = it->single;
	} else {
		if (it->at == BVF_PL_PER_PAGE) {
			st = iter_load(it);
			if (st)
				return st;
		}
		*entry = it->page.e[it->at++];
	}
	it->left--;
	if (!entry->len)
		return BVF_ST_BAD_PARAM;
	return entry->iova + (entry->len - 1) < entry->iova ? BVF_ST_BAD_ADDR :
							       BVF_ST_OK;
}

static int table_fill(struct pl_iter *it, gptr_t *table, uint32_t nr_pages)
{
	struct bvf_pl_entry entry;
	uint32_t at = 0;
	int st;

	while (it->left) {
		st = iter_next(it, &entry);
		if (st)
			return st;
		if (entry.iova % BVF_PAGE_SIZE || entry.len % BVF_PAGE_SIZE)
			return BVF_ST_BAD_ADDR;
		if (entry.len / BVF_PAGE_SIZE > nr_pages - at)
			return BVF_ST_BAD_PARAM;
		for (uint64_t off = 0; off < entry.len; off += BVF_PAGE_SIZE) {
			uint64_t avail;
			gptr_t ptr = bvf_mem_find(it->fn, entry.iova + off, true,
						  &avail);

			/* A page that two windows share would not be one place. */
			if (ptr == GPTR_NONE || avail < BVF_PAGE_SIZE)
				return BVF_ST_BAD_ADDR;
			table[at++] = ptr;
		}
	}
	return at == nr_pages ? BVF_ST_OK : BVF_ST_BAD_PARAM;
}

int bvf_pl_buf(struct bvf_fn *fn, const struct bvf_page_list *pl,
	       uint32_t buf_len, struct dram_buf *buf)
{
	uint32_t nr_pages = buf_len / BVF_PAGE_SIZE;
	struct pl_iter it;
	uint32_t pt;
	int st;

	if (!buf_len || buf_len % BVF_PAGE_SIZE || buf_len > BUF_MAX_LEN)
		return BVF_ST_BAD_PARAM;
	st = iter_start(&it, fn, pl, buf_len);
	if (st)
		return st;
	pt = bvf_arena_get(&fn->arena, nr_pages * sizeof(gptr_t));
	if (pt == BVF_ARENA_NONE)
		return BVF_ST_NO_RESOURCE;
	st = table_fill(&it, bvf_arena_ptr(&fn->arena, pt), nr_pages);
	if (st) {
		bvf_arena_put(&fn->arena, pt);
		return st;
	}
	*buf = (struct dram_buf){ .pt = pt, .nr_pages = nr_pages };
	return BVF_ST_OK;
}

/* A growing list of extents. */
struct ext_list {
	struct dram_ext *ext;
	uint32_t nr, cap;
	uint64_t len;		/* bytes so far */
};

static int ext_add(struct ext_list *list, gptr_t ptr, uint64_t len)
{
	struct dram_ext *last = list->nr ? &list->ext[list->nr - 1] : NULL;

	if (last && GPTR_REGION(last->ptr) == GPTR_REGION(ptr) &&
	    last->ptr + (list->len - last->off) == ptr) {
		list->len += len;
		return BVF_ST_OK;
	}
	/* One place is kept for the end mark; more than an arena is no use. */
	if (list->nr + 1 >= DRAM_ARENA_SIZE / sizeof(*list->ext))
		return BVF_ST_NO_RESOURCE;
	if (list->nr + 1 >= list->cap) {
		uint32_t cap = list->cap ? list->cap * 2 : 16;
		struct dram_ext *ext = realloc(list->ext, cap * sizeof(*ext));

		if (!ext)
			return BVF_ST_NO_RESOURCE;
		list->ext = ext;
		list->cap = cap;
	}
	list->ext[list->nr++] = (struct dram_ext){ .off = list->len, .ptr = ptr };
	list->len += len;
	return BVF_ST_OK;
}

static int ext_add_range(struct ext_list *list, const struct bvf_fn *fn,
			 uint64_t iova, uint64_t len, bool write)
{
	while (len) {
		uint64_t n;
		gptr_t ptr = bvf_mem_find(fn, iova, write, &n);
		int st;

		if (ptr == GPTR_NONE)
			return BVF_ST_BAD_ADDR;
		if (n > len)
			n = len;
		st = ext_add(list, ptr, n);
		if (st)
			return st;
		iova += n;
		len -= n;
	}
	return BVF_ST_OK;
}

/* All entries are read and checked; bytes beyond len are left out. */
static int ext_build(struct ext_list *list, struct pl_iter *it, uint64_t len,
		     bool write)
{
	struct bvf_pl_entry entry;
	int st;

	while (it->left) {
		st = iter_next(it, &entry);
		if (st)
			return st;
		if (entry.len > len - list->len)
			entry.len = len - list->len;
		st = ext_add_range(list, it->fn, entry.iova, entry.len, write);
		if (st)
			return st;
	}
	return list->len == len ? BVF_ST_OK : BVF_ST_BAD_PARAM;
}

int bvf_pl_extents(struct bvf_fn *fn, const struct bvf_page_list *pl,
		   uint64_t len, bool write, uint32_t *ext, uint32_t *nr_ext)
{
	struct ext_list list = { 0 };
	struct pl_iter it;
	uint32_t at;
	int st;

	st = iter_start(&it, fn, pl, len);
	if (st)
		return st;
	st = ext_build(&list, &it, len, write);
	if (st)
		goto out;
	list.ext[list.nr] = (struct dram_ext){ .off = len, .ptr = GPTR_NONE };
	st = BVF_ST_NO_RESOURCE;
	at = bvf_arena_get(&fn->arena, (list.nr + 1) * sizeof(*list.ext));
	if (at == BVF_ARENA_NONE)
		goto out;
	memcpy(bvf_arena_ptr(&fn->arena, at), list.ext,
	       (list.nr + 1) * sizeof(*list.ext));
	*ext = at;
	*nr_ext = list.nr;
	st = BVF_ST_OK;
out:
	free(list.ext);
	return st;
}
