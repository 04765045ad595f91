// SPDX-License-Identifier: GPL-2.0
/*
 * Memory regions, and pinning of user memory for anything that the card uses.
 * The card gets the mapped pieces as they are, adjacent ones merged: a huge
 * page or a contiguous run is one entry of the page list.
 */
#include "bvf_ib.h"

#define BVF_IB_ACCESS_SUPP	(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE | \
				 IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_ATOMIC | \
				 IB_ACCESS_OPTIONAL)

static_assert(BVF_ACC_LOCAL_WRITE == IB_ACCESS_LOCAL_WRITE);
static_assert(BVF_ACC_REMOTE_WRITE == IB_ACCESS_REMOTE_WRITE);
static_assert(BVF_ACC_REMOTE_READ == IB_ACCESS_REMOTE_READ);
static_assert(BVF_ACC_REMOTE_ATOMIC == IB_ACCESS_REMOTE_ATOMIC);

/**
 * bvf_umem_pin() - pin user memory and list it for a command
 * @idev:	device
 * @va:		user address
 * @len:	bytes, checked by the caller
 * @access:	IB_ACCESS_*
 * @pl:		page list; the caller frees it after the command
 *
 * Return: the pinned memory or ERR_PTR(); on an error @pl needs no freeing.
 */
struct ib_umem *bvf_umem_pin(struct bvf_ibdev *idev, u64 va, u64 len, int access,
			     struct bvf_pl *pl)
{
	struct ib_umem *umem;
	int err;

	umem = ib_umem_get_va(&idev->ibdev, va, len, access);
	if (IS_ERR(umem))
		return umem;

	err = bvf_pl_from_sg(idev->bdev, pl, umem->sgt_append.sgt.sgl, umem->sgt_append.sgt.nents,
			     ib_umem_offset(umem), len);
	if (err) {
		bvf_pl_free(pl);
		ib_umem_release(umem);
		return ERR_PTR(err);
	}
	return umem;
}

/* Kernel users' key for all of memory: addresses are DMA addresses. */
struct ib_mr *bvf_get_dma_mr(struct ib_pd *ibpd, int access)
{
	struct bvf_dev *bdev = to_bibdev(ibpd->device)->bdev;
	struct bvf_mr_params p = { .flags = BVF_MRF_DMA, .pdn = to_bpd(ibpd)->pdn };
	struct bvf_mr *mr;
	int err;

	if (access & ~BVF_IB_ACCESS_SUPP)
		return ERR_PTR(-EOPNOTSUPP);

	mr = kzalloc_obj(*mr);
	if (!mr)
		return ERR_PTR(-ENOMEM);

	/* ib_core asks for remote access alone; local access needs no key at all. */
	p.access = (access & BVF_ACC_ALL) | BVF_ACC_LOCAL_WRITE;
	err = bvf_cmd_reg_mr(bdev, &p, &mr->ibmr.lkey, &mr->ibmr.rkey);
	if (err) {
		kfree(mr);
		return ERR_PTR(err);
	}
	mr->lkey = mr->ibmr.lkey;
	return &mr->ibmr;
}

struct ib_mr *bvf_reg_user_mr(struct ib_pd *ibpd, u64 start, u64 len, u64 virt, int access,
			      struct ib_udata *udata)
{
	struct bvf_ibdev *idev = to_bibdev(ibpd->device);
	struct bvf_mr_params p = { .pdn = to_bpd(ibpd)->pdn };
	struct bvf_mr *mr;
	struct bvf_pl pl;
	int err;

	err = ib_no_udata_io(udata);
	if (err)
		return ERR_PTR(err);
	if (access & ~BVF_IB_ACCESS_SUPP)
		return ERR_PTR(-EOPNOTSUPP);
	if (!len || len > idev->bdev->lim.max_mr_len || virt + len < virt)
		return ERR_PTR(-EINVAL);

	mr = kzalloc_obj(*mr);
	if (!mr)
		return ERR_PTR(-ENOMEM);
	mr->umem = bvf_umem_pin(idev, start, len, access, &pl);
	if (IS_ERR(mr->umem)) {
		err = PTR_ERR(mr->umem);
		goto err_free;
	}

	p.pl = pl.hw;
	p.va = virt;
	p.len = len;
	p.access = access & BVF_ACC_ALL;
	err = bvf_cmd_reg_mr(idev->bdev, &p, &mr->ibmr.lkey, &mr->ibmr.rkey);
	bvf_pl_free(&pl);
	if (err)
		goto err_unpin;
	mr->lkey = mr->ibmr.lkey;
	return &mr->ibmr;

err_unpin:
	ib_umem_release(mr->umem);
err_free:
	kfree(mr);
	return ERR_PTR(err);
}

int bvf_dereg_mr(struct ib_mr *ibmr, struct ib_udata *udata)
{
	struct bvf_mr *mr = to_bmr(ibmr);
	int err;

	err = ib_no_udata_io(udata);
	if (err)
		return err;
	err = bvf_cmd_dereg_mr(to_bibdev(ibmr->device)->bdev, mr->lkey);
	if (err)
		return err;

	ib_umem_release(mr->umem);
	kfree(mr);
	return 0;
}
