// SPDX-License-Identifier: GPL-2.0
/*
 * Receive queue: what is posted, asking to be told, completing.
 * Knows nothing of what is received.
 */
#include <errno.h>

#include "dp.h"

int bvf_rq_avail(struct bvf_qp *qp)
{
	uint32_t pi, nr;

	if (bvf_unlikely(qp->d->flags & BVF_QPF_NO_RQ))
		return 0;
	pi = bvf_load_acq(&qp->dbrec->rq_pi);
	nr = pi - qp->d->rq_ci;
	if (bvf_unlikely(nr > qp->rq_mask + 1))
		return -EPROTO;
	/* The receive may name what a message not yet served made known. */
	if (nr && bvf_unlikely(bvf_ipc_pending(qp->f->dp)))
		return -EAGAIN;
	return (int)nr;
}

int bvf_rq_notify(struct bvf_qp *qp)
{
	if (qp->d->flags & BVF_QPF_NO_RQ)
		return 0;
	qp->notify = true;
	bvf_store(&qp->dbrec->rq_notify, 1);
	/* Pairs with the guest's: rq_pi stored, barrier, rq_notify loaded. */
	bvf_mb();
	return bvf_rq_avail(qp);
}

int bvf_recv_complete(struct bvf_qp *qp, struct bvf_cqe *cqe, uint32_t rq_psn)
{
	struct dram_qp *d = qp->d;

	cqe->qpn = qp->qpn;
	cqe->wqe_idx = d->rq_ci;
	if (bvf_likely(!qp->rx_told)) {
		int err = bvf_cq_push(qp->rcq, cqe);

		if (bvf_unlikely(err))
			return err;
	}
	qp->rx_told = false;
	bvf_store_pair(&d->rq_ci, d->rq_ci + 1, rq_psn);
	d->cur_msg = 0;
	if (bvf_unlikely(qp->notify) && bvf_qp_state(qp) != BVF_QPS_ERR) {
		qp->notify = false;
		bvf_store(&qp->dbrec->rq_notify, 0);
	}
	return 0;
}
