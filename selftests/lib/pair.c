// SPDX-License-Identifier: GPL-2.0
/*
 * Two functions ready for traffic, and checks of what arrived.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "pair.h"

void bvf_pair_card(struct bvf_pair *p, const char *dir)
{
	bvf_card_up(&p->card, dir, 2);
}

void bvf_end_objects(struct bvf_end *e)
{
	struct bvf_drv *d = &e->drv;

	BVF_MUST(bvf_create_uctx(d, false, &e->u));
	BVF_MUST(bvf_create_pd(&e->u, &e->pdn));
	BVF_MUST(bvf_create_cq(&e->u, &e->scq, d->eq.eqn, 8));
	BVF_MUST(bvf_create_cq(&e->u, &e->rcq, d->eq.eqn, 8));
	e->buf = bvf_alloc_pages(d, BVF_BUF_LEN);
	BVF_MUST(bvf_reg_mr(&e->u, e->pdn, e->buf, BVF_BUF_LEN, BVF_ACC_RW, &e->mr));
	e->init = (struct bvf_qp_init){
		.u = &e->u, .pdn = e->pdn, .scq = &e->scq, .rcq = &e->rcq,
		.sq_shift = 6, .sq_stride = 9, .rq_shift = 6, .rq_stride = 9,
	};
	BVF_MUST(bvf_create_qp(&e->init, &e->qp));
}

void bvf_end_up(struct bvf_end *e, const char *sock)
{
	bvf_drv_up(&e->drv, sock);
	bvf_end_objects(e);
}

void bvf_pair_up(struct bvf_pair *p, const char *dir)
{
	bvf_pair_card(p, dir);
	bvf_end_up(&p->a, bvf_card_sock(&p->card, 0));
	bvf_end_up(&p->b, bvf_card_sock(&p->card, 1));
	bvf_connect(&p->a.qp, &p->b.qp);
}

void bvf_pair_down(struct bvf_pair *p)
{
	bvf_card_check(&p->card);
	bvf_drv_close(&p->a.drv);
	bvf_drv_close(&p->b.drv);
	bvf_card_stop(&p->card);
}

void bvf_pair_qp(struct bvf_pair *p, struct bvf_qp *qa, struct bvf_qp *qb)
{
	BVF_MUST(bvf_create_qp(&p->a.init, qa));
	BVF_MUST(bvf_create_qp(&p->b.init, qb));
	bvf_connect(qa, qb);
}

struct bvf_wr bvf_wr_send(struct bvf_sge *sge)
{
	return (struct bvf_wr){
		.op = BVF_WR_SEND, .flags = BVF_WQE_SIGNALED, .nr_sge = 1,
		.sge = sge,
	};
}

struct bvf_wr bvf_wr_write(struct bvf_sge *sge, const struct bvf_mr *to, uint64_t off)
{
	struct bvf_wr wr = bvf_wr_send(sge);

	wr.op = BVF_WR_WRITE;
	wr.rkey = to->rkey;
	wr.raddr = to->va + off;
	return wr;
}

struct bvf_wr bvf_wr_read(struct bvf_sge *sge, const struct bvf_mr *from, uint64_t off)
{
	struct bvf_wr wr = bvf_wr_write(sge, from, off);

	wr.op = BVF_WR_READ;
	return wr;
}

static uint8_t pattern(size_t i, uint32_t seed)
{
	uint32_t x = (uint32_t)i * 2654435761u + seed * 40503u;

	return (uint8_t)((x >> 24) ^ (x >> 11) ^ 0x5a) | 1;
}

void bvf_fill(void *buf, size_t len, uint32_t seed)
{
	uint8_t *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = pattern(i, seed);
}

void bvf_want_filled_(const void *buf, size_t len, uint32_t seed)
{
	const uint8_t *p = buf;

	for (size_t i = 0; i < len; i++)
		if (p[i] != pattern(i, seed))
			bvf_fail("byte %zu of %zu is %#x, wanted %#x", i, len,
				 p[i], pattern(i, seed));
}

void bvf_want_zero_(const void *buf, size_t len)
{
	const uint8_t *p = buf;

	for (size_t i = 0; i < len; i++)
		if (p[i])
			bvf_fail("byte %zu of %zu is %#x, wanted 0", i, len, p[i]);
}

void bvf_want_traffic_(struct bvf_pair *p)
{
	static uint32_t seed = 77;
	uint64_t off = BVF_BUF_LEN - 64;
	struct bvf_sge sge = bvf_sge(&p->a.mr, off, 8);
	struct bvf_wr wr = bvf_wr_write(&sge, &p->b.mr, off);

	bvf_fill(p->a.buf + off, 8, ++seed);
	bvf_post_send(&p->a.qp, &wr);
	bvf_want_cqe_(&p->a.scq, &p->a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled_(p->b.buf + off, 8, seed);
}

static uint64_t rand_state;

void bvf_seed(void)
{
	const char *env = getenv("BVF_SEED");

	rand_state = env ? strtoull(env, NULL, 0) :
		     (uint64_t)time(NULL) * 2654435761u ^ (uint64_t)getpid();
	printf("# BVF_SEED=%llu\n", (unsigned long long)rand_state);
	fflush(stdout);
}

/* xorshift64* */
uint32_t bvf_rand(uint32_t below)
{
	rand_state ^= rand_state >> 12;
	rand_state ^= rand_state << 25;
	rand_state ^= rand_state >> 27;
	if (!rand_state)
		rand_state = 1;
	return (uint32_t)((rand_state * 2685821657736338717ull >> 32) % below);
}
