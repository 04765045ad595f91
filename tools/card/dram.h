/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The card's DRAM: one memfd that holds every state of the device.
 * Shared by control plane and data plane; knows neither, nor vfio-user.
 *
 * Position independent: indices and offsets, no pointers. Every field has
 * one writer: [c] control plane, [d] data plane. An object's [d] fields pass
 * to the control plane when the data plane has acknowledged that it has let
 * go of the object (bvf_ipc.h), and back when the control plane publishes it.
 * Publishing is a release store of the field named so; readers load it with
 * acquire first. Native (little-endian) words, as card and card's DRAM are
 * one machine.
 *
 * A data plane that attaches to a DRAM of another layout version refuses it.
 */
#ifndef BVF_DRAM_H
#define BVF_DRAM_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "bvf_admin.h"
#include "bvf_eth.h"
#include "bvf_regs.h"

#define DRAM_MAGIC		0x4d41524446564221ull	/* "!BVFDRAM" */
#define DRAM_LAYOUT		1

#define DRAM_MAX_FUNC		64
#define DRAM_MAX_REGION		1024
#define DRAM_MAX_DMA		512	/* DMA windows of a function */
#define DRAM_MAX_GID		256
#define DRAM_MAX_MR		65536
#define DRAM_MAX_PD		4096
#define DRAM_MAX_EQ		64

/* What DESCRIBE says; enforced by the control plane. */
#define DRAM_LIM_QP		4096	/* beside QP 1 */
#define DRAM_LIM_CQ		4096
#define DRAM_LIM_MR		65535	/* key index 0 is never used */
#define DRAM_LIM_QP_WR		16384
#define DRAM_LIM_CQE		65535
#define DRAM_LIM_RD_ATOMIC	16
#define DRAM_LIM_MR_LEN		(1ull << 40)
#define DRAM_LIM_ETH_SHIFT	12
#define DRAM_LIM_MTU		9000

/*
 * Guest pointer: a place in guest memory after translation. Region index in
 * the top 16 bits, byte offset in the region's file in the lower 48.
 */
typedef uint64_t gptr_t;
#define GPTR_NONE		(~0ull)
#define GPTR(region, off)	((uint64_t)(region) << 48 | (off))
#define GPTR_REGION(p)		((unsigned int)((p) >> 48))
#define GPTR_OFF(p)		((p) & ((1ull << 48) - 1))

/* Guest memory file, mapped whole, once, by each process. [c] */
struct dram_region {
	uint64_t size;			/* 0: free */
	uint64_t dev, ino;		/* identity for deduplication */
	uint32_t refs;			/* DMA windows that use it */
	uint32_t rsvd;
};

/* DMA window of a function, sorted by iova, disjoint. [c] */
struct dram_dma {
	uint64_t iova, len;
	gptr_t ptr;
	uint32_t writable;
	uint32_t rsvd;
};

/*
 * Extent of an MR, in the function's arena: bytes from off up to the next
 * extent's off. One more than nr_ext stand there; the last is {len, NONE}.
 */
struct dram_ext {
	uint64_t off;
	gptr_t ptr;
};

/* [c]; published by key, unpublished by key = 0 and BVF_IPC_MR_STOP. */
struct dram_mr {
	uint32_t key;			/* lkey and rkey; 0: free */
	uint32_t pdn;
	uint32_t access;		/* BVF_ACC_* */
	uint32_t flags;			/* BVF_MRF_* */
	uint64_t va, len;
	uint32_t ext;			/* index in the arena, in units of 16 bytes */
	uint32_t nr_ext;
	uint32_t uctx;
	uint32_t rsvd[5];
};
static_assert(sizeof(struct dram_mr) == 64, "dram_mr");

/* A queue's buffer: page table in the arena, one gptr_t for each 4 KiB. [c] */
struct dram_buf {
	uint32_t pt;			/* index in the arena, in units of 16 bytes */
	uint32_t nr_pages;
};

struct dram_uctx {
	uint32_t valid;			/* [c] publishes: 1 */
	uint32_t rsvd;
	gptr_t db;			/* [c] struct bvf_db_page */
	uint64_t kicks;			/* [d] */
	uint64_t rsvd1[5];
};
static_assert(sizeof(struct dram_uctx) == 64, "dram_uctx");

struct dram_pd {
	uint32_t valid;			/* [c] */
	uint32_t uctx;			/* [c] */
	uint32_t refs;			/* [c] MRs and QPs */
	uint32_t rsvd;
};

struct dram_eq {
	uint32_t valid;			/* [c] publishes */
	uint32_t vector;		/* [c] */
	struct dram_buf buf;		/* [c] */
	uint32_t dbrec_off;		/* [c] */
	uint32_t depth_shift;		/* [c] */
	uint32_t async;			/* [c] */
	uint32_t refs;			/* [c] CQs */
	uint32_t pi;			/* [d] */
	uint32_t rsvd[7];
};
static_assert(sizeof(struct dram_eq) == 64, "dram_eq");

struct dram_cq {
	uint32_t valid;			/* [c] publishes */
	uint32_t eqn;			/* [c] or BVF_EQN_NONE */
	struct dram_buf buf;		/* [c] */
	uint32_t dbrec_off;		/* [c] */
	uint32_t depth_shift;		/* [c] */
	uint32_t uctx;			/* [c] */
	uint32_t refs;			/* [c] QPs */
	uint32_t rsvd0[8];
	uint32_t pi;			/* [d] */
	uint32_t ci;			/* [d] consumer index as last loaded */
	uint32_t sol_pi;		/* [d] one past the newest solicited or failed CQE */
	uint32_t arm_seen;		/* [d] arm word last acted on */
	uint32_t armed;			/* [d] BVF_ARM_* in force */
	uint32_t error;			/* [d] overflowed */
	uint32_t event_pending;		/* [d] its EQ was full */
	uint32_t rsvd1;
	uint64_t cqes, events;		/* [d] */
	uint64_t rsvd2[2];
};
static_assert(sizeof(struct dram_cq) == 128, "dram_cq");

/* Why and since when a QP's requester waits. [d] */
enum dram_wait {
	DRAM_WAIT_NONE	= 0,
	DRAM_WAIT_RNR	= 1,		/* RNR NAK: until deadline */
	DRAM_WAIT_RETRY	= 2,		/* no answer: until deadline, then a retry is counted */
};

/* Per-QP counters. [d] */
struct dram_qp_stats {
	uint64_t tx_bytes, tx_msgs, rx_bytes, rx_msgs;
	uint32_t retries, rnr_naks, errors, flushed;
};

struct dram_qp {
	/* [c] */
	uint32_t qpn;			/* publishes; 0: free. QP 1 has qpn 1 */
	uint32_t state;			/* enum bvf_qp_state that the driver set; release */
	uint32_t type;			/* enum bvf_qp_type */
	uint32_t flags;			/* BVF_QPF_* */
	uint32_t uctx, pdn, send_cqn, recv_cqn;
	struct dram_buf buf;
	uint32_t sq_off, rq_off, dbrec_off;
	uint8_t sq_depth_shift, sq_stride_shift, rq_depth_shift, rq_stride_shift;
	uint32_t gen;			/* of the slot, for the next QPN; survives destroy */
	uint32_t rsvd0;
	uint8_t sgid[16];		/* own GID, resolved from sgid_index */
	struct bvf_qp_attr attr;	/* as the driver gave it; sq_psn and rq_psn: initial */
	uint64_t rsvd1[14];
	/* [d] from here on */
	uint32_t error;			/* the data plane moved it to ERR (6) or SQE (5); else 0 */
	uint32_t sq_pi;			/* as last loaded and checked */
	/* the two of each pair change together, by one 64-bit store */
	uint32_t sq_ci;			/* next WQE to execute */
	uint32_t sq_psn;		/* next PSN to send */
	uint32_t rq_ci;			/* next receive WQE to consume */
	uint32_t rq_psn;		/* next PSN expected */
	uint64_t cur_off;		/* bytes of WQE sq_ci already moved */
	uint32_t cur_msg;		/* responder: a message from the peer is under way, 1 or 0 */
	uint32_t msn;			/* responder: messages completed */
	uint32_t wait;			/* enum dram_wait */
	uint32_t retry_left, rnr_left;
	uint32_t comm_est;		/* COMM_EST was raised */
	uint64_t deadline;		/* ns, CLOCK_MONOTONIC, with wait */
	struct dram_qp_stats stats;
	uint64_t rsvd2[18];
};
static_assert(sizeof(struct dram_qp) == 512, "dram_qp");
static_assert(!(offsetof(struct dram_qp, sq_ci) % 8), "sq_ci and sq_psn");
static_assert(!(offsetof(struct dram_qp, rq_ci) % 8), "rq_ci and rq_psn");

struct dram_ethq {
	uint32_t valid;			/* [c] publishes */
	uint32_t vector;		/* [c] */
	struct dram_buf buf;		/* [c] */
	uint32_t tx_off, rx_off, rxc_off, dbrec_off;	/* [c] */
	uint32_t tx_depth_shift, rx_depth_shift;	/* [c] */
	uint32_t rsvd0[6];
	uint32_t tx_ci;			/* [d] */
	uint32_t rx_ci;			/* [d] receive descriptors used */
	uint32_t rxc_pi;		/* [d] */
	uint32_t rsvd1;
	uint64_t stall;			/* [d] ns, since when senders have lacked its receive buffers, or 0 */
	uint64_t rsvd2[5];
};
static_assert(sizeof(struct dram_ethq) == 128, "dram_ethq");

#define DRAM_ARENA_SIZE		(160ull << 20)	/* bytes a function, sparse */

struct dram_func {
	/* [c] */
	uint32_t up;			/* publishes: admin queue runs */
	uint32_t master;		/* PCI bus master enable; without it the function touches no memory */
	uint32_t network;
	uint32_t nr_dma;
	uint8_t mac[6];
	uint8_t rsvd0[2];
	uint32_t eth_flags;		/* BVF_ETHF_* */
	uint16_t eth_mtu, eth_nr_rxq;
	uint32_t async_eqn;		/* EQ for asynchronous events, or BVF_EQN_NONE */
	uint32_t features;		/* the driver took */
	char name[32];
	struct dram_dma dma[DRAM_MAX_DMA];
	uint8_t gid[DRAM_MAX_GID][16];	/* all zero: unset */
	/*
	 * Kicked contexts: set by the control plane with atomic OR, before
	 * the function's bit in dram->kick; exchanged with 0 by the data plane.
	 */
	uint64_t kick[BVF_MAX_UCTX / 64];
	/* [d] */
	uint64_t stats[BVF_STAT_NR] __attribute__((aligned(64)));
	struct dram_uctx uctx[BVF_MAX_UCTX] __attribute__((aligned(4096)));
	struct dram_pd pd[DRAM_MAX_PD];			/* [c] all of it */
	struct dram_eq eq[DRAM_MAX_EQ];
	struct dram_ethq ethq[BVF_MAX_ETHQ];
	struct dram_cq cq[BVF_MAX_CQ_IDX];
	struct dram_qp qp[BVF_MAX_QP_IDX];
	struct dram_mr mr[DRAM_MAX_MR];
	/* [c] page tables and extents; space is managed by the control plane */
	uint8_t arena[DRAM_ARENA_SIZE] __attribute__((aligned(4096)));
};

struct dram {
	uint64_t magic;
	uint32_t layout;
	uint32_t nr_func;		/* [c] */
	uint64_t size;			/* sizeof(struct dram) */
	uint32_t epoch;			/* [c] grows when MACs, GIDs, networks or `up` change; release */
	uint32_t rsvd0;
	/* words that the two processes poll, a cache line each */
	uint64_t kick __attribute__((aligned(64)));	/* bit f: function f has kicked contexts; OR [c], exchange [d] */
	uint32_t ipc_seq __attribute__((aligned(64)));	/* [c] grows after each message to the data plane */
	uint32_t dp_asleep __attribute__((aligned(64)));/* [d] 1: kicks and messages need the eventfd */
	uint32_t dp_generation;		/* [d] counts data planes that attached */
	uint64_t dp_loops, dp_sleeps;	/* [d] */
	struct dram_region region[DRAM_MAX_REGION] __attribute__((aligned(4096)));
	struct dram_func func[DRAM_MAX_FUNC] __attribute__((aligned(4096)));
};

#endif /* BVF_DRAM_H */
