// SPDX-License-Identifier: GPL-2.0
/*
 * Buffered transfer of the meeting's messages. What arrives is not trusted:
 * header fields are checked where they are loaded.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot_wire.h"
#include "net.h"

int bvf_conn_init(struct bvf_boot_conn *c, int fd, size_t max_payload)
{
	/* Room for a second, short message behind the longest. */
	size_t cap = 2 * sizeof(struct bvf_boot_hdr) + max_payload +
		     sizeof(struct bvf_boot_failmsg);

	*c = (struct bvf_boot_conn) { .fd = fd, .cap = cap };
	c->buf = malloc(cap);
	return c->buf ? 0 : -ENOMEM;
}

void bvf_conn_fini(struct bvf_boot_conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->buf);
	c->fd = -1;
	c->buf = NULL;
}

void bvf_conn_fill(struct bvf_boot_conn *c)
{
	while (!c->eof && c->have < c->cap) {
		ssize_t n = recv(c->fd, c->buf + c->have, c->cap - c->have, 0);

		if (n > 0) {
			c->have += (size_t)n;
			continue;
		}
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		c->eof = true;
		c->err = n ? errno : 0;
	}
}

int bvf_conn_peek(const struct bvf_boot_conn *c, unsigned int *type,
		  const void **payload, size_t *len)
{
	struct bvf_boot_hdr hdr;
	size_t plen;

	if (c->have < sizeof(hdr))
		return 0;
	memcpy(&hdr, c->buf, sizeof(hdr));
	plen = le32toh(hdr.len);
	if (le32toh(hdr.magic) != BVF_BOOT_MAGIC || hdr.rsvd ||
	    plen > c->cap - sizeof(hdr))
		return -EPROTO;
	if (c->have - sizeof(hdr) < plen)
		return 0;
	*type = le16toh(hdr.type);
	*payload = c->buf + sizeof(hdr);
	*len = plen;
	return 1;
}

void bvf_conn_pop(struct bvf_boot_conn *c)
{
	struct bvf_boot_hdr hdr;
	size_t used;

	memcpy(&hdr, c->buf, sizeof(hdr));
	used = sizeof(hdr) + le32toh(hdr.len);
	c->have -= used;
	memmove(c->buf, c->buf + used, c->have);
}

int bvf_conn_send(struct bvf_boot_conn *c, unsigned int type, const void *payload,
		  size_t len, uint64_t deadline_ns)
{
	struct bvf_boot_hdr hdr = {
		.magic = htole32(BVF_BOOT_MAGIC),
		.type = htole16((uint16_t)type),
		.len = htole32((uint32_t)len),
	};
	uint8_t small[256];
	int err;

	/* In one segment where that is cheap: barriers are timed by users. */
	if (len <= sizeof(small) - sizeof(hdr)) {
		memcpy(small, &hdr, sizeof(hdr));
		if (len)
			memcpy(small + sizeof(hdr), payload, len);
		return bvf_net_send_all(c->fd, small, sizeof(hdr) + len, deadline_ns);
	}
	err = bvf_net_send_all(c->fd, &hdr, sizeof(hdr), deadline_ns);
	if (!err)
		err = bvf_net_send_all(c->fd, payload, len, deadline_ns);
	return err;
}

void bvf_text_copy(char *dst, size_t cap, const void *src, size_t len)
{
	const char *from = src;
	size_t i;

	for (i = 0; i < cap - 1 && i < len && from[i]; i++)
		dst[i] = from[i] < ' ' || from[i] > '~' ? '?' : from[i];
	dst[i] = '\0';
}
