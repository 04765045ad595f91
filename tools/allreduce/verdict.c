// SPDX-License-Identifier: GPL-2.0
/*
 * When something fails, all ranks end with the same words: which rank, and why.
 * Rank 0 decides, since each other rank sees its own connections only. A broken
 * or silent data connection is what the neighbours of a dead rank notice first,
 * so rank 0 waits a moment for a better witness: the dead rank's own control
 * connection, or who else is silent.
 */
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "boot_int.h"

#define BVF_GRACE_LOST_MS	1500
#define BVF_GRACE_STALL_MS	3000
#define BVF_VERDICT_MS		6000	/* more than the graces */

struct bvf_verdict {
	unsigned int kind;
	int blame;
	char text[BVF_AR_TEXT_LEN];
};

static void bvf_verdict_print(struct bvf_boot *b, int blame, const char *text)
{
	b->failed = true;
	if (blame == b->rank)
		fprintf(stderr, "bvf-allreduce: rank %d: %s\n", b->rank, text);
	else
		fprintf(stderr, "bvf-allreduce: rank %d: rank %d failed: %s\n",
			b->rank, blame, text);
}

static int bvf_verdict_send(struct bvf_boot_conn *c, enum bvf_boot_fail_kind kind,
			    int blame, const char *text)
{
	struct bvf_boot_failmsg msg = {
		.kind = htole32(kind),
		.blame = htole32((uint32_t)blame),
	};

	if (!c->buf || c->eof)
		return -ENOTCONN;
	snprintf(msg.text, sizeof(msg.text), "%s", text);
	return bvf_conn_send(c, BVF_MSG_FAIL, &msg, sizeof(msg),
			     bvf_boot_deadline(1000));
}

/* A failure message on conn[i]: 1 and its content, else 0. */
static int bvf_verdict_read(struct bvf_boot *b, int i, struct bvf_verdict *v)
{
	struct bvf_boot_conn *c = &b->conn[i];
	struct bvf_boot_failmsg msg;
	const void *payload;
	unsigned int type;
	uint32_t blame;
	size_t len;

	/* A share for a barrier that will not come true may be before it. */
	while (bvf_conn_peek(c, &type, &payload, &len) == 1) {
		if (type != BVF_MSG_FAIL || len != sizeof(msg)) {
			bvf_conn_pop(c);
			continue;
		}
		memcpy(&msg, payload, sizeof(msg));
		bvf_conn_pop(c);
		blame = le32toh(msg.blame);
		v->blame = blame < (uint32_t)b->nranks ? (int)blame : i;
		v->kind = le32toh(msg.kind);
		bvf_text_copy(v->text, sizeof(v->text), msg.text, sizeof(msg.text));
		return 1;
	}
	return 0;
}

static const char *bvf_verdict_eof(const struct bvf_boot_conn *c, char *text,
				   size_t len)
{
	if (!c->err)
		return "it ended without a word (killed?)";
	snprintf(text, len, "its control connection broke: %s", strerror(c->err));
	return text;
}

/*
 * Root: a better witness on the connection to rank r than the first report.
 * told[r]: it has reported, so its leaving says nothing; heard[r]: it runs.
 */
static bool bvf_verdict_better(struct bvf_boot *b, int r, bool *told, bool *heard,
			       struct bvf_verdict *best)
{
	struct bvf_boot_conn *c = &b->conn[r];
	char why[BVF_AR_TEXT_LEN];
	struct bvf_verdict v;

	if (!c->buf)
		return false;
	heard[r] |= c->have > 0;
	if (bvf_verdict_read(b, r, &v)) {
		told[r] = true;
		if (v.kind == BVF_FAIL_LOCAL)
			*best = v;
		return v.kind == BVF_FAIL_LOCAL;
	}
	if (!c->eof || told[r])
		return false;
	best->blame = r;
	snprintf(best->text, sizeof(best->text), "%s",
		 bvf_verdict_eof(c, why, sizeof(why)));
	return true;
}

static void bvf_verdict_settle(struct bvf_boot *b, int from, struct bvf_verdict *best)
{
	bool stall = best->kind == BVF_FAIL_STALL;
	uint64_t deadline = bvf_boot_deadline(stall ? BVF_GRACE_STALL_MS :
						      BVF_GRACE_LOST_MS);
	bool told[BVF_AR_MAX_RANKS] = { false }, heard[BVF_AR_MAX_RANKS] = { false };

	told[from] = heard[from] = true;
	do {
		for (int r = 1; r < b->nranks; r++) {
			if (bvf_verdict_better(b, r, told, heard, best))
				return;
		}
	} while (bvf_boot_pump(b, deadline) != -ETIMEDOUT);

	for (int r = 1; stall && r < b->nranks; r++) {
		if (heard[r])
			continue;
		best->blame = r;
		snprintf(best->text, sizeof(best->text), "it does not respond");
		return;
	}
}

static int bvf_verdict_root(struct bvf_boot *b, unsigned int kind, int from,
			    int blame, const char *text)
{
	struct bvf_verdict v = { .kind = kind, .blame = blame };

	if (kind == BVF_FAIL_LOCAL || from == blame)
		snprintf(v.text, sizeof(v.text), "%s", text);
	else
		snprintf(v.text, sizeof(v.text), "%.160s (says rank %d)", text, from);
	if (kind != BVF_FAIL_LOCAL)
		bvf_verdict_settle(b, from, &v);
	for (int r = 1; r < b->nranks; r++)
		bvf_verdict_send(&b->conn[r], BVF_FAIL_LOCAL, v.blame, v.text);
	bvf_verdict_print(b, v.blame, v.text);
	return -ECONNABORTED;
}

static int bvf_verdict_other(struct bvf_boot *b, enum bvf_boot_fail_kind kind,
			     int blame, const char *text)
{
	uint64_t deadline = bvf_boot_deadline(BVF_VERDICT_MS);
	struct bvf_boot_conn *c = &b->conn[0];
	struct bvf_verdict v;
	int err;

	err = bvf_verdict_send(c, kind, blame, text);
	while (kind != BVF_FAIL_LOCAL && err != -ETIMEDOUT) {
		if (bvf_verdict_read(b, 0, &v)) {
			bvf_verdict_print(b, v.blame, v.text);
			return -ECONNABORTED;
		}
		if (c->eof) {
			char buf[BVF_AR_TEXT_LEN];

			bvf_verdict_print(b, 0, bvf_verdict_eof(c, buf, sizeof(buf)));
			return -ECONNABORTED;
		}
		err = bvf_boot_pump(b, deadline);
		if (err == -ETIMEDOUT && kind == BVF_FAIL_STALL) {
			blame = 0;
			text = "it does not respond";
		}
	}
	bvf_verdict_print(b, blame, text);
	return -ECONNABORTED;
}

int bvf_boot_fail(struct bvf_boot *b, enum bvf_boot_fail_kind kind, int blame,
		  const char *fmt, ...)
{
	char text[BVF_AR_TEXT_LEN];
	va_list ap;

	if (b->failed)
		return -ECONNABORTED;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!b->rank)
		return bvf_verdict_root(b, kind, 0, blame, text);
	if (!b->conn[0].buf) {
		bvf_verdict_print(b, blame, text);
		return -ECONNABORTED;
	}
	return bvf_verdict_other(b, kind, blame, text);
}

int bvf_boot_trouble(struct bvf_boot *b, int i, bool early_share)
{
	struct bvf_boot_conn *c = &b->conn[i];
	char text[BVF_AR_TEXT_LEN];
	struct bvf_verdict v;
	const void *payload;
	unsigned int type;
	size_t len;
	int n;

	n = bvf_conn_peek(c, &type, &payload, &len);
	if (n > 0 && type == BVF_MSG_FAIL && bvf_verdict_read(b, i, &v)) {
		if (!b->rank)
			return bvf_verdict_root(b, v.kind, i, v.blame, v.text);
		bvf_verdict_print(b, v.blame, v.text);
		return -ECONNABORTED;
	}
	/* A share sent ahead of time stays for the next gather. */
	if (n > 0 && type == BVF_MSG_GATHER && !b->rank && early_share && !c->eof)
		return 0;
	if (n && !c->eof)
		return bvf_boot_fail(b, BVF_FAIL_LOCAL, i,
				     "it sent what this version does not understand");
	if (c->eof)
		return bvf_boot_fail(b, BVF_FAIL_LOCAL, i, "%s",
				     bvf_verdict_eof(c, text, sizeof(text)));
	return 0;
}
