// SPDX-License-Identifier: GPL-2.0
/*
 * Completion events, interrupts, and how the card sleeps and wakes: each event
 * once, none too many, none lost.
 */
#include <pthread.h>

#include "pair.h"
#include "tap.h"

static struct bvf_pair p;
static struct bvf_sge sge;
static struct bvf_wr wr;

static void setup(void)
{
	bvf_pair_up(&p, tap_tmpdir());
	sge = bvf_sge(&p.a.mr, 0, 8);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
}

/* One completion more in a's send CQ, none consumed; a full CQ stays as it is. */
static void complete_one(void)
{
	uint32_t n = 0;

	while (n < 1u << p.a.scq.depth_shift && bvf_cq_peek_at(&p.a.scq, n))
		n++;
	bvf_post_send(&p.a.qp, &wr);
	if (n < 1u << p.a.scq.depth_shift)
		bvf_wait_for(&p.a.drv, bvf_cq_peek_at(&p.a.scq, n));
}

static void want_event(void)
{
	struct bvf_eqe e;

	bvf_eq_wait(&p.a.drv.eq, &e);
	TAP_EQ(e.type, BVF_EQE_COMP);
	TAP_EQ(e.id, p.a.scq.cqn);
}

static void want_no_event(int ms)
{
	struct bvf_eqe e;

	usleep((useconds_t)ms * 1000);
	TAP_EQ(bvf_eq_poll(&p.a.drv.eq, &e), 0);
}

TAP_TEST(armed_then_completed)
{
	setup();
	bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
	want_no_event(10);
	complete_one();
	want_event();
	bvf_pair_down(&p);
}

TAP_TEST(not_armed_no_event)
{
	setup();
	complete_one();
	want_no_event(20);
	bvf_pair_down(&p);
}

TAP_TEST(one_event_for_one_arm)
{
	setup();
	bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
	for (int i = 0; i < 10; i++)
		complete_one();
	want_event();
	want_no_event(20);
	bvf_pair_down(&p);
}

TAP_TEST(completed_then_armed)
{
	setup();
	complete_one();
	bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
	want_event();
	want_no_event(10);
	bvf_pair_down(&p);
}

/* Armed for what is new, as verbs has it: what stands there does not count. */
TAP_TEST(armed_for_new_ones_only)
{
	setup();
	complete_one();
	complete_one();
	bvf_cq_arm_from(&p.a.scq, BVF_ARM_NEXT, p.a.scq.ci + 2);
	want_no_event(20);
	complete_one();
	bvf_post_send(&p.a.qp, &wr);
	want_event();
	want_no_event(10);
	bvf_pair_down(&p);
}

/* The new one came before the card saw the arm. */
TAP_TEST(armed_for_one_that_is_there)
{
	setup();
	complete_one();
	complete_one();
	bvf_cq_arm_from(&p.a.scq, BVF_ARM_NEXT, p.a.scq.ci + 1);
	want_event();
	bvf_pair_down(&p);
}

static const struct from_row {
	const char *name;
	uint32_t off;		/* from ci */
} froms[] = {
	{ "beyond", 257 }, { "far", 0x80000000 }, { "behind", 0xffffffff },
};

/* An index that cannot be right: as if it were ci. */
TAP_TABLE(armed_from, struct from_row, froms, row)
{
	setup();
	complete_one();
	bvf_cq_arm_from(&p.a.scq, BVF_ARM_NEXT, p.a.scq.ci + row->off);
	want_event();
	bvf_pair_down(&p);
}

TAP_TEST(consumed_then_armed)
{
	setup();
	complete_one();
	bvf_cq_pop(&p.a.scq);
	bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
	want_no_event(20);
	complete_one();
	want_event();
	bvf_pair_down(&p);
}

TAP_TEST(armed_again_and_again)
{
	setup();
	for (int i = 0; i < 500; i++) {
		bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
		complete_one();
		want_event();
		bvf_cq_pop(&p.a.scq);
	}
	bvf_pair_down(&p);
}

/* The bell rung, but with the same sequence number: nothing new was asked. */
TAP_TEST(bell_without_a_new_arm)
{
	setup();
	bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
	complete_one();
	want_event();
	bvf_ring_bit((uint64_t *)p.a.u.db->cq_leaf, (uint64_t *)p.a.u.db->cq_summary,
		     p.a.scq.cqn);
	bvf_kick(&p.a.u);
	want_no_event(20);
	bvf_pair_down(&p);
}

/* ---- solicited ---- */

static void send_one(uint8_t flags)
{
	struct bvf_sge r = bvf_sge(&p.b.mr, 64, 64);
	struct bvf_wr s = bvf_wr_send(&sge);

	bvf_post_recv(&p.b.qp, &r, 1);
	s.flags |= flags;
	bvf_post_send(&p.a.qp, &s);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_OK);
	bvf_wait_for(&p.b.drv, bvf_cq_peek(&p.b.rcq));
}

static void want_no_b_event(void)
{
	struct bvf_eqe e;

	usleep(10000);
	TAP_EQ(bvf_eq_poll(&p.b.drv.eq, &e), 0);
}

static void want_one_b_event(void)
{
	struct bvf_eqe e;

	bvf_eq_wait(&p.b.drv.eq, &e);
	TAP_EQ(e.id, p.b.rcq.cqn);
	want_no_b_event();
}

TAP_TEST(solicited_waits_for_solicited)
{
	const struct bvf_cqe *c;

	setup();
	bvf_cq_arm(&p.b.rcq, BVF_ARM_SOLICITED);
	send_one(0);
	want_no_b_event();
	c = bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_OK);
	TAP_EQ(c->flags & BVF_CQE_SOLICITED, 0);
	send_one(BVF_WQE_SOLICITED);
	want_one_b_event();
	c = bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_OK);
	TAP_EQ(c->flags & BVF_CQE_SOLICITED, BVF_CQE_SOLICITED);
	bvf_pair_down(&p);
}

TAP_TEST(solicited_is_level_style_too)
{
	setup();
	send_one(BVF_WQE_SOLICITED);
	bvf_cq_arm(&p.b.rcq, BVF_ARM_SOLICITED);
	want_one_b_event();
	bvf_pair_down(&p);
}

TAP_TEST(solicited_ignores_what_is_not)
{
	setup();
	send_one(0);
	bvf_cq_arm(&p.b.rcq, BVF_ARM_SOLICITED);
	want_no_b_event();
	bvf_cq_arm(&p.b.rcq, BVF_ARM_NEXT);
	want_one_b_event();
	bvf_pair_down(&p);
}

/* A waiting NEXT is not made less by SOLICITED, and is used up by one event. */
TAP_TEST(solicited_after_next_keeps_next)
{
	setup();
	bvf_cq_arm(&p.b.rcq, BVF_ARM_NEXT);
	want_no_b_event();
	bvf_cq_arm(&p.b.rcq, BVF_ARM_SOLICITED);
	want_no_b_event();
	send_one(0);
	want_one_b_event();
	bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_OK);
	bvf_cq_arm(&p.b.rcq, BVF_ARM_SOLICITED);
	send_one(0);
	want_no_b_event();
	bvf_pair_down(&p);
}

TAP_TEST(solicited_takes_errors)
{
	struct bvf_qp_attr attr = { .state = BVF_QPS_ERR };

	setup();
	bvf_post_recv(&p.b.qp, NULL, 0);
	bvf_cq_arm(&p.b.rcq, BVF_ARM_SOLICITED);
	BVF_MUST(bvf_modify(&p.b.qp, BVF_QPA_STATE, &attr));
	bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_FLUSH);
	want_one_b_event();
	bvf_pair_down(&p);
}

TAP_TEST(cq_without_eq)
{
	struct bvf_qp_init init;
	struct bvf_qp qa, qb;
	struct bvf_cq cq;

	setup();
	BVF_MUST(bvf_create_cq(&p.a.u, &cq, BVF_EQN_NONE, 6));
	init = p.a.init;
	init.scq = &cq;
	BVF_MUST(bvf_create_qp(&init, &qa));
	BVF_MUST(bvf_create_qp(&p.b.init, &qb));
	bvf_connect(&qa, &qb);
	bvf_cq_arm(&cq, BVF_ARM_NEXT);
	bvf_post_send(&qa, &wr);
	bvf_want_cqe(&cq, &qa, BVF_WR_WRITE, BVF_CQE_OK);
	want_no_event(10);
	bvf_pair_down(&p);
}

/* ---- interrupts ---- */

static void quiet(void)
{
	struct bvf_eqe e;

	while (bvf_eq_poll(&p.a.drv.eq, &e))
		;
	while (bvf_irq_take(&p.a.drv, 1, 0))
		;
}

TAP_TEST(interrupt_when_armed)
{
	setup();
	quiet();
	bvf_eq_arm(&p.a.drv.eq);
	bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
	TAP_EQ(bvf_irq_take(&p.a.drv, 1, 10), 0ull);
	complete_one();
	TAP_EQ(bvf_irq_take(&p.a.drv, 1, 5000), 1ull);
	want_event();
	bvf_pair_down(&p);
}

/* Events follow each other, the EQ was armed once: one interrupt. */
TAP_TEST(one_interrupt_for_one_arm)
{
	setup();
	quiet();
	bvf_eq_arm(&p.a.drv.eq);
	for (int i = 0; i < 20; i++) {
		bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
		complete_one();
		bvf_cq_pop(&p.a.scq);
	}
	for (int i = 0; i < 20; i++)
		want_event();
	TAP_EQ(bvf_irq_take(&p.a.drv, 1, 20), 1ull);
	TAP_EQ(bvf_irq_take(&p.a.drv, 1, 20), 0ull);
	bvf_pair_down(&p);
}

TAP_TEST(vectors_are_separate)
{
	struct bvf_qp_attr attr = { .state = BVF_QPS_SQD };

	setup();
	quiet();
	while (bvf_irq_take(&p.a.drv, 0, 0))
		;
	bvf_eq_arm(&p.a.drv.eq);
	bvf_eq_arm(&p.a.drv.async);
	bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
	complete_one();
	TAP_EQ(bvf_irq_take(&p.a.drv, 1, 5000), 1ull);
	TAP_EQ(bvf_irq_take(&p.a.drv, 0, 10), 0ull);
	BVF_MUST(bvf_modify(&p.a.qp, BVF_QPA_STATE, &attr));
	bvf_want_async(&p.a.drv, BVF_EQE_ASYNC_QP, BVF_EV_SQ_DRAINED, p.a.qp.qpn);
	TAP_GE(bvf_irq_take(&p.a.drv, 0, 5000), 1ull);
	TAP_EQ(bvf_irq_take(&p.a.drv, 1, 10), 0ull);
	bvf_pair_down(&p);
}

TAP_TEST(vector_without_eventfd)
{
	setup();
	TAP_EQ(vfu_set_irqs(&p.a.drv.vfu, VFU_IRQ_MSIX, VFU_IRQ_NONE_TRIGGER, 0, 0,
			    NULL, 0), 0);
	for (int i = 0; i < 50; i++) {
		bvf_eq_arm(&p.a.drv.eq);
		bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
		complete_one();
		want_event();
		bvf_cq_pop(&p.a.scq);
	}
	bvf_pair_down(&p);
}

/* A new eventfd takes over; what was raised without one is raised then. */
TAP_TEST(eventfd_replaced)
{
	setup();
	for (int i = 0; i < 20; i++) {
		int fd = dup(p.a.drv.irq_fd[1]);

		quiet();
		TAP_EQ(vfu_set_irqs(&p.a.drv.vfu, VFU_IRQ_MSIX, VFU_IRQ_EVENTFD_TRIGGER,
				    1, 1, &fd, 1), 0);
		close(fd);
		bvf_eq_arm(&p.a.drv.eq);
		bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
		complete_one();
		TAP_EQ(bvf_irq_take(&p.a.drv, 1, 5000), 1ull);
		bvf_cq_pop(&p.a.scq);
	}
	bvf_pair_down(&p);
}

/* ---- the EQ ring ---- */

TAP_TEST(eq_goes_round)
{
	struct bvf_eq eq;
	struct bvf_eqe e;
	struct bvf_qp_init init;
	struct bvf_qp qa, qb;
	struct bvf_cq cq;

	setup();
	BVF_MUST(bvf_create_eq(&p.a.drv, &eq, 2, 6, false));
	BVF_MUST(bvf_create_cq(&p.a.u, &cq, eq.eqn, 6));
	init = p.a.init;
	init.scq = &cq;
	BVF_MUST(bvf_create_qp(&init, &qa));
	BVF_MUST(bvf_create_qp(&p.b.init, &qb));
	bvf_connect(&qa, &qb);
	for (int i = 0; i < 1000; i++) {
		bvf_cq_arm(&cq, BVF_ARM_NEXT);
		bvf_post_send(&qa, &wr);
		bvf_eq_wait(&eq, &e);
		TAP_EQ(e.id, cq.cqn);
		bvf_want_cqe(&cq, &qa, BVF_WR_WRITE, BVF_CQE_OK);
	}
	bvf_pair_down(&p);
}

/* More CQs have something to say than the EQ has room for. */
TAP_TEST(full_eq_loses_nothing)
{
	enum { NR = 100 };
	static struct bvf_cq cq[NR];
	static struct bvf_qp qa[NR], qb[NR];
	bool seen[8192] = { false };
	struct bvf_qp_init init;
	struct bvf_eq eq;
	struct bvf_eqe e;

	setup();
	BVF_MUST(bvf_create_eq(&p.a.drv, &eq, 2, 6, false));
	init = p.a.init;
	init.sq_shift = 2;
	init.rq_shift = 2;
	for (int i = 0; i < NR; i++) {
		BVF_MUST(bvf_create_cq(&p.a.u, &cq[i], eq.eqn, 4));
		init.scq = &cq[i];
		BVF_MUST(bvf_create_qp(&init, &qa[i]));
		BVF_MUST(bvf_create_qp(&p.b.init, &qb[i]));
		bvf_connect(&qa[i], &qb[i]);
		bvf_cq_arm(&cq[i], BVF_ARM_NEXT);
		bvf_post_send(&qa[i], &wr);
	}
	for (int i = 0; i < NR; i++)
		bvf_wait_for(&p.a.drv, bvf_cq_peek(&cq[i]));
	usleep(20000);
	for (int i = 0; i < NR; i++) {
		bvf_eq_wait(&eq, &e);
		TAP_OK(!seen[e.id & 8191]);
		seen[e.id & 8191] = true;
	}
	bvf_pair_down(&p);
}

TAP_TEST(eq_index_that_lies)
{
	struct bvf_eqe e;

	setup();
	for (int i = 0; i < 300; i++) {
		p.a.drv.eq.dbrec->ci = (uint32_t)i * 0x9e3779b9u;
		p.a.drv.eq.dbrec->arm = (uint32_t)i * 0x7f4a7c15u;
		bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
		complete_one();
		bvf_cq_pop(&p.a.scq);
		bvf_eq_poll(&p.a.drv.eq, &e);
	}
	bvf_want_traffic(&p);
	bvf_pair_down(&p);
}

/* ---- sleeping ---- */

static void want_asleep(struct bvf_uctx *u)
{
	bvf_wait_for(u->drv, __atomic_load_n(&u->db->asleep, __ATOMIC_ACQUIRE));
}

TAP_TEST(sleeps_and_is_woken)
{
	setup();
	for (int i = 0; i < 100; i++) {
		want_asleep(&p.a.u);
		bvf_want_traffic(&p);
	}
	bvf_pair_down(&p);
}

/* At any moment between awake and asleep: each doorbell is seen. */
TAP_TEST(no_doorbell_lost_at_falling_asleep)
{
	setup();
	for (int i = 0; i < 3000; i++) {
		bvf_want_traffic(&p);
		for (volatile int spin = (i * 37) % 5000; spin; spin--)
			;
	}
	bvf_pair_down(&p);
}

TAP_TEST(armed_in_its_sleep)
{
	setup();
	for (int i = 0; i < 50; i++) {
		bvf_cq_arm(&p.a.scq, BVF_ARM_NEXT);
		want_asleep(&p.a.u);
		complete_one();
		want_event();
		bvf_cq_pop(&p.a.scq);
	}
	bvf_pair_down(&p);
}

TAP_TEST(kicks_for_nothing)
{
	setup();
	for (int i = 0; i < 1000; i++)
		bvf_kick(&p.a.u);
	bvf_want_traffic(&p);
	want_asleep(&p.a.u);
	bvf_pair_down(&p);
}

static double cpu_s(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	TAP_EQ(clock_getcpuclockid(pid, &clock), 0);
	TAP_EQ(clock_gettime(clock, &ts), 0);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

TAP_TEST(idle_costs_nothing)
{
	double t0;

	setup();
	bvf_want_traffic(&p);
	want_asleep(&p.a.u);
	usleep(100000);
	t0 = cpu_s(p.card.datapath) + cpu_s(p.card.pid);
	usleep(400000);
	t0 = cpu_s(p.card.datapath) + cpu_s(p.card.pid) - t0;
	if (t0 > 0.02)
		TAP_FAIL("%.0f ms of CPU in 400 ms of idleness", t0 * 1000);
	bvf_pair_down(&p);
}

/* ---- two threads: one produces, the other sleeps on events ---- */

static void *producer(void *arg)
{
	struct bvf_sge s = bvf_sge(&p.a.mr, 0, 8);
	struct bvf_wr w = bvf_wr_send(&s);
	int *left = arg;

	w.flags = 0;
	for (; *left; (*left)--) {
		while (p.a.qp.sq_pi - __atomic_load_n(&p.b.rcq.ci, __ATOMIC_ACQUIRE) > 32)
			sched_yield();
		if (*left % 16 == 0)
			w.flags = BVF_WQE_SIGNALED;
		bvf_post_send(&p.a.qp, &w);
		w.flags = 0;
		if (*left % 7 == 0)
			for (volatile int spin = *left % 1000 * 3; spin; spin--)
				;
	}
	return NULL;
}

TAP_TEST(no_wakeup_lost)
{
	struct bvf_sge r;
	struct bvf_eqe e;
	struct bvf_cqe c;
	pthread_t t;
	int left = 4000, got = 0;

	setup();
	r = bvf_sge(&p.b.mr, 0, 64);
	for (int i = 0; i < 64; i++)
		bvf_post_recv(&p.b.qp, &r, 1);
	TAP_EQ(pthread_create(&t, NULL, producer, &left), 0);
	while (got < 4000) {
		bvf_cq_arm(&p.b.rcq, BVF_ARM_NEXT);
		bvf_eq_wait(&p.b.drv.eq, &e);
		TAP_EQ(e.id, p.b.rcq.cqn);
		while (bvf_cq_poll(&p.b.rcq, &c)) {
			TAP_EQ(c.status, BVF_CQE_OK);
			bvf_post_recv(&p.b.qp, &r, 1);
			got++;
		}
		while (bvf_cq_poll(&p.a.scq, &c))
			TAP_EQ(c.status, BVF_CQE_OK);
	}
	pthread_join(t, NULL);
	bvf_pair_down(&p);
}

TAP_MAIN()
