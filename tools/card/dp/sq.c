// SPDX-License-Identifier: GPL-2.0
/*
 * Requester: takes send WQEs in order, hands them to the transport piece by
 * piece, completes them, waits and retries.
 * Knows nothing of where the responder is.
 *
 * One WQE is under way at a time. The transport answers at once, so a later
 * WQE finds all earlier ones finished: the fence flag needs no code, and
 * there is never more than one READ outstanding.
 *
 * Where a message stands is in the DRAM (cur_off, sq_ci, psn, wait, deadline),
 * each piece loads and checks the WQE and the keys anew.
 */
#include <errno.h>

#include "dp.h"

enum step {
	STEP_DONE,			/* WQE finished */
	STEP_MORE,			/* a piece moved */
	STEP_STOP,			/* waits, or failed */
	STEP_AGAIN,			/* IPC first */
};

static const uint8_t status_stat[BVF_CQE_STATUS_NR] = {
	[BVF_CQE_LOC_LEN]	= BVF_STAT_LOC_LEN,
	[BVF_CQE_LOC_QP_OP]	= BVF_STAT_LOC_QP_OP,
	[BVF_CQE_LOC_PROT]	= BVF_STAT_LOC_PROT,
	[BVF_CQE_LOC_ACCESS]	= BVF_STAT_LOC_PROT,
	[BVF_CQE_REM_INV_REQ]	= BVF_STAT_REM_INV_REQ,
	[BVF_CQE_REM_ACCESS]	= BVF_STAT_REM_ACCESS,
	[BVF_CQE_REM_OP]	= BVF_STAT_REM_OP,
	[BVF_CQE_RETRY_EXC]	= BVF_STAT_RETRY_EXC,
	[BVF_CQE_RNR_EXC]	= BVF_STAT_RNR_EXC,
};

int bvf_sq_complete(struct bvf_qp *qp, uint32_t idx, uint8_t op,
		    uint32_t len, uint8_t status, uint8_t vendor)
{
	struct bvf_cqe cqe = {
		.qpn = qp->qpn,
		.wqe_idx = idx,
		.byte_len = len,
		.op = op,
		.status = status,
		.vendor_err = vendor,
	};

	return bvf_cq_push(qp->scq, &cqe);
}

/* The WQE at sq_ci fails; the QP stops, what follows is flushed. */
void bvf_sq_fail(struct bvf_qp *qp, uint8_t op, uint8_t status, uint8_t vendor)
{
	struct dram_qp *d = qp->d;
	uint8_t event = 0;

	if (op < BVF_WR_SEND || op > BVF_WR_READ)
		op = BVF_WR_SEND;
	if (status_stat[status])
		bvf_stat(qp->f, status_stat[status], 1);
	bvf_dbg("function %s: QP %#x: WQE %u failed with status %u/%u",
		qp->f->d->name, qp->qpn, d->sq_ci, status, vendor);
	if (bvf_sq_complete(qp, d->sq_ci, op, 0, status, vendor))
		event = BVF_EV_QP_FATAL;
	d->sq_ci++;
	d->cur_off = 0;
	if (d->type == BVF_QPT_RC || event)
		bvf_qp_error(qp, event);
	else
		bvf_qp_sqe(qp);
}

static void wait_for(struct bvf_qp *qp, enum dram_wait why, uint64_t ns)
{
	struct dram_qp *d = qp->d;

	d->deadline = ns ? bvf_now() + ns : UINT64_MAX;
	d->wait = why;
	if (ns)
		bvf_timer_arm(qp->f->dp, &qp->timer, d->deadline);
}

/* No answer came within the timeout: the message in flight is lost. */
static void retry_expired(struct bvf_qp *qp)
{
	struct dram_qp *d = qp->d;

	if (!d->retry_left) {
		bvf_sq_fail(qp, bvf_load(bvf_sq_wqe(qp, d->sq_ci)),
			    BVF_CQE_RETRY_EXC, qp->drop_why);
		return;
	}
	d->retry_left--;
	d->stats.retries++;
	bvf_stat(qp->f, BVF_STAT_RETRY, 1);
	bvf_qp_ready(qp);
}

void bvf_sq_timer(struct bvf_dp *dp, struct bvf_timer *t)
{
	struct bvf_qp *qp = bvf_container(t, struct bvf_qp, timer);
	uint32_t why = qp->d->wait;

	(void)dp;
	/* Windows may have changed since: look it up anew. */
	if (!qp->qpn ||
	    bvf_qp_get(qp->f, (uint32_t)(qp->d - qp->f->d->qp)) != qp ||
	    qp->broken)
		return;
	qp->d->wait = DRAM_WAIT_NONE;
	if (why == DRAM_WAIT_RETRY && bvf_qp_state(qp) != BVF_QPS_ERR)
		retry_expired(qp);
	else
		bvf_qp_ready(qp);
}

static void rnr_nak(struct bvf_qp *qp, const struct bvf_req *req,
		    const struct bvf_reply *reply)
{
	struct dram_qp *d = qp->d;

	if (d->attr.rnr_retry != 7) {
		if (!d->rnr_left) {
			bvf_sq_fail(qp, req->op, BVF_CQE_RNR_EXC, BVF_VE_NONE);
			return;
		}
		d->rnr_left--;
	}
	wait_for(qp, DRAM_WAIT_RNR, bvf_rnr_ns(reply->rnr_timer));
}

static enum step wqe_done(struct bvf_qp *qp, const struct bvf_req *req)
{
	struct dram_qp *d = qp->d;
	bool tell = req->flags & BVF_WQE_SIGNALED ||
		    d->flags & BVF_QPF_SIG_ALL;

	if (tell && bvf_likely(!qp->tx_told) &&
	    bvf_unlikely(bvf_sq_complete(qp, d->sq_ci, req->op, req->len,
					 BVF_CQE_OK, BVF_VE_NONE))) {
		d->cur_off = 0;
		d->sq_ci++;
		bvf_qp_error(qp, BVF_EV_QP_FATAL);
		return STEP_STOP;
	}
	d->cur_off = 0;
	bvf_store_pair(&d->sq_ci, d->sq_ci + 1,
		       (req->psn + req->npsn) & 0xffffff);
	qp->redo = false;
	qp->tx_told = false;
	if (d->retry_left != d->attr.retry_cnt)
		d->retry_left = d->attr.retry_cnt;
	if (d->rnr_left != d->attr.rnr_retry)
		d->rnr_left = d->attr.rnr_retry;
	d->stats.tx_msgs++;
	d->stats.tx_bytes += req->len;
	bvf_stat(qp->f, BVF_STAT_TX_MSGS, 1);
	bvf_stat(qp->f, BVF_STAT_TX_BYTES, req->len);
	return STEP_DONE;
}

/* Loads the WQE at sq_ci and says which piece is next. */
static int next_piece(struct bvf_qp *qp, struct bvf_req *req)
{
	struct dram_qp *d = qp->d;
	uint32_t left, mtu_shift = 7 + (d->attr.path_mtu & 7);
	uint64_t npsn;

	if (bvf_unlikely(bvf_wqe_load(qp, d->sq_ci, req)))
		return -EINVAL;
	req->off = d->cur_off;
	if (bvf_unlikely(req->off > req->len)) {
		/* The guest rewrote it while it was being executed. */
		req->status = BVF_CQE_LOC_QP_OP;
		req->vendor = BVF_VE_WQE;
		return -EINVAL;
	}
	if (bvf_unlikely(req->op == BVF_WR_READ && !d->attr.max_rd_atomic)) {
		req->status = BVF_CQE_LOC_QP_OP;
		req->vendor = BVF_VE_RD_ATOMIC;
		return -EINVAL;
	}
	left = req->len - (uint32_t)req->off;
	req->piece = left < BVF_PIECE ? left : BVF_PIECE;
	req->psn = d->sq_psn;
	npsn = ((uint64_t)req->len + (1u << mtu_shift) - 1) >> mtu_shift;
	req->npsn = npsn ? (uint32_t)npsn : 1;
	req->redo = qp->redo;
	return 0;
}

static enum step ud_step(struct bvf_qp *qp)
{
	struct bvf_reply reply;
	struct bvf_req req;

	if (bvf_wqe_load(qp, qp->d->sq_ci, &req)) {
		bvf_sq_fail(qp, req.op, req.status, req.vendor);
		return STEP_STOP;
	}
	if (req.len > BVF_UD_MAX) {
		bvf_sq_fail(qp, req.op, BVF_CQE_LOC_LEN, BVF_VE_LEN);
		return STEP_STOP;
	}
	req.psn = qp->d->sq_psn;
	req.npsn = 1;
	switch (bvf_ud_send(qp, &req, &reply)) {
	case BVF_ANS_ACK:
		return wqe_done(qp, &req);
	case BVF_ANS_AGAIN:
		return STEP_AGAIN;
	default:
		bvf_sq_fail(qp, req.op, reply.status, reply.vendor);
		return STEP_STOP;
	}
}

static enum step step(struct bvf_qp *qp, uint64_t *moved)
{
	struct dram_qp *d = qp->d;
	struct bvf_reply reply;
	struct bvf_req req;

	if (d->type != BVF_QPT_RC)
		return ud_step(qp);
	if (next_piece(qp, &req)) {
		bvf_sq_fail(qp, req.op, req.status, req.vendor);
		return STEP_STOP;
	}
	switch (bvf_local_request(qp, &req, &reply)) {
	case BVF_ANS_ACK:
		*moved += req.piece;
		qp->f->dp->moved += req.piece;
		if (req.off + req.piece == req.len)
			return wqe_done(qp, &req);
		d->cur_off = req.off + req.piece;
		return STEP_MORE;
	case BVF_ANS_NONE:
		qp->drop_why = reply.vendor;
		wait_for(qp, DRAM_WAIT_RETRY, bvf_timeout_ns(d->attr.timeout));
		return STEP_STOP;
	case BVF_ANS_RNR:
		rnr_nak(qp, &req, &reply);
		return STEP_STOP;
	case BVF_ANS_AGAIN:
		return STEP_AGAIN;
	default:
		bvf_sq_fail(qp, req.op, reply.status, reply.vendor);
		return STEP_STOP;
	}
}

static void pi_ran_past(struct bvf_qp *qp)
{
	struct bvf_cqe cqe = {
		.qpn = qp->qpn,
		.wqe_idx = qp->d->sq_ci,
		.op = BVF_WR_SEND,
		.status = BVF_CQE_LOC_QP_OP,
		.vendor_err = BVF_VE_PI,
	};

	bvf_stat(qp->f, BVF_STAT_LOC_QP_OP, 1);
	bvf_cq_push(qp->scq, &cqe);
	bvf_qp_error(qp, BVF_EV_QP_FATAL);
}

/* Return: whether the QP wants another turn right away */
bool bvf_sq_run(struct bvf_qp *qp)
{
	struct dram_qp *d = qp->d;
	uint32_t pi = bvf_load_acq(&qp->dbrec->sq_pi);
	uint64_t moved = 0;

	if (d->wait)
		return false;
	if (bvf_unlikely(pi - d->sq_ci > qp->sq_mask + 1)) {
		pi_ran_past(qp);
		return false;
	}
	d->sq_pi = pi;
	/* WQEs may name what a message not yet served made known. */
	if (bvf_unlikely(bvf_ipc_pending(qp->f->dp)))
		return pi != d->sq_ci;
	for (uint32_t n = 0; n < BVF_RUN_WQES && d->sq_ci != pi; n++) {
		if (moved >= BVF_PIECE)
			return true;
		__builtin_prefetch(bvf_sq_wqe(qp, d->sq_ci));
		switch (step(qp, &moved)) {
		case STEP_DONE:
			if (bvf_unlikely(qp->drain)) {
				qp->drain = false;
				bvf_qp_forget_peer(qp);
				return true;
			}
			break;
		case STEP_MORE:
			break;
		case STEP_STOP:
			return false;
		case STEP_AGAIN:
			return true;
		}
	}
	return d->sq_ci != pi;
}
