// SPDX-License-Identifier: GPL-2.0
/*
 * Several VMs at once do everything in a random order for some seconds: make,
 * connect, write, destroy, reset, leave and come again.
 */
#include <dirent.h>

#include "pair.h"
#include "tap.h"

#define NR_VM		3	/* each has two functions */
#define RUN_MS		2500
#define NR_QP		6

static struct bvf_card card;
static struct bvf_pair p;
static unsigned int first;	/* function */
static struct bvf_qp qa[NR_QP], qb[NR_QP];
static bool have[NR_QP];

static void come(void)
{
	bvf_end_up(&p.a, bvf_card_sock(&card, first));
	bvf_end_up(&p.b, bvf_card_sock(&card, first + 1));
	bvf_connect(&p.a.qp, &p.b.qp);
	memset(have, 0, sizeof(have));
}

static void leave(void)
{
	bvf_drv_close(&p.a.drv);
	bvf_drv_close(&p.b.drv);
}

/* RAM is never given back: after a while, a new machine. */
static void come_again(void)
{
	leave();
	come();
}

static void do_create(void)
{
	uint32_t i = bvf_rand(NR_QP);

	if (have[i])
		return;
	bvf_pair_qp(&p, &qa[i], &qb[i]);
	have[i] = true;
}

static void do_destroy(void)
{
	uint32_t i = bvf_rand(NR_QP);

	if (!have[i])
		return;
	BVF_MUST(bvf_destroy(&p.a.drv, BVF_OP_DESTROY_QP, qa[i].qpn));
	BVF_MUST(bvf_destroy(&p.b.drv, BVF_OP_DESTROY_QP, qb[i].qpn));
	have[i] = false;
}

/* Unsignaled, so that nobody need wait for it. */
static void do_post(void)
{
	uint32_t i = bvf_rand(NR_QP);
	struct bvf_sge sge = bvf_sge(&p.a.mr, 0, bvf_rand(2) ? bvf_rand(100) : bvf_rand(3 << 20));
	struct bvf_wr wr = bvf_wr_write(&sge, &p.b.mr, 0);

	wr.flags = 0;
	wr.op = bvf_rand(2) ? BVF_WR_WRITE : BVF_WR_READ;
	if (have[i] && qa[i].sq_pi < 60)
		bvf_post_send(&qa[i], &wr);
}

static void do_mr(void)
{
	struct bvf_mr mr;

	BVF_MUST(bvf_reg_mr(&p.a.u, p.a.pdn, p.a.buf, 1 + bvf_rand(BVF_BUF_LEN - 1), BVF_ACC_RW, &mr));
	BVF_MUST(bvf_destroy(&p.a.drv, BVF_OP_DEREG_MR, mr.lkey));
}

static void do_error(void)
{
	struct bvf_qp_attr attr = { .state = BVF_QPS_ERR };
	uint32_t i = bvf_rand(NR_QP);

	if (have[i])
		BVF_MUST(bvf_modify(bvf_rand(2) ? &qa[i] : &qb[i], BVF_QPA_STATE, &attr));
}

static void do_reset(void)
{
	bvf_drv_reset(bvf_rand(2) ? &p.a.drv : &p.b.drv);
	come_again();
}

static void do_vfio_reset(void)
{
	TAP_EQ(vfu_reset(&p.a.drv.vfu), 0);
	come_again();
}

static void do_remap(void)
{
	struct bvf_drv *d = bvf_rand(2) ? &p.a.drv : &p.b.drv;
	uint64_t len = d->ram_size - BVF_HOLE_END;

	TAP_EQ(vfu_dma_unmap(&d->vfu, BVF_HOLE_END, len), 0);
	TAP_EQ(vfu_dma_map(&d->vfu, BVF_HOLE_END, len, d->ram_fd, BVF_HOLE_END, VFU_DMA_RW,
			   d->ram + BVF_HOLE_END), 0);
	/* what was under way may have failed */
	come_again();
}

static void do_traffic(void)
{
	struct bvf_cqe c;

	/* flushed ones of destroyed and broken QPs may stand before it */
	for (int i = 0; i < NR_QP; i++)
		if (have[i])
			return;
	while (bvf_cq_poll(&p.a.scq, &c))
		;
	bvf_want_traffic(&p);
}

static const struct action {
	void (*fn)(void);
	uint32_t weight;
} actions[] = {
	{ do_create, 30 }, { do_destroy, 40 }, { do_post, 60 }, { do_mr, 20 },
	{ do_error, 5 }, { do_traffic, 30 }, { come_again, 2 }, { do_reset, 2 },
	{ do_vfio_reset, 2 }, { do_remap, 2 },
};

static int vm(unsigned int nr)
{
	uint64_t end = bvf_now_ns() + RUN_MS * 1000000ull;
	uint32_t total = 0, n = 0;

	first = nr * 2;
	for (uint32_t i = 0; i <= nr; i++)
		n = bvf_rand(1000);	/* another sequence in each */
	for (unsigned int i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		total += actions[i].weight;
	come();
	for (n = 0; bvf_now_ns() < end; n++) {
		uint32_t r = bvf_rand(total), i = 0;

		while (r >= actions[i].weight)
			r -= actions[i++].weight;
		if (p.a.drv.ram_next > (48u << 20) || p.b.drv.ram_next > (48u << 20))
			come_again();
		actions[i].fn();
	}
	tap_note("VM %u: %u actions", nr, n);
	if (bvf_rand(2))
		leave();
	return 0;
}

static int count_fds(pid_t pid)
{
	char path[64];
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* When all have left, both processes hold what they held before. */
static void want_nothing_left(const int *before)
{
	for (int ms = 0; ms < 5000; ms++) {
		if (count_fds(card.pid) == before[0] &&
		    count_fds(bvf_card_datapath(&card)) == before[1])
			return;
		usleep(1000);
	}
	TAP_FAIL("descriptors: %d and %d, before %d and %d", count_fds(card.pid),
		 count_fds(bvf_card_datapath(&card)), before[0], before[1]);
}

static void run_vms(int kills)
{
	pid_t pid[NR_VM];
	int status, fds[2];

	bvf_card_up(&card, tap_tmpdir(), NR_VM * 2);
	fds[0] = count_fds(card.pid);
	fds[1] = count_fds(card.datapath);
	card.datapath_may_die = kills > 0;
	bvf_seed();
	for (unsigned int i = 0; i < NR_VM; i++) {
		pid[i] = fork();
		if (!pid[i])
			exit(vm(i));
	}
	for (; kills; kills--) {
		pid_t dp;

		usleep(RUN_MS * 1000 / 4);
		dp = bvf_card_datapath(&card);
		if (dp)
			kill(dp, SIGKILL);
	}
	for (int i = 0; i < NR_VM; i++) {
		TAP_EQ(waitpid(pid[i], &status, 0), pid[i]);
		TAP_EQ(status, 0);
	}
	want_nothing_left(fds);
	bvf_card_stop(&card);
}

TAP_TEST(all_at_once)
{
	run_vms(0);
}

/* ... and the data plane is killed three times meanwhile. */
TAP_TEST(all_at_once_and_killed)
{
	run_vms(3);
}

TAP_MAIN()
