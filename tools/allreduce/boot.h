/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The meeting of the ranks: a star of TCP connections to rank 0, for exchanging
 * addresses, for barriers, and for one common verdict when something fails.
 * It must not know what the exchanged bytes mean.
 */
#ifndef BVF_AR_BOOT_H
#define BVF_AR_BOOT_H

#include <poll.h>

#include "allreduce.h"
#include "net.h"

#define BVF_BOOT_MAX_GATHER	128

struct bvf_boot;

/* What a failing rank knows; decides how rank 0 finds the culprit. */
enum bvf_boot_fail_kind {
	BVF_FAIL_LOCAL,		/* the blamed rank itself says so */
	BVF_FAIL_LOST,		/* its connection to the blamed rank broke */
	BVF_FAIL_STALL,		/* nothing came from the blamed rank */
};

/* Every error below has been reported to the user and to the other ranks. */
int bvf_boot_open(struct bvf_boot **bootp, const struct bvf_ar_opts *o);
void bvf_boot_close(struct bvf_boot *b);

/* Each rank's len bytes to all, by rank; with len 0 a barrier. */
int bvf_boot_gather(struct bvf_boot *b, const void *mine, void *all, size_t len);

/* For loops that wait for data: 0, or the verdict if a rank has failed. */
int bvf_boot_check(struct bvf_boot *b);
/* What to sleep on besides the data; at most nranks entries. */
int bvf_boot_pollfds(struct bvf_boot *b, struct pollfd *pfds);

/* Settles and prints the failure; returns -ECONNABORTED. */
int bvf_boot_fail(struct bvf_boot *b, enum bvf_boot_fail_kind kind, int blame,
		  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Where this rank's data connections are to be made. */
const struct sockaddr_storage *bvf_boot_local_addr(const struct bvf_boot *b);
/* Random number of this run; tells its connections from stray ones. */
uint64_t bvf_boot_token(const struct bvf_boot *b);

#endif
