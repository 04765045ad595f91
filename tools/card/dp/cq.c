// SPDX-License-Identifier: GPL-2.0
/*
 * Completion queues: writing completions, arming, overflow.
 * Knows nothing of the work that completes.
 *
 * A completion is written before the arm word is looked at again: arming
 * comes with a doorbell, and the doorbell's handler looks for completions
 * that are already there. One thread does both, so no wake-up is lost.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp.h"

static bool cq_bind(struct bvf_cq *cq)
{
	struct bvf_func *f = cq->f;
	struct dram_cq *d = cq->d;

	cq->live = false;
	if (!bvf_load_acq(&d->valid) || !bvf_buf_ok(f, &d->buf))
		return false;
	cq->mem_gen = f->mem_gen;
	cq->depth_shift = d->depth_shift;
	cq->mask = (1u << d->depth_shift) - 1;
	cq->pt = bvf_arena(f, d->buf.pt);
	cq->page_no = 0;
	cq->page = bvf_buf_ptr(f, cq->pt, 0);
	cq->dbrec = (void *)bvf_buf_ptr(f, cq->pt, d->dbrec_off);
	cq->live = cq->page && cq->dbrec;
	return cq->live;
}

struct bvf_cq *bvf_cq_get(struct bvf_func *f, uint32_t cqn)
{
	struct bvf_cq *cq;

	if (cqn >= BVF_MAX_CQ_IDX)
		return NULL;
	cq = f->cq[cqn];
	if (bvf_likely(cq && cq->live && cq->mem_gen == f->mem_gen))
		return cq;
	if (!bvf_load_acq(&f->d->cq[cqn].valid))
		return NULL;
	if (!cq) {
		cq = calloc(1, sizeof(*cq));
		if (!cq)
			return NULL;
		cq->f = f;
		cq->d = &f->d->cq[cqn];
		cq->cqn = cqn;
		bvf_list_init(&cq->pending);
		f->cq[cqn] = cq;
	}
	return cq_bind(cq) ? cq : NULL;
}

void bvf_cq_drop(struct bvf_func *f, uint32_t cqn)
{
	struct bvf_cq *cq = cqn < BVF_MAX_CQ_IDX ? f->cq[cqn] : NULL;

	if (!cq)
		return;
	cq->live = false;
	bvf_list_del(&cq->pending);
}

static void cq_event(struct bvf_cq *cq)
{
	struct bvf_eqe e = { .type = BVF_EQE_COMP, .id = cq->cqn };
	struct dram_cq *d = cq->d;

	if (d->eqn == BVF_EQN_NONE || d->event_pending) {
		d->armed = BVF_ARM_NONE;
		return;
	}
	/* Disarmed after it is told: a successor may tell it again. */
	if (bvf_eq_push(cq->f, d->eqn, &e) == -EAGAIN) {
		d->event_pending = 1;
		d->armed = BVF_ARM_NONE;
		bvf_list_add_tail(&cq->f->dp->pending_cqs, &cq->pending);
		bvf_event_wait(cq->f->dp);
		return;
	}
	d->armed = BVF_ARM_NONE;
	d->events++;
	bvf_stat(cq->f, BVF_STAT_EVENTS, 1);
}

void bvf_cq_retry_event(struct bvf_cq *cq)
{
	struct bvf_eqe e = { .type = BVF_EQE_COMP, .id = cq->cqn };

	if (bvf_eq_push(cq->f, cq->d->eqn, &e) == -EAGAIN)
		return;
	bvf_list_del(&cq->pending);
	cq->d->event_pending = 0;
	cq->d->events++;
	bvf_stat(cq->f, BVF_STAT_EVENTS, 1);
}

static int cq_overflow(struct bvf_cq *cq)
{
	cq->d->error = 1;
	bvf_stat(cq->f, BVF_STAT_CQ_OVERFLOW, 1);
	bvf_async(cq->f, BVF_EQE_ASYNC_CQ, BVF_EV_CQ_ERR, cq->cqn);
	bvf_dbg("function %s: CQ %u overflowed", cq->f->d->name, cq->cqn);
	return -ENOSPC;
}

/*
 * @cqe: everything but timestamp and phase
 * Return: 0; -ENOSPC when the CQ is full, in error or out of reach
 */
int bvf_cq_push(struct bvf_cq *cq, const struct bvf_cqe *cqe)
{
	struct dram_cq *d = cq->d;
	uint32_t pi = d->pi, off = (pi & cq->mask) * sizeof(*cqe);
	union {
		struct bvf_cqe c;
		uint64_t w[8];
	} u;
	uint64_t *slot;
	bool solicited;

	if (bvf_unlikely(d->error))
		return -ENOSPC;
	if (bvf_unlikely(pi - d->ci > cq->mask)) {
		d->ci = bvf_load(&cq->dbrec->ci);
		if (pi - d->ci > cq->mask)
			return cq_overflow(cq);
	}
	if (off >> BVF_PAGE_SHIFT != cq->page_no) {
		cq->page_no = off >> BVF_PAGE_SHIFT;
		cq->page = bvf_buf_ptr(cq->f, cq->pt, off & ~(BVF_PAGE_SIZE - 1));
	}
	slot = (uint64_t *)(cq->page + (off & (BVF_PAGE_SIZE - 1)));
	u.c = *cqe;
	u.c.timestamp = cq->f->dp->now;
	u.c.phase = ((pi >> cq->depth_shift) & 1) ^ 1;
	for (int i = 0; i < 7; i++)
		bvf_store(&slot[i], u.w[i]);
	/* Pairs with the consumer's load of the phase before the rest. */
	bvf_store_rel(&slot[7], u.w[7]);
	d->pi = pi + 1;
	d->cqes++;

	solicited = cqe->status || cqe->flags & BVF_CQE_SOLICITED;
	if (solicited)
		d->sol_pi = pi + 1;
	if (d->armed == BVF_ARM_NEXT || (d->armed && solicited))
		cq_event(cq);
	return 0;
}

/* Armed: raises the event at once if a completion from arm_from on is there. */
static void cq_check_armed(struct bvf_cq *cq)
{
	struct dram_cq *d = cq->d;
	uint32_t from = bvf_load(&cq->dbrec->arm_from);

	d->ci = bvf_load(&cq->dbrec->ci);
	if (from - d->ci > cq->mask + 1)
		from = d->ci;
	/* A solicited completion counts while it can still be in the ring. */
	if (d->armed == BVF_ARM_NEXT ? (int32_t)(d->pi - from) > 0 :
	    d->pi - d->sol_pi <= cq->mask && (int32_t)(d->sol_pi - from) > 0)
		cq_event(cq);
}

void bvf_cq_doorbell(struct bvf_cq *cq)
{
	struct dram_cq *d = cq->d;
	uint32_t arm = bvf_load_acq(&cq->dbrec->arm), mode = BVF_ARM_MODE(arm);

	if (arm == d->arm_seen)
		return;
	/* A waiting NEXT takes every completion: SOLICITED adds nothing to it. */
	if (mode != BVF_ARM_SOLICITED || d->armed != BVF_ARM_NEXT)
		d->armed = mode > BVF_ARM_NEXT ? BVF_ARM_NONE : mode;
	d->arm_seen = arm;
	if (d->armed)
		cq_check_armed(cq);
}

/* A predecessor's CQ: what it may have been about to tell is told. */
void bvf_cq_attach(struct bvf_cq *cq)
{
	struct dram_cq *d = cq->d;
	const struct bvf_cqe *next;

	/* Written and perhaps seen, but not counted. */
	next = (void *)bvf_buf_ptr(cq->f, cq->pt,
				   (uint64_t)(d->pi & cq->mask) * sizeof(*next));
	if (next && (bvf_load(&next->phase) & 1) ==
		    (((d->pi >> cq->depth_shift) & 1) ^ 1))
		d->pi++;
	if (d->event_pending) {
		bvf_list_add_tail(&cq->f->dp->pending_cqs, &cq->pending);
		bvf_event_wait(cq->f->dp);
	}
	if (d->armed)
		cq_check_armed(cq);
	bvf_cq_doorbell(cq);
}

bool bvf_cq_last(struct bvf_cq *cq, struct bvf_cqe *cqe)
{
	uint32_t pi = cq->d->pi;
	const uint8_t *slot;

	if (!pi)
		return false;
	slot = bvf_buf_ptr(cq->f, cq->pt,
			   (uint64_t)((pi - 1) & cq->mask) * sizeof(*cqe));
	if (!slot)
		return false;
	memcpy(cqe, slot, sizeof(*cqe));
	return true;
}
