// SPDX-License-Identifier: GPL-2.0
/*
 * Work and completion queues beyond plain operation: flush, SQD, indices that
 * run away, CQ overflow, doorbells that are wrong.
 */
#include "pair.h"
#include "tap.h"

static struct bvf_pair p;
static struct bvf_sge sge;
static struct bvf_wr wr;

static void setup(void)
{
	bvf_pair_up(&p, tap_tmpdir());
	sge = bvf_sge(&p.a.mr, 0, 64);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
}

/* The QP of `a` talks to nobody, and waits for ever. */
static void setup_waiting(void)
{
	struct bvf_qp_attr attr;

	setup();
	bvf_qp_reset(&p.a.qp);
	bvf_qp_reset(&p.b.qp);
	bvf_attr_to(&p.a.qp, &p.b.qp, &attr);
	attr.timeout = 0;
	BVF_MUST(bvf_to_state(&p.a.qp, &attr, BVF_QPS_RTS));
}

static int modify_state(struct bvf_qp *qp, uint8_t state)
{
	struct bvf_qp_attr attr = { .state = state };

	return bvf_modify(qp, BVF_QPA_STATE, &attr);
}

static void want_flushed(struct bvf_cq *cq, unsigned int op, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		TAP_EQ(bvf_want_cqe(cq, &p.a.qp, op, BVF_CQE_FLUSH)->wqe_idx, i);
}

/* ---- flush ---- */

TAP_TEST(error_flushes_both_queues)
{
	setup_waiting();
	for (int i = 0; i < 10; i++) {
		wr.flags = i % 2 ? BVF_WQE_SIGNALED : 0;
		bvf_post_send(&p.a.qp, &wr);
		bvf_post_recv(&p.a.qp, &sge, 1);
	}
	BVF_MUST(modify_state(&p.a.qp, BVF_QPS_ERR));
	want_flushed(&p.a.scq, BVF_WR_WRITE, 0, 10);
	want_flushed(&p.a.rcq, BVF_CQE_RECV, 0, 10);
	bvf_want_no_cqe(&p.a.scq, 5);
	bvf_pair_down(&p);
}

TAP_TEST(posted_in_error_is_flushed)
{
	setup_waiting();
	BVF_MUST(modify_state(&p.a.qp, BVF_QPS_ERR));
	for (int i = 0; i < 200; i++) {
		bvf_post_send(&p.a.qp, &wr);
		bvf_post_recv(&p.a.qp, &sge, 1);
		want_flushed(&p.a.scq, BVF_WR_WRITE, (uint32_t)i, 1);
		want_flushed(&p.a.rcq, BVF_CQE_RECV, (uint32_t)i, 1);
	}
	bvf_pair_down(&p);
}

TAP_TEST(reset_completes_nothing)
{
	setup_waiting();
	for (int i = 0; i < 10; i++) {
		bvf_post_send(&p.a.qp, &wr);
		bvf_post_recv(&p.a.qp, &sge, 1);
	}
	bvf_qp_reset(&p.a.qp);
	bvf_want_no_cqe(&p.a.scq, 20);
	bvf_want_no_cqe(&p.a.rcq, 1);
	bvf_connect(&p.a.qp, &p.b.qp);
	bvf_want_traffic(&p);
	bvf_pair_down(&p);
}

TAP_TEST(destroy_completes_nothing)
{
	setup_waiting();
	for (int i = 0; i < 10; i++)
		bvf_post_send(&p.a.qp, &wr);
	BVF_MUST(bvf_destroy(&p.a.drv, BVF_OP_DESTROY_QP, p.a.qp.qpn));
	bvf_want_no_cqe(&p.a.scq, 20);
	bvf_pair_down(&p);
}

/* Destroyed in the middle of long messages, at either end, many times. */
TAP_TEST(destroy_under_way)
{
	struct bvf_qp qa, qb;
	struct bvf_cqe c;
	uint64_t ram[2];

	setup();
	sge.len = 3 << 20;
	ram[0] = p.a.drv.ram_next;
	ram[1] = p.b.drv.ram_next;
	for (int i = 0; i < 60; i++) {
		p.a.drv.ram_next = ram[0];
		p.b.drv.ram_next = ram[1];
		bvf_pair_qp(&p, &qa, &qb);
		for (int n = 0; n < 20; n++)
			bvf_put_send(&qa, &wr);
		bvf_ring_sq(&qa);
		usleep((useconds_t)(i * 20));
		BVF_MUST(i % 2 ? bvf_destroy(&p.a.drv, BVF_OP_DESTROY_QP, qa.qpn) :
				 bvf_destroy(&p.b.drv, BVF_OP_DESTROY_QP, qb.qpn));
		BVF_MUST(i % 2 ? bvf_destroy(&p.b.drv, BVF_OP_DESTROY_QP, qb.qpn) :
				 bvf_destroy(&p.a.drv, BVF_OP_DESTROY_QP, qa.qpn));
		while (bvf_cq_poll(&p.a.scq, &c))
			;
		memset(qa.dbrec, 0, sizeof(*qa.dbrec));
		memset(qb.dbrec, 0, sizeof(*qb.dbrec));
	}
	bvf_want_traffic(&p);
	bvf_pair_down(&p);
}

/* ---- SQD ---- */

TAP_TEST(sqd_drains_and_says_so)
{
	setup();
	sge.len = 4 << 20;
	for (int i = 0; i < 8; i++)
		bvf_put_send(&p.a.qp, &wr);
	bvf_ring_sq(&p.a.qp);
	BVF_MUST(modify_state(&p.a.qp, BVF_QPS_SQD));
	bvf_want_async(&p.a.drv, BVF_EQE_ASYNC_QP, BVF_EV_SQ_DRAINED, p.a.qp.qpn);
	bvf_want_state(&p.a.qp, BVF_QPS_SQD);
	BVF_MUST(modify_state(&p.a.qp, BVF_QPS_RTS));
	for (uint32_t i = 0; i < 8; i++)
		TAP_EQ(bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK)->wqe_idx, i);
	bvf_pair_down(&p);
}

TAP_TEST(posted_in_sqd_waits_for_rts)
{
	setup();
	BVF_MUST(modify_state(&p.a.qp, BVF_QPS_SQD));
	bvf_want_async(&p.a.drv, BVF_EQE_ASYNC_QP, BVF_EV_SQ_DRAINED, p.a.qp.qpn);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_no_cqe(&p.a.scq, 20);
	BVF_MUST(modify_state(&p.a.qp, BVF_QPS_RTS));
	bvf_ring_sq(&p.a.qp);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_pair_down(&p);
}

TAP_TEST(sqd_still_receives)
{
	struct bvf_sge r, s;
	struct bvf_wr w;

	setup();
	BVF_MUST(modify_state(&p.a.qp, BVF_QPS_SQD));
	r = bvf_sge(&p.a.mr, 0, 64);
	bvf_post_recv(&p.a.qp, &r, 1);
	s = bvf_sge(&p.b.mr, 0, 64);
	w = bvf_wr_send(&s);
	bvf_post_send(&p.b.qp, &w);
	bvf_want_cqe(&p.a.rcq, &p.a.qp, BVF_CQE_RECV, BVF_CQE_OK);
	bvf_pair_down(&p);
}

/* ---- indices ---- */

static const struct index_row {
	const char *name;
	uint32_t ahead;
} indices[] = {
	{ "one_too_many", 65 }, { "far", 1000 }, { "half", 0x80000000 },
	{ "back", 0xffffffff },
};

TAP_TABLE(send_index, struct index_row, indices, row)
{
	const struct bvf_cqe *c;

	setup();
	bvf_want_traffic(&p);
	p.a.qp.sq_pi += row->ahead;
	bvf_ring_sq(&p.a.qp);
	c = bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_LOC_QP_OP);
	TAP_EQ(c->vendor_err, BVF_VE_PI);
	bvf_want_async(&p.a.drv, BVF_EQE_ASYNC_QP, BVF_EV_QP_FATAL, p.a.qp.qpn);
	bvf_want_state(&p.a.qp, BVF_QPS_ERR);
	bvf_want_state(&p.b.qp, BVF_QPS_RTS);
	bvf_pair_down(&p);
}

TAP_TABLE(receive_index, struct index_row, indices, row)
{
	struct bvf_sge s;
	struct bvf_wr w;
	struct bvf_cqe c;

	setup();
	p.b.qp.rq_pi += row->ahead;
	bvf_ring_rq(&p.b.qp);
	s = bvf_sge(&p.a.mr, 0, 64);
	w = bvf_wr_send(&s);
	bvf_post_send(&p.a.qp, &w);
	bvf_cq_wait(&p.a.scq, &c);
	TAP_NE(c.status, BVF_CQE_OK);
	bvf_want_state(&p.b.qp, BVF_QPS_ERR);
	bvf_pair_down(&p);
}

/* A reset QP starts again at 0, whatever its indices were. */
TAP_TEST(indices_start_again_after_error)
{
	setup();
	p.a.qp.sq_pi += 1000;
	bvf_ring_sq(&p.a.qp);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_LOC_QP_OP);
	bvf_qp_reset(&p.a.qp);
	bvf_qp_reset(&p.b.qp);
	bvf_connect(&p.a.qp, &p.b.qp);
	bvf_want_traffic(&p);
	bvf_pair_down(&p);
}

/* ---- CQ overflow ---- */

TAP_TEST(cq_overflow)
{
	struct bvf_qp_init init;
	struct bvf_qp qa, qb;
	struct bvf_eqe e;
	struct bvf_cqe c;
	struct bvf_cq cq;
	int cq_err = 0, fatal = 0;

	setup();
	BVF_MUST(bvf_create_cq(&p.a.u, &cq, p.a.drv.eq.eqn, 2));
	init = p.a.init;
	init.scq = &cq;
	BVF_MUST(bvf_create_qp(&init, &qa));
	BVF_MUST(bvf_create_qp(&p.b.init, &qb));
	bvf_connect(&qa, &qb);
	for (int i = 0; i < 10; i++)
		bvf_put_send(&qa, &wr);
	bvf_ring_sq(&qa);
	for (int i = 0; i < 2; i++) {
		bvf_eq_wait(&p.a.drv.async, &e);
		cq_err += e.type == BVF_EQE_ASYNC_CQ && e.event == BVF_EV_CQ_ERR &&
			  e.id == cq.cqn;
		fatal += e.type == BVF_EQE_ASYNC_QP && e.event == BVF_EV_QP_FATAL &&
			 e.id == qa.qpn;
	}
	TAP_EQ(cq_err, 1);
	TAP_EQ(fatal, 1);
	bvf_want_state(&qa, BVF_QPS_ERR);
	/* the four that had room stand as they were written */
	for (uint32_t i = 0; i < 4; i++) {
		TAP_EQ(bvf_cq_poll(&cq, &c), 1);
		TAP_EQ(c.status, BVF_CQE_OK);
		TAP_EQ(c.wqe_idx, i);
	}
	bvf_want_no_cqe(&cq, 5);
	TAP_EQ(bvf_stat(&p.a.drv, BVF_STAT_CQ_OVERFLOW), 1ull);
	bvf_want_traffic(&p);
	bvf_pair_down(&p);
}

TAP_TEST(full_cq_is_no_overflow)
{
	struct bvf_qp_init init;
	struct bvf_qp qa, qb;
	struct bvf_cq cq;

	setup();
	BVF_MUST(bvf_create_cq(&p.a.u, &cq, p.a.drv.eq.eqn, 2));
	init = p.a.init;
	init.scq = &cq;
	BVF_MUST(bvf_create_qp(&init, &qa));
	BVF_MUST(bvf_create_qp(&p.b.init, &qb));
	bvf_connect(&qa, &qb);
	for (uint32_t round = 0; round < 100; round++) {
		for (int i = 0; i < 4; i++)
			bvf_put_send(&qa, &wr);
		bvf_ring_sq(&qa);
		for (uint32_t i = 0; i < 4; i++)
			TAP_EQ(bvf_want_cqe(&cq, &qa, BVF_WR_WRITE, BVF_CQE_OK)->wqe_idx,
			       round * 4 + i);
	}
	bvf_want_no_async(&p.a.drv);
	bvf_pair_down(&p);
}

TAP_TABLE(cq_index, struct index_row, indices, row)
{
	struct bvf_qp qa, qb;

	setup();
	bvf_pair_qp(&p, &qa, &qb);
	p.a.scq.dbrec->ci += row->ahead;
	for (int i = 0; i < 64; i++)
		bvf_put_send(&qa, &wr);
	bvf_ring_sq(&qa);
	usleep(20000);		/* its own affair: no crash, and b goes on */
	bvf_want_state(&p.b.qp, BVF_QPS_RTS);
	bvf_pair_down(&p);
}

TAP_TEST(one_cq_for_all_queues)
{
	struct bvf_qp_init ia, ib;
	struct bvf_qp qa[8], qb[8];
	struct bvf_cq cq;
	struct bvf_cqe c;
	uint32_t next[8] = { 0 };

	setup();
	BVF_MUST(bvf_create_cq(&p.a.u, &cq, BVF_EQN_NONE, 10));
	ia = p.a.init;
	ia.scq = &cq;
	ia.rcq = &cq;
	ib = p.b.init;
	for (int i = 0; i < 8; i++) {
		BVF_MUST(bvf_create_qp(&ia, &qa[i]));
		BVF_MUST(bvf_create_qp(&ib, &qb[i]));
		bvf_connect(&qa[i], &qb[i]);
	}
	for (int round = 0; round < 50; round++)
		for (int i = 0; i < 8; i++)
			bvf_post_send(&qa[i], &wr);
	for (int n = 0; n < 400; n++) {
		int i;

		bvf_cq_wait(&cq, &c);
		TAP_EQ(c.status, BVF_CQE_OK);
		for (i = 0; qa[i].qpn != c.qpn; i++)
			TAP_OK(i < 7);
		TAP_EQ(c.wqe_idx, next[i]++);
	}
	bvf_pair_down(&p);
}

/* ---- doorbells ---- */

TAP_TEST(doorbells_of_nothing_counted)
{
	setup();
	for (uint32_t i = 0; i < BVF_MAX_QP_IDX; i += 64)
		bvf_ring_qp_bit(&p.a.u, i + 5);
	bvf_kick(&p.a.u);
	bvf_want_traffic(&p);
	bvf_wait_for(&p.a.drv, bvf_stat(&p.a.drv, BVF_STAT_BAD_DB) >= 100);
	bvf_pair_down(&p);
}

TAP_TEST(doorbell_in_a_foreign_context)
{
	struct bvf_uctx other;

	setup();
	BVF_MUST(bvf_create_uctx(&p.a.drv, false, &other));
	bvf_put_send(&p.a.qp, &wr);
	p.a.qp.dbrec->sq_pi = p.a.qp.sq_pi;
	bvf_ring_qp_bit(&other, BVF_QPN_IDX(p.a.qp.qpn));
	bvf_kick(&other);
	bvf_want_no_cqe(&p.a.scq, 30);
	bvf_ring_qp(&p.a.qp);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_pair_down(&p);
}

TAP_TEST(all_bits_of_all_doorbells)
{
	setup();
	for (int i = 0; i < 20; i++) {
		memset(p.a.u.db->qp_leaf, 0xff, sizeof(p.a.u.db->qp_leaf));
		memset(p.a.u.db->cq_leaf, 0xff, sizeof(p.a.u.db->cq_leaf));
		memset(p.a.u.db->qp_summary, 0xff, 16);
		memset(p.a.u.db->cq_summary, 0xff, 16);
		p.a.u.db->eth = ~0ull;
		bvf_kick(&p.a.u);
		bvf_want_traffic(&p);
	}
	bvf_pair_down(&p);
}

TAP_TEST(doorbell_page_gone)
{
	setup();
	TAP_EQ(vfu_dma_unmap(&p.a.drv.vfu, BVF_HOLE_END,
			     p.a.drv.ram_size - BVF_HOLE_END), 0);
	for (int i = 0; i < 100; i++)
		bvf_kick(&p.a.u);
	usleep(20000);
	bvf_card_check(&p.card);
	bvf_want_state(&p.b.qp, BVF_QPS_RTS);
	bvf_drv_close(&p.a.drv);
	bvf_drv_close(&p.b.drv);
	bvf_card_stop(&p.card);
}

TAP_MAIN()
