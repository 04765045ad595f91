// SPDX-License-Identifier: GPL-2.0
/*
 * Protection domains. One belongs to the context that made it.
 */
#include "bvf_ib.h"

int bvf_alloc_pd(struct ib_pd *ibpd, struct ib_udata *udata)
{
	struct bvf_dev *bdev = to_bibdev(ibpd->device)->bdev;
	struct bvf_alloc_pd_resp resp = {};
	struct bvf_pd *pd = to_bpd(ibpd);
	int err;

	err = ib_is_udata_in_empty(udata);
	if (err)
		return err;
	err = bvf_cmd_create_pd(bdev, bvf_udata_uctx(udata), &pd->pdn);
	if (err || !udata)
		return err;

	resp.pdn = pd->pdn;
	err = ib_respond_udata(udata, resp);
	if (err)
		bvf_cmd_destroy_pd(bdev, pd->pdn);
	return err;
}

int bvf_dealloc_pd(struct ib_pd *ibpd, struct ib_udata *udata)
{
	int err;

	err = ib_no_udata_io(udata);
	if (err)
		return err;
	return bvf_cmd_destroy_pd(to_bibdev(ibpd->device)->bdev, to_bpd(ibpd)->pdn);
}
