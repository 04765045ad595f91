/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The processor scheduler as the card's processes see it: short slices, and
 * whether there is a processor to spare. Knows nothing of what they run.
 */
#ifndef BVF_SCHED_H
#define BVF_SCHED_H

#include <stdbool.h>
#include <stdint.h>

/**
 * bvf_sched_short_slice() - Ask for short time slices
 *
 * Who runs a few microseconds at a time is let in sooner when it wakes on a
 * busy processor. Kernels before 6.12 have no such wish and ignore it.
 */
void bvf_sched_short_slice(void);

/* Opens what bvf_sched_spare() asks; without it the answer is no. */
void bvf_sched_init(void);

/**
 * bvf_sched_spare() - Whether a thread may spin without taking time from others
 * @now:	ns, CLOCK_MONOTONIC
 *
 * The kernel is asked at most once in a few milliseconds.
 *
 * Return: true if no more threads want to run than there are processors
 */
bool bvf_sched_spare(uint64_t now);

#endif
