// SPDX-License-Identifier: GPL-2.0
/*
 * PCI driver of a bvf function: probe, remove, failure, reset.
 * Puts the layers together; what each does is in its own file.
 *
 * A function goes through these states:
 *
 *   probe -> running: bvf_start(), netdev, auxiliary device
 *   running -> dead:  bvf_fail(), from whoever notices. The function is reset
 *	at once, so that it lets go of all memory; only then do waiting commands
 *	return, with -EIO. Destroy commands succeed from then on.
 *   dead -> running:  bvf_recover_work(): the auxiliary device goes, the netdev's
 *	queues go, bvf_stop(), bvf_start(), and both come back
 *   running -> down -> running: the same around a reset by the PCI core, and sleep
 *   any -> gone: remove, also after the function was pulled
 *
 * Only one of remove, PCI reset and recovery works on a function at a time:
 * the first two exclude each other by the PCI device's lock, and stop the
 * third before they begin.
 */
#include <linux/module.h>

#include "core.h"

#define BVF_HEALTH_PERIOD	(5 * HZ)

struct workqueue_struct *bvf_wq;

bool bvf_dev_dead(struct bvf_dev *bdev)
{
	return test_bit(BVF_F_QUIET, &to_core(bdev)->flags);
}
EXPORT_SYMBOL_GPL(bvf_dev_dead);

static bool bvf_gone(struct bvf_core *core)
{
	return pci_channel_offline(core->bdev.pdev) ||
	       PCI_POSSIBLE_ERROR(bvf_rd32(core, BVF_REG_MAGIC));
}

static void bvf_queue_recover(struct bvf_core *core)
{
	if (!test_bit(BVF_F_NO_RECOVER, &core->flags))
		queue_work(bvf_wq, &core->recover);
}

/* For whoever set fail_once: when it returns the function touches no memory any more. */
static void bvf_take_down(struct bvf_core *core)
{
	bvf_aq_kill(core);
	if (!bvf_gone(core))
		bvf_hw_quiesce(core);
	set_bit(BVF_F_QUIET, &core->flags);
	bvf_aq_flush(core);
	complete_all(&core->quiesced);
}

/**
 * bvf_fail - take a function down that does not do what it should
 * @core:	function
 * @why:	for the log
 *
 * May sleep. When it returns the function touches no memory any more.
 */
void bvf_fail(struct bvf_core *core, const char *why)
{
	if (test_and_set_bit(0, &core->fail_once)) {
		wait_for_completion(&core->quiesced);
		return;
	}
	if (bvf_gone(core))
		dev_info(bvf_device(core), "function is gone\n");
	else
		dev_err(bvf_device(core), "%s: status %#x, error %u; resetting\n", why,
			bvf_rd32(core, BVF_REG_STATUS), bvf_rd32(core, BVF_REG_ERROR));
	bvf_take_down(core);
	/* Not left to recovery: while the function is being removed there is none. */
	bvf_client_fatal(core);
	bvf_queue_recover(core);
}

/* The same from atomic context: somewhat later. */
void bvf_fail_async(struct bvf_core *core, const char *why)
{
	dev_err_ratelimited(bvf_device(core), "%s\n", why);
	set_bit(BVF_F_FAILED, &core->flags);
	bvf_queue_recover(core);
}

/* Takes down what stands on the function, then the function. */
static void bvf_down(struct bvf_core *core)
{
	if (bvf_dev_dead(&core->bdev))
		bvf_client_fatal(core);
	bvf_aux_del(core);
	bvf_net_suspend(core);
	bvf_stop(core);
}

static int bvf_up(struct bvf_core *core)
{
	int err;

	err = bvf_start(core);
	if (err)
		return err;
	err = bvf_net_resume(core);
	if (err)
		dev_err(bvf_device(core), "Ethernet does not come back: %d\n", err);
	err = bvf_aux_add(core);
	if (err)
		dev_err(bvf_device(core), "RDMA does not come back: %d\n", err);
	queue_delayed_work(bvf_wq, &core->health, BVF_HEALTH_PERIOD);
	return 0;
}

static void bvf_recover_work(struct work_struct *work)
{
	struct bvf_core *core = container_of(work, struct bvf_core, recover);

	/* Queued once more while it ran, often by itself: it has done it all. */
	if (!test_bit(BVF_F_FAILED, &core->flags) && !bvf_dev_dead(&core->bdev))
		return;
	bvf_fail(core, "failure");
	cancel_delayed_work_sync(&core->health);
	if (bvf_gone(core)) {
		/* remove will do the rest; those on top should know by now */
		bvf_client_fatal(core);
		return;
	}
	bvf_down(core);
	if (!bvf_up(core))
		dev_info(bvf_device(core), "function runs again\n");
}

/* The card has no way to interrupt about a failure of its own. */
static void bvf_health_work(struct work_struct *work)
{
	struct bvf_core *core = container_of(to_delayed_work(work), struct bvf_core, health);
	u32 sts = bvf_rd32(core, BVF_REG_STATUS);

	if (sts & BVF_STS_FATAL) {
		bvf_fail(core, "card reports a failure");
		return;
	}
	bvf_net_link(core, sts & BVF_STS_LINK);
	queue_delayed_work(bvf_wq, &core->health, BVF_HEALTH_PERIOD);
}

/* After it no work of the function runs nor will. */
static void bvf_stop_works(struct bvf_core *core)
{
	set_bit(BVF_F_NO_RECOVER, &core->flags);
	/* Recovery starts health, health starts recovery: the flag ends that. */
	cancel_work_sync(&core->recover);
	cancel_delayed_work_sync(&core->health);
	cancel_work_sync(&core->recover);
}

static int bvf_map_bars(struct bvf_core *core)
{
	struct pci_dev *pdev = core->bdev.pdev;
	int err;

	if (pci_resource_len(pdev, BVF_BAR_REGS) < BVF_BAR_REGS_SIZE ||
	    pci_resource_len(pdev, BVF_BAR_KICK) < BVF_BAR_KICK_SIZE) {
		dev_err(&pdev->dev, "BARs are too small\n");
		return -ENODEV;
	}
	err = pci_request_regions(pdev, KBUILD_MODNAME);
	if (err)
		return err;
	core->regs = pci_iomap_range(pdev, BVF_BAR_REGS, 0, BVF_BAR_REGS_SIZE);
	core->bdev.kick = pci_iomap_range(pdev, BVF_BAR_KICK, 0, BVF_PAGE_SIZE);
	core->bdev.kick_phys = pci_resource_start(pdev, BVF_BAR_KICK);
	if (core->regs && core->bdev.kick)
		return 0;

	if (core->regs)
		pci_iounmap(pdev, core->regs);
	if (core->bdev.kick)
		pci_iounmap(pdev, core->bdev.kick);
	pci_release_regions(pdev);
	return -ENOMEM;
}

static void bvf_unmap_bars(struct bvf_core *core)
{
	struct pci_dev *pdev = core->bdev.pdev;

	pci_iounmap(pdev, core->bdev.kick);
	pci_iounmap(pdev, core->regs);
	pci_release_regions(pdev);
}

static struct bvf_core *bvf_core_alloc(struct pci_dev *pdev)
{
	struct bvf_core *core;

	core = kvzalloc_obj(*core, GFP_KERNEL);
	if (!core)
		return NULL;
	core->bdev.pdev = pdev;
	xa_init(&core->comps);
	mutex_init(&core->client_lock);
	INIT_WORK(&core->recover, bvf_recover_work);
	INIT_DEFERRABLE_WORK(&core->health, bvf_health_work);
	bvf_aq_setup(core);
	return core;
}

static void bvf_core_free(struct bvf_core *core)
{
	xa_destroy(&core->comps);
	mutex_destroy(&core->client_lock);
	kvfree(core);
}

static int bvf_pci_init(struct bvf_core *core)
{
	struct pci_dev *pdev = core->bdev.pdev;
	int err;

	err = pci_enable_device_mem(pdev);
	if (err)
		return err;
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		goto err_disable;
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	err = bvf_map_bars(core);
	if (err)
		goto err_disable;
	err = bvf_check_identity(core);
	if (err)
		goto err_unmap;
	err = bvf_vectors_alloc(core);
	if (err)
		goto err_unmap;
	return 0;

err_unmap:
	bvf_unmap_bars(core);
err_disable:
	pci_disable_device(pdev);
	return err;
}

static void bvf_pci_exit(struct bvf_core *core)
{
	bvf_vectors_free(core);
	bvf_unmap_bars(core);
	pci_disable_device(core->bdev.pdev);
}

static int bvf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct bvf_core *core;
	int err;

	core = bvf_core_alloc(pdev);
	if (!core)
		return -ENOMEM;
	pci_set_drvdata(pdev, core);
	err = bvf_pci_init(core);
	if (err)
		goto err_free_core;
	/* Until all is there a failure ends the probe instead of being mended. */
	set_bit(BVF_F_NO_RECOVER, &core->flags);
	err = bvf_start(core);
	if (err)
		goto err_pci_exit;
	err = bvf_net_create(core);
	if (err)
		goto err_stop;
	err = bvf_aux_add(core);
	if (err)
		goto err_net_destroy;

	clear_bit(BVF_F_NO_RECOVER, &core->flags);
	if (bvf_dev_dead(&core->bdev) || test_bit(BVF_F_FAILED, &core->flags))
		bvf_queue_recover(core);
	else
		queue_delayed_work(bvf_wq, &core->health, BVF_HEALTH_PERIOD);
	return 0;

err_net_destroy:
	bvf_net_destroy(core);
err_stop:
	bvf_stop(core);
err_pci_exit:
	bvf_pci_exit(core);
err_free_core:
	bvf_core_free(core);
	return err;
}

static void bvf_remove(struct pci_dev *pdev)
{
	struct bvf_core *core = pci_get_drvdata(pdev);

	bvf_stop_works(core);
	if (bvf_gone(core))
		bvf_fail(core, "removed");
	bvf_aux_del(core);
	bvf_net_destroy(core);
	bvf_stop(core);
	bvf_pci_exit(core);
	bvf_core_free(core);
}

/* Reboot and kexec: the next kernel must not find the function writing to its memory. */
static void bvf_shutdown(struct pci_dev *pdev)
{
	struct bvf_core *core = pci_get_drvdata(pdev);

	bvf_stop_works(core);
	if (!test_and_set_bit(0, &core->fail_once))
		bvf_take_down(core);
	wait_for_completion(&core->quiesced);
}

static void bvf_reset_prepare(struct pci_dev *pdev)
{
	struct bvf_core *core = pci_get_drvdata(pdev);

	bvf_stop_works(core);
	bvf_down(core);
}

static void bvf_reset_done(struct pci_dev *pdev)
{
	struct bvf_core *core = pci_get_drvdata(pdev);

	clear_bit(BVF_F_NO_RECOVER, &core->flags);
	if (bvf_up(core))
		dev_err(&pdev->dev, "function does not run after its reset\n");
}

/*
 * Sleep, and the image of a hibernation: the function forgets all, and must
 * write nothing meanwhile.
 */
static int bvf_suspend(struct device *dev)
{
	struct bvf_core *core = dev_get_drvdata(dev);

	set_bit(BVF_F_SUSPENDED, &core->flags);
	bvf_stop_works(core);
	bvf_down(core);
	return 0;
}

/* Not in resume: a device cannot be added below one that is still resuming. */
static void bvf_complete(struct device *dev)
{
	struct bvf_core *core = dev_get_drvdata(dev);

	if (!test_and_clear_bit(BVF_F_SUSPENDED, &core->flags))
		return;
	clear_bit(BVF_F_NO_RECOVER, &core->flags);
	if (bvf_up(core))
		dev_err(dev, "function does not run after sleep\n");
}

static const struct dev_pm_ops bvf_pm_ops = {
	.suspend = pm_sleep_ptr(bvf_suspend),
	.freeze = pm_sleep_ptr(bvf_suspend),
	.poweroff = pm_sleep_ptr(bvf_suspend),
	.complete = pm_sleep_ptr(bvf_complete),
};

static const struct pci_error_handlers bvf_err_handlers = {
	.reset_prepare = bvf_reset_prepare,
	.reset_done = bvf_reset_done,
};

static const struct pci_device_id bvf_ids[] = {
	{ PCI_DEVICE(BVF_PCI_VENDOR, BVF_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, bvf_ids);

static struct pci_driver bvf_driver = {
	.name = KBUILD_MODNAME,
	.id_table = bvf_ids,
	.probe = bvf_probe,
	.remove = bvf_remove,
	.shutdown = bvf_shutdown,
	.err_handler = &bvf_err_handlers,
	.driver.pm = pm_sleep_ptr(&bvf_pm_ops),
};

static int __init bvf_init(void)
{
	int err;

	bvf_wq = alloc_workqueue("bvf", WQ_UNBOUND, 0);
	if (!bvf_wq)
		return -ENOMEM;
	err = pci_register_driver(&bvf_driver);
	if (err)
		destroy_workqueue(bvf_wq);
	return err;
}
module_init(bvf_init);

static void __exit bvf_exit(void)
{
	pci_unregister_driver(&bvf_driver);
	destroy_workqueue(bvf_wq);
}
module_exit(bvf_exit);

MODULE_DESCRIPTION("bvf function: admin queue, events, Ethernet");
MODULE_LICENSE("GPL");
