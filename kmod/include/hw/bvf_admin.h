/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR BSD-2-Clause */
/*
 * bvf admin queue: one _cmd / _resp pair for each opcode.
 * The envelope and the commands; registers are in bvf_regs.h.
 *
 * Rings: 1 << AQ_SHIFT commands of 128 bytes and as many completions of 128
 * bytes, contiguous, 4 KiB aligned, zeroed by the driver. The driver writes
 * commands, then the producer index to BVF_REG_AQ_DB. It keeps no more than
 * 1 << AQ_SHIFT commands in flight. Each accepted command completes exactly
 * once; completions may come in another order than the commands. Vector 0
 * is raised after completions have been written. A function that is reset
 * completes nothing any more.
 */
#ifndef BVF_ADMIN_H
#define BVF_ADMIN_H

#include "bvf_base.h"
#include "bvf_io.h"

enum bvf_opcode {
	BVF_OP_DESCRIBE		= 1,
	BVF_OP_CREATE_UCTX	= 2,
	BVF_OP_DESTROY_UCTX	= 3,
	BVF_OP_CREATE_PD	= 4,
	BVF_OP_DESTROY_PD	= 5,
	BVF_OP_CREATE_EQ	= 6,
	BVF_OP_DESTROY_EQ	= 7,
	BVF_OP_CREATE_CQ	= 8,
	BVF_OP_DESTROY_CQ	= 9,
	BVF_OP_CREATE_QP	= 10,
	BVF_OP_MODIFY_QP	= 11,
	BVF_OP_QUERY_QP		= 12,
	BVF_OP_DESTROY_QP	= 13,
	BVF_OP_REG_MR		= 14,
	BVF_OP_DEREG_MR		= 15,
	BVF_OP_SET_GID		= 16,
	BVF_OP_CREATE_ETHQ	= 17,
	BVF_OP_DESTROY_ETHQ	= 18,
	BVF_OP_SET_ETH		= 19,
	BVF_OP_GET_STATS	= 20,
	BVF_OP_NR
};

enum bvf_status {
	BVF_ST_OK		= 0,
	BVF_ST_BAD_OPCODE	= 1,	/* not known, or its feature was not taken */
	BVF_ST_BAD_RSVD		= 2,	/* an MBZ field is not zero */
	BVF_ST_BAD_PARAM	= 3,	/* a value is out of its range */
	BVF_ST_BAD_HANDLE	= 4,	/* no such object */
	BVF_ST_BAD_ADDR		= 5,	/* memory is not reachable or not aligned */
	BVF_ST_BAD_STATE	= 6,	/* not in this state, or a transition that is not allowed */
	BVF_ST_BUSY		= 7,	/* other objects still use it */
	BVF_ST_NO_RESOURCE	= 8,	/* a limit of DESCRIBE is reached */
	BVF_ST_NOT_SUPP		= 9,
	BVF_ST_INTERNAL		= 10,
	BVF_ST_NR
};

struct bvf_cmd_hdr {
	__le16 opcode;
	__le16 rsvd0;		/* MBZ */
	__le32 id;		/* the driver's choice, echoed */
	__le64 rsvd1;		/* MBZ */
};
static_assert(sizeof(struct bvf_cmd_hdr) == 16);

#define BVF_CMD_SIZE		128
#define BVF_RESP_SIZE		128

struct bvf_cmd {
	struct bvf_cmd_hdr hdr;
	__u8 body[112];		/* MBZ beyond the command's own struct */
};
static_assert(sizeof(struct bvf_cmd) == BVF_CMD_SIZE);

struct bvf_resp_hdr {
	__le32 id;		/* of the command */
	__le16 opcode;		/* of the command */
	__u8 status;		/* enum bvf_status */
	__u8 rsvd;
};
static_assert(sizeof(struct bvf_resp_hdr) == 8);

struct bvf_resp {
	struct bvf_resp_hdr hdr;
	__u8 body[112];
	__le32 rsvd;
	__le32 phase;		/* bit 0, stored last; depth is the ring's */
};
static_assert(sizeof(struct bvf_resp) == BVF_RESP_SIZE);

/* DESCRIBE: what is said here is what is enforced. */
struct bvf_describe_resp {
	__le64 max_mr_len;	/* bytes */
	__le32 max_qp;		/* user and kernel QPs beside QP 1 */
	__le32 max_cq;
	__le32 max_mr;
	__le32 max_pd;
	__le32 max_uctx;	/* beside context 0 */
	__le32 max_eq;
	__le32 max_qp_wr;	/* of either queue of a QP */
	__le32 max_cqe;
	__le32 max_msg;		/* bytes */
	__le32 max_gid;		/* entries of the GID table */
	__le16 max_sge;		/* send and receive */
	__le16 max_inline;	/* bytes */
	__le16 max_rd_atomic;	/* outstanding READs, either side */
	__le16 max_ethq;
	__le16 max_ethq_depth_shift;
	__le16 max_mtu;		/* Ethernet payload, bytes */
	__u8 mac[6];
	__u8 rsvd0[2];
	__le32 network;		/* number of the tenant network, for humans */
	__le32 card_version;	/* major << 16 | minor << 8 | patch */
	__le32 rsvd2;
	__le64 guid;		/* node GUID, network order kept as bytes */
	__le64 link_mbps;
	__u8 rsvd1[8];
};
static_assert(sizeof(struct bvf_describe_resp) == 104);

/* CREATE_UCTX: number 0 is made by asking for it, and belongs to the driver. */
struct bvf_create_uctx_cmd {
	__le64 db_iova;		/* struct bvf_db_page, 4 KiB aligned */
	__le32 kernel;		/* 1: make context 0; 0: any other */
	__le32 rsvd;		/* MBZ */
};
static_assert(sizeof(struct bvf_create_uctx_cmd) == 16);

struct bvf_create_uctx_resp {
	__le32 uctx;		/* number, and page in BAR2 */
	__le32 rsvd;
};

/* DESTROY_*, and everything else that needs just a number */
struct bvf_handle_cmd {
	__le32 handle;		/* uctx, pdn, eqn, cqn, qpn, key or ethq */
	__le32 rsvd;		/* MBZ */
};
static_assert(sizeof(struct bvf_handle_cmd) == 8);

struct bvf_handle_resp {
	__le32 handle;
	__le32 rsvd;
};

/* CREATE_PD takes the owner, so that objects of one context stay in it. */
struct bvf_create_pd_cmd {
	__le32 uctx;
	__le32 rsvd;		/* MBZ */
};

/*
 * Queue buffers: `pl` names buf_len bytes, every entry 4 KiB aligned and a
 * multiple of 4 KiB long, so rings and records are found page by page.
 * Offsets are from the start of the buffer; a ring's offset is a multiple of
 * its stride, a record's of its own size, so that none crosses a page.
 */
struct bvf_create_eq_cmd {	/* entries: struct bvf_eqe */
	struct bvf_page_list pl;
	__le32 buf_len;		/* bytes, multiple of 4 KiB */
	__le32 dbrec_off;	/* struct bvf_eq_dbrec; the ring is at 0 */
	__le16 vector;		/* < BVF_REG_VECTORS */
	__u8 depth_shift;	/* 6..16 */
	__u8 async;		/* 1: gets the asynchronous events too; one EQ may */
	__le32 rsvd;		/* MBZ */
};
static_assert(sizeof(struct bvf_create_eq_cmd) == 32);

struct bvf_create_cq_cmd {	/* entries: struct bvf_cqe */
	struct bvf_page_list pl;
	__le32 buf_len;
	__le32 dbrec_off;	/* struct bvf_cq_dbrec; the ring is at 0 */
	__le32 uctx;		/* whose doorbell page arms it */
	__le32 eqn;		/* BVF_EQN_NONE: never raises events */
	__u8 depth_shift;	/* 1..16 */
	__u8 rsvd[7];		/* MBZ */
};
static_assert(sizeof(struct bvf_create_cq_cmd) == 40);

#define BVF_EQN_NONE		0xffffffffu

enum bvf_qp_type {
	BVF_QPT_RC	= 1,
	BVF_QPT_UD	= 2,
	BVF_QPT_GSI	= 3,	/* QP 1; context 0 only, one a function */
};

struct bvf_create_qp_cmd {
	struct bvf_page_list pl;
	__le32 buf_len;
	__le32 sq_off;
	__le32 rq_off;
	__le32 dbrec_off;	/* struct bvf_qp_dbrec */
	__le32 uctx;
	__le32 pdn;		/* of the same context */
	__le32 send_cqn;	/* of the same context */
	__le32 recv_cqn;
	__u8 type;		/* enum bvf_qp_type */
	__u8 flags;		/* BVF_QPF_* */
	__u8 sq_depth_shift;	/* 0..14 */
	__u8 sq_stride_shift;	/* BVF_SQ_STRIDE_SHIFT_MIN..MAX */
	__u8 rq_depth_shift;	/* 0..14 */
	__u8 rq_stride_shift;	/* BVF_RQ_STRIDE_SHIFT_MIN..MAX */
	__u8 rsvd[10];		/* MBZ */
};
static_assert(sizeof(struct bvf_create_qp_cmd) == 64);

#define BVF_QPF_SIG_ALL		0x01	/* every send WQE makes a CQE */
#define BVF_QPF_NO_RQ		0x02	/* the QP has no receive queue */

enum bvf_qp_state {		/* IBA 1.7, 10.3.1 */
	BVF_QPS_RESET	= 0,
	BVF_QPS_INIT	= 1,
	BVF_QPS_RTR	= 2,
	BVF_QPS_RTS	= 3,
	BVF_QPS_SQD	= 4,
	BVF_QPS_SQE	= 5,
	BVF_QPS_ERR	= 6,
};

/* Which fields of bvf_qp_attr a MODIFY_QP sets. */
#define BVF_QPA_STATE		(1u << 0)
#define BVF_QPA_CUR_STATE	(1u << 1)	/* fail with BAD_STATE unless it is in cur_state */
#define BVF_QPA_ACCESS		(1u << 2)
#define BVF_QPA_QKEY		(1u << 3)
#define BVF_QPA_AV		(1u << 4)	/* dgid, dmac, sgid_index, hop_limit, traffic_class, sl */
#define BVF_QPA_MTU		(1u << 5)
#define BVF_QPA_TIMEOUT		(1u << 6)
#define BVF_QPA_RETRY		(1u << 7)
#define BVF_QPA_RNR_RETRY	(1u << 8)
#define BVF_QPA_RQ_PSN		(1u << 9)
#define BVF_QPA_SQ_PSN		(1u << 10)
#define BVF_QPA_MAX_RD		(1u << 11)
#define BVF_QPA_MAX_DEST_RD	(1u << 12)
#define BVF_QPA_MIN_RNR		(1u << 13)
#define BVF_QPA_DEST_QPN	(1u << 14)
#define BVF_QPA_ALL		0x7fffu

/* Access flags of MRs and QPs (the values of enum ib_access_flags). */
#define BVF_ACC_LOCAL_WRITE	0x01
#define BVF_ACC_REMOTE_WRITE	0x02
#define BVF_ACC_REMOTE_READ	0x04
#define BVF_ACC_REMOTE_ATOMIC	0x08
#define BVF_ACC_ALL		0x0f

struct bvf_qp_attr {
	__u8 dgid[16];		/* network order */
	__u8 dmac[6];
	__le16 sgid_index;
	__le32 dest_qpn;
	__le32 qkey;
	__le32 sq_psn;		/* 24 bits */
	__le32 rq_psn;		/* 24 bits */
	__u8 state;		/* enum bvf_qp_state */
	__u8 cur_state;
	__u8 access;		/* BVF_ACC_REMOTE_* */
	__u8 path_mtu;		/* 1..5: 256 << (n - 1) */
	__u8 timeout;		/* 0..31: 4.096 us << n, 0: for ever */
	__u8 retry_cnt;		/* 0..7 */
	__u8 rnr_retry;		/* 0..7, 7: for ever */
	__u8 min_rnr_timer;	/* 0..31, IBA table 45 */
	__u8 max_rd_atomic;	/* as requester, 0..max_rd_atomic */
	__u8 max_dest_rd_atomic; /* as responder */
	__u8 hop_limit;
	__u8 traffic_class;
	__u8 sl;
	__u8 rsvd[3];		/* MBZ */
	__le32 flow_label;	/* 20 bits */
	__le32 rsvd1;		/* MBZ */
};
static_assert(sizeof(struct bvf_qp_attr) == 64);

struct bvf_modify_qp_cmd {
	__le32 qpn;
	__le32 mask;		/* BVF_QPA_* */
	struct bvf_qp_attr attr;
};
static_assert(sizeof(struct bvf_modify_qp_cmd) == 72);

struct bvf_query_qp_resp {
	struct bvf_qp_attr attr; /* state: as it is now; psn: the next ones */
	__le32 sq_ci;
	__le32 rq_ci;
};
static_assert(sizeof(struct bvf_query_qp_resp) == 72);

struct bvf_reg_mr_cmd {
	struct bvf_page_list pl; /* entries of any alignment; together at least len */
	__le64 va;		/* address by which work requests name the first byte */
	__le64 len;		/* bytes, 1..max_mr_len */
	__le32 pdn;
	__u8 access;		/* BVF_ACC_* */
	__u8 flags;		/* BVF_MRF_* */
	__u8 rsvd[2];		/* MBZ */
};
static_assert(sizeof(struct bvf_reg_mr_cmd) == 40);

/* All of the function's DMA space, address = IOVA; context 0 only; pl, va, len MBZ. */
#define BVF_MRF_DMA		0x01

struct bvf_reg_mr_resp {
	__le32 lkey;
	__le32 rkey;
};

struct bvf_set_gid_cmd {
	__le32 index;		/* < max_gid */
	__u8 valid;		/* 0: remove */
	__u8 rsvd0[3];		/* MBZ */
	__u8 gid[16];		/* network order; RoCEv2: IPv6, or ::ffff:IPv4 */
	__u8 rsvd1[8];		/* MBZ */
};
static_assert(sizeof(struct bvf_set_gid_cmd) == 32);

/* CREATE_ETHQ: a transmit and a receive queue; see bvf_eth.h. */
struct bvf_create_ethq_cmd {
	struct bvf_page_list pl;
	__le32 buf_len;
	__le32 tx_off;		/* ring of struct bvf_tx_desc */
	__le32 rx_off;		/* ring of struct bvf_rx_desc */
	__le32 rxc_off;		/* ring of struct bvf_rx_cqe */
	__le32 dbrec_off;	/* struct bvf_eth_dbrec */
	__u8 index;		/* queue number, < max_ethq */
	__u8 tx_depth_shift;	/* 6..max_ethq_depth_shift */
	__u8 rx_depth_shift;	/* also of the completion ring */
	__u8 rsvd0;		/* MBZ */
	__le16 vector;
	__le16 rsvd1;		/* MBZ */
	__le32 rsvd2;		/* MBZ */
};
static_assert(sizeof(struct bvf_create_ethq_cmd) == 48);

/* SET_ETH: receive mode of the function. */
struct bvf_set_eth_cmd {
	__le32 flags;		/* BVF_ETHF_* */
	__le16 mtu;		/* payload, 68..max_mtu; larger frames are not delivered */
	__le16 nr_rxq;		/* receive queues in use, flows are spread over 0..nr_rxq - 1 */
	__le64 rsvd;		/* MBZ */
};
static_assert(sizeof(struct bvf_set_eth_cmd) == 16);

#define BVF_ETHF_UP		0x01	/* deliver frames */
#define BVF_ETHF_ALLMULTI	0x02
#define BVF_ETHF_PROMISC	0x04	/* all frames of the own network */
#define BVF_ETHF_LRO		0x08	/* takes received frames larger than the MTU (gso_size set) */
#define BVF_ETHF_ALL		0x0f

/* GET_STATS: the card writes nr u64 counters, in the order of the enum, to iova. */
struct bvf_get_stats_cmd {
	__le64 iova;		/* 8-byte aligned, room for nr * 8 bytes in one 4 KiB page */
	__le32 nr;		/* how many are wanted; the card has BVF_STAT_NR of them */
	__le32 rsvd;		/* MBZ */
};
static_assert(sizeof(struct bvf_get_stats_cmd) == 16);

struct bvf_get_stats_resp {
	__le32 nr;		/* how many were written */
	__le32 rsvd;
};

enum bvf_stat {
	BVF_STAT_TX_BYTES, BVF_STAT_TX_MSGS,		/* RDMA, as requester */
	BVF_STAT_RX_BYTES, BVF_STAT_RX_MSGS,		/* RDMA, as responder */
	BVF_STAT_LOC_LEN, BVF_STAT_LOC_QP_OP, BVF_STAT_LOC_PROT, BVF_STAT_FLUSH,
	BVF_STAT_REM_INV_REQ, BVF_STAT_REM_ACCESS, BVF_STAT_REM_OP,
	BVF_STAT_RETRY_EXC, BVF_STAT_RNR_EXC,
	BVF_STAT_RNR_NAK,				/* RNR NAKs sent as responder */
	BVF_STAT_RETRY,					/* transport retries as requester */
	BVF_STAT_CQ_OVERFLOW, BVF_STAT_EVENTS, BVF_STAT_KICKS,
	BVF_STAT_BAD_DB,				/* doorbells of no or foreign objects */
	BVF_STAT_UD_DROP,				/* datagrams nobody could take */
	BVF_STAT_ETH_TX_BYTES, BVF_STAT_ETH_TX_FRAMES,
	BVF_STAT_ETH_RX_BYTES, BVF_STAT_ETH_RX_FRAMES,
	BVF_STAT_ETH_TX_BAD,				/* descriptors refused */
	BVF_STAT_ETH_TX_NODEST,				/* unknown address */
	BVF_STAT_ETH_TX_SPOOF,				/* foreign source address */
	BVF_STAT_ETH_RX_NOBUF,				/* dropped for want of receive buffers */
	BVF_STAT_NR
};

#endif /* BVF_ADMIN_H */
