// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * bvf provider: how libibverbs finds it, and its table of verbs.
 * Implements none of them.
 */
#include <stdlib.h>

#include "bvf.h"
#include "uabi.h"

const struct verbs_context_ops bvf_context_ops = {
	.alloc_parent_domain = bvf_alloc_parent_domain,
	.alloc_pd = bvf_alloc_pd,
	.alloc_td = bvf_alloc_td,
	.create_ah = bvf_create_ah,
	.create_cq = bvf_create_cq,
	.create_cq_ex = bvf_create_cq_ex,
	.create_qp = bvf_create_qp,
	.dealloc_pd = bvf_dealloc_pd,
	.dealloc_td = bvf_dealloc_td,
	.dereg_mr = bvf_dereg_mr,
	.destroy_ah = bvf_destroy_ah,
	.destroy_cq = bvf_destroy_cq,
	.destroy_qp = bvf_destroy_qp,
	.free_context = bvf_free_context,
	.modify_qp = bvf_modify_qp,
	.poll_cq = bvf_poll_cq,
	.post_recv = bvf_post_recv,
	.post_send = bvf_post_send,
	.query_device_ex = bvf_query_device_ex,
	.query_port = bvf_query_port,
	.query_qp = bvf_query_qp,
	.reg_mr = bvf_reg_mr,
	.req_notify_cq = bvf_req_notify_cq,
};

static struct verbs_device *bvf_alloc_device(struct verbs_sysfs_dev *sysfs_dev)
{
	struct bvf_device *bdev = calloc(1, sizeof(*bdev));

	return bdev ? &bdev->vdev : NULL;
}

static void bvf_uninit_device(struct verbs_device *vdev)
{
	free(container_of(vdev, struct bvf_device, vdev));
}

/*
 * The driver has no number in enum rdma_driver_id, so it is found by the PCI
 * identity in the device's modalias.
 */
static const struct verbs_match_ent bvf_match_table[] = {
	VERBS_PCI_MATCH(BVF_PCI_VENDOR, BVF_PCI_DEVICE, NULL),
	{}
};

static const struct verbs_device_ops bvf_device_ops = {
	.name = "bvf",
	.match_min_abi_version = BVF_UVERBS_ABI_VERSION,
	.match_max_abi_version = BVF_UVERBS_ABI_VERSION,
	.match_table = bvf_match_table,
	.alloc_device = bvf_alloc_device,
	.uninit_device = bvf_uninit_device,
	.alloc_context = bvf_alloc_context,
};

PROVIDER_DRIVER(bvf, bvf_device_ops);
