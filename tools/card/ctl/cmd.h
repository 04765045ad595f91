/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Small checks that the command handlers (cmd_*.c) share.
 */
#ifndef BVF_CMD_H
#define BVF_CMD_H

#include "card.h"

#define BVF_LINK_MBPS		100000u		/* what is reported; nothing limits it */

/* The command's own struct, in the local copy. */
static inline const void *bvf_req_body(const struct bvf_req *req)
{
	return req->cmd.body;
}

static inline bool bvf_is_zero(const uint8_t *p, size_t len)
{
	while (len && !*p) {
		p++;
		len--;
	}
	return !len;
}

/* Return: true if [off, off + len) lies within size */
static inline bool bvf_range_ok(uint64_t size, uint64_t off, uint64_t len)
{
	return off <= size && len <= size - off;
}

/*
 * A doorbell record, aligned to its size: it must not lie across two pages,
 * which need not be neighbours here.
 */
static inline bool bvf_record_ok(uint64_t buf_len, uint64_t off, uint64_t len)
{
	return off % len == 0 && bvf_range_ok(buf_len, off, len);
}

/* Return: true if no byte is in both; neither wraps */
static inline bool bvf_apart(uint64_t a, uint64_t a_len, uint64_t b,
			     uint64_t b_len)
{
	return a + a_len <= b || b + b_len <= a;
}

/* EUI-64 of a MAC, as it stands in a link-local GID. */
static inline void bvf_guid(uint8_t guid[8], const uint8_t mac[6])
{
	guid[0] = mac[0] ^ 0x02;
	guid[1] = mac[1];
	guid[2] = mac[2];
	guid[3] = 0xff;
	guid[4] = 0xfe;
	guid[5] = mac[3];
	guid[6] = mac[4];
	guid[7] = mac[5];
}

#endif
