/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The netdev's own state: shared by net.c, tx.c, rx.c and ethtool.c.
 * The rest of the core sees struct bvf_net as a name only.
 */
#ifndef BVF_NET_H
#define BVF_NET_H

#include <linux/etherdevice.h>
#include <linux/u64_stats_sync.h>
#include <net/page_pool/helpers.h>

#include "core.h"

#define BVF_RING_MIN_SHIFT	6
#define BVF_TX_SHIFT		10
#define BVF_RX_SHIFT		10
#define BVF_RX_BUF_SIZE		PAGE_SIZE
#define BVF_RX_COPY		256	/* bytes of a frame that may go to the skb's head */

struct bvf_q_stats {
	struct u64_stats_sync sync;
	u64_stats_t packets;
	u64_stats_t bytes;
	u64_stats_t dropped;
	u64_stats_t errors;
};

/* What was mapped for a transmit descriptor. */
struct bvf_tx_info {
	struct sk_buff *skb;		/* in the last descriptor of a frame */
	dma_addr_t dma;
	u32 len;
	bool paged;
};

/* Offload fields of the frame that is being received, from its first buffer. */
struct bvf_rx_meta {
	u16 flags;
	u16 gso_size;
	u16 csum_start;
	u16 csum_off;
	u32 hash;
};

/**
 * struct bvf_ethq - a transmit and a receive queue with one NAPI context
 *
 * Transmit: tx_pi, tx_told and the descriptors belong to the holder of the netdev's
 * transmit lock, tx_done to NAPI. Receive: all of it belongs to NAPI.
 */
struct bvf_ethq {
	struct bvf_net *net;
	struct bvf_core *core;
	struct napi_struct napi;
	struct bvf_vec *vec;
	u32 index;
	struct bvf_buf buf;
	struct bvf_eth_dbrec *rec;
	unsigned int tx_shift;
	unsigned int rx_shift;

	struct bvf_tx_desc *tx ____cacheline_aligned;
	struct bvf_tx_info *tx_info;
	u32 tx_pi;
	u32 tx_told;			/* tx_pi as the card knows it */
	struct bvf_q_stats tx_stats;

	u32 tx_done ____cacheline_aligned;
	struct bvf_rx_desc *rx;
	struct bvf_rx_cqe *rxc;
	struct page **rx_page;
	struct page_pool *pool;
	u32 rx_pi;
	u32 rx_ci;
	struct sk_buff *rx_skb;		/* frame that is not complete */
	struct bvf_rx_meta rx_meta;
	bool rx_skip;			/* drop up to the end of the frame */
	bool broken;			/* the card broke the rules; wait for recovery */
	struct bvf_q_stats rx_stats;
};

/**
 * struct bvf_net - Ethernet device
 * @lock:	SET_ETH, and open; from process context. Inside of rtnl
 * @open:	queues exist
 * @nr_q:	queue pairs
 */
struct bvf_net {
	struct bvf_core *core;
	struct net_device *netdev;
	struct mutex lock;		/* SET_ETH and open */
	bool open;
	unsigned int nr_q;
	unsigned int tx_shift;
	unsigned int rx_shift;
	struct bvf_ethq *q;
	struct work_struct rx_mode;
};

static inline void bvf_stats_add(struct bvf_q_stats *s, u64_stats_t *counter, u64 n)
{
	u64_stats_update_begin(&s->sync);
	u64_stats_add(counter, n);
	u64_stats_update_end(&s->sync);
}

static inline void bvf_stats_frame(struct bvf_q_stats *s, unsigned int packets, u64 bytes)
{
	u64_stats_update_begin(&s->sync);
	u64_stats_add(&s->packets, packets);
	u64_stats_add(&s->bytes, bytes);
	u64_stats_update_end(&s->sync);
}

/* net.c */
int bvf_net_reopen(struct bvf_net *net, unsigned int tx_shift, unsigned int rx_shift);

/* tx.c */
netdev_tx_t bvf_xmit(struct sk_buff *skb, struct net_device *netdev);
void bvf_tx_clean(struct bvf_ethq *q, int budget);
u32 bvf_tx_arm(struct bvf_ethq *q);
bool bvf_tx_passed(struct bvf_ethq *q, u32 arm);
void bvf_tx_flush(struct bvf_ethq *q);

/* rx.c */
bool bvf_rx_pending(struct bvf_ethq *q);
int bvf_rx_poll(struct bvf_ethq *q, int budget);
bool bvf_rx_fill(struct bvf_ethq *q);
void bvf_rx_flush(struct bvf_ethq *q);

/* ethtool.c */
extern const struct ethtool_ops bvf_ethtool_ops;

#endif /* BVF_NET_H */
