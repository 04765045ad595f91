/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control plane's event loop: file descriptors by epoll, and timers.
 * Single-threaded; knows nothing of what the descriptors are.
 */
#ifndef BVF_LOOP_H
#define BVF_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

#define BVF_LOOP_BATCH	64

/* A descriptor being watched; embedded in its owner. */
struct bvf_loop_src {
	int fd;				/* -1: not in the loop */
	uint32_t events;
	void (*fn)(struct bvf_loop_src *src, uint32_t events);
};

/* A timer; embedded in its owner, armed while it is on the list. */
struct bvf_loop_timer {
	uint64_t when_ns;		/* 0: not armed */
	void (*fn)(struct bvf_loop_timer *timer);
	struct bvf_loop_timer *next;
};

struct bvf_loop {
	int epfd;
	int quit;
	struct bvf_loop_timer *timers;	/* soonest first */
	struct epoll_event batch[BVF_LOOP_BATCH];
	int nr_batch;			/* events of the batch being served */
	int at;				/* the one being served */
};

int bvf_loop_init(struct bvf_loop *loop);
void bvf_loop_fini(struct bvf_loop *loop);

/**
 * bvf_loop_add() - Watch a descriptor
 * @loop:	the loop
 * @src:	source with .fd and .fn set
 * @events:	EPOLLIN and so on, level-triggered
 *
 * Return: 0 or -errno, then src->fd is left alone
 */
int bvf_loop_add(struct bvf_loop *loop, struct bvf_loop_src *src,
		 uint32_t events);
int bvf_loop_mod(struct bvf_loop *loop, struct bvf_loop_src *src,
		 uint32_t events);

/**
 * bvf_loop_del() - Stop watching; pending events of @src are dropped
 *
 * Safe from within any handler. The descriptor stays open.
 */
void bvf_loop_del(struct bvf_loop *loop, struct bvf_loop_src *src);

void bvf_loop_timer_arm(struct bvf_loop *loop, struct bvf_loop_timer *timer,
			uint64_t delay_ns);
void bvf_loop_timer_cancel(struct bvf_loop *loop, struct bvf_loop_timer *timer);

uint64_t bvf_now_ns(void);

/**
 * bvf_loop_run() - Serve events until loop->quit is set
 *
 * Return: 0 or -errno of epoll
 */
int bvf_loop_run(struct bvf_loop *loop);

#endif
