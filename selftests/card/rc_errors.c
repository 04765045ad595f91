// SPDX-License-Identifier: GPL-2.0
/*
 * RC errors: the completion of each mistake at both ends, the states and
 * asynchronous events that follow, and that nothing else is harmed.
 */
#include "pair.h"
#include "tap.h"

static struct bvf_pair p;
static struct bvf_mr ro;	/* of b's buffer: no remote access, no local write */
static struct bvf_mr foreign[2];/* at each end, of another PD */
static struct bvf_qp other[2];	/* a second connection, to be unharmed */
static struct bvf_sge sge[16];
static struct bvf_wr wr;
static struct bvf_sge rsge;

static void setup_access(uint8_t access, uint8_t max_dest_rd)
{
	struct bvf_qp_attr attr;
	uint32_t pdn;

	bvf_pair_card(&p, tap_tmpdir());
	bvf_end_up(&p.a, bvf_card_sock(&p.card, 0));
	bvf_end_up(&p.b, bvf_card_sock(&p.card, 1));
	bvf_attr_to(&p.b.qp, &p.a.qp, &attr);
	attr.access = access;
	attr.max_dest_rd_atomic = max_dest_rd;
	BVF_MUST(bvf_to_state(&p.b.qp, &attr, BVF_QPS_RTS));
	bvf_attr_to(&p.a.qp, &p.b.qp, &attr);
	BVF_MUST(bvf_to_state(&p.a.qp, &attr, BVF_QPS_RTS));
	bvf_pair_qp(&p, &other[0], &other[1]);
	BVF_MUST(bvf_reg_mr(&p.b.u, p.b.pdn, p.b.buf, 4096, 0, &ro));
	BVF_MUST(bvf_create_pd(&p.a.u, &pdn));
	BVF_MUST(bvf_reg_mr(&p.a.u, pdn, p.a.buf, 4096, BVF_ACC_RW, &foreign[0]));
	BVF_MUST(bvf_create_pd(&p.b.u, &pdn));
	BVF_MUST(bvf_reg_mr(&p.b.u, pdn, p.b.buf, 4096, BVF_ACC_RW, &foreign[1]));
	sge[0] = bvf_sge(&p.a.mr, 0, 1000);
	rsge = bvf_sge(&p.b.mr, 0, 4096);
	bvf_fill(p.a.buf, 4096, 1);
	wr = bvf_wr_write(sge, &p.b.mr, 0);
}

static void setup(void)
{
	setup_access(BVF_ACC_REMOTE_WRITE | BVF_ACC_REMOTE_READ, 16);
}

/* The other connection of the same objects works as before. */
static void teardown(void)
{
	uint64_t off = BVF_BUF_LEN - 4096;
	struct bvf_sge s = bvf_sge(&p.a.mr, off, 64);
	struct bvf_wr w = bvf_wr_write(&s, &p.b.mr, off);

	bvf_fill(p.a.buf + off, 64, 99);
	bvf_post_send(&other[0], &w);
	bvf_want_cqe(&p.a.scq, &other[0], BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(p.b.buf + off, 64, 99);
	bvf_pair_down(&p);
}

/* The bytes of WQE i as they lie in the ring, to be spoilt before the doorbell. */
static struct bvf_wqe *put(void)
{
	return bvf_put_send(&p.a.qp, &wr);
}

/* ---- mistakes of the requester alone ---- */

#define CASE(id, stmt) static void do_##id(struct bvf_wqe *w) { (void)w; stmt; }
CASE(op_0, w->op = 0)
CASE(op_6, w->op = 6)
CASE(op_max, w->op = 255)
CASE(flags, w->flags |= 0x10)
CASE(flags_high, w->flags |= 0x80)
CASE(rsvd0, w->rsvd0 = 1)
CASE(rsvd1, w->rsvd1 = 1ull << 63)
CASE(nr_sge_17, w->nr_sge = 17)
CASE(nr_sge_255, w->nr_sge = 255)
CASE(inline_and_sge, w->flags |= BVF_WQE_INLINE; w->inline_len = 8)
CASE(inline_len_alone, w->inline_len = 8)
CASE(inline_225, w->flags |= BVF_WQE_INLINE; w->nr_sge = 0; w->inline_len = 225)
CASE(inline_max, w->flags |= BVF_WQE_INLINE; w->nr_sge = 0; w->inline_len = ~0u)
CASE(inline_read, w->op = BVF_WR_READ; w->flags |= BVF_WQE_INLINE; w->nr_sge = 0;
     w->inline_len = 8)

static struct bvf_sge *first(struct bvf_wqe *w)
{
	return (struct bvf_sge *)(w + 1);
}

CASE(lkey_0, first(w)->lkey = 0)
CASE(lkey_none, first(w)->lkey = 0x12345600)
CASE(lkey_max, first(w)->lkey = 0xffffffff)
CASE(lkey_variant, first(w)->lkey ^= 1)
CASE(lkey_dma, first(w)->lkey = BVF_LKEY_DMA)
CASE(lkey_of_peer, first(w)->lkey = p.b.mr.lkey ^ 0x80)
CASE(lkey_of_another_pd, first(w)->lkey = foreign[0].lkey)
CASE(below, first(w)->addr = p.a.mr.va - 1)
CASE(beyond, first(w)->addr = p.a.mr.va + p.a.mr.len - 999)
CASE(at_end, first(w)->addr = p.a.mr.va + p.a.mr.len)
CASE(addr_0, first(w)->addr = 0)
CASE(addr_max, first(w)->addr = ~0ull)
CASE(addr_wraps, first(w)->addr = ~0ull - 500)
CASE(second_sge, w->nr_sge = 2; first(w)[1] = first(w)[0]; first(w)[1].lkey = 0)
CASE(sixteenth_sge, w->nr_sge = 16;
     for (int i = 1; i < 16; i++) first(w)[i] = first(w)[0];
     first(w)[15].addr = 1)
CASE(len_max, first(w)->len = 0x7fffffff)

static const struct local_row {
	const char *name;
	void (*spoil)(struct bvf_wqe *w);
	uint8_t status;
} locals[] = {
	{ "op_0", do_op_0, BVF_CQE_LOC_QP_OP },
	{ "op_6", do_op_6, BVF_CQE_LOC_QP_OP },
	{ "op_max", do_op_max, BVF_CQE_LOC_QP_OP },
	{ "flags", do_flags, BVF_CQE_LOC_QP_OP },
	{ "flags_high", do_flags_high, BVF_CQE_LOC_QP_OP },
	{ "rsvd0", do_rsvd0, BVF_CQE_LOC_QP_OP },
	{ "rsvd1", do_rsvd1, BVF_CQE_LOC_QP_OP },
	{ "nr_sge_17", do_nr_sge_17, BVF_CQE_LOC_QP_OP },
	{ "nr_sge_255", do_nr_sge_255, BVF_CQE_LOC_QP_OP },
	{ "inline_and_sge", do_inline_and_sge, BVF_CQE_LOC_QP_OP },
	{ "inline_len_alone", do_inline_len_alone, BVF_CQE_LOC_QP_OP },
	{ "inline_225", do_inline_225, BVF_CQE_LOC_QP_OP },
	{ "inline_max", do_inline_max, BVF_CQE_LOC_QP_OP },
	{ "inline_read", do_inline_read, BVF_CQE_LOC_QP_OP },
	{ "lkey_0", do_lkey_0, BVF_CQE_LOC_PROT },
	{ "lkey_none", do_lkey_none, BVF_CQE_LOC_PROT },
	{ "lkey_max", do_lkey_max, BVF_CQE_LOC_PROT },
	{ "lkey_variant", do_lkey_variant, BVF_CQE_LOC_PROT },
	{ "lkey_dma", do_lkey_dma, BVF_CQE_LOC_PROT },
	{ "lkey_of_peer", do_lkey_of_peer, BVF_CQE_LOC_PROT },
	{ "lkey_of_another_pd", do_lkey_of_another_pd, BVF_CQE_LOC_PROT },
	{ "below", do_below, BVF_CQE_LOC_PROT },
	{ "beyond", do_beyond, BVF_CQE_LOC_PROT },
	{ "at_end", do_at_end, BVF_CQE_LOC_PROT },
	{ "addr_0", do_addr_0, BVF_CQE_LOC_PROT },
	{ "addr_max", do_addr_max, BVF_CQE_LOC_PROT },
	{ "addr_wraps", do_addr_wraps, BVF_CQE_LOC_PROT },
	{ "second_sge", do_second_sge, BVF_CQE_LOC_PROT },
	{ "sixteenth_sge", do_sixteenth_sge, BVF_CQE_LOC_PROT },
	{ "len_max", do_len_max, BVF_CQE_LOC_PROT },
};

/* The requester's QP fails; the responder has seen nothing. */
TAP_TABLE(local, struct local_row, locals, row)
{
	unsigned int op;

	setup();
	{
		struct bvf_wqe *w = put();

		row->spoil(w);
		/* an opcode that is none cannot be told */
		op = w->op >= BVF_WR_SEND && w->op <= BVF_WR_READ ? w->op : BVF_WR_SEND;
	}
	wr.flags = 0;
	put();
	bvf_ring_sq(&p.a.qp);
	bvf_want_cqe(&p.a.scq, &p.a.qp, op, row->status);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_FLUSH);
	bvf_want_state(&p.a.qp, BVF_QPS_ERR);
	bvf_want_state(&p.b.qp, BVF_QPS_RTS);
	bvf_want_zero(p.b.buf, 4096);
	bvf_want_no_async(&p.b.drv);
	teardown();
}

/* An error makes a completion, signaled or not, and after what came before. */
TAP_TEST(error_of_unsignaled_completes)
{
	setup();
	put();
	wr.flags = 0;
	put();
	first(put())->lkey = 0;
	put();
	bvf_ring_sq(&p.a.qp);
	TAP_EQ(bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK)->wqe_idx, 0u);
	TAP_EQ(bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_LOC_PROT)->wqe_idx, 2u);
	TAP_EQ(bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_FLUSH)->wqe_idx, 3u);
	bvf_want_filled(p.b.buf, 1000, 1);
	teardown();
}

/* One byte more than a message may have, of memory that is large enough. */
static const struct long_row {
	const char *name;
	uint32_t len[2];
} longs[] = {
	{ "by_one", { 0x80000000, 1 } }, { "twice", { 0x80000000, 0x80000000 } },
	{ "in_one_sge", { 0x80000001, 0 } },
};

TAP_TABLE(too_long, struct long_row, longs, row)
{
	struct bvf_pl_entry ent[257];
	struct bvf_reg_mr_cmd cmd = { .va = 0x10000, .access = BVF_ACC_RW };
	struct bvf_reg_mr_resp resp;

	setup();
	for (int i = 0; i < 257; i++)
		ent[i] = (struct bvf_pl_entry){ bvf_iova(&p.a.drv, p.a.buf), BVF_BUF_LEN };
	cmd.len = 257ull * BVF_BUF_LEN;
	cmd.pdn = p.a.pdn;
	cmd.pl = bvf_pl_chain(&p.a.drv, ent, 257);
	BVF_MUST(bvf_cmd(&p.a.drv, BVF_OP_REG_MR, &cmd, sizeof(cmd), &resp, sizeof(resp)));
	for (int i = 0; i < 2; i++)
		sge[i] = (struct bvf_sge){ cmd.va, row->len[i], resp.lkey };
	wr.nr_sge = 2;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_LOC_LEN);
	bvf_want_state(&p.a.qp, BVF_QPS_ERR);
	bvf_want_state(&p.b.qp, BVF_QPS_RTS);
	teardown();
}

TAP_TEST(read_into_memory_without_local_write)
{
	struct bvf_mr mr;

	setup();
	BVF_MUST(bvf_reg_mr(&p.a.u, p.a.pdn, p.a.buf, 4096, 0, &mr));
	sge[0].lkey = mr.lkey;
	wr.op = BVF_WR_READ;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_READ, BVF_CQE_LOC_PROT);
	bvf_want_filled(p.a.buf, 1000, 1);
	bvf_want_state(&p.a.qp, BVF_QPS_ERR);
	teardown();
}

TAP_TEST(write_from_memory_without_access)
{
	struct bvf_mr mr;

	setup();
	BVF_MUST(bvf_reg_mr(&p.a.u, p.a.pdn, p.a.buf, 4096, 0, &mr));
	sge[0].lkey = mr.lkey;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(p.b.buf, 1000, 1);
	teardown();
}

TAP_TEST(key_of_deregistered_memory)
{
	struct bvf_mr mr;

	setup();
	BVF_MUST(bvf_reg_mr(&p.a.u, p.a.pdn, p.a.buf, 4096, BVF_ACC_RW, &mr));
	BVF_MUST(bvf_destroy(&p.a.drv, BVF_OP_DEREG_MR, mr.lkey));
	sge[0].lkey = mr.lkey;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_LOC_PROT);
	teardown();
}

/* More SGEs or inline bytes than the stride has room for. */
static const struct stride_row {
	const char *name;
	uint8_t stride, nr_sge;
	uint32_t inline_len;
	int ok;
} strides[] = {
	{ "64_2_sges", 6, 2, 0, 1 }, { "64_3_sges", 6, 3, 0, 0 },
	{ "128_6_sges", 7, 6, 0, 1 }, { "128_7_sges", 7, 7, 0, 0 },
	{ "256_14_sges", 8, 14, 0, 1 }, { "256_15_sges", 8, 15, 0, 0 },
	{ "64_inline_32", 6, 0, 32, 1 }, { "64_inline_33", 6, 0, 33, 0 },
	{ "128_inline_96", 7, 0, 96, 1 }, { "128_inline_97", 7, 0, 97, 0 },
	{ "256_inline_224", 8, 0, 224, 1 },
};

TAP_TABLE(stride, struct stride_row, strides, row)
{
	struct bvf_qp_init init;
	struct bvf_qp q, peer;
	uint8_t data[256] = { 0 };

	setup();
	init = p.a.init;
	init.sq_shift = 4;
	init.sq_stride = row->stride;
	BVF_MUST(bvf_create_qp(&init, &q));
	BVF_MUST(bvf_create_qp(&p.b.init, &peer));
	bvf_connect(&q, &peer);
	for (int i = 0; i < 16; i++)
		sge[i] = bvf_sge(&p.a.mr, 0, 8);
	wr.nr_sge = row->nr_sge;
	wr.inline_len = row->inline_len;
	wr.inline_data = data;
	if (row->inline_len)
		wr.flags |= BVF_WQE_INLINE;
	bvf_post_send(&q, &wr);
	bvf_want_cqe(&p.a.scq, &q, BVF_WR_WRITE,
		     row->ok ? BVF_CQE_OK : BVF_CQE_LOC_QP_OP);
	teardown();
}

/* ---- access to the peer's memory ---- */

CASE(rkey_0, w->rkey = 0)
CASE(rkey_none, w->rkey = 0xabcde00)
CASE(rkey_max, w->rkey = ~0u)
CASE(rkey_variant, w->rkey ^= 0x10)
CASE(rkey_dma, w->rkey = BVF_LKEY_DMA)
CASE(rkey_pd, w->rkey = foreign[1].rkey)
CASE(rkey_no_access, w->rkey = ro.rkey)
CASE(rkey_own, w->rkey = foreign[0].rkey)
CASE(raddr_below, w->raddr = p.b.mr.va - 1)
CASE(raddr_beyond, w->raddr = p.b.mr.va + p.b.mr.len - 999)
CASE(raddr_at_end, w->raddr = p.b.mr.va + p.b.mr.len)
CASE(raddr_wraps, w->raddr = ~0ull - 10)
CASE(raddr_0, w->raddr = 0)

static const struct remote_row {
	const char *name;
	void (*spoil)(struct bvf_wqe *w);
} remotes[] = {
	{ "rkey_0", do_rkey_0 }, { "rkey_none", do_rkey_none },
	{ "rkey_max", do_rkey_max }, { "rkey_variant", do_rkey_variant },
	{ "rkey_dma", do_rkey_dma }, { "rkey_of_another_pd", do_rkey_pd },
	{ "rkey_without_access", do_rkey_no_access },
	{ "rkey_of_the_requester", do_rkey_own },
	{ "below", do_raddr_below }, { "beyond", do_raddr_beyond },
	{ "at_end", do_raddr_at_end }, { "wraps", do_raddr_wraps },
	{ "addr_0", do_raddr_0 },
};

static void want_remote_access_error(unsigned int op)
{
	bvf_want_cqe(&p.a.scq, &p.a.qp, op, BVF_CQE_REM_ACCESS);
	bvf_want_state(&p.a.qp, BVF_QPS_ERR);
	bvf_want_state(&p.b.qp, BVF_QPS_ERR);
	bvf_want_async(&p.b.drv, BVF_EQE_ASYNC_QP, BVF_EV_QP_ACCESS_ERR, p.b.qp.qpn);
}

TAP_TABLE(write_to, struct remote_row, remotes, row)
{
	setup();
	bvf_post_recv(&p.b.qp, &rsge, 1);
	row->spoil(put());
	bvf_ring_sq(&p.a.qp);
	want_remote_access_error(BVF_WR_WRITE);
	bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_FLUSH);
	bvf_want_zero(p.b.buf, 4096);
	teardown();
}

TAP_TABLE(read_from, struct remote_row, remotes, row)
{
	setup();
	wr.op = BVF_WR_READ;
	row->spoil(put());
	bvf_ring_sq(&p.a.qp);
	want_remote_access_error(BVF_WR_READ);
	bvf_want_filled(p.a.buf, 4096, 1);
	teardown();
}

TAP_TABLE(write_imm_to, struct remote_row, remotes, row)
{
	setup();
	wr.op = BVF_WR_WRITE_IMM;
	bvf_post_recv(&p.b.qp, &rsge, 1);
	row->spoil(put());
	bvf_ring_sq(&p.a.qp);
	want_remote_access_error(BVF_WR_WRITE_IMM);
	bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_FLUSH);
	teardown();
}

static const struct access_row {
	const char *name;
	uint8_t mr, qp, op;
	int ok;
} accesses[] = {
	{ "write_mr_none", 0, 6, BVF_WR_WRITE, 0 },
	{ "write_mr_local", 1, 6, BVF_WR_WRITE, 0 },
	{ "write_mr_read", 4, 6, BVF_WR_WRITE, 0 },
	{ "write_mr_write", 3, 6, BVF_WR_WRITE, 1 },
	{ "write_qp_none", 7, 0, BVF_WR_WRITE, 0 },
	{ "write_qp_read", 7, 4, BVF_WR_WRITE, 0 },
	{ "write_qp_write", 7, 2, BVF_WR_WRITE, 1 },
	{ "read_mr_none", 0, 6, BVF_WR_READ, 0 },
	{ "read_mr_write", 3, 6, BVF_WR_READ, 0 },
	{ "read_mr_read", 4, 6, BVF_WR_READ, 1 },
	{ "read_qp_none", 7, 0, BVF_WR_READ, 0 },
	{ "read_qp_write", 7, 2, BVF_WR_READ, 0 },
	{ "read_qp_read", 7, 4, BVF_WR_READ, 1 },
};

TAP_TABLE(access, struct access_row, accesses, row)
{
	struct bvf_mr mr;

	setup_access(row->qp, 16);
	BVF_MUST(bvf_reg_mr(&p.b.u, p.b.pdn, p.b.buf, 4096, row->mr, &mr));
	wr.op = row->op;
	wr.rkey = mr.rkey;
	bvf_post_send(&p.a.qp, &wr);
	if (row->ok)
		bvf_want_cqe(&p.a.scq, &p.a.qp, row->op, BVF_CQE_OK);
	else
		want_remote_access_error(row->op);
	teardown();
}

/* ---- receives ---- */

TAP_TEST(receive_too_short)
{
	setup();
	rsge.len = 999;
	bvf_post_recv(&p.b.qp, &rsge, 1);
	bvf_post_recv(&p.b.qp, &rsge, 1);
	wr.op = BVF_WR_SEND;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_LOC_LEN);
	bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_FLUSH);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_REM_INV_REQ);
	bvf_want_state(&p.a.qp, BVF_QPS_ERR);
	bvf_want_state(&p.b.qp, BVF_QPS_ERR);
	teardown();
}

TAP_TEST(receive_of_nothing_too_short)
{
	setup();
	bvf_post_recv(&p.b.qp, NULL, 0);
	wr.op = BVF_WR_SEND;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_LOC_LEN);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_REM_INV_REQ);
	teardown();
}

#define RCASE(id, stmt) static void do_##id(struct bvf_rwqe *w, struct bvf_sge *s) \
	{ (void)w; (void)s; stmt; }
RCASE(r_lkey_0, s->lkey = 0)
RCASE(r_lkey_pd, s->lkey = foreign[1].lkey)
RCASE(r_lkey_ro, s->lkey = ro.lkey)
RCASE(r_below, s->addr -= 1)
RCASE(r_beyond, s->addr = p.b.mr.va + p.b.mr.len - 500)
RCASE(r_wraps, s->addr = ~0ull - 100)
RCASE(r_nr_sge, w->nr_sge = 17)
RCASE(r_nr_sge_max, w->nr_sge = 255)
RCASE(r_rsvd, w->rsvd[14] = 1)

static const struct recv_row {
	const char *name;
	void (*spoil)(struct bvf_rwqe *w, struct bvf_sge *s);
	uint8_t status;
} recvs[] = {
	{ "lkey_0", do_r_lkey_0, BVF_CQE_LOC_PROT },
	{ "lkey_of_another_pd", do_r_lkey_pd, BVF_CQE_LOC_PROT },
	{ "lkey_without_local_write", do_r_lkey_ro, BVF_CQE_LOC_PROT },
	{ "below", do_r_below, BVF_CQE_LOC_PROT },
	{ "beyond", do_r_beyond, BVF_CQE_LOC_PROT },
	{ "wraps", do_r_wraps, BVF_CQE_LOC_PROT },
	{ "nr_sge_17", do_r_nr_sge, BVF_CQE_LOC_QP_OP },
	{ "nr_sge_255", do_r_nr_sge_max, BVF_CQE_LOC_QP_OP },
	{ "rsvd", do_r_rsvd, BVF_CQE_LOC_QP_OP },
};

TAP_TABLE(bad_receive, struct recv_row, recvs, row)
{
	struct bvf_rwqe *w;

	setup();
	w = (struct bvf_rwqe *)p.b.qp.rq;
	bvf_put_recv(&p.b.qp, &rsge, 1);
	row->spoil(w, (struct bvf_sge *)(w + 1));
	bvf_ring_rq(&p.b.qp);
	wr.op = BVF_WR_SEND;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, row->status);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_REM_OP);
	bvf_want_state(&p.a.qp, BVF_QPS_ERR);
	bvf_want_state(&p.b.qp, BVF_QPS_ERR);
	bvf_want_zero(p.b.buf, 4096);
	teardown();
}

TAP_TEST(read_without_resources_at_the_responder)
{
	setup_access(BVF_ACC_REMOTE_READ, 0);
	wr.op = BVF_WR_READ;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_READ, BVF_CQE_REM_INV_REQ);
	bvf_want_state(&p.b.qp, BVF_QPS_ERR);
	bvf_want_async(&p.b.drv, BVF_EQE_ASYNC_QP, BVF_EV_QP_REQ_ERR, p.b.qp.qpn);
	teardown();
}

/* The MR goes while a long message is written into it. */
TAP_TEST(deregistered_while_written)
{
	struct bvf_mr mr;
	struct bvf_cqe c;

	setup();
	BVF_MUST(bvf_reg_mr(&p.b.u, p.b.pdn, p.b.buf, 6 << 20, BVF_ACC_RW, &mr));
	sge[0].len = 6 << 20;
	wr.rkey = mr.rkey;
	for (int i = 0; i < 20; i++)
		put();
	bvf_ring_sq(&p.a.qp);
	BVF_MUST(bvf_destroy(&p.b.drv, BVF_OP_DEREG_MR, mr.rkey));
	memset(p.b.buf, 0, 6 << 20);
	for (int i = 0; i < 20; i++) {
		bvf_cq_wait(&p.a.scq, &c);
		TAP_OK(c.status == BVF_CQE_OK || c.status == BVF_CQE_REM_ACCESS ||
		       c.status == BVF_CQE_FLUSH);
	}
	bvf_want_zero(p.b.buf, 6 << 20);
	teardown();
}

TAP_TEST(errors_are_counted)
{
	setup();
	bvf_post_recv(&p.b.qp, &rsge, 1);
	do_rkey_0(put());
	bvf_ring_sq(&p.a.qp);
	want_remote_access_error(BVF_WR_WRITE);
	bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_FLUSH);
	TAP_EQ(bvf_stat(&p.a.drv, BVF_STAT_REM_ACCESS), 1ull);
	TAP_EQ(bvf_stat(&p.b.drv, BVF_STAT_FLUSH), 1ull);
	teardown();
}

TAP_MAIN()
