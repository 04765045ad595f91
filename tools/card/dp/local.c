// SPDX-License-Identifier: GPL-2.0
/*
 * Transport between functions of this card: finds the QP that a request is
 * addressed to and hands the request over. Knows nothing of what it asks for.
 *
 * A peer is found by its address only: same network, up, MAC and GID. A
 * request that nobody answers to is dropped without a word, as by a switch.
 */
#include <string.h>

#include "dp.h"

static bool gid_known(const struct dram_func *d, const uint8_t *gid)
{
	static const uint8_t unset[16];

	if (!memcmp(gid, unset, 16))
		return false;
	for (int i = 0; i < DRAM_MAX_GID; i++)
		if (!memcmp(d->gid[i], gid, 16))
			return true;
	return false;
}

/* The function with this address in the network of @f; NULL if none has it. */
struct bvf_func *bvf_local_func(struct bvf_func *f, const uint8_t *mac,
				const uint8_t *gid)
{
	struct bvf_dp *dp = f->dp;

	for (int i = 0; i < DRAM_MAX_FUNC; i++) {
		struct dram_func *d = &dp->dram->func[i];

		if (bvf_load_acq(&d->up) && d->network == f->d->network &&
		    !memcmp(d->mac, mac, 6) && gid_known(d, gid))
			return &dp->func[i];
	}
	return NULL;
}

/* Whether @p takes requests from @qp: both must name each other. */
static bool connected(const struct bvf_qp *p, const struct bvf_qp *qp)
{
	const struct dram_qp *d = p->d;

	return d->type == BVF_QPT_RC && d->attr.dest_qpn == qp->qpn &&
	       !memcmp(d->attr.dmac, qp->f->d->mac, 6) &&
	       !memcmp(d->attr.dgid, qp->d->sgid, 16);
}

/* The QP at the other end, whatever its state; NULL and *why if none. */
static struct bvf_qp *peer_find(struct bvf_qp *qp, uint8_t *why)
{
	uint32_t epoch = bvf_load_acq(&qp->f->dp->dram->epoch);
	const struct bvf_qp_attr *attr = &qp->d->attr;
	struct bvf_qp *p = qp->peer;

	if (bvf_likely(p && qp->peer_epoch == epoch &&
		       qp->peer_serial == p->serial &&
		       p->mem_gen == p->f->mem_gen))
		return p;
	qp->peer = NULL;
	*why = BVF_VE_NO_PATH;
	if (!qp->peer_f || qp->peer_epoch != epoch) {
		qp->peer_epoch = epoch;
		qp->peer_f = bvf_local_func(qp->f, attr->dmac, attr->dgid);
	}
	if (!qp->peer_f)
		return NULL;
	*why = BVF_VE_NO_QP;
	p = bvf_qp_get(qp->peer_f, BVF_QPN_IDX(attr->dest_qpn));
	if (!p || p->broken || p->qpn != attr->dest_qpn || !connected(p, qp))
		return NULL;
	qp->peer = p;
	qp->peer_serial = p->serial;
	return p;
}

enum bvf_answer bvf_local_request(struct bvf_qp *qp, struct bvf_req *req,
				  struct bvf_reply *reply)
{
	struct bvf_qp *p = peer_find(qp, &reply->vendor);
	uint32_t state;

	if (bvf_unlikely(!p))
		return BVF_ANS_NONE;
	state = bvf_qp_state(p);
	if (bvf_unlikely(state < BVF_QPS_RTR || state > BVF_QPS_SQD)) {
		reply->vendor = BVF_VE_NO_QP;
		return BVF_ANS_NONE;
	}
	return bvf_resp_request(p, req, reply);
}

/* Receives were posted to @qp: its requester need not wait any longer. */
void bvf_local_post_recv(struct bvf_qp *qp)
{
	struct bvf_qp *p;
	uint8_t why;

	if (qp->d->type != BVF_QPT_RC)
		return;
	p = peer_find(qp, &why);
	if (bvf_qp_state(qp) == BVF_QPS_SQD)
		bvf_qp_forget_peer(qp);
	if (!p || p->d->wait != DRAM_WAIT_RNR)
		return;
	bvf_qp_cancel_wait(p);
	bvf_qp_ready(p);
}
