// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets and framing of the vfio-user server: one client at a time, messages
 * with descriptors, nothing ever blocks. Does not know what messages mean.
 *
 * Trust boundary: the client. A header that cannot be framed ends the
 * connection; everything else is msg.c's to judge.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../lib/log.h"
#include "../../lib/usock.h"
#include "priv.h"

#define VFU_MSGS_PER_TURN	64		/* then other functions get a turn */
#define VFU_OUT_PAUSE		(256u << 10)	/* read no more commands above */
#define VFU_OUT_MAX		(4u << 20)	/* a client that never reads is dropped */

static void sock_event(struct bvf_loop_src *src, uint32_t events);
static void client_drop(struct bvf_vfu *vfu, const char *why);

static void fds_close(struct bvf_vfu *vfu)
{
	for (unsigned int i = 0; i < vfu->nr_fds; i++)
		if (vfu->fds[i] >= 0)
			close(vfu->fds[i]);
	vfu->nr_fds = 0;
	vfu->fds_lost = false;
}

/* Watch the client's socket for what the state asks for. */
static void sock_watch(struct bvf_vfu *vfu)
{
	uint32_t events = vfu->out_len ? EPOLLOUT : 0;
	bool want = vfu->state == BVF_VFU_NEW || vfu->state == BVF_VFU_READY;
	int err = 0;

	if (vfu->out_len < VFU_OUT_PAUSE)
		events |= EPOLLIN;
	/* Out of the loop while waiting: a hang-up would be reported on and on. */
	if (vfu->watching && !want) {
		bvf_loop_del(vfu->loop, &vfu->sock);
		vfu->watching = false;
	} else if (vfu->watching) {
		err = bvf_loop_mod(vfu->loop, &vfu->sock, events);
	} else if (want) {
		err = bvf_loop_add(vfu->loop, &vfu->sock, events);
		vfu->watching = !err;
	}
	if (err)
		vfu->dead = true;
}

static void listen_watch(struct bvf_vfu *vfu, bool want)
{
	if (want && !vfu->listen.events) {
		if (bvf_loop_add(vfu->loop, &vfu->listen, EPOLLIN))
			bvf_err("%s: cannot watch the socket: %s",
				vfu->cfg.name, strerror(errno));
	} else if (!want && vfu->listen.events) {
		bvf_loop_del(vfu->loop, &vfu->listen);
	}
}

static int out_append(struct bvf_vfu *vfu, const struct iovec *iov, int nr_iov,
		      size_t skip)
{
	for (int i = 0; i < nr_iov; i++) {
		const uint8_t *base = iov[i].iov_base;
		size_t len = iov[i].iov_len;
		size_t cap = vfu->out_cap ? vfu->out_cap : 4096;
		uint8_t *out;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		base += skip;
		len -= skip;
		skip = 0;
		while (cap - vfu->out_len < len)
			cap *= 2;
		if (cap > VFU_OUT_MAX)
			return -ENOBUFS;
		if (cap != vfu->out_cap) {
			out = realloc(vfu->out, cap);
			if (!out)
				return -ENOMEM;
			vfu->out = out;
			vfu->out_cap = cap;
		}
		memcpy(vfu->out + vfu->out_len, base, len);
		vfu->out_len += len;
	}
	return 0;
}

void bvf_vfu_send(struct bvf_vfu *vfu, const struct iovec *iov, int nr_iov)
{
	struct msghdr msg = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = (size_t)nr_iov,
	};
	ssize_t n = 0;

	if (vfu->dead || vfu->sock.fd < 0)
		return;
	if (!vfu->out_len) {
		n = sendmsg(vfu->sock.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			vfu->dead = true;
			return;
		}
		if (n < 0)
			n = 0;
	}
	if (out_append(vfu, iov, nr_iov, (size_t)n)) {
		bvf_warn("%s: client does not read its replies", vfu->cfg.name);
		vfu->dead = true;
	}
	/* Not every message is sent from within the socket's own event. */
	if (vfu->out_len && vfu->watching)
		sock_watch(vfu);
}

void bvf_vfu_reply(struct bvf_vfu *vfu, const struct bvf_vfu_hdr *req, int err,
		   const void *head, size_t head_len, const void *data,
		   size_t data_len)
{
	struct bvf_vfu_hdr hdr = {
		.id = req->id,
		.cmd = req->cmd,
		.flags = BVF_VFU_F_REPLY | (err ? BVF_VFU_F_ERROR : 0),
		.err = (uint32_t)-err,
	};
	struct iovec iov[3] = {
		{ .iov_base = &hdr, .iov_len = sizeof(hdr) },
		{ .iov_base = (void *)head, .iov_len = err ? 0 : head_len },
		{ .iov_base = (void *)data, .iov_len = err ? 0 : data_len },
	};

	if (req->flags & BVF_VFU_F_NO_REPLY)
		return;
	hdr.size = (uint32_t)(sizeof(hdr) + iov[1].iov_len + iov[2].iov_len);
	bvf_vfu_send(vfu, iov, 3);
}

/* Return: 1 more to send later, 0 all sent, -errno */
static int out_flush(struct bvf_vfu *vfu)
{
	ssize_t n;

	if (!vfu->out_len)
		return 0;
	n = send(vfu->sock.fd, vfu->out, vfu->out_len,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 1 : -errno;
	vfu->out_len -= (size_t)n;
	memmove(vfu->out, vfu->out + n, vfu->out_len);
	return vfu->out_len ? 1 : 0;
}

static void fds_take(struct bvf_vfu *vfu, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < nr; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (vfu->nr_fds < BVF_VFU_MAX_MSG_FDS) {
				vfu->fds[vfu->nr_fds++] = fd;
			} else {
				close(fd);
				vfu->fds_lost = true;
			}
		}
	}
	if (msg->msg_flags & MSG_CTRUNC)
		vfu->fds_lost = true;
}

/*
 * The header is read alone, with the descriptors that ride on its first byte:
 * a larger read could attach those of the next message to this one.
 *
 * Return: 1 complete, 0 nothing more for now, -errno (-ENOTCONN: end of file)
 */
static int hdr_read(struct bvf_vfu *vfu)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(BVF_VFU_MAX_MSG_FDS * sizeof(int))];
	} ctl;
	struct iovec iov = {
		.iov_base = (char *)&vfu->hdr + vfu->hdr_have,
		.iov_len = sizeof(vfu->hdr) - vfu->hdr_have,
	};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = ctl.buf,
		.msg_controllen = sizeof(ctl.buf),
	};
	ssize_t n;

	if (vfu->hdr_have == sizeof(vfu->hdr))
		return 1;
	n = recvmsg(vfu->sock.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!n)
		return -ENOTCONN;
	fds_take(vfu, &msg);
	vfu->hdr_have += (size_t)n;
	if (vfu->hdr_have < sizeof(vfu->hdr))
		return 0;
	if (vfu->hdr.size < sizeof(vfu->hdr) ||
	    vfu->hdr.size - sizeof(vfu->hdr) > BVF_VFU_MAX_BODY)
		return -EBADMSG;
	return 1;
}

static int body_read(struct bvf_vfu *vfu)
{
	size_t len = vfu->hdr.size - sizeof(vfu->hdr);
	ssize_t n;

	if (vfu->body_have == len)
		return 1;
	n = recv(vfu->sock.fd, vfu->body + vfu->body_have,
		 len - vfu->body_have, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!n)
		return -ENOTCONN;
	vfu->body_have += (size_t)n;
	return vfu->body_have == len;
}

static void client_read(struct bvf_vfu *vfu)
{
	for (int i = 0; i < VFU_MSGS_PER_TURN; i++) {
		int ret = hdr_read(vfu);

		if (ret > 0)
			ret = body_read(vfu);
		if (ret == -ENOTCONN || ret == -ECONNRESET) {
			client_drop(vfu, "client has left");
			return;
		}
		if (ret < 0) {
			client_drop(vfu, ret == -EBADMSG ?
				    "message of impossible size" :
				    strerror(-ret));
			return;
		}
		if (!ret)
			return;
		bvf_vfu_handle(vfu);
		fds_close(vfu);
		vfu->hdr_have = 0;
		vfu->body_have = 0;
		if (vfu->dead || vfu->state == BVF_VFU_WAIT ||
		    vfu->out_len >= VFU_OUT_PAUSE)
			return;
	}
}

static bool client_is_gone(const struct bvf_vfu *vfu)
{
	struct pollfd pfd = { .fd = vfu->sock.fd };

	return poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLHUP | POLLERR));
}

/* The device has let go of all the client had: the next one may come. */
static void client_closed(struct bvf_vfu *vfu)
{
	bvf_vfu_dma_clear(vfu);
	vfu->state = BVF_VFU_IDLE;
	listen_watch(vfu, true);
}

static void client_drop(struct bvf_vfu *vfu, const char *why)
{
	bool had_version = vfu->state != BVF_VFU_NEW;

	bvf_info("%s: disconnected: %s", vfu->cfg.name, why);
	vfu->state = BVF_VFU_CLOSING;
	vfu->dead = true;
	sock_watch(vfu);
	listen_watch(vfu, false);
	close(vfu->sock.fd);
	vfu->sock.fd = -1;
	fds_close(vfu);
	free(vfu->out);
	vfu->out = NULL;
	vfu->out_len = 0;
	vfu->out_cap = 0;
	bvf_vfu_pending_abort(vfu);
	if (!had_version || vfu->cfg.ops->closed(vfu->cfg.dev) != BVF_VFU_DEFER)
		client_closed(vfu);
}

static void sock_event(struct bvf_loop_src *src, uint32_t events)
{
	struct bvf_vfu *vfu = (void *)((char *)src - offsetof(struct bvf_vfu, sock));
	int ret = out_flush(vfu);

	if (ret < 0)
		vfu->dead = true;
	/* On a hang-up what was sent before it is still served. */
	if (!vfu->dead && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		client_read(vfu);
	if (vfu->sock.fd < 0)
		return;
	if (!vfu->dead)
		sock_watch(vfu);
	if (vfu->dead && vfu->state != BVF_VFU_WAIT)
		client_drop(vfu, "cannot write to client");
}

void bvf_vfu_complete(struct bvf_vfu *vfu, int err)
{
	if (vfu->state == BVF_VFU_CLOSING) {
		client_closed(vfu);
		return;
	}
	if (vfu->state != BVF_VFU_WAIT)
		return;
	vfu->state = BVF_VFU_READY;
	bvf_vfu_reply_deferred(vfu, err);
	if (!vfu->dead)
		sock_watch(vfu);
	if (vfu->dead)
		client_drop(vfu, "cannot write to client");
	else
		listen_watch(vfu, true);
}

static void client_start(struct bvf_vfu *vfu, int fd)
{
	vfu->sock = (struct bvf_loop_src){ .fd = fd, .fn = sock_event };
	vfu->hdr_have = 0;
	vfu->body_have = 0;
	vfu->dead = false;
	vfu->state = BVF_VFU_NEW;
	sock_watch(vfu);
	if (vfu->dead) {
		client_drop(vfu, "cannot watch the connection");
		return;
	}
	bvf_info("%s: client connected", vfu->cfg.name);
}

static void listen_event(struct bvf_loop_src *src, uint32_t events)
{
	struct bvf_vfu *vfu = (void *)((char *)src - offsetof(struct bvf_vfu, listen));
	int fd;

	(void)events;
	/*
	 * A restarted QEMU may be here before the end of the old one's
	 * connection has been seen: it waits in the backlog until that is
	 * cleared away.
	 */
	if (vfu->state != BVF_VFU_IDLE && client_is_gone(vfu)) {
		if (vfu->state == BVF_VFU_WAIT)
			listen_watch(vfu, false);
		else
			client_drop(vfu, "client has left");
		if (vfu->state != BVF_VFU_IDLE)
			return;
	}
	fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			bvf_err("%s: accept: %s", vfu->cfg.name, strerror(errno));
		return;
	}
	if (vfu->state != BVF_VFU_IDLE) {
		bvf_warn("%s: second client refused, the function has one",
			 vfu->cfg.name);
		close(fd);
		return;
	}
	client_start(vfu, fd);
}

static int listen_open(struct bvf_vfu *vfu)
{
	int err;

	vfu->listen.fd = bvf_usock_listen(vfu->cfg.path);
	if (vfu->listen.fd < 0)
		return vfu->listen.fd;
	err = bvf_loop_add(vfu->loop, &vfu->listen, EPOLLIN);
	if (err) {
		unlink(vfu->cfg.path);
		close(vfu->listen.fd);
	}
	return err;
}

int bvf_vfu_create(struct bvf_loop *loop, const struct bvf_vfu_config *cfg,
		   struct bvf_vfu **out)
{
	struct bvf_vfu *vfu = calloc(1, sizeof(*vfu));
	int err = -ENOMEM;

	if (!vfu)
		return err;
	vfu->cfg = *cfg;
	vfu->loop = loop;
	vfu->sock.fd = -1;
	vfu->listen.fn = listen_event;
	vfu->body = malloc(BVF_VFU_MAX_BODY);
	if (!vfu->body)
		goto err_free_vfu;
	err = listen_open(vfu);
	if (err)
		goto err_free_body;
	*out = vfu;
	return 0;

err_free_body:
	free(vfu->body);
err_free_vfu:
	free(vfu);
	return err;
}

void bvf_vfu_destroy(struct bvf_vfu *vfu)
{
	listen_watch(vfu, false);
	close(vfu->listen.fd);
	unlink(vfu->cfg.path);
	if (vfu->watching)
		bvf_loop_del(vfu->loop, &vfu->sock);
	if (vfu->sock.fd >= 0)
		close(vfu->sock.fd);
	fds_close(vfu);
	bvf_vfu_dma_clear(vfu);
	free(vfu->out);
	free(vfu->body);
	free(vfu);
}

bool bvf_vfu_connected(const struct bvf_vfu *vfu)
{
	return vfu->state == BVF_VFU_READY || vfu->state == BVF_VFU_WAIT;
}
