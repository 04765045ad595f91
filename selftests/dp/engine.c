// SPDX-License-Identifier: GPL-2.0
/*
 * The data plane alone: what it does with a DRAM and guest memory, a restart
 * and a vanishing guest included. Verbs semantics are tested through the
 * whole card in ../card.
 */
#include "fake.h"

static struct fk_pair p;

static void fill(uint8_t *to, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1103515245u + 12345u;
		to[i] = (uint8_t)(seed >> 16);
	}
}

static uint64_t at_b(size_t off)
{
	return fk_off(&p.k.f[1], p.bb) + off;
}

TAP_TEST(write)
{
	fk_pair_up(&p);
	for (uint32_t len = 0; len < 3000000; len = len * 3 + 1) {
		fill(p.ba, len, len);
		fk_post(&p.a, BVF_WR_WRITE, p.ba, len, p.ka, at_b(3), p.kb);
		FK_WANT(&p.ca, BVF_WR_WRITE, BVF_CQE_OK);
		TAP_OK(!memcmp(p.ba, p.bb + 3, len));
	}
}

TAP_TEST(read)
{
	fk_pair_up(&p);
	for (uint32_t len = 0; len < 3000000; len = len * 3 + 1) {
		fill(p.bb + 5, len, len);
		fk_post(&p.a, BVF_WR_READ, p.ba, len, p.ka, at_b(5), p.kb);
		FK_WANT(&p.ca, BVF_WR_READ, BVF_CQE_OK);
		TAP_OK(!memcmp(p.ba, p.bb + 5, len));
	}
}

TAP_TEST(send)
{
	fk_pair_up(&p);
	for (uint32_t len = 0; len < 3000000; len = len * 3 + 1) {
		struct bvf_cqe c;

		fk_recv(&p.b, p.bb, 3000000, p.kb);
		fill(p.ba, len, len);
		fk_post(&p.a, BVF_WR_SEND_IMM, p.ba, len, p.ka, 0, 0);
		FK_WANT(&p.ca, BVF_WR_SEND_IMM, BVF_CQE_OK);
		c = FK_WANT(&p.cb, BVF_CQE_RECV, BVF_CQE_OK);
		TAP_EQ(c.byte_len, len);
		TAP_EQ(c.imm, 0x12345678u);
		TAP_OK(!memcmp(p.ba, p.bb, len));
	}
}

TAP_TEST(write_nontemporal)
{
	fk_pair_up(&p);
	fill(p.ba, FK_BUF, 1);
	fk_post(&p.a, BVF_WR_WRITE, p.ba + 1, FK_BUF - 7, p.ka, at_b(6), p.kb);
	FK_WANT(&p.ca, BVF_WR_WRITE, BVF_CQE_OK);
	TAP_OK(!memcmp(p.ba + 1, p.bb + 6, FK_BUF - 7));
}

static uint32_t wait_of(const struct fk_qp *qp)
{
	return __atomic_load_n(&qp->d->wait, __ATOMIC_ACQUIRE);
}

/* A receiver that is late: RNR, ended by the doorbell well before the timer. */
TAP_TEST(rnr_woken)
{
	uint64_t t;

	fk_pair_up(&p);
	p.b.d->attr.min_rnr_timer = 0;	/* 655 ms */
	fk_post(&p.a, BVF_WR_SEND, p.ba, 8, p.ka, 0, 0);
	for (int n = 0; n < 5000 && wait_of(&p.a) != DRAM_WAIT_RNR; n++)
		usleep(1000);
	TAP_EQ(wait_of(&p.a), (uint32_t)DRAM_WAIT_RNR);
	t = tap_now_ns();
	fk_recv(&p.b, p.bb, 8, p.kb);
	FK_WANT(&p.cb, BVF_CQE_RECV, BVF_CQE_OK);
	FK_WANT(&p.ca, BVF_WR_SEND, BVF_CQE_OK);
	TAP_LE(tap_now_ns() - t, 500000000ull);
	TAP_EQ(p.b.db->rq_notify, 0u);
}

TAP_TEST(rnr_exceeded)
{
	fk_pair_up(&p);
	p.a.d->attr.rnr_retry = 2;
	p.a.d->rnr_left = 2;
	fk_post(&p.a, BVF_WR_SEND, p.ba, 8, p.ka, 0, 0);
	fk_post(&p.a, BVF_WR_WRITE, p.ba, 8, p.ka, 0, 0);
	FK_WANT(&p.ca, BVF_WR_SEND, BVF_CQE_RNR_EXC);
	FK_WANT(&p.ca, BVF_WR_WRITE, BVF_CQE_FLUSH);
	TAP_EQ(p.b.d->stats.rnr_naks, 3u);
}

TAP_TEST(retry_exceeded)
{
	uint64_t t = tap_now_ns();

	fk_pair_up(&p);
	__atomic_store_n(&p.b.d->state, BVF_QPS_INIT, __ATOMIC_RELEASE);
	t = tap_now_ns();
	fk_post(&p.a, BVF_WR_WRITE, p.ba, 8, p.ka, at_b(0), p.kb);
	FK_WANT(&p.ca, BVF_WR_WRITE, BVF_CQE_RETRY_EXC);
	TAP_GE(tap_now_ns() - t, 4 * (4096ull << 8));
	TAP_EQ(p.a.d->stats.retries, 3u);
}

TAP_TEST(bad_rkey)
{
	fk_pair_up(&p);
	fk_recv(&p.b, p.bb, 64, p.kb);
	fk_post(&p.a, BVF_WR_WRITE, p.ba, 8, p.ka, at_b(0), p.kb + 1);
	FK_WANT(&p.ca, BVF_WR_WRITE, BVF_CQE_REM_ACCESS);
	FK_WANT(&p.cb, BVF_CQE_RECV, BVF_CQE_FLUSH);
	TAP_EQ(fk_eqe(&p.k.f[1], 1000).event, BVF_EV_QP_ACCESS_ERR);
	TAP_EQ(p.b.d->error, (uint32_t)BVF_QPS_ERR);
	/* and what is posted later */
	fk_recv(&p.b, p.bb, 64, p.kb);
	FK_WANT(&p.cb, BVF_CQE_RECV, BVF_CQE_FLUSH);
	fk_post(&p.a, BVF_WR_READ, p.ba, 8, p.ka, at_b(0), p.kb);
	FK_WANT(&p.ca, BVF_WR_READ, BVF_CQE_FLUSH);
}

/* One event for an arm, also when the completion was there first. */
TAP_TEST(arm)
{
	fk_pair_up(&p);
	for (uint32_t n = 1; n < 600; n++) {
		bool before = n & 1;

		p.k.f[0].eq_db->arm = p.k.f[0].eq_ci;
		if (before)
			fk_post(&p.a, BVF_WR_WRITE, p.ba, 8, p.ka, at_b(0), p.kb);
		p.ca.db->arm = n << BVF_ARM_SEQ_SHIFT | BVF_ARM_NEXT;
		fk_ring(&p.k.f[0], p.k.f[0].db->cq_leaf,
			p.k.f[0].db->cq_summary, p.ca.cqn);
		if (!before)
			fk_post(&p.a, BVF_WR_WRITE, p.ba, 8, p.ka, at_b(0), p.kb);
		TAP_EQ(fk_eqe(&p.k.f[0], 2000).type, BVF_EQE_COMP);
		TAP_EQ(poll(&(struct pollfd){ p.k.f[0].irq, POLLIN, 0 }, 1, 1000), 1);
		TAP_EQ(read(p.k.f[0].irq, &(uint64_t){ 0 }, 8), 8);
		FK_WANT(&p.ca, BVF_WR_WRITE, BVF_CQE_OK);
		if (n < 10)
			TAP_EQ(fk_eqe(&p.k.f[0], 2).type, 0);
	}
}

/* A completion before arm_from raises no event, the next one does. */
TAP_TEST(arm_from)
{
	struct dram_cq *cq;

	fk_pair_up(&p);
	cq = &p.k.f[0].d->cq[p.ca.cqn];
	p.k.f[0].eq_db->arm = p.k.f[0].eq_ci;
	fk_post(&p.a, BVF_WR_WRITE, p.ba, 8, p.ka, at_b(0), p.kb);
	for (int n = 0; n < 1000 && __atomic_load_n(&cq->pi, __ATOMIC_ACQUIRE) != 1; n++)
		usleep(1000);
	p.ca.db->arm_from = 1;
	p.ca.db->arm = 1 << BVF_ARM_SEQ_SHIFT | BVF_ARM_NEXT;
	fk_ring(&p.k.f[0], p.k.f[0].db->cq_leaf, p.k.f[0].db->cq_summary,
		p.ca.cqn);
	TAP_EQ(fk_eqe(&p.k.f[0], 20).type, 0);
	fk_post(&p.a, BVF_WR_WRITE, p.ba, 8, p.ka, at_b(0), p.kb);
	TAP_EQ(fk_eqe(&p.k.f[0], 2000).type, BVF_EQE_COMP);
	FK_WANT(&p.ca, BVF_WR_WRITE, BVF_CQE_OK);
	FK_WANT(&p.ca, BVF_WR_WRITE, BVF_CQE_OK);
}

TAP_TEST(cq_overflow)
{
	fk_pair_up(&p);
	/* The CQ takes 1024; nobody polls. */
	for (int i = 0; i < 1040; i++) {
		fk_put(&p.a, BVF_WR_WRITE, BVF_WQE_SIGNALED, p.ba, 8, p.ka,
		       at_b(0), p.kb);
		if (!(i % 64)) {
			fk_flush_sq(&p.a);
			for (int n = 0; n < 5000 && p.a.d->sq_ci != p.a.sq_pi &&
			     !p.a.d->error; n++)
				usleep(1000);
		}
	}
	fk_flush_sq(&p.a);
	TAP_EQ(fk_eqe(&p.k.f[0], 1000).event, BVF_EV_CQ_ERR);
	TAP_EQ(fk_eqe(&p.k.f[0], 1000).event, BVF_EV_QP_FATAL);
	TAP_EQ(p.k.f[0].d->cq[1].pi, 1024u);
}

/* The window goes away: no access any more, whatever the MR says. */
TAP_TEST(unmapped_window)
{
	fk_pair_up(&p);
	p.k.f[1].d->dma[0].len = fk_off(&p.k.f[1], p.bb) + 4096;
	fk_msg(&p.k, (struct bvf_ipc_msg){ .type = BVF_IPC_DMA_SYNC, .func = 1 },
	       -1, true);
	fk_post(&p.a, BVF_WR_WRITE, p.ba, 4096, p.ka, at_b(0), p.kb);
	FK_WANT(&p.ca, BVF_WR_WRITE, BVF_CQE_OK);
	memset(p.bb + 4096, 0x55, 4096);
	fk_post(&p.a, BVF_WR_WRITE, p.ba, 4096, p.ka, at_b(4096), p.kb);
	FK_WANT(&p.ca, BVF_WR_WRITE, BVF_CQE_REM_ACCESS);
	TAP_EQ(p.bb[4096], 0x55);
}

/* A file that shrinks harms its owner only. */
TAP_TEST(truncated_memory)
{
	struct fk_qp c, d;

	fk_pair_up(&p);
	fk_qp_make(&p.k.f[0], 9, 6, &p.ca, &c);
	fk_qp_make(&p.k.f[0], 10, 6, &p.ca, &d);
	fk_connect(&c, &d);
	fk_post(&p.a, BVF_WR_WRITE, p.ba, 8, p.ka, at_b(0), p.kb);
	FK_WANT(&p.ca, BVF_WR_WRITE, BVF_CQE_OK);
	TAP_EQ(ftruncate(p.k.f[1].mem_fd, fk_off(&p.k.f[1], p.bb)), 0);
	fk_post(&p.a, BVF_WR_WRITE, p.ba, 1 << 20, p.ka, at_b(0), p.kb);
	fk_wait(&p.ca);
	usleep(10000);
	fk_post(&p.a, BVF_WR_WRITE, p.ba, 8, p.ka, at_b(0), p.kb);
	TAP_NE(fk_wait(&p.ca).status, BVF_CQE_OK);
	fk_post(&c, BVF_WR_WRITE, p.ba, 8, p.ka, fk_off(&p.k.f[0], p.ba) + 64,
		p.ka);
	FK_WANT(&p.ca, BVF_WR_WRITE, BVF_CQE_OK);
}

static void kill_and_restart(void)
{
	kill(p.k.pid, SIGKILL);
	waitpid(p.k.pid, NULL, 0);
	close(p.k.sock);
	fk_spawn(&p.k);
}

/* Killed at any point, a successor goes on from the DRAM: nothing lost, nothing twice. */
TAP_TEST(restart)
{
	uint32_t sent = 0, done = 0, got = 0;
	unsigned int seed = (unsigned int)getpid();

	fk_pair_up(&p);
	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < 100; i++, sent++) {
			uint32_t *m = (void *)(p.ba + sent % 256 * 4096);

			*m = sent;
			fk_recv(&p.b, p.bb + sent % 256 * 4096, 4096, p.kb);
			fk_put(&p.a, BVF_WR_SEND, BVF_WQE_SIGNALED, m,
			       8 << (i % 10), p.ka, 0, 0);
		}
		fk_flush_sq(&p.a);
		seed = seed * 1103515245u + 12345u;
		for (uint64_t t = tap_now_ns() + (seed >> 16) % 60000; tap_now_ns() < t;)
			;
		kill_and_restart();
		for (; done < sent; done++) {
			struct bvf_cqe c = fk_wait(&p.ca);

			TAP_EQ(c.status, BVF_CQE_OK);
			TAP_EQ(c.wqe_idx, done);
		}
		for (; got < sent; got++) {
			struct bvf_cqe c = fk_wait(&p.cb);

			TAP_EQ(c.status, BVF_CQE_OK);
			TAP_EQ(c.wqe_idx, got);
			TAP_EQ(*(uint32_t *)(p.bb + got % 256 * 4096), got);
		}
	}
}

/* Does not poll while there is nothing to do. */
TAP_TEST(idle)
{
	uint64_t loops;

	fk_pair_up(&p);
	fk_post(&p.a, BVF_WR_WRITE, p.ba, 8, p.ka, at_b(0), p.kb);
	FK_WANT(&p.ca, BVF_WR_WRITE, BVF_CQE_OK);
	for (int n = 0; n < 5000 && !__atomic_load_n(&p.k.dram->dp_asleep, __ATOMIC_ACQUIRE); n++)
		usleep(1000);
	TAP_EQ(p.k.dram->dp_asleep, 1u);
	TAP_EQ(p.k.f[0].db->asleep, 1u);
	loops = p.k.dram->dp_loops;
	usleep(200000);
	TAP_EQ(p.k.dram->dp_loops, loops);
}

TAP_MAIN()
