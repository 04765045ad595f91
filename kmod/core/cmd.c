// SPDX-License-Identifier: GPL-2.0
/*
 * Admin commands: one function for each opcode, parameters to wire and back.
 * Knows neither how commands travel nor what they are used for.
 */
#include "core.h"

/* Numbers from the card that will index something are checked here. */
static int bvf_check_handle(struct bvf_core *core, const char *what, u32 n, u32 limit)
{
	if (n < limit)
		return 0;
	dev_err_ratelimited(bvf_device(core), "card gave %s %u, limit %u\n", what, n, limit);
	return -EPROTO;
}

static int bvf_cmd_create(struct bvf_core *core, enum bvf_opcode opcode, const void *cmd,
			  size_t len, u32 *handle)
{
	struct bvf_handle_resp resp;
	int err;

	err = bvf_aq_exec(core, opcode, cmd, len, &resp, sizeof(resp));
	if (!err)
		*handle = le32_to_cpu(resp.handle);
	return err;
}

static int bvf_cmd_destroy(struct bvf_core *core, enum bvf_opcode opcode, u32 handle)
{
	struct bvf_handle_cmd cmd = { .handle = cpu_to_le32(handle) };
	int err;

	err = bvf_aq_exec(core, opcode, &cmd, sizeof(cmd), NULL, 0);
	/* A dead function has no objects any more. */
	if (err && bvf_dev_dead(&core->bdev))
		return 0;
	return err;
}

/* Creates, and gives back at once what has a number that cannot be. */
static int bvf_cmd_create_checked(struct bvf_core *core, enum bvf_opcode create, const void *cmd,
				  size_t len, enum bvf_opcode destroy, u32 limit, u32 *handle)
{
	int err;

	err = bvf_cmd_create(core, create, cmd, len, handle);
	if (err)
		return err;
	err = bvf_check_handle(core, "handle", *handle, limit);
	/* What the card does not take back it may still write to. */
	if (err && bvf_cmd_destroy(core, destroy, *handle))
		bvf_fail(core, "card keeps what it gave a wrong number");
	return err;
}

static void bvf_limits_from_wire(struct bvf_limits *lim, const struct bvf_describe_resp *r)
{
	lim->max_mr_len = le64_to_cpu(r->max_mr_len);
	lim->max_qp = min(le32_to_cpu(r->max_qp), BVF_MAX_QP_IDX - 2);
	lim->max_cq = min_t(u32, le32_to_cpu(r->max_cq), BVF_MAX_CQ_IDX);
	lim->max_mr = min(le32_to_cpu(r->max_mr), 1u << 24);
	lim->max_pd = le32_to_cpu(r->max_pd);
	lim->max_uctx = min(le32_to_cpu(r->max_uctx), BVF_MAX_UCTX - 1u);
	lim->max_eq = le32_to_cpu(r->max_eq);
	lim->max_qp_wr = min(le32_to_cpu(r->max_qp_wr), 1u << 14);
	lim->max_cqe = min(le32_to_cpu(r->max_cqe), (1u << 16) - 1);
	lim->max_msg = min(le32_to_cpu(r->max_msg), BVF_MAX_MSG);
	lim->max_gid = min(le32_to_cpu(r->max_gid), 1u << 16);
	lim->max_sge = min_t(u16, le16_to_cpu(r->max_sge), BVF_MAX_SGE);
	lim->max_inline = min_t(u16, le16_to_cpu(r->max_inline), BVF_MAX_INLINE);
	lim->max_rd_atomic = min_t(u16, le16_to_cpu(r->max_rd_atomic), U8_MAX);
	lim->max_ethq = min_t(u16, le16_to_cpu(r->max_ethq), BVF_MAX_ETHQ);
	lim->max_ethq_depth_shift = min_t(u16, le16_to_cpu(r->max_ethq_depth_shift), 14);
	lim->max_mtu = le16_to_cpu(r->max_mtu);
	memcpy(lim->mac, r->mac, ETH_ALEN);
	lim->network = le32_to_cpu(r->network);
	lim->card_version = le32_to_cpu(r->card_version);
	memcpy(&lim->guid, &r->guid, sizeof(lim->guid));
	lim->link_mbps = le64_to_cpu(r->link_mbps);
}

int bvf_cmd_describe(struct bvf_core *core, struct bvf_limits *lim)
{
	struct bvf_describe_resp resp;
	int err;

	err = bvf_aq_exec(core, BVF_OP_DESCRIBE, NULL, 0, &resp, sizeof(resp));
	if (err)
		return err;
	bvf_limits_from_wire(lim, &resp);
	if (!lim->max_eq || lim->max_mtu < ETH_MIN_MTU || lim->max_ethq_depth_shift < 6 ||
	    !is_valid_ether_addr(lim->mac)) {
		dev_err(bvf_device(core), "card describes an impossible function\n");
		return -EPROTO;
	}
	return 0;
}

static int bvf_cmd_uctx(struct bvf_core *core, dma_addr_t db, u32 kernel, u32 *uctx)
{
	struct bvf_create_uctx_cmd cmd = {
		.db_iova = cpu_to_le64(db),
		.kernel = cpu_to_le32(kernel),
	};

	return bvf_cmd_create_checked(core, BVF_OP_CREATE_UCTX, &cmd, sizeof(cmd),
				      BVF_OP_DESTROY_UCTX, kernel ? 1 : BVF_MAX_UCTX, uctx);
}

int bvf_cmd_create_uctx0(struct bvf_core *core, dma_addr_t db)
{
	u32 uctx;

	return bvf_cmd_uctx(core, db, 1, &uctx);
}

int bvf_cmd_create_uctx(struct bvf_dev *bdev, dma_addr_t db, u32 *uctx)
{
	int err;

	err = bvf_cmd_uctx(to_core(bdev), db, 0, uctx);
	if (err || *uctx)
		return err;
	dev_err_ratelimited(&bdev->pdev->dev, "card gave the kernel's context to a user\n");
	return -EPROTO;
}
EXPORT_SYMBOL_GPL(bvf_cmd_create_uctx);

int bvf_cmd_destroy_uctx(struct bvf_dev *bdev, u32 uctx)
{
	return bvf_cmd_destroy(to_core(bdev), BVF_OP_DESTROY_UCTX, uctx);
}
EXPORT_SYMBOL_GPL(bvf_cmd_destroy_uctx);

int bvf_cmd_create_pd(struct bvf_dev *bdev, u32 uctx, u32 *pdn)
{
	struct bvf_create_pd_cmd cmd = { .uctx = cpu_to_le32(uctx) };

	return bvf_cmd_create(to_core(bdev), BVF_OP_CREATE_PD, &cmd, sizeof(cmd), pdn);
}
EXPORT_SYMBOL_GPL(bvf_cmd_create_pd);

int bvf_cmd_destroy_pd(struct bvf_dev *bdev, u32 pdn)
{
	return bvf_cmd_destroy(to_core(bdev), BVF_OP_DESTROY_PD, pdn);
}
EXPORT_SYMBOL_GPL(bvf_cmd_destroy_pd);

int bvf_cmd_create_eq(struct bvf_core *core, const struct bvf_create_eq_cmd *cmd, u32 *eqn)
{
	return bvf_cmd_create(core, BVF_OP_CREATE_EQ, cmd, sizeof(*cmd), eqn);
}

int bvf_cmd_create_cq(struct bvf_dev *bdev, const struct bvf_cq_params *p, u32 *cqn)
{
	struct bvf_create_cq_cmd cmd = {
		.pl = p->pl,
		.buf_len = cpu_to_le32(p->buf_len),
		.dbrec_off = cpu_to_le32(p->dbrec_off),
		.uctx = cpu_to_le32(p->uctx),
		.eqn = cpu_to_le32(p->eqn),
		.depth_shift = p->depth_shift,
	};

	return bvf_cmd_create_checked(to_core(bdev), BVF_OP_CREATE_CQ, &cmd, sizeof(cmd),
				      BVF_OP_DESTROY_CQ, BVF_MAX_CQ_IDX, cqn);
}
EXPORT_SYMBOL_GPL(bvf_cmd_create_cq);

int bvf_cmd_destroy_cq(struct bvf_dev *bdev, u32 cqn)
{
	return bvf_cmd_destroy(to_core(bdev), BVF_OP_DESTROY_CQ, cqn);
}
EXPORT_SYMBOL_GPL(bvf_cmd_destroy_cq);

int bvf_cmd_create_qp(struct bvf_dev *bdev, const struct bvf_qp_params *p, u32 *qpn)
{
	struct bvf_create_qp_cmd cmd = {
		.pl = p->pl,
		.buf_len = cpu_to_le32(p->buf_len),
		.sq_off = cpu_to_le32(p->sq_off),
		.rq_off = cpu_to_le32(p->rq_off),
		.dbrec_off = cpu_to_le32(p->dbrec_off),
		.uctx = cpu_to_le32(p->uctx),
		.pdn = cpu_to_le32(p->pdn),
		.send_cqn = cpu_to_le32(p->send_cqn),
		.recv_cqn = cpu_to_le32(p->recv_cqn),
		.type = p->type,
		.flags = p->flags,
		.sq_depth_shift = p->sq_depth_shift,
		.sq_stride_shift = p->sq_stride_shift,
		.rq_depth_shift = p->rq_depth_shift,
		.rq_stride_shift = p->rq_stride_shift,
	};

	return bvf_cmd_create_checked(to_core(bdev), BVF_OP_CREATE_QP, &cmd, sizeof(cmd),
				      BVF_OP_DESTROY_QP, BVF_QPN_MASK + 1, qpn);
}
EXPORT_SYMBOL_GPL(bvf_cmd_create_qp);

int bvf_cmd_modify_qp(struct bvf_dev *bdev, u32 qpn, u32 mask, const struct bvf_qp_attr *attr)
{
	struct bvf_modify_qp_cmd cmd = {
		.qpn = cpu_to_le32(qpn),
		.mask = cpu_to_le32(mask),
		.attr = *attr,
	};

	return bvf_aq_exec(to_core(bdev), BVF_OP_MODIFY_QP, &cmd, sizeof(cmd), NULL, 0);
}
EXPORT_SYMBOL_GPL(bvf_cmd_modify_qp);

int bvf_cmd_query_qp(struct bvf_dev *bdev, u32 qpn, struct bvf_query_qp_resp *out)
{
	struct bvf_handle_cmd cmd = { .handle = cpu_to_le32(qpn) };

	return bvf_aq_exec(to_core(bdev), BVF_OP_QUERY_QP, &cmd, sizeof(cmd), out, sizeof(*out));
}
EXPORT_SYMBOL_GPL(bvf_cmd_query_qp);

int bvf_cmd_destroy_qp(struct bvf_dev *bdev, u32 qpn)
{
	return bvf_cmd_destroy(to_core(bdev), BVF_OP_DESTROY_QP, qpn);
}
EXPORT_SYMBOL_GPL(bvf_cmd_destroy_qp);

int bvf_cmd_reg_mr(struct bvf_dev *bdev, const struct bvf_mr_params *p, u32 *lkey, u32 *rkey)
{
	struct bvf_reg_mr_cmd cmd = {
		.pl = p->pl,
		.va = cpu_to_le64(p->va),
		.len = cpu_to_le64(p->len),
		.pdn = cpu_to_le32(p->pdn),
		.access = p->access,
		.flags = p->flags,
	};
	struct bvf_reg_mr_resp resp;
	int err;

	err = bvf_aq_exec(to_core(bdev), BVF_OP_REG_MR, &cmd, sizeof(cmd), &resp, sizeof(resp));
	if (err)
		return err;
	*lkey = le32_to_cpu(resp.lkey);
	*rkey = le32_to_cpu(resp.rkey);
	return 0;
}
EXPORT_SYMBOL_GPL(bvf_cmd_reg_mr);

int bvf_cmd_dereg_mr(struct bvf_dev *bdev, u32 key)
{
	return bvf_cmd_destroy(to_core(bdev), BVF_OP_DEREG_MR, key);
}
EXPORT_SYMBOL_GPL(bvf_cmd_dereg_mr);

int bvf_cmd_set_gid(struct bvf_dev *bdev, u32 index, const u8 *gid)
{
	struct bvf_set_gid_cmd cmd = {
		.index = cpu_to_le32(index),
		.valid = !!gid,
	};

	if (gid)
		memcpy(cmd.gid, gid, sizeof(cmd.gid));
	return bvf_aq_exec(to_core(bdev), BVF_OP_SET_GID, &cmd, sizeof(cmd), NULL, 0);
}
EXPORT_SYMBOL_GPL(bvf_cmd_set_gid);

int bvf_cmd_create_ethq(struct bvf_core *core, const struct bvf_create_ethq_cmd *cmd)
{
	return bvf_aq_exec(core, BVF_OP_CREATE_ETHQ, cmd, sizeof(*cmd), NULL, 0);
}

int bvf_cmd_destroy_ethq(struct bvf_core *core, u32 index)
{
	return bvf_cmd_destroy(core, BVF_OP_DESTROY_ETHQ, index);
}

int bvf_cmd_set_eth(struct bvf_core *core, u32 flags, u16 mtu, u16 nr_rxq)
{
	struct bvf_set_eth_cmd cmd = {
		.flags = cpu_to_le32(flags),
		.mtu = cpu_to_le16(mtu),
		.nr_rxq = cpu_to_le16(nr_rxq),
	};

	return bvf_aq_exec(core, BVF_OP_SET_ETH, &cmd, sizeof(cmd), NULL, 0);
}

int bvf_cmd_get_stats(struct bvf_dev *bdev, u64 *stats, u32 nr)
{
	struct bvf_get_stats_cmd cmd = {};
	struct bvf_get_stats_resp resp;
	struct bvf_buf buf;
	__le64 *got;
	u32 i, n;
	int err;

	if (nr > BVF_PAGE_SIZE / sizeof(u64))
		return -EINVAL;
	err = bvf_buf_alloc(bdev, &buf, BVF_PAGE_SIZE);
	if (err)
		return err;
	cmd.iova = cpu_to_le64(buf.dma);
	cmd.nr = cpu_to_le32(nr);
	err = bvf_aq_exec(to_core(bdev), BVF_OP_GET_STATS, &cmd, sizeof(cmd), &resp, sizeof(resp));
	if (err)
		goto out_free;
	n = min(le32_to_cpu(resp.nr), nr);
	got = buf.va;
	for (i = 0; i < nr; i++)
		stats[i] = i < n ? le64_to_cpu(got[i]) : 0;
out_free:
	bvf_buf_free(bdev, &buf);
	return err;
}
EXPORT_SYMBOL_GPL(bvf_cmd_get_stats);
