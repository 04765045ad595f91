// SPDX-License-Identifier: GPL-2.0
/*
 * A function from reset to ready, and back to reset.
 * Knows nothing of the netdev or the auxiliary device on top of it.
 */
#include <linux/delay.h>

#include "core.h"

#define BVF_RESET_TIMEOUT_MS	10000
#define BVF_READY_TIMEOUT_MS	5000
#define BVF_POLL_MS		2

#define BVF_FEAT_ALL		(BVF_FEAT_RC | BVF_FEAT_UD | BVF_FEAT_ETH | \
				 BVF_FEAT_ETH_CSUM | BVF_FEAT_ETH_TSO)

int bvf_check_identity(struct bvf_core *core)
{
	u32 magic = bvf_rd32(core, BVF_REG_MAGIC);
	u32 version = bvf_rd32(core, BVF_REG_VERSION);

	if (magic != BVF_MAGIC) {
		dev_err(bvf_device(core), "no bvf function: magic %#x\n", magic);
		return -ENODEV;
	}
	if (BVF_VERSION_MAJOR(version) != BVF_VERSION_MAJOR(BVF_VERSION)) {
		dev_err(bvf_device(core), "interface version %u.%u, driver knows %u.x\n",
			BVF_VERSION_MAJOR(version), BVF_VERSION_MINOR(version),
			BVF_VERSION_MAJOR(BVF_VERSION));
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * bvf_hw_reset - make the card drop every object and let go of all memory
 * @core:	function
 *
 * Return: 0, -ENODEV if the function is not there any more, or -ETIMEDOUT
 */
int bvf_hw_reset(struct bvf_core *core)
{
	unsigned int ms;
	u32 ctrl, sts;

	bvf_wr32(core, BVF_REG_CTRL, BVF_CTRL_RESET);
	for (ms = 0; ms < BVF_RESET_TIMEOUT_MS; ms += BVF_POLL_MS) {
		ctrl = bvf_rd32(core, BVF_REG_CTRL);
		sts = bvf_rd32(core, BVF_REG_STATUS);
		if (PCI_POSSIBLE_ERROR(ctrl) && PCI_POSSIBLE_ERROR(sts))
			return -ENODEV;
		if (!ctrl && !(sts & BVF_STS_RESETTING))
			return 0;
		msleep(BVF_POLL_MS);
	}
	return -ETIMEDOUT;
}

/*
 * After it the function reads and writes no memory. Without bus mastering it
 * cannot, so that is the last resort for a card that does not answer.
 */
void bvf_hw_quiesce(struct bvf_core *core)
{
	int err;

	err = bvf_hw_reset(core);
	if (err == -ETIMEDOUT)
		dev_err(bvf_device(core), "function does not reset, taking it off the bus\n");
	pci_clear_master(core->bdev.pdev);
}

static int bvf_hw_enable(struct bvf_core *core)
{
	u64 features = bvf_rd64(core, BVF_REG_FEATURES) & BVF_FEAT_ALL;
	struct bvf_aq *aq = &core->aq;
	unsigned int ms;
	u32 sts;

	bvf_wr64(core, BVF_REG_DRV_FEATURES, features);
	bvf_wr64(core, BVF_REG_AQ_SQ, aq->sq_buf.dma);
	bvf_wr64(core, BVF_REG_AQ_CQ, aq->cq_buf.dma);
	bvf_wr32(core, BVF_REG_AQ_SHIFT, BVF_AQ_SHIFT);
	bvf_wr32(core, BVF_REG_CTRL, BVF_CTRL_ENABLE);
	for (ms = 0; ms < BVF_READY_TIMEOUT_MS; ms += BVF_POLL_MS) {
		sts = bvf_rd32(core, BVF_REG_STATUS);
		if (sts & BVF_STS_FATAL)
			break;
		if (sts & BVF_STS_READY) {
			core->bdev.features = features;
			return 0;
		}
		msleep(BVF_POLL_MS);
	}
	dev_err(bvf_device(core), "function does not start: status %#x, error %u\n", sts,
		bvf_rd32(core, BVF_REG_ERROR));
	return -EIO;
}

/* DESCRIBE; at a later start the function must be able to do what it did. */
static int bvf_describe(struct bvf_core *core)
{
	struct bvf_limits *had = &core->bdev.lim;
	struct bvf_limits lim = {};
	int err;

	err = bvf_cmd_describe(core, &lim);
	if (err)
		return err;
	if (lim.max_eq < core->nr_vec) {
		dev_err(bvf_device(core), "%u event queues for %u vectors\n", lim.max_eq,
			core->nr_vec);
		return -EPROTO;
	}
	if (core->net && (!ether_addr_equal(lim.mac, had->mac) || lim.max_ethq < had->max_ethq ||
			  lim.max_mtu < had->max_mtu ||
			  lim.max_ethq_depth_shift < had->max_ethq_depth_shift)) {
		dev_err(bvf_device(core), "function came back as another one\n");
		return -EPROTO;
	}
	*had = lim;
	return 0;
}

/**
 * bvf_start - take a function from any state to a running one
 * @core:	function with vectors; no admin command is possible before
 *
 * Afterwards admin queue, context 0 and EQs are there.
 *
 * Return: 0 or -errno; on failure the function is as after bvf_stop()
 */
int bvf_start(struct bvf_core *core)
{
	int err;

	err = bvf_hw_reset(core);
	if (err) {
		dev_err(bvf_device(core), "function does not reset: %d\n", err);
		return err;
	}
	err = bvf_buf_alloc(&core->bdev, &core->db_buf, BVF_PAGE_SIZE);
	if (err)
		return err;
	core->bdev.db = core->db_buf.va;
	err = bvf_aq_init(core);
	if (err)
		goto err_free_db;
	err = bvf_irqs_request(core);
	if (err)
		goto err_free_aq;

	pci_set_master(core->bdev.pdev);
	core->fail_once = 0;
	clear_bit(BVF_F_FAILED, &core->flags);
	set_bit(BVF_F_STARTED, &core->flags);
	err = bvf_hw_enable(core);
	if (err)
		goto err_stop;
	bvf_aq_open(core);
	err = bvf_describe(core);
	if (err)
		goto err_stop;
	err = bvf_cmd_create_uctx0(core, core->db_buf.dma);
	if (err)
		goto err_stop;
	err = bvf_eqs_create(core);
	if (err)
		goto err_stop;
	return 0;

err_stop:
	dev_err(bvf_device(core), "start failed: %d\n", err);
	bvf_stop(core);
	return err;
err_free_aq:
	bvf_aq_free(core);
err_free_db:
	bvf_buf_free(&core->bdev, &core->db_buf);
	return err;
}

/**
 * bvf_stop - reset the function and free what bvf_start() made
 * @core:	function; nothing on top of it is left
 */
void bvf_stop(struct bvf_core *core)
{
	if (!test_and_clear_bit(BVF_F_STARTED, &core->flags))
		return;
	bvf_aq_kill(core);
	if (!test_and_set_bit(0, &core->fail_once)) {
		bvf_hw_quiesce(core);
		set_bit(BVF_F_QUIET, &core->flags);
		bvf_aq_flush(core);
		complete_all(&core->quiesced);
	}
	wait_for_completion(&core->quiesced);
	bvf_aq_drain(core);
	bvf_irqs_free(core);
	bvf_eqs_free(core);
	bvf_aq_free(core);
	bvf_buf_free(&core->bdev, &core->db_buf);
}
