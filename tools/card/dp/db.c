// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells: which user contexts are awake, and what rang in them.
 * Knows nothing of what the objects that rang then do.
 *
 * An awake context's doorbell page is polled; its summary words share one
 * cache line. A sleeping one is woken by a kick. Work found costs as much as
 * there are bits set, whatever the number of objects. A guest can set them as
 * fast as they are read, in all of its contexts: each function has its turn,
 * and what is left then is looked at in the next round.
 */
#include <stdlib.h>

#include "dp.h"

/* Bells of one function that are heard before others get their turn. */
#define BVF_DB_TURN	512
/* A look at a context costs as much as so many bells. */
#define BVF_DB_LOOK	4

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

/* Windows may have changed since it was looked at, and its page be gone. */
static bool ctx_ok(struct bvf_ctx *ctx)
{
	if (bvf_likely(ctx->mem_gen == ctx->f->mem_gen))
		return ctx->db;
	return ctx_bind(ctx);
}

/* Not polled any more. */
static void ctx_idle(struct bvf_ctx *ctx)
{
	bvf_list_del(&ctx->active);
	if (bvf_list_empty(&ctx->f->active))
		bvf_list_del(&ctx->f->polled);
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
		ctx_idle(ctx);
		return NULL;
	}
	ctx->last = f->dp->now;
	bvf_store(&ctx->db->asleep, 0);
	/* Pairs with the guest's: bit set, barrier, asleep loaded. */
	bvf_mb();
	if (bvf_list_empty(&ctx->active))
		bvf_list_add_tail(&f->active, &ctx->active);
	if (bvf_list_empty(&f->polled))
		bvf_list_add_tail(&f->dp->active, &f->polled);
	return ctx;
}

/*
 * A context whose page went out of reach while it was awake was not told that
 * it sleeps, so no kick comes when the page is back.
 */
void bvf_ctx_rebind(struct bvf_func *f)
{
	for (uint32_t i = 0; i < BVF_MAX_UCTX; i++)
		if (f->ctx[i] && !f->ctx[i]->db)
			bvf_ctx_wake(f, i);
}

void bvf_ctx_drop(struct bvf_func *f, uint32_t uctx)
{
	if (uctx < BVF_MAX_UCTX && f->ctx[uctx])
		ctx_idle(f->ctx[uctx]);
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

/* Of the four halves of a page's bells, QPs first. Return: what is left of the turn */
static int scan_tree(struct bvf_ctx *ctx, unsigned int tree, int left)
{
	void (*ring)(struct bvf_ctx *ctx, uint32_t idx) =
		tree < 2 ? ring_qp : ring_cq;
	__le64 *leaf = tree < 2 ? ctx->db->qp_leaf : ctx->db->cq_leaf;
	__le64 *summary = tree < 2 ? ctx->db->qp_summary : ctx->db->cq_summary;
	uint32_t half = tree & 1;
	uint64_t sum = __atomic_exchange_n(&summary[half], 0, __ATOMIC_SEQ_CST);

	while (sum && left > 0) {
		uint64_t rest = sum & ~0ull << ctx->leaf;
		uint32_t l = (uint32_t)__builtin_ctzll(rest ? rest : sum);
		uint32_t word = half * 64 + l;
		uint64_t bits = __atomic_exchange_n(&leaf[word], 0,
						    __ATOMIC_SEQ_CST);

		/*
		 * A message not yet served may have made known what rings:
		 * put the bits back, the next round serves it first.
		 */
		if (bvf_unlikely(bvf_ipc_pending(ctx->f->dp))) {
			__atomic_fetch_or(&leaf[word], bits, __ATOMIC_SEQ_CST);
			left = 0;
			break;
		}
		sum &= ~(1ull << l);
		ctx->leaf = (uint8_t)((l + 1) % 64);
		for (; bits; bits &= bits - 1, left--)
			ring(ctx, word * 64 + (uint32_t)__builtin_ctzll(bits));
	}
	if (bvf_unlikely(sum))
		__atomic_fetch_or(&summary[half], sum, __ATOMIC_SEQ_CST);
	return left;
}

static bool tree_rang(const struct bvf_db_page *db, unsigned int tree)
{
	return tree < 2 ? bvf_load(&db->qp_summary[tree]) :
			  bvf_load(&db->cq_summary[tree - 2]);
}

static bool ctx_rang(const struct bvf_ctx *ctx)
{
	for (unsigned int t = 0; t < 4; t++)
		if (tree_rang(ctx->db, t))
			return true;
	return !ctx->uctx && bvf_load(&ctx->db->eth);
}

/* Return: what is left of the function's turn */
static int scan_ctx(struct bvf_ctx *ctx, int left)
{
	struct bvf_db_page *db = ctx->db;

	ctx->last = ctx->f->dp->now;
	if (!ctx->uctx && bvf_load(&db->eth)) {
		uint64_t bits = __atomic_exchange_n(&db->eth, 0,
						    __ATOMIC_SEQ_CST);

		if (bvf_eth_doorbell)
			bvf_eth_doorbell(ctx->f->dp, ctx->f, bits);
	}
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int t = (ctx->tree + i) % 4;

		if (!tree_rang(db, t))
			continue;
		left = scan_tree(ctx, t, left);
		if (left <= 0) {
			ctx->tree = (uint8_t)t;
			return left;
		}
	}
	ctx->tree = 0;
	return left;
}

/* Return: whether anything rang */
static bool scan_func(struct bvf_func *f)
{
	struct bvf_list *last = f->active.prev, *l;
	int left = BVF_DB_TURN;
	bool any = false;

	do {
		struct bvf_ctx *ctx;

		l = f->active.next;
		ctx = bvf_container(l, struct bvf_ctx, active);
		if (!ctx_ok(ctx)) {
			ctx_idle(ctx);
			continue;
		}
		/* To the end, so that none is always the one that waits. */
		bvf_list_del(l);
		bvf_list_add_tail(&f->active, l);
		left -= BVF_DB_LOOK;
		if (ctx_rang(ctx)) {
			left = scan_ctx(ctx, left);
			any = true;
		}
	} while (l != last && left > 0);
	return any;
}

bool bvf_db_scan(struct bvf_dp *dp)
{
	struct bvf_list *l, *next;
	bool any = false;

	for (l = dp->active.next; l != &dp->active; l = next) {
		next = l->next;
		any |= scan_func(bvf_container(l, struct bvf_func, polled));
	}
	return any;
}

/* One context after the other, of all functions. */
static void each_active(struct bvf_dp *dp, uint64_t idle_ns,
			void (*fn)(struct bvf_ctx *ctx, bool *any), bool *any)
{
	struct bvf_list *p, *next_p, *l, *next;

	for (p = dp->active.next; p != &dp->active; p = next_p) {
		struct bvf_func *f = bvf_container(p, struct bvf_func, polled);

		next_p = p->next;
		for (l = f->active.next; l != &f->active; l = next) {
			struct bvf_ctx *ctx = bvf_container(l, struct bvf_ctx,
							    active);

			next = l->next;
			if (dp->now - ctx->last >= idle_ns)
				fn(ctx, any);
		}
	}
}

static void say_asleep(struct bvf_ctx *ctx, bool *any)
{
	(void)any;
	if (ctx_ok(ctx))
		bvf_store(&ctx->db->asleep, 1);
}

static void look_again(struct bvf_ctx *ctx, bool *any)
{
	if (ctx_ok(ctx) && ctx_rang(ctx)) {
		bvf_store(&ctx->db->asleep, 0);
		ctx->last = ctx->f->dp->now;
		*any = true;
	} else {
		ctx_idle(ctx);
	}
}

/*
 * Puts contexts to sleep that had no work for @idle_ns.
 * Return: whether one of them rang just then
 */
bool bvf_db_sleep(struct bvf_dp *dp, uint64_t idle_ns)
{
	bool any = false;

	each_active(dp, idle_ns, say_asleep, &any);
	/* Pairs with the guest's: bit set, barrier, asleep loaded. */
	bvf_mb();
	each_active(dp, idle_ns, look_again, &any);
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
