// SPDX-License-Identifier: GPL-2.0
/*
 * bvf_ib.ko: auxiliary driver that registers the ib_device, and its op table.
 */
#include <linux/module.h>

#include "bvf_ib.h"

#if BVF_HAVE_DMAH
static struct ib_mr *bvf_reg_user_mr_dmah(struct ib_pd *ibpd, u64 start, u64 len, u64 virt,
					  int access, struct ib_dmah *dmah,
					  struct ib_udata *udata)
{
	if (dmah)
		return ERR_PTR(-EOPNOTSUPP);
	return bvf_reg_user_mr(ibpd, start, len, virt, access, udata);
}
#endif

static const struct ib_device_ops bvf_ib_ops = {
	.owner = THIS_MODULE,
	.driver_id = RDMA_DRIVER_UNKNOWN,
	.uverbs_abi_ver = BVF_UVERBS_ABI_VERSION,
#if BVF_HAVE_ROBUST_UDATA
	.uverbs_robust_udata = 1,
#endif

	.add_gid = bvf_add_gid,
	.alloc_hw_port_stats = bvf_alloc_hw_port_stats,
	.alloc_pd = bvf_alloc_pd,
	.alloc_ucontext = bvf_alloc_ucontext,
	.create_ah = bvf_create_ah,
	.create_cq = bvf_create_cq,
	.create_qp = bvf_create_qp,
	.create_user_ah = bvf_create_user_ah,
	.dealloc_pd = bvf_dealloc_pd,
	.dealloc_ucontext = bvf_dealloc_ucontext,
	.del_gid = bvf_del_gid,
	.dereg_mr = bvf_dereg_mr,
	.destroy_ah = bvf_destroy_ah,
	.destroy_cq = bvf_destroy_cq,
	.destroy_qp = bvf_destroy_qp,
	.disassociate_ucontext = bvf_disassociate_ucontext,
	.get_dev_fw_str = bvf_get_dev_fw_str,
	.get_dma_mr = bvf_get_dma_mr,
	.get_hw_stats = bvf_get_hw_stats,
	.get_link_layer = bvf_get_link_layer,
	.get_port_immutable = bvf_get_port_immutable,
	.mmap = bvf_mmap,
	.mmap_free = bvf_mmap_free,
	.modify_qp = bvf_modify_qp,
	.poll_cq = bvf_poll_cq,
	.post_recv = bvf_post_recv,
	.post_send = bvf_post_send,
	.query_device = bvf_query_device,
	.query_pkey = bvf_query_pkey,
	.query_port = bvf_query_port,
	.query_qp = bvf_query_qp,
#if BVF_HAVE_DMAH
	.reg_user_mr = bvf_reg_user_mr_dmah,
#else
	.reg_user_mr = bvf_reg_user_mr,
#endif
	.req_notify_cq = bvf_req_notify_cq,

	INIT_RDMA_OBJ_SIZE(ib_ah, bvf_ah, ibah),
	INIT_RDMA_OBJ_SIZE(ib_cq, bvf_cq, ibcq),
	INIT_RDMA_OBJ_SIZE(ib_pd, bvf_pd, ibpd),
	INIT_RDMA_OBJ_SIZE(ib_qp, bvf_qp, ibqp),
	INIT_RDMA_OBJ_SIZE(ib_ucontext, bvf_ucontext, ibuc),
};

static void bvf_ib_init(struct bvf_ibdev *idev, struct bvf_dev *bdev)
{
	struct ib_device *ibdev = &idev->ibdev;

	idev->bdev = bdev;
	xa_init(&idev->qps);
	xa_init(&idev->cqs);

	ibdev->node_type = RDMA_NODE_IB_CA;
	ibdev->phys_port_cnt = 1;
	ibdev->num_comp_vectors = bdev->nr_comp;
	ibdev->local_dma_lkey = BVF_LKEY_DMA;
	ibdev->node_guid = bdev->lim.guid;
	ibdev->dev.parent = &bdev->pdev->dev;
	strscpy(ibdev->node_desc, "bvf", sizeof(ibdev->node_desc));
	ib_set_device_ops(ibdev, &bvf_ib_ops);
}

static int bvf_ib_probe(struct auxiliary_device *adev, const struct auxiliary_device_id *id)
{
	struct bvf_dev *bdev = to_bvf_adev(adev)->bdev;
	struct bvf_ibdev *idev;
	int err;

	idev = ib_alloc_device(bvf_ibdev, ibdev);
	if (!idev)
		return -ENOMEM;
	bvf_ib_init(idev, bdev);
	err = ib_device_set_netdev(&idev->ibdev, bdev->netdev, BVF_PORT);
	if (err)
		goto err_dealloc;

	/* Before registration, so that no event of the first objects is lost. */
	err = bvf_client_add(bdev, &bvf_ib_client_ops, idev);
	if (err)
		goto err_dealloc;
	err = ib_register_device(&idev->ibdev, "bvf_%d", &bdev->pdev->dev);
	if (err)
		goto err_client_del;
	err = bvf_port_watch(idev);
	if (err)
		goto err_unregister;

	auxiliary_set_drvdata(adev, idev);
	return 0;

err_unregister:
	ib_unregister_device(&idev->ibdev);
err_client_del:
	bvf_client_del(bdev);
err_dealloc:
	ib_dealloc_device(&idev->ibdev);
	return err;
}

/* Unregistering destroys every object, with the events still going. */
static void bvf_ib_remove(struct auxiliary_device *adev)
{
	struct bvf_ibdev *idev = auxiliary_get_drvdata(adev);

	bvf_port_unwatch(idev);
	/* bvf.ko need not have called fatal() for a function that was pulled. */
	if (bvf_dev_dead(idev->bdev))
		bvf_ib_set_dead(idev);
	ib_unregister_device(&idev->ibdev);
	bvf_client_del(idev->bdev);
	xa_destroy(&idev->qps);
	xa_destroy(&idev->cqs);
	ib_dealloc_device(&idev->ibdev);
}

static const struct auxiliary_device_id bvf_ib_ids[] = {
	{ .name = BVF_ADEV_RDMA },
	{}
};
MODULE_DEVICE_TABLE(auxiliary, bvf_ib_ids);

static struct auxiliary_driver bvf_ib_driver = {
	.probe = bvf_ib_probe,
	.remove = bvf_ib_remove,
	.id_table = bvf_ib_ids,
};
module_auxiliary_driver(bvf_ib_driver);

MODULE_DESCRIPTION("RDMA device of the bvf PCI function");
MODULE_LICENSE("GPL");
