// SPDX-License-Identifier: GPL-2.0
/*
 * bvf-allreduce: measures and checks an AllReduce among ranks. The sweep itself:
 * which operations are run, timed and checked, in which order.
 * It must not know how ranks meet or how data travels.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot.h"
#include "report.h"
#include "tp.h"

#define BVF_POISON	0xff	/* NaN in the float types, -1 in i32 */

volatile sig_atomic_t bvf_interrupted;

struct bvf_run {
	struct bvf_ar_opts o;
	struct bvf_boot *boot;
	struct bvf_tp *tp;
	struct bvf_ar_bufs bufs;
	struct bvf_report *report;	/* on rank 0 */
	uint32_t seed;
	uint64_t wrong;
};

/* What the ranks tell each other after a row. */
struct bvf_share {
	uint64_t ns;
	uint64_t wrong;
};

static void bvf_on_signal(int sig)
{
	(void)sig;
	bvf_interrupted = 1;
}

static void bvf_catch_signals(void)
{
	struct sigaction sa = { .sa_handler = bvf_on_signal };

	/* Without SA_RESTART: a sleeping rank is to wake up and tell the others. */
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static int bvf_alloc_bufs(struct bvf_run *run)
{
	run->bufs.len = (run->o.max_bytes + 4095) & ~4095ULL;
	if (!run->bufs.len)
		run->bufs.len = 4096;
	run->bufs.in = bvf_mem_alloc(run->bufs.len, BVF_MEM_IN);
	run->bufs.out = bvf_mem_alloc(run->bufs.len, BVF_MEM_OUT);
	if (run->bufs.in && run->bufs.out)
		return 0;
	fprintf(stderr, "bvf-allreduce: cannot allocate two buffers of %llu MiB\n",
		(unsigned long long)(run->bufs.len >> 20));
	return -ENOMEM;
}

/* Adds up wrong and takes the largest ns over all ranks. */
static int bvf_share(struct bvf_run *run, struct bvf_share *s)
{
	struct bvf_share all[BVF_AR_MAX_RANKS];
	int err;

	err = bvf_boot_gather(run->boot, s, all, sizeof(*s));
	if (err)
		return err;
	*s = all[0];
	for (int r = 1; r < run->o.nranks; r++) {
		if (all[r].ns > s->ns)
			s->ns = all[r].ns;
		s->wrong += all[r].wrong;
	}
	return 0;
}

static int bvf_ops(struct bvf_run *run, const struct bvf_row *row, unsigned int n)
{
	int err = 0;

	while (n-- && !err)
		err = bvf_ring_allreduce(run->tp, row->type, row->op, row->count);
	return err;
}

/* New input, and an output that holds nothing right. */
static int bvf_prepare(struct bvf_run *run, const struct bvf_row *row)
{
	run->seed++;
	bvf_check_fill(run->bufs.in, row->type, row->count, run->seed, run->o.rank,
		       run->o.nranks);
	memset(run->bufs.out, BVF_POISON, row->bytes);
	return bvf_boot_gather(run->boot, NULL, NULL, 0);
}

static uint64_t bvf_verify(struct bvf_run *run, const struct bvf_row *row)
{
	if (!run->o.check)
		return 0;
	return bvf_check_wrong(run->bufs.out, row->type, row->op, row->count, run->seed,
			       run->o.nranks);
}

/*
 * The untimed operations, and how many timed ones are to follow: with a limit
 * on the row's time the slowest rank's first operation tells.
 */
static int bvf_warm_up(struct bvf_run *run, struct bvf_row *row)
{
	unsigned int warmup = run->o.warmup;
	struct bvf_share s = { 0 };
	uint64_t fit;
	int err;

	row->iters = run->o.iters;
	if (run->o.row_ms) {
		uint64_t start = bvf_now_ns();

		err = bvf_ops(run, row, 1);
		if (err)
			return err;
		s.ns = bvf_now_ns() - start;
		err = bvf_share(run, &s);
		if (err)
			return err;
		fit = run->o.row_ms * 1000000ULL / (s.ns + 1);
		if (row->iters > fit)
			row->iters = fit ? (unsigned int)fit : 1;
		warmup = warmup > fit ? (unsigned int)fit : warmup;
		warmup -= warmup > 0;
	}
	return bvf_ops(run, row, warmup);
}

static int bvf_row(struct bvf_run *run, struct bvf_row *row)
{
	struct bvf_share s = { 0 };
	uint64_t start;
	int err;

	err = bvf_prepare(run, row);
	if (!err)
		err = bvf_warm_up(run, row);
	if (!err)
		err = bvf_boot_gather(run->boot, NULL, NULL, 0);
	if (err)
		return err;
	start = bvf_now_ns();
	err = bvf_ops(run, row, row->iters);
	if (err)
		return err;
	s.ns = bvf_now_ns() - start;
	s.wrong = bvf_verify(run, row);
	/* Once more with other values: the last result must not be an old one. */
	if (run->o.check) {
		err = bvf_prepare(run, row);
		if (!err)
			err = bvf_ops(run, row, 1);
		if (err)
			return err;
		s.wrong += bvf_verify(run, row);
	}
	err = bvf_share(run, &s);
	if (err)
		return err;
	row->us = (double)s.ns / 1e3 / row->iters;
	row->wrong = s.wrong;
	run->wrong += s.wrong;
	return run->report ? bvf_report_row(run->report, row) : 0;
}

static int bvf_sweep_sizes(struct bvf_run *run, enum bvf_ar_type type,
			   enum bvf_ar_redop op)
{
	const struct bvf_ar_opts *o = &run->o;
	uint64_t bytes = o->min_bytes;
	int err = 0;

	while (bytes <= o->max_bytes && !err) {
		struct bvf_row row = { .type = type, .op = op };

		row.count = bytes / bvf_type_size(type);
		row.bytes = row.count * bvf_type_size(type);
		err = bvf_row(run, &row);
		bytes = o->step_bytes ? bytes + o->step_bytes : bytes * o->factor;
	}
	return err;
}

static int bvf_sweep(struct bvf_run *run)
{
	int err = 0;

	for (unsigned int t = 0; t < BVF_AR_NR_TYPES && !err; t++) {
		for (unsigned int r = 0; r < BVF_AR_NR_REDOPS && !err; r++) {
			if ((run->o.types >> t) & (run->o.redops >> r) & 1)
				err = bvf_sweep_sizes(run, (enum bvf_ar_type)t,
						      (enum bvf_ar_redop)r);
		}
	}
	return err;
}

static int bvf_open_transport(struct bvf_run *run)
{
	int err;

	if (run->o.transport == BVF_AR_TCP || run->o.nranks == 1)
		err = bvf_tcp_open(&run->tp, &run->o, run->boot, &run->bufs);
	else
		err = bvf_rdma_open(&run->tp, &run->o, run->boot, &run->bufs);
	if (err && err != -ECONNABORTED)
		bvf_boot_fail(run->boot, BVF_FAIL_LOCAL, run->o.rank,
			      "cannot set up the transport: %s", strerror(-err));
	return err;
}

static int bvf_run(struct bvf_run *run)
{
	int err, end;

	err = bvf_boot_open(&run->boot, &run->o);
	if (err)
		return err;
	err = bvf_open_transport(run);
	if (err)
		goto err_close_boot;
	if (!run->o.rank) {
		err = bvf_report_open(&run->report, &run->o,
				      run->tp->ops->describe(run->tp));
		if (err) {
			bvf_boot_fail(run->boot, BVF_FAIL_LOCAL, 0,
				      "cannot write its report");
			goto err_close_tp;
		}
	}
	err = bvf_sweep(run);
	if (run->report) {
		end = bvf_report_close(run->report, !err);
		err = err ? err : end;
	}
err_close_tp:
	run->tp->ops->close(run->tp);
err_close_boot:
	bvf_boot_close(run->boot);
	return err;
}

int main(int argc, char **argv)
{
	struct bvf_run run = { 0 };
	int err;

	err = bvf_opts_parse(&run.o, argc, argv);
	if (err)
		return err < 0 ? 2 : 0;
	bvf_catch_signals();
	bvf_reduce_init();
	err = bvf_alloc_bufs(&run);
	if (!err)
		err = bvf_run(&run);
	bvf_mem_free(run.bufs.in, run.bufs.len, BVF_MEM_IN);
	bvf_mem_free(run.bufs.out, run.bufs.len, BVF_MEM_OUT);
	return err || run.wrong;
}
