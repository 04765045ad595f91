// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * bvf provider: posting work requests.
 * No system call, and one doorbell for a call, whatever the length of the
 * list and whether or not a request of it is refused.
 */
#include <errno.h>

#include "bvf.h"
#include "ring.h"
#include "wqe.h"

#define BVF_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define BVF_SEND_FLAGS		(IBV_SEND_SIGNALED | IBV_SEND_SOLICITED | \
				 IBV_SEND_FENCE | IBV_SEND_INLINE)

static const struct bvf_op bvf_ops[] = {
	[IBV_WR_SEND] = { BVF_WR_SEND, BVF_OPF_INLINE },
	[IBV_WR_SEND_WITH_IMM] = {
		BVF_WR_SEND_IMM, BVF_OPF_IMM | BVF_OPF_INLINE
	},
	[IBV_WR_RDMA_WRITE] = {
		BVF_WR_WRITE, BVF_OPF_REMOTE | BVF_OPF_INLINE
	},
	[IBV_WR_RDMA_WRITE_WITH_IMM] = {
		BVF_WR_WRITE_IMM, BVF_OPF_REMOTE | BVF_OPF_IMM | BVF_OPF_INLINE
	},
	[IBV_WR_RDMA_READ] = { BVF_WR_READ, BVF_OPF_REMOTE },
};

static const struct bvf_op *bvf_send_op(const struct bvf_qp *qp,
					const struct ibv_send_wr *wr)
{
	const struct bvf_op *op;

	if ((unsigned int)wr->opcode >= BVF_ARRAY_SIZE(bvf_ops) ||
	    (wr->send_flags & ~BVF_SEND_FLAGS))
		return NULL;

	op = &bvf_ops[wr->opcode];
	if (!op->op)
		return NULL;
	if (qp->ibqp.qp_type == IBV_QPT_UD && (op->flags & BVF_OPF_REMOTE))
		return NULL;
	return op;
}

static int bvf_send_one(struct bvf_qp *qp, uint32_t pi,
			const struct ibv_send_wr *wr)
{
	const struct bvf_op *op = bvf_send_op(qp, wr);
	struct bvf_wq *sq = &qp->sq;
	int err;

	if (!op)
		return EINVAL;
	if (bvf_wq_full(sq, pi))
		return ENOMEM;

	err = bvf_wqe_fill(qp, bvf_wq_slot(sq, pi), wr, op);
	if (err)
		return err;

	sq->wrid[pi & (sq->depth - 1)] = wr->wr_id;
	return 0;
}

int bvf_post_send(struct ibv_qp *ibqp, struct ibv_send_wr *wr,
		  struct ibv_send_wr **bad)
{
	struct bvf_qp *qp = to_bqp(ibqp);
	struct bvf_wq *sq = &qp->sq;
	uint32_t first, pi;
	int err = 0;

	bvf_lock(&sq->lock);
	first = atomic_load_explicit(&sq->pi, memory_order_relaxed);

	/* RESET, INIT and RTR take no send requests; in ERR they are flushed. */
	if (ibqp->state < IBV_QPS_RTS) {
		*bad = wr;
		err = EINVAL;
		goto out_unlock;
	}

	for (pi = first; wr; wr = wr->next, pi++) {
		err = bvf_send_one(qp, pi, wr);
		if (err) {
			*bad = wr;
			break;
		}
	}

	if (pi != first) {
		/* Before the record: a CQE of the new WQEs is checked against pi. */
		atomic_store_explicit(&sq->pi, pi, memory_order_release);
		bvf_dbrec_store(&qp->dbrec->sq_pi, pi);
		bvf_db_ring_qp(qp->ctx, ibqp->qp_num);
	}

out_unlock:
	bvf_unlock(&sq->lock);
	return err;
}

static int bvf_recv_one(struct bvf_qp *qp, uint32_t pi,
			const struct ibv_recv_wr *wr)
{
	struct bvf_wq *rq = &qp->rq;
	int err;

	if (bvf_wq_full(rq, pi))
		return ENOMEM;

	err = bvf_rwqe_fill(rq, bvf_wq_slot(rq, pi), wr);
	if (err)
		return err;

	rq->wrid[pi & (rq->depth - 1)] = wr->wr_id;
	return 0;
}

int bvf_post_recv(struct ibv_qp *ibqp, struct ibv_recv_wr *wr,
		  struct ibv_recv_wr **bad)
{
	struct bvf_qp *qp = to_bqp(ibqp);
	struct bvf_wq *rq = &qp->rq;
	uint32_t first, pi;
	int err = 0;

	bvf_lock(&rq->lock);
	first = atomic_load_explicit(&rq->pi, memory_order_relaxed);

	if (ibqp->state == IBV_QPS_RESET) {
		*bad = wr;
		err = EINVAL;
		goto out_unlock;
	}

	for (pi = first; wr; wr = wr->next, pi++) {
		err = bvf_recv_one(qp, pi, wr);
		if (err) {
			*bad = wr;
			break;
		}
	}

	if (pi != first) {
		atomic_store_explicit(&rq->pi, pi, memory_order_release);
		bvf_dbrec_store(&qp->dbrec->rq_pi, pi);

		/* Pairs with the card's barrier between rq_notify and rq_pi. */
		bvf_mb();
		if (__atomic_load_n(&qp->dbrec->rq_notify, __ATOMIC_RELAXED))
			bvf_db_ring_qp(qp->ctx, ibqp->qp_num);
	}

out_unlock:
	bvf_unlock(&rq->lock);
	return err;
}
