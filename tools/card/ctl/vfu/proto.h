/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vfio-user wire format, as QEMU 11.1 speaks it. Included by the files of this
 * folder only; nothing else of the card knows the protocol.
 */
#ifndef BVF_VFU_PROTO_H
#define BVF_VFU_PROTO_H

#include <stdint.h>

enum bvf_vfu_cmd {
	BVF_VFU_VERSION			= 1,
	BVF_VFU_DMA_MAP			= 2,
	BVF_VFU_DMA_UNMAP		= 3,
	BVF_VFU_GET_INFO		= 4,
	BVF_VFU_GET_REGION_INFO		= 5,
	BVF_VFU_GET_IRQ_INFO		= 7,
	BVF_VFU_SET_IRQS		= 8,
	BVF_VFU_REGION_READ		= 9,
	BVF_VFU_REGION_WRITE		= 10,
	BVF_VFU_DMA_READ		= 11,
	BVF_VFU_RESET			= 13,
	BVF_VFU_DEVICE_FEATURE		= 16,
	BVF_VFU_NR_CMDS			= 19,	/* first number not assigned */
};

#define BVF_VFU_F_TYPE_MASK	0x0fu
#define BVF_VFU_F_COMMAND	0x00u
#define BVF_VFU_F_REPLY		0x01u
#define BVF_VFU_F_NO_REPLY	0x10u
#define BVF_VFU_F_ERROR		0x20u

struct bvf_vfu_hdr {
	uint16_t id;
	uint16_t cmd;
	uint32_t size;			/* of the whole message */
	uint32_t flags;			/* BVF_VFU_F_* */
	uint32_t err;			/* errno, with BVF_VFU_F_ERROR */
};
_Static_assert(sizeof(struct bvf_vfu_hdr) == 16, "wire format");

struct bvf_vfu_version {
	uint16_t major;
	uint16_t minor;
	char json[];			/* NUL-terminated, may be absent */
};
_Static_assert(sizeof(struct bvf_vfu_version) == 4, "wire format");

#define BVF_VFU_DMA_F_READ	0x1u
#define BVF_VFU_DMA_F_WRITE	0x2u

struct bvf_vfu_dma_map {
	uint32_t argsz;
	uint32_t flags;			/* BVF_VFU_DMA_F_* */
	uint64_t offset;		/* in the file passed along, if any */
	uint64_t iova;
	uint64_t size;
};
_Static_assert(sizeof(struct bvf_vfu_dma_map) == 32, "wire format");

struct bvf_vfu_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t iova;
	uint64_t size;
};
_Static_assert(sizeof(struct bvf_vfu_dma_unmap) == 24, "wire format");

#define BVF_VFU_DEV_F_RESET	0x1u
#define BVF_VFU_DEV_F_PCI	0x2u

struct bvf_vfu_dev_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t nr_regions;
	uint32_t nr_irqs;
};
_Static_assert(sizeof(struct bvf_vfu_dev_info) == 16, "wire format");

#define BVF_VFU_REGION_F_READ	0x1u
#define BVF_VFU_REGION_F_WRITE	0x2u

struct bvf_vfu_region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t size;
	uint64_t offset;
};
_Static_assert(sizeof(struct bvf_vfu_region_info) == 32, "wire format");

#define BVF_VFU_IRQ_F_EVENTFD	0x1u

struct bvf_vfu_irq_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};
_Static_assert(sizeof(struct bvf_vfu_irq_info) == 16, "wire format");

#define BVF_VFU_SET_DATA_NONE	0x01u
#define BVF_VFU_SET_DATA_BOOL	0x02u
#define BVF_VFU_SET_DATA_EVENTFD 0x04u
#define BVF_VFU_SET_DATA_MASK	0x07u
#define BVF_VFU_SET_ACT_TRIGGER	0x20u
#define BVF_VFU_SET_ACT_MASK	0x38u

struct bvf_vfu_set_irqs {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t start;
	uint32_t count;
};
_Static_assert(sizeof(struct bvf_vfu_set_irqs) == 20, "wire format");

struct bvf_vfu_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};
_Static_assert(sizeof(struct bvf_vfu_region_access) == 16, "wire format");

/* QEMU before 11.1 had a 32-bit count here; those are not supported. */
struct bvf_vfu_dma_access {
	uint64_t iova;
	uint64_t count;
};
_Static_assert(sizeof(struct bvf_vfu_dma_access) == 16, "wire format");

#endif
