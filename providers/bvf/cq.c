// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * bvf provider: life of a CQ, and which QPs complete into it.
 * Completions are taken out in poll.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <util/util.h>

#include "bvf.h"
#include "compat.h"
#include "ring.h"
#include "uabi.h"

/* A CQ without its kernel object; fills in the driver's part of the command. */
static struct bvf_cq *bvf_cq_alloc(struct bvf_context *ctx, uint32_t cqe,
				   bool single, struct bvf_create_cq_req *req)
{
	struct bvf_cq *cq;
	uint64_t depth;
	int err;

	if (cqe < 1 || cqe > ctx->max_cqe) {
		errno = EINVAL;
		return NULL;
	}

	cq = calloc(1, sizeof(*cq));
	if (!cq)
		return NULL;

	depth = roundup_pow_of_two(cqe < 2 ? 2 : cqe);
	cq->ctx = ctx;
	cq->depth_shift = ilog64(depth) - 1;
	req->depth_shift = cq->depth_shift;
	req->dbrec_off = depth * sizeof(struct bvf_cqe);

	err = bvf_buf_alloc(&cq->buf, req->dbrec_off + sizeof(struct bvf_cq_dbrec));
	if (err) {
		free(cq);
		errno = err;
		return NULL;
	}

	req->buf_va = (uintptr_t)cq->buf.addr;
	req->buf_len = cq->buf.len;
	cq->ring = cq->buf.addr;
	cq->dbrec = cq->buf.addr + req->dbrec_off;
	bvf_lock_init(&cq->lock, single);
	return cq;
}

static void bvf_cq_free(struct bvf_cq *cq)
{
	for (unsigned int i = 0; i < BVF_CQ_QP_LEAVES; i++)
		free(cq->qps[i]);
	bvf_lock_destroy(&cq->lock);
	bvf_buf_free(&cq->buf);
	free(cq);
}

struct ibv_cq *bvf_create_cq(struct ibv_context *ibctx, int cqe,
			     struct ibv_comp_channel *channel, int comp_vector)
{
	struct bvf_ucreate_cq_resp resp = {};
	struct bvf_ucreate_cq cmd = {};
	struct bvf_cq *cq;
	int err;

	cq = bvf_cq_alloc(to_bctx(ibctx), cqe < 0 ? 0 : cqe, false,
			  &cmd.drv_payload);
	if (!cq)
		return NULL;

	err = ibv_cmd_create_cq(ibctx, cqe, channel, comp_vector, &cq->vcq.cq,
				&cmd.ibv_cmd, sizeof(cmd), &resp.ibv_resp,
				sizeof(resp));
	if (err) {
		bvf_cq_free(cq);
		errno = err;
		return NULL;
	}
	cq->cqn = resp.cqn;
	return &cq->vcq.cq;
}

/*
 * A CQ for one thread, by flag or by thread domain, takes no lock: neither in
 * polling nor when a QP that completes into it is made or destroyed.
 */
static int bvf_cq_ex_check(const struct ibv_cq_init_attr_ex *attr, bool *single)
{
	uint32_t flags = attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_FLAGS ?
			 attr->flags : 0;

	if (!check_comp_mask(attr->comp_mask, IBV_CQ_INIT_ATTR_MASK_FLAGS |
					      IBV_CQ_INIT_ATTR_MASK_PD) ||
	    !check_comp_mask(flags, IBV_CREATE_CQ_ATTR_SINGLE_THREADED) ||
	    !check_comp_mask(attr->wc_flags, IBV_WC_STANDARD_FLAGS))
		return EOPNOTSUPP;

	*single = flags & IBV_CREATE_CQ_ATTR_SINGLE_THREADED;
	if (attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_PD) {
		if (!to_bpd(attr->parent_domain)->parent)
			return EINVAL;
		if (to_bpd(attr->parent_domain)->td)
			*single = true;
	}
	return 0;
}

struct ibv_cq_ex *bvf_create_cq_ex(struct ibv_context *ibctx,
				   struct ibv_cq_init_attr_ex *attr)
{
	struct ibv_cq_init_attr_ex kattr = *attr;
	struct bvf_ucreate_cq_ex_resp resp = {};
	struct bvf_ucreate_cq_ex cmd = {};
	struct bvf_cq *cq;
	bool single;
	int err;

	err = bvf_cq_ex_check(attr, &single);
	if (err) {
		errno = err;
		return NULL;
	}

	cq = bvf_cq_alloc(to_bctx(ibctx), attr->cqe, single, &cmd.drv_payload);
	if (!cq)
		return NULL;

	/* What is left of the attributes is nothing to the kernel. */
	kattr.comp_mask = 0;
	kattr.flags = 0;
	err = bvf_cmd_create_cq_ex(ibctx, &kattr, &cq->vcq, &cmd.ibv_cmd,
				   sizeof(cmd), &resp.ibv_resp, sizeof(resp));
	if (err) {
		bvf_cq_free(cq);
		errno = err;
		return NULL;
	}
	cq->cqn = resp.cqn;
	bvf_cq_init_ex(&cq->vcq.cq_ex);
	return &cq->vcq.cq_ex;
}

int bvf_destroy_cq(struct ibv_cq *ibcq)
{
	struct bvf_cq *cq = to_bcq(ibcq);
	int err;

	err = ibv_cmd_destroy_cq(ibcq);
	if (err)
		return err;

	bvf_cq_free(cq);
	return 0;
}

/**
 * bvf_cq_add_qp() - Let CQEs of a QP be found
 * @cq:		CQ
 * @qp:		QP whose send or receive queue, or both, completes into it
 *
 * Return: 0, or ENOMEM
 */
int bvf_cq_add_qp(struct bvf_cq *cq, struct bvf_qp *qp)
{
	uint32_t idx = BVF_QPN_IDX(qp->ibqp.qp_num);
	uint32_t leaf = idx >> BVF_CQ_QP_SHIFT;
	int err = 0;

	bvf_lock(&cq->lock);
	if (!cq->qps[leaf])
		cq->qps[leaf] = calloc(BVF_CQ_QP_LEAF, sizeof(*cq->qps[leaf]));
	if (cq->qps[leaf])
		cq->qps[leaf][idx % BVF_CQ_QP_LEAF] = qp;
	else
		err = ENOMEM;
	bvf_unlock(&cq->lock);
	return err;
}

/*
 * Takes the CQEs of a QP out of the CQ, so that they occupy no room that the
 * card counts on. CQEs behind them move up; a slot keeps the phase of its
 * index. The card only writes beyond the last valid CQE, and never reads one.
 */
static void bvf_cq_clean_locked(struct bvf_cq *cq, uint32_t qpn)
{
	uint32_t depth = 1u << cq->depth_shift;
	uint32_t removed = 0;
	uint32_t pi = cq->ci;

	while (pi - cq->ci < depth && bvf_cqe_get(cq, pi))
		pi++;

	while (pi-- != cq->ci) {
		struct bvf_cqe *cqe = &cq->ring[pi & (depth - 1)];

		if (le32toh(cqe->qpn) == qpn)
			removed++;
		else if (removed)
			memcpy(&cq->ring[(pi + removed) & (depth - 1)], cqe,
			       offsetof(struct bvf_cqe, phase));
	}

	if (removed) {
		cq->ci += removed;
		bvf_dbrec_store(&cq->dbrec->ci, cq->ci);
	}
}

/* The QP is in RESET: the card writes no more CQEs for it. */
void bvf_cq_clean(struct bvf_cq *cq, uint32_t qpn)
{
	bvf_lock(&cq->lock);
	bvf_cq_clean_locked(cq, qpn);
	bvf_unlock(&cq->lock);
}

/*
 * Forgets a QP that the card has let go of. A QP that was made meanwhile may
 * have taken over the index, under another number.
 */
void bvf_cq_del_qp(struct bvf_cq *cq, struct bvf_qp *qp)
{
	uint32_t idx = BVF_QPN_IDX(qp->ibqp.qp_num);
	struct bvf_qp **leaf = cq->qps[idx >> BVF_CQ_QP_SHIFT];

	bvf_lock(&cq->lock);
	bvf_cq_clean_locked(cq, qp->ibqp.qp_num);
	if (leaf && leaf[idx % BVF_CQ_QP_LEAF] == qp)
		leaf[idx % BVF_CQ_QP_LEAF] = NULL;
	bvf_unlock(&cq->lock);
}
