/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR BSD-2-Clause */
/*
 * bvf RDMA data path: doorbell page, doorbell records, WQE, CQE, EQE.
 * Everything here lives in guest RAM. How queues are made is in bvf_admin.h.
 */
#ifndef BVF_IO_H
#define BVF_IO_H

#include "bvf_base.h"

/*
 * Object numbers. A QPN is generation << BVF_QP_IDX_BITS | index, so that a
 * late packet or a stale peer does not meet a later QP in the same slot.
 * CQNs are plain indices. Key: index << 8 | the 8-bit variant.
 */
#define BVF_QP_IDX_BITS		13
#define BVF_MAX_QP_IDX		(1u << BVF_QP_IDX_BITS)
#define BVF_QPN_IDX(qpn)	((qpn) & (BVF_MAX_QP_IDX - 1))
#define BVF_QPN_MASK		0xffffffu
#define BVF_MAX_CQ_IDX		8192
#define BVF_MAX_ETHQ		64
#define BVF_KEY_IDX(key)	((key) >> 8)

/*
 * Doorbell page: one for each user context, 4 KiB, zeroed by the guest.
 *
 * To ring QP index i: store the producer index into the QP's doorbell
 * record; atomically OR bit i % 64 into qp_leaf[i / 64]; atomically OR bit
 * (i / 64) % 64 into qp_summary[i / 4096] (may be left out when a load after
 * the first OR finds it set); full barrier; load `asleep`; if it is not 0,
 * write to the context's kick page.
 * The card exchanges summary words with 0 first and leaf words second, then
 * reads the doorbell record. Before it stops looking at the page it stores
 * asleep = 1, issues a full barrier and looks at the summaries once more.
 * Bits of objects that are not the context's own are ignored.
 *
 * "Full barrier" is meant between CPU and card: mb() in Linux, MFENCE on x86.
 * smp_mb() and locked instructions do not do: an emulator that runs a guest
 * of one CPU drops the lock, and a uniprocessor kernel patches it out. (The
 * ORs may then lose their atomicity, which can only set a bit again that the
 * card has just cleared: a doorbell too many, never one too few.)
 */
struct bvf_db_page {
	/* written by the card */
	__le32 asleep;		/* not 0: a doorbell needs a kick; starts as 1 */
	__u8 rsvd0[60];
	/* set by the guest, cleared by the card, atomically */
	__le64 qp_summary[2];
	__le64 cq_summary[2];
	__le64 eth;		/* bit n: Ethernet queue n; context 0 only */
	__u8 rsvd1[24];
	__le64 qp_leaf[BVF_MAX_QP_IDX / 64];
	__le64 cq_leaf[BVF_MAX_CQ_IDX / 64];
	__u8 rsvd2[BVF_PAGE_SIZE - 2176];
};
static_assert(sizeof(struct bvf_db_page) == BVF_PAGE_SIZE);

/*
 * QP doorbell record, in the QP's buffer, 128-byte aligned. Post receive:
 * fill WQEs, store rq_pi, full barrier, load rq_notify, and ring the QP's
 * doorbell if it is not 0.
 */
struct bvf_qp_dbrec {
	/* written by the guest */
	__le32 sq_pi;
	__le32 rq_pi;
	__u8 rsvd0[56];
	/* written by the card */
	__le32 rq_notify;	/* the card waits for receives, or flushes them */
	__u8 rsvd1[60];
};
static_assert(sizeof(struct bvf_qp_dbrec) == 128);

/*
 * CQ doorbell record. To arm: store arm_from, then arm with a new sequence
 * number, ring the CQ's bit in the doorbell page. If the CQ holds a completion
 * (for SOLICITED: a solicited or failed one) at or after arm_from, the event
 * is raised at once, else by the next such completion. One event per arm.
 * arm_from == ci makes arming level-style: every completion that has not been
 * consumed counts. To be told of new ones only, store the index of the first
 * entry that is not valid yet. Outside ci..ci + depth it means ci.
 */
struct bvf_cq_dbrec {
	/* written by the guest */
	__le32 ci;
	__le32 arm;		/* sequence << 2 | BVF_ARM_* */
	__le32 arm_from;	/* free-running index */
	__u8 rsvd[52];
};
static_assert(sizeof(struct bvf_cq_dbrec) == 64);

#define BVF_ARM_NONE		0
#define BVF_ARM_SOLICITED	1
#define BVF_ARM_NEXT		2
#define BVF_ARM_MODE(arm)	((arm) & 3)
#define BVF_ARM_SEQ_SHIFT	2

/*
 * EQ doorbell record. The card interrupts when its producer index passes
 * arm, that is when an EQE with index == arm is written. The driver: consume
 * until empty, store ci and arm = ci, full barrier, look once more.
 */
struct bvf_eq_dbrec {
	/* written by the driver */
	__le32 ci;
	__le32 arm;
	__u8 rsvd[56];
};
static_assert(sizeof(struct bvf_eq_dbrec) == 64);

struct bvf_eqe {
	__u8 type;		/* BVF_EQE_* */
	__u8 event;		/* BVF_EQE_ASYNC_*: enum bvf_async_event */
	__le16 rsvd0;
	__le32 id;		/* cqn, qpn or port */
	__le32 rsvd1;
	__le32 phase;		/* bit 0 */
};
static_assert(sizeof(struct bvf_eqe) == 16);

#define BVF_EQE_COMP		1	/* id is the CQN that has a completion */
#define BVF_EQE_ASYNC_QP	2	/* id is a QPN */
#define BVF_EQE_ASYNC_CQ	3	/* id is a CQN */
#define BVF_EQE_ASYNC_PORT	4

enum bvf_async_event {
	BVF_EV_QP_FATAL		= 1,
	BVF_EV_QP_REQ_ERR	= 2,	/* responder: invalid request */
	BVF_EV_QP_ACCESS_ERR	= 3,	/* responder: access violation */
	BVF_EV_COMM_EST		= 4,
	BVF_EV_SQ_DRAINED	= 5,
	BVF_EV_LAST_WQE		= 6,
	BVF_EV_CQ_ERR		= 7,
	BVF_EV_PORT_ACTIVE	= 8,
	BVF_EV_PORT_ERR		= 9,
};

/*
 * Work queues. WQE n of a queue is at (n & (depth - 1)) << stride_shift;
 * strides are powers of two, 64..512 bytes for an SQ, 32..512 for an RQ, so
 * a WQE never crosses a page.
 */
#define BVF_SQ_STRIDE_SHIFT_MIN	6
#define BVF_SQ_STRIDE_SHIFT_MAX	9
#define BVF_RQ_STRIDE_SHIFT_MIN	5
#define BVF_RQ_STRIDE_SHIFT_MAX	9
#define BVF_MAX_SGE		16
#define BVF_MAX_INLINE		224	/* bytes; a stride of 256 has room for it */
#define BVF_MAX_MSG		(1u << 31)	/* bytes */

struct bvf_sge {
	__le64 addr;
	__le32 len;		/* bytes; 0 is 0. No lkey check is made for 0 */
	__le32 lkey;
};
static_assert(sizeof(struct bvf_sge) == 16);

/* lkey that means: addr is an IOVA. Only QPs of context 0 may use it. */
#define BVF_LKEY_DMA		0x00000001u

enum bvf_wr_op {
	BVF_WR_SEND		= 1,
	BVF_WR_SEND_IMM		= 2,
	BVF_WR_WRITE		= 3,
	BVF_WR_WRITE_IMM	= 4,
	BVF_WR_READ		= 5,
};

#define BVF_WQE_SIGNALED	0x01	/* makes a CQE on success */
#define BVF_WQE_SOLICITED	0x02	/* the remote completion is solicited */
#define BVF_WQE_FENCE		0x04	/* wait for earlier READs and atomics */
#define BVF_WQE_INLINE		0x08	/* data follows the header instead of SGEs */
#define BVF_WQE_FLAGS		0x0f

/*
 * Send WQE: this header, then, for UD, a struct bvf_wqe_av, then nr_sge
 * SGEs or inline_len bytes. All within the stride.
 */
struct bvf_wqe {
	__u8 op;		/* enum bvf_wr_op */
	__u8 flags;		/* BVF_WQE_* */
	__u8 nr_sge;		/* 0..16; 0 with INLINE */
	__u8 rsvd0;
	__le32 inline_len;	/* bytes, 0 without INLINE */
	__be32 imm;		/* network order, as it is handed to the peer */
	__le32 rkey;		/* WRITE, READ */
	__le64 raddr;		/* WRITE, READ */
	__le64 rsvd1;
};
static_assert(sizeof(struct bvf_wqe) == 32);

/* Address vector of a UD send. */
struct bvf_wqe_av {
	__u8 dgid[16];		/* network order */
	__u8 dmac[6];
	__le16 sgid_index;
	__le32 dqpn;
	__le32 qkey;
};
static_assert(sizeof(struct bvf_wqe_av) == 32);

/* Receive WQE: this header, then nr_sge SGEs. */
struct bvf_rwqe {
	__u8 nr_sge;
	__u8 rsvd[15];
};
static_assert(sizeof(struct bvf_rwqe) == 16);

/*
 * Completion. wqe_idx is the free-running index of the WQE. For a send queue
 * it also retires every earlier WQE that was not signaled. On an error only
 * qpn, wqe_idx, op, status, vendor_err and the phase are valid.
 */
struct bvf_cqe {
	__le32 qpn;
	__le32 wqe_idx;
	__le32 byte_len;	/* receive: bytes written, UD: with the 40 of the GRH */
	__be32 imm;		/* network order, with BVF_CQE_IMM */
	__u8 op;		/* enum bvf_cqe_op */
	__u8 status;		/* enum bvf_cqe_status */
	__u8 flags;		/* BVF_CQE_* */
	__u8 vendor_err;	/* enum bvf_vendor_err, for humans */
	__le32 src_qp;		/* UD receive */
	__le16 pkey_index;
	__u8 smac[6];		/* UD receive */
	__u8 rsvd0[16];
	__le64 timestamp;	/* ns, card's monotonic clock */
	__le32 rsvd1;
	__le32 phase;		/* bit 0; stored last, with release */
};
static_assert(sizeof(struct bvf_cqe) == 64);

/* Send completions carry enum bvf_wr_op. */
enum bvf_cqe_op {
	BVF_CQE_RECV		= 0x80,
	BVF_CQE_RECV_WRITE_IMM	= 0x81,
};

#define BVF_CQE_IMM		0x01
#define BVF_CQE_GRH		0x02	/* 40 bytes of GRH area precede the data */
#define BVF_CQE_SOLICITED	0x04
#define BVF_CQE_IPV4		0x08	/* the GRH area holds an IPv4 header in its last 20 bytes */

enum bvf_cqe_status {
	BVF_CQE_OK		= 0,
	BVF_CQE_LOC_LEN		= 1,
	BVF_CQE_LOC_QP_OP	= 2,
	BVF_CQE_LOC_PROT	= 3,
	BVF_CQE_FLUSH		= 4,
	BVF_CQE_LOC_ACCESS	= 5,
	BVF_CQE_REM_INV_REQ	= 6,
	BVF_CQE_REM_ACCESS	= 7,
	BVF_CQE_REM_OP		= 8,
	BVF_CQE_RETRY_EXC	= 9,
	BVF_CQE_RNR_EXC		= 10,
	BVF_CQE_FATAL		= 11,
	BVF_CQE_STATUS_NR
};

enum bvf_vendor_err {
	BVF_VE_NONE		= 0,
	BVF_VE_WQE		= 1,	/* reserved bits, opcode or sizes of the WQE */
	BVF_VE_KEY		= 2,	/* no such key */
	BVF_VE_PD		= 3,	/* key of another PD */
	BVF_VE_BOUNDS		= 4,	/* outside the MR */
	BVF_VE_ACCESS		= 5,	/* MR or QP access flags */
	BVF_VE_MEM		= 6,	/* guest memory went away */
	BVF_VE_NO_PATH		= 7,	/* no function answers to the address */
	BVF_VE_NO_QP		= 8,	/* no such QP, or not in a state to receive */
	BVF_VE_PSN		= 9,
	BVF_VE_LEN		= 10,	/* message and buffer do not fit */
	BVF_VE_RD_ATOMIC	= 11,	/* READ beyond the agreed resources */
	BVF_VE_PI		= 12,	/* producer index ran past the ring */
	BVF_VE_CQ		= 13,	/* CQ overflow */
};

#endif /* BVF_IO_H */
