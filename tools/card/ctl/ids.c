// SPDX-License-Identifier: GPL-2.0
/*
 * Which slots of a function's object tables are in use. The lowest free one is
 * taken, so that few objects touch little memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ids.h"

int bvf_ids_init(struct bvf_ids *ids, uint32_t first, uint32_t size,
		 uint32_t limit)
{
	*ids = (struct bvf_ids){
		.state = calloc(size, 1),
		.first = first, .size = size, .limit = limit, .low = first,
	};
	return ids->state ? 0 : -ENOMEM;
}

void bvf_ids_fini(struct bvf_ids *ids)
{
	free(ids->state);
}

int bvf_ids_get(struct bvf_ids *ids)
{
	const uint8_t *at;
	uint32_t id;

	if (ids->used >= ids->limit)
		return -ENOSPC;
	at = memchr(ids->state + ids->low, BVF_ID_FREE, ids->size - ids->low);
	if (!at)
		return -ENOSPC;
	id = (uint32_t)(at - ids->state);
	ids->state[id] = BVF_ID_LIVE;
	ids->low = id + 1;
	ids->used++;
	return (int)id;
}

void bvf_ids_put(struct bvf_ids *ids, uint32_t id)
{
	ids->state[id] = BVF_ID_FREE;
	ids->used--;
	if (id >= ids->first && id < ids->low)
		ids->low = id;
}

void bvf_ids_clear(struct bvf_ids *ids)
{
	memset(ids->state, BVF_ID_FREE, ids->size);
	ids->used = 0;
	ids->low = ids->first;
}
