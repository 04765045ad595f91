// SPDX-License-Identifier: GPL-2.0
/*
 * Commands on queue pairs. Trust boundary: everything in a command is the
 * guest's; the state machine of IBA 1.7 (10.3.1, table 91) is enforced here as
 * well as by the guest's kernel.
 *
 * The data plane learns of INIT, RTR and RTS from the state word when a
 * doorbell comes. SQD, ERR, RESET and destroying need its answer, since with
 * them something ends.
 */
#include <string.h>

#include "cmd.h"

#define QP_GEN_MASK	(BVF_QPN_MASK >> BVF_QP_IDX_BITS)
#define PSN_MASK	0xffffffu
#define MAX_QP_SHIFT	14

/* ---- create ---- */

static bool queue_fits(uint32_t buf_len, uint32_t off, unsigned int depth_shift,
		       unsigned int stride_shift)
{
	return off % (1u << stride_shift) == 0 &&
	       bvf_range_ok(buf_len, off, 1ull << (depth_shift + stride_shift));
}

static bool parts_apart(const struct bvf_create_qp_cmd *cmd)
{
	uint64_t sq_len = 1ull << (cmd->sq_depth_shift + cmd->sq_stride_shift);
	uint64_t rq_len = cmd->flags & BVF_QPF_NO_RQ ? 0 :
			  1ull << (cmd->rq_depth_shift + cmd->rq_stride_shift);
	uint64_t dbrec_len = sizeof(struct bvf_qp_dbrec);

	return bvf_apart(cmd->sq_off, sq_len, cmd->dbrec_off, dbrec_len) &&
	       (!rq_len ||
		(bvf_apart(cmd->rq_off, rq_len, cmd->dbrec_off, dbrec_len) &&
		 bvf_apart(cmd->rq_off, rq_len, cmd->sq_off, sq_len)));
}

static int create_check_sizes(const struct bvf_create_qp_cmd *cmd)
{
	if (!bvf_is_zero(cmd->rsvd, sizeof(cmd->rsvd)))
		return BVF_ST_BAD_RSVD;
	if (cmd->flags & ~(BVF_QPF_SIG_ALL | BVF_QPF_NO_RQ) ||
	    cmd->type < BVF_QPT_RC || cmd->type > BVF_QPT_GSI)
		return BVF_ST_BAD_PARAM;
	if (cmd->sq_depth_shift > MAX_QP_SHIFT ||
	    cmd->sq_stride_shift < BVF_SQ_STRIDE_SHIFT_MIN ||
	    cmd->sq_stride_shift > BVF_SQ_STRIDE_SHIFT_MAX ||
	    !queue_fits(cmd->buf_len, cmd->sq_off, cmd->sq_depth_shift,
			cmd->sq_stride_shift))
		return BVF_ST_BAD_PARAM;
	if (!(cmd->flags & BVF_QPF_NO_RQ) &&
	    (cmd->rq_depth_shift > MAX_QP_SHIFT ||
	     cmd->rq_stride_shift < BVF_RQ_STRIDE_SHIFT_MIN ||
	     cmd->rq_stride_shift > BVF_RQ_STRIDE_SHIFT_MAX ||
	     !queue_fits(cmd->buf_len, cmd->rq_off, cmd->rq_depth_shift,
			 cmd->rq_stride_shift)))
		return BVF_ST_BAD_PARAM;
	if (cmd->dbrec_off % sizeof(struct bvf_qp_dbrec) ||
	    !bvf_range_ok(cmd->buf_len, cmd->dbrec_off,
			  sizeof(struct bvf_qp_dbrec)))
		return BVF_ST_BAD_PARAM;
	return parts_apart(cmd) ? BVF_ST_OK : BVF_ST_BAD_PARAM;
}

/* PD and CQs must belong to the context that the QP is for. */
static int create_check_owner(const struct bvf_fn *fn,
			      const struct bvf_create_qp_cmd *cmd)
{
	const struct dram_func *df = fn->df;

	if (!bvf_ids_live(&fn->uctx, cmd->uctx) ||
	    !bvf_ids_live(&fn->pd, cmd->pdn) ||
	    !bvf_ids_live(&fn->cq, cmd->send_cqn) ||
	    !bvf_ids_live(&fn->cq, cmd->recv_cqn))
		return BVF_ST_BAD_HANDLE;
	if (df->pd[cmd->pdn].uctx != cmd->uctx ||
	    df->cq[cmd->send_cqn].uctx != cmd->uctx ||
	    df->cq[cmd->recv_cqn].uctx != cmd->uctx)
		return BVF_ST_BAD_HANDLE;
	if (cmd->type == BVF_QPT_GSI && cmd->uctx != 0)
		return BVF_ST_BAD_PARAM;
	return BVF_ST_OK;
}

static int check_feature(const struct bvf_fn *fn, uint8_t type)
{
	uint64_t feat = type == BVF_QPT_RC ? BVF_FEAT_RC : BVF_FEAT_UD;

	return fn->drv_features & feat ? BVF_ST_OK : BVF_ST_NOT_SUPP;
}

/* QP 1 has its slot; a slot's generation makes all other numbers new ones. */
static int slot_get(struct bvf_fn *fn, uint8_t type, uint32_t *qpn)
{
	struct dram_qp *qp;
	int idx;

	if (type == BVF_QPT_GSI) {
		if (fn->qp.state[1] != BVF_ID_FREE)
			return -BVF_ST_BUSY;
		fn->qp.state[1] = BVF_ID_LIVE;
		*qpn = 1;
		return 1;
	}
	idx = bvf_ids_get(&fn->qp);
	if (idx < 0)
		return -BVF_ST_NO_RESOURCE;
	qp = &fn->df->qp[idx];
	qp->gen = (qp->gen + 1) & QP_GEN_MASK;
	*qpn = qp->gen << BVF_QP_IDX_BITS | (uint32_t)idx;
	return idx;
}

static void slot_put(struct bvf_fn *fn, uint32_t idx)
{
	if (idx == 1)
		fn->qp.state[1] = BVF_ID_FREE;
	else
		bvf_ids_put(&fn->qp, idx);
}

static void qp_fill(struct dram_qp *qp, const struct bvf_create_qp_cmd *cmd,
		    const struct dram_buf *buf)
{
	uint32_t gen = qp->gen;

	*qp = (struct dram_qp){
		.gen = gen,
		.state = BVF_QPS_RESET,
		.type = cmd->type,
		.flags = cmd->flags,
		.uctx = cmd->uctx,
		.pdn = cmd->pdn,
		.send_cqn = cmd->send_cqn,
		.recv_cqn = cmd->recv_cqn,
		.buf = *buf,
		.sq_off = cmd->sq_off,
		.dbrec_off = cmd->dbrec_off,
		.sq_depth_shift = cmd->sq_depth_shift,
		.sq_stride_shift = cmd->sq_stride_shift,
	};
	if (cmd->flags & BVF_QPF_NO_RQ)
		return;
	qp->rq_off = cmd->rq_off;
	qp->rq_depth_shift = cmd->rq_depth_shift;
	qp->rq_stride_shift = cmd->rq_stride_shift;
}

static void refs_add(struct bvf_fn *fn, const struct dram_qp *qp, int n)
{
	struct dram_func *df = fn->df;

	fn->uctx_refs[qp->uctx] += (uint32_t)n;
	df->pd[qp->pdn].refs += (uint32_t)n;
	df->cq[qp->send_cqn].refs += (uint32_t)n;
	df->cq[qp->recv_cqn].refs += (uint32_t)n;
}

int bvf_cmd_create_qp(struct bvf_req *req)
{
	const struct bvf_create_qp_cmd *cmd = bvf_req_body(req);
	struct bvf_handle_resp *resp = (void *)req->resp.body;
	struct bvf_fn *fn = req->fn;
	struct dram_buf buf;
	struct dram_qp *qp;
	uint32_t qpn;
	int idx, st;

	st = create_check_sizes(cmd);
	if (!st)
		st = create_check_owner(fn, cmd);
	if (!st)
		st = check_feature(fn, cmd->type);
	if (st)
		return st;
	idx = slot_get(fn, cmd->type, &qpn);
	if (idx < 0)
		return -idx;
	st = bvf_pl_buf(fn, &cmd->pl, cmd->buf_len, &buf);
	if (st) {
		slot_put(fn, (uint32_t)idx);
		return st;
	}
	qp = &fn->df->qp[idx];
	qp_fill(qp, cmd, &buf);
	refs_add(fn, qp, 1);
	__atomic_store_n(&qp->qpn, qpn, __ATOMIC_RELEASE);
	resp->handle = qpn;
	return BVF_ST_OK;
}

/* ---- look-up, destroy, query ---- */

/* Return: the QP of that number, NULL if there is none */
static struct dram_qp *qp_find(struct bvf_fn *fn, uint32_t qpn)
{
	uint32_t idx = BVF_QPN_IDX(qpn);
	struct dram_qp *qp = &fn->df->qp[idx];

	if (!qpn || qpn > BVF_QPN_MASK || qp->qpn != qpn ||
	    fn->qp.state[idx] == BVF_ID_FREE)
		return NULL;
	return qp;
}

/* The same for what changes it: not while the data plane's answer is awaited. */
static struct dram_qp *qp_find_live(struct bvf_fn *fn, uint32_t qpn, int *st)
{
	struct dram_qp *qp = qp_find(fn, qpn);

	*st = qp ? BVF_ST_BAD_STATE : BVF_ST_BAD_HANDLE;
	return qp && bvf_ids_live(&fn->qp, BVF_QPN_IDX(qpn)) ? qp : NULL;
}

static void destroy_stopped(struct bvf_dp_call *call)
{
	struct bvf_req *req = container_of(call, struct bvf_req, call);
	struct bvf_fn *fn = req->fn;
	uint32_t idx = BVF_QPN_IDX(req->id);
	struct dram_qp *qp = &fn->df->qp[idx];
	uint32_t gen = qp->gen;

	__atomic_store_n(&qp->qpn, 0, __ATOMIC_RELEASE);
	refs_add(fn, qp, -1);
	bvf_arena_put(&fn->arena, qp->buf.pt);
	memset(qp, 0, sizeof(*qp));
	qp->gen = gen;
	slot_put(fn, idx);
	bvf_req_done(req, BVF_ST_OK);
}

int bvf_cmd_destroy_qp(struct bvf_req *req)
{
	const struct bvf_handle_cmd *cmd = bvf_req_body(req);
	struct bvf_fn *fn = req->fn;
	struct dram_qp *qp;
	int st;

	if (cmd->rsvd)
		return BVF_ST_BAD_RSVD;
	qp = qp_find_live(fn, cmd->handle, &st);
	if (!qp)
		return st;
	req->id = cmd->handle;
	fn->qp.state[BVF_QPN_IDX(req->id)] = BVF_ID_STOPPING;
	__atomic_store_n(&qp->state, BVF_QPS_RESET, __ATOMIC_RELEASE);
	return bvf_req_call(req, BVF_IPC_QP_STOP, req->id, 0, destroy_stopped);
}

int bvf_cmd_query_qp(struct bvf_req *req)
{
	const struct bvf_handle_cmd *cmd = bvf_req_body(req);
	struct bvf_query_qp_resp *resp = (void *)req->resp.body;
	const struct dram_qp *qp;

	if (cmd->rsvd)
		return BVF_ST_BAD_RSVD;
	qp = qp_find(req->fn, cmd->handle);
	if (!qp)
		return BVF_ST_BAD_HANDLE;
	resp->attr = qp->attr;
	resp->attr.state = (uint8_t)bvf_qp_state(qp);
	resp->attr.cur_state = resp->attr.state;
	if (qp->state >= BVF_QPS_RTR)
		resp->attr.rq_psn = qp->rq_psn & PSN_MASK;
	if (qp->state >= BVF_QPS_RTS)
		resp->attr.sq_psn = qp->sq_psn & PSN_MASK;
	resp->sq_ci = qp->sq_ci;
	resp->rq_ci = qp->rq_ci;
	return BVF_ST_OK;
}

/* ---- modify ---- */

struct transition {
	bool ok;
	uint32_t must_rc, may_rc;	/* BVF_QPA_* */
	uint32_t must_ud, may_ud;	/* UD and GSI */
};

#define QPS_NR		7
#define ALWAYS_MAY	(BVF_QPA_STATE | BVF_QPA_CUR_STATE)

/* Into ERR and RESET any state may go, without attributes. */
static const struct transition transitions[QPS_NR][QPS_NR] = {
	[BVF_QPS_RESET][BVF_QPS_INIT] = {
		true, BVF_QPA_ACCESS, 0, BVF_QPA_QKEY, 0,
	},
	[BVF_QPS_INIT][BVF_QPS_INIT] = {
		true, 0, BVF_QPA_ACCESS, 0, BVF_QPA_QKEY,
	},
	[BVF_QPS_INIT][BVF_QPS_RTR] = {
		true,
		BVF_QPA_AV | BVF_QPA_MTU | BVF_QPA_DEST_QPN | BVF_QPA_RQ_PSN |
		BVF_QPA_MAX_DEST_RD | BVF_QPA_MIN_RNR, BVF_QPA_ACCESS,
		0, BVF_QPA_QKEY,
	},
	[BVF_QPS_RTR][BVF_QPS_RTS] = {
		true,
		BVF_QPA_TIMEOUT | BVF_QPA_RETRY | BVF_QPA_RNR_RETRY |
		BVF_QPA_SQ_PSN | BVF_QPA_MAX_RD,
		BVF_QPA_ACCESS | BVF_QPA_MIN_RNR,
		BVF_QPA_SQ_PSN, BVF_QPA_QKEY,
	},
	[BVF_QPS_RTS][BVF_QPS_RTS] = {
		true, 0, BVF_QPA_ACCESS | BVF_QPA_MIN_RNR, 0, BVF_QPA_QKEY,
	},
	[BVF_QPS_RTS][BVF_QPS_SQD] = { true, 0, 0, 0, 0 },
	[BVF_QPS_SQD][BVF_QPS_RTS] = {
		true, 0, BVF_QPA_ACCESS | BVF_QPA_MIN_RNR, 0, BVF_QPA_QKEY,
	},
	[BVF_QPS_SQD][BVF_QPS_SQD] = {
		true, 0,
		BVF_QPA_AV | BVF_QPA_TIMEOUT | BVF_QPA_RETRY |
		BVF_QPA_RNR_RETRY | BVF_QPA_MAX_RD | BVF_QPA_MAX_DEST_RD |
		BVF_QPA_ACCESS | BVF_QPA_MIN_RNR,
		0, BVF_QPA_QKEY,
	},
	[BVF_QPS_SQE][BVF_QPS_RTS] = { true, 0, 0, 0, BVF_QPA_QKEY },
};

static int modify_check_mask(const struct dram_qp *qp, uint32_t cur,
			     uint32_t next, uint32_t mask)
{
	bool rc = qp->type == BVF_QPT_RC;
	const struct transition *t;
	uint32_t must, may;

	if (next == BVF_QPS_RESET || next == BVF_QPS_ERR)
		return mask & ~ALWAYS_MAY ? BVF_ST_BAD_PARAM : BVF_ST_OK;
	t = &transitions[cur][next];
	if (!t->ok || (rc && cur == BVF_QPS_SQE))
		return BVF_ST_BAD_STATE;
	must = rc ? t->must_rc : t->must_ud;
	may = rc ? t->may_rc : t->may_ud;
	if ((mask & must) != must || mask & ~(must | may | ALWAYS_MAY))
		return BVF_ST_BAD_PARAM;
	return BVF_ST_OK;
}

static int modify_check_form(const struct bvf_modify_qp_cmd *cmd)
{
	const struct bvf_qp_attr *a = &cmd->attr;

	if (!bvf_is_zero(a->rsvd, sizeof(a->rsvd)) || a->rsvd1)
		return BVF_ST_BAD_RSVD;
	return cmd->mask & ~BVF_QPA_ALL ? BVF_ST_BAD_PARAM : BVF_ST_OK;
}

static bool gid_is_zero(const uint8_t gid[16])
{
	return bvf_is_zero(gid, 16);
}

static bool av_ok(const struct bvf_fn *fn, const struct bvf_qp_attr *a)
{
	return a->sgid_index < DRAM_MAX_GID && a->flow_label < 1u << 20 &&
	       !gid_is_zero(fn->df->gid[a->sgid_index]);
}

/* Each value whose bit is set in the mask; others are not looked at. */
static int modify_check_values(const struct bvf_fn *fn,
			       const struct bvf_modify_qp_cmd *cmd)
{
	const struct bvf_qp_attr *a = &cmd->attr;
	uint32_t mask = cmd->mask;

	if ((mask & BVF_QPA_ACCESS && a->access & ~BVF_ACC_ALL) ||
	    (mask & BVF_QPA_AV && !av_ok(fn, a)) ||
	    (mask & BVF_QPA_MTU && (a->path_mtu < 1 || a->path_mtu > 5)) ||
	    (mask & BVF_QPA_TIMEOUT && a->timeout > 31) ||
	    (mask & BVF_QPA_RETRY && a->retry_cnt > 7) ||
	    (mask & BVF_QPA_RNR_RETRY && a->rnr_retry > 7) ||
	    (mask & BVF_QPA_RQ_PSN && a->rq_psn > PSN_MASK) ||
	    (mask & BVF_QPA_SQ_PSN && a->sq_psn > PSN_MASK) ||
	    (mask & BVF_QPA_MIN_RNR && a->min_rnr_timer > 31) ||
	    (mask & BVF_QPA_DEST_QPN && a->dest_qpn > BVF_QPN_MASK) ||
	    (mask & BVF_QPA_MAX_RD && a->max_rd_atomic > DRAM_LIM_RD_ATOMIC) ||
	    (mask & BVF_QPA_MAX_DEST_RD &&
	     a->max_dest_rd_atomic > DRAM_LIM_RD_ATOMIC))
		return BVF_ST_BAD_PARAM;
	return BVF_ST_OK;
}

static void set_av(struct bvf_fn *fn, struct dram_qp *qp,
		   const struct bvf_qp_attr *a)
{
	struct bvf_qp_attr *to = &qp->attr;

	memcpy(to->dgid, a->dgid, sizeof(to->dgid));
	memcpy(to->dmac, a->dmac, sizeof(to->dmac));
	to->sgid_index = a->sgid_index;
	to->hop_limit = a->hop_limit;
	to->traffic_class = a->traffic_class;
	to->sl = a->sl;
	to->flow_label = a->flow_label;
	memcpy(qp->sgid, fn->df->gid[a->sgid_index], sizeof(qp->sgid));
}

static void set_attrs(struct bvf_fn *fn, struct dram_qp *qp,
		      const struct bvf_modify_qp_cmd *cmd)
{
	const struct bvf_qp_attr *a = &cmd->attr;
	struct bvf_qp_attr *to = &qp->attr;
	uint32_t mask = cmd->mask;

	if (mask & BVF_QPA_AV)
		set_av(fn, qp, a);
	if (mask & BVF_QPA_ACCESS)
		to->access = a->access;
	if (mask & BVF_QPA_QKEY)
		to->qkey = a->qkey;
	if (mask & BVF_QPA_MTU)
		to->path_mtu = a->path_mtu;
	if (mask & BVF_QPA_TIMEOUT)
		to->timeout = a->timeout;
	if (mask & BVF_QPA_RETRY)
		to->retry_cnt = a->retry_cnt;
	if (mask & BVF_QPA_RNR_RETRY)
		to->rnr_retry = a->rnr_retry;
	if (mask & BVF_QPA_RQ_PSN)
		to->rq_psn = a->rq_psn;
	if (mask & BVF_QPA_SQ_PSN)
		to->sq_psn = a->sq_psn;
	if (mask & BVF_QPA_MAX_RD)
		to->max_rd_atomic = a->max_rd_atomic;
	if (mask & BVF_QPA_MAX_DEST_RD)
		to->max_dest_rd_atomic = a->max_dest_rd_atomic;
	if (mask & BVF_QPA_MIN_RNR)
		to->min_rnr_timer = a->min_rnr_timer;
	if (mask & BVF_QPA_DEST_QPN)
		to->dest_qpn = a->dest_qpn;
}

/* Back to what CREATE_QP left: all that is the data plane's is zero. */
static void qp_zero(struct dram_qp *qp)
{
	memset(&qp->error, 0, sizeof(*qp) - offsetof(struct dram_qp, error));
	memset(&qp->attr, 0, sizeof(qp->attr));
	memset(qp->sgid, 0, sizeof(qp->sgid));
}

static void modify_live_again(struct bvf_req *req)
{
	req->fn->qp.state[BVF_QPN_IDX(req->id)] = BVF_ID_LIVE;
	bvf_req_done(req, BVF_ST_OK);
}

static void modify_reset_done(struct bvf_dp_call *call)
{
	struct bvf_req *req = container_of(call, struct bvf_req, call);

	qp_zero(&req->fn->df->qp[BVF_QPN_IDX(req->id)]);
	modify_live_again(req);
}

static void modify_stop_done(struct bvf_dp_call *call)
{
	modify_live_again(container_of(call, struct bvf_req, call));
}

/* From SQE: the data plane has let go, so its error word is ours to clear. */
static void modify_sqe_done(struct bvf_dp_call *call)
{
	struct bvf_req *req = container_of(call, struct bvf_req, call);
	struct dram_qp *qp = &req->fn->df->qp[BVF_QPN_IDX(req->id)];

	__atomic_store_n(&qp->error, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&qp->state, BVF_QPS_RTS, __ATOMIC_RELEASE);
	modify_live_again(req);
}

static int modify_stop(struct bvf_req *req, struct dram_qp *qp, uint32_t next,
		       enum bvf_ipc_type type, uint64_t arg0,
		       void (*done)(struct bvf_dp_call *call))
{
	req->id = qp->qpn;
	req->fn->qp.state[BVF_QPN_IDX(req->id)] = BVF_ID_STOPPING;
	__atomic_store_n(&qp->state, next, __ATOMIC_RELEASE);
	return bvf_req_call(req, type, req->id, arg0, done);
}

/*
 * To RTS: WQEs that were posted before wait in the data plane, and no doorbell
 * comes for them. It looks at them when their context is kicked.
 */
static void kick_waiting(struct bvf_fn *fn, uint32_t uctx)
{
	__atomic_or_fetch(&fn->df->kick[uctx / 64], 1ull << (uctx % 64),
			  __ATOMIC_SEQ_CST);
	__atomic_or_fetch(&fn->card->dram->kick, 1ull << fn->index,
			  __ATOMIC_SEQ_CST);
	bvf_dp_wake(fn->card);
}

static int modify_enter(struct bvf_req *req, struct dram_qp *qp, uint32_t cur,
			uint32_t next)
{
	if (next == BVF_QPS_RESET) {
		if (cur == BVF_QPS_RESET)
			return BVF_ST_OK;
		return modify_stop(req, qp, next, BVF_IPC_QP_STOP, 0,
				   modify_reset_done);
	}
	if (next == BVF_QPS_ERR) {
		if (qp->state == BVF_QPS_ERR)
			return BVF_ST_OK;
		return modify_stop(req, qp, next, BVF_IPC_QP_FLUSH, 0,
				   modify_stop_done);
	}
	if (next == BVF_QPS_SQD && cur != BVF_QPS_SQD)
		return modify_stop(req, qp, next, BVF_IPC_QP_SQD, 1,
				   modify_stop_done);
	if (cur == BVF_QPS_SQE)
		return modify_stop(req, qp, qp->state, BVF_IPC_QP_STOP, 0,
				   modify_sqe_done);
	if (next == cur)
		return BVF_ST_OK;
	if (next == BVF_QPS_RTR)
		qp->rq_psn = qp->attr.rq_psn;
	if (next == BVF_QPS_RTS && cur == BVF_QPS_RTR) {
		qp->sq_psn = qp->attr.sq_psn;
		qp->retry_left = qp->attr.retry_cnt;
		qp->rnr_left = qp->attr.rnr_retry;
	}
	__atomic_store_n(&qp->state, next, __ATOMIC_RELEASE);
	if (next == BVF_QPS_RTS)
		kick_waiting(req->fn, qp->uctx);
	return BVF_ST_OK;
}

int bvf_cmd_modify_qp(struct bvf_req *req)
{
	const struct bvf_modify_qp_cmd *cmd = bvf_req_body(req);
	uint32_t cur, next;
	struct dram_qp *qp;
	int st;

	st = modify_check_form(cmd);
	if (st)
		return st;
	qp = qp_find_live(req->fn, cmd->qpn, &st);
	if (!qp)
		return st;
	cur = bvf_qp_state(qp);
	if (cmd->mask & BVF_QPA_CUR_STATE && cmd->attr.cur_state != cur)
		return BVF_ST_BAD_STATE;
	next = cmd->mask & BVF_QPA_STATE ? cmd->attr.state : cur;
	if (next >= QPS_NR)
		return BVF_ST_BAD_PARAM;
	st = modify_check_mask(qp, cur, next, cmd->mask);
	if (!st)
		st = modify_check_values(req->fn, cmd);
	if (st)
		return st;
	set_attrs(req->fn, qp, cmd);
	/* Who was connected to it may not be any more. */
	if (cmd->mask & BVF_QPA_AV && cur == BVF_QPS_SQD)
		bvf_card_epoch(req->fn->card);
	return modify_enter(req, qp, cur, next);
}
