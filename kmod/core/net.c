// SPDX-License-Identifier: GPL-2.0
/*
 * Ethernet device of a function: its life, queues, receive mode, statistics.
 * Frames are tx.c's and rx.c's.
 */
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>

#include "net.h"

#define BVF_TX_TIMEOUT		(10 * HZ)

/* ---- a queue pair ---- */

static int bvf_ethq_poll(struct napi_struct *napi, int budget)
{
	struct bvf_ethq *q = container_of(napi, struct bvf_ethq, napi);
	int work;
	u32 arm, ci;

	bvf_tx_clean(q, budget);
	if (!budget)
		return 0;
	work = bvf_rx_poll(q, budget);
	ci = q->rx_ci;
	if (work == budget || !napi_complete_done(napi, work) || q->broken)
		return work;

	arm = bvf_tx_arm(q);
	WRITE_ONCE(q->rec->rx_arm, cpu_to_le32(ci));
	/* Arm before the last look: the card stores an index before it looks at arm. */
	mb();
	/* Another CPU's poll may have gone on since, and armed before we did. */
	if (READ_ONCE(q->rx_ci) != ci || bvf_rx_pending(q) || bvf_tx_passed(q, arm))
		napi_schedule(napi);
	return work;
}

/* The vector is shared with an EQ: is there anything for NAPI? */
void bvf_ethq_irq(struct bvf_ethq *q)
{
	if (bvf_rx_pending(q) || le32_to_cpu(READ_ONCE(q->rec->tx_ci)) != READ_ONCE(q->tx_done))
		napi_schedule_irqoff(&q->napi);
}

static int bvf_ethq_alloc_pool(struct bvf_ethq *q)
{
	struct page_pool_params pp = {
		.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV,
		.pool_size = 1u << q->rx_shift,
		.nid = NUMA_NO_NODE,
		.dev = bvf_device(q->core),
		.napi = &q->napi,
		.netdev = q->net->netdev,
		.dma_dir = DMA_FROM_DEVICE,
		.max_len = BVF_RX_BUF_SIZE,
	};
	struct page_pool *pool;

	pool = page_pool_create(&pp);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	q->pool = pool;
	return 0;
}

static void bvf_ethq_free(struct bvf_ethq *q)
{
	if (q->pool)
		page_pool_destroy(q->pool);
	q->pool = NULL;
	kvfree(q->rx_page);
	q->rx_page = NULL;
	kvfree(q->tx_info);
	q->tx_info = NULL;
	bvf_buf_free(&q->core->bdev, &q->buf);
}

static int bvf_ethq_create(struct bvf_ethq *q)
{
	u32 rx_off = (u32)sizeof(struct bvf_tx_desc) << q->tx_shift;
	u32 rxc_off = rx_off + ((u32)sizeof(struct bvf_rx_desc) << q->rx_shift);
	u32 rec_off = rxc_off + ((u32)sizeof(struct bvf_rx_cqe) << q->rx_shift);
	struct bvf_create_ethq_cmd cmd = {
		.tx_off = cpu_to_le32(0),
		.rx_off = cpu_to_le32(rx_off),
		.rxc_off = cpu_to_le32(rxc_off),
		.dbrec_off = cpu_to_le32(rec_off),
		.index = q->index,
		.tx_depth_shift = q->tx_shift,
		.rx_depth_shift = q->rx_shift,
		.vector = cpu_to_le16(q->vec->idx),
	};
	int err;

	err = bvf_buf_alloc(&q->core->bdev, &q->buf, rec_off + sizeof(struct bvf_eth_dbrec));
	if (err)
		return err;
	q->tx = q->buf.va;
	q->rx = q->buf.va + rx_off;
	q->rxc = q->buf.va + rxc_off;
	q->rec = q->buf.va + rec_off;
	q->tx_pi = 0;
	q->tx_told = 0;
	q->tx_done = 0;
	q->rx_pi = 0;
	q->rx_ci = 0;
	q->broken = false;

	err = -ENOMEM;
	q->tx_info = kvcalloc(1u << q->tx_shift, sizeof(*q->tx_info), GFP_KERNEL);
	q->rx_page = kvcalloc(1u << q->rx_shift, sizeof(*q->rx_page), GFP_KERNEL);
	if (!q->tx_info || !q->rx_page)
		goto err_free;
	err = bvf_ethq_alloc_pool(q);
	if (err)
		goto err_free;
	cmd.pl = bvf_buf_pl(&q->buf);
	cmd.buf_len = cpu_to_le32(q->buf.len);
	err = bvf_cmd_create_ethq(q->core, &cmd);
	if (err)
		goto err_free;
	return 0;

err_free:
	bvf_ethq_free(q);
	return err;
}

static void bvf_ethq_on(struct bvf_ethq *q)
{
	napi_enable(&q->napi);
	WRITE_ONCE(q->vec->ethq, q);
	/* Fills the receive ring, and arms. */
	local_bh_disable();
	napi_schedule(&q->napi);
	local_bh_enable();
}

static void bvf_ethq_off(struct bvf_ethq *q)
{
	WRITE_ONCE(q->vec->ethq, NULL);
	synchronize_irq(q->vec->irq);
	napi_disable(&q->napi);
}

static void bvf_ethq_destroy(struct bvf_ethq *q)
{
	/* Memory that the card still has must not be freed. */
	if (bvf_cmd_destroy_ethq(q->core, q->index))
		bvf_fail(q->core, "Ethernet queue cannot be destroyed");
	bvf_tx_flush(q);
	bvf_rx_flush(q);
	bvf_ethq_free(q);
}

/* ---- all of them ---- */

static u32 bvf_net_flags(struct bvf_net *net)
{
	struct net_device *netdev = net->netdev;
	u32 flags = BVF_ETHF_UP;

	if (netdev->flags & IFF_PROMISC)
		flags |= BVF_ETHF_PROMISC;
	if (netdev->flags & IFF_ALLMULTI || !netdev_mc_empty(netdev))
		flags |= BVF_ETHF_ALLMULTI;
	if (netdev->features & NETIF_F_GRO_HW)
		flags |= BVF_ETHF_LRO;
	return flags;
}

/* Tells the card what to deliver. */
static int bvf_net_set_mode(struct bvf_net *net)
{
	lockdep_assert_held(&net->lock);
	return bvf_cmd_set_eth(net->core, net->open ? bvf_net_flags(net) : 0, net->netdev->mtu,
			       net->nr_q);
}

static void bvf_rx_mode_work(struct work_struct *work)
{
	struct bvf_net *net = container_of(work, struct bvf_net, rx_mode);
	int err = 0;

	mutex_lock(&net->lock);
	if (net->open && !bvf_dev_dead(&net->core->bdev))
		err = bvf_net_set_mode(net);
	mutex_unlock(&net->lock);
	if (err)
		netdev_warn(net->netdev, "receive mode not set: %d\n", err);
}

static void bvf_destroy_queues(struct bvf_net *net, unsigned int nr)
{
	while (nr--) {
		bvf_ethq_destroy(&net->q[nr]);
		netif_napi_del(&net->q[nr].napi);
	}
}

static int bvf_create_queues(struct bvf_net *net)
{
	unsigned int i;
	int err;

	for (i = 0; i < net->nr_q; i++) {
		struct bvf_ethq *q = &net->q[i];

		q->tx_shift = net->tx_shift;
		q->rx_shift = net->rx_shift;
		netif_napi_add(net->netdev, &q->napi, bvf_ethq_poll);
		err = bvf_ethq_create(q);
		if (err) {
			netif_napi_del(&q->napi);
			bvf_destroy_queues(net, i);
			return err;
		}
		netif_queue_set_napi(net->netdev, i, NETDEV_QUEUE_TYPE_RX, &q->napi);
		netif_queue_set_napi(net->netdev, i, NETDEV_QUEUE_TYPE_TX, &q->napi);
	}
	return 0;
}

static void bvf_net_down(struct bvf_net *net)
{
	unsigned int i;

	if (!net->open)
		return;
	mutex_lock(&net->lock);
	net->open = false;
	if (bvf_net_set_mode(net) && !bvf_dev_dead(&net->core->bdev))
		netdev_warn(net->netdev, "function takes frames while down\n");
	mutex_unlock(&net->lock);
	cancel_work_sync(&net->rx_mode);
	for (i = 0; i < net->nr_q; i++) {
		bvf_ethq_off(&net->q[i]);
		netif_queue_set_napi(net->netdev, i, NETDEV_QUEUE_TYPE_RX, NULL);
		netif_queue_set_napi(net->netdev, i, NETDEV_QUEUE_TYPE_TX, NULL);
	}
	/* Not before: NAPI wakes queues. */
	netif_tx_disable(net->netdev);
	/* A poll that has completed may still be about to arm. */
	synchronize_net();
	bvf_destroy_queues(net, net->nr_q);
}

static int bvf_net_up(struct bvf_net *net)
{
	unsigned int i;
	int err;

	err = bvf_create_queues(net);
	if (err)
		return err;
	for (i = 0; i < net->nr_q; i++)
		bvf_ethq_on(&net->q[i]);
	mutex_lock(&net->lock);
	net->open = true;
	err = bvf_net_set_mode(net);
	mutex_unlock(&net->lock);
	if (err) {
		bvf_net_down(net);
		return err;
	}
	netif_tx_start_all_queues(net->netdev);
	return 0;
}

/* After netif_device_detach(); without queues the device can only be down. */
static void bvf_net_reattach(struct bvf_net *net)
{
	if (netif_running(net->netdev) && !net->open) {
		netdev_err(net->netdev, "no queues, taking it down\n");
		dev_close(net->netdev);
	}
	netif_device_attach(net->netdev);
}

/* Changes ring sizes; the old ones stay if that fails. */
int bvf_net_reopen(struct bvf_net *net, unsigned int tx_shift, unsigned int rx_shift)
{
	unsigned int old_tx = net->tx_shift, old_rx = net->rx_shift;
	bool open = net->open;
	int err = 0;

	/* Keeps the watchdog away, too. */
	netif_device_detach(net->netdev);
	bvf_net_down(net);
	net->tx_shift = tx_shift;
	net->rx_shift = rx_shift;
	if (open)
		err = bvf_net_up(net);
	if (err) {
		net->tx_shift = old_tx;
		net->rx_shift = old_rx;
		bvf_net_up(net);
	}
	bvf_net_reattach(net);
	return err;
}

/* ---- netdev operations ---- */

static int bvf_open(struct net_device *netdev)
{
	return bvf_net_up(netdev_priv(netdev));
}

static int bvf_close(struct net_device *netdev)
{
	bvf_net_down(netdev_priv(netdev));
	return 0;
}

static void bvf_set_rx_mode(struct net_device *netdev)
{
	struct bvf_net *net = netdev_priv(netdev);

	queue_work(bvf_wq, &net->rx_mode);
}

static int bvf_change_mtu(struct net_device *netdev, int mtu)
{
	struct bvf_net *net = netdev_priv(netdev);
	int old = netdev->mtu;
	int err = 0;

	mutex_lock(&net->lock);
	WRITE_ONCE(netdev->mtu, mtu);
	if (net->open)
		err = bvf_net_set_mode(net);
	if (err)
		WRITE_ONCE(netdev->mtu, old);
	mutex_unlock(&net->lock);
	return err;
}

static int bvf_set_features(struct net_device *netdev, netdev_features_t features)
{
	struct bvf_net *net = netdev_priv(netdev);
	netdev_features_t old = netdev->features;
	int err = 0;

	if (!((old ^ features) & NETIF_F_GRO_HW))
		return 0;
	mutex_lock(&net->lock);
	netdev->features = features;
	if (net->open)
		err = bvf_net_set_mode(net);
	netdev->features = old;
	mutex_unlock(&net->lock);
	return err;
}

static void bvf_stats_sum(struct bvf_q_stats *s, u64 *packets, u64 *bytes, u64 *dropped,
			  u64 *errors)
{
	u64 p, b, d, e;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&s->sync);
		p = u64_stats_read(&s->packets);
		b = u64_stats_read(&s->bytes);
		d = u64_stats_read(&s->dropped);
		e = u64_stats_read(&s->errors);
	} while (u64_stats_fetch_retry(&s->sync, start));
	*packets += p;
	*bytes += b;
	*dropped += d;
	*errors += e;
}

static void bvf_get_stats64(struct net_device *netdev, struct rtnl_link_stats64 *st)
{
	struct bvf_net *net = netdev_priv(netdev);
	unsigned int i;

	for (i = 0; i < net->nr_q; i++) {
		bvf_stats_sum(&net->q[i].tx_stats, &st->tx_packets, &st->tx_bytes,
			      &st->tx_dropped, &st->tx_errors);
		bvf_stats_sum(&net->q[i].rx_stats, &st->rx_packets, &st->rx_bytes,
			      &st->rx_dropped, &st->rx_errors);
	}
}

/* A doorbell or an interrupt got lost, or the card is stuck: try the first two. */
static void bvf_tx_timeout(struct net_device *netdev, unsigned int txqueue)
{
	struct bvf_net *net = netdev_priv(netdev);
	struct bvf_ethq *q = &net->q[txqueue];

	netdev_warn(netdev, "queue %u: %u descriptors under way, card is at %u of %u\n", txqueue,
		    q->tx_told - q->tx_done, le32_to_cpu(READ_ONCE(q->rec->tx_ci)), q->tx_told);
	writel(1, net->core->bdev.kick);
	napi_schedule(&q->napi);
}

static const struct net_device_ops bvf_netdev_ops = {
	.ndo_open = bvf_open,
	.ndo_stop = bvf_close,
	.ndo_start_xmit = bvf_xmit,
	.ndo_set_rx_mode = bvf_set_rx_mode,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_change_mtu = bvf_change_mtu,
	.ndo_set_features = bvf_set_features,
	.ndo_get_stats64 = bvf_get_stats64,
	.ndo_tx_timeout = bvf_tx_timeout,
};

/* ---- life ---- */

static void bvf_net_set_caps(struct bvf_core *core, struct net_device *netdev)
{
	netdev_features_t f = NETIF_F_SG | NETIF_F_HIGHDMA;

	if (core->bdev.features & BVF_FEAT_ETH_CSUM) {
		f |= NETIF_F_HW_CSUM | NETIF_F_RXCSUM;
		if (core->bdev.features & BVF_FEAT_ETH_TSO)
			f |= NETIF_F_TSO | NETIF_F_TSO6 | NETIF_F_TSO_ECN | NETIF_F_GRO_HW;
	}
	netdev->hw_features = f & ~NETIF_F_HIGHDMA;
	netdev->features = f;
	netdev->vlan_features = f & ~(NETIF_F_RXCSUM | NETIF_F_GRO_HW);
	netdev->min_mtu = ETH_MIN_MTU;
	netdev->max_mtu = core->bdev.lim.max_mtu;
	netdev->mtu = min_t(unsigned int, ETH_DATA_LEN, netdev->max_mtu);
	/* No ndo_set_mac_address: the card drops frames from another address. */
	eth_hw_addr_set(netdev, core->bdev.lim.mac);
}

static int bvf_net_init_queues(struct bvf_core *core, struct bvf_net *net)
{
	unsigned int shift = core->bdev.lim.max_ethq_depth_shift;
	unsigned int i;

	net->tx_shift = min_t(unsigned int, BVF_TX_SHIFT, shift);
	net->rx_shift = min_t(unsigned int, BVF_RX_SHIFT, shift);
	net->q = kvcalloc(net->nr_q, sizeof(*net->q), GFP_KERNEL);
	if (!net->q)
		return -ENOMEM;
	for (i = 0; i < net->nr_q; i++) {
		struct bvf_ethq *q = &net->q[i];

		q->net = net;
		q->core = core;
		q->index = i;
		q->vec = &core->vec[core->nr_vec > 1 ? 1 + i : 0];
		u64_stats_init(&q->tx_stats.sync);
		u64_stats_init(&q->rx_stats.sync);
	}
	return 0;
}

static void bvf_net_set_xps(struct bvf_core *core, struct net_device *netdev, unsigned int nr)
{
	int node = dev_to_node(bvf_device(core));
	unsigned int i;

	for (i = 0; nr > 1 && i < nr; i++)
		netif_set_xps_queue(netdev, cpumask_of(cpumask_local_spread(i, node)), i);
}

int bvf_net_create(struct bvf_core *core)
{
	struct net_device *netdev;
	struct bvf_net *net;
	unsigned int nr_q;
	int err;

	if (!(core->bdev.features & BVF_FEAT_ETH) || !core->bdev.lim.max_ethq) {
		dev_err(bvf_device(core), "function has no Ethernet\n");
		return -EOPNOTSUPP;
	}
	nr_q = min3(max(core->nr_vec - 1, 1u), num_online_cpus(), (u32)core->bdev.lim.max_ethq);
	netdev = alloc_etherdev_mqs(sizeof(*net), nr_q, nr_q);
	if (!netdev)
		return -ENOMEM;
	SET_NETDEV_DEV(netdev, bvf_device(core));
	net = netdev_priv(netdev);
	net->core = core;
	net->netdev = netdev;
	net->nr_q = nr_q;
	mutex_init(&net->lock);
	INIT_WORK(&net->rx_mode, bvf_rx_mode_work);
	err = bvf_net_init_queues(core, net);
	if (err)
		goto err_free_netdev;

	netdev->netdev_ops = &bvf_netdev_ops;
	netdev->ethtool_ops = &bvf_ethtool_ops;
	netdev->watchdog_timeo = BVF_TX_TIMEOUT;
	bvf_net_set_caps(core, netdev);
	netif_carrier_off(netdev);
	err = register_netdev(netdev);
	if (err)
		goto err_free_queues;
	bvf_net_set_xps(core, netdev, nr_q);
	core->bdev.netdev = netdev;
	/* Pairs with the acquire in bvf_net_link(). */
	smp_store_release(&core->net, net);
	bvf_net_link(core, bvf_rd32(core, BVF_REG_STATUS) & BVF_STS_LINK);
	return 0;

err_free_queues:
	kvfree(net->q);
err_free_netdev:
	free_netdev(netdev);
	return err;
}

void bvf_net_destroy(struct bvf_core *core)
{
	struct bvf_net *net = core->net;

	WRITE_ONCE(core->net, NULL);
	bvf_irqs_sync(core);
	unregister_netdev(net->netdev);
	cancel_work_sync(&net->rx_mode);
	core->bdev.netdev = NULL;
	kvfree(net->q);
	free_netdev(net->netdev);
}

/* Frees the queues, but the device stays, and comes back as it was. */
void bvf_net_suspend(struct bvf_core *core)
{
	struct bvf_net *net = core->net;

	rtnl_lock();
	netif_device_detach(net->netdev);
	netif_carrier_off(net->netdev);
	bvf_net_down(net);
	rtnl_unlock();
}

int bvf_net_resume(struct bvf_core *core)
{
	struct bvf_net *net = core->net;
	int err = 0;

	rtnl_lock();
	if (netif_running(net->netdev))
		err = bvf_net_up(net);
	bvf_net_reattach(net);
	rtnl_unlock();
	bvf_net_link(core, bvf_rd32(core, BVF_REG_STATUS) & BVF_STS_LINK);
	return err;
}

/* Any context: the link went up or down. */
void bvf_net_link(struct bvf_core *core, bool up)
{
	/* Pairs with the release in bvf_net_create(). */
	struct bvf_net *net = smp_load_acquire(&core->net);

	if (!net || netif_carrier_ok(net->netdev) == up)
		return;
	if (up)
		netif_carrier_on(net->netdev);
	else
		netif_carrier_off(net->netdev);
}
