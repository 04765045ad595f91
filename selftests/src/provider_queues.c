// SPDX-License-Identifier: GPL-2.0
/*
 * The provider's queues without a kernel or a card: posting, polling both
 * ways, cleaning, arming. The test plays the card and writes the CQEs.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bvf.h"
#include "ring.h"

#include "../lib/tap.h"

#define CQ_SHIFT	3
#define WQ_DEPTH	16
#define QPN_A		0x2002u
#define QPN_B		0x4003u

static struct bvf_db_page db;
static uint32_t kick;
static struct bvf_context ctx = { .db = &db, .kick = &kick };
static uint32_t card_pi;

/* ---- what the provider calls for ---- */

int ibv_cmd_create_cq(struct ibv_context *c, int cqe, struct ibv_comp_channel *ch,
		      int vector, struct ibv_cq *cq, struct ibv_create_cq *cmd,
		      size_t cmd_size, struct ib_uverbs_create_cq_resp *resp,
		      size_t resp_size)
{
	return ENOSYS;
}

int ibv_cmd_create_cq_ex(struct ibv_context *c,
			 const struct ibv_cq_init_attr_ex *attr,
			 struct verbs_cq *cq, struct ibv_create_cq_ex *cmd,
			 size_t cmd_size,
			 struct ib_uverbs_ex_create_cq_resp *resp,
			 size_t resp_size, uint32_t flags)
{
	return ENOSYS;
}

int ibv_cmd_destroy_cq(struct ibv_cq *cq)
{
	return 0;
}

int bvf_buf_alloc(struct bvf_buf *buf, size_t len)
{
	return ENOMEM;
}

void bvf_buf_free(struct bvf_buf *buf)
{
}

/* ---- objects ---- */

static struct bvf_cq *cq_make(void)
{
	struct bvf_cq *cq = calloc(1, sizeof(*cq));

	cq->ctx = &ctx;
	cq->depth_shift = CQ_SHIFT;
	cq->ring = calloc(1u << CQ_SHIFT, sizeof(struct bvf_cqe));
	cq->dbrec = calloc(1, sizeof(*cq->dbrec));
	bvf_lock_init(&cq->lock, false);
	bvf_cq_init_ex(&cq->vcq.cq_ex);
	return cq;
}

static void wq_make(struct bvf_wq *wq, uint32_t stride_shift, uint32_t max_sge)
{
	wq->depth = WQ_DEPTH;
	wq->stride_shift = stride_shift;
	wq->max_sge = max_sge;
	wq->ring = calloc(WQ_DEPTH, 1u << stride_shift);
	wq->wrid = calloc(WQ_DEPTH, sizeof(uint64_t));
	bvf_lock_init(&wq->lock, false);
}

static struct bvf_qp *qp_make(uint32_t qpn, struct bvf_cq *cq)
{
	struct bvf_qp *qp = calloc(1, sizeof(*qp));

	qp->ctx = &ctx;
	qp->ibqp.qp_num = qpn;
	qp->ibqp.send_cq = &cq->vcq.cq;
	qp->ibqp.recv_cq = &cq->vcq.cq;
	qp->ibqp.qp_type = IBV_QPT_RC;
	qp->ibqp.state = IBV_QPS_RTS;
	qp->hdr_len = sizeof(struct bvf_wqe);
	qp->max_inline = 32;
	qp->dbrec = calloc(1, sizeof(*qp->dbrec));
	wq_make(&qp->sq, 6, 2);
	wq_make(&qp->rq, 5, 1);
	TAP_EQ(bvf_cq_add_qp(cq, qp), 0);
	return qp;
}

/* ---- the card ---- */

static bool cq_has_room(struct bvf_cq *cq)
{
	return card_pi - cq->dbrec->ci < 1u << CQ_SHIFT;
}

static void card_cqe(struct bvf_cq *cq, uint32_t qpn, uint32_t idx, uint8_t op,
		     uint8_t status)
{
	struct bvf_cqe *cqe = &cq->ring[card_pi & ((1u << CQ_SHIFT) - 1)];

	TAP_OK(cq_has_room(cq));
	*cqe = (struct bvf_cqe){
		.qpn = htole32(qpn),
		.wqe_idx = htole32(idx),
		.op = op,
		.status = status,
		.phase = htole32(((card_pi >> CQ_SHIFT) & 1) ^ 1),
	};
	card_pi++;
}

/* ---- tests ---- */

/* One side of the random test: what was posted, executed and polled. */
struct side {
	struct bvf_qp *qp;
	uint64_t next_id, next_seen;
	uint32_t executed;
};

static void side_post(struct side *s)
{
	struct ibv_send_wr wr = { .opcode = IBV_WR_SEND, .wr_id = s->next_id };
	struct ibv_send_wr *bad = NULL;
	uint32_t pi = atomic_load(&s->qp->sq.pi);
	int err = bvf_post_send(&s->qp->ibqp, &wr, &bad);

	if (pi - atomic_load(&s->qp->sq.ci) == WQ_DEPTH) {
		TAP_EQ(err, ENOMEM);
		TAP_OK(bad == &wr);
		return;
	}
	TAP_EQ(err, 0);
	TAP_EQ(s->qp->dbrec->sq_pi, pi + 1);
	s->next_id++;
}

/* Executes some of what is posted; one CQE retires all of it. */
static void side_execute(struct side *s, struct bvf_cq *cq)
{
	uint32_t pending = atomic_load(&s->qp->sq.pi) - s->executed;

	if (!pending || !cq_has_room(cq))
		return;
	s->executed += 1 + rand() % pending;
	card_cqe(cq, s->qp->ibqp.qp_num, s->executed - 1, BVF_WR_SEND,
		 rand() % 8 ? BVF_CQE_OK : rand() & 0xff);
}

static void side_seen(struct side *s, uint64_t id)
{
	TAP_GE(id, s->next_seen);
	TAP_OK(id < s->next_id);
	s->next_seen = id + 1;
}

static void poll_some(struct bvf_cq *cq, struct side *sides)
{
	struct ibv_cq_ex *cqx = &cq->vcq.cq_ex;
	struct ibv_poll_cq_attr attr = {};
	struct ibv_wc wc[4];
	int n = 0;

	if (rand() & 1) {
		n = bvf_poll_cq(&cq->vcq.cq, 1 + rand() % 4, wc);
	} else if (!ibv_start_poll(cqx, &attr)) {
		do {
			wc[n].wr_id = cqx->wr_id;
			wc[n].qp_num = ibv_wc_read_qp_num(cqx);
		} while (++n < 4 && !ibv_next_poll(cqx));
		ibv_end_poll(cqx);
	}
	TAP_EQ(cq->dbrec->ci, cq->ci);
	for (int i = 0; i < n; i++)
		side_seen(&sides[wc[i].qp_num == QPN_B], wc[i].wr_id);
}

static void side_reset(struct side *s, struct bvf_cq *cq)
{
	bvf_cq_clean(cq, s->qp->ibqp.qp_num);
	for (uint32_t i = cq->ci; i != card_pi; i++) {
		struct bvf_cqe *cqe = bvf_cqe_get(cq, i);

		TAP_OK(cqe);
		TAP_NE(le32toh(cqe->qpn), s->qp->ibqp.qp_num);
	}
	if (card_pi - cq->ci < 1u << CQ_SHIFT)
		TAP_OK(!bvf_cqe_get(cq, card_pi));
	atomic_store(&s->qp->sq.pi, 0);
	atomic_store(&s->qp->sq.ci, 0);
	s->qp->dbrec->sq_pi = 0;
	s->executed = 0;
	s->next_seen = s->next_id;
}

static void arm(struct bvf_cq *cq)
{
	uint32_t word = cq->dbrec->arm;

	TAP_EQ(bvf_req_notify_cq(&cq->vcq.cq, 0), 0);
	TAP_NE(cq->dbrec->arm, word);
	TAP_EQ(cq->dbrec->arm_from, card_pi);
}

/* Two QPs on a small CQ, everything at random, foreign CQEs in between. */
TAP_TEST(random)
{
	struct bvf_cq *cq = cq_make();
	struct side sides[2] = {
		{ .qp = qp_make(QPN_A, cq) }, { .qp = qp_make(QPN_B, cq) },
	};

	srand(1);
	for (int i = 0; i < 300000; i++) {
		struct side *s = &sides[rand() & 1];
		int what = rand() % 100;

		if (what < 40)
			side_post(s);
		else if (what < 75)
			side_execute(s, cq);
		else if (what < 90)
			poll_some(cq, sides);
		else if (what < 95)
			arm(cq);
		else if (what < 96)
			side_reset(s, cq);
		else if (cq_has_room(cq))
			card_cqe(cq, rand(), rand(), rand(), rand());
	}
}

/* A CQE for a WQE that is not outstanding tells the application nothing. */
TAP_TEST(foreign_index)
{
	struct bvf_cq *cq = cq_make();
	struct ibv_wc wc;

	qp_make(QPN_A, cq);
	card_cqe(cq, QPN_A, 0, BVF_WR_SEND, BVF_CQE_OK);
	card_cqe(cq, QPN_A, 5, BVF_CQE_RECV, BVF_CQE_OK);
	TAP_EQ(bvf_poll_cq(&cq->vcq.cq, 1, &wc), 0);
	TAP_EQ(cq->dbrec->ci, 2u);
}

TAP_TEST(bad_requests)
{
	struct bvf_cq *cq = cq_make();
	struct bvf_qp *qp = qp_make(QPN_A, cq);
	uint8_t data[64] = {};
	struct ibv_sge sg[3] = {
		{ (uintptr_t)data, 20, 1 }, { (uintptr_t)data, 12, 1 },
		{ (uintptr_t)data, 1, 1 },
	};
	struct ibv_send_wr wr = {
		.opcode = IBV_WR_SEND, .sg_list = sg, .num_sge = 2,
		.send_flags = IBV_SEND_INLINE,
	};
	struct ibv_send_wr second = wr, *bad = NULL;
	struct ibv_qp *ibqp = &qp->ibqp;

	TAP_EQ(bvf_post_send(ibqp, &wr, &bad), 0);
	sg[0].length = 21;	/* a byte more than fits */
	TAP_EQ(bvf_post_send(ibqp, &wr, &bad), EINVAL);
	wr.opcode = IBV_WR_RDMA_READ;
	TAP_EQ(bvf_post_send(ibqp, &wr, &bad), EINVAL);
	wr.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD;
	wr.send_flags = 0;
	TAP_EQ(bvf_post_send(ibqp, &wr, &bad), EINVAL);

	/* what stands before a bad request is posted, and rung for */
	wr.opcode = IBV_WR_SEND;
	wr.next = &second;
	second.num_sge = 3;
	memset(db.qp_leaf, 0, sizeof(db.qp_leaf));
	TAP_EQ(bvf_post_send(ibqp, &wr, &bad), EINVAL);
	TAP_OK(bad == &second);
	TAP_EQ(qp->dbrec->sq_pi, 2u);
	TAP_EQ(db.qp_leaf[0], 1u << BVF_QPN_IDX(QPN_A));

	wr.next = NULL;
	ibqp->state = IBV_QPS_RTR;
	TAP_EQ(bvf_post_send(ibqp, &wr, &bad), EINVAL);
}

/* Receives ring only when the card asks for it. */
TAP_TEST(receive_doorbell)
{
	struct bvf_cq *cq = cq_make();
	struct bvf_qp *qp = qp_make(QPN_A, cq);
	struct ibv_recv_wr wr = {}, *bad = NULL;

	TAP_EQ(bvf_post_recv(&qp->ibqp, &wr, &bad), 0);
	TAP_EQ(qp->dbrec->rq_pi, 1u);
	TAP_EQ(db.qp_leaf[0], 0u);
	qp->dbrec->rq_notify = 1;
	TAP_EQ(bvf_post_recv(&qp->ibqp, &wr, &bad), 0);
	TAP_EQ(db.qp_leaf[0], 1u << BVF_QPN_IDX(QPN_A));

	for (int i = 2; i < WQ_DEPTH; i++)
		TAP_EQ(bvf_post_recv(&qp->ibqp, &wr, &bad), 0);
	TAP_EQ(bvf_post_recv(&qp->ibqp, &wr, &bad), ENOMEM);
	qp->ibqp.state = IBV_QPS_RESET;
	TAP_EQ(bvf_post_recv(&qp->ibqp, &wr, &bad), EINVAL);
}

/* A sleeping card gets a kick, one that is awake does not. */
TAP_TEST(kick)
{
	struct bvf_cq *cq = cq_make();

	db.asleep = 0;
	arm(cq);
	TAP_EQ(kick, 0u);
	TAP_EQ(db.cq_leaf[0], 1u);
	TAP_EQ(db.cq_summary[0], 1u);
	db.asleep = htole32(1);
	arm(cq);
	TAP_EQ(kick, 1u);
}

TAP_MAIN()
