/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR BSD-2-Clause */
/*
 * bvf uverbs ABI: what the provider and bvf_ib.ko tell each other.
 * Kept in the line-based form that rdma-core's make_abi_structs.py reads.
 */
#ifndef BVF_ABI_USER_H
#define BVF_ABI_USER_H

#include <linux/types.h>

#define BVF_UVERBS_ABI_VERSION 1

/*
 * Queue buffers are allocated by the provider: buf_va is page aligned,
 * buf_len a multiple of 4096; offsets as in hw/bvf_admin.h.
 */

struct bvf_alloc_ucontext_req {
	__u32 comp_mask;	/* MBZ */
	__u32 reserved;		/* MBZ */
};

struct bvf_alloc_ucontext_resp {
	__aligned_u64 db_mmap_key;	/* mmap offset of struct bvf_db_page, 4096 bytes, read-write */
	__aligned_u64 kick_mmap_key;	/* mmap offset of the kick page, 4096 bytes, write-only */
	__u32 uctx;
	__u32 max_qp_wr;
	__u32 max_cqe;
	__u16 max_sge;
	__u16 max_inline;
	__u32 comp_mask;
	__u32 reserved;
};

struct bvf_alloc_pd_resp {
	__u32 pdn;
	__u32 reserved;
};

struct bvf_create_cq_req {
	__aligned_u64 buf_va;
	__u32 buf_len;
	__u32 dbrec_off;
	__u8 depth_shift;
	__u8 reserved[7];	/* MBZ */
};

struct bvf_create_cq_resp {
	__u32 cqn;
	__u32 reserved;
};

struct bvf_create_qp_req {
	__aligned_u64 buf_va;
	__u32 buf_len;
	__u32 sq_off;
	__u32 rq_off;
	__u32 dbrec_off;
	__u8 sq_depth_shift;
	__u8 sq_stride_shift;
	__u8 rq_depth_shift;
	__u8 rq_stride_shift;
	__u32 reserved;		/* MBZ */
};

struct bvf_create_qp_resp {
	__u32 qpn;
	__u32 reserved;
};

struct bvf_create_ah_resp {
	__u8 dmac[6];
	__u8 reserved[2];
};

#endif /* BVF_ABI_USER_H */
