// SPDX-License-Identifier: GPL-2.0
/*
 * Making and connecting queues, and what a test waits for. The posting and
 * polling is in bvf_qp.h.
 */
#include <stdio.h>

#include "bvf_qp.h"

static const char *const cqe_status_name[] = {
	[BVF_CQE_OK] = "OK", [BVF_CQE_LOC_LEN] = "LOC_LEN",
	[BVF_CQE_LOC_QP_OP] = "LOC_QP_OP", [BVF_CQE_LOC_PROT] = "LOC_PROT",
	[BVF_CQE_FLUSH] = "FLUSH", [BVF_CQE_LOC_ACCESS] = "LOC_ACCESS",
	[BVF_CQE_REM_INV_REQ] = "REM_INV_REQ", [BVF_CQE_REM_ACCESS] = "REM_ACCESS",
	[BVF_CQE_REM_OP] = "REM_OP", [BVF_CQE_RETRY_EXC] = "RETRY_EXC",
	[BVF_CQE_RNR_EXC] = "RNR_EXC", [BVF_CQE_FATAL] = "FATAL",
};
_Static_assert(sizeof(cqe_status_name) / sizeof(cqe_status_name[0]) ==
	       BVF_CQE_STATUS_NR, "names");

const char *bvf_cqe_status_name(unsigned int status)
{
	if (status >= BVF_CQE_STATUS_NR)
		return "a status that does not exist";
	return cqe_status_name[status];
}

int bvf_create_cq(struct bvf_uctx *u, struct bvf_cq *cq, uint32_t eqn,
		  uint32_t depth_shift)
{
	uint32_t ring = (uint32_t)sizeof(struct bvf_cqe) << depth_shift;
	struct bvf_create_cq_cmd cmd = {
		.buf_len = (ring + 64 + BVF_PAGE_SIZE - 1) & ~(BVF_PAGE_SIZE - 1),
		.dbrec_off = ring, .uctx = u->num, .eqn = eqn,
		.depth_shift = (uint8_t)depth_shift,
	};
	struct bvf_handle_resp resp;
	int st;

	memset(cq, 0, sizeof(*cq));
	cq->u = u;
	cq->depth_shift = depth_shift;
	cq->ring = bvf_alloc_pages(u->drv, cmd.buf_len);
	cq->dbrec = (void *)((uint8_t *)cq->ring + ring);
	cmd.pl = bvf_pl(u->drv, cq->ring);
	st = bvf_cmd(u->drv, BVF_OP_CREATE_CQ, &cmd, sizeof(cmd), &resp, sizeof(resp));
	cq->cqn = resp.handle;
	return st;
}

int bvf_create_qp(const struct bvf_qp_init *init, struct bvf_qp *qp)
{
	struct bvf_create_qp_cmd cmd = {
		.uctx = init->u->num, .pdn = init->pdn,
		.send_cqn = init->scq->cqn, .recv_cqn = init->rcq->cqn,
		.type = init->type ? init->type : BVF_QPT_RC,
		.flags = init->flags,
		.sq_depth_shift = init->sq_stride ? init->sq_shift : 6,
		.sq_stride_shift = init->sq_stride ? init->sq_stride : 7,
		.rq_depth_shift = init->rq_stride ? init->rq_shift : 6,
		.rq_stride_shift = init->rq_stride ? init->rq_stride : 7,
	};
	struct bvf_handle_resp resp;
	uint8_t *buf;
	int st;

	cmd.rq_off = 1u << (cmd.sq_depth_shift + cmd.sq_stride_shift);
	cmd.rq_off = (cmd.rq_off + 511) & ~511u;
	cmd.dbrec_off = cmd.rq_off + (1u << (cmd.rq_depth_shift + cmd.rq_stride_shift));
	cmd.dbrec_off = (cmd.dbrec_off + 127) & ~127u;
	cmd.buf_len = (cmd.dbrec_off + (uint32_t)sizeof(struct bvf_qp_dbrec) +
		       BVF_PAGE_SIZE - 1) & ~(BVF_PAGE_SIZE - 1);
	buf = bvf_alloc_pages(init->u->drv, cmd.buf_len);
	cmd.pl = bvf_pl(init->u->drv, buf);
	st = bvf_cmd(init->u->drv, BVF_OP_CREATE_QP, &cmd, sizeof(cmd), &resp,
		     sizeof(resp));
	*qp = (struct bvf_qp){
		.u = init->u, .qpn = resp.handle, .sq = buf,
		.rq = buf + cmd.rq_off, .dbrec = (void *)(buf + cmd.dbrec_off),
		.sq_shift = cmd.sq_depth_shift, .sq_stride = cmd.sq_stride_shift,
		.rq_shift = cmd.rq_depth_shift, .rq_stride = cmd.rq_stride_shift,
		.scq = init->scq, .rcq = init->rcq, .pdn = init->pdn,
		.type = cmd.type, .flags = cmd.flags,
	};
	return st;
}

int bvf_modify(struct bvf_qp *qp, uint32_t mask, const struct bvf_qp_attr *attr)
{
	struct bvf_modify_qp_cmd cmd = { .qpn = qp->qpn, .mask = mask, .attr = *attr };

	return bvf_cmd(qp->u->drv, BVF_OP_MODIFY_QP, &cmd, sizeof(cmd), NULL, 0);
}

int bvf_query(struct bvf_qp *qp, struct bvf_query_qp_resp *resp)
{
	struct bvf_handle_cmd cmd = { .handle = qp->qpn };

	return bvf_cmd(qp->u->drv, BVF_OP_QUERY_QP, &cmd, sizeof(cmd), resp,
		       sizeof(*resp));
}

void bvf_attr_to(const struct bvf_qp *qp, const struct bvf_qp *peer,
		 struct bvf_qp_attr *attr)
{
	*attr = (struct bvf_qp_attr){
		.dest_qpn = peer->qpn,
		.sq_psn = qp->qpn * 7 & BVF_QPN_MASK,
		.rq_psn = peer->qpn * 7 & BVF_QPN_MASK,
		.access = BVF_ACC_REMOTE_WRITE | BVF_ACC_REMOTE_READ,
		.path_mtu = 5,
		.timeout = 14,			/* 67 ms */
		.retry_cnt = 7, .rnr_retry = 7,
		.min_rnr_timer = 1,		/* 10 us */
		.max_rd_atomic = 16, .max_dest_rd_atomic = 16,
		.hop_limit = 64,
	};
	memcpy(attr->dgid, peer->u->drv->gid, 16);
	memcpy(attr->dmac, peer->u->drv->desc.mac, 6);
}

int bvf_to_state(struct bvf_qp *qp, const struct bvf_qp_attr *attr, uint8_t state)
{
	static const uint32_t mask[] = {
		[BVF_QPS_INIT] = BVF_RC_INIT, [BVF_QPS_RTR] = BVF_RC_RTR,
		[BVF_QPS_RTS] = BVF_RC_RTS,
	};
	struct bvf_qp_attr a = *attr;
	int st = BVF_ST_OK;

	for (uint8_t s = BVF_QPS_INIT; !st && s <= state; s++) {
		a.state = s;
		st = bvf_modify(qp, mask[s], &a);
	}
	return st;
}

void bvf_connect(struct bvf_qp *a, struct bvf_qp *b)
{
	struct bvf_qp_attr attr;

	bvf_attr_to(a, b, &attr);
	BVF_MUST(bvf_to_state(a, &attr, BVF_QPS_RTR));
	bvf_attr_to(b, a, &attr);
	BVF_MUST(bvf_to_state(b, &attr, BVF_QPS_RTS));
	bvf_attr_to(a, b, &attr);
	attr.state = BVF_QPS_RTS;
	BVF_MUST(bvf_modify(a, BVF_RC_RTS, &attr));
}

void bvf_qp_reset(struct bvf_qp *qp)
{
	struct bvf_qp_attr attr = { .state = BVF_QPS_RESET };

	BVF_MUST(bvf_modify(qp, BVF_QPA_STATE, &attr));
	memset(qp->dbrec, 0, sizeof(*qp->dbrec));
	qp->sq_pi = 0;
	qp->rq_pi = 0;
}

void bvf_want_state_(struct bvf_qp *qp, uint8_t state)
{
	struct bvf_query_qp_resp resp;
	int st = bvf_query(qp, &resp);

	if (st)
		bvf_fail("QUERY_QP: %s", bvf_status_name(st));
	if (resp.attr.state != state)
		bvf_fail("QP %#x is in state %u, wanted %u", qp->qpn,
			 resp.attr.state, state);
}

void bvf_cq_arm_from(struct bvf_cq *cq, uint32_t mode, uint32_t from)
{
	uint32_t arm = ++cq->arm_seq << BVF_ARM_SEQ_SHIFT | mode;

	cq->dbrec->arm_from = from;
	__atomic_store_n(&cq->dbrec->arm, arm, __ATOMIC_RELEASE);
	bvf_ring_bit((uint64_t *)cq->u->db->cq_leaf,
		     (uint64_t *)cq->u->db->cq_summary, cq->cqn);
	bvf_kick_if_asleep(cq->u);
}

void bvf_cq_arm(struct bvf_cq *cq, uint32_t mode)
{
	bvf_cq_arm_from(cq, mode, cq->ci);
}

void bvf_cq_wait(struct bvf_cq *cq, struct bvf_cqe *cqe)
{
	uint64_t since = bvf_now_ns();
	char what[48];

	while (!bvf_cq_poll(cq, cqe)) {
		snprintf(what, sizeof(what), "a completion in CQ %u", cq->cqn);
		bvf_relax(cq->u->drv, since, what);
	}
}

const struct bvf_cqe *bvf_want_cqe_(struct bvf_cq *cq, const struct bvf_qp *qp,
				    unsigned int op, unsigned int status)
{
	static struct bvf_cqe c;

	bvf_cq_wait(cq, &c);
	if (c.qpn != qp->qpn || c.op != op || c.status != status)
		bvf_fail("completion of QP %#x, op %#x, %s/%u (WQE %u); wanted QP %#x, op %#x, %s",
			 c.qpn, c.op, bvf_cqe_status_name(c.status), c.vendor_err,
			 c.wqe_idx, qp->qpn, op, bvf_cqe_status_name(status));
	return &c;
}

void bvf_want_no_cqe_(struct bvf_cq *cq, int ms)
{
	uint64_t end = bvf_now_ns() + (uint64_t)ms * 1000000;
	struct bvf_cqe c;

	while (bvf_now_ns() < end) {
		if (bvf_cq_poll(cq, &c))
			bvf_fail("completion of QP %#x, op %#x, %s/%u; wanted none",
				 c.qpn, c.op, bvf_cqe_status_name(c.status),
				 c.vendor_err);
		vfu_pump(&cq->u->drv->vfu, 1);
	}
}
