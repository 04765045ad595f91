// SPDX-License-Identifier: GPL-2.0
/*
 * The limits of DESCRIBE can be reached, are enforced, and come back.
 */
#include <stdlib.h>

#include "pair.h"
#include "tap.h"

static struct bvf_card card;
static struct bvf_end e;

static void setup(void)
{
	bvf_card_up(&card, tap_tmpdir(), 1);
	bvf_drv_open(&e.drv, bvf_card_sock(&card, 0), 256ull << 20);
	bvf_drv_pci(&e.drv);
	bvf_drv_start(&e.drv);
	bvf_end_objects(&e);
}

static void teardown(void)
{
	bvf_drv_close(&e.drv);
	bvf_card_stop(&card);
}

/* Creates until it is refused; all commands by the same bytes. */
static uint32_t create_all(unsigned int op, const void *body, size_t len,
			   uint32_t *handle, uint32_t max)
{
	uint32_t n = 0;
	int st;

	while (n <= max) {
		uint32_t id[32], batch = 0;

		for (; batch < 32; batch++)
			id[batch] = bvf_cmd_submit(&e.drv, op, body, len);
		for (uint32_t i = 0; i < batch; i++) {
			uint8_t resp[16];

			st = bvf_cmd_wait(&e.drv, id[i], resp, sizeof(resp));
			if (st == BVF_ST_OK)
				memcpy(&handle[n++], resp, 4);
			else if (st != BVF_ST_NO_RESOURCE)
				TAP_FAIL("%u were made, then %s", n, bvf_status_name(st));
		}
		if (st == BVF_ST_NO_RESOURCE)
			break;
	}
	return n;
}

static void destroy_all(unsigned int op, const uint32_t *handle, uint32_t n)
{
	for (uint32_t at = 0; at < n; at += 32) {
		uint32_t id[32], batch = n - at < 32 ? n - at : 32;

		for (uint32_t i = 0; i < batch; i++) {
			struct bvf_handle_cmd cmd = { .handle = handle[at + i] };

			id[i] = bvf_cmd_submit(&e.drv, op, &cmd, sizeof(cmd));
		}
		for (uint32_t i = 0; i < batch; i++)
			BVF_MUST(bvf_cmd_wait(&e.drv, id[i], NULL, 0));
	}
}

static void want_limit(unsigned int op, unsigned int undo, const void *body,
		       size_t len, uint32_t max, uint32_t have)
{
	uint32_t *handle = calloc(max + 64, sizeof(*handle));

	for (int round = 0; round < 2; round++) {
		TAP_EQ(create_all(op, body, len, handle, max) + have, max);
		destroy_all(undo, handle, max - have);
	}
	free(handle);
}

TAP_TEST(qps)
{
	struct bvf_create_qp_cmd cmd = {
		.buf_len = 4096, .rq_off = 1024, .dbrec_off = 2048, .type = BVF_QPT_RC,
		.sq_depth_shift = 3, .sq_stride_shift = 6, .rq_depth_shift = 3,
		.rq_stride_shift = 5,
	};

	setup();
	cmd.pl = bvf_pl(&e.drv, bvf_alloc_pages(&e.drv, 4096));
	cmd.uctx = e.u.num;
	cmd.pdn = e.pdn;
	cmd.send_cqn = e.scq.cqn;
	cmd.recv_cqn = e.rcq.cqn;
	want_limit(BVF_OP_CREATE_QP, BVF_OP_DESTROY_QP, &cmd, sizeof(cmd),
		   e.drv.desc.max_qp, 1);
	teardown();
}

TAP_TEST(cqs)
{
	struct bvf_create_cq_cmd cmd = {
		.buf_len = 4096, .dbrec_off = 2048, .eqn = BVF_EQN_NONE,
		.depth_shift = 4,
	};

	setup();
	cmd.pl = bvf_pl(&e.drv, bvf_alloc_pages(&e.drv, 4096));
	cmd.uctx = e.u.num;
	want_limit(BVF_OP_CREATE_CQ, BVF_OP_DESTROY_CQ, &cmd, sizeof(cmd),
		   e.drv.desc.max_cq, 2);
	teardown();
}

TAP_TEST(mrs)
{
	struct bvf_reg_mr_cmd cmd = { .len = 100, .va = 0x1000, .access = BVF_ACC_RW };

	setup();
	cmd.pl = bvf_pl(&e.drv, e.buf);
	cmd.pdn = e.pdn;
	want_limit(BVF_OP_REG_MR, BVF_OP_DEREG_MR, &cmd, sizeof(cmd),
		   e.drv.desc.max_mr, 1);
	teardown();
}

TAP_TEST(pds)
{
	struct bvf_create_pd_cmd cmd = { 0 };

	setup();
	cmd.uctx = e.u.num;
	want_limit(BVF_OP_CREATE_PD, BVF_OP_DESTROY_PD, &cmd, sizeof(cmd),
		   e.drv.desc.max_pd, 1);
	teardown();
}

TAP_TEST(contexts)
{
	struct bvf_create_uctx_cmd cmd = { 0 };

	setup();
	cmd.db_iova = bvf_iova(&e.drv, bvf_alloc_pages(&e.drv, 4096));
	want_limit(BVF_OP_CREATE_UCTX, BVF_OP_DESTROY_UCTX, &cmd, sizeof(cmd),
		   e.drv.desc.max_uctx, 1);
	teardown();
}

TAP_TEST(eqs)
{
	struct bvf_create_eq_cmd cmd = {
		.buf_len = 4096, .dbrec_off = 2048, .depth_shift = 6, .vector = 1,
	};

	setup();
	cmd.pl = bvf_pl(&e.drv, bvf_alloc_pages(&e.drv, 4096));
	want_limit(BVF_OP_CREATE_EQ, BVF_OP_DESTROY_EQ, &cmd, sizeof(cmd),
		   e.drv.desc.max_eq, 2);
	teardown();
}

TAP_TEST(deepest_queues)
{
	struct bvf_qp_init init;
	struct bvf_qp qp;
	struct bvf_cq cq;

	setup();
	init = e.init;
	init.sq_shift = 14;
	init.rq_shift = 14;
	BVF_MUST(bvf_create_cq(&e.u, &cq, e.drv.eq.eqn, 16));
	BVF_MUST(bvf_create_qp(&init, &qp));
	TAP_EQ(e.drv.desc.max_qp_wr, 1u << 14);
	init.sq_shift = 0;
	init.sq_stride = 6;
	init.rq_shift = 0;
	init.rq_stride = 5;
	BVF_MUST(bvf_create_qp(&init, &qp));
	BVF_MUST(bvf_create_cq(&e.u, &cq, e.drv.eq.eqn, 1));
	teardown();
}

/* All of them connected, two by two, and each pair writes once. */
TAP_TEST_TIMEOUT(all_qps_work, 60)
{
	enum { NR = 2047 };
	static struct bvf_qp qa[NR], qb[NR];
	struct bvf_qp_init init;
	struct bvf_sge sge;
	struct bvf_wr wr;
	struct bvf_cq cq;
	struct bvf_cqe c;
	uint8_t seen[BVF_MAX_QP_IDX] = { 0 };

	setup();
	BVF_MUST(bvf_create_cq(&e.u, &cq, BVF_EQN_NONE, 13));
	init = e.init;
	init.scq = &cq;
	init.sq_shift = init.rq_shift = 2;
	init.sq_stride = init.rq_stride = 6;
	for (int i = 0; i < NR; i++) {
		BVF_MUST(bvf_create_qp(&init, &qa[i]));
		BVF_MUST(bvf_create_qp(&init, &qb[i]));
		bvf_connect(&qa[i], &qb[i]);
	}
	bvf_fill(e.buf, 8 * NR, 3);
	for (uint32_t i = 0; i < NR; i++) {
		sge = bvf_sge(&e.mr, i * 8, 8);
		wr = bvf_wr_write(&sge, &e.mr, 65536 + i * 8);
		bvf_post_send(i % 2 ? &qa[i] : &qb[i], &wr);
	}
	for (int i = 0; i < NR; i++) {
		bvf_cq_wait(&cq, &c);
		TAP_EQ(c.status, BVF_CQE_OK);
		TAP_EQ(seen[BVF_QPN_IDX(c.qpn)]++, 0);
	}
	bvf_want_filled(e.buf + 65536, 8 * NR, 3);
	teardown();
}

/* A QP in each of many contexts, all asleep, then all at work. */
TAP_TEST_TIMEOUT(many_contexts_work, 60)
{
	enum { NR = 300 };
	static struct bvf_end ctx[NR];
	struct bvf_qp_attr attr;
	struct bvf_cqe c;

	setup();
	for (int i = 0; i < NR; i++) {
		struct bvf_end *x = &ctx[i];

		BVF_MUST(bvf_create_uctx(&e.drv, false, &x->u));
		BVF_MUST(bvf_create_pd(&x->u, &x->pdn));
		BVF_MUST(bvf_create_cq(&x->u, &x->scq, BVF_EQN_NONE, 4));
		BVF_MUST(bvf_reg_mr(&x->u, x->pdn, e.buf, 1 << 20, BVF_ACC_RW, &x->mr));
		x->init = (struct bvf_qp_init){
			.u = &x->u, .pdn = x->pdn, .scq = &x->scq, .rcq = &x->scq,
			.sq_shift = 2, .sq_stride = 6, .rq_shift = 2, .rq_stride = 6,
		};
		BVF_MUST(bvf_create_qp(&x->init, &x->qp));
		bvf_attr_to(&x->qp, &x->qp, &attr);
		BVF_MUST(bvf_to_state(&x->qp, &attr, BVF_QPS_RTS));
	}
	for (int round = 0; round < 5; round++) {
		bvf_fill(e.buf, 8 * NR, (uint32_t)round);
		for (uint32_t i = 0; i < NR; i++) {
			struct bvf_sge sge = bvf_sge(&ctx[i].mr, i * 8, 8);
			struct bvf_wr wr = bvf_wr_write(&sge, &ctx[i].mr, 65536 + i * 8);

			bvf_post_send(&ctx[i].qp, &wr);
		}
		for (uint32_t i = 0; i < NR; i++) {
			bvf_cq_wait(&ctx[i].scq, &c);
			TAP_EQ(c.status, BVF_CQE_OK);
		}
		bvf_want_filled(e.buf + 65536, 8 * NR, (uint32_t)round);
	}
	teardown();
}

TAP_TEST(all_gids)
{
	struct bvf_qp_attr attr;
	struct bvf_sge sge;
	struct bvf_wr wr;

	setup();
	for (uint32_t i = 0; i < e.drv.desc.max_gid; i++) {
		uint8_t gid[16] = { 0xfd, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i };

		BVF_MUST(bvf_set_gid(&e.drv, i, gid));
		memcpy(e.drv.gid, gid, 16);
	}
	TAP_EQ(bvf_set_gid(&e.drv, e.drv.desc.max_gid, e.drv.gid), BVF_ST_BAD_PARAM);
	/* from and to the last one */
	bvf_attr_to(&e.qp, &e.qp, &attr);
	attr.sgid_index = (uint16_t)(e.drv.desc.max_gid - 1);
	BVF_MUST(bvf_to_state(&e.qp, &attr, BVF_QPS_RTS));
	sge = bvf_sge(&e.mr, 0, 8);
	wr = bvf_wr_write(&sge, &e.mr, 64);
	bvf_post_send(&e.qp, &wr);
	bvf_want_cqe(&e.scq, &e.qp, BVF_WR_WRITE, BVF_CQE_OK);
	for (uint32_t i = 0; i < e.drv.desc.max_gid; i++)
		BVF_MUST(bvf_set_gid(&e.drv, i, NULL));
	teardown();
}

/* Fragments of an MR's extents must come back too. */
TAP_TEST(mr_space_comes_back)
{
	struct bvf_pl_entry *ent = calloc(4096, sizeof(*ent));
	struct bvf_reg_mr_cmd cmd = { .va = 0x1000, .access = BVF_ACC_RW };
	struct bvf_reg_mr_resp resp[4];

	setup();
	for (int i = 0; i < 1024; i++)
		ent[i] = (struct bvf_pl_entry){
			bvf_iova(&e.drv, e.buf) + (uint64_t)(1023 - i) * 4096, 4096 };
	cmd.pdn = e.pdn;
	cmd.pl = bvf_pl_chain(&e.drv, ent, 1024);
	for (int round = 0; round < 3000; round++) {
		cmd.len = 4096ull * (1024 - (uint64_t)round % 300);
		if (round >= 4)
			BVF_MUST(bvf_destroy(&e.drv, BVF_OP_DEREG_MR, resp[round % 4].lkey));
		BVF_MUST(bvf_cmd(&e.drv, BVF_OP_REG_MR, &cmd, sizeof(cmd),
				 &resp[round % 4], sizeof(resp[0])));
	}
	free(ent);
	teardown();
}

TAP_MAIN()
