// SPDX-License-Identifier: GPL-2.0
/*
 * Space in a function's arena: a buddy allocator over blocks of 32 bytes. Cost
 * of a call is bounded by the number of orders, whatever the guest has done.
 *
 * map[] has a byte for each smallest block: what starts there, if anything.
 * Free blocks of an order are linked through their first eight bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arena.h"

#define BLOCK_SHIFT	5
#define MAP_FREE	0x80u	/* a free block of order (value & 0x1f) starts */
#define MAP_USED	0x40u
#define MAP_ORDER	0x1fu

struct link {
	uint32_t next, prev;	/* block numbers, or BVF_ARENA_NONE */
};

static struct link *link_of(const struct bvf_arena *arena, uint32_t block)
{
	return (struct link *)(arena->base + ((size_t)block << BLOCK_SHIFT));
}

static void push(struct bvf_arena *arena, uint32_t block, unsigned int order)
{
	struct link *link = link_of(arena, block);

	link->prev = BVF_ARENA_NONE;
	link->next = arena->free[order];
	if (link->next != BVF_ARENA_NONE)
		link_of(arena, link->next)->prev = block;
	arena->free[order] = block;
	arena->map[block] = (uint8_t)(MAP_FREE | order);
}

static void unlink_block(struct bvf_arena *arena, uint32_t block,
			 unsigned int order)
{
	const struct link *link = link_of(arena, block);

	if (link->next != BVF_ARENA_NONE)
		link_of(arena, link->next)->prev = link->prev;
	if (link->prev != BVF_ARENA_NONE)
		link_of(arena, link->prev)->next = link->next;
	else
		arena->free[order] = link->next;
	arena->map[block] = 0;
}

/* Cover the whole area with the largest aligned blocks. */
static void fill(struct bvf_arena *arena)
{
	uint32_t nr = (uint32_t)(arena->size >> BLOCK_SHIFT);
	uint32_t at = 0;

	for (int i = 0; i < BVF_ARENA_ORDERS; i++)
		arena->free[i] = BVF_ARENA_NONE;
	while (at < nr) {
		unsigned int order = BVF_ARENA_ORDERS - 1;

		while (at & ((1u << order) - 1) || (1u << order) > nr - at)
			order--;
		push(arena, at, order);
		at += 1u << order;
	}
}

int bvf_arena_init(struct bvf_arena *arena, void *base, size_t size)
{
	arena->base = base;
	arena->size = size;
	arena->map = mmap(NULL, size >> BLOCK_SHIFT, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (arena->map == MAP_FAILED)
		return -errno;
	fill(arena);
	return 0;
}

void bvf_arena_fini(struct bvf_arena *arena)
{
	munmap(arena->map, arena->size >> BLOCK_SHIFT);
}

void bvf_arena_clear(struct bvf_arena *arena)
{
	/* Gives the memory back as well; both read as zero afterwards. */
	madvise(arena->base, arena->size, MADV_REMOVE);
	madvise(arena->map, arena->size >> BLOCK_SHIFT, MADV_DONTNEED);
	fill(arena);
}

uint32_t bvf_arena_get(struct bvf_arena *arena, size_t len)
{
	unsigned int want = 0, order;
	uint32_t block;

	while (want < BVF_ARENA_ORDERS && ((size_t)1 << (want + BLOCK_SHIFT)) < len)
		want++;
	for (order = want; order < BVF_ARENA_ORDERS; order++)
		if (arena->free[order] != BVF_ARENA_NONE)
			break;
	if (order >= BVF_ARENA_ORDERS)
		return BVF_ARENA_NONE;
	block = arena->free[order];
	unlink_block(arena, block, order);
	while (order > want) {
		order--;
		push(arena, block + (1u << order), order);
	}
	arena->map[block] = (uint8_t)(MAP_USED | order);
	return block << (BLOCK_SHIFT - 4);
}

void bvf_arena_put(struct bvf_arena *arena, uint32_t at)
{
	uint32_t nr = (uint32_t)(arena->size >> BLOCK_SHIFT);
	uint32_t block = at >> (BLOCK_SHIFT - 4);
	unsigned int order = arena->map[block] & MAP_ORDER;

	arena->map[block] = 0;
	while (order < BVF_ARENA_ORDERS - 1) {
		uint32_t buddy = block ^ (1u << order);

		if (buddy >= nr || arena->map[buddy] != (MAP_FREE | order))
			break;
		unlink_block(arena, buddy, order);
		block &= ~(1u << order);
		order++;
	}
	push(arena, block, order);
}
