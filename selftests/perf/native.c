// SPDX-License-Identifier: GPL-2.0
/*
 * The card measured without a VM: a client with two functions posts and polls
 * as a provider does. One JSON record a line; the baseline of a bandwidth is a
 * memcpy between two memfds in the same run.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pair.h"

#define NR_LAT		4000
#define NR_QP		4096
#define BIG		(64u << 20)

static struct bvf_pair p;
static struct bvf_qp many[2][NR_QP];
static uint64_t lat[NR_LAT];

struct result {
	double median, p99, max;
};

static void record(const char *name, double value, const char *unit)
{
	printf("{\"name\": \"%s\", \"value\": %.3f, \"unit\": \"%s\"}\n", name,
	       value, unit);
	fflush(stdout);
}

static void record_vs(const char *name, double value, const char *unit,
		      const char *vs, double base)
{
	printf("{\"name\": \"%s\", \"value\": %.3f, \"unit\": \"%s\", "
	       "\"vs\": {\"name\": \"%s\", \"value\": %.3f, \"ratio\": %.3f}}\n",
	       name, value, unit, vs, base, value / base);
	fflush(stdout);
}

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static struct result stats(uint64_t *ns, unsigned int n, double scale)
{
	qsort(ns, n, sizeof(*ns), cmp_u64);
	return (struct result){
		.median = (double)ns[n / 2] * scale,
		.p99 = (double)ns[n - n / 100 - 1] * scale,
		.max = (double)ns[n - 1] * scale,
	};
}

/* ---- the host ---- */

static double max_of(double a, double b)
{
	return a > b ? a : b;
}

static uint8_t *memfd_map(size_t len)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);
	void *mem;

	if (fd < 0 || ftruncate(fd, (off_t)len))
		bvf_fail("memfd: %s", strerror(errno));
	mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		bvf_fail("mmap: %s", strerror(errno));
	close(fd);
	memset(mem, 1, len);
	return mem;
}

/* GB/s of one thread over 512 MiB. */
static double memcpy_bw(uint8_t *dst, const uint8_t *src, size_t len)
{
	unsigned int loops = (unsigned int)((512u << 20) / len);
	uint64_t t0 = bvf_now_ns();

	for (unsigned int i = 0; i < loops; i++) {
		memcpy(dst, src, len);
		__asm__ volatile("" : : "r"(dst) : "memory");
	}
	return (double)len * loops / (double)(bvf_now_ns() - t0);
}

/* ---- latency ---- */

/* An inline 8-byte WRITE of val; each 32nd makes a completion. */
static void post8(struct bvf_qp *qp, const struct bvf_mr *to, const uint64_t *val)
{
	struct bvf_wr wr = {
		.op = BVF_WR_WRITE, .flags = BVF_WQE_INLINE, .inline_len = 8,
		.inline_data = val, .rkey = to->rkey, .raddr = to->va,
	};

	if (qp->sq_pi % 32 == 31)
		wr.flags |= BVF_WQE_SIGNALED;
	bvf_post_send(qp, &wr);
}

static void drain(struct bvf_cq *cq)
{
	struct bvf_cqe c;

	while (bvf_cq_poll(cq, &c))
		if (c.status != BVF_CQE_OK)
			bvf_fail("completion: %s", bvf_cqe_status_name(c.status));
}

static void wait_mem(const uint8_t *mem, uint64_t val)
{
	uint64_t since = 0;

	while (__atomic_load_n((const uint64_t *)mem, __ATOMIC_ACQUIRE) != val) {
		if (++since % (1u << 22))
			continue;
		if (since > 1ull << 34)
			bvf_fail("a write has not arrived");
		bvf_card_check(&p.card);
	}
}

/* Ping-pong in memory, as perftest's write_lat; half of the round trip, us. */
static struct result lat_round(struct bvf_qp *qa, struct bvf_qp *qb)
{
	static uint64_t i;

	for (unsigned int n = 0; n < NR_LAT; n++) {
		uint64_t t0 = bvf_now_ns();

		i++;
		post8(qa, &p.b.mr, &i);
		wait_mem(p.b.buf, i);
		post8(qb, &p.a.mr, &i);
		wait_mem(p.a.buf, i);
		lat[n] = bvf_now_ns() - t0;
		drain(&p.a.scq);
		drain(&p.b.scq);
	}
	return stats(lat, NR_LAT, 0.0005);
}

/* Of ten rounds the one that was disturbed least, as the bandwidths are the best of some. */
static struct result write_lat(struct bvf_qp *qa, struct bvf_qp *qb)
{
	struct result best = lat_round(qa, qb);

	for (int i = 0; i < 10; i++) {
		struct result r = lat_round(qa, qb);

		if (r.median < best.median)
			best = r;
	}
	return best;
}

/* ---- rate ---- */

#define RATE_BATCH	32
#define RATE_WINDOW	512

/* Mops/s of 8-byte inline WRITEs, one doorbell for each batch. */
static double write_rate(struct bvf_qp *qp, unsigned int ms)
{
	uint64_t val = 1, done = 0, posted = 0, t0 = bvf_now_ns(), now;
	struct bvf_wr wr = {
		.op = BVF_WR_WRITE, .inline_len = 8, .inline_data = &val,
		.rkey = p.b.mr.rkey, .raddr = p.b.mr.va,
	};
	struct bvf_cqe c;

	do {
		while (posted - done <= RATE_WINDOW - RATE_BATCH) {
			for (int i = 0; i < RATE_BATCH; i++) {
				wr.flags = BVF_WQE_INLINE |
					   (i == RATE_BATCH - 1 ? BVF_WQE_SIGNALED : 0);
				bvf_put_send(qp, &wr);
			}
			bvf_ring_sq(qp);
			posted += RATE_BATCH;
		}
		while (bvf_cq_poll(qp->scq, &c)) {
			if (c.status != BVF_CQE_OK)
				bvf_fail("completion: %s", bvf_cqe_status_name(c.status));
			done += RATE_BATCH;
		}
		now = bvf_now_ns();
	} while (now - t0 < ms * 1000000ull);
	while (done < posted)
		if (bvf_cq_poll(qp->scq, &c))
			done += RATE_BATCH;
	return (double)done * 1000 / (double)(bvf_now_ns() - t0);
}

static double best_rate(struct bvf_qp *qp)
{
	double best = 0;

	write_rate(qp, 100);
	for (int i = 0; i < 10; i++)
		best = max_of(best, write_rate(qp, 150));
	return best;
}

/* ---- bandwidth ---- */

static double bw(struct bvf_qp *qp, uint8_t op, uint32_t len, unsigned int window)
{
	struct bvf_sge sge = bvf_sge(&p.a.mr, 0, len);
	struct bvf_wr wr = bvf_wr_write(&sge, &p.b.mr, 0);
	unsigned int total = (1u << 30) / len, posted = 0, done = 0;
	uint64_t t0 = bvf_now_ns();
	struct bvf_cqe c;

	wr.op = op;
	while (done < total) {
		while (posted < total && posted - done < window) {
			bvf_post_send(qp, &wr);
			posted++;
		}
		if (!bvf_cq_poll(qp->scq, &c)) {
			sched_yield();
			continue;
		}
		if (c.status != BVF_CQE_OK)
			bvf_fail("completion: %s", bvf_cqe_status_name(c.status));
		done++;
	}
	return (double)len * total / (double)(bvf_now_ns() - t0);
}

/* Turn by turn, so that what disturbs the host disturbs both alike; the best of each. */
static void bandwidths(struct bvf_qp *qp, uint32_t len, const char *suffix)
{
	uint8_t *src = memfd_map(len), *dst = memfd_map(len);
	double host = 0, wr = 0, rd = 0;
	char name[3][32];

	for (int i = 0; i < 8; i++) {
		host = max_of(host, memcpy_bw(dst, src, len));
		wr = max_of(wr, bw(qp, BVF_WR_WRITE, len, len < BIG ? 16 : 2));
		rd = max_of(rd, bw(qp, BVF_WR_READ, len, len < BIG ? 16 : 2));
	}
	snprintf(name[0], sizeof(name[0]), "memcpy_%s", suffix);
	snprintf(name[1], sizeof(name[1]), "native_write_bw_%s", suffix);
	snprintf(name[2], sizeof(name[2]), "native_read_bw_%s", suffix);
	record(name[0], host, "GB/s");
	record_vs(name[1], wr, "GB/s", name[0], host);
	record_vs(name[2], rd, "GB/s", name[0], host);
	munmap(src, len);
	munmap(dst, len);
}

/*
 * The time from post to completion of an 8-byte WRITE while another QP has
 * 1 GiB in one message under way, us.
 */
static struct result fair_lat(struct bvf_qp *bulk, struct bvf_qp *small,
			      struct bvf_cq *small_cq)
{
	struct bvf_sge many[16], s = bvf_sge(&p.a.mr, 0, 8);
	struct bvf_wr big = bvf_wr_write(many, &p.b.mr, 0);
	struct bvf_wr wr = bvf_wr_write(&s, &p.b.mr, 0);
	unsigned int n = 0, running = 0;
	struct bvf_cqe c;

	for (int i = 0; i < 16; i++)
		many[i] = bvf_sge(&p.a.mr, 0, BIG);
	big.nr_sge = 16;
	/* the target of 1 GiB is 64 MiB, named 16 times: see end_up() */
	while (n < 2000) {
		uint64_t t0;

		for (; running < 2; running++)
			bvf_post_send(bulk, &big);
		t0 = bvf_now_ns();
		bvf_post_send(small, &wr);
		while (!bvf_cq_poll(small_cq, &c))
			;
		lat[n++] = bvf_now_ns() - t0;
		if (bvf_cq_poll(bulk->scq, &c))
			running--;
		if (c.status != BVF_CQE_OK)
			bvf_fail("completion: %s", bvf_cqe_status_name(c.status));
		usleep(200);
	}
	while (running)
		running -= (unsigned int)bvf_cq_poll(bulk->scq, &c);
	return stats(lat, n, 0.001);
}

/* ---- set-up ---- */

static void end_up(struct bvf_end *e, unsigned int i)
{
	struct bvf_pl_entry ent[16];
	struct bvf_reg_mr_cmd cmd = { .len = 1u << 30, .access = BVF_ACC_RW };
	struct bvf_reg_mr_resp resp;

	bvf_drv_open(&e->drv, bvf_card_sock(&p.card, i), 256ull << 20);
	bvf_drv_pci(&e->drv);
	bvf_drv_start(&e->drv);
	bvf_end_objects(e);
	e->buf = bvf_alloc_pages(&e->drv, BIG);
	memset(e->buf, 1, BIG);
	for (int n = 0; n < 16; n++)
		ent[n] = (struct bvf_pl_entry){ bvf_iova(&e->drv, e->buf), BIG };
	cmd.pl = bvf_pl_chain(&e->drv, ent, 16);
	cmd.va = (uint64_t)(uintptr_t)e->buf;
	cmd.pdn = e->pdn;
	BVF_MUST(bvf_cmd(&e->drv, BVF_OP_REG_MR, &cmd, sizeof(cmd), &resp, sizeof(resp)));
	e->mr = (struct bvf_mr){ .lkey = resp.lkey, .rkey = resp.rkey, .mem = e->buf,
				 .va = cmd.va, .len = cmd.len };
	e->init.sq_shift = 10;
	e->init.sq_stride = 6;
}

/* Many connections that are ready and do nothing. */
static void open_many(void)
{
	struct bvf_qp_init init[2] = { p.a.init, p.b.init };
	unsigned int n = p.a.drv.desc.max_qp < NR_QP ? p.a.drv.desc.max_qp : NR_QP;

	for (int s = 0; s < 2; s++) {
		init[s].sq_shift = 4;
		init[s].sq_stride = 6;
		init[s].rq_shift = 3;
		init[s].rq_stride = 5;
	}
	/* those that exist already count */
	for (unsigned int i = 0; i < n - 3; i++) {
		BVF_MUST(bvf_create_qp(&init[0], &many[0][i]));
		BVF_MUST(bvf_create_qp(&init[1], &many[1][i]));
		bvf_connect(&many[0][i], &many[1][i]);
	}
}

static void latencies(struct bvf_qp *qa, struct bvf_qp *qb)
{
	struct result r = write_lat(qa, qb);

	record("native_write_lat_8B", r.median, "us");
	record("native_write_lat_8B_p99", r.p99, "us");
}

int main(void)
{
	char dir[] = "/tmp/bvf-bench.XXXXXX";
	struct bvf_qp qa, qb, sa, sb;
	struct bvf_cq small_cq;
	struct result r;
	double one, lat_one;

	if (!mkdtemp(dir))
		bvf_fail("mkdtemp: %s", strerror(errno));
	bvf_card_up(&p.card, dir, 2);
	end_up(&p.a, 0);
	end_up(&p.b, 1);
	bvf_pair_qp(&p, &qa, &qb);
	BVF_MUST(bvf_create_cq(&p.a.u, &small_cq, p.a.drv.eq.eqn, 6));
	p.a.init.scq = &small_cq;
	bvf_pair_qp(&p, &sa, &sb);
	p.a.init.scq = &p.a.scq;

	latencies(&qa, &qb);
	bandwidths(&qa, 1 << 20, "1M");
	bandwidths(&qa, BIG, "64M");
	one = best_rate(&qa);
	record("native_write_rate_8B", one, "Mops/s");
	lat_one = write_lat(&qa, &qb).median;
	open_many();
	record_vs("native_write_rate_8B_4096qp", best_rate(&qa), "Mops/s",
		  "native_write_rate_8B", one);
	record_vs("native_write_lat_8B_4096qp", write_lat(&qa, &qb).median, "us",
		  "native_write_lat_8B", lat_one);
	bvf_connect(&p.a.qp, &p.b.qp);	/* its WQEs have room for 16 SGEs */
	r = fair_lat(&p.a.qp, &sa, &small_cq);
	record("native_fair_lat_8B", r.median, "us");
	record("native_fair_lat_8B_p99", r.p99, "us");

	bvf_pair_down(&p);
	unlink(p.card.log);
	rmdir(dir);
	return 0;
}
