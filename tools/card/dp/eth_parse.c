// SPDX-License-Identifier: GPL-2.0
/*
 * Frames: what their headers say, and checksums.
 * Looks at the private copy of the headers only; knows no queue.
 *
 * Trust boundary: every byte is the sender's. Offsets are compared with the
 * bytes that are there before anything is read.
 */
#include <errno.h>
#include <string.h>

#include "eth.h"

#define ETH_P_IPV4	0x0800
#define ETH_P_IPV6	0x86dd
#define ETH_P_VLAN	0x8100
#define ETH_P_QINQ	0x88a8
#define PROTO_TCP	6
#define PROTO_UDP	17
#define TCP_CSUM_OFF	16
#define MAX_EXT_HDRS	8

static const uint8_t hash_key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* What byte value v at position i of the input contributes. */
static uint32_t hash_table[36][256];

static void __attribute__((constructor)) hash_init(void)
{
	for (unsigned int i = 0; i < 36; i++) {
		uint64_t window = 0;

		for (unsigned int k = 0; k < 5; k++)
			window = window << 8 | hash_key[i + k];
		for (unsigned int v = 0; v < 256; v++)
			for (unsigned int bit = 0; bit < 8; bit++)
				if (v & 0x80 >> bit)
					hash_table[i][v] ^= (uint32_t)(window >> (8 - bit));
	}
}

static uint32_t hash_add(uint32_t hash, unsigned int *pos, const uint8_t *p, unsigned int len)
{
	while (len--)
		hash ^= hash_table[(*pos)++][*p++];
	return hash;
}

/* Host address of byte @off of a frame; NULL if it is out of the sender's reach. */
uint8_t *bvf_frame_at(const struct bvf_frame *fr, uint32_t off, uint32_t *avail)
{
	for (uint32_t i = 0; i < fr->nr; i++) {
		uint64_t there;
		uint8_t *p;

		if (off >= fr->seg[i].len) {
			off -= fr->seg[i].len;
			continue;
		}
		p = bvf_dma_ptr(fr->f, fr->seg[i].iova + off, false, &there);
		*avail = fr->seg[i].len - off;
		if (there < *avail)
			*avail = (uint32_t)there;
		return p;
	}
	return NULL;
}

/* One's complement sum in network order; every piece but the last has an even length. */
uint32_t bvf_csum_add(uint32_t sum, const uint8_t *p, uint32_t len)
{
	uint64_t s = sum;

	while (len >= 4) {
		uint32_t w;

		memcpy(&w, p, 4);
		s += __builtin_bswap32(w);
		p += 4;
		len -= 4;
	}
	if (len >= 2) {
		s += bvf_get16(p);
		p += 2;
		len -= 2;
	}
	if (len)
		s += (uint32_t)p[0] << 8;
	return bvf_csum_fold(s);
}

uint16_t bvf_csum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/*
 * Adds the sum of @left bytes from @off on, which begin at an odd place of
 * what is summed or at an even one; -EFAULT if they cannot be read.
 */
int bvf_frame_csum(const struct bvf_frame *fr, uint32_t off, uint32_t left, bool odd,
		   uint32_t *sum)
{
	while (left) {
		uint32_t n, part;
		uint8_t *p = bvf_frame_at(fr, off, &n);

		if (!p)
			return -EFAULT;
		if (n > left)
			n = left;
		part = bvf_csum_add(0, p, n);
		if (odd)
			part = (part & 0xff) << 8 | part >> 8;
		*sum = bvf_csum_fold((uint64_t)*sum + part);
		odd ^= n & 1;
		off += n;
		left -= n;
	}
	return 0;
}

/* Offset of what follows the IPv6 extension headers, and what it is. */
static uint32_t skip_ext(const struct bvf_frame *fr, uint32_t off, uint8_t *proto)
{
	for (int i = 0; i < MAX_EXT_HDRS; i++) {
		/* hop by hop, routing, destination options */
		if (*proto != 0 && *proto != 43 && *proto != 60)
			return off;
		if (off + 8 > fr->nr_hdr)
			return 0;
		*proto = fr->hdr[off];
		off += 8u + 8u * fr->hdr[off + 1];
	}
	return 0;
}

/* Finds IP and TCP or UDP headers, if there are any. */
static uint8_t find_headers(struct bvf_frame *fr)
{
	uint32_t off = 12, len = fr->nr_hdr;
	uint16_t type = bvf_get16(fr->hdr + off);
	uint8_t proto;

	for (uint32_t i = 0; i < BVF_ETH_VLANS && (type == ETH_P_VLAN || type == ETH_P_QINQ); i++) {
		off += 4;
		if (off + 2 > len)
			return 0;
		type = bvf_get16(fr->hdr + off);
	}
	off += 2;
	if (type == ETH_P_IPV4 && off + 20 <= len && fr->hdr[off] >> 4 == 4) {
		fr->l3 = (uint16_t)off;
		fr->ip = 4;
		/* ports are in the first fragment only, so a flow with fragments has none */
		if (bvf_get16(fr->hdr + off + 6) & 0x3fff)
			return 0;
		proto = fr->hdr[off + 9];
		off += (fr->hdr[off] & 15u) * 4;
		if (off < fr->l3 + 20u)
			return 0;
	} else if (type == ETH_P_IPV6 && off + 40 <= len && fr->hdr[off] >> 4 == 6) {
		fr->l3 = (uint16_t)off;
		fr->ip = 6;
		proto = fr->hdr[off + 6];
		off = skip_ext(fr, off + 40, &proto);
	} else {
		return 0;
	}
	if (!off || off + 8 > len || (proto != PROTO_TCP && proto != PROTO_UDP))
		return 0;
	fr->l4 = (uint16_t)off;
	return proto;
}

static void set_hash(struct bvf_frame *fr)
{
	unsigned int pos = 0;
	uint32_t hash;

	if (!fr->l4)
		return;
	if (fr->ip == 4)
		hash = hash_add(0, &pos, fr->hdr + fr->l3 + 12, 8);
	else
		hash = hash_add(0, &pos, fr->hdr + fr->l3 + 8, 32);
	fr->hash = hash_add(hash, &pos, fr->hdr + fr->l4, 4);
}

static int check_tso(struct bvf_frame *fr, uint8_t proto)
{
	uint32_t doff;

	if (proto != PROTO_TCP || fr->l4 != fr->csum_start || fr->csum_off != TCP_CSUM_OFF ||
	    fr->ip != (fr->flags & BVF_TXD_TSO4 ? 4 : 6) || fr->mss < BVF_ETH_MIN_MSS ||
	    fr->l4 + 20u > fr->nr_hdr)
		return -EINVAL;
	doff = (fr->hdr[fr->l4 + 12] >> 4) * 4u;
	fr->hdr_len = fr->l4 + doff;
	if (doff < 20 || fr->hdr_len > fr->nr_hdr)
		return -EINVAL;
	/* One segment is not worth the name. */
	if (fr->len - fr->hdr_len <= fr->mss)
		fr->flags = (fr->flags & ~(BVF_TXD_TSO4 | BVF_TXD_TSO6)) | BVF_TXD_CSUM;
	return 0;
}

/**
 * bvf_frame_parse() - Look at a frame's headers, check its offload fields
 * @fr:		frame with descriptors and hdr filled
 *
 * Return: 0 or -EINVAL
 */
int bvf_frame_parse(struct bvf_frame *fr)
{
	uint16_t tso = fr->flags & (BVF_TXD_TSO4 | BVF_TXD_TSO6);
	uint8_t proto;

	fr->l3 = 0;
	fr->l4 = 0;
	fr->ip = 0;
	fr->hash = 0;
	fr->hdr_len = 0;
	proto = find_headers(fr);
	set_hash(fr);
	if (!tso && !(fr->flags & BVF_TXD_CSUM))
		return fr->mss || fr->csum_start || fr->csum_off ? -EINVAL : 0;
	if (fr->csum_start < BVF_ETH_HLEN ||
	    (uint32_t)fr->csum_start + fr->csum_off + 2 > fr->nr_hdr)
		return -EINVAL;
	if (!tso)
		return fr->mss ? -EINVAL : 0;
	if (tso == (BVF_TXD_TSO4 | BVF_TXD_TSO6))
		return -EINVAL;
	return check_tso(fr, proto);
}
