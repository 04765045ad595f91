// SPDX-License-Identifier: GPL-2.0
/*
 * Every copy routine of the card, on every size and alignment that matters:
 * all bytes arrive, none beside them changes. The source file is included,
 * since which routine runs is decided inside it.
 */
#include "dp/copy.c"
#include "tap.h"

uint32_t bvf_seg_chunk(struct bvf_func *f, struct bvf_seg *seg, uint32_t pos,
		       bool write, uint8_t **ptr)
{
	(void)f;
	(void)write;
	*ptr = (uint8_t *)(uintptr_t)(seg->off + pos);
	return seg->len - pos;
}

#define ROOM	(192u << 10)

static uint8_t from[ROOM + 256], to[ROOM + 256];

struct routine {
	const char *name;
	const char *isa;	/* that it needs */
	void (*fn)(uint8_t *to, const uint8_t *from, size_t len);
};

static const struct routine routines[] = {
	{ "vec_avx512", "avx512f", vec_avx512 },
	{ "vec_avx2", "avx2", vec_avx2 },
	{ "vec_sse2", "sse2", vec_sse2 },
	{ "stream_avx512", "avx512f", stream_avx512 },
	{ "stream_avx2", "avx2", stream_avx2 },
	{ "stream_sse2", "sse2", stream_sse2 },
	{ "string", "erms", copy_rep },
	{ "small", "sse2", copy_small },
};

static void check(const struct routine *r, size_t to_off, size_t from_off,
		  size_t len)
{
	memset(to, 0xa5, sizeof(to));
	r->fn(to + to_off, from + from_off, len);
	_mm_sfence();
	if (memcmp(to + to_off, from + from_off, len))
		TAP_FAIL("%zu bytes from %zu to %zu differ", len, from_off, to_off);
	for (size_t i = 0; i < 128; i++)
		if ((i < to_off && to[i] != 0xa5) ||
		    to[to_off + len + i] != 0xa5)
			TAP_FAIL("%zu bytes from %zu to %zu: a byte beside them changed",
				 len, from_off, to_off);
}

static bool has(const char *isa)
{
	if (!strcmp(isa, "avx512f"))
		return __builtin_cpu_supports("avx512f");
	if (!strcmp(isa, "avx2"))
		return __builtin_cpu_supports("avx2");
	if (!strcmp(isa, "erms"))
		return cpu_has_erms();
	return true;
}

TAP_TABLE(routine, struct routine, routines, row)
{
	if (!has(row->isa))
		TAP_SKIP("this processor has no %s", row->isa);
	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 167 + (i >> 8));
	for (size_t len = 0; len < 700; len++)
		check(row, len % 71, len % 67, len);
	for (size_t off = 0; off < 64; off++)
		check(row, off, 63 - off, 4096 + off);
	check(row, 5, 9, ROOM - 64);
}

/* A list of segments to another list that is cut elsewhere. */
TAP_TEST(scatter)
{
	static const uint64_t totals[] = { 0, 1 << 20, 1ull << 40 };
	struct bvf_sglist s = { .nr = 3 }, d = { .nr = 4 };
	uint32_t cut_s[] = { 0, 70001, 70064, 150000 };
	uint32_t cut_d[] = { 0, 1, 65537, 100000, 150000 };

	bvf_copy_init();
	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 173 + (i >> 9));
	for (uint32_t i = 0; i < 3; i++)
		s.seg[i] = (struct bvf_seg){ .off = (uintptr_t)from + cut_s[i],
			.len = cut_s[i + 1] - cut_s[i] };
	for (uint32_t i = 0; i < 4; i++)
		d.seg[i] = (struct bvf_seg){ .off = (uintptr_t)to + cut_d[i],
			.len = cut_d[i + 1] - cut_d[i] };
	for (int i = 0; i < 3; i++)
		for (uint32_t piece = 4093; piece < 150000; piece *= 3) {
			memset(to, 0, sizeof(to));
			for (uint32_t at = 0; at < 150000; at += piece) {
				uint32_t n = 150000 - at < piece ? 150000 - at : piece;

				TAP_OK(bvf_copy_sg(&d, at, &s, at, n, totals[i]) ==
				       BVF_COPY_OK);
			}
			TAP_OK(!memcmp(to, from, 150000));
			TAP_EQ(to[150000], 0);
		}
	TAP_OK(bvf_copy_sg(&d, 0, &s, 149999, 2, 2) == BVF_COPY_SRC);
	TAP_OK(bvf_copy_sg(&d, 149999, &s, 0, 2, 2) == BVF_COPY_DST);
}

TAP_MAIN()
