// SPDX-License-Identifier: GPL-2.0
/*
 * Completion queues: making, arming, events, destroying.
 * Taking completions out of a kernel CQ is in poll.c. A user CQ's ring is
 * the process's own memory and is never read here.
 */
#include <linux/log2.h>

#include "bvf_ib.h"

#define BVF_CQ_SHIFT_MIN	1
#define BVF_CQ_SHIFT_MAX	16

static void bvf_cq_event(struct bvf_cq *cq)
{
	unsigned long flags;

	spin_lock_irqsave(&cq->event_lock, flags);
	if (cq->ibcq.comp_handler)
		cq->ibcq.comp_handler(&cq->ibcq, cq->ibcq.cq_context);
	spin_unlock_irqrestore(&cq->event_lock, flags);
}

static void bvf_cq_comp(struct bvf_comp *comp)
{
	bvf_cq_event(container_of(comp, struct bvf_cq, comp));
}

/* Stands in for the interrupt of a card that is gone. */
static void bvf_cq_flush_work(struct irq_work *work)
{
	bvf_cq_event(container_of(work, struct bvf_cq, flush_work));
}

static int bvf_cq_publish(struct bvf_ibdev *idev, struct bvf_cq *cq)
{
	int err;

	err = xa_insert(&idev->cqs, cq->cqn, cq, GFP_KERNEL);
	if (err)
		return err;
	err = bvf_comp_add(idev->bdev, cq->cqn, &cq->comp);
	if (err)
		xa_erase(&idev->cqs, cq->cqn);
	return err;
}

/* When this returns no callback of the CQ runs or will. */
static void bvf_cq_unpublish(struct bvf_ibdev *idev, struct bvf_cq *cq)
{
	xa_erase(&idev->cqs, cq->cqn);
	bvf_comp_del(idev->bdev, cq->cqn);
	bvf_async_sync(idev->bdev);
	if (cq->kernel)
		irq_work_sync(&cq->flush_work);
}

/*
 * The ring is at 0, the record behind it in the same or the next page: so
 * what gets pinned follows from the depth.
 */
static int bvf_cq_check_req(const struct bvf_limits *lim, const struct bvf_create_cq_req *req,
			    unsigned int cqe)
{
	u64 ring_len;

	if (memchr_inv(req->reserved, 0, sizeof(req->reserved)))
		return -EOPNOTSUPP;
	if (req->depth_shift < BVF_CQ_SHIFT_MIN || req->depth_shift > BVF_CQ_SHIFT_MAX)
		return -EINVAL;
	if (1u << req->depth_shift < cqe ||
	    1u << req->depth_shift > roundup_pow_of_two(lim->max_cqe))
		return -EINVAL;

	ring_len = sizeof(struct bvf_cqe) << req->depth_shift;
	if (!IS_ALIGNED(req->buf_va, PAGE_SIZE) ||
	    !IS_ALIGNED(req->dbrec_off, sizeof(struct bvf_cq_dbrec)) ||
	    req->dbrec_off < ring_len || req->dbrec_off - ring_len > PAGE_SIZE ||
	    req->buf_len != ALIGN(req->dbrec_off + sizeof(struct bvf_cq_dbrec), PAGE_SIZE))
		return -EINVAL;
	return 0;
}

static int bvf_cq_create_user(struct bvf_ibdev *idev, struct bvf_cq *cq, struct bvf_cq_params *p,
			      unsigned int cqe, struct ib_udata *udata)
{
	struct bvf_create_cq_req req;
	struct bvf_pl pl;
	int err;

	err = ib_copy_validate_udata_in(udata, req, reserved);
	if (err)
		return err;
	err = bvf_cq_check_req(&idev->bdev->lim, &req, cqe);
	if (err)
		return err;

	cq->umem = bvf_umem_pin(idev, req.buf_va, req.buf_len, IB_ACCESS_LOCAL_WRITE, &pl);
	if (IS_ERR(cq->umem)) {
		err = PTR_ERR(cq->umem);
		cq->umem = NULL;
		return err;
	}
	p->pl = pl.hw;
	p->buf_len = req.buf_len;
	p->dbrec_off = req.dbrec_off;
	p->depth_shift = req.depth_shift;
	p->uctx = bvf_udata_uctx(udata);
	err = bvf_cmd_create_cq(idev->bdev, p, &cq->cqn);
	bvf_pl_free(&pl);
	return err;
}

static int bvf_cq_create_kernel(struct bvf_ibdev *idev, struct bvf_cq *cq,
				struct bvf_cq_params *p, unsigned int cqe)
{
	size_t ring_len;
	int err;

	p->depth_shift = max(ilog2(roundup_pow_of_two(cqe)), BVF_CQ_SHIFT_MIN);
	if (p->depth_shift > BVF_CQ_SHIFT_MAX)
		return -EINVAL;

	ring_len = sizeof(struct bvf_cqe) << p->depth_shift;
	err = bvf_buf_alloc(idev->bdev, &cq->buf, PAGE_ALIGN(ring_len + sizeof(*cq->dbrec)));
	if (err)
		return err;
	cq->ring = cq->buf.va;
	cq->dbrec = cq->buf.va + ring_len;
	p->pl = bvf_buf_pl(&cq->buf);
	p->buf_len = cq->buf.len;
	p->dbrec_off = ring_len;
	return bvf_cmd_create_cq(idev->bdev, p, &cq->cqn);
}

static void bvf_cq_free(struct bvf_ibdev *idev, struct bvf_cq *cq)
{
	if (cq->umem)
		ib_umem_release(cq->umem);
	if (cq->buf.va)
		bvf_buf_free(idev->bdev, &cq->buf);
}

static void bvf_cq_init(struct bvf_cq *cq, bool kernel)
{
	cq->kernel = kernel;
	cq->comp.handler = bvf_cq_comp;
	spin_lock_init(&cq->event_lock);
	spin_lock_init(&cq->lock);
	INIT_LIST_HEAD(&cq->sq_list);
	INIT_LIST_HEAD(&cq->rq_list);
	init_irq_work(&cq->flush_work, bvf_cq_flush_work);
}

int bvf_create_cq(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr,
		  struct uverbs_attr_bundle *attrs)
{
	struct ib_udata *udata = attrs ? &attrs->driver_udata : NULL;
	struct bvf_ibdev *idev = to_bibdev(ibcq->device);
	struct bvf_create_cq_resp resp = {};
	struct bvf_cq *cq = to_bcq(ibcq);
	struct bvf_cq_params p = {};
	int err;

	if (attr->flags)
		return -EOPNOTSUPP;
	if (!attr->cqe || attr->cqe > idev->bdev->lim.max_cqe ||
	    attr->comp_vector >= idev->bdev->nr_comp)
		return -EINVAL;

	bvf_cq_init(cq, !udata);
	p.eqn = bvf_eq_get(idev->bdev, attr->comp_vector);
	if (udata)
		err = bvf_cq_create_user(idev, cq, &p, attr->cqe, udata);
	else
		err = bvf_cq_create_kernel(idev, cq, &p, attr->cqe);
	if (err)
		goto err_free;

	cq->depth_shift = p.depth_shift;
	ibcq->cqe = 1 << p.depth_shift;
	err = bvf_cq_publish(idev, cq);
	if (err)
		goto err_destroy;
	if (udata) {
		resp.cqn = cq->cqn;
		err = ib_respond_udata(udata, resp);
		if (err)
			goto err_unpublish;
	}
	return 0;

err_unpublish:
	bvf_cq_unpublish(idev, cq);
err_destroy:
	/* What the card does not give back it may still write to. */
	if (bvf_cmd_destroy_cq(idev->bdev, cq->cqn)) {
		ibdev_err(&idev->ibdev, "CQ %u leaked\n", cq->cqn);
		return err;
	}
err_free:
	bvf_cq_free(idev, cq);
	return err;
}

int bvf_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata)
{
	struct bvf_ibdev *idev = to_bibdev(ibcq->device);
	struct bvf_cq *cq = to_bcq(ibcq);
	int err;

	err = ib_no_udata_io(udata);
	if (err)
		return err;

	bvf_cq_unpublish(idev, cq);
	err = bvf_cmd_destroy_cq(idev->bdev, cq->cqn);
	if (err) {
		if (bvf_cq_publish(idev, cq))
			ibdev_err(&idev->ibdev, "CQ %u is left without events\n", cq->cqn);
		return err;
	}
	bvf_cq_free(idev, cq);
	return 0;
}

/*
 * The card raises the event at once if the CQ holds a completion at or after
 * ci, so nothing that comes between the last poll and here is missed.
 */
int bvf_req_notify_cq(struct ib_cq *ibcq, enum ib_cq_notify_flags notify)
{
	struct bvf_ibdev *idev = to_bibdev(ibcq->device);
	struct bvf_cq *cq = to_bcq(ibcq);
	unsigned long flags;
	int pending;
	u32 mode;

	mode = (notify & IB_CQ_SOLICITED_MASK) == IB_CQ_SOLICITED ? BVF_ARM_SOLICITED :
								     BVF_ARM_NEXT;
	spin_lock_irqsave(&cq->lock, flags);
	cq->arm_seq++;
	WRITE_ONCE(cq->dbrec->arm_from, cpu_to_le32(cq->ci));
	/* The card looks at ci and arm_from when it sees the new arm. */
	dma_wmb();
	WRITE_ONCE(cq->dbrec->arm, cpu_to_le32(cq->arm_seq << BVF_ARM_SEQ_SHIFT | mode));
	if (!READ_ONCE(idev->dead))
		bvf_ring_cq(idev->bdev, cq->cqn);
	pending = bvf_cq_pending(cq);
	if (pending && READ_ONCE(idev->dead))
		irq_work_queue(&cq->flush_work);
	spin_unlock_irqrestore(&cq->lock, flags);

	return notify & IB_CQ_REPORT_MISSED_EVENTS ? pending : 0;
}
