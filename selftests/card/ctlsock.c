// SPDX-License-Identifier: GPL-2.0
/*
 * The card's control socket, which bvfctl speaks to: each request gets one
 * JSON text on one line, whatever else is said harms nobody.
 */
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "pair.h"
#include "tap.h"

static struct bvf_pair p;
static char reply[8 << 20];

static int ctl_connect(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/ctl.sock", p.card.dir);
	if (connect(fd, (void *)&sun, sizeof(sun)))
		TAP_FAIL("ctl.sock: %s", strerror(errno));
	return fd;
}

/* Reads until the card closes. Return: bytes; the reply is NUL-terminated */
static size_t read_all(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t have = 0;
	ssize_t n;

	do {
		if (poll(&pfd, 1, 10000) != 1)
			TAP_FAIL("the card does not answer");
		n = read(fd, reply + have, sizeof(reply) - 1 - have);
		have += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	reply[have] = '\0';
	close(fd);
	return have;
}

static size_t ask(const char *request)
{
	int fd = ctl_connect();

	TAP_EQ(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	return read_all(fd);
}

/* ---- a JSON text, checked ---- */

static const char *json_value(const char *s);

static const char *json_string(const char *s)
{
	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if ((unsigned char)*s < 0x20)
			return NULL;
		if (*s == '\\' && !*++s)
			return NULL;
	}
	return s + 1;
}

/* The inside of an object or array, after its opening bracket. */
static const char *json_members(const char *s, bool object)
{
	char end = object ? '}' : ']';

	if (*s == end)
		return s + 1;
	for (;;) {
		if (object) {
			s = json_string(s);
			if (!s || *s++ != ':')
				return NULL;
		}
		s = json_value(s);
		if (!s)
			return NULL;
		if (*s == end)
			return s + 1;
		if (*s++ != ',')
			return NULL;
	}
}

/* Return: what follows the value, NULL if it is none */
static const char *json_value(const char *s)
{
	size_t n;

	if (*s == '{' || *s == '[')
		return json_members(s + 1, *s == '{');
	if (*s == '"')
		return json_string(s);
	if (!strncmp(s, "true", 4))
		return s + 4;
	if (!strncmp(s, "false", 5))
		return s + 5;
	n = strspn(s + (*s == '-'), "0123456789");
	return n ? s + (*s == '-') + n : NULL;
}

static void want_json(const char *request)
{
	const char *end = json_value(reply);

	if (!end || strcmp(end, "\n"))
		TAP_FAIL("%s: not JSON and a newline: %.100s", request, reply);
}

static const struct row {
	const char *name;
	const char *request;
	const char *has;
} rows[] = {
	{ "version", "version\n", "\"generation\"" },
	{ "func_show", "func show\n", "\"fn1\"" },
	{ "func_show_name", "func show name fn0\n", "\"fn0\"" },
	{ "qp_show", "qp show\n", "\"RTS\"" },
	{ "qp_show_func", "qp show func fn0\n", "\"RC\"" },
	{ "stat_show", "stat show\n", "\"tx_bytes\"" },
	{ "stat_show_func", "stat show func fn1\n", "\"eth_rx_nobuf\"" },
	{ "stat_qp", "stat qp func fn0\n", "\"rnr_naks\"" },
	{ "network_show", "network show\n", "\"network\"" },
	{ "nothing", "\n", "\"error\"" },
	{ "no_such_request", "dance\n", "\"error\"" },
	{ "no_such_function", "func show name fn7\n", "\"error\"" },
	{ "no_such_qp", "qp show func fn0 qpn abc\n", "\"error\"" },
	{ "half_a_request", "func\n", "\"error\"" },
	{ "word_too_many", "version now please\n", "\"error\"" },
	{ "quotes", "func show name \"\\\"\n", "\"error\"" },
	{ "control_characters", "func show name \x01\x02\x7f\n", "\"error\"" },
	{ "high_bytes", "func show name \xff\xc3\n", "\"error\"" },
};

TAP_TABLE(request, struct row, rows, row)
{
	bvf_pair_up(&p, tap_tmpdir());
	bvf_want_traffic(&p);
	ask(row->request);
	want_json(row->name);
	if (!strstr(reply, row->has))
		TAP_FAIL("no %s in %.200s", row->has, reply);
	bvf_pair_down(&p);
}

TAP_TEST(counters_count)
{
	struct bvf_sge sge;
	struct bvf_wr wr;

	bvf_pair_up(&p, tap_tmpdir());
	sge = bvf_sge(&p.a.mr, 0, 1000);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	for (int i = 0; i < 3; i++) {
		bvf_post_send(&p.a.qp, &wr);
		bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	}
	ask("stat show func fn0\n");
	TAP_OK(strstr(reply, "\"tx_bytes\":3000,"));
	TAP_OK(strstr(reply, "\"tx_msgs\":3,"));
	ask("stat show func fn1\n");
	TAP_OK(strstr(reply, "\"rx_bytes\":3000,"));
	ask("stat qp func fn0\n");
	TAP_OK(strstr(reply, "\"tx_msgs\":3,"));
	bvf_pair_down(&p);
}

TAP_TEST(request_in_single_bytes)
{
	int fd;

	bvf_pair_up(&p, tap_tmpdir());
	fd = ctl_connect();
	for (const char *s = "version\n"; *s; s++) {
		TAP_EQ(write(fd, s, 1), 1);
		usleep(1000);
	}
	read_all(fd);
	want_json("version");
	bvf_pair_down(&p);
}

TAP_TEST(line_without_end)
{
	char junk[4096];
	int fd;

	bvf_pair_up(&p, tap_tmpdir());
	memset(junk, 'x', sizeof(junk));
	for (int i = 0; i < 50; i++) {
		fd = ctl_connect();
		for (int n = 0; n < 10; n++)
			send(fd, junk, sizeof(junk), MSG_NOSIGNAL);
		close(fd);
	}
	bvf_want_traffic(&p);
	ask("version\n");
	want_json("version");
	bvf_pair_down(&p);
}

TAP_TEST(garbage)
{
	char junk[600];

	bvf_pair_up(&p, tap_tmpdir());
	bvf_seed();
	for (int i = 0; i < 300; i++) {
		int fd = ctl_connect();

		for (unsigned int n = 0; n < sizeof(junk); n++)
			junk[n] = (char)(bvf_rand(8) ? "abcdefgh \n"[bvf_rand(10)] :
						       (char)bvf_rand(256));
		send(fd, junk, bvf_rand(sizeof(junk)), MSG_NOSIGNAL);
		close(fd);
	}
	ask("version\n");
	want_json("version");
	bvf_pair_down(&p);
}

/* Clients that say nothing hold up no VM, and leave room when they go. */
TAP_TEST(silent_clients)
{
	int fd[60];

	bvf_pair_up(&p, tap_tmpdir());
	for (int i = 0; i < 60; i++)
		fd[i] = ctl_connect();
	bvf_want_traffic(&p);
	BVF_MUST(bvf_cmd(&p.a.drv, BVF_OP_DESCRIBE, NULL, 0, NULL, 0));
	for (int i = 0; i < 60; i++)
		close(fd[i]);
	ask("version\n");
	want_json("version");
	bvf_pair_down(&p);
}

/* An answer of a megabyte, to one who is in no hurry. */
TAP_TEST(slow_reader)
{
	struct bvf_qp qp;
	size_t len;
	int fd;

	bvf_pair_up(&p, tap_tmpdir());
	p.a.init.sq_shift = p.a.init.rq_shift = 0;
	for (int i = 0; i < 4000; i++)
		BVF_MUST(bvf_create_qp(&p.a.init, &qp));
	fd = ctl_connect();
	TAP_EQ(write(fd, "qp show\n", 8), 8);
	for (int i = 0; i < 20; i++) {
		bvf_want_traffic(&p);
		usleep(2000);
	}
	len = read_all(fd);
	TAP_GE(len, 400000u);
	want_json("qp show");
	/* and one who leaves in the middle of it */
	fd = ctl_connect();
	TAP_EQ(write(fd, "qp show\n", 8), 8);
	TAP_GE(read(fd, reply, 1000), 1);
	close(fd);
	bvf_want_traffic(&p);
	bvf_pair_down(&p);
}

TAP_TEST(socket_mode)
{
	char path[128];
	struct stat st;

	bvf_pair_up(&p, tap_tmpdir());
	snprintf(path, sizeof(path), "%s/ctl.sock", p.card.dir);
	TAP_EQ(stat(path, &st), 0);
	TAP_EQ(st.st_mode & 0777, 0600u);
	bvf_pair_down(&p);
	TAP_OK(access(path, F_OK) < 0);
}

TAP_MAIN()
