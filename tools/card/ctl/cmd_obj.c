// SPDX-License-Identifier: GPL-2.0
/*
 * Commands on the function itself, user contexts, PDs, EQs and CQs.
 * Trust boundary: every handle, size and offset in a command is the guest's.
 *
 * Destroying: unpublish in the DRAM, have the data plane let go, then free.
 * Between the two the slot is BVF_ID_STOPPING and no other command finds it.
 */
#include <string.h>

#include "cmd.h"

int bvf_cmd_describe(struct bvf_req *req)
{
	struct bvf_describe_resp *resp = (void *)req->resp.body;
	const struct dram_func *df = req->fn->df;

	resp->max_mr_len = DRAM_LIM_MR_LEN;
	resp->max_qp = DRAM_LIM_QP;
	resp->max_cq = DRAM_LIM_CQ;
	resp->max_mr = DRAM_LIM_MR;
	resp->max_pd = DRAM_MAX_PD - 1;
	resp->max_uctx = BVF_MAX_UCTX - 1;
	resp->max_eq = DRAM_MAX_EQ;
	resp->max_qp_wr = DRAM_LIM_QP_WR;
	resp->max_cqe = DRAM_LIM_CQE;
	resp->max_msg = BVF_MAX_MSG;
	resp->max_gid = DRAM_MAX_GID;
	resp->max_sge = BVF_MAX_SGE;
	resp->max_inline = BVF_MAX_INLINE;
	resp->max_rd_atomic = DRAM_LIM_RD_ATOMIC;
	resp->max_ethq = BVF_MAX_ETHQ;
	resp->max_ethq_depth_shift = DRAM_LIM_ETH_SHIFT;
	resp->max_mtu = DRAM_LIM_MTU;
	memcpy(resp->mac, df->mac, sizeof(resp->mac));
	resp->network = df->network;
	resp->card_version = BVF_CARD_VERSION;
	bvf_guid((uint8_t *)&resp->guid, df->mac);
	resp->link_mbps = BVF_LINK_MBPS;
	return BVF_ST_OK;
}

static void create_resp(struct bvf_req *req, uint32_t handle)
{
	struct bvf_handle_resp *resp = (void *)req->resp.body;

	resp->handle = handle;
}

/* ---- user contexts ---- */

int bvf_cmd_create_uctx(struct bvf_req *req)
{
	const struct bvf_create_uctx_cmd *cmd = bvf_req_body(req);
	struct bvf_fn *fn = req->fn;
	struct bvf_db_page *page;
	uint64_t avail;
	gptr_t db;
	int id;

	if (cmd->rsvd)
		return BVF_ST_BAD_RSVD;
	if (cmd->kernel > 1)
		return BVF_ST_BAD_PARAM;
	if (cmd->db_iova % BVF_PAGE_SIZE)
		return BVF_ST_BAD_ADDR;
	db = bvf_mem_find(fn, cmd->db_iova, true, &avail);
	if (db == GPTR_NONE || avail < BVF_PAGE_SIZE)
		return BVF_ST_BAD_ADDR;
	if (cmd->kernel) {
		if (fn->uctx.state[0] != BVF_ID_FREE)
			return BVF_ST_BAD_STATE;
		fn->uctx.state[0] = BVF_ID_LIVE;
		fn->uctx.used++;
		id = 0;
	} else {
		id = bvf_ids_get(&fn->uctx);
		if (id < 0)
			return BVF_ST_NO_RESOURCE;
	}
	/* Asleep until its first kick, before the guest can ring it. */
	page = bvf_mem_ptr(fn->card, db);
	__atomic_store_n(&page->asleep, 1, __ATOMIC_RELEASE);
	fn->df->uctx[id] = (struct dram_uctx){ .db = db };
	__atomic_store_n(&fn->df->uctx[id].valid, 1, __ATOMIC_RELEASE);
	create_resp(req, (uint32_t)id);
	return BVF_ST_OK;
}

static void uctx_stopped(struct bvf_dp_call *call)
{
	struct bvf_req *req = container_of(call, struct bvf_req, call);
	struct bvf_fn *fn = req->fn;

	memset(&fn->df->uctx[req->id], 0, sizeof(fn->df->uctx[0]));
	bvf_ids_put(&fn->uctx, req->id);
	bvf_req_done(req, BVF_ST_OK);
}

int bvf_cmd_destroy_uctx(struct bvf_req *req)
{
	const struct bvf_handle_cmd *cmd = bvf_req_body(req);
	struct bvf_fn *fn = req->fn;

	if (cmd->rsvd)
		return BVF_ST_BAD_RSVD;
	if (!bvf_ids_live(&fn->uctx, cmd->handle))
		return BVF_ST_BAD_HANDLE;
	if (fn->uctx_refs[cmd->handle])
		return BVF_ST_BUSY;
	req->id = cmd->handle;
	fn->uctx.state[req->id] = BVF_ID_STOPPING;
	__atomic_store_n(&fn->df->uctx[req->id].valid, 0, __ATOMIC_RELEASE);
	return bvf_req_call(req, BVF_IPC_UCTX_STOP, req->id, 0, uctx_stopped);
}

/* ---- protection domains: the data plane only compares their numbers ---- */

int bvf_cmd_create_pd(struct bvf_req *req)
{
	const struct bvf_create_pd_cmd *cmd = bvf_req_body(req);
	struct bvf_fn *fn = req->fn;
	int id;

	if (cmd->rsvd)
		return BVF_ST_BAD_RSVD;
	if (!bvf_ids_live(&fn->uctx, cmd->uctx))
		return BVF_ST_BAD_HANDLE;
	id = bvf_ids_get(&fn->pd);
	if (id < 0)
		return BVF_ST_NO_RESOURCE;
	fn->df->pd[id] = (struct dram_pd){ .valid = 1, .uctx = cmd->uctx };
	fn->uctx_refs[cmd->uctx]++;
	create_resp(req, (uint32_t)id);
	return BVF_ST_OK;
}

int bvf_cmd_destroy_pd(struct bvf_req *req)
{
	const struct bvf_handle_cmd *cmd = bvf_req_body(req);
	struct bvf_fn *fn = req->fn;
	struct dram_pd *pd;

	if (cmd->rsvd)
		return BVF_ST_BAD_RSVD;
	if (!bvf_ids_live(&fn->pd, cmd->handle))
		return BVF_ST_BAD_HANDLE;
	pd = &fn->df->pd[cmd->handle];
	if (pd->refs)
		return BVF_ST_BUSY;
	fn->uctx_refs[pd->uctx]--;
	memset(pd, 0, sizeof(*pd));
	bvf_ids_put(&fn->pd, cmd->handle);
	return BVF_ST_OK;
}

/* ---- event queues ---- */

/* Return: true if a ring at 0 and a record lie in the buffer and apart */
static bool ring_fits(uint32_t buf_len, uint64_t ring_len, uint32_t dbrec_off,
		      uint32_t dbrec_len)
{
	return ring_len <= buf_len && dbrec_off >= ring_len &&
	       bvf_record_ok(buf_len, dbrec_off, dbrec_len);
}

int bvf_cmd_create_eq(struct bvf_req *req)
{
	const struct bvf_create_eq_cmd *cmd = bvf_req_body(req);
	struct bvf_fn *fn = req->fn;
	struct dram_eq eq = { 0 };
	int id, st;

	if (cmd->rsvd)
		return BVF_ST_BAD_RSVD;
	if (cmd->depth_shift < 6 || cmd->depth_shift > 16 || cmd->async > 1 ||
	    cmd->vector >= BVF_MAX_VECTORS ||
	    !ring_fits(cmd->buf_len,
		       sizeof(struct bvf_eqe) << cmd->depth_shift,
		       cmd->dbrec_off, sizeof(struct bvf_eq_dbrec)))
		return BVF_ST_BAD_PARAM;
	if (cmd->async && fn->df->async_eqn != BVF_EQN_NONE)
		return BVF_ST_BUSY;
	id = bvf_ids_get(&fn->eq);
	if (id < 0)
		return BVF_ST_NO_RESOURCE;
	st = bvf_pl_buf(fn, &cmd->pl, cmd->buf_len, &eq.buf);
	if (st) {
		bvf_ids_put(&fn->eq, (uint32_t)id);
		return st;
	}
	eq.vector = cmd->vector;
	eq.dbrec_off = cmd->dbrec_off;
	eq.depth_shift = cmd->depth_shift;
	eq.async = cmd->async;
	fn->df->eq[id] = eq;
	__atomic_store_n(&fn->df->eq[id].valid, 1, __ATOMIC_RELEASE);
	if (eq.async)
		__atomic_store_n(&fn->df->async_eqn, (uint32_t)id,
				 __ATOMIC_RELEASE);
	create_resp(req, (uint32_t)id);
	return BVF_ST_OK;
}

static void eq_stopped(struct bvf_dp_call *call)
{
	struct bvf_req *req = container_of(call, struct bvf_req, call);
	struct bvf_fn *fn = req->fn;
	struct dram_eq *eq = &fn->df->eq[req->id];

	bvf_arena_put(&fn->arena, eq->buf.pt);
	memset(eq, 0, sizeof(*eq));
	bvf_ids_put(&fn->eq, req->id);
	bvf_req_done(req, BVF_ST_OK);
}

int bvf_cmd_destroy_eq(struct bvf_req *req)
{
	const struct bvf_handle_cmd *cmd = bvf_req_body(req);
	struct bvf_fn *fn = req->fn;
	struct dram_eq *eq;

	if (cmd->rsvd)
		return BVF_ST_BAD_RSVD;
	if (!bvf_ids_live(&fn->eq, cmd->handle))
		return BVF_ST_BAD_HANDLE;
	eq = &fn->df->eq[cmd->handle];
	if (eq->refs)
		return BVF_ST_BUSY;
	req->id = cmd->handle;
	fn->eq.state[req->id] = BVF_ID_STOPPING;
	if (eq->async)
		__atomic_store_n(&fn->df->async_eqn, BVF_EQN_NONE,
				 __ATOMIC_RELEASE);
	__atomic_store_n(&eq->valid, 0, __ATOMIC_RELEASE);
	return bvf_req_call(req, BVF_IPC_EQ_STOP, req->id, 0, eq_stopped);
}

/* ---- completion queues ---- */

int bvf_cmd_create_cq(struct bvf_req *req)
{
	const struct bvf_create_cq_cmd *cmd = bvf_req_body(req);
	struct bvf_fn *fn = req->fn;
	struct dram_cq cq = { 0 };
	int id, st;

	if (!bvf_is_zero(cmd->rsvd, sizeof(cmd->rsvd)))
		return BVF_ST_BAD_RSVD;
	if (cmd->depth_shift < 1 || cmd->depth_shift > 16 ||
	    !ring_fits(cmd->buf_len,
		       sizeof(struct bvf_cqe) << cmd->depth_shift,
		       cmd->dbrec_off, sizeof(struct bvf_cq_dbrec)))
		return BVF_ST_BAD_PARAM;
	if (!bvf_ids_live(&fn->uctx, cmd->uctx) ||
	    (cmd->eqn != BVF_EQN_NONE && !bvf_ids_live(&fn->eq, cmd->eqn)))
		return BVF_ST_BAD_HANDLE;
	id = bvf_ids_get(&fn->cq);
	if (id < 0)
		return BVF_ST_NO_RESOURCE;
	st = bvf_pl_buf(fn, &cmd->pl, cmd->buf_len, &cq.buf);
	if (st) {
		bvf_ids_put(&fn->cq, (uint32_t)id);
		return st;
	}
	cq.eqn = cmd->eqn;
	cq.dbrec_off = cmd->dbrec_off;
	cq.depth_shift = cmd->depth_shift;
	cq.uctx = cmd->uctx;
	fn->df->cq[id] = cq;
	__atomic_store_n(&fn->df->cq[id].valid, 1, __ATOMIC_RELEASE);
	fn->uctx_refs[cq.uctx]++;
	if (cq.eqn != BVF_EQN_NONE)
		fn->df->eq[cq.eqn].refs++;
	create_resp(req, (uint32_t)id);
	return BVF_ST_OK;
}

static void cq_stopped(struct bvf_dp_call *call)
{
	struct bvf_req *req = container_of(call, struct bvf_req, call);
	struct bvf_fn *fn = req->fn;
	struct dram_cq *cq = &fn->df->cq[req->id];

	fn->uctx_refs[cq->uctx]--;
	if (cq->eqn != BVF_EQN_NONE)
		fn->df->eq[cq->eqn].refs--;
	bvf_arena_put(&fn->arena, cq->buf.pt);
	memset(cq, 0, sizeof(*cq));
	bvf_ids_put(&fn->cq, req->id);
	bvf_req_done(req, BVF_ST_OK);
}

int bvf_cmd_destroy_cq(struct bvf_req *req)
{
	const struct bvf_handle_cmd *cmd = bvf_req_body(req);
	struct bvf_fn *fn = req->fn;
	struct dram_cq *cq;

	if (cmd->rsvd)
		return BVF_ST_BAD_RSVD;
	if (!bvf_ids_live(&fn->cq, cmd->handle))
		return BVF_ST_BAD_HANDLE;
	cq = &fn->df->cq[cmd->handle];
	if (cq->refs)
		return BVF_ST_BUSY;
	req->id = cmd->handle;
	fn->cq.state[req->id] = BVF_ID_STOPPING;
	__atomic_store_n(&cq->valid, 0, __ATOMIC_RELEASE);
	return bvf_req_call(req, BVF_IPC_CQ_STOP, req->id, 0, cq_stopped);
}
