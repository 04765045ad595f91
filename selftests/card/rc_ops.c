// SPDX-License-Identifier: GPL-2.0
/*
 * RC operations that go well: what arrives where, and what the completions
 * say. Errors are in rc_errors.c.
 */
#include "pair.h"
#include "tap.h"

static struct bvf_pair p;

static void setup(void)
{
	bvf_pair_up(&p, tap_tmpdir());
}

static void recv_at(uint64_t off, uint32_t len)
{
	struct bvf_sge sge = bvf_sge(&p.b.mr, off, len);

	bvf_post_recv(&p.b.qp, &sge, 1);
}

static const struct size_row {
	const char *name;
	uint32_t len;
} sizes[] = {
	{ "0", 0 }, { "1", 1 }, { "2", 2 }, { "7", 7 }, { "8", 8 }, { "63", 63 },
	{ "64", 64 }, { "255", 255 }, { "256", 256 }, { "1023", 1023 },
	{ "4095", 4095 }, { "4096", 4096 }, { "4097", 4097 }, { "65535", 65535 },
	{ "65537", 65537 }, { "262144", 262144 }, { "1M-1", 1048575 },
	{ "1M", 1048576 }, { "4M+3", 4194307 },
};

TAP_TABLE(write, struct size_row, sizes, row)
{
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	bvf_fill(p.a.buf + 3, row->len, 7);
	sge = bvf_sge(&p.a.mr, 3, row->len);
	wr = bvf_wr_write(&sge, &p.b.mr, 101);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(p.b.buf + 101, row->len, 7);
	bvf_want_zero(p.b.buf, 101);
	bvf_want_zero(p.b.buf + 101 + row->len, 4096);
	bvf_pair_down(&p);
}

TAP_TABLE(read, struct size_row, sizes, row)
{
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	bvf_fill(p.b.buf + 5, row->len, 9);
	sge = bvf_sge(&p.a.mr, 77, row->len);
	wr = bvf_wr_read(&sge, &p.b.mr, 5);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_READ, BVF_CQE_OK);
	bvf_want_filled(p.a.buf + 77, row->len, 9);
	bvf_want_zero(p.a.buf, 77);
	bvf_want_zero(p.a.buf + 77 + row->len, 4096);
	bvf_pair_down(&p);
}

TAP_TABLE(send, struct size_row, sizes, row)
{
	const struct bvf_cqe *c;
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	recv_at(33, 5u << 20);
	bvf_fill(p.a.buf, row->len, 11);
	sge = bvf_sge(&p.a.mr, 0, row->len);
	wr = bvf_wr_send(&sge);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_OK);
	c = bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_OK);
	TAP_EQ(c->byte_len, row->len);
	TAP_EQ(c->flags, 0);
	TAP_EQ(c->wqe_idx, 0u);
	bvf_want_filled(p.b.buf + 33, row->len, 11);
	bvf_want_zero(p.b.buf + 33 + row->len, 4096);
	bvf_pair_down(&p);
}

TAP_TEST(send_with_immediate)
{
	const struct bvf_cqe *c;
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	recv_at(0, 100);
	sge = bvf_sge(&p.a.mr, 0, 10);
	wr = bvf_wr_send(&sge);
	wr.op = BVF_WR_SEND_IMM;
	wr.imm = 0x12345678;
	bvf_post_send(&p.a.qp, &wr);
	c = bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_OK);
	TAP_EQ(c->imm, 0x12345678u);
	TAP_EQ(c->flags, BVF_CQE_IMM);
	TAP_EQ(c->byte_len, 10u);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND_IMM, BVF_CQE_OK);
	bvf_pair_down(&p);
}

TAP_TEST(write_with_immediate)
{
	const struct bvf_cqe *c;
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	recv_at(4096, 100);
	bvf_fill(p.a.buf, 1000, 5);
	sge = bvf_sge(&p.a.mr, 0, 1000);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	wr.op = BVF_WR_WRITE_IMM;
	wr.imm = 0xcafe0001;
	bvf_post_send(&p.a.qp, &wr);
	c = bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV_WRITE_IMM, BVF_CQE_OK);
	TAP_EQ(c->imm, 0xcafe0001u);
	TAP_EQ(c->flags, BVF_CQE_IMM);
	TAP_EQ(c->byte_len, 1000u);
	bvf_want_filled(p.b.buf, 1000, 5);
	bvf_want_zero(p.b.buf + 4096, 100);	/* the receive gives no memory */
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE_IMM, BVF_CQE_OK);
	bvf_pair_down(&p);
}

TAP_TEST(write_with_immediate_of_nothing)
{
	const struct bvf_cqe *c;
	struct bvf_wr wr = {
		.op = BVF_WR_WRITE_IMM, .flags = BVF_WQE_SIGNALED, .imm = 7,
		.rkey = 0xdead00, .raddr = 123,
	};

	setup();
	bvf_post_recv(&p.b.qp, NULL, 0);
	bvf_post_send(&p.a.qp, &wr);
	c = bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV_WRITE_IMM, BVF_CQE_OK);
	TAP_EQ(c->byte_len, 0u);
	TAP_EQ(c->imm, 7u);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE_IMM, BVF_CQE_OK);
	bvf_pair_down(&p);
}

/* A zero-length WRITE or READ names no memory, so no key is looked at. */
static const struct op_row {
	const char *name;
	uint8_t op;
} ops[] = {
	{ "send", BVF_WR_SEND }, { "send_imm", BVF_WR_SEND_IMM },
	{ "write", BVF_WR_WRITE }, { "write_imm", BVF_WR_WRITE_IMM },
	{ "read", BVF_WR_READ },
};

TAP_TABLE(no_sge, struct op_row, ops, row)
{
	struct bvf_wr wr = {
		.op = row->op, .flags = BVF_WQE_SIGNALED, .rkey = 0xbad00,
		.raddr = ~0ull,
	};

	setup();
	recv_at(0, 16);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, row->op, BVF_CQE_OK);
	bvf_want_traffic(&p);
	bvf_pair_down(&p);
}

/* ---- SGE layouts ---- */

static const struct sge_row {
	const char *name;
	int nr;
	uint32_t len[16];
	int rnr;		/* of the receive */
	uint32_t rlen[16];
} layouts[] = {
	{ "16_of_1", 16, { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, 1, { 16 } },
	{ "1_to_16", 1, { 1600 }, 16, { 100, 100, 100, 100, 100, 100, 100, 100, 100,
				       100, 100, 100, 100, 100, 100, 100 } },
	{ "16_to_16", 16, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
	  16, { 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1 } },
	{ "zero_first", 3, { 0, 10, 20 }, 2, { 0, 30 } },
	{ "zero_between", 3, { 10, 0, 20 }, 3, { 5, 0, 25 } },
	{ "zero_last", 3, { 10, 20, 0 }, 3, { 15, 15, 0 } },
	{ "all_zero", 3, { 0, 0, 0 }, 2, { 0, 0 } },
	{ "larger_than_a_piece", 4, { 300000, 1, 500000, 77777 }, 4,
	  { 1, 500001, 300000, 100000 } },
	{ "receive_has_more", 2, { 10, 10 }, 3, { 5, 100, 100 } },
	{ "page_edges", 2, { 4096, 4096 }, 2, { 4095, 4097 } },
};

#define STEP	(512u << 10)	/* between SGEs, so that each is on its own */

static uint8_t nr_sges(const struct bvf_mr *mr, struct bvf_sge *sge, int nr,
		       const uint32_t *len)
{
	for (int i = 0; i < nr; i++)
		sge[i] = bvf_sge(mr, (uint64_t)i * STEP + 3, len[i]);
	return (uint8_t)nr;
}

/* The message at p is `total` bytes of the pattern, through `nr` SGEs. */
static void scatter(uint8_t *buf, int nr, const uint32_t *len, uint32_t total,
		    uint8_t *flat, int gather)
{
	uint32_t at = 0;

	for (int i = 0; i < nr && at < total; i++) {
		uint32_t n = len[i] < total - at ? len[i] : total - at;
		uint8_t *mem = buf + (size_t)i * STEP + 3;

		memcpy(gather ? flat + at : mem, gather ? mem : flat + at, n);
		at += n;
	}
}

static uint8_t flat[1 << 20];

static uint32_t total_of(int nr, const uint32_t *len)
{
	uint32_t total = 0;

	for (int i = 0; i < nr; i++)
		total += len[i];
	return total;
}

TAP_TABLE(sges_send, struct sge_row, layouts, row)
{
	uint32_t total = total_of(row->nr, row->len);
	struct bvf_sge sge[16], rsge[16];
	struct bvf_wr wr;

	setup();
	bvf_fill(flat, total, 21);
	scatter(p.a.buf, row->nr, row->len, total, flat, 0);
	wr = bvf_wr_send(sge);
	wr.nr_sge = nr_sges(&p.a.mr, sge, row->nr, row->len);
	bvf_post_recv(&p.b.qp, rsge, nr_sges(&p.b.mr, rsge, row->rnr, row->rlen));
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_OK);
	TAP_EQ(bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_OK)->byte_len, total);
	memset(flat, 0, sizeof(flat));
	scatter(p.b.buf, row->rnr, row->rlen, total, flat, 1);
	bvf_want_filled(flat, total, 21);
	bvf_pair_down(&p);
}

TAP_TABLE(sges_write, struct sge_row, layouts, row)
{
	uint32_t total = total_of(row->nr, row->len);
	struct bvf_sge sge[16];
	struct bvf_wr wr;

	setup();
	bvf_fill(flat, total, 22);
	scatter(p.a.buf, row->nr, row->len, total, flat, 0);
	wr = bvf_wr_write(sge, &p.b.mr, 99);
	wr.nr_sge = nr_sges(&p.a.mr, sge, row->nr, row->len);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(p.b.buf + 99, total, 22);
	bvf_want_zero(p.b.buf + 99 + total, 64);
	bvf_pair_down(&p);
}

TAP_TABLE(sges_read, struct sge_row, layouts, row)
{
	uint32_t total = total_of(row->nr, row->len);
	struct bvf_sge sge[16];
	struct bvf_wr wr;

	setup();
	bvf_fill(p.b.buf + 7, total, 23);
	wr = bvf_wr_read(sge, &p.b.mr, 7);
	wr.nr_sge = nr_sges(&p.a.mr, sge, row->nr, row->len);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_READ, BVF_CQE_OK);
	scatter(p.a.buf, row->nr, row->len, total, flat, 1);
	bvf_want_filled(flat, total, 23);
	bvf_pair_down(&p);
}

/* An SGE of length 0 may name any key and address. */
TAP_TEST(zero_sge_with_bad_key)
{
	struct bvf_sge sge[3];
	struct bvf_wr wr;

	setup();
	sge[0] = bvf_sge(&p.a.mr, 0, 8);
	sge[1] = (struct bvf_sge){ .addr = ~0ull, .len = 0, .lkey = 0xffffffff };
	sge[2] = bvf_sge(&p.a.mr, 8, 8);
	bvf_fill(p.a.buf, 16, 4);
	wr = bvf_wr_write(sge, &p.b.mr, 0);
	wr.nr_sge = 3;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(p.b.buf, 16, 4);
	bvf_pair_down(&p);
}

/* ---- inline ---- */

static const struct size_row inline_sizes[] = {
	{ "0", 0 }, { "1", 1 }, { "31", 31 }, { "32", 32 }, { "100", 100 },
	{ "192", 192 }, { "224", 224 },
};

TAP_TABLE(inline_write, struct size_row, inline_sizes, row)
{
	uint8_t data[BVF_MAX_INLINE];
	struct bvf_wr wr;

	setup();
	bvf_fill(data, row->len, 31);
	wr = bvf_wr_write(NULL, &p.b.mr, 13);
	wr.nr_sge = 0;
	wr.flags |= BVF_WQE_INLINE;
	wr.inline_len = row->len;
	wr.inline_data = data;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(p.b.buf + 13, row->len, 31);
	bvf_want_zero(p.b.buf + 13 + row->len, 64);
	bvf_pair_down(&p);
}

TAP_TABLE(inline_send, struct size_row, inline_sizes, row)
{
	uint8_t data[BVF_MAX_INLINE];
	struct bvf_wr wr = {
		.op = BVF_WR_SEND, .flags = BVF_WQE_SIGNALED | BVF_WQE_INLINE,
		.inline_len = row->len, .inline_data = data,
	};

	setup();
	bvf_fill(data, row->len, 32);
	recv_at(50, 1000);
	bvf_post_send(&p.a.qp, &wr);
	TAP_EQ(bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV, BVF_CQE_OK)->byte_len,
	       row->len);
	bvf_want_filled(p.b.buf + 50, row->len, 32);
	bvf_pair_down(&p);
}

/* ---- signalling and order ---- */

TAP_TEST(unsignaled_makes_no_completion)
{
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	sge = bvf_sge(&p.a.mr, 0, 64);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	wr.flags = 0;
	for (int i = 0; i < 9; i++)
		bvf_post_send(&p.a.qp, &wr);
	wr.flags = BVF_WQE_SIGNALED;
	bvf_post_send(&p.a.qp, &wr);
	TAP_EQ(bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK)->wqe_idx, 9u);
	bvf_want_no_cqe(&p.a.scq, 5);
	bvf_pair_down(&p);
}

TAP_TEST(sig_all_signals_all)
{
	struct bvf_qp_init init;
	struct bvf_qp qp, peer;
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	init = p.a.init;
	init.flags = BVF_QPF_SIG_ALL;
	BVF_MUST(bvf_create_qp(&init, &qp));
	BVF_MUST(bvf_create_qp(&p.b.init, &peer));
	bvf_connect(&qp, &peer);
	sge = bvf_sge(&p.a.mr, 0, 64);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	wr.flags = 0;
	for (uint32_t i = 0; i < 5; i++)
		bvf_post_send(&qp, &wr);
	for (uint32_t i = 0; i < 5; i++)
		TAP_EQ(bvf_want_cqe(&p.a.scq, &qp, BVF_WR_WRITE, BVF_CQE_OK)->wqe_idx, i);
	bvf_pair_down(&p);
}

/* Many batches around both rings; completions come in order, data too. */
TAP_TEST(rings_go_round)
{
	struct bvf_sge sge;
	struct bvf_wr wr;
	uint32_t next = 0;

	setup();
	for (uint32_t i = 0; i < 3000; i++) {
		*(uint64_t *)(p.a.buf + i % 64 * 8) = i;
		sge = bvf_sge(&p.a.mr, i % 64 * 8, 8);
		wr = bvf_wr_write(&sge, &p.b.mr, (uint64_t)i * 8);
		bvf_post_send(&p.a.qp, &wr);
		if (i % 50 != 49)
			continue;
		for (; next <= i; next++)
			TAP_EQ(bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE,
					    BVF_CQE_OK)->wqe_idx, next);
	}
	for (uint64_t i = 0; i < 3000; i++)
		TAP_EQ(((uint64_t *)p.b.buf)[i], i);
	bvf_pair_down(&p);
}

TAP_TEST(one_doorbell_for_many)
{
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	sge = bvf_sge(&p.a.mr, 0, 8);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	for (int i = 0; i < 64; i++)
		bvf_put_send(&p.a.qp, &wr);
	bvf_ring_sq(&p.a.qp);
	for (uint32_t i = 0; i < 64; i++)
		TAP_EQ(bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK)->wqe_idx, i);
	bvf_pair_down(&p);
}

/* SEND after WRITE: when the receive completes, the data is there. */
TAP_TEST(send_follows_write)
{
	struct bvf_sge sge, none;
	struct bvf_wr w, s;
	struct bvf_cqe c;

	setup();
	for (uint32_t i = 1; i < 40; i++) {
		uint32_t len = i * 50000;

		recv_at(BVF_BUF_LEN - 64, 8);
		bvf_fill(p.a.buf, len, i);
		sge = bvf_sge(&p.a.mr, 0, len);
		none = bvf_sge(&p.a.mr, 0, 1);
		w = bvf_wr_write(&sge, &p.b.mr, 0);
		w.flags = 0;
		s = bvf_wr_send(&none);
		bvf_put_send(&p.a.qp, &w);
		bvf_put_send(&p.a.qp, &s);
		bvf_ring_sq(&p.a.qp);
		bvf_cq_wait(&p.b.rcq, &c);
		bvf_want_filled(p.b.buf, len, i);
		bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_SEND, BVF_CQE_OK);
	}
	bvf_pair_down(&p);
}

/* A fenced WRITE of what a READ brings. */
TAP_TEST(fence_after_read)
{
	struct bvf_sge sge;
	struct bvf_wr rd, wr;

	setup();
	for (uint32_t i = 1; i < 30; i++) {
		uint32_t len = i * 40001;

		bvf_fill(p.b.buf, len, i);
		sge = bvf_sge(&p.a.mr, 0, len);
		rd = bvf_wr_read(&sge, &p.b.mr, 0);
		rd.flags = 0;
		wr = bvf_wr_write(&sge, &p.b.mr, 4u << 20);
		wr.flags |= BVF_WQE_FENCE;
		bvf_put_send(&p.a.qp, &rd);
		bvf_put_send(&p.a.qp, &wr);
		bvf_ring_sq(&p.a.qp);
		bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
		bvf_want_filled(p.b.buf + (4u << 20), len, i);
	}
	bvf_pair_down(&p);
}

TAP_TEST(sixteen_reads_outstanding)
{
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	bvf_fill(p.b.buf, 1 << 20, 40);
	for (uint32_t i = 0; i < 16; i++) {
		sge = bvf_sge(&p.a.mr, i * 65536, 65536);
		wr = bvf_wr_read(&sge, &p.b.mr, i * 65536);
		bvf_put_send(&p.a.qp, &wr);
	}
	bvf_ring_sq(&p.a.qp);
	for (uint32_t i = 0; i < 16; i++)
		TAP_EQ(bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_READ, BVF_CQE_OK)->wqe_idx, i);
	bvf_want_filled(p.a.buf, 1 << 20, 40);
	bvf_pair_down(&p);
}

TAP_TEST(both_ways_at_once)
{
	struct bvf_sge sa, sb;
	struct bvf_wr wa, wb;

	setup();
	bvf_fill(p.a.buf, 2 << 20, 1);
	bvf_fill(p.b.buf, 2 << 20, 2);
	sa = bvf_sge(&p.a.mr, 0, 2 << 20);
	sb = bvf_sge(&p.b.mr, 0, 2 << 20);
	wa = bvf_wr_write(&sa, &p.b.mr, 4u << 20);
	wb = bvf_wr_write(&sb, &p.a.mr, 4u << 20);
	for (int i = 0; i < 4; i++) {
		bvf_post_send(&p.a.qp, &wa);
		bvf_post_send(&p.b.qp, &wb);
	}
	for (int i = 0; i < 4; i++) {
		bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
		bvf_want_cqe(&p.b.scq, &p.b.qp, BVF_WR_WRITE, BVF_CQE_OK);
	}
	bvf_want_filled(p.b.buf + (4u << 20), 2 << 20, 1);
	bvf_want_filled(p.a.buf + (4u << 20), 2 << 20, 2);
	bvf_pair_down(&p);
}

/* Each context and function can talk to itself. */
TAP_TEST(loopback_within_a_function)
{
	struct bvf_qp q1, q2;
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	BVF_MUST(bvf_create_qp(&p.a.init, &q1));
	BVF_MUST(bvf_create_qp(&p.a.init, &q2));
	bvf_connect(&q1, &q2);
	bvf_fill(p.a.buf, 100000, 8);
	sge = bvf_sge(&p.a.mr, 0, 100000);
	wr = bvf_wr_write(&sge, &p.a.mr, 1 << 20);
	bvf_post_send(&q1, &wr);
	bvf_want_cqe(&p.a.scq, &q1, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(p.a.buf + (1 << 20), 100000, 8);
	bvf_pair_down(&p);
}

TAP_TEST(qp_connected_to_itself)
{
	struct bvf_qp q;
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	BVF_MUST(bvf_create_qp(&p.a.init, &q));
	{
		struct bvf_qp_attr attr;

		bvf_attr_to(&q, &q, &attr);
		BVF_MUST(bvf_to_state(&q, &attr, BVF_QPS_RTS));
	}
	bvf_fill(p.a.buf, 5000, 8);
	sge = bvf_sge(&p.a.mr, 0, 5000);
	wr = bvf_wr_write(&sge, &p.a.mr, 8192);
	bvf_post_send(&q, &wr);
	bvf_want_cqe(&p.a.scq, &q, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(p.a.buf + 8192, 5000, 8);
	bvf_pair_down(&p);
}

/* The same memory as source and target, one byte apart. */
TAP_TEST(overlapping_source_and_target)
{
	struct bvf_qp q1, q2;
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	BVF_MUST(bvf_create_qp(&p.a.init, &q1));
	BVF_MUST(bvf_create_qp(&p.a.init, &q2));
	bvf_connect(&q1, &q2);
	sge = bvf_sge(&p.a.mr, 0, 1 << 20);
	wr = bvf_wr_write(&sge, &p.a.mr, 1);
	bvf_post_send(&q1, &wr);	/* any bytes, no crash */
	bvf_want_cqe(&p.a.scq, &q1, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_pair_down(&p);
}

/* The kernel's own QPs: IOVAs as addresses. */
TAP_TEST(kernel_qp_with_dma_key)
{
	struct bvf_end *a = &p.a;
	struct bvf_qp_init init;
	struct bvf_cq cq;
	struct bvf_qp q, peer;
	struct bvf_sge sge;
	struct bvf_wr wr;
	uint32_t pdn;

	setup();
	BVF_MUST(bvf_create_pd(&a->drv.kernel, &pdn));
	BVF_MUST(bvf_create_cq(&a->drv.kernel, &cq, a->drv.eq.eqn, 6));
	init = (struct bvf_qp_init){ .u = &a->drv.kernel, .pdn = pdn, .scq = &cq, .rcq = &cq };
	BVF_MUST(bvf_create_qp(&init, &q));
	BVF_MUST(bvf_create_qp(&p.b.init, &peer));
	bvf_connect(&q, &peer);
	bvf_fill(a->buf, 9000, 3);
	sge = (struct bvf_sge){ bvf_iova(&a->drv, a->buf), 9000, BVF_LKEY_DMA };
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	bvf_post_send(&q, &wr);
	bvf_want_cqe(&cq, &q, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(p.b.buf, 9000, 3);
	bvf_pair_down(&p);
}

/* An MR of pages in disorder. */
TAP_TEST(scattered_mr)
{
	struct bvf_pl_entry ent[300];
	struct bvf_reg_mr_cmd cmd = { .access = BVF_ACC_RW, .va = 0x7f0000000123 };
	struct bvf_reg_mr_resp resp;
	struct bvf_mr mr;
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	/* entries of odd lengths and offsets, from the end of b's buffer down */
	for (uint32_t i = 0; i < 300; i++)
		ent[i] = (struct bvf_pl_entry){
			bvf_iova(&p.b.drv, p.b.buf) + (299 - i) * 8192 + i, 3000 + i };
	for (uint32_t i = 0; i < 300; i++)
		cmd.len += ent[i].len;
	cmd.pl = bvf_pl_chain(&p.b.drv, ent, 300);
	cmd.pdn = p.b.pdn;
	BVF_MUST(bvf_cmd(&p.b.drv, BVF_OP_REG_MR, &cmd, sizeof(cmd), &resp, sizeof(resp)));
	mr = (struct bvf_mr){ .rkey = resp.rkey, .lkey = resp.lkey, .va = cmd.va };
	bvf_fill(p.a.buf, cmd.len, 6);
	sge = bvf_sge(&p.a.mr, 0, (uint32_t)cmd.len);
	wr = bvf_wr_write(&sge, &mr, 0);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	memset(p.a.buf, 0, cmd.len);
	wr.op = BVF_WR_READ;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_READ, BVF_CQE_OK);
	bvf_want_filled(p.a.buf, cmd.len, 6);
	for (uint32_t i = 0, at = 0; i < 300; at += (uint32_t)ent[i++].len)
		TAP_EQ(memcmp(p.b.drv.ram + ent[i].iova, p.a.buf + at, ent[i].len), 0);
	bvf_pair_down(&p);
}

/*
 * The largest message. Both MRs name the same 64 MiB many times over, so that
 * it needs little memory.
 */
TAP_TEST_TIMEOUT(two_gibibytes, 60)
{
	struct bvf_pl_entry ent[32];
	struct bvf_reg_mr_cmd cmd = {
		.va = 0x7f0000000000, .len = 1ull << 31, .access = BVF_ACC_RW,
	};
	struct bvf_reg_mr_resp resp[2];
	struct bvf_end *end[2] = { &p.a, &p.b };
	struct bvf_sge sge;
	struct bvf_wr wr;
	uint8_t *mem[2];

	bvf_pair_card(&p, tap_tmpdir());
	for (unsigned int i = 0; i < 2; i++) {
		bvf_drv_open(&end[i]->drv, bvf_card_sock(&p.card, i), 128ull << 20);
		bvf_drv_pci(&end[i]->drv);
		bvf_drv_start(&end[i]->drv);
		bvf_end_objects(end[i]);
		mem[i] = bvf_alloc_pages(&end[i]->drv, 64 << 20);
		for (int n = 0; n < 32; n++)
			ent[n] = (struct bvf_pl_entry){ bvf_iova(&end[i]->drv, mem[i]), 64 << 20 };
		cmd.pl = bvf_pl_chain(&end[i]->drv, ent, 32);
		cmd.pdn = end[i]->pdn;
		BVF_MUST(bvf_cmd(&end[i]->drv, BVF_OP_REG_MR, &cmd, sizeof(cmd),
				 &resp[i], sizeof(resp[i])));
	}
	bvf_connect(&p.a.qp, &p.b.qp);
	bvf_fill(mem[0] + (64 << 20) - 4096, 4096, 2);
	sge = (struct bvf_sge){ cmd.va, 1u << 31, resp[0].lkey };
	wr = (struct bvf_wr){
		.op = BVF_WR_WRITE_IMM, .flags = BVF_WQE_SIGNALED, .nr_sge = 1,
		.sge = &sge, .rkey = resp[1].rkey, .raddr = cmd.va,
	};
	bvf_post_recv(&p.b.qp, NULL, 0);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE_IMM, BVF_CQE_OK);
	TAP_EQ(bvf_want_cqe(&p.b.rcq, &p.b.qp, BVF_CQE_RECV_WRITE_IMM,
			    BVF_CQE_OK)->byte_len, 1u << 31);
	bvf_want_filled(mem[1] + (64 << 20) - 4096, 4096, 2);
	bvf_pair_down(&p);
}

TAP_MAIN()
