/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Space in a function's arena: a buddy allocator. Knows sizes, not contents.
 */
#ifndef BVF_ARENA_H
#define BVF_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define BVF_ARENA_ORDERS	23	/* 32 bytes .. 128 MiB */
#define BVF_ARENA_NONE		0xffffffffu

struct bvf_arena {
	uint8_t *base;				/* in the DRAM */
	size_t size;
	uint8_t *map;				/* of each 32-byte block, arena.c */
	uint32_t free[BVF_ARENA_ORDERS];	/* first free block of an order */
};

/**
 * bvf_arena_init() - Manage a zeroed area
 * @arena:	the allocator
 * @base:	the area; links of free blocks are kept in it
 * @size:	multiple of 32, less than 4 GiB
 */
int bvf_arena_init(struct bvf_arena *arena, void *base, size_t size);
void bvf_arena_fini(struct bvf_arena *arena);

/* Forget all allocations. */
void bvf_arena_clear(struct bvf_arena *arena);

/**
 * bvf_arena_get() - Allocate
 * @arena:	the allocator
 * @len:	bytes
 *
 * Return: place in units of 16 bytes, BVF_ARENA_NONE if there is no room
 */
uint32_t bvf_arena_get(struct bvf_arena *arena, size_t len);
void bvf_arena_put(struct bvf_arena *arena, uint32_t at);

static inline void *bvf_arena_ptr(const struct bvf_arena *arena, uint32_t at)
{
	return arena->base + (size_t)at * 16;
}

#endif
