// SPDX-License-Identifier: GPL-2.0
/*
 * Commands on memory regions. Trust boundary: addresses, lengths and the page
 * list are the guest's; what is not reachable is refused at registration.
 */
#include <string.h>

#include "cmd.h"

static int reg_check(const struct bvf_fn *fn, const struct bvf_reg_mr_cmd *cmd)
{
	if (cmd->rsvd[0] || cmd->rsvd[1])
		return BVF_ST_BAD_RSVD;
	if (cmd->access & ~BVF_ACC_ALL || cmd->flags & ~BVF_MRF_DMA)
		return BVF_ST_BAD_PARAM;
	/* What others may write, its owner may as well (IBA 10.6.3.1). */
	if (cmd->access & (BVF_ACC_REMOTE_WRITE | BVF_ACC_REMOTE_ATOMIC) &&
	    !(cmd->access & BVF_ACC_LOCAL_WRITE))
		return BVF_ST_BAD_PARAM;
	if (!bvf_ids_live(&fn->pd, cmd->pdn))
		return BVF_ST_BAD_HANDLE;
	if (cmd->flags & BVF_MRF_DMA) {
		if (!bvf_is_zero((const uint8_t *)&cmd->pl, sizeof(cmd->pl)) ||
		    cmd->va || cmd->len)
			return BVF_ST_BAD_RSVD;
		return fn->df->pd[cmd->pdn].uctx ? BVF_ST_BAD_PARAM : BVF_ST_OK;
	}
	if (!cmd->len || cmd->len > DRAM_LIM_MR_LEN ||
	    cmd->va + (cmd->len - 1) < cmd->va)
		return BVF_ST_BAD_PARAM;
	return BVF_ST_OK;
}

int bvf_cmd_reg_mr(struct bvf_req *req)
{
	const struct bvf_reg_mr_cmd *cmd = bvf_req_body(req);
	struct bvf_reg_mr_resp *resp = (void *)req->resp.body;
	struct bvf_fn *fn = req->fn;
	struct dram_mr mr = { 0 };
	uint32_t key;
	int id, st;

	st = reg_check(fn, cmd);
	if (st)
		return st;
	id = bvf_ids_get(&fn->mr);
	if (id < 0)
		return BVF_ST_NO_RESOURCE;
	mr.pdn = cmd->pdn;
	mr.access = cmd->access;
	mr.flags = cmd->flags;
	mr.va = cmd->va;
	mr.len = cmd->flags & BVF_MRF_DMA ? ~0ull : cmd->len;
	mr.uctx = fn->df->pd[cmd->pdn].uctx;
	if (!(cmd->flags & BVF_MRF_DMA)) {
		st = bvf_pl_extents(fn, &cmd->pl, cmd->len,
				    cmd->access & BVF_ACC_LOCAL_WRITE,
				    &mr.ext, &mr.nr_ext);
		if (st) {
			bvf_ids_put(&fn->mr, (uint32_t)id);
			return st;
		}
	}
	key = (uint32_t)id << 8 | ++fn->key_variant[id];
	fn->df->mr[id] = mr;
	fn->df->pd[mr.pdn].refs++;
	__atomic_store_n(&fn->df->mr[id].key, key, __ATOMIC_RELEASE);
	resp->lkey = key;
	resp->rkey = key;
	return BVF_ST_OK;
}

static void mr_stopped(struct bvf_dp_call *call)
{
	struct bvf_req *req = container_of(call, struct bvf_req, call);
	struct bvf_fn *fn = req->fn;
	struct dram_mr *mr = &fn->df->mr[req->id];

	fn->df->pd[mr->pdn].refs--;
	if (mr->nr_ext)
		bvf_arena_put(&fn->arena, mr->ext);
	memset(mr, 0, sizeof(*mr));
	bvf_ids_put(&fn->mr, req->id);
	bvf_req_done(req, BVF_ST_OK);
}

int bvf_cmd_dereg_mr(struct bvf_req *req)
{
	const struct bvf_handle_cmd *cmd = bvf_req_body(req);
	struct bvf_fn *fn = req->fn;
	uint32_t id = BVF_KEY_IDX(cmd->handle);

	if (cmd->rsvd)
		return BVF_ST_BAD_RSVD;
	if (!bvf_ids_live(&fn->mr, id) || fn->df->mr[id].key != cmd->handle)
		return BVF_ST_BAD_HANDLE;
	req->id = id;
	fn->mr.state[id] = BVF_ID_STOPPING;
	__atomic_store_n(&fn->df->mr[id].key, 0, __ATOMIC_RELEASE);
	return bvf_req_call(req, BVF_IPC_MR_STOP, cmd->handle, 0, mr_stopped);
}
