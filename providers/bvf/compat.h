/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What differs between rdma-core releases, in the newest one's terms.
 * BVF_RDMA_CORE is the release (56, 65); the only file that looks at it.
 */
#ifndef BVF_COMPAT_H
#define BVF_COMPAT_H

#include <infiniband/driver.h>

#if BVF_RDMA_CORE >= 65
#define bvf_cmd_get_context(vctx, cmd, cmd_size, resp, resp_size) \
	ibv_cmd_get_context(vctx, cmd, cmd_size, NULL, resp, resp_size)
#define bvf_cmd_create_cq_ex(ctx, attr, cq, cmd, cmd_size, resp, resp_size) \
	ibv_cmd_create_cq_ex(ctx, attr, NULL, cq, cmd, cmd_size, resp, resp_size, 0)
#else
#define bvf_cmd_get_context(vctx, cmd, cmd_size, resp, resp_size) \
	ibv_cmd_get_context(vctx, cmd, cmd_size, resp, resp_size)
#define bvf_cmd_create_cq_ex(ctx, attr, cq, cmd, cmd_size, resp, resp_size) \
	ibv_cmd_create_cq_ex(ctx, attr, cq, cmd, cmd_size, resp, resp_size, 0)
#endif

#endif /* BVF_COMPAT_H */
