/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR BSD-2-Clause */
/*
 * bvf Ethernet queues: descriptors in guest RAM.
 * How a queue is made is in bvf_admin.h (CREATE_ETHQ).
 */
#ifndef BVF_ETH_H
#define BVF_ETH_H

#include "bvf_base.h"

/*
 * Transmit: a frame is one or more descriptors, the last with EOP; the
 * offload fields are read from the first. Addresses are IOVAs. The frame
 * starts with its Ethernet header, whose source must be the function's MAC.
 */
struct bvf_tx_desc {
	__le64 addr;
	__le32 len;		/* 1..65535 bytes */
	__le16 flags;		/* BVF_TXD_* */
	__le16 mss;		/* TSO: payload bytes a segment */
	__le16 csum_start;	/* CSUM, TSO: offset of the L4 header in the frame */
	__le16 csum_off;	/* CSUM, TSO: offset of the checksum in the L4 header */
	__u8 rsvd[12];		/* MBZ */
};
static_assert(sizeof(struct bvf_tx_desc) == 32);

#define BVF_TXD_EOP		0x0001
#define BVF_TXD_CSUM		0x0002	/* L4 checksum is left to the card (field holds the pseudo sum) */
#define BVF_TXD_TSO4		0x0004	/* implies CSUM */
#define BVF_TXD_TSO6		0x0008
#define BVF_TXD_FLAGS		0x000f
#define BVF_MAX_TX_DESC		20	/* descriptors a frame */
#define BVF_MAX_FRAME		65550	/* bytes with TSO, Ethernet header included */

struct bvf_rx_desc {
	__le64 addr;
	__le32 len;		/* bytes of the buffer, at least 256 */
	__le32 rsvd;		/* MBZ */
};
static_assert(sizeof(struct bvf_rx_desc) == 16);

/* One for each receive buffer used, in ring order. */
struct bvf_rx_cqe {
	__le32 idx;		/* free-running index of the descriptor */
	__le32 len;		/* bytes in this buffer */
	__le16 flags;		/* BVF_RXC_* */
	__le16 gso_size;	/* GSO4, GSO6: segment payload; first buffer of the frame */
	__le16 csum_start;	/* CSUM_PARTIAL: as in the sender's descriptor; first buffer */
	__le16 csum_off;
	__le32 hash;		/* Toeplitz over the addresses and ports, 0: none */
	__le32 rsvd0;
	__le32 rsvd1;
	__le32 phase;		/* bit 0, stored last */
};
static_assert(sizeof(struct bvf_rx_cqe) == 32);

#define BVF_RXC_EOP		0x0001	/* last buffer of the frame */
#define BVF_RXC_CSUM_OK		0x0002	/* L4 checksum is right */
#define BVF_RXC_CSUM_PARTIAL	0x0004	/* came from a function of this card, sum not yet made: data is good */
#define BVF_RXC_GSO4		0x0008
#define BVF_RXC_GSO6		0x0010

/*
 * Doorbell record. Transmit: fill descriptors, store tx_pi, then ring bit
 * `index` of bvf_db_page.eth. Receive: store rx_pi; no doorbell needed.
 * tx_arm and rx_arm work as bvf_eq_dbrec.arm does, over tx_ci and the
 * receive completions.
 */
struct bvf_eth_dbrec {
	/* written by the driver */
	__le32 tx_pi;
	__le32 rx_pi;
	__le32 tx_arm;
	__le32 rx_arm;
	__u8 rsvd0[48];
	/* written by the card */
	__le32 tx_ci;		/* descriptors below it are free again */
	__u8 rsvd1[60];
};
static_assert(sizeof(struct bvf_eth_dbrec) == 128);

#endif /* BVF_ETH_H */
