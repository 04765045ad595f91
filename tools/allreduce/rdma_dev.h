/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which RDMA device, port and GID a rank uses.
 * It must not know queue pairs or what they carry.
 */
#ifndef BVF_AR_RDMA_DEV_H
#define BVF_AR_RDMA_DEV_H

#include <infiniband/verbs.h>

#include "allreduce.h"
#include "net.h"

struct bvf_rdma_dev {
	struct ibv_context *ctx;
	struct ibv_port_attr port_attr;
	uint8_t port;
	uint8_t gid_index;
	union ibv_gid gid;
	enum ibv_mtu mtu;
	bool ethernet;
	char text[128];		/* for the user */
};

/* Opens what the options say, or what has the local address. why on error. */
int bvf_rdma_dev_open(struct bvf_rdma_dev *d, const struct bvf_ar_opts *o,
		      const struct sockaddr_storage *local, char *why, size_t why_len);
void bvf_rdma_dev_close(struct bvf_rdma_dev *d);

#endif
