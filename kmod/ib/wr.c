// SPDX-License-Identifier: GPL-2.0
/*
 * post_send and post_recv for kernel QPs: work requests to WQEs, one doorbell
 * a call, also when a later request of the call is refused. Never sleeps and
 * never calls a consumer.
 */
#include "bvf_ib.h"

struct bvf_wr_kind {
	u8 op;			/* enum bvf_wr_op, 0: not supported */
	u8 wc_opcode;
	bool ud;		/* a datagram QP can do it */
	bool remote;		/* names remote memory */
	bool imm;
};

static const struct bvf_wr_kind bvf_wr_kinds[] = {
	[IB_WR_SEND]			= { BVF_WR_SEND, IB_WC_SEND, .ud = true },
	[IB_WR_SEND_WITH_IMM]		= { BVF_WR_SEND_IMM, IB_WC_SEND, .ud = true, .imm = true },
	[IB_WR_RDMA_WRITE]		= { BVF_WR_WRITE, IB_WC_RDMA_WRITE, .remote = true },
	[IB_WR_RDMA_WRITE_WITH_IMM]	= { BVF_WR_WRITE_IMM, IB_WC_RDMA_WRITE, .remote = true,
					    .imm = true },
	[IB_WR_RDMA_READ]		= { BVF_WR_READ, IB_WC_RDMA_READ, .remote = true },
};

static const struct bvf_wr_kind *bvf_wr_kind(const struct bvf_qp *qp, enum ib_wr_opcode opcode)
{
	const struct bvf_wr_kind *kind;

	if (opcode >= ARRAY_SIZE(bvf_wr_kinds))
		return NULL;
	kind = &bvf_wr_kinds[opcode];
	if (!kind->op || (qp->type != BVF_QPT_RC && !kind->ud))
		return NULL;
	return kind;
}

static bool bvf_wq_space(const struct bvf_wq *wq, u32 pi)
{
	/* Pairs with the release in bvf_wq_retire(). */
	return pi - smp_load_acquire(&wq->ci) < wq->depth;
}

static void *bvf_wq_wqe(const struct bvf_wq *wq, u32 idx)
{
	return wq->ring + ((size_t)(idx & (wq->depth - 1)) << wq->stride_shift);
}

static void bvf_wq_publish(struct bvf_wq *wq, __le32 *dbrec_pi, u32 pi)
{
	/* Pairs with the acquire in bvf_wq_outstanding() and bvf_cqe_to_wc(). */
	smp_store_release(&wq->pi, pi);
	/* The card reads the WQEs after it has seen the index. */
	dma_wmb();
	WRITE_ONCE(*dbrec_pi, cpu_to_le32(pi));
}

static void bvf_put_sges(struct bvf_sge *dst, const struct ib_sge *src, int nr)
{
	for (; nr > 0; nr--, dst++, src++) {
		dst->addr = cpu_to_le64(src->addr);
		dst->len = cpu_to_le32(src->length);
		dst->lkey = cpu_to_le32(src->lkey);
	}
}

static int bvf_put_inline(const struct bvf_qp *qp, void *dst, const struct ib_send_wr *wr,
			  u32 *inline_len)
{
	u32 len = 0;
	int i;

	for (i = 0; i < wr->num_sge; i++) {
		const struct ib_sge *sge = &wr->sg_list[i];

		if (sge->length > qp->cap.max_inline_data - len)
			return -EINVAL;
		memcpy(dst + len, (void *)(uintptr_t)sge->addr, sge->length);
		len += sge->length;
	}
	*inline_len = len;
	return 0;
}

static void *bvf_put_av(void *dst, const struct ib_ud_wr *wr)
{
	struct bvf_wqe_av *av = dst;

	*av = to_bah(wr->ah)->av;
	av->dqpn = cpu_to_le32(wr->remote_qpn);
	av->qkey = cpu_to_le32(wr->remote_qkey);
	return av + 1;
}

static u8 bvf_wr_flags(const struct bvf_qp *qp, int send_flags)
{
	u8 flags = 0;

	if (send_flags & IB_SEND_SIGNALED || qp->sig_all)
		flags |= BVF_WQE_SIGNALED;
	if (send_flags & IB_SEND_SOLICITED)
		flags |= BVF_WQE_SOLICITED;
	if (send_flags & IB_SEND_FENCE)
		flags |= BVF_WQE_FENCE;
	if (send_flags & IB_SEND_INLINE)
		flags |= BVF_WQE_INLINE;
	return flags;
}

/* What a request must satisfy before a byte of its slot is touched. */
static int bvf_send_check(const struct bvf_qp *qp, const struct bvf_wr_kind *kind,
			  const struct ib_send_wr *wr)
{
	if (!kind)
		return -EOPNOTSUPP;
	if (wr->num_sge < 0 || wr->num_sge > qp->cap.max_send_sge ||
	    wr->send_flags & ~(IB_SEND_SIGNALED | IB_SEND_SOLICITED | IB_SEND_FENCE |
			       IB_SEND_INLINE))
		return -EINVAL;
	if (wr->send_flags & IB_SEND_INLINE && kind->op == BVF_WR_READ)
		return -EINVAL;
	if (qp->type != BVF_QPT_RC &&
	    (!ud_wr(wr)->ah || ud_wr(wr)->remote_qpn > BVF_QPN_MASK || ud_wr(wr)->pkey_index))
		return -EINVAL;
	return 0;
}

static int bvf_build_send(struct bvf_qp *qp, u32 idx, const struct ib_send_wr *wr)
{
	const struct bvf_wr_kind *kind = bvf_wr_kind(qp, wr->opcode);
	struct bvf_slot *slot = &qp->sq.slots[idx & (qp->sq.depth - 1)];
	void *wqe = bvf_wq_wqe(&qp->sq, idx);
	struct bvf_wqe hdr = {};
	void *data = wqe + sizeof(hdr);
	u32 inline_len = 0;
	int err;

	err = bvf_send_check(qp, kind, wr);
	if (err)
		return err;

	if (qp->type != BVF_QPT_RC)
		data = bvf_put_av(data, ud_wr(wr));
	if (wr->send_flags & IB_SEND_INLINE) {
		err = bvf_put_inline(qp, data, wr, &inline_len);
		if (err)
			return err;
	} else {
		bvf_put_sges(data, wr->sg_list, wr->num_sge);
		hdr.nr_sge = wr->num_sge;
	}

	hdr.op = kind->op;
	hdr.flags = bvf_wr_flags(qp, wr->send_flags);
	hdr.inline_len = cpu_to_le32(inline_len);
	if (kind->imm)
		hdr.imm = wr->ex.imm_data;
	if (kind->remote) {
		hdr.rkey = cpu_to_le32(rdma_wr(wr)->rkey);
		hdr.raddr = cpu_to_le64(rdma_wr(wr)->remote_addr);
	}
	memcpy(wqe, &hdr, sizeof(hdr));

	slot->wr_id = wr->wr_id;
	slot->wc_opcode = kind->wc_opcode;
	return 0;
}

static bool bvf_may_send(const struct bvf_qp *qp)
{
	enum ib_qp_state state = READ_ONCE(qp->state);

	return state == IB_QPS_RTS || state == IB_QPS_SQD || state == IB_QPS_SQE ||
	       state == IB_QPS_ERR;
}

static void bvf_post_dead(struct bvf_ibdev *idev, struct ib_cq *ibcq)
{
	/*
	 * pi is out. Pairs with the xchg() in bvf_ib_set_dead(): either we see
	 * `dead` here, or the CQ has yet to be told.
	 */
	smp_mb();
	if (READ_ONCE(idev->dead))
		irq_work_queue(&to_bcq(ibcq)->flush_work);
}

int bvf_post_send(struct ib_qp *ibqp, const struct ib_send_wr *wr, const struct ib_send_wr **bad)
{
	struct bvf_ibdev *idev = to_bibdev(ibqp->device);
	struct bvf_qp *qp = to_bqp(ibqp);
	unsigned long flags;
	int err = 0;
	u32 pi;

	spin_lock_irqsave(&qp->sq.lock, flags);
	pi = qp->sq.pi;
	for (; wr; wr = wr->next, pi++) {
		if (!bvf_may_send(qp))
			err = -EINVAL;
		else if (!bvf_wq_space(&qp->sq, pi))
			err = -ENOMEM;
		else
			err = bvf_build_send(qp, pi, wr);
		if (err) {
			*bad = wr;
			break;
		}
	}
	if (pi != qp->sq.pi) {
		bvf_wq_publish(&qp->sq, &qp->dbrec->sq_pi, pi);
		if (!READ_ONCE(idev->dead))
			bvf_ring_qp(idev->bdev, qp->qpn);
		bvf_post_dead(idev, ibqp->send_cq);
	}
	spin_unlock_irqrestore(&qp->sq.lock, flags);
	return err;
}

static int bvf_build_recv(struct bvf_qp *qp, u32 idx, const struct ib_recv_wr *wr)
{
	struct bvf_slot *slot = &qp->rq.slots[idx & (qp->rq.depth - 1)];
	struct bvf_rwqe *wqe = bvf_wq_wqe(&qp->rq, idx);
	u64 len = 0;
	int i;

	if (wr->num_sge < 0 || wr->num_sge > qp->cap.max_recv_sge)
		return -EINVAL;

	*wqe = (struct bvf_rwqe){ .nr_sge = wr->num_sge };
	bvf_put_sges((struct bvf_sge *)(wqe + 1), wr->sg_list, wr->num_sge);
	for (i = 0; i < wr->num_sge; i++)
		len += wr->sg_list[i].length;
	slot->wr_id = wr->wr_id;
	slot->len = min_t(u64, len, U32_MAX);
	return 0;
}

int bvf_post_recv(struct ib_qp *ibqp, const struct ib_recv_wr *wr, const struct ib_recv_wr **bad)
{
	struct bvf_ibdev *idev = to_bibdev(ibqp->device);
	struct bvf_qp *qp = to_bqp(ibqp);
	unsigned long flags;
	int err = 0;
	u32 pi;

	spin_lock_irqsave(&qp->rq.lock, flags);
	pi = qp->rq.pi;
	for (; wr; wr = wr->next, pi++) {
		if (READ_ONCE(qp->state) == IB_QPS_RESET)
			err = -EINVAL;
		else if (!bvf_wq_space(&qp->rq, pi))
			err = -ENOMEM;
		else
			err = bvf_build_recv(qp, pi, wr);
		if (err) {
			*bad = wr;
			break;
		}
	}
	if (pi != qp->rq.pi) {
		bvf_wq_publish(&qp->rq, &qp->dbrec->rq_pi, pi);
		/* Pairs with the card's, between its store of rq_notify and load of pi. */
		mb();
		if (READ_ONCE(qp->dbrec->rq_notify) && !READ_ONCE(idev->dead))
			bvf_ring_qp(idev->bdev, qp->qpn);
		bvf_post_dead(idev, ibqp->recv_cq);
	}
	spin_unlock_irqrestore(&qp->rq.lock, flags);
	return err;
}
