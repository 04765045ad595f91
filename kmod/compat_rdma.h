/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The RDMA half of compat.h: version tests for what bvf_ib.ko uses of ib_core.
 * Emulates the newest interfaces on older kernels; knows nothing of bvf.
 */
#ifndef BVF_COMPAT_RDMA_H
#define BVF_COMPAT_RDMA_H

#include <linux/uaccess.h>
#include <linux/version.h>
#include <rdma/ib_umem.h>
#include <rdma/ib_verbs.h>
#include <rdma/uverbs_ioctl.h>

#define BVF_KERNEL_BEFORE(a, b)	(KERNEL_VERSION(a, b, 0) > LINUX_VERSION_CODE)

/* reg_user_mr takes a DMA handle (struct ib_dmah) before udata. */
#define BVF_HAVE_DMAH		(!BVF_KERNEL_BEFORE(6, 17))

/* ib_core turns the netdev's events into port events itself. */
#define BVF_HAVE_PORT_EVENTS	(!BVF_KERNEL_BEFORE(6, 14))

/* The udata helpers exist, and a driver can say that it uses them everywhere. */
#define BVF_HAVE_ROBUST_UDATA	(!BVF_KERNEL_BEFORE(7, 2))

#if BVF_KERNEL_BEFORE(7, 2)

static inline struct ib_umem *ib_umem_get_va(struct ib_device *ibdev, unsigned long addr,
					     size_t size, int access)
{
	return ib_umem_get(ibdev, addr, size, access);
}

/* Too short is -EINVAL; what is longer than we know must be zero. */
static inline int bvf_udata_in(struct ib_udata *udata, void *req, size_t size, size_t min_size)
{
	int err;

	if (udata->inlen < min_size)
		return -EINVAL;
	err = copy_struct_from_user(req, size, udata->inbuf, udata->inlen);
	return err == -E2BIG ? -EOPNOTSUPP : err;
}

static inline int bvf_udata_out(struct ib_udata *udata, const void *resp, size_t size)
{
	size_t len = min(udata->outlen, size);

	if (copy_to_user(udata->outbuf, resp, len))
		return -EFAULT;
	if (udata->outlen > len && clear_user(udata->outbuf + len, udata->outlen - len))
		return -EFAULT;
	return 0;
}

#define ib_copy_validate_udata_in(udata, req, end_member) \
	bvf_udata_in(udata, &(req), sizeof(req), offsetofend(typeof(req), end_member))

#define ib_respond_udata(udata, resp) \
	bvf_udata_out(udata, &(resp), sizeof(resp))

static inline int ib_is_udata_in_empty(struct ib_udata *udata)
{
	char none;

	if (!udata || !udata->inlen)
		return 0;
	return bvf_udata_in(udata, &none, 0, 0);
}

static inline int ib_respond_empty_udata(struct ib_udata *udata)
{
	if (udata && udata->outlen && clear_user(udata->outbuf, udata->outlen))
		return -EFAULT;
	return 0;
}

static inline int ib_no_udata_io(struct ib_udata *udata)
{
	int err = ib_is_udata_in_empty(udata);

	return err ? err : ib_respond_empty_udata(udata);
}

#endif /* < 7.2 */

#endif /* BVF_COMPAT_RDMA_H */
