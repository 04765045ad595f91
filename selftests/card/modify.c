// SPDX-License-Identifier: GPL-2.0
/*
 * The QP state machine: which transitions MODIFY_QP allows, with which
 * attributes, and what QUERY_QP says afterwards (IBA 1.7, 10.3.1 and table 91).
 */
#include "pair.h"
#include "tap.h"

static struct bvf_pair p;
static struct bvf_qp_attr attr;

static void setup(void)
{
	bvf_pair_card(&p, tap_tmpdir());
	bvf_end_up(&p.a, bvf_card_sock(&p.card, 0));
	bvf_end_up(&p.b, bvf_card_sock(&p.card, 1));
	bvf_attr_to(&p.a.qp, &p.b.qp, &attr);
}

static int modify(uint32_t mask, uint8_t state)
{
	attr.state = state;
	return bvf_modify(&p.a.qp, mask, &attr);
}

/* Bring the QP of `a` to a state by the shortest way. */
static void bring_to(uint8_t state)
{
	if (state == BVF_QPS_ERR) {
		BVF_MUST(bvf_to_state(&p.a.qp, &attr, BVF_QPS_INIT));
		BVF_MUST(modify(BVF_QPA_STATE, BVF_QPS_ERR));
	} else if (state == BVF_QPS_SQD) {
		BVF_MUST(bvf_to_state(&p.a.qp, &attr, BVF_QPS_RTS));
		BVF_MUST(modify(BVF_QPA_STATE, BVF_QPS_SQD));
	} else if (state != BVF_QPS_RESET) {
		BVF_MUST(bvf_to_state(&p.a.qp, &attr, state));
	}
}

/* Every pair of states, with all that the target could want. */
static const struct pair_row {
	const char *name;
	uint8_t from, to;
	uint32_t mask;
	int ok;
} transitions[] = {
	{ "reset_reset", BVF_QPS_RESET, BVF_QPS_RESET, BVF_QPA_STATE, 1 },
	{ "reset_init", BVF_QPS_RESET, BVF_QPS_INIT, BVF_RC_INIT, 1 },
	{ "reset_rtr", BVF_QPS_RESET, BVF_QPS_RTR, BVF_RC_RTR, 0 },
	{ "reset_rts", BVF_QPS_RESET, BVF_QPS_RTS, BVF_RC_RTS, 0 },
	{ "reset_sqd", BVF_QPS_RESET, BVF_QPS_SQD, BVF_QPA_STATE, 0 },
	{ "reset_sqe", BVF_QPS_RESET, BVF_QPS_SQE, BVF_QPA_STATE, 0 },
	{ "reset_err", BVF_QPS_RESET, BVF_QPS_ERR, BVF_QPA_STATE, 1 },
	{ "init_init", BVF_QPS_INIT, BVF_QPS_INIT, BVF_RC_INIT, 1 },
	{ "init_rtr", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, 1 },
	{ "init_rts", BVF_QPS_INIT, BVF_QPS_RTS, BVF_RC_RTS, 0 },
	{ "init_sqd", BVF_QPS_INIT, BVF_QPS_SQD, BVF_QPA_STATE, 0 },
	{ "init_reset", BVF_QPS_INIT, BVF_QPS_RESET, BVF_QPA_STATE, 1 },
	{ "init_err", BVF_QPS_INIT, BVF_QPS_ERR, BVF_QPA_STATE, 1 },
	{ "rtr_init", BVF_QPS_RTR, BVF_QPS_INIT, BVF_RC_INIT, 0 },
	{ "rtr_rtr", BVF_QPS_RTR, BVF_QPS_RTR, BVF_RC_RTR, 0 },
	{ "rtr_rts", BVF_QPS_RTR, BVF_QPS_RTS, BVF_RC_RTS, 1 },
	{ "rtr_sqd", BVF_QPS_RTR, BVF_QPS_SQD, BVF_QPA_STATE, 0 },
	{ "rtr_reset", BVF_QPS_RTR, BVF_QPS_RESET, BVF_QPA_STATE, 1 },
	{ "rtr_err", BVF_QPS_RTR, BVF_QPS_ERR, BVF_QPA_STATE, 1 },
	{ "rts_init", BVF_QPS_RTS, BVF_QPS_INIT, BVF_RC_INIT, 0 },
	{ "rts_rtr", BVF_QPS_RTS, BVF_QPS_RTR, BVF_RC_RTR, 0 },
	{ "rts_rts", BVF_QPS_RTS, BVF_QPS_RTS, BVF_QPA_STATE | BVF_QPA_MIN_RNR, 1 },
	{ "rts_sqd", BVF_QPS_RTS, BVF_QPS_SQD, BVF_QPA_STATE, 1 },
	{ "rts_sqe", BVF_QPS_RTS, BVF_QPS_SQE, BVF_QPA_STATE, 0 },
	{ "rts_reset", BVF_QPS_RTS, BVF_QPS_RESET, BVF_QPA_STATE, 1 },
	{ "rts_err", BVF_QPS_RTS, BVF_QPS_ERR, BVF_QPA_STATE, 1 },
	{ "sqd_rts", BVF_QPS_SQD, BVF_QPS_RTS, BVF_QPA_STATE, 1 },
	{ "sqd_sqd", BVF_QPS_SQD, BVF_QPS_SQD, BVF_QPA_STATE | BVF_QPA_TIMEOUT, 1 },
	{ "sqd_rtr", BVF_QPS_SQD, BVF_QPS_RTR, BVF_RC_RTR, 0 },
	{ "sqd_reset", BVF_QPS_SQD, BVF_QPS_RESET, BVF_QPA_STATE, 1 },
	{ "sqd_err", BVF_QPS_SQD, BVF_QPS_ERR, BVF_QPA_STATE, 1 },
	{ "err_reset", BVF_QPS_ERR, BVF_QPS_RESET, BVF_QPA_STATE, 1 },
	{ "err_err", BVF_QPS_ERR, BVF_QPS_ERR, BVF_QPA_STATE, 1 },
	{ "err_init", BVF_QPS_ERR, BVF_QPS_INIT, BVF_RC_INIT, 0 },
	{ "err_rts", BVF_QPS_ERR, BVF_QPS_RTS, BVF_QPA_STATE, 0 },
};

TAP_TABLE(transition, struct pair_row, transitions, row)
{
	int st;

	setup();
	bring_to(row->from);
	bvf_want_state(&p.a.qp, row->from);
	st = modify(row->mask, row->to);
	if (row->ok)
		TAP_EQ(st, BVF_ST_OK);
	else
		TAP_EQ(st, BVF_ST_BAD_STATE);
	bvf_want_state(&p.a.qp, row->ok ? row->to : row->from);
	bvf_pair_down(&p);
}

/* Each attribute that a transition requires is missed. */
static const struct need_row {
	const char *name;
	uint8_t from, to;
	uint32_t all, missing;
} needs[] = {
	{ "init_access", BVF_QPS_RESET, BVF_QPS_INIT, BVF_RC_INIT, BVF_QPA_ACCESS },
	{ "rtr_av", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, BVF_QPA_AV },
	{ "rtr_mtu", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, BVF_QPA_MTU },
	{ "rtr_dest_qpn", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, BVF_QPA_DEST_QPN },
	{ "rtr_rq_psn", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, BVF_QPA_RQ_PSN },
	{ "rtr_max_dest_rd", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, BVF_QPA_MAX_DEST_RD },
	{ "rtr_min_rnr", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, BVF_QPA_MIN_RNR },
	{ "rts_timeout", BVF_QPS_RTR, BVF_QPS_RTS, BVF_RC_RTS, BVF_QPA_TIMEOUT },
	{ "rts_retry", BVF_QPS_RTR, BVF_QPS_RTS, BVF_RC_RTS, BVF_QPA_RETRY },
	{ "rts_rnr_retry", BVF_QPS_RTR, BVF_QPS_RTS, BVF_RC_RTS, BVF_QPA_RNR_RETRY },
	{ "rts_sq_psn", BVF_QPS_RTR, BVF_QPS_RTS, BVF_RC_RTS, BVF_QPA_SQ_PSN },
	{ "rts_max_rd", BVF_QPS_RTR, BVF_QPS_RTS, BVF_RC_RTS, BVF_QPA_MAX_RD },
};

TAP_TABLE(required, struct need_row, needs, row)
{
	setup();
	bring_to(row->from);
	TAP_OK(modify(row->all & ~row->missing, row->to));
	bvf_want_state(&p.a.qp, row->from);
	BVF_MUST(modify(row->all, row->to));
	bvf_pair_down(&p);
}

/* ... and each that it does not allow is added. */
static const struct need_row extras[] = {
	{ "init_av", BVF_QPS_RESET, BVF_QPS_INIT, BVF_RC_INIT, BVF_QPA_AV },
	{ "init_timeout", BVF_QPS_RESET, BVF_QPS_INIT, BVF_RC_INIT, BVF_QPA_TIMEOUT },
	{ "init_qkey", BVF_QPS_RESET, BVF_QPS_INIT, BVF_RC_INIT, BVF_QPA_QKEY },
	{ "rtr_sq_psn", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, BVF_QPA_SQ_PSN },
	{ "rts_mtu", BVF_QPS_RTR, BVF_QPS_RTS, BVF_RC_RTS, BVF_QPA_MTU },
	{ "rts_dest_qpn", BVF_QPS_RTR, BVF_QPS_RTS, BVF_RC_RTS, BVF_QPA_DEST_QPN },
	{ "rts_rts_mtu", BVF_QPS_RTS, BVF_QPS_RTS, BVF_QPA_STATE, BVF_QPA_MTU },
	{ "rts_rts_sq_psn", BVF_QPS_RTS, BVF_QPS_RTS, BVF_QPA_STATE, BVF_QPA_SQ_PSN },
};

TAP_TABLE(not_allowed, struct need_row, extras, row)
{
	setup();
	bring_to(row->from);
	TAP_OK(modify(row->all | row->missing, row->to));
	bvf_want_state(&p.a.qp, row->from);
	bvf_pair_down(&p);
}

/* Values beyond their range. */
static const struct value_row {
	const char *name;
	uint8_t from, to;
	uint32_t mask;
	void (*set)(struct bvf_qp_attr *a);
} values[];

#define SET(id, stmt) static void set_##id(struct bvf_qp_attr *a) { stmt; }
SET(mtu_0, a->path_mtu = 0)
SET(mtu_6, a->path_mtu = 6)
SET(mtu_255, a->path_mtu = 255)
SET(sgid, a->sgid_index = 256)
SET(sgid_unset, a->sgid_index = 7)
SET(sgid_max, a->sgid_index = 0xffff)
SET(dest_qpn, a->dest_qpn = 0x1000000)
SET(rq_psn, a->rq_psn = 0x1000000)
SET(sq_psn, a->sq_psn = 0xffffffff)
SET(max_dest_rd, a->max_dest_rd_atomic = 17)
SET(max_rd, a->max_rd_atomic = 17)
SET(min_rnr, a->min_rnr_timer = 32)
SET(timeout, a->timeout = 32)
SET(retry, a->retry_cnt = 8)
SET(rnr_retry, a->rnr_retry = 8)
SET(access, a->access = 0x10)
SET(local_write, a->access = BVF_ACC_LOCAL_WRITE | 0x40)
SET(flow_label, a->flow_label = 1u << 20)

static const struct value_row values[] = {
	{ "access", BVF_QPS_RESET, BVF_QPS_INIT, BVF_RC_INIT, set_access },
	{ "access_high", BVF_QPS_RESET, BVF_QPS_INIT, BVF_RC_INIT, set_local_write },
	{ "mtu_0", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, set_mtu_0 },
	{ "mtu_6", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, set_mtu_6 },
	{ "mtu_255", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, set_mtu_255 },
	{ "sgid_index_256", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, set_sgid },
	{ "sgid_index_unset", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, set_sgid_unset },
	{ "sgid_index_max", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, set_sgid_max },
	{ "dest_qpn", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, set_dest_qpn },
	{ "rq_psn", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, set_rq_psn },
	{ "max_dest_rd", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, set_max_dest_rd },
	{ "min_rnr", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, set_min_rnr },
	{ "flow_label", BVF_QPS_INIT, BVF_QPS_RTR, BVF_RC_RTR, set_flow_label },
	{ "timeout", BVF_QPS_RTR, BVF_QPS_RTS, BVF_RC_RTS, set_timeout },
	{ "retry", BVF_QPS_RTR, BVF_QPS_RTS, BVF_RC_RTS, set_retry },
	{ "rnr_retry", BVF_QPS_RTR, BVF_QPS_RTS, BVF_RC_RTS, set_rnr_retry },
	{ "sq_psn", BVF_QPS_RTR, BVF_QPS_RTS, BVF_RC_RTS, set_sq_psn },
	{ "max_rd", BVF_QPS_RTR, BVF_QPS_RTS, BVF_RC_RTS, set_max_rd },
};

TAP_TABLE(out_of_range, struct value_row, values, row)
{
	struct bvf_qp_attr good;

	setup();
	bring_to(row->from);
	good = attr;
	row->set(&attr);
	TAP_EQ(modify(row->mask, row->to), BVF_ST_BAD_PARAM);
	bvf_want_state(&p.a.qp, row->from);
	attr = good;
	BVF_MUST(modify(row->mask, row->to));
	bvf_pair_down(&p);
}

TAP_TEST(current_state_checked)
{
	setup();
	bring_to(BVF_QPS_RTS);
	attr.cur_state = BVF_QPS_RTR;
	TAP_EQ(modify(BVF_QPA_STATE | BVF_QPA_CUR_STATE, BVF_QPS_SQD), BVF_ST_BAD_STATE);
	attr.cur_state = BVF_QPS_RTS;
	BVF_MUST(modify(BVF_QPA_STATE | BVF_QPA_CUR_STATE, BVF_QPS_SQD));
	bvf_pair_down(&p);
}

TAP_TEST(query_tells_what_was_set)
{
	struct bvf_query_qp_resp r;

	setup();
	attr.path_mtu = 3;
	attr.timeout = 9;
	attr.retry_cnt = 5;
	attr.rnr_retry = 4;
	attr.min_rnr_timer = 11;
	attr.max_rd_atomic = 3;
	attr.max_dest_rd_atomic = 2;
	attr.traffic_class = 0x20;
	bring_to(BVF_QPS_RTS);
	BVF_MUST(bvf_query(&p.a.qp, &r));
	TAP_EQ(r.attr.state, BVF_QPS_RTS);
	TAP_EQ(r.attr.path_mtu, 3);
	TAP_EQ(r.attr.timeout, 9);
	TAP_EQ(r.attr.retry_cnt, 5);
	TAP_EQ(r.attr.rnr_retry, 4);
	TAP_EQ(r.attr.min_rnr_timer, 11);
	TAP_EQ(r.attr.max_rd_atomic, 3);
	TAP_EQ(r.attr.max_dest_rd_atomic, 2);
	TAP_EQ(r.attr.traffic_class, 0x20);
	TAP_EQ(r.attr.dest_qpn, p.b.qp.qpn);
	TAP_EQ(r.attr.access, attr.access);
	TAP_EQ(memcmp(r.attr.dgid, attr.dgid, 16), 0);
	TAP_EQ(memcmp(r.attr.dmac, attr.dmac, 6), 0);
	TAP_EQ(r.attr.sq_psn, attr.sq_psn);
	TAP_EQ(r.attr.rq_psn, attr.rq_psn);
	bvf_pair_down(&p);
}

TAP_TEST(query_tells_the_live_psn)
{
	struct bvf_query_qp_resp r;
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	bvf_connect(&p.a.qp, &p.b.qp);
	sge = bvf_sge(&p.a.mr, 0, 10000);	/* 3 packets of 4096 */
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	BVF_MUST(bvf_query(&p.a.qp, &r));
	TAP_EQ(r.attr.sq_psn, (attr.sq_psn + 3) & BVF_QPN_MASK);
	TAP_EQ(r.sq_ci, 1u);
	bvf_pair_down(&p);
}

/* RESET forgets all; the same QP connects again and works. */
TAP_TEST(reset_and_reconnect)
{
	setup();
	for (int i = 0; i < 30; i++) {
		bvf_connect(&p.a.qp, &p.b.qp);
		bvf_want_traffic(&p);
		bvf_want_traffic(&p);
		bvf_qp_reset(&p.a.qp);
		bvf_qp_reset(&p.b.qp);
	}
	bvf_pair_down(&p);
}

/* Nothing is sent before RTS, and nothing is taken before RTR. */
TAP_TEST(nothing_sent_before_rts)
{
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	bring_to(BVF_QPS_RTR);
	bvf_attr_to(&p.b.qp, &p.a.qp, &attr);
	BVF_MUST(bvf_to_state(&p.b.qp, &attr, BVF_QPS_RTS));
	sge = bvf_sge(&p.a.mr, 0, 64);
	bvf_fill(p.a.buf, 64, 1);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_no_cqe(&p.a.scq, 20);
	bvf_want_zero(p.b.buf, 64);
	bvf_attr_to(&p.a.qp, &p.b.qp, &attr);
	BVF_MUST(modify(BVF_RC_RTS, BVF_QPS_RTS));
	bvf_ring_sq(&p.a.qp);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(p.b.buf, 64, 1);
	bvf_pair_down(&p);
}

/* A QP of UD knows other attributes. */
TAP_TEST(ud_states)
{
	struct bvf_qp_init init;
	struct bvf_qp qp;
	struct bvf_qp_attr a = { .qkey = 0x11111111, .sq_psn = 1 };

	setup();
	init = p.a.init;
	init.type = BVF_QPT_UD;
	BVF_MUST(bvf_create_qp(&init, &qp));
	a.state = BVF_QPS_INIT;
	TAP_OK(bvf_modify(&qp, BVF_QPA_STATE, &a));
	TAP_OK(bvf_modify(&qp, BVF_QPA_STATE | BVF_QPA_ACCESS, &a));
	BVF_MUST(bvf_modify(&qp, BVF_QPA_STATE | BVF_QPA_QKEY, &a));
	a.state = BVF_QPS_RTR;
	BVF_MUST(bvf_modify(&qp, BVF_QPA_STATE, &a));
	a.state = BVF_QPS_RTS;
	TAP_OK(bvf_modify(&qp, BVF_QPA_STATE, &a));
	BVF_MUST(bvf_modify(&qp, BVF_QPA_STATE | BVF_QPA_SQ_PSN, &a));
	bvf_want_state(&qp, BVF_QPS_RTS);
	bvf_pair_down(&p);
}

TAP_MAIN()
