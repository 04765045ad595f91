// SPDX-License-Identifier: GPL-2.0
/*
 * The arithmetic of bvf-allreduce and the check of its results, each against
 * slow references here. Knows nothing of ranks' connections.
 */
#include <math.h>

#include "../../tools/allreduce/allreduce.h"
#include "../lib/tap.h"

struct half_format {
	const char *name;
	enum bvf_ar_type type;
	int mant;		/* bits */
	int emin;		/* exponent of the smallest normal number */
	int emax;
};

static const struct half_format halves[] = {
	{ "f16", BVF_AR_F16, 10, -14, 15 },
	{ "bf16", BVF_AR_BF16, 7, -126, 127 },
};

static double decode(const struct half_format *f, uint16_t h)
{
	int ebits = 15 - f->mant;
	int e = (h & 0x7fff) >> f->mant, m = h & ((1 << f->mant) - 1);
	double v;

	if (e == (1 << ebits) - 1)
		v = m ? NAN : INFINITY;
	else if (!e)
		v = ldexp(m, f->emin - f->mant);
	else
		v = ldexp(m + (1 << f->mant), f->emin + e - 1 - f->mant);
	return h & 0x8000 ? -v : v;
}

/* Nearest, ties to even, as rint() does it on a number scaled to the last bit. */
static double round_to(const struct half_format *f, double v)
{
	int e;

	if (!isfinite(v) || v == 0)
		return v;
	e = ilogb(v);
	if (e < f->emin)
		e = f->emin;
	v = ldexp(rint(ldexp(v, f->mant - e)), e - f->mant);
	return fabs(v) >= ldexp(1, f->emax + 1) ? copysign(INFINITY, v) : v;
}

static int same(double a, double b)
{
	return (isnan(a) && isnan(b)) || a == b;
}

/* Every value against some thousand others: all exponents, both signs, ties. */
TAP_TABLE(half_sum, struct half_format, halves, f)
{
	bvf_reduce_fn sum = bvf_reduce_get(f->type, BVF_AR_SUM);
	static uint16_t a[65536], b[65536], c[65536];

	for (unsigned int i = 0; i < 65536; i++)
		a[i] = (uint16_t)i;
	for (unsigned int k = 0; k < 24; k++) {
		for (unsigned int i = 0; i < 65536; i++)
			b[i] = (uint16_t)((i * 40503u + k * 2731u) >> (k & 3));
		sum(c, a, b, 65536);
		for (unsigned int i = 0; i < 65536; i++) {
			double want = round_to(f, decode(f, a[i]) + decode(f, b[i]));

			if (!same(decode(f, c[i]), want))
				TAP_FAIL("%04x + %04x gives %04x", a[i], b[i], c[i]);
		}
	}
}

TAP_TABLE(half_min_max, struct half_format, halves, f)
{
	bvf_reduce_fn min = bvf_reduce_get(f->type, BVF_AR_MIN);
	bvf_reduce_fn max = bvf_reduce_get(f->type, BVF_AR_MAX);

	for (unsigned int i = 0; i < 65536; i++) {
		uint16_t a = (uint16_t)i, b = (uint16_t)(i * 40503u), lo, hi;
		double x = decode(f, a), y = decode(f, b);

		if (isnan(x) || isnan(y))
			continue;
		min(&lo, &a, &b, 1);
		max(&hi, &a, &b, 1);
		if (decode(f, lo) != fmin(x, y) || decode(f, hi) != fmax(x, y))
			TAP_FAIL("%04x, %04x: min %04x, max %04x", a, b, lo, hi);
	}
}

TAP_TEST(i32)
{
	static const int32_t a[] = { 0, -1, INT32_MAX, INT32_MIN, 5, -7 };
	static const int32_t b[] = { 0, 1, 1, -1, -6, INT32_MIN };
	int32_t c[6];

	bvf_reduce_get(BVF_AR_I32, BVF_AR_SUM)(c, a, b, 6);
	for (int i = 0; i < 6; i++)
		TAP_EQ(c[i], (int32_t)((uint32_t)a[i] + (uint32_t)b[i]));
	bvf_reduce_get(BVF_AR_I32, BVF_AR_MIN)(c, a, b, 6);
	for (int i = 0; i < 6; i++)
		TAP_EQ(c[i], a[i] < b[i] ? a[i] : b[i]);
	bvf_reduce_get(BVF_AR_I32, BVF_AR_MAX)(c, a, b, 6);
	for (int i = 0; i < 6; i++)
		TAP_EQ(c[i], a[i] > b[i] ? a[i] : b[i]);
}

/* Vector loops have tails: no element left out, none beyond the end touched. */
TAP_TEST(every_length)
{
	for (unsigned int t = 0; t < BVF_AR_NR_TYPES; t++) {
		unsigned int size = bvf_type_size((enum bvf_ar_type)t);
		bvf_reduce_fn max = bvf_reduce_get((enum bvf_ar_type)t, BVF_AR_MAX);
		_Alignas(64) uint8_t a[600], b[600] = { 0 }, c[600];

		memset(a, 0x11, sizeof(a));
		for (size_t n = 0; n <= 70; n++) {
			for (size_t off = 0; off < 2; off++) {
				uint8_t *at = c + off * size;

				memset(c, 0xee, sizeof(c));
				max(at, a + size, b, n);
				for (size_t i = 0; i < n * size; i++)
					TAP_EQ(at[i], 0x11);
				for (size_t i = n * size; i < 500; i++)
					TAP_EQ(at[i], 0xee);
			}
		}
	}
}

/* What the ranks' values reduce to is right, and anything else is noticed. */
static void check_the_check(enum bvf_ar_type type, enum bvf_ar_redop op, int nranks)
{
	const uint64_t none = 0, one = 1, N = 1000;
	bvf_reduce_fn reduce = bvf_reduce_get(type, op);
	unsigned int size = bvf_type_size(type);
	uint32_t acc[1000], in[1000], out[1000];

	bvf_check_fill(acc, type, N, 42, 0, nranks);
	for (int r = 1; r < nranks; r++) {
		bvf_check_fill(in, type, N, 42, r, nranks);
		TAP_OK(memcmp(in, acc, N * size));
		reduce(out, acc, in, N);
		memcpy(acc, out, N * size);
	}
	TAP_EQ(bvf_check_wrong(acc, type, op, N, 42, nranks), none);
	/* With many ranks most minima are alike, whatever the seed. */
	if (nranks <= 8)
		TAP_GE(bvf_check_wrong(acc, type, op, N, 43, nranks), N / 4);
	for (uint64_t i = 0; i < N; i += 37) {
		uint8_t *byte = (uint8_t *)acc + i * size;

		*byte ^= 1;
		TAP_EQ(bvf_check_wrong(acc, type, op, N, 42, nranks), one);
		*byte ^= 1;
	}
	memset(acc, 0xff, sizeof(acc));
	TAP_EQ(bvf_check_wrong(acc, type, op, N, 42, nranks), N);
}

TAP_TEST(check_notices)
{
	static const int nranks[] = { 1, 2, 3, 8, 100, 256 };

	for (unsigned int t = 0; t < BVF_AR_NR_TYPES; t++)
		for (unsigned int op = 0; op < BVF_AR_NR_REDOPS; op++)
			for (unsigned int i = 0; i < BVF_ARRAY_SIZE(nranks); i++)
				check_the_check((enum bvf_ar_type)t,
						(enum bvf_ar_redop)op, nranks[i]);
}

TAP_MAIN()
