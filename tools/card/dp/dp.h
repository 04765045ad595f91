/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The data plane's private state and the interfaces of its files.
 * Knows the DRAM and guest memory; nothing of sockets to a VMM or of PCI.
 *
 * Everything here can be rebuilt from the DRAM: pointers into guest memory,
 * lists of what is active, timers, resolved peers. A successor does so when
 * it attaches.
 *
 * Trust: guest memory is hostile and changes at any time. What comes from it
 * is loaded once (bvf_load), checked, and used from the local copy. The DRAM
 * is the control plane's and is trusted, except that where it points to is
 * looked up in the function's reach at each use.
 */
#ifndef BVF_DP_H
#define BVF_DP_H

#include <stdbool.h>
#include <stdint.h>

#include "bvf_ipc.h"
#include "dram.h"
#include "lib/log.h"
#include "list.h"

#define bvf_load(p)		__atomic_load_n(p, __ATOMIC_RELAXED)
#define bvf_load_acq(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define bvf_store(p, v)		__atomic_store_n(p, v, __ATOMIC_RELAXED)
#define bvf_store_rel(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
/* Two 32-bit fields of the DRAM that must not be seen apart. */
#define bvf_store_pair(p, first, second)				\
	__atomic_store_n((uint64_t *)(void *)(p),			\
			 (uint64_t)(second) << 32 | (uint32_t)(first),	\
			 __ATOMIC_RELAXED)
#define bvf_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define bvf_likely(x)		__builtin_expect(!!(x), 1)
#define bvf_unlikely(x)		__builtin_expect(!!(x), 0)

/* Bytes of one QP's message that are moved before others get their turn. */
#define BVF_PIECE		(128u << 10)
/* Work requests of one QP that are executed before others get their turn. */
#define BVF_RUN_WQES		64u

struct bvf_dp;
struct bvf_func;

/* Guest memory file, mapped whole. */
struct bvf_region {
	uint8_t *base;			/* NULL: not mapped */
	uint64_t size;
	int guard;			/* slot in lib/sigbus.c */
	bool dead;			/* its file shrank under us */
};

/*
 * Guest memory that a function may touch: its DMA windows, sorted by gptr and
 * merged. [0] all windows, [1] the writable ones.
 */
struct bvf_reach {
	gptr_t lo;
	uint64_t len;
	uint8_t *host;
};

struct bvf_reach_map {
	const struct bvf_reach *last;	/* where the last look-up ended */
	uint32_t nr;
	struct bvf_reach r[DRAM_MAX_DMA];
};

/* One-shot timer on the data plane's heap. */
struct bvf_timer {
	uint64_t when;			/* ns, CLOCK_MONOTONIC */
	uint32_t pos;			/* 1-based place in the heap, 0: not armed */
	void (*fn)(struct bvf_dp *dp, struct bvf_timer *t);
};

struct bvf_eq {
	struct bvf_func *f;
	struct dram_eq *d;
	uint32_t mem_gen;
	uint32_t mask;
	uint32_t old_pi;		/* producer index when it became dirty */
	const gptr_t *pt;
	struct bvf_eq_dbrec *dbrec;
	struct bvf_list dirty;		/* on dp->dirty_eqs: written, not yet signalled */
};

struct bvf_cq {
	struct bvf_func *f;
	struct dram_cq *d;
	uint32_t cqn;
	uint32_t mem_gen;
	uint32_t mask;
	uint32_t depth_shift;
	const gptr_t *pt;
	struct bvf_cq_dbrec *dbrec;
	uint8_t *page;			/* host address of ring page page_no */
	uint32_t page_no;
	bool live;
	struct bvf_list pending;	/* on dp->pending_cqs: its EQ was full */
};

enum bvf_qp_list {
	BVF_ON_NONE,
	BVF_ON_READY,
	BVF_ON_PARKED,
};

struct bvf_qp {
	struct dram_qp *d;
	struct bvf_func *f;
	uint32_t qpn;			/* 0: not in use */
	uint32_t mem_gen;
	uint32_t serial;		/* changes when the QP is let go of */
	struct bvf_qp_dbrec *dbrec;
	const gptr_t *pt;
	uint8_t *sq_page, *rq_page;	/* host addresses of the ring pages below */
	uint32_t sq_page_no, rq_page_no;
	uint32_t sq_mask, rq_mask;
	uint8_t sq_shift, rq_shift;
	uint8_t on;			/* enum bvf_qp_list */
	uint8_t drop_why;		/* enum bvf_vendor_err of the last unanswered request */
	bool broken;			/* its buffer is out of reach */
	bool drain;			/* SQD: the current WQE is still to be finished */
	bool drain_event;		/* SQD: raise SQ_DRAINED then */
	/* after a restart, for what the predecessor did last: */
	bool redo;			/* the WQE at sq_ci may have been executed */
	bool tx_told;			/* its completion has been written */
	bool rx_told;			/* so has that of the receive at rq_ci */
	bool notify;			/* dbrec.rq_notify is set */
	struct bvf_cq *scq, *rcq;
	/* requester: where the responder is; valid for peer_epoch and peer_serial */
	struct bvf_func *peer_f;
	struct bvf_qp *peer;
	uint32_t peer_epoch, peer_serial;
	/* UD: the address last resolved, valid for peer_epoch */
	uint8_t av_gid[16], av_mac[6];
	struct bvf_list ready;		/* on f->ready or f->parked */
	struct bvf_timer timer;
};

/* User context: what is polled while it is awake. */
struct bvf_ctx {
	struct bvf_func *f;
	uint32_t uctx;
	uint32_t mem_gen;
	struct bvf_db_page *db;
	uint64_t last;			/* ns, when it last had work */
	uint8_t tree, leaf;		/* where the next look at its bells begins */
	struct bvf_list active;		/* on f->active */
};

#define BVF_ASYNC_QUEUE	256

struct bvf_func {
	struct bvf_dp *dp;
	struct dram_func *d;
	uint32_t idx;
	uint32_t mem_gen;		/* grows when `reach` changes */
	uint32_t nr_dma;
	struct bvf_list active;		/* contexts being polled */
	struct bvf_list polled;		/* on dp->active while `active` is not empty */
	struct bvf_list ready;		/* QPs that have work */
	struct bvf_list parked;		/* QPs with work, in a state that does not send yet */
	struct bvf_list link;		/* on dp->ready while `ready` is not empty */
	int irq[BVF_MAX_VECTORS];	/* eventfds, -1: none */
	struct bvf_reach_map reach[2];
	struct dram_dma dma[DRAM_MAX_DMA];
	struct bvf_qp *qp[BVF_MAX_QP_IDX];	/* made on first use, kept */
	struct bvf_cq *cq[BVF_MAX_CQ_IDX];
	struct bvf_eq eq[DRAM_MAX_EQ];
	struct bvf_ctx *ctx[BVF_MAX_UCTX];
	/* asynchronous events that wait for room in the EQ */
	struct bvf_eqe async[BVF_ASYNC_QUEUE];
	uint32_t async_pi, async_ci;
	struct bvf_list async_link;	/* on dp->pending_async */
};

struct bvf_dp {
	struct dram *dram;
	uint64_t now;			/* ns, taken once a round */
	uint64_t moved;			/* bytes copied for send WQEs */
	uint32_t ipc_seen;
	struct bvf_list active;		/* functions with contexts being polled */
	struct bvf_list ready;		/* functions with ready QPs */
	struct bvf_list dirty_eqs;
	struct bvf_list pending_cqs;
	struct bvf_list pending_async;
	struct bvf_timer event_timer;	/* retries what waits for room in an EQ */
	struct bvf_timer **heap;
	uint32_t nr_heap, cap_heap;
	int sock, event, epoll;
	bool stop;
	bool attached;			/* the regions that the DRAM names are there */
	bool restarted;			/* there was a data plane before this one */
	int faults_seen;		/* of bvf_sigbus_faults */
	uint32_t ack_owed;		/* seq of an ACK that did not fit in the socket */
	uint64_t spin_ns;		/* how long to look for work before a sleep */
	struct bvf_region region[DRAM_MAX_REGION];
	struct bvf_func func[DRAM_MAX_FUNC];
};

/* region.c, mem.c: what a function can touch */

/* A run of bytes named by a work request, after its key has been checked. */
enum bvf_seg_kind {
	BVF_SEG_MR,			/* extents of an MR */
	BVF_SEG_DMA,			/* IOVAs of the function */
	BVF_SEG_HOST,			/* a place already translated */
};

struct bvf_seg {
	const struct dram_ext *ext;	/* MR */
	uint64_t off;			/* MR: offset; DMA: IOVA; HOST: address */
	uint32_t len;
	uint32_t nr_ext;
	uint32_t cur;			/* MR: extent of the last look-up */
	uint32_t kind;
};

struct bvf_sglist {
	struct bvf_func *f;
	uint32_t nr;
	struct bvf_seg seg[BVF_MAX_SGE];
};

int bvf_region_add(struct bvf_dp *dp, uint32_t id, uint64_t size, int fd);
void bvf_region_del(struct bvf_dp *dp, uint32_t id);
void bvf_region_check(struct bvf_dp *dp);

/**
 * bvf_mem_sync() - Take over a function's DMA windows from the DRAM
 * @f:	function whose windows, regions or bus master bit changed
 */
void bvf_mem_sync(struct bvf_func *f);

uint8_t *bvf_reach_slow(struct bvf_func *f, gptr_t p, uint64_t len, bool write);

/* Host address of [p, p + len), NULL if the function cannot reach all of it. */
static inline uint8_t *bvf_reach(struct bvf_func *f, gptr_t p, uint64_t len,
				 bool write)
{
	const struct bvf_reach *r = f->reach[write].last;
	uint64_t off = p - r->lo;

	if (bvf_likely(off < r->len && len <= r->len - off))
		return r->host + off;
	return bvf_reach_slow(f, p, len, write);
}

static inline const void *bvf_arena(const struct bvf_func *f, uint32_t idx)
{
	return f->d->arena + (uint64_t)idx * 16;
}

/**
 * bvf_buf_ok() - Whether every page of a queue buffer is in reach
 */
bool bvf_buf_ok(struct bvf_func *f, const struct dram_buf *buf);

/* Host address of a place in a queue buffer; what is there ends at the page's end. */
static inline uint8_t *bvf_buf_ptr(struct bvf_func *f, const gptr_t *pt,
				   uint64_t off)
{
	uint8_t *page = bvf_reach(f, pt[off >> BVF_PAGE_SHIFT], BVF_PAGE_SIZE,
				  true);

	return page ? page + (off & (BVF_PAGE_SIZE - 1)) : NULL;
}

/**
 * bvf_dma_ptr() - Translate an IOVA of a function
 * @f:		the function
 * @iova:	first byte
 * @write:	whether it will be written
 * @avail:	set to the bytes contiguous from there on
 *
 * Return: host address, NULL if there is no such window
 */
uint8_t *bvf_dma_ptr(struct bvf_func *f, uint64_t iova, bool write,
		     uint64_t *avail);
int bvf_dma_check(struct bvf_func *f, uint64_t iova, uint64_t len, bool write);
int bvf_dma_read(struct bvf_func *f, void *to, uint64_t iova, uint32_t len);
int bvf_dma_write(struct bvf_func *f, uint64_t iova, const void *from,
		  uint32_t len);

/**
 * bvf_key_seg() - Check a key and make a segment of what it names
 * @qp:		whose PD counts
 * @access:	BVF_ACC_* that the MR must have, all of them
 *
 * Return: BVF_VE_NONE or the enum bvf_vendor_err
 */
int bvf_key_seg(const struct bvf_qp *qp, uint32_t key, uint64_t addr,
		uint32_t len, uint32_t access, struct bvf_seg *seg);

/* Bytes of a segment, contiguous from @pos; sets *ptr. 0: out of reach. */
uint32_t bvf_seg_chunk(struct bvf_func *f, struct bvf_seg *seg, uint32_t pos,
		       bool write, uint8_t **ptr);

/* copy.c */
void bvf_copy_init(void);
void bvf_copy(void *to, const void *from, uint32_t len);
extern uint64_t bvf_copy_nt_min;	/* message bytes from which non-temporal stores pay */

enum bvf_copy_side {
	BVF_COPY_OK,
	BVF_COPY_SRC,			/* source out of reach */
	BVF_COPY_DST,
};

/**
 * bvf_copy_sg() - Move a piece of a message, the one copy there is
 * @len:	bytes to move
 * @total:	bytes of the whole message, for the choice of the instructions
 */
enum bvf_copy_side bvf_copy_sg(struct bvf_sglist *dst, uint64_t dst_off,
			       struct bvf_sglist *src, uint64_t src_off,
			       uint32_t len, uint64_t total);

/* wqe.c */
struct bvf_req {
	uint8_t op, flags;
	uint8_t status, vendor;		/* why the WQE was refused: CQE status */
	__be32 imm;
	uint32_t rkey;
	uint32_t len;			/* bytes of the message */
	uint32_t piece;			/* bytes to move now */
	uint64_t raddr;
	uint64_t off;			/* where the piece starts */
	uint32_t psn, npsn;
	bool redo;			/* may have been executed before a restart */
	struct bvf_wqe_av av __attribute__((aligned(8)));	/* UD; loaded by words */
	struct bvf_sglist sg;
};

/* Return: 0, or -EINVAL with req->status and req->vendor set */
int bvf_wqe_load(struct bvf_qp *qp, uint32_t idx, struct bvf_req *req);

struct bvf_recv {
	uint32_t len;			/* of all buffers */
	uint8_t status, vendor;
	struct bvf_sglist sg;
};

/* Return: 0, or -EINVAL with rx->status and rx->vendor set */
int bvf_rwqe_load(struct bvf_qp *qp, uint32_t idx, struct bvf_recv *rx);

/* cq.c, eq.c */
struct bvf_cq *bvf_cq_get(struct bvf_func *f, uint32_t cqn);
void bvf_cq_drop(struct bvf_func *f, uint32_t cqn);
int bvf_cq_push(struct bvf_cq *cq, const struct bvf_cqe *cqe);
void bvf_cq_doorbell(struct bvf_cq *cq);
void bvf_cq_retry_event(struct bvf_cq *cq);
void bvf_cq_attach(struct bvf_cq *cq);
/* The newest completion; false if there never was one. */
bool bvf_cq_last(struct bvf_cq *cq, struct bvf_cqe *cqe);

int bvf_eq_push(struct bvf_func *f, uint32_t eqn, const struct bvf_eqe *eqe);
void bvf_eq_attach(struct bvf_func *f, uint32_t eqn);
void bvf_eq_drop(struct bvf_func *f, uint32_t eqn);
void bvf_eq_flush(struct bvf_dp *dp);
void bvf_event_init(struct bvf_dp *dp);
void bvf_event_wait(struct bvf_dp *dp);
void bvf_async(struct bvf_func *f, uint8_t type, uint8_t event, uint32_t id);
void bvf_irq_set(struct bvf_func *f, uint32_t vector, int fd);
void bvf_irq_raise(struct bvf_func *f, uint32_t vector);

/* qp.c: life of a QP, errors and flushing */
struct bvf_qp *bvf_qp_get(struct bvf_func *f, uint32_t idx);
void bvf_qp_drop(struct bvf_qp *qp);
void bvf_qp_ready(struct bvf_qp *qp);
void bvf_qp_park(struct bvf_qp *qp);
void bvf_qp_unpark(struct bvf_func *f);
void bvf_qp_doorbell(struct bvf_qp *qp);
bool bvf_qp_run(struct bvf_qp *qp);
void bvf_qp_error(struct bvf_qp *qp, uint8_t event);
void bvf_qp_sqe(struct bvf_qp *qp);
void bvf_qp_attach(struct bvf_qp *qp);
void bvf_qp_drained(struct bvf_qp *qp);
void bvf_qp_cancel_wait(struct bvf_qp *qp);

/* The address may change, or has changed. */
static inline void bvf_qp_forget_peer(struct bvf_qp *qp)
{
	qp->serial++;
	qp->peer = NULL;
	qp->peer_f = NULL;
}

static inline uint32_t bvf_qp_state(const struct bvf_qp *qp)
{
	uint32_t state = bvf_load_acq(&qp->d->state), error = qp->d->error;

	/* What the driver set beyond SQE is not taken back by it. */
	return error && state != BVF_QPS_RESET && state != BVF_QPS_ERR ?
	       error : state;
}

/* Host address of a send or receive WQE; NULL if its page went away. */
uint8_t *bvf_qp_page(struct bvf_qp *qp, uint32_t page_no);

static inline uint8_t *bvf_sq_wqe(struct bvf_qp *qp, uint32_t idx)
{
	uint32_t off = qp->d->sq_off + ((idx & qp->sq_mask) << qp->sq_shift);

	if (bvf_unlikely(off >> BVF_PAGE_SHIFT != qp->sq_page_no)) {
		qp->sq_page_no = off >> BVF_PAGE_SHIFT;
		qp->sq_page = bvf_qp_page(qp, qp->sq_page_no);
	}
	return qp->sq_page + (off & (BVF_PAGE_SIZE - 1));
}

static inline uint8_t *bvf_rq_wqe(struct bvf_qp *qp, uint32_t idx)
{
	uint32_t off = qp->d->rq_off + ((idx & qp->rq_mask) << qp->rq_shift);

	if (bvf_unlikely(off >> BVF_PAGE_SHIFT != qp->rq_page_no)) {
		qp->rq_page_no = off >> BVF_PAGE_SHIFT;
		qp->rq_page = bvf_qp_page(qp, qp->rq_page_no);
	}
	return qp->rq_page + (off & (BVF_PAGE_SIZE - 1));
}

/* sq.c: requester */
bool bvf_sq_run(struct bvf_qp *qp);
void bvf_sq_timer(struct bvf_dp *dp, struct bvf_timer *t);
int bvf_sq_complete(struct bvf_qp *qp, uint32_t idx, uint8_t op,
		    uint32_t len, uint8_t status, uint8_t vendor);
void bvf_sq_fail(struct bvf_qp *qp, uint8_t op, uint8_t status, uint8_t vendor);

/* resp.c: responder */
enum bvf_answer {
	BVF_ANS_ACK,			/* the piece is where it belongs */
	BVF_ANS_NONE,			/* dropped, as a wire drops */
	BVF_ANS_RNR,
	BVF_ANS_NAK,			/* answer.status says which */
	BVF_ANS_LOCAL,			/* the requester's own memory failed */
	BVF_ANS_AGAIN,			/* a message to the data plane has to be served first */
};

struct bvf_reply {
	uint8_t status;			/* enum bvf_cqe_status, with NAK and LOCAL */
	uint8_t vendor;
	uint8_t rnr_timer;		/* with RNR */
};

enum bvf_answer bvf_resp_request(struct bvf_qp *qp, struct bvf_req *req,
				 struct bvf_reply *reply);

/* rq.c: receive queue */

/*
 * Receives that the guest has posted and that are not consumed. -EPROTO: the
 * producer index ran past the ring; -EAGAIN: serve IPC first.
 */
int bvf_rq_avail(struct bvf_qp *qp);
/* As bvf_rq_avail(), after asking the guest to ring when it posts. */
int bvf_rq_notify(struct bvf_qp *qp);
/*
 * Completes and consumes the receive at rq_ci; cqe holds all but its names,
 * rq_psn the PSN expected from then on.
 */
int bvf_recv_complete(struct bvf_qp *qp, struct bvf_cqe *cqe, uint32_t rq_psn);

/* local.c: transport to functions of the same card */
struct bvf_func *bvf_local_func(struct bvf_func *f, const uint8_t *mac,
				const uint8_t *gid);
enum bvf_answer bvf_local_request(struct bvf_qp *qp, struct bvf_req *req,
				  struct bvf_reply *reply);
void bvf_local_post_recv(struct bvf_qp *qp);

/* ud.c: datagrams. ACK also stands for a datagram that nobody could take. */
#define BVF_UD_MAX	4096u
enum bvf_answer bvf_ud_send(struct bvf_qp *qp, struct bvf_req *req,
			    struct bvf_reply *reply);

/* timer.c */
uint64_t bvf_now(void);
void bvf_timer_arm(struct bvf_dp *dp, struct bvf_timer *t, uint64_t when);
void bvf_timer_cancel(struct bvf_dp *dp, struct bvf_timer *t);
bool bvf_timer_run(struct bvf_dp *dp);
uint64_t bvf_rnr_ns(uint8_t code);
uint64_t bvf_timeout_ns(uint8_t code);

/* db.c: doorbells and kicks */
struct bvf_ctx *bvf_ctx_wake(struct bvf_func *f, uint32_t uctx);
void bvf_ctx_rebind(struct bvf_func *f);
void bvf_ctx_drop(struct bvf_func *f, uint32_t uctx);
bool bvf_db_kicks(struct bvf_dp *dp);
bool bvf_db_scan(struct bvf_dp *dp);
bool bvf_db_sleep(struct bvf_dp *dp, uint64_t idle_ns);

/* ipc.c */
static inline bool bvf_ipc_pending(const struct bvf_dp *dp)
{
	return bvf_load_acq(&dp->dram->ipc_seq) != dp->ipc_seen;
}
/* Messages remove objects: never in the middle of a list or a QP's turn. */
bool bvf_ipc_serve(struct bvf_dp *dp);
int bvf_ipc_hello(struct bvf_dp *dp);

/* attach.c: going on from what the DRAM holds */
int bvf_attach(struct bvf_dp *dp);
void bvf_attach_scan(struct bvf_dp *dp);
void bvf_func_init(struct bvf_dp *dp, uint32_t idx);
void bvf_func_stop(struct bvf_func *f);

/* sandbox.c: gives up the system calls that a running data plane does not need */
void bvf_sandbox(void);

/* loop.c */
int bvf_run(struct bvf_dp *dp);

/*
 * eth.c: Ethernet queues. Weak, so that the RDMA half stands alone.
 * doorbell: bits of bvf_db_page.eth; poll: once a round, returns whether it
 * did something (and wants another round at once); stop: queue let go of, or
 * all with -1; attach: at start, for each function that is up.
 */
void bvf_eth_doorbell(struct bvf_dp *dp, struct bvf_func *f, uint64_t bits)
	__attribute__((weak));
bool bvf_eth_poll(struct bvf_dp *dp) __attribute__((weak));
void bvf_eth_stop(struct bvf_dp *dp, struct bvf_func *f, int queue)
	__attribute__((weak));
void bvf_eth_attach(struct bvf_dp *dp, struct bvf_func *f)
	__attribute__((weak));

static inline void bvf_stat(struct bvf_func *f, enum bvf_stat s, uint64_t n)
{
	bvf_store(&f->d->stats[s], f->d->stats[s] + n);
}

#endif /* BVF_DP_H */
