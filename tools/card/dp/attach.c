// SPDX-License-Identifier: GPL-2.0
/*
 * Taking over the DRAM: checking it, and going on from what it holds.
 * Knows nothing of how the predecessor ended.
 */
#include <errno.h>
#include <stdlib.h>

#include "dp.h"

void bvf_func_init(struct bvf_dp *dp, uint32_t idx)
{
	struct bvf_func *f = &dp->func[idx];

	f->dp = dp;
	f->d = &dp->dram->func[idx];
	f->idx = idx;
	bvf_list_init(&f->active);
	bvf_list_init(&f->polled);
	bvf_list_init(&f->ready);
	bvf_list_init(&f->parked);
	bvf_list_init(&f->link);
	bvf_list_init(&f->async_link);
	for (int i = 0; i < BVF_MAX_VECTORS; i++)
		f->irq[i] = -1;
	bvf_mem_sync(f);
}

/* Lets go of every object of a function. */
void bvf_func_stop(struct bvf_func *f)
{
	if (bvf_eth_stop)
		bvf_eth_stop(f->dp, f, -1);
	for (uint32_t i = 0; i < BVF_MAX_UCTX; i++)
		bvf_ctx_drop(f, i);
	for (uint32_t i = 0; i < BVF_MAX_QP_IDX; i++)
		if (f->qp[i])
			bvf_qp_drop(f->qp[i]);
	for (uint32_t i = 0; i < BVF_MAX_CQ_IDX; i++)
		bvf_cq_drop(f, i);
	bvf_eq_flush(f->dp);
	for (uint32_t i = 0; i < DRAM_MAX_EQ; i++)
		bvf_eq_drop(f, i);
	f->async_ci = f->async_pi;
	bvf_list_del(&f->async_link);
}

int bvf_attach(struct bvf_dp *dp)
{
	struct dram *d = dp->dram;

	if (bvf_load_acq(&d->magic) != DRAM_MAGIC ||
	    d->layout != DRAM_LAYOUT || d->size != sizeof(*d)) {
		bvf_err("this DRAM has another layout: magic %#llx, layout %u, size %llu",
			(unsigned long long)d->magic, d->layout,
			(unsigned long long)d->size);
		return -EPROTO;
	}
	bvf_list_init(&dp->active);
	bvf_list_init(&dp->ready);
	bvf_event_init(dp);
	for (uint32_t i = 0; i < DRAM_MAX_FUNC; i++)
		bvf_func_init(dp, i);
	dp->restarted = d->dp_generation != 0;
	d->dp_generation++;
	bvf_store(&d->dp_asleep, 0);
	return 0;
}

static void attach_func(struct bvf_func *f)
{
	for (uint32_t i = 0; i < DRAM_MAX_EQ; i++)
		if (f->d->eq[i].valid)
			bvf_eq_attach(f, i);
	for (uint32_t i = 0; i < BVF_MAX_CQ_IDX; i++) {
		struct bvf_cq *cq;

		if (!f->d->cq[i].valid)
			continue;
		cq = bvf_cq_get(f, i);
		if (cq)
			bvf_cq_attach(cq);
	}
	for (uint32_t i = 0; i < BVF_MAX_QP_IDX; i++) {
		struct bvf_qp *qp;

		if (!f->d->qp[i].qpn)
			continue;
		qp = bvf_qp_get(f, i);
		if (qp)
			bvf_qp_attach(qp);
	}
	for (uint32_t i = 0; i < BVF_MAX_UCTX; i++)
		if (f->d->uctx[i].valid)
			bvf_ctx_wake(f, i);
	if (bvf_eth_attach)
		bvf_eth_attach(f->dp, f);
}

/*
 * Once the regions that the DRAM names have arrived: whatever a predecessor
 * left half-way is looked at again.
 */
void bvf_attach_scan(struct bvf_dp *dp)
{
	uint32_t up = 0;

	for (int i = 0; i < DRAM_MAX_REGION; i++)
		if (bvf_load_acq(&dp->dram->region[i].size) &&
		    !dp->region[i].size)
			return;
	dp->attached = true;
	for (int i = 0; i < DRAM_MAX_FUNC; i++) {
		struct bvf_func *f = &dp->func[i];

		if (!bvf_load_acq(&f->d->up))
			continue;
		bvf_mem_sync(f);
		attach_func(f);
		up++;
	}
	bvf_info("attached to the DRAM, generation %u, %u functions up",
		 dp->dram->dp_generation, up);
}
