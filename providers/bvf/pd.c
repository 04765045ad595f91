// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * bvf provider: protection domains, thread domains, parent domains.
 * A QP that is made in a parent domain with a thread domain takes no locks.
 */
#include <errno.h>
#include <stdlib.h>

#include "bvf.h"
#include "uabi.h"

struct ibv_pd *bvf_alloc_pd(struct ibv_context *ibctx)
{
	struct bvf_ualloc_pd_resp resp = {};
	struct ibv_alloc_pd cmd = {};
	struct bvf_pd *pd;
	int err;

	pd = calloc(1, sizeof(*pd));
	if (!pd)
		return NULL;

	err = ibv_cmd_alloc_pd(ibctx, &pd->ibpd, &cmd, sizeof(cmd),
			       &resp.ibv_resp, sizeof(resp));
	if (err) {
		free(pd);
		errno = err;
		return NULL;
	}
	return &pd->ibpd;
}

int bvf_dealloc_pd(struct ibv_pd *ibpd)
{
	struct bvf_pd *pd = to_bpd(ibpd);
	int err;

	if (atomic_load(&pd->refs))
		return EBUSY;

	if (pd->parent) {
		atomic_fetch_sub(&pd->parent->refs, 1);
		if (pd->td)
			atomic_fetch_sub(&pd->td->refs, 1);
	} else {
		err = ibv_cmd_dealloc_pd(ibpd);
		if (err)
			return err;
	}
	free(pd);
	return 0;
}

struct ibv_td *bvf_alloc_td(struct ibv_context *ibctx,
			    struct ibv_td_init_attr *attr)
{
	struct bvf_td *td;

	if (attr->comp_mask) {
		errno = EOPNOTSUPP;
		return NULL;
	}

	td = calloc(1, sizeof(*td));
	if (!td)
		return NULL;

	td->ibtd.context = ibctx;
	return &td->ibtd;
}

int bvf_dealloc_td(struct ibv_td *ibtd)
{
	struct bvf_td *td = to_btd(ibtd);

	if (atomic_load(&td->refs))
		return EBUSY;

	free(td);
	return 0;
}

struct ibv_pd *bvf_alloc_parent_domain(struct ibv_context *ibctx,
				       struct ibv_parent_domain_init_attr *attr)
{
	struct bvf_pd *pd, *parent;

	if (ibv_check_alloc_parent_domain(attr))
		return NULL;

	/* Allocators are not used: queues must be page-aligned and zeroed. */
	if (!check_comp_mask(attr->comp_mask,
			     IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT)) {
		errno = EOPNOTSUPP;
		return NULL;
	}

	/* A parent domain of a parent domain would hide the inner one. */
	parent = to_bpd(attr->pd);
	if (parent->parent) {
		errno = EINVAL;
		return NULL;
	}

	pd = calloc(1, sizeof(*pd));
	if (!pd)
		return NULL;

	pd->parent = parent;
	atomic_fetch_add(&parent->refs, 1);
	if (attr->td) {
		pd->td = to_btd(attr->td);
		atomic_fetch_add(&pd->td->refs, 1);
	}
	ibv_initialize_parent_domain(&pd->ibpd, &parent->ibpd);
	return &pd->ibpd;
}
