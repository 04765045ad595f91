/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * uverbs commands with bvf's own part, built from the kernel's ABI header.
 * Only layouts; who sends them is in the object's file.
 */
#ifndef BVF_UABI_H
#define BVF_UABI_H

#include <infiniband/kern-abi.h>
#include <kernel-abi/bvf-abi.h>

#include "bvf-abi.h"

/* The macro adds _resp to the name, which must not meet the ABI's own. */
DECLARE_DRV_CMD(bvf_ualloc_ucontext, IB_USER_VERBS_CMD_GET_CONTEXT,
		bvf_alloc_ucontext_req, bvf_alloc_ucontext_resp);
DECLARE_DRV_CMD(bvf_ualloc_pd, IB_USER_VERBS_CMD_ALLOC_PD,
		empty, bvf_alloc_pd_resp);
DECLARE_DRV_CMD(bvf_ucreate_cq, IB_USER_VERBS_CMD_CREATE_CQ,
		bvf_create_cq_req, bvf_create_cq_resp);
DECLARE_DRV_CMD(bvf_ucreate_cq_ex, IB_USER_VERBS_EX_CMD_CREATE_CQ,
		bvf_create_cq_req, bvf_create_cq_resp);
DECLARE_DRV_CMD(bvf_ucreate_qp, IB_USER_VERBS_CMD_CREATE_QP,
		bvf_create_qp_req, bvf_create_qp_resp);
DECLARE_DRV_CMD(bvf_ucreate_ah, IB_USER_VERBS_CMD_CREATE_AH,
		empty, bvf_create_ah_resp);

#endif /* BVF_UABI_H */
