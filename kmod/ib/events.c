// SPDX-License-Identifier: GPL-2.0
/*
 * Asynchronous events of the card, the state of the port, and the end of a
 * function. Numbers in events are the card's word: they are looked up, never
 * used as they are.
 */
#include <linux/rtnetlink.h>

#include "bvf_ib.h"

/* Card's events about a QP, and what they are to ib_core. */
static const struct {
	bool known;
	u8 event;
} bvf_qp_events[] = {
	[BVF_EV_QP_FATAL]	= { true, IB_EVENT_QP_FATAL },
	[BVF_EV_QP_REQ_ERR]	= { true, IB_EVENT_QP_REQ_ERR },
	[BVF_EV_QP_ACCESS_ERR]	= { true, IB_EVENT_QP_ACCESS_ERR },
	[BVF_EV_COMM_EST]	= { true, IB_EVENT_COMM_EST },
	[BVF_EV_SQ_DRAINED]	= { true, IB_EVENT_SQ_DRAINED },
	[BVF_EV_LAST_WQE]	= { true, IB_EVENT_QP_LAST_WQE_REACHED },
};

/* The QP stays until this callback is over: see bvf_qp_unpublish(). */
static void bvf_async_qp(struct bvf_ibdev *idev, u8 event, u32 qpn)
{
	struct ib_event ev = { .device = &idev->ibdev };
	struct bvf_qp *qp;

	if (event >= ARRAY_SIZE(bvf_qp_events) || !bvf_qp_events[event].known)
		return;
	qp = xa_load(&idev->qps, BVF_QPN_IDX(qpn));
	if (!qp || qp->qpn != qpn || !qp->ibqp.event_handler)
		return;
	if (event == BVF_EV_SQ_DRAINED && !READ_ONCE(qp->sqd_notify))
		return;

	ev.event = bvf_qp_events[event].event;
	ev.element.qp = &qp->ibqp;
	qp->ibqp.event_handler(&ev, qp->ibqp.qp_context);
}

static void bvf_async_cq(struct bvf_ibdev *idev, u8 event, u32 cqn)
{
	struct ib_event ev = { .device = &idev->ibdev, .event = IB_EVENT_CQ_ERR };
	struct bvf_cq *cq;

	if (event != BVF_EV_CQ_ERR)
		return;
	cq = xa_load(&idev->cqs, cqn);
	if (!cq || !cq->ibcq.event_handler)
		return;

	ev.element.cq = &cq->ibcq;
	cq->ibcq.event_handler(&ev, cq->ibcq.cq_context);
}

/* Port events reach us by the netdev's carrier, which is the same link. */
static void bvf_ib_async(void *priv, u8 type, u8 event, u32 id)
{
	struct bvf_ibdev *idev = priv;

	if (type == BVF_EQE_ASYNC_QP)
		bvf_async_qp(idev, event, id);
	else if (type == BVF_EQE_ASYNC_CQ)
		bvf_async_cq(idev, event, id);
}

/**
 * bvf_ib_set_dead() - take note that the function is dead
 * @idev:	device; bvf_dev_dead() is true
 *
 * The card writes nothing any more, so poll_cq may make the completions that
 * it owes. Every kernel CQ is told once; bvf_post_dead() tells those that get
 * requests later. Process context, any number of times.
 */
void bvf_ib_set_dead(struct bvf_ibdev *idev)
{
	struct ib_event ev = {
		.device = &idev->ibdev,
		.event = IB_EVENT_DEVICE_FATAL,
		.element.port_num = BVF_PORT,
	};
	unsigned long idx;
	struct bvf_cq *cq;

	/* A full barrier, which pairs with that in bvf_post_dead(). */
	if (xchg(&idev->dead, true))
		return;

	/* The lock keeps a CQ from being unpublished while we have it. */
	xa_lock(&idev->cqs);
	xa_for_each(&idev->cqs, idx, cq)
		if (cq->kernel)
			irq_work_queue(&cq->flush_work);
	xa_unlock(&idev->cqs);

	ib_dispatch_event(&ev);
}

static void bvf_ib_fatal(void *priv)
{
	bvf_ib_set_dead(priv);
}

const struct bvf_client_ops bvf_ib_client_ops = {
	.async = bvf_ib_async,
	.fatal = bvf_ib_fatal,
};

enum ib_port_state bvf_port_state(struct bvf_ibdev *idev)
{
	struct net_device *ndev = idev->bdev->netdev;

	return netif_running(ndev) && netif_carrier_ok(ndev) ? IB_PORT_ACTIVE : IB_PORT_DOWN;
}

/* Called under rtnl. */
static int bvf_port_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct bvf_ibdev *idev = container_of(nb, struct bvf_ibdev, port_nb);
	struct ib_event ev = { .device = &idev->ibdev, .element.port_num = BVF_PORT };
	enum ib_port_state state;

	if (netdev_notifier_info_to_dev(ptr) != idev->bdev->netdev ||
	    (event != NETDEV_UP && event != NETDEV_DOWN && event != NETDEV_CHANGE))
		return NOTIFY_DONE;

	state = bvf_port_state(idev);
	if (state != idev->port_state) {
		idev->port_state = state;
		ev.event = state == IB_PORT_ACTIVE ? IB_EVENT_PORT_ACTIVE : IB_EVENT_PORT_ERR;
		ib_dispatch_event(&ev);
	}
	return NOTIFY_DONE;
}

int bvf_port_watch(struct bvf_ibdev *idev)
{
	if (BVF_HAVE_PORT_EVENTS)
		return 0;
	idev->port_state = IB_PORT_NOP;
	idev->port_nb.notifier_call = bvf_port_event;
	return register_netdevice_notifier(&idev->port_nb);
}

void bvf_port_unwatch(struct bvf_ibdev *idev)
{
	if (!BVF_HAVE_PORT_EVENTS)
		unregister_netdevice_notifier(&idev->port_nb);
}
