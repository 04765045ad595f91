// SPDX-License-Identifier: GPL-2.0
/*
 * The data plane is killed and replaced: no work request fails, each is
 * executed once, in order, and no event is lost.
 */
#include <signal.h>

#include "pair.h"
#include "tap.h"

#define KILLS	5	/* fewer than what the card takes for a lost cause */

static struct bvf_pair p;
static struct bvf_sge sge;
static struct bvf_wr wr;

static void setup(void)
{
	bvf_pair_up(&p, tap_tmpdir());
	p.card.datapath_may_die = true;
	sge = bvf_sge(&p.a.mr, 0, 64);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
}

/* Ends the data plane that is there now. */
static void kill_datapath(void)
{
	pid_t pid = bvf_card_datapath(&p.card);

	if (pid)
		kill(pid, SIGKILL);
}

static void want_replaced(pid_t old)
{
	bvf_wait_for(&p.a.drv, bvf_card_datapath(&p.card) &&
			       bvf_card_datapath(&p.card) != old);
}

TAP_TEST(killed_while_idle)
{
	setup();
	for (int i = 0; i < KILLS; i++) {
		pid_t old = bvf_card_datapath(&p.card);

		bvf_want_traffic(&p);
		kill(old, SIGKILL);
		want_replaced(old);
		bvf_want_traffic(&p);
	}
	bvf_want_state(&p.a.qp, BVF_QPS_RTS);
	bvf_want_no_async(&p.a.drv);
	bvf_pair_down(&p);
}

/* A doorbell that is rung while there is nobody to see it. */
TAP_TEST(posted_while_dead)
{
	setup();
	for (int i = 0; i < KILLS; i++) {
		kill_datapath();
		bvf_want_traffic(&p);
	}
	bvf_pair_down(&p);
}

/* Long WRITEs of known data, killed at any moment. */
TAP_TEST(killed_while_writing)
{
	setup();
	bvf_fill(p.a.buf, 3 << 20, 9);
	sge.len = 3 << 20;
	for (int i = 0; i < KILLS; i++) {
		memset(p.b.buf, 0, 4 << 20);
		for (int n = 0; n < 40; n++)
			bvf_put_send(&p.a.qp, &wr);
		bvf_ring_sq(&p.a.qp);
		usleep((useconds_t)(i * 1500));
		kill_datapath();
		for (uint32_t n = 0; n < 40; n++)
			TAP_EQ(bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE,
					    BVF_CQE_OK)->wqe_idx, (uint32_t)i * 40 + n);
		bvf_want_filled(p.b.buf, 3 << 20, 9);
		bvf_want_zero(p.b.buf + (3 << 20), 1 << 20);
	}
	bvf_want_no_async(&p.a.drv);
	bvf_want_no_async(&p.b.drv);
	bvf_pair_down(&p);
}

/* Messages with numbers: each arrives once, and in order. */
TAP_TEST(killed_while_sending)
{
	uint32_t sent = 0, got = 0, acked = 0, kills = 0;
	struct bvf_sge r;
	struct bvf_cqe c;

	setup();
	for (uint32_t i = 0; i < 64; i++) {
		r = bvf_sge(&p.b.mr, i * 64, 64);
		bvf_post_recv(&p.b.qp, &r, 1);
	}
	while (got < 20000 || acked < sent) {
		while (sent < 20000 && sent - acked < 32 && sent - got < 32) {
			*(uint32_t *)(p.a.buf + sent % 64 * 64) = sent;
			sge = bvf_sge(&p.a.mr, sent % 64 * 64, 64);
			wr = bvf_wr_send(&sge);
			bvf_post_send(&p.a.qp, &wr);
			sent++;
		}
		if (sent / 3500 > kills) {
			kills++;
			kill_datapath();
		}
		while (bvf_cq_poll(&p.b.rcq, &c)) {
			TAP_EQ(c.status, BVF_CQE_OK);
			TAP_EQ(c.wqe_idx, got);
			TAP_EQ(*(uint32_t *)(p.b.buf + got % 64 * 64), got);
			r = bvf_sge(&p.b.mr, got % 64 * 64, 64);
			bvf_post_recv(&p.b.qp, &r, 1);
			got++;
		}
		while (bvf_cq_poll(&p.a.scq, &c)) {
			TAP_EQ(c.status, BVF_CQE_OK);
			TAP_EQ(c.wqe_idx, acked);
			acked++;
		}
	}
	bvf_pair_down(&p);
}

TAP_TEST(killed_while_a_sender_waits)
{
	struct bvf_sge r;

	setup();
	wr = bvf_wr_send(&sge);
	for (int i = 0; i < KILLS; i++) {
		bvf_post_send(&p.a.qp, &wr);
		usleep(2000);
		kill_datapath();
		usleep(2000);
		r = bvf_sge(&p.b.mr, 0, 64);
		bvf_post_recv(&p.b.qp, &r, 1);
		bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_OK);
		bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_OK);
	}
	bvf_pair_down(&p);
}

TAP_TEST(armed_before_it_was_killed)
{
	struct bvf_eqe e;

	setup();
	for (int i = 0; i < KILLS; i++) {
		bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
		if (i % 2)
			usleep(2000);
		kill_datapath();
		bvf_post_send(&p.a.qp, &wr);
		bvf_eq_wait(&p.a.drv.eq, &e);
		TAP_EQ(e.id, p.a.scq.cqn);
		bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	}
	bvf_pair_down(&p);
}

/* Commands that the old one should have acknowledged. */
TAP_TEST(killed_during_commands)
{
	struct bvf_qp qa;
	struct bvf_mr mr;

	setup();
	for (int i = 0; i < KILLS; i++) {
		struct bvf_handle_cmd qp, key;
		uint32_t id[2];

		BVF_MUST(bvf_create_qp(&p.a.init, &qa));
		BVF_MUST(bvf_reg_mr(&p.a.u, p.a.pdn, p.a.buf, 4096, BVF_ACC_RW, &mr));
		qp = (struct bvf_handle_cmd){ .handle = qa.qpn };
		key = (struct bvf_handle_cmd){ .handle = mr.lkey };
		kill_datapath();
		id[0] = bvf_cmd_submit(&p.a.drv, BVF_OP_DESTROY_QP, &qp, sizeof(qp));
		id[1] = bvf_cmd_submit(&p.a.drv, BVF_OP_DEREG_MR, &key, sizeof(key));
		BVF_MUST(bvf_cmd_wait(&p.a.drv, id[0], NULL, 0));
		BVF_MUST(bvf_cmd_wait(&p.a.drv, id[1], NULL, 0));
		bvf_want_traffic(&p);
	}
	bvf_pair_down(&p);
}

TAP_TEST(function_reset_while_dead)
{
	setup();
	kill_datapath();
	bvf_drv_reset(&p.a.drv);
	memset(p.a.drv.ram + BVF_HOLE_END, 0, 16 << 20);
	p.a.drv.ram_next = BVF_HOLE_END;
	bvf_drv_start(&p.a.drv);
	bvf_end_objects(&p.a);
	bvf_qp_reset(&p.b.qp);
	bvf_connect(&p.a.qp, &p.b.qp);
	bvf_want_traffic(&p);
	bvf_pair_down(&p);
}

TAP_TEST(client_leaves_while_dead)
{
	static struct bvf_end e;

	setup();
	kill_datapath();
	bvf_drv_close(&p.a.drv);
	bvf_end_up(&e, bvf_card_sock(&p.card, 0));
	bvf_drv_close(&e.drv);
	bvf_drv_close(&p.b.drv);
	bvf_card_stop(&p.card);
}

/* Stopped, not dead: it goes on where it was. */
TAP_TEST(stopped_for_a_while)
{
	pid_t pid;

	setup();
	pid = bvf_card_datapath(&p.card);
	kill(pid, SIGSTOP);
	bvf_post_send(&p.a.qp, &wr);
	usleep(300000);
	kill(pid, SIGCONT);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	TAP_EQ(bvf_card_datapath(&p.card), pid);
	bvf_pair_down(&p);
}

TAP_MAIN()
