// SPDX-License-Identifier: GPL-2.0
/*
 * Elementwise reductions as plain loops that the compiler vectorises.
 * It must not know ranks, pieces or transports.
 */
#include <string.h>

#include "allreduce.h"

/*
 * One clone per instruction set, chosen at load time. Sanitizers do not get
 * along with load-time resolvers, and other architectures have one baseline.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
	!defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define BVF_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define BVF_CLONES
#endif

static inline float bvf_as_float(uint32_t u)
{
	float f;

	memcpy(&f, &u, sizeof(f));
	return f;
}

static inline uint32_t bvf_as_bits(float f)
{
	uint32_t u;

	memcpy(&u, &f, sizeof(u));
	return u;
}

static inline float bvf_bf16_to_float(uint16_t h)
{
	return bvf_as_float((uint32_t)h << 16);
}

/* Round to nearest even; a NaN stays one, made quiet. */
static inline uint16_t bvf_float_to_bf16(float f)
{
	uint32_t u = bvf_as_bits(f);
	uint32_t rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
	uint32_t nan = (u >> 16) | 0x40;

	return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

/*
 * Moves the fields into place and rebiases the exponent by 112. A subnormal
 * gets a leading one first, which the subtraction takes away again, exactly;
 * multiplying instead would feed the FPU float subnormals, which are slow.
 */
static inline float bvf_f16_to_float(uint16_t h)
{
	uint32_t mag = (uint32_t)(h & 0x7fff) << 13;
	uint32_t sign = (uint32_t)(h & 0x8000) << 16;
	uint32_t tiny = bvf_as_bits(bvf_as_float(mag + (113u << 23)) - 0x1p-14f);
	uint32_t val = mag < 0x00800000 ? tiny : mag + (112u << 23);

	val = mag >= 0x0f800000 ? mag | 0x7f800000 : val;
	return bvf_as_float(val | sign);
}

/* Round to nearest even, written without branches for the vectoriser. */
static inline uint16_t bvf_float_to_f16(float f)
{
	uint32_t u = bvf_as_bits(f);
	uint32_t mag = u & 0x7fffffff;
	uint32_t sign = (u >> 16) & 0x8000;
	uint32_t normal = (mag - (112u << 23) + 0xfff + ((mag >> 13) & 1)) >> 13;
	/* Adding 0.5 lines the last subnormal bit up with the float's last. */
	uint32_t tiny = bvf_as_bits(bvf_as_float(mag) + 0.5f) - 0x3f000000;
	uint32_t huge = mag > 0x7f800000 ? 0x7e00 : 0x7c00;
	uint32_t r = mag < 0x38800000 ? tiny : normal;

	r = mag >= 0x47800000 ? huge : r;
	return (uint16_t)(r | sign);
}

/* Sign-magnitude to two's complement: orders 16-bit floats as integers. */
static inline int16_t bvf_half_key(uint16_t h)
{
	int16_t s = (int16_t)h;

	return (int16_t)(s ^ ((s >> 15) & 0x7fff));
}

#define BVF_REDUCE(name, ctype, expr)					\
BVF_CLONES static void name(void *dst, const void *a, const void *b,	\
			    size_t count)				\
{									\
	const ctype *restrict pa = a;					\
	const ctype *restrict pb = b;					\
	ctype *restrict pd = dst;					\
									\
	for (size_t i = 0; i < count; i++) {				\
		ctype x = pa[i], y = pb[i];				\
									\
		pd[i] = (expr);						\
	}								\
}

BVF_REDUCE(bvf_f32_sum, float, x + y)
BVF_REDUCE(bvf_f32_min, float, x < y ? x : y)
BVF_REDUCE(bvf_f32_max, float, x > y ? x : y)
/* Unsigned, so that a sum that wraps is defined; the bits are the same. */
BVF_REDUCE(bvf_i32_sum, uint32_t, x + y)
BVF_REDUCE(bvf_i32_min, int32_t, x < y ? x : y)
BVF_REDUCE(bvf_i32_max, int32_t, x > y ? x : y)
BVF_REDUCE(bvf_f16_sum, uint16_t,
	   bvf_float_to_f16(bvf_f16_to_float(x) + bvf_f16_to_float(y)))
BVF_REDUCE(bvf_bf16_sum, uint16_t,
	   bvf_float_to_bf16(bvf_bf16_to_float(x) + bvf_bf16_to_float(y)))
/* Both 16-bit formats order alike; a NaN counts as beyond infinity. */
BVF_REDUCE(bvf_half_min, uint16_t, bvf_half_key(x) < bvf_half_key(y) ? x : y)
BVF_REDUCE(bvf_half_max, uint16_t, bvf_half_key(x) > bvf_half_key(y) ? x : y)

static const bvf_reduce_fn bvf_reduce_table[BVF_AR_NR_TYPES][BVF_AR_NR_REDOPS] = {
	[BVF_AR_F32] = { bvf_f32_sum, bvf_f32_min, bvf_f32_max },
	[BVF_AR_F16] = { bvf_f16_sum, bvf_half_min, bvf_half_max },
	[BVF_AR_BF16] = { bvf_bf16_sum, bvf_half_min, bvf_half_max },
	[BVF_AR_I32] = { bvf_i32_sum, bvf_i32_min, bvf_i32_max },
};

unsigned int bvf_type_size(enum bvf_ar_type type)
{
	return type == BVF_AR_F32 || type == BVF_AR_I32 ? 4 : 2;
}

/*
 * The check's values make every sum exact, which no real program's are. An
 * emulated FPU computes on the host's only once the sticky inexact flag is set,
 * and in software, five times slower, until then: sets it, like real data would.
 */
void bvf_reduce_init(void)
{
	volatile float third = 1.0f;

	third /= 3.0f;
}

bvf_reduce_fn bvf_reduce_get(enum bvf_ar_type type, enum bvf_ar_redop op)
{
	return bvf_reduce_table[type][op];
}
