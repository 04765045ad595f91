// SPDX-License-Identifier: GPL-2.0
/*
 * Does QEMU share its memory with the card? Without share=on it passes the
 * memory's file along all the same, but works on private pages: the card would
 * see zeros for ever. So before the first command is fetched, the client is
 * asked to read it as well, once a connection, and the two are compared.
 */
#include <string.h>

#include "card.h"
#include "lib/log.h"
#include "vfu/vfu.h"

#define SHARE_TRIES		3		/* the guest may be writing there */
#define SHARE_TIMEOUT_NS	2000000000ull

static void share_ask(struct bvf_fn *fn);

static void share_decide(struct bvf_fn *fn)
{
	bvf_loop_timer_cancel(&fn->card->loop, &fn->share_timer);
	fn->share_known = true;
	bvf_aq_run(fn);
}

/* A client that cannot read for us is trusted to share its memory. */
static void share_timeout(struct bvf_loop_timer *timer)
{
	struct bvf_fn *fn = container_of(timer, struct bvf_fn, share_timer);

	bvf_warn("%s: client does not answer DMA_READ, sharing of its memory is not checked",
		 fn->name);
	share_decide(fn);
}

static void share_answer(void *arg, int err, const void *data)
{
	struct bvf_fn *fn = arg;
	uint8_t seen[BVF_CMD_SIZE];

	fn->share_busy = false;
	if (fn->closing || fn->share_known)
		return;
	if (fn->state != BVF_FN_READY) {
		bvf_loop_timer_cancel(&fn->card->loop, &fn->share_timer);
		return;
	}
	if (err) {
		bvf_info("%s: client refuses DMA_READ, sharing of its memory is not checked",
			 fn->name);
		share_decide(fn);
		return;
	}
	if (!bvf_mem_read(fn, fn->share_iova, seen, sizeof(seen)) &&
	    !memcmp(seen, data, sizeof(seen))) {
		share_decide(fn);
		return;
	}
	if (++fn->share_tries < SHARE_TRIES) {
		share_ask(fn);
		return;
	}
	bvf_loop_timer_cancel(&fn->card->loop, &fn->share_timer);
	bvf_fn_fatal(fn, BVF_DEV_NO_SHARE,
		     "guest memory is not shared with the card: QEMU's memory backend lacks share=on");
}

static void share_ask(struct bvf_fn *fn)
{
	fn->share_busy = true;
	if (bvf_vfu_dma_read(fn->vfu, fn->share_iova, BVF_CMD_SIZE,
			     share_answer, fn)) {
		bvf_loop_timer_cancel(&fn->card->loop, &fn->share_timer);
		fn->share_busy = false;
		fn->share_known = true;
	}
}

void bvf_share_init(struct bvf_fn *fn)
{
	fn->share_timer.fn = share_timeout;
}

void bvf_share_forget(struct bvf_fn *fn)
{
	bvf_loop_timer_cancel(&fn->card->loop, &fn->share_timer);
	fn->share_known = false;
}

bool bvf_share_check(struct bvf_fn *fn, uint64_t iova)
{
	if (fn->share_known)
		return true;
	if (fn->share_busy)
		return false;
	fn->share_iova = iova;
	fn->share_tries = 0;
	bvf_loop_timer_arm(&fn->card->loop, &fn->share_timer,
			   SHARE_TIMEOUT_NS);
	share_ask(fn);
	return fn->share_known;
}
