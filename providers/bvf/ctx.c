// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * bvf provider: contexts, device and port queries, memory for queues.
 * Knows no queue's layout.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <util/util.h>

#include "bvf.h"
#include "compat.h"
#include "uabi.h"

/**
 * bvf_buf_alloc() - Allocate zeroed pages that the card may use
 * @buf:	filled in on success
 * @len:	bytes wanted; rounded up to whole pages
 *
 * Return: 0, or an errno value
 */
int bvf_buf_alloc(struct bvf_buf *buf, size_t len)
{
	void *addr;
	int err;

	len = align(len, sysconf(_SC_PAGESIZE));
	addr = mmap(NULL, len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		return errno;

	err = ibv_dontfork_range(addr, len);
	if (err) {
		munmap(addr, len);
		return err > 0 ? err : ENOMEM;
	}
	buf->addr = addr;
	buf->len = len;
	return 0;
}

void bvf_buf_free(struct bvf_buf *buf)
{
	ibv_dofork_range(buf->addr, buf->len);
	munmap(buf->addr, buf->len);
}

static int bvf_map_pages(struct bvf_context *ctx, int cmd_fd,
			 const struct bvf_ualloc_ucontext_resp *resp)
{
	ctx->db = mmap(NULL, BVF_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       cmd_fd, resp->db_mmap_key);
	if (ctx->db == MAP_FAILED)
		return errno;

	ctx->kick = mmap(NULL, BVF_PAGE_SIZE, PROT_WRITE, MAP_SHARED,
			 cmd_fd, resp->kick_mmap_key);
	if (ctx->kick == MAP_FAILED) {
		int err = errno;

		munmap(ctx->db, BVF_PAGE_SIZE);
		return err;
	}
	return 0;
}

struct verbs_context *bvf_alloc_context(struct ibv_device *ibdev, int cmd_fd,
					void *private_data)
{
	struct bvf_ualloc_ucontext_resp resp = {};
	struct bvf_ualloc_ucontext cmd = {};
	struct bvf_context *ctx;
	int err;

	ctx = verbs_init_and_alloc_context(ibdev, cmd_fd, ctx, vctx,
					   RDMA_DRIVER_UNKNOWN);
	if (!ctx)
		return NULL;

	err = bvf_cmd_get_context(&ctx->vctx, &cmd.ibv_cmd, sizeof(cmd),
				  &resp.ibv_resp, sizeof(resp));
	if (err)
		goto err_uninit;

	err = bvf_map_pages(ctx, cmd_fd, &resp);
	if (err)
		goto err_uninit;

	ctx->max_qp_wr = resp.max_qp_wr;
	ctx->max_cqe = resp.max_cqe;
	ctx->max_sge = resp.max_sge;
	ctx->max_inline = resp.max_inline;
	if (ctx->max_sge > BVF_MAX_SGE)
		ctx->max_sge = BVF_MAX_SGE;
	if (ctx->max_inline > BVF_MAX_INLINE)
		ctx->max_inline = BVF_MAX_INLINE;

	verbs_set_ops(&ctx->vctx, &bvf_context_ops);
	return &ctx->vctx;

err_uninit:
	verbs_uninit_context(&ctx->vctx);
	free(ctx);
	errno = err;
	return NULL;
}

void bvf_free_context(struct ibv_context *ibctx)
{
	struct bvf_context *ctx = to_bctx(ibctx);

	munmap(ctx->kick, BVF_PAGE_SIZE);
	munmap(ctx->db, BVF_PAGE_SIZE);
	verbs_uninit_context(&ctx->vctx);
	free(ctx);
}

int bvf_query_device_ex(struct ibv_context *ibctx,
			const struct ibv_query_device_ex_input *input,
			struct ibv_device_attr_ex *attr, size_t attr_size)
{
	struct ib_uverbs_ex_query_device_resp resp;
	size_t resp_size = sizeof(resp);
	uint64_t fw;
	int err;

	err = ibv_cmd_query_device_any(ibctx, input, attr, attr_size, &resp,
				       &resp_size);
	if (err)
		return err;

	fw = resp.base.fw_ver;
	snprintf(attr->orig_attr.fw_ver, sizeof(attr->orig_attr.fw_ver),
		 "%u.%u.%u", (uint32_t)(fw >> 32), (uint32_t)(fw >> 16) & 0xffff,
		 (uint32_t)fw & 0xffff);
	return 0;
}

int bvf_query_port(struct ibv_context *ibctx, uint8_t port,
		   struct ibv_port_attr *attr)
{
	struct ibv_query_port cmd;

	return ibv_cmd_query_port(ibctx, port, attr, &cmd, sizeof(cmd));
}
