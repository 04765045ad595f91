// SPDX-License-Identifier: GPL-2.0
/*
 * Admin commands, one function for each, and the event queues. Knows the
 * layout of the commands and nothing of when they are allowed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bvf_drv.h"

static const char *const status_name[] = {
	[BVF_ST_OK] = "OK", [BVF_ST_BAD_OPCODE] = "BAD_OPCODE",
	[BVF_ST_BAD_RSVD] = "BAD_RSVD", [BVF_ST_BAD_PARAM] = "BAD_PARAM",
	[BVF_ST_BAD_HANDLE] = "BAD_HANDLE", [BVF_ST_BAD_ADDR] = "BAD_ADDR",
	[BVF_ST_BAD_STATE] = "BAD_STATE", [BVF_ST_BUSY] = "BUSY",
	[BVF_ST_NO_RESOURCE] = "NO_RESOURCE", [BVF_ST_NOT_SUPP] = "NOT_SUPP",
	[BVF_ST_INTERNAL] = "INTERNAL",
};
_Static_assert(sizeof(status_name) / sizeof(status_name[0]) == BVF_ST_NR, "names");

const char *bvf_status_name(int status)
{
	if (status < 0 || status >= BVF_ST_NR)
		return "a status that does not exist";
	return status_name[status];
}

uint32_t bvf_cmd_submit_raw(struct bvf_drv *d, const struct bvf_cmd *cmd)
{
	uint32_t mask = (1u << d->aq_shift) - 1;

	if (d->aq_pi - d->aq_ci > mask)
		bvf_fail("admin queue is full");
	d->aq_sq[d->aq_pi++ & mask] = *cmd;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* before the doorbell */
	bvf_reg_write(d, BVF_REG_AQ_DB, d->aq_pi);
	return cmd->hdr.id;
}

uint32_t bvf_cmd_submit(struct bvf_drv *d, unsigned int op, const void *body,
			size_t len)
{
	struct bvf_cmd cmd = {
		.hdr = { .opcode = (uint16_t)op, .id = ++d->aq_id },
	};

	if (len)
		memcpy(cmd.body, body, len);
	return bvf_cmd_submit_raw(d, &cmd);
}

/* Return: 1 if a completion was moved from the ring to aq_done */
static int aq_poll(struct bvf_drv *d)
{
	struct bvf_resp *r = &d->aq_cq[d->aq_ci & ((1u << d->aq_shift) - 1)];
	uint32_t phase = __atomic_load_n(&r->phase, __ATOMIC_ACQUIRE);

	if ((phase & 1) != ((d->aq_ci >> d->aq_shift & 1) ^ 1))
		return 0;
	if (d->aq_ci == d->aq_pi)
		bvf_fail("completion of command %u, which was not given", r->hdr.id);
	if (d->aq_nr_done > (1u << d->aq_shift) - 1)
		bvf_fail("too many completions that nobody waits for");
	d->aq_done[d->aq_nr_done++] = *r;
	d->aq_ci++;
	return 1;
}

static int aq_take(struct bvf_drv *d, uint32_t id, struct bvf_resp *resp)
{
	for (uint32_t i = 0; i < d->aq_nr_done; i++) {
		if (d->aq_done[i].hdr.id != id)
			continue;
		*resp = d->aq_done[i];
		d->aq_done[i] = d->aq_done[--d->aq_nr_done];
		return 1;
	}
	return 0;
}

int bvf_cmd_wait(struct bvf_drv *d, uint32_t id, void *resp, size_t resp_len)
{
	uint64_t since = bvf_now_ns();
	struct bvf_resp r;
	char what[40];

	while (!aq_take(d, id, &r)) {
		if (aq_poll(d))
			continue;
		snprintf(what, sizeof(what), "admin command %u", id);
		bvf_relax(d, since, what);
	}
	if (resp_len)
		memcpy(resp, r.body, resp_len);
	return r.hdr.status;
}

int bvf_cmd(struct bvf_drv *d, unsigned int op, const void *body, size_t len,
	    void *resp, size_t resp_len)
{
	return bvf_cmd_wait(d, bvf_cmd_submit(d, op, body, len), resp, resp_len);
}

int bvf_create_uctx(struct bvf_drv *d, bool kernel, struct bvf_uctx *u)
{
	struct bvf_create_uctx_cmd cmd = { .kernel = kernel };
	struct bvf_create_uctx_resp resp;
	int st;

	u->drv = d;
	u->db = bvf_alloc_pages(d, BVF_PAGE_SIZE);
	cmd.db_iova = bvf_iova(d, u->db);
	st = bvf_cmd(d, BVF_OP_CREATE_UCTX, &cmd, sizeof(cmd), &resp, sizeof(resp));
	u->num = resp.uctx;
	return st;
}

int bvf_create_pd(struct bvf_uctx *u, uint32_t *pdn)
{
	struct bvf_create_pd_cmd cmd = { .uctx = u->num };
	struct bvf_handle_resp resp;
	int st = bvf_cmd(u->drv, BVF_OP_CREATE_PD, &cmd, sizeof(cmd), &resp,
			 sizeof(resp));

	*pdn = resp.handle;
	return st;
}

int bvf_create_eq(struct bvf_drv *d, struct bvf_eq *eq, uint32_t vector,
		  uint32_t depth_shift, bool async)
{
	uint32_t ring = (uint32_t)sizeof(struct bvf_eqe) << depth_shift;
	struct bvf_create_eq_cmd cmd = {
		.vector = (uint16_t)vector, .depth_shift = (uint8_t)depth_shift,
		.async = async,
	};
	struct bvf_handle_resp resp;
	int st;

	cmd.dbrec_off = (ring + 63) & ~63u;
	cmd.buf_len = (cmd.dbrec_off + 64 + BVF_PAGE_SIZE - 1) & ~(BVF_PAGE_SIZE - 1);
	eq->drv = d;
	eq->vector = vector;
	eq->depth_shift = depth_shift;
	eq->ci = 0;
	eq->ring = bvf_alloc_pages(d, cmd.buf_len);
	eq->dbrec = (void *)((uint8_t *)eq->ring + cmd.dbrec_off);
	cmd.pl = bvf_pl(d, eq->ring);
	st = bvf_cmd(d, BVF_OP_CREATE_EQ, &cmd, sizeof(cmd), &resp, sizeof(resp));
	eq->eqn = resp.handle;
	return st;
}

int bvf_reg_mr(struct bvf_uctx *u, uint32_t pdn, void *mem, uint64_t len,
	       uint8_t access, struct bvf_mr *mr)
{
	struct bvf_reg_mr_cmd cmd = {
		.pl = bvf_pl(u->drv, mem), .va = (uint64_t)(uintptr_t)mem,
		.len = len, .pdn = pdn, .access = access,
	};
	struct bvf_reg_mr_resp resp;
	int st = bvf_cmd(u->drv, BVF_OP_REG_MR, &cmd, sizeof(cmd), &resp,
			 sizeof(resp));

	*mr = (struct bvf_mr){
		.lkey = resp.lkey, .rkey = resp.rkey, .mem = mem, .va = cmd.va,
		.len = len,
	};
	return st;
}

int bvf_set_gid(struct bvf_drv *d, uint32_t index, const uint8_t *gid)
{
	struct bvf_set_gid_cmd cmd = { .index = index, .valid = gid != NULL };

	if (gid)
		memcpy(cmd.gid, gid, sizeof(cmd.gid));
	return bvf_cmd(d, BVF_OP_SET_GID, &cmd, sizeof(cmd), NULL, 0);
}

int bvf_destroy(struct bvf_drv *d, unsigned int op, uint32_t handle)
{
	struct bvf_handle_cmd cmd = { .handle = handle };

	return bvf_cmd(d, op, &cmd, sizeof(cmd), NULL, 0);
}

uint64_t bvf_stat(struct bvf_drv *d, enum bvf_stat which)
{
	uint64_t *page = bvf_alloc_pages(d, BVF_PAGE_SIZE);
	struct bvf_get_stats_cmd cmd = {
		.iova = bvf_iova(d, page), .nr = BVF_STAT_NR,
	};
	struct bvf_get_stats_resp resp;
	uint64_t val;
	int st = bvf_cmd(d, BVF_OP_GET_STATS, &cmd, sizeof(cmd), &resp, sizeof(resp));

	if (st || resp.nr <= which)
		bvf_fail("GET_STATS: %s, %u counters", bvf_status_name(st), resp.nr);
	val = page[which];
	memset(page, 0, BVF_PAGE_SIZE);
	d->ram_next -= BVF_PAGE_SIZE;	/* nothing was allocated since */
	return val;
}

/* ---- events ---- */

int bvf_eq_poll(struct bvf_eq *eq, struct bvf_eqe *eqe)
{
	struct bvf_eqe *e = &eq->ring[eq->ci & ((1u << eq->depth_shift) - 1)];
	uint32_t phase = __atomic_load_n(&e->phase, __ATOMIC_ACQUIRE);

	if ((phase & 1) != ((eq->ci >> eq->depth_shift & 1) ^ 1))
		return 0;
	*eqe = *e;
	eq->ci++;
	__atomic_store_n(&eq->dbrec->ci, eq->ci, __ATOMIC_RELEASE);
	return 1;
}

void bvf_eq_wait(struct bvf_eq *eq, struct bvf_eqe *eqe)
{
	uint64_t since = bvf_now_ns();

	while (!bvf_eq_poll(eq, eqe))
		bvf_relax(eq->drv, since, "an event");
}

/* The caller looks at the queue once more after this. */
void bvf_eq_arm(struct bvf_eq *eq)
{
	__atomic_store_n(&eq->dbrec->ci, eq->ci, __ATOMIC_RELAXED);
	__atomic_store_n(&eq->dbrec->arm, eq->ci, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* partner: card's EQ producer */
}

void bvf_want_async_(struct bvf_drv *d, unsigned int type, unsigned int event,
		     uint32_t id)
{
	struct bvf_eqe e;

	do
		bvf_eq_wait(&d->async, &e);
	while (e.type == BVF_EQE_ASYNC_PORT && type != BVF_EQE_ASYNC_PORT);
	if (e.type != type || e.event != event || e.id != id)
		bvf_fail("event %u/%u of %#x, wanted %u/%u of %#x", e.type,
			 e.event, e.id, type, event, id);
}

void bvf_want_no_async_(struct bvf_drv *d)
{
	struct bvf_eqe e;

	while (bvf_eq_poll(&d->async, &e))
		if (e.type != BVF_EQE_ASYNC_PORT)
			bvf_fail("event %u/%u of %#x, wanted none", e.type,
				 e.event, e.id);
}
