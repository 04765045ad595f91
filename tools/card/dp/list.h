/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Intrusive circular list. An entry that points at itself is on no list.
 * Knows nothing of what it links.
 */
#ifndef BVF_LIST_H
#define BVF_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct bvf_list {
	struct bvf_list *next, *prev;
};

#define bvf_container(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

static inline void bvf_list_init(struct bvf_list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool bvf_list_empty(const struct bvf_list *l)
{
	return l->next == l;
}

static inline void bvf_list_add_tail(struct bvf_list *head, struct bvf_list *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

/* Harmless on an entry that is on no list. */
static inline void bvf_list_del(struct bvf_list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	bvf_list_init(l);
}

#endif /* BVF_LIST_H */
