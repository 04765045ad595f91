// SPDX-License-Identifier: GPL-2.0
/*
 * Retries of RC: receiver not ready, no answer, sequence errors; how often,
 * how long, and that the connection goes on where it can.
 */
#include "pair.h"
#include "tap.h"

static struct bvf_pair p;
static struct bvf_qp_attr attr_a, attr_b;
static struct bvf_sge sge;
static struct bvf_wr wr;

/* The two functions; attr_a and attr_b may be changed before connect(). */
static void setup(void)
{
	bvf_pair_card(&p, tap_tmpdir());
	bvf_end_up(&p.a, bvf_card_sock(&p.card, 0));
	bvf_end_up(&p.b, bvf_card_sock(&p.card, 1));
	bvf_attr_to(&p.a.qp, &p.b.qp, &attr_a);
	bvf_attr_to(&p.b.qp, &p.a.qp, &attr_b);
	attr_a.timeout = 8;		/* 1.05 ms */
	attr_a.retry_cnt = 2;
	bvf_fill(p.a.buf, 4096, 1);
	sge = bvf_sge(&p.a.mr, 0, 100);
	wr = bvf_wr_send(&sge);
}

static void connect_both(void)
{
	BVF_MUST(bvf_to_state(&p.b.qp, &attr_b, BVF_QPS_RTS));
	BVF_MUST(bvf_to_state(&p.a.qp, &attr_a, BVF_QPS_RTS));
}

static void post_recv(void)
{
	struct bvf_sge r = bvf_sge(&p.b.mr, 0, 4096);

	bvf_post_recv(&p.b.qp, &r, 1);
}

/* ---- receiver not ready ---- */

static const struct rnr_row {
	const char *name;
	uint8_t count, timer;
	uint64_t wait_us;	/* of the timer code, IBA table 45 */
} rnrs[] = {
	{ "0_times", 0, 12, 640 }, { "1_time", 1, 12, 640 }, { "2_times", 2, 12, 640 },
	{ "6_times", 6, 12, 640 }, { "10us", 3, 1, 10 }, { "5120us", 2, 18, 5120 },
	{ "20480us", 2, 22, 20480 }, { "655360us", 1, 0, 655360 },
	{ "491520us", 1, 31, 491520 },
};

TAP_TABLE(rnr, struct rnr_row, rnrs, row)
{
	uint64_t t0, us;

	setup();
	attr_a.rnr_retry = row->count;
	attr_a.min_rnr_timer = 20;	/* its own is not the one that counts */
	attr_b.min_rnr_timer = row->timer;
	connect_both();
	t0 = bvf_now_ns();
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_RNR_EXC);
	us = (bvf_now_ns() - t0) / 1000;
	TAP_GE(us, row->count * row->wait_us);
	TAP_LE(us, row->count * row->wait_us * 2 + 3000000);
	TAP_EQ(bvf_stat(&p.b.drv, BVF_STAT_RNR_NAK), row->count + 1ull);
	bvf_want_state(&p.a.qp, BVF_QPS_ERR);
	bvf_want_state(&p.b.qp, BVF_QPS_RTS);
	bvf_want_no_async(&p.b.drv);
	bvf_pair_down(&p);
}

TAP_TEST(rnr_for_ever)
{
	setup();
	attr_a.rnr_retry = 7;
	attr_b.min_rnr_timer = 1;
	connect_both();
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_no_cqe(&p.a.scq, 200);
	post_recv();
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_OK);
	bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_OK);
	bvf_want_filled(p.b.buf, 100, 1);
	bvf_pair_down(&p);
}

/* The count starts anew with each message. */
TAP_TEST(rnr_count_of_each_message)
{
	setup();
	attr_a.rnr_retry = 3;
	attr_b.min_rnr_timer = 27;	/* 123 ms */
	connect_both();
	for (int i = 0; i < 6; i++) {
		bvf_post_send(&p.a.qp, &wr);
		usleep(25000);
		post_recv();
		bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_OK);
		bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_OK);
	}
	bvf_pair_down(&p);
}

/* The responder rings for sends of its own: the wait is not cut short by that. */
TAP_TEST(rnr_beside_sends_of_the_responder)
{
	struct bvf_sge s;
	struct bvf_wr w;

	setup();
	attr_a.rnr_retry = 3;
	attr_b.min_rnr_timer = 0;	/* 655 ms */
	connect_both();
	bvf_post_send(&p.a.qp, &wr);
	bvf_wait_for(&p.a.drv, p.b.qp.dbrec->rq_notify);
	s = bvf_sge(&p.b.mr, 4096, 8);
	w = bvf_wr_write(&s, &p.a.mr, 4096);
	for (int i = 0; i < 10; i++) {
		bvf_post_send(&p.b.qp, &w);
		bvf_want_cqe(&p.b.scq, &p.b.qp, BVF_WR_WRITE, BVF_CQE_OK);
	}
	TAP_EQ(bvf_stat(&p.b.drv, BVF_STAT_RNR_NAK), 1u);
	post_recv();
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_OK);
	bvf_pair_down(&p);
}

TAP_TEST(receive_posted_before_it_is_missed)
{
	setup();
	attr_a.rnr_retry = 0;
	connect_both();
	for (int i = 0; i < 500; i++) {
		post_recv();
		bvf_post_send(&p.a.qp, &wr);
		bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_OK);
		bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_OK);
	}
	TAP_EQ(bvf_stat(&p.b.drv, BVF_STAT_RNR_NAK), 0ull);
	bvf_pair_down(&p);
}

/* Posted in the same moment as it is missed, many times over. */
TAP_TEST(receive_races_with_rnr)
{
	struct bvf_cqe c;

	setup();
	attr_a.rnr_retry = 7;
	attr_b.min_rnr_timer = 1;
	connect_both();
	for (int i = 0; i < 3000; i++) {
		bvf_post_send(&p.a.qp, &wr);
		for (volatile int spin = i % 100 * 20; spin; spin--)
			;
		post_recv();
		bvf_cq_wait(&p.a.scq, &c);
		TAP_EQ(c.status, BVF_CQE_OK);
		bvf_cq_wait(&p.b.rcq, &c);
		TAP_EQ(c.status, BVF_CQE_OK);
	}
	bvf_pair_down(&p);
}

TAP_TEST(rnr_does_not_stop_writes_before_it)
{
	struct bvf_wr w;

	setup();
	attr_a.rnr_retry = 1;
	attr_b.min_rnr_timer = 18;
	connect_both();
	w = bvf_wr_write(&sge, &p.b.mr, 0);
	bvf_put_send(&p.a.qp, &w);
	bvf_put_send(&p.a.qp, &wr);
	bvf_put_send(&p.a.qp, &w);
	bvf_ring_sq(&p.a.qp);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_RNR_EXC);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_FLUSH);
	bvf_pair_down(&p);
}

/* One QP that waits holds up no other. */
TAP_TEST(rnr_of_one_qp_is_not_anothers)
{
	struct bvf_qp qa, qb;
	struct bvf_sge s;
	struct bvf_wr w;

	setup();
	attr_b.min_rnr_timer = 0;
	connect_both();
	bvf_pair_qp(&p, &qa, &qb);
	bvf_post_send(&p.a.qp, &wr);
	s = bvf_sge(&p.a.mr, 0, 8);
	w = bvf_wr_write(&s, &p.b.mr, 64);
	for (int i = 0; i < 1000; i++) {
		bvf_post_send(&qa, &w);
		bvf_want_cqe(&p.a.scq, &qa, BVF_WR_WRITE, BVF_CQE_OK);
	}
	bvf_pair_down(&p);
}

TAP_TEST(write_imm_waits_for_a_receive)
{
	struct bvf_wr w;

	setup();
	attr_a.rnr_retry = 7;
	connect_both();
	w = bvf_wr_write(&sge, &p.b.mr, 0);
	w.op = BVF_WR_WRITE_IMM;
	bvf_post_send(&p.a.qp, &w);
	bvf_want_no_cqe(&p.a.scq, 20);
	bvf_post_recv(&p.b.qp, NULL, 0);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE_IMM, BVF_CQE_OK);
	bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV_WRITE_IMM, BVF_CQE_OK);
	bvf_pair_down(&p);
}

/* ---- no answer ---- */

#define WHY(id, stmt) static void why_##id(void) { stmt; }
WHY(qpn, attr_a.dest_qpn ^= 0x10)
WHY(qpn_gen, attr_a.dest_qpn ^= 1u << BVF_QP_IDX_BITS)
WHY(qpn_max, attr_a.dest_qpn = BVF_QPN_MASK)
WHY(qpn_0, attr_a.dest_qpn = 0)
WHY(dmac, attr_a.dmac[5] ^= 0x80)
WHY(dmac_own, memcpy(attr_a.dmac, p.a.drv.desc.mac, 6))
WHY(dmac_broadcast, memset(attr_a.dmac, 0xff, 6))
WHY(dgid, attr_a.dgid[15] ^= 0x80)
WHY(dgid_zero, memset(attr_a.dgid, 0, 16))
WHY(psn_ahead, attr_a.sq_psn = (attr_a.sq_psn + 1) & BVF_QPN_MASK)
WHY(psn_far, attr_a.sq_psn ^= 0x400000)
WHY(peer_expects_another, attr_b.dest_qpn ^= 2)
WHY(peer_expects_another_gid, attr_b.dgid[15] ^= 2)

static const struct why_row {
	const char *name;
	void (*why)(void);
} whys[] = {
	{ "no_such_qp", why_qpn }, { "qp_of_another_generation", why_qpn_gen },
	{ "qpn_max", why_qpn_max }, { "qpn_0", why_qpn_0 },
	{ "no_such_mac", why_dmac }, { "own_mac", why_dmac_own },
	{ "broadcast_mac", why_dmac_broadcast },
	{ "no_such_gid", why_dgid }, { "gid_of_zeroes", why_dgid_zero },
	{ "psn_one_ahead", why_psn_ahead }, { "psn_far_away", why_psn_far },
	{ "peer_is_connected_elsewhere", why_peer_expects_another },
	{ "peer_expects_another_address", why_peer_expects_another_gid },
};

TAP_TABLE(retry_exceeded, struct why_row, whys, row)
{
	uint64_t t0, us;

	setup();
	row->why();
	connect_both();
	post_recv();
	t0 = bvf_now_ns();
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_RETRY_EXC);
	us = (bvf_now_ns() - t0) / 1000;
	TAP_GE(us, 2 * 1048ull);
	TAP_LE(us, 3000000ull);
	TAP_EQ(bvf_stat(&p.a.drv, BVF_STAT_RETRY), 2ull);
	bvf_want_state(&p.a.qp, BVF_QPS_ERR);
	bvf_want_state(&p.b.qp, BVF_QPS_RTS);
	bvf_want_zero(p.b.buf, 4096);
	bvf_want_no_cqe(&p.b.rcq, 1);
	bvf_want_no_async(&p.b.drv);
	bvf_pair_down(&p);
}

static const struct retry_row {
	const char *name;
	uint8_t count, timeout;
	uint64_t wait_us;
} retries[] = {
	{ "0_times", 0, 10, 4194 }, { "1_time", 1, 10, 4194 }, { "7_times", 7, 10, 4194 },
	{ "33ms", 1, 13, 33554 }, { "8us", 7, 1, 8 },
};

TAP_TABLE(retry_count, struct retry_row, retries, row)
{
	uint64_t t0, us;

	setup();
	attr_a.retry_cnt = row->count;
	attr_a.timeout = row->timeout;
	BVF_MUST(bvf_to_state(&p.a.qp, &attr_a, BVF_QPS_RTS));
	t0 = bvf_now_ns();
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_RETRY_EXC);
	us = (bvf_now_ns() - t0) / 1000;
	TAP_GE(us, (row->count + 1) * row->wait_us);
	TAP_LE(us, (row->count + 1) * row->wait_us * 4 + 3000000);
	TAP_EQ(bvf_stat(&p.a.drv, BVF_STAT_RETRY), (uint64_t)row->count);
	bvf_pair_down(&p);
}

TAP_TEST(timeout_0_waits_for_ever)
{
	setup();
	attr_a.timeout = 0;
	BVF_MUST(bvf_to_state(&p.a.qp, &attr_a, BVF_QPS_RTS));
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_no_cqe(&p.a.scq, 200);
	bvf_want_state(&p.a.qp, BVF_QPS_RTS);
	bvf_pair_down(&p);
}

/* The peer becomes ready while it is tried again. */
TAP_TEST(peer_ready_in_time)
{
	setup();
	attr_a.timeout = 14;
	attr_a.retry_cnt = 7;
	BVF_MUST(bvf_to_state(&p.a.qp, &attr_a, BVF_QPS_RTS));
	bvf_post_send(&p.a.qp, &wr);
	usleep(30000);
	BVF_MUST(bvf_to_state(&p.b.qp, &attr_b, BVF_QPS_INIT));
	post_recv();
	attr_b.state = BVF_QPS_RTR;
	BVF_MUST(bvf_modify(&p.b.qp, BVF_RC_RTR, &attr_b));
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_OK);
	bvf_want_async(&p.b.drv, BVF_EQE_ASYNC_QP, BVF_EV_COMM_EST, p.b.qp.qpn);
	bvf_pair_down(&p);
}

static const struct state_row {
	const char *name;
	uint8_t state;
} states[] = {
	{ "reset", BVF_QPS_RESET }, { "init", BVF_QPS_INIT }, { "err", BVF_QPS_ERR },
};

TAP_TABLE(peer_in_state, struct state_row, states, row)
{
	setup();
	if (row->state == BVF_QPS_ERR) {
		BVF_MUST(bvf_to_state(&p.b.qp, &attr_b, BVF_QPS_RTS));
		attr_b.state = BVF_QPS_ERR;
		BVF_MUST(bvf_modify(&p.b.qp, BVF_QPA_STATE, &attr_b));
	} else if (row->state == BVF_QPS_INIT) {
		BVF_MUST(bvf_to_state(&p.b.qp, &attr_b, BVF_QPS_INIT));
	}
	BVF_MUST(bvf_to_state(&p.a.qp, &attr_a, BVF_QPS_RTS));
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_RETRY_EXC);
	bvf_pair_down(&p);
}

TAP_TEST(peer_destroyed)
{
	setup();
	connect_both();
	bvf_want_traffic(&p);
	BVF_MUST(bvf_destroy(&p.b.drv, BVF_OP_DESTROY_QP, p.b.qp.qpn));
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_RETRY_EXC);
	bvf_pair_down(&p);
}

TAP_TEST(peer_function_reset)
{
	setup();
	connect_both();
	bvf_want_traffic(&p);
	bvf_drv_reset(&p.b.drv);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_RETRY_EXC);
	bvf_pair_down(&p);
}

/* The end of a message whose beginning went to what the QP was before is not one. */
TAP_TEST(peer_reset_inside_a_message)
{
	struct bvf_wr w;

	setup();
	attr_a.rnr_retry = 7;
	attr_a.timeout = 13;
	attr_a.retry_cnt = 7;
	connect_both();
	sge = bvf_sge(&p.a.mr, 0, 1 << 20);
	w = bvf_wr_write(&sge, &p.b.mr, 0);
	w.op = BVF_WR_WRITE_IMM;
	bvf_fill(p.a.buf, 1 << 20, 3);
	bvf_post_send(&p.a.qp, &w);
	bvf_wait_for(&p.a.drv, p.b.qp.dbrec->rq_notify);
	bvf_qp_reset(&p.b.qp);
	memset(p.b.buf, 0, 1 << 20);
	BVF_MUST(bvf_to_state(&p.b.qp, &attr_b, BVF_QPS_INIT));
	bvf_post_recv(&p.b.qp, NULL, 0);
	attr_b.state = BVF_QPS_RTR;
	BVF_MUST(bvf_modify(&p.b.qp, BVF_RC_RTR, &attr_b));
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE_IMM, BVF_CQE_RETRY_EXC);
	bvf_want_no_cqe(&p.b.rcq, 10);
	bvf_want_zero(p.b.buf, 1 << 20);
	bvf_pair_down(&p);
}

TAP_TEST(peer_changes_its_address)
{
	uint8_t gid[16] = { 0xfd, [15] = 9 };

	setup();
	connect_both();
	bvf_want_traffic(&p);
	BVF_MUST(bvf_set_gid(&p.b.drv, 0, gid));
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_RETRY_EXC);
	bvf_pair_down(&p);
}

/* In SQD it may name another peer: the old one is not connected any more. */
TAP_TEST(peer_turns_to_another)
{
	struct bvf_qp_attr sqd = { .state = BVF_QPS_SQD };

	setup();
	connect_both();
	BVF_MUST(bvf_modify(&p.b.qp, BVF_QPA_STATE, &sqd));
	bvf_want_async(&p.b.drv, BVF_EQE_ASYNC_QP, BVF_EV_SQ_DRAINED, p.b.qp.qpn);
	bvf_want_traffic(&p);
	attr_b.state = BVF_QPS_SQD;
	attr_b.dgid[15] ^= 0x55;
	BVF_MUST(bvf_modify(&p.b.qp, BVF_QPA_AV, &attr_b));
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_RETRY_EXC);
	bvf_pair_down(&p);
}

/* ---- sequence numbers ---- */

TAP_TEST(psn_wraps)
{
	struct bvf_query_qp_resp r;

	setup();
	attr_a.sq_psn = attr_b.rq_psn = 0xfffffe;
	attr_a.rq_psn = attr_b.sq_psn = 0xffffff;
	attr_a.path_mtu = attr_b.path_mtu = 1;
	connect_both();
	bvf_want_traffic(&p);
	sge.len = 100000;			/* 391 packets of 256 */
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	wr.op = BVF_WR_READ;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_READ, BVF_CQE_OK);
	BVF_MUST(bvf_query(&p.a.qp, &r));
	TAP_EQ(r.attr.sq_psn, (0xfffffeu + 1 + 391 + 391) & BVF_QPN_MASK);
	BVF_MUST(bvf_query(&p.b.qp, &r));
	TAP_EQ(r.attr.rq_psn, (0xfffffeu + 1 + 391 + 391) & BVF_QPN_MASK);
	bvf_pair_down(&p);
}

static const struct mtu_row {
	const char *name;
	uint8_t mtu;
	uint32_t len, packets;
} mtus[] = {
	{ "256_of_0", 1, 0, 1 }, { "256_of_256", 1, 256, 1 }, { "256_of_257", 1, 257, 2 },
	{ "512_of_1025", 2, 1025, 3 }, { "1024_of_1024", 3, 1024, 1 },
	{ "2048_of_100000", 4, 100000, 49 }, { "4096_of_4097", 5, 4097, 2 },
};

TAP_TABLE(psn_per_packet, struct mtu_row, mtus, row)
{
	struct bvf_query_qp_resp r;

	setup();
	attr_a.path_mtu = attr_b.path_mtu = row->mtu;
	connect_both();
	sge.len = row->len;
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	BVF_MUST(bvf_query(&p.a.qp, &r));
	TAP_EQ(r.attr.sq_psn, (attr_a.sq_psn + row->packets) & BVF_QPN_MASK);
	bvf_pair_down(&p);
}

TAP_MAIN()
