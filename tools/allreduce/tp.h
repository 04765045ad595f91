/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the ring algorithm asks of a transport: pieces go to the next rank and
 * come from the previous one, each in order. A transport must not know chunks,
 * steps or element types.
 */
#ifndef BVF_AR_TP_H
#define BVF_AR_TP_H

#include <poll.h>

#include "allreduce.h"
#include "boot.h"

#define BVF_TP_MAX_FDS	4

/* One piece. Sender and receiver derive the same ones, so nothing announces it. */
struct bvf_piece {
	size_t off;		/* in the out buffer of whoever receives */
	uint32_t len;		/* bytes, never 0 */
	bool place;		/* straight into out; else into a slot, to be reduced */
};

struct bvf_tp;

/*
 * send, recv and flush return 1 when done, 0 to be tried again later, or a
 * negative error that bvf_boot_fail() has reported.
 */
struct bvf_tp_ops {
	const char *name;
	/* src must stay as it is until flush says so. */
	int (*send)(struct bvf_tp *tp, const struct bvf_piece *p, const void *src);
	/* data: where the piece is, valid until release. */
	int (*recv)(struct bvf_tp *tp, const struct bvf_piece *p, const void **data);
	/* The piece that recv returned has been used up. */
	int (*release)(struct bvf_tp *tp);
	/* Has all that was sent left its source? */
	int (*flush)(struct bvf_tp *tp);
	/*
	 * What to sleep on until send, flush or (if want_recv) recv may do more:
	 * the number of fds, 0 if it is now, or an error.
	 */
	int (*arm)(struct bvf_tp *tp, struct pollfd *pfds, bool want_recv);
	void (*close)(struct bvf_tp *tp);
	/* One line on what carries the data, for the report's head. */
	const char *(*describe)(const struct bvf_tp *tp);
};

/* First member of each transport's own struct. */
struct bvf_tp {
	const struct bvf_tp_ops *ops;
	const struct bvf_ar_opts *o;
	struct bvf_boot *boot;
	struct bvf_ar_bufs bufs;
	int next;		/* rank to send to */
	int prev;		/* rank to receive from */
};

int bvf_tcp_open(struct bvf_tp **tpp, const struct bvf_ar_opts *o,
		 struct bvf_boot *boot, const struct bvf_ar_bufs *bufs);
int bvf_rdma_open(struct bvf_tp **tpp, const struct bvf_ar_opts *o,
		  struct bvf_boot *boot, const struct bvf_ar_bufs *bufs);

/* ring.c: out = reduction of all ranks' in. */
int bvf_ring_allreduce(struct bvf_tp *tp, enum bvf_ar_type type,
		       enum bvf_ar_redop op, size_t count);

#endif
