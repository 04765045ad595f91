/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which slots of a function's object tables are in use. Private to the control
 * plane; what the objects are is in the DRAM.
 */
#ifndef BVF_IDS_H
#define BVF_IDS_H

#include <stdbool.h>
#include <stdint.h>

enum bvf_id_state {
	BVF_ID_FREE,
	BVF_ID_LIVE,
	BVF_ID_STOPPING,	/* the data plane has been asked to let go */
};

struct bvf_ids {
	uint8_t *state;		/* enum bvf_id_state of each slot */
	uint32_t first;		/* slots below are never handed out */
	uint32_t size;
	uint32_t limit;		/* slots in use at most */
	uint32_t used;
	uint32_t low;		/* no slot below is free */
};

int bvf_ids_init(struct bvf_ids *ids, uint32_t first, uint32_t size,
		 uint32_t limit);
void bvf_ids_fini(struct bvf_ids *ids);

/* Return: the lowest free slot, now live; -ENOSPC at the limit */
int bvf_ids_get(struct bvf_ids *ids);
void bvf_ids_put(struct bvf_ids *ids, uint32_t id);
void bvf_ids_clear(struct bvf_ids *ids);

static inline bool bvf_ids_live(const struct bvf_ids *ids, uint32_t id)
{
	return id < ids->size && ids->state[id] == BVF_ID_LIVE;
}

#endif
