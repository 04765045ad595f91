// SPDX-License-Identifier: GPL-2.0
/*
 * Delivery into a function's receive buffers: whole or in segments.
 * Knows nothing of how the function was found.
 *
 * The payload is copied once, from the sender's memory to the receiver's.
 * Completions of a frame are written last to first: the receiver sees all of
 * a frame or nothing, also when the data plane dies in between.
 */
#include <errno.h>
#include <string.h>

#include "eth.h"

#define TCP_FIN		0x01
#define TCP_PSH		0x08
#define TCP_CWR		0x80

/* A receive buffer, translated. */
struct rx_buf {
	uint8_t *p;
	uint32_t len;
};

static bool has(const struct bvf_func *f, uint64_t feature)
{
	return f->d->features & feature;
}

/* The buffer of descriptor @n; 0, -EFAULT if it is not one. */
static int buf_load(struct bvf_ethq *q, uint32_t n, struct rx_buf *b)
{
	uint64_t off = q->d->rx_off + (uint64_t)(n & q->rx_mask) * sizeof(struct bvf_rx_desc);
	uint64_t *d = (uint64_t *)bvf_buf_ptr(q->f, q->pt, off);
	uint64_t addr, len, avail;

	if (!d)
		return -EFAULT;
	addr = bvf_load(&d[0]);
	len = bvf_load(&d[1]);
	/* its upper half is reserved */
	if (len < 256 || len > UINT32_MAX)
		return -EFAULT;
	b->p = bvf_dma_ptr(q->f, addr, true, &avail);
	if (!b->p || avail < 256)
		return -EFAULT;
	b->len = avail < len ? (uint32_t)avail : (uint32_t)len;
	return 0;
}

/* Takes buffers for @len bytes; how many, -EAGAIN if they are missing, -EFAULT if bad. */
static int bufs_plan(struct bvf_ethq *q, uint32_t len, struct rx_buf *b)
{
	/* Pairs with the driver's barrier between descriptors and index. */
	uint32_t avail = bvf_load_acq(&q->rec->rx_pi) - q->d->rx_ci;
	uint32_t n = 0;

	if (avail > q->rx_mask + 1)
		return -EFAULT;
	while (len) {
		if (n == avail)
			return -EAGAIN;
		if (n == BVF_ETH_MAX_BUF || buf_load(q, q->d->rx_ci + n, &b[n]))
			return -EFAULT;
		if (b[n].len > len)
			b[n].len = len;
		len -= b[n].len;
		n++;
	}
	return (int)n;
}

/* Copies from the head, then from the frame, into the buffers. */
static int bufs_fill(const struct bvf_eth_out *o, const struct rx_buf *b, uint32_t nr)
{
	uint32_t head = o->head_len, off = o->off, room = b[0].len;
	const uint8_t *from = o->head;
	uint8_t *to = b[0].p;
	uint32_t left = o->head_len + o->len, avail = head, i = 0;

	while (left) {
		uint32_t n;

		if (!room) {
			if (++i == nr)
				return -EFAULT;
			to = b[i].p;
			room = b[i].len;
		}
		if (!avail) {
			from = bvf_frame_at(o->fr, off, &avail);
			if (!from)
				return -EFAULT;
		}
		n = avail < room ? avail : room;
		if (n > left)
			n = left;
		bvf_copy(to, from, n);
		if (head)
			head -= n;
		else
			off += n;
		to += n;
		from += n;
		room -= n;
		avail -= n;
		left -= n;
	}
	return 0;
}

static int cqe_put(struct bvf_ethq *q, uint32_t n, const struct bvf_rx_cqe *cqe)
{
	uint64_t off = q->d->rxc_off + (uint64_t)(n & q->rx_mask) * sizeof(*cqe);
	uint64_t *slot = (uint64_t *)bvf_buf_ptr(q->f, q->pt, off);
	uint64_t w[sizeof(*cqe) / 8];
	struct bvf_rx_cqe c = *cqe;

	if (!slot)
		return -EFAULT;
	c.idx = n;
	c.phase = ((n >> q->d->rx_depth_shift) & 1) ^ 1;
	memcpy(w, &c, sizeof(w));
	for (unsigned int i = 0; i < sizeof(w) / 8 - 1; i++)
		bvf_store(&slot[i], w[i]);
	/* Pairs with the driver's load of the phase before the rest. */
	bvf_store_rel(&slot[sizeof(w) / 8 - 1], w[sizeof(w) / 8 - 1]);
	return 0;
}

/* Completions of @nr buffers, the first one last. */
static int cqes_put(struct bvf_ethq *q, const struct bvf_eth_out *o, const struct rx_buf *b,
		    uint32_t nr)
{
	uint32_t i = nr;

	while (i--) {
		struct bvf_rx_cqe c = { 0 };

		if (!i)
			c = o->cqe;
		if (i == nr - 1)
			c.flags |= BVF_RXC_EOP;
		c.len = b[i].len;
		if (cqe_put(q, q->d->rx_ci + i, &c))
			return -EFAULT;
	}
	return 0;
}

/* Puts one frame into a queue; -EAGAIN: no buffers, -EFAULT: it cannot be done. */
static int put(struct bvf_ethq *q, const struct bvf_eth_out *o)
{
	static struct rx_buf b[BVF_ETH_MAX_BUF];
	int nr = bufs_plan(q, o->head_len + o->len, b);

	if (nr < 0)
		return nr;
	if (bufs_fill(o, b, (uint32_t)nr) || cqes_put(q, o, b, (uint32_t)nr))
		return -EFAULT;
	bvf_ethq_dirty(q);
	q->d->rx_ci += (uint32_t)nr;
	q->d->rxc_pi = q->d->rx_ci;
	q->d->stall = 0;
	bvf_stat(q->f, BVF_STAT_ETH_RX_FRAMES, 1);
	bvf_stat(q->f, BVF_STAT_ETH_RX_BYTES, o->head_len + o->len);
	return 0;
}

/* Makes the checksum over what follows csum_start; head ends in the frame at o->off. */
static int finish_csum(const struct bvf_eth_out *o, uint8_t *head)
{
	const struct bvf_frame *fr = o->fr;
	uint8_t *field = head + fr->csum_start + fr->csum_off;
	bool odd = (o->head_len - fr->csum_start) & 1;
	uint32_t sum;

	sum = bvf_csum_add(0, head + fr->csum_start, o->head_len - fr->csum_start);
	if (bvf_frame_csum(fr, o->off, o->len, odd, &sum))
		return -EFAULT;
	/* 0 in a UDP header means that there is no sum; for TCP either will do. */
	sum = ~sum & 0xffff;
	bvf_put16(field, sum ? sum : 0xffff);
	return 0;
}

/* Either the receiver is told that the sum is missing, or it is made. */
static int do_csum(struct bvf_func *dst, struct bvf_eth_out *o, uint8_t *head)
{
	if (!(o->fr->flags & (BVF_TXD_CSUM | BVF_TXD_TSO4 | BVF_TXD_TSO6)))
		return 0;
	if (!has(dst, BVF_FEAT_ETH_CSUM))
		return finish_csum(o, head);
	o->cqe.flags |= BVF_RXC_CSUM_PARTIAL;
	o->cqe.csum_start = o->fr->csum_start;
	o->cqe.csum_off = o->fr->csum_off;
	return 0;
}

static int put_whole(struct bvf_ethq *q, const struct bvf_frame *fr)
{
	struct bvf_eth_out o = {
		.head_len = fr->nr_hdr,
		.fr = fr,
		.off = fr->nr_hdr,
		.len = fr->len - fr->nr_hdr,
		.cqe.hash = fr->hash,
	};
	uint8_t head[BVF_ETH_HDR];

	memcpy(head, fr->hdr, fr->nr_hdr);
	o.head = head;
	if (fr->flags & (BVF_TXD_TSO4 | BVF_TXD_TSO6)) {
		o.cqe.flags = fr->flags & BVF_TXD_TSO4 ? BVF_RXC_GSO4 : BVF_RXC_GSO6;
		o.cqe.gso_size = fr->mss;
	}
	if (do_csum(q->f, &o, head))
		return -EFAULT;
	return put(q, &o);
}

/* Headers of the segment with @len payload bytes from @off on. */
static void seg_head(const struct bvf_frame *fr, uint8_t *head, uint32_t nr, uint32_t off,
		     uint32_t len)
{
	uint8_t *ip = head + fr->l3, *tcp = head + fr->l4;
	uint8_t *field = tcp + fr->csum_off;
	uint32_t l4_len = fr->hdr_len - fr->l4 + len;
	uint32_t old_len = fr->len - fr->l4;
	uint32_t seq, clear = 0;

	memcpy(head, fr->hdr, fr->hdr_len);
	if (fr->ip == 4) {
		bvf_put16(ip + 2, fr->l4 - fr->l3 + l4_len);
		bvf_put16(ip + 4, bvf_get16(ip + 4) + nr);
		bvf_put16(ip + 10, 0);
		bvf_put16(ip + 10, ~bvf_csum_add(0, ip, fr->l4 - fr->l3));
	} else {
		bvf_put16(ip + 4, fr->l4 - fr->l3 - 40 + l4_len);
	}
	seq = (uint32_t)bvf_get16(tcp + 4) << 16 | bvf_get16(tcp + 6);
	seq += off;
	bvf_put16(tcp + 4, seq >> 16);
	bvf_put16(tcp + 6, seq);
	if (nr)
		clear |= TCP_CWR;
	if (fr->hdr_len + off + len < fr->len)
		clear |= TCP_FIN | TCP_PSH;
	tcp[13] &= (uint8_t)~clear;
	/* The pseudo sum holds the length of the whole. */
	bvf_put16(field, bvf_csum_fold((uint64_t)bvf_get16(field) + (~old_len & 0xffff) + l4_len));
}

/* Segments from *seg on, until all are there or buffers are missing. */
static int put_segs(struct bvf_ethq *q, const struct bvf_frame *fr, uint32_t *seg)
{
	uint32_t payload = fr->len - fr->hdr_len, off;
	uint8_t head[BVF_ETH_HDR];

	for (; (off = *seg * fr->mss) < payload; ++*seg) {
		struct bvf_eth_out o = {
			.head = head,
			.head_len = fr->hdr_len,
			.fr = fr,
			.off = fr->hdr_len + off,
			.len = payload - off < fr->mss ? payload - off : fr->mss,
			.cqe.hash = fr->hash,
		};
		int err;

		seg_head(fr, head, *seg, off, o.len);
		err = do_csum(q->f, &o, head);
		if (!err)
			err = put(q, &o);
		if (err)
			return err;
	}
	return 0;
}

/* The queue for a flow; NULL if the function has none. */
static struct bvf_ethq *pick(struct bvf_func *dst, const struct bvf_frame *fr)
{
	uint32_t nr = bvf_load(&dst->d->eth_nr_rxq);
	struct bvf_ethq *q = NULL;

	if (nr > 1 && nr <= BVF_MAX_ETHQ)
		q = bvf_ethq_get(dst, fr->hash % nr);
	return q ? q : bvf_ethq_get(dst, 0);
}

/* Bytes on the wire of the frame or its largest segment, without the L2 header. */
static uint32_t payload_max(const struct bvf_frame *fr)
{
	uint32_t l2 = fr->l3 ? fr->l3 : BVF_ETH_HLEN;

	if (fr->flags & (BVF_TXD_TSO4 | BVF_TXD_TSO6))
		return fr->hdr_len - l2 + fr->mss;
	return fr->len - l2;
}

int bvf_eth_deliver(struct bvf_func *dst, const struct bvf_frame *fr, uint32_t *seg,
		    struct bvf_ethq **why)
{
	bool tso = fr->flags & (BVF_TXD_TSO4 | BVF_TXD_TSO6);
	struct bvf_ethq *q = pick(dst, fr);
	int err = -EFAULT;

	if (q && payload_max(fr) <= bvf_load(&dst->d->eth_mtu)) {
		bool lro = bvf_load(&dst->d->eth_flags) & BVF_ETHF_LRO &&
			   has(dst, BVF_FEAT_ETH_TSO) && has(dst, BVF_FEAT_ETH_CSUM);

		if (tso && !lro)
			err = put_segs(q, fr, seg);
		else
			err = put_whole(q, fr);
	}
	*why = q;
	if (err == -EFAULT) {
		bvf_stat(dst, BVF_STAT_ETH_RX_NOBUF, 1);
		err = 0;
	}
	return err;
}
