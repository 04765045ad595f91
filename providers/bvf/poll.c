// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * bvf provider: taking completions out of a CQ, and arming it.
 * What the card writes is checked before it is used: a CQE that names no QP
 * of this CQ, or no outstanding WQE, is dropped.
 */
#include <util/util.h>

#include "bvf.h"
#include "ring.h"

#define BVF_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static const enum ibv_wc_status bvf_wc_status[] = {
	[BVF_CQE_OK]		= IBV_WC_SUCCESS,
	[BVF_CQE_LOC_LEN]	= IBV_WC_LOC_LEN_ERR,
	[BVF_CQE_LOC_QP_OP]	= IBV_WC_LOC_QP_OP_ERR,
	[BVF_CQE_LOC_PROT]	= IBV_WC_LOC_PROT_ERR,
	[BVF_CQE_FLUSH]		= IBV_WC_WR_FLUSH_ERR,
	[BVF_CQE_LOC_ACCESS]	= IBV_WC_LOC_ACCESS_ERR,
	[BVF_CQE_REM_INV_REQ]	= IBV_WC_REM_INV_REQ_ERR,
	[BVF_CQE_REM_ACCESS]	= IBV_WC_REM_ACCESS_ERR,
	[BVF_CQE_REM_OP]	= IBV_WC_REM_OP_ERR,
	[BVF_CQE_RETRY_EXC]	= IBV_WC_RETRY_EXC_ERR,
	[BVF_CQE_RNR_EXC]	= IBV_WC_RNR_RETRY_EXC_ERR,
	[BVF_CQE_FATAL]		= IBV_WC_FATAL_ERR,
};
static_assert(BVF_ARRAY_SIZE(bvf_wc_status) == BVF_CQE_STATUS_NR,
	      "a status without a translation");

static const enum ibv_wc_opcode bvf_wc_opcode[] = {
	[BVF_WR_SEND]		= IBV_WC_SEND,
	[BVF_WR_SEND_IMM]	= IBV_WC_SEND,
	[BVF_WR_WRITE]		= IBV_WC_RDMA_WRITE,
	[BVF_WR_WRITE_IMM]	= IBV_WC_RDMA_WRITE,
	[BVF_WR_READ]		= IBV_WC_RDMA_READ,
};

static struct bvf_qp *bvf_cq_find_qp(struct bvf_cq *cq, uint32_t qpn)
{
	uint32_t idx = BVF_QPN_IDX(qpn);
	struct bvf_qp **leaf = cq->qps[idx >> BVF_CQ_QP_SHIFT];
	struct bvf_qp *qp = leaf ? leaf[idx % BVF_CQ_QP_LEAF] : NULL;

	return qp && qp->ibqp.qp_num == qpn ? qp : NULL;
}

static bool bvf_cqe_send(struct bvf_qp *qp, const struct bvf_cqe *cqe,
			 uint8_t op, struct ibv_wc *wc)
{
	if (!bvf_wq_retire(&qp->sq, le32toh(cqe->wqe_idx), &wc->wr_id))
		return false;

	wc->opcode = op < BVF_ARRAY_SIZE(bvf_wc_opcode) ?
		     bvf_wc_opcode[op] : IBV_WC_SEND;
	return true;
}

static bool bvf_cqe_recv(struct bvf_qp *qp, const struct bvf_cqe *cqe,
			 uint8_t op, struct ibv_wc *wc)
{
	uint8_t flags = cqe->flags;

	if (!bvf_wq_retire(&qp->rq, le32toh(cqe->wqe_idx), &wc->wr_id))
		return false;

	wc->opcode = op == BVF_CQE_RECV_WRITE_IMM ?
		     IBV_WC_RECV_RDMA_WITH_IMM : IBV_WC_RECV;
	if (flags & BVF_CQE_IMM) {
		wc->wc_flags |= IBV_WC_WITH_IMM;
		wc->imm_data = cqe->imm;
	}
	if (flags & BVF_CQE_GRH) {
		wc->wc_flags |= IBV_WC_GRH;
		wc->src_qp = le32toh(cqe->src_qp);
		wc->pkey_index = le16toh(cqe->pkey_index);
	}
	return true;
}

/* Translates a CQE; false if there is nothing to tell the application. */
bool bvf_cqe_to_wc(struct bvf_cq *cq, const struct bvf_cqe *cqe,
		   struct ibv_wc *wc)
{
	uint32_t qpn = le32toh(cqe->qpn);
	struct bvf_qp *qp = bvf_cq_find_qp(cq, qpn);
	uint8_t status = cqe->status;
	uint8_t op = cqe->op;

	if (!qp)
		return false;

	wc->status = status < BVF_ARRAY_SIZE(bvf_wc_status) ?
		     bvf_wc_status[status] : IBV_WC_GENERAL_ERR;
	wc->vendor_err = cqe->vendor_err;
	wc->byte_len = le32toh(cqe->byte_len);
	wc->qp_num = qpn;
	wc->wc_flags = 0;

	if (op & BVF_CQE_RECV)
		return qp->ibqp.recv_cq == &cq->vcq.cq &&
		       bvf_cqe_recv(qp, cqe, op, wc);
	return qp->ibqp.send_cq == &cq->vcq.cq && bvf_cqe_send(qp, cqe, op, wc);
}

int bvf_poll_cq(struct ibv_cq *ibcq, int nr, struct ibv_wc *wc)
{
	struct bvf_cq *cq = to_bcq(ibcq);
	uint32_t depth = 1u << cq->depth_shift;
	struct bvf_cqe *cqe;
	uint32_t ci;
	int n = 0;

	bvf_lock(&cq->lock);
	ci = cq->ci;

	/* Dropped CQEs count too, so that no card can keep the loop going. */
	while (n < nr && ci - cq->ci < depth) {
		cqe = bvf_cqe_get(cq, ci);
		if (!cqe)
			break;
		if (bvf_cqe_to_wc(cq, cqe, &wc[n]))
			n++;
		ci++;
	}

	/* The release store keeps the reads of CQEs before the card reuses them. */
	if (ci != cq->ci) {
		cq->ci = ci;
		bvf_dbrec_store(&cq->dbrec->ci, ci);
	}
	bvf_unlock(&cq->lock);
	return n;
}

/* Index of the first CQE that the card has not written yet. */
static uint32_t bvf_cq_written(struct bvf_cq *cq)
{
	uint32_t idx = cq->ci;

	while (idx - cq->ci < 1u << cq->depth_shift && bvf_cqe_get(cq, idx))
		idx++;
	return idx;
}

/*
 * The event is for a completion that comes after this call, as verbs has it:
 * an application may take the event, arm, and only then poll.
 */
int bvf_req_notify_cq(struct ibv_cq *ibcq, int solicited_only)
{
	struct bvf_cq *cq = to_bcq(ibcq);
	uint32_t mode = solicited_only ? BVF_ARM_SOLICITED : BVF_ARM_NEXT;

	bvf_lock(&cq->lock);
	cq->arm_sn++;
	cq->dbrec->arm_from = htole32(bvf_cq_written(cq));
	bvf_dbrec_store(&cq->dbrec->arm, cq->arm_sn << BVF_ARM_SEQ_SHIFT | mode);
	bvf_unlock(&cq->lock);

	bvf_db_ring_cq(cq->ctx, cq->cqn);
	return 0;
}
