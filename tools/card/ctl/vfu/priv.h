/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private to the vfio-user server: its state, and what its three files (conn:
 * sockets and framing, msg: commands, dma: address table) owe each other.
 */
#ifndef BVF_VFU_PRIV_H
#define BVF_VFU_PRIV_H

#include "../../lib/loop.h"
#include "proto.h"
#include "vfu.h"

#define BVF_VFU_MAX_BODY	(BVF_VFU_MAX_XFER + 4096)
#define BVF_VFU_MAX_PENDING	8
#define BVF_VFU_MAX_WAIT	32	/* payload of an answer that can be deferred */

struct iovec;

/* A DMA_READ of ours that the client has not answered. */
struct bvf_vfu_pending {
	bool used;
	uint16_t id;
	uint64_t iova;
	uint32_t len;
	void (*done)(void *arg, int err, const void *data);
	void *arg;
};

enum bvf_vfu_state {
	BVF_VFU_IDLE,		/* no client */
	BVF_VFU_NEW,		/* connected, no VERSION yet */
	BVF_VFU_READY,
	BVF_VFU_WAIT,		/* an op has deferred its answer: not reading */
	BVF_VFU_CLOSING,	/* client gone, device still letting go */
};

struct bvf_vfu {
	struct bvf_vfu_config cfg;
	struct bvf_loop *loop;
	enum bvf_vfu_state state;
	bool dead;			/* drop the client at the next safe point */

	struct bvf_loop_src listen;
	struct bvf_loop_src sock;
	bool watching;			/* sock is in the loop */

	/* The message being read. */
	struct bvf_vfu_hdr hdr;
	size_t hdr_have;
	size_t body_have;
	int fds[BVF_VFU_MAX_MSG_FDS];
	unsigned int nr_fds;
	bool fds_lost;			/* more descriptors than allowed came */
	uint8_t *body;			/* BVF_VFU_MAX_BODY bytes */

	/* What the client has not taken yet. */
	uint8_t *out;
	size_t out_len;
	size_t out_cap;

	/* The command whose answer is deferred. */
	struct bvf_vfu_hdr wait_hdr;
	uint8_t wait_payload[BVF_VFU_MAX_WAIT];
	size_t wait_len;

	uint16_t next_id;
	struct bvf_vfu_pending pending[BVF_VFU_MAX_PENDING];

	struct bvf_vfu_dma *dma;	/* sorted by iova */
	size_t nr_dma;
	size_t cap_dma;
};

/* conn.c */
void bvf_vfu_send(struct bvf_vfu *vfu, const struct iovec *iov, int nr_iov);
void bvf_vfu_reply(struct bvf_vfu *vfu, const struct bvf_vfu_hdr *req, int err,
		   const void *head, size_t head_len, const void *data,
		   size_t data_len);

/* msg.c */
void bvf_vfu_handle(struct bvf_vfu *vfu);
void bvf_vfu_reply_deferred(struct bvf_vfu *vfu, int err);
void bvf_vfu_pending_abort(struct bvf_vfu *vfu);

/* dma.c */
int bvf_vfu_dma_insert(struct bvf_vfu *vfu, const struct bvf_vfu_dma *dma,
		       int fd);
int bvf_vfu_dma_remove(struct bvf_vfu *vfu, uint64_t iova, uint64_t size);
void bvf_vfu_dma_clear(struct bvf_vfu *vfu);

#endif
