// SPDX-License-Identifier: GPL-2.0
/*
 * Pieces over RC queue pairs, one to the next rank and one from the previous.
 * It must not know chunks, steps or element types.
 *
 * Every piece is one RDMA WRITE with immediate, straight to where the receiver
 * wants it: a slot if it is to be reduced, its out buffer if it is in its place.
 * The immediate is the piece's number; it uses up a receive without a buffer and
 * makes the completion that tells the receiver.
 *
 * Flow control: the sender has a credit for each slot. Each piece takes one, also
 * those that go to out, so that a credit also stands for a posted receive. When
 * half the slots have been used up the receiver posts that many receives again,
 * and then returns that many credits with one empty WRITE with immediate.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rdma_dev.h"
#include "tp.h"

#define BVF_RDMA_CREDIT		0x80000000u	/* immediate: not a piece */
#define BVF_RDMA_SEQ_MASK	0x7fffffffu
#define BVF_RDMA_WCS		16		/* completions polled at once */
#define BVF_RDMA_CREDIT_DEPTH	16		/* send queue towards prev */
#define BVF_RDMA_CREDIT_RECVS	8		/* at most two are ever on the way */
#define BVF_RDMA_MAX_SLOTS	256

/* wr_id: what completed in the upper half, a sequence number in the lower. */
enum bvf_rdma_wr {
	BVF_WR_TX = 1,		/* a piece left */
	BVF_WR_RX,		/* a piece came */
	BVF_WR_CREDIT_TX,
	BVF_WR_CREDIT_RX,
};

/* What each rank tells the others before the queue pairs are connected. */
struct bvf_rdma_card {
	uint8_t gid[16];
	__le64 out_addr;
	__le64 slots_addr;
	__le32 out_rkey;
	__le32 slots_rkey;
	__le32 tx_qpn;
	__le32 rx_qpn;
	__le32 tx_psn;
	__le32 rx_psn;
	__le16 lid;
	uint8_t mtu;
	uint8_t rsvd[5];
};
_Static_assert(sizeof(struct bvf_rdma_card) == 64, "wire");

struct bvf_rdma {
	struct bvf_tp tp;
	struct bvf_rdma_dev dev;
	struct ibv_pd *pd;
	struct ibv_comp_channel *chan;
	struct ibv_cq *cq;
	struct ibv_qp *tx_qp;	/* pieces to next, credits from it */
	struct ibv_qp *rx_qp;	/* pieces from prev, credits to it */
	struct ibv_mr *in_mr;
	struct ibv_mr *out_mr;
	struct ibv_mr *slots_mr;
	char *slots;
	uint32_t nr_slots;
	uint32_t piece;
	uint32_t tx_psn;
	uint32_t rx_psn;
	struct bvf_rdma_card next;
	struct bvf_rdma_card prev;

	/* Free-running counters of pieces; comparisons are by difference. */
	uint32_t tx_sent;
	uint32_t tx_limit;	/* credits: tx_sent may get this far */
	uint32_t tx_done;	/* left the send queue */
	uint32_t tx_signaled;
	uint32_t tx_borrowed;	/* up to here sources are still being read */
	uint32_t tx_depth;
	uint32_t max_inline;
	uint32_t rx_came;
	uint32_t rx_taken;
	uint32_t rx_uncredited;
	uint32_t rx_len[BVF_RDMA_MAX_SLOTS];
	uint32_t credit_sent;
	uint32_t credit_done;
};

static struct bvf_rdma *bvf_to_rdma(struct bvf_tp *tp)
{
	return (struct bvf_rdma *)tp;
}

static size_t bvf_rdma_slots_len(const struct bvf_rdma *t)
{
	return (size_t)t->nr_slots * t->piece;
}

static uint64_t bvf_wr_id(enum bvf_rdma_wr what, uint32_t seq)
{
	return (uint64_t)what << 32 | seq;
}

static int bvf_rdma_failed(struct bvf_rdma *t, const char *what, int err)
{
	return bvf_boot_fail(t->tp.boot, BVF_FAIL_LOCAL, t->tp.o->rank, "%s: %s", what,
			     strerror(err));
}

/* n receives without a buffer; the immediate is all they are for. */
static int bvf_rdma_post_recvs(struct bvf_rdma *t, struct ibv_qp *qp,
			       enum bvf_rdma_wr what, uint32_t n)
{
	struct ibv_recv_wr wrs[32], *bad;

	while (n) {
		uint32_t batch = n < 32 ? n : 32;
		int err;

		for (uint32_t i = 0; i < batch; i++)
			wrs[i] = (struct ibv_recv_wr) {
				.wr_id = bvf_wr_id(what, 0),
				.next = i + 1 < batch ? &wrs[i + 1] : NULL,
			};
		err = ibv_post_recv(qp, wrs, &bad);
		if (err)
			return bvf_rdma_failed(t, "ibv_post_recv", err);
		n -= batch;
	}
	return 0;
}

static int bvf_rdma_post_credit(struct bvf_rdma *t)
{
	struct ibv_send_wr wr = {
		.wr_id = bvf_wr_id(BVF_WR_CREDIT_TX, t->credit_sent + 1),
		.opcode = IBV_WR_RDMA_WRITE_WITH_IMM,
		.send_flags = IBV_SEND_SOLICITED,
		.imm_data = htobe32(BVF_RDMA_CREDIT | (t->nr_slots / 2)),
		.wr.rdma.remote_addr = le64toh(t->prev.slots_addr),
		.wr.rdma.rkey = le32toh(t->prev.slots_rkey),
	}, *bad;
	int err;

	/* A completion now and then makes room in the send queue. */
	if (!((t->credit_sent + 1) % (BVF_RDMA_CREDIT_DEPTH / 4)))
		wr.send_flags |= IBV_SEND_SIGNALED;
	err = ibv_post_send(t->rx_qp, &wr, &bad);
	if (err)
		return bvf_rdma_failed(t, "ibv_post_send", err);
	t->credit_sent++;
	return 0;
}

/* Receives first: whoever gets the credit may use them at once. */
static int bvf_rdma_return_credits(struct bvf_rdma *t)
{
	int err;

	if (t->rx_uncredited < t->nr_slots / 2 ||
	    t->credit_sent - t->credit_done >= BVF_RDMA_CREDIT_DEPTH)
		return 0;
	err = bvf_rdma_post_recvs(t, t->rx_qp, BVF_WR_RX, t->nr_slots / 2);
	if (err)
		return err;
	t->rx_uncredited -= t->nr_slots / 2;
	return bvf_rdma_post_credit(t);
}

static int bvf_rdma_broken(struct bvf_rdma *t, const struct ibv_wc *wc)
{
	unsigned int what = (unsigned int)(wc->wr_id >> 32);
	bool to_next = what == BVF_WR_TX || what == BVF_WR_CREDIT_RX;

	return bvf_boot_fail(t->tp.boot, BVF_FAIL_LOST, to_next ? t->tp.next : t->tp.prev,
			     "queue pair %s it failed: %s", to_next ? "to" : "from",
			     ibv_wc_status_str(wc->status));
}

static int bvf_rdma_piece_came(struct bvf_rdma *t, const struct ibv_wc *wc)
{
	uint32_t seq = be32toh(wc->imm_data);

	if (wc->opcode != IBV_WC_RECV_RDMA_WITH_IMM ||
	    seq != (t->rx_came & BVF_RDMA_SEQ_MASK) ||
	    t->rx_came - t->rx_taken >= t->nr_slots)
		return bvf_boot_fail(t->tp.boot, BVF_FAIL_LOST, t->tp.prev,
				     "piece %u came where %u was due", seq,
				     t->rx_came & BVF_RDMA_SEQ_MASK);
	t->rx_len[t->rx_came % t->nr_slots] = wc->byte_len;
	t->rx_came++;
	return 0;
}

static int bvf_rdma_credit_came(struct bvf_rdma *t, const struct ibv_wc *wc)
{
	if (wc->opcode != IBV_WC_RECV_RDMA_WITH_IMM ||
	    be32toh(wc->imm_data) != (BVF_RDMA_CREDIT | (t->nr_slots / 2)))
		return bvf_boot_fail(t->tp.boot, BVF_FAIL_LOST, t->tp.next,
				     "it sent what is not a credit");
	t->tx_limit += t->nr_slots / 2;
	return bvf_rdma_post_recvs(t, t->tx_qp, BVF_WR_CREDIT_RX, 1);
}

static int bvf_rdma_one_wc(struct bvf_rdma *t, const struct ibv_wc *wc)
{
	if (wc->status != IBV_WC_SUCCESS)
		return bvf_rdma_broken(t, wc);
	switch (wc->wr_id >> 32) {
	case BVF_WR_TX:
		t->tx_done = (uint32_t)wc->wr_id;
		return 0;
	case BVF_WR_RX:
		return bvf_rdma_piece_came(t, wc);
	case BVF_WR_CREDIT_TX:
		t->credit_done = (uint32_t)wc->wr_id;
		return bvf_rdma_return_credits(t);
	default:
		return bvf_rdma_credit_came(t, wc);
	}
}

/* Number of completions taken in, or an error. */
static int bvf_rdma_poll(struct bvf_rdma *t)
{
	struct ibv_wc wcs[BVF_RDMA_WCS];
	int n;

	n = ibv_poll_cq(t->cq, BVF_RDMA_WCS, wcs);
	if (n < 0)
		return bvf_rdma_failed(t, "ibv_poll_cq", -n);
	for (int i = 0; i < n; i++) {
		int err = bvf_rdma_one_wc(t, &wcs[i]);

		if (err)
			return err;
	}
	return n;
}

static bool bvf_rdma_may_send(const struct bvf_rdma *t)
{
	return t->tx_sent != t->tx_limit && t->tx_sent - t->tx_done < t->tx_depth;
}

static int bvf_rdma_send(struct bvf_tp *tp, const struct bvf_piece *p, const void *src)
{
	struct bvf_rdma *t = bvf_to_rdma(tp);
	bool from_in = (const char *)src >= (const char *)tp->bufs.in &&
		       (const char *)src < (const char *)tp->bufs.in + tp->bufs.len;
	struct ibv_sge sge = {
		.addr = (uintptr_t)src, .length = p->len,
		.lkey = from_in ? t->in_mr->lkey : t->out_mr->lkey,
	};
	struct ibv_send_wr wr = {
		.wr_id = bvf_wr_id(BVF_WR_TX, t->tx_sent + 1),
		.sg_list = &sge, .num_sge = 1,
		.opcode = IBV_WR_RDMA_WRITE_WITH_IMM,
		.send_flags = IBV_SEND_SOLICITED,
		.imm_data = htobe32(t->tx_sent & BVF_RDMA_SEQ_MASK),
	}, *bad;
	int err;

	if (!bvf_rdma_may_send(t)) {
		err = bvf_rdma_poll(t);
		if (err < 0 || !bvf_rdma_may_send(t))
			return err < 0 ? err : 0;
	}
	if (p->place) {
		wr.wr.rdma.remote_addr = le64toh(t->next.out_addr) + p->off;
		wr.wr.rdma.rkey = le32toh(t->next.out_rkey);
	} else {
		wr.wr.rdma.remote_addr = le64toh(t->next.slots_addr) +
					 (uint64_t)(t->tx_sent % t->nr_slots) * t->piece;
		wr.wr.rdma.rkey = le32toh(t->next.slots_rkey);
	}
	if (p->len <= t->max_inline)
		wr.send_flags |= IBV_SEND_INLINE;
	if (p->len > t->max_inline ||
	    t->tx_sent + 1 - t->tx_signaled >= t->tx_depth / 4) {
		wr.send_flags |= IBV_SEND_SIGNALED;
		t->tx_signaled = t->tx_sent + 1;
	}
	err = ibv_post_send(t->tx_qp, &wr, &bad);
	if (err)
		return bvf_rdma_failed(t, "ibv_post_send", err);
	t->tx_sent++;
	if (p->len > t->max_inline)
		t->tx_borrowed = t->tx_sent;
	return 1;
}

static int bvf_rdma_recv(struct bvf_tp *tp, const struct bvf_piece *p, const void **data)
{
	struct bvf_rdma *t = bvf_to_rdma(tp);
	uint32_t slot = t->rx_taken % t->nr_slots;

	if (t->rx_came == t->rx_taken) {
		int n = bvf_rdma_poll(t);

		if (n < 0 || t->rx_came == t->rx_taken)
			return n < 0 ? n : 0;
	}
	if (t->rx_len[slot] != p->len)
		return bvf_boot_fail(t->tp.boot, BVF_FAIL_LOST, tp->prev,
				     "a piece of %u bytes came where %u were due",
				     t->rx_len[slot], p->len);
	*data = p->place ? (char *)tp->bufs.out + p->off :
			   t->slots + (size_t)slot * t->piece;
	return 1;
}

static int bvf_rdma_release(struct bvf_tp *tp)
{
	struct bvf_rdma *t = bvf_to_rdma(tp);

	t->rx_taken++;
	t->rx_uncredited++;
	return bvf_rdma_return_credits(t);
}

static int bvf_rdma_flush(struct bvf_tp *tp)
{
	struct bvf_rdma *t = bvf_to_rdma(tp);

	if ((int32_t)(t->tx_borrowed - t->tx_done) > 0) {
		int n = bvf_rdma_poll(t);

		if (n < 0)
			return n;
	}
	return (int32_t)(t->tx_borrowed - t->tx_done) <= 0;
}

static int bvf_rdma_async(struct bvf_rdma *t)
{
	struct ibv_async_event ev;

	while (!ibv_get_async_event(t->dev.ctx, &ev)) {
		enum ibv_event_type type = ev.event_type;

		ibv_ack_async_event(&ev);
		if (type == IBV_EVENT_DEVICE_FATAL || type == IBV_EVENT_CQ_ERR)
			return bvf_boot_fail(t->tp.boot, BVF_FAIL_LOCAL, t->tp.o->rank,
					     "RDMA device: %s", ibv_event_type_str(type));
	}
	return 0;
}

static int bvf_rdma_arm(struct bvf_tp *tp, struct pollfd *pfds, bool want_recv)
{
	struct bvf_rdma *t = bvf_to_rdma(tp);
	bool full = t->tx_sent - t->tx_done >= t->tx_depth;
	struct ibv_cq *cq;
	void *cq_ctx;
	int n;

	while (!ibv_get_cq_event(t->chan, &cq, &cq_ctx))
		ibv_ack_cq_events(cq, 1);
	n = bvf_rdma_async(t);
	if (n)
		return n;
	/* Own sends wake nobody up unless one is what is waited for. */
	n = ibv_req_notify_cq(t->cq, want_recv && !full);
	if (n)
		return bvf_rdma_failed(t, "ibv_req_notify_cq", n);
	/* What came before the arming makes no event. */
	n = bvf_rdma_poll(t);
	if (n)
		return n < 0 ? n : 0;
	pfds[0] = (struct pollfd) { .fd = t->chan->fd, .events = POLLIN };
	pfds[1] = (struct pollfd) { .fd = t->dev.ctx->async_fd, .events = POLLIN };
	return 2;
}

static void bvf_rdma_close(struct bvf_tp *tp)
{
	struct bvf_rdma *t = bvf_to_rdma(tp);

	if (t->tx_qp)
		ibv_destroy_qp(t->tx_qp);
	if (t->rx_qp)
		ibv_destroy_qp(t->rx_qp);
	if (t->cq)
		ibv_destroy_cq(t->cq);
	if (t->chan)
		ibv_destroy_comp_channel(t->chan);
	if (t->in_mr)
		ibv_dereg_mr(t->in_mr);
	if (t->out_mr)
		ibv_dereg_mr(t->out_mr);
	if (t->slots_mr)
		ibv_dereg_mr(t->slots_mr);
	if (t->pd)
		ibv_dealloc_pd(t->pd);
	bvf_rdma_dev_close(&t->dev);
	bvf_mem_free(t->slots, bvf_rdma_slots_len(t), BVF_MEM_SLOTS);
	free(t);
}

static const char *bvf_rdma_describe(const struct bvf_tp *tp)
{
	return ((const struct bvf_rdma *)tp)->dev.text;
}

static const struct bvf_tp_ops bvf_rdma_ops = {
	.name = "rdma",
	.send = bvf_rdma_send,
	.recv = bvf_rdma_recv,
	.release = bvf_rdma_release,
	.flush = bvf_rdma_flush,
	.arm = bvf_rdma_arm,
	.close = bvf_rdma_close,
	.describe = bvf_rdma_describe,
};

static int bvf_rdma_register(struct bvf_rdma *t)
{
	size_t len = bvf_rdma_slots_len(t);
	const struct bvf_ar_bufs *bufs = &t->tp.bufs;
	int remote = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE;

	t->slots = bvf_mem_alloc(len, BVF_MEM_SLOTS);
	if (!t->slots)
		return bvf_rdma_failed(t, "slots", ENOMEM);
	t->in_mr = ibv_reg_mr(t->pd, bufs->in, bufs->len, 0);
	if (t->in_mr)
		t->out_mr = ibv_reg_mr(t->pd, bufs->out, bufs->len, remote);
	if (t->out_mr)
		t->slots_mr = ibv_reg_mr(t->pd, t->slots, len, remote);
	if (t->slots_mr)
		return 0;
	return bvf_rdma_failed(t, errno == ENOMEM ?
			       "ibv_reg_mr (ulimit -l too small?)" : "ibv_reg_mr", errno);
}

/* As much inline data as the device gives: small pieces then need no read. */
static struct ibv_qp *bvf_rdma_make_qp(struct bvf_rdma *t, uint32_t sends, uint32_t recvs,
				       uint32_t *max_inline)
{
	static const uint32_t inlines[] = { 512, 256, 192, 128, 64, 0 };
	struct ibv_qp *qp = NULL;

	for (unsigned int i = 0; i < BVF_ARRAY_SIZE(inlines) && !qp; i++) {
		struct ibv_qp_init_attr attr = {
			.send_cq = t->cq, .recv_cq = t->cq, .qp_type = IBV_QPT_RC,
			.cap = {
				.max_send_wr = sends, .max_recv_wr = recvs,
				.max_send_sge = 1, .max_recv_sge = 1,
				.max_inline_data = inlines[i],
			},
		};

		qp = ibv_create_qp(t->pd, &attr);
		if (qp)
			*max_inline = attr.cap.max_inline_data;
	}
	return qp;
}

static int bvf_rdma_set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

static int bvf_rdma_create(struct bvf_rdma *t)
{
	uint32_t none;

	t->pd = ibv_alloc_pd(t->dev.ctx);
	if (!t->pd)
		return bvf_rdma_failed(t, "ibv_alloc_pd", errno);
	t->chan = ibv_create_comp_channel(t->dev.ctx);
	if (!t->chan || bvf_rdma_set_nonblock(t->chan->fd) ||
	    bvf_rdma_set_nonblock(t->dev.ctx->async_fd))
		return bvf_rdma_failed(t, "completion channel", errno);
	t->cq = ibv_create_cq(t->dev.ctx, (int)(t->tx_depth + t->nr_slots +
			      BVF_RDMA_CREDIT_DEPTH + BVF_RDMA_CREDIT_RECVS), NULL,
			      t->chan, 0);
	if (!t->cq)
		return bvf_rdma_failed(t, "ibv_create_cq", errno);
	t->tx_qp = bvf_rdma_make_qp(t, t->tx_depth, BVF_RDMA_CREDIT_RECVS, &t->max_inline);
	if (t->tx_qp)
		t->rx_qp = bvf_rdma_make_qp(t, BVF_RDMA_CREDIT_DEPTH, t->nr_slots, &none);
	if (!t->rx_qp)
		return bvf_rdma_failed(t, "ibv_create_qp", errno);
	return bvf_rdma_register(t);
}

/* RESET to RTS towards another rank's queue pair. */
static int bvf_rdma_connect_qp(struct bvf_rdma *t, struct ibv_qp *qp, uint32_t psn,
			       const struct bvf_rdma_card *peer, uint32_t peer_qpn,
			       uint32_t peer_psn)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT, .port_num = t->dev.port,
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE,
	};
	int err;

	err = ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
			    IBV_QP_ACCESS_FLAGS);
	if (err)
		return bvf_rdma_failed(t, "ibv_modify_qp to INIT", err);
	attr = (struct ibv_qp_attr) {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = peer->mtu < t->dev.mtu ? (enum ibv_mtu)peer->mtu : t->dev.mtu,
		.dest_qp_num = peer_qpn, .rq_psn = peer_psn,
		.max_dest_rd_atomic = 1, .min_rnr_timer = 12,
		.ah_attr = {
			.dlid = le16toh(peer->lid), .port_num = t->dev.port,
			.is_global = t->dev.ethernet,
			.grh = { .sgid_index = t->dev.gid_index, .hop_limit = 64 },
		},
	};
	memcpy(attr.ah_attr.grh.dgid.raw, peer->gid, 16);
	err = ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
			    IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
			    IBV_QP_MIN_RNR_TIMER);
	if (err)
		return bvf_rdma_failed(t, "ibv_modify_qp to RTR (peer's address reachable?)",
				       err);
	attr = (struct ibv_qp_attr) {
		.qp_state = IBV_QPS_RTS, .sq_psn = psn, .max_rd_atomic = 1,
		/* 0.27 s eight times: software at both ends may be that late. */
		.timeout = 16, .retry_cnt = 7, .rnr_retry = 7,
	};
	err = ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
			    IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
	return err ? bvf_rdma_failed(t, "ibv_modify_qp to RTS", err) : 0;
}

static int bvf_rdma_connect(struct bvf_rdma *t)
{
	struct bvf_rdma_card all[BVF_AR_MAX_RANKS], mine = {
		.out_addr = htole64((uintptr_t)t->tp.bufs.out),
		.out_rkey = htole32(t->out_mr->rkey),
		.slots_addr = htole64((uintptr_t)t->slots),
		.slots_rkey = htole32(t->slots_mr->rkey),
		.tx_qpn = htole32(t->tx_qp->qp_num), .rx_qpn = htole32(t->rx_qp->qp_num),
		.tx_psn = htole32(t->tx_psn), .rx_psn = htole32(t->rx_psn),
		.lid = htole16(t->dev.port_attr.lid), .mtu = (uint8_t)t->dev.mtu,
	};
	int err;

	memcpy(mine.gid, t->dev.gid.raw, 16);
	err = bvf_boot_gather(t->tp.boot, &mine, all, sizeof(mine));
	if (err)
		return err;
	t->next = all[t->tp.next];
	t->prev = all[t->tp.prev];
	err = bvf_rdma_connect_qp(t, t->tx_qp, t->tx_psn, &t->next,
				  le32toh(t->next.rx_qpn), le32toh(t->next.rx_psn));
	if (!err)
		err = bvf_rdma_connect_qp(t, t->rx_qp, t->rx_psn, &t->prev,
					  le32toh(t->prev.tx_qpn), le32toh(t->prev.tx_psn));
	if (!err)
		err = bvf_rdma_post_recvs(t, t->tx_qp, BVF_WR_CREDIT_RX,
					  BVF_RDMA_CREDIT_RECVS);
	if (!err)
		err = bvf_rdma_post_recvs(t, t->rx_qp, BVF_WR_RX, t->nr_slots);
	/* Nobody sends before all can receive. */
	return err ? err : bvf_boot_gather(t->tp.boot, NULL, NULL, 0);
}

int bvf_rdma_open(struct bvf_tp **tpp, const struct bvf_ar_opts *o,
		  struct bvf_boot *boot, const struct bvf_ar_bufs *bufs)
{
	char why[BVF_AR_TEXT_LEN];
	struct bvf_rdma *t;
	int err;

	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->tp = (struct bvf_tp) {
		.ops = &bvf_rdma_ops, .o = o, .boot = boot, .bufs = *bufs,
		.next = (o->rank + 1) % o->nranks,
		.prev = (o->rank + o->nranks - 1) % o->nranks,
	};
	t->nr_slots = t->tx_limit = o->slots;
	t->piece = o->piece;
	t->tx_depth = 2 * o->slots;
	t->tx_psn = (uint32_t)(bvf_now_ns() >> 4) & 0xffffff;
	t->rx_psn = t->tx_psn ^ 0x5a5a5a;
	err = bvf_rdma_dev_open(&t->dev, o, bvf_boot_local_addr(boot), why, sizeof(why));
	if (err)
		bvf_boot_fail(boot, BVF_FAIL_LOCAL, o->rank, "%s", why);
	if (!err)
		err = bvf_rdma_create(t);
	if (!err)
		err = bvf_rdma_connect(t);
	if (err) {
		bvf_rdma_close(&t->tp);
		return err;
	}
	*tpp = &t->tp;
	return 0;
}
