// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells: which user contexts are awake, and what rang in them.
 * Knows nothing of what the objects that rang then do.
 *
 * An awake context's doorbell page is polled; its summary words share one
 * cache line. A sleeping one is woken by a kick. Work found costs as much as
 * there are bits set, whatever the number of objects.
 */
#include <stdlib.h>

#include "dp.h"

static bool ctx_bind(struct bvf_ctx *ctx)
{
	struct bvf_func *f = ctx->f;
	struct dram_uctx *d = &f->d->uctx[ctx->uctx];

	ctx->mem_gen = f->mem_gen;
	ctx->db = NULL;
	if (bvf_load_acq(&f->d->up) && bvf_load_acq(&d->valid))
		ctx->db = (void *)bvf_reach(f, d->db, BVF_PAGE_SIZE, true);
	return ctx->db;
}

struct bvf_ctx *bvf_ctx_wake(struct bvf_func *f, uint32_t uctx)
{
	struct bvf_ctx *ctx = f->ctx[uctx];

	if (!ctx) {
		ctx = calloc(1, sizeof(*ctx));
		if (!ctx)
			return NULL;
		ctx->f = f;
		ctx->uctx = uctx;
		bvf_list_init(&ctx->active);
		f->ctx[uctx] = ctx;
	}
	if (!ctx_bind(ctx)) {
		bvf_list_del(&ctx->active);
		return NULL;
	}
	ctx->last = f->dp->now;
	bvf_store(&ctx->db->asleep, 0);
	/* Pairs with the guest's: bit set, barrier, asleep loaded. */
	bvf_mb();
	if (bvf_list_empty(&ctx->active))
		bvf_list_add_tail(&f->dp->active, &ctx->active);
	return ctx;
}

void bvf_ctx_drop(struct bvf_func *f, uint32_t uctx)
{
	if (uctx < BVF_MAX_UCTX && f->ctx[uctx])
		bvf_list_del(&f->ctx[uctx]->active);
}

static void ring_qp(struct bvf_ctx *ctx, uint32_t idx)
{
	struct bvf_func *f = ctx->f;
	struct bvf_qp *qp = bvf_qp_get(f, idx);

	if (bvf_unlikely(!qp || qp->d->uctx != ctx->uctx)) {
		bvf_stat(f, BVF_STAT_BAD_DB, 1);
		return;
	}
	bvf_qp_doorbell(qp);
}

static void ring_cq(struct bvf_ctx *ctx, uint32_t idx)
{
	struct bvf_func *f = ctx->f;
	struct bvf_cq *cq = bvf_cq_get(f, idx);

	if (bvf_unlikely(!cq || cq->d->uctx != ctx->uctx)) {
		bvf_stat(f, BVF_STAT_BAD_DB, 1);
		return;
	}
	bvf_cq_doorbell(cq);
}

static void scan_tree(struct bvf_ctx *ctx, __le64 *summary, __le64 *leaf,
		      void (*ring)(struct bvf_ctx *ctx, uint32_t idx))
{
	uint64_t sum = __atomic_exchange_n(summary, 0, __ATOMIC_SEQ_CST);

	while (sum) {
		uint32_t l = (uint32_t)__builtin_ctzll(sum);
		uint64_t bits = __atomic_exchange_n(&leaf[l], 0,
						    __ATOMIC_SEQ_CST);

		/*
		 * A message not yet served may have made known what rings:
		 * put the bits back, the next round serves it first.
		 */
		if (bvf_unlikely(bvf_ipc_pending(ctx->f->dp))) {
			__atomic_fetch_or(&leaf[l], bits, __ATOMIC_SEQ_CST);
			__atomic_fetch_or(summary, sum, __ATOMIC_SEQ_CST);
			return;
		}
		sum &= sum - 1;
		while (bits) {
			ring(ctx, l * 64 + (uint32_t)__builtin_ctzll(bits));
			bits &= bits - 1;
		}
	}
}

static void ring_cq_hi(struct bvf_ctx *ctx, uint32_t idx)
{
	ring_cq(ctx, idx + 4096);
}

static void ring_qp_hi(struct bvf_ctx *ctx, uint32_t idx)
{
	ring_qp(ctx, idx + 4096);
}

/* Return: whether anything rang */
static bool scan_ctx(struct bvf_ctx *ctx)
{
	struct bvf_db_page *db = ctx->db;
	bool any = false;

	if (bvf_load(&db->qp_summary[0])) {
		scan_tree(ctx, &db->qp_summary[0], db->qp_leaf, ring_qp);
		any = true;
	}
	if (bvf_load(&db->qp_summary[1])) {
		scan_tree(ctx, &db->qp_summary[1], &db->qp_leaf[64],
			  ring_qp_hi);
		any = true;
	}
	if (bvf_load(&db->cq_summary[0])) {
		scan_tree(ctx, &db->cq_summary[0], db->cq_leaf, ring_cq);
		any = true;
	}
	if (bvf_load(&db->cq_summary[1])) {
		scan_tree(ctx, &db->cq_summary[1], &db->cq_leaf[64],
			  ring_cq_hi);
		any = true;
	}
	if (!ctx->uctx && bvf_load(&db->eth)) {
		uint64_t bits = __atomic_exchange_n(&db->eth, 0,
						    __ATOMIC_SEQ_CST);

		if (bvf_eth_doorbell)
			bvf_eth_doorbell(ctx->f->dp, ctx->f, bits);
		any = true;
	}
	if (any)
		ctx->last = ctx->f->dp->now;
	return any;
}

bool bvf_db_scan(struct bvf_dp *dp)
{
	struct bvf_list *l, *next;
	bool any = false;

	for (l = dp->active.next; l != &dp->active; l = next) {
		struct bvf_ctx *ctx = bvf_container(l, struct bvf_ctx, active);

		next = l->next;
		if (bvf_unlikely(ctx->mem_gen != ctx->f->mem_gen) &&
		    !ctx_bind(ctx)) {
			bvf_list_del(l);
			continue;
		}
		any |= scan_ctx(ctx);
	}
	return any;
}

/*
 * Puts contexts to sleep that had no work for @idle_ns.
 * Return: whether one of them rang just then
 */
bool bvf_db_sleep(struct bvf_dp *dp, uint64_t idle_ns)
{
	struct bvf_list *l, *next;
	bool any = false;

	for (l = dp->active.next; l != &dp->active; l = l->next) {
		struct bvf_ctx *ctx = bvf_container(l, struct bvf_ctx, active);

		if (dp->now - ctx->last >= idle_ns && ctx->db)
			bvf_store(&ctx->db->asleep, 1);
	}
	/* Pairs with the guest's: bit set, barrier, asleep loaded. */
	bvf_mb();
	for (l = dp->active.next; l != &dp->active; l = next) {
		struct bvf_ctx *ctx = bvf_container(l, struct bvf_ctx, active);

		next = l->next;
		if (dp->now - ctx->last < idle_ns)
			continue;
		if (ctx->db && scan_ctx(ctx)) {
			bvf_store(&ctx->db->asleep, 0);
			any = true;
		} else {
			bvf_list_del(l);
		}
	}
	return any;
}

static void kick_func(struct bvf_func *f)
{
	for (uint32_t w = 0; w < BVF_MAX_UCTX / 64; w++) {
		uint64_t bits;

		if (!bvf_load(&f->d->kick[w]))
			continue;
		bits = __atomic_exchange_n(&f->d->kick[w], 0,
					   __ATOMIC_SEQ_CST);
		while (bits) {
			uint32_t n = w * 64 + (uint32_t)__builtin_ctzll(bits);

			bits &= bits - 1;
			if (bvf_ctx_wake(f, n)) {
				f->d->uctx[n].kicks++;
				bvf_stat(f, BVF_STAT_KICKS, 1);
			}
		}
	}
	bvf_qp_unpark(f);
}

bool bvf_db_kicks(struct bvf_dp *dp)
{
	uint64_t bits;

	if (!bvf_load(&dp->dram->kick))
		return false;
	bits = __atomic_exchange_n(&dp->dram->kick, 0, __ATOMIC_SEQ_CST);
	/* What was kicked may have become known by a message. */
	if (bvf_ipc_pending(dp))
		bvf_ipc_serve(dp);
	while (bits) {
		kick_func(&dp->func[__builtin_ctzll(bits)]);
		bits &= bits - 1;
	}
	return true;
}
