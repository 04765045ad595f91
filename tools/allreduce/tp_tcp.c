// SPDX-License-Identifier: GPL-2.0
/*
 * Pieces over TCP sockets: one connection to the next rank, one from the
 * previous. It must not know chunks, steps or element types.
 *
 * Both ends know which piece is next, so the stream is payload and nothing else.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "tp.h"

#define BVF_TCP_MAGIC		0x50435442u	/* "BTCP" */
#define BVF_TCP_SLICE_MS	200
#define BVF_TCP_HELLO_MS	2000

struct bvf_tcp_hello {
	__le32 magic;
	__le32 rank;
	__le64 token;
};
_Static_assert(sizeof(struct bvf_tcp_hello) == 16, "wire");

struct bvf_tcp {
	struct bvf_tp tp;
	int tx_fd;
	int rx_fd;
	const char *tx;		/* what is left of the piece being sent */
	size_t tx_left;
	char *stage;		/* a piece that is to be reduced */
	size_t got;		/* of the piece being received */
	char text[128];
};

static struct bvf_tcp *bvf_to_tcp(struct bvf_tp *tp)
{
	return (struct bvf_tcp *)tp;
}

static int bvf_tcp_lost(struct bvf_tcp *t, int rank, int err)
{
	return bvf_boot_fail(t->tp.boot, BVF_FAIL_LOST, rank,
			     "data connection %s%s", err ? "broke: " : "was closed",
			     err ? strerror(err) : "");
}

/* Hands the socket what it takes. */
static int bvf_tcp_push(struct bvf_tcp *t)
{
	while (t->tx_left) {
		ssize_t n = send(t->tx_fd, t->tx, t->tx_left, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0)
			return bvf_tcp_lost(t, t->tp.next, errno);
		t->tx += n;
		t->tx_left -= (size_t)n;
	}
	return 1;
}

static int bvf_tcp_send(struct bvf_tp *tp, const struct bvf_piece *p, const void *src)
{
	struct bvf_tcp *t = bvf_to_tcp(tp);
	int rc;

	rc = bvf_tcp_push(t);
	if (rc <= 0)
		return rc;
	t->tx = src;
	t->tx_left = p->len;
	rc = bvf_tcp_push(t);
	return rc < 0 ? rc : 1;
}

static int bvf_tcp_recv(struct bvf_tp *tp, const struct bvf_piece *p, const void **data)
{
	struct bvf_tcp *t = bvf_to_tcp(tp);
	char *to = p->place ? (char *)tp->bufs.out + p->off : t->stage;

	if (t->tx_left && bvf_tcp_push(t) < 0)
		return -ECONNABORTED;
	while (t->got < p->len) {
		ssize_t n = recv(t->rx_fd, to + t->got, p->len - t->got, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return bvf_tcp_lost(t, tp->prev, n ? errno : 0);
		t->got += (size_t)n;
	}
	*data = to;
	return 1;
}

static int bvf_tcp_release(struct bvf_tp *tp)
{
	bvf_to_tcp(tp)->got = 0;
	return 0;
}

static int bvf_tcp_flush(struct bvf_tp *tp)
{
	return bvf_tcp_push(bvf_to_tcp(tp));
}

static int bvf_tcp_arm(struct bvf_tp *tp, struct pollfd *pfds, bool want_recv)
{
	struct bvf_tcp *t = bvf_to_tcp(tp);
	int nr = 0;

	if (want_recv)
		pfds[nr++] = (struct pollfd) { .fd = t->rx_fd, .events = POLLIN };
	if (t->tx_left)
		pfds[nr++] = (struct pollfd) { .fd = t->tx_fd, .events = POLLOUT };
	return nr;
}

static void bvf_tcp_close(struct bvf_tp *tp)
{
	struct bvf_tcp *t = bvf_to_tcp(tp);

	if (t->tx_fd >= 0)
		close(t->tx_fd);
	if (t->rx_fd >= 0)
		close(t->rx_fd);
	bvf_mem_free(t->stage, tp->o->piece, BVF_MEM_SLOTS);
	free(t);
}

static const char *bvf_tcp_describe(const struct bvf_tp *tp)
{
	return ((const struct bvf_tcp *)tp)->text;
}

static const struct bvf_tp_ops bvf_tcp_ops = {
	.name = "tcp",
	.send = bvf_tcp_send,
	.recv = bvf_tcp_recv,
	.release = bvf_tcp_release,
	.flush = bvf_tcp_flush,
	.arm = bvf_tcp_arm,
	.close = bvf_tcp_close,
	.describe = bvf_tcp_describe,
};

static int bvf_tcp_dial(struct bvf_tcp *t, const struct bvf_net_addr *to)
{
	struct bvf_tcp_hello hello = {
		.magic = htole32(BVF_TCP_MAGIC),
		.rank = htole32((uint32_t)t->tp.o->rank),
		.token = htole64(bvf_boot_token(t->tp.boot)),
	};
	struct sockaddr_storage ss;
	char addr[64];
	int fd, err;

	bvf_net_to_sockaddr(to, bvf_boot_local_addr(t->tp.boot), &ss);
	fd = bvf_net_connect(&ss, (int)t->tp.o->timeout_s * 1000);
	if (fd >= 0) {
		t->tx_fd = fd;
		err = bvf_net_send_all(fd, &hello, sizeof(hello),
				       bvf_now_ns() + BVF_TCP_HELLO_MS * 1000000ULL);
	} else {
		err = fd;
	}
	if (!err)
		return 0;
	return bvf_boot_fail(t->tp.boot, BVF_FAIL_LOST, t->tp.next,
			     "cannot connect to its data address %s: %s",
			     bvf_net_text(&ss, addr, sizeof(addr)), strerror(-err));
}

/* Whether who connected is the previous rank of this run. */
static bool bvf_tcp_is_prev(struct bvf_tcp *t, int fd)
{
	uint64_t deadline = bvf_now_ns() + BVF_TCP_HELLO_MS * 1000000ULL;
	struct bvf_tcp_hello h;

	return !bvf_net_tune(fd) && !bvf_net_recv_all(fd, &h, sizeof(h), deadline) &&
	       le32toh(h.magic) == BVF_TCP_MAGIC &&
	       le32toh(h.rank) == (uint32_t)t->tp.prev &&
	       le64toh(h.token) == bvf_boot_token(t->tp.boot);
}

static int bvf_tcp_answer(struct bvf_tcp *t, int lfd)
{
	uint64_t deadline = bvf_now_ns() + t->tp.o->timeout_s * 1000000000ULL;

	while (bvf_now_ns() < deadline) {
		int fd, err;

		err = bvf_boot_check(t->tp.boot);
		if (err)
			return err;
		if (bvf_net_wait(lfd, POLLIN, bvf_now_ns() + BVF_TCP_SLICE_MS * 1000000ULL))
			continue;
		fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		if (bvf_tcp_is_prev(t, fd)) {
			t->rx_fd = fd;
			return 0;
		}
		close(fd);
	}
	return bvf_boot_fail(t->tp.boot, BVF_FAIL_STALL, t->tp.prev,
			     "its data connection did not come within %u s",
			     t->tp.o->timeout_s);
}

static int bvf_tcp_connect(struct bvf_tcp *t)
{
	struct sockaddr_storage ss = *bvf_boot_local_addr(t->tp.boot);
	struct bvf_net_addr all[BVF_AR_MAX_RANKS], mine;
	socklen_t len = sizeof(ss);
	char addr[64];
	int lfd, err;

	lfd = bvf_net_listen(&ss, 8);
	if (lfd < 0)
		return bvf_boot_fail(t->tp.boot, BVF_FAIL_LOCAL, t->tp.o->rank,
				     "cannot listen on %s: %s",
				     bvf_net_text(&ss, addr, sizeof(addr)), strerror(-lfd));
	getsockname(lfd, (void *)&ss, &len);
	bvf_net_from_sockaddr(&mine, &ss);
	err = bvf_boot_gather(t->tp.boot, &mine, all, sizeof(mine));
	if (!err)
		err = bvf_tcp_dial(t, &all[t->tp.next]);
	if (!err)
		err = bvf_tcp_answer(t, lfd);
	close(lfd);
	snprintf(t->text, sizeof(t->text), "sockets on %s",
		 bvf_net_text(&ss, addr, sizeof(addr)));
	return err;
}

int bvf_tcp_open(struct bvf_tp **tpp, const struct bvf_ar_opts *o,
		 struct bvf_boot *boot, const struct bvf_ar_bufs *bufs)
{
	struct bvf_tcp *t;
	int err;

	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->tp = (struct bvf_tp) {
		.ops = &bvf_tcp_ops, .o = o, .boot = boot, .bufs = *bufs,
		.next = (o->rank + 1) % o->nranks,
		.prev = (o->rank + o->nranks - 1) % o->nranks,
	};
	t->tx_fd = t->rx_fd = -1;
	t->stage = bvf_mem_alloc(o->piece, BVF_MEM_SLOTS);
	err = t->stage ? 0 : -ENOMEM;
	if (!err && o->nranks > 1)
		err = bvf_tcp_connect(t);
	if (err) {
		bvf_tcp_close(&t->tp);
		return err;
	}
	*tpp = &t->tp;
	return 0;
}
