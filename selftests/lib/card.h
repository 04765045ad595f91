/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The card under test: starts its processes in the test's own directory, stops
 * them, and fails the test if one of them did not live through it. Knows
 * nothing of what the functions do.
 */
#ifndef BVF_CARD_H
#define BVF_CARD_H

#include <stdbool.h>
#include <sys/types.h>

#define BVF_CARD_MAX_ARGS	160

struct bvf_card {
	pid_t pid;
	pid_t datapath;		/* as first seen */
	bool datapath_may_die;	/* the test kills it */
	char dir[64];
	char log[96];
	char sock[128];
	const char *argv[BVF_CARD_MAX_ARGS];
	int argc;
};

/*
 * init, then any number of arg, then start: waits until the card is ready.
 * The program is $BVF_CARD, or the sanitized build of the source tree.
 */
void bvf_card_init(struct bvf_card *c, const char *dir);
void bvf_card_arg(struct bvf_card *c, const char *arg);
void bvf_card_start(struct bvf_card *c);
/* n functions of one network */
void bvf_card_up(struct bvf_card *c, const char *dir, unsigned int n);

/* Socket of function i; valid until the next call. */
const char *bvf_card_sock(struct bvf_card *c, unsigned int i);

/* Process id of the data plane now, 0 if there is none. */
pid_t bvf_card_datapath(struct bvf_card *c);

/* Both processes live, and neither has complained. Else the test ends. */
void bvf_card_check(struct bvf_card *c);
void bvf_card_stop(struct bvf_card *c);

/* Does the card's log have this text? */
bool bvf_card_logged(struct bvf_card *c, const char *text);

#endif /* BVF_CARD_H */
