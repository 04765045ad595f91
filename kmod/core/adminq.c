// SPDX-License-Identifier: GPL-2.0
/*
 * Admin queue: rings, command slots, waiting.
 * Knows no command; those are in cmd.c.
 *
 * The card is not trusted: a completion is copied from the ring once, and
 * counts only if its id and opcode are those of a command that waits. An id
 * is the slot's number and a sequence number, so one that comes late or
 * twice matches nothing.
 *
 * A command that does not complete in time takes the function down
 * (bvf_fail()), and its caller gets the error only after the card has let go
 * of all memory, so the caller may free what the command named.
 */
#include <linux/random.h>

#include "core.h"

#define BVF_AQ_TIMEOUT_S	30

/* Once, before anything else: a queue that is dead. */
void bvf_aq_setup(struct bvf_core *core)
{
	struct bvf_aq *aq = &core->aq;
	unsigned int i;

	init_rwsem(&aq->users);
	sema_init(&aq->free, BVF_AQ_DEPTH);
	spin_lock_init(&aq->lock);
	aq->dead = true;
	aq->seq = get_random_u32();
	for (i = 0; i < BVF_AQ_DEPTH; i++)
		init_completion(&aq->slot[i].done);
	init_completion(&core->quiesced);
	complete_all(&core->quiesced);
	set_bit(BVF_F_QUIET, &core->flags);
}

/* Waits until nobody is in bvf_aq_exec(); the queue must be dead. */
void bvf_aq_drain(struct bvf_core *core)
{
	down_write(&core->aq.users);
	up_write(&core->aq.users);
}

/* Makes the rings anew; the function has been reset. */
int bvf_aq_init(struct bvf_core *core)
{
	struct bvf_aq *aq = &core->aq;
	int err;

	err = bvf_buf_alloc(&core->bdev, &aq->sq_buf, BVF_AQ_DEPTH * BVF_CMD_SIZE);
	if (err)
		return err;
	err = bvf_buf_alloc(&core->bdev, &aq->cq_buf, BVF_AQ_DEPTH * BVF_RESP_SIZE);
	if (err)
		goto err_free_sq;
	aq->pi = 0;
	aq->ci = 0;
	return 0;

err_free_sq:
	bvf_buf_free(&core->bdev, &aq->sq_buf);
	return err;
}

void bvf_aq_free(struct bvf_core *core)
{
	bvf_buf_free(&core->bdev, &core->aq.cq_buf);
	bvf_buf_free(&core->bdev, &core->aq.sq_buf);
}

/* The card has taken the rings: commands may come. */
void bvf_aq_open(struct bvf_core *core)
{
	down_write(&core->aq.users);
	reinit_completion(&core->quiesced);
	clear_bit(BVF_F_QUIET, &core->flags);
	spin_lock_irq(&core->aq.lock);
	core->aq.dead = false;
	spin_unlock_irq(&core->aq.lock);
	up_write(&core->aq.users);
}

/* No more commands from now on. Those that wait go on waiting for bvf_aq_flush(). */
void bvf_aq_kill(struct bvf_core *core)
{
	unsigned long flags;

	spin_lock_irqsave(&core->aq.lock, flags);
	core->aq.dead = true;
	spin_unlock_irqrestore(&core->aq.lock, flags);
}

/* Fails whatever waits; the card can touch no memory any more. */
void bvf_aq_flush(struct bvf_core *core)
{
	struct bvf_aq *aq = &core->aq;
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&aq->lock, flags);
	for (i = 0; i < BVF_AQ_DEPTH; i++) {
		if (aq->slot[i].state != BVF_AQ_SENT)
			continue;
		aq->slot[i].state = BVF_AQ_DONE;
		aq->slot[i].err = -EIO;
		complete(&aq->slot[i].done);
	}
	spin_unlock_irqrestore(&aq->lock, flags);
}

static void bvf_aq_complete(struct bvf_core *core, const struct bvf_resp *resp)
{
	u32 id = le32_to_cpu(resp->hdr.id);
	struct bvf_aq *aq = &core->aq;
	struct bvf_aq_slot *slot = &aq->slot[id % BVF_AQ_DEPTH];

	lockdep_assert_held(&aq->lock);
	if (slot->state != BVF_AQ_SENT || slot->id != id ||
	    slot->opcode != le16_to_cpu(resp->hdr.opcode)) {
		aq->stale++;
		dev_warn_ratelimited(bvf_device(core), "completion %#x of no command\n", id);
		return;
	}
	slot->state = BVF_AQ_DONE;
	slot->err = 0;
	slot->resp = *resp;
	complete(&slot->done);
}

/* Takes what the completion ring holds; hard interrupt or process context. */
void bvf_aq_poll(struct bvf_core *core)
{
	struct bvf_aq *aq = &core->aq;
	struct bvf_resp *ring, resp;
	unsigned long flags;
	unsigned int n;

	spin_lock_irqsave(&aq->lock, flags);
	ring = aq->cq_buf.va;
	for (n = 0; n < BVF_AQ_DEPTH && !aq->dead; n++) {
		struct bvf_resp *r = &ring[aq->ci % BVF_AQ_DEPTH];

		if ((le32_to_cpu(READ_ONCE(r->phase)) & 1) != bvf_phase(aq->ci, BVF_AQ_SHIFT))
			break;
		/* Pairs with the card's release store of phase. */
		dma_rmb();
		memcpy(&resp, r, sizeof(resp));
		aq->ci++;
		bvf_aq_complete(core, &resp);
	}
	spin_unlock_irqrestore(&aq->lock, flags);
}

/* Puts a command into a free slot and the ring; the caller holds aq->free. */
static struct bvf_aq_slot *bvf_aq_post(struct bvf_core *core, enum bvf_opcode opcode,
				       const void *body, size_t len)
{
	struct bvf_cmd cmd = {}, *ring;
	struct bvf_aq *aq = &core->aq;
	struct bvf_aq_slot *slot;
	unsigned long flags;
	unsigned int i;

	cmd.hdr.opcode = cpu_to_le16(opcode);
	if (len)
		memcpy(cmd.body, body, len);

	spin_lock_irqsave(&aq->lock, flags);
	if (aq->dead) {
		spin_unlock_irqrestore(&aq->lock, flags);
		return NULL;
	}
	for (i = 0; i < BVF_AQ_DEPTH - 1 && aq->slot[i].state != BVF_AQ_FREE; i++)
		;
	slot = &aq->slot[i];
	slot->state = BVF_AQ_SENT;
	slot->opcode = opcode;
	slot->id = ++aq->seq << BVF_AQ_SHIFT | i;
	reinit_completion(&slot->done);
	cmd.hdr.id = cpu_to_le32(slot->id);

	ring = aq->sq_buf.va;
	ring[aq->pi % BVF_AQ_DEPTH] = cmd;
	aq->pi++;
	/* writel() orders the command before the index. */
	bvf_wr32(core, BVF_REG_AQ_DB, aq->pi);
	spin_unlock_irqrestore(&aq->lock, flags);
	return slot;
}

static void bvf_aq_release(struct bvf_aq *aq, struct bvf_aq_slot *slot)
{
	spin_lock_irq(&aq->lock);
	slot->state = BVF_AQ_FREE;
	spin_unlock_irq(&aq->lock);
	up(&aq->free);
}

static void bvf_aq_wait(struct bvf_core *core, struct bvf_aq_slot *slot)
{
	unsigned int s;

	for (s = 0; s < BVF_AQ_TIMEOUT_S; s++) {
		if (wait_for_completion_timeout(&slot->done, HZ))
			return;
		/* An interrupt may have been lost, or the function pulled. */
		bvf_aq_poll(core);
		if (try_wait_for_completion(&slot->done))
			return;
		if (bvf_rd32(core, BVF_REG_STATUS) & BVF_STS_FATAL)
			break;
	}
	bvf_fail(core, "admin command does not complete");
	wait_for_completion(&slot->done);
}

static int bvf_status_to_errno(u8 status)
{
	static const int errnos[] = {
		[BVF_ST_OK]		= 0,
		[BVF_ST_BAD_OPCODE]	= -EOPNOTSUPP,
		[BVF_ST_BAD_RSVD]	= -EINVAL,
		[BVF_ST_BAD_PARAM]	= -EINVAL,
		[BVF_ST_BAD_HANDLE]	= -ENOENT,
		[BVF_ST_BAD_ADDR]	= -EFAULT,
		[BVF_ST_BAD_STATE]	= -EINVAL,
		[BVF_ST_BUSY]		= -EBUSY,
		[BVF_ST_NO_RESOURCE]	= -ENOSPC,
		[BVF_ST_NOT_SUPP]	= -EOPNOTSUPP,
		[BVF_ST_INTERNAL]	= -EIO,
	};

	static_assert(ARRAY_SIZE(errnos) == BVF_ST_NR);
	return status < ARRAY_SIZE(errnos) ? errnos[status] : -EIO;
}

/**
 * bvf_aq_exec - give one command and wait for its completion
 * @core:	function
 * @opcode:	command
 * @body:	the command's own struct, @len bytes
 * @len:	length of @body
 * @resp:	gets the first @resp_len bytes of the answer's body on success
 * @resp_len:	length of @resp
 *
 * Return: 0, an errno for the card's status, or -EIO when the function is dead;
 * in that case the card can touch no memory any more.
 */
int bvf_aq_exec(struct bvf_core *core, enum bvf_opcode opcode, const void *body, size_t len,
		void *resp, size_t resp_len)
{
	struct bvf_aq *aq = &core->aq;
	struct bvf_aq_slot *slot;
	int err;

	if (WARN_ON_ONCE(len > sizeof_field(struct bvf_cmd, body) ||
			 resp_len > sizeof_field(struct bvf_resp, body)))
		return -EINVAL;

	might_sleep();
	down_read(&aq->users);
	down(&aq->free);
	slot = bvf_aq_post(core, opcode, body, len);
	if (!slot) {
		up(&aq->free);
		wait_for_completion(&core->quiesced);
		up_read(&aq->users);
		return -EIO;
	}
	bvf_aq_wait(core, slot);
	err = slot->err;
	if (!err) {
		err = bvf_status_to_errno(slot->resp.hdr.status);
		if (err)
			dev_dbg(bvf_device(core), "command %d: status %u\n", opcode,
				slot->resp.hdr.status);
		else if (resp_len)
			memcpy(resp, slot->resp.body, resp_len);
	}
	bvf_aq_release(aq, slot);
	up_read(&aq->users);
	return err;
}
