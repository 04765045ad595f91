// SPDX-License-Identifier: GPL-2.0
/*
 * kill -9 of a function's VM at each step: its peer gets what a pulled cable
 * gives, everybody else goes on, and a new VM takes the function.
 */
#include <signal.h>
#include <sys/mman.h>

#include "pair.h"
#include "tap.h"

static struct bvf_pair p;	/* the survivors: functions 0 and 1 */
static struct bvf_end x;	/* function 2: the victim's peer */
static struct bvf_qp xq;
static pid_t victim;

/* What the two processes tell each other, through memory they share. */
static struct shared {
	volatile int ready;	/* the victim has come to its step */
	struct bvf_qp qp;	/* of the victim */
	struct bvf_mr mr;
	uint8_t gid[16], mac[6];
	struct bvf_qp peer;
	struct bvf_mr peer_mr;
	uint8_t peer_gid[16], peer_mac[6];
	volatile int connect;
} *sh;

enum step {
	CONNECTED, NEGOTIATED, OPENED, PCI, STARTED, OBJECTS, LINKED, SENDING,
	RECEIVING, READING, WAITING, COMMANDS, RESETTING,
};

static const struct row {
	const char *name;
	enum step step;
} rows[] = {
	{ "connected", CONNECTED }, { "negotiated", NEGOTIATED },
	{ "opened", OPENED }, { "interrupts_on", PCI }, { "started", STARTED },
	{ "objects_made", OBJECTS }, { "peer_connected", LINKED },
	{ "it_sends", SENDING }, { "it_receives", RECEIVING },
	{ "it_reads", READING }, { "it_waits_for_a_receive", WAITING },
	{ "commands_in_flight", COMMANDS }, { "resetting", RESETTING },
};

static void attr_by_hand(struct bvf_qp_attr *attr, uint32_t qpn, uint32_t peer,
			 const uint8_t *gid, const uint8_t *mac)
{
	*attr = (struct bvf_qp_attr){
		.dest_qpn = peer, .sq_psn = qpn, .rq_psn = peer, .path_mtu = 5,
		.access = BVF_ACC_REMOTE_WRITE | BVF_ACC_REMOTE_READ,
		.timeout = 9, .retry_cnt = 3, .rnr_retry = 7, .min_rnr_timer = 1,
		.max_rd_atomic = 16, .max_dest_rd_atomic = 16,
	};
	memcpy(attr->dgid, gid, 16);
	memcpy(attr->dmac, mac, 6);
}

static void pause_here(void)
{
	sh->ready = 1;
	for (;;)
		pause();
}

static void victim_busy(struct bvf_end *e, enum step step)
{
	struct bvf_sge sge = bvf_sge(&e->mr, 0, 8 << 20);
	struct bvf_wr wr = bvf_wr_write(&sge, &sh->peer_mr, 0);

	wr.op = step == READING ? BVF_WR_READ : step == WAITING ? BVF_WR_SEND : BVF_WR_WRITE;
	wr.flags = 0;
	for (int i = 0; i < 60; i++)
		bvf_put_send(&e->qp, &wr);
	bvf_ring_sq(&e->qp);
}

static void victim_commands(struct bvf_end *e)
{
	struct bvf_reg_mr_cmd cmd = {
		.pl = bvf_pl(&e->drv, e->buf), .len = 4096, .pdn = e->pdn,
		.access = BVF_ACC_RW,
	};

	for (int i = 0; i < 60; i++)
		bvf_cmd_submit(&e->drv, BVF_OP_REG_MR, &cmd, sizeof(cmd));
}

static void victim_run(const char *sock, enum step step)
{
	static struct bvf_end e;
	struct bvf_qp_attr attr;
	struct vfu v;

	if (step <= NEGOTIATED) {
		vfu_connect(&v, sock);
		if (step == NEGOTIATED)
			vfu_negotiate(&v);
		pause_here();
	}
	bvf_drv_open(&e.drv, sock, BVF_RAM_SIZE);
	if (step == OPENED)
		pause_here();
	bvf_drv_pci(&e.drv);
	if (step == PCI)
		pause_here();
	bvf_drv_start(&e.drv);
	if (step == STARTED)
		pause_here();
	bvf_end_objects(&e);
	if (step == OBJECTS)
		pause_here();
	sh->qp = e.qp;
	sh->mr = e.mr;
	memcpy(sh->gid, e.drv.gid, 16);
	memcpy(sh->mac, e.drv.desc.mac, 6);
	attr_by_hand(&attr, e.qp.qpn, sh->peer.qpn, sh->peer_gid, sh->peer_mac);
	BVF_MUST(bvf_to_state(&e.qp, &attr, BVF_QPS_RTS));
	sh->connect = 1;
	while (sh->connect == 1)
		usleep(100);
	if (step == SENDING || step == READING || step == WAITING)
		victim_busy(&e, step);
	if (step == COMMANDS)
		victim_commands(&e);
	if (step == RESETTING)
		bvf_reg_write(&e.drv, BVF_REG_CTRL, BVF_CTRL_RESET);
	pause_here();
}

static void start_victim(enum step step)
{
	sh->peer = x.qp;
	sh->peer_mr = x.mr;
	memcpy(sh->peer_gid, x.drv.gid, 16);
	memcpy(sh->peer_mac, x.drv.desc.mac, 6);
	victim = fork();
	if (!victim)
		victim_run(bvf_card_sock(&p.card, 3), step);
}

/* The peer's end of the connection, once the victim's stands. */
static void link_peer(void)
{
	struct bvf_qp_attr attr;

	bvf_wait_for(&x.drv, sh->connect);
	attr_by_hand(&attr, x.qp.qpn, sh->qp.qpn, sh->gid, sh->mac);
	BVF_MUST(bvf_to_state(&x.qp, &attr, BVF_QPS_RTS));
	xq = x.qp;
	sh->connect = 2;
}

TAP_TABLE(when, struct row, rows, row)
{
	static struct bvf_end again;
	struct bvf_sge sge;
	struct bvf_wr wr;
	struct bvf_cqe c;
	bool linked = row->step >= LINKED;

	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bvf_card_up(&p.card, tap_tmpdir(), 4);
	bvf_end_up(&p.a, bvf_card_sock(&p.card, 0));
	bvf_end_up(&p.b, bvf_card_sock(&p.card, 1));
	bvf_connect(&p.a.qp, &p.b.qp);
	bvf_end_up(&x, bvf_card_sock(&p.card, 2));
	start_victim(row->step);
	if (linked)
		link_peer();
	if (row->step == RECEIVING) {
		sge = bvf_sge(&x.mr, 0, 8 << 20);
		wr = bvf_wr_write(&sge, &sh->mr, 0);
		wr.flags = 0;
		for (int i = 0; i < 60; i++)
			bvf_put_send(&x.qp, &wr);
		bvf_ring_sq(&x.qp);
	}
	bvf_wait_for(&x.drv, sh->ready);
	bvf_want_traffic(&p);
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
	for (int i = 0; i < 20; i++)
		bvf_want_traffic(&p);

	if (linked) {
		sge = bvf_sge(&x.mr, 0, 8);
		wr = bvf_wr_write(&sge, &sh->mr, 0);
		if (row->step != RECEIVING)
			bvf_post_send(&x.qp, &wr);
		do
			bvf_cq_wait(&x.scq, &c);
		while (c.status == BVF_CQE_OK);
		TAP_OK(c.status == BVF_CQE_RETRY_EXC || c.status == BVF_CQE_REM_ACCESS ||
		       c.status == BVF_CQE_REM_OP);
		bvf_want_state(&x.qp, BVF_QPS_ERR);
	}

	/* the next VM on that socket */
	bvf_end_up(&again, bvf_card_sock(&p.card, 3));
	bvf_qp_reset(&x.qp);
	bvf_connect(&x.qp, &again.qp);
	sge = bvf_sge(&x.mr, 0, 8);
	bvf_fill(x.buf, 8, 5);
	wr = bvf_wr_write(&sge, &again.mr, 0);
	bvf_post_send(&x.qp, &wr);
	do
		bvf_cq_wait(&x.scq, &c);
	while (c.status == BVF_CQE_FLUSH);
	TAP_EQ(c.status, BVF_CQE_OK);
	bvf_want_filled(again.buf, 8, 5);
	bvf_drv_close(&again.drv);
	bvf_drv_close(&x.drv);
	bvf_pair_down(&p);
}

/* ---- the card's own processes ---- */

/* bvf-card ends: so does the data plane, and nothing is left behind. */
TAP_TEST(card_ends_while_busy)
{
	struct bvf_sge sge;
	struct bvf_wr wr;

	bvf_pair_up(&p, tap_tmpdir());
	sge = bvf_sge(&p.a.mr, 0, 8 << 20);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	for (int i = 0; i < 60; i++)
		bvf_put_send(&p.a.qp, &wr);
	bvf_ring_sq(&p.a.qp);
	bvf_card_stop(&p.card);
	TAP_OK(access(bvf_card_sock(&p.card, 0), F_OK) < 0);
	usleep(50000);
	TAP_EQ(kill(p.card.datapath, 0), -1);
}

TAP_TEST(card_killed_takes_the_data_plane_along)
{
	bvf_pair_up(&p, tap_tmpdir());
	kill(p.card.pid, SIGKILL);
	waitpid(p.card.pid, NULL, 0);
	for (int ms = 0; ms < 5000 && !kill(p.card.datapath, 0); ms++)
		usleep(1000);
	TAP_EQ(kill(p.card.datapath, 0), -1);
}

TAP_MAIN()
