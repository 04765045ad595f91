// SPDX-License-Identifier: GPL-2.0
/*
 * Responder of reliable connections: executes one piece of a request on the
 * QP that it is addressed to, and answers as the wire would.
 * Knows the requester only by the request: its data segments, its PSN.
 */
#include <errno.h>

#include "dp.h"

static enum bvf_answer nak(struct bvf_qp *qp, struct bvf_reply *reply,
			   uint8_t status, uint8_t vendor, uint8_t event)
{
	reply->status = status;
	reply->vendor = vendor;
	bvf_qp_error(qp, event);
	return BVF_ANS_NAK;
}

static enum bvf_answer local_fault(struct bvf_reply *reply)
{
	reply->status = BVF_CQE_LOC_PROT;
	reply->vendor = BVF_VE_MEM;
	return BVF_ANS_LOCAL;
}

/* The receive at rq_ci fails, and the responder's queue pair with it. */
static enum bvf_answer recv_fail(struct bvf_qp *qp, struct bvf_reply *reply,
				 uint8_t loc_status, uint8_t vendor)
{
	struct bvf_cqe cqe = {
		.op = BVF_CQE_RECV,
		.status = loc_status,
		.vendor_err = vendor,
	};
	uint8_t event = 0;

	if (bvf_recv_complete(qp, &cqe, qp->d->rq_psn))
		event = BVF_EV_QP_FATAL;
	return nak(qp, reply, loc_status == BVF_CQE_LOC_LEN ?
		   BVF_CQE_REM_INV_REQ : BVF_CQE_REM_OP, vendor, event);
}

/* A receive is wanted. Return: BVF_ANS_ACK when there is one */
static enum bvf_answer need_recv(struct bvf_qp *qp, struct bvf_reply *reply)
{
	int nr = bvf_rq_avail(qp);

	if (bvf_unlikely(!nr))
		nr = bvf_rq_notify(qp);
	if (bvf_likely(nr > 0))
		return BVF_ANS_ACK;
	if (nr == -EAGAIN)
		return BVF_ANS_AGAIN;
	if (nr < 0)
		return nak(qp, reply, BVF_CQE_REM_OP, BVF_VE_PI,
			   BVF_EV_QP_FATAL);
	reply->rnr_timer = qp->d->attr.min_rnr_timer;
	qp->d->stats.rnr_naks++;
	bvf_stat(qp->f, BVF_STAT_RNR_NAK, 1);
	return BVF_ANS_RNR;
}

/* The message is complete: tell the guest, move on. */
static enum bvf_answer finish(struct bvf_qp *qp, const struct bvf_req *req,
			      struct bvf_reply *reply, uint8_t cqe_op)
{
	struct dram_qp *d = qp->d;
	uint32_t rq_psn = (req->psn + req->npsn) & 0xffffff;

	if (cqe_op) {
		struct bvf_cqe cqe = {
			.byte_len = req->len,
			.op = cqe_op,
		};

		if (req->op != BVF_WR_SEND) {
			cqe.imm = req->imm;
			cqe.flags |= BVF_CQE_IMM;
		}
		if (req->flags & BVF_WQE_SOLICITED)
			cqe.flags |= BVF_CQE_SOLICITED;
		if (bvf_unlikely(bvf_recv_complete(qp, &cqe, rq_psn)))
			return nak(qp, reply, BVF_CQE_REM_OP, BVF_VE_CQ,
				   BVF_EV_QP_FATAL);
	} else {
		d->rq_psn = rq_psn;
		d->cur_msg = 0;
	}
	d->msn++;
	d->stats.rx_msgs++;
	d->stats.rx_bytes += req->len;
	bvf_stat(qp->f, BVF_STAT_RX_MSGS, 1);
	bvf_stat(qp->f, BVF_STAT_RX_BYTES, req->len);
	return BVF_ANS_ACK;
}

static inline bool is_last(const struct bvf_req *req)
{
	return req->off + req->piece == req->len;
}

/* A piece is there; more of the message follow. */
static enum bvf_answer under_way(struct bvf_qp *qp)
{
	qp->d->cur_msg = 1;
	return BVF_ANS_ACK;
}

static enum bvf_answer do_write(struct bvf_qp *qp, struct bvf_req *req,
				struct bvf_reply *reply)
{
	bool imm = req->op == BVF_WR_WRITE_IMM && is_last(req);
	struct bvf_sglist dst;
	enum bvf_answer ans;
	int ve;

	dst.f = qp->f;
	dst.nr = 1;
	if (bvf_likely(req->len)) {
		if (!(qp->d->attr.access & BVF_ACC_REMOTE_WRITE))
			ve = BVF_VE_ACCESS;
		else
			ve = bvf_key_seg(qp, req->rkey, req->raddr, req->len,
					 BVF_ACC_REMOTE_WRITE, &dst.seg[0]);
		if (bvf_unlikely(ve))
			return nak(qp, reply, BVF_CQE_REM_ACCESS, ve,
				   BVF_EV_QP_ACCESS_ERR);
	}
	if (imm) {
		ans = need_recv(qp, reply);
		if (ans != BVF_ANS_ACK)
			return ans;
	}
	switch (bvf_copy_sg(&dst, req->off, &req->sg, req->off, req->piece,
			    req->len)) {
	case BVF_COPY_SRC:
		return local_fault(reply);
	case BVF_COPY_DST:
		return nak(qp, reply, BVF_CQE_REM_ACCESS, BVF_VE_MEM,
			   BVF_EV_QP_ACCESS_ERR);
	default:
		break;
	}
	if (!is_last(req))
		return under_way(qp);
	return finish(qp, req, reply, imm ? BVF_CQE_RECV_WRITE_IMM : 0);
}

static enum bvf_answer do_read(struct bvf_qp *qp, struct bvf_req *req,
			       struct bvf_reply *reply)
{
	struct bvf_sglist src;
	int ve;

	if (!qp->d->attr.max_dest_rd_atomic)
		return nak(qp, reply, BVF_CQE_REM_INV_REQ, BVF_VE_RD_ATOMIC,
			   BVF_EV_QP_REQ_ERR);
	src.f = qp->f;
	src.nr = 1;
	if (bvf_likely(req->len)) {
		if (!(qp->d->attr.access & BVF_ACC_REMOTE_READ))
			ve = BVF_VE_ACCESS;
		else
			ve = bvf_key_seg(qp, req->rkey, req->raddr, req->len,
					 BVF_ACC_REMOTE_READ, &src.seg[0]);
		if (bvf_unlikely(ve))
			return nak(qp, reply, BVF_CQE_REM_ACCESS, ve,
				   BVF_EV_QP_ACCESS_ERR);
	}
	switch (bvf_copy_sg(&req->sg, req->off, &src, req->off, req->piece,
			    req->len)) {
	case BVF_COPY_SRC:
		return nak(qp, reply, BVF_CQE_REM_ACCESS, BVF_VE_MEM,
			   BVF_EV_QP_ACCESS_ERR);
	case BVF_COPY_DST:
		return local_fault(reply);
	default:
		break;
	}
	return is_last(req) ? finish(qp, req, reply, 0) : under_way(qp);
}

static enum bvf_answer do_send(struct bvf_qp *qp, struct bvf_req *req,
			       struct bvf_reply *reply)
{
	struct bvf_recv rx;
	enum bvf_answer ans = need_recv(qp, reply);

	if (bvf_unlikely(ans != BVF_ANS_ACK))
		return ans;
	if (bvf_unlikely(bvf_rwqe_load(qp, qp->d->rq_ci, &rx)))
		return recv_fail(qp, reply, rx.status, rx.vendor);
	if (bvf_unlikely(rx.len < req->len))
		return recv_fail(qp, reply, BVF_CQE_LOC_LEN, BVF_VE_LEN);
	switch (bvf_copy_sg(&rx.sg, req->off, &req->sg, req->off, req->piece,
			    req->len)) {
	case BVF_COPY_SRC:
		return local_fault(reply);
	case BVF_COPY_DST:
		return recv_fail(qp, reply, BVF_CQE_LOC_PROT, BVF_VE_MEM);
	default:
		break;
	}
	return is_last(req) ? finish(qp, req, reply, BVF_CQE_RECV) :
			      under_way(qp);
}

enum bvf_answer bvf_resp_request(struct bvf_qp *qp, struct bvf_req *req,
				 struct bvf_reply *reply)
{
	struct dram_qp *d = qp->d;

	if (bvf_unlikely(req->psn != d->rq_psn)) {
		if (req->redo &&
		    d->rq_psn == ((req->psn + req->npsn) & 0xffffff)) {
			/* A duplicate: executed, but the ACK was lost. */
			req->piece = req->len - (uint32_t)req->off;
			return BVF_ANS_ACK;
		}
		reply->vendor = BVF_VE_PSN;
		return BVF_ANS_NONE;
	}
	if (bvf_unlikely(req->off && !d->cur_msg)) {
		/* The pieces before it went to what this QP was before a reset. */
		reply->vendor = BVF_VE_PSN;
		return BVF_ANS_NONE;
	}
	if (bvf_unlikely(!d->comm_est)) {
		d->comm_est = 1;
		if (bvf_load(&d->state) == BVF_QPS_RTR)
			bvf_async(qp->f, BVF_EQE_ASYNC_QP, BVF_EV_COMM_EST,
				  qp->qpn);
	}
	if (bvf_unlikely(qp->rx_told) && req->op != BVF_WR_WRITE &&
	    req->op != BVF_WR_READ) {
		/* Delivered before a restart; the buffer is the guest's again. */
		req->piece = req->len - (uint32_t)req->off;
		return finish(qp, req, reply, BVF_CQE_RECV);
	}
	switch (req->op) {
	case BVF_WR_WRITE:
	case BVF_WR_WRITE_IMM:
		return do_write(qp, req, reply);
	case BVF_WR_READ:
		return do_read(qp, req, reply);
	default:
		return do_send(qp, req, reply);
	}
}
