// SPDX-License-Identifier: GPL-2.0
/*
 * Address handles. The card has none: an address travels in each UD work
 * request, so these functions never sleep and never send a command.
 */
#include "bvf_ib.h"

static int bvf_ah_fill(struct bvf_ah *ah, const struct rdma_ah_attr *attr)
{
	struct bvf_dev *bdev = to_bibdev(ah->ibah.device)->bdev;
	const struct ib_global_route *grh = rdma_ah_read_grh(attr);

	if (attr->type != RDMA_AH_ATTR_TYPE_ROCE ||
	    !(rdma_ah_get_ah_flags(attr) & IB_AH_GRH) ||
	    rdma_ah_get_port_num(attr) != BVF_PORT ||
	    grh->sgid_index >= bdev->lim.max_gid)
		return -EINVAL;

	memset(&ah->av, 0, sizeof(ah->av));
	memcpy(ah->av.dgid, grh->dgid.raw, sizeof(ah->av.dgid));
	memcpy(ah->av.dmac, attr->roce.dmac, sizeof(ah->av.dmac));
	ah->av.sgid_index = cpu_to_le16(grh->sgid_index);
	return 0;
}

int bvf_create_ah(struct ib_ah *ibah, struct rdma_ah_init_attr *attr, struct ib_udata *udata)
{
	return bvf_ah_fill(to_bah(ibah), attr->ah_attr);
}

int bvf_create_user_ah(struct ib_ah *ibah, struct rdma_ah_init_attr *attr,
		       struct ib_udata *udata)
{
	struct bvf_create_ah_resp resp = {};
	struct bvf_ah *ah = to_bah(ibah);
	int err;

	err = ib_is_udata_in_empty(udata);
	if (err)
		return err;
	err = bvf_ah_fill(ah, attr->ah_attr);
	if (err)
		return err;

	memcpy(resp.dmac, ah->av.dmac, sizeof(resp.dmac));
	return ib_respond_udata(udata, resp);
}

int bvf_destroy_ah(struct ib_ah *ibah, u32 flags)
{
	return 0;
}
