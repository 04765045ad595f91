// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * bvf provider: life of a QP: sizes, buffer, states.
 * Work requests are in wr.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <util/util.h>

#include "bvf.h"
#include "uabi.h"

static uint32_t bvf_shift(uint64_t pow2)
{
	return ilog64(pow2) - 1;
}

static uint32_t bvf_pow2(uint32_t n)
{
	return roundup_pow_of_two(n ? n : 1);
}

static uint32_t bvf_max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t bvf_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static int bvf_qp_check(struct bvf_context *ctx,
			const struct ibv_qp_init_attr *attr)
{
	const struct ibv_qp_cap *cap = &attr->cap;

	if (attr->qp_type != IBV_QPT_RC && attr->qp_type != IBV_QPT_UD)
		return EOPNOTSUPP;
	if (attr->srq)
		return EOPNOTSUPP;
	if (!attr->send_cq || !attr->recv_cq)
		return EINVAL;
	if (cap->max_send_wr > ctx->max_qp_wr ||
	    cap->max_recv_wr > ctx->max_qp_wr ||
	    cap->max_send_sge > ctx->max_sge ||
	    cap->max_recv_sge > ctx->max_sge ||
	    cap->max_inline_data > ctx->max_inline)
		return EINVAL;
	return 0;
}

/*
 * Rings are powers of two, and so are WQEs: the application gets what fits in
 * them, and cap says so.
 */
static void bvf_qp_size(struct bvf_qp *qp, const struct ibv_qp_init_attr *attr)
{
	uint32_t max_sge = qp->ctx->max_sge;
	struct ibv_qp_cap *cap = &qp->cap;
	uint32_t stride;

	*cap = attr->cap;
	qp->hdr_len = sizeof(struct bvf_wqe);
	if (attr->qp_type == IBV_QPT_UD)
		qp->hdr_len += sizeof(struct bvf_wqe_av);

	qp->sq.depth = bvf_pow2(cap->max_send_wr);
	stride = bvf_max(cap->max_send_sge * sizeof(struct bvf_sge),
			 cap->max_inline_data);
	stride = bvf_max(bvf_pow2(qp->hdr_len + stride),
			 1u << BVF_SQ_STRIDE_SHIFT_MIN);
	qp->sq.stride_shift = bvf_shift(stride);
	cap->max_send_wr = qp->sq.depth;
	cap->max_send_sge = bvf_min((stride - qp->hdr_len) /
				    sizeof(struct bvf_sge), max_sge);
	cap->max_inline_data = bvf_min(stride - qp->hdr_len,
				       qp->ctx->max_inline);

	qp->rq.depth = bvf_pow2(cap->max_recv_wr);
	stride = bvf_max(bvf_pow2(sizeof(struct bvf_rwqe) +
				  cap->max_recv_sge * sizeof(struct bvf_sge)),
			 1u << BVF_RQ_STRIDE_SHIFT_MIN);
	qp->rq.stride_shift = bvf_shift(stride);
	cap->max_recv_wr = qp->rq.depth;
	cap->max_recv_sge = bvf_min((stride - sizeof(struct bvf_rwqe)) /
				    sizeof(struct bvf_sge), max_sge);

	qp->sq.max_sge = cap->max_send_sge;
	qp->rq.max_sge = cap->max_recv_sge;
	qp->max_inline = cap->max_inline_data;
	qp->sig_all = attr->sq_sig_all;
}

static int bvf_qp_alloc(struct bvf_qp *qp, struct bvf_ucreate_qp *cmd)
{
	size_t sq_len = (size_t)qp->sq.depth << qp->sq.stride_shift;
	size_t rq_len = (size_t)qp->rq.depth << qp->rq.stride_shift;
	int err;

	qp->sq.wrid = calloc(qp->sq.depth + qp->rq.depth, sizeof(uint64_t));
	if (!qp->sq.wrid)
		return ENOMEM;
	qp->rq.wrid = qp->sq.wrid + qp->sq.depth;

	cmd->sq_off = 0;
	cmd->rq_off = align(sq_len, 1ul << qp->rq.stride_shift);
	cmd->dbrec_off = align(cmd->rq_off + rq_len, sizeof(*qp->dbrec));
	err = bvf_buf_alloc(&qp->buf, cmd->dbrec_off + sizeof(*qp->dbrec));
	if (err) {
		free(qp->sq.wrid);
		return err;
	}

	qp->sq.ring = qp->buf.addr + cmd->sq_off;
	qp->rq.ring = qp->buf.addr + cmd->rq_off;
	qp->dbrec = qp->buf.addr + cmd->dbrec_off;
	cmd->buf_va = (uintptr_t)qp->buf.addr;
	cmd->buf_len = qp->buf.len;
	cmd->sq_depth_shift = bvf_shift(qp->sq.depth);
	cmd->sq_stride_shift = qp->sq.stride_shift;
	cmd->rq_depth_shift = bvf_shift(qp->rq.depth);
	cmd->rq_stride_shift = qp->rq.stride_shift;
	return 0;
}

static void bvf_qp_free(struct bvf_qp *qp)
{
	bvf_lock_destroy(&qp->sq.lock);
	bvf_lock_destroy(&qp->rq.lock);
	bvf_buf_free(&qp->buf);
	free(qp->sq.wrid);
	free(qp);
}

static int bvf_qp_publish(struct bvf_qp *qp)
{
	struct bvf_cq *scq = to_bcq(qp->ibqp.send_cq);
	struct bvf_cq *rcq = to_bcq(qp->ibqp.recv_cq);
	int err;

	err = bvf_cq_add_qp(scq, qp);
	if (err || scq == rcq)
		return err;

	err = bvf_cq_add_qp(rcq, qp);
	if (err)
		bvf_cq_del_qp(scq, qp);
	return err;
}

struct ibv_qp *bvf_create_qp(struct ibv_pd *ibpd, struct ibv_qp_init_attr *attr)
{
	struct bvf_context *ctx = to_bctx(ibpd->context);
	bool single = to_bpd(ibpd)->td != NULL;
	struct ibv_qp_init_attr kattr = *attr;
	struct bvf_ucreate_qp_resp resp = {};
	struct bvf_ucreate_qp cmd = {};
	struct bvf_qp *qp;
	int err;

	err = bvf_qp_check(ctx, attr);
	if (err) {
		errno = err;
		return NULL;
	}

	qp = calloc(1, sizeof(*qp));
	if (!qp)
		return NULL;

	qp->ctx = ctx;
	bvf_qp_size(qp, attr);
	err = bvf_qp_alloc(qp, &cmd);
	if (err) {
		free(qp);
		errno = err;
		return NULL;
	}
	bvf_lock_init(&qp->sq.lock, single);
	bvf_lock_init(&qp->rq.lock, single);

	kattr.cap = qp->cap;
	err = ibv_cmd_create_qp(ibpd, &qp->ibqp, &kattr, &cmd.ibv_cmd,
				sizeof(cmd), &resp.ibv_resp, sizeof(resp));
	if (err)
		goto err_free;

	/* libibverbs fills these in only after this returns. */
	qp->ibqp.send_cq = attr->send_cq;
	qp->ibqp.recv_cq = attr->recv_cq;
	qp->ibqp.qp_type = attr->qp_type;
	qp->ibqp.state = IBV_QPS_RESET;
	err = bvf_qp_publish(qp);
	if (err)
		goto err_destroy;

	attr->cap = qp->cap;
	return &qp->ibqp;

err_destroy:
	ibv_cmd_destroy_qp(&qp->ibqp);
err_free:
	bvf_qp_free(qp);
	errno = err;
	return NULL;
}

/* The card has let go of the QP, and starts anew from index 0. */
static void bvf_qp_reset(struct bvf_qp *qp)
{
	bvf_cq_clean(to_bcq(qp->ibqp.send_cq), qp->ibqp.qp_num);
	if (qp->ibqp.recv_cq != qp->ibqp.send_cq)
		bvf_cq_clean(to_bcq(qp->ibqp.recv_cq), qp->ibqp.qp_num);

	atomic_store(&qp->sq.pi, 0);
	atomic_store(&qp->sq.ci, 0);
	atomic_store(&qp->rq.pi, 0);
	atomic_store(&qp->rq.ci, 0);
	memset(qp->dbrec, 0, sizeof(*qp->dbrec));
}

int bvf_modify_qp(struct ibv_qp *ibqp, struct ibv_qp_attr *attr, int mask)
{
	struct ibv_modify_qp cmd = {};
	int err;

	err = ibv_cmd_modify_qp(ibqp, attr, mask, &cmd, sizeof(cmd));
	if (err)
		return err;

	if ((mask & IBV_QP_STATE) && attr->qp_state == IBV_QPS_RESET)
		bvf_qp_reset(to_bqp(ibqp));
	return 0;
}

int bvf_query_qp(struct ibv_qp *ibqp, struct ibv_qp_attr *attr, int mask,
		 struct ibv_qp_init_attr *init_attr)
{
	struct bvf_qp *qp = to_bqp(ibqp);
	struct ibv_query_qp cmd = {};
	int err;

	err = ibv_cmd_query_qp(ibqp, attr, mask, init_attr, &cmd, sizeof(cmd));
	if (err)
		return err;

	attr->cap = qp->cap;
	init_attr->cap = qp->cap;
	return 0;
}

int bvf_destroy_qp(struct ibv_qp *ibqp)
{
	struct bvf_qp *qp = to_bqp(ibqp);
	int err;

	err = ibv_cmd_destroy_qp(ibqp);
	if (err)
		return err;

	bvf_cq_del_qp(to_bcq(ibqp->send_cq), qp);
	if (ibqp->recv_cq != ibqp->send_cq)
		bvf_cq_del_qp(to_bcq(ibqp->recv_cq), qp);
	bvf_qp_free(qp);
	return 0;
}
