// SPDX-License-Identifier: GPL-2.0
/*
 * The table, in the columns of nccl-tests, and the same as JSON.
 * It must not know how anything was measured.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

struct bvf_report {
	const struct bvf_ar_opts *o;
	const char *carrier;
	FILE *table;		/* NULL where JSON takes standard output */
	FILE *json;		/* NULL: none */
	struct bvf_row *rows;
	size_t nr;
	size_t cap;
};

static double bvf_row_algbw(const struct bvf_row *row)
{
	return row->us > 0 ? (double)row->bytes / row->us / 1e3 : 0;
}

/* What each rank's link carries at least: nccl-tests' bus bandwidth. */
static double bvf_row_busbw(const struct bvf_row *row, int nranks)
{
	return bvf_row_algbw(row) * 2 * (nranks - 1) / nranks;
}

int bvf_report_open(struct bvf_report **rp, const struct bvf_ar_opts *o,
		    const char *carrier)
{
	struct bvf_report *r;

	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->o = o;
	r->carrier = carrier;
	if (!o->json || o->json_path)
		r->table = stdout;
	if (o->json)
		r->json = o->json_path ? fopen(o->json_path, "w") : stdout;
	if (o->json && !r->json) {
		int err = -errno;

		fprintf(stderr, "bvf-allreduce: --json=%s: %s\n", o->json_path,
			strerror(errno));
		free(r);
		return err;
	}
	if (r->table) {
		fprintf(r->table, "# bvf-allreduce: %d ranks, %s, %s\n#\n", o->nranks,
			bvf_transport_name(o->transport), carrier);
		fprintf(r->table, "# %10s  %12s  %8s  %6s  %9s  %7s  %7s  %6s\n", "size",
			"count", "type", "redop", "time", "algbw", "busbw", "#wrong");
		fprintf(r->table, "# %10s  %12s  %8s  %6s  %9s  %7s  %7s\n", "(B)",
			"(elements)", "", "", "(us)", "(GB/s)", "(GB/s)");
		fflush(r->table);
	}
	*rp = r;
	return 0;
}

static int bvf_report_keep(struct bvf_report *r, const struct bvf_row *row)
{
	if (r->nr == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 64;
		struct bvf_row *rows = realloc(r->rows, cap * sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		r->rows = rows;
		r->cap = cap;
	}
	r->rows[r->nr++] = *row;
	return 0;
}

int bvf_report_row(struct bvf_report *r, const struct bvf_row *row)
{
	char wrong[24] = "N/A";

	if (r->table) {
		if (r->o->check)
			snprintf(wrong, sizeof(wrong), "%llu",
				 (unsigned long long)row->wrong);
		fprintf(r->table, "%12llu  %12llu  %8s  %6s  %9.*f  %7.2f  %7.2f  %6s\n",
			(unsigned long long)row->bytes, (unsigned long long)row->count,
			bvf_type_name(row->type), bvf_redop_name(row->op),
			row->us < 1000 ? 2 : 0, row->us, bvf_row_algbw(row),
			bvf_row_busbw(row, r->o->nranks), wrong);
		fflush(r->table);
	}
	return bvf_report_keep(r, row);
}

static void bvf_report_json(struct bvf_report *r, uint64_t wrong, double avg)
{
	FILE *f = r->json;

	fprintf(f, "{\n  \"program\": \"bvf-allreduce\",\n  \"nranks\": %d,\n"
		"  \"transport\": \"%s\",\n  \"carrier\": \"%s\",\n  \"rows\": [",
		r->o->nranks, bvf_transport_name(r->o->transport), r->carrier);
	for (size_t i = 0; i < r->nr; i++) {
		const struct bvf_row *row = &r->rows[i];

		fprintf(f, "%s\n    {\"size\": %llu, \"count\": %llu, \"type\": \"%s\", "
			"\"redop\": \"%s\", \"iters\": %u, \"time_us\": %.3f, "
			"\"algbw\": %.4f, \"busbw\": %.4f, \"wrong\": ",
			i ? "," : "", (unsigned long long)row->bytes,
			(unsigned long long)row->count, bvf_type_name(row->type),
			bvf_redop_name(row->op), row->iters, row->us,
			bvf_row_algbw(row), bvf_row_busbw(row, r->o->nranks));
		if (r->o->check)
			fprintf(f, "%llu}", (unsigned long long)row->wrong);
		else
			fprintf(f, "null}");
	}
	fprintf(f, "\n  ],\n  \"avg_busbw\": %.4f,\n", avg);
	if (r->o->check)
		fprintf(f, "  \"wrong\": %llu\n}\n", (unsigned long long)wrong);
	else
		fprintf(f, "  \"wrong\": null\n}\n");
}

int bvf_report_close(struct bvf_report *r, bool complete)
{
	uint64_t wrong = 0;
	double sum = 0;
	int err = 0;

	for (size_t i = 0; i < r->nr; i++) {
		wrong += r->rows[i].wrong;
		sum += bvf_row_busbw(&r->rows[i], r->o->nranks);
	}
	sum = r->nr ? sum / (double)r->nr : 0;
	if (complete && r->table) {
		if (r->o->check)
			fprintf(r->table, "# Out of bounds values : %llu %s\n",
				(unsigned long long)wrong, wrong ? "FAILED" : "OK");
		fprintf(r->table, "# Avg bus bandwidth    : %.4f\n", sum);
	}
	if (complete && r->json)
		bvf_report_json(r, wrong, sum);
	if (r->table && fflush(r->table))
		err = -errno;
	if (r->json && (r->json == stdout ? fflush(stdout) : fclose(r->json)))
		err = -errno;
	if (err)
		fprintf(stderr, "bvf-allreduce: cannot write the results: %s\n",
			strerror(-err));
	free(r->rows);
	free(r);
	return err;
}
