/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A provider in a header: work queues, completion queues and doorbells, as
 * bvf_io.h has them. The hot path is inline, since the benchmark uses it too;
 * it checks nothing, so that a test can post whatever it likes.
 */
#ifndef BVF_QP_H
#define BVF_QP_H

#include <string.h>

#include "bvf_drv.h"

struct bvf_cq {
	struct bvf_uctx *u;
	uint32_t cqn;
	uint32_t depth_shift;
	uint32_t ci;
	uint32_t arm_seq;
	struct bvf_cqe *ring;
	struct bvf_cq_dbrec *dbrec;
};

struct bvf_qp {
	struct bvf_uctx *u;
	uint32_t qpn;
	uint32_t sq_pi, rq_pi;
	uint8_t sq_shift, sq_stride, rq_shift, rq_stride;	/* log2 */
	uint8_t type, flags;
	uint8_t *sq, *rq;
	struct bvf_qp_dbrec *dbrec;
	struct bvf_cq *scq, *rcq;
	uint32_t pdn;
};

/* What a QP is made of; zeroes stand for RC, 64 WQEs, 4 SGEs. */
struct bvf_qp_init {
	struct bvf_uctx *u;
	uint32_t pdn;
	struct bvf_cq *scq, *rcq;
	uint8_t type, flags;
	uint8_t sq_shift, sq_stride, rq_shift, rq_stride;
};

struct bvf_wr {
	uint8_t op, flags, nr_sge;
	uint32_t inline_len;
	const void *inline_data;
	const struct bvf_sge *sge;
	uint32_t imm;			/* network order */
	uint32_t rkey;
	uint64_t raddr;
	const struct bvf_wqe_av *av;	/* UD */
};

int bvf_create_cq(struct bvf_uctx *u, struct bvf_cq *cq, uint32_t eqn,
		  uint32_t depth_shift);
int bvf_create_qp(const struct bvf_qp_init *init, struct bvf_qp *qp);

/* MODIFY_QP and QUERY_QP. Return: enum bvf_status. */
int bvf_modify(struct bvf_qp *qp, uint32_t mask, const struct bvf_qp_attr *attr);
int bvf_query(struct bvf_qp *qp, struct bvf_query_qp_resp *resp);

/* The masks that the transitions of an RC QP need. */
#define BVF_RC_INIT	(BVF_QPA_STATE | BVF_QPA_ACCESS)
#define BVF_RC_RTR	(BVF_QPA_STATE | BVF_QPA_AV | BVF_QPA_MTU | \
			 BVF_QPA_DEST_QPN | BVF_QPA_RQ_PSN | \
			 BVF_QPA_MAX_DEST_RD | BVF_QPA_MIN_RNR)
#define BVF_RC_RTS	(BVF_QPA_STATE | BVF_QPA_TIMEOUT | BVF_QPA_RETRY | \
			 BVF_QPA_RNR_RETRY | BVF_QPA_SQ_PSN | BVF_QPA_MAX_RD)

/* What a connection from qp to peer wants; a test changes it before use. */
void bvf_attr_to(const struct bvf_qp *qp, const struct bvf_qp *peer,
		 struct bvf_qp_attr *attr);
/* RESET to INIT, RTR, RTS; stops after `state`. Return: enum bvf_status. */
int bvf_to_state(struct bvf_qp *qp, const struct bvf_qp_attr *attr, uint8_t state);
/* Both ends to RTS with the usual attributes. */
void bvf_connect(struct bvf_qp *a, struct bvf_qp *b);
/* To RESET, its own indices and records included. */
void bvf_qp_reset(struct bvf_qp *qp);
void bvf_want_state_(struct bvf_qp *qp, uint8_t state);
#define bvf_want_state(...)	(BVF_HERE(), bvf_want_state_(__VA_ARGS__))

/* ---- doorbells ---- */

static inline void bvf_kick(struct bvf_uctx *u)
{
	uint32_t one = 1;

	vfu_region_post(&u->drv->vfu, BVF_BAR_KICK,
			(uint64_t)u->num * BVF_PAGE_SIZE, &one, sizeof(one));
}

/* Partner of the barrier: the card's, between asleep = 1 and its last look. */
static inline void bvf_kick_if_asleep(struct bvf_uctx *u)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&u->db->asleep, __ATOMIC_RELAXED))
		bvf_kick(u);
}

static inline void bvf_ring_bit(uint64_t *leaf, uint64_t *summary, uint32_t i)
{
	uint64_t bit = 1ull << (i / 64 % 64);

	__atomic_fetch_or(&leaf[i / 64], 1ull << i % 64, __ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&summary[i / 4096], __ATOMIC_SEQ_CST) & bit))
		__atomic_fetch_or(&summary[i / 4096], bit, __ATOMIC_SEQ_CST);
}

/* Without a kick. */
static inline void bvf_ring_qp_bit(struct bvf_uctx *u, uint32_t index)
{
	bvf_ring_bit((uint64_t *)u->db->qp_leaf, (uint64_t *)u->db->qp_summary, index);
}

static inline void bvf_ring_qp(struct bvf_qp *qp)
{
	bvf_ring_qp_bit(qp->u, BVF_QPN_IDX(qp->qpn));
	bvf_kick_if_asleep(qp->u);
}

/* ---- send ---- */

static inline struct bvf_wqe *bvf_sq_slot(struct bvf_qp *qp, uint32_t i)
{
	return (struct bvf_wqe *)(qp->sq +
		((size_t)(i & ((1u << qp->sq_shift) - 1)) << qp->sq_stride));
}

/* Fill the next WQE; the doorbell comes later. */
static inline struct bvf_wqe *bvf_put_send(struct bvf_qp *qp, const struct bvf_wr *wr)
{
	struct bvf_wqe *w = bvf_sq_slot(qp, qp->sq_pi);
	uint8_t *data = (uint8_t *)(w + 1);

	w->op = wr->op;
	w->flags = wr->flags;
	w->nr_sge = wr->nr_sge;
	w->rsvd0 = 0;
	w->inline_len = wr->inline_len;
	w->imm = wr->imm;
	w->rkey = wr->rkey;
	w->raddr = wr->raddr;
	w->rsvd1 = 0;
	if (wr->av) {
		memcpy(data, wr->av, sizeof(*wr->av));
		data += sizeof(*wr->av);
	}
	if (wr->inline_len)
		memcpy(data, wr->inline_data, wr->inline_len);
	else
		memcpy(data, wr->sge, wr->nr_sge * sizeof(*wr->sge));
	qp->sq_pi++;
	return w;
}

static inline void bvf_ring_sq(struct bvf_qp *qp)
{
	__atomic_store_n(&qp->dbrec->sq_pi, qp->sq_pi, __ATOMIC_RELEASE);
	bvf_ring_qp(qp);
}

static inline void bvf_post_send(struct bvf_qp *qp, const struct bvf_wr *wr)
{
	bvf_put_send(qp, wr);
	bvf_ring_sq(qp);
}

/* ---- receive ---- */

static inline void bvf_put_recv(struct bvf_qp *qp, const struct bvf_sge *sge,
				uint8_t nr_sge)
{
	struct bvf_rwqe *w = (struct bvf_rwqe *)(qp->rq +
		((size_t)(qp->rq_pi & ((1u << qp->rq_shift) - 1)) << qp->rq_stride));

	memset(w, 0, sizeof(*w));
	w->nr_sge = nr_sge;
	memcpy(w + 1, sge, nr_sge * sizeof(*sge));
	qp->rq_pi++;
}

/* Partner of the barrier: the card's, after it sets rq_notify. */
static inline void bvf_ring_rq(struct bvf_qp *qp)
{
	__atomic_store_n(&qp->dbrec->rq_pi, qp->rq_pi, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&qp->dbrec->rq_notify, __ATOMIC_RELAXED))
		bvf_ring_qp(qp);
}

static inline void bvf_post_recv(struct bvf_qp *qp, const struct bvf_sge *sge,
				 uint8_t nr_sge)
{
	bvf_put_recv(qp, sge, nr_sge);
	bvf_ring_rq(qp);
}

/* ---- completions ---- */

/* Return: the CQE n after the next one in place, or NULL if it is not there */
static inline const struct bvf_cqe *bvf_cq_peek_at(const struct bvf_cq *cq, uint32_t n)
{
	uint32_t idx = cq->ci + n;
	const struct bvf_cqe *c = &cq->ring[idx & ((1u << cq->depth_shift) - 1)];
	uint32_t phase = __atomic_load_n(&c->phase, __ATOMIC_ACQUIRE);

	return (phase & 1) == ((idx >> cq->depth_shift & 1) ^ 1) ? c : NULL;
}

/* Return: the next CQE in place, or NULL; bvf_cq_pop() consumes it. */
static inline const struct bvf_cqe *bvf_cq_peek(const struct bvf_cq *cq)
{
	return bvf_cq_peek_at(cq, 0);
}

static inline void bvf_cq_pop(struct bvf_cq *cq)
{
	cq->ci++;
	__atomic_store_n(&cq->dbrec->ci, cq->ci, __ATOMIC_RELEASE);
}

static inline int bvf_cq_poll(struct bvf_cq *cq, struct bvf_cqe *cqe)
{
	const struct bvf_cqe *c = bvf_cq_peek(cq);

	if (!c)
		return 0;
	*cqe = *c;
	bvf_cq_pop(cq);
	return 1;
}

/* mode: BVF_ARM_NEXT or BVF_ARM_SOLICITED; what is not consumed counts too */
void bvf_cq_arm(struct bvf_cq *cq, uint32_t mode);
/* Only completions at this index and after it count. */
void bvf_cq_arm_from(struct bvf_cq *cq, uint32_t mode, uint32_t from);

void bvf_cq_wait(struct bvf_cq *cq, struct bvf_cqe *cqe);

/* The next completion is this one. Return: it, for more questions. */
const struct bvf_cqe *bvf_want_cqe_(struct bvf_cq *cq, const struct bvf_qp *qp,
				    unsigned int op, unsigned int status);
#define bvf_want_cqe(...)	(BVF_HERE(), bvf_want_cqe_(__VA_ARGS__))

/* Nothing comes within some milliseconds. */
void bvf_want_no_cqe_(struct bvf_cq *cq, int ms);
#define bvf_want_no_cqe(...)	(BVF_HERE(), bvf_want_no_cqe_(__VA_ARGS__))

const char *bvf_cqe_status_name(unsigned int status);

static inline struct bvf_sge bvf_sge(const struct bvf_mr *mr, uint64_t off,
				     uint32_t len)
{
	return (struct bvf_sge){ .addr = mr->va + off, .len = len, .lkey = mr->lkey };
}

#endif /* BVF_QP_H */
