// SPDX-License-Identifier: GPL-2.0
/*
 * Data check between two VMs: random operations, sizes, offsets and SGEs,
 * every byte compared at the end where it landed.
 *
 *   rc_pair [-p PORT]                    one VM: memory and a helping hand
 *   rc_pair [-p PORT] [-n N] [-s SEED] HOST   the other: draws and checks
 *
 * The two talk over TCP: queue numbers first, then one struct req each.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vt.h"

enum what { REQ_FILL, REQ_CHECK, REQ_RECV, REQ_RECV_CHECK, REQ_END };

struct req {
	uint32_t what, off, len, seed;
};

struct hello {
	uint8_t gid[16];
	uint64_t addr;
	uint32_t qpn, rkey;
};

static struct vt_dev dev, peer_dev;
static struct vt_end end, peer;
static struct ibv_qp peer_qp;
static struct ibv_mr peer_mr;

static void die(const char *what)
{
	fprintf(stderr, "rc_pair: %s: %s\n", what, errno ? strerror(errno) : "failed");
	exit(1);
}

static void io(int fd, void *buf, size_t len, bool out)
{
	for (size_t n = 0; n < len;) {
		ssize_t r = out ? send(fd, (char *)buf + n, len - n, MSG_NOSIGNAL)
				: recv(fd, (char *)buf + n, len - n, 0);

		if (r <= 0)
			die("the peer went away");
		n += r;
	}
}

static int meet(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = host ? 0 : AI_PASSIVE,
				  .ai_family = host ? AF_UNSPEC : AF_INET6 }, *ai;
	int fd, one = 1, tries;

	if (getaddrinfo(host, port, &hints, &ai))
		die(host ? host : port);
	for (tries = 0; host && tries < 50; tries++) {
		fd = socket(ai->ai_family, SOCK_STREAM, 0);
		if (!connect(fd, ai->ai_addr, ai->ai_addrlen))
			return fd;
		close(fd);
		usleep(200000);
	}
	if (host)
		die("connect");
	fd = socket(ai->ai_family, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, 1))
		die("listen");
	alarm(60);
	fd = accept(fd, NULL, NULL);
	alarm(0);
	if (fd < 0)
		die("accept");
	return fd;
}

static void exchange(int fd)
{
	static const struct vt_opts none;
	struct hello me = { .addr = (uintptr_t)end.buf, .qpn = end.qp->qp_num, .rkey = end.mr->rkey };
	struct hello you;
	char go = 0;

	memcpy(me.gid, dev.gid.raw, 16);
	io(fd, &me, sizeof(me), true);
	io(fd, &you, sizeof(you), false);
	memcpy(peer_dev.gid.raw, you.gid, 16);
	peer_qp.qp_num = you.qpn;
	peer_mr.rkey = you.rkey;
	peer = (struct vt_end) { .dev = &peer_dev, .qp = &peer_qp, .mr = &peer_mr,
				 .buf = (uint8_t *)(uintptr_t)you.addr };
	if (vt_connect(&end, &peer, &none, 0))
		die("connecting the QP");
	io(fd, &go, 1, true);
	io(fd, &go, 1, false);
}

static int serve(int fd)
{
	struct ibv_wc wc;
	struct req r;

	for (;;) {
		int32_t res = -1;

		io(fd, &r, sizeof(r), false);
		if (r.what == REQ_END)
			return 0;
		if (r.off > VT_BUF_LEN || r.len > VT_BUF_LEN - r.off)
			die("bad request");
		if (r.what == REQ_FILL)
			vt_fill(end.buf + r.off, r.len, r.seed);
		else if (r.what == REQ_RECV)
			res = vt_recv(&end, r.seed, r.off, r.len) ? 0 : -1;
		else if (r.what == REQ_RECV_CHECK && (vt_wait(end.rcq, &wc) || wc.status ||
						      wc.byte_len != r.len))
			res = 0;
		else
			res = vt_check(end.buf + r.off, r.len, r.seed);
		io(fd, &res, sizeof(res), true);
	}
}

static int32_t ask(int fd, enum what what, uint32_t off, uint32_t len, uint32_t seed)
{
	struct req r = { what, off, len, seed };
	int32_t res;

	io(fd, &r, sizeof(r), true);
	io(fd, &res, sizeof(res), false);
	return res;
}

/* Cuts [off, off + len) of the own buffer into up to 16 SGEs, adjacent in order. */
static int post_cut(enum ibv_wr_opcode op, uint32_t off, uint32_t len, uint32_t roff)
{
	struct ibv_sge sge[VT_MAX_SGE];
	struct ibv_send_wr wr = { .sg_list = sge, .opcode = op, .send_flags = IBV_SEND_SIGNALED,
		.wr.rdma = { (uintptr_t)peer.buf + roff, peer.mr->rkey } }, *bad;
	uint32_t pos = 0;
	int i, nr = 1 + rand() % VT_MAX_SGE;

	for (i = 0; i < nr; i++) {
		uint32_t n = i == nr - 1 ? len - pos : rand() % (len - pos + 1);

		sge[i] = (struct ibv_sge) { (uintptr_t)end.buf + off + pos, n, end.mr->lkey };
		pos += n;
	}
	wr.num_sge = nr;
	return ibv_post_send(end.qp, &wr, &bad);
}

static void one(int fd, int round, uint32_t max)
{
	static const char *const names[] = { "WRITE", "READ", "SEND" };
	int op = rand() % 3;
	uint32_t len = rand() % 4 ? rand() % max : rand() % 200;
	uint32_t off = rand() % (VT_BUF_LEN - len), roff = rand() % (VT_BUF_LEN - len);
	long bad;

	if (op == 1)
		ask(fd, REQ_FILL, roff, len, round);
	else
		vt_fill(end.buf + off, len, round);
	if (op == 2 && ask(fd, REQ_RECV, roff, len, round) != -1)
		die("post_recv at the peer");
	if (post_cut(op == 0 ? IBV_WR_RDMA_WRITE : op == 1 ? IBV_WR_RDMA_READ : IBV_WR_SEND,
		     off, len, roff))
		die("post_send");
	if (vt_status(end.scq) != IBV_WC_SUCCESS)
		die("completion");
	bad = op == 1 ? vt_check(end.buf + off, len, round)
		      : ask(fd, op == 2 ? REQ_RECV_CHECK : REQ_CHECK, roff, len, round);
	if (bad == -1)
		return;
	errno = 0;
	fprintf(stderr, "round %d: %s of %u bytes, %u -> %u: wrong at byte %ld\n", round, names[op],
		len, off, roff, bad);
	exit(1);
}

int main(int argc, char **argv)
{
	static const struct vt_opts none;
	const char *port = "18600";
	int fd, opt, nr = 200, seed = getpid();
	struct req bye = { .what = REQ_END };

	while ((opt = getopt(argc, argv, "p:n:s:")) != -1) {
		if (opt == 'p')
			port = optarg;
		else if (opt == 'n')
			nr = atoi(optarg);
		else if (opt == 's')
			seed = atoi(optarg);
		else
			return 2;
	}
	if (vt_open(&dev) || vt_end_init(&dev, &end, &none))
		die("no usable RDMA device");
	fd = meet(argv[optind], port);
	exchange(fd);
	if (!argv[optind])
		return serve(fd);
	printf("seed %d (-s)\n", seed);
	srand(seed);
	for (int i = 0; i < nr; i++)
		one(fd, i, 1 << 20);
	io(fd, &bye, sizeof(bye), true);
	printf("%d operations, every byte right\n", nr);
	return 0;
}
