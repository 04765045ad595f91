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
#include "ring.h"
#include "uabi.h"

struct ibv_cq *bvf_create_cq(struct ibv_context *ibctx, int cqe,
			     struct ibv_comp_channel *channel, int comp_vector)
{
	struct bvf_context *ctx = to_bctx(ibctx);
	struct bvf_ucreate_cq_resp resp = {};
	struct bvf_ucreate_cq cmd = {};
	struct bvf_cq *cq;
	uint64_t depth;
	int err;

	if (cqe < 1 || (uint32_t)cqe > ctx->max_cqe) {
		errno = EINVAL;
		return NULL;
	}

	cq = calloc(1, sizeof(*cq));
	if (!cq)
		return NULL;

	depth = roundup_pow_of_two(cqe < 2 ? 2 : cqe);
	cq->ctx = ctx;
	cq->depth_shift = ilog64(depth) - 1;
	cmd.depth_shift = cq->depth_shift;
	cmd.dbrec_off = depth * sizeof(struct bvf_cqe);

	err = bvf_buf_alloc(&cq->buf, cmd.dbrec_off + sizeof(struct bvf_cq_dbrec));
	if (err)
		goto err_free;

	cmd.buf_va = (uintptr_t)cq->buf.addr;
	cmd.buf_len = cq->buf.len;
	cq->ring = cq->buf.addr;
	cq->dbrec = cq->buf.addr + cmd.dbrec_off;
	bvf_lock_init(&cq->lock, false);

	err = ibv_cmd_create_cq(ibctx, cqe, channel, comp_vector, &cq->ibcq,
				&cmd.ibv_cmd, sizeof(cmd), &resp.ibv_resp,
				sizeof(resp));
	if (err)
		goto err_free_buf;

	cq->cqn = resp.cqn;
	return &cq->ibcq;

err_free_buf:
	bvf_lock_destroy(&cq->lock);
	bvf_buf_free(&cq->buf);
err_free:
	free(cq);
	errno = err;
	return NULL;
}

int bvf_destroy_cq(struct ibv_cq *ibcq)
{
	struct bvf_cq *cq = to_bcq(ibcq);
	int err;

	err = ibv_cmd_destroy_cq(ibcq);
	if (err)
		return err;

	for (unsigned int i = 0; i < BVF_CQ_QP_LEAVES; i++)
		free(cq->qps[i]);
	bvf_lock_destroy(&cq->lock);
	bvf_buf_free(&cq->buf);
	free(cq);
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
