// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * bvf provider: address handles.
 * The kernel resolves the destination's MAC; the rest is copied into WQEs.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bvf.h"
#include "uabi.h"

struct ibv_ah *bvf_create_ah(struct ibv_pd *ibpd, struct ibv_ah_attr *attr)
{
	struct bvf_ucreate_ah_resp resp = {};
	struct bvf_ah *ah;
	int err;

	/* RoCE has no other address than a GID. */
	if (!attr->is_global) {
		errno = EINVAL;
		return NULL;
	}

	ah = calloc(1, sizeof(*ah));
	if (!ah)
		return NULL;

	err = ibv_cmd_create_ah(ibpd, &ah->ibah, attr, &resp.ibv_resp,
				sizeof(resp));
	if (err) {
		free(ah);
		errno = err;
		return NULL;
	}
	memcpy(ah->av.dgid, attr->grh.dgid.raw, sizeof(ah->av.dgid));
	memcpy(ah->av.dmac, resp.dmac, sizeof(ah->av.dmac));
	ah->av.sgid_index = htole16(attr->grh.sgid_index);
	return &ah->ibah;
}

int bvf_destroy_ah(struct ibv_ah *ibah)
{
	int err = ibv_cmd_destroy_ah(ibah);

	if (err)
		return err;

	free(to_bah(ibah));
	return 0;
}
