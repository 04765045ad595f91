/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bvf_ib.ko: the objects behind the verbs, and who may touch them when.
 * Reaches the function only through core/bvf.h.
 *
 * Trust: what comes from user space (udata, sizes, flags) and from the card
 * (numbers, CQEs, events, query results) is loaded once and checked before it
 * is used as an index, a size or a state.
 *
 * Locks, in the order in which they nest:
 *   qp->mutex       process context; state changes and queries of one QP
 *   cq->lock        any context, interrupts off; kernel CQs only: the ring,
 *                   ci, arm_seq, the lists of QPs that complete into the CQ,
 *                   and ci of those QPs' queues; one CQ's at a time
 *   wq->lock        any context, interrupts off; kernel QPs only: pi and slots
 *   cq->event_lock  interrupts off; one comp_handler of a CQ at a time
 *
 * Numbers become objects through two xarrays, qps (by QP index) and cqs (by
 * CQN). Destroying is: take the object out of its array and, for kernel QPs,
 * out of its CQs' lists; wait for callbacks that may still hold it; destroy it
 * on the card; free its memory. If the card refuses, the object goes back.
 *
 * A dead function (bvf.h says when): bvf_ib_set_dead() sets `dead`, after which
 * the card writes nothing any more. Destroy commands succeed, modify_qp to
 * ERR and RESET succeeds, posting succeeds, and poll_cq of a kernel CQ, once
 * its ring is empty, makes flush completions for every outstanding request of
 * the kernel QPs on it. Its comp_handler is called by irq_work, so that a ULP
 * that drains its QPs gets to the end.
 */
#ifndef BVF_IB_H
#define BVF_IB_H

#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include <rdma/ib_addr.h>
#include <rdma/ib_cache.h>
#include <rdma/ib_umem.h>
#include <rdma/ib_verbs.h>
#include <rdma/uverbs_ioctl.h>

#include "../core/bvf.h"
#include "../compat_rdma.h"

#include <uapi/rdma/bvf-abi.h>

#define BVF_PORT	1

/* Rings, doorbell pages and kick pages are handed out page by page. */
static_assert(PAGE_SIZE == BVF_PAGE_SIZE);

struct bvf_ibdev {
	struct ib_device ibdev;
	struct bvf_dev *bdev;
	struct xarray qps;
	struct xarray cqs;
	bool dead;
	struct notifier_block port_nb;	/* only where ib_core does not watch the netdev */
	enum ib_port_state port_state;	/* last one reported, under rtnl */
};

struct bvf_ucontext {
	struct ib_ucontext ibuc;
	u32 uctx;
	struct rdma_user_mmap_entry *db;
	struct rdma_user_mmap_entry *kick;
};

struct bvf_pd {
	struct ib_pd ibpd;
	u32 pdn;
};

struct bvf_ah {
	struct ib_ah ibah;
	struct bvf_wqe_av av;		/* dqpn and qkey are the work request's */
};

struct bvf_mr {
	struct ib_mr ibmr;
	struct ib_umem *umem;		/* NULL for a DMA MR */
	u32 lkey;
};

struct bvf_cq {
	struct ib_cq ibcq;
	struct bvf_comp comp;
	u32 cqn;
	u8 depth_shift;
	bool kernel;
	spinlock_t event_lock;		/* one comp_handler at a time */
	struct ib_umem *umem;		/* user CQs */

	/* kernel CQs */
	struct bvf_buf buf;
	struct bvf_cqe *ring;
	struct bvf_cq_dbrec *dbrec;
	spinlock_t lock;		/* all that follows */
	u32 ci;
	u32 arm_seq;
	struct list_head sq_list;	/* bvf_qp.sq_link */
	struct list_head rq_list;	/* bvf_qp.rq_link */
	struct irq_work flush_work;
};

/* What is remembered of a work request until it completes. */
struct bvf_slot {
	u64 wr_id;
	u32 len;			/* receive: bytes of all SGEs */
	u8 wc_opcode;			/* send: enum ib_wc_opcode */
};

/* One queue of a kernel QP. */
struct bvf_wq {
	spinlock_t lock;		/* pi, slots and WQEs; ci is under cq->lock */
	void *ring;
	struct bvf_slot *slots;
	u32 pi;
	u32 ci;
	u32 depth;
	u8 stride_shift;
};

/* Where the parts of a QP's buffer are; checked, whoever proposed it. */
struct bvf_qp_geo {
	u32 buf_len;
	u32 sq_off;
	u32 rq_off;
	u32 dbrec_off;
	u8 sq_depth_shift;
	u8 sq_stride_shift;
	u8 rq_depth_shift;
	u8 rq_stride_shift;
};

struct bvf_qp {
	struct ib_qp ibqp;
	u32 qpn;
	u8 type;			/* enum bvf_qp_type */
	bool kernel;
	bool sig_all;
	bool sqd_notify;		/* report SQ_DRAINED */
	enum ib_qp_state state;		/* as last asked for or seen */
	struct ib_qp_cap cap;
	struct mutex mutex;		/* state and the commands that change it */
	struct ib_umem *umem;		/* user QPs */

	/* kernel QPs */
	struct bvf_buf buf;
	struct bvf_qp_dbrec *dbrec;
	struct bvf_wq sq;
	struct bvf_wq rq;
	struct list_head sq_link;	/* in the send CQ's sq_list */
	struct list_head rq_link;	/* in the receive CQ's rq_list */
};

static inline struct bvf_ibdev *to_bibdev(struct ib_device *ibdev)
{
	return container_of(ibdev, struct bvf_ibdev, ibdev);
}

static inline struct bvf_ucontext *to_bucontext(struct ib_ucontext *ibuc)
{
	return container_of(ibuc, struct bvf_ucontext, ibuc);
}

static inline struct bvf_pd *to_bpd(struct ib_pd *ibpd)
{
	return container_of(ibpd, struct bvf_pd, ibpd);
}

static inline struct bvf_ah *to_bah(struct ib_ah *ibah)
{
	return container_of(ibah, struct bvf_ah, ibah);
}

static inline struct bvf_mr *to_bmr(struct ib_mr *ibmr)
{
	return container_of(ibmr, struct bvf_mr, ibmr);
}

static inline struct bvf_cq *to_bcq(struct ib_cq *ibcq)
{
	return container_of(ibcq, struct bvf_cq, ibcq);
}

static inline struct bvf_qp *to_bqp(struct ib_qp *ibqp)
{
	return container_of(ibqp, struct bvf_qp, ibqp);
}

/* Number of the caller's context; without udata it is the kernel's, 0. */
static inline u32 bvf_udata_uctx(struct ib_udata *udata)
{
	struct bvf_ucontext *uc = rdma_udata_to_drv_context(udata, struct bvf_ucontext, ibuc);

	return uc ? uc->uctx : 0;
}

/* dev.c: what the device is */
int bvf_query_device(struct ib_device *ibdev, struct ib_device_attr *attr, struct ib_udata *udata);
int bvf_query_port(struct ib_device *ibdev, u32 port, struct ib_port_attr *attr);
int bvf_get_port_immutable(struct ib_device *ibdev, u32 port, struct ib_port_immutable *im);
enum rdma_link_layer bvf_get_link_layer(struct ib_device *ibdev, u32 port);
int bvf_query_pkey(struct ib_device *ibdev, u32 port, u16 index, u16 *pkey);
void bvf_get_dev_fw_str(struct ib_device *ibdev, char *str);

/* gid.c */
int bvf_add_gid(const struct ib_gid_attr *attr, void **context);
int bvf_del_gid(const struct ib_gid_attr *attr, void **context);

/* ctx.c */
int bvf_alloc_ucontext(struct ib_ucontext *ibuc, struct ib_udata *udata);
void bvf_dealloc_ucontext(struct ib_ucontext *ibuc);
void bvf_disassociate_ucontext(struct ib_ucontext *ibuc);
int bvf_mmap(struct ib_ucontext *ibuc, struct vm_area_struct *vma);
void bvf_mmap_free(struct rdma_user_mmap_entry *entry);

/* pd.c */
int bvf_alloc_pd(struct ib_pd *ibpd, struct ib_udata *udata);
int bvf_dealloc_pd(struct ib_pd *ibpd, struct ib_udata *udata);

/* ah.c */
int bvf_create_ah(struct ib_ah *ibah, struct rdma_ah_init_attr *attr, struct ib_udata *udata);
int bvf_create_user_ah(struct ib_ah *ibah, struct rdma_ah_init_attr *attr,
		       struct ib_udata *udata);
int bvf_destroy_ah(struct ib_ah *ibah, u32 flags);

/* mr.c */
struct ib_mr *bvf_get_dma_mr(struct ib_pd *ibpd, int access);
struct ib_mr *bvf_reg_user_mr(struct ib_pd *ibpd, u64 start, u64 len, u64 virt, int access,
			      struct ib_udata *udata);
int bvf_dereg_mr(struct ib_mr *ibmr, struct ib_udata *udata);
struct ib_umem *bvf_umem_pin(struct bvf_ibdev *idev, u64 va, u64 len, int access,
			     struct bvf_pl *pl);

/* cq.c */
int bvf_create_cq(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr,
		  struct uverbs_attr_bundle *attrs);
int bvf_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata);
int bvf_req_notify_cq(struct ib_cq *ibcq, enum ib_cq_notify_flags flags);

/* poll.c */
int bvf_poll_cq(struct ib_cq *ibcq, int nr, struct ib_wc *wc);
bool bvf_cq_pending(struct bvf_cq *cq);
void bvf_cq_forget(struct bvf_cq *cq, u32 qpn);

/* qp.c */
int bvf_create_qp(struct ib_qp *ibqp, struct ib_qp_init_attr *attr, struct ib_udata *udata);
int bvf_destroy_qp(struct ib_qp *ibqp, struct ib_udata *udata);

/* modify.c */
int bvf_modify_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask, struct ib_udata *udata);
int bvf_query_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		 struct ib_qp_init_attr *init);

/* wr.c */
int bvf_post_send(struct ib_qp *ibqp, const struct ib_send_wr *wr,
		  const struct ib_send_wr **bad);
int bvf_post_recv(struct ib_qp *ibqp, const struct ib_recv_wr *wr,
		  const struct ib_recv_wr **bad);

/* events.c */
extern const struct bvf_client_ops bvf_ib_client_ops;
void bvf_ib_set_dead(struct bvf_ibdev *idev);
enum ib_port_state bvf_port_state(struct bvf_ibdev *idev);
int bvf_port_watch(struct bvf_ibdev *idev);
void bvf_port_unwatch(struct bvf_ibdev *idev);

/* stats.c */
struct rdma_hw_stats *bvf_alloc_hw_port_stats(struct ib_device *ibdev, u32 port);
int bvf_get_hw_stats(struct ib_device *ibdev, struct rdma_hw_stats *stats, u32 port, int index);

#endif /* BVF_IB_H */
