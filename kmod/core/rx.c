// SPDX-License-Identifier: GPL-2.0
/*
 * Receive queues: buffers to the card, completions to the stack.
 * Knows nothing of how queues are made.
 *
 * The card is not trusted: a completion must be for the next posted buffer
 * and within it; anything else stops the queue and takes the function down.
 * Offload fields are hints that the stack checks again (SKB_GSO_DODGY).
 */
#include "net.h"

bool bvf_rx_pending(struct bvf_ethq *q)
{
	struct bvf_rx_cqe *c = &q->rxc[q->rx_ci & ((1u << q->rx_shift) - 1)];

	return (le32_to_cpu(READ_ONCE(c->phase)) & 1) == bvf_phase(q->rx_ci, q->rx_shift);
}

/**
 * bvf_rx_fill - give the card buffers for all free descriptors
 * @q:	queue
 *
 * Return: false if memory ran short and less than half of the ring is filled
 */
bool bvf_rx_fill(struct bvf_ethq *q)
{
	u32 depth = 1u << q->rx_shift;
	u32 pi = q->rx_pi;

	for (; pi - q->rx_ci < depth; pi++) {
		struct bvf_rx_desc *d = &q->rx[pi & (depth - 1)];
		struct page *page = page_pool_dev_alloc_pages(q->pool);

		if (!page)
			break;
		q->rx_page[pi & (depth - 1)] = page;
		d->addr = cpu_to_le64(page_pool_get_dma_addr(page));
		d->len = cpu_to_le32(BVF_RX_BUF_SIZE);
		d->rsvd = 0;
	}
	if (pi != q->rx_pi) {
		q->rx_pi = pi;
		/* Descriptors before the index; pairs with the card's acquire of rx_pi. */
		dma_wmb();
		WRITE_ONCE(q->rec->rx_pi, cpu_to_le32(pi));
	}
	return pi - q->rx_ci >= depth / 2;
}

static void bvf_rx_drop(struct bvf_ethq *q)
{
	bvf_stats_add(&q->rx_stats, &q->rx_stats.dropped, 1);
	if (q->rx_skb)
		dev_kfree_skb_any(q->rx_skb);
	q->rx_skb = NULL;
	q->rx_skip = true;
}

/* First buffer of a frame: headers, or all of a short frame, go to the skb's head. */
static void bvf_rx_first(struct bvf_ethq *q, struct page *page, u32 len)
{
	void *va = page_address(page);
	struct sk_buff *skb;
	u32 head = len;

	skb = napi_alloc_skb(&q->napi, BVF_RX_COPY);
	if (unlikely(!skb)) {
		page_pool_recycle_direct(q->pool, page);
		bvf_rx_drop(q);
		return;
	}
	if (len > BVF_RX_COPY)
		head = eth_get_headlen(q->net->netdev, va, BVF_RX_COPY);
	skb_put_data(skb, va, head);
	q->rx_skb = skb;
	if (head == len) {
		page_pool_recycle_direct(q->pool, page);
		return;
	}
	skb_mark_for_recycle(skb);
	skb_add_rx_frag(skb, 0, page, head, len - head, BVF_RX_BUF_SIZE);
}

static void bvf_rx_next(struct bvf_ethq *q, struct page *page, u32 len)
{
	unsigned int nr = skb_shinfo(q->rx_skb)->nr_frags;

	if (unlikely(nr == MAX_SKB_FRAGS)) {
		page_pool_recycle_direct(q->pool, page);
		bvf_rx_drop(q);
		return;
	}
	skb_mark_for_recycle(q->rx_skb);
	skb_add_rx_frag(q->rx_skb, nr, page, 0, len, BVF_RX_BUF_SIZE);
}

/* Checksum and segmentation fields; false if they cannot be true. */
static bool bvf_rx_offload(struct bvf_ethq *q, struct sk_buff *skb)
{
	const struct bvf_rx_meta *m = &q->rx_meta;
	u32 gso_type;

	if (m->flags & BVF_RXC_CSUM_PARTIAL) {
		if (!pskb_may_pull(skb, (u32)m->csum_start + m->csum_off + sizeof(__sum16)) ||
		    !skb_partial_csum_set(skb, m->csum_start, m->csum_off))
			return false;
	} else if ((m->flags & BVF_RXC_CSUM_OK) && (q->net->netdev->features & NETIF_F_RXCSUM)) {
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	}

	switch (m->flags & (BVF_RXC_GSO4 | BVF_RXC_GSO6)) {
	case 0:
		return true;
	case BVF_RXC_GSO4:
		gso_type = SKB_GSO_TCPV4;
		break;
	case BVF_RXC_GSO6:
		gso_type = SKB_GSO_TCPV6;
		break;
	default:
		return false;
	}
	if (!m->gso_size || !(m->flags & BVF_RXC_CSUM_PARTIAL))
		return false;
	skb_shinfo(skb)->gso_size = m->gso_size;
	skb_shinfo(skb)->gso_type = gso_type | SKB_GSO_DODGY;
	skb_shinfo(skb)->gso_segs = 0;
	return true;
}

static void bvf_rx_deliver(struct bvf_ethq *q)
{
	struct sk_buff *skb = q->rx_skb;
	unsigned int len = skb->len;

	q->rx_skb = NULL;
	/* Short pieces may leave the header in the fragments, where nobody looks for it. */
	if (unlikely(!pskb_may_pull(skb, ETH_HLEN) || !bvf_rx_offload(q, skb))) {
		bvf_stats_add(&q->rx_stats, &q->rx_stats.errors, 1);
		dev_kfree_skb_any(skb);
		return;
	}
	bvf_stats_frame(&q->rx_stats, 1, len);
	if (q->rx_meta.hash)
		skb_set_hash(skb, q->rx_meta.hash, PKT_HASH_TYPE_L4);
	skb_record_rx_queue(skb, q->index);
	skb->protocol = eth_type_trans(skb, q->net->netdev);
	napi_gro_receive(&q->napi, skb);
}

/* Takes one completion; false if the card broke the rules. */
static bool bvf_rx_one(struct bvf_ethq *q, bool *eop)
{
	u32 i = q->rx_ci & ((1u << q->rx_shift) - 1);
	struct bvf_rx_cqe c;
	struct page *page;
	u32 len;

	/* Pairs with the card's release store of phase. */
	dma_rmb();
	memcpy(&c, &q->rxc[i], sizeof(c));
	len = le32_to_cpu(c.len);
	if (q->rx_ci == q->rx_pi || le32_to_cpu(c.idx) != q->rx_ci || !len ||
	    len > BVF_RX_BUF_SIZE)
		return false;
	page = q->rx_page[i];
	q->rx_page[i] = NULL;
	q->rx_ci++;
	dma_sync_single_for_cpu(bvf_device(q->core), page_pool_get_dma_addr(page), len,
				DMA_FROM_DEVICE);

	*eop = le16_to_cpu(c.flags) & BVF_RXC_EOP;
	if (q->rx_skip) {
		page_pool_recycle_direct(q->pool, page);
	} else if (q->rx_skb) {
		bvf_rx_next(q, page, len);
	} else {
		q->rx_meta.flags = le16_to_cpu(c.flags);
		q->rx_meta.gso_size = le16_to_cpu(c.gso_size);
		q->rx_meta.csum_start = le16_to_cpu(c.csum_start);
		q->rx_meta.csum_off = le16_to_cpu(c.csum_off);
		q->rx_meta.hash = le32_to_cpu(c.hash);
		bvf_rx_first(q, page, len);
	}
	if (*eop) {
		if (!q->rx_skip)
			bvf_rx_deliver(q);
		q->rx_skip = false;
	}
	return true;
}

/**
 * bvf_rx_poll - take frames and refill the ring
 * @q:		queue, NAPI context
 * @budget:	most frames to take
 *
 * Return: frames taken, or @budget when memory ran short and it should be tried again
 */
int bvf_rx_poll(struct bvf_ethq *q, int budget)
{
	int work = 0;
	bool eop;

	if (unlikely(q->broken))
		return 0;
	while (work < budget && bvf_rx_pending(q)) {
		if (unlikely(!bvf_rx_one(q, &eop))) {
			q->broken = true;
			bvf_fail_async(q->core, "card breaks the rules of a receive queue");
			return 0;
		}
		work += eop;
	}
	if (q->rx_pi - q->rx_ci <= (3u << q->rx_shift) / 4 && !bvf_rx_fill(q))
		return budget;
	return work;
}

/* Frees all buffers; the card has forgotten the queue. */
void bvf_rx_flush(struct bvf_ethq *q)
{
	u32 i;

	for (i = 0; i < 1u << q->rx_shift; i++) {
		if (q->rx_page[i])
			page_pool_put_full_page(q->pool, q->rx_page[i], false);
		q->rx_page[i] = NULL;
	}
	if (q->rx_skb)
		dev_kfree_skb_any(q->rx_skb);
	q->rx_skb = NULL;
	q->rx_skip = false;
}
