// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams: UD QPs and QP 1.
 */
#include <arpa/inet.h>

#include "pair.h"
#include "tap.h"

#define QKEY	0x11111111u
#define GRH	40

static struct bvf_pair p;
static struct bvf_qp qa, qb;
static struct bvf_wqe_av av;
static struct bvf_sge sge;
static struct bvf_wr wr;

static void ud_up(struct bvf_qp *qp, uint32_t qkey)
{
	struct bvf_qp_attr a = { .state = BVF_QPS_INIT, .qkey = qkey, .sq_psn = 5 };

	BVF_MUST(bvf_modify(qp, BVF_QPA_STATE | BVF_QPA_QKEY, &a));
	a.state = BVF_QPS_RTR;
	BVF_MUST(bvf_modify(qp, BVF_QPA_STATE, &a));
	a.state = BVF_QPS_RTS;
	BVF_MUST(bvf_modify(qp, BVF_QPA_STATE | BVF_QPA_SQ_PSN, &a));
}

static void setup(void)
{
	struct bvf_qp_init ia, ib;

	bvf_pair_up(&p, tap_tmpdir());
	ia = p.a.init;
	ib = p.b.init;
	ia.type = ib.type = BVF_QPT_UD;
	BVF_MUST(bvf_create_qp(&ia, &qa));
	BVF_MUST(bvf_create_qp(&ib, &qb));
	ud_up(&qa, QKEY);
	ud_up(&qb, QKEY);
	av = (struct bvf_wqe_av){ .dqpn = qb.qpn, .qkey = QKEY };
	memcpy(av.dgid, p.b.drv.gid, 16);
	memcpy(av.dmac, p.b.drv.desc.mac, 6);
	bvf_fill(p.a.buf, 8192, 1);
	sge = bvf_sge(&p.a.mr, 0, 500);
	wr = bvf_wr_send(&sge);
	wr.av = &av;
}

static void recv_at(struct bvf_qp *qp, const struct bvf_mr *mr, uint32_t len)
{
	struct bvf_sge r = bvf_sge(mr, 16384, len);

	bvf_post_recv(qp, &r, 1);
}

static const struct size_row {
	const char *name;
	uint32_t len;
} sizes[] = { { "0", 0 }, { "1", 1 }, { "500", 500 }, { "1024", 1024 }, { "4096", 4096 } };

TAP_TABLE(datagram, struct size_row, sizes, row)
{
	const struct bvf_cqe *c;

	setup();
	recv_at(&qb, &p.b.mr, 8192);
	sge.len = row->len;
	bvf_post_send(&qa, &wr);
	bvf_want_cqe(&p.a.scq, &qa, BVF_WR_SEND, BVF_CQE_OK);
	c = bvf_want_cqe(&p.b.rcq, &qb, BVF_CQE_RECV, BVF_CQE_OK);
	TAP_EQ(c->byte_len, row->len + GRH);
	TAP_EQ(c->src_qp, qa.qpn);
	TAP_EQ(c->flags, BVF_CQE_GRH | BVF_CQE_IPV4);
	TAP_EQ(memcmp(c->smac, p.a.drv.desc.mac, 6), 0);
	bvf_want_filled(p.b.buf + 16384 + GRH, row->len, 1);
	bvf_want_zero(p.b.buf + 16384 + GRH + row->len, 64);
	bvf_pair_down(&p);
}

TAP_TEST(header_of_ipv4)
{
	const uint8_t *h;
	uint32_t sum = 0;

	setup();
	recv_at(&qb, &p.b.mr, 8192);
	bvf_post_send(&qa, &wr);
	bvf_want_cqe(&p.b.rcq, &qb, BVF_CQE_RECV, BVF_CQE_OK);
	h = p.b.buf + 16384;
	bvf_want_zero(h, 20);
	h += 20;
	TAP_EQ(h[0], 0x45);
	TAP_EQ(h[9], 17);
	TAP_EQ(memcmp(h + 12, p.a.drv.gid + 12, 4), 0);
	TAP_EQ(memcmp(h + 16, p.b.drv.gid + 12, 4), 0);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)h[i] << 8 | h[i + 1];
	TAP_EQ((sum & 0xffff) + (sum >> 16), 0xffffu);
	bvf_pair_down(&p);
}

TAP_TEST(header_of_ipv6)
{
	uint8_t gid_a[16] = { 0xfd, [15] = 1 }, gid_b[16] = { 0xfd, [15] = 2 };
	const struct bvf_cqe *c;
	const uint8_t *h;

	setup();
	BVF_MUST(bvf_set_gid(&p.a.drv, 3, gid_a));
	BVF_MUST(bvf_set_gid(&p.b.drv, 9, gid_b));
	memcpy(av.dgid, gid_b, 16);
	av.sgid_index = 3;
	recv_at(&qb, &p.b.mr, 8192);
	bvf_post_send(&qa, &wr);
	c = bvf_want_cqe(&p.b.rcq, &qb, BVF_CQE_RECV, BVF_CQE_OK);
	TAP_EQ(c->flags, BVF_CQE_GRH);
	h = p.b.buf + 16384;
	TAP_EQ(h[0] >> 4, 6);
	TAP_EQ(memcmp(h + 8, gid_a, 16), 0);
	TAP_EQ(memcmp(h + 24, gid_b, 16), 0);
	bvf_pair_down(&p);
}

TAP_TEST(immediate_and_solicited)
{
	const struct bvf_cqe *c;

	setup();
	recv_at(&qb, &p.b.mr, 8192);
	wr.op = BVF_WR_SEND_IMM;
	wr.flags |= BVF_WQE_SOLICITED;
	wr.imm = 0x1234;
	bvf_post_send(&qa, &wr);
	c = bvf_want_cqe(&p.b.rcq, &qb, BVF_CQE_RECV, BVF_CQE_OK);
	TAP_EQ(c->imm, 0x1234u);
	TAP_OK(c->flags & BVF_CQE_IMM);
	TAP_OK(c->flags & BVF_CQE_SOLICITED);
	bvf_pair_down(&p);
}

/* The header area and the data lie across the receive's SGEs. */
TAP_TEST(receive_in_pieces)
{
	struct bvf_sge r[4];

	setup();
	r[0] = bvf_sge(&p.b.mr, 0, 10);
	r[1] = bvf_sge(&p.b.mr, 1000, 35);
	r[2] = bvf_sge(&p.b.mr, 2000, 100);
	r[3] = bvf_sge(&p.b.mr, 3000, 1000);
	bvf_post_recv(&qb, r, 4);
	bvf_post_send(&qa, &wr);
	bvf_want_cqe(&p.b.rcq, &qb, BVF_CQE_RECV, BVF_CQE_OK);
	TAP_EQ(memcmp(p.b.buf + 1030, p.a.buf, 5), 0);
	TAP_EQ(memcmp(p.b.buf + 2000, p.a.buf + 5, 100), 0);
	TAP_EQ(memcmp(p.b.buf + 3000, p.a.buf + 105, 395), 0);
	bvf_pair_down(&p);
}

/* Lost without an error at the sender, and counted. */
#define WHY(id, stmt) static void why_##id(void) { stmt; }
WHY(qkey, av.qkey = 0x22222222)
WHY(qpn, av.dqpn ^= 0x40)
WHY(rc_qp, av.dqpn = p.b.qp.qpn)
WHY(dmac, av.dmac[5] ^= 0x55)
WHY(dgid, av.dgid[15] ^= 0x55)
WHY(qpn_max, av.dqpn = 0xffffffff)

static const struct why_row {
	const char *name;
	void (*why)(void);
} whys[] = {
	{ "other_qkey", why_qkey }, { "no_such_qp", why_qpn }, { "rc_qp", why_rc_qp },
	{ "no_such_mac", why_dmac }, { "no_such_gid", why_dgid }, { "qpn_max", why_qpn_max },
};

TAP_TABLE(lost, struct why_row, whys, row)
{
	setup();
	recv_at(&qb, &p.b.mr, 8192);
	row->why();
	bvf_post_send(&qa, &wr);
	bvf_want_cqe(&p.a.scq, &qa, BVF_WR_SEND, BVF_CQE_OK);
	bvf_want_no_cqe(&p.b.rcq, 5);
	TAP_EQ(bvf_stat(&p.a.drv, BVF_STAT_UD_DROP) + bvf_stat(&p.b.drv, BVF_STAT_UD_DROP),
	       1ull);
	bvf_pair_down(&p);
}

TAP_TEST(lost_without_a_receive)
{
	setup();
	bvf_post_send(&qa, &wr);
	bvf_want_cqe(&p.a.scq, &qa, BVF_WR_SEND, BVF_CQE_OK);
	recv_at(&qb, &p.b.mr, 8192);
	bvf_want_no_cqe(&p.b.rcq, 5);
	TAP_EQ(bvf_stat(&p.b.drv, BVF_STAT_UD_DROP), 1ull);
	bvf_pair_down(&p);
}

/* The high bit of the key in the request: the QP's own key is meant. */
TAP_TEST(own_qkey)
{
	setup();
	recv_at(&qb, &p.b.mr, 8192);
	av.qkey = 0x80000000;
	bvf_post_send(&qa, &wr);
	bvf_want_cqe(&p.b.rcq, &qb, BVF_CQE_RECV, BVF_CQE_OK);
	bvf_pair_down(&p);
}

TAP_TEST(to_itself)
{
	setup();
	recv_at(&qa, &p.a.mr, 8192);
	av.dqpn = qa.qpn;
	memcpy(av.dgid, p.a.drv.gid, 16);
	memcpy(av.dmac, p.a.drv.desc.mac, 6);
	bvf_post_send(&qa, &wr);
	bvf_want_cqe(&p.a.rcq, &qa, BVF_CQE_RECV, BVF_CQE_OK);
	bvf_want_filled(p.a.buf + 16384 + GRH, 500, 1);
	bvf_pair_down(&p);
}

/* A request that is wrong: SQE, from which it can come back. */
static const struct bad_row {
	const char *name;
	uint8_t op;
	uint32_t lkey, len;
	uint16_t sgid;
	uint8_t status;
} bads[] = {
	{ "lkey", BVF_WR_SEND, 0xbad00, 100, 0, BVF_CQE_LOC_PROT },
	{ "write", BVF_WR_WRITE, 0, 100, 0, BVF_CQE_LOC_QP_OP },
	{ "read", BVF_WR_READ, 0, 100, 0, BVF_CQE_LOC_QP_OP },
	{ "too_long", BVF_WR_SEND, 0, 4097, 0, BVF_CQE_LOC_LEN },
	{ "sgid_unset", BVF_WR_SEND, 0, 100, 99, BVF_CQE_LOC_QP_OP },
	{ "sgid_beyond", BVF_WR_SEND, 0, 100, 65535, BVF_CQE_LOC_QP_OP },
};

TAP_TABLE(refused, struct bad_row, bads, row)
{
	struct bvf_qp_attr a = { .state = BVF_QPS_RTS };

	setup();
	recv_at(&qb, &p.b.mr, 8192);
	if (row->lkey)
		sge.lkey = row->lkey;
	sge.len = row->len;
	wr.op = row->op;
	av.sgid_index = row->sgid;
	bvf_post_send(&qa, &wr);
	bvf_want_cqe(&p.a.scq, &qa, row->op, row->status);
	bvf_want_state(&qa, BVF_QPS_SQE);
	sge = bvf_sge(&p.a.mr, 0, 500);
	wr.op = BVF_WR_SEND;
	av.sgid_index = 0;
	bvf_post_send(&qa, &wr);
	bvf_want_cqe(&p.a.scq, &qa, BVF_WR_SEND, BVF_CQE_FLUSH);
	BVF_MUST(bvf_modify(&qa, BVF_QPA_STATE, &a));
	bvf_post_send(&qa, &wr);
	bvf_want_cqe(&p.a.scq, &qa, BVF_WR_SEND, BVF_CQE_OK);
	bvf_want_cqe(&p.b.rcq, &qb, BVF_CQE_RECV, BVF_CQE_OK);
	bvf_pair_down(&p);
}

/* From there to ERR: the receives are flushed too. */
TAP_TEST(error_after_send_error)
{
	struct bvf_qp_attr a = { .state = BVF_QPS_ERR };

	setup();
	recv_at(&qa, &p.a.mr, 8192);
	sge.lkey = 0xbad00;
	bvf_post_send(&qa, &wr);
	bvf_want_cqe(&p.a.scq, &qa, BVF_WR_SEND, BVF_CQE_LOC_PROT);
	bvf_want_state(&qa, BVF_QPS_SQE);
	BVF_MUST(bvf_modify(&qa, BVF_QPA_STATE, &a));
	bvf_want_state(&qa, BVF_QPS_ERR);
	bvf_want_cqe(&p.a.rcq, &qa, BVF_CQE_RECV, BVF_CQE_FLUSH);
	a.state = BVF_QPS_RTS;
	TAP_EQ(bvf_modify(&qa, BVF_QPA_STATE, &a), BVF_ST_BAD_STATE);
	recv_at(&qa, &p.a.mr, 8192);
	bvf_want_cqe(&p.a.rcq, &qa, BVF_CQE_RECV, BVF_CQE_FLUSH);
	bvf_pair_down(&p);
}

/* QP 1 is the kernel's, one of each function, under a key of its own. */
TAP_TEST(qp_1)
{
	struct bvf_end *e[2] = { &p.a, &p.b };
	struct bvf_qp gsi[2], twice;
	struct bvf_cq cq[2];
	struct bvf_qp_init init = { .type = BVF_QPT_GSI };
	struct bvf_sge r;

	setup();
	for (int i = 0; i < 2; i++) {
		init.u = &e[i]->drv.kernel;
		BVF_MUST(bvf_create_pd(init.u, &init.pdn));
		BVF_MUST(bvf_create_cq(init.u, &cq[i], e[i]->drv.eq.eqn, 6));
		init.scq = init.rcq = &cq[i];
		BVF_MUST(bvf_create_qp(&init, &gsi[i]));
		TAP_EQ(gsi[i].qpn, 1u);
		TAP_OK(bvf_create_qp(&init, &twice));
		ud_up(&gsi[i], 0x80010000);
	}
	r = (struct bvf_sge){ bvf_iova(&p.b.drv, p.b.buf), 4096, BVF_LKEY_DMA };
	bvf_post_recv(&gsi[1], &r, 1);
	sge = (struct bvf_sge){ bvf_iova(&p.a.drv, p.a.buf), 256, BVF_LKEY_DMA };
	av.dqpn = 1;
	av.qkey = 0x80010000;
	bvf_post_send(&gsi[0], &wr);
	bvf_want_cqe(&cq[0], &gsi[0], BVF_WR_SEND, BVF_CQE_OK);
	TAP_EQ(bvf_want_cqe(&cq[1], &gsi[1], BVF_CQE_RECV, BVF_CQE_OK)->src_qp, 1u);
	bvf_want_filled(p.b.buf + GRH, 256, 1);
	/* a user's QP does not get there: its key is another */
	bvf_post_recv(&gsi[1], &r, 1);
	sge = bvf_sge(&p.a.mr, 0, 100);
	bvf_post_send(&qa, &wr);
	bvf_want_cqe(&p.a.scq, &qa, BVF_WR_SEND, BVF_CQE_OK);
	bvf_want_no_cqe(&cq[1], 5);
	bvf_pair_down(&p);
}

TAP_MAIN()
