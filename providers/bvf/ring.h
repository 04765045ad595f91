/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * bvf provider: work queue indices, the doorbell page, CQE ownership.
 * The memory ordering of bvf_io.h lives here; what is in an entry does not.
 */
#ifndef BVF_RING_H
#define BVF_RING_H

#include <endian.h>

#include <util/mmio.h>
#include <util/udma_barrier.h>

#include "bvf.h"

/*
 * The full barrier of bvf_io.h, between CPU and card. GCC makes a locked
 * instruction of a fence on x86, which is not enough under an emulator.
 */
static inline void bvf_mb(void)
{
#if defined(__x86_64__) || defined(__i386__)
	asm volatile("mfence" ::: "memory");
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/*
 * Rings object idx. The OR orders the doorbell record before the leaf bit,
 * for the card that exchanges the leaf and then reads the record.
 */
static inline void bvf_db_ring(struct bvf_context *ctx, __le64 *summary,
			       __le64 *leaf, uint32_t idx)
{
	uint32_t word = idx / 64;
	__le64 sbit = htole64(1ull << (word % 64));

	summary += word / 64;
	__atomic_fetch_or(&leaf[word], htole64(1ull << (idx % 64)),
			  __ATOMIC_SEQ_CST);

	/* Pairs with the card's exchange of the summary before the leaf. */
	bvf_mb();
	if (!(__atomic_load_n(summary, __ATOMIC_RELAXED) & sbit)) {
		__atomic_fetch_or(summary, sbit, __ATOMIC_SEQ_CST);
		/* Pairs with the card's barrier between asleep = 1 and its last look. */
		bvf_mb();
	}
	if (__atomic_load_n(&ctx->db->asleep, __ATOMIC_RELAXED)) {
		udma_to_device_barrier();
		mmio_write32_le(ctx->kick, htole32(1));
	}
}

static inline void bvf_db_ring_qp(struct bvf_context *ctx, uint32_t qpn)
{
	bvf_db_ring(ctx, ctx->db->qp_summary, ctx->db->qp_leaf,
		    BVF_QPN_IDX(qpn));
}

static inline void bvf_db_ring_cq(struct bvf_context *ctx, uint32_t cqn)
{
	bvf_db_ring(ctx, ctx->db->cq_summary, ctx->db->cq_leaf,
		    cqn & (BVF_MAX_CQ_IDX - 1));
}

/* Stores a word of a doorbell record after all that it announces. */
static inline void bvf_dbrec_store(__le32 *rec, uint32_t val)
{
	udma_to_device_barrier();
	__atomic_store_n(rec, htole32(val), __ATOMIC_RELEASE);
}

static inline void *bvf_wq_slot(const struct bvf_wq *wq, uint32_t idx)
{
	return wq->ring + ((size_t)(idx & (wq->depth - 1)) << wq->stride_shift);
}

/* Acquire pairs with bvf_wq_retire(): the slot's wrid has been read. */
static inline bool bvf_wq_full(struct bvf_wq *wq, uint32_t pi)
{
	return pi - atomic_load_explicit(&wq->ci, memory_order_acquire) >=
	       wq->depth;
}

/*
 * Retires every WQE up to and with idx, and tells its wrid.
 * Returns false for an index that is not outstanding, which only a faulty
 * card can name.
 */
static inline bool bvf_wq_retire(struct bvf_wq *wq, uint32_t idx,
				 uint64_t *wrid)
{
	uint32_t ci = atomic_load_explicit(&wq->ci, memory_order_relaxed);
	uint32_t pi = atomic_load_explicit(&wq->pi, memory_order_acquire);

	if (idx - ci >= pi - ci)
		return false;

	*wrid = wq->wrid[idx & (wq->depth - 1)];
	atomic_store_explicit(&wq->ci, idx + 1, memory_order_release);
	return true;
}

/* The CQE of index idx if the card has written it, with all of it visible. */
static inline struct bvf_cqe *bvf_cqe_get(struct bvf_cq *cq, uint32_t idx)
{
	uint32_t depth = 1u << cq->depth_shift;
	struct bvf_cqe *cqe = &cq->ring[idx & (depth - 1)];
	uint32_t phase = le32toh(__atomic_load_n(&cqe->phase, __ATOMIC_ACQUIRE));

	if ((phase & 1) == ((idx >> cq->depth_shift) & 1))
		return NULL;

	/* Pairs with the card's release store of the phase. */
	udma_from_device_barrier();
	return cqe;
}

#endif /* BVF_RING_H */
