// SPDX-License-Identifier: GPL-2.0
/*
 * Transmit queues: frames to descriptors, and their completion.
 * Knows nothing of how queues are made.
 *
 * The card reads descriptors below tx_pi and frees those below tx_ci. There
 * is always an arm index outstanding, so an interrupt comes after at most
 * three quarters of what was under way when it was set, and again for the
 * rest.
 */
#include "net.h"

static unsigned int bvf_tx_free(const struct bvf_ethq *q)
{
	return (1u << q->tx_shift) - (q->tx_pi - READ_ONCE(q->tx_done));
}

static void bvf_tx_unmap(struct bvf_ethq *q, struct bvf_tx_info *info)
{
	struct device *dev = bvf_device(q->core);

	if (info->paged)
		dma_unmap_page(dev, info->dma, info->len, DMA_TO_DEVICE);
	else
		dma_unmap_single(dev, info->dma, info->len, DMA_TO_DEVICE);
}

static void bvf_tx_desc_set(struct bvf_ethq *q, u32 n, dma_addr_t dma, u32 len, bool paged)
{
	u32 i = n & ((1u << q->tx_shift) - 1);
	struct bvf_tx_info *info = &q->tx_info[i];
	struct bvf_tx_desc *d = &q->tx[i];

	info->skb = NULL;
	info->dma = dma;
	info->len = len;
	info->paged = paged;
	d->addr = cpu_to_le64(dma);
	d->len = cpu_to_le32(len);
	d->flags = 0;
	d->mss = 0;
	d->csum_start = 0;
	d->csum_off = 0;
}

/* Maps a frame into descriptors from tx_pi on; returns how many, or -ENOMEM. */
static int bvf_tx_map(struct bvf_ethq *q, struct sk_buff *skb)
{
	struct device *dev = bvf_device(q->core);
	u32 mask = (1u << q->tx_shift) - 1;
	u32 n = q->tx_pi;
	dma_addr_t dma;
	int i;

	dma = dma_map_single(dev, skb->data, skb_headlen(skb), DMA_TO_DEVICE);
	if (dma_mapping_error(dev, dma))
		return -ENOMEM;
	bvf_tx_desc_set(q, n++, dma, skb_headlen(skb), false);
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		if (!skb_frag_size(frag))
			continue;
		dma = skb_frag_dma_map(dev, frag, 0, skb_frag_size(frag), DMA_TO_DEVICE);
		if (dma_mapping_error(dev, dma))
			goto err_unmap;
		bvf_tx_desc_set(q, n++, dma, skb_frag_size(frag), true);
	}
	q->tx_info[(n - 1) & mask].skb = skb;
	q->tx[(n - 1) & mask].flags = cpu_to_le16(BVF_TXD_EOP);
	return n - q->tx_pi;

err_unmap:
	while (n-- != q->tx_pi)
		bvf_tx_unmap(q, &q->tx_info[n & mask]);
	return -ENOMEM;
}

static void bvf_tx_offload(struct bvf_ethq *q, const struct sk_buff *skb)
{
	struct bvf_tx_desc *d = &q->tx[q->tx_pi & ((1u << q->tx_shift) - 1)];
	const struct skb_shared_info *info = skb_shinfo(skb);
	u16 flags;

	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return;
	if (!skb_is_gso(skb))
		flags = BVF_TXD_CSUM;
	else if (info->gso_type & SKB_GSO_TCPV4)
		flags = BVF_TXD_TSO4;
	else
		flags = BVF_TXD_TSO6;
	if (flags != BVF_TXD_CSUM)
		d->mss = cpu_to_le16(info->gso_size);
	d->flags |= cpu_to_le16(flags);
	d->csum_start = cpu_to_le16(skb_checksum_start_offset(skb));
	d->csum_off = cpu_to_le16(skb->csum_offset);
}

/* Tells the card of everything below tx_pi. */
static void bvf_tx_ring(struct bvf_ethq *q)
{
	struct bvf_dev *bdev = &q->core->bdev;

	/* Descriptors before the index; pairs with the card's acquire of tx_pi. */
	dma_wmb();
	WRITE_ONCE(q->tx_told, q->tx_pi);
	WRITE_ONCE(q->rec->tx_pi, cpu_to_le32(q->tx_pi));
	bvf_db_ring(bdev, &bdev->db->eth, NULL, q->index);
}

static void bvf_tx_maybe_stop(struct bvf_ethq *q, struct netdev_queue *txq)
{
	if (likely(bvf_tx_free(q) >= BVF_MAX_TX_DESC))
		return;
	netif_tx_stop_queue(txq);
	/* Pairs with the barrier in bvf_tx_clean(): either side sees the other. */
	smp_mb();
	if (bvf_tx_free(q) >= 2 * BVF_MAX_TX_DESC)
		netif_tx_start_queue(txq);
}

netdev_tx_t bvf_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct bvf_net *net = netdev_priv(netdev);
	struct bvf_ethq *q = &net->q[skb_get_queue_mapping(skb)];
	struct netdev_queue *txq = netdev_get_tx_queue(netdev, q->index);
	bool more = netdev_xmit_more();
	unsigned int len = skb->len;
	int nr;

	if (unlikely(bvf_tx_free(q) < BVF_MAX_TX_DESC)) {
		netif_tx_stop_queue(txq);
		return NETDEV_TX_BUSY;
	}
	if (unlikely(len > BVF_MAX_FRAME || !skb_headlen(skb)))
		goto drop;
	/* A kernel may be configured for up to 45 fragments. */
	if (unlikely(skb_shinfo(skb)->nr_frags >= BVF_MAX_TX_DESC && skb_linearize(skb)))
		goto drop;
	nr = bvf_tx_map(q, skb);
	if (unlikely(nr < 0))
		goto drop;
	bvf_tx_offload(q, skb);
	skb_tx_timestamp(skb);
	bvf_stats_frame(&q->tx_stats, max_t(u16, skb_shinfo(skb)->gso_segs, 1), len);
	q->tx_pi += nr;
	bvf_tx_maybe_stop(q, txq);
	if (__netdev_tx_sent_queue(txq, len, more) || netif_xmit_stopped(txq))
		bvf_tx_ring(q);
	return NETDEV_TX_OK;

drop:
	bvf_stats_add(&q->tx_stats, &q->tx_stats.dropped, 1);
	dev_kfree_skb_any(skb);
	/* Frames before this one may have left the doorbell to it. */
	if (!more && q->tx_pi != q->tx_told)
		bvf_tx_ring(q);
	return NETDEV_TX_OK;
}

/* Frees descriptors up to tx_ci as the card has it; NAPI context. */
void bvf_tx_clean(struct bvf_ethq *q, int budget)
{
	struct netdev_queue *txq = netdev_get_tx_queue(q->net->netdev, q->index);
	u32 ci = le32_to_cpu(READ_ONCE(q->rec->tx_ci));
	u32 mask = (1u << q->tx_shift) - 1;
	unsigned int frames = 0, bytes = 0;
	u32 n;

	/* Pairs with the card's release store: it is done with what is below. */
	dma_rmb();
	if (ci == q->tx_done)
		return;
	if (ci - q->tx_done > READ_ONCE(q->tx_told) - q->tx_done) {
		if (!q->broken)
			bvf_fail_async(q->core, "card completes frames that were not sent");
		q->broken = true;
		return;
	}
	for (n = q->tx_done; n != ci; n++) {
		struct bvf_tx_info *info = &q->tx_info[n & mask];

		bvf_tx_unmap(q, info);
		if (!info->skb)
			continue;
		frames++;
		bytes += info->skb->len;
		napi_consume_skb(info->skb, budget);
		info->skb = NULL;
	}
	WRITE_ONCE(q->tx_done, ci);
	netdev_tx_completed_queue(txq, frames, bytes);
	/* Pairs with the barrier in bvf_tx_maybe_stop(). */
	smp_mb();
	if (netif_tx_queue_stopped(txq) && bvf_tx_free(q) >= 2 * BVF_MAX_TX_DESC)
		netif_tx_wake_queue(txq);
}

/* Sets the index whose completion interrupts; the caller has a barrier after it. */
u32 bvf_tx_arm(struct bvf_ethq *q)
{
	u32 out = READ_ONCE(q->tx_told) - q->tx_done;
	u32 arm = q->tx_done + out * 3 / 4;

	WRITE_ONCE(q->rec->tx_arm, cpu_to_le32(arm));
	return arm;
}

/* True if the card has freed descriptor arm. */
bool bvf_tx_passed(struct bvf_ethq *q, u32 arm)
{
	return (s32)(le32_to_cpu(READ_ONCE(q->rec->tx_ci)) - arm) > 0;
}

/* Frees every frame; the card has forgotten the queue. */
void bvf_tx_flush(struct bvf_ethq *q)
{
	u32 mask = (1u << q->tx_shift) - 1;
	u32 n;

	for (n = q->tx_done; n != q->tx_pi; n++) {
		struct bvf_tx_info *info = &q->tx_info[n & mask];

		bvf_tx_unmap(q, info);
		if (info->skb)
			dev_kfree_skb_any(info->skb);
	}
	q->tx_done = q->tx_pi;
	netdev_tx_reset_queue(netdev_get_tx_queue(q->net->netdev, q->index));
}
