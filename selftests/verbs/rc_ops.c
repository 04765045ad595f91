// SPDX-License-Identifier: GPL-2.0
/*
 * RC operations between two QPs of one device: what arrives, and what the
 * completions say. Errors are in rc_errors.c.
 */
#include <arpa/inet.h>
#include <string.h>

#include "vt_test.h"

static const struct size_row {
	const char *name;
	uint32_t len;
} sizes[] = {
	{ "0", 0 }, { "1", 1 }, { "8", 8 }, { "63", 63 }, { "1024", 1024 }, { "4095", 4095 },
	{ "4097", 4097 }, { "65536", 65536 }, { "1048575", 1048575 }, { "2097153", 2097153 },
};

TAP_TABLE(write, struct size_row, sizes, row)
{
	setup(NULL);
	vt_fill(pair.a.buf + 3, row->len, 7);
	memset(pair.b.buf, 0xee, VT_BUF_LEN);
	TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_WRITE, 3, row->len, &pair.b, 101, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_SUCCESS);
	TAP_EQ(vt_check(pair.b.buf + 101, row->len, 7), -1);
	TAP_EQ(pair.b.buf[100], 0xee);
	TAP_EQ(pair.b.buf[101 + row->len], 0xee);
}

TAP_TABLE(read, struct size_row, sizes, row)
{
	setup(NULL);
	vt_fill(pair.b.buf + 5, row->len, 9);
	memset(pair.a.buf, 0xee, VT_BUF_LEN);
	TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_READ, 77, row->len, &pair.b, 5, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_SUCCESS);
	TAP_EQ(vt_check(pair.a.buf + 77, row->len, 9), -1);
	TAP_EQ(pair.a.buf[76], 0xee);
	TAP_EQ(pair.a.buf[77 + row->len], 0xee);
}

TAP_TABLE(send, struct size_row, sizes, row)
{
	struct ibv_wc wc;

	setup(NULL);
	vt_fill(pair.a.buf, row->len, 11);
	TAP_EQ(vt_recv(&pair.b, 42, 13, VT_BUF_LEN - 13), 0);
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, row->len, NULL, 0, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_wait(pair.b.rcq, &wc), 0);
	TAP_EQ(wc.status, IBV_WC_SUCCESS);
	TAP_EQ(wc.opcode, IBV_WC_RECV);
	TAP_EQ(wc.wr_id, 42);
	TAP_EQ(wc.byte_len, row->len);
	TAP_EQ(wc.qp_num, pair.b.qp->qp_num);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_SUCCESS);
	TAP_EQ(vt_check(pair.b.buf + 13, row->len, 11), -1);
}

TAP_TEST(send_with_imm)
{
	struct ibv_wc wc;

	setup(NULL);
	TAP_EQ(vt_recv(&pair.b, 1, 0, 4096), 0);
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND_WITH_IMM, 0, 100, NULL, 0, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_wait(pair.b.rcq, &wc), 0);
	TAP_EQ(wc.status, IBV_WC_SUCCESS);
	TAP_OK(wc.wc_flags & IBV_WC_WITH_IMM);
	TAP_EQ(ntohl(wc.imm_data), 0xfeed0000u + IBV_WR_SEND_WITH_IMM);
	TAP_EQ(vt_wait(pair.a.scq, &wc), 0);
	TAP_EQ(wc.opcode, IBV_WC_SEND);
}

TAP_TEST(write_with_imm)
{
	struct ibv_wc wc;

	setup(NULL);
	vt_fill(pair.a.buf, 5000, 3);
	TAP_EQ(vt_recv(&pair.b, 77, 0, 0), 0);
	TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_WRITE_WITH_IMM, 0, 5000, &pair.b, 64, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_wait(pair.b.rcq, &wc), 0);
	TAP_EQ(wc.status, IBV_WC_SUCCESS);
	TAP_EQ(wc.opcode, IBV_WC_RECV_RDMA_WITH_IMM);
	TAP_EQ(wc.wr_id, 77);
	TAP_EQ(wc.byte_len, 5000);
	TAP_EQ(ntohl(wc.imm_data), 0xfeed0000u + IBV_WR_RDMA_WRITE_WITH_IMM);
	TAP_EQ(vt_wait(pair.a.scq, &wc), 0);
	TAP_EQ(wc.opcode, IBV_WC_RDMA_WRITE);
	TAP_EQ(vt_check(pair.b.buf + 64, 5000, 3), -1);
}

TAP_TEST(inline_data)
{
	struct vt_opts o = { .max_inline = 192 };

	setup(&o);
	for (uint32_t len = 0; len <= 192; len++) {
		vt_fill(pair.a.buf, len, len);
		TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_WRITE, 0, len, &pair.b, 0,
			       IBV_SEND_SIGNALED | IBV_SEND_INLINE), 0);
		memset(pair.a.buf, 0, len);
		TAP_EQ(vt_status(pair.a.scq), IBV_WC_SUCCESS);
		TAP_EQ(vt_check(pair.b.buf, len, len), -1);
	}
}

/* Random offsets and lengths gathered from up to 16 SGEs, scattered to as many. */
TAP_TEST(random_sge)
{
	struct ibv_sge ss[VT_MAX_SGE], rs[VT_MAX_SGE];
	struct ibv_recv_wr rwr = { .sg_list = rs }, *rbad;
	struct ibv_send_wr swr = { .sg_list = ss, .opcode = IBV_WR_SEND,
				   .send_flags = IBV_SEND_SIGNALED }, *sbad;
	unsigned int seed = getenv("BVF_SEED") ? strtoul(getenv("BVF_SEED"), NULL, 0) : 20261120;
	static uint8_t want[VT_BUF_LEN];

	tap_note("seed %u (BVF_SEED=)", seed);
	srand(seed);
	setup(NULL);
	for (int round = 0; round < 100; round++) {
		uint32_t total = 0, room = 0, pos = 0;
		struct ibv_wc wc;
		int i;

		vt_fill(pair.a.buf, VT_BUF_LEN, round);
		swr.num_sge = 1 + rand() % VT_MAX_SGE;
		for (i = 0; i < swr.num_sge; i++) {
			uint32_t len = rand() % 5 ? rand() % 9000 : 0;
			uint32_t off = rand() % (VT_BUF_LEN - 9000);

			ss[i] = (struct ibv_sge) { (uintptr_t)pair.a.buf + off, len, pair.a.mr->lkey };
			memcpy(want + total, pair.a.buf + off, len);
			total += len;
		}
		for (i = 0; i < VT_MAX_SGE && (room < total || !i); i++) {
			uint32_t left = total - room;
			uint32_t len = i == VT_MAX_SGE - 1 ? left : rand() % (left / 2 + 2);

			len = len > left ? left : len;
			rs[i] = (struct ibv_sge) { (uintptr_t)pair.b.buf + room + 100 * i, len,
						   pair.b.mr->lkey };
			room += len;
		}
		rwr.num_sge = i;
		TAP_EQ(ibv_post_recv(pair.b.qp, &rwr, &rbad), 0);
		TAP_EQ(ibv_post_send(pair.a.qp, &swr, &sbad), 0);
		TAP_EQ(vt_wait(pair.b.rcq, &wc), 0);
		TAP_EQ(wc.status, IBV_WC_SUCCESS);
		TAP_EQ(wc.byte_len, total);
		for (i = 0; i < rwr.num_sge; i++) {
			if (memcmp((void *)(uintptr_t)rs[i].addr, want + pos, rs[i].length))
				TAP_FAIL("round %d: wrong data in element %d", round, i);
			pos += rs[i].length;
		}
		TAP_EQ(vt_status(pair.a.scq), IBV_WC_SUCCESS);
	}
}

TAP_TEST(selective_signalling)
{
	struct ibv_wc wc;

	setup(NULL);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 15; i++)
			TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_WRITE, 0, 8, &pair.b, 0, 0), 0);
		TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_WRITE, 0, 8, &pair.b, 0, IBV_SEND_SIGNALED), 0);
		TAP_EQ(vt_wait(pair.a.scq, &wc), 0);
		TAP_EQ(wc.status, IBV_WC_SUCCESS);
	}
	TAP_OK(vt_quiet(pair.a.scq, 20));
}

TAP_TEST(sends_arrive_in_order)
{
	struct ibv_wc wc;

	setup(NULL);
	for (int i = 0; i < 50; i++)
		TAP_EQ(vt_recv(&pair.b, i, i * 4096, 4096), 0);
	for (int i = 0; i < 50; i++)
		TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, i * 80, NULL, 0, IBV_SEND_SIGNALED), 0);
	for (int i = 0; i < 50; i++) {
		TAP_EQ(vt_wait(pair.b.rcq, &wc), 0);
		TAP_EQ(wc.status, IBV_WC_SUCCESS);
		TAP_EQ(wc.wr_id, i);
		TAP_EQ(wc.byte_len, i * 80);
	}
}

TAP_TEST(fenced_write_sees_read)
{
	setup(NULL);
	for (int i = 0; i < 50; i++) {
		vt_fill(pair.b.buf, 100000, i);
		TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_READ, 0, 100000, &pair.b, 0, 0), 0);
		TAP_EQ(vt_post(&pair.a, IBV_WR_RDMA_WRITE, 0, 100000, &pair.b, 1 << 20,
			       IBV_SEND_FENCE | IBV_SEND_SIGNALED), 0);
		TAP_EQ(vt_status(pair.a.scq), IBV_WC_SUCCESS);
		TAP_EQ(vt_check(pair.b.buf + (1 << 20), 100000, i), -1);
	}
}

TAP_TEST(qp_to_itself)
{
	static const struct vt_opts none;

	open_dev();
	TAP_EQ(vt_end_init(&dev, &pair.a, &none), 0);
	TAP_EQ(vt_connect(&pair.a, &pair.a, &none, 0), 0);
	vt_fill(pair.a.buf, 3000, 5);
	TAP_EQ(vt_recv(&pair.a, 5, 8192, 4096), 0);
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 3000, NULL, 0, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_status(pair.a.rcq), IBV_WC_SUCCESS);
	TAP_EQ(vt_check(pair.a.buf + 8192, 3000, 5), -1);
}

TAP_TEST(rnr_waits_for_receive)
{
	setup(NULL);
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 64, NULL, 0, IBV_SEND_SIGNALED), 0);
	TAP_OK(vt_quiet(pair.a.scq, 50));
	TAP_EQ(vt_recv(&pair.b, 1, 0, 64), 0);
	TAP_EQ(vt_status(pair.b.rcq), IBV_WC_SUCCESS);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_SUCCESS);
}

TAP_TEST(query_says_what_was_set)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr at;

	setup(NULL);
	TAP_EQ(ibv_query_qp(pair.a.qp, &at, IBV_QP_STATE | IBV_QP_PATH_MTU | IBV_QP_CAP | IBV_QP_AV, &init), 0);
	TAP_EQ(at.qp_state, IBV_QPS_RTS);
	TAP_EQ(at.path_mtu, IBV_MTU_1024);
	TAP_EQ(at.dest_qp_num, pair.b.qp->qp_num);
	TAP_EQ(at.sq_psn, 0x123456);
	TAP_EQ(at.timeout, 14);
	TAP_EQ(at.retry_cnt, 7);
	TAP_EQ(at.max_rd_atomic, 16);
	TAP_EQ(at.min_rnr_timer, 1);
	TAP_EQ(at.qp_access_flags & VT_ACCESS, at.qp_access_flags);
	TAP_OK(init.cap.max_send_wr >= VT_DEPTH);
	TAP_EQ(memcmp(&at.ah_attr.grh.dgid, &dev.gid, 16), 0);
}

TAP_TEST(queue_capacity_is_enforced)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr at;
	unsigned int i;

	setup(NULL);
	TAP_EQ(ibv_query_qp(pair.b.qp, &at, IBV_QP_CAP, &init), 0);
	for (i = 0; i < init.cap.max_recv_wr; i++)
		TAP_EQ(vt_recv(&pair.b, i, 0, 8), 0);
	TAP_EQ(vt_recv(&pair.b, i, 0, 8), -ENOMEM);
}

TAP_MAIN()
