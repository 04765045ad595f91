/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * bvf provider: builds WQEs out of work requests.
 * Checks the request; knows neither rings nor doorbells.
 */
#ifndef BVF_WQE_H
#define BVF_WQE_H

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "bvf.h"

#define BVF_OPF_IMM	0x1
#define BVF_OPF_REMOTE	0x2	/* names remote memory; RC only */
#define BVF_OPF_INLINE	0x4	/* may carry its data in the WQE */

struct bvf_op {
	uint8_t op;		/* enum bvf_wr_op, 0: not supported */
	uint8_t flags;
};

static inline void bvf_sge_fill(struct bvf_sge *sge, const struct ibv_sge *sg,
				int nr)
{
	for (int i = 0; i < nr; i++) {
		sge[i].addr = htole64(sg[i].addr);
		sge[i].len = htole32(sg[i].length);
		sge[i].lkey = htole32(sg[i].lkey);
	}
}

/* Returns the bytes copied, or -1 when they are more than the WQE holds. */
static inline int bvf_inline_fill(uint8_t *dst, uint32_t room,
				  const struct ibv_sge *sg, int nr)
{
	uint32_t used = 0;

	for (int i = 0; i < nr; i++) {
		if (sg[i].length > room - used)
			return -1;
		memcpy(dst + used, (void *)(uintptr_t)sg[i].addr, sg[i].length);
		used += sg[i].length;
	}
	return used;
}

static inline uint8_t bvf_wqe_flags(const struct bvf_qp *qp,
				    const struct ibv_send_wr *wr)
{
	uint8_t flags = 0;

	if (qp->sig_all || (wr->send_flags & IBV_SEND_SIGNALED))
		flags |= BVF_WQE_SIGNALED;
	if (wr->send_flags & IBV_SEND_SOLICITED)
		flags |= BVF_WQE_SOLICITED;
	if (wr->send_flags & IBV_SEND_FENCE)
		flags |= BVF_WQE_FENCE;
	return flags;
}

static inline int bvf_wqe_av_fill(struct bvf_wqe_av *av,
				  const struct ibv_send_wr *wr)
{
	if (!wr->wr.ud.ah)
		return EINVAL;

	*av = to_bah(wr->wr.ud.ah)->av;
	av->dqpn = htole32(wr->wr.ud.remote_qpn & BVF_QPN_MASK);
	av->qkey = htole32(wr->wr.ud.remote_qkey);
	return 0;
}

/**
 * bvf_wqe_fill() - Build a send WQE
 * @qp:		QP that it is for
 * @wqe:	its slot in the ring
 * @wr:		work request
 * @op:		the request's opcode on the wire
 *
 * Return: 0, or an errno value; then the slot holds nothing of use
 */
static inline int bvf_wqe_fill(struct bvf_qp *qp, struct bvf_wqe *wqe,
			       const struct ibv_send_wr *wr,
			       const struct bvf_op *op)
{
	uint8_t *tail = (uint8_t *)wqe + qp->hdr_len;
	struct bvf_wqe hdr = {
		.op = op->op,
		.flags = bvf_wqe_flags(qp, wr),
	};

	if (op->flags & BVF_OPF_IMM)
		hdr.imm = wr->imm_data;
	if (op->flags & BVF_OPF_REMOTE) {
		hdr.raddr = htole64(wr->wr.rdma.remote_addr);
		hdr.rkey = htole32(wr->wr.rdma.rkey);
	}
	if (qp->ibqp.qp_type == IBV_QPT_UD) {
		int err = bvf_wqe_av_fill((struct bvf_wqe_av *)(wqe + 1), wr);

		if (err)
			return err;
	}

	/* No more pieces than SGEs, inline or not, bounds what a call copies. */
	if (wr->num_sge < 0 || wr->num_sge > (int)qp->sq.max_sge)
		return EINVAL;

	if (wr->send_flags & IBV_SEND_INLINE) {
		int len;

		if (!(op->flags & BVF_OPF_INLINE))
			return EINVAL;
		len = bvf_inline_fill(tail, qp->max_inline, wr->sg_list,
				      wr->num_sge);
		if (len < 0)
			return EINVAL;
		hdr.flags |= BVF_WQE_INLINE;
		hdr.inline_len = htole32(len);
	} else {
		bvf_sge_fill((struct bvf_sge *)tail, wr->sg_list, wr->num_sge);
		hdr.nr_sge = wr->num_sge;
	}

	*wqe = hdr;
	return 0;
}

static inline int bvf_rwqe_fill(struct bvf_wq *rq, struct bvf_rwqe *rwqe,
				const struct ibv_recv_wr *wr)
{
	if (wr->num_sge < 0 || wr->num_sge > (int)rq->max_sge)
		return EINVAL;

	*rwqe = (struct bvf_rwqe){ .nr_sge = wr->num_sge };
	bvf_sge_fill((struct bvf_sge *)(rwqe + 1), wr->sg_list, wr->num_sge);
	return 0;
}

#endif /* BVF_WQE_H */
