// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware counters of the port: the RDMA part of GET_STATS. What the netdev
 * counts is ethtool's.
 */
#include "bvf_ib.h"

static const struct rdma_stat_desc bvf_stat_descs[] = {
	[BVF_STAT_TX_BYTES].name	= "tx_bytes",
	[BVF_STAT_TX_MSGS].name		= "tx_msgs",
	[BVF_STAT_RX_BYTES].name	= "rx_bytes",
	[BVF_STAT_RX_MSGS].name		= "rx_msgs",
	[BVF_STAT_LOC_LEN].name		= "local_length_errors",
	[BVF_STAT_LOC_QP_OP].name	= "local_qp_op_errors",
	[BVF_STAT_LOC_PROT].name	= "local_protection_errors",
	[BVF_STAT_FLUSH].name		= "flushed",
	[BVF_STAT_REM_INV_REQ].name	= "remote_invalid_request_errors",
	[BVF_STAT_REM_ACCESS].name	= "remote_access_errors",
	[BVF_STAT_REM_OP].name		= "remote_op_errors",
	[BVF_STAT_RETRY_EXC].name	= "retry_exceeded",
	[BVF_STAT_RNR_EXC].name		= "rnr_retry_exceeded",
	[BVF_STAT_RNR_NAK].name		= "rnr_naks",
	[BVF_STAT_RETRY].name		= "retries",
	[BVF_STAT_CQ_OVERFLOW].name	= "cq_overflows",
	[BVF_STAT_EVENTS].name		= "events",
	[BVF_STAT_KICKS].name		= "kicks",
	[BVF_STAT_BAD_DB].name		= "bad_doorbells",
	[BVF_STAT_UD_DROP].name		= "ud_drops",
};

#define BVF_IB_NR_STATS		ARRAY_SIZE(bvf_stat_descs)
static_assert(BVF_STAT_UD_DROP + 1 == BVF_IB_NR_STATS);

struct rdma_hw_stats *bvf_alloc_hw_port_stats(struct ib_device *ibdev, u32 port)
{
	return rdma_alloc_hw_stats_struct(bvf_stat_descs, BVF_IB_NR_STATS,
					  RDMA_HW_STATS_DEFAULT_LIFESPAN);
}

int bvf_get_hw_stats(struct ib_device *ibdev, struct rdma_hw_stats *stats, u32 port, int index)
{
	int err;

	if (port != BVF_PORT)
		return -EINVAL;
	err = bvf_cmd_get_stats(to_bibdev(ibdev)->bdev, stats->value, BVF_IB_NR_STATS);
	return err ? err : BVF_IB_NR_STATS;
}
