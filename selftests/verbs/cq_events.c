// SPDX-License-Identifier: GPL-2.0
/*
 * Completion events: one for an arm, none lost, solicited ones only where
 * asked for, and no traffic on the bus when nothing is armed.
 */
#include <poll.h>
#include <string.h>

#include "vt_test.h"

static bool event(struct vt_end *e, int ms)
{
	struct pollfd pfd = { .fd = e->ch->fd, .events = POLLIN };
	struct ibv_cq *cq;
	void *ctx;

	if (poll(&pfd, 1, ms) <= 0)
		return false;
	if (ibv_get_cq_event(e->ch, &cq, &ctx))
		return false;
	ibv_ack_cq_events(cq, 1);
	return true;
}

TAP_TEST(event_after_arm)
{
	setup(NULL);
	TAP_EQ(ibv_req_notify_cq(pair.b.rcq, 0), 0);
	TAP_EQ(vt_recv(&pair.b, 1, 0, 64), 0);
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 64, NULL, 0, 0), 0);
	TAP_OK(event(&pair.b, 5000));
	TAP_EQ(vt_status(pair.b.rcq), IBV_WC_SUCCESS);
}

TAP_TEST(no_event_without_arm)
{
	setup(NULL);
	TAP_EQ(vt_recv(&pair.b, 1, 0, 64), 0);
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 64, NULL, 0, 0), 0);
	TAP_OK(!event(&pair.b, 100));
}

TAP_TEST(one_event_for_one_arm)
{
	setup(NULL);
	TAP_EQ(ibv_req_notify_cq(pair.b.rcq, 0), 0);
	for (int i = 0; i < 2; i++) {
		TAP_EQ(vt_recv(&pair.b, i, 0, 64), 0);
		TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 64, NULL, 0, 0), 0);
		TAP_EQ(vt_status(pair.b.rcq), IBV_WC_SUCCESS);
	}
	TAP_OK(event(&pair.b, 5000));
	TAP_OK(!event(&pair.b, 100));
}

/* Verbs: the event is for a completion added after the call. The sender's tells us it is there. */
TAP_TEST(arm_counts_new_completions_only)
{
	setup(NULL);
	for (int i = 0; i < 2; i++)
		TAP_EQ(vt_recv(&pair.b, i, 0, 64), 0);
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 64, NULL, 0, IBV_SEND_SIGNALED), 0);
	TAP_EQ(vt_status(pair.a.scq), IBV_WC_SUCCESS);
	TAP_EQ(ibv_req_notify_cq(pair.b.rcq, 0), 0);
	TAP_OK(!event(&pair.b, 100));
	TAP_EQ(vt_status(pair.b.rcq), IBV_WC_SUCCESS);
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 64, NULL, 0, 0), 0);
	TAP_OK(event(&pair.b, 5000));
}

TAP_TEST(solicited_only)
{
	setup(NULL);
	TAP_EQ(ibv_req_notify_cq(pair.b.rcq, 1), 0);
	TAP_EQ(vt_recv(&pair.b, 1, 0, 64), 0);
	TAP_EQ(vt_recv(&pair.b, 2, 0, 64), 0);
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 64, NULL, 0, 0), 0);
	TAP_OK(!event(&pair.b, 100));
	TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 64, NULL, 0, IBV_SEND_SOLICITED), 0);
	TAP_OK(event(&pair.b, 5000));
}

/* The classic loop that loses a wake-up if arming and completing race. */
TAP_TEST(ping_pong_by_events)
{
	struct ibv_wc wc;

	setup(NULL);
	TAP_EQ(ibv_req_notify_cq(pair.b.rcq, 0), 0);
	for (int i = 0; i < 500; i++) {
		TAP_EQ(vt_recv(&pair.b, i, 0, 64), 0);
		TAP_EQ(vt_post(&pair.a, IBV_WR_SEND, 0, 64, NULL, 0, IBV_SEND_SIGNALED), 0);
		while (!ibv_poll_cq(pair.b.rcq, 1, &wc)) {
			if (!event(&pair.b, 5000))
				TAP_FAIL("round %d: no event", i);
			TAP_EQ(ibv_req_notify_cq(pair.b.rcq, 0), 0);
		}
		TAP_EQ(wc.wr_id, i);
		TAP_EQ(vt_status(pair.a.scq), IBV_WC_SUCCESS);
	}
}

TAP_MAIN()
