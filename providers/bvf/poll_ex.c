// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * bvf provider: polling by start_poll, next_poll and end_poll.
 * Translates with poll.c; knows no CQE.
 */
#include <errno.h>

#include "bvf.h"
#include "ring.h"

static struct bvf_cq *to_bcq_ex(struct ibv_cq_ex *cqx)
{
	return container_of(cqx, struct bvf_cq, vcq.cq_ex);
}

/* Makes the next completion the current one. */
static int bvf_next_poll(struct ibv_cq_ex *cqx)
{
	struct bvf_cq *cq = to_bcq_ex(cqx);
	uint32_t depth = 1u << cq->depth_shift;

	/* As bvf_poll_cq(): bounded, whatever the card writes. */
	while (cq->poll_ci - cq->ci < depth) {
		struct bvf_cqe *cqe = bvf_cqe_get(cq, cq->poll_ci);

		if (!cqe)
			break;
		cq->poll_ci++;
		if (bvf_cqe_to_wc(cq, cqe, &cq->wc)) {
			cqx->wr_id = cq->wc.wr_id;
			cqx->status = cq->wc.status;
			return 0;
		}
	}
	return ENOENT;
}

static void bvf_end_poll(struct ibv_cq_ex *cqx)
{
	struct bvf_cq *cq = to_bcq_ex(cqx);

	if (cq->poll_ci != cq->ci) {
		cq->ci = cq->poll_ci;
		bvf_dbrec_store(&cq->dbrec->ci, cq->ci);
	}
	bvf_unlock(&cq->lock);
}

static int bvf_start_poll(struct ibv_cq_ex *cqx, struct ibv_poll_cq_attr *attr)
{
	struct bvf_cq *cq = to_bcq_ex(cqx);
	int err;

	if (attr->comp_mask)
		return EINVAL;

	bvf_lock(&cq->lock);
	cq->poll_ci = cq->ci;
	err = bvf_next_poll(cqx);
	/* Without a completion there is no end_poll. */
	if (err)
		bvf_end_poll(cqx);
	return err;
}

static enum ibv_wc_opcode bvf_read_opcode(struct ibv_cq_ex *cqx)
{
	return to_bcq_ex(cqx)->wc.opcode;
}

static uint32_t bvf_read_vendor_err(struct ibv_cq_ex *cqx)
{
	return to_bcq_ex(cqx)->wc.vendor_err;
}

static unsigned int bvf_read_wc_flags(struct ibv_cq_ex *cqx)
{
	return to_bcq_ex(cqx)->wc.wc_flags;
}

static uint32_t bvf_read_byte_len(struct ibv_cq_ex *cqx)
{
	return to_bcq_ex(cqx)->wc.byte_len;
}

static __be32 bvf_read_imm_data(struct ibv_cq_ex *cqx)
{
	return to_bcq_ex(cqx)->wc.imm_data;
}

static uint32_t bvf_read_qp_num(struct ibv_cq_ex *cqx)
{
	return to_bcq_ex(cqx)->wc.qp_num;
}

static uint32_t bvf_read_src_qp(struct ibv_cq_ex *cqx)
{
	return to_bcq_ex(cqx)->wc.src_qp;
}

/* RoCE has no LIDs, and the service level is not told. */
static uint32_t bvf_read_slid(struct ibv_cq_ex *cqx)
{
	return 0;
}

static uint8_t bvf_read_zero8(struct ibv_cq_ex *cqx)
{
	return 0;
}

void bvf_cq_init_ex(struct ibv_cq_ex *cqx)
{
	cqx->start_poll = bvf_start_poll;
	cqx->next_poll = bvf_next_poll;
	cqx->end_poll = bvf_end_poll;
	cqx->read_opcode = bvf_read_opcode;
	cqx->read_vendor_err = bvf_read_vendor_err;
	cqx->read_wc_flags = bvf_read_wc_flags;
	cqx->read_byte_len = bvf_read_byte_len;
	cqx->read_imm_data = bvf_read_imm_data;
	cqx->read_qp_num = bvf_read_qp_num;
	cqx->read_src_qp = bvf_read_src_qp;
	cqx->read_slid = bvf_read_slid;
	cqx->read_sl = bvf_read_zero8;
	cqx->read_dlid_path_bits = bvf_read_zero8;
}
