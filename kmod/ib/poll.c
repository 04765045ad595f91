// SPDX-License-Identifier: GPL-2.0
/*
 * poll_cq for kernel CQs, and the flush completions of a dead function.
 *
 * Trust: a CQE is copied once and the copy is checked. Its QP must be one of
 * ours that completes into this CQ, its index one that is outstanding; what
 * fails a check is dropped and reported at debug level. Work request ids,
 * opcodes and the most that a receive can hold come from our own slots.
 */
#include "bvf_ib.h"

static const u8 bvf_wc_status[BVF_CQE_STATUS_NR] = {
	[BVF_CQE_OK]		= IB_WC_SUCCESS,
	[BVF_CQE_LOC_LEN]	= IB_WC_LOC_LEN_ERR,
	[BVF_CQE_LOC_QP_OP]	= IB_WC_LOC_QP_OP_ERR,
	[BVF_CQE_LOC_PROT]	= IB_WC_LOC_PROT_ERR,
	[BVF_CQE_FLUSH]		= IB_WC_WR_FLUSH_ERR,
	[BVF_CQE_LOC_ACCESS]	= IB_WC_LOC_ACCESS_ERR,
	[BVF_CQE_REM_INV_REQ]	= IB_WC_REM_INV_REQ_ERR,
	[BVF_CQE_REM_ACCESS]	= IB_WC_REM_ACCESS_ERR,
	[BVF_CQE_REM_OP]	= IB_WC_REM_OP_ERR,
	[BVF_CQE_RETRY_EXC]	= IB_WC_RETRY_EXC_ERR,
	[BVF_CQE_RNR_EXC]	= IB_WC_RNR_RETRY_EXC_ERR,
	[BVF_CQE_FATAL]		= IB_WC_FATAL_ERR,
};

static struct bvf_cqe *bvf_cq_slot(struct bvf_cq *cq, u32 idx)
{
	return &cq->ring[idx & ((1u << cq->depth_shift) - 1)];
}

static bool bvf_cqe_valid(struct bvf_cq *cq, u32 idx)
{
	u32 phase = le32_to_cpu(READ_ONCE(bvf_cq_slot(cq, idx)->phase));

	return (phase & 1) == ((idx >> cq->depth_shift & 1) ^ 1);
}

/* Slots of a queue that completes into this CQ: cq->lock makes ci ours. */
static bool bvf_wq_outstanding(const struct bvf_wq *wq)
{
	/* Pairs with the release in bvf_wq_publish(): the slots below pi are filled. */
	return smp_load_acquire(&wq->pi) != wq->ci;
}

static void bvf_wq_retire(struct bvf_wq *wq, u32 ci)
{
	/* Pairs with the acquire in bvf_wq_space(): the slot has been read. */
	smp_store_release(&wq->ci, ci);
}

static void bvf_wc_recv(struct bvf_qp *qp, const struct bvf_cqe *cqe, const struct bvf_slot *slot,
			struct ib_wc *wc)
{
	wc->opcode = cqe->op == BVF_CQE_RECV_WRITE_IMM ? IB_WC_RECV_RDMA_WITH_IMM : IB_WC_RECV;
	wc->byte_len = le32_to_cpu(cqe->byte_len);
	/* A WRITE's length says nothing about the receive buffer. */
	if (wc->opcode == IB_WC_RECV && wc->byte_len > slot->len) {
		wc->status = IB_WC_GENERAL_ERR;
		wc->byte_len = 0;
	}
	if (cqe->flags & BVF_CQE_IMM) {
		wc->ex.imm_data = cqe->imm;
		wc->wc_flags |= IB_WC_WITH_IMM;
	}
	if (qp->type == BVF_QPT_RC)
		return;

	wc->src_qp = le32_to_cpu(cqe->src_qp) & BVF_QPN_MASK;
	wc->port_num = BVF_PORT;
	memcpy(wc->smac, cqe->smac, sizeof(wc->smac));
	wc->wc_flags |= IB_WC_WITH_SMAC;
	if (cqe->flags & BVF_CQE_GRH) {
		wc->network_hdr_type = cqe->flags & BVF_CQE_IPV4 ? RDMA_NETWORK_IPV4 :
								   RDMA_NETWORK_IPV6;
		wc->wc_flags |= IB_WC_GRH | IB_WC_WITH_NETWORK_HDR_TYPE;
	}
}

/* Makes the completion of what is at index idx of wq, and retires up to there. */
static void bvf_wc_fill(struct bvf_qp *qp, struct bvf_wq *wq, u32 idx, const struct bvf_cqe *cqe,
			struct ib_wc *wc)
{
	const struct bvf_slot *slot = &wq->slots[idx & (wq->depth - 1)];

	memset(wc, 0, sizeof(*wc));
	wc->qp = &qp->ibqp;
	wc->wr_id = slot->wr_id;
	wc->status = cqe->status < BVF_CQE_STATUS_NR ? bvf_wc_status[cqe->status] :
						       IB_WC_GENERAL_ERR;
	wc->vendor_err = cqe->vendor_err;
	if (wq == &qp->sq)
		wc->opcode = slot->wc_opcode;
	else if (wc->status == IB_WC_SUCCESS)
		bvf_wc_recv(qp, cqe, slot, wc);
	else
		wc->opcode = IB_WC_RECV;
	bvf_wq_retire(wq, idx + 1);
}

/* A CQE of a QP that is gone, or whose queue was reset, makes no completion. */
static bool bvf_cqe_to_wc(struct bvf_ibdev *idev, struct bvf_cq *cq, const struct bvf_cqe *cqe,
			  struct ib_wc *wc)
{
	bool recv = cqe->op == BVF_CQE_RECV || cqe->op == BVF_CQE_RECV_WRITE_IMM;
	u32 qpn = le32_to_cpu(cqe->qpn);
	u32 idx = le32_to_cpu(cqe->wqe_idx);
	struct bvf_qp *qp;
	struct bvf_wq *wq;

	/* The QP stays while we hold the lock: see bvf_qp_unpublish(). */
	qp = xa_load(&idev->qps, BVF_QPN_IDX(qpn));
	if (!qp || qp->qpn != qpn || !qp->kernel)
		return false;
	if ((recv ? qp->ibqp.recv_cq : qp->ibqp.send_cq) != &cq->ibcq)
		goto bad;
	wq = recv ? &qp->rq : &qp->sq;
	/* Pairs with the release in bvf_wq_publish(). */
	if (idx - wq->ci >= smp_load_acquire(&wq->pi) - wq->ci)
		goto bad;

	bvf_wc_fill(qp, wq, idx, cqe, wc);
	return true;

bad:
	ibdev_dbg(&idev->ibdev, "CQ %u: bad CQE for QP %u index %u\n", cq->cqn, qpn, idx);
	return false;
}

static int bvf_wq_flush(struct bvf_qp *qp, struct bvf_wq *wq, int nr, struct ib_wc *wc)
{
	static const struct bvf_cqe flush = { .status = BVF_CQE_FLUSH };
	int n = 0;

	while (n < nr && bvf_wq_outstanding(wq))
		bvf_wc_fill(qp, wq, wq->ci, &flush, &wc[n++]);
	return n;
}

/* What the card of a dead function owes us. */
static int bvf_cq_flush(struct bvf_cq *cq, int nr, struct ib_wc *wc)
{
	struct bvf_qp *qp;
	int n = 0;

	list_for_each_entry(qp, &cq->sq_list, sq_link)
		n += bvf_wq_flush(qp, &qp->sq, nr - n, wc + n);
	list_for_each_entry(qp, &cq->rq_list, rq_link)
		n += bvf_wq_flush(qp, &qp->rq, nr - n, wc + n);
	return n;
}

int bvf_poll_cq(struct ib_cq *ibcq, int nr, struct ib_wc *wc)
{
	struct bvf_ibdev *idev = to_bibdev(ibcq->device);
	struct bvf_cq *cq = to_bcq(ibcq);
	/* Bounds a card that produces for ever what makes no completion. */
	u32 budget = 1u << cq->depth_shift;
	unsigned long flags;
	struct bvf_cqe cqe;
	int n = 0;

	spin_lock_irqsave(&cq->lock, flags);
	while (n < nr && budget-- && bvf_cqe_valid(cq, cq->ci)) {
		/* Pairs with the card's release of the phase: the rest is there. */
		dma_rmb();
		cqe = *bvf_cq_slot(cq, cq->ci);
		barrier();
		cq->ci++;
		if (bvf_cqe_to_wc(idev, cq, &cqe, &wc[n]))
			n++;
	}
	/* Release: the card may write the slots from here on. */
	smp_store_release(&cq->dbrec->ci, cpu_to_le32(cq->ci));

	if (n < nr && READ_ONCE(idev->dead))
		n += bvf_cq_flush(cq, nr - n, wc + n);
	spin_unlock_irqrestore(&cq->lock, flags);
	return n;
}

/* Would poll_cq find something? With cq->lock held. */
bool bvf_cq_pending(struct bvf_cq *cq)
{
	struct bvf_qp *qp;

	if (bvf_cqe_valid(cq, cq->ci))
		return true;
	if (!READ_ONCE(to_bibdev(cq->ibcq.device)->dead))
		return false;

	list_for_each_entry(qp, &cq->sq_list, sq_link)
		if (bvf_wq_outstanding(&qp->sq))
			return true;
	list_for_each_entry(qp, &cq->rq_list, rq_link)
		if (bvf_wq_outstanding(&qp->rq))
			return true;
	return false;
}

/*
 * Makes the CQEs of a QP that was reset belong to nobody, since indices start
 * anew. The card has stopped writing CQEs of the QP. With cq->lock held.
 */
void bvf_cq_forget(struct bvf_cq *cq, u32 qpn)
{
	u32 n;

	for (n = 0; n < 1u << cq->depth_shift && bvf_cqe_valid(cq, cq->ci + n); n++) {
		struct bvf_cqe *cqe = bvf_cq_slot(cq, cq->ci + n);

		dma_rmb();	/* the phase is valid, so is the rest */
		if (le32_to_cpu(READ_ONCE(cqe->qpn)) == qpn)
			WRITE_ONCE(cqe->qpn, 0);
	}
}
