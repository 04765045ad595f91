/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Socket helpers shared by the meeting and the TCP transport.
 * They must not know ranks or messages.
 */
#ifndef BVF_AR_NET_H
#define BVF_AR_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* An address as ranks tell it to each other, in network byte order. */
struct bvf_net_addr {
	uint8_t family;		/* 4 or 6 */
	uint8_t rsvd;
	uint8_t port[2];
	uint8_t ip[16];		/* an IPv4 address takes the first four */
};

int bvf_net_from_sockaddr(struct bvf_net_addr *a, const struct sockaddr_storage *ss);
/* scope_from gives the interface of a link-local address. */
socklen_t bvf_net_to_sockaddr(const struct bvf_net_addr *a,
			      const struct sockaddr_storage *scope_from,
			      struct sockaddr_storage *ss);
const char *bvf_net_text(const struct sockaddr_storage *ss, char *buf, size_t len);

/* Literal address, or the first address of an interface (family preferred). */
int bvf_net_parse(const char *s, struct sockaddr_storage *ss);
int bvf_net_iface_addr(const char *iface, int family, struct sockaddr_storage *ss);
void bvf_net_set_port(struct sockaddr_storage *ss, uint16_t port);
socklen_t bvf_net_socklen(const struct sockaddr_storage *ss);

/* All sockets are non-blocking, close-on-exec and without Nagle's delay. */
int bvf_net_listen(const struct sockaddr_storage *ss, int backlog);
int bvf_net_connect(const struct sockaddr_storage *ss, int timeout_ms);
int bvf_net_tune(int fd);

/* Whole buffers until deadline_ns; -ECONNRESET at end of file. */
int bvf_net_send_all(int fd, const void *buf, size_t len, uint64_t deadline_ns);
int bvf_net_recv_all(int fd, void *buf, size_t len, uint64_t deadline_ns);

/* Sleeps for events on one fd: 0, -ETIMEDOUT or -EINTR. */
int bvf_net_wait(int fd, short events, uint64_t deadline_ns);

#endif
