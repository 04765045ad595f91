// SPDX-License-Identifier: GPL-2.0
/*
 * The copy engine: gathers from one list of segments, scatters to another.
 * Knows nothing of work requests or QPs.
 *
 * All copies store in ascending order, so that a guest that polls the last
 * byte of a message finds the rest there, as with hardware. The instructions
 * are chosen once at start; non-temporal stores are for messages that would
 * only push useful lines out of the cache.
 */
#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#include "dp.h"

/*
 * Measured on a Zen 5 with 32 MiB of L3. String moves beat vector loops from
 * 32 KiB on, by up to a third once the data leaves the second-level cache
 * (they do not fetch what they are about to overwrite). Non-temporal stores
 * win only when source and destination together are far beyond the cache.
 */
#define BVF_REP_MIN	(32u << 10)
/* The same for the pages of a message that does not fit in that cache. */
#define BVF_REP_MIN_PAGED	4096u
#define BVF_REP_PAGED_MSG	(512u << 10)
uint64_t bvf_copy_nt_min = 48u << 20;

static void (*copy_vec)(uint8_t *to, const uint8_t *from, size_t len);
static void (*copy_stream)(uint8_t *to, const uint8_t *from, size_t len);
static bool have_rep;

typedef uint64_t __attribute__((aligned(1), may_alias)) u64_unaligned;

/* Up to 64 bytes, words first, ascending. */
static inline void copy_small(uint8_t *to, const uint8_t *from, size_t len)
{
	while (len >= 8) {
		*(volatile u64_unaligned *)to = *(const u64_unaligned *)from;
		to += 8;
		from += 8;
		len -= 8;
	}
	while (len--)
		*(volatile uint8_t *)to++ = *from++;
}

/* Bytes up to the next 64-byte boundary of @to, at most @len. */
static inline size_t head_len(const uint8_t *to, size_t len)
{
	size_t head = -(uintptr_t)to & 63;

	return head < len ? head : len;
}

#define BVF_COPY_KERNEL(name, isa, vec, load, put)			\
__attribute__((target(isa)))						\
static void name(uint8_t *to, const uint8_t *from, size_t len)		\
{									\
	const size_t step = sizeof(vec);				\
	size_t head = head_len(to, len);				\
									\
	copy_small(to, from, head);					\
	to += head;							\
	from += head;							\
	len -= head;							\
	while (len >= 4 * step) {					\
		vec a = load((const void *)from);			\
		vec b = load((const void *)(from + step));		\
		vec c = load((const void *)(from + 2 * step));		\
		vec d = load((const void *)(from + 3 * step));		\
									\
		put((void *)to, a);					\
		put((void *)(to + step), b);				\
		put((void *)(to + 2 * step), c);			\
		put((void *)(to + 3 * step), d);			\
		to += 4 * step;						\
		from += 4 * step;					\
		len -= 4 * step;					\
	}								\
	while (len >= step) {						\
		put((void *)to, load((const void *)from));		\
		to += step;						\
		from += step;						\
		len -= step;						\
	}								\
	copy_small(to, from, len);					\
}

BVF_COPY_KERNEL(vec_avx512, "avx512f", __m512i, _mm512_loadu_si512,
		_mm512_store_si512)
BVF_COPY_KERNEL(vec_avx2, "avx2", __m256i, _mm256_loadu_si256,
		_mm256_store_si256)
BVF_COPY_KERNEL(vec_sse2, "sse2", __m128i, _mm_loadu_si128,
		_mm_store_si128)
BVF_COPY_KERNEL(stream_avx512, "avx512f", __m512i, _mm512_loadu_si512,
		_mm512_stream_si512)
BVF_COPY_KERNEL(stream_avx2, "avx2", __m256i, _mm256_loadu_si256,
		_mm256_stream_si256)
BVF_COPY_KERNEL(stream_sse2, "sse2", __m128i, _mm_loadu_si128,
		_mm_stream_si128)

/* Fast string moves that need no start-up of their own: CPUID 7, EBX bit 9. */
static bool cpu_has_erms(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & 1u << 9;
}

void bvf_copy_init(void)
{
	__builtin_cpu_init();
	have_rep = cpu_has_erms();
	if (__builtin_cpu_supports("avx512f")) {
		copy_vec = vec_avx512;
		copy_stream = stream_avx512;
	} else if (__builtin_cpu_supports("avx2")) {
		copy_vec = vec_avx2;
		copy_stream = stream_avx2;
	} else {
		copy_vec = vec_sse2;
		copy_stream = stream_sse2;
	}
}

/* Stores of a string move may overtake each other, but not what follows. */
static void copy_rep(uint8_t *to, const uint8_t *from, size_t len)
{
	__asm__ volatile("rep movsb"
			 : "+D"(to), "+S"(from), "+c"(len) :: "memory");
}

static inline void copy(uint8_t *to, const uint8_t *from, uint32_t len,
			uint32_t rep_min)
{
	uint32_t body;

	if (len <= 64) {
		copy_small(to, from, len);
	} else if (len < rep_min || !have_rep) {
		copy_vec(to, from, len);
	} else {
		/* The last bytes last, for those who poll them. */
		body = len - 64;
		copy_rep(to, from, body);
		copy_small(to + body, from + body, 64);
	}
}

void bvf_copy(void *to, const void *from, uint32_t len)
{
	copy(to, from, len, BVF_REP_MIN);
}

/* Non-temporal; the last bytes become visible last. */
static void copy_nt(uint8_t *to, const uint8_t *from, uint32_t len, bool last)
{
	uint32_t tail = last ? 64 : 0;

	if (len <= 1024) {
		if (last)
			_mm_sfence();
		bvf_copy(to, from, len);
		return;
	}
	copy_stream(to, from, len - tail);
	if (!last)
		return;
	_mm_sfence();
	copy_small(to + len - tail, from + len - tail, tail);
}

/* Where a byte of the message is in a list of segments. */
struct cursor {
	struct bvf_sglist *l;
	uint32_t seg;
	uint32_t pos;
};

static struct cursor cursor_at(struct bvf_sglist *l, uint64_t off)
{
	struct cursor c = { .l = l };

	while (c.seg < l->nr && off >= l->seg[c.seg].len)
		off -= l->seg[c.seg++].len;
	c.pos = (uint32_t)off;
	return c;
}

static inline uint32_t cursor_chunk(struct cursor *c, bool write, uint8_t **ptr)
{
	while (c->seg < c->l->nr && c->pos == c->l->seg[c->seg].len) {
		c->seg++;
		c->pos = 0;
	}
	if (c->seg >= c->l->nr)
		return 0;
	return bvf_seg_chunk(c->l->f, &c->l->seg[c->seg], c->pos, write, ptr);
}

enum bvf_copy_side bvf_copy_sg(struct bvf_sglist *dst, uint64_t dst_off,
			       struct bvf_sglist *src, uint64_t src_off,
			       uint32_t len, uint64_t total)
{
	struct cursor d = cursor_at(dst, dst_off), s = cursor_at(src, src_off);
	uint32_t rep_min = total < BVF_REP_PAGED_MSG ? BVF_REP_MIN :
			   BVF_REP_MIN_PAGED;
	uint8_t *dp = NULL, *sp = NULL;

	while (len) {
		uint32_t n = cursor_chunk(&s, false, &sp);
		uint32_t room = cursor_chunk(&d, true, &dp);

		if (!n)
			return BVF_COPY_SRC;
		if (!room)
			return BVF_COPY_DST;
		if (n > room)
			n = room;
		if (n > len)
			n = len;
		if (total >= bvf_copy_nt_min)
			copy_nt(dp, sp, n, n == len);
		else
			copy(dp, sp, n, rep_min);
		s.pos += n;
		d.pos += n;
		len -= n;
	}
	return BVF_COPY_OK;
}
