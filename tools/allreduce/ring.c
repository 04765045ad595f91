// SPDX-License-Identifier: GPL-2.0
/*
 * The algorithm, the same over any transport. It must not know sockets or QPs.
 *
 * Ring: the buffer is cut into one chunk a rank. In step s of nranks - 1 each
 * rank sends chunk rank - s to the next one and reduces what comes, chunk
 * rank - s - 1, with its own values. After that it holds chunk rank + 1 whole,
 * and in another nranks - 1 steps the whole chunks go round, straight into place.
 *
 * Pipelining: all chunks are cut into the same number of pieces, so the traffic
 * is one sequence, piece k being piece k % per_step of step k / per_step. What
 * is sent as k is what was received as k - per_step: that one rule is the whole
 * of the data dependence, and pieces of different steps overlap freely.
 *
 * Two ranks with little data swap it whole and both reduce all of it: half the
 * latency for twice the arithmetic.
 *
 * Why a peer may write into out without asking: it only holds a whole piece
 * after this rank has contributed to it in this same operation, and has then
 * received that contribution, so out is free for it. Contributions themselves
 * go to slots, which the transport does not overwrite before release.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "tp.h"

#define BVF_RING_ALIGN		64		/* bytes, of chunks and pieces */
#define BVF_RING_MIN_PIECE	(32u << 10)
#define BVF_RING_PIECES		8		/* a chunk, if they are not too small */
#define BVF_RING_CHECK_NS	5000000ULL	/* between looks at the control side */
#define BVF_RING_SLEEP_MS	100
#define BVF_RING_SPINS		32		/* looks between looks at the clock */

struct bvf_ring {
	struct bvf_tp *tp;
	bvf_reduce_fn reduce;
	unsigned int esize;
	unsigned int rank;
	unsigned int nranks;
	bool direct;
	size_t len;		/* bytes of the whole buffer */
	size_t chunk;		/* bytes of all but the last chunks */
	size_t piece;		/* bytes of all but a chunk's last pieces */
	unsigned int steps;
	uint64_t per_step;	/* pieces */
	uint64_t total;
	uint64_t sent;
	uint64_t done;		/* received and worked in */
};

static size_t bvf_round_up(size_t v, size_t to)
{
	return (v + to - 1) / to * to;
}

static void bvf_ring_plan(struct bvf_ring *r, const struct bvf_ar_opts *o, size_t count)
{
	r->len = count * r->esize;
	r->direct = r->nranks == 2 && r->len <= o->direct_max;
	r->steps = r->direct ? 1 : 2 * (r->nranks - 1);
	r->chunk = r->direct ? r->len :
		   bvf_round_up((count + r->nranks - 1) / r->nranks * r->esize,
				BVF_RING_ALIGN);
	r->piece = bvf_round_up(r->chunk / BVF_RING_PIECES, BVF_RING_ALIGN);
	if (r->piece < BVF_RING_MIN_PIECE)
		r->piece = BVF_RING_MIN_PIECE;
	if (r->piece > o->piece)
		r->piece = o->piece;
	r->per_step = (r->chunk + r->piece - 1) / r->piece;
	r->total = r->per_step * r->steps;
}

/*
 * Piece k as it leaves the given rank; false if it is empty. What this rank
 * receives as k is what the previous rank sends as k.
 */
static bool bvf_ring_piece(const struct bvf_ring *r, unsigned int sender, uint64_t k,
			   struct bvf_piece *p)
{
	unsigned int step = (unsigned int)(k / r->per_step), chunk;
	size_t start, end, chunk_end;

	p->place = !r->direct && step >= r->nranks - 1;
	chunk = r->direct ? 0 : (sender + 2 * r->nranks - step) % r->nranks;
	chunk_end = (chunk + 1) * r->chunk;
	if (chunk_end > r->len)
		chunk_end = r->len;
	start = chunk * r->chunk + k % r->per_step * r->piece;
	end = start + r->piece;
	if (end > chunk_end)
		end = chunk_end;
	if (start >= end)
		return false;
	p->off = start;
	p->len = (uint32_t)(end - start);
	return true;
}

/* Sends what the data dependence and the transport allow. 1 on progress. */
static int bvf_ring_send(struct bvf_ring *r)
{
	const struct bvf_ar_bufs *bufs = &r->tp->bufs;
	int progress = 0;

	while (r->sent < r->total && r->sent < r->done + r->per_step) {
		const void *base = r->sent < r->per_step ? bufs->in : bufs->out;
		struct bvf_piece p;

		if (bvf_ring_piece(r, r->rank, r->sent, &p)) {
			int rc = r->tp->ops->send(r->tp, &p,
						  (const char *)base + p.off);

			if (rc <= 0)
				return rc ? rc : progress;
		}
		r->sent++;
		progress = 1;
	}
	return progress;
}

/* Takes in one piece, so that sending gets its turn. 1 on progress. */
static int bvf_ring_recv(struct bvf_ring *r)
{
	unsigned int prev = (r->rank + r->nranks - 1) % r->nranks;
	const struct bvf_ar_bufs *bufs = &r->tp->bufs;
	const void *data;
	struct bvf_piece p;
	int rc;

	if (r->done == r->total)
		return 0;
	if (bvf_ring_piece(r, prev, r->done, &p)) {
		rc = r->tp->ops->recv(r->tp, &p, &data);
		if (rc <= 0)
			return rc;
		if (!p.place)
			r->reduce((char *)bufs->out + p.off,
				  (const char *)bufs->in + p.off, data,
				  p.len / r->esize);
		rc = r->tp->ops->release(r->tp);
		if (rc < 0)
			return rc;
	}
	r->done++;
	return 1;
}

static int bvf_ring_sleep(struct bvf_ring *r)
{
	struct pollfd pfds[BVF_TP_MAX_FDS + BVF_AR_MAX_RANKS];
	int nr;

	nr = r->tp->ops->arm(r->tp, pfds, r->done < r->total);
	if (nr <= 0)
		return nr;
	nr += bvf_boot_pollfds(r->tp->boot, pfds + nr);
	if (poll(pfds, (nfds_t)nr, BVF_RING_SLEEP_MS) < 0 && errno != EINTR)
		return bvf_boot_fail(r->tp->boot, BVF_FAIL_LOCAL, (int)r->rank,
				     "poll: %s", strerror(errno));
	return bvf_boot_check(r->tp->boot);
}

/* How long nothing has happened, and what was done about it. */
struct bvf_idle {
	unsigned int looks;
	uint64_t since;
	uint64_t checked;
};

/*
 * Between two fruitless looks: spins for a while, then sleeps, so that a rank
 * that waits leaves the core to whoever it waits for.
 */
static int bvf_ring_idle(struct bvf_ring *r, struct bvf_idle *idle)
{
	const struct bvf_ar_opts *o = r->tp->o;
	uint64_t now;

	if (!idle->looks++) {
		idle->since = idle->checked = bvf_now_ns();
		if (o->waiting != BVF_AR_WAIT_EVENTS)
			return 0;
	}
	if (o->waiting != BVF_AR_WAIT_EVENTS && idle->looks % BVF_RING_SPINS)
		return 0;
	now = bvf_now_ns();
	if (now - idle->since > o->timeout_s * 1000000000ULL)
		return bvf_boot_fail(r->tp->boot, BVF_FAIL_STALL,
				     r->done < r->total ? r->tp->prev : r->tp->next,
				     "no data for %u s", o->timeout_s);
	if (o->waiting == BVF_AR_WAIT_EVENTS ||
	    (o->waiting == BVF_AR_WAIT_HYBRID && now - idle->since > o->spin_us * 1000ULL))
		return bvf_ring_sleep(r);
	sched_yield();
	if (now - idle->checked < BVF_RING_CHECK_NS)
		return 0;
	idle->checked = now;
	return bvf_boot_check(r->tp->boot);
}

static int bvf_ring_run(struct bvf_ring *r)
{
	struct bvf_idle idle = { 0 };

	for (;;) {
		int tx, rx, flushed;

		tx = bvf_ring_send(r);
		if (tx < 0)
			return tx;
		rx = bvf_ring_recv(r);
		if (rx < 0)
			return rx;
		if (r->done == r->total && r->sent == r->total) {
			flushed = r->tp->ops->flush(r->tp);
			if (flushed)
				return flushed < 0 ? flushed : 0;
		}
		if (tx || rx) {
			idle.looks = 0;
			continue;
		}
		tx = bvf_ring_idle(r, &idle);
		if (tx < 0)
			return tx;
	}
}

int bvf_ring_allreduce(struct bvf_tp *tp, enum bvf_ar_type type,
		       enum bvf_ar_redop op, size_t count)
{
	struct bvf_ring r = {
		.tp = tp,
		.reduce = bvf_reduce_get(type, op),
		.esize = bvf_type_size(type),
		.rank = (unsigned int)tp->o->rank,
		.nranks = (unsigned int)tp->o->nranks,
	};

	if (!count)
		return 0;
	if (r.nranks == 1) {
		memcpy(tp->bufs.out, tp->bufs.in, count * r.esize);
		return 0;
	}
	bvf_ring_plan(&r, tp->o, count);
	return bvf_ring_run(&r);
}
