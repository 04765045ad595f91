/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private state of the Ethernet half of the data plane.
 * The RDMA half sees the four hooks in dp.h only.
 */
#ifndef BVF_ETH_DP_H
#define BVF_ETH_DP_H

#include "dp.h"

#define BVF_ETH_HLEN		14u
#define BVF_ETH_VLANS		2u	/* tags that are looked behind */
#define BVF_ETH_HDR		256u	/* bytes of a frame that are looked at */
#define BVF_ETH_MIN_MSS		32u	/* bounds the segments of a frame */
#define BVF_ETH_MAX_BUF		(BVF_MAX_FRAME / 256 + 1)

/* Bytes, frames of one function that are moved before others get their turn. */
#define BVF_ETH_TURN_BYTES	(128u << 10)
#define BVF_ETH_TURN_FRAMES	64u

/*
 * Senders wait this long for a receiver that has no buffers; after it their
 * frames are dropped at once, until it posts some.
 */
#define BVF_ETH_STALL_NS	20000000ull
#define BVF_ETH_STALL_POLL_NS	500000ull

/* An Ethernet queue as this process has it; made on first use, kept. */
struct bvf_ethq {
	struct bvf_func *f;
	struct dram_ethq *d;
	uint32_t idx;
	uint32_t mem_gen;
	bool live;
	bool skip;			/* drop descriptors up to an EOP */
	uint32_t tx_mask, rx_mask;
	const gptr_t *pt;
	struct bvf_eth_dbrec *rec;
	struct bvf_list run;		/* on eth.ready or eth.stalled */
	uint32_t seg;			/* segments of the head frame that are delivered */
	struct bvf_ethq *wait;		/* stalled: for buffers of this queue */
	uint32_t wait_pi;		/* its rx_pi when the wait began */
	/* where frames to `mac` go; valid for epoch */
	uint8_t mac[6];
	bool promisc;			/* somebody else wants to see them */
	uint32_t epoch;
	struct bvf_func *to;
	/* indices that the interrupt condition has last been looked at */
	struct bvf_list dirty;
	uint32_t tx_told, rx_told;
};

/* A frame to be sent, its descriptors checked. */
struct bvf_frame {
	struct bvf_func *f;
	uint32_t nr;
	struct {
		uint64_t iova;
		uint32_t len;
	} seg[BVF_MAX_TX_DESC];
	uint32_t len;
	uint16_t flags;			/* BVF_TXD_* */
	uint16_t mss, csum_start, csum_off;
	uint16_t l3;			/* offset of the IP header, 0: none */
	uint16_t l4;			/* offset of the TCP or UDP header, 0: none */
	uint8_t ip;			/* 4, 6 or 0 */
	uint32_t hdr_len;		/* TSO: bytes before the payload */
	uint32_t hash;			/* 0: none */
	uint32_t nr_hdr;		/* bytes in hdr */
	uint8_t hdr[BVF_ETH_HDR];	/* its first bytes: checked, and sent from here */
};

/* What is put into receive buffers: head, then bytes of the frame. */
struct bvf_eth_out {
	const uint8_t *head;
	uint32_t head_len;
	const struct bvf_frame *fr;
	uint32_t off;			/* where in the frame they begin */
	uint32_t len;			/* how many */
	struct bvf_rx_cqe cqe;		/* flags and offload fields */
};

/* eth.c */
struct bvf_ethq *bvf_ethq_get(struct bvf_func *f, uint32_t idx);
void bvf_ethq_dirty(struct bvf_ethq *q);

/* eth_parse.c */
int bvf_frame_parse(struct bvf_frame *fr);
uint8_t *bvf_frame_at(const struct bvf_frame *fr, uint32_t off, uint32_t *avail);
uint32_t bvf_csum_add(uint32_t sum, const uint8_t *p, uint32_t len);
int bvf_frame_csum(const struct bvf_frame *fr, uint32_t off, uint32_t left, bool odd,
		   uint32_t *sum);
uint16_t bvf_csum_fold(uint64_t sum);

static inline uint16_t bvf_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void bvf_put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* eth_tx.c */

/**
 * bvf_frame_load() - Take the frame at tx_ci out of the ring
 * @q:	queue, bound
 * @fr:	gets the frame
 * @nr:	gets the descriptors that it, or the refused one, takes
 *
 * Return: 0; -EAGAIN: there is no whole frame; -EINVAL: refused and counted
 */
int bvf_frame_load(struct bvf_ethq *q, struct bvf_frame *fr, uint32_t *nr);

/* eth_switch.c: 0, or -EAGAIN with q->wait set */
int bvf_eth_forward(struct bvf_ethq *q, const struct bvf_frame *fr);

/* eth_rx.c */

/**
 * bvf_eth_deliver() - Give a function a frame
 * @dst:	function
 * @fr:		frame
 * @seg:	segments it has already; advanced
 * @why:	gets the queue that lacks buffers
 *
 * Return: 0, delivered or not to be delivered; -EAGAIN: buffers are missing
 */
int bvf_eth_deliver(struct bvf_func *dst, const struct bvf_frame *fr, uint32_t *seg,
		    struct bvf_ethq **why);

#endif /* BVF_ETH_DP_H */
