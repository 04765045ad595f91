/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private state of bvf.ko and what its files offer each other.
 * Not for bvf_ib.ko: that sees struct bvf_dev in bvf.h only.
 */
#ifndef BVF_CORE_H
#define BVF_CORE_H

#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "bvf.h"

#define BVF_AQ_SHIFT		6
#define BVF_AQ_DEPTH		BIT(BVF_AQ_SHIFT)
#define BVF_EQ_SHIFT		10

struct bvf_core;
struct bvf_net;
struct bvf_ethq;

enum bvf_aq_state {
	BVF_AQ_FREE,
	BVF_AQ_SENT,			/* its completion is due */
	BVF_AQ_DONE,			/* its giver has not looked yet */
};

/* One command in flight. */
struct bvf_aq_slot {
	struct completion done;
	struct bvf_resp resp;		/* copied from the ring */
	u32 id;
	u16 opcode;
	enum bvf_aq_state state;
	int err;			/* 0: resp is valid */
};

/**
 * struct bvf_aq - admin queue
 * @users:	held for reading while a command is given; for writing to see that
 *		nobody does. Outermost
 * @free:	counts free slots; taken before @lock
 * @lock:	everything below; from hard interrupt and process context
 * @dead:	no more commands; see bvf_fail()
 */
struct bvf_aq {
	struct rw_semaphore users;
	struct semaphore free;
	spinlock_t lock;		/* all below */
	bool dead;
	u32 pi;				/* commands written */
	u32 ci;				/* completions consumed */
	u32 seq;			/* makes ids unlike each other */
	unsigned long stale;		/* completions of no command */
	struct bvf_buf sq_buf;
	struct bvf_buf cq_buf;
	struct bvf_aq_slot slot[BVF_AQ_DEPTH];
};

/**
 * struct bvf_eq - event queue of one vector
 * @lock:	ci and dispatching; hard interrupt and the vector's thread
 */
struct bvf_eq {
	spinlock_t lock;		/* ci, on, dispatching */
	struct bvf_core *core;
	struct bvf_buf buf;
	struct bvf_eqe *ring;
	struct bvf_eq_dbrec *rec;
	u32 eqn;
	u32 ci;
	bool on;			/* exists on the card */
};

/* One interrupt vector: vector 0 looks at the admin queue as well. */
struct bvf_vec {
	struct bvf_core *core;
	unsigned int idx;
	int irq;
	bool requested;
	char name[32];
	struct bvf_eq eq;
	struct bvf_ethq *ethq;		/* set while the netdev is open, else NULL */
};

enum {
	BVF_F_NO_RECOVER,		/* being reset or removed: leave it dead */
	BVF_F_STARTED,			/* bvf_start() succeeded, bvf_stop() is due */
	BVF_F_FAILED,			/* bvf_fail_async() was called since bvf_start() */
	BVF_F_QUIET,			/* dead, and has let go of all memory */
	BVF_F_SUSPENDED,		/* between bvf_suspend() and bvf_complete() */
};

/**
 * struct bvf_core - a function, complete
 * @quiesced:	done when a dead function can touch no memory any more
 * @fail_once:	bit 0: somebody is taking the function down
 * @client_lock: client and client_priv change only under it; readers in hard
 *		interrupt context are waited for by synchronize_irq()
 */
struct bvf_core {
	struct bvf_dev bdev;
	u8 __iomem *regs;
	unsigned long flags;
	unsigned long fail_once;
	struct completion quiesced;
	struct bvf_aq aq;
	unsigned int nr_vec;
	struct bvf_vec *vec;
	struct bvf_buf db_buf;
	struct xarray comps;		/* cqn to struct bvf_comp */
	struct mutex client_lock;
	const struct bvf_client_ops *client;
	void *client_priv;
	struct bvf_adev *adev;
	struct bvf_net *net;
	struct work_struct recover;
	struct delayed_work health;
};

static inline struct bvf_core *to_core(struct bvf_dev *bdev)
{
	return container_of(bdev, struct bvf_core, bdev);
}

static inline struct device *bvf_device(struct bvf_core *core)
{
	return &core->bdev.pdev->dev;
}

static inline u32 bvf_rd32(struct bvf_core *core, u32 reg)
{
	return readl(core->regs + reg);
}

static inline void bvf_wr32(struct bvf_core *core, u32 reg, u32 val)
{
	writel(val, core->regs + reg);
}

static inline u64 bvf_rd64(struct bvf_core *core, u32 reg)
{
	u64 lo = bvf_rd32(core, reg);

	return lo | (u64)bvf_rd32(core, reg + 4) << 32;
}

static inline void bvf_wr64(struct bvf_core *core, u32 reg, u64 val)
{
	bvf_wr32(core, reg, lower_32_bits(val));
	bvf_wr32(core, reg + 4, upper_32_bits(val));
}

/* Phase of entry n of a ring that the card produces. */
static inline u32 bvf_phase(u32 n, unsigned int depth_shift)
{
	return ((n >> depth_shift) & 1) ^ 1;
}

/* main.c */
extern struct workqueue_struct *bvf_wq;
void bvf_fail(struct bvf_core *core, const char *why);
void bvf_fail_async(struct bvf_core *core, const char *why);

/* hwinit.c: a function from reset to ready, and back */
int bvf_check_identity(struct bvf_core *core);
int bvf_hw_reset(struct bvf_core *core);
void bvf_hw_quiesce(struct bvf_core *core);
int bvf_start(struct bvf_core *core);
void bvf_stop(struct bvf_core *core);

/* adminq.c */
void bvf_aq_setup(struct bvf_core *core);
void bvf_aq_drain(struct bvf_core *core);
void bvf_aq_open(struct bvf_core *core);
int bvf_aq_init(struct bvf_core *core);
void bvf_aq_free(struct bvf_core *core);
void bvf_aq_kill(struct bvf_core *core);
void bvf_aq_flush(struct bvf_core *core);
void bvf_aq_poll(struct bvf_core *core);
int bvf_aq_exec(struct bvf_core *core, enum bvf_opcode opcode, const void *body, size_t len,
		void *resp, size_t resp_len);

/* cmd.c: commands that only the core gives */
int bvf_cmd_describe(struct bvf_core *core, struct bvf_limits *lim);
int bvf_cmd_create_uctx0(struct bvf_core *core, dma_addr_t db);
int bvf_cmd_create_eq(struct bvf_core *core, const struct bvf_create_eq_cmd *cmd, u32 *eqn);
int bvf_cmd_create_ethq(struct bvf_core *core, const struct bvf_create_ethq_cmd *cmd);
int bvf_cmd_destroy_ethq(struct bvf_core *core, u32 index);
int bvf_cmd_set_eth(struct bvf_core *core, u32 flags, u16 mtu, u16 nr_rxq);

/* irq.c */
int bvf_vectors_alloc(struct bvf_core *core);
void bvf_vectors_free(struct bvf_core *core);
int bvf_irqs_request(struct bvf_core *core);
void bvf_irqs_free(struct bvf_core *core);
void bvf_irqs_sync(struct bvf_core *core);

/* eq.c */
int bvf_eqs_create(struct bvf_core *core);
void bvf_eqs_free(struct bvf_core *core);
bool bvf_eq_poll(struct bvf_eq *eq);
void bvf_client_fatal(struct bvf_core *core);

/* aux.c */
int bvf_aux_add(struct bvf_core *core);
void bvf_aux_del(struct bvf_core *core);

/* net.c */
int bvf_net_create(struct bvf_core *core);
void bvf_net_destroy(struct bvf_core *core);
void bvf_net_suspend(struct bvf_core *core);
int bvf_net_resume(struct bvf_core *core);
void bvf_net_link(struct bvf_core *core, bool up);
void bvf_ethq_irq(struct bvf_ethq *q);

#endif /* BVF_CORE_H */
