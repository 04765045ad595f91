// SPDX-License-Identifier: GPL-2.0
/*
 * A function: what the vfio-user client asks of it, and its life cycle.
 *
 * Life cycle: DISABLED -> (CTRL.ENABLE) -> READY, or FATAL if that cannot be;
 * READY -> FATAL when the guest breaks its admin queue; any -> DISABLED by a
 * reset (CTRL.RESET, FLR, VFIO reset, end of the client). On the way out of
 * READY the data plane lets go of all objects ("stopping"); until it has
 * said so, the guest sees RESETTING, and an FLR or VFIO reset is not answered,
 * since after the answer the guest may use its memory for something else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card.h"
#include "lib/log.h"
#include "vfu/vfu.h"

void bvf_card_epoch(struct bvf_card *card)
{
	__atomic_add_fetch(&card->dram->epoch, 1, __ATOMIC_RELEASE);
}

void bvf_fn_wait_check(struct bvf_fn *fn)
{
	bool busy;

	switch (fn->wait) {
	case BVF_FN_WAIT_STOP:
		busy = fn->stopping;
		break;
	case BVF_FN_WAIT_IRQ:
		busy = bvf_irq_busy(fn);
		break;
	case BVF_FN_WAIT_DMA:
		busy = fn->sync_call.busy;
		break;
	default:
		return;
	}
	if (busy)
		return;
	fn->wait = BVF_FN_WAIT_NONE;
	bvf_vfu_complete(fn->vfu, 0);
}

static void regs_reset(struct bvf_fn *fn)
{
	fn->state = BVF_FN_DISABLED;
	fn->error = BVF_DEV_OK;
	fn->drv_features = 0;
	fn->aq_sq = 0;
	fn->aq_cq = 0;
	fn->aq_shift = 0;
	fn->reset_pending = false;
}

/* The data plane has let go of all objects. */
static void fn_stopped(struct bvf_dp_call *call)
{
	struct bvf_fn *fn = container_of(call, struct bvf_fn, stop_call);

	bvf_objs_clear(fn);
	fn->stopping = false;
	fn->active = false;
	bvf_mem_release(fn);
	if (fn->reset_pending) {
		regs_reset(fn);
		bvf_info("%s: reset", fn->name);
	}
	bvf_fn_wait_check(fn);
}

/* Return: true if nothing holds on to the function's objects (any more) */
static bool fn_stop(struct bvf_fn *fn)
{
	if (fn->stopping)
		return false;
	if (!fn->active)
		return true;
	bvf_aq_disable(fn);
	__atomic_store_n(&fn->df->up, 0, __ATOMIC_RELEASE);
	bvf_card_epoch(fn->card);
	fn->stopping = true;
	fn->stop_call.msg = (struct bvf_ipc_msg){
		.type = BVF_IPC_FUNC_STOP, .func = fn->index,
	};
	fn->stop_call.fd = -1;
	fn->stop_call.done = fn_stopped;
	bvf_dp_call(fn->card, &fn->stop_call);
	return false;
}

bool bvf_fn_reset(struct bvf_fn *fn)
{
	if (!fn_stop(fn)) {
		fn->reset_pending = true;
		return false;
	}
	regs_reset(fn);
	return true;
}

bool bvf_fn_fatal(struct bvf_fn *fn, enum bvf_dev_error error, const char *why)
{
	if (fn->state != BVF_FN_FATAL)
		bvf_err("%s: stopped until it is reset: %s", fn->name, why);
	fn->state = BVF_FN_FATAL;
	fn->error = error;
	if (fn_stop(fn))
		return true;
	/* Tell the driver; it looks at STATUS on vector 0. */
	bvf_irq_raise(fn, 0);
	return false;
}

void bvf_fn_enable(struct bvf_fn *fn)
{
	enum bvf_dev_error error;

	if (fn->state != BVF_FN_DISABLED || fn->stopping)
		return;
	if (fn->drv_features & ~bvf_features()) {
		bvf_fn_fatal(fn, BVF_DEV_BAD_FEATURES,
			     "the driver takes features that are not offered");
		return;
	}
	if (!bvf_pci_master(fn)) {
		bvf_fn_fatal(fn, BVF_DEV_NOT_MASTER, "bus mastering is off");
		return;
	}
	error = bvf_aq_enable(fn);
	if (error != BVF_DEV_OK) {
		bvf_fn_fatal(fn, error, "admin queue address, alignment or depth");
		return;
	}
	fn->df->features = (uint32_t)fn->drv_features;
	fn->df->async_eqn = BVF_EQN_NONE;
	fn->active = true;
	fn->state = BVF_FN_READY;
	__atomic_store_n(&fn->df->up, 1, __ATOMIC_RELEASE);
	bvf_card_epoch(fn->card);
	bvf_info("%s: enabled", fn->name);
}

/* Return: what an op returns that may defer until the function has stopped */
static int wait_stop(struct bvf_fn *fn, bool done)
{
	if (done)
		return 0;
	fn->wait = BVF_FN_WAIT_STOP;
	return BVF_VFU_DEFER;
}

static void sync_done(struct bvf_dp_call *call)
{
	bvf_fn_wait_check(container_of(call, struct bvf_fn, sync_call));
}

/* The data plane drops what it has cached of the function's windows. */
static void dma_sync(struct bvf_fn *fn)
{
	fn->sync_call.msg = (struct bvf_ipc_msg){
		.type = BVF_IPC_DMA_SYNC, .func = fn->index,
	};
	fn->sync_call.fd = -1;
	fn->sync_call.done = sync_done;
	bvf_dp_call(fn->card, &fn->sync_call);
}

static int wait_sync(struct bvf_fn *fn)
{
	/* One at a time: the client waits for each. */
	if (!fn->sync_call.busy)
		dma_sync(fn);
	fn->wait = BVF_FN_WAIT_DMA;
	return BVF_VFU_DEFER;
}

/* ---- ops of the vfio-user server ---- */

static void op_opened(void *dev)
{
	struct bvf_fn *fn = dev;

	fn->closing = false;
	bvf_share_forget(fn);
}

static int op_closed(void *dev)
{
	struct bvf_fn *fn = dev;
	bool stopped;

	fn->closing = true;
	stopped = bvf_fn_reset(fn);
	bvf_irq_set(fn, 0, BVF_MAX_VECTORS, NULL);
	bvf_pci_reset(fn);
	fn->df->master = 0;
	return wait_stop(fn, stopped);
}

static int op_region_read(void *dev, unsigned int region, uint64_t off,
			  void *buf, size_t len)
{
	const struct bvf_fn *fn = dev;
	uint32_t val;

	switch (region) {
	case BVF_VFU_CONFIG:
		memcpy(buf, fn->cfg + off, len);
		break;
	case BVF_BAR_REGS:
		if (len != sizeof(val) || off % sizeof(val))
			break;
		val = bvf_regs_read(fn, (uint32_t)off);
		memcpy(buf, &val, sizeof(val));
		break;
	case BVF_BAR_MSIX:
		memcpy(buf, fn->msix + off, len);
		break;
	default:
		break;
	}
	return 0;
}

static int config_write(struct bvf_fn *fn, uint64_t off, const void *buf,
			size_t len)
{
	unsigned int events = bvf_pci_write(fn, (uint32_t)off, buf, len);
	bool stopped = true;

	if (events & BVF_PCI_EV_MASTER)
		fn->df->master = bvf_pci_master(fn);
	if (events & BVF_PCI_EV_FLR)
		stopped = bvf_fn_reset(fn);
	else if ((events & BVF_PCI_EV_MASTER) && !fn->df->master && fn->active)
		stopped = bvf_fn_fatal(fn, BVF_DEV_NOT_MASTER,
				       "bus mastering was switched off");
	if (!stopped)
		return wait_stop(fn, false);
	if (events & BVF_PCI_EV_MASTER)
		return wait_sync(fn);
	return 0;
}

/* A kick: tell the data plane that the context has work. */
static void kick_write(struct bvf_fn *fn, uint64_t off)
{
	uint32_t ctx = (uint32_t)(off >> BVF_PAGE_SHIFT);

	if (fn->state != BVF_FN_READY || fn->stopping)
		return;
	__atomic_or_fetch(&fn->df->kick[ctx / 64], 1ull << (ctx % 64),
			  __ATOMIC_RELEASE);
	__atomic_or_fetch(&fn->card->dram->kick, 1ull << fn->index,
			  __ATOMIC_RELEASE);
	bvf_dp_wake(fn->card);
}

static int op_region_write(void *dev, unsigned int region, uint64_t off,
			   const void *buf, size_t len)
{
	struct bvf_fn *fn = dev;
	uint32_t val;

	switch (region) {
	case BVF_VFU_CONFIG:
		return config_write(fn, off, buf, len);
	case BVF_BAR_REGS:
		if (len != sizeof(val) || off % sizeof(val))
			return 0;
		memcpy(&val, buf, sizeof(val));
		bvf_regs_write(fn, (uint32_t)off, val);
		return 0;
	case BVF_BAR_KICK:
		kick_write(fn, off);
		return 0;
	case BVF_BAR_MSIX:
		memcpy(fn->msix + off, buf, len);
		return 0;
	default:
		return 0;
	}
}

static int op_dma_map(void *dev, struct bvf_vfu_dma *dma, int fd)
{
	struct bvf_fn *fn = dev;
	int err;

	if (fd < 0)
		return 0;
	err = bvf_mem_map(fn, dma->iova, dma->size, fd, dma->offset,
			  dma->writable);
	/* Memory of a kind we cannot use is as good as memory without a file. */
	if (err == -ENOTSUP)
		return 0;
	if (!err)
		dma->cookie = fn;
	return err;
}

static void op_dma_unmap(void *dev, const struct bvf_vfu_dma *dma)
{
	if (dma->cookie)
		bvf_mem_unmap(dev, dma->iova);
}

static int op_dma_changed(void *dev)
{
	return wait_sync(dev);
}

/* Return: true if it is the index that the function's vectors are under */
static bool irq_index_used(const struct bvf_fn *fn, unsigned int index)
{
	return index == (fn->irq_kind == BVF_IRQ_KIND_MSI ? BVF_VFU_IRQ_MSI :
			 BVF_VFU_IRQ_MSIX);
}

static int op_irq_set(void *dev, unsigned int index, uint32_t start,
		      uint32_t count, const int *fds)
{
	struct bvf_fn *fn = dev;
	int err;

	if (!irq_index_used(fn, index)) {
		/* The error interrupt: it would stop the VM, so never raised. */
		for (uint32_t i = 0; fds && i < count; i++)
			close(fds[i]);
		return 0;
	}
	err = bvf_irq_set(fn, start, count, fds);
	if (err || !bvf_irq_busy(fn))
		return err;
	fn->wait = BVF_FN_WAIT_IRQ;
	return BVF_VFU_DEFER;
}

static void op_irq_trigger(void *dev, unsigned int index, uint32_t vector)
{
	struct bvf_fn *fn = dev;

	if (irq_index_used(fn, index))
		bvf_irq_raise(fn, vector);
}

static int op_reset(void *dev)
{
	struct bvf_fn *fn = dev;

	bvf_pci_reset(fn);
	fn->df->master = 0;
	return wait_stop(fn, bvf_fn_reset(fn));
}

static const struct bvf_vfu_ops fn_ops = {
	.opened		= op_opened,
	.closed		= op_closed,
	.region_read	= op_region_read,
	.region_write	= op_region_write,
	.dma_map	= op_dma_map,
	.dma_unmap	= op_dma_unmap,
	.dma_changed	= op_dma_changed,
	.irq_set	= op_irq_set,
	.irq_trigger	= op_irq_trigger,
	.reset		= op_reset,
};

static int fn_serve(struct bvf_fn *fn)
{
	struct bvf_vfu_config cfg = {
		.path = fn->path,
		.name = fn->name,
		.ops = &fn_ops,
		.dev = fn,
		.region_size = {
			[BVF_BAR_REGS] = BVF_BAR_REGS_SIZE,
			[BVF_BAR_KICK] = BVF_BAR_KICK_SIZE,
			[BVF_VFU_CONFIG] = BVF_CFG_SIZE,
		},
		.irq_count = { [BVF_VFU_IRQ_ERR] = 1 },
	};

	if (fn->irq_kind == BVF_IRQ_KIND_MSI) {
		cfg.irq_count[BVF_VFU_IRQ_MSI] = BVF_MAX_VECTORS;
	} else {
		cfg.irq_count[BVF_VFU_IRQ_MSIX] = BVF_MAX_VECTORS;
		cfg.region_size[BVF_BAR_MSIX] = BVF_BAR_MSIX_SIZE;
	}
	return bvf_vfu_create(&fn->card->loop, &cfg, &fn->vfu);
}

/*
 * The same name in the same place gives the same address, so that a guest
 * finds its function again; cards in other places get other addresses.
 */
static void mac_make(const struct bvf_fn *fn, uint8_t mac[6])
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (const char *p = fn->path; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 0x100000001b3ull;
	hash ^= hash >> 32;
	mac[0] = 0x02;
	mac[1] = 0xbf;
	mac[2] = (uint8_t)(hash >> 16);
	mac[3] = (uint8_t)(hash >> 8);
	mac[4] = (uint8_t)hash;
	mac[5] = (uint8_t)fn->index;
}

/* A frame's destination must be one function. */
static bool mac_is_taken(const struct bvf_fn *fn)
{
	for (uint32_t i = 0; i < fn->card->nr_fn; i++) {
		const struct dram_func *df = fn->card->fn[i]->df;

		if (df->network == fn->df->network &&
		    !memcmp(df->mac, fn->df->mac, sizeof(df->mac)))
			return true;
	}
	return false;
}

static int fn_setup(struct bvf_fn *fn, const struct bvf_fn_config *cfg)
{
	struct dram_func *df = fn->df;
	int len;

	snprintf(fn->name, sizeof(fn->name), "%s", cfg->name);
	if (cfg->sock)
		len = snprintf(fn->path, sizeof(fn->path), "%s", cfg->sock);
	else
		len = snprintf(fn->path, sizeof(fn->path), "%s/%s.sock",
			       fn->card->dir, cfg->name);
	if (len < 0 || (size_t)len >= sizeof(fn->path))
		return -ENAMETOOLONG;
	fn->irq_kind = cfg->irq_kind;
	memcpy(df->name, fn->name, sizeof(df->name));
	df->network = cfg->network;
	df->async_eqn = BVF_EQN_NONE;
	df->eth_mtu = 1500;
	df->eth_nr_rxq = 1;
	if (cfg->has_mac)
		memcpy(df->mac, cfg->mac, sizeof(df->mac));
	else
		mac_make(fn, df->mac);
	return mac_is_taken(fn) ? -EEXIST : 0;
}

int bvf_fn_create(struct bvf_card *card, const struct bvf_fn_config *cfg)
{
	struct bvf_fn *fn;
	int err;

	if (card->nr_fn >= DRAM_MAX_FUNC)
		return -ENOSPC;
	fn = calloc(1, sizeof(*fn));
	if (!fn)
		return -ENOMEM;
	fn->card = card;
	fn->index = card->nr_fn;
	fn->df = &card->dram->func[fn->index];
	fn->closing = true;
	err = fn_setup(fn, cfg);
	if (err)
		goto err_free;
	bvf_pci_init(fn);
	bvf_irq_init(fn);
	bvf_aq_init(fn);
	bvf_share_init(fn);
	err = bvf_objs_init(fn);
	if (err)
		goto err_free;
	err = fn_serve(fn);
	if (err)
		goto err_objs;
	card->fn[card->nr_fn++] = fn;
	card->dram->nr_func = card->nr_fn;
	return 0;

err_objs:
	bvf_objs_fini(fn);
err_free:
	free(fn);
	return err;
}

void bvf_fn_destroy(struct bvf_fn *fn)
{
	bvf_vfu_destroy(fn->vfu);
	bvf_objs_fini(fn);
	free(fn);
}
