// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt vectors: an eventfd each, from the client, passed on to the data
 * plane. The control plane itself raises vector 0 only.
 *
 * While a vector is masked the client has no eventfd for it; what is raised
 * then is remembered and raised when there is one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "card.h"
#include "lib/log.h"

static void vec_again(struct bvf_dp_call *call)
{
	const struct bvf_vec *vec = container_of(call, struct bvf_vec, call);

	call->fd = vec->fd < 0 ? -1 : fcntl(vec->fd, F_DUPFD_CLOEXEC, 3);
}

static void vec_send(struct bvf_vec *vec)
{
	struct bvf_fn *fn = vec->fn;

	vec->dirty = false;
	vec->call.msg = (struct bvf_ipc_msg){
		.type = BVF_IPC_IRQ,
		.func = fn->index,
		.id = (uint32_t)(vec - fn->vec),
	};
	vec_again(&vec->call);
	bvf_dp_call(fn->card, &vec->call);
}

static void vec_sent(struct bvf_dp_call *call)
{
	struct bvf_vec *vec = container_of(call, struct bvf_vec, call);

	if (vec->dirty)
		vec_send(vec);
	else
		bvf_fn_wait_check(vec->fn);
}

void bvf_irq_init(struct bvf_fn *fn)
{
	for (int i = 0; i < BVF_MAX_VECTORS; i++) {
		fn->vec[i].fn = fn;
		fn->vec[i].fd = -1;
		fn->vec[i].call.done = vec_sent;
		fn->vec[i].call.again = vec_again;
	}
}

bool bvf_irq_busy(const struct bvf_fn *fn)
{
	for (int i = 0; i < BVF_MAX_VECTORS; i++)
		if (fn->vec[i].call.busy)
			return true;
	return false;
}

static void vec_raise(struct bvf_vec *vec)
{
	uint64_t one = 1;

	if (vec->fd < 0 ||
	    (write(vec->fd, &one, sizeof(one)) < 0 && errno != EAGAIN))
		vec->pending = vec->fd < 0;
}

/* Only an eventfd is sure not to block us when it is written to. */
static bool is_eventfd(int fd)
{
	char path[32], name[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, name, sizeof(name) - 1);
	if (len < 0)
		return errno == ENOENT;		/* no /proc */
	name[len] = '\0';
	return !strcmp(name, "anon_inode:[eventfd]");
}

int bvf_irq_set(struct bvf_fn *fn, uint32_t start, uint32_t count,
		const int *fds)
{
	int err = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct bvf_vec *vec = &fn->vec[start + i];
		int fd = fds ? fds[i] : -1;

		if (fd >= 0 && (!is_eventfd(fd) ||
				fcntl(fd, F_SETFL, O_NONBLOCK) < 0)) {
			close(fd);
			err = -EINVAL;
			continue;
		}
		/* A whole client's worth of vectors goes off when it leaves. */
		if (fn->closing)
			vec->pending = false;
		if (fd < 0 && vec->fd < 0)
			continue;
		if (vec->fd >= 0)
			close(vec->fd);
		vec->fd = fd;
		if (fd >= 0 && vec->pending) {
			vec->pending = false;
			vec_raise(vec);
		}
		if (vec->call.busy)
			vec->dirty = true;
		else
			vec_send(vec);
	}
	return err;
}

void bvf_irq_raise(struct bvf_fn *fn, uint32_t vector)
{
	vec_raise(&fn->vec[vector]);
}

void bvf_irq_resend(struct bvf_fn *fn)
{
	for (int i = 0; i < BVF_MAX_VECTORS; i++) {
		struct bvf_vec *vec = &fn->vec[i];

		/* Those under way are sent again anyway. */
		if (!vec->call.busy && vec->fd >= 0)
			vec_send(vec);
	}
}
