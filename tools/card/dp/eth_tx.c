// SPDX-License-Identifier: GPL-2.0
/*
 * Transmit rings: from descriptors to a checked frame.
 * Knows nothing of where frames go.
 *
 * Trust boundary: descriptors and frames are in guest memory. A descriptor
 * is loaded once; the headers are copied once, checked, and it is that copy
 * which is delivered, so that nothing can change after the check.
 */
#include <errno.h>
#include <string.h>

#include "eth.h"

struct tx_words {
	uint64_t w[sizeof(struct bvf_tx_desc) / 8];
};

/* A private copy of the descriptor with index @n. */
static int desc_load(struct bvf_ethq *q, uint32_t n, struct bvf_tx_desc *d)
{
	uint64_t off = q->d->tx_off + (uint64_t)(n & q->tx_mask) * sizeof(*d);
	uint64_t *p = (uint64_t *)bvf_buf_ptr(q->f, q->pt, off);
	struct tx_words t;

	if (!p)
		return -EFAULT;
	for (unsigned int i = 0; i < sizeof(t.w) / 8; i++)
		t.w[i] = bvf_load(&p[i]);
	memcpy(d, &t, sizeof(*d));
	return 0;
}

static bool desc_ok(const struct bvf_tx_desc *d)
{
	static const uint8_t zero[sizeof(d->rsvd)];

	return d->len && d->len <= 0xffff && !(d->flags & ~BVF_TXD_FLAGS) &&
	       !memcmp(d->rsvd, zero, sizeof(zero));
}

static int refuse(struct bvf_ethq *q)
{
	bvf_stat(q->f, BVF_STAT_ETH_TX_BAD, 1);
	return -EINVAL;
}

/* Copies the headers, and checks whose frame it is. */
static int frame_check(struct bvf_ethq *q, struct bvf_frame *fr)
{
	const struct dram_func *d = q->f->d;
	uint32_t max = fr->flags & (BVF_TXD_TSO4 | BVF_TXD_TSO6) ?
		BVF_MAX_FRAME : d->eth_mtu + BVF_ETH_HLEN + 4 * BVF_ETH_VLANS;
	uint32_t off, n;

	if (fr->len < BVF_ETH_HLEN || fr->len > max)
		return refuse(q);
	fr->nr_hdr = fr->len < BVF_ETH_HDR ? fr->len : BVF_ETH_HDR;
	for (off = 0; off < fr->nr_hdr; off += n) {
		uint8_t *p = bvf_frame_at(fr, off, &n);

		if (!p)
			return refuse(q);
		if (n > fr->nr_hdr - off)
			n = fr->nr_hdr - off;
		bvf_copy(fr->hdr + off, p, n);
	}
	if (memcmp(fr->hdr + 6, d->mac, 6)) {
		bvf_stat(q->f, BVF_STAT_ETH_TX_SPOOF, 1);
		return -EINVAL;
	}
	return bvf_frame_parse(fr) ? refuse(q) : 0;
}

/* Descriptors of a frame that is too long; the rest of it comes up later. */
static int overlong(struct bvf_ethq *q, uint32_t *nr)
{
	*nr = BVF_MAX_TX_DESC;
	q->skip = true;
	return refuse(q);
}

/* Drops descriptors up to an EOP, after a frame that was too long. */
static int skip_some(struct bvf_ethq *q, uint32_t avail, uint32_t *nr)
{
	struct bvf_tx_desc d;

	for (*nr = 0; *nr < avail && *nr < BVF_MAX_TX_DESC;) {
		if (desc_load(q, q->d->tx_ci + *nr, &d))
			return -EAGAIN;
		++*nr;
		if (d.flags & BVF_TXD_EOP) {
			q->skip = false;
			break;
		}
	}
	return -EINVAL;
}

int bvf_frame_load(struct bvf_ethq *q, struct bvf_frame *fr, uint32_t *nr)
{
	/* Pairs with the driver's barrier between descriptors and index. */
	uint32_t avail = bvf_load_acq(&q->rec->tx_pi) - q->d->tx_ci;
	struct bvf_tx_desc d;
	bool bad = false;
	uint32_t i;

	if (!avail || avail > q->tx_mask + 1)
		return -EAGAIN;
	if (q->skip)
		return skip_some(q, avail, nr);
	fr->f = q->f;
	fr->len = 0;
	for (i = 0; i < BVF_MAX_TX_DESC; i++) {
		if (i == avail || desc_load(q, q->d->tx_ci + i, &d))
			return -EAGAIN;
		bad |= !desc_ok(&d);
		fr->seg[i].iova = d.addr;
		fr->seg[i].len = d.len;
		/* does not wrap: 20 times less than 2^16, unless it is bad */
		fr->len += d.len;
		if (!i) {
			fr->flags = d.flags & ~BVF_TXD_EOP;
			fr->mss = d.mss;
			fr->csum_start = d.csum_start;
			fr->csum_off = d.csum_off;
		}
		if (d.flags & BVF_TXD_EOP)
			break;
	}
	if (i == BVF_MAX_TX_DESC)
		return overlong(q, nr);
	fr->nr = i + 1;
	*nr = fr->nr;
	return bad ? refuse(q) : frame_check(q, fr);
}
