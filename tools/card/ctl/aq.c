// SPDX-License-Identifier: GPL-2.0
/*
 * The admin queue: fetches commands, hands each to its row of the table, and
 * writes completions. Knows no object.
 *
 * Trust boundary: rings and indices are the guest's. A command is copied once
 * and only the copy used. A driver that breaks the ring itself stops its
 * function; a bad command just gets a status.
 */
#include <string.h>

#include "cmd.h"
#include "lib/log.h"

#define AQ_CMDS_PER_TURN	16	/* then other functions get a turn */
#define AQ_TURN_NS		200000ull

struct admin_op {
	const char *name;
	bvf_cmd_fn *fn;
	uint8_t len;		/* of the command's own struct */
	uint64_t feature;	/* that the driver must have taken */
};

#define OP(op, func, type, feat)					\
	[BVF_OP_##op] = { #op, bvf_cmd_##func, sizeof(struct type), feat }

static const struct admin_op ops[BVF_OP_NR] = {
	[BVF_OP_DESCRIBE] = { "DESCRIBE", bvf_cmd_describe, 0, 0 },
	OP(CREATE_UCTX, create_uctx, bvf_create_uctx_cmd, 0),
	OP(DESTROY_UCTX, destroy_uctx, bvf_handle_cmd, 0),
	OP(CREATE_PD, create_pd, bvf_create_pd_cmd, 0),
	OP(DESTROY_PD, destroy_pd, bvf_handle_cmd, 0),
	OP(CREATE_EQ, create_eq, bvf_create_eq_cmd, 0),
	OP(DESTROY_EQ, destroy_eq, bvf_handle_cmd, 0),
	OP(CREATE_CQ, create_cq, bvf_create_cq_cmd, 0),
	OP(DESTROY_CQ, destroy_cq, bvf_handle_cmd, 0),
	OP(CREATE_QP, create_qp, bvf_create_qp_cmd, 0),
	OP(MODIFY_QP, modify_qp, bvf_modify_qp_cmd, 0),
	OP(QUERY_QP, query_qp, bvf_handle_cmd, 0),
	OP(DESTROY_QP, destroy_qp, bvf_handle_cmd, 0),
	OP(REG_MR, reg_mr, bvf_reg_mr_cmd, 0),
	OP(DEREG_MR, dereg_mr, bvf_handle_cmd, 0),
	OP(SET_GID, set_gid, bvf_set_gid_cmd, 0),
	OP(CREATE_ETHQ, create_ethq, bvf_create_ethq_cmd, BVF_FEAT_ETH),
	OP(DESTROY_ETHQ, destroy_ethq, bvf_handle_cmd, BVF_FEAT_ETH),
	OP(SET_ETH, set_eth, bvf_set_eth_cmd, BVF_FEAT_ETH),
	OP(GET_STATS, get_stats, bvf_get_stats_cmd, 0),
};

static const char *op_name(uint16_t opcode)
{
	return opcode < BVF_OP_NR && ops[opcode].fn ? ops[opcode].name : "unknown";
}

static uint32_t aq_depth(const struct bvf_fn *fn)
{
	return 1u << fn->aq_shift;
}

static void aq_lost(struct bvf_fn *fn, const char *why)
{
	bvf_fn_fatal(fn, BVF_DEV_AQ_LOST, why);
}

/* Write a completion, its phase last. Return: true if it has been written */
static bool complete(struct bvf_fn *fn, struct bvf_resp *resp)
{
	uint32_t slot = fn->aq_cq_pi & (aq_depth(fn) - 1);
	uint64_t iova = fn->aq_cq + (uint64_t)slot * BVF_RESP_SIZE;
	uint64_t avail;
	gptr_t ptr = bvf_mem_find(fn, iova, true, &avail);
	struct bvf_resp *out;

	if (ptr == GPTR_NONE || avail < sizeof(*resp)) {
		aq_lost(fn, "admin completion ring is not reachable");
		return false;
	}
	out = bvf_mem_ptr(fn->card, ptr);
	memcpy(out, resp, offsetof(struct bvf_resp, phase));
	/* Pairs with the driver's read barrier after it has seen the phase. */
	__atomic_store_n(&out->phase, ((fn->aq_cq_pi >> fn->aq_shift) & 1) ^ 1,
			 __ATOMIC_RELEASE);
	fn->aq_cq_pi++;
	return true;
}

static void req_free(struct bvf_req *req)
{
	req->next = req->fn->req_free;
	req->fn->req_free = req;
}

/* Return: true if a completion has been written */
static bool req_finish(struct bvf_req *req, int status)
{
	struct bvf_fn *fn = req->fn;
	bool written = false;

	req->resp.hdr.id = req->cmd.hdr.id;
	req->resp.hdr.opcode = req->cmd.hdr.opcode;
	req->resp.hdr.status = (uint8_t)status;
	if (status) {
		memset(req->resp.body, 0, sizeof(req->resp.body));
		bvf_dbg("%s: %s refused with status %d", fn->name,
			op_name(req->cmd.hdr.opcode), status);
	}
	/* A function that is reset completes nothing any more. */
	if (fn->state == BVF_FN_READY && !fn->stopping)
		written = complete(fn, &req->resp);
	req_free(req);
	return written;
}

void bvf_req_done(struct bvf_req *req, int status)
{
	struct bvf_fn *fn = req->fn;

	if (req_finish(req, status))
		bvf_irq_raise(fn, 0);
}

int bvf_req_call(struct bvf_req *req, enum bvf_ipc_type type, uint32_t id,
		 uint64_t arg0, void (*done)(struct bvf_dp_call *call))
{
	req->call.msg = (struct bvf_ipc_msg){
		.type = type, .func = req->fn->index, .id = id, .arg0 = arg0,
	};
	req->call.fd = -1;
	req->call.done = done;
	bvf_dp_call(req->fn->card, &req->call);
	return BVF_REQ_WAIT;
}

static int req_run(struct bvf_req *req)
{
	const struct bvf_cmd *cmd = &req->cmd;
	const struct admin_op *op;
	uint16_t opcode = cmd->hdr.opcode;

	if (opcode >= BVF_OP_NR || !ops[opcode].fn)
		return BVF_ST_BAD_OPCODE;
	op = &ops[opcode];
	if (op->feature & ~req->fn->drv_features)
		return BVF_ST_BAD_OPCODE;
	if (cmd->hdr.rsvd0 || cmd->hdr.rsvd1 ||
	    !bvf_is_zero(cmd->body + op->len, sizeof(cmd->body) - op->len))
		return BVF_ST_BAD_RSVD;
	return op->fn(req);
}

/* Return: true if a completion has been written */
static bool fetch_one(struct bvf_fn *fn, uint64_t iova)
{
	struct bvf_req *req = fn->req_free;
	int status;

	/* There is one for each slot of the ring, so one is free. */
	fn->req_free = req->next;
	memset(&req->resp, 0, sizeof(req->resp));
	if (bvf_mem_read(fn, iova, &req->cmd, sizeof(req->cmd))) {
		req_free(req);
		aq_lost(fn, "admin command ring is not reachable");
		return false;
	}
	fn->aq_ci++;
	status = req_run(req);
	return status != BVF_REQ_WAIT && req_finish(req, status);
}

static void aq_turn(struct bvf_loop_timer *timer)
{
	struct bvf_fn *fn = container_of(timer, struct bvf_fn, aq_work);
	uint64_t end = bvf_now_ns() + AQ_TURN_NS;
	bool irq = false;

	for (int i = 0; i < AQ_CMDS_PER_TURN; i++) {
		uint32_t slot = fn->aq_ci & (aq_depth(fn) - 1);
		uint64_t iova = fn->aq_sq + (uint64_t)slot * BVF_CMD_SIZE;

		if (fn->state != BVF_FN_READY || fn->stopping ||
		    fn->aq_ci == fn->aq_pi || !bvf_share_check(fn, iova))
			break;
		irq |= fetch_one(fn, iova);
		/* A long page list takes its time: others come first then. */
		if (i == AQ_CMDS_PER_TURN - 1 || bvf_now_ns() > end) {
			bvf_aq_run(fn);
			break;
		}
	}
	if (irq)
		bvf_irq_raise(fn, 0);
}

void bvf_aq_run(struct bvf_fn *fn)
{
	bvf_loop_timer_arm(&fn->card->loop, &fn->aq_work, 0);
}

void bvf_aq_doorbell(struct bvf_fn *fn, uint32_t pi)
{
	if (fn->state != BVF_FN_READY || fn->stopping)
		return;
	/* In flight are those not fetched and those not completed. */
	if (pi - fn->aq_cq_pi > aq_depth(fn) || pi - fn->aq_ci > aq_depth(fn)) {
		aq_lost(fn, "admin producer index ran past the ring");
		return;
	}
	fn->aq_pi = pi;
	bvf_aq_run(fn);
}

static bool ring_ok(const struct bvf_fn *fn, uint64_t iova, uint64_t len,
		    bool write)
{
	if (iova % BVF_PAGE_SIZE || iova + (len - 1) < iova)
		return false;
	while (len) {
		uint64_t avail;

		if (bvf_mem_find(fn, iova, write, &avail) == GPTR_NONE)
			return false;
		if (avail >= len)
			return true;
		iova += avail;
		len -= avail;
	}
	return true;
}

void bvf_aq_init(struct bvf_fn *fn)
{
	fn->aq_work.fn = aq_turn;
	for (int i = 0; i < 1 << BVF_AQ_SHIFT_MAX; i++) {
		fn->reqs[i].fn = fn;
		req_free(&fn->reqs[i]);
	}
}

enum bvf_dev_error bvf_aq_enable(struct bvf_fn *fn)
{
	if (fn->aq_shift < BVF_AQ_SHIFT_MIN || fn->aq_shift > BVF_AQ_SHIFT_MAX)
		return BVF_DEV_BAD_AQ;
	if (!ring_ok(fn, fn->aq_sq, (uint64_t)BVF_CMD_SIZE << fn->aq_shift,
		     false) ||
	    !ring_ok(fn, fn->aq_cq, (uint64_t)BVF_RESP_SIZE << fn->aq_shift,
		     true))
		return BVF_DEV_BAD_AQ;
	fn->aq_pi = 0;
	fn->aq_ci = 0;
	fn->aq_cq_pi = 0;
	return BVF_DEV_OK;
}

void bvf_aq_disable(struct bvf_fn *fn)
{
	bvf_loop_timer_cancel(&fn->card->loop, &fn->aq_work);
}
