/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private types of the control plane: the card, its functions, and what the
 * files of this folder owe each other. Device state is in the DRAM (dram.h);
 * here is what can be told anew from it, and what belongs to this process.
 */
#ifndef BVF_CARD_H
#define BVF_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "bvf_admin.h"
#include "bvf_ipc.h"
#include "bvf_regs.h"
#include "dram.h"
#include "ids.h"
#include "lib/loop.h"
#include "lib/version.h"

#define BVF_CFG_SIZE		4096

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

struct bvf_card;
struct bvf_fn;
struct bvf_vfu;

/* ---- dp.c: the data plane process and messages to it ---- */

/* A message that wants an answer; embedded in who sends it. */
struct bvf_dp_call {
	struct bvf_ipc_msg msg;
	int fd;			/* to pass along, -1 none; dp.c closes it */
	void (*done)(struct bvf_dp_call *call);
	/* Sets fd once more, for a data plane that starts anew; may be NULL. */
	void (*again)(struct bvf_dp_call *call);
	struct bvf_dp_call *next;
	bool busy;		/* on its way: must not be sent again */
};

struct bvf_dp {
	struct bvf_loop_src sock;	/* fd -1: no data plane now */
	struct bvf_loop_timer respawn;
	struct bvf_loop_timer watchdog;	/* armed while an answer is due */
	int event_fd;			/* wakes it */
	pid_t pid;
	uint32_t seq;
	uint64_t started_ns;
	uint32_t short_lives;
	const char *path;
	int path_fd;			/* the same, opened before root was dropped */
	/* In sending order; up to *unsent they have been sent. */
	struct bvf_dp_call *calls;
	struct bvf_dp_call **tail;
	struct bvf_dp_call **unsent;
};

int bvf_dp_start(struct bvf_card *card);
void bvf_dp_stop(struct bvf_card *card);

/**
 * bvf_dp_call() - Send a message to the data plane
 * @card:	the card
 * @call:	not busy; msg, fd and done are set. done is called from the
 *		loop when the data plane, or its successor, has answered
 */
void bvf_dp_call(struct bvf_card *card, struct bvf_dp_call *call);

/* Wake a sleeping data plane after something was put for it into the DRAM. */
void bvf_dp_wake(struct bvf_card *card);

/* ---- mem.c: guest memory ---- */

/* This process's side of a struct dram_region. */
struct bvf_region {
	struct bvf_card *card;
	void *base;
	int fd;
	int guard;		/* slot of sigbus.h */
	uint64_t users;		/* functions that may have objects in it */
	bool dying;		/* the data plane is letting go */
	struct bvf_dp_call add, del;
};

/* ---- fn.c and around it: functions ---- */

enum bvf_irq_kind { BVF_IRQ_KIND_MSIX, BVF_IRQ_KIND_MSI };

/* An interrupt vector. */
struct bvf_vec {
	struct bvf_fn *fn;
	int fd;			/* eventfd, -1 none */
	bool pending;		/* raised while there was none */
	bool dirty;		/* to be sent to the data plane */
	struct bvf_dp_call call;
};

/* An admin command between its fetch and its completion. */
struct bvf_req {
	struct bvf_fn *fn;
	struct bvf_cmd cmd;	/* local copy: the guest's may change */
	struct bvf_resp resp;
	struct bvf_dp_call call;
	uint32_t id;		/* object it waits for */
	struct bvf_req *next;	/* free list */
};

/* What an answer to the vfio-user client waits for. */
enum bvf_fn_wait {
	BVF_FN_WAIT_NONE,
	BVF_FN_WAIT_STOP,
	BVF_FN_WAIT_IRQ,
	BVF_FN_WAIT_DMA,
};

enum bvf_fn_state {
	BVF_FN_DISABLED,
	BVF_FN_READY,
	BVF_FN_FATAL,
};

struct bvf_fn {
	struct bvf_card *card;
	uint32_t index;
	struct dram_func *df;
	char name[32];
	char path[108];
	enum bvf_irq_kind irq_kind;
	struct bvf_vfu *vfu;

	/* PCI */
	uint8_t cfg[BVF_CFG_SIZE];
	uint8_t msix[BVF_BAR_MSIX_SIZE];	/* shadow, QEMU emulates the table */

	/* registers */
	enum bvf_fn_state state;
	uint64_t drv_features;
	uint64_t aq_sq, aq_cq;
	uint32_t aq_shift;
	uint32_t error;			/* enum bvf_dev_error */

	/* life cycle */
	bool active;			/* enabled since it last let go of all */
	bool stopping;			/* the data plane is letting go of all */
	bool reset_pending;		/* then registers are reset */
	bool closing;			/* the client is gone, or never was */
	enum bvf_fn_wait wait;
	struct bvf_dp_call stop_call;
	struct bvf_dp_call sync_call;

	/* admin queue */
	uint32_t aq_pi;			/* as the driver rang it */
	uint32_t aq_ci;			/* next command to fetch */
	uint32_t aq_cq_pi;		/* next completion to write */
	struct bvf_loop_timer aq_work;
	struct bvf_req *req_free;
	struct bvf_req reqs[1u << BVF_AQ_SHIFT_MAX];

	/* share=on cross-check */
	bool share_known;		/* done, or could not be done */
	bool share_busy;
	uint64_t share_iova;		/* being compared */
	uint32_t share_tries;
	struct bvf_loop_timer share_timer;

	/* interrupts */
	struct bvf_vec vec[BVF_MAX_VECTORS];

	/* objects */
	struct bvf_ids uctx, pd, eq, cq, qp, mr, ethq;
	uint32_t uctx_refs[BVF_MAX_UCTX];	/* PDs, CQs and QPs */
	uint8_t key_variant[DRAM_MAX_MR];
	struct bvf_arena arena;
};

struct bvf_card {
	struct bvf_loop loop;
	struct dram *dram;
	int dram_fd;
	const char *dir;
	const char *log_level;
	bool ready;			/* a data plane has attached */
	bool failed;			/* ends with an error */
	struct bvf_dp dp;
	struct bvf_region region[DRAM_MAX_REGION];
	struct bvf_fn *fn[DRAM_MAX_FUNC];
	uint32_t nr_fn;
	struct bvf_loop_src ctl;	/* control socket */
	char ctl_path[108];
};

struct bvf_fn_config {
	const char *name;
	const char *sock;		/* NULL: DIR/NAME.sock */
	uint32_t network;
	bool has_mac;
	uint8_t mac[6];
	enum bvf_irq_kind irq_kind;
};

/* fn.c */
int bvf_fn_create(struct bvf_card *card, const struct bvf_fn_config *cfg);
void bvf_fn_destroy(struct bvf_fn *fn);
void bvf_fn_enable(struct bvf_fn *fn);
/* Reset. Return: false if the data plane has yet to let go */
bool bvf_fn_reset(struct bvf_fn *fn);
/* Stop until a reset. Return: as bvf_fn_reset() */
bool bvf_fn_fatal(struct bvf_fn *fn, enum bvf_dev_error error, const char *why);
/* Answer the client if what it waits for has come about. */
void bvf_fn_wait_check(struct bvf_fn *fn);
/* Addresses or reachability of functions have changed. */
void bvf_card_epoch(struct bvf_card *card);

/* regs.c */
uint32_t bvf_regs_read(const struct bvf_fn *fn, uint32_t off);
void bvf_regs_write(struct bvf_fn *fn, uint32_t off, uint32_t val);

/* pci.c */
#define BVF_PCI_EV_FLR		0x1	/* the driver asks for a reset */
#define BVF_PCI_EV_MASTER	0x2	/* bus mastering may have changed */
void bvf_pci_init(struct bvf_fn *fn);
void bvf_pci_reset(struct bvf_fn *fn);
/* Return: BVF_PCI_EV_* */
unsigned int bvf_pci_write(struct bvf_fn *fn, uint32_t off, const uint8_t *buf,
			   size_t len);
bool bvf_pci_master(const struct bvf_fn *fn);

/* irq.c */
void bvf_irq_init(struct bvf_fn *fn);
/* fds as for bvf_vfu_ops.irq_set. Return: 0 or -errno */
int bvf_irq_set(struct bvf_fn *fn, uint32_t start, uint32_t count,
		const int *fds);
/* Return: true while the data plane does not know all vectors yet */
bool bvf_irq_busy(const struct bvf_fn *fn);
void bvf_irq_raise(struct bvf_fn *fn, uint32_t vector);
void bvf_irq_resend(struct bvf_fn *fn);

/* mem.c */
void bvf_mem_init(struct bvf_card *card);
/**
 * bvf_mem_map() - Add a DMA window
 * @fn:		the function
 * @iova:	guest address
 * @len:	bytes
 * @fd:		the memory's file, stays the caller's
 * @off:	of the window in it
 * @writable:	as the guest has it
 *
 * Return: 0, -ENOTSUP if the file cannot be shared with the data plane,
 * another -errno
 */
int bvf_mem_map(struct bvf_fn *fn, uint64_t iova, uint64_t len, int fd,
		uint64_t off, bool writable);
void bvf_mem_unmap(struct bvf_fn *fn, uint64_t iova);
/* The function has no objects any more: let go of regions it has no window to. */
void bvf_mem_release(struct bvf_fn *fn);
void bvf_mem_resend(struct bvf_card *card);
/**
 * bvf_mem_find() - Translate a guest address
 * @fn:		the function
 * @iova:	guest address
 * @write:	for writing
 * @avail:	bytes that are contiguous from there
 *
 * Return: the place, GPTR_NONE if it is not reachable or bus mastering is off
 */
gptr_t bvf_mem_find(const struct bvf_fn *fn, uint64_t iova, bool write,
		    uint64_t *avail);
void *bvf_mem_ptr(const struct bvf_card *card, gptr_t ptr);
int bvf_mem_read(const struct bvf_fn *fn, uint64_t iova, void *buf, size_t len);
int bvf_mem_write(const struct bvf_fn *fn, uint64_t iova, const void *buf,
		  size_t len);

/* pl.c: page lists. Return: enum bvf_status */
int bvf_pl_buf(struct bvf_fn *fn, const struct bvf_page_list *pl,
	       uint32_t buf_len, struct dram_buf *buf);
int bvf_pl_extents(struct bvf_fn *fn, const struct bvf_page_list *pl,
		   uint64_t len, bool write, uint32_t *ext, uint32_t *nr_ext);

/* aq.c: the admin queue */
#define BVF_REQ_WAIT	(-1)	/* from a handler: bvf_req_done() comes later */
void bvf_aq_init(struct bvf_fn *fn);
/* Return: BVF_DEV_OK or why the rings cannot be used */
enum bvf_dev_error bvf_aq_enable(struct bvf_fn *fn);
void bvf_aq_disable(struct bvf_fn *fn);
void bvf_aq_doorbell(struct bvf_fn *fn, uint32_t pi);
/* Look at the command ring from the loop. */
void bvf_aq_run(struct bvf_fn *fn);
void bvf_req_done(struct bvf_req *req, int status);
/* Have the data plane act on an object. Return: BVF_REQ_WAIT */
int bvf_req_call(struct bvf_req *req, enum bvf_ipc_type type, uint32_t id,
		 uint64_t arg0, void (*done)(struct bvf_dp_call *call));

/* cmd_*.c: one handler an opcode. Return: enum bvf_status or BVF_REQ_WAIT */
typedef int bvf_cmd_fn(struct bvf_req *req);
bvf_cmd_fn bvf_cmd_describe, bvf_cmd_create_uctx, bvf_cmd_destroy_uctx,
	   bvf_cmd_create_pd, bvf_cmd_destroy_pd, bvf_cmd_create_eq,
	   bvf_cmd_destroy_eq, bvf_cmd_create_cq, bvf_cmd_destroy_cq,
	   bvf_cmd_create_qp, bvf_cmd_modify_qp, bvf_cmd_query_qp,
	   bvf_cmd_destroy_qp, bvf_cmd_reg_mr, bvf_cmd_dereg_mr,
	   bvf_cmd_set_gid, bvf_cmd_create_ethq, bvf_cmd_destroy_ethq,
	   bvf_cmd_set_eth, bvf_cmd_get_stats;

/* obj.c: life of all objects of a function */
int bvf_objs_init(struct bvf_fn *fn);
void bvf_objs_fini(struct bvf_fn *fn);
/* The data plane has let go of everything. */
void bvf_objs_clear(struct bvf_fn *fn);
enum bvf_qp_state bvf_qp_state(const struct dram_qp *qp);

/* share.c: does QEMU share its memory with us? */
void bvf_share_init(struct bvf_fn *fn);
/*
 * iova: of a command the driver has written, not zero
 * Return: true if commands may be fetched now, else the queue is started
 * again when that is known
 */
bool bvf_share_check(struct bvf_fn *fn, uint64_t iova);
/* Another client, another memory. */
void bvf_share_forget(struct bvf_fn *fn);

/* ctlsock.c: what bvfctl talks to */
int bvf_ctlsock_start(struct bvf_card *card);
void bvf_ctlsock_stop(struct bvf_card *card);

/* main.c */
void bvf_card_ready(struct bvf_card *card);

static inline uint64_t bvf_features(void)
{
	return BVF_FEAT_RC | BVF_FEAT_UD | BVF_FEAT_ETH | BVF_FEAT_ETH_CSUM |
	       BVF_FEAT_ETH_TSO;
}

#endif
