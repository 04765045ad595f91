/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vfio-user client that behaves as stock QEMU does, or as badly as a test
 * wants. Knows nothing of what the device is.
 */
#ifndef BVF_VFU_CLIENT_H
#define BVF_VFU_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the test library is for little-endian hosts"
#endif

enum vfu_cmd {
	VFU_VERSION = 1, VFU_DMA_MAP, VFU_DMA_UNMAP, VFU_GET_INFO,
	VFU_GET_REGION_INFO, VFU_GET_REGION_IO_FDS, VFU_GET_IRQ_INFO,
	VFU_SET_IRQS, VFU_REGION_READ, VFU_REGION_WRITE, VFU_DMA_READ,
	VFU_DMA_WRITE, VFU_RESET, VFU_REGION_WRITE_MULTI = 15,
	VFU_DEVICE_FEATURE,
};

#define VFU_F_REPLY		0x01u
#define VFU_F_NO_REPLY		0x10u
#define VFU_F_ERROR		0x20u

struct vfu_hdr {
	uint16_t id, cmd;
	uint32_t size, flags, err;
};

struct vfu_dma_map {
	uint32_t argsz, flags;
	uint64_t offset, iova, size;
};

struct vfu_dma_unmap {
	uint32_t argsz, flags;
	uint64_t iova, size;
};

struct vfu_info {
	uint32_t argsz, flags, nr_regions, nr_irqs;
};

struct vfu_region_info {
	uint32_t argsz, flags, index, cap_offset;
	uint64_t size, offset;
};

struct vfu_irq_info {
	uint32_t argsz, flags, index, count;
};

struct vfu_set_irqs {
	uint32_t argsz, flags, index, start, count;
};

struct vfu_access {
	uint64_t offset;
	uint32_t region, count;
};

#define VFU_DMA_R		1u
#define VFU_DMA_RW		3u
#define VFU_IRQ_EVENTFD_TRIGGER	0x24u
#define VFU_IRQ_NONE_TRIGGER	0x21u
#define VFU_IRQ_BOOL_TRIGGER	0x22u

#define VFU_CONFIG		7	/* region: PCI config space */
#define VFU_IRQ_MSI		1
#define VFU_IRQ_MSIX		2
#define VFU_IRQ_ERR		3

#define VFU_MAX_FDS		16
#define VFU_MAX_WINDOWS		600

/* How the server's own requests are answered. */
enum vfu_answer {
	VFU_ANSWER,
	VFU_ANSWER_ERROR,	/* as QEMU does with bus mastering off */
	VFU_ANSWER_SHORT,	/* without the data */
	VFU_ANSWER_OTHER,	/* with another address */
	VFU_ANSWER_NEVER,
};

/* What the client mapped: to answer the server's DMA_READ and DMA_WRITE. */
struct vfu_window {
	uint64_t iova, size;
	uint8_t *host;			/* NULL: cannot be read by the server */
};

struct vfu {
	int fd;
	uint16_t next_id;
	uint32_t max_fds, max_xfer;	/* as negotiated */
	char json[256];			/* of the server's VERSION reply */
	struct vfu_window win[VFU_MAX_WINDOWS];
	unsigned int nr_win;
	unsigned int nr_dma_reads, nr_dma_writes;	/* served */
	enum vfu_answer answer;
	bool eof;			/* the server has closed the connection */
};

/* Connect only. Return: 0 or -errno. */
int vfu_connect(struct vfu *c, const char *path);
void vfu_close(struct vfu *c);

/* VERSION as QEMU sends it. Return: 0 or -errno. */
int vfu_negotiate(struct vfu *c);

/*
 * Messages. Lengths are of the payload after the header; the reply's payload
 * is cut to reply_len. Return: bytes of the reply's payload, or -errno: the
 * server's error reply, -EPIPE at EOF, -ETIMEDOUT after 20 s.
 */
int vfu_call(struct vfu *c, unsigned int cmd, const void *req, size_t len,
	     void *reply, size_t reply_len);
int vfu_call_fds(struct vfu *c, unsigned int cmd, const void *req, size_t len,
		 const int *fds, unsigned int nr_fds, void *reply,
		 size_t reply_len);

/* The two halves of a call, to pipeline or to leave a half out. */
int vfu_send(struct vfu *c, unsigned int cmd, uint32_t flags, const void *req,
	     size_t len, const void *data, size_t data_len, const int *fds,
	     unsigned int nr_fds);		/* Return: message id or -errno */
int vfu_recv_reply(struct vfu *c, int id, void *reply, size_t reply_len);

/* Any bytes at all. Return: 0 or -errno. */
int vfu_send_raw(struct vfu *c, const void *bytes, size_t len, const int *fds,
		 unsigned int nr_fds);

/*
 * Serve what the server asks for, for at most ms; stops at the first reply to
 * us. Return: 1 a reply waits, 0 nothing, -EPIPE at EOF.
 */
int vfu_pump(struct vfu *c, int ms);

int vfu_region_read(struct vfu *c, unsigned int region, uint64_t off, void *buf,
		    uint32_t len);
int vfu_region_write(struct vfu *c, unsigned int region, uint64_t off,
		     const void *buf, uint32_t len);
int vfu_region_post(struct vfu *c, unsigned int region, uint64_t off,
		    const void *buf, uint32_t len);	/* NO_REPLY */
uint32_t vfu_read32(struct vfu *c, unsigned int region, uint64_t off);
void vfu_write32(struct vfu *c, unsigned int region, uint64_t off, uint32_t val);
void vfu_post32(struct vfu *c, unsigned int region, uint64_t off, uint32_t val);

/* fd -1: memory that the server can only reach through us. */
int vfu_dma_map_send(struct vfu *c, uint64_t iova, uint64_t size, int fd,
		     uint64_t offset, uint32_t flags, void *host);
int vfu_dma_map(struct vfu *c, uint64_t iova, uint64_t size, int fd,
		uint64_t offset, uint32_t flags, void *host);
int vfu_dma_unmap(struct vfu *c, uint64_t iova, uint64_t size);

int vfu_region_info(struct vfu *c, unsigned int index, struct vfu_region_info *info);
int vfu_irq_info(struct vfu *c, unsigned int index, struct vfu_irq_info *info);
int vfu_set_irqs(struct vfu *c, unsigned int index, uint32_t flags,
		 uint32_t start, uint32_t count, const int *fds,
		 unsigned int nr_fds);
int vfu_reset(struct vfu *c);

/* What QEMU asks between the DMA_MAPs and its start. Return: 0 or -errno. */
int vfu_realize(struct vfu *c);

#endif /* BVF_VFU_CLIENT_H */
