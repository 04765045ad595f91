// SPDX-License-Identifier: GPL-2.0
/*
 * Test values and the expected result, computed without the reduction code.
 * It must not know how the result travels, nor use anything from reduce.c.
 */
#include <string.h>

#include "allreduce.h"

/*
 * Largest magnitude of a value, such that a sum over all ranks still is an
 * integer the type holds exactly: 2^24, 2^11 and 2^8 for the float types.
 * i32 takes any 32 bits, its sum wraps.
 */
static uint32_t bvf_check_limit(enum bvf_ar_type type, int nranks)
{
	switch (type) {
	case BVF_AR_F32:
		return (1u << 24) / (uint32_t)nranks;
	case BVF_AR_F16:
		return (1u << 11) / (uint32_t)nranks;
	case BVF_AR_BF16:
		return (1u << 8) / (uint32_t)nranks;
	default:
		return 0;
	}
}

static inline uint32_t bvf_check_hash(uint32_t seed, uint32_t index)
{
	uint32_t h = (index + seed) * 0x9e3779b1u;

	h ^= h >> 15;
	h *= 0x85ebca77u;
	return h ^ (h >> 13);
}

static inline uint32_t bvf_check_rank_seed(uint32_t seed, int rank)
{
	return bvf_check_hash(seed, 0x10001u * (uint32_t)(rank + 1));
}

/* A value in -limit..limit, or any 32 bits where limit is 0. */
static inline int32_t bvf_check_value(uint32_t rseed, size_t i, uint32_t limit)
{
	uint32_t h = bvf_check_hash(rseed, (uint32_t)i);

	if (!limit)
		return (int32_t)h;
	return (int32_t)(((uint64_t)h * (2 * limit + 1)) >> 32) - (int32_t)limit;
}

/* Bits of the small integer v in a 16-bit float with the given layout. */
static uint16_t bvf_check_encode16(int32_t v, unsigned int mant, unsigned int bias)
{
	uint32_t mag = v < 0 ? -(uint32_t)v : (uint32_t)v;
	uint32_t sign = v < 0 ? 0x8000 : 0;
	unsigned int msb;

	if (!mag)
		return 0;
	msb = 31u - (unsigned int)__builtin_clz(mag);
	mag -= 1u << msb;
	mag = msb > mant ? mag >> (msb - mant) : mag << (mant - msb);
	return (uint16_t)(sign | ((msb + bias) << mant) | mag);
}

static inline void bvf_check_store(void *buf, enum bvf_ar_type type, size_t i,
				   int32_t v)
{
	switch (type) {
	case BVF_AR_F32:
		((float *)buf)[i] = (float)v;
		break;
	case BVF_AR_F16:
		((uint16_t *)buf)[i] = bvf_check_encode16(v, 10, 15);
		break;
	case BVF_AR_BF16:
		((uint16_t *)buf)[i] = bvf_check_encode16(v, 7, 127);
		break;
	default:
		((int32_t *)buf)[i] = v;
	}
}

void bvf_check_fill(void *buf, enum bvf_ar_type type, size_t count,
		    uint32_t seed, int rank, int nranks)
{
	uint32_t limit = bvf_check_limit(type, nranks);
	uint32_t rseed = bvf_check_rank_seed(seed, rank);

	for (size_t i = 0; i < count; i++)
		bvf_check_store(buf, type, i, bvf_check_value(rseed, i, limit));
}

static int32_t bvf_check_expect(const uint32_t *rseed, int nranks, size_t i,
				uint32_t limit, enum bvf_ar_redop op)
{
	int32_t acc = bvf_check_value(rseed[0], i, limit);

	for (int r = 1; r < nranks; r++) {
		int32_t v = bvf_check_value(rseed[r], i, limit);

		if (op == BVF_AR_SUM)
			acc = (int32_t)((uint32_t)acc + (uint32_t)v);
		else if (op == BVF_AR_MIN ? v < acc : v > acc)
			acc = v;
	}
	return acc;
}

/* Whether element i holds v. Compared as bits; a float zero has two. */
static inline bool bvf_check_same(const void *buf, enum bvf_ar_type type,
				  size_t i, int32_t v)
{
	switch (type) {
	case BVF_AR_F32:
		return ((const float *)buf)[i] == (float)v;
	case BVF_AR_F16:
	case BVF_AR_BF16: {
		uint16_t want[1], got = ((const uint16_t *)buf)[i];

		bvf_check_store(want, type, 0, v);
		return got == want[0] || (!v && got == 0x8000);
	}
	default:
		return ((const int32_t *)buf)[i] == v;
	}
}

uint64_t bvf_check_wrong(const void *buf, enum bvf_ar_type type,
			 enum bvf_ar_redop op, size_t count, uint32_t seed,
			 int nranks)
{
	uint32_t limit = bvf_check_limit(type, nranks);
	uint32_t rseed[BVF_AR_MAX_RANKS] = { 0 };
	uint64_t wrong = 0;

	for (int r = 0; r < nranks; r++)
		rseed[r] = bvf_check_rank_seed(seed, r);
	for (size_t i = 0; i < count; i++) {
		int32_t v = bvf_check_expect(rseed, nranks, i, limit, op);

		wrong += !bvf_check_same(buf, type, i, v);
	}
	return wrong;
}
