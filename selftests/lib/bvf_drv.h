/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest in a library: RAM, registers, admin queue and objects of one
 * function, as a driver would use them. Posting and polling: bvf_qp.h.
 *
 * Functions that stand for one admin command return its enum bvf_status, so
 * that a test can want a certain one; BVF_MUST() wants BVF_ST_OK. Everything
 * else that goes wrong ends the test.
 */
#ifndef BVF_DRV_H
#define BVF_DRV_H

#include "bvf_admin.h"
#include "bvf_eth.h"
#include "bvf_regs.h"

#include "fail.h"
#include "vfu_client.h"

#define BVF_WAIT_MS		10000	/* how long anything may take */
#define BVF_RAM_SIZE		(64ull << 20)
#define BVF_HOLE_START		0xa0000ull	/* of the first MiB, as on a PC */
#define BVF_HOLE_END		0x100000ull

struct bvf_drv;

struct bvf_uctx {
	struct bvf_drv *drv;
	uint32_t num;
	struct bvf_db_page *db;
};

struct bvf_eq {
	struct bvf_drv *drv;
	uint32_t eqn;
	uint32_t depth_shift, vector;
	uint32_t ci;
	struct bvf_eqe *ring;
	struct bvf_eq_dbrec *dbrec;
};

struct bvf_mr {
	uint32_t lkey, rkey;
	void *mem;
	uint64_t va, len;
};

struct bvf_drv {
	struct vfu vfu;
	/* guest RAM: iova is the offset in the file and in the mapping */
	int ram_fd;
	uint8_t *ram;
	uint64_t ram_size, ram_next;
	/* admin queue */
	struct bvf_cmd *aq_sq;
	struct bvf_resp *aq_cq;
	uint32_t aq_shift, aq_pi, aq_ci;
	uint32_t aq_id;			/* of the next command */
	struct bvf_resp *aq_done;	/* what completed before it was waited for */
	uint32_t aq_nr_done;
	/* interrupts */
	uint32_t nr_vectors;
	int irq_fd[BVF_MAX_VECTORS];
	uint64_t features;
	struct bvf_describe_resp desc;
	struct bvf_uctx kernel;		/* context 0 */
	struct bvf_eq async;		/* vector 0 */
	struct bvf_eq eq;		/* vector 1: completions */
	uint8_t gid[16];		/* entry 0 */
};

/* Guest memory: zeroed, never given back but by bvf_drv_close(). */
void *bvf_alloc(struct bvf_drv *d, uint64_t len, uint64_t align);
void *bvf_alloc_pages(struct bvf_drv *d, uint64_t len);

static inline uint64_t bvf_iova(const struct bvf_drv *d, const void *p)
{
	return (uint64_t)((const uint8_t *)p - d->ram);
}

/* A page list of what lies at p in one piece. */
static inline struct bvf_page_list bvf_pl(const struct bvf_drv *d, const void *p)
{
	return (struct bvf_page_list){ .iova = bvf_iova(d, p), .nr = 1 };
}

/* A chain of list pages for nr entries. */
struct bvf_page_list bvf_pl_chain(struct bvf_drv *d,
				  const struct bvf_pl_entry *e, uint32_t nr);

/*
 * Stages of a start. open: connect, RAM, what QEMU asks; pci: memory and bus
 * master on, MSI-X on with eventfds; start: reset handshake, admin queue,
 * DESCRIBE, context 0, EQs, GID 0. up: all of it.
 */
void bvf_drv_open(struct bvf_drv *d, const char *path, uint64_t ram_size);
void bvf_drv_pci(struct bvf_drv *d);
void bvf_drv_start(struct bvf_drv *d);
void bvf_drv_up(struct bvf_drv *d, const char *path);
void bvf_drv_close(struct bvf_drv *d);

/* Parts of start. */
void bvf_drv_reset(struct bvf_drv *d);		/* CTRL.RESET until it reads 0 */
void bvf_drv_aq_setup(struct bvf_drv *d, uint32_t shift);
uint32_t bvf_drv_enable(struct bvf_drv *d);	/* Return: STATUS */
void bvf_drv_objects(struct bvf_drv *d);

uint32_t bvf_reg_read(struct bvf_drv *d, uint32_t off);
void bvf_reg_write(struct bvf_drv *d, uint32_t off, uint32_t val);
void bvf_reg_write64(struct bvf_drv *d, uint32_t off, uint64_t val);

/* Called now and then by who waits long; may end the test. */
extern void (*bvf_relax_hook)(void);

/* A little time for the card while we wait; ends the test if it has gone. */
void bvf_relax(struct bvf_drv *d, uint64_t since_ns, const char *what);
uint64_t bvf_now_ns(void);

/* Wait for a condition, for at most BVF_WAIT_MS. */
#define bvf_wait_for(d, cond)						\
	do {								\
		uint64_t since_ = bvf_now_ns();				\
		while (!(cond)) {					\
			BVF_HERE();					\
			bvf_relax(d, since_, #cond);			\
		}							\
	} while (0)

/* Admin commands: id of the command, to wait for in any order. */
uint32_t bvf_cmd_submit(struct bvf_drv *d, unsigned int op, const void *body,
			size_t len);
uint32_t bvf_cmd_submit_raw(struct bvf_drv *d, const struct bvf_cmd *cmd);
int bvf_cmd_wait(struct bvf_drv *d, uint32_t id, void *resp, size_t resp_len);
int bvf_cmd(struct bvf_drv *d, unsigned int op, const void *body, size_t len,
	    void *resp, size_t resp_len);
const char *bvf_status_name(int status);

#define BVF_MUST(call)							\
	do {								\
		int st_;						\
		BVF_HERE();						\
		st_ = (call);						\
		if (st_)						\
			bvf_fail("%s: %s", #call, bvf_status_name(st_)); \
	} while (0)

int bvf_create_uctx(struct bvf_drv *d, bool kernel, struct bvf_uctx *u);
int bvf_create_pd(struct bvf_uctx *u, uint32_t *pdn);
int bvf_create_eq(struct bvf_drv *d, struct bvf_eq *eq, uint32_t vector,
		  uint32_t depth_shift, bool async);
int bvf_reg_mr(struct bvf_uctx *u, uint32_t pdn, void *mem, uint64_t len,
	       uint8_t access, struct bvf_mr *mr);
int bvf_set_gid(struct bvf_drv *d, uint32_t index, const uint8_t *gid);
int bvf_destroy(struct bvf_drv *d, unsigned int op, uint32_t handle);
uint64_t bvf_stat(struct bvf_drv *d, enum bvf_stat which);

/* Events. poll: 1 and the entry, or 0. Waits end the test after a while. */
int bvf_eq_poll(struct bvf_eq *eq, struct bvf_eqe *eqe);
void bvf_eq_wait(struct bvf_eq *eq, struct bvf_eqe *eqe);
void bvf_eq_arm(struct bvf_eq *eq);
/* Return: interrupts of the vector since the last call, waiting at most ms. */
uint64_t bvf_irq_take(struct bvf_drv *d, uint32_t vector, int ms);

/* An asynchronous event of this kind about this object, and no other. */
void bvf_want_async_(struct bvf_drv *d, unsigned int type, unsigned int event,
		     uint32_t id);
#define bvf_want_async(...)	(BVF_HERE(), bvf_want_async_(__VA_ARGS__))
void bvf_want_no_async_(struct bvf_drv *d);
#define bvf_want_no_async(d)	(BVF_HERE(), bvf_want_no_async_(d))

#endif /* BVF_DRV_H */
