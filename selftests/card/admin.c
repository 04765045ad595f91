// SPDX-License-Identifier: GPL-2.0
/*
 * Admin commands: each right one is changed in one field, and must be refused
 * with the status that belongs to it, and work again unchanged.
 */
#include <stddef.h>

#include "pair.h"
#include "tap.h"

static struct bvf_card card;
static struct bvf_end e;
static struct bvf_uctx other;	/* a second context, with a PD and a CQ */
static uint32_t other_pd;
static struct bvf_cq other_cq;

static void setup(void)
{
	bvf_card_up(&card, tap_tmpdir(), 1);
	bvf_end_up(&e, bvf_card_sock(&card, 0));
	BVF_MUST(bvf_create_uctx(&e.drv, false, &other));
	BVF_MUST(bvf_create_pd(&other, &other_pd));
	BVF_MUST(bvf_create_cq(&other, &other_cq, BVF_EQN_NONE, 4));
}

static void teardown(void)
{
	bvf_drv_close(&e.drv);
	bvf_card_stop(&card);
}

/* ---- right commands ---- */

static size_t good_uctx(void *body, void *mem)
{
	*(struct bvf_create_uctx_cmd *)body = (struct bvf_create_uctx_cmd){
		.db_iova = bvf_iova(&e.drv, mem),
	};
	return sizeof(struct bvf_create_uctx_cmd);
}

static size_t good_pd(void *body, void *mem)
{
	(void)mem;
	*(struct bvf_create_pd_cmd *)body = (struct bvf_create_pd_cmd){
		.uctx = e.u.num,
	};
	return sizeof(struct bvf_create_pd_cmd);
}

static size_t good_eq(void *body, void *mem)
{
	*(struct bvf_create_eq_cmd *)body = (struct bvf_create_eq_cmd){
		.pl = bvf_pl(&e.drv, mem), .buf_len = 8192, .dbrec_off = 4096,
		.vector = 1, .depth_shift = 6,
	};
	return sizeof(struct bvf_create_eq_cmd);
}

static size_t good_cq(void *body, void *mem)
{
	*(struct bvf_create_cq_cmd *)body = (struct bvf_create_cq_cmd){
		.pl = bvf_pl(&e.drv, mem), .buf_len = 8192, .dbrec_off = 4096,
		.uctx = e.u.num, .eqn = e.drv.eq.eqn, .depth_shift = 6,
	};
	return sizeof(struct bvf_create_cq_cmd);
}

static size_t good_qp(void *body, void *mem)
{
	*(struct bvf_create_qp_cmd *)body = (struct bvf_create_qp_cmd){
		.pl = bvf_pl(&e.drv, mem), .buf_len = 8192, .sq_off = 0,
		.rq_off = 4096, .dbrec_off = 6144, .uctx = e.u.num, .pdn = e.pdn,
		.send_cqn = e.scq.cqn, .recv_cqn = e.rcq.cqn, .type = BVF_QPT_RC,
		.sq_depth_shift = 4, .sq_stride_shift = 7, .rq_depth_shift = 4,
		.rq_stride_shift = 6,
	};
	return sizeof(struct bvf_create_qp_cmd);
}

static size_t good_mr(void *body, void *mem)
{
	*(struct bvf_reg_mr_cmd *)body = (struct bvf_reg_mr_cmd){
		.pl = bvf_pl(&e.drv, mem), .va = 0x7f0000001000, .len = 8192,
		.pdn = e.pdn, .access = BVF_ACC_RW,
	};
	return sizeof(struct bvf_reg_mr_cmd);
}

static size_t good_dma_mr(void *body, void *mem)
{
	(void)mem;
	*(struct bvf_reg_mr_cmd *)body = (struct bvf_reg_mr_cmd){
		.pdn = e.pdn, .access = BVF_ACC_LOCAL_WRITE, .flags = BVF_MRF_DMA,
	};
	return sizeof(struct bvf_reg_mr_cmd);
}

static size_t good_gid(void *body, void *mem)
{
	(void)mem;
	*(struct bvf_set_gid_cmd *)body = (struct bvf_set_gid_cmd){
		.index = 1, .valid = 1, .gid = { 0xfe, 0x80, [15] = 1 },
	};
	return sizeof(struct bvf_set_gid_cmd);
}

static size_t good_stats(void *body, void *mem)
{
	*(struct bvf_get_stats_cmd *)body = (struct bvf_get_stats_cmd){
		.iova = bvf_iova(&e.drv, mem), .nr = BVF_STAT_NR,
	};
	return sizeof(struct bvf_get_stats_cmd);
}

static size_t good_modify(void *body, void *mem)
{
	(void)mem;
	*(struct bvf_modify_qp_cmd *)body = (struct bvf_modify_qp_cmd){
		.qpn = e.qp.qpn, .mask = BVF_RC_INIT,
		.attr = { .state = BVF_QPS_INIT, .access = BVF_ACC_REMOTE_WRITE },
	};
	return sizeof(struct bvf_modify_qp_cmd);
}

static size_t good_query(void *body, void *mem)
{
	(void)mem;
	*(struct bvf_handle_cmd *)body = (struct bvf_handle_cmd){ .handle = e.qp.qpn };
	return sizeof(struct bvf_handle_cmd);
}

static size_t good_ethq(void *body, void *mem)
{
	*(struct bvf_create_ethq_cmd *)body = (struct bvf_create_ethq_cmd){
		.pl = bvf_pl(&e.drv, mem), .buf_len = 16384, .rx_off = 4096,
		.rxc_off = 8192, .dbrec_off = 12288, .tx_depth_shift = 6,
		.rx_depth_shift = 6,
	};
	return sizeof(struct bvf_create_ethq_cmd);
}

static size_t good_eth(void *body, void *mem)
{
	(void)mem;
	*(struct bvf_set_eth_cmd *)body = (struct bvf_set_eth_cmd){
		.flags = BVF_ETHF_UP, .mtu = 1500, .nr_rxq = 1,
	};
	return sizeof(struct bvf_set_eth_cmd);
}

static const struct good {
	unsigned int op, undo;		/* undo 0: need not be undone */
	size_t (*fill)(void *body, void *mem);
} goods[] = {
	[0] = { BVF_OP_CREATE_UCTX, BVF_OP_DESTROY_UCTX, good_uctx },
#define UCTX 0
	{ BVF_OP_CREATE_PD, BVF_OP_DESTROY_PD, good_pd },
#define PD 1
	{ BVF_OP_CREATE_EQ, BVF_OP_DESTROY_EQ, good_eq },
#define EQ 2
	{ BVF_OP_CREATE_CQ, BVF_OP_DESTROY_CQ, good_cq },
#define CQ 3
	{ BVF_OP_CREATE_QP, BVF_OP_DESTROY_QP, good_qp },
#define QP 4
	{ BVF_OP_REG_MR, BVF_OP_DEREG_MR, good_mr },
#define MR 5
	{ BVF_OP_SET_GID, 0, good_gid },
#define GID 6
	{ BVF_OP_GET_STATS, 0, good_stats },
#define STATS 7
	{ BVF_OP_MODIFY_QP, 0, good_modify },
#define MODIFY 8
	{ BVF_OP_QUERY_QP, 0, good_query },
#define QUERY 9
	{ BVF_OP_CREATE_ETHQ, BVF_OP_DESTROY_ETHQ, good_ethq },
#define ETHQ 10
	{ BVF_OP_SET_ETH, 0, good_eth },
#define ETH 11
};

/* Undo a create by the handle in the first word of its answer. */
static void undo(const struct good *g, const void *resp)
{
	uint32_t handle;

	memcpy(&handle, resp, 4);
	if (g->undo)
		BVF_MUST(bvf_destroy(&e.drv, g->undo, handle));
}

static void do_good(const struct good *g, void *mem)
{
	uint8_t body[112] = { 0 }, resp[112];
	size_t len = g->fill(body, mem);

	BVF_MUST(bvf_cmd(&e.drv, g->op, body, len, resp, sizeof(resp)));
	undo(g, resp);
}

/* ---- one field changed ---- */

#define AT(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)

static const struct row {
	const char *name;
	unsigned int good;
	size_t off, len;
	uint64_t val;
	int status;
} rows[] = {
	{ "uctx.db_unaligned", UCTX, AT(bvf_create_uctx_cmd, db_iova), 0x100040, BVF_ST_BAD_ADDR },
	{ "uctx.db_in_hole", UCTX, AT(bvf_create_uctx_cmd, db_iova), 0xa0000, BVF_ST_BAD_ADDR },
	{ "uctx.db_beyond", UCTX, AT(bvf_create_uctx_cmd, db_iova), BVF_RAM_SIZE, BVF_ST_BAD_ADDR },
	{ "uctx.db_wraps", UCTX, AT(bvf_create_uctx_cmd, db_iova), ~0xfffull, BVF_ST_BAD_ADDR },
	{ "uctx.kernel_again", UCTX, AT(bvf_create_uctx_cmd, kernel), 1, BVF_ST_BAD_STATE },
	{ "uctx.kernel_2", UCTX, AT(bvf_create_uctx_cmd, kernel), 2, BVF_ST_BAD_PARAM },
	{ "uctx.rsvd", UCTX, AT(bvf_create_uctx_cmd, rsvd), 1, BVF_ST_BAD_RSVD },
	{ "uctx.tail", UCTX, 111, 1, 1, BVF_ST_BAD_RSVD },

	{ "pd.uctx_none", PD, AT(bvf_create_pd_cmd, uctx), 77, BVF_ST_BAD_HANDLE },
	{ "pd.uctx_max", PD, AT(bvf_create_pd_cmd, uctx), 0xffffffff, BVF_ST_BAD_HANDLE },
	{ "pd.uctx_limit", PD, AT(bvf_create_pd_cmd, uctx), BVF_MAX_UCTX, BVF_ST_BAD_HANDLE },
	{ "pd.rsvd", PD, AT(bvf_create_pd_cmd, rsvd), 1, BVF_ST_BAD_RSVD },
	{ "pd.tail", PD, 8, 1, 1, BVF_ST_BAD_RSVD },

	{ "eq.pl_nr_0", EQ, AT(bvf_create_eq_cmd, pl.nr), 0, BVF_ST_BAD_PARAM },
	{ "eq.pl_nr_max", EQ, AT(bvf_create_eq_cmd, pl.nr), BVF_PL_MAX_ENTRIES + 1, BVF_ST_BAD_PARAM },
	{ "eq.pl_rsvd", EQ, AT(bvf_create_eq_cmd, pl.rsvd), 1, BVF_ST_BAD_RSVD },
	{ "eq.unaligned", EQ, AT(bvf_create_eq_cmd, pl.iova), 0x100040, BVF_ST_BAD_ADDR },
	{ "eq.in_hole", EQ, AT(bvf_create_eq_cmd, pl.iova), 0x9f000, BVF_ST_BAD_ADDR },
	{ "eq.buf_len_0", EQ, AT(bvf_create_eq_cmd, buf_len), 0, BVF_ST_BAD_PARAM },
	{ "eq.buf_len_odd", EQ, AT(bvf_create_eq_cmd, buf_len), 8190, BVF_ST_BAD_PARAM },
	{ "eq.buf_too_small", EQ, AT(bvf_create_eq_cmd, buf_len), 4096, BVF_ST_BAD_PARAM },
	{ "eq.dbrec_inside_ring", EQ, AT(bvf_create_eq_cmd, dbrec_off), 64, BVF_ST_BAD_PARAM },
	{ "eq.dbrec_unaligned", EQ, AT(bvf_create_eq_cmd, dbrec_off), 4104, BVF_ST_BAD_PARAM },
	{ "eq.dbrec_beyond", EQ, AT(bvf_create_eq_cmd, dbrec_off), 8192, BVF_ST_BAD_PARAM },
	{ "eq.dbrec_wraps", EQ, AT(bvf_create_eq_cmd, dbrec_off), 0xffffffc0, BVF_ST_BAD_PARAM },
	{ "eq.vector", EQ, AT(bvf_create_eq_cmd, vector), BVF_MAX_VECTORS, BVF_ST_BAD_PARAM },
	{ "eq.vector_max", EQ, AT(bvf_create_eq_cmd, vector), 0xffff, BVF_ST_BAD_PARAM },
	{ "eq.depth_5", EQ, AT(bvf_create_eq_cmd, depth_shift), 5, BVF_ST_BAD_PARAM },
	{ "eq.depth_17", EQ, AT(bvf_create_eq_cmd, depth_shift), 17, BVF_ST_BAD_PARAM },
	{ "eq.depth_255", EQ, AT(bvf_create_eq_cmd, depth_shift), 255, BVF_ST_BAD_PARAM },
	{ "eq.async_2", EQ, AT(bvf_create_eq_cmd, async), 2, BVF_ST_BAD_PARAM },
	{ "eq.rsvd", EQ, AT(bvf_create_eq_cmd, rsvd), 1, BVF_ST_BAD_RSVD },
	{ "eq.tail", EQ, 32, 1, 1, BVF_ST_BAD_RSVD },

	{ "cq.pl_nr_0", CQ, AT(bvf_create_cq_cmd, pl.nr), 0, BVF_ST_BAD_PARAM },
	{ "cq.unaligned", CQ, AT(bvf_create_cq_cmd, pl.iova), 0x100800, BVF_ST_BAD_ADDR },
	{ "cq.beyond", CQ, AT(bvf_create_cq_cmd, pl.iova), BVF_RAM_SIZE - 4096, BVF_ST_BAD_ADDR },
	{ "cq.buf_len_odd", CQ, AT(bvf_create_cq_cmd, buf_len), 4097, BVF_ST_BAD_PARAM },
	{ "cq.buf_too_small", CQ, AT(bvf_create_cq_cmd, depth_shift), 7, BVF_ST_BAD_PARAM },
	{ "cq.dbrec_inside_ring", CQ, AT(bvf_create_cq_cmd, dbrec_off), 0, BVF_ST_BAD_PARAM },
	{ "cq.dbrec_unaligned", CQ, AT(bvf_create_cq_cmd, dbrec_off), 4100, BVF_ST_BAD_PARAM },
	{ "cq.dbrec_beyond", CQ, AT(bvf_create_cq_cmd, dbrec_off), 0xffffffc0, BVF_ST_BAD_PARAM },
	{ "cq.uctx", CQ, AT(bvf_create_cq_cmd, uctx), 99, BVF_ST_BAD_HANDLE },
	{ "cq.uctx_max", CQ, AT(bvf_create_cq_cmd, uctx), 0xffffffff, BVF_ST_BAD_HANDLE },
	{ "cq.eqn", CQ, AT(bvf_create_cq_cmd, eqn), 60, BVF_ST_BAD_HANDLE },
	{ "cq.eqn_large", CQ, AT(bvf_create_cq_cmd, eqn), 0xfffffffe, BVF_ST_BAD_HANDLE },
	{ "cq.depth_0", CQ, AT(bvf_create_cq_cmd, depth_shift), 0, BVF_ST_BAD_PARAM },
	{ "cq.depth_17", CQ, AT(bvf_create_cq_cmd, depth_shift), 17, BVF_ST_BAD_PARAM },
	{ "cq.depth_255", CQ, AT(bvf_create_cq_cmd, depth_shift), 255, BVF_ST_BAD_PARAM },
	{ "cq.rsvd", CQ, offsetof(struct bvf_create_cq_cmd, rsvd) + 6, 1, 1, BVF_ST_BAD_RSVD },
	{ "cq.tail", CQ, 40, 1, 1, BVF_ST_BAD_RSVD },

	{ "qp.pl_nr_0", QP, AT(bvf_create_qp_cmd, pl.nr), 0, BVF_ST_BAD_PARAM },
	{ "qp.unaligned", QP, AT(bvf_create_qp_cmd, pl.iova), 0x100200, BVF_ST_BAD_ADDR },
	{ "qp.in_hole", QP, AT(bvf_create_qp_cmd, pl.iova), 0xff000, BVF_ST_BAD_ADDR },
	{ "qp.buf_len_0", QP, AT(bvf_create_qp_cmd, buf_len), 0, BVF_ST_BAD_PARAM },
	{ "qp.buf_too_small", QP, AT(bvf_create_qp_cmd, buf_len), 4096, BVF_ST_BAD_PARAM },
	{ "qp.sq_unaligned", QP, AT(bvf_create_qp_cmd, sq_off), 64, BVF_ST_BAD_PARAM },
	{ "qp.sq_beyond", QP, AT(bvf_create_qp_cmd, sq_off), 8192, BVF_ST_BAD_PARAM },
	{ "qp.sq_wraps", QP, AT(bvf_create_qp_cmd, sq_off), 0xffffff80, BVF_ST_BAD_PARAM },
	{ "qp.rq_unaligned", QP, AT(bvf_create_qp_cmd, rq_off), 4128, BVF_ST_BAD_PARAM },
	{ "qp.rq_beyond", QP, AT(bvf_create_qp_cmd, rq_off), 7680, BVF_ST_BAD_PARAM },
	{ "qp.rq_wraps", QP, AT(bvf_create_qp_cmd, rq_off), 0xffffffc0, BVF_ST_BAD_PARAM },
	{ "qp.rq_over_sq", QP, AT(bvf_create_qp_cmd, rq_off), 1024, BVF_ST_BAD_PARAM },
	{ "qp.dbrec_unaligned", QP, AT(bvf_create_qp_cmd, dbrec_off), 6152, BVF_ST_BAD_PARAM },
	{ "qp.dbrec_beyond", QP, AT(bvf_create_qp_cmd, dbrec_off), 8128, BVF_ST_BAD_PARAM },
	{ "qp.dbrec_in_sq", QP, AT(bvf_create_qp_cmd, dbrec_off), 128, BVF_ST_BAD_PARAM },
	{ "qp.uctx", QP, AT(bvf_create_qp_cmd, uctx), 99, BVF_ST_BAD_HANDLE },
	{ "qp.uctx_max", QP, AT(bvf_create_qp_cmd, uctx), 0xffffffff, BVF_ST_BAD_HANDLE },
	{ "qp.pdn", QP, AT(bvf_create_qp_cmd, pdn), 4000, BVF_ST_BAD_HANDLE },
	{ "qp.pdn_max", QP, AT(bvf_create_qp_cmd, pdn), 0xffffffff, BVF_ST_BAD_HANDLE },
	{ "qp.send_cqn", QP, AT(bvf_create_qp_cmd, send_cqn), 8000, BVF_ST_BAD_HANDLE },
	{ "qp.send_cqn_max", QP, AT(bvf_create_qp_cmd, send_cqn), 0xffffffff, BVF_ST_BAD_HANDLE },
	{ "qp.recv_cqn", QP, AT(bvf_create_qp_cmd, recv_cqn), 8192, BVF_ST_BAD_HANDLE },
	{ "qp.type_0", QP, AT(bvf_create_qp_cmd, type), 0, BVF_ST_BAD_PARAM },
	{ "qp.type_4", QP, AT(bvf_create_qp_cmd, type), 4, BVF_ST_BAD_PARAM },
	{ "qp.gsi_of_user", QP, AT(bvf_create_qp_cmd, type), BVF_QPT_GSI, BVF_ST_BAD_PARAM },
	{ "qp.flags", QP, AT(bvf_create_qp_cmd, flags), 0x80, BVF_ST_BAD_PARAM },
	{ "qp.sq_depth", QP, AT(bvf_create_qp_cmd, sq_depth_shift), 15, BVF_ST_BAD_PARAM },
	{ "qp.sq_depth_255", QP, AT(bvf_create_qp_cmd, sq_depth_shift), 255, BVF_ST_BAD_PARAM },
	{ "qp.sq_too_deep", QP, AT(bvf_create_qp_cmd, sq_depth_shift), 8, BVF_ST_BAD_PARAM },
	{ "qp.rq_depth", QP, AT(bvf_create_qp_cmd, rq_depth_shift), 15, BVF_ST_BAD_PARAM },
	{ "qp.sq_stride_5", QP, AT(bvf_create_qp_cmd, sq_stride_shift), 5, BVF_ST_BAD_PARAM },
	{ "qp.sq_stride_10", QP, AT(bvf_create_qp_cmd, sq_stride_shift), 10, BVF_ST_BAD_PARAM },
	{ "qp.rq_stride_4", QP, AT(bvf_create_qp_cmd, rq_stride_shift), 4, BVF_ST_BAD_PARAM },
	{ "qp.rq_stride_255", QP, AT(bvf_create_qp_cmd, rq_stride_shift), 255, BVF_ST_BAD_PARAM },
	{ "qp.rsvd", QP, offsetof(struct bvf_create_qp_cmd, rsvd) + 9, 1, 1, BVF_ST_BAD_RSVD },
	{ "qp.tail", QP, 64, 1, 1, BVF_ST_BAD_RSVD },

	{ "mr.pl_nr_0", MR, AT(bvf_reg_mr_cmd, pl.nr), 0, BVF_ST_BAD_PARAM },
	{ "mr.pl_nr_max", MR, AT(bvf_reg_mr_cmd, pl.nr), 0xffffffff, BVF_ST_BAD_PARAM },
	{ "mr.in_hole", MR, AT(bvf_reg_mr_cmd, pl.iova), 0x9f000, BVF_ST_BAD_ADDR },
	{ "mr.beyond", MR, AT(bvf_reg_mr_cmd, pl.iova), BVF_RAM_SIZE - 8191, BVF_ST_BAD_ADDR },
	{ "mr.iova_wraps", MR, AT(bvf_reg_mr_cmd, pl.iova), ~0ull - 100, BVF_ST_BAD_ADDR },
	{ "mr.va_wraps", MR, AT(bvf_reg_mr_cmd, va), ~0ull - 100, BVF_ST_BAD_PARAM },
	{ "mr.len_0", MR, AT(bvf_reg_mr_cmd, len), 0, BVF_ST_BAD_PARAM },
	{ "mr.len_too_much", MR, AT(bvf_reg_mr_cmd, len), ~0ull >> 1, BVF_ST_BAD_PARAM },
	{ "mr.len_beyond_ram", MR, AT(bvf_reg_mr_cmd, len), BVF_RAM_SIZE, BVF_ST_BAD_ADDR },
	{ "mr.pdn", MR, AT(bvf_reg_mr_cmd, pdn), 4095, BVF_ST_BAD_HANDLE },
	{ "mr.pdn_max", MR, AT(bvf_reg_mr_cmd, pdn), 0xffffffff, BVF_ST_BAD_HANDLE },
	{ "mr.access", MR, AT(bvf_reg_mr_cmd, access), 0x10, BVF_ST_BAD_PARAM },
	{ "mr.remote_write_alone", MR, AT(bvf_reg_mr_cmd, access), BVF_ACC_REMOTE_WRITE, BVF_ST_BAD_PARAM },
	{ "mr.flags", MR, AT(bvf_reg_mr_cmd, flags), 0x2, BVF_ST_BAD_PARAM },
	{ "mr.rsvd", MR, offsetof(struct bvf_reg_mr_cmd, rsvd) + 1, 1, 1, BVF_ST_BAD_RSVD },
	{ "mr.tail", MR, 40, 1, 1, BVF_ST_BAD_RSVD },

	{ "gid.index", GID, AT(bvf_set_gid_cmd, index), 256, BVF_ST_BAD_PARAM },
	{ "gid.index_max", GID, AT(bvf_set_gid_cmd, index), 0xffffffff, BVF_ST_BAD_PARAM },
	{ "gid.valid_2", GID, AT(bvf_set_gid_cmd, valid), 2, BVF_ST_BAD_PARAM },
	{ "gid.rsvd0", GID, offsetof(struct bvf_set_gid_cmd, rsvd0), 1, 1, BVF_ST_BAD_RSVD },
	{ "gid.rsvd1", GID, offsetof(struct bvf_set_gid_cmd, rsvd1) + 7, 1, 1, BVF_ST_BAD_RSVD },
	{ "gid.tail", GID, 32, 1, 1, BVF_ST_BAD_RSVD },

	{ "stats.unaligned", STATS, AT(bvf_get_stats_cmd, iova), 0x100004, BVF_ST_BAD_ADDR },
	{ "stats.crosses_page", STATS, AT(bvf_get_stats_cmd, iova), 0x100ff8, BVF_ST_BAD_ADDR },
	{ "stats.in_hole", STATS, AT(bvf_get_stats_cmd, iova), 0xa0000, BVF_ST_BAD_ADDR },
	{ "stats.rsvd", STATS, AT(bvf_get_stats_cmd, rsvd), 1, BVF_ST_BAD_RSVD },

	{ "modify.qpn_0", MODIFY, AT(bvf_modify_qp_cmd, qpn), 0, BVF_ST_BAD_HANDLE },
	{ "modify.qpn_1", MODIFY, AT(bvf_modify_qp_cmd, qpn), 1, BVF_ST_BAD_HANDLE },
	{ "modify.qpn_free", MODIFY, AT(bvf_modify_qp_cmd, qpn), 4000, BVF_ST_BAD_HANDLE },
	{ "modify.qpn_max", MODIFY, AT(bvf_modify_qp_cmd, qpn), 0xffffffff, BVF_ST_BAD_HANDLE },
	{ "modify.mask", MODIFY, AT(bvf_modify_qp_cmd, mask), 0x80000000 | BVF_RC_INIT, BVF_ST_BAD_PARAM },
	{ "modify.state_7", MODIFY, AT(bvf_modify_qp_cmd, attr.state), 7, BVF_ST_BAD_PARAM },
	{ "modify.state_255", MODIFY, AT(bvf_modify_qp_cmd, attr.state), 255, BVF_ST_BAD_PARAM },
	{ "modify.to_rtr", MODIFY, AT(bvf_modify_qp_cmd, attr.state), BVF_QPS_RTR, BVF_ST_BAD_STATE },
	{ "modify.access", MODIFY, AT(bvf_modify_qp_cmd, attr.access), 0x20, BVF_ST_BAD_PARAM },
	{ "modify.rsvd", MODIFY, offsetof(struct bvf_modify_qp_cmd, attr.rsvd), 1, 1, BVF_ST_BAD_RSVD },
	{ "modify.rsvd1", MODIFY, AT(bvf_modify_qp_cmd, attr.rsvd1), 1, BVF_ST_BAD_RSVD },
	{ "modify.tail", MODIFY, 72, 1, 1, BVF_ST_BAD_RSVD },

	{ "query.qpn_0", QUERY, AT(bvf_handle_cmd, handle), 0, BVF_ST_BAD_HANDLE },
	{ "query.qpn_max", QUERY, AT(bvf_handle_cmd, handle), 0xffffffff, BVF_ST_BAD_HANDLE },
	{ "query.rsvd", QUERY, AT(bvf_handle_cmd, rsvd), 1, BVF_ST_BAD_RSVD },
	{ "query.tail", QUERY, 8, 1, 1, BVF_ST_BAD_RSVD },

	{ "ethq.index", ETHQ, AT(bvf_create_ethq_cmd, index), 64, BVF_ST_BAD_PARAM },
	{ "ethq.index_255", ETHQ, AT(bvf_create_ethq_cmd, index), 255, BVF_ST_BAD_PARAM },
	{ "ethq.tx_depth_5", ETHQ, AT(bvf_create_ethq_cmd, tx_depth_shift), 5, BVF_ST_BAD_PARAM },
	{ "ethq.rx_depth_13", ETHQ, AT(bvf_create_ethq_cmd, rx_depth_shift), 13, BVF_ST_BAD_PARAM },
	{ "ethq.vector", ETHQ, AT(bvf_create_ethq_cmd, vector), 32, BVF_ST_BAD_PARAM },
	{ "ethq.tx_unaligned", ETHQ, AT(bvf_create_ethq_cmd, tx_off), 16, BVF_ST_BAD_PARAM },
	{ "ethq.rx_beyond", ETHQ, AT(bvf_create_ethq_cmd, rx_off), 16384, BVF_ST_BAD_PARAM },
	{ "ethq.rxc_wraps", ETHQ, AT(bvf_create_ethq_cmd, rxc_off), 0xffffffe0, BVF_ST_BAD_PARAM },
	{ "ethq.dbrec_unaligned", ETHQ, AT(bvf_create_ethq_cmd, dbrec_off), 12296, BVF_ST_BAD_PARAM },
	{ "ethq.rsvd0", ETHQ, AT(bvf_create_ethq_cmd, rsvd0), 1, BVF_ST_BAD_RSVD },
	{ "ethq.rsvd1", ETHQ, AT(bvf_create_ethq_cmd, rsvd1), 1, BVF_ST_BAD_RSVD },
	{ "ethq.rsvd2", ETHQ, AT(bvf_create_ethq_cmd, rsvd2), 1, BVF_ST_BAD_RSVD },

	{ "eth.flags", ETH, AT(bvf_set_eth_cmd, flags), 0x10, BVF_ST_BAD_PARAM },
	{ "eth.mtu_67", ETH, AT(bvf_set_eth_cmd, mtu), 67, BVF_ST_BAD_PARAM },
	{ "eth.mtu_9001", ETH, AT(bvf_set_eth_cmd, mtu), 9001, BVF_ST_BAD_PARAM },
	{ "eth.nr_rxq", ETH, AT(bvf_set_eth_cmd, nr_rxq), 65, BVF_ST_BAD_PARAM },
	{ "eth.rsvd", ETH, AT(bvf_set_eth_cmd, rsvd), 1, BVF_ST_BAD_RSVD },
};

/* All rows on one card: a refused command must not change anything either. */
static void run_rows(const char *prefix)
{
	uint8_t body[112], resp[112];
	size_t n = strlen(prefix);
	void *mem;

	setup();
	mem = bvf_alloc_pages(&e.drv, 1 << 16);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		const struct good *g = &goods[r->good];
		int st;

		if (strncmp(r->name, prefix, n) || r->name[n] != '.')
			continue;
		memset(body, 0, sizeof(body));
		g->fill(body, mem);
		memcpy(body + r->off, &r->val, r->len);
		st = bvf_cmd(&e.drv, g->op, body, sizeof(body), resp, sizeof(resp));
		if (st != r->status)
			TAP_FAIL("%s: %s, wanted %s", r->name, bvf_status_name(st),
				 bvf_status_name(r->status));
		do_good(g, mem);
		if (r->good == MODIFY)
			bvf_qp_reset(&e.qp);
	}
	teardown();
}

static const struct prefix_row {
	const char *name;
} prefixes[] = {
	{ "uctx" }, { "pd" }, { "eq" }, { "cq" }, { "qp" }, { "mr" }, { "gid" },
	{ "stats" }, { "modify" }, { "query" }, { "ethq" }, { "eth" },
};

TAP_TABLE(refused, struct prefix_row, prefixes, row)
{
	run_rows(row->name);
}

/* ---- objects of another context ---- */

TAP_TEST(qp_with_pd_of_another_context)
{
	struct bvf_qp_init init;
	struct bvf_qp qp;

	setup();
	init = e.init;
	init.pdn = other_pd;
	TAP_EQ(bvf_create_qp(&init, &qp), BVF_ST_BAD_HANDLE);
	teardown();
}

TAP_TEST(qp_with_cq_of_another_context)
{
	struct bvf_qp_init init;
	struct bvf_qp qp;

	setup();
	init = e.init;
	init.scq = &other_cq;
	TAP_EQ(bvf_create_qp(&init, &qp), BVF_ST_BAD_HANDLE);
	init = e.init;
	init.rcq = &other_cq;
	TAP_EQ(bvf_create_qp(&init, &qp), BVF_ST_BAD_HANDLE);
	teardown();
}

TAP_TEST(dma_mr_for_kernel_only)
{
	uint8_t body[112] = { 0 };
	struct bvf_reg_mr_resp resp;
	uint32_t pdn;
	size_t len;

	setup();
	len = good_dma_mr(body, NULL);
	TAP_EQ(bvf_cmd(&e.drv, BVF_OP_REG_MR, body, len, NULL, 0), BVF_ST_BAD_PARAM);
	BVF_MUST(bvf_create_pd(&e.drv.kernel, &pdn));
	((struct bvf_reg_mr_cmd *)body)->pdn = pdn;
	BVF_MUST(bvf_cmd(&e.drv, BVF_OP_REG_MR, body, len, &resp, sizeof(resp)));
	BVF_MUST(bvf_destroy(&e.drv, BVF_OP_DEREG_MR, resp.lkey));
	((struct bvf_reg_mr_cmd *)body)->len = 4096;
	TAP_EQ(bvf_cmd(&e.drv, BVF_OP_REG_MR, body, len, NULL, 0), BVF_ST_BAD_RSVD);
	teardown();
}

TAP_TEST(second_async_eq_refused)
{
	struct bvf_eq eq;

	setup();
	TAP_NE(bvf_create_eq(&e.drv, &eq, 0, 6, true), BVF_ST_OK);
	teardown();
}

/* ---- destroy ---- */

static const struct handle_row {
	const char *name;
	unsigned int op;
} destroys[] = {
	{ "uctx", BVF_OP_DESTROY_UCTX }, { "pd", BVF_OP_DESTROY_PD },
	{ "eq", BVF_OP_DESTROY_EQ }, { "cq", BVF_OP_DESTROY_CQ },
	{ "qp", BVF_OP_DESTROY_QP }, { "mr", BVF_OP_DEREG_MR },
	{ "ethq", BVF_OP_DESTROY_ETHQ },
};

TAP_TABLE(destroy_nothing, struct handle_row, destroys, row)
{
	static const uint32_t handles[] = { 900, 4096, 8192, 65536, 1u << 24,
					    0x7fffffff, 0xffffffff };
	struct bvf_handle_cmd cmd = { .handle = 900, .rsvd = 1 };

	setup();
	for (unsigned int i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
		TAP_EQ(bvf_destroy(&e.drv, row->op, handles[i]), BVF_ST_BAD_HANDLE);
	TAP_EQ(bvf_cmd(&e.drv, row->op, &cmd, sizeof(cmd), NULL, 0), BVF_ST_BAD_RSVD);
	teardown();
}

TAP_TEST(destroy_while_used)
{
	struct bvf_drv *d;

	setup();
	d = &e.drv;
	TAP_EQ(bvf_destroy(d, BVF_OP_DESTROY_UCTX, e.u.num), BVF_ST_BUSY);
	TAP_EQ(bvf_destroy(d, BVF_OP_DESTROY_PD, e.pdn), BVF_ST_BUSY);
	TAP_EQ(bvf_destroy(d, BVF_OP_DESTROY_CQ, e.scq.cqn), BVF_ST_BUSY);
	TAP_EQ(bvf_destroy(d, BVF_OP_DESTROY_CQ, e.rcq.cqn), BVF_ST_BUSY);
	TAP_EQ(bvf_destroy(d, BVF_OP_DESTROY_EQ, d->eq.eqn), BVF_ST_BUSY);
	BVF_MUST(bvf_destroy(d, BVF_OP_DESTROY_QP, e.qp.qpn));
	TAP_EQ(bvf_destroy(d, BVF_OP_DESTROY_PD, e.pdn), BVF_ST_BUSY);
	BVF_MUST(bvf_destroy(d, BVF_OP_DEREG_MR, e.mr.lkey));
	BVF_MUST(bvf_destroy(d, BVF_OP_DESTROY_PD, e.pdn));
	TAP_EQ(bvf_destroy(d, BVF_OP_DESTROY_UCTX, e.u.num), BVF_ST_BUSY);
	BVF_MUST(bvf_destroy(d, BVF_OP_DESTROY_CQ, e.scq.cqn));
	BVF_MUST(bvf_destroy(d, BVF_OP_DESTROY_CQ, e.rcq.cqn));
	BVF_MUST(bvf_destroy(d, BVF_OP_DESTROY_UCTX, e.u.num));
	BVF_MUST(bvf_destroy(d, BVF_OP_DESTROY_CQ, other_cq.cqn));
	BVF_MUST(bvf_destroy(d, BVF_OP_DESTROY_EQ, d->eq.eqn));
	TAP_EQ(bvf_destroy(d, BVF_OP_DESTROY_UCTX, e.u.num), BVF_ST_BAD_HANDLE);
	teardown();
}

TAP_TEST(destroy_twice)
{
	setup();
	BVF_MUST(bvf_destroy(&e.drv, BVF_OP_DESTROY_QP, e.qp.qpn));
	TAP_EQ(bvf_destroy(&e.drv, BVF_OP_DESTROY_QP, e.qp.qpn), BVF_ST_BAD_HANDLE);
	BVF_MUST(bvf_destroy(&e.drv, BVF_OP_DEREG_MR, e.mr.lkey));
	TAP_EQ(bvf_destroy(&e.drv, BVF_OP_DEREG_MR, e.mr.lkey), BVF_ST_BAD_HANDLE);
	teardown();
}

/* Both at once: one wins, the other is told, and each is answered once. */
TAP_TEST(destroy_twice_at_once)
{
	struct bvf_handle_cmd cmd;
	uint32_t id[2];
	int st[2];

	setup();
	cmd = (struct bvf_handle_cmd){ .handle = e.qp.qpn };
	for (int i = 0; i < 2; i++)
		id[i] = bvf_cmd_submit(&e.drv, BVF_OP_DESTROY_QP, &cmd, sizeof(cmd));
	for (int i = 0; i < 2; i++)
		st[i] = bvf_cmd_wait(&e.drv, id[i], NULL, 0);
	TAP_EQ(st[0], BVF_ST_OK);
	TAP_OK(st[1] == BVF_ST_BAD_STATE || st[1] == BVF_ST_BAD_HANDLE);
	teardown();
}

TAP_TEST(numbers_of_destroyed_objects_do_not_return)
{
	struct bvf_qp qp;
	struct bvf_mr mr;
	uint32_t qpn, lkey;

	setup();
	qpn = e.qp.qpn;
	lkey = e.mr.lkey;
	BVF_MUST(bvf_destroy(&e.drv, BVF_OP_DESTROY_QP, qpn));
	BVF_MUST(bvf_destroy(&e.drv, BVF_OP_DEREG_MR, lkey));
	for (int i = 0; i < 100; i++) {
		e.drv.ram_next = BVF_HOLE_END + (32u << 20);
		BVF_MUST(bvf_create_qp(&e.init, &qp));
		BVF_MUST(bvf_reg_mr(&e.u, e.pdn, e.buf, 4096, BVF_ACC_RW, &mr));
		TAP_NE(qp.qpn, qpn);
		TAP_NE(mr.lkey, lkey);
		BVF_MUST(bvf_destroy(&e.drv, BVF_OP_DESTROY_QP, qp.qpn));
		BVF_MUST(bvf_destroy(&e.drv, BVF_OP_DEREG_MR, mr.lkey));
		qpn = qp.qpn;
		lkey = mr.lkey;
	}
	teardown();
}

/* ---- page lists ---- */

static int reg_list(const struct bvf_page_list *pl, uint64_t len)
{
	struct bvf_reg_mr_cmd cmd = {
		.pl = *pl, .va = 0x10000, .len = len, .pdn = e.pdn,
		.access = BVF_ACC_RW,
	};

	return bvf_cmd(&e.drv, BVF_OP_REG_MR, &cmd, sizeof(cmd), NULL, 0);
}

TAP_TEST(page_list_of_many_pages)
{
	struct bvf_pl_entry ent[600];
	struct bvf_page_list pl;

	setup();
	for (int i = 0; i < 600; i++)
		ent[i] = (struct bvf_pl_entry){
			bvf_iova(&e.drv, e.buf) + (uint64_t)(599 - i) * 8192, 4096 };
	pl = bvf_pl_chain(&e.drv, ent, 600);
	BVF_MUST(reg_list(&pl, 600 * 4096));
	TAP_EQ(reg_list(&pl, 600 * 4096 + 1), BVF_ST_BAD_PARAM);
	teardown();
}

static const struct pl_row {
	const char *name;
	uint64_t iova, len;	/* of entry 300 */
	int status;
} pls[] = {
	{ "entry_len_0", 0x100000, 0, BVF_ST_BAD_PARAM },
	{ "entry_in_hole", 0xa0000, 4096, BVF_ST_BAD_ADDR },
	{ "entry_beyond", BVF_RAM_SIZE, 4096, BVF_ST_BAD_ADDR },
	{ "entry_wraps", ~0xfffull, 8192, BVF_ST_BAD_ADDR },
	{ "entry_len_max", 0x100000, ~0ull, BVF_ST_BAD_ADDR },
};

TAP_TABLE(page_list, struct pl_row, pls, row)
{
	struct bvf_pl_entry ent[400];
	struct bvf_page_list pl;

	setup();
	for (int i = 0; i < 400; i++)
		ent[i] = (struct bvf_pl_entry){ bvf_iova(&e.drv, e.buf), 4096 };
	ent[300] = (struct bvf_pl_entry){ row->iova, row->len };
	pl = bvf_pl_chain(&e.drv, ent, 400);
	TAP_EQ(reg_list(&pl, 400 * 4096), row->status);
	teardown();
}

TAP_TEST(page_list_chain_errors)
{
	struct bvf_pl_entry ent[600];
	struct bvf_page_list pl;
	struct bvf_pl_page *page;

	setup();
	for (int i = 0; i < 600; i++)
		ent[i] = (struct bvf_pl_entry){ bvf_iova(&e.drv, e.buf), 4096 };
	pl = bvf_pl_chain(&e.drv, ent, 600);
	page = (struct bvf_pl_page *)(e.drv.ram + pl.iova);

	page[1].next = 0;			/* ends early */
	TAP_OK(reg_list(&pl, 600 * 4096));
	page[1].next = bvf_iova(&e.drv, &page[2]) + 8;
	TAP_EQ(reg_list(&pl, 600 * 4096), BVF_ST_BAD_ADDR);
	page[1].next = 0xa0000;
	TAP_EQ(reg_list(&pl, 600 * 4096), BVF_ST_BAD_ADDR);
	page[1].next = bvf_iova(&e.drv, &page[2]);
	page[1].rsvd = 1;
	TAP_EQ(reg_list(&pl, 600 * 4096), BVF_ST_BAD_RSVD);
	page[1].rsvd = 0;
	pl.iova += 16;
	TAP_EQ(reg_list(&pl, 600 * 4096), BVF_ST_BAD_ADDR);
	pl.iova -= 16;
	BVF_MUST(reg_list(&pl, 600 * 4096));
	teardown();
}

TAP_TEST(page_list_that_never_ends)
{
	struct bvf_pl_entry ent[300];
	struct bvf_page_list pl;
	struct bvf_pl_page *page;

	setup();
	for (int i = 0; i < 300; i++)
		ent[i] = (struct bvf_pl_entry){ bvf_iova(&e.drv, e.buf) + i % 2 * 8192, 4096 };
	pl = bvf_pl_chain(&e.drv, ent, 300);
	page = (struct bvf_pl_page *)(e.drv.ram + pl.iova);
	for (int i = 0; i < 255; i++)
		page[1].e[i] = ent[i % 2];
	page[1].next = pl.iova;			/* a ring of list pages */
	pl.nr = 1u << 20;
	reg_list(&pl, 4096ull << 20);		/* any answer will do */
	BVF_MUST(bvf_cmd(&e.drv, BVF_OP_DESCRIBE, NULL, 0, NULL, 0));
	teardown();
}

TAP_TEST(queue_in_scattered_pages)
{
	struct bvf_pl_entry ent[2];
	struct bvf_create_cq_cmd cmd;
	uint8_t body[112] = { 0 };
	uint8_t *mem;

	setup();
	mem = bvf_alloc_pages(&e.drv, 1 << 16);
	good_cq(body, mem);
	memcpy(&cmd, body, sizeof(cmd));
	ent[0] = (struct bvf_pl_entry){ bvf_iova(&e.drv, mem) + 16384, 4096 };
	ent[1] = (struct bvf_pl_entry){ bvf_iova(&e.drv, mem), 4096 };
	cmd.pl = bvf_pl_chain(&e.drv, ent, 2);
	BVF_MUST(bvf_cmd(&e.drv, BVF_OP_CREATE_CQ, &cmd, sizeof(cmd), NULL, 0));
	ent[1].len = 2048;
	cmd.pl = bvf_pl_chain(&e.drv, ent, 2);
	TAP_NE(bvf_cmd(&e.drv, BVF_OP_CREATE_CQ, &cmd, sizeof(cmd), NULL, 0), BVF_ST_OK);
	teardown();
}

/* ---- DESCRIBE, GET_STATS ---- */

TAP_TEST(describe_promises)
{
	const struct bvf_describe_resp *r = &e.drv.desc;

	setup();
	TAP_GE(r->max_qp, 4096u);
	TAP_GE(r->max_cq, 4096u);
	TAP_GE(r->max_mr, 65535u);
	TAP_EQ(r->max_sge, 16);
	TAP_GE(r->max_inline, 192);
	TAP_EQ(r->max_msg, BVF_MAX_MSG);
	TAP_EQ(r->max_rd_atomic, 16);
	TAP_GE(r->max_mtu, 9000);
	TAP_NE(r->guid, 0ull);
	TAP_EQ(r->mac[0] & 1, 0);
	teardown();
}

TAP_TEST(stats_writes_no_more_than_asked)
{
	uint64_t *page;
	struct bvf_get_stats_cmd cmd = { .nr = 3 };
	struct bvf_get_stats_resp resp;

	setup();
	page = bvf_alloc_pages(&e.drv, 4096);
	memset(page, 0xee, 4096);
	cmd.iova = bvf_iova(&e.drv, page);
	BVF_MUST(bvf_cmd(&e.drv, BVF_OP_GET_STATS, &cmd, sizeof(cmd), &resp, sizeof(resp)));
	TAP_EQ(resp.nr, 3u);
	TAP_EQ(page[3], 0xeeeeeeeeeeeeeeeeull);
	cmd.nr = 512;
	BVF_MUST(bvf_cmd(&e.drv, BVF_OP_GET_STATS, &cmd, sizeof(cmd), &resp, sizeof(resp)));
	TAP_EQ(resp.nr, (uint32_t)BVF_STAT_NR);
	TAP_EQ(page[BVF_STAT_NR], 0xeeeeeeeeeeeeeeeeull);
	teardown();
}

/* ---- anything at all ---- */

TAP_TEST(random_commands)
{
	struct bvf_cmd cmd;

	setup();
	bvf_seed();
	for (int i = 0; i < 4000; i++) {
		const struct good *g = &goods[bvf_rand(sizeof(goods) / sizeof(goods[0]))];

		memset(&cmd, 0, sizeof(cmd));
		g->fill(cmd.body, e.buf);
		cmd.hdr.opcode = (uint16_t)(bvf_rand(4) ? g->op : bvf_rand(BVF_OP_NR + 2));
		cmd.hdr.id = 0x40000000u + (uint32_t)i;
		for (uint32_t n = bvf_rand(4); n; n--)
			cmd.body[bvf_rand(72)] = (uint8_t)(bvf_rand(2) ? bvf_rand(256) : 1u << bvf_rand(8));
		bvf_cmd_submit_raw(&e.drv, &cmd);
		bvf_cmd_wait(&e.drv, cmd.hdr.id, NULL, 0);
	}
	teardown();
}

TAP_MAIN()
