// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel verbs on one bvf device that talks to itself: RC and UD, polled and by
 * events, bad requests, drain. Prints KTAP to the kernel log. With hold=1 it
 * keeps a connected pair with receives posted until the device goes, and drains
 * it then: for tests that take the function away.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <rdma/ib_cache.h>
#include <rdma/ib_verbs.h>

static bool hold;
module_param(hold, bool, 0444);
MODULE_PARM_DESC(hold, "keep a pair of QPs until the device goes");

#define KV_BUF_LEN	8192
#define KV_DEPTH	16
#define KV_PORT		1

struct kv_side {
	struct ib_qp *qp;
	u8 *buf;
	dma_addr_t dma;
};

struct kv {
	struct ib_device *dev;
	struct ib_pd *pd;
	struct ib_cq *cq;
	struct kv_side side[2];
	int gid_index;
	union ib_gid gid;
	u8 mac[ETH_ALEN];
	struct completion comp;
	int nr_flushed;
};

static unsigned int kv_test, kv_failed;

static void kv_result(bool ok, const char *what)
{
	kv_test++;
	if (!ok)
		kv_failed++;
	pr_info("%s %u %s\n", ok ? "ok" : "not ok", kv_test, what);
}

static int kv_find_gid(struct kv *kv)
{
	const struct ib_gid_attr *attr;
	struct net_device *ndev;
	int i;

	for (i = 0; i < kv->dev->port_data[KV_PORT].immutable.gid_tbl_len; i++) {
		attr = rdma_get_gid_attr(kv->dev, KV_PORT, i);
		if (IS_ERR(attr))
			continue;
		kv->gid_index = i;
		kv->gid = attr->gid;
		rcu_read_lock();
		ndev = rcu_dereference(attr->ndev);
		if (ndev)
			ether_addr_copy(kv->mac, ndev->dev_addr);
		rcu_read_unlock();
		rdma_put_gid_attr(attr);
		return 0;
	}
	return -ENOENT;
}

static void kv_fill_ah(struct kv *kv, struct rdma_ah_attr *ah)
{
	memset(ah, 0, sizeof(*ah));
	ah->type = RDMA_AH_ATTR_TYPE_ROCE;
	rdma_ah_set_grh(ah, &kv->gid, 0, kv->gid_index, 64, 0);
	rdma_ah_set_port_num(ah, KV_PORT);
	memcpy(ah->roce.dmac, kv->mac, ETH_ALEN);
}

static int kv_to_init(struct ib_qp *qp, bool ud)
{
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_INIT,
		.port_num = KV_PORT,
		.qkey = 0x1234,
		.qp_access_flags = IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_READ,
	};

	return ib_modify_qp(qp, &attr, IB_QP_STATE | IB_QP_PKEY_INDEX | IB_QP_PORT |
			    (ud ? IB_QP_QKEY : IB_QP_ACCESS_FLAGS));
}

static int kv_connect_rc(struct kv *kv, struct ib_qp *qp, u32 dest)
{
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_RTR,
		.path_mtu = IB_MTU_1024,
		.dest_qp_num = dest,
		.rq_psn = 77,
		.sq_psn = 77,
		.max_rd_atomic = 4,
		.max_dest_rd_atomic = 4,
		.min_rnr_timer = 12,
		.timeout = 14,
		.retry_cnt = 3,
		.rnr_retry = 3,
	};
	int err;

	kv_fill_ah(kv, &attr.ah_attr);
	err = ib_modify_qp(qp, &attr, IB_QP_STATE | IB_QP_AV | IB_QP_PATH_MTU | IB_QP_DEST_QPN |
			   IB_QP_RQ_PSN | IB_QP_MAX_DEST_RD_ATOMIC | IB_QP_MIN_RNR_TIMER);
	if (err)
		return err;
	attr.qp_state = IB_QPS_RTS;
	return ib_modify_qp(qp, &attr, IB_QP_STATE | IB_QP_TIMEOUT | IB_QP_RETRY_CNT |
			    IB_QP_RNR_RETRY | IB_QP_SQ_PSN | IB_QP_MAX_QP_RD_ATOMIC);
}

static int kv_connect_ud(struct ib_qp *qp)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_RTR };
	int err;

	err = ib_modify_qp(qp, &attr, IB_QP_STATE);
	if (err)
		return err;
	attr.qp_state = IB_QPS_RTS;
	return ib_modify_qp(qp, &attr, IB_QP_STATE | IB_QP_SQ_PSN);
}

static int kv_reset_pair(struct kv *kv)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_RESET };
	int err, i;

	for (i = 0; i < 2; i++) {
		err = ib_modify_qp(kv->side[i].qp, &attr, IB_QP_STATE);
		if (!err)
			err = kv_to_init(kv->side[i].qp, false);
		if (err)
			return err;
	}
	for (i = 0; i < 2; i++) {
		err = kv_connect_rc(kv, kv->side[i].qp, kv->side[!i].qp->qp_num);
		if (err)
			return err;
	}
	return 0;
}

static int kv_create_qp(struct kv *kv, struct kv_side *s, enum ib_qp_type type)
{
	struct ib_qp_init_attr init = {
		.send_cq = kv->cq,
		.recv_cq = kv->cq,
		.cap = {
			.max_send_wr = KV_DEPTH, .max_recv_wr = KV_DEPTH,
			.max_send_sge = 3, .max_recv_sge = 3, .max_inline_data = 64,
		},
		.qp_type = type,
		.sq_sig_type = IB_SIGNAL_REQ_WR,
	};

	s->qp = ib_create_qp(kv->pd, &init);
	return PTR_ERR_OR_ZERO(s->qp);
}

/* Polls until one completion came or a second passed. */
static bool kv_poll(struct kv *kv, struct ib_wc *wc)
{
	unsigned long end = jiffies + HZ;

	do {
		if (ib_poll_cq(kv->cq, 1, wc) == 1)
			return true;
		usleep_range(50, 200);
	} while (time_before(jiffies, end));
	return false;
}

static int kv_post_recv(struct kv *kv, struct kv_side *s, u64 id, u32 len)
{
	struct ib_sge sge = { s->dma, len, kv->pd->local_dma_lkey };
	struct ib_recv_wr wr = { .wr_id = id, .sg_list = &sge, .num_sge = 1 };
	const struct ib_recv_wr *bad;

	return ib_post_recv(s->qp, &wr, &bad);
}

static int kv_post(struct kv *kv, struct kv_side *s, enum ib_wr_opcode op, u64 id, u32 len,
		   int flags, u64 raddr, u32 rkey)
{
	struct ib_sge sge = { s->dma, len, kv->pd->local_dma_lkey };
	struct ib_rdma_wr wr = {
		.wr = { .wr_id = id, .sg_list = &sge, .num_sge = 1, .opcode = op,
			.send_flags = flags, .ex.imm_data = cpu_to_be32(0xabcd) },
		.remote_addr = raddr,
		.rkey = rkey,
	};
	const struct ib_send_wr *bad;

	if (flags & IB_SEND_INLINE)
		sge.addr = (uintptr_t)s->buf;
	return ib_post_send(s->qp, &wr.wr, &bad);
}

static void kv_pattern(u8 *buf, u8 seed)
{
	int i;

	for (i = 0; i < KV_BUF_LEN; i++)
		buf[i] = seed + i * 7;
}

/* Takes two completions, in any order: that of the send with id 1, of the receive with id 2. */
static bool kv_both(struct kv *kv, struct ib_wc *send, struct ib_wc *recv)
{
	struct ib_wc wc;
	int i, seen = 0;

	for (i = 0; i < 2; i++) {
		if (!kv_poll(kv, &wc))
			return false;
		if (wc.wr_id == 1) {
			*send = wc;
			seen |= 1;
		} else if (wc.wr_id == 2) {
			*recv = wc;
			seen |= 2;
		}
	}
	return seen == 3;
}

static bool kv_send_test(struct kv *kv, enum ib_wr_opcode op, u32 len, int flags)
{
	struct kv_side *a = &kv->side[0], *b = &kv->side[1];
	struct ib_wc s = {}, r = {};

	kv_pattern(a->buf, len);
	memset(b->buf, 0, KV_BUF_LEN);
	if (kv_post_recv(kv, b, 2, KV_BUF_LEN) ||
	    kv_post(kv, a, op, 1, len, IB_SEND_SIGNALED | flags, b->dma,
		    kv->pd->unsafe_global_rkey) || !kv_both(kv, &s, &r))
		return false;
	if (s.status || r.status || s.qp != a->qp || r.qp != b->qp ||
	    s.opcode != (op == IB_WR_RDMA_WRITE_WITH_IMM ? IB_WC_RDMA_WRITE : IB_WC_SEND))
		return false;
	if (r.byte_len != len || memcmp(a->buf, b->buf, len) || b->buf[len])
		return false;
	if (op == IB_WR_SEND)
		return r.opcode == IB_WC_RECV && !(r.wc_flags & IB_WC_WITH_IMM);
	return (r.wc_flags & IB_WC_WITH_IMM) && r.ex.imm_data == cpu_to_be32(0xabcd) &&
	       r.opcode == (op == IB_WR_SEND_WITH_IMM ? IB_WC_RECV : IB_WC_RECV_RDMA_WITH_IMM);
}

static bool kv_rdma_test(struct kv *kv, enum ib_wr_opcode op)
{
	struct kv_side *a = &kv->side[0], *b = &kv->side[1];
	struct ib_wc wc;

	kv_pattern(a->buf, 3);
	kv_pattern(b->buf, 99);
	if (kv_post(kv, a, op, 1, KV_BUF_LEN, IB_SEND_SIGNALED, b->dma,
		    kv->pd->unsafe_global_rkey) || !kv_poll(kv, &wc))
		return false;
	return wc.status == IB_WC_SUCCESS && wc.wr_id == 1 &&
	       wc.opcode == (op == IB_WR_RDMA_READ ? IB_WC_RDMA_READ : IB_WC_RDMA_WRITE) &&
	       !memcmp(a->buf, b->buf, KV_BUF_LEN);
}

/* One signaled request in four; the ring goes round several times. */
static bool kv_many(struct kv *kv)
{
	struct kv_side *a = &kv->side[0], *b = &kv->side[1];
	struct ib_wc wc;
	int i, due = 0;

	for (i = 0; i < 40 * KV_DEPTH; i++) {
		int flags = i % 4 == 3 ? IB_SEND_SIGNALED : 0;

		if (kv_post(kv, a, IB_WR_RDMA_WRITE, i, 64, flags, b->dma,
			    kv->pd->unsafe_global_rkey))
			return false;
		due += !!flags;
		if (due == 2) {
			if (!kv_poll(kv, &wc) || wc.status || wc.wr_id != i - 4)
				return false;
			due--;
		}
	}
	return kv_poll(kv, &wc) && !wc.status;
}

static bool kv_full(struct kv *kv)
{
	struct kv_side *b = &kv->side[1];
	int i;

	for (i = 0; i < KV_DEPTH; i++)
		if (kv_post_recv(kv, b, 100 + i, 64))
			return false;
	return kv_post_recv(kv, b, 0, 64) == -ENOMEM;
}

static bool kv_bad_posts(struct kv *kv)
{
	struct ib_sge sge[17] = {};
	struct ib_send_wr wr = { .sg_list = sge, .num_sge = 17, .opcode = IB_WR_SEND };
	const struct ib_send_wr *bad = NULL;

	if (ib_post_send(kv->side[0].qp, &wr, &bad) != -EINVAL || bad != &wr)
		return false;
	wr.num_sge = 0;
	wr.opcode = IB_WR_ATOMIC_CMP_AND_SWP;
	return ib_post_send(kv->side[0].qp, &wr, &bad) == -EOPNOTSUPP;
}

/* A bad rkey: remote access error, then everything is flushed, on both sides. */
static bool kv_bad_rkey(struct kv *kv)
{
	struct kv_side *a = &kv->side[0], *b = &kv->side[1];
	struct ib_wc wc;
	int i;

	if (kv_post_recv(kv, b, 5, 64) ||
	    kv_post(kv, a, IB_WR_RDMA_WRITE, 1, 64, IB_SEND_SIGNALED, b->dma, 0xdeadbe) ||
	    kv_post(kv, a, IB_WR_RDMA_WRITE, 3, 64, 0, b->dma, kv->pd->unsafe_global_rkey))
		return false;
	for (i = 0; i < 3; i++) {
		if (!kv_poll(kv, &wc))
			return false;
		if (wc.wr_id == 1 ? wc.status != IB_WC_REM_ACCESS_ERR :
				    wc.status != IB_WC_WR_FLUSH_ERR)
			return false;
	}
	return true;
}

static void kv_held_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct kv *kv = cq->cq_context;

	kv->nr_flushed++;
}

static struct ib_cqe kv_held_cqe = { .done = kv_held_done };

static bool kv_drain(struct kv *kv)
{
	struct ib_qp_init_attr init;
	struct ib_qp_attr attr;
	int i;

	if (kv_reset_pair(kv))
		return false;
	kv->nr_flushed = 0;
	for (i = 0; i < 5; i++)
		if (kv_post_recv(kv, &kv->side[1], (uintptr_t)&kv_held_cqe, 64))
			return false;
	ib_drain_qp(kv->side[0].qp);
	ib_drain_qp(kv->side[1].qp);
	return kv->nr_flushed == 5 && !ib_query_qp(kv->side[1].qp, &attr, IB_QP_STATE, &init) &&
	       attr.qp_state == IB_QPS_ERR;
}

static bool kv_empty(struct kv *kv)
{
	struct ib_wc wc;

	return ib_poll_cq(kv->cq, 1, &wc) == 0;
}

static void kv_rc_tests(struct kv *kv)
{
	kv_result(kv_post_recv(kv, &kv->side[0], 0, 8) == -EINVAL, "post_recv in RESET is refused");
	kv_result(kv_post(kv, &kv->side[0], IB_WR_SEND, 0, 8, 0, 0, 0) == -EINVAL,
		  "post_send in RESET is refused");
	kv_result(!kv_reset_pair(kv), "connect RC");
	kv_result(kv_send_test(kv, IB_WR_SEND, 4000, 0), "SEND");
	kv_result(kv_send_test(kv, IB_WR_SEND, 64, IB_SEND_INLINE), "SEND inline");
	kv_result(kv_send_test(kv, IB_WR_SEND_WITH_IMM, 100, 0), "SEND with immediate");
	kv_result(kv_send_test(kv, IB_WR_RDMA_WRITE_WITH_IMM, 100, 0), "WRITE with immediate");
	kv_result(kv_rdma_test(kv, IB_WR_RDMA_WRITE), "WRITE");
	kv_result(kv_rdma_test(kv, IB_WR_RDMA_READ), "READ");
	kv_result(kv_many(kv), "unsignaled WRITEs round the ring");
	kv_result(kv_bad_posts(kv), "bad requests are refused");
	kv_result(kv_bad_rkey(kv), "bad rkey: error and flush");
	kv_result(!kv_reset_pair(kv) && kv_empty(kv), "reconnect after the error");
	kv_result(kv_send_test(kv, IB_WR_SEND, 512, 0), "SEND after reconnect");
	kv_result(kv_full(kv), "a full receive queue is -ENOMEM");
	kv_result(kv_drain(kv), "drain");
}

static bool kv_ud_send(struct kv *kv, struct kv_side *a, struct kv_side *b)
{
	struct ib_sge sge = { a->dma, 256, kv->pd->local_dma_lkey };
	struct ib_ud_wr wr = {
		.wr = { .wr_id = 1, .sg_list = &sge, .num_sge = 1, .opcode = IB_WR_SEND,
			.send_flags = IB_SEND_SIGNALED },
		.remote_qpn = b->qp->qp_num,
		.remote_qkey = 0x1234,
	};
	const struct ib_send_wr *bad;
	struct ib_wc s = {}, r = {};
	struct rdma_ah_attr attr;
	bool ok;

	kv_fill_ah(kv, &attr);
	kv_pattern(a->buf, 55);
	memset(b->buf, 0, KV_BUF_LEN);
	wr.ah = rdma_create_ah(kv->pd, &attr, 0);
	if (IS_ERR(wr.ah))
		return false;
	ok = !kv_post_recv(kv, b, 2, KV_BUF_LEN) && !ib_post_send(a->qp, &wr.wr, &bad) &&
	     kv_both(kv, &s, &r) && !s.status && !r.status && r.byte_len == 256 + 40 &&
	     (r.wc_flags & IB_WC_GRH) && r.src_qp == a->qp->qp_num &&
	     !memcmp(a->buf, b->buf + 40, 256);
	rdma_destroy_ah(wr.ah, 0);
	return ok;
}

static void kv_ud_tests(struct kv *kv)
{
	struct kv_side ud[2] = { kv->side[0], kv->side[1] };
	bool ok = true;
	int i;

	for (i = 0; i < 2; i++) {
		if (kv_create_qp(kv, &ud[i], IB_QPT_UD)) {
			ud[i].qp = NULL;
			ok = false;
		} else if (kv_to_init(ud[i].qp, true) || kv_connect_ud(ud[i].qp)) {
			ok = false;
		}
	}
	kv_result(ok, "two UD QPs");
	kv_result(ok && kv_ud_send(kv, &ud[0], &ud[1]), "UD send");
	for (i = 0; i < 2; i++)
		if (ud[i].qp)
			ib_destroy_qp(ud[i].qp);
}

static void kv_event(struct ib_cq *cq, void *ctx)
{
	struct kv *kv = ctx;

	complete(&kv->comp);
}

/* One event an arm, and one for what was there before it. */
static void kv_events(struct kv *kv)
{
	struct ib_wc wc;

	ib_req_notify_cq(kv->cq, IB_CQ_NEXT_COMP);
	kv_post(kv, &kv->side[0], IB_WR_RDMA_WRITE, 1, 64, IB_SEND_SIGNALED, kv->side[1].dma,
		kv->pd->unsafe_global_rkey);
	kv_result(wait_for_completion_timeout(&kv->comp, HZ), "event after arming");
	kv_result(kv_poll(kv, &wc) && !wc.status, "completion of the event");

	kv_post(kv, &kv->side[0], IB_WR_RDMA_WRITE, 1, 64, IB_SEND_SIGNALED, kv->side[1].dma,
		kv->pd->unsafe_global_rkey);
	kv_result(!wait_for_completion_timeout(&kv->comp, HZ / 10), "no event without arming");
	kv_result(ib_req_notify_cq(kv->cq, IB_CQ_NEXT_COMP | IB_CQ_REPORT_MISSED_EVENTS) > 0,
		  "arming reports what was missed");
	kv_result(wait_for_completion_timeout(&kv->comp, HZ), "event for what was there");
	kv_result(kv_poll(kv, &wc) && !wc.status, "completion of it");
}

/* The same pair of QPs once more, on a CQ with a handler. */
static void kv_event_tests(struct kv *kv)
{
	struct ib_cq_init_attr attr = { .cqe = 2 * KV_DEPTH };
	struct ib_cq *poll_cq = kv->cq;
	struct kv_side old[2] = { kv->side[0], kv->side[1] };
	int i;

	init_completion(&kv->comp);
	kv->cq = ib_create_cq(kv->dev, kv_event, NULL, kv, &attr);
	if (IS_ERR(kv->cq)) {
		kv->cq = poll_cq;
		kv_result(false, "CQ with events");
		return;
	}
	for (i = 0; i < 2; i++)
		if (kv_create_qp(kv, &kv->side[i], IB_QPT_RC)) {
			kv_result(false, "QPs for events");
			goto out;
		}
	kv_result(!kv_reset_pair(kv), "connect RC for events");
	kv_events(kv);
out:
	for (i = 0; i < 2; i++) {
		if (!IS_ERR_OR_NULL(kv->side[i].qp) && kv->side[i].qp != old[i].qp)
			ib_destroy_qp(kv->side[i].qp);
		kv->side[i] = old[i];
	}
	ib_destroy_cq(kv->cq);
	kv->cq = poll_cq;
}

static void kv_free(struct kv *kv)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (!IS_ERR_OR_NULL(kv->side[i].qp))
			ib_destroy_qp(kv->side[i].qp);
		if (kv->side[i].buf)
			dma_free_coherent(kv->dev->dma_device, KV_BUF_LEN, kv->side[i].buf,
					  kv->side[i].dma);
	}
	if (!IS_ERR_OR_NULL(kv->cq))
		ib_free_cq(kv->cq);
	if (!IS_ERR_OR_NULL(kv->pd))
		ib_dealloc_pd(kv->pd);
	kfree(kv);
}

static struct kv *kv_alloc(struct ib_device *dev, enum ib_poll_context ctx)
{
	struct kv *kv;
	int i;

	kv = kzalloc(sizeof(*kv), GFP_KERNEL);
	if (!kv)
		return NULL;
	kv->dev = dev;
	if (kv_find_gid(kv))
		goto err;
	kv->pd = ib_alloc_pd(dev, IB_PD_UNSAFE_GLOBAL_RKEY);
	if (IS_ERR(kv->pd))
		goto err;
	kv->cq = ib_alloc_cq(dev, kv, 8 * KV_DEPTH, 0, ctx);
	if (IS_ERR(kv->cq))
		goto err;
	for (i = 0; i < 2; i++) {
		kv->side[i].buf = dma_alloc_coherent(dev->dma_device, KV_BUF_LEN,
						     &kv->side[i].dma, GFP_KERNEL);
		if (!kv->side[i].buf || kv_create_qp(kv, &kv->side[i], IB_QPT_RC))
			goto err;
	}
	return kv;
err:
	kv_free(kv);
	return NULL;
}

static int kv_add(struct ib_device *dev);
static void kv_remove(struct ib_device *dev, void *data);

static struct ib_client kv_client = {
	.name = "bvf_kverbs",
	.add = kv_add,
	.remove = kv_remove,
};

static void kv_add_hold(struct ib_device *dev)
{
	struct kv *kv = kv_alloc(dev, IB_POLL_SOFTIRQ);
	int i;

	if (!kv)
		return;
	if (kv_reset_pair(kv)) {
		kv_free(kv);
		return;
	}
	for (i = 0; i < 5; i++)
		kv_post_recv(kv, &kv->side[1], (uintptr_t)&kv_held_cqe, 64);
	ib_set_client_data(dev, &kv_client, kv);
	pr_info("holding a pair on %s\n", dev_name(&dev->dev));
}

static void kv_run(struct ib_device *dev)
{
	struct kv *kv = kv_alloc(dev, IB_POLL_DIRECT);

	kv_result(kv, "objects");
	if (!kv)
		return;
	kv_rc_tests(kv);
	kv_ud_tests(kv);
	kv_event_tests(kv);
	kv_free(kv);
}

static int kv_add(struct ib_device *dev)
{
	if (strncmp(dev->node_desc, "bvf", 3))
		return -EOPNOTSUPP;
	if (hold)
		kv_add_hold(dev);
	else
		kv_run(dev);
	return 0;
}

static void kv_remove(struct ib_device *dev, void *data)
{
	struct kv *kv = data;

	if (!kv)
		return;
	ib_drain_qp(kv->side[0].qp);
	ib_drain_qp(kv->side[1].qp);
	pr_info("drained, %d flushed\n", kv->nr_flushed);
	kv_free(kv);
}

static int __init kv_init(void)
{
	int err = ib_register_client(&kv_client);

	if (!err && !hold)
		pr_info("1..%u\n# %u failed\n", kv_test, kv_failed);
	return err;
}
module_init(kv_init);

static void __exit kv_exit(void)
{
	ib_unregister_client(&kv_client);
}
module_exit(kv_exit);

MODULE_DESCRIPTION("test of bvf's kernel verbs");
MODULE_LICENSE("GPL");
