/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Verbs test bench: one device, connected QP pairs on it, one buffer each.
 * Uses public libibverbs only, so it runs on any RoCE device.
 */
#ifndef VT_H
#define VT_H

#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VT_BUF_LEN	(4u << 20)
#define VT_DEPTH	64
#define VT_MAX_SGE	16
#define VT_ACCESS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ)

struct vt_dev {
	struct ibv_context *ctx;
	struct ibv_port_attr port;
	union ibv_gid gid;
	int gid_index;
};

/* One end: its own PD, CQs and memory. */
struct vt_end {
	struct vt_dev *dev;
	struct ibv_pd *pd;
	struct ibv_comp_channel *ch;
	struct ibv_cq *scq, *rcq;
	struct ibv_qp *qp;
	struct ibv_mr *mr;
	uint8_t *buf;
};

struct vt_opts {
	int sq_depth, rq_depth;		/* 0: VT_DEPTH */
	int cq_depth;			/* 0: 4 * VT_DEPTH */
	int max_inline;
	int mr_access;			/* 0: VT_ACCESS */
	int qp_access;			/* -1: none; 0: VT_ACCESS */
	bool sig_all;
	int timeout, retry_cnt;		/* 0: 14, 7 */
	int rnr_retry;			/* -1: 0; 0: 7 */
	int min_rnr;			/* 0: 1 (10 us) */
	int max_rd;			/* -1: 0; 0: 16 */
	uint32_t psn_skew;		/* added to the second end's rq_psn */
};

struct vt_pair {
	struct vt_end a, b;
};

/* The device: $BVF_IBDEV, or the first that is a bvf function. */
int vt_open(struct vt_dev *dev);
void vt_close(struct vt_dev *dev);

int vt_end_init(struct vt_dev *dev, struct vt_end *e, const struct vt_opts *o);
void vt_end_fini(struct vt_end *e);
int vt_connect(struct vt_end *e, struct vt_end *peer, const struct vt_opts *o, uint32_t psn_skew);
int vt_pair_init(struct vt_dev *dev, struct vt_pair *p, const struct vt_opts *o);
void vt_pair_fini(struct vt_pair *p);

/* Waits at most 10 s for one completion. 0, or -ETIMEDOUT. */
int vt_wait(struct ibv_cq *cq, struct ibv_wc *wc);
/* Waits for one completion and returns its status, or -ETIMEDOUT. */
int vt_status(struct ibv_cq *cq);
/* True if no completion comes within ms milliseconds. */
bool vt_quiet(struct ibv_cq *cq, int ms);

int vt_recv(struct vt_end *e, uint64_t id, size_t off, uint32_t len);
int vt_post(struct vt_end *e, enum ibv_wr_opcode op, size_t off, uint32_t len,
	    const struct vt_end *to, size_t to_off, unsigned int flags);
enum ibv_qp_state vt_state(struct vt_end *e);
bool vt_async(struct vt_dev *dev, enum ibv_event_type type, int ms);

/* Deterministic bytes: fill, and the offset of the first wrong one or -1. */
void vt_fill(uint8_t *p, size_t len, uint32_t seed);
long vt_check(const uint8_t *p, size_t len, uint32_t seed);

#endif /* VT_H */
