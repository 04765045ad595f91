// SPDX-License-Identifier: GPL-2.0
/*
 * What the device and its one port are: queries without state.
 * Limits are the card's (DESCRIBE); nothing here sends a command.
 */
#include <rdma/ib_mad.h>

#include "bvf_ib.h"

int bvf_query_device(struct ib_device *ibdev, struct ib_device_attr *attr, struct ib_udata *udata)
{
	struct bvf_dev *bdev = to_bibdev(ibdev)->bdev;
	const struct bvf_limits *lim = &bdev->lim;
	int err;

	err = ib_no_udata_io(udata);
	if (err)
		return err;

	memset(attr, 0, sizeof(*attr));
	attr->fw_ver = (u64)(lim->card_version >> 16) << 32 |
		       (lim->card_version >> 8 & 0xff) << 16 | (lim->card_version & 0xff);
	attr->sys_image_guid = lim->guid;
	attr->vendor_id = bdev->pdev->vendor;
	attr->vendor_part_id = bdev->pdev->device;
	attr->hw_ver = bdev->pdev->revision;
	attr->max_mr_size = lim->max_mr_len;
	attr->page_size_cap = PAGE_MASK;
	attr->device_cap_flags = IB_DEVICE_RC_RNR_NAK_GEN | IB_DEVICE_CURR_QP_STATE_MOD |
				 IB_DEVICE_PORT_ACTIVE_EVENT | IB_DEVICE_SYS_IMAGE_GUID;
	attr->kernel_cap_flags = IBK_LOCAL_DMA_LKEY;
	attr->max_qp = min_t(u32, lim->max_qp, INT_MAX);
	attr->max_qp_wr = min_t(u32, lim->max_qp_wr, INT_MAX);
	attr->max_send_sge = lim->max_sge;
	attr->max_recv_sge = lim->max_sge;
	attr->max_sge_rd = lim->max_sge;
	attr->max_cq = min_t(u32, lim->max_cq, INT_MAX);
	attr->max_cqe = min_t(u32, lim->max_cqe, INT_MAX);
	attr->max_mr = min_t(u32, lim->max_mr, INT_MAX);
	attr->max_pd = min_t(u32, lim->max_pd, INT_MAX);
	attr->max_qp_rd_atom = lim->max_rd_atomic;
	attr->max_qp_init_rd_atom = lim->max_rd_atomic;
	attr->max_res_rd_atom = min_t(u64, (u64)lim->max_rd_atomic * lim->max_qp, INT_MAX);
	attr->atomic_cap = IB_ATOMIC_NONE;
	attr->masked_atomic_cap = IB_ATOMIC_NONE;
	attr->max_ah = INT_MAX;		/* an address handle uses nothing of the card */
	attr->max_pkeys = 1;
	attr->local_ca_ack_delay = 15;
	return 0;
}

int bvf_query_port(struct ib_device *ibdev, u32 port, struct ib_port_attr *attr)
{
	struct bvf_ibdev *idev = to_bibdev(ibdev);
	struct net_device *ndev = idev->bdev->netdev;
	int err;

	if (port != BVF_PORT)
		return -EINVAL;

	attr->state = bvf_port_state(idev);
	attr->phys_state = attr->state == IB_PORT_ACTIVE ? IB_PORT_PHYS_STATE_LINK_UP :
							   IB_PORT_PHYS_STATE_DISABLED;
	attr->max_mtu = IB_MTU_4096;
	attr->active_mtu = min(iboe_get_mtu(READ_ONCE(ndev->mtu)), IB_MTU_4096);
	if (attr->active_mtu < IB_MTU_256)
		attr->active_mtu = IB_MTU_256;
	attr->phys_mtu = READ_ONCE(ndev->mtu);
	attr->gid_tbl_len = min_t(u32, idev->bdev->lim.max_gid, INT_MAX);
	attr->ip_gids = true;
	attr->port_cap_flags = IB_PORT_CM_SUP;
	attr->max_msg_sz = idev->bdev->lim.max_msg;
	attr->pkey_tbl_len = 1;
	attr->max_vl_num = 1;
	attr->subnet_timeout = 0;
	err = ib_get_eth_speed(ibdev, port, &attr->active_speed, &attr->active_width);
	return err;
}

int bvf_get_port_immutable(struct ib_device *ibdev, u32 port, struct ib_port_immutable *im)
{
	struct bvf_dev *bdev = to_bibdev(ibdev)->bdev;

	if (port != BVF_PORT)
		return -EINVAL;

	im->pkey_tbl_len = 1;
	im->gid_tbl_len = bdev->lim.max_gid;
	if (bdev->features & BVF_FEAT_UD) {
		im->core_cap_flags = RDMA_CORE_PORT_IBA_ROCE_UDP_ENCAP;
		im->max_mad_size = IB_MGMT_MAD_SIZE;
	} else {
		/* Without QP 1 there is no MAD agent and no connection manager. */
		im->core_cap_flags = RDMA_CORE_CAP_PROT_ROCE_UDP_ENCAP | RDMA_CORE_CAP_ETH_AH;
	}
	return 0;
}

enum rdma_link_layer bvf_get_link_layer(struct ib_device *ibdev, u32 port)
{
	return IB_LINK_LAYER_ETHERNET;
}

int bvf_query_pkey(struct ib_device *ibdev, u32 port, u16 index, u16 *pkey)
{
	if (port != BVF_PORT || index)
		return -EINVAL;
	*pkey = IB_DEFAULT_PKEY_FULL;
	return 0;
}

void bvf_get_dev_fw_str(struct ib_device *ibdev, char *str)
{
	u32 v = to_bibdev(ibdev)->bdev->lim.card_version;

	snprintf(str, IB_FW_VERSION_NAME_MAX, "%u.%u.%u", v >> 16, v >> 8 & 0xff, v & 0xff);
}
