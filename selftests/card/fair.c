// SPDX-License-Identifier: GPL-2.0
/*
 * Fairness, counted in order of completion rather than in time: what is small
 * does not wait for what is large. If it did, one small one at most would end
 * before the large one; how many do depends on who else wants the processors.
 */
#include <signal.h>

#include "pair.h"
#include "tap.h"

static struct bvf_pair p;
static struct bvf_cq small_cq;
static struct bvf_mr big[2];	/* 1 GiB each, the buffer named many times */

static void make_big(struct bvf_end *e, struct bvf_mr *mr)
{
	struct bvf_pl_entry ent[128];
	struct bvf_reg_mr_cmd cmd = { .va = 0x10000000, .len = 1u << 30, .access = BVF_ACC_RW };
	struct bvf_reg_mr_resp resp;

	for (int i = 0; i < 128; i++)
		ent[i] = (struct bvf_pl_entry){ bvf_iova(&e->drv, e->buf), BVF_BUF_LEN };
	cmd.pl = bvf_pl_chain(&e->drv, ent, 128);
	cmd.pdn = e->pdn;
	BVF_MUST(bvf_cmd(&e->drv, BVF_OP_REG_MR, &cmd, sizeof(cmd), &resp, sizeof(resp)));
	*mr = (struct bvf_mr){ .lkey = resp.lkey, .rkey = resp.rkey, .va = cmd.va, .len = cmd.len };
}

static void setup(void)
{
	bvf_pair_up(&p, tap_tmpdir());
	make_big(&p.a, &big[0]);
	make_big(&p.b, &big[1]);
	BVF_MUST(bvf_create_cq(&p.a.u, &small_cq, BVF_EQN_NONE, 8));
}

/* One 1 GiB message on each of n QPs. */
static void start_bulk(uint8_t op, int n)
{
	static struct bvf_qp qa[16], qb[16];
	struct bvf_sge sge = bvf_sge(&big[0], 0, 1u << 30);
	struct bvf_wr wr = bvf_wr_write(&sge, &big[1], 0);

	wr.op = op;
	for (int i = 0; i < n; i++) {
		bvf_pair_qp(&p, &qa[i], &qb[i]);
		if (op == BVF_WR_SEND) {
			struct bvf_sge r = bvf_sge(&big[1], 0, 1u << 30);

			bvf_post_recv(&qb[i], &r, 1);
		}
		bvf_put_send(&qa[i], &wr);
	}
	for (int i = 0; i < n; i++)
		bvf_ring_sq(&qa[i]);
}

/* 8-byte WRITEs one after the other. Return: how many before the bulk's first end */
static int count_small(struct bvf_qp *qp)
{
	struct bvf_sge sge = bvf_sge(&p.a.mr, 0, 8);
	struct bvf_wr wr = bvf_wr_write(&sge, &p.b.mr, 0);
	struct bvf_cqe c;
	int n = 0;

	while (!bvf_cq_peek(&p.a.scq) && n < 5000) {
		bvf_post_send(qp, &wr);
		bvf_cq_wait(&small_cq, &c);
		TAP_EQ(c.status, BVF_CQE_OK);
		n++;
	}
	return n;
}

static const struct row {
	const char *name;
	uint8_t op;
	int bulk;
	int want;
} rows[] = {
	{ "write", BVF_WR_WRITE, 1, 8 }, { "read", BVF_WR_READ, 1, 8 },
	{ "send", BVF_WR_SEND, 1, 8 }, { "eight_writes", BVF_WR_WRITE, 8, 8 },
};

TAP_TABLE(small_beside_large, struct row, rows, row)
{
	struct bvf_qp qa, qb;
	struct bvf_qp_init init;
	int n;

	setup();
	init = p.a.init;
	init.scq = &small_cq;
	BVF_MUST(bvf_create_qp(&init, &qa));
	BVF_MUST(bvf_create_qp(&p.b.init, &qb));
	bvf_connect(&qa, &qb);
	start_bulk(row->op, row->bulk);
	n = count_small(&qa);
	tap_note("%d small ones while 1 GiB was under way", n);
	TAP_GE(n, row->want);
	bvf_pair_down(&p);
}

/* Another function, with its own context and doorbell page. */
TAP_TEST(small_of_another_function)
{
	static struct bvf_end e[2];
	struct bvf_sge sge;
	struct bvf_wr wr;
	struct bvf_cqe c;
	int n = 0;

	bvf_card_up(&p.card, tap_tmpdir(), 4);
	bvf_end_up(&p.a, bvf_card_sock(&p.card, 0));
	bvf_end_up(&p.b, bvf_card_sock(&p.card, 1));
	make_big(&p.a, &big[0]);
	make_big(&p.b, &big[1]);
	for (unsigned int i = 0; i < 2; i++)
		bvf_end_up(&e[i], bvf_card_sock(&p.card, 2 + i));
	bvf_connect(&e[0].qp, &e[1].qp);
	start_bulk(BVF_WR_WRITE, 4);
	sge = bvf_sge(&e[0].mr, 0, 8);
	wr = bvf_wr_write(&sge, &e[1].mr, 0);
	while (!bvf_cq_peek(&p.a.scq) && n < 5000) {
		bvf_post_send(&e[0].qp, &wr);
		bvf_cq_wait(&e[0].scq, &c);
		TAP_EQ(c.status, BVF_CQE_OK);
		n++;
	}
	tap_note("%d small ones while 4 GiB were under way", n);
	TAP_GE(n, 8);
	bvf_drv_close(&e[0].drv);
	bvf_drv_close(&e[1].drv);
	bvf_pair_down(&p);
}

/* Many small ones do not keep a large one from its end. */
TAP_TEST(large_beside_many_small)
{
	struct bvf_qp qa, qb;
	struct bvf_qp_init init;
	struct bvf_sge sge;
	struct bvf_wr wr;
	struct bvf_cqe c;
	uint32_t done = 0, posted = 0;

	setup();
	init = p.a.init;
	init.scq = &small_cq;
	BVF_MUST(bvf_create_qp(&init, &qa));
	BVF_MUST(bvf_create_qp(&p.b.init, &qb));
	bvf_connect(&qa, &qb);
	start_bulk(BVF_WR_WRITE, 1);
	sge = bvf_sge(&p.a.mr, 0, 8);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	while (!bvf_cq_peek(&p.a.scq)) {
		for (; posted - done < 64; posted++)
			bvf_put_send(&qa, &wr);
		bvf_ring_sq(&qa);
		while (bvf_cq_poll(&small_cq, &c))
			done++;
	}
	bvf_pair_down(&p);
}

/*
 * A guest rings everything in all of its contexts. The other one looks at
 * those pages meanwhile: most of the bells must still wait for their turn.
 */
TAP_TEST(small_beside_many_bells)
{
	enum { NR = 200, WORDS = NR * 512 };
	static struct bvf_uctx u[NR];
	const uint64_t *seen;
	struct bvf_sge sge;
	struct bvf_wr wr;
	struct bvf_mr mr;
	int left = 0;

	bvf_pair_up(&p, tap_tmpdir());
	seen = (const uint64_t *)p.a.buf;
	for (int i = 0; i < NR; i++)
		BVF_MUST(bvf_create_uctx(&p.b.drv, false, &u[i]));
	TAP_OK(u[NR - 1].db == u[0].db + NR - 1);
	BVF_MUST(bvf_reg_mr(&p.b.u, p.b.pdn, u[0].db, NR * 4096, BVF_ACC_RW, &mr));
	TAP_EQ(kill(p.card.datapath, SIGSTOP), 0);
	for (int i = 0; i < NR; i++) {
		memset(u[i].db->qp_leaf, 0xff, sizeof(u[i].db->qp_leaf));
		memset(u[i].db->cq_leaf, 0xff, sizeof(u[i].db->cq_leaf));
		memset(u[i].db->qp_summary, 0xff, sizeof(u[i].db->qp_summary));
		memset(u[i].db->cq_summary, 0xff, sizeof(u[i].db->cq_summary));
		bvf_kick(&u[i]);
	}
	sge = bvf_sge(&p.a.mr, 0, NR * 4096);
	wr = bvf_wr_read(&sge, &mr, 0);
	bvf_put_send(&p.a.qp, &wr);
	__atomic_store_n(&p.a.qp.dbrec->sq_pi, p.a.qp.sq_pi, __ATOMIC_RELEASE);
	bvf_ring_qp_bit(&p.a.u, BVF_QPN_IDX(p.a.qp.qpn));
	bvf_kick(&p.a.u);
	/* by the answers the kicks have been taken */
	bvf_reg_read(&p.a.drv, BVF_REG_STATUS);
	bvf_reg_read(&p.b.drv, BVF_REG_STATUS);
	TAP_EQ(kill(p.card.datapath, SIGCONT), 0);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_READ, BVF_CQE_OK);
	for (int i = 0; i < WORDS; i++)
		left += seen[i] == ~0ull;
	tap_note("%d of %d words of bells waited", left, NR * 256);
	TAP_GE(left, NR * 128);
	/* and all are heard in the end */
	bvf_wait_for(&p.b.drv, bvf_stat(&p.b.drv, BVF_STAT_BAD_DB) >= NR * 16384ull - 2 * NR);
	bvf_pair_down(&p);
}

/* Equal streams get equal shares, about. */
TAP_TEST(equal_streams)
{
	enum { NR = 4 };
	struct bvf_qp qa[NR], qb[NR];
	struct bvf_sge sge;
	struct bvf_wr wr;
	struct bvf_cqe c;
	int done[NR] = { 0 }, i;

	setup();
	sge = bvf_sge(&p.a.mr, 0, 4 << 20);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	for (i = 0; i < NR; i++) {
		bvf_pair_qp(&p, &qa[i], &qb[i]);
		for (int n = 0; n < 50; n++)
			bvf_put_send(&qa[i], &wr);
	}
	for (i = 0; i < NR; i++)
		bvf_ring_sq(&qa[i]);
	do {
		bvf_cq_wait(&p.a.scq, &c);
		for (i = 0; qa[i].qpn != c.qpn; i++)
			;
	} while (++done[i] < 50);
	for (i = 0; i < NR; i++) {
		tap_note("stream %d: %d of 50", i, done[i]);
		TAP_GE(done[i], 40);
	}
	bvf_pair_down(&p);
}

TAP_MAIN()
