/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages between control plane and data plane, on one SOCK_SEQPACKET pair.
 * Says what is carried; what they refer to is in dram.h.
 *
 * Each request with a non-zero seq is answered by BVF_IPC_ACK with the same
 * seq, in order. An acknowledged STOP means that the data plane neither
 * reads nor writes the object, nor any guest memory through it, any more.
 * After sending, the control plane increments dram->ipc_seq, issues a full
 * barrier, and writes the eventfd if dram->dp_asleep is set. It does the same
 * (without ipc_seq) after setting kick bits.
 */
#ifndef BVF_IPC_H
#define BVF_IPC_H

#include <stdint.h>

enum bvf_ipc_type {
	/* control plane to data plane */
	BVF_IPC_REGION_ADD	= 1,	/* id: region, arg0: size; with fd. No ack wanted */
	BVF_IPC_REGION_DEL	= 2,	/* id */
	BVF_IPC_DMA_SYNC	= 3,	/* func: dma[], master changed; drop what was cached of it */
	BVF_IPC_IRQ		= 4,	/* func, id: vector; with eventfd, or none to unset */
	BVF_IPC_FUNC_STOP	= 5,	/* func: let go of all its objects, its EQs and irqs excepted last */
	BVF_IPC_QP_FLUSH	= 6,	/* func, id: qpn; state is ERR by now: flush both queues */
	BVF_IPC_QP_STOP		= 7,	/* func, id: qpn; to RESET or destroy: let go, no completions */
	BVF_IPC_CQ_STOP		= 8,	/* func, id: cqn */
	BVF_IPC_EQ_STOP		= 9,	/* func, id: eqn */
	BVF_IPC_MR_STOP		= 10,	/* func, id: key */
	BVF_IPC_UCTX_STOP	= 11,	/* func, id: uctx */
	BVF_IPC_ETHQ_STOP	= 12,	/* func, id: queue */
	BVF_IPC_ASYNC		= 13,	/* func, id: BVF_EQE_ASYNC_*, arg0: event, arg1: eqe.id; no ack */
	BVF_IPC_QP_SQD		= 14,	/* func, id: qpn; state is SQD: finish the current WQE, SQ_DRAINED if arg0 */
	/* data plane to control plane */
	BVF_IPC_HELLO		= 32,	/* arg0: layout version; sent once after attach */
	BVF_IPC_ACK		= 33,	/* seq */
};

struct bvf_ipc_msg {
	uint32_t type;			/* enum bvf_ipc_type */
	uint32_t seq;			/* 0: no ack wanted */
	uint32_t func, id;
	uint64_t arg0, arg1;
};

/* File descriptors that bvf-datapath inherits; given by option too. */
#define BVF_IPC_FD_DRAM		3
#define BVF_IPC_FD_SOCK		4
#define BVF_IPC_FD_EVENT	5	/* wakes the data plane */

#endif /* BVF_IPC_H */
