// SPDX-License-Identifier: GPL-2.0
/*
 * The GID table: ib_core keeps it after the netdev's addresses, the card has
 * a copy in which it finds the owner of an address.
 */
#include <linux/if_vlan.h>

#include "bvf_ib.h"

int bvf_add_gid(const struct ib_gid_attr *attr, void **context)
{
	struct bvf_ibdev *idev = to_bibdev(attr->device);
	struct net_device *ndev;
	bool tagged;

	if (attr->index >= idev->bdev->lim.max_gid)
		return -EINVAL;
	if (attr->gid_type != IB_GID_TYPE_ROCE_UDP_ENCAP)
		return -EOPNOTSUPP;

	/* The card's RDMA frames carry no VLAN tag. */
	rcu_read_lock();
	ndev = rcu_dereference(attr->ndev);
	tagged = ndev && is_vlan_dev(ndev);
	rcu_read_unlock();
	if (tagged)
		return -EOPNOTSUPP;

	return bvf_cmd_set_gid(idev->bdev, attr->index, attr->gid.raw);
}

/* ib_core drops its entry whatever is returned; so does a card that is reset. */
int bvf_del_gid(const struct ib_gid_attr *attr, void **context)
{
	struct bvf_ibdev *idev = to_bibdev(attr->device);

	return bvf_cmd_set_gid(idev->bdev, attr->index, NULL);
}
