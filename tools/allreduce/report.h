/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table and the JSON that rank 0 prints.
 * It must not know how anything was measured.
 */
#ifndef BVF_AR_REPORT_H
#define BVF_AR_REPORT_H

#include "allreduce.h"

struct bvf_report;

struct bvf_row {
	uint64_t bytes;
	uint64_t count;
	enum bvf_ar_type type;
	enum bvf_ar_redop op;
	unsigned int iters;
	double us;		/* one operation, on the slowest rank */
	uint64_t wrong;		/* elements, over all ranks */
};

/* carrier: one line on what carries the data. */
int bvf_report_open(struct bvf_report **rp, const struct bvf_ar_opts *o,
		    const char *carrier);
int bvf_report_row(struct bvf_report *r, const struct bvf_row *row);
/* Prints what belongs at the end, if complete, and frees all. */
int bvf_report_close(struct bvf_report *r, bool complete);

#endif
