// SPDX-License-Identifier: GPL-2.0
/*
 * Commands on addresses, Ethernet queues and counters.
 * Trust boundary: every index, size and address in a command is the guest's.
 */
#include <string.h>

#include "cmd.h"

#define ETH_SHIFT_MIN	6

int bvf_cmd_set_gid(struct bvf_req *req)
{
	const struct bvf_set_gid_cmd *cmd = bvf_req_body(req);
	struct bvf_fn *fn = req->fn;

	if (!bvf_is_zero(cmd->rsvd0, sizeof(cmd->rsvd0)) ||
	    !bvf_is_zero(cmd->rsvd1, sizeof(cmd->rsvd1)))
		return BVF_ST_BAD_RSVD;
	/* All zero means unset, so it cannot be set. */
	if (cmd->index >= DRAM_MAX_GID || cmd->valid > 1 ||
	    (cmd->valid && bvf_is_zero(cmd->gid, sizeof(cmd->gid))))
		return BVF_ST_BAD_PARAM;
	if (cmd->valid)
		memcpy(fn->df->gid[cmd->index], cmd->gid, sizeof(cmd->gid));
	else
		memset(fn->df->gid[cmd->index], 0, sizeof(cmd->gid));
	bvf_card_epoch(fn->card);
	return BVF_ST_OK;
}

/* Rings and record of a queue, none of which may lie over another. */
static bool ethq_parts_ok(const struct bvf_create_ethq_cmd *cmd)
{
	const struct {
		uint32_t off, align;
		uint64_t len;
	} parts[] = {
		{ cmd->tx_off, sizeof(struct bvf_tx_desc),
		  sizeof(struct bvf_tx_desc) << cmd->tx_depth_shift },
		{ cmd->rx_off, sizeof(struct bvf_rx_desc),
		  sizeof(struct bvf_rx_desc) << cmd->rx_depth_shift },
		{ cmd->rxc_off, sizeof(struct bvf_rx_cqe),
		  sizeof(struct bvf_rx_cqe) << cmd->rx_depth_shift },
		{ cmd->dbrec_off, sizeof(struct bvf_eth_dbrec),
		  sizeof(struct bvf_eth_dbrec) },
	};

	for (int i = 0; i < 4; i++) {
		if (parts[i].off % parts[i].align ||
		    !bvf_range_ok(cmd->buf_len, parts[i].off, parts[i].len))
			return false;
		for (int j = 0; j < i; j++)
			if (!bvf_apart(parts[i].off, parts[i].len,
				       parts[j].off, parts[j].len))
				return false;
	}
	return true;
}

static int ethq_check(const struct bvf_fn *fn,
		      const struct bvf_create_ethq_cmd *cmd)
{
	if (cmd->rsvd0 || cmd->rsvd1 || cmd->rsvd2)
		return BVF_ST_BAD_RSVD;
	if (cmd->index >= BVF_MAX_ETHQ || cmd->vector >= BVF_MAX_VECTORS ||
	    cmd->tx_depth_shift < ETH_SHIFT_MIN ||
	    cmd->tx_depth_shift > DRAM_LIM_ETH_SHIFT ||
	    cmd->rx_depth_shift < ETH_SHIFT_MIN ||
	    cmd->rx_depth_shift > DRAM_LIM_ETH_SHIFT)
		return BVF_ST_BAD_PARAM;
	if (!ethq_parts_ok(cmd))
		return BVF_ST_BAD_PARAM;
	/* Its doorbell bit is in the page of context 0. */
	if (!bvf_ids_live(&fn->uctx, 0))
		return BVF_ST_BAD_STATE;
	return fn->ethq.state[cmd->index] == BVF_ID_FREE ? BVF_ST_OK :
							   BVF_ST_BUSY;
}

int bvf_cmd_create_ethq(struct bvf_req *req)
{
	const struct bvf_create_ethq_cmd *cmd = bvf_req_body(req);
	struct bvf_handle_resp *resp = (void *)req->resp.body;
	struct bvf_fn *fn = req->fn;
	struct dram_ethq q = { 0 };
	int st;

	st = ethq_check(fn, cmd);
	if (st)
		return st;
	st = bvf_pl_buf(fn, &cmd->pl, cmd->buf_len, &q.buf);
	if (st)
		return st;
	q.vector = cmd->vector;
	q.tx_off = cmd->tx_off;
	q.rx_off = cmd->rx_off;
	q.rxc_off = cmd->rxc_off;
	q.dbrec_off = cmd->dbrec_off;
	q.tx_depth_shift = cmd->tx_depth_shift;
	q.rx_depth_shift = cmd->rx_depth_shift;
	fn->ethq.state[cmd->index] = BVF_ID_LIVE;
	fn->ethq.used++;
	fn->uctx_refs[0]++;
	fn->df->ethq[cmd->index] = q;
	__atomic_store_n(&fn->df->ethq[cmd->index].valid, 1, __ATOMIC_RELEASE);
	resp->handle = cmd->index;
	return BVF_ST_OK;
}

static void ethq_stopped(struct bvf_dp_call *call)
{
	struct bvf_req *req = container_of(call, struct bvf_req, call);
	struct bvf_fn *fn = req->fn;
	struct dram_ethq *q = &fn->df->ethq[req->id];

	bvf_arena_put(&fn->arena, q->buf.pt);
	memset(q, 0, sizeof(*q));
	fn->uctx_refs[0]--;
	bvf_ids_put(&fn->ethq, req->id);
	bvf_req_done(req, BVF_ST_OK);
}

int bvf_cmd_destroy_ethq(struct bvf_req *req)
{
	const struct bvf_handle_cmd *cmd = bvf_req_body(req);
	struct bvf_fn *fn = req->fn;

	if (cmd->rsvd)
		return BVF_ST_BAD_RSVD;
	if (!bvf_ids_live(&fn->ethq, cmd->handle))
		return BVF_ST_BAD_HANDLE;
	req->id = cmd->handle;
	fn->ethq.state[req->id] = BVF_ID_STOPPING;
	__atomic_store_n(&fn->df->ethq[req->id].valid, 0, __ATOMIC_RELEASE);
	return bvf_req_call(req, BVF_IPC_ETHQ_STOP, req->id, 0, ethq_stopped);
}

int bvf_cmd_set_eth(struct bvf_req *req)
{
	const struct bvf_set_eth_cmd *cmd = bvf_req_body(req);
	struct dram_func *df = req->fn->df;

	if (cmd->rsvd)
		return BVF_ST_BAD_RSVD;
	if (cmd->flags & ~BVF_ETHF_ALL || cmd->mtu < 68 ||
	    cmd->mtu > DRAM_LIM_MTU || !cmd->nr_rxq ||
	    cmd->nr_rxq > BVF_MAX_ETHQ)
		return BVF_ST_BAD_PARAM;
	df->eth_mtu = cmd->mtu;
	df->eth_nr_rxq = cmd->nr_rxq;
	__atomic_store_n(&df->eth_flags, cmd->flags, __ATOMIC_RELEASE);
	bvf_card_epoch(req->fn->card);
	return BVF_ST_OK;
}

int bvf_cmd_get_stats(struct bvf_req *req)
{
	const struct bvf_get_stats_cmd *cmd = bvf_req_body(req);
	struct bvf_get_stats_resp *resp = (void *)req->resp.body;
	uint64_t stats[BVF_STAT_NR];
	uint32_t nr = cmd->nr < BVF_STAT_NR ? cmd->nr : BVF_STAT_NR;

	if (cmd->rsvd)
		return BVF_ST_BAD_RSVD;
	if (!cmd->nr || cmd->nr > BVF_PAGE_SIZE / sizeof(uint64_t))
		return BVF_ST_BAD_PARAM;
	if (cmd->iova % sizeof(uint64_t) ||
	    cmd->iova % BVF_PAGE_SIZE > BVF_PAGE_SIZE - cmd->nr * sizeof(uint64_t))
		return BVF_ST_BAD_ADDR;
	for (uint32_t i = 0; i < nr; i++)
		stats[i] = __atomic_load_n(&req->fn->df->stats[i],
					   __ATOMIC_RELAXED);
	if (bvf_mem_write(req->fn, cmd->iova, stats, nr * sizeof(stats[0])))
		return BVF_ST_BAD_ADDR;
	resp->nr = nr;
	return BVF_ST_OK;
}
