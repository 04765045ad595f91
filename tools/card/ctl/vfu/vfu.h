/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vfio-user server: one object serves one PCI function to one client at a time.
 * What the device behind it is, only the ops table knows.
 */
#ifndef BVF_VFU_H
#define BVF_VFU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bvf_loop;
struct bvf_vfu;

enum bvf_vfu_region {
	BVF_VFU_BAR0,
	BVF_VFU_BAR1,
	BVF_VFU_BAR2,
	BVF_VFU_BAR3,
	BVF_VFU_BAR4,
	BVF_VFU_BAR5,
	BVF_VFU_ROM,
	BVF_VFU_CONFIG,
	BVF_VFU_VGA,
	BVF_VFU_NR_REGIONS,
};

enum bvf_vfu_irq {
	BVF_VFU_IRQ_INTX,
	BVF_VFU_IRQ_MSI,
	BVF_VFU_IRQ_MSIX,
	BVF_VFU_IRQ_ERR,
	BVF_VFU_IRQ_REQ,
	BVF_VFU_NR_IRQS,
};

#define BVF_VFU_MAX_MSG_FDS	16	/* more and QEMU refuses the card */
#define BVF_VFU_MAX_XFER	32768	/* larger messages QEMU may send in part */
#define BVF_VFU_MAX_DMA_MAPS	65535

/* An op that cannot answer yet; bvf_vfu_complete() does it later. */
#define BVF_VFU_DEFER		1

/* One range of guest addresses. */
struct bvf_vfu_dma {
	uint64_t iova;
	uint64_t size;
	uint64_t offset;	/* of iova in the file it came with */
	bool writable;
	void *cookie;		/* from the dma_map op, NULL: cannot be mapped here */
};

/*
 * What the device implements. Each returns 0 or -errno, which the client gets
 * as an error reply. Where it is said so, an op may return BVF_VFU_DEFER:
 * nothing more is read from the client until bvf_vfu_complete().
 */
struct bvf_vfu_ops {
	/* A client has negotiated its version. */
	void (*opened)(void *dev);
	/*
	 * The client is gone. 0, or BVF_VFU_DEFER while the device still lets
	 * go of its memory; the next client waits for bvf_vfu_complete().
	 */
	int (*closed)(void *dev);
	/* off and len lie within the region; len may be any size. */
	int (*region_read)(void *dev, unsigned int region, uint64_t off,
			   void *buf, size_t len);
	/* May defer. */
	int (*region_write)(void *dev, unsigned int region, uint64_t off,
			    const void *buf, size_t len);
	/* fd is -1 or owned by the caller; dma->cookie may be set. */
	int (*dma_map)(void *dev, struct bvf_vfu_dma *dma, int fd);
	void (*dma_unmap)(void *dev, const struct bvf_vfu_dma *dma);
	/* After the maps or unmaps of one message. May defer. */
	int (*dma_changed)(void *dev);
	/*
	 * fds, count of them, become the device's, whatever is returned;
	 * NULL: the vectors are off. May defer.
	 */
	int (*irq_set)(void *dev, unsigned int index, uint32_t start,
		       uint32_t count, const int *fds);
	/* The client asks for these interrupts to be raised. */
	void (*irq_trigger)(void *dev, unsigned int index, uint32_t vector);
	/* May defer. */
	int (*reset)(void *dev);
};

struct bvf_vfu_config {
	const char *path;			/* of the socket */
	const char *name;			/* of the function, for the log */
	const struct bvf_vfu_ops *ops;
	void *dev;				/* first argument of each op */
	uint64_t region_size[BVF_VFU_NR_REGIONS];
	uint32_t irq_count[BVF_VFU_NR_IRQS];
};

/**
 * bvf_vfu_create() - Create the socket and serve it from the loop
 * @loop:	loop that will call the ops
 * @cfg:	copied, but for what it points to
 * @out:	the server
 *
 * Return: 0 or -errno; -EADDRINUSE if another process serves the socket
 */
int bvf_vfu_create(struct bvf_loop *loop, const struct bvf_vfu_config *cfg,
		   struct bvf_vfu **out);

/* Drop the client without calling ops->closed, remove the socket. */
void bvf_vfu_destroy(struct bvf_vfu *vfu);

/**
 * bvf_vfu_complete() - Answer what an op had deferred
 * @vfu:	the server
 * @err:	0 or -errno
 *
 * Never called from within an op.
 */
void bvf_vfu_complete(struct bvf_vfu *vfu, int err);

bool bvf_vfu_connected(const struct bvf_vfu *vfu);

/**
 * bvf_vfu_dma_find() - Look up a guest address
 * @vfu:	the server
 * @iova:	guest address
 *
 * Return: the range that holds @iova, NULL if none; valid until the next map
 * or unmap
 */
const struct bvf_vfu_dma *bvf_vfu_dma_find(const struct bvf_vfu *vfu,
					   uint64_t iova);

/**
 * bvf_vfu_dma_read() - Have the client read guest memory
 * @vfu:	the server
 * @iova:	guest address
 * @len:	at most BVF_VFU_MAX_XFER
 * @done:	called once from the loop: err is 0 or -errno, data has @len bytes
 * @arg:	first argument of @done
 *
 * Return: 0 or -errno, then @done is not called
 */
int bvf_vfu_dma_read(struct bvf_vfu *vfu, uint64_t iova, uint32_t len,
		     void (*done)(void *arg, int err, const void *data),
		     void *arg);

#endif
