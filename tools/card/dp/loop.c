// SPDX-License-Identifier: GPL-2.0
/*
 * The worker's loop: who gets a turn, when to spin, when to sleep.
 * Knows nothing of messages, keys or rings.
 *
 * Busy: polls the awake contexts' doorbell pages and runs ready QPs, function
 * by function, QP by QP. Without work it spins for a while, then tells the
 * guests (asleep) and the control plane (dp_asleep) that it needs to be
 * woken, looks once more, and blocks. The spin time follows the load: it
 * grows while sleeps turn out short, and shrinks while they turn out long.
 * While more threads want to run than there are processors it is next to
 * nothing: the time would be a busy vCPU's, and with short slices a sleeper
 * is let in at once when it is woken. (Two busy vCPUs on two processors, half
 * round trip of an 8-byte write: 12 us so, 27 us with 4 to 100 us of spin.)
 */
#include <errno.h>
#include <immintrin.h>
#include <sys/epoll.h>

#include "dp.h"
#include "lib/sched.h"
#include "lib/sigbus.h"

/* Turns between two looks at the doorbells, unless a piece has been moved. */
#define BVF_TURNS		8
#define BVF_SPIN_BUSY_NS	500ull
#define BVF_SPIN_MIN_NS		2000ull
#define BVF_SPIN_MAX_NS		100000ull
/* A context without work this long is not polled any more. */
#define BVF_CTX_IDLE_NS		1000000ull

static bool run_ready(struct bvf_dp *dp)
{
	uint64_t limit = dp->moved + BVF_PIECE;
	bool any = false;

	for (int n = 0; n < BVF_TURNS && dp->moved < limit &&
	     !bvf_list_empty(&dp->ready); n++) {
		struct bvf_func *f = bvf_container(dp->ready.next,
						   struct bvf_func, link);
		struct bvf_qp *qp = bvf_container(f->ready.next, struct bvf_qp,
						  ready);

		bvf_list_del(&f->link);
		bvf_list_del(&qp->ready);
		qp->on = BVF_ON_NONE;
		any = true;
		if (bvf_qp_get(f, (uint32_t)(qp->d - f->d->qp)) == qp &&
		    bvf_qp_run(qp))
			bvf_qp_ready(qp);
		if (!bvf_list_empty(&f->ready) && bvf_list_empty(&f->link))
			bvf_list_add_tail(&dp->ready, &f->link);
	}
	return any;
}

/* Return: whether there was anything to do */
static bool one_round(struct bvf_dp *dp)
{
	bool any = false;

	dp->now = bvf_now();
	dp->dram->dp_loops++;
	if (bvf_unlikely(bvf_ipc_pending(dp) || dp->ack_owed)) {
		any = bvf_ipc_serve(dp);
		if (!dp->attached)
			bvf_attach_scan(dp);
	}
	if (bvf_unlikely(!dp->attached))
		return any;
	any |= bvf_db_kicks(dp);
	any |= bvf_db_scan(dp);
	any |= run_ready(dp);
	if (bvf_eth_poll)
		any |= bvf_eth_poll(dp);
	if (bvf_unlikely(dp->nr_heap))
		any |= bvf_timer_run(dp);
	bvf_eq_flush(dp);
	if (bvf_unlikely(dp->faults_seen != bvf_sigbus_faults))
		bvf_region_check(dp);
	return any;
}

static void block(struct bvf_dp *dp)
{
	struct timespec ts, *timeout = NULL;
	struct epoll_event ev[2];
	uint64_t until = 0;
	int nr;

	if (dp->nr_heap)
		until = dp->heap[1]->when;
	if (dp->ack_owed && (!until || until > dp->now + 1000000))
		until = dp->now + 1000000;
	if (until) {
		uint64_t now = bvf_now(), left = until > now ? until - now : 0;

		ts.tv_sec = (time_t)(left / 1000000000ull);
		ts.tv_nsec = (long)(left % 1000000000ull);
		timeout = &ts;
	}
	dp->dram->dp_sleeps++;
	nr = epoll_pwait2(dp->epoll, ev, 2, timeout, NULL);
	bvf_store(&dp->dram->dp_asleep, 0);
	if (nr < 0 && errno != EINTR) {
		bvf_err("epoll: %m");
		dp->stop = true;
	}
	/* Messages are announced by ipc_seq, the end of the socket is not. */
	for (int i = 0; i < nr; i++)
		if (ev[i].data.fd == dp->sock)
			bvf_ipc_serve(dp);
	if (!dp->attached)
		bvf_attach_scan(dp);
}

/* Nothing to do for spin_ns: sleep if that is still true. */
static void go_to_sleep(struct bvf_dp *dp)
{
	uint64_t slept;

	if (bvf_db_sleep(dp, 0))
		return;
	bvf_store(&dp->dram->dp_asleep, 1);
	/* Pairs with the control plane's: kick or ipc_seq, barrier, dp_asleep. */
	bvf_mb();
	if (bvf_load(&dp->dram->kick) || bvf_ipc_pending(dp) ||
	    !bvf_list_empty(&dp->ready)) {
		bvf_store(&dp->dram->dp_asleep, 0);
		return;
	}
	slept = bvf_now();
	block(dp);
	slept = bvf_now() - slept;

	dp->spin_ns = slept < BVF_SPIN_MAX_NS ? dp->spin_ns * 2 :
		      dp->spin_ns / 2;
	if (dp->spin_ns < BVF_SPIN_MIN_NS)
		dp->spin_ns = BVF_SPIN_MIN_NS;
	if (dp->spin_ns > BVF_SPIN_MAX_NS)
		dp->spin_ns = BVF_SPIN_MAX_NS;
}

static bool spin_on(const struct bvf_dp *dp, uint64_t idle_ns)
{
	return idle_ns < BVF_SPIN_BUSY_NS ||
	       (idle_ns < dp->spin_ns && bvf_sched_spare(dp->now));
}

int bvf_run(struct bvf_dp *dp)
{
	uint64_t idle_since = 0, swept = 0;

	dp->spin_ns = BVF_SPIN_MIN_NS;
	bvf_ipc_serve(dp);
	bvf_attach_scan(dp);
	while (!dp->stop) {
		if (one_round(dp)) {
			idle_since = 0;
			if (dp->now - swept > BVF_CTX_IDLE_NS) {
				swept = dp->now;
				bvf_db_sleep(dp, BVF_CTX_IDLE_NS);
			}
			continue;
		}
		if (!idle_since)
			idle_since = dp->now;
		if (spin_on(dp, dp->now - idle_since)) {
			_mm_pause();
			continue;
		}
		go_to_sleep(dp);
		idle_since = 0;
	}
	return 0;
}
