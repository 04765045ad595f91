// SPDX-License-Identifier: GPL-2.0
/*
 * What a function names belongs to it, or it gets an error: numbers and keys
 * of others, addresses of other networks.
 */
#include "pair.h"
#include "tap.h"

static struct bvf_card card;
static struct bvf_end e[4];
static struct bvf_sge sge;
static struct bvf_wr wr;

/* Functions 0 and 1 in network 1, 2 and 3 in network 2, by the same MACs. */
static void setup(void)
{
	static const char *const fn[] = {
		"name=fn0,network=1,mac=02:00:00:00:00:01",
		"name=fn1,network=1,mac=02:00:00:00:00:02",
		"name=fn2,network=2,mac=02:00:00:00:00:01",
		"name=fn3,network=2,mac=02:00:00:00:00:02",
	};

	bvf_card_init(&card, tap_tmpdir());
	for (int i = 0; i < 4; i++) {
		bvf_card_arg(&card, "--function");
		bvf_card_arg(&card, fn[i]);
	}
	bvf_card_start(&card);
	for (unsigned int i = 0; i < 4; i++) {
		bvf_end_up(&e[i], bvf_card_sock(&card, i));
		bvf_fill(e[i].buf, 64, i);
	}
	sge = bvf_sge(&e[0].mr, 0, 64);
}

static void teardown(void)
{
	bvf_card_check(&card);
	for (int i = 0; i < 4; i++)
		bvf_drv_close(&e[i].drv);
	bvf_card_stop(&card);
}

TAP_TEST(networks_with_the_same_addresses)
{
	setup();
	TAP_EQ(memcmp(e[0].drv.desc.mac, e[2].drv.desc.mac, 6), 0);
	TAP_EQ(memcmp(e[0].drv.gid, e[2].drv.gid, 16), 0);
	bvf_connect(&e[0].qp, &e[1].qp);
	bvf_connect(&e[2].qp, &e[3].qp);
	wr = bvf_wr_write(&sge, &e[1].mr, 4096);
	bvf_post_send(&e[0].qp, &wr);
	bvf_want_cqe(&e[0].scq, &e[0].qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(e[1].buf + 4096, 64, 0);
	bvf_want_zero(e[3].buf + 4096, 64);
	sge = bvf_sge(&e[2].mr, 0, 64);
	wr = bvf_wr_write(&sge, &e[3].mr, 4096);
	bvf_post_send(&e[2].qp, &wr);
	bvf_want_cqe(&e[2].scq, &e[2].qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(e[3].buf + 4096, 64, 2);
	teardown();
}

/* Connected to a QP that is only in the other network, by address and number. */
TAP_TEST(qp_of_another_network)
{
	struct bvf_qp extra;
	struct bvf_qp_attr attr;

	setup();
	/* a number that fn1 does not have */
	for (int i = 0; i < 3; i++)
		BVF_MUST(bvf_create_qp(&e[3].init, &extra));
	bvf_attr_to(&extra, &e[0].qp, &attr);
	BVF_MUST(bvf_to_state(&extra, &attr, BVF_QPS_RTS));
	bvf_attr_to(&e[0].qp, &extra, &attr);
	attr.timeout = 8;
	attr.retry_cnt = 1;
	BVF_MUST(bvf_to_state(&e[0].qp, &attr, BVF_QPS_RTS));
	wr = bvf_wr_write(&sge, &e[3].mr, 4096);
	bvf_post_send(&e[0].qp, &wr);
	bvf_want_cqe(&e[0].scq, &e[0].qp, BVF_WR_WRITE, BVF_CQE_RETRY_EXC);
	bvf_want_zero(e[3].buf + 4096, 64);
	teardown();
}

/* A third function's key, through a connection to a second. */
TAP_TEST(key_of_a_third_function)
{
	struct bvf_mr extra;

	setup();
	for (int i = 0; i < 5; i++)
		BVF_MUST(bvf_reg_mr(&e[3].u, e[3].pdn, e[3].buf, 4096, BVF_ACC_RW, &extra));
	bvf_connect(&e[0].qp, &e[1].qp);
	wr = bvf_wr_write(&sge, &extra, 0);
	bvf_post_send(&e[0].qp, &wr);
	bvf_want_cqe(&e[0].scq, &e[0].qp, BVF_WR_WRITE, BVF_CQE_REM_ACCESS);
	bvf_want_filled(e[3].buf, 64, 3);
	teardown();
}

/* Every key there is: none but the one of the own PD opens anything. */
TAP_TEST(all_keys_tried_locally)
{
	struct bvf_qp q, r;
	uint64_t ram[2];
	struct bvf_cqe c;

	setup();
	ram[0] = e[0].drv.ram_next;
	ram[1] = e[1].drv.ram_next;
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t key = i < 100 ? i << 8 | (e[0].mr.lkey & 0xff) :
					 (e[0].mr.lkey & ~0xffu) | (i - 100);

		if (key == e[0].mr.lkey)
			continue;
		e[0].drv.ram_next = ram[0];
		e[1].drv.ram_next = ram[1];
		BVF_MUST(bvf_create_qp(&e[0].init, &q));
		BVF_MUST(bvf_create_qp(&e[1].init, &r));
		memset(q.dbrec, 0, 128);
		memset(r.dbrec, 0, 128);
		bvf_connect(&q, &r);
		sge.lkey = key;
		wr = bvf_wr_write(&sge, &e[1].mr, 0);
		bvf_post_send(&q, &wr);
		bvf_cq_wait(&e[0].scq, &c);
		TAP_EQ(c.status, BVF_CQE_LOC_PROT);
		BVF_MUST(bvf_destroy(&e[0].drv, BVF_OP_DESTROY_QP, q.qpn));
		BVF_MUST(bvf_destroy(&e[1].drv, BVF_OP_DESTROY_QP, r.qpn));
	}
	teardown();
}

/* Two functions claim one GID: the MAC says which is meant. */
TAP_TEST(gid_claimed_by_another)
{
	setup();
	BVF_MUST(bvf_set_gid(&e[1].drv, 1, e[0].drv.gid));
	bvf_connect(&e[1].qp, &e[0].qp);
	sge = bvf_sge(&e[1].mr, 0, 64);
	wr = bvf_wr_write(&sge, &e[0].mr, 4096);
	bvf_post_send(&e[1].qp, &wr);
	bvf_want_cqe(&e[1].scq, &e[1].qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(e[0].buf + 4096, 64, 1);
	bvf_want_zero(e[1].buf + 4096, 64);
	teardown();
}

/* The responder takes requests of its own peer only. */
TAP_TEST(third_party_injects)
{
	struct bvf_qp_attr attr;
	struct bvf_qp spy;

	setup();
	bvf_connect(&e[0].qp, &e[1].qp);
	BVF_MUST(bvf_create_qp(&e[0].init, &spy));
	bvf_attr_to(&spy, &e[1].qp, &attr);
	attr.sq_psn = e[0].qp.qpn * 7 & BVF_QPN_MASK;	/* the very PSN */
	attr.timeout = 8;
	attr.retry_cnt = 1;
	BVF_MUST(bvf_to_state(&spy, &attr, BVF_QPS_RTS));
	wr = bvf_wr_write(&sge, &e[1].mr, 4096);
	bvf_post_send(&spy, &wr);
	bvf_want_cqe(&e[0].scq, &spy, BVF_WR_WRITE, BVF_CQE_RETRY_EXC);
	bvf_want_zero(e[1].buf + 4096, 64);
	bvf_want_state(&e[1].qp, BVF_QPS_RTS);
	teardown();
}

TAP_TEST(handles_are_of_the_own_function)
{
	struct bvf_qp extra;
	struct bvf_mr mr;

	setup();
	for (int i = 0; i < 4; i++) {
		BVF_MUST(bvf_create_qp(&e[1].init, &extra));
		BVF_MUST(bvf_reg_mr(&e[1].u, e[1].pdn, e[1].buf, 4096, BVF_ACC_RW, &mr));
	}
	TAP_EQ(bvf_destroy(&e[0].drv, BVF_OP_DESTROY_QP, extra.qpn), BVF_ST_BAD_HANDLE);
	TAP_EQ(bvf_destroy(&e[0].drv, BVF_OP_DEREG_MR, mr.lkey), BVF_ST_BAD_HANDLE);
	bvf_want_state(&extra, BVF_QPS_RESET);
	teardown();
}

TAP_MAIN()
