// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations, sizes, offsets and SGEs, checked byte by byte against
 * what they must have done. BVF_SEED= repeats a run.
 */
#include <stdlib.h>

#include "pair.h"
#include "tap.h"

#define AREA		(3u << 20)
#define MAX_SGE		16

static struct bvf_pair p;
static uint8_t *want[2];	/* what the two buffers must hold */

static void setup(void)
{
	bvf_pair_up(&p, tap_tmpdir());
	bvf_seed();
	want[0] = malloc(AREA);
	want[1] = malloc(AREA);
	bvf_fill(want[0], AREA, 1);
	bvf_fill(want[1], AREA, 2);
	memcpy(p.a.buf, want[0], AREA);
	memcpy(p.b.buf, want[1], AREA);
}

static uint32_t rand_len(void)
{
	switch (bvf_rand(5)) {
	case 0:
		return bvf_rand(9);
	case 1:
		return bvf_rand(256);
	case 2:
		return (bvf_rand(16) << 12) + bvf_rand(3) - (bvf_rand(2) ? 1 : 0);
	default:
		return bvf_rand(120000);
	}
}

/* SGEs that do not overlap, in any order. Return: how many; *total bytes. */
static uint8_t rand_sges(const struct bvf_mr *mr, struct bvf_sge *sge, uint32_t *total,
			 uint32_t max_nr)
{
	uint8_t nr = (uint8_t)bvf_rand(max_nr + 1);
	uint32_t at = 0;

	*total = 0;
	for (uint8_t i = 0; i < nr; i++) {
		uint32_t len = rand_len() & 0x3ffff;

		at += bvf_rand(5000);
		if (len > AREA - at - 1)
			len = 0;
		sge[i] = bvf_sge(mr, at, len);
		at += len;
		*total += len;
		if (at > AREA - 200000)
			at = AREA - 200000, nr = (uint8_t)(i + 1);
	}
	for (uint8_t i = nr; i > 1; i--) {
		uint8_t j = (uint8_t)bvf_rand(i);
		struct bvf_sge t = sge[i - 1];

		sge[i - 1] = sge[j];
		sge[j] = t;
	}
	return nr;
}

/* Copy between flat bytes and SGEs of a buffer's model. */
static void model(uint8_t *buf, const struct bvf_mr *mr, const struct bvf_sge *sge,
		  uint8_t nr, uint8_t *flat, uint32_t len, bool gather)
{
	for (uint8_t i = 0; i < nr && len; i++) {
		uint32_t n = sge[i].len < len ? sge[i].len : len;
		uint8_t *at = buf + (sge[i].addr - mr->va);

		memcpy(gather ? flat : at, gather ? at : flat, n);
		flat += n;
		len -= n;
	}
}

static void check(int round)
{
	uint8_t *have[2] = { p.a.buf, p.b.buf };

	for (int s = 0; s < 2; s++) {
		if (!memcmp(have[s], want[s], AREA))
			continue;
		for (uint32_t i = 0; i < AREA; i++)
			if (have[s][i] != want[s][i])
				TAP_FAIL("round %d: byte %u of buffer %d is %#x, wanted %#x",
					 round, i, s, have[s][i], want[s][i]);
	}
}

static void one_op(uint8_t op, uint8_t *flat)
{
	struct bvf_sge sge[MAX_SGE], rsge[MAX_SGE];
	struct bvf_wr wr = { .op = op, .flags = BVF_WQE_SIGNALED, .sge = sge };
	uint32_t total, rtotal, off;
	uint8_t rnr = 0;
	bool imm = op == BVF_WR_SEND_IMM || op == BVF_WR_WRITE_IMM;
	bool send = op == BVF_WR_SEND || op == BVF_WR_SEND_IMM;

	wr.nr_sge = rand_sges(&p.a.mr, sge, &total, MAX_SGE);
	if (!bvf_rand(4))
		wr.flags |= BVF_WQE_FENCE;
	off = bvf_rand(AREA - total + 1);
	wr.rkey = p.b.mr.rkey;
	wr.raddr = p.b.mr.va + off;
	wr.imm = bvf_rand(1u << 31);
	if (send) {
		do
			rnr = rand_sges(&p.b.mr, rsge, &rtotal, MAX_SGE - 1);
		while (rtotal < total && bvf_rand(30));
		if (rtotal < total)
			rnr = 1, rsge[0] = bvf_sge(&p.b.mr, bvf_rand(AREA - total + 1), total);
	}
	if (op == BVF_WR_READ) {
		model(want[0], &p.a.mr, sge, wr.nr_sge, want[1] + off, total, false);
	} else {
		model(want[0], &p.a.mr, sge, wr.nr_sge, flat, total, true);
		if (send)
			model(want[1], &p.b.mr, rsge, rnr, flat, total, false);
		else
			memcpy(want[1] + off, flat, total);
	}
	if (send || imm)
		bvf_post_recv(&p.b.qp, rsge, rnr);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, op, BVF_CQE_OK);
	if (send || imm) {
		const struct bvf_cqe *c = bvf_want_cqe(&p.b.rcq, &p.b.qp,
			send ? BVF_CQE_RECV : BVF_CQE_RECV_WRITE_IMM, BVF_CQE_OK);

		TAP_EQ(c->byte_len, total);
		if (imm)
			TAP_EQ(c->imm, wr.imm);
	}
}

TAP_TEST_TIMEOUT(operations, 60)
{
	uint8_t *flat;

	setup();
	flat = malloc(AREA);
	for (int round = 0; round < 2500; round++) {
		one_op((uint8_t)(BVF_WR_SEND + bvf_rand(5)), flat);
		/* change something, so that equal bytes are no accident */
		for (int i = 0; i < 8; i++) {
			uint32_t at = bvf_rand(AREA);

			p.a.buf[at] = want[0][at] = (uint8_t)bvf_rand(256);
			at = bvf_rand(AREA);
			p.b.buf[at] = want[1][at] = (uint8_t)bvf_rand(256);
		}
		check(round);
	}
	free(flat);
	bvf_pair_down(&p);
}

/* Deep queues of WRITEs to places of their own, checked at the end. */
TAP_TEST(many_at_once)
{
	struct bvf_sge sge;
	struct bvf_wr wr;
	uint32_t n = 0;

	setup();
	for (int round = 0; round < 40; round++) {
		uint32_t src = 0, dst = 0;

		for (int i = 0; i < 64; i++) {
			uint32_t len = bvf_rand(AREA / 64);

			sge = bvf_sge(&p.a.mr, src, len);
			wr = bvf_wr_write(&sge, &p.b.mr, dst);
			if (i < 63 && bvf_rand(2))
				wr.flags = 0;
			n += wr.flags & BVF_WQE_SIGNALED;
			memcpy(want[1] + dst, want[0] + src, len);
			bvf_put_send(&p.a.qp, &wr);
			src += len;
			dst += len;
		}
		bvf_ring_sq(&p.a.qp);
		for (; n; n--)
			bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
		check(round);
		bvf_fill(want[0], AREA, (uint32_t)round);
		memcpy(p.a.buf, want[0], AREA);
	}
	bvf_pair_down(&p);
}

TAP_MAIN()
