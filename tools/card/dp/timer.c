// SPDX-License-Identifier: GPL-2.0
/*
 * Timers: a binary heap of one-shot timers, and the time codes of the
 * InfiniBand specification. Knows nothing of what waits for them.
 */
#include <stdlib.h>
#include <time.h>

#include "dp.h"

/* IBA table 45, in units of 10 us. */
static const uint32_t rnr_10us[32] = {
	65536, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192,
	256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288,
	16384, 24576, 32768, 49152,
};

uint64_t bvf_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

uint64_t bvf_rnr_ns(uint8_t code)
{
	return rnr_10us[code & 31] * 10000ull;
}

/* 0 means that there is no timeout. */
uint64_t bvf_timeout_ns(uint8_t code)
{
	return code & 31 ? 4096ull << (code & 31) : 0;
}

static void heap_put(struct bvf_dp *dp, uint32_t pos, struct bvf_timer *t)
{
	dp->heap[pos] = t;
	t->pos = pos;
}

static void heap_up(struct bvf_dp *dp, uint32_t pos, struct bvf_timer *t)
{
	while (pos > 1 && dp->heap[pos / 2]->when > t->when) {
		heap_put(dp, pos, dp->heap[pos / 2]);
		pos /= 2;
	}
	heap_put(dp, pos, t);
}

static void heap_down(struct bvf_dp *dp, uint32_t pos, struct bvf_timer *t)
{
	for (;;) {
		uint32_t kid = pos * 2;

		if (kid > dp->nr_heap)
			break;
		if (kid < dp->nr_heap &&
		    dp->heap[kid + 1]->when < dp->heap[kid]->when)
			kid++;
		if (dp->heap[kid]->when >= t->when)
			break;
		heap_put(dp, pos, dp->heap[kid]);
		pos = kid;
	}
	heap_put(dp, pos, t);
}

void bvf_timer_cancel(struct bvf_dp *dp, struct bvf_timer *t)
{
	struct bvf_timer *last;
	uint32_t pos = t->pos;

	if (!pos)
		return;
	t->pos = 0;
	last = dp->heap[dp->nr_heap--];
	if (last == t)
		return;
	heap_up(dp, pos, last);
	heap_down(dp, last->pos, last);
}

void bvf_timer_arm(struct bvf_dp *dp, struct bvf_timer *t, uint64_t when)
{
	bvf_timer_cancel(dp, t);
	if (dp->nr_heap + 1 >= dp->cap_heap) {
		uint32_t cap = dp->cap_heap ? dp->cap_heap * 2 : 1024;
		struct bvf_timer **heap = realloc(dp->heap,
						  cap * sizeof(*heap));

		if (!heap) {
			/* Late is better than never; the next round runs it. */
			bvf_err("no memory for timers");
			t->fn(dp, t);
			return;
		}
		dp->heap = heap;
		dp->cap_heap = cap;
	}
	t->when = when;
	dp->nr_heap++;
	heap_up(dp, dp->nr_heap, t);
}

/* Return: whether any timer ran; dp->now must be fresh */
bool bvf_timer_run(struct bvf_dp *dp)
{
	bool any = false;

	while (dp->nr_heap && dp->heap[1]->when <= dp->now) {
		struct bvf_timer *t = dp->heap[1];

		bvf_timer_cancel(dp, t);
		t->fn(dp, t);
		any = true;
	}
	return any;
}
