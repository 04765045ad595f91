// SPDX-License-Identifier: GPL-2.0
/*
 * Event queues: one for each vector, and who is told of what comes in.
 * Knows no verb; completion handlers and the client are bvf_ib.ko's.
 *
 * Vector 0 has the asynchronous events. With more vectors than one, the
 * others have the completion events; with one, its EQ has both.
 */
#include "core.h"

#define BVF_EQ_DEPTH		((u32)BIT(BVF_EQ_SHIFT))
#define BVF_EQ_REC_OFF		(BVF_EQ_DEPTH * (u32)sizeof(struct bvf_eqe))
#define BVF_EQ_BUF_LEN		(BVF_EQ_REC_OFF + BVF_PAGE_SIZE)

/* EQEs taken before the interrupt handler hands over to its thread. */
#define BVF_EQ_BUDGET		(2 * BVF_EQ_DEPTH)

static void bvf_eq_async(struct bvf_core *core, u8 type, u8 event, u32 id)
{
	const struct bvf_client_ops *ops;

	if (type == BVF_EQE_ASYNC_PORT)
		bvf_net_link(core, event == BVF_EV_PORT_ACTIVE);
	/* Pairs with the release in bvf_client_add(). */
	ops = smp_load_acquire(&core->client);
	if (ops)
		ops->async(core->client_priv, type, event, id);
}

static void bvf_eq_dispatch(struct bvf_core *core, u8 type, u8 event, u32 id)
{
	struct bvf_comp *comp;

	switch (type) {
	case BVF_EQE_COMP:
		comp = xa_load(&core->comps, id);
		if (comp)
			comp->handler(comp);
		break;
	case BVF_EQE_ASYNC_QP:
	case BVF_EQE_ASYNC_CQ:
	case BVF_EQE_ASYNC_PORT:
		bvf_eq_async(core, type, event, id);
		break;
	default:
		dev_warn_ratelimited(bvf_device(core), "event of unknown type %u\n", type);
	}
}

/* Takes one EQE; false if there is none. */
static bool bvf_eq_one(struct bvf_eq *eq)
{
	struct bvf_eqe *e = &eq->ring[eq->ci % BVF_EQ_DEPTH];
	u8 type, event;
	u32 id;

	if ((le32_to_cpu(READ_ONCE(e->phase)) & 1) != bvf_phase(eq->ci, BVF_EQ_SHIFT))
		return false;
	/* Pairs with the card's release store of phase. */
	dma_rmb();
	type = READ_ONCE(e->type);
	event = READ_ONCE(e->event);
	id = le32_to_cpu(READ_ONCE(e->id));
	eq->ci++;
	bvf_eq_dispatch(eq->core, type, event, id);
	return true;
}

static void bvf_eq_arm(struct bvf_eq *eq)
{
	WRITE_ONCE(eq->rec->ci, cpu_to_le32(eq->ci));
	WRITE_ONCE(eq->rec->arm, cpu_to_le32(eq->ci));
	/* Arm before the last look: the card writes an EQE before it looks at arm. */
	mb();
}

/**
 * bvf_eq_poll - take what an event queue holds, and arm it
 * @eq:		event queue; nothing happens if it is not on
 *
 * Return: false if there was more than the budget, and it is to be called again
 */
bool bvf_eq_poll(struct bvf_eq *eq)
{
	unsigned int n = 0;
	unsigned long flags;
	bool empty = true;

	spin_lock_irqsave(&eq->lock, flags);
	if (!eq->on)
		goto out_unlock;
	do {
		while (n < BVF_EQ_BUDGET && bvf_eq_one(eq))
			n++;
		if (n == BVF_EQ_BUDGET) {
			WRITE_ONCE(eq->rec->ci, cpu_to_le32(eq->ci));
			empty = false;
			break;
		}
		bvf_eq_arm(eq);
	} while (bvf_eq_one(eq) && ++n);
out_unlock:
	spin_unlock_irqrestore(&eq->lock, flags);
	return empty;
}

static int bvf_eq_create(struct bvf_core *core, struct bvf_vec *vec)
{
	struct bvf_create_eq_cmd cmd = {
		.buf_len = cpu_to_le32(BVF_EQ_BUF_LEN),
		.dbrec_off = cpu_to_le32(BVF_EQ_REC_OFF),
		.vector = cpu_to_le16(vec->idx),
		.depth_shift = BVF_EQ_SHIFT,
		.async = vec->idx == 0,
	};
	struct bvf_eq *eq = &vec->eq;
	int err;

	err = bvf_buf_alloc(&core->bdev, &eq->buf, BVF_EQ_BUF_LEN);
	if (err)
		return err;
	eq->ring = eq->buf.va;
	eq->rec = eq->buf.va + BVF_EQ_REC_OFF;
	eq->ci = 0;
	cmd.pl = bvf_buf_pl(&eq->buf);
	/* arm is 0, so that the very first event interrupts */
	err = bvf_cmd_create_eq(core, &cmd, &eq->eqn);
	if (err) {
		bvf_buf_free(&core->bdev, &eq->buf);
		return err;
	}
	spin_lock_irq(&eq->lock);
	eq->on = true;
	spin_unlock_irq(&eq->lock);
	/* An interrupt may have come before it was on. */
	while (!bvf_eq_poll(eq))
		cond_resched();
	return 0;
}

/* On failure the caller makes the card forget the EQs, then calls bvf_eqs_free(). */
int bvf_eqs_create(struct bvf_core *core)
{
	unsigned int i;
	int err;

	for (i = 0; i < core->nr_vec; i++) {
		err = bvf_eq_create(core, &core->vec[i]);
		if (err)
			return err;
	}
	core->bdev.nr_comp = max(core->nr_vec - 1, 1u);
	return 0;
}

/* The function has been reset by now. */
void bvf_eqs_free(struct bvf_core *core)
{
	unsigned int i;

	for (i = 0; i < core->nr_vec; i++) {
		struct bvf_eq *eq = &core->vec[i].eq;

		spin_lock_irq(&eq->lock);
		eq->on = false;
		spin_unlock_irq(&eq->lock);
		bvf_buf_free(&core->bdev, &eq->buf);
	}
}

u32 bvf_eq_get(struct bvf_dev *bdev, unsigned int vector)
{
	struct bvf_core *core = to_core(bdev);

	if (core->nr_vec == 1)
		return core->vec[0].eq.eqn;
	return core->vec[1 + vector % bdev->nr_comp].eq.eqn;
}
EXPORT_SYMBOL_GPL(bvf_eq_get);

int bvf_comp_add(struct bvf_dev *bdev, u32 cqn, struct bvf_comp *comp)
{
	return xa_insert(&to_core(bdev)->comps, cqn, comp, GFP_KERNEL);
}
EXPORT_SYMBOL_GPL(bvf_comp_add);

void bvf_comp_del(struct bvf_dev *bdev, u32 cqn)
{
	xa_erase(&to_core(bdev)->comps, cqn);
	bvf_irqs_sync(to_core(bdev));
}
EXPORT_SYMBOL_GPL(bvf_comp_del);

int bvf_client_add(struct bvf_dev *bdev, const struct bvf_client_ops *ops, void *priv)
{
	struct bvf_core *core = to_core(bdev);
	int err = 0;

	mutex_lock(&core->client_lock);
	if (core->client) {
		err = -EBUSY;
	} else {
		core->client_priv = priv;
		/* Pairs with the acquire in bvf_eq_async(). */
		smp_store_release(&core->client, ops);
	}
	mutex_unlock(&core->client_lock);
	return err;
}
EXPORT_SYMBOL_GPL(bvf_client_add);

void bvf_client_del(struct bvf_dev *bdev)
{
	struct bvf_core *core = to_core(bdev);

	mutex_lock(&core->client_lock);
	WRITE_ONCE(core->client, NULL);
	mutex_unlock(&core->client_lock);
	bvf_irqs_sync(core);
}
EXPORT_SYMBOL_GPL(bvf_client_del);

void bvf_async_sync(struct bvf_dev *bdev)
{
	bvf_irqs_sync(to_core(bdev));
}
EXPORT_SYMBOL_GPL(bvf_async_sync);

/* Tells the client that the function is dead. */
void bvf_client_fatal(struct bvf_core *core)
{
	mutex_lock(&core->client_lock);
	if (core->client)
		core->client->fatal(core->client_priv);
	mutex_unlock(&core->client_lock);
}
