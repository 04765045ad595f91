// SPDX-License-Identifier: GPL-2.0
/*
 * Making and destroying queue pairs. State changes are in modify.c, work
 * requests of kernel QPs in wr.c.
 */
#include <linux/log2.h>

#include "bvf_ib.h"

#define BVF_QP_SHIFT_MAX	14

/* Bytes of a send WQE before its SGEs or inline data. */
static u32 bvf_sq_hdr_len(const struct bvf_qp *qp)
{
	return sizeof(struct bvf_wqe) +
	       (qp->type == BVF_QPT_RC ? 0 : sizeof(struct bvf_wqe_av));
}

static int bvf_qp_type(struct bvf_dev *bdev, enum ib_qp_type type, bool user)
{
	if (type == IB_QPT_RC && bdev->features & BVF_FEAT_RC)
		return BVF_QPT_RC;
	if (type == IB_QPT_UD && bdev->features & BVF_FEAT_UD)
		return BVF_QPT_UD;
	if (type == IB_QPT_GSI && bdev->features & BVF_FEAT_UD && !user)
		return BVF_QPT_GSI;
	return -EOPNOTSUPP;
}

static int bvf_qp_check_attr(const struct bvf_limits *lim, const struct ib_qp_init_attr *attr)
{
	const struct ib_qp_cap *cap = &attr->cap;

	if (attr->srq || attr->xrcd || attr->rwq_ind_tbl || attr->create_flags)
		return -EOPNOTSUPP;
	if (!attr->send_cq || !attr->recv_cq)
		return -EINVAL;
	if (cap->max_send_wr > lim->max_qp_wr || cap->max_recv_wr > lim->max_qp_wr ||
	    cap->max_send_sge > lim->max_sge || cap->max_recv_sge > lim->max_sge ||
	    cap->max_inline_data > lim->max_inline)
		return -EINVAL;
	return 0;
}

/* A part of the buffer: inside it and aligned to what the card wants. */
static bool bvf_geo_fits(const struct bvf_qp_geo *geo, u32 off, u64 len, u32 align)
{
	return IS_ALIGNED(off, align) && off <= geo->buf_len && len <= geo->buf_len - off;
}

/*
 * Depths and strides give the lengths of the parts; the buffer may exceed
 * their sum by alignment only, so what is pinned follows from the depths.
 */
static int bvf_geo_check(const struct bvf_limits *lim, const struct bvf_qp_geo *geo)
{
	u32 max_depth = roundup_pow_of_two(max(lim->max_qp_wr, 1u));
	u64 sq_len, rq_len, sum;

	if (geo->sq_depth_shift > BVF_QP_SHIFT_MAX || geo->rq_depth_shift > BVF_QP_SHIFT_MAX ||
	    1u << geo->sq_depth_shift > max_depth || 1u << geo->rq_depth_shift > max_depth ||
	    geo->sq_stride_shift < BVF_SQ_STRIDE_SHIFT_MIN ||
	    geo->sq_stride_shift > BVF_SQ_STRIDE_SHIFT_MAX ||
	    geo->rq_stride_shift < BVF_RQ_STRIDE_SHIFT_MIN ||
	    geo->rq_stride_shift > BVF_RQ_STRIDE_SHIFT_MAX)
		return -EINVAL;

	sq_len = 1ull << (geo->sq_depth_shift + geo->sq_stride_shift);
	rq_len = 1ull << (geo->rq_depth_shift + geo->rq_stride_shift);
	sum = sq_len + rq_len + sizeof(struct bvf_qp_dbrec);
	if (!IS_ALIGNED(geo->buf_len, PAGE_SIZE) || geo->buf_len > PAGE_ALIGN(sum) + 2 * PAGE_SIZE)
		return -EINVAL;
	if (!bvf_geo_fits(geo, geo->sq_off, sq_len, 1u << geo->sq_stride_shift) ||
	    !bvf_geo_fits(geo, geo->rq_off, rq_len, 1u << geo->rq_stride_shift) ||
	    !bvf_geo_fits(geo, geo->dbrec_off, sizeof(struct bvf_qp_dbrec),
			  sizeof(struct bvf_qp_dbrec)))
		return -EINVAL;
	return 0;
}

/* What the geometry really offers, which is what will be enforced. */
static void bvf_qp_fill_cap(const struct bvf_limits *lim, const struct bvf_qp *qp,
			    const struct bvf_qp_geo *geo, struct ib_qp_cap *cap)
{
	u32 sq_room = (1u << geo->sq_stride_shift) - bvf_sq_hdr_len(qp);
	u32 rq_room = (1u << geo->rq_stride_shift) - sizeof(struct bvf_rwqe);

	cap->max_send_wr = 1u << geo->sq_depth_shift;
	cap->max_recv_wr = 1u << geo->rq_depth_shift;
	cap->max_send_sge = min_t(u32, sq_room / sizeof(struct bvf_sge), lim->max_sge);
	cap->max_recv_sge = min_t(u32, rq_room / sizeof(struct bvf_sge), lim->max_sge);
	cap->max_inline_data = min_t(u32, sq_room, lim->max_inline);
}

static u8 bvf_stride_shift(u32 len, u8 min_shift)
{
	return max_t(u8, ilog2(roundup_pow_of_two(len)), min_shift);
}

static void bvf_geo_plan(const struct bvf_qp *qp, const struct ib_qp_cap *cap,
			 struct bvf_qp_geo *geo)
{
	u32 data_len = max_t(u32, cap->max_send_sge * sizeof(struct bvf_sge),
			     cap->max_inline_data);

	geo->sq_depth_shift = ilog2(roundup_pow_of_two(max(cap->max_send_wr, 1u)));
	geo->rq_depth_shift = ilog2(roundup_pow_of_two(max(cap->max_recv_wr, 1u)));
	geo->sq_stride_shift = bvf_stride_shift(bvf_sq_hdr_len(qp) + data_len,
						BVF_SQ_STRIDE_SHIFT_MIN);
	geo->rq_stride_shift = bvf_stride_shift(sizeof(struct bvf_rwqe) +
						cap->max_recv_sge * sizeof(struct bvf_sge),
						BVF_RQ_STRIDE_SHIFT_MIN);
	geo->sq_off = 0;
	geo->rq_off = ALIGN(1u << (geo->sq_depth_shift + geo->sq_stride_shift),
			    1u << BVF_RQ_STRIDE_SHIFT_MAX);
	geo->dbrec_off = ALIGN(geo->rq_off + (1u << (geo->rq_depth_shift + geo->rq_stride_shift)),
			       sizeof(struct bvf_qp_dbrec));
	geo->buf_len = PAGE_ALIGN(geo->dbrec_off + sizeof(struct bvf_qp_dbrec));
}

/* ---- number and lists ---- */

static void bvf_qp_link(struct ib_cq *ibcq, struct list_head *link, struct list_head *list)
{
	struct bvf_cq *cq = to_bcq(ibcq);
	unsigned long flags;

	spin_lock_irqsave(&cq->lock, flags);
	if (list)
		list_add_tail(link, list);
	else
		list_del_init(link);
	spin_unlock_irqrestore(&cq->lock, flags);
}

static int bvf_qp_publish(struct bvf_ibdev *idev, struct bvf_qp *qp)
{
	struct ib_cq *scq = qp->ibqp.send_cq;
	struct ib_cq *rcq = qp->ibqp.recv_cq;
	int err;

	err = xa_insert(&idev->qps, BVF_QPN_IDX(qp->qpn), qp, GFP_KERNEL);
	if (err || !qp->kernel)
		return err;

	bvf_qp_link(scq, &qp->sq_link, &to_bcq(scq)->sq_list);
	bvf_qp_link(rcq, &qp->rq_link, &to_bcq(rcq)->rq_list);
	return 0;
}

/*
 * When this returns no event and no poll_cq has the QP: poll_cq uses it only
 * with the lock of a CQ held, and finds it no more.
 */
static void bvf_qp_unpublish(struct bvf_ibdev *idev, struct bvf_qp *qp)
{
	xa_erase(&idev->qps, BVF_QPN_IDX(qp->qpn));
	if (qp->kernel) {
		bvf_qp_link(qp->ibqp.send_cq, &qp->sq_link, NULL);
		bvf_qp_link(qp->ibqp.recv_cq, &qp->rq_link, NULL);
	}
	bvf_async_sync(idev->bdev);
}

/* ---- memory ---- */

static int bvf_wq_init(struct bvf_wq *wq, void *ring, u8 depth_shift, u8 stride_shift)
{
	spin_lock_init(&wq->lock);
	wq->ring = ring;
	wq->depth = 1u << depth_shift;
	wq->stride_shift = stride_shift;
	wq->slots = kvcalloc(wq->depth, sizeof(*wq->slots), GFP_KERNEL);
	return wq->slots ? 0 : -ENOMEM;
}

static void bvf_qp_free(struct bvf_ibdev *idev, struct bvf_qp *qp)
{
	if (qp->umem)
		ib_umem_release(qp->umem);
	kvfree(qp->sq.slots);
	kvfree(qp->rq.slots);
	if (qp->buf.va)
		bvf_buf_free(idev->bdev, &qp->buf);
	mutex_destroy(&qp->mutex);
}

static int bvf_qp_geo_kernel(struct bvf_ibdev *idev, struct bvf_qp *qp,
			     const struct ib_qp_cap *cap, struct bvf_qp_geo *geo)
{
	int err;

	bvf_geo_plan(qp, cap, geo);
	err = bvf_geo_check(&idev->bdev->lim, geo);
	if (err)
		return err;
	err = bvf_buf_alloc(idev->bdev, &qp->buf, geo->buf_len);
	if (err)
		return err;
	err = bvf_wq_init(&qp->sq, qp->buf.va + geo->sq_off, geo->sq_depth_shift,
			  geo->sq_stride_shift);
	if (err)
		return err;
	err = bvf_wq_init(&qp->rq, qp->buf.va + geo->rq_off, geo->rq_depth_shift,
			  geo->rq_stride_shift);
	if (err)
		return err;
	qp->dbrec = qp->buf.va + geo->dbrec_off;
	return 0;
}

static int bvf_qp_geo_user(struct bvf_ibdev *idev, struct bvf_qp *qp,
			   const struct ib_qp_cap *cap, struct bvf_qp_geo *geo,
			   struct bvf_pl *pl, struct ib_udata *udata)
{
	const struct bvf_limits *lim = &idev->bdev->lim;
	struct bvf_create_qp_req req;
	struct ib_qp_cap real;
	int err;

	err = ib_copy_validate_udata_in(udata, req, reserved);
	if (err)
		return err;
	if (req.reserved)
		return -EOPNOTSUPP;
	*geo = (struct bvf_qp_geo) {
		.buf_len = req.buf_len,
		.sq_off = req.sq_off,
		.rq_off = req.rq_off,
		.dbrec_off = req.dbrec_off,
		.sq_depth_shift = req.sq_depth_shift,
		.sq_stride_shift = req.sq_stride_shift,
		.rq_depth_shift = req.rq_depth_shift,
		.rq_stride_shift = req.rq_stride_shift,
	};
	err = bvf_geo_check(lim, geo);
	if (err)
		return err;
	bvf_qp_fill_cap(lim, qp, geo, &real);
	if (!IS_ALIGNED(req.buf_va, PAGE_SIZE) || real.max_send_wr < cap->max_send_wr ||
	    real.max_recv_wr < cap->max_recv_wr || real.max_send_sge < cap->max_send_sge ||
	    real.max_recv_sge < cap->max_recv_sge || real.max_inline_data < cap->max_inline_data)
		return -EINVAL;

	qp->umem = bvf_umem_pin(idev, req.buf_va, req.buf_len, IB_ACCESS_LOCAL_WRITE, pl);
	if (IS_ERR(qp->umem)) {
		err = PTR_ERR(qp->umem);
		qp->umem = NULL;
	}
	return err;
}

/* ---- verbs ---- */

static int bvf_qp_create_hw(struct bvf_ibdev *idev, struct bvf_qp *qp,
			    struct ib_qp_init_attr *attr, struct ib_udata *udata)
{
	struct bvf_qp_params p = {};
	struct bvf_qp_geo geo;
	struct bvf_pl pl;
	int err;

	if (udata)
		err = bvf_qp_geo_user(idev, qp, &attr->cap, &geo, &pl, udata);
	else
		err = bvf_qp_geo_kernel(idev, qp, &attr->cap, &geo);
	if (err)
		return err;

	p.pl = udata ? pl.hw : bvf_buf_pl(&qp->buf);
	p.buf_len = geo.buf_len;
	p.sq_off = geo.sq_off;
	p.rq_off = geo.rq_off;
	p.dbrec_off = geo.dbrec_off;
	p.uctx = bvf_udata_uctx(udata);
	p.pdn = to_bpd(qp->ibqp.pd)->pdn;
	p.send_cqn = to_bcq(attr->send_cq)->cqn;
	p.recv_cqn = to_bcq(attr->recv_cq)->cqn;
	p.type = qp->type;
	p.flags = qp->sig_all ? BVF_QPF_SIG_ALL : 0;
	p.sq_depth_shift = geo.sq_depth_shift;
	p.sq_stride_shift = geo.sq_stride_shift;
	p.rq_depth_shift = geo.rq_depth_shift;
	p.rq_stride_shift = geo.rq_stride_shift;
	err = bvf_cmd_create_qp(idev->bdev, &p, &qp->qpn);
	if (udata)
		bvf_pl_free(&pl);
	if (err)
		return err;

	bvf_qp_fill_cap(&idev->bdev->lim, qp, &geo, &qp->cap);
	return 0;
}

int bvf_create_qp(struct ib_qp *ibqp, struct ib_qp_init_attr *attr, struct ib_udata *udata)
{
	struct bvf_ibdev *idev = to_bibdev(ibqp->device);
	bool is_gsi = attr->qp_type == IB_QPT_GSI;
	struct bvf_create_qp_resp resp = {};
	struct bvf_qp *qp = to_bqp(ibqp);
	int err;

	err = bvf_qp_check_attr(&idev->bdev->lim, attr);
	if (err)
		return err;
	err = bvf_qp_type(idev->bdev, attr->qp_type, udata);
	if (err < 0)
		return err;

	qp->type = err;
	qp->kernel = !udata;
	qp->sig_all = attr->sq_sig_type == IB_SIGNAL_ALL_WR;
	qp->state = IB_QPS_RESET;
	mutex_init(&qp->mutex);
	INIT_LIST_HEAD(&qp->sq_link);
	INIT_LIST_HEAD(&qp->rq_link);
	err = bvf_qp_create_hw(idev, qp, attr, udata);
	if (err)
		goto err_free;

	ibqp->qp_num = qp->qpn;
	attr->cap = qp->cap;
	if (qp->qpn > BVF_QPN_MASK || is_gsi != (qp->qpn == 1)) {
		err = -EIO;
		goto err_destroy;
	}
	err = bvf_qp_publish(idev, qp);
	if (err)
		goto err_destroy;
	if (udata) {
		resp.qpn = qp->qpn;
		err = ib_respond_udata(udata, resp);
		if (err)
			goto err_unpublish;
	}
	return 0;

err_unpublish:
	bvf_qp_unpublish(idev, qp);
err_destroy:
	/* What the card does not give back it may still write to. */
	if (bvf_cmd_destroy_qp(idev->bdev, qp->qpn)) {
		ibdev_err(&idev->ibdev, "QP %u leaked\n", qp->qpn);
		return err;
	}
err_free:
	bvf_qp_free(idev, qp);
	return err;
}

int bvf_destroy_qp(struct ib_qp *ibqp, struct ib_udata *udata)
{
	struct bvf_ibdev *idev = to_bibdev(ibqp->device);
	struct bvf_qp *qp = to_bqp(ibqp);
	int err;

	err = ib_no_udata_io(udata);
	if (err)
		return err;

	bvf_qp_unpublish(idev, qp);
	err = bvf_cmd_destroy_qp(idev->bdev, qp->qpn);
	if (err) {
		if (bvf_qp_publish(idev, qp))
			ibdev_err(&idev->ibdev, "QP %u is left without events\n", qp->qpn);
		return err;
	}
	bvf_qp_free(idev, qp);
	return 0;
}
