// SPDX-License-Identifier: GPL-2.0
/*
 * Socket helpers: addresses, listening, connecting, whole-buffer transfers.
 * It must not know ranks or messages.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "allreduce.h"
#include "net.h"

int bvf_net_from_sockaddr(struct bvf_net_addr *a, const struct sockaddr_storage *ss)
{
	memset(a, 0, sizeof(*a));
	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)ss;

		a->family = 4;
		memcpy(a->port, &in->sin_port, 2);
		memcpy(a->ip, &in->sin_addr, 4);
		return 0;
	}
	if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)ss;

		a->family = 6;
		memcpy(a->port, &in6->sin6_port, 2);
		memcpy(a->ip, &in6->sin6_addr, 16);
		return 0;
	}
	return -EAFNOSUPPORT;
}

socklen_t bvf_net_to_sockaddr(const struct bvf_net_addr *a,
			      const struct sockaddr_storage *scope_from,
			      struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *in6 = (void *)ss;
	struct sockaddr_in *in = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (a->family == 4) {
		in->sin_family = AF_INET;
		memcpy(&in->sin_port, a->port, 2);
		memcpy(&in->sin_addr, a->ip, 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	memcpy(&in6->sin6_port, a->port, 2);
	memcpy(&in6->sin6_addr, a->ip, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr) && scope_from->ss_family == AF_INET6)
		in6->sin6_scope_id = ((const struct sockaddr_in6 *)scope_from)->sin6_scope_id;
	return sizeof(*in6);
}

socklen_t bvf_net_socklen(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET ? sizeof(struct sockaddr_in) :
					  sizeof(struct sockaddr_in6);
}

const char *bvf_net_text(const struct sockaddr_storage *ss, char *buf, size_t len)
{
	if (getnameinfo((const void *)ss, bvf_net_socklen(ss), buf, (socklen_t)len,
			NULL, 0, NI_NUMERICHOST))
		snprintf(buf, len, "?");
	return buf;
}

int bvf_net_parse(const char *s, struct sockaddr_storage *ss)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *ai;

	if (getaddrinfo(s, NULL, &hints, &ai))
		return -EINVAL;
	memset(ss, 0, sizeof(*ss));
	memcpy(ss, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(ai);
	return 0;
}

int bvf_net_iface_addr(const char *iface, int family, struct sockaddr_storage *ss)
{
	struct ifaddrs *list;
	int found = 0;

	if (getifaddrs(&list))
		return -errno;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		int f = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;

		if (strcmp(i->ifa_name, iface) || (f != AF_INET && f != AF_INET6))
			continue;
		if (found && f != family)
			continue;
		memset(ss, 0, sizeof(*ss));
		memcpy(ss, i->ifa_addr, f == AF_INET ? sizeof(struct sockaddr_in) :
						       sizeof(struct sockaddr_in6));
		found = 1;
		if (f == family)
			break;
	}
	freeifaddrs(list);
	return found ? 0 : -ENODEV;
}

void bvf_net_set_port(struct sockaddr_storage *ss, uint16_t port)
{
	if (ss->ss_family == AF_INET)
		((struct sockaddr_in *)ss)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)ss)->sin6_port = htons(port);
}

/* Keepalive tells a host that vanished, which sends no end of file, in 15 s. */
int bvf_net_tune(int fd)
{
	int one = 1, idle = 5, intvl = 2, cnt = 5;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &intvl, sizeof(intvl)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &cnt, sizeof(cnt)))
		return -errno;
	return 0;
}

int bvf_net_listen(const struct sockaddr_storage *ss, int backlog)
{
	int one = 1, err, fd;

	fd = socket(ss->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const void *)ss, bvf_net_socklen(ss)) || listen(fd, backlog)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int bvf_net_wait(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	uint64_t now = bvf_now_ns();
	int ms, n;

	if (now >= deadline_ns)
		return -ETIMEDOUT;
	ms = (int)((deadline_ns - now) / 1000000) + 1;
	n = poll(&pfd, 1, ms);
	if (n < 0)
		return -errno;
	return n ? 0 : -ETIMEDOUT;
}

int bvf_net_connect(const struct sockaddr_storage *ss, int timeout_ms)
{
	uint64_t deadline = bvf_now_ns() + (uint64_t)timeout_ms * 1000000;
	socklen_t len = sizeof(int);
	int fd, err = 0;

	fd = socket(ss->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const void *)ss, bvf_net_socklen(ss))) {
		err = -errno;
		if (err == -EINPROGRESS)
			err = bvf_net_wait(fd, POLLOUT, deadline);
		if (!err && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
			err = -err;
	}
	if (!err)
		err = bvf_net_tune(fd);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int bvf_net_send_all(int fd, const void *buf, size_t len, uint64_t deadline_ns)
{
	const char *p = buf;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		int err;

		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		err = bvf_net_wait(fd, POLLOUT, deadline_ns);
		if (err)
			return err;
	}
	return 0;
}

int bvf_net_recv_all(int fd, void *buf, size_t len, uint64_t deadline_ns)
{
	char *p = buf;

	while (len) {
		ssize_t n = recv(fd, p, len, 0);
		int err;

		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (!n)
			return -ECONNRESET;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		err = bvf_net_wait(fd, POLLIN, deadline_ns);
		if (err)
			return err;
	}
	return 0;
}
