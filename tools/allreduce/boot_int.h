/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private state of the meeting, shared by bootstrap.c and verdict.c only.
 * Nothing outside these two may include it.
 */
#ifndef BVF_AR_BOOT_INT_H
#define BVF_AR_BOOT_INT_H

#include "boot.h"
#include "boot_wire.h"

struct bvf_boot {
	const struct bvf_ar_opts *o;
	int rank;
	int nranks;
	/* Root: conn[r] leads to rank r, conn[0] unused. Others: conn[0] to root. */
	struct bvf_boot_conn *conn;
	struct sockaddr_storage local;
	uint64_t token;
	bool failed;		/* the verdict has been printed */
};

/* Connections this rank has: first index and one past the last. */
static inline int bvf_boot_first(const struct bvf_boot *b)
{
	return b->rank ? 0 : 1;
}

static inline int bvf_boot_end(const struct bvf_boot *b)
{
	return b->rank ? 1 : b->nranks;
}

static inline uint64_t bvf_boot_deadline(unsigned int ms)
{
	return bvf_now_ns() + (uint64_t)ms * 1000000;
}

/* Sleeps until a connection has news, takes the news in. -ETIMEDOUT, -EINTR. */
int bvf_boot_pump(struct bvf_boot *b, uint64_t deadline_ns);

/*
 * A failure message, an end of file or what should not come now on conn[i]: the
 * verdict, or 0 if there is none of them. With early_share a share may be there.
 */
int bvf_boot_trouble(struct bvf_boot *b, int i, bool early_share);

#endif
