/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages of the meeting, little-endian, and their buffered transfer.
 * It must not know what ranks do with them.
 */
#ifndef BVF_AR_BOOT_WIRE_H
#define BVF_AR_BOOT_WIRE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BVF_BOOT_MAGIC		0x52415642u	/* "BVAR" */
#define BVF_BOOT_VERSION	1

enum bvf_boot_msg_type {
	BVF_MSG_HELLO = 1,	/* rank to root, once */
	BVF_MSG_WELCOME,	/* root's answer, */
	BVF_MSG_REJECT,		/* or this, with a text */
	BVF_MSG_GATHER,		/* rank to root: its share */
	BVF_MSG_ALL,		/* root to rank: all shares */
	BVF_MSG_FAIL,		/* both ways, ends the run */
};

struct bvf_boot_hdr {
	__le32 magic;
	__le16 type;
	__le16 rsvd;		/* MBZ */
	__le32 len;		/* of what follows */
};
_Static_assert(sizeof(struct bvf_boot_hdr) == 12, "wire");

#define BVF_BOOT_NR_PLAN	14

struct bvf_boot_hello {
	__le32 version;
	__le32 rank;
	__le32 nranks;
	__le32 rsvd;		/* MBZ */
	__le64 plan[BVF_BOOT_NR_PLAN];	/* options all ranks must agree on */
};
_Static_assert(sizeof(struct bvf_boot_hello) == 128, "wire");

struct bvf_boot_welcome {
	__le64 token;
};
_Static_assert(sizeof(struct bvf_boot_welcome) == 8, "wire");

struct bvf_boot_failmsg {
	__le32 kind;
	__le32 blame;
	char text[192];		/* NUL-terminated */
};
_Static_assert(sizeof(struct bvf_boot_failmsg) == 200, "wire");

/* One control connection with what has arrived on it. */
struct bvf_boot_conn {
	int fd;
	bool eof;
	int err;		/* why eof, 0 for an orderly end */
	size_t have;
	size_t cap;
	uint8_t *buf;
};

int bvf_conn_init(struct bvf_boot_conn *c, int fd, size_t max_payload);
void bvf_conn_fini(struct bvf_boot_conn *c);
/* Takes in what is there without waiting; sets eof. */
void bvf_conn_fill(struct bvf_boot_conn *c);
/* 1 with a whole message, whose bytes stay valid until pop; 0; -EPROTO. */
int bvf_conn_peek(const struct bvf_boot_conn *c, unsigned int *type,
		  const void **payload, size_t *len);
void bvf_conn_pop(struct bvf_boot_conn *c);
int bvf_conn_send(struct bvf_boot_conn *c, unsigned int type, const void *payload,
		  size_t len, uint64_t deadline_ns);

/* Text from another host, made fit for a terminal and terminated. */
void bvf_text_copy(char *dst, size_t cap, const void *src, size_t len);

#endif
