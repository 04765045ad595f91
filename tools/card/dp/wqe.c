// SPDX-License-Identifier: GPL-2.0
/*
 * Work queue entries: loaded once from guest memory, checked, local keys
 * resolved. Knows nothing of QP states or of what becomes of the request.
 */
#include <errno.h>
#include <string.h>

#include "dp.h"

static inline void load_words(void *to, const uint8_t *from, unsigned int nr)
{
	uint64_t *t = to;
	const uint64_t *p = (const uint64_t *)from;

	for (unsigned int i = 0; i < nr; i++)
		t[i] = bvf_load(&p[i]);
}

static int refuse(struct bvf_req *req, uint8_t status, uint8_t vendor)
{
	req->status = status;
	req->vendor = vendor;
	return -EINVAL;
}

/*
 * SGEs from guest memory to checked segments; empty ones are left out.
 * Return: BVF_VE_NONE or the vendor error; *total beyond BVF_MAX_MSG is the
 * caller's to refuse.
 */
static int load_sges(struct bvf_qp *qp, const uint8_t *from, unsigned int nr,
		     uint32_t access, struct bvf_sglist *sg, uint64_t *total)
{
	sg->f = qp->f;
	sg->nr = 0;
	*total = 0;
	for (unsigned int i = 0; i < nr; i++) {
		struct bvf_sge sge;
		int ve;

		load_words(&sge, from + i * sizeof(sge), 2);
		if (!sge.len)
			continue;
		ve = bvf_key_seg(qp, sge.lkey, sge.addr, sge.len, access,
				 &sg->seg[sg->nr]);
		if (bvf_unlikely(ve))
			return ve;
		sg->nr++;
		*total += sge.len;
	}
	return BVF_VE_NONE;
}

static bool op_ok(const struct bvf_qp *qp, const struct bvf_wqe *w)
{
	if (w->flags & ~BVF_WQE_FLAGS || w->rsvd0 || w->rsvd1)
		return false;
	if (w->op < BVF_WR_SEND || w->op > BVF_WR_READ)
		return false;
	if (qp->d->type != BVF_QPT_RC)
		return w->op <= BVF_WR_SEND_IMM;
	return true;
}

/* Inline data is moved from the ring itself; it needs no key. */
static int load_inline(struct bvf_qp *qp, const uint8_t *data, uint32_t room,
		       const struct bvf_wqe *w, struct bvf_req *req)
{
	if (w->nr_sge || w->op == BVF_WR_READ)
		return refuse(req, BVF_CQE_LOC_QP_OP, BVF_VE_WQE);
	if (w->inline_len > room || w->inline_len > BVF_MAX_INLINE)
		return refuse(req, BVF_CQE_LOC_QP_OP, BVF_VE_LEN);
	req->sg.f = qp->f;
	req->sg.nr = w->inline_len ? 1 : 0;
	req->sg.seg[0].kind = BVF_SEG_HOST;
	req->sg.seg[0].off = (uintptr_t)data;
	req->sg.seg[0].len = w->inline_len;
	req->len = w->inline_len;
	return 0;
}

int bvf_wqe_load(struct bvf_qp *qp, uint32_t idx, struct bvf_req *req)
{
	const uint8_t *p = bvf_sq_wqe(qp, idx);
	uint32_t room = (1u << qp->sq_shift) - sizeof(struct bvf_wqe);
	struct bvf_wqe w;
	uint64_t total;
	int ve;

	load_words(&w, p, sizeof(w) / 8);
	p += sizeof(w);
	req->op = w.op;
	req->flags = w.flags;
	req->imm = w.imm;
	req->rkey = w.rkey;
	req->raddr = w.raddr;
	if (bvf_unlikely(!op_ok(qp, &w)))
		return refuse(req, BVF_CQE_LOC_QP_OP, BVF_VE_WQE);
	if (qp->d->type != BVF_QPT_RC) {
		load_words(&req->av, p, sizeof(req->av) / 8);
		p += sizeof(req->av);
		room -= sizeof(req->av);
	}
	if (w.flags & BVF_WQE_INLINE)
		return load_inline(qp, p, room, &w, req);
	if (bvf_unlikely(w.inline_len || w.nr_sge > BVF_MAX_SGE ||
			 w.nr_sge * sizeof(struct bvf_sge) > room))
		return refuse(req, BVF_CQE_LOC_QP_OP, BVF_VE_WQE);
	ve = load_sges(qp, p, w.nr_sge,
		       w.op == BVF_WR_READ ? BVF_ACC_LOCAL_WRITE : 0, &req->sg,
		       &total);
	if (bvf_unlikely(ve))
		return refuse(req, BVF_CQE_LOC_PROT, ve);
	if (bvf_unlikely(total > BVF_MAX_MSG))
		return refuse(req, BVF_CQE_LOC_LEN, BVF_VE_LEN);
	req->len = (uint32_t)total;
	return 0;
}

static int refuse_recv(struct bvf_recv *rx, uint8_t status, uint8_t vendor)
{
	rx->status = status;
	rx->vendor = vendor;
	return -EINVAL;
}

int bvf_rwqe_load(struct bvf_qp *qp, uint32_t idx, struct bvf_recv *rx)
{
	const uint8_t *p = bvf_rq_wqe(qp, idx);
	uint32_t room = (1u << qp->rq_shift) - sizeof(struct bvf_rwqe);
	uint64_t head[2], total;
	unsigned int nr_sge;
	int ve;

	load_words(head, p, 2);
	nr_sge = head[0] & 0xff;
	if (bvf_unlikely(head[0] >> 8 || head[1] || nr_sge > BVF_MAX_SGE ||
			 nr_sge * sizeof(struct bvf_sge) > room))
		return refuse_recv(rx, BVF_CQE_LOC_QP_OP, BVF_VE_WQE);
	ve = load_sges(qp, p + sizeof(struct bvf_rwqe), nr_sge,
		       BVF_ACC_LOCAL_WRITE, &rx->sg, &total);
	if (bvf_unlikely(ve))
		return refuse_recv(rx, BVF_CQE_LOC_PROT, ve);
	/* More room than any message can need is as good as that. */
	rx->len = total > UINT32_MAX ? UINT32_MAX : (uint32_t)total;
	return 0;
}
