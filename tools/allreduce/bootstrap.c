// SPDX-License-Identifier: GPL-2.0
/*
 * How the ranks meet at rank 0 and exchange small records afterwards.
 * It must not know transports, nor what the records mean.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "boot_int.h"

#define BVF_BOOT_HELLO_MS	2000	/* a stray connection costs this much */
#define BVF_BOOT_RETRY_US	100000
#define BVF_BOOT_LATE_MS	4000	/* others wait longer: root names who is late */

static const char *const bvf_plan_names[] = {
	"--transport", "-b", "-e", "-f", "-i", "-n", "-w", "--row-time",
	"-d", "-o", "-c", "--piece", "--slots", "--direct",
};
_Static_assert(BVF_ARRAY_SIZE(bvf_plan_names) == BVF_BOOT_NR_PLAN, "plan");

static void bvf_boot_plan(const struct bvf_ar_opts *o, __le64 *plan)
{
	uint64_t v[BVF_BOOT_NR_PLAN] = {
		o->transport, o->min_bytes, o->max_bytes, o->factor,
		o->step_bytes, o->iters, o->warmup, o->row_ms, o->types,
		o->redops, o->check, o->piece, o->slots, o->direct_max,
	};

	for (int i = 0; i < BVF_BOOT_NR_PLAN; i++)
		plan[i] = htole64(v[i]);
}

int bvf_boot_pump(struct bvf_boot *b, uint64_t deadline_ns)
{
	struct pollfd pfds[BVF_AR_MAX_RANKS];
	uint64_t now = bvf_now_ns();
	int n, nr = bvf_boot_pollfds(b, pfds);

	if (now >= deadline_ns)
		return -ETIMEDOUT;
	n = poll(pfds, (nfds_t)nr, (int)((deadline_ns - now) / 1000000) + 1);
	if (n < 0)
		return -errno;
	if (!n)
		return -ETIMEDOUT;
	for (int i = bvf_boot_first(b); i < bvf_boot_end(b); i++)
		bvf_conn_fill(&b->conn[i]);
	return 0;
}

/* Why this hello cannot be let in, or NULL. */
static const char *bvf_boot_judge(struct bvf_boot *b, const struct bvf_boot_hello *h,
				  char *text, size_t len)
{
	__le64 plan[BVF_BOOT_NR_PLAN];
	uint32_t rank = le32toh(h->rank);

	if (le32toh(h->version) != BVF_BOOT_VERSION || h->rsvd)
		return "another version of bvf-allreduce";
	if (le32toh(h->nranks) != (uint32_t)b->nranks) {
		snprintf(text, len, "--nranks is %u here and %d at rank 0",
			 le32toh(h->nranks), b->nranks);
		return text;
	}
	if (!rank || rank >= (uint32_t)b->nranks || b->conn[rank].buf) {
		snprintf(text, len, "there already is a rank %u", rank);
		return text;
	}
	bvf_boot_plan(b->o, plan);
	for (int i = 0; i < BVF_BOOT_NR_PLAN; i++) {
		if (plan[i] == h->plan[i])
			continue;
		snprintf(text, len, "%s differs from rank 0", bvf_plan_names[i]);
		return text;
	}
	return NULL;
}

/* Who connects may be anybody: only a right hello makes it a rank. */
static int bvf_boot_admit(struct bvf_boot *b, int fd)
{
	uint64_t deadline = bvf_boot_deadline(BVF_BOOT_HELLO_MS);
	struct bvf_boot_welcome welcome = { .token = htole64(b->token) };
	struct bvf_boot_conn c = { .fd = fd };
	struct {
		struct bvf_boot_hdr hdr;
		struct bvf_boot_hello h;
	} __attribute__((packed)) msg;
	struct bvf_boot_hello h;
	char text[BVF_AR_TEXT_LEN];
	const char *why;
	int err;

	if (bvf_net_recv_all(fd, &msg, sizeof(msg), deadline) ||
	    le32toh(msg.hdr.magic) != BVF_BOOT_MAGIC ||
	    le16toh(msg.hdr.type) != BVF_MSG_HELLO ||
	    le32toh(msg.hdr.len) != sizeof(msg.h)) {
		close(fd);
		return -EPROTO;
	}
	memcpy(&h, &msg.h, sizeof(h));
	why = bvf_boot_judge(b, &h, text, sizeof(text));
	if (why) {
		fprintf(stderr, "bvf-allreduce: rank 0: turned away a rank %u: %s\n",
			le32toh(h.rank), why);
		bvf_conn_send(&c, BVF_MSG_REJECT, why, strlen(why), deadline);
		close(fd);
		return -EPROTO;
	}
	err = bvf_conn_init(&c, fd, sizeof(struct bvf_boot_failmsg));
	if (!err)
		err = bvf_conn_send(&c, BVF_MSG_WELCOME, &welcome, sizeof(welcome),
				    deadline);
	if (err) {
		bvf_conn_fini(&c);
		return err;
	}
	b->conn[le32toh(h.rank)] = c;
	return 0;
}

static int bvf_boot_resolve(struct bvf_boot *b, struct addrinfo **list)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	int gai;

	gai = getaddrinfo(b->o->root_host, b->o->root_port, &hints, list);
	if (!gai)
		return 0;
	fprintf(stderr, "bvf-allreduce: rank %d: --root %s: %s\n", b->rank,
		b->o->root_host, gai_strerror(gai));
	return -EADDRNOTAVAIL;
}

static int bvf_boot_listen(struct bvf_boot *b)
{
	struct sockaddr_storage ss = { 0 };
	struct addrinfo *list;
	int fd = -EADDRNOTAVAIL;

	if (bvf_boot_resolve(b, &list))
		return -EADDRNOTAVAIL;
	for (const struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
		memcpy(&ss, ai->ai_addr, ai->ai_addrlen);
		fd = bvf_net_listen(&ss, b->nranks);
	}
	freeaddrinfo(list);
	if (fd < 0)
		fprintf(stderr, "bvf-allreduce: rank 0: cannot listen on %s port %s: %s%s\n",
			b->o->root_host, b->o->root_port, strerror(-fd),
			fd == -EADDRNOTAVAIL ?
			" (rank 0 must run where that address is)" : "");
	return fd;
}

/* Ranks that have not come, as "1 3 4". */
static void bvf_boot_absent(const struct bvf_boot *b, char *text, size_t len)
{
	size_t at = 0;

	text[0] = '\0';
	for (int r = 1; r < b->nranks && at < len; r++) {
		if (!b->conn[r].buf)
			at += (size_t)snprintf(text + at, len - at, " %d", r);
	}
}

static int bvf_boot_meet_root(struct bvf_boot *b)
{
	uint64_t deadline = bvf_boot_deadline(b->o->timeout_s * 1000);
	char absent[BVF_AR_TEXT_LEN];
	int lfd, nr = 1, err = 0;

	if (getrandom(&b->token, sizeof(b->token), 0) != sizeof(b->token))
		return -EIO;
	lfd = bvf_boot_listen(b);
	if (lfd < 0)
		return lfd;
	while (nr < b->nranks && !err) {
		socklen_t len = sizeof(b->local);
		int fd;

		err = bvf_net_wait(lfd, POLLIN, deadline);
		if (err)
			break;
		fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 || bvf_net_tune(fd) || bvf_boot_admit(b, fd))
			continue;
		nr++;
		getsockname(fd, (void *)&b->local, &len);
	}
	close(lfd);
	if (!err)
		return 0;
	if (err == -EINTR)
		return bvf_boot_fail(b, BVF_FAIL_LOCAL, 0, "interrupted");
	bvf_boot_absent(b, absent, sizeof(absent));
	return bvf_boot_fail(b, BVF_FAIL_LOCAL, 0,
			     "waited %u s for these ranks to come:%s",
			     b->o->timeout_s, absent);
}

static int bvf_boot_dial(struct bvf_boot *b, uint64_t deadline)
{
	struct sockaddr_storage ss = { 0 };
	struct addrinfo *list;
	int fd = -ETIMEDOUT;

	if (bvf_boot_resolve(b, &list))
		return -EADDRNOTAVAIL;
	while (fd < 0 && !bvf_interrupted && bvf_now_ns() < deadline) {
		for (const struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
			memcpy(&ss, ai->ai_addr, ai->ai_addrlen);
			fd = bvf_net_connect(&ss, 2000);
		}
		if (fd < 0)
			usleep(BVF_BOOT_RETRY_US);
	}
	freeaddrinfo(list);
	if (fd < 0)
		fprintf(stderr, "bvf-allreduce: rank %d: cannot reach rank 0 at %s port %s within %u s: %s\n",
			b->rank, b->o->root_host, b->o->root_port, b->o->timeout_s,
			bvf_interrupted ? "interrupted" : strerror(-fd));
	return fd;
}

static int bvf_boot_greet(struct bvf_boot *b, uint64_t deadline)
{
	struct bvf_boot_hello h = {
		.version = htole32(BVF_BOOT_VERSION),
		.rank = htole32((uint32_t)b->rank),
		.nranks = htole32((uint32_t)b->nranks),
	};
	struct bvf_boot_conn *c = &b->conn[0];
	struct bvf_boot_welcome welcome;
	const void *payload;
	unsigned int type;
	size_t len;
	int n, err;

	bvf_boot_plan(b->o, h.plan);
	err = bvf_conn_send(c, BVF_MSG_HELLO, &h, sizeof(h), deadline);
	while (!err && !(n = bvf_conn_peek(c, &type, &payload, &len)) && !c->eof)
		err = bvf_boot_pump(b, deadline);
	if (err || n <= 0) {
		fprintf(stderr, "bvf-allreduce: rank %d: what listens at --root does not answer as rank 0 does%s%s\n",
			b->rank, err ? ": " : "", err ? strerror(-err) : "");
		return err ? err : -EPROTO;
	}
	if (type != BVF_MSG_WELCOME || len != sizeof(welcome)) {
		char why[BVF_AR_TEXT_LEN];

		bvf_text_copy(why, sizeof(why), payload,
			      type == BVF_MSG_WELCOME ? 0 : len);
		fprintf(stderr, "bvf-allreduce: rank %d: turned away by rank 0: %s\n",
			b->rank, why);
		return -EPROTO;
	}
	memcpy(&welcome, payload, sizeof(welcome));
	b->token = le64toh(welcome.token);
	bvf_conn_pop(c);
	return 0;
}

static int bvf_boot_meet_other(struct bvf_boot *b)
{
	uint64_t deadline = bvf_boot_deadline(b->o->timeout_s * 1000);
	socklen_t len = sizeof(b->local);
	int err, fd;

	fd = bvf_boot_dial(b, deadline);
	if (fd < 0)
		return fd;
	getsockname(fd, (void *)&b->local, &len);
	err = bvf_conn_init(&b->conn[0], fd,
			    (size_t)b->nranks * BVF_BOOT_MAX_GATHER +
			    sizeof(struct bvf_boot_failmsg));
	if (err) {
		close(fd);
		return err;
	}
	return bvf_boot_greet(b, deadline + BVF_BOOT_LATE_MS * 1000000ULL);
}

/* --bind or --iface in place of the address the ranks met on. */
static int bvf_boot_choose_local(struct bvf_boot *b)
{
	int err;

	if (b->o->bind_addr) {
		err = bvf_net_parse(b->o->bind_addr, &b->local);
		if (err)
			return bvf_boot_fail(b, BVF_FAIL_LOCAL, b->rank,
					     "--bind %s: not an address", b->o->bind_addr);
	} else if (b->o->iface) {
		err = bvf_net_iface_addr(b->o->iface, b->local.ss_family, &b->local);
		if (err)
			return bvf_boot_fail(b, BVF_FAIL_LOCAL, b->rank,
					     "--iface %s: no such interface, or it has no address",
					     b->o->iface);
	}
	bvf_net_set_port(&b->local, 0);
	return 0;
}

int bvf_boot_open(struct bvf_boot **bootp, const struct bvf_ar_opts *o)
{
	struct bvf_boot *b;
	int err = 0;

	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->o = o;
	b->rank = o->rank;
	b->nranks = o->nranks;
	b->conn = calloc((size_t)o->nranks, sizeof(*b->conn));
	if (!b->conn) {
		free(b);
		return -ENOMEM;
	}
	for (int i = 0; i < b->nranks; i++)
		b->conn[i].fd = -1;
	if (b->nranks > 1)
		err = b->rank ? bvf_boot_meet_other(b) : bvf_boot_meet_root(b);
	if (!err && b->nranks > 1)
		err = bvf_boot_choose_local(b);
	if (err) {
		bvf_boot_close(b);
		return err;
	}
	*bootp = b;
	return 0;
}

void bvf_boot_close(struct bvf_boot *b)
{
	for (int i = 0; i < b->nranks; i++) {
		if (b->conn[i].buf)
			bvf_conn_fini(&b->conn[i]);
	}
	free(b->conn);
	free(b);
}

const struct sockaddr_storage *bvf_boot_local_addr(const struct bvf_boot *b)
{
	return &b->local;
}

uint64_t bvf_boot_token(const struct bvf_boot *b)
{
	return b->token;
}

/* Root: takes the share of each rank that has sent it. Returns how many. */
static int bvf_gather_collect(struct bvf_boot *b, uint8_t *all, size_t len, bool *got)
{
	int nr = 0;

	for (int r = 1; r < b->nranks; r++) {
		struct bvf_boot_conn *c = &b->conn[r];
		const void *payload;
		unsigned int type;
		size_t plen;

		if (got[r])
			continue;
		if (bvf_conn_peek(c, &type, &payload, &plen) != 1 ||
		    type != BVF_MSG_GATHER || plen != len)
			continue;
		if (len)
			memcpy(all + (size_t)r * len, payload, len);
		bvf_conn_pop(c);
		got[r] = true;
		nr++;
	}
	return nr;
}

static int bvf_gather_late(struct bvf_boot *b, int err, const bool *got)
{
	int r = 1;

	if (err == -EINTR)
		return bvf_boot_fail(b, BVF_FAIL_LOCAL, b->rank, "interrupted");
	while (r < b->nranks - 1 && got[r])
		r++;
	return bvf_boot_fail(b, BVF_FAIL_LOCAL, r, "did not get this far within %u s",
			     b->o->timeout_s);
}

static int bvf_gather_root(struct bvf_boot *b, uint8_t *all, size_t len)
{
	uint64_t deadline = bvf_boot_deadline(b->o->timeout_s * 1000);
	bool got[BVF_AR_MAX_RANKS] = { true };
	int nr = 1, err;

	for (;;) {
		nr += bvf_gather_collect(b, all, len, got);
		if (nr == b->nranks)
			break;
		for (int r = 1; r < b->nranks; r++) {
			err = bvf_boot_trouble(b, r, !got[r]);
			if (err)
				return err;
		}
		err = bvf_interrupted ? -EINTR : bvf_boot_pump(b, deadline);
		if (err == -ETIMEDOUT || bvf_interrupted)
			return bvf_gather_late(b, err, got);
	}
	deadline = bvf_boot_deadline(b->o->timeout_s * 1000);
	for (int r = 1; r < b->nranks; r++) {
		err = bvf_conn_send(&b->conn[r], BVF_MSG_ALL, all,
				    len * (size_t)b->nranks, deadline);
		if (err)
			return bvf_boot_fail(b, BVF_FAIL_LOST, r,
					     "control connection: %s", strerror(-err));
	}
	return 0;
}

static int bvf_gather_other(struct bvf_boot *b, const void *mine, uint8_t *all,
			    size_t len)
{
	uint64_t deadline = bvf_boot_deadline(b->o->timeout_s * 1000 + BVF_BOOT_LATE_MS);
	struct bvf_boot_conn *c = &b->conn[0];
	const void *payload;
	unsigned int type;
	size_t plen;
	int err;

	err = bvf_conn_send(c, BVF_MSG_GATHER, mine, len, deadline);
	for (;;) {
		bvf_conn_fill(c);
		if (bvf_conn_peek(c, &type, &payload, &plen) == 1 &&
		    type == BVF_MSG_ALL && plen == len * (size_t)b->nranks)
			break;
		err = bvf_boot_trouble(b, 0, false);
		if (err)
			return err;
		err = bvf_interrupted ? -EINTR : bvf_boot_pump(b, deadline);
		if (bvf_interrupted)
			return bvf_boot_fail(b, BVF_FAIL_LOCAL, b->rank, "interrupted");
		if (err == -ETIMEDOUT)
			return bvf_boot_fail(b, BVF_FAIL_LOST, 0, "no answer for %u s",
					     b->o->timeout_s);
	}
	if (plen)
		memcpy(all, payload, plen);
	bvf_conn_pop(c);
	return 0;
}

int bvf_boot_gather(struct bvf_boot *b, const void *mine, void *all, size_t len)
{
	uint8_t none;

	if (b->failed)
		return -ECONNABORTED;
	if (len)
		memcpy((uint8_t *)all + (size_t)b->rank * len, mine, len);
	if (b->nranks == 1)
		return 0;
	if (!all)
		all = &none;
	return b->rank ? bvf_gather_other(b, mine, all, len) :
			 bvf_gather_root(b, all, len);
}

int bvf_boot_pollfds(struct bvf_boot *b, struct pollfd *pfds)
{
	int nr = 0;

	for (int i = bvf_boot_first(b); i < bvf_boot_end(b); i++) {
		struct bvf_boot_conn *c = &b->conn[i];

		if (c->fd < 0 || c->eof)
			continue;
		pfds[nr++] = (struct pollfd) { .fd = c->fd, .events = POLLIN };
	}
	return nr;
}

int bvf_boot_check(struct bvf_boot *b)
{
	if (b->failed)
		return -ECONNABORTED;
	if (bvf_interrupted)
		return bvf_boot_fail(b, BVF_FAIL_LOCAL, b->rank, "interrupted");
	for (int i = bvf_boot_first(b); i < bvf_boot_end(b); i++) {
		int err;

		bvf_conn_fill(&b->conn[i]);
		err = bvf_boot_trouble(b, i, true);
		if (err)
			return err;
	}
	return 0;
}
