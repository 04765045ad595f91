// SPDX-License-Identifier: GPL-2.0
/*
 * State changes and queries of queue pairs. The transition table is ib_core's
 * (ib_modify_qp_is_ok); the card enforces it a second time, against the state
 * that the QP really is in.
 */
#include "bvf_ib.h"

static_assert((int)BVF_QPS_RESET == IB_QPS_RESET);
static_assert((int)BVF_QPS_INIT == IB_QPS_INIT);
static_assert((int)BVF_QPS_RTR == IB_QPS_RTR);
static_assert((int)BVF_QPS_RTS == IB_QPS_RTS);
static_assert((int)BVF_QPS_SQD == IB_QPS_SQD);
static_assert((int)BVF_QPS_SQE == IB_QPS_SQE);
static_assert((int)BVF_QPS_ERR == IB_QPS_ERR);

#define BVF_QP_ACCESS_MASK	(IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_READ | \
				 IB_ACCESS_REMOTE_ATOMIC)

/* Attributes that go to the card as they are, one bit for one bit. */
static const struct {
	int ib;
	u32 bvf;
} bvf_qp_masks[] = {
	{ IB_QP_STATE, BVF_QPA_STATE },
	{ IB_QP_CUR_STATE, BVF_QPA_CUR_STATE },
	{ IB_QP_ACCESS_FLAGS, BVF_QPA_ACCESS },
	{ IB_QP_QKEY, BVF_QPA_QKEY },
	{ IB_QP_AV, BVF_QPA_AV },
	{ IB_QP_PATH_MTU, BVF_QPA_MTU },
	{ IB_QP_TIMEOUT, BVF_QPA_TIMEOUT },
	{ IB_QP_RETRY_CNT, BVF_QPA_RETRY },
	{ IB_QP_RNR_RETRY, BVF_QPA_RNR_RETRY },
	{ IB_QP_RQ_PSN, BVF_QPA_RQ_PSN },
	{ IB_QP_SQ_PSN, BVF_QPA_SQ_PSN },
	{ IB_QP_MAX_QP_RD_ATOMIC, BVF_QPA_MAX_RD },
	{ IB_QP_MAX_DEST_RD_ATOMIC, BVF_QPA_MAX_DEST_RD },
	{ IB_QP_MIN_RNR_TIMER, BVF_QPA_MIN_RNR },
	{ IB_QP_DEST_QPN, BVF_QPA_DEST_QPN },
};

/* Has no counterpart on the card: one port, one P_Key, no path migration. */
static int bvf_modify_check_path(const struct ib_qp_attr *attr, int mask)
{
	if (mask & IB_QP_PORT && attr->port_num != BVF_PORT)
		return -EINVAL;
	if (mask & IB_QP_PKEY_INDEX && attr->pkey_index)
		return -EINVAL;
	if (mask & IB_QP_PATH_MIG_STATE && attr->path_mig_state != IB_MIG_MIGRATED)
		return -EOPNOTSUPP;
	if (mask & (IB_QP_ALT_PATH | IB_QP_CAP))
		return -EOPNOTSUPP;
	return 0;
}

static int bvf_modify_check(const struct bvf_limits *lim, const struct ib_qp_attr *attr, int mask)
{
	const struct rdma_ah_attr *ah = &attr->ah_attr;

	if (mask & IB_QP_AV &&
	    (ah->type != RDMA_AH_ATTR_TYPE_ROCE || !(rdma_ah_get_ah_flags(ah) & IB_AH_GRH) ||
	     rdma_ah_get_port_num(ah) != BVF_PORT ||
	     rdma_ah_read_grh(ah)->sgid_index >= lim->max_gid))
		return -EINVAL;
	if (mask & IB_QP_PATH_MTU &&
	    (attr->path_mtu < IB_MTU_256 || attr->path_mtu > IB_MTU_4096))
		return -EINVAL;
	if ((mask & IB_QP_TIMEOUT && attr->timeout > 31) ||
	    (mask & IB_QP_RETRY_CNT && attr->retry_cnt > 7) ||
	    (mask & IB_QP_RNR_RETRY && attr->rnr_retry > 7) ||
	    (mask & IB_QP_MIN_RNR_TIMER && attr->min_rnr_timer > 31) ||
	    (mask & IB_QP_DEST_QPN && attr->dest_qp_num > BVF_QPN_MASK) ||
	    (mask & IB_QP_MAX_QP_RD_ATOMIC && attr->max_rd_atomic > lim->max_rd_atomic) ||
	    (mask & IB_QP_MAX_DEST_RD_ATOMIC && attr->max_dest_rd_atomic > lim->max_rd_atomic))
		return -EINVAL;
	return bvf_modify_check_path(attr, mask);
}

/* Only what the mask names is filled: the card checks the rest for zero. */
static u32 bvf_modify_pack(const struct ib_qp_attr *attr, int mask, struct bvf_qp_attr *hw)
{
	const struct ib_global_route *grh = rdma_ah_read_grh(&attr->ah_attr);
	u32 hw_mask = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(bvf_qp_masks); i++)
		if (mask & bvf_qp_masks[i].ib)
			hw_mask |= bvf_qp_masks[i].bvf;

	memset(hw, 0, sizeof(*hw));
	hw->state = mask & IB_QP_STATE ? attr->qp_state : 0;
	hw->cur_state = mask & IB_QP_CUR_STATE ? attr->cur_qp_state : 0;
	hw->access = mask & IB_QP_ACCESS_FLAGS ? attr->qp_access_flags & BVF_QP_ACCESS_MASK : 0;
	hw->qkey = cpu_to_le32(mask & IB_QP_QKEY ? attr->qkey : 0);
	hw->path_mtu = mask & IB_QP_PATH_MTU ? attr->path_mtu : 0;
	hw->timeout = mask & IB_QP_TIMEOUT ? attr->timeout : 0;
	hw->retry_cnt = mask & IB_QP_RETRY_CNT ? attr->retry_cnt : 0;
	hw->rnr_retry = mask & IB_QP_RNR_RETRY ? attr->rnr_retry : 0;
	hw->rq_psn = cpu_to_le32(mask & IB_QP_RQ_PSN ? attr->rq_psn & 0xffffff : 0);
	hw->sq_psn = cpu_to_le32(mask & IB_QP_SQ_PSN ? attr->sq_psn & 0xffffff : 0);
	hw->max_rd_atomic = mask & IB_QP_MAX_QP_RD_ATOMIC ? attr->max_rd_atomic : 0;
	hw->max_dest_rd_atomic = mask & IB_QP_MAX_DEST_RD_ATOMIC ? attr->max_dest_rd_atomic : 0;
	hw->min_rnr_timer = mask & IB_QP_MIN_RNR_TIMER ? attr->min_rnr_timer : 0;
	hw->dest_qpn = cpu_to_le32(mask & IB_QP_DEST_QPN ? attr->dest_qp_num : 0);
	if (mask & IB_QP_AV) {
		memcpy(hw->dgid, grh->dgid.raw, sizeof(hw->dgid));
		memcpy(hw->dmac, attr->ah_attr.roce.dmac, sizeof(hw->dmac));
		hw->sgid_index = cpu_to_le16(grh->sgid_index);
		hw->hop_limit = grh->hop_limit;
		hw->traffic_class = grh->traffic_class;
		hw->flow_label = cpu_to_le32(grh->flow_label & 0xfffff);
		hw->sl = rdma_ah_get_sl(&attr->ah_attr);
	}
	return hw_mask;
}

/*
 * RESET starts the indices of a kernel QP anew. The card has let go of the
 * rings, and makes no more CQEs of the QP.
 */
static void bvf_wq_restart(struct bvf_qp *qp, struct bvf_wq *wq, struct bvf_cq *cq,
			   __le32 *dbrec_pi)
{
	unsigned long flags;

	spin_lock_irqsave(&cq->lock, flags);
	bvf_cq_forget(cq, qp->qpn);
	spin_lock(&wq->lock);
	wq->pi = 0;
	wq->ci = 0;
	WRITE_ONCE(*dbrec_pi, 0);
	spin_unlock(&wq->lock);
	spin_unlock_irqrestore(&cq->lock, flags);
}

static void bvf_qp_restart(struct bvf_qp *qp)
{
	bvf_wq_restart(qp, &qp->sq, to_bcq(qp->ibqp.send_cq), &qp->dbrec->sq_pi);
	bvf_wq_restart(qp, &qp->rq, to_bcq(qp->ibqp.recv_cq), &qp->dbrec->rq_pi);
	WRITE_ONCE(qp->dbrec->rq_notify, 0);
}

static int bvf_modify_locked(struct bvf_ibdev *idev, struct bvf_qp *qp,
			     const struct ib_qp_attr *attr, int mask)
{
	enum ib_qp_state cur = mask & IB_QP_CUR_STATE ? attr->cur_qp_state : qp->state;
	enum ib_qp_state new = mask & IB_QP_STATE ? attr->qp_state : cur;
	struct bvf_qp_attr hw;
	u32 hw_mask;
	int err;

	if (!ib_modify_qp_is_ok(cur, new, qp->ibqp.qp_type, mask))
		return -EINVAL;
	err = bvf_modify_check(&idev->bdev->lim, attr, mask);
	if (err)
		return err;

	hw_mask = bvf_modify_pack(attr, mask, &hw);
	err = hw_mask ? bvf_cmd_modify_qp(idev->bdev, qp->qpn, hw_mask, &hw) : 0;
	if (err && bvf_dev_dead(idev->bdev)) {
		/* Whoever drains the QP now must not wait for the card. */
		bvf_ib_set_dead(idev);
		if (new == IB_QPS_ERR || new == IB_QPS_RESET)
			err = 0;
	}
	if (err)
		return err;

	if (mask & IB_QP_EN_SQD_ASYNC_NOTIFY)
		WRITE_ONCE(qp->sqd_notify, attr->en_sqd_async_notify);
	WRITE_ONCE(qp->state, new);
	if (new == IB_QPS_RESET && qp->kernel)
		bvf_qp_restart(qp);
	return 0;
}

int bvf_modify_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask, struct ib_udata *udata)
{
	struct bvf_qp *qp = to_bqp(ibqp);
	int err;

	if (mask & ~IB_QP_ATTR_STANDARD_BITS)
		return -EOPNOTSUPP;
	err = ib_no_udata_io(udata);
	if (err)
		return err;

	mutex_lock(&qp->mutex);
	err = bvf_modify_locked(to_bibdev(ibqp->device), qp, attr, mask);
	mutex_unlock(&qp->mutex);
	return err;
}

static void bvf_query_unpack(const struct bvf_qp_attr *hw, struct ib_qp_attr *attr)
{
	struct rdma_ah_attr *ah = &attr->ah_attr;

	attr->path_mtu = clamp_t(u8, hw->path_mtu, IB_MTU_256, IB_MTU_4096);
	attr->path_mig_state = IB_MIG_MIGRATED;
	attr->qkey = le32_to_cpu(hw->qkey);
	attr->rq_psn = le32_to_cpu(hw->rq_psn) & 0xffffff;
	attr->sq_psn = le32_to_cpu(hw->sq_psn) & 0xffffff;
	attr->dest_qp_num = le32_to_cpu(hw->dest_qpn) & BVF_QPN_MASK;
	attr->qp_access_flags = hw->access & BVF_QP_ACCESS_MASK;
	attr->max_rd_atomic = hw->max_rd_atomic;
	attr->max_dest_rd_atomic = hw->max_dest_rd_atomic;
	attr->min_rnr_timer = hw->min_rnr_timer;
	attr->timeout = hw->timeout;
	attr->retry_cnt = hw->retry_cnt;
	attr->rnr_retry = hw->rnr_retry;
	attr->port_num = BVF_PORT;

	ah->type = RDMA_AH_ATTR_TYPE_ROCE;
	rdma_ah_set_grh(ah, NULL, le32_to_cpu(hw->flow_label) & 0xfffff,
			le16_to_cpu(hw->sgid_index), hw->hop_limit, hw->traffic_class);
	rdma_ah_set_dgid_raw(ah, (void *)hw->dgid);
	rdma_ah_set_port_num(ah, BVF_PORT);
	rdma_ah_set_sl(ah, hw->sl);
	memcpy(ah->roce.dmac, hw->dmac, sizeof(ah->roce.dmac));
}

int bvf_query_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		 struct ib_qp_init_attr *init)
{
	struct bvf_ibdev *idev = to_bibdev(ibqp->device);
	struct bvf_qp *qp = to_bqp(ibqp);
	struct bvf_query_qp_resp resp;
	int err;

	mutex_lock(&qp->mutex);
	err = bvf_cmd_query_qp(idev->bdev, qp->qpn, &resp);
	if (!err && resp.attr.state > BVF_QPS_ERR)
		err = -EIO;
	if (err)
		goto out_unlock;

	memset(attr, 0, sizeof(*attr));
	WRITE_ONCE(qp->state, (enum ib_qp_state)resp.attr.state);
	attr->qp_state = qp->state;
	attr->cur_qp_state = qp->state;
	bvf_query_unpack(&resp.attr, attr);
	attr->cap = qp->cap;

	init->event_handler = ibqp->event_handler;
	init->qp_context = ibqp->qp_context;
	init->send_cq = ibqp->send_cq;
	init->recv_cq = ibqp->recv_cq;
	init->cap = qp->cap;
	init->sq_sig_type = qp->sig_all ? IB_SIGNAL_ALL_WR : IB_SIGNAL_REQ_WR;
	init->qp_type = ibqp->qp_type;
	init->port_num = BVF_PORT;

out_unlock:
	mutex_unlock(&qp->mutex);
	return err;
}
