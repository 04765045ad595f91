/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR BSD-2-Clause */
/*
 * bvf device ABI: what every header of it needs.
 * Compiled by the driver, the provider and the card; knows none of them.
 *
 * Conventions of the whole ABI:
 *  - all words are little-endian and naturally aligned, unless a field says
 *    that it is kept in network order;
 *  - reserved bits and bytes must be zero (MBZ). The side that reads them
 *    checks them: BVF_ST_BAD_RSVD for a command, a local QP operation error
 *    for a work request;
 *  - indices called pi and ci are free-running 32-bit counts; the slot is
 *    index & (depth - 1), and depth is a power of two;
 *  - the entry of a card-produced ring that has index n carries the phase
 *    ((n >> depth_shift) & 1) ^ 1 in its last word, so a ring that starts
 *    zeroed has no valid entry.
 */
#ifndef BVF_BASE_H
#define BVF_BASE_H

#include <linux/types.h>
#ifdef __KERNEL__
#include <linux/build_bug.h>
#else
#include <assert.h>
#endif

#define BVF_PAGE_SHIFT		12
#define BVF_PAGE_SIZE		(1u << BVF_PAGE_SHIFT)

/* An address in guest memory as the function's DMA sees it (an IOVA). */

/*
 * Page list: how a command names guest memory that need not be contiguous.
 * nr == 1: iova is the memory itself, contiguous for the length that the
 * command states. nr > 1: iova is the first of a chain of list pages.
 */
struct bvf_page_list {
	__le64 iova;		/* nr > 1: 4 KiB aligned */
	__le32 nr;		/* entries in all, 1..BVF_PL_MAX_ENTRIES */
	__le32 rsvd;		/* MBZ */
};
static_assert(sizeof(struct bvf_page_list) == 16);

struct bvf_pl_entry {
	__le64 iova;
	__le64 len;		/* bytes, not 0 */
};
static_assert(sizeof(struct bvf_pl_entry) == 16);

#define BVF_PL_PER_PAGE		255
#define BVF_PL_MAX_ENTRIES	(1u << 22)	/* 16 GiB of scattered 4 KiB pages */

struct bvf_pl_page {
	struct bvf_pl_entry e[BVF_PL_PER_PAGE];
	__le64 next;		/* iova of the next list page, 0 in the last */
	__le64 rsvd;		/* MBZ */
};
static_assert(sizeof(struct bvf_pl_page) == BVF_PAGE_SIZE);

#endif /* BVF_BASE_H */
