// SPDX-License-Identifier: GPL-2.0
/*
 * All objects of a function at once: set-up, and clearing away when the data
 * plane has let go of them. Single objects are the commands' (cmd_*.c).
 */
#include <errno.h>
#include <string.h>

#include "card.h"

enum bvf_qp_state bvf_qp_state(const struct dram_qp *qp)
{
	uint32_t error = __atomic_load_n(&qp->error, __ATOMIC_ACQUIRE);

	/* What the data plane did to it counts for more, but for ERR. */
	return error && qp->state != BVF_QPS_ERR ? error : qp->state;
}

static void fini_ids(struct bvf_fn *fn)
{
	bvf_ids_fini(&fn->uctx);
	bvf_ids_fini(&fn->pd);
	bvf_ids_fini(&fn->eq);
	bvf_ids_fini(&fn->cq);
	bvf_ids_fini(&fn->qp);
	bvf_ids_fini(&fn->mr);
	bvf_ids_fini(&fn->ethq);
}

int bvf_objs_init(struct bvf_fn *fn)
{
	int err;

	/*
	 * Context 0 and QP 1 are asked for by name; their slots are below the
	 * first that is handed out.
	 */
	if (bvf_ids_init(&fn->uctx, 1, BVF_MAX_UCTX, BVF_MAX_UCTX) ||
	    bvf_ids_init(&fn->pd, 1, DRAM_MAX_PD, DRAM_MAX_PD - 1) ||
	    bvf_ids_init(&fn->eq, 0, DRAM_MAX_EQ, DRAM_MAX_EQ) ||
	    bvf_ids_init(&fn->cq, 1, BVF_MAX_CQ_IDX, DRAM_LIM_CQ) ||
	    bvf_ids_init(&fn->qp, 2, BVF_MAX_QP_IDX, DRAM_LIM_QP) ||
	    bvf_ids_init(&fn->mr, 1, DRAM_MAX_MR, DRAM_LIM_MR) ||
	    bvf_ids_init(&fn->ethq, 0, BVF_MAX_ETHQ, BVF_MAX_ETHQ)) {
		fini_ids(fn);
		return -ENOMEM;
	}
	err = bvf_arena_init(&fn->arena, fn->df->arena, DRAM_ARENA_SIZE);
	if (err)
		fini_ids(fn);
	return err;
}

void bvf_objs_fini(struct bvf_fn *fn)
{
	bvf_arena_fini(&fn->arena);
	fini_ids(fn);
}

/* Zero the slots in use of a table. */
static void table_clear(struct bvf_ids *ids, void *table, size_t size)
{
	for (uint32_t i = 0; i < ids->size; i++)
		if (ids->state[i] != BVF_ID_FREE)
			memset((uint8_t *)table + i * size, 0, size);
	bvf_ids_clear(ids);
}

static void qps_clear(struct bvf_fn *fn)
{
	for (uint32_t i = 0; i < fn->qp.size; i++) {
		struct dram_qp *qp = &fn->df->qp[i];
		uint32_t gen = qp->gen;

		if (fn->qp.state[i] == BVF_ID_FREE)
			continue;
		memset(qp, 0, sizeof(*qp));
		qp->gen = gen;
	}
	bvf_ids_clear(&fn->qp);
}

void bvf_objs_clear(struct bvf_fn *fn)
{
	struct dram_func *df = fn->df;

	qps_clear(fn);
	table_clear(&fn->uctx, df->uctx, sizeof(df->uctx[0]));
	table_clear(&fn->pd, df->pd, sizeof(df->pd[0]));
	table_clear(&fn->eq, df->eq, sizeof(df->eq[0]));
	table_clear(&fn->cq, df->cq, sizeof(df->cq[0]));
	table_clear(&fn->mr, df->mr, sizeof(df->mr[0]));
	table_clear(&fn->ethq, df->ethq, sizeof(df->ethq[0]));
	memset(fn->uctx_refs, 0, sizeof(fn->uctx_refs));
	memset(df->gid, 0, sizeof(df->gid));
	for (size_t i = 0; i < BVF_MAX_UCTX / 64; i++)
		__atomic_store_n(&df->kick[i], 0, __ATOMIC_RELAXED);
	df->async_eqn = BVF_EQN_NONE;
	df->eth_flags = 0;
	df->eth_mtu = 1500;
	df->eth_nr_rxq = 1;
	df->features = 0;
	bvf_arena_clear(&fn->arena);
}
