// SPDX-License-Identifier: GPL-2.0
/*
 * Ethernet queues: binding, turns, interrupts, and the hooks of dp.h.
 * Knows nothing of what is in a frame.
 *
 * A transmit queue is on the list `ready` while it may have frames, on
 * `stalled` while its first frame waits for a receiver's buffers. Each function
 * gets a turn a round, for one of its ready queues after the other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "eth.h"

static struct {
	struct bvf_ethq *q[DRAM_MAX_FUNC][BVF_MAX_ETHQ];
	struct bvf_list ready, stalled, dirty;
	struct bvf_timer timer;		/* wakes the data plane for those that stall */
	uint64_t rounds, had_turn[DRAM_MAX_FUNC];	/* in which round last */
} eth = {
	.ready = { &eth.ready, &eth.ready },
	.stalled = { &eth.stalled, &eth.stalled },
	.dirty = { &eth.dirty, &eth.dirty },
};

static bool bind(struct bvf_ethq *q)
{
	struct dram_ethq *d = q->d;
	struct bvf_func *f = q->f;

	q->live = false;
	if (!bvf_load_acq(&d->valid) || !bvf_buf_ok(f, &d->buf))
		return false;
	q->mem_gen = f->mem_gen;
	q->tx_mask = (1u << d->tx_depth_shift) - 1;
	q->rx_mask = (1u << d->rx_depth_shift) - 1;
	q->pt = bvf_arena(f, d->buf.pt);
	q->rec = (void *)bvf_buf_ptr(f, q->pt, d->dbrec_off);
	q->tx_told = d->tx_ci;
	q->rx_told = d->rx_ci;
	q->live = q->rec;
	return q->live;
}

/* The queue, ready for use; NULL if the function has none of this number. */
struct bvf_ethq *bvf_ethq_get(struct bvf_func *f, uint32_t idx)
{
	struct bvf_ethq *q;

	if (idx >= BVF_MAX_ETHQ)
		return NULL;
	q = eth.q[f->idx][idx];
	if (bvf_likely(q && q->live && q->mem_gen == f->mem_gen))
		return q;
	if (!bvf_load_acq(&f->d->ethq[idx].valid))
		return NULL;
	if (!q) {
		q = calloc(1, sizeof(*q));
		if (!q)
			return NULL;
		q->f = f;
		q->d = &f->d->ethq[idx];
		q->idx = idx;
		bvf_list_init(&q->run);
		bvf_list_init(&q->dirty);
		eth.q[f->idx][idx] = q;
	}
	return bind(q) ? q : NULL;
}

static void drop(struct bvf_ethq *q)
{
	q->live = false;
	q->skip = false;
	q->seg = 0;
	q->wait = NULL;
	q->epoch = 0;
	bvf_list_del(&q->run);
	bvf_list_del(&q->dirty);
}

void bvf_eth_stop(struct bvf_dp *dp, struct bvf_func *f, int queue)
{
	(void)dp;
	for (int i = 0; i < BVF_MAX_ETHQ; i++)
		if ((queue < 0 || queue == i) && eth.q[f->idx][i])
			drop(eth.q[f->idx][i]);
}

static void set_ready(struct bvf_ethq *q)
{
	bvf_list_del(&q->run);
	q->wait = NULL;
	bvf_list_add_tail(&eth.ready, &q->run);
}

void bvf_eth_doorbell(struct bvf_dp *dp, struct bvf_func *f, uint64_t bits)
{
	(void)dp;
	while (bits) {
		uint32_t i = (uint32_t)__builtin_ctzll(bits);
		struct bvf_ethq *q = bvf_ethq_get(f, i);

		bits &= bits - 1;
		if (!q)
			bvf_stat(f, BVF_STAT_BAD_DB, 1);
		else if (bvf_list_empty(&q->run))
			set_ready(q);
	}
}

/* Its tx_ci or receive completions have moved: look at the arms this round. */
void bvf_ethq_dirty(struct bvf_ethq *q)
{
	if (bvf_list_empty(&q->dirty))
		bvf_list_add_tail(&eth.dirty, &q->dirty);
}

static bool passed(uint32_t arm, uint32_t old_pi, uint32_t new_pi)
{
	return new_pi - arm - 1 < new_pi - old_pi;
}

static void raise_irqs(void)
{
	if (bvf_list_empty(&eth.dirty))
		return;
	/* Pairs with the driver's: arm stored, barrier, then a look at the queue. */
	bvf_mb();
	while (!bvf_list_empty(&eth.dirty)) {
		struct bvf_ethq *q = bvf_container(eth.dirty.next, struct bvf_ethq, dirty);
		struct dram_ethq *d = q->d;

		bvf_list_del(&q->dirty);
		if (!q->live || q->mem_gen != q->f->mem_gen)
			continue;
		if (passed(bvf_load(&q->rec->tx_arm), q->tx_told, d->tx_ci) ||
		    passed(bvf_load(&q->rec->rx_arm), q->rx_told, d->rx_ci))
			bvf_irq_raise(q->f, d->vector);
		q->tx_told = d->tx_ci;
		q->rx_told = d->rx_ci;
	}
}

/* Sends frames of a queue until its turn is over; then it is where it belongs. */
static void turn(struct bvf_ethq *q)
{
	uint32_t bytes = 0, frames = 0, ci = q->d->tx_ci, nr;
	static struct bvf_frame fr;
	int err = 0;

	while (bytes < BVF_ETH_TURN_BYTES && frames < BVF_ETH_TURN_FRAMES) {
		err = bvf_frame_load(q, &fr, &nr);
		if (err == -EAGAIN)
			break;
		frames++;
		if (!err) {
			err = bvf_eth_forward(q, &fr);
			if (err)
				break;
			bytes += fr.len;
			bvf_stat(q->f, BVF_STAT_ETH_TX_FRAMES, 1);
			bvf_stat(q->f, BVF_STAT_ETH_TX_BYTES, fr.len);
		}
		q->d->tx_ci += nr;
	}
	if (q->d->tx_ci != ci) {
		/* The driver frees what is below it. */
		bvf_store_rel(&q->rec->tx_ci, q->d->tx_ci);
		bvf_ethq_dirty(q);
	}
	bvf_list_del(&q->run);
	if (q->wait)
		bvf_list_add_tail(&eth.stalled, &q->run);
	else if (err != -EAGAIN)
		bvf_list_add_tail(&eth.ready, &q->run);
}

/* Whether the receiver has posted buffers, went away, or has had its time. */
static bool wait_over(const struct bvf_ethq *q, uint64_t now)
{
	const struct bvf_ethq *rx = q->wait;

	return !rx->live || rx->mem_gen != rx->f->mem_gen || !rx->d->stall ||
	       bvf_load(&rx->rec->rx_pi) != q->wait_pi ||
	       now - rx->d->stall > BVF_ETH_STALL_NS;
}

static void timer_fn(struct bvf_dp *dp, struct bvf_timer *t)
{
	/* bvf_eth_poll() does the work, once a round */
	(void)dp;
	(void)t;
}

static void poll_stalled(struct bvf_dp *dp)
{
	struct bvf_list *l, *next;

	for (l = eth.stalled.next; l != &eth.stalled; l = next) {
		struct bvf_ethq *q = bvf_container(l, struct bvf_ethq, run);

		next = l->next;
		if (wait_over(q, dp->now))
			set_ready(q);
	}
}

static void list_move(struct bvf_list *to, struct bvf_list *from)
{
	while (!bvf_list_empty(from)) {
		struct bvf_list *l = from->next;

		bvf_list_del(l);
		bvf_list_add_tail(to, l);
	}
}

/* Return: whether it was the turn of the queue's function */
static bool take_turn(struct bvf_ethq *q)
{
	uint64_t *had = &eth.had_turn[q->f->idx];

	if (!bvf_ethq_get(q->f, q->idx)) {
		bvf_list_del(&q->run);
		return true;
	}
	if (*had == eth.rounds)
		return false;
	*had = eth.rounds;
	turn(q);
	return true;
}

bool bvf_eth_poll(struct bvf_dp *dp)
{
	struct bvf_list round = { &round, &round };
	struct bvf_list later = { &later, &later };
	bool any = false;

	if (!bvf_list_empty(&eth.stalled))
		poll_stalled(dp);
	if (bvf_list_empty(&eth.ready) && bvf_list_empty(&eth.dirty))
		goto out;
	/* Those that are ready now; each puts itself back if it has more. */
	any = !bvf_list_empty(&eth.ready);
	list_move(&round, &eth.ready);
	eth.rounds++;
	while (!bvf_list_empty(&round)) {
		struct bvf_ethq *q = bvf_container(round.next, struct bvf_ethq, run);

		if (take_turn(q))
			continue;
		bvf_list_del(&q->run);
		bvf_list_add_tail(&later, &q->run);
	}
	/* Who has waited comes before who had a turn. */
	list_move(&later, &eth.ready);
	list_move(&eth.ready, &later);
	raise_irqs();
out:
	if (!bvf_list_empty(&eth.stalled) && !eth.timer.pos) {
		eth.timer.fn = timer_fn;
		bvf_timer_arm(dp, &eth.timer, dp->now + BVF_ETH_STALL_POLL_NS);
	}
	return any || !bvf_list_empty(&eth.ready);
}

static uint32_t *rxc_phase(struct bvf_ethq *q, uint32_t n)
{
	uint64_t off = q->d->rxc_off + (uint64_t)(n & q->rx_mask) * sizeof(struct bvf_rx_cqe);
	struct bvf_rx_cqe *c = (void *)bvf_buf_ptr(q->f, q->pt, off);

	return c ? &c->phase : NULL;
}

/*
 * A predecessor may have died between a frame's completions and the index
 * in the DRAM. What the receiver can see counts; completions behind it are
 * of a frame whose first one was never written, and must not be taken for
 * those of the next.
 */
static void repair(struct bvf_ethq *q)
{
	bool visible = true;

	for (uint32_t i = 0, n = q->d->rx_ci; i <= q->rx_mask; i++, n++) {
		uint32_t want = ((n >> q->d->rx_depth_shift) & 1) ^ 1;
		uint32_t *phase = rxc_phase(q, n);

		if (!phase)
			return;
		if ((bvf_load(phase) & 1) != want)
			visible = false;
		else if (visible)
			q->d->rx_ci = n + 1;
		else
			bvf_store(phase, want ^ 1);
	}
	q->d->rxc_pi = q->d->rx_ci;
}

void bvf_eth_attach(struct bvf_dp *dp, struct bvf_func *f)
{
	(void)dp;
	for (uint32_t i = 0; i < BVF_MAX_ETHQ; i++) {
		struct bvf_ethq *q = bvf_ethq_get(f, i);

		if (!q)
			continue;
		repair(q);
		q->d->stall = 0;
		bvf_store_rel(&q->rec->tx_ci, q->d->tx_ci);
		set_ready(q);
		/* An interrupt may have been due. */
		bvf_irq_raise(f, q->d->vector);
	}
}
