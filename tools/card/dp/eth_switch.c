// SPDX-License-Identifier: GPL-2.0
/*
 * The switch between the functions of a network: who gets a frame.
 * Knows nothing of descriptors.
 *
 * A frame goes to the function that has its destination address, in the
 * sender's network; copies go to those that asked to see all, and frames for
 * a group go to everybody else. Only the one receiver of a unicast frame can
 * make the sender wait.
 */
#include <errno.h>
#include <string.h>

#include "eth.h"

static bool takes_frames(const struct bvf_func *f, uint32_t network)
{
	return bvf_load_acq(&f->d->up) && f->d->network == network &&
	       bvf_load_acq(&f->d->eth_flags) & BVF_ETHF_UP;
}

/* Looks up the destination, unless the last frame went there too. */
static void resolve(struct bvf_ethq *q, const uint8_t *mac)
{
	struct bvf_dp *dp = q->f->dp;
	uint32_t epoch = bvf_load_acq(&dp->dram->epoch);

	if (q->epoch == epoch && !memcmp(q->mac, mac, 6))
		return;
	q->epoch = epoch;
	memcpy(q->mac, mac, 6);
	q->to = NULL;
	q->promisc = false;
	for (uint32_t i = 0; i < DRAM_MAX_FUNC; i++) {
		struct bvf_func *f = &dp->func[i];

		if (f == q->f || !takes_frames(f, q->f->d->network))
			continue;
		if (!memcmp(f->d->mac, mac, 6))
			q->to = f;
		else if (bvf_load(&f->d->eth_flags) & BVF_ETHF_PROMISC)
			q->promisc = true;
	}
}

static void copy_to(struct bvf_func *dst, const struct bvf_frame *fr)
{
	struct bvf_ethq *why;
	uint32_t seg = 0;

	if (bvf_eth_deliver(dst, fr, &seg, &why) == -EAGAIN)
		bvf_stat(dst, BVF_STAT_ETH_RX_NOBUF, 1);
}

/* Copies to everybody else of the network, or to those in promiscuous mode. */
static void flood(struct bvf_ethq *q, const struct bvf_frame *fr, bool all)
{
	struct bvf_dp *dp = q->f->dp;

	for (uint32_t i = 0; i < DRAM_MAX_FUNC; i++) {
		struct bvf_func *f = &dp->func[i];

		if (f == q->f || !takes_frames(f, q->f->d->network))
			continue;
		if (!all && (f == q->to || !(bvf_load(&f->d->eth_flags) & BVF_ETHF_PROMISC)))
			continue;
		copy_to(f, fr);
	}
}

/* Whether a sender has waited for the receiver for long enough. */
static bool hung(struct bvf_ethq *rx, uint64_t now)
{
	if (!rx->d->stall) {
		rx->d->stall = now;
		return false;
	}
	return now - rx->d->stall > BVF_ETH_STALL_NS;
}

int bvf_eth_forward(struct bvf_ethq *q, const struct bvf_frame *fr)
{
	struct bvf_ethq *rx;

	if (fr->hdr[0] & 1) {
		flood(q, fr, true);
		return 0;
	}
	resolve(q, fr->hdr);
	if (q->to && bvf_eth_deliver(q->to, fr, &q->seg, &rx) == -EAGAIN) {
		if (!hung(rx, q->f->dp->now)) {
			q->wait = rx;
			q->wait_pi = bvf_load(&rx->rec->rx_pi);
			return -EAGAIN;
		}
		bvf_stat(q->to, BVF_STAT_ETH_RX_NOBUF, 1);
	}
	q->seg = 0;
	if (q->promisc)
		flood(q, fr, false);
	if (!q->to)
		bvf_stat(q->f, BVF_STAT_ETH_TX_NODEST, 1);
	return 0;
}
