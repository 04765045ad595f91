// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that changes everything it shares with the card, all the time and
 * without sense, while two others work: the card lives, and they do not
 * notice. The hostile one can be reset and used again.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include "pair.h"
#include "tap.h"

#define TEST_MS		400

static struct bvf_pair p;	/* the good ones: functions 0 and 1 */
static struct bvf_pair x;	/* the hostile one, function 2, and its peer, 3 */
static volatile int stop;

static void setup(void)
{
	bvf_card_up(&p.card, tap_tmpdir(), 4);
	bvf_end_up(&p.a, bvf_card_sock(&p.card, 0));
	bvf_end_up(&p.b, bvf_card_sock(&p.card, 1));
	bvf_connect(&p.a.qp, &p.b.qp);
	bvf_end_up(&x.a, bvf_card_sock(&p.card, 2));
	bvf_end_up(&x.b, bvf_card_sock(&p.card, 3));
	bvf_connect(&x.a.qp, &x.b.qp);
}

/* Whatever has become of it, the function starts again and works. */
static void want_usable_again(void)
{
	static struct bvf_end e;

	memset(x.a.drv.ram + BVF_HOLE_END, 0, 1 << 20);
	bvf_drv_close(&x.a.drv);
	bvf_drv_close(&x.b.drv);
	bvf_end_up(&e, bvf_card_sock(&p.card, 2));
	bvf_end_up(&x.b, bvf_card_sock(&p.card, 3));
	bvf_connect(&e.qp, &x.b.qp);
	x.a = e;
	bvf_want_traffic(&x);
	bvf_want_traffic(&p);
	bvf_drv_close(&e.drv);
	bvf_drv_close(&x.b.drv);
	bvf_drv_close(&p.a.drv);
	bvf_drv_close(&p.b.drv);
	bvf_card_stop(&p.card);
}

/* ---- what is scribbled over ---- */

struct area {
	uint8_t *mem;
	size_t len;
};

static struct area area_wqe(void)
{
	return (struct area){ x.a.qp.sq, 64u << 9 };
}

static struct area area_rwqe(void)
{
	return (struct area){ x.a.qp.rq, 64u << 9 };
}

static struct area area_dbrec(void)
{
	return (struct area){ (uint8_t *)x.a.qp.dbrec, 128 };
}

static struct area area_dbpage(void)
{
	return (struct area){ (uint8_t *)x.a.u.db, 4096 };
}

static struct area area_cq(void)
{
	return (struct area){ (uint8_t *)x.a.scq.ring, (64u << 8) + 64 };
}

static struct area area_eq(void)
{
	return (struct area){ (uint8_t *)x.a.drv.eq.ring, (16u << 8) + 64 };
}

static struct area area_aq(void)
{
	return (struct area){ (uint8_t *)x.a.drv.aq_sq, 128u << 6 };
}

static struct area area_all(void)
{
	return (struct area){ x.a.drv.ram + BVF_HOLE_END, 2u << 20 };
}

static const struct row {
	const char *name;
	struct area (*area)(void);
} rows[] = {
	{ "send_wqes", area_wqe }, { "receive_wqes", area_rwqe },
	{ "doorbell_records", area_dbrec }, { "doorbell_page", area_dbpage },
	{ "cq", area_cq }, { "eq", area_eq }, { "admin_ring", area_aq },
	{ "all_queues", area_all },
};

static uint64_t xorshift(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static uint64_t interesting(uint64_t *s)
{
	static const uint64_t vals[] = {
		0, 1, 2, 8, 16, 17, 64, 65, 255, 0x7fffffff, 0x80000000, 0xffffffff,
		~0ull, 1ull << 63, 0xfffffffffffff000, 0xa0000,
	};
	uint64_t r = xorshift(s);

	switch (r % 4) {
	case 0:
		return vals[r / 4 % (sizeof(vals) / sizeof(vals[0]))];
	case 1:		/* an address of its own */
		return (uint64_t)(uintptr_t)x.a.buf + r / 4 % BVF_BUF_LEN;
	case 2:
		return x.a.mr.lkey | (uint64_t)x.b.mr.rkey << 32;
	default:
		return r;
	}
}

static void *scribble(void *arg)
{
	const struct area *area = arg;
	uint64_t s = (uint64_t)(uintptr_t)area ^ bvf_now_ns();

	/* A pause now and then, or two cores have no time for the card. */
	for (; !stop; usleep(10))
		for (int i = 0; i < 64; i++) {
			uint64_t r = xorshift(&s), val = interesting(&s);
			size_t len = 1u << (r & 3);
			size_t off = (r >> 8) % (area->len / len) * len;

			memcpy(area->mem + off, &val, len);
		}
	return NULL;
}

/* Doorbells and kicks of every kind, with indices that are right or wrong. */
static void *ring(void *arg)
{
	struct bvf_sge sge[16];
	struct bvf_wr wr;
	uint64_t s = bvf_now_ns();

	(void)arg;
	for (int i = 0; i < 16; i++)
		sge[i] = bvf_sge(&x.a.mr, 0, 64);
	for (; !stop; usleep(5)) {
		uint64_t r = xorshift(&s);

		wr = bvf_wr_write(sge, &x.b.mr, 0);
		wr.op = 1 + r % 5;
		wr.nr_sge = r / 8 % 17;
		bvf_put_send(&x.a.qp, &wr);
		bvf_put_recv(&x.a.qp, sge, 1);
		x.a.qp.dbrec->sq_pi = x.a.qp.sq_pi + (r % 97 == 0);
		x.a.qp.dbrec->rq_pi = x.a.qp.rq_pi;
		bvf_ring_qp_bit(&x.a.u, BVF_QPN_IDX(x.a.qp.qpn));
		bvf_ring_bit((uint64_t *)x.a.u.db->cq_leaf,
			     (uint64_t *)x.a.u.db->cq_summary, x.a.scq.cqn);
		if (r % 16 == 0)
			bvf_kick(&x.a.u);
	}
	return NULL;
}

/* The QP of x fails soon and often: a new connection each time. */
static void revive(void)
{
	struct bvf_qp_attr attr = { .state = BVF_QPS_RESET };
	struct bvf_qp *qp[2] = { &x.a.qp, &x.b.qp };

	/* what the hostile one is told does not matter */
	for (int i = 0; i < 2; i++) {
		bvf_modify(qp[i], BVF_QPA_STATE, &attr);
		bvf_attr_to(qp[i], qp[!i], &attr);
		attr.timeout = 1;
		attr.rnr_retry = 1;
		bvf_to_state(qp[i], &attr, BVF_QPS_RTS);
		attr.state = BVF_QPS_RESET;
	}
	x.a.qp.sq_pi = x.a.qp.dbrec->sq_pi = 0;
	x.a.qp.rq_pi = x.a.qp.dbrec->rq_pi = 0;
}

static void run(struct area *area, bool alive)
{
	uint64_t end = bvf_now_ns() + TEST_MS * 1000000ull;
	pthread_t t[2];
	int n = 0;

	pthread_create(&t[0], NULL, scribble, area);
	pthread_create(&t[1], NULL, ring, NULL);
	while (bvf_now_ns() < end) {
		if (!alive || n++ % 8 == 0)
			bvf_want_traffic(&p);
		if (alive)
			revive();
	}
	stop = 1;
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	bvf_card_check(&p.card);
}

TAP_TABLE(scribbles, struct row, rows, row)
{
	struct area area;

	setup();
	area = row->area();
	run(&area, row->area != area_aq && row->area != area_all);
	want_usable_again();
}

/* Commands from a ring that changes while they are fetched. */
TAP_TEST(commands_that_change)
{
	uint64_t end;
	struct area area;
	pthread_t t;

	setup();
	area = area_aq();
	pthread_create(&t, NULL, scribble, &area);
	end = bvf_now_ns() + TEST_MS * 1000000ull;
	for (uint32_t i = 0; bvf_now_ns() < end; i++) {
		bvf_reg_write(&x.a.drv, BVF_REG_AQ_DB, i);
		bvf_want_traffic(&p);
	}
	stop = 1;
	pthread_join(t, NULL);
	bvf_card_check(&p.card);
	want_usable_again();
}

/* A page list that changes while it is walked. */
TAP_TEST(page_list_that_changes)
{
	struct bvf_pl_entry ent[510];
	struct bvf_reg_mr_cmd cmd = { .va = 0x1000, .len = 510 * 4096, .access = BVF_ACC_RW };
	struct bvf_reg_mr_resp resp;
	struct area area;
	uint64_t end;
	pthread_t t;

	setup();
	for (int i = 0; i < 510; i++)
		ent[i] = (struct bvf_pl_entry){
			bvf_iova(&x.a.drv, x.a.buf) + (uint64_t)i * 8192, 4096 };
	cmd.pl = bvf_pl_chain(&x.a.drv, ent, 510);
	cmd.pdn = x.a.pdn;
	area = (struct area){ x.a.drv.ram + cmd.pl.iova, 8192 };
	pthread_create(&t, NULL, scribble, &area);
	end = bvf_now_ns() + TEST_MS * 1000000ull;
	while (bvf_now_ns() < end) {
		if (!bvf_cmd(&x.a.drv, BVF_OP_REG_MR, &cmd, sizeof(cmd), &resp, sizeof(resp)))
			BVF_MUST(bvf_destroy(&x.a.drv, BVF_OP_DEREG_MR, resp.lkey));
		for (int i = 0; i < 510; i++)
			((struct bvf_pl_page *)area.mem)[i / 255].e[i % 255] = ent[i];
	}
	stop = 1;
	pthread_join(t, NULL);
	bvf_want_traffic(&p);
	want_usable_again();
}

/* The longest page lists there can be, one after the other: others get turns. */
TAP_TEST(page_lists_without_end)
{
	struct bvf_pl_entry ent[510];
	struct bvf_reg_mr_cmd cmd = { .va = 0x1000, .access = BVF_ACC_RW };
	struct bvf_pl_page *page;
	uint32_t last = 0;
	int turns = 0;

	setup();
	for (int i = 0; i < 510; i++)
		ent[i] = (struct bvf_pl_entry){
			bvf_iova(&x.a.drv, x.a.buf) + (uint64_t)(i * 37 % 510) * 8192, 4096 };
	cmd.pl = bvf_pl_chain(&x.a.drv, ent, 510);
	page = (struct bvf_pl_page *)(x.a.drv.ram + cmd.pl.iova);
	page[1].next = cmd.pl.iova;
	cmd.pl.nr = BVF_PL_MAX_ENTRIES / 510 * 510;
	cmd.len = cmd.pl.nr * 4096ull;
	cmd.pdn = x.a.pdn;
	for (int i = 0; i < 6; i++)
		last = bvf_cmd_submit(&x.a.drv, BVF_OP_REG_MR, &cmd, sizeof(cmd));
	while (x.a.drv.aq_cq[(x.a.drv.aq_pi - 1) & 63].hdr.id != last) {
		bvf_reg_read(&p.a.drv, BVF_REG_STATUS);
		turns++;
	}
	tap_note("%d turns", turns);
	TAP_GE(turns, 4);
	bvf_want_traffic(&p);
	want_usable_again();
}

/* ---- memory that goes away ---- */

static void stream(struct bvf_qp *qp, int n)
{
	struct bvf_sge sge = bvf_sge(&x.a.mr, 0, 4 << 20);
	struct bvf_wr wr = bvf_wr_write(&sge, &x.b.mr, 0);

	wr.flags = 0;
	for (int i = 0; i < n; i++)
		bvf_put_send(qp, &wr);
	bvf_ring_sq(qp);
}

/* The file behind the memory is cut off: an access to it is a SIGBUS. */
static const struct cut_row {
	const char *name;
	int which;		/* 0: requester's, 1: responder's */
} cuts[] = { { "requester", 0 }, { "responder", 1 } };

TAP_TABLE(truncates_memory_of, struct cut_row, cuts, row)
{
	struct bvf_drv *d;

	setup();
	d = row->which ? &x.b.drv : &x.a.drv;
	stream(&x.a.qp, 40);
	usleep(2000);
	TAP_EQ(ftruncate(d->ram_fd, 4096), 0);
	for (int i = 0; i < 50; i++) {
		bvf_want_traffic(&p);
		vfu_post32(&d->vfu, BVF_BAR_KICK, d->kernel.num * 4096, 1);
		vfu_post32(&d->vfu, BVF_BAR_KICK, 4096, 1);
		vfu_post32(&d->vfu, BVF_BAR_REGS, BVF_REG_AQ_DB, (uint32_t)i);
	}
	bvf_card_check(&p.card);
	TAP_EQ(ftruncate(d->ram_fd, (off_t)d->ram_size), 0);
	want_usable_again();
}

/* The control plane does not go on in pages of its own that stand in for the guest's. */
TAP_TEST(truncated_memory_is_given_up)
{
	struct bvf_drv *d;

	setup();
	d = &x.a.drv;
	TAP_EQ(ftruncate(d->ram_fd, 4096), 0);
	/* faults at the command ring; the next commands would be ones of zeroes */
	bvf_reg_write(d, BVF_REG_AQ_DB, ++d->aq_pi);
	usleep(20000);
	bvf_reg_write(d, BVF_REG_AQ_DB, ++d->aq_pi);
	usleep(20000);
	TAP_OK(bvf_reg_read(d, BVF_REG_STATUS) & BVF_STS_FATAL);
	TAP_EQ(bvf_reg_read(d, BVF_REG_ERROR), (uint32_t)BVF_DEV_AQ_LOST);
	bvf_want_traffic(&p);
	TAP_EQ(ftruncate(d->ram_fd, (off_t)d->ram_size), 0);
	want_usable_again();
}

TAP_TEST(unmaps_under_load)
{
	uint64_t len;

	setup();
	len = x.a.drv.ram_size - BVF_HOLE_END;
	for (int i = 0; i < 20; i++) {
		struct vfu *v = &x.a.drv.vfu;

		stream(&x.a.qp, 3);
		TAP_EQ(vfu_dma_unmap(v, BVF_HOLE_END, len), 0);
		bvf_want_traffic(&p);
		TAP_EQ(vfu_dma_map(v, BVF_HOLE_END, len, x.a.drv.ram_fd, BVF_HOLE_END,
				   VFU_DMA_RW, x.a.drv.ram + BVF_HOLE_END), 0);
		revive();
	}
	bvf_card_check(&p.card);
	want_usable_again();
}

/* The window comes back read-only: nothing is written into it. */
TAP_TEST(memory_that_is_read_only)
{
	uint64_t len;
	struct vfu *v;
	int fd;
	char path[64];

	setup();
	len = x.b.drv.ram_size - BVF_HOLE_END;
	v = &x.b.drv.vfu;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", x.b.drv.ram_fd);
	fd = open(path, O_RDONLY);
	TAP_OK(fd >= 0);
	TAP_EQ(vfu_dma_unmap(v, BVF_HOLE_END, len), 0);
	vfu_dma_map(v, BVF_HOLE_END, len, fd, BVF_HOLE_END, VFU_DMA_R, NULL);
	bvf_fill(x.a.buf, 4 << 20, 1);
	stream(&x.a.qp, 1);
	usleep(20000);
	bvf_want_zero(x.b.buf, 4 << 20);
	bvf_card_check(&p.card);
	want_usable_again();
}

TAP_MAIN()
