/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * bvf provider: its objects, and what its files offer to each other.
 * Device layouts are in bvf_io.h, the uverbs ABI in uabi.h.
 */
#ifndef BVF_H
#define BVF_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <infiniband/driver.h>

#include "bvf_io.h"
#include "bvf_regs.h"

/* A lock that an object in a thread domain does without. */
struct bvf_lock {
	pthread_spinlock_t spin;
	bool single;		/* one thread at a time, by the application's promise */
};

static inline void bvf_lock_init(struct bvf_lock *lock, bool single)
{
	pthread_spin_init(&lock->spin, PTHREAD_PROCESS_PRIVATE);
	lock->single = single;
}

static inline void bvf_lock_destroy(struct bvf_lock *lock)
{
	pthread_spin_destroy(&lock->spin);
}

static inline void bvf_lock(struct bvf_lock *lock)
{
	if (!lock->single)
		pthread_spin_lock(&lock->spin);
}

static inline void bvf_unlock(struct bvf_lock *lock)
{
	if (!lock->single)
		pthread_spin_unlock(&lock->spin);
}

/* Memory that the card reads and writes: whole pages, not copied by fork. */
struct bvf_buf {
	void *addr;
	size_t len;
};

struct bvf_device {
	struct verbs_device vdev;
};

struct bvf_context {
	struct verbs_context vctx;
	struct bvf_db_page *db;
	void *kick;			/* trapped, write-only */
	uint32_t max_qp_wr;
	uint32_t max_cqe;
	uint32_t max_sge;
	uint32_t max_inline;
};

struct bvf_td {
	struct ibv_td ibtd;
	atomic_uint refs;		/* parent domains */
};

/* A protection domain, or, with parent set, a parent domain. */
struct bvf_pd {
	struct ibv_pd ibpd;
	struct bvf_pd *parent;
	struct bvf_td *td;
	atomic_uint refs;		/* parent domains that are made of it */
};

struct bvf_ah {
	struct ibv_ah ibah;
	struct bvf_wqe_av av;		/* dqpn and qkey are the work request's */
};

/* One direction of a QP. pi belongs to post, ci to poll. */
struct bvf_wq {
	struct bvf_lock lock;		/* pi and the ring; taken by post */
	uint8_t *ring;
	uint64_t *wrid;
	uint32_t depth;
	uint32_t stride_shift;
	uint32_t max_sge;
	atomic_uint pi;
	atomic_uint ci;			/* under the lock of its CQ */
};

struct bvf_qp {
	struct ibv_qp ibqp;
	struct bvf_context *ctx;
	struct bvf_wq sq, rq;
	struct bvf_qp_dbrec *dbrec;
	struct bvf_buf buf;
	uint32_t max_inline;
	uint32_t hdr_len;		/* of a send WQE, before SGEs or data */
	bool sig_all;
	struct ibv_qp_cap cap;		/* what is enforced */
};

/*
 * A CQ knows its own QPs, two levels by QP index, so that a CQE can only name
 * a QP that completes here. Written and read under the CQ's lock.
 */
#define BVF_CQ_QP_SHIFT		7
#define BVF_CQ_QP_LEAF		(1u << BVF_CQ_QP_SHIFT)
#define BVF_CQ_QP_LEAVES	(BVF_MAX_QP_IDX >> BVF_CQ_QP_SHIFT)

struct bvf_cq {
	struct verbs_cq vcq;
	struct bvf_context *ctx;
	struct bvf_lock lock;		/* all below; held from start_poll to end_poll */
	struct ibv_wc wc;		/* extended polling: the current completion */
	uint32_t poll_ci;		/* and the next CQE */
	struct bvf_cqe *ring;
	struct bvf_cq_dbrec *dbrec;
	uint32_t ci;
	uint32_t depth_shift;
	uint32_t cqn;
	uint32_t arm_sn;
	struct bvf_qp **qps[BVF_CQ_QP_LEAVES];
	struct bvf_buf buf;
};

static inline struct bvf_context *to_bctx(struct ibv_context *ibctx)
{
	return container_of(ibctx, struct bvf_context, vctx.context);
}

static inline struct bvf_pd *to_bpd(struct ibv_pd *ibpd)
{
	return container_of(ibpd, struct bvf_pd, ibpd);
}

static inline struct bvf_td *to_btd(struct ibv_td *ibtd)
{
	return container_of(ibtd, struct bvf_td, ibtd);
}

static inline struct bvf_ah *to_bah(struct ibv_ah *ibah)
{
	return container_of(ibah, struct bvf_ah, ibah);
}

static inline struct bvf_cq *to_bcq(struct ibv_cq *ibcq)
{
	return container_of(ibcq, struct bvf_cq, vcq.cq);
}

static inline struct bvf_qp *to_bqp(struct ibv_qp *ibqp)
{
	return container_of(ibqp, struct bvf_qp, ibqp);
}

/* ctx.c */
int bvf_buf_alloc(struct bvf_buf *buf, size_t len);
void bvf_buf_free(struct bvf_buf *buf);
struct verbs_context *bvf_alloc_context(struct ibv_device *ibdev, int cmd_fd,
					void *private_data);
void bvf_free_context(struct ibv_context *ibctx);
int bvf_query_device_ex(struct ibv_context *ibctx,
			const struct ibv_query_device_ex_input *input,
			struct ibv_device_attr_ex *attr, size_t attr_size);
int bvf_query_port(struct ibv_context *ibctx, uint8_t port,
		   struct ibv_port_attr *attr);

/* bvf.c */
extern const struct verbs_context_ops bvf_context_ops;

/* pd.c */
struct ibv_pd *bvf_alloc_pd(struct ibv_context *ibctx);
int bvf_dealloc_pd(struct ibv_pd *ibpd);
struct ibv_td *bvf_alloc_td(struct ibv_context *ibctx,
			    struct ibv_td_init_attr *attr);
int bvf_dealloc_td(struct ibv_td *ibtd);
struct ibv_pd *bvf_alloc_parent_domain(struct ibv_context *ibctx,
				       struct ibv_parent_domain_init_attr *attr);

/* mr.c */
struct ibv_mr *bvf_reg_mr(struct ibv_pd *ibpd, void *addr, size_t len,
			  uint64_t hca_va, int access);
int bvf_dereg_mr(struct verbs_mr *vmr);

/* ah.c */
struct ibv_ah *bvf_create_ah(struct ibv_pd *ibpd, struct ibv_ah_attr *attr);
int bvf_destroy_ah(struct ibv_ah *ibah);

/* cq.c */
struct ibv_cq *bvf_create_cq(struct ibv_context *ibctx, int cqe,
			     struct ibv_comp_channel *channel, int comp_vector);
struct ibv_cq_ex *bvf_create_cq_ex(struct ibv_context *ibctx,
				   struct ibv_cq_init_attr_ex *attr);
int bvf_destroy_cq(struct ibv_cq *ibcq);
int bvf_cq_add_qp(struct bvf_cq *cq, struct bvf_qp *qp);
void bvf_cq_del_qp(struct bvf_cq *cq, struct bvf_qp *qp);
void bvf_cq_clean(struct bvf_cq *cq, uint32_t qpn);

/* poll.c */
bool bvf_cqe_to_wc(struct bvf_cq *cq, const struct bvf_cqe *cqe,
		   struct ibv_wc *wc);
int bvf_poll_cq(struct ibv_cq *ibcq, int nr, struct ibv_wc *wc);
int bvf_req_notify_cq(struct ibv_cq *ibcq, int solicited_only);

/* poll_ex.c */
void bvf_cq_init_ex(struct ibv_cq_ex *cqx);

/* qp.c */
struct ibv_qp *bvf_create_qp(struct ibv_pd *ibpd, struct ibv_qp_init_attr *attr);
int bvf_modify_qp(struct ibv_qp *ibqp, struct ibv_qp_attr *attr, int mask);
int bvf_query_qp(struct ibv_qp *ibqp, struct ibv_qp_attr *attr, int mask,
		 struct ibv_qp_init_attr *init_attr);
int bvf_destroy_qp(struct ibv_qp *ibqp);

/* wr.c */
int bvf_post_send(struct ibv_qp *ibqp, struct ibv_send_wr *wr,
		  struct ibv_send_wr **bad);
int bvf_post_recv(struct ibv_qp *ibqp, struct ibv_recv_wr *wr,
		  struct ibv_recv_wr **bad);

#endif /* BVF_H */
