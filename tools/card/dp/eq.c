// SPDX-License-Identifier: GPL-2.0
/*
 * Event queues, interrupts and asynchronous events.
 * Knows nothing of what the events are about.
 *
 * EQEs are written at once; interrupts are raised once a round, for all that
 * was written since. What finds its EQ full waits and is tried again.
 */
#include <errno.h>
#include <unistd.h>

#include "dp.h"

#define BVF_EVENT_RETRY_NS	1000000ull

static struct bvf_eq *eq_get(struct bvf_func *f, uint32_t eqn)
{
	struct dram_eq *d;
	struct bvf_eq *eq;

	if (eqn >= DRAM_MAX_EQ)
		return NULL;
	eq = &f->eq[eqn];
	d = &f->d->eq[eqn];
	if (bvf_unlikely(!bvf_load_acq(&d->valid)))
		return NULL;
	if (bvf_likely(eq->dbrec && eq->mem_gen == f->mem_gen))
		return eq;
	if (!eq->f) {
		eq->f = f;
		bvf_list_init(&eq->dirty);
	}
	eq->dbrec = NULL;
	if (!bvf_load_acq(&f->d->up) || !bvf_buf_ok(f, &d->buf))
		return NULL;
	eq->d = d;
	eq->mem_gen = f->mem_gen;
	eq->mask = (1u << d->depth_shift) - 1;
	eq->pt = bvf_arena(f, d->buf.pt);
	eq->dbrec = (void *)bvf_buf_ptr(f, eq->pt, d->dbrec_off);
	return eq->dbrec ? eq : NULL;
}

void bvf_eq_drop(struct bvf_func *f, uint32_t eqn)
{
	struct bvf_eq *eq;

	if (eqn >= DRAM_MAX_EQ)
		return;
	eq = &f->eq[eqn];
	if (eq->f)
		bvf_list_del(&eq->dirty);
	eq->dbrec = NULL;
}

/* A predecessor may have written an entry without counting it. */
void bvf_eq_attach(struct bvf_func *f, uint32_t eqn)
{
	struct bvf_eq *eq = eq_get(f, eqn);
	const struct bvf_eqe *next;
	uint32_t pi;

	if (!eq)
		return;
	pi = eq->d->pi;
	next = (void *)bvf_buf_ptr(f, eq->pt, (uint64_t)(pi & eq->mask) *
				   sizeof(*next));
	if (next && (bvf_load(&next->phase) & 1) ==
		    (((pi >> eq->d->depth_shift) & 1) ^ 1))
		eq->d->pi = pi + 1;
}

/*
 * Return: 0; -EAGAIN when the EQ is full; -ENOENT when there is none to reach,
 * and the event is lost
 */
int bvf_eq_push(struct bvf_func *f, uint32_t eqn, const struct bvf_eqe *eqe)
{
	struct bvf_eq *eq = eq_get(f, eqn);
	struct bvf_eqe e = *eqe;
	uint64_t words[2], *slot;
	uint32_t pi;

	if (!eq)
		return -ENOENT;
	pi = eq->d->pi;
	if (pi - bvf_load(&eq->dbrec->ci) > eq->mask)
		return -EAGAIN;
	slot = (uint64_t *)bvf_buf_ptr(f, eq->pt, (uint64_t)(pi & eq->mask) *
				       sizeof(e));
	if (!slot)
		return -ENOENT;
	e.phase = ((pi >> eq->d->depth_shift) & 1) ^ 1;
	__builtin_memcpy(words, &e, sizeof(e));
	bvf_store(&slot[0], words[0]);
	/* Pairs with the driver's load of the phase before the rest. */
	bvf_store_rel(&slot[1], words[1]);
	if (bvf_list_empty(&eq->dirty)) {
		eq->old_pi = pi;
		bvf_list_add_tail(&f->dp->dirty_eqs, &eq->dirty);
	}
	eq->d->pi = pi + 1;
	return 0;
}

void bvf_eq_flush(struct bvf_dp *dp)
{
	if (bvf_list_empty(&dp->dirty_eqs))
		return;
	/* Pairs with the driver's: arm stored, barrier, then a look at the EQ. */
	bvf_mb();
	while (!bvf_list_empty(&dp->dirty_eqs)) {
		struct bvf_eq *eq = bvf_container(dp->dirty_eqs.next,
						  struct bvf_eq, dirty);
		uint32_t pi, arm;

		bvf_list_del(&eq->dirty);
		if (!eq->dbrec || eq->mem_gen != eq->f->mem_gen)
			continue;
		pi = eq->d->pi;
		arm = bvf_load(&eq->dbrec->arm);
		if (pi - arm - 1 < pi - eq->old_pi)
			bvf_irq_raise(eq->f, eq->d->vector);
	}
}

void bvf_irq_set(struct bvf_func *f, uint32_t vector, int fd)
{
	if (f->irq[vector] >= 0)
		close(f->irq[vector]);
	f->irq[vector] = fd;
}

void bvf_irq_raise(struct bvf_func *f, uint32_t vector)
{
	uint64_t one = 1;

	if (vector >= BVF_MAX_VECTORS || f->irq[vector] < 0)
		return;
	/* A full counter is an interrupt that is still pending. */
	if (write(f->irq[vector], &one, sizeof(one)) < 0 && errno != EAGAIN)
		bvf_warn("function %s: vector %u: %m", f->d->name, vector);
}

void bvf_event_wait(struct bvf_dp *dp)
{
	if (!dp->event_timer.pos)
		bvf_timer_arm(dp, &dp->event_timer,
			      bvf_now() + BVF_EVENT_RETRY_NS);
}

/* Return: whether the function's queue of events is empty now */
static bool async_drain(struct bvf_func *f)
{
	while (f->async_ci != f->async_pi) {
		struct bvf_eqe *e = &f->async[f->async_ci % BVF_ASYNC_QUEUE];

		if (bvf_eq_push(f, f->d->async_eqn, e) == -EAGAIN)
			return false;
		f->async_ci++;
	}
	return true;
}

void bvf_async(struct bvf_func *f, uint8_t type, uint8_t event, uint32_t id)
{
	struct bvf_eqe e = { .type = type, .event = event, .id = id };

	if (f->d->async_eqn == BVF_EQN_NONE)
		return;
	if (f->async_pi - f->async_ci >= BVF_ASYNC_QUEUE) {
		bvf_warn("function %s: asynchronous event %u for %#x lost, EQ %u is full",
			 f->d->name, event, id, f->d->async_eqn);
		return;
	}
	f->async[f->async_pi++ % BVF_ASYNC_QUEUE] = e;
	if (!async_drain(f) && bvf_list_empty(&f->async_link)) {
		bvf_list_add_tail(&f->dp->pending_async, &f->async_link);
		bvf_event_wait(f->dp);
	}
}

static void event_retry(struct bvf_dp *dp, struct bvf_timer *t)
{
	struct bvf_list *l, *next;

	(void)t;
	for (l = dp->pending_async.next; l != &dp->pending_async; l = next) {
		struct bvf_func *f = bvf_container(l, struct bvf_func,
						   async_link);

		next = l->next;
		if (async_drain(f))
			bvf_list_del(l);
	}
	for (l = dp->pending_cqs.next; l != &dp->pending_cqs; l = next) {
		next = l->next;
		bvf_cq_retry_event(bvf_container(l, struct bvf_cq, pending));
	}
	if (!bvf_list_empty(&dp->pending_async) ||
	    !bvf_list_empty(&dp->pending_cqs))
		bvf_event_wait(dp);
}

void bvf_event_init(struct bvf_dp *dp)
{
	bvf_list_init(&dp->dirty_eqs);
	bvf_list_init(&dp->pending_cqs);
	bvf_list_init(&dp->pending_async);
	dp->event_timer.fn = event_retry;
}
