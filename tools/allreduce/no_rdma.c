// SPDX-License-Identifier: GPL-2.0
/*
 * In place of the RDMA transport where libibverbs is not there at build time.
 * It must not pretend to be one.
 */
#include <errno.h>

#include "tp.h"

int bvf_rdma_open(struct bvf_tp **tpp, const struct bvf_ar_opts *o,
		  struct bvf_boot *boot, const struct bvf_ar_bufs *bufs)
{
	(void)tpp;
	(void)bufs;
	return bvf_boot_fail(boot, BVF_FAIL_LOCAL, o->rank,
			     "built without libibverbs, only --transport tcp can be used");
}
