/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A control plane and a guest in one header: makes a DRAM and guest memory by
 * hand, publishes objects as bvf-card would, and drives bvf-datapath alone.
 * Knows no admin queue and no vfio-user; it is trusted, as bvf-card is.
 */
#ifndef BVF_FAKE_H
#define BVF_FAKE_H

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "bvf_ipc.h"
#include "dram.h"
#include "tap.h"

#ifndef FK_MEM
#define FK_MEM		(320ull << 20)
#endif
#define FK_ACC		(BVF_ACC_LOCAL_WRITE | BVF_ACC_REMOTE_WRITE | \
			 BVF_ACC_REMOTE_READ)

struct fk_func {
	struct fk *k;
	uint32_t idx;
	struct dram_func *d;
	int mem_fd, irq;
	uint8_t *mem;
	uint64_t next;			/* of guest memory */
	uint32_t arena;			/* next, in units of 16 bytes */
	struct bvf_db_page *db;
	uint32_t eq_ci;
	struct bvf_eqe *eq;
	struct bvf_eq_dbrec *eq_db;
};

struct fk {
	struct dram *dram;
	int dram_fd, sock, event;
	uint32_t seq;
	pid_t pid;
	struct fk_func f[2];
};

struct fk_cq {
	struct fk_func *f;
	uint32_t cqn, ci, shift, arm;
	struct bvf_cqe *ring;
	struct bvf_cq_dbrec *db;
};

struct fk_qp {
	struct fk_func *f;
	struct dram_qp *d;
	struct fk_cq *cq;
	uint32_t sq_pi, rq_pi, shift;
	uint8_t *sq, *rq;
	struct bvf_qp_dbrec *db;
};

#define FK_SQ_STRIDE	7		/* log2: 6 SGEs, or 96 bytes inline */
#define FK_RQ_STRIDE	7

static inline void *fk_alloc(struct fk_func *f, uint64_t len)
{
	void *p = f->mem + f->next;

	len = (len + 4095) & ~4095ull;
	if (f->next + len > FK_MEM)
		TAP_FAIL("out of guest memory");
	f->next += len;
	return p;
}

static inline uint64_t fk_off(const struct fk_func *f, const void *p)
{
	return (uint64_t)((const uint8_t *)p - f->mem);
}

static inline void fk_wake(struct fk *k)
{
	uint64_t one = 1;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&k->dram->dp_asleep, __ATOMIC_RELAXED) &&
	    write(k->event, &one, sizeof(one)) < 0)
		TAP_FAIL("eventfd");
}

/* Sends a message; with wait, returns when it has been acknowledged. */
static inline void fk_msg(struct fk *k, struct bvf_ipc_msg m, int fd, bool wait)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl = { 0 };
	struct iovec iov = { &m, sizeof(m) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	m.seq = wait ? ++k->seq : 0;
	if (fd >= 0) {
		struct cmsghdr *c = &ctl.align;

		mh.msg_control = ctl.buf;
		mh.msg_controllen = sizeof(ctl.buf);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	TAP_EQ(sendmsg(k->sock, &mh, 0), (ssize_t)sizeof(m));
	__atomic_fetch_add(&k->dram->ipc_seq, 1, __ATOMIC_SEQ_CST);
	fk_wake(k);
	while (wait) {
		struct bvf_ipc_msg a;

		TAP_EQ(recv(k->sock, &a, sizeof(a), 0), (ssize_t)sizeof(a));
		if (a.type == BVF_IPC_HELLO)
			continue;
		TAP_EQ(a.type, (uint32_t)BVF_IPC_ACK);
		TAP_EQ(a.seq, k->seq);
		wait = false;
	}
}

/* Starts a data plane on the DRAM and hands it files and eventfds. */
static inline void fk_spawn(struct fk *k)
{
	const char *path = getenv("BVF_DATAPATH");
	const char *level = getenv("BVF_LOG");
	int sv[2];

	TAP_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	k->sock = sv[0];
	k->pid = fork();
	if (!k->pid) {
		int d = fcntl(k->dram_fd, F_DUPFD, 20);
		int s = fcntl(sv[1], F_DUPFD, 20);
		int e = fcntl(k->event, F_DUPFD, 20);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(d, BVF_IPC_FD_DRAM);
		dup2(s, BVF_IPC_FD_SOCK);
		dup2(e, BVF_IPC_FD_EVENT);
		path = path ? path : BVF_DATAPATH_DEFAULT;
		execl(path, path, "--log-level", level ? level : "warn",
		      (char *)NULL);
		fprintf(stderr, "# cannot run %s\n", path);
		_exit(127);
	}
	close(sv[1]);
	for (uint32_t i = 0; i < 2; i++) {
		if (!k->f[i].mem)
			continue;
		fk_msg(k, (struct bvf_ipc_msg){ .type = BVF_IPC_REGION_ADD,
		       .id = i, .arg0 = FK_MEM }, k->f[i].mem_fd, false);
		fk_msg(k, (struct bvf_ipc_msg){ .type = BVF_IPC_IRQ,
		       .func = i }, k->f[i].irq, false);
	}
	fk_msg(k, (struct bvf_ipc_msg){ .type = BVF_IPC_MR_STOP }, -1, true);
}

static inline uint32_t fk_arena(struct fk_func *f, uint32_t bytes)
{
	uint32_t at = f->arena;

	f->arena += (bytes + 15) / 16;
	return at;
}

static inline struct dram_buf fk_buf(struct fk_func *f, void *p, uint64_t len)
{
	uint32_t nr = (uint32_t)((len + 4095) / 4096);
	struct dram_buf b = { fk_arena(f, nr * 8), nr };
	gptr_t *pt = (void *)(f->d->arena + (uint64_t)b.pt * 16);

	for (uint32_t i = 0; i < nr; i++)
		pt[i] = GPTR((uint64_t)f->idx, fk_off(f, p) + i * 4096ull);
	return b;
}

static inline void fk_func_up(struct fk *k, uint32_t i)
{
	struct fk_func *f = &k->f[i];
	struct dram_func *d = &k->dram->func[i];
	struct dram_eq *eq = &d->eq[0];
	void *buf;

	f->k = k;
	f->idx = i;
	f->d = d;
	f->mem_fd = memfd_create("guest", MFD_CLOEXEC);
	TAP_EQ(ftruncate(f->mem_fd, FK_MEM), 0);
	f->mem = mmap(NULL, FK_MEM, PROT_READ | PROT_WRITE, MAP_SHARED,
		      f->mem_fd, 0);
	f->irq = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	k->dram->region[i] = (struct dram_region){ .size = FK_MEM, .refs = 1 };
	d->master = 1;
	d->nr_dma = 1;
	d->dma[0] = (struct dram_dma){ .len = FK_MEM, .writable = 1,
		.ptr = GPTR((uint64_t)i, 0) };
	memcpy(d->mac, "\x02\0\0\0\0", 5);
	d->mac[5] = (uint8_t)i;
	memcpy(d->gid[0], "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
	d->gid[0][15] = (uint8_t)(i + 1);
	snprintf(d->name, sizeof(d->name), "f%u", i);
	f->db = fk_alloc(f, 4096);
	f->db->asleep = 1;
	d->uctx[0].db = GPTR((uint64_t)i, fk_off(f, f->db));
	d->uctx[0].valid = 1;
	buf = fk_alloc(f, 8192);
	f->eq = buf;
	f->eq_db = (void *)((uint8_t *)buf + 4096);
	eq->depth_shift = 8;
	eq->dbrec_off = 4096;
	eq->buf = fk_buf(f, buf, 8192);
	eq->valid = 1;
	d->async_eqn = 0;
	d->up = 1;
	k->dram->epoch++;
}

static inline void fk_up(struct fk *k)
{
	memset(k, 0, sizeof(*k));
	k->dram_fd = memfd_create("dram", MFD_CLOEXEC);
	TAP_EQ(ftruncate(k->dram_fd, sizeof(struct dram)), 0);
	k->dram = mmap(NULL, sizeof(struct dram), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_NORESERVE, k->dram_fd, 0);
	TAP_OK(k->dram != MAP_FAILED);
	k->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	k->dram->magic = DRAM_MAGIC;
	k->dram->layout = DRAM_LAYOUT;
	k->dram->size = sizeof(struct dram);
	k->dram->nr_func = 2;
	fk_func_up(k, 0);
	fk_func_up(k, 1);
	fk_spawn(k);
	for (uint32_t i = 0; i < 2; i++)
		fk_msg(k, (struct bvf_ipc_msg){ .type = BVF_IPC_DMA_SYNC,
		       .func = i }, -1, true);
}

static inline void fk_cq_make(struct fk_func *f, uint32_t cqn, uint32_t shift,
			      struct fk_cq *cq)
{
	uint64_t ring = ((64ull << shift) + 4095) & ~4095ull;
	uint8_t *buf = fk_alloc(f, ring + 4096);
	struct dram_cq *d = &f->d->cq[cqn];

	*cq = (struct fk_cq){ .f = f, .cqn = cqn, .shift = shift,
		.ring = (void *)buf, .db = (void *)(buf + ring) };
	d->eqn = 0;
	d->buf = fk_buf(f, buf, ring + 4096);
	d->dbrec_off = (uint32_t)ring;
	d->depth_shift = shift;
	__atomic_store_n(&d->valid, 1, __ATOMIC_RELEASE);
}

static inline void fk_qp_make(struct fk_func *f, uint32_t idx, uint32_t shift,
			      struct fk_cq *cq, struct fk_qp *qp)
{
	uint64_t sq = ((1ull << (shift + FK_SQ_STRIDE)) + 4095) & ~4095ull;
	uint64_t rq = ((1ull << (shift + FK_RQ_STRIDE)) + 4095) & ~4095ull;
	uint8_t *buf = fk_alloc(f, sq + rq + 4096);
	struct dram_qp *d = &f->d->qp[idx];

	*qp = (struct fk_qp){ .f = f, .d = d, .cq = cq, .shift = shift,
		.sq = buf, .rq = buf + sq, .db = (void *)(buf + sq + rq) };
	d->type = BVF_QPT_RC;
	d->pdn = 1;
	d->send_cqn = cq->cqn;
	d->recv_cqn = cq->cqn;
	d->buf = fk_buf(f, buf, sq + rq + 4096);
	d->rq_off = (uint32_t)sq;
	d->dbrec_off = (uint32_t)(sq + rq);
	d->sq_depth_shift = (uint8_t)shift;
	d->rq_depth_shift = (uint8_t)shift;
	d->sq_stride_shift = FK_SQ_STRIDE;
	d->rq_stride_shift = FK_RQ_STRIDE;
	memcpy(d->sgid, f->d->gid[0], 16);
	d->state = BVF_QPS_INIT;
	__atomic_store_n(&d->qpn, 1u << BVF_QP_IDX_BITS | idx,
			 __ATOMIC_RELEASE);
}

static inline void fk_connect_one(struct fk_qp *a, const struct fk_qp *b)
{
	struct bvf_qp_attr *at = &a->d->attr;

	memcpy(at->dgid, b->d->sgid, 16);
	memcpy(at->dmac, b->f->d->mac, 6);
	at->dest_qpn = b->d->qpn;
	at->access = BVF_ACC_REMOTE_WRITE | BVF_ACC_REMOTE_READ;
	at->path_mtu = 5;
	at->timeout = 8;		/* about 1 ms */
	at->retry_cnt = 3;
	at->rnr_retry = 7;
	at->min_rnr_timer = 12;		/* 0.64 ms */
	at->max_rd_atomic = 16;
	at->max_dest_rd_atomic = 16;
	a->d->sq_psn = a->d->rq_psn = 0xfffff0;
	a->d->retry_left = 3;
	a->d->rnr_left = 7;
	__atomic_store_n(&a->d->state, BVF_QPS_RTS, __ATOMIC_RELEASE);
}

static inline void fk_connect(struct fk_qp *a, struct fk_qp *b)
{
	fk_connect_one(a, b);
	fk_connect_one(b, a);
}

/* An MR of the whole guest memory, addressed by offset, in extents of ext_len. */
static inline uint32_t fk_mr(struct fk_func *f, uint32_t idx, uint64_t ext_len,
			     uint32_t access)
{
	struct dram_mr *d = &f->d->mr[idx];
	uint32_t nr = (uint32_t)(FK_MEM / ext_len);
	struct dram_ext *e;

	d->ext = fk_arena(f, (nr + 1) * 16);
	e = (void *)(f->d->arena + (uint64_t)d->ext * 16);
	for (uint32_t i = 0; i < nr; i++)
		e[i] = (struct dram_ext){ i * ext_len,
			GPTR((uint64_t)f->idx, i * ext_len) };
	e[nr] = (struct dram_ext){ FK_MEM, GPTR_NONE };
	d->nr_ext = nr;
	d->pdn = 1;
	d->access = access;
	d->va = 0;
	d->len = FK_MEM;
	__atomic_store_n(&d->key, idx << 8 | 7, __ATOMIC_RELEASE);
	return idx << 8 | 7;
}

static inline void fk_kick(struct fk_func *f)
{
	struct dram *d = f->k->dram;

	__atomic_fetch_or(&f->d->kick[0], 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&d->kick, 1ull << f->idx, __ATOMIC_SEQ_CST);
	fk_wake(f->k);
}

static inline void fk_ring(struct fk_func *f, __le64 *leaf, __le64 *sum,
			   uint32_t i)
{
	__atomic_fetch_or(&leaf[i / 64], 1ull << (i % 64), __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&sum[i / 4096], 1ull << (i / 64 % 64),
			  __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&f->db->asleep, __ATOMIC_SEQ_CST))
		fk_kick(f);
}

static inline void fk_ring_qp(struct fk_qp *qp)
{
	fk_ring(qp->f, qp->f->db->qp_leaf, qp->f->db->qp_summary,
		BVF_QPN_IDX(qp->d->qpn));
}

static inline void fk_flush_sq(struct fk_qp *qp)
{
	__atomic_store_n(&qp->db->sq_pi, qp->sq_pi, __ATOMIC_RELEASE);
	fk_ring_qp(qp);
}

/* Puts a work request with one SGE into the ring; no doorbell. */
static inline void fk_put(struct fk_qp *qp, uint8_t op, uint8_t flags,
			  const void *p, uint32_t len, uint32_t lkey,
			  uint64_t raddr, uint32_t rkey)
{
	struct bvf_wqe *w = (void *)(qp->sq + ((qp->sq_pi & ((1u << qp->shift) - 1))
					       << FK_SQ_STRIDE));
	struct bvf_sge *s = (void *)(w + 1);

	*w = (struct bvf_wqe){ .op = op, .flags = flags, .nr_sge = 1,
		.raddr = raddr, .rkey = rkey, .imm = 0x12345678 };
	*s = (struct bvf_sge){ fk_off(qp->f, p), len, lkey };
	qp->sq_pi++;
}

static inline void fk_post(struct fk_qp *qp, uint8_t op, const void *p,
			   uint32_t len, uint32_t lkey, uint64_t raddr,
			   uint32_t rkey)
{
	fk_put(qp, op, BVF_WQE_SIGNALED, p, len, lkey, raddr, rkey);
	fk_flush_sq(qp);
}

static inline void fk_recv(struct fk_qp *qp, void *p, uint32_t len,
			   uint32_t lkey)
{
	struct bvf_rwqe *w = (void *)(qp->rq + ((qp->rq_pi & ((1u << qp->shift) - 1))
						<< FK_RQ_STRIDE));

	*w = (struct bvf_rwqe){ .nr_sge = 1 };
	*(struct bvf_sge *)(w + 1) = (struct bvf_sge){ fk_off(qp->f, p), len,
						       lkey };
	__atomic_store_n(&qp->db->rq_pi, ++qp->rq_pi, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&qp->db->rq_notify, __ATOMIC_SEQ_CST))
		fk_ring_qp(qp);
}

static inline bool fk_poll(struct fk_cq *cq, struct bvf_cqe *out)
{
	struct bvf_cqe *c = &cq->ring[cq->ci & ((1u << cq->shift) - 1)];

	if ((__atomic_load_n(&c->phase, __ATOMIC_ACQUIRE) & 1) ==
	    ((cq->ci >> cq->shift) & 1))
		return false;
	*out = *c;
	__atomic_store_n(&cq->db->ci, ++cq->ci, __ATOMIC_RELEASE);
	return true;
}

static inline struct bvf_cqe fk_wait(struct fk_cq *cq)
{
	uint64_t end = tap_now_ns() + 5000000000ull;
	struct bvf_cqe c;

	for (uint32_t n = 0; !fk_poll(cq, &c); n++)
		if (!(n & 1023) && tap_now_ns() > end)
			TAP_FAIL("no completion in CQ %u", cq->cqn);
	return c;
}

#define FK_WANT(cq, want_op, want_status)				\
	({								\
		struct bvf_cqe c_ = fk_wait(cq);			\
		TAP_EQ(c_.op, (want_op));				\
		TAP_EQ(c_.status, (want_status));			\
		c_;							\
	})

/* The next entry of the EQ; type 0 after a while without one. */
static inline struct bvf_eqe fk_eqe(struct fk_func *f, int ms)
{
	uint64_t end = tap_now_ns() + (uint64_t)ms * 1000000;
	struct bvf_eqe *e = &f->eq[f->eq_ci & 255];

	while ((__atomic_load_n(&e->phase, __ATOMIC_ACQUIRE) & 1) ==
	       ((f->eq_ci >> 8) & 1))
		if (tap_now_ns() > end)
			return (struct bvf_eqe){ 0 };
	f->eq_ci++;
	f->eq_db->ci = f->eq_ci;
	return *e;
}

/* Two functions with a connection between them. */
struct fk_pair {
	struct fk k;
	struct fk_cq ca, cb;
	struct fk_qp a, b;
	uint32_t ka, kb;		/* keys of all memory */
	uint8_t *ba, *bb;		/* buffers, 64 MiB */
};

#define FK_BUF	(64u << 20)

static inline void fk_pair_up(struct fk_pair *p)
{
	fk_up(&p->k);
	fk_cq_make(&p->k.f[0], 1, 10, &p->ca);
	fk_cq_make(&p->k.f[1], 1, 10, &p->cb);
	fk_qp_make(&p->k.f[0], 2, 8, &p->ca, &p->a);
	fk_qp_make(&p->k.f[1], 3, 8, &p->cb, &p->b);
	fk_connect(&p->a, &p->b);
	p->ka = fk_mr(&p->k.f[0], 1, FK_MEM, FK_ACC);
	p->kb = fk_mr(&p->k.f[1], 1, 4096, FK_ACC);
	p->ba = fk_alloc(&p->k.f[0], FK_BUF);
	p->bb = fk_alloc(&p->k.f[1], FK_BUF);
}

#endif /* BVF_FAKE_H */
