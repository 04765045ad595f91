// SPDX-License-Identifier: GPL-2.0
/*
 * What a work request costs in the data plane alone: latency, rate, copy
 * speed, against memcpy. For tuning; the project's numbers come from ../perf.
 */
#include "fake.h"

static struct fk_pair p;
static uint32_t kb;		/* key of b's memory that is measured */

static int by_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void latency(struct fk_qp *qa, struct fk_qp *qb)
{
	enum { N = 200000 };
	static uint64_t t[N];
	volatile uint64_t *fa = (void *)(p.ba + 4096), *fb = (void *)(p.bb + 4096);

	for (uint64_t i = 1; i <= N; i++) {
		uint64_t t0 = tap_now_ns();

		*(uint64_t *)p.ba = i;
		fk_put(qa, BVF_WR_WRITE, 0, p.ba, 8, p.ka,
		       fk_off(&p.k.f[1], p.bb) + 4096, kb);
		fk_flush_sq(qa);
		while (*fb != i)
			;
		*(uint64_t *)p.bb = i;
		fk_put(qb, BVF_WR_WRITE, 0, p.bb, 8, p.kb,
		       fk_off(&p.k.f[0], p.ba) + 4096, p.ka);
		fk_flush_sq(qb);
		while (*fa != i)
			;
		t[i - 1] = (tap_now_ns() - t0) / 2;
	}
	qsort(t, N, sizeof(t[0]), by_u64);
	printf("# WRITE 8 B: half round trip %llu ns median, %llu 99 %%, %llu min\n",
	       (unsigned long long)t[N / 2],
	       (unsigned long long)t[N / 100 * 99], (unsigned long long)t[0]);
}

/* 8 bytes of one QP beside a stream of 64 MiB messages of another. */
static void beside(struct fk_qp *small, struct fk_qp *big)
{
	enum { N = 2000 };
	static uint64_t t[N];
	struct bvf_cqe c;
	uint32_t left = 0;

	for (uint64_t i = 0; i < N; i++) {
		uint64_t t0;

		while (fk_poll(big->cq, &c))
			left--;
		for (; left < 3; left++)
			fk_post(big, BVF_WR_WRITE, p.ba, FK_BUF, p.ka,
				fk_off(&p.k.f[1], p.bb), kb);
		t0 = tap_now_ns();
		fk_post(small, BVF_WR_WRITE, p.ba, 8, p.ka,
			fk_off(&p.k.f[1], p.bb), kb);
		while (!fk_poll(small->cq, &c))
			;
		t[i] = tap_now_ns() - t0;
		for (t0 = tap_now_ns(); tap_now_ns() - t0 < 50000;)
			;
	}
	qsort(t, N, sizeof(t[0]), by_u64);
	printf("# WRITE 8 B beside 64 MiB messages: %llu ns median, %llu 99 %%\n",
	       (unsigned long long)t[N / 2],
	       (unsigned long long)t[N / 100 * 99]);
	while (left) {
		fk_wait(big->cq);
		left--;
	}
}

static void rate(struct fk_qp *q, unsigned int batch, uint32_t len)
{
	const uint32_t total = 4000000, depth = 1u << q->shift;
	uint64_t t0 = tap_now_ns();
	uint32_t done = q->sq_pi, end = q->sq_pi + total;
	struct bvf_cqe c;

	while (done != end) {
		while (q->sq_pi - done + batch <= depth && q->sq_pi != end) {
			for (unsigned int i = 0; i < batch; i++)
				fk_put(q, BVF_WR_WRITE,
				       i == batch - 1 ? BVF_WQE_SIGNALED : 0,
				       p.ba, len, p.ka,
				       fk_off(&p.k.f[1], p.bb), kb);
			fk_flush_sq(q);
		}
		while (fk_poll(q->cq, &c)) {
			if (c.status)
				TAP_FAIL("status %u", c.status);
			done = c.wqe_idx + 1;
		}
	}
	printf("# WRITE %u B, batches of %u: %.2f M/s\n", len, batch,
	       total * 1e3 / (double)(tap_now_ns() - t0));
}

#define SLICE	(256ull << 20)		/* bytes a measurement */
#define SLICES	12			/* the best one counts: others use this machine too */

static double memcpy_gbs(uint32_t len)
{
	uint32_t nr = (uint32_t)(SLICE / len);
	uint64_t t0 = tap_now_ns();

	for (uint32_t i = 0; i < nr; i++) {
		memcpy(p.bb, p.ba, len);
		__asm__ volatile("" ::: "memory");
	}
	return (double)nr * len / (double)(tap_now_ns() - t0);
}

static double op_gbs(uint8_t op, uint32_t len)
{
	uint32_t nr = (uint32_t)(SLICE / len), posted = 0, done = 0;
	uint64_t t0 = tap_now_ns();
	struct bvf_cqe c;

	while (done < nr) {
		while (posted < nr && posted - done < 16) {
			if (op == BVF_WR_SEND)
				fk_recv(&p.b, p.bb, len, kb);
			fk_post(&p.a, op, p.ba, len, p.ka,
				fk_off(&p.k.f[1], p.bb), kb);
			posted++;
		}
		while (fk_poll(&p.cb, &c))
			;
		while (fk_poll(&p.ca, &c)) {
			if (c.status)
				TAP_FAIL("status %u", c.status);
			done++;
		}
	}
	return (double)nr * len / (double)(tap_now_ns() - t0);
}

static void bandwidth(uint32_t len)
{
	static const uint8_t ops[] = {
		0, BVF_WR_WRITE, BVF_WR_READ, BVF_WR_SEND
	};
	double best[4] = { 0 };

	for (int n = 0; n < SLICES; n++)
		for (int i = 0; i < 4; i++) {
			double g = ops[i] ? op_gbs(ops[i], len) :
				   memcpy_gbs(len);

			best[i] = g > best[i] ? g : best[i];
		}
	printf("# %6u KiB: memcpy %.1f GB/s, write %.1f (%.2f), read %.1f (%.2f), send %.1f (%.2f)\n",
	       len >> 10, best[0], best[1], best[1] / best[0], best[2],
	       best[2] / best[0], best[3], best[3] / best[0]);
}

TAP_TEST_TIMEOUT(rate, 120)
{
	struct fk_cq ca, cb;
	struct fk_qp a, b, x, y;

	fk_pair_up(&p);
	memset(p.ba, 1, FK_BUF);
	memset(p.bb, 1, FK_BUF);
	kb = fk_mr(&p.k.f[1], 2, FK_MEM, FK_ACC);
	fk_cq_make(&p.k.f[0], 2, 12, &ca);
	fk_cq_make(&p.k.f[1], 2, 12, &cb);
	fk_qp_make(&p.k.f[0], 20, 10, &ca, &a);
	fk_qp_make(&p.k.f[1], 21, 10, &cb, &b);
	fk_connect(&a, &b);
	latency(&a, &b);
	rate(&a, 32, 8);
	rate(&a, 1, 8);
	rate(&a, 32, 64);
	rate(&a, 32, 4096);
	for (uint32_t i = 0; i < 4000; i++) {
		fk_qp_make(&p.k.f[0], 64 + i, 0, &ca, &x);
		fk_qp_make(&p.k.f[1], 64 + i, 0, &cb, &y);
		fk_connect(&x, &y);
		fk_put(&x, BVF_WR_WRITE, BVF_WQE_SIGNALED, p.ba, 8, p.ka,
		       fk_off(&p.k.f[1], p.bb), kb);
		fk_flush_sq(&x);
		fk_wait(&ca);
	}
	beside(&a, &p.a);
	printf("# with 4000 QPs open:\n");
	latency(&a, &b);
	rate(&a, 32, 8);
}

TAP_TEST_TIMEOUT(bandwidth, 120)
{
	fk_pair_up(&p);
	memset(p.ba, 1, FK_BUF);
	memset(p.bb, 1, FK_BUF);
	kb = fk_mr(&p.k.f[1], 2, FK_MEM, FK_ACC);
	for (uint32_t len = 4096; len <= FK_BUF; len *= 2)
		bandwidth(len);
	printf("# target scattered in 4 KiB extents:\n");
	kb = p.kb;
	for (uint32_t len = 65536; len <= FK_BUF; len *= 4)
		bandwidth(len);
}

TAP_MAIN()
