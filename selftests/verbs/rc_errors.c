// SPDX-License-Identifier: GPL-2.0
/*
 * RC error completions and QP states, as IBA 1.7 chapter 10.10.3 has them:
 * each violation is denied, named by the right status, and touches no byte.
 */
#include <string.h>

#include "vt_test.h"

static int post_raw(struct vt_end *e, enum ibv_wr_opcode op, uint64_t addr, uint32_t len,
		    uint32_t lkey, uint64_t raddr, uint32_t rkey)
{
	struct ibv_sge sge = { addr, len, lkey };
	struct ibv_send_wr wr = { .sg_list = &sge, .num_sge = 1, .opcode = op,
				  .send_flags = IBV_SEND_SIGNALED,
				  .wr.rdma = { raddr, rkey } }, *bad;

	return ibv_post_send(e->qp, &wr, &bad);
}

enum key { KEY_OWN, KEY_FOREIGN_PD, KEY_WRONG };

/* One remote access each: denied with REM_ACCESS_ERR, both QPs in ERR. */
static const struct remote_row {
	const char *name;
	enum ibv_wr_opcode op;
	int mr_access, qp_access;
	enum key key;
	long raddr;		/* offset in the peer's buffer */
	uint32_t len;
} remote[] = {
	{ "write_wrong_key", IBV_WR_RDMA_WRITE, 0, 0, KEY_WRONG, 0, 8 },
	{ "write_foreign_pd", IBV_WR_RDMA_WRITE, 0, 0, KEY_FOREIGN_PD, 0, 8 },
	{ "write_below", IBV_WR_RDMA_WRITE, 0, 0, KEY_OWN, -1, 8 },
	{ "write_above", IBV_WR_RDMA_WRITE, 0, 0, KEY_OWN, VT_BUF_LEN - 7, 8 },
	{ "write_wraps", IBV_WR_RDMA_WRITE, 0, 0, KEY_OWN, -4, 4096 },
	{ "write_mr_read_only", IBV_WR_RDMA_WRITE,
	  IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ, 0, KEY_OWN, 0, 8 },
	{ "write_mr_local_only", IBV_WR_RDMA_WRITE, IBV_ACCESS_LOCAL_WRITE, 0, KEY_OWN, 0, 8 },
	{ "read_wrong_key", IBV_WR_RDMA_READ, 0, 0, KEY_WRONG, 0, 8 },
	{ "read_above", IBV_WR_RDMA_READ, 0, 0, KEY_OWN, VT_BUF_LEN - 7, 8 },
	{ "read_mr_write_only", IBV_WR_RDMA_READ,
	  IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE, 0, KEY_OWN, 0, 8 },
};

TAP_TABLE(remote, struct remote_row, remote, row)
{
	struct vt_opts o = { .mr_access = row->mr_access, .qp_access = row->qp_access };
	struct ibv_pd *pd2;
	struct ibv_mr *mr2;
	uint32_t rkey;

	setup(&o);
	pd2 = ibv_alloc_pd(dev.ctx);
	TAP_OK(pd2);
	mr2 = ibv_reg_mr(pd2, pair.b.buf, VT_BUF_LEN, VT_ACCESS);
	TAP_OK(mr2);
	rkey = row->key == KEY_OWN ? pair.b.mr->rkey :
	       row->key == KEY_FOREIGN_PD ? mr2->rkey : pair.b.mr->rkey ^ 0x5500;
	memset(pair.a.buf, 0x11, 4096);
	memset(pair.b.buf, 0xee, VT_BUF_LEN);
	TAP_EQ(post_raw(&pair.a, row->op, (uintptr_t)pair.a.buf, row->len, pair.a.mr->lkey,
			(uintptr_t)pair.b.buf + row->raddr, rkey), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_REM_ACCESS_ERR);
	for (size_t i = 0; i < VT_BUF_LEN; i++)
		if (pair.b.buf[i] != 0xee)
			TAP_FAIL("byte %zu of the peer was written", i);
	TAP_EQ(pair.a.buf[0], 0x11);
	TAP_EQ(vt_state(&pair.a), IBV_QPS_ERR);
	TAP_EQ(vt_state(&pair.b), IBV_QPS_ERR);
	TAP_OK(vt_async(&dev, IBV_EVENT_QP_ACCESS_ERR, 2000));
}

TAP_TEST(qp_access_flags_deny_write)
{
	struct vt_opts o = { .qp_access = IBV_ACCESS_REMOTE_READ };

	setup(&o);
	TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_WRITE, 0, 8, &pair.b, 0, IBV_SEND_SIGNALED), 0);
	TAP_NE(vt_status(pair.a.scq), IBV_WC_SUCCESS);
	TAP_EQ(vt_state(&pair.a), IBV_QPS_ERR);
}

TAP_TEST(local_wrong_lkey)
{
	setup(NULL);
	TAP_EQ(post_raw(&pair.a, IBV_WR_RDMA_WRITE, (uintptr_t)pair.a.buf, 8, pair.a.mr->lkey ^ 0x5500,
			(uintptr_t)pair.b.buf, pair.b.mr->rkey), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_LOC_PROT_ERR);
	TAP_EQ(vt_state(&pair.a), IBV_QPS_ERR);
	TAP_EQ(vt_state(&pair.b), IBV_QPS_RTS);
}

TAP_TEST(local_foreign_pd)
{
	setup(NULL);
	TAP_EQ(post_raw(&pair.a, IBV_WR_RDMA_WRITE, (uintptr_t)pair.b.buf, 8, pair.b.mr->lkey,
			(uintptr_t)pair.b.buf, pair.b.mr->rkey), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_LOC_PROT_ERR);
}

TAP_TEST(local_bounds)
{
	setup(NULL);
	TAP_EQ(post_raw(&pair.a, IBV_WR_SEND, (uintptr_t)pair.a.buf + VT_BUF_LEN - 4, 8,
			pair.a.mr->lkey, 0, 0), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_LOC_PROT_ERR);
}

TAP_TEST(read_into_memory_without_local_write)
{
	struct vt_opts o = { .mr_access = IBV_ACCESS_REMOTE_READ };

	setup(&o);
	TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_READ, 0, 8, &pair.b, 0, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_LOC_PROT_ERR);
}

TAP_TEST(deregistered_key_is_dead)
{
	uint32_t rkey;

	setup(NULL);
	rkey = pair.b.mr->rkey;
	TAP_EQ(ibv_dereg_mr(pair.b.mr), 0);
	pair.b.mr = NULL;
	TAP_EQ(post_raw(&pair.a, IBV_WR_RDMA_WRITE, (uintptr_t)pair.a.buf, 8, pair.a.mr->lkey,
			(uintptr_t)pair.b.buf, rkey), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_REM_ACCESS_ERR);
}

TAP_TEST(send_longer_than_receive)
{
	struct ibv_wc wc;

	setup(NULL);
	memset(pair.b.buf, 0xee, 4096);
	TAP_EQ(vt_recv(&pair.b, 9, 0, 100), 0);
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 101, NULL, 0, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_wait(pair.b.rcq, &wc), 0);
	TAP_EQ(wc.status, IBV_WC_LOC_LEN_ERR);
	TAP_EQ(wc.wr_id, 9);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_REM_INV_REQ_ERR);
	TAP_EQ(pair.b.buf[100], 0xee);
}

TAP_TEST(receive_with_bad_lkey)
{
	struct ibv_sge sge;
	struct ibv_recv_wr wr = { .sg_list = &sge, .num_sge = 1 }, *bad;

	setup(NULL);
	sge = (struct ibv_sge) { (uintptr_t)pair.b.buf, 64, pair.b.mr->lkey ^ 0x5500 };
	TAP_EQ(ibv_post_recv(pair.b.qp, &wr, &bad), 0);
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 64, NULL, 0, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_status(pair.b.rcq), IBV_WC_LOC_PROT_ERR);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_REM_OP_ERR);
}

TAP_TEST(rnr_retry_exceeded)
{
	struct vt_opts o = { .rnr_retry = 2 };

	setup(&o);
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 64, NULL, 0, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_RNR_RETRY_EXC_ERR);
	TAP_EQ(vt_state(&pair.a), IBV_QPS_ERR);
	TAP_EQ(vt_state(&pair.b), IBV_QPS_RTS);
}

TAP_TEST(retry_exceeded_when_peer_is_gone)
{
	struct vt_opts o = { .timeout = 8, .retry_cnt = 2 };

	setup(&o);
	TAP_EQ(ibv_destroy_qp(pair.b.qp), 0);
	pair.b.qp = NULL;
	TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_WRITE, 0, 8, &pair.b, 0, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_RETRY_EXC_ERR);
}

TAP_TEST(psn_mismatch_ends_in_retry_exceeded)
{
	struct vt_opts o = { .timeout = 8, .retry_cnt = 2, .psn_skew = 17 };

	setup(&o);
	TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_WRITE, 0, 8, &pair.b, 0, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_RETRY_EXC_ERR);
}

TAP_TEST(read_beyond_agreed_resources)
{
	struct vt_opts o = { .max_rd = -1 };

	setup(&o);
	TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_READ, 0, 8, &pair.b, 0, IBV_SEND_SIGNALED), 0);
	TAP_NE(vt_status(pair.a.scq), IBV_WC_SUCCESS);
	TAP_EQ(vt_state(&pair.a), IBV_QPS_ERR);
}

TAP_TEST(error_flushes_the_rest_in_order)
{
	struct ibv_wc wc;

	setup(NULL);
	for (int i = 0; i < 5; i++)
		TAP_EQ(vt_recv(&pair.a, 100 + i, 0, 64), 0);
	TAP_EQ(post_raw(&pair.a, IBV_WR_RDMA_WRITE, (uintptr_t)pair.a.buf, 8, pair.a.mr->lkey,
			(uintptr_t)pair.b.buf, pair.b.mr->rkey ^ 0x5500), 0);
	for (int i = 0; i < 5; i++)
		TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_WRITE, 0, 8, &pair.b, 0, 0), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_REM_ACCESS_ERR);
	for (int i = 0; i < 5; i++) {
		TAP_EQ(vt_wait(pair.a.scq, &wc), 0);
		TAP_EQ(wc.status, IBV_WC_WR_FLUSH_ERR);
	}
	for (int i = 0; i < 5; i++) {
		TAP_EQ(vt_wait(pair.a.rcq, &wc), 0);
		TAP_EQ(wc.status, IBV_WC_WR_FLUSH_ERR);
		TAP_EQ(wc.wr_id, 100 + i);
	}
}

TAP_TEST(posted_after_error_is_flushed)
{
	struct ibv_qp_attr at = { .qp_state = IBV_QPS_ERR };
	struct ibv_wc wc;

	setup(NULL);
	TAP_EQ(ibv_modify_qp(pair.a.qp, &at, IBV_QP_STATE), 0);
	TAP_EQ(vt_recv(&pair.a, 5, 0, 64), 0);
	TAP_EQ(vt_wait(pair.a.rcq, &wc), 0);
	TAP_EQ(wc.status, IBV_WC_WR_FLUSH_ERR);
	TAP_EQ(wc.wr_id, 5);
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 64, NULL, 0, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_WR_FLUSH_ERR);
}

TAP_TEST(reset_and_use_again)
{
	static const struct vt_opts none;
	struct ibv_qp_attr at = { .qp_state = IBV_QPS_RESET };

	setup(NULL);
	for (int i = 0; i < 10; i++) {
		TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_WRITE, 0, 8, &pair.b, 0, IBV_SEND_SIGNALED), 0);
		TAP_EQ(vt_status(pair.a.scq), IBV_WC_SUCCESS);
		TAP_EQ(ibv_modify_qp(pair.a.qp, &at, IBV_QP_STATE), 0);
		TAP_EQ(ibv_modify_qp(pair.b.qp, &at, IBV_QP_STATE), 0);
		TAP_EQ(vt_connect(&pair.b, &pair.a, &none, 0), 0);
		TAP_EQ(vt_connect(&pair.a, &pair.b, &none, 0), 0);
	}
}

TAP_TEST(cq_overflow_is_reported)
{
	struct vt_opts o = { .sig_all = true, .cq_depth = 4, .sq_depth = 256 };

	setup(&o);
	for (int i = 0; i < 200; i++)
		TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_WRITE, 0, 8, &pair.b, 0, 0), 0);
	TAP_OK(vt_async(&dev, IBV_EVENT_CQ_ERR, 3000));
}

static const struct bad_modify_row {
	const char *name;
	enum ibv_qp_state to;
	int mask;
} bad_modify[] = {
	{ "rts_from_reset", IBV_QPS_RTS, IBV_QP_STATE },
	{ "rtr_from_reset", IBV_QPS_RTR, IBV_QP_STATE },
	{ "init_without_port", IBV_QPS_INIT, IBV_QP_STATE | IBV_QP_PKEY_INDEX },
	{ "no_such_state", 99, IBV_QP_STATE },
};

TAP_TABLE(bad_modify, struct bad_modify_row, bad_modify, row)
{
	struct ibv_qp_attr at = { .qp_state = row->to, .port_num = 1 };
	static const struct vt_opts none;

	open_dev();
	TAP_EQ(vt_end_init(&dev, &pair.a, &none), 0);
	TAP_EQ(ibv_modify_qp(pair.a.qp, &at, row->mask), EINVAL);
	TAP_EQ(vt_state(&pair.a), IBV_QPS_RESET);
}

TAP_MAIN()
