/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bvf.ko offers to the modules on its auxiliary bus (bvf_ib.ko).
 * The only header of the core they see; knows no verb.
 *
 * Neither side trusts the card: numbers that come from it are compared with
 * the limits in struct bvf_dev before they are used as an index.
 */
#ifndef BVF_H
#define BVF_H

#include <linux/auxiliary_bus.h>
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/io.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>

#include <hw/bvf_admin.h>
#include <hw/bvf_eth.h>
#include <hw/bvf_io.h>
#include <hw/bvf_regs.h>

#include "../compat.h"

/* The answer to DESCRIBE in host order, cut to what the ABI can express. */
struct bvf_limits {
	u64 max_mr_len;
	u32 max_qp;
	u32 max_cq;
	u32 max_mr;
	u32 max_pd;
	u32 max_uctx;
	u32 max_eq;
	u32 max_qp_wr;
	u32 max_cqe;
	u32 max_msg;
	u32 max_gid;
	u16 max_sge;
	u16 max_inline;
	u16 max_rd_atomic;
	u16 max_ethq;
	u16 max_ethq_depth_shift;
	u16 max_mtu;
	u8 mac[ETH_ALEN];
	u32 network;
	u32 card_version;
	__be64 guid;
	u64 link_mbps;
};

/**
 * struct bvf_dev - a bvf function, as the modules on top of it see it
 * @pdev:	the PCI function; all DMA is done for &pdev->dev
 * @netdev:	its Ethernet device, never NULL while the auxiliary device exists
 * @lim:	limits of the function
 * @features:	BVF_FEAT_* that are in use
 * @nr_comp:	completion vectors, 1 or more
 * @db:		doorbell page of context 0, the kernel's own
 * @kick:	kick page of context 0
 * @kick_phys:	BAR2; the kick page of context n is at + n * BVF_PAGE_SIZE
 *
 * All of it is constant while the auxiliary device exists.
 */
struct bvf_dev {
	struct pci_dev *pdev;
	struct net_device *netdev;
	struct bvf_limits lim;
	u64 features;
	unsigned int nr_comp;
	struct bvf_db_page *db;
	u32 __iomem *kick;
	phys_addr_t kick_phys;
};

/* Auxiliary device "bvf.rdma". */
#define BVF_ADEV_RDMA	"bvf.rdma"

struct bvf_adev {
	struct auxiliary_device adev;
	struct bvf_dev *bdev;
};

static inline struct bvf_adev *to_bvf_adev(struct auxiliary_device *adev)
{
	return container_of(adev, struct bvf_adev, adev);
}

/*
 * A function that failed (an admin command timed out, the card reported a
 * fatal error) or that was unplugged is dead: the card has been made to let
 * go of all memory, every object is gone. Then destroy commands succeed at
 * once, all other commands fail with -EIO. The core tells the client
 * (bvf_client_ops.fatal), removes the auxiliary device, and, unless
 * unplugged, starts the function anew and adds another auxiliary device.
 */
bool bvf_dev_dead(struct bvf_dev *bdev);

/* ---- memory ---- */

/**
 * struct bvf_buf - kernel memory of a queue, zeroed, DMA-contiguous
 */
struct bvf_buf {
	void *va;
	dma_addr_t dma;
	size_t len;	/* multiple of BVF_PAGE_SIZE */
};

int bvf_buf_alloc(struct bvf_dev *bdev, struct bvf_buf *buf, size_t len);
void bvf_buf_free(struct bvf_dev *bdev, struct bvf_buf *buf);

/**
 * struct bvf_pl - page list under construction
 * @hw:	what goes into the command; valid after bvf_pl_end()
 *
 * bvf_pl_begin(), bvf_pl_add() for each piece (adjacent pieces are merged),
 * bvf_pl_end(), the command, bvf_pl_free(). The card reads the list only
 * while the command runs. bvf_pl_free() is right after any failure, too.
 */
struct bvf_pl {
	struct bvf_page_list hw;
	/* private */
	struct bvf_dev *bdev;
	struct list_head pages;
	u32 nr;
	u64 last_iova;
	u64 last_len;
};

void bvf_pl_begin(struct bvf_dev *bdev, struct bvf_pl *pl);
int bvf_pl_add(struct bvf_pl *pl, u64 iova, u64 len);
int bvf_pl_end(struct bvf_pl *pl);
void bvf_pl_free(struct bvf_pl *pl);

/* All three steps, from a mapped scatterlist: len bytes that begin at off. */
int bvf_pl_from_sg(struct bvf_dev *bdev, struct bvf_pl *pl, struct scatterlist *sgl,
		   unsigned int nents, u64 off, u64 len);

/* Page list of memory that is contiguous anyway: nothing to free. */
static inline struct bvf_page_list bvf_pl_contig(dma_addr_t dma)
{
	return (struct bvf_page_list) { .iova = cpu_to_le64(dma), .nr = cpu_to_le32(1) };
}

static inline struct bvf_page_list bvf_buf_pl(const struct bvf_buf *buf)
{
	return bvf_pl_contig(buf->dma);
}

/* ---- admin commands: may sleep, any number at a time ---- */

/*
 * Return 0 or -errno. The card's status becomes: BAD_OPCODE, NOT_SUPP
 * -EOPNOTSUPP; BAD_RSVD, BAD_PARAM, BAD_STATE -EINVAL; BAD_HANDLE -ENOENT;
 * BAD_ADDR -EFAULT; BUSY -EBUSY; NO_RESOURCE -ENOSPC; all else -EIO.
 */

int bvf_cmd_create_uctx(struct bvf_dev *bdev, dma_addr_t db, u32 *uctx);
int bvf_cmd_destroy_uctx(struct bvf_dev *bdev, u32 uctx);
int bvf_cmd_create_pd(struct bvf_dev *bdev, u32 uctx, u32 *pdn);
int bvf_cmd_destroy_pd(struct bvf_dev *bdev, u32 pdn);

struct bvf_cq_params {
	struct bvf_page_list pl;
	u32 buf_len;
	u32 dbrec_off;
	u32 uctx;		/* 0: the kernel's own */
	u32 eqn;		/* from bvf_eq_get(), or BVF_EQN_NONE */
	u8 depth_shift;
};

int bvf_cmd_create_cq(struct bvf_dev *bdev, const struct bvf_cq_params *p, u32 *cqn);
int bvf_cmd_destroy_cq(struct bvf_dev *bdev, u32 cqn);

struct bvf_qp_params {
	struct bvf_page_list pl;
	u32 buf_len;
	u32 sq_off;
	u32 rq_off;
	u32 dbrec_off;
	u32 uctx;
	u32 pdn;
	u32 send_cqn;
	u32 recv_cqn;
	u8 type;		/* enum bvf_qp_type */
	u8 flags;		/* BVF_QPF_* */
	u8 sq_depth_shift;
	u8 sq_stride_shift;
	u8 rq_depth_shift;
	u8 rq_stride_shift;
};

int bvf_cmd_create_qp(struct bvf_dev *bdev, const struct bvf_qp_params *p, u32 *qpn);
int bvf_cmd_modify_qp(struct bvf_dev *bdev, u32 qpn, u32 mask, const struct bvf_qp_attr *attr);
int bvf_cmd_query_qp(struct bvf_dev *bdev, u32 qpn, struct bvf_query_qp_resp *out);
int bvf_cmd_destroy_qp(struct bvf_dev *bdev, u32 qpn);

struct bvf_mr_params {
	struct bvf_page_list pl;	/* all zero with BVF_MRF_DMA, as va and len */
	u64 va;
	u64 len;
	u32 pdn;
	u8 access;		/* BVF_ACC_* */
	u8 flags;		/* BVF_MRF_* */
};

int bvf_cmd_reg_mr(struct bvf_dev *bdev, const struct bvf_mr_params *p, u32 *lkey, u32 *rkey);
int bvf_cmd_dereg_mr(struct bvf_dev *bdev, u32 key);

/* gid: 16 bytes in network order, or NULL to remove the entry */
int bvf_cmd_set_gid(struct bvf_dev *bdev, u32 index, const u8 *gid);

/* Fills nr counters in the order of enum bvf_stat; those the card lacks are 0. */
int bvf_cmd_get_stats(struct bvf_dev *bdev, u64 *stats, u32 nr);

/* ---- doorbells of context 0: any context, no lock needed ---- */

/*
 * sync_set_bit() and mb(): the card is another CPU even where this machine
 * has only one, see struct bvf_db_page.
 */
static inline void bvf_db_ring(struct bvf_dev *bdev, __le64 *leaf, __le64 *summary, u32 idx)
{
	/* Record, leaf, summary: the card takes them the other way round. */
	dma_wmb();
	sync_set_bit(idx, (unsigned long *)leaf);
	dma_wmb();
	if (summary)
		sync_set_bit(idx / 64, (unsigned long *)summary);
	/* Pairs with the card's barrier between its store of asleep and its last scan. */
	mb();
	if (READ_ONCE(bdev->db->asleep))
		writel(1, bdev->kick);
}

/* Store sq_pi (or rq_pi) with WRITE_ONCE() before. */
static inline void bvf_ring_qp(struct bvf_dev *bdev, u32 qpn)
{
	bvf_db_ring(bdev, bdev->db->qp_leaf, bdev->db->qp_summary, BVF_QPN_IDX(qpn));
}

/* Store arm with WRITE_ONCE() before. */
static inline void bvf_ring_cq(struct bvf_dev *bdev, u32 cqn)
{
	bvf_db_ring(bdev, bdev->db->cq_leaf, bdev->db->cq_summary, cqn & (BVF_MAX_CQ_IDX - 1));
}

/* ---- events ---- */

/* EQN for completion vector 0..nr_comp - 1 */
u32 bvf_eq_get(struct bvf_dev *bdev, unsigned int vector);

/**
 * struct bvf_comp - who is told of a CQ's completion events; part of the CQ
 * @handler:	called in hard interrupt context, never twice at a time
 */
struct bvf_comp {
	void (*handler)(struct bvf_comp *comp);
};

/*
 * Add before the CQ can be armed. After bvf_comp_del() the handler neither
 * runs nor will; call it before or after DESTROY_CQ, never from a handler.
 */
int bvf_comp_add(struct bvf_dev *bdev, u32 cqn, struct bvf_comp *comp);
void bvf_comp_del(struct bvf_dev *bdev, u32 cqn);

/**
 * struct bvf_client_ops - events of a function
 * @async:	hard interrupt context: type is BVF_EQE_ASYNC_*, event one of
 *		enum bvf_async_event or a number that is not known, id a QPN or a
 *		CQN as the card gave it, unchecked
 * @fatal:	process context, once or more: the function is dead now
 */
struct bvf_client_ops {
	void (*async)(void *priv, u8 type, u8 event, u32 id);
	void (*fatal)(void *priv);
};

/*
 * One client a function; from the auxiliary driver's probe and remove. After
 * bvf_client_del() no callback runs nor will.
 */
int bvf_client_add(struct bvf_dev *bdev, const struct bvf_client_ops *ops, void *priv);
void bvf_client_del(struct bvf_dev *bdev);

/* Waits for async callbacks that run now: for use after an object was unpublished. */
void bvf_async_sync(struct bvf_dev *bdev);

#endif /* BVF_H */
