// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams of UD QPs and of QP 1: address, queue key, the 40 bytes in front.
 * Knows nothing of send queues; a datagram that nobody takes is gone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "dp.h"

#define BVF_GRH_LEN	40
/* UDP, BTH, DETH and ICRC around the payload, as the wire would have them. */
#define BVF_UD_HDRS	(8 + 12 + 8 + 4)

struct ipv4_hdr {
	uint8_t ver_ihl, tos;
	__be16 len, id, frag;
	uint8_t ttl, proto;
	__be16 csum;
	uint8_t saddr[4], daddr[4];
};
static_assert(sizeof(struct ipv4_hdr) == 20, "ipv4_hdr");

struct ipv6_hdr {
	__be32 ver_class_flow;
	__be16 len;
	uint8_t proto, ttl;
	uint8_t saddr[16], daddr[16];
};
static_assert(sizeof(struct ipv6_hdr) == BVF_GRH_LEN, "ipv6_hdr");

#define PROTO_UDP	17
#define TTL		64

static bool is_ipv4(const uint8_t *gid)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(gid, mapped, sizeof(mapped));
}

static uint16_t ipv4_csum(const struct ipv4_hdr *h)
{
	uint16_t w[10];
	uint32_t sum = 0;

	memcpy(w, h, sizeof(w));
	for (int i = 0; i < 10; i++)
		sum += w[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Return: flags of the completion */
static uint8_t grh_fill(uint8_t *area, const uint8_t *sgid,
			const uint8_t *dgid, uint32_t payload)
{
	uint16_t len = (uint16_t)(payload + BVF_UD_HDRS);

	memset(area, 0, BVF_GRH_LEN);
	if (is_ipv4(dgid)) {
		struct ipv4_hdr h = {
			.ver_ihl = 0x45,
			.len = htons(len + sizeof(h)),
			.frag = htons(0x4000),
			.ttl = TTL,
			.proto = PROTO_UDP,
		};

		memcpy(h.saddr, sgid + 12, 4);
		memcpy(h.daddr, dgid + 12, 4);
		h.csum = ipv4_csum(&h);
		memcpy(area + 20, &h, sizeof(h));
		return BVF_CQE_GRH | BVF_CQE_IPV4;
	}
	struct ipv6_hdr h = {
		.ver_class_flow = htonl(6u << 28),
		.len = htons(len),
		.proto = PROTO_UDP,
		.ttl = TTL,
	};

	memcpy(h.saddr, sgid, 16);
	memcpy(h.daddr, dgid, 16);
	memcpy(area, &h, sizeof(h));
	return BVF_CQE_GRH;
}

static struct bvf_func *dest_func(struct bvf_qp *qp,
				  const struct bvf_wqe_av *av)
{
	uint32_t epoch = bvf_load_acq(&qp->f->dp->dram->epoch);

	if (qp->peer_f && qp->peer_epoch == epoch &&
	    !memcmp(qp->av_gid, av->dgid, 16) &&
	    !memcmp(qp->av_mac, av->dmac, 6))
		return qp->peer_f;
	qp->peer_f = bvf_local_func(qp->f, av->dmac, av->dgid);
	qp->peer_epoch = epoch;
	memcpy(qp->av_gid, av->dgid, 16);
	memcpy(qp->av_mac, av->dmac, 6);
	return qp->peer_f;
}

/* The QP that takes the datagram; NULL if none does. */
static struct bvf_qp *dest_qp(struct bvf_qp *qp, const struct bvf_wqe_av *av)
{
	struct bvf_func *f = dest_func(qp, av);
	uint32_t qkey = av->qkey, state;
	struct bvf_qp *p;

	if (!f || av->dqpn > BVF_QPN_MASK)
		return NULL;
	p = bvf_qp_get(f, BVF_QPN_IDX(av->dqpn));
	if (!p || p->broken || p->qpn != av->dqpn ||
	    p->d->type == BVF_QPT_RC)
		return NULL;
	state = bvf_qp_state(p);
	if (state < BVF_QPS_RTR || state > BVF_QPS_SQE)
		return NULL;
	/* A controlled key stands for the QP's own. */
	if (qkey & 0x80000000u)
		qkey = qp->d->attr.qkey;
	return qkey == p->d->attr.qkey ? p : NULL;
}

static void recv_fail(struct bvf_qp *p, uint8_t status, uint8_t vendor)
{
	struct bvf_cqe cqe = {
		.op = BVF_CQE_RECV,
		.status = status,
		.vendor_err = vendor,
	};

	bvf_qp_error(p, bvf_recv_complete(p, &cqe, p->d->rq_psn) ? BVF_EV_QP_FATAL : 0);
}

static void recv_done(struct bvf_qp *p, const struct bvf_qp *qp,
		      const struct bvf_req *req, uint8_t flags)
{
	struct bvf_cqe cqe = {
		.byte_len = req->len + BVF_GRH_LEN,
		.op = BVF_CQE_RECV,
		.flags = flags,
		.src_qp = qp->qpn,
	};

	memcpy(cqe.smac, qp->f->d->mac, 6);
	if (req->op == BVF_WR_SEND_IMM) {
		cqe.imm = req->imm;
		cqe.flags |= BVF_CQE_IMM;
	}
	if (req->flags & BVF_WQE_SOLICITED)
		cqe.flags |= BVF_CQE_SOLICITED;
	if (bvf_recv_complete(p, &cqe, p->d->rq_psn)) {
		bvf_qp_error(p, BVF_EV_QP_FATAL);
		return;
	}
	p->d->stats.rx_msgs++;
	p->d->stats.rx_bytes += req->len;
	bvf_stat(p->f, BVF_STAT_RX_MSGS, 1);
	bvf_stat(p->f, BVF_STAT_RX_BYTES, req->len);
}

static enum bvf_answer drop(struct bvf_func *f)
{
	bvf_stat(f, BVF_STAT_UD_DROP, 1);
	return BVF_ANS_ACK;
}

static enum bvf_answer deliver(struct bvf_qp *p, struct bvf_qp *qp,
			       struct bvf_req *req, const uint8_t *sgid,
			       struct bvf_reply *reply)
{
	uint8_t area[BVF_GRH_LEN], flags;
	struct bvf_sglist grh;
	struct bvf_recv rx;

	if (bvf_rwqe_load(p, p->d->rq_ci, &rx)) {
		recv_fail(p, rx.status, rx.vendor);
		return drop(p->f);
	}
	/* Too short a buffer is no reason to let a stranger break this QP. */
	if (rx.len < req->len + BVF_GRH_LEN)
		return drop(p->f);
	flags = grh_fill(area, sgid, req->av.dgid, req->len);
	grh.f = p->f;
	grh.nr = 1;
	grh.seg[0] = (struct bvf_seg){
		.kind = BVF_SEG_HOST,
		.off = (uintptr_t)area,
		.len = sizeof(area),
	};
	switch (bvf_copy_sg(&rx.sg, BVF_GRH_LEN, &req->sg, 0, req->len,
			    req->len)) {
	case BVF_COPY_SRC:
		reply->status = BVF_CQE_LOC_PROT;
		reply->vendor = BVF_VE_MEM;
		return BVF_ANS_LOCAL;
	case BVF_COPY_DST:
		recv_fail(p, BVF_CQE_LOC_PROT, BVF_VE_MEM);
		return drop(p->f);
	default:
		break;
	}
	if (bvf_copy_sg(&rx.sg, 0, &grh, 0, sizeof(area), sizeof(area))) {
		recv_fail(p, BVF_CQE_LOC_PROT, BVF_VE_MEM);
		return drop(p->f);
	}
	recv_done(p, qp, req, flags);
	return BVF_ANS_ACK;
}

enum bvf_answer bvf_ud_send(struct bvf_qp *qp, struct bvf_req *req,
			    struct bvf_reply *reply)
{
	static const uint8_t unset[16];
	uint8_t sgid[16];
	struct bvf_qp *p;
	int nr;

	reply->status = BVF_CQE_LOC_QP_OP;
	reply->vendor = BVF_VE_WQE;
	if (req->av.sgid_index >= DRAM_MAX_GID)
		return BVF_ANS_LOCAL;
	memcpy(sgid, qp->f->d->gid[req->av.sgid_index], 16);
	if (!memcmp(sgid, unset, 16))
		return BVF_ANS_LOCAL;
	p = dest_qp(qp, &req->av);
	if (!p)
		return drop(qp->f);
	nr = bvf_rq_avail(p);
	if (nr == -EAGAIN)
		return BVF_ANS_AGAIN;
	if (nr < 0)
		bvf_qp_error(p, BVF_EV_QP_FATAL);
	if (nr <= 0)
		return drop(p->f);
	return deliver(p, qp, req, sgid, reply);
}
