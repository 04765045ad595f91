// SPDX-License-Identifier: GPL-2.0
/*
 * ethtool operations: what the device is, ring sizes, the card's counters.
 * Changes go through net.c.
 */
#include <linux/ethtool.h>

#include "net.h"

static const char bvf_stat_names[][ETH_GSTRING_LEN] = {
	[BVF_STAT_TX_BYTES]	= "rdma_tx_bytes",
	[BVF_STAT_TX_MSGS]	= "rdma_tx_msgs",
	[BVF_STAT_RX_BYTES]	= "rdma_rx_bytes",
	[BVF_STAT_RX_MSGS]	= "rdma_rx_msgs",
	[BVF_STAT_LOC_LEN]	= "rdma_loc_len_err",
	[BVF_STAT_LOC_QP_OP]	= "rdma_loc_qp_op_err",
	[BVF_STAT_LOC_PROT]	= "rdma_loc_prot_err",
	[BVF_STAT_FLUSH]	= "rdma_flushed",
	[BVF_STAT_REM_INV_REQ]	= "rdma_rem_inv_req_err",
	[BVF_STAT_REM_ACCESS]	= "rdma_rem_access_err",
	[BVF_STAT_REM_OP]	= "rdma_rem_op_err",
	[BVF_STAT_RETRY_EXC]	= "rdma_retry_exceeded",
	[BVF_STAT_RNR_EXC]	= "rdma_rnr_exceeded",
	[BVF_STAT_RNR_NAK]	= "rdma_rnr_naks",
	[BVF_STAT_RETRY]	= "rdma_retries",
	[BVF_STAT_CQ_OVERFLOW]	= "cq_overflows",
	[BVF_STAT_EVENTS]	= "events",
	[BVF_STAT_KICKS]	= "kicks",
	[BVF_STAT_BAD_DB]	= "bad_doorbells",
	[BVF_STAT_UD_DROP]	= "rdma_ud_dropped",
	[BVF_STAT_ETH_TX_BYTES]	= "card_tx_bytes",
	[BVF_STAT_ETH_TX_FRAMES] = "card_tx_frames",
	[BVF_STAT_ETH_RX_BYTES]	= "card_rx_bytes",
	[BVF_STAT_ETH_RX_FRAMES] = "card_rx_frames",
	[BVF_STAT_ETH_TX_BAD]	= "card_tx_bad",
	[BVF_STAT_ETH_TX_NODEST] = "card_tx_no_dest",
	[BVF_STAT_ETH_TX_SPOOF]	= "card_tx_spoofed",
	[BVF_STAT_ETH_RX_NOBUF]	= "card_rx_no_buffer",
};

static_assert(ARRAY_SIZE(bvf_stat_names) == BVF_STAT_NR);

static void bvf_get_drvinfo(struct net_device *netdev, struct ethtool_drvinfo *info)
{
	struct bvf_net *net = netdev_priv(netdev);
	u32 v = net->core->bdev.lim.card_version;

	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->bus_info, pci_name(net->core->bdev.pdev), sizeof(info->bus_info));
	snprintf(info->fw_version, sizeof(info->fw_version), "%u.%u.%u", v >> 16, v >> 8 & 0xff,
		 v & 0xff);
}

static int bvf_get_link_ksettings(struct net_device *netdev, struct ethtool_link_ksettings *ks)
{
	struct bvf_net *net = netdev_priv(netdev);

	ethtool_link_ksettings_zero_link_mode(ks, supported);
	ethtool_link_ksettings_zero_link_mode(ks, advertising);
	ks->base.port = PORT_OTHER;
	ks->base.autoneg = AUTONEG_DISABLE;
	if (netif_carrier_ok(netdev)) {
		ks->base.speed = min_t(u64, net->core->bdev.lim.link_mbps, INT_MAX);
		ks->base.duplex = DUPLEX_FULL;
	} else {
		ks->base.speed = SPEED_UNKNOWN;
		ks->base.duplex = DUPLEX_UNKNOWN;
	}
	return 0;
}

static void bvf_get_ringparam(struct net_device *netdev, struct ethtool_ringparam *ring,
			      struct kernel_ethtool_ringparam *kring,
			      struct netlink_ext_ack *extack)
{
	struct bvf_net *net = netdev_priv(netdev);

	ring->rx_max_pending = 1u << net->core->bdev.lim.max_ethq_depth_shift;
	ring->tx_max_pending = ring->rx_max_pending;
	ring->rx_pending = 1u << net->rx_shift;
	ring->tx_pending = 1u << net->tx_shift;
}

static int bvf_set_ringparam(struct net_device *netdev, struct ethtool_ringparam *ring,
			     struct kernel_ethtool_ringparam *kring,
			     struct netlink_ext_ack *extack)
{
	struct bvf_net *net = netdev_priv(netdev);

	if (ring->rx_pending < 1u << BVF_RING_MIN_SHIFT ||
	    ring->tx_pending < 1u << BVF_RING_MIN_SHIFT ||
	    !is_power_of_2(ring->rx_pending) || !is_power_of_2(ring->tx_pending)) {
		NL_SET_ERR_MSG(extack, "ring sizes are powers of two, 64 or more");
		return -EINVAL;
	}
	return bvf_net_reopen(net, ilog2(ring->tx_pending), ilog2(ring->rx_pending));
}

static void bvf_get_channels(struct net_device *netdev, struct ethtool_channels *ch)
{
	struct bvf_net *net = netdev_priv(netdev);

	ch->max_combined = net->nr_q;
	ch->combined_count = net->nr_q;
}

static int bvf_get_sset_count(struct net_device *netdev, int sset)
{
	return sset == ETH_SS_STATS ? BVF_STAT_NR : -EOPNOTSUPP;
}

static void bvf_get_strings(struct net_device *netdev, u32 sset, u8 *data)
{
	if (sset == ETH_SS_STATS)
		memcpy(data, bvf_stat_names, sizeof(bvf_stat_names));
}

static void bvf_get_ethtool_stats(struct net_device *netdev, struct ethtool_stats *st, u64 *data)
{
	struct bvf_net *net = netdev_priv(netdev);

	if (bvf_cmd_get_stats(&net->core->bdev, data, BVF_STAT_NR))
		memset(data, 0, BVF_STAT_NR * sizeof(*data));
}

const struct ethtool_ops bvf_ethtool_ops = {
	.get_drvinfo = bvf_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = bvf_get_link_ksettings,
	.get_ringparam = bvf_get_ringparam,
	.set_ringparam = bvf_set_ringparam,
	.get_channels = bvf_get_channels,
	.get_sset_count = bvf_get_sset_count,
	.get_strings = bvf_get_strings,
	.get_ethtool_stats = bvf_get_ethtool_stats,
	.get_ts_info = ethtool_op_get_ts_info,
};
