/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR BSD-2-Clause */
/*
 * bvf PCI identity, BARs and registers.
 * Offsets and masks only; what the commands mean is in bvf_admin.h.
 */
#ifndef BVF_REGS_H
#define BVF_REGS_H

#include "bvf_base.h"

/* 1234 is QEMU's unregistered test vendor; there is no claim to this id. */
#define BVF_PCI_VENDOR		0x1234
#define BVF_PCI_DEVICE		0xb0f0
#define BVF_PCI_REVISION	0x01
#define BVF_PCI_CLASS		0x020000	/* network, Ethernet */

/*
 * BAR0: registers, trapped. 32-bit accesses at 4-byte aligned offsets; a
 *       64-bit register is two words, low word first. Other sizes and
 *       offsets read as zero and ignore writes.
 * BAR2: kick pages, trapped. Page n belongs to user context n. A write of
 *       any value and size anywhere in the page kicks that context; reads
 *       return zero.
 * BAR4: MSI-X table at 0, PBA at BVF_MSIX_PBA; absent with irq=msi.
 * No BAR is ever mmappable in the VMM, so that writes are posted.
 */
#define BVF_BAR_REGS		0
#define BVF_BAR_REGS_SIZE	0x1000
#define BVF_BAR_KICK		2
#define BVF_BAR_KICK_SIZE	(BVF_MAX_UCTX * BVF_PAGE_SIZE)
#define BVF_BAR_MSIX		4
#define BVF_BAR_MSIX_SIZE	0x1000
#define BVF_MSIX_PBA		0x800

#define BVF_MAX_UCTX		1024	/* user contexts; 0 is the driver's own */
#define BVF_MAX_VECTORS		32

/* Offsets in BAR0; RO unless marked. */
#define BVF_REG_MAGIC		0x00	/* BVF_MAGIC */
#define BVF_REG_VERSION		0x04	/* BVF_VERSION_*; a driver refuses another major */
#define BVF_REG_FEATURES	0x08	/* 64 bit, BVF_FEAT_*, what the function offers */
#define BVF_REG_DRV_FEATURES	0x10	/* 64 bit, RW while disabled: what the driver takes, a subset */
#define BVF_REG_CTRL		0x18	/* RW: BVF_CTRL_* */
#define BVF_REG_STATUS		0x1c	/* BVF_STS_* */
#define BVF_REG_ERROR		0x20	/* enum bvf_dev_error, valid with BVF_STS_FATAL */
#define BVF_REG_VECTORS		0x24	/* interrupt vectors implemented, 1..BVF_MAX_VECTORS */
#define BVF_REG_AQ_SQ		0x28	/* 64 bit, RW while disabled: iova of the command ring */
#define BVF_REG_AQ_CQ		0x30	/* 64 bit, RW while disabled: iova of the completion ring */
#define BVF_REG_AQ_SHIFT	0x38	/* RW while disabled: log2 of the entries of either ring */
#define BVF_REG_AQ_DB		0x3c	/* WO, posted: command producer index */
#define BVF_REG_MAC_LO		0x40	/* permanent MAC, bytes 0..3, byte 0 lowest */
#define BVF_REG_MAC_HI		0x44	/* bytes 4..5 */

#define BVF_MAGIC		0x30465642	/* "BVF0" */
#define BVF_VERSION_MAJOR(v)	((v) >> 16)
#define BVF_VERSION_MINOR(v)	((v) & 0xffff)
#define BVF_VERSION		0x00010000

/*
 * CTRL.ENABLE 0 -> 1 starts the admin queue: the function reads AQ_* and
 * DRV_FEATURES, then shows STATUS.READY, or STATUS.FATAL and ERROR.
 * CTRL.RESET 1 drops every object of the function and disables it. It reads
 * back as 1, with STATUS.RESETTING, until the card has let go of all guest
 * memory; then CTRL and STATUS read 0. FLR and VFIO reset do the same.
 */
#define BVF_CTRL_ENABLE		0x1
#define BVF_CTRL_RESET		0x2

#define BVF_STS_READY		0x1	/* admin queue runs */
#define BVF_STS_RESETTING	0x2
#define BVF_STS_FATAL		0x4	/* only a reset helps; ERROR says why */
#define BVF_STS_LINK		0x8	/* the function's network is up */

enum bvf_dev_error {
	BVF_DEV_OK		= 0,
	BVF_DEV_BAD_FEATURES	= 1,	/* DRV_FEATURES is not a subset of FEATURES */
	BVF_DEV_BAD_AQ		= 2,	/* ring address, alignment or depth */
	BVF_DEV_NOT_MASTER	= 3,	/* bus mastering is off */
	BVF_DEV_NO_SHARE	= 4,	/* guest memory is not shared: memory backend lacks share=on */
	BVF_DEV_AQ_LOST		= 5,	/* admin rings became unreachable, or AQ_DB ran past the ring */
	BVF_DEV_CARD		= 6,	/* the card failed internally */
};

#define BVF_FEAT_RC		(1ull << 0)	/* reliable connected QPs */
#define BVF_FEAT_UD		(1ull << 1)	/* unreliable datagram QPs and QP 1 */
#define BVF_FEAT_ETH		(1ull << 2)	/* Ethernet queues */
#define BVF_FEAT_ETH_CSUM	(1ull << 3)	/* checksum offload, both ways */
#define BVF_FEAT_ETH_TSO	(1ull << 4)	/* TSO4 and TSO6, and large receive */

#define BVF_AQ_SHIFT_MIN	4
#define BVF_AQ_SHIFT_MAX	8

#endif /* BVF_REGS_H */
