// SPDX-License-Identifier: GPL-2.0
/*
 * The control plane's event loop: epoll plus a sorted list of timers. The
 * number of timers is small (one a function at most), so a list does.
 */
#include <errno.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"

uint64_t bvf_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

int bvf_loop_init(struct bvf_loop *loop)
{
	*loop = (struct bvf_loop){ .epfd = epoll_create1(EPOLL_CLOEXEC) };
	return loop->epfd < 0 ? -errno : 0;
}

void bvf_loop_fini(struct bvf_loop *loop)
{
	close(loop->epfd);
}

int bvf_loop_add(struct bvf_loop *loop, struct bvf_loop_src *src,
		 uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = src };

	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, src->fd, &ev))
		return -errno;
	src->events = events;
	return 0;
}

int bvf_loop_mod(struct bvf_loop *loop, struct bvf_loop_src *src,
		 uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = src };

	if (src->events == events)
		return 0;
	if (epoll_ctl(loop->epfd, EPOLL_CTL_MOD, src->fd, &ev))
		return -errno;
	src->events = events;
	return 0;
}

void bvf_loop_del(struct bvf_loop *loop, struct bvf_loop_src *src)
{
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, src->fd, NULL);
	src->events = 0;
	for (int i = loop->at + 1; i < loop->nr_batch; i++)
		if (loop->batch[i].data.ptr == src)
			loop->batch[i].data.ptr = NULL;
}

void bvf_loop_timer_cancel(struct bvf_loop *loop, struct bvf_loop_timer *timer)
{
	struct bvf_loop_timer **pos = &loop->timers;

	if (!timer->when_ns)
		return;
	while (*pos && *pos != timer)
		pos = &(*pos)->next;
	if (*pos)
		*pos = timer->next;
	timer->when_ns = 0;
}

void bvf_loop_timer_arm(struct bvf_loop *loop, struct bvf_loop_timer *timer,
			uint64_t delay_ns)
{
	struct bvf_loop_timer **pos = &loop->timers;

	bvf_loop_timer_cancel(loop, timer);
	timer->when_ns = bvf_now_ns() + delay_ns;
	while (*pos && (*pos)->when_ns <= timer->when_ns)
		pos = &(*pos)->next;
	timer->next = *pos;
	*pos = timer;
}

/* Return: milliseconds until the first timer, for epoll_wait() */
static int timers_run(struct bvf_loop *loop)
{
	uint64_t now = bvf_now_ns();

	while (loop->timers && loop->timers->when_ns <= now) {
		struct bvf_loop_timer *timer = loop->timers;

		loop->timers = timer->next;
		timer->when_ns = 0;
		timer->fn(timer);
	}
	if (!loop->timers)
		return -1;
	now = bvf_now_ns();
	if (loop->timers->when_ns <= now)
		return 0;
	return (int)((loop->timers->when_ns - now) / 1000000) + 1;
}

int bvf_loop_run(struct bvf_loop *loop)
{
	while (!loop->quit) {
		int timeout = timers_run(loop);

		if (loop->quit)
			break;
		loop->nr_batch = epoll_wait(loop->epfd, loop->batch,
					    BVF_LOOP_BATCH, timeout);
		if (loop->nr_batch < 0) {
			loop->nr_batch = 0;
			if (errno == EINTR)
				continue;
			return -errno;
		}
		for (loop->at = 0; loop->at < loop->nr_batch; loop->at++) {
			struct bvf_loop_src *src = loop->batch[loop->at].data.ptr;

			if (src)
				src->fn(src, loop->batch[loop->at].events);
		}
		loop->nr_batch = 0;
	}
	return 0;
}
