/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Survive a guest memory file that is truncated under us. Knows mappings, not
 * whose they are. Async-signal-safe where it has to be; used by both card
 * processes, in the data plane by several threads.
 */
#ifndef BVF_SIGBUS_H
#define BVF_SIGBUS_H

#include <signal.h>
#include <stddef.h>

#define BVF_SIGBUS_RANGES	1024

/* Install the handler. Return: 0 or -errno */
int bvf_sigbus_init(void);

/**
 * bvf_sigbus_add() - Guard a mapping
 * @base:	of the mapping
 * @len:	of the mapping, whole pages of its kind
 *
 * After a fault the whole range is zero-filled private memory.
 *
 * Return: slot for bvf_sigbus_del(), -ENOSPC if there are too many
 */
int bvf_sigbus_add(void *base, size_t len);

/* Faults survived so far; changes tell that bvf_sigbus_faulted() has news. */
extern volatile sig_atomic_t bvf_sigbus_faults;

/* Return: nonzero if the mapping has faulted */
int bvf_sigbus_faulted(int slot);

/* Before the mapping goes away. Return: nonzero if it had faulted */
int bvf_sigbus_del(int slot);

#endif
