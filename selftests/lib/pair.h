/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What most tests begin with: a card, two functions of one network, and on
 * each a user context with a PD, two CQs, a buffer with its MR, and an RC QP.
 */
#ifndef BVF_PAIR_H
#define BVF_PAIR_H

#include "bvf_qp.h"
#include "card.h"

#define BVF_BUF_LEN	(8u << 20)

struct bvf_end {
	struct bvf_drv drv;
	struct bvf_uctx u;
	uint32_t pdn;
	struct bvf_cq scq, rcq;
	struct bvf_qp qp;
	struct bvf_mr mr;	/* of buf, all access */
	uint8_t *buf;
	/* for what is made after this */
	struct bvf_qp_init init;
};

struct bvf_pair {
	struct bvf_card card;
	struct bvf_end a, b;
};

#define BVF_ACC_RW	(BVF_ACC_LOCAL_WRITE | BVF_ACC_REMOTE_WRITE | \
			 BVF_ACC_REMOTE_READ)

/* The stages: a card with two functions; ends; connected. up: all of it. */
void bvf_pair_card(struct bvf_pair *p, const char *dir);
void bvf_end_up(struct bvf_end *e, const char *sock);
/* The same on a driver that runs already. */
void bvf_end_objects(struct bvf_end *e);
void bvf_pair_up(struct bvf_pair *p, const char *dir);
void bvf_pair_down(struct bvf_pair *p);

/* One more connection; the CQs and PDs of the ends are used. */
void bvf_pair_qp(struct bvf_pair *p, struct bvf_qp *qa, struct bvf_qp *qb);

/* Work requests on the ends' buffers, from `off` of the one to `off` of the other. */
struct bvf_wr bvf_wr_send(struct bvf_sge *sge);
struct bvf_wr bvf_wr_write(struct bvf_sge *sge, const struct bvf_mr *to, uint64_t off);
struct bvf_wr bvf_wr_read(struct bvf_sge *sge, const struct bvf_mr *from, uint64_t off);

/* A pattern that tells position and seed; and where a buffer differs from it. */
void bvf_fill(void *buf, size_t len, uint32_t seed);
void bvf_want_filled_(const void *buf, size_t len, uint32_t seed);
#define bvf_want_filled(...)	(BVF_HERE(), bvf_want_filled_(__VA_ARGS__))
void bvf_want_zero_(const void *buf, size_t len);
#define bvf_want_zero(...)	(BVF_HERE(), bvf_want_zero_(__VA_ARGS__))

/* A write of 8 bytes from a to b arrives: traffic between them is unharmed. */
void bvf_want_traffic_(struct bvf_pair *p);
#define bvf_want_traffic(p)	(BVF_HERE(), bvf_want_traffic_(p))

/* Pseudo-random numbers; the seed is $BVF_SEED or new, and is printed. */
void bvf_seed(void);
uint32_t bvf_rand(uint32_t below);

#endif /* BVF_PAIR_H */
