// SPDX-License-Identifier: GPL-2.0
/*
 * bvfctl: one request and its reply over the card's control socket.
 * Knows no request; says what to do about a socket that does not answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "bvfctl.h"

#define BVF_TIMEOUT_S	10
#define BVF_REPLY_MAX	(1ul << 30)

static void bvf_fail(const char *path, const char *what, const char *remedy)
{
	fprintf(stderr, "bvfctl: %s: %s\n", path, what);
	if (remedy)
		fprintf(stderr, "bvfctl: remedy: %s\n", remedy);
}

static void bvf_fail_connect(const char *path, int err)
{
	switch (err) {
	case ENOENT:
		bvf_fail(path, "no such control socket",
			 "start bvf-card, or name its socket with -s DIR/ctl.sock");
		break;
	case ECONNREFUSED:
		bvf_fail(path, "the card behind this socket is not running",
			 "start bvf-card again on the same directory");
		break;
	case EACCES:
	case EPERM:
		bvf_fail(path, "permission denied",
			 "run bvfctl as root or as the user of bvf-card");
		break;
	default:
		bvf_fail(path, strerror(err), NULL);
	}
}

static int bvf_connect(const char *path)
{
	struct timeval timeout = { .tv_sec = BVF_TIMEOUT_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		bvf_fail(path, "path too long for a socket",
			 "use a shorter path, or one relative to the current folder");
		return -1;
	}
	strcpy(addr.sun_path, path);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		bvf_fail(path, strerror(errno), NULL);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		bvf_fail_connect(path, errno);
		close(fd);
		return -1;
	}
	return fd;
}

static int bvf_send_all(int fd, const char *req)
{
	size_t len = strlen(req);

	while (len) {
		ssize_t n = send(fd, req, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		req += n;
		len -= n;
	}
	return 0;
}

/* Reads up to the end of the stream. Returns NULL with errno set. */
static char *bvf_recv_all(int fd, size_t *len)
{
	size_t room = 4096, used = 0;
	char *buf = malloc(room);

	while (buf) {
		ssize_t n = recv(fd, buf + used, room - used - 1, 0);
		char *more;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		if (n == 0) {
			buf[used] = 0;
			*len = used;
			return buf;
		}
		used += n;
		if (room - used > 1)
			continue;
		if (room >= BVF_REPLY_MAX) {
			errno = EMSGSIZE;
			break;
		}
		more = realloc(buf, room * 2);
		if (!more)
			break;
		buf = more;
		room *= 2;
	}
	free(buf);
	return NULL;
}

int bvf_ask(const char *path, const char *req, char **reply, size_t *len)
{
	int fd = bvf_connect(path);

	if (fd < 0)
		return -1;

	*reply = NULL;
	if (!bvf_send_all(fd, req))
		*reply = bvf_recv_all(fd, len);
	if (!*reply && errno == EAGAIN)
		bvf_fail(path, "the card does not answer",
			 "see whether bvf-card is stopped or busy, and its log");
	else if (!*reply)
		bvf_fail(path, strerror(errno), NULL);
	close(fd);
	return *reply ? 0 : -1;
}
