// SPDX-License-Identifier: GPL-2.0
/*
 * Life of a QP in the data plane: its private half, the ready lists, errors
 * and flushing. Knows nothing of messages.
 */
#include <stdlib.h>

#include "dp.h"

uint8_t *bvf_qp_page(struct bvf_qp *qp, uint32_t page_no)
{
	return bvf_buf_ptr(qp->f, qp->pt, (uint64_t)page_no << BVF_PAGE_SHIFT);
}

/* Fills the private half from the DRAM. */
static void qp_bind(struct bvf_qp *qp, uint32_t qpn)
{
	struct bvf_func *f = qp->f;
	struct dram_qp *d = qp->d;

	qp->qpn = qpn;
	qp->mem_gen = f->mem_gen;
	qp->pt = bvf_arena(f, d->buf.pt);
	qp->sq_mask = (1u << d->sq_depth_shift) - 1;
	qp->rq_mask = (1u << d->rq_depth_shift) - 1;
	qp->sq_shift = d->sq_stride_shift;
	qp->rq_shift = d->rq_stride_shift;
	qp->sq_page_no = d->sq_off >> BVF_PAGE_SHIFT;
	qp->rq_page_no = d->rq_off >> BVF_PAGE_SHIFT;
	qp->scq = bvf_cq_get(f, d->send_cqn);
	qp->rcq = bvf_cq_get(f, d->recv_cqn);
	qp->broken = true;
	if (!qp->scq || !qp->rcq || !bvf_buf_ok(f, &d->buf))
		return;
	qp->sq_page = bvf_qp_page(qp, qp->sq_page_no);
	qp->rq_page = d->flags & BVF_QPF_NO_RQ ? NULL :
		      bvf_qp_page(qp, qp->rq_page_no);
	qp->dbrec = (void *)bvf_buf_ptr(f, qp->pt, d->dbrec_off);
	qp->broken = !qp->dbrec;
}

static struct bvf_qp *qp_new(struct bvf_func *f, uint32_t idx)
{
	struct bvf_qp *qp = aligned_alloc(64, (sizeof(*qp) + 63) & ~63ul);

	if (!qp)
		return NULL;
	*qp = (struct bvf_qp){
		.d = &f->d->qp[idx],
		.f = f,
		.timer.fn = bvf_sq_timer,
	};
	bvf_list_init(&qp->ready);
	f->qp[idx] = qp;
	return qp;
}

/*
 * The private half of the QP in slot @idx, NULL if the slot is free or the QP
 * in RESET. Its memory stays when the QP goes; qpn and serial tell.
 */
struct bvf_qp *bvf_qp_get(struct bvf_func *f, uint32_t idx)
{
	struct bvf_qp *qp = f->qp[idx];
	uint32_t qpn = bvf_load_acq(&f->d->qp[idx].qpn);

	if (!qpn)
		return NULL;
	if (bvf_likely(qp && qp->qpn == qpn && qp->mem_gen == f->mem_gen))
		return qp;
	/* What has been let go of stays so until it is set up anew. */
	if (!bvf_load_acq(&f->d->up) ||
	    bvf_load_acq(&f->d->qp[idx].state) == BVF_QPS_RESET)
		return NULL;
	if (!qp)
		qp = qp_new(f, idx);
	if (!qp)
		return NULL;
	if (qp->qpn && qp->qpn != qpn)
		bvf_qp_drop(qp);
	qp_bind(qp, qpn);
	if (bvf_likely(!qp->broken))
		return qp;
	if (bvf_ipc_pending(f->dp)) {
		/* Its memory may be in a window that we have not heard of. */
		bvf_qp_drop(qp);
		return NULL;
	}
	if (!qp->d->error)
		bvf_qp_error(qp, BVF_EV_QP_FATAL);
	return qp;
}

void bvf_qp_drop(struct bvf_qp *qp)
{
	bvf_timer_cancel(qp->f->dp, &qp->timer);
	bvf_list_del(&qp->ready);
	if (bvf_list_empty(&qp->f->ready))
		bvf_list_del(&qp->f->link);
	qp->on = BVF_ON_NONE;
	qp->qpn = 0;
	bvf_qp_forget_peer(qp);
	qp->drain = false;
	qp->drain_event = false;
	qp->redo = false;
	qp->tx_told = false;
	qp->rx_told = false;
	qp->notify = false;
}

void bvf_qp_ready(struct bvf_qp *qp)
{
	struct bvf_func *f = qp->f;

	if (qp->on == BVF_ON_READY)
		return;
	bvf_list_del(&qp->ready);
	qp->on = BVF_ON_READY;
	bvf_list_add_tail(&f->ready, &qp->ready);
	if (bvf_list_empty(&f->link))
		bvf_list_add_tail(&f->dp->ready, &f->link);
}

/*
 * For a QP that has send WQEs in a state that does not send: a move to RTS
 * comes with a kick of its context and no doorbell.
 */
void bvf_qp_park(struct bvf_qp *qp)
{
	bvf_list_del(&qp->ready);
	qp->on = BVF_ON_PARKED;
	bvf_list_add_tail(&qp->f->parked, &qp->ready);
}

void bvf_qp_unpark(struct bvf_func *f)
{
	while (!bvf_list_empty(&f->parked))
		bvf_qp_ready(bvf_container(f->parked.next, struct bvf_qp,
					   ready));
}

void bvf_qp_cancel_wait(struct bvf_qp *qp)
{
	bvf_timer_cancel(qp->f->dp, &qp->timer);
	qp->d->wait = DRAM_WAIT_NONE;
}

/* @event: asynchronous event that says why, 0 for none */
void bvf_qp_error(struct bvf_qp *qp, uint8_t event)
{
	if (bvf_qp_state(qp) != BVF_QPS_ERR) {
		bvf_store_rel(&qp->d->error, BVF_QPS_ERR);
		qp->d->stats.errors++;
		if (event)
			bvf_async(qp->f, BVF_EQE_ASYNC_QP, event, qp->qpn);
	}
	bvf_qp_cancel_wait(qp);
	bvf_qp_ready(qp);
}

/* UD: the send queue stops, the receive queue goes on. */
void bvf_qp_sqe(struct bvf_qp *qp)
{
	if (!qp->d->error)
		bvf_store_rel(&qp->d->error, BVF_QPS_SQE);
	qp->d->stats.errors++;
	bvf_qp_ready(qp);
}

void bvf_qp_drained(struct bvf_qp *qp)
{
	if (!qp->drain_event)
		return;
	qp->drain_event = false;
	bvf_async(qp->f, BVF_EQE_ASYNC_QP, BVF_EV_SQ_DRAINED, qp->qpn);
}

/* Return: whether send WQEs are left */
static bool flush_sq(struct bvf_qp *qp)
{
	struct dram_qp *d = qp->d;
	uint32_t pi = bvf_load_acq(&qp->dbrec->sq_pi);

	if (pi - d->sq_ci > qp->sq_mask + 1)
		return false;
	d->sq_pi = pi;
	d->cur_off = 0;
	for (uint32_t n = 0; n < BVF_RUN_WQES && d->sq_ci != pi; n++) {
		/* The opcode only tells the guest what it flushed itself. */
		uint8_t op = bvf_load(bvf_sq_wqe(qp, d->sq_ci));

		if (op < BVF_WR_SEND || op > BVF_WR_READ)
			op = BVF_WR_SEND;
		bvf_sq_complete(qp, d->sq_ci, op, 0, BVF_CQE_FLUSH,
				BVF_VE_NONE);
		d->sq_ci++;
		d->stats.flushed++;
		bvf_stat(qp->f, BVF_STAT_FLUSH, 1);
	}
	return d->sq_ci != pi;
}

/* Return: whether receive WQEs are left; later ones come with a doorbell */
static bool flush_rq(struct bvf_qp *qp)
{
	struct dram_qp *d = qp->d;
	uint32_t pi;

	if (d->flags & BVF_QPF_NO_RQ)
		return false;
	bvf_store(&qp->dbrec->rq_notify, 1);
	/* Pairs with the guest's: rq_pi stored, barrier, rq_notify loaded. */
	bvf_mb();
	pi = bvf_load_acq(&qp->dbrec->rq_pi);
	if (pi - d->rq_ci > qp->rq_mask + 1)
		return false;
	for (uint32_t n = 0; n < BVF_RUN_WQES && d->rq_ci != pi; n++) {
		struct bvf_cqe cqe = {
			.op = BVF_CQE_RECV,
			.status = BVF_CQE_FLUSH,
		};

		if (bvf_recv_complete(qp, &cqe, d->rq_psn))
			d->rq_ci++;
		d->stats.flushed++;
		bvf_stat(qp->f, BVF_STAT_FLUSH, 1);
	}
	return d->rq_ci != pi;
}

static bool sq_has_work(const struct bvf_qp *qp)
{
	return bvf_load(&qp->dbrec->sq_pi) != qp->d->sq_ci;
}

/*
 * Gives a QP its turn.
 * Return: whether it wants another one right away
 */
bool bvf_qp_run(struct bvf_qp *qp)
{
	bool more;

	if (bvf_unlikely(qp->broken))
		return false;
	switch (bvf_qp_state(qp)) {
	case BVF_QPS_RTS:
		return bvf_sq_run(qp);
	case BVF_QPS_SQD:
		if (qp->drain)
			return bvf_sq_run(qp);
		bvf_qp_drained(qp);
		/* fall through */
	case BVF_QPS_INIT:
	case BVF_QPS_RTR:
		if (sq_has_work(qp))
			bvf_qp_park(qp);
		return false;
	case BVF_QPS_SQE:
		return flush_sq(qp);
	case BVF_QPS_ERR:
		bvf_qp_cancel_wait(qp);
		more = flush_sq(qp);
		return flush_rq(qp) || more;
	default:
		return false;
	}
}

void bvf_qp_doorbell(struct bvf_qp *qp)
{
	if (bvf_unlikely(qp->broken))
		return;
	bvf_qp_ready(qp);
	/* It may have rung for its sends: that ends nobody's RNR wait. */
	if (qp->notify && bvf_qp_state(qp) != BVF_QPS_ERR &&
	    bvf_rq_avail(qp)) {
		qp->notify = false;
		bvf_store(&qp->dbrec->rq_notify, 0);
		bvf_local_post_recv(qp);
	}
}

/*
 * The predecessor may have been stopped between writing a completion and
 * recording it: the CQ's newest entry tells.
 */
static void learn_from_cq(struct bvf_qp *qp, bool recv)
{
	struct dram_qp *d = qp->d;
	struct bvf_cqe c;

	if (!bvf_cq_last(recv ? qp->rcq : qp->scq, &c) || c.qpn != qp->qpn ||
	    c.wqe_idx != (recv ? d->rq_ci : d->sq_ci) ||
	    recv != (c.op >= BVF_CQE_RECV))
		return;
	if (c.status == BVF_CQE_OK && d->type == BVF_QPT_RC) {
		/* The request is repeated, and then only recorded. */
		if (recv)
			qp->rx_told = true;
		else
			qp->tx_told = true;
		return;
	}
	if (recv) {
		d->rq_ci++;
	} else {
		d->cur_off = 0;
		d->sq_ci++;
	}
	if (c.status == BVF_CQE_OK || c.status == BVF_CQE_FLUSH)
		return;
	if (d->type == BVF_QPT_RC || recv)
		bvf_qp_error(qp, 0);
	else
		bvf_qp_sqe(qp);
}

/* A predecessor's QP: whatever it was about to do is looked at again. */
void bvf_qp_attach(struct bvf_qp *qp)
{
	struct dram_qp *d = qp->d;

	if (qp->broken)
		return;
	qp->notify = true;
	qp->redo = true;
	learn_from_cq(qp, false);
	learn_from_cq(qp, true);
	if (bvf_qp_state(qp) == BVF_QPS_SQD) {
		qp->drain = d->cur_off || d->wait;
		qp->drain_event = qp->drain;
	}
	if (d->wait && bvf_qp_state(qp) != BVF_QPS_ERR) {
		if (d->deadline != UINT64_MAX)
			bvf_timer_arm(qp->f->dp, &qp->timer, d->deadline);
		return;
	}
	bvf_qp_ready(qp);
}
