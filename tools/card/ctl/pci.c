// SPDX-License-Identifier: GPL-2.0
/*
 * PCI configuration space of a function. Knows no vfio-user: it gets reads and
 * writes, and tells what a write asks of the function.
 *
 * Trust boundary: writes are the guest's. Each byte has a mask of the bits a
 * guest may change; all else is constant.
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "card.h"

#define CAP_PM		0x40
#define CAP_EXP		0x48
#define CAP_MSI		0x88	/* MSI or MSI-X, as configured */
#define EXT_DSN		0x100

#define MSI_LOG2_VECTORS 5
_Static_assert(1 << MSI_LOG2_VECTORS == BVF_MAX_VECTORS, "MSI capability");

static void put16(uint8_t *p, uint16_t val)
{
	p[0] = (uint8_t)val;
	p[1] = (uint8_t)(val >> 8);
}

static void put32(uint8_t *p, uint32_t val)
{
	put16(p, (uint16_t)val);
	put16(p + 2, (uint16_t)(val >> 16));
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static void init_header(uint8_t *cfg)
{
	put16(cfg + PCI_VENDOR_ID, BVF_PCI_VENDOR);
	put16(cfg + PCI_DEVICE_ID, BVF_PCI_DEVICE);
	put16(cfg + PCI_STATUS, PCI_STATUS_CAP_LIST);
	cfg[PCI_REVISION_ID] = BVF_PCI_REVISION;
	cfg[PCI_CLASS_PROG] = BVF_PCI_CLASS & 0xff;
	put16(cfg + PCI_CLASS_DEVICE, BVF_PCI_CLASS >> 8);
	put16(cfg + PCI_SUBSYSTEM_VENDOR_ID, BVF_PCI_VENDOR);
	put16(cfg + PCI_SUBSYSTEM_ID, BVF_PCI_DEVICE);
	cfg[PCI_CAPABILITY_LIST] = CAP_PM;
	/* No legacy interrupt: the pin stays 0. */
}

static void init_pm(uint8_t *cap)
{
	cap[0] = PCI_CAP_ID_PM;
	cap[PCI_CAP_LIST_NEXT] = CAP_EXP;
	put16(cap + PCI_PM_PMC, 3);
	put16(cap + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
}

static void init_express(uint8_t *cap)
{
	cap[0] = PCI_CAP_ID_EXP;
	cap[PCI_CAP_LIST_NEXT] = CAP_MSI;
	put16(cap + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_ENDPOINT << 4);
	put32(cap + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_FLR | PCI_EXP_DEVCAP_RBER |
	      PCI_EXP_DEVCAP_EXT_TAG | 1 /* payload up to 256 */);
	put16(cap + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_RELAX_EN |
	      PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B);
	put32(cap + PCI_EXP_LNKCAP, PCI_EXP_LNKCAP_SLS_16_0GB | 16 << 4);
	put16(cap + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_CLS_16_0GB | 16 << 4);
	put32(cap + PCI_EXP_LNKCAP2, PCI_EXP_LNKCAP2_SLS_2_5GB |
	      PCI_EXP_LNKCAP2_SLS_5_0GB | PCI_EXP_LNKCAP2_SLS_8_0GB |
	      PCI_EXP_LNKCAP2_SLS_16_0GB);
	put16(cap + PCI_EXP_LNKCTL2, PCI_EXP_LNKCTL2_TLS_16_0GT);
}

static void init_msi(uint8_t *cap, enum bvf_irq_kind kind)
{
	if (kind == BVF_IRQ_KIND_MSI) {
		cap[0] = PCI_CAP_ID_MSI;
		put16(cap + PCI_MSI_FLAGS,
		      PCI_MSI_FLAGS_64BIT | MSI_LOG2_VECTORS << 1);
		return;
	}
	cap[0] = PCI_CAP_ID_MSIX;
	put16(cap + PCI_MSIX_FLAGS, BVF_MAX_VECTORS - 1);
	put32(cap + PCI_MSIX_TABLE, BVF_BAR_MSIX);
	put32(cap + PCI_MSIX_PBA, BVF_MSIX_PBA | BVF_BAR_MSIX);
}

/* The serial number is the MAC as an EUI-64. */
static void init_serial(uint8_t *ext, const uint8_t *mac)
{
	put32(ext, PCI_EXT_CAP_ID_DSN | 1 << 16);
	ext[4] = mac[5];
	ext[5] = mac[4];
	ext[6] = mac[3];
	ext[7] = 0xfe;
	ext[8] = 0xff;
	ext[9] = mac[2];
	ext[10] = mac[1];
	ext[11] = mac[0] ^ 0x02;
}

void bvf_pci_init(struct bvf_fn *fn)
{
	uint8_t *cfg = fn->cfg;

	memset(cfg, 0, sizeof(fn->cfg));
	init_header(cfg);
	init_pm(cfg + CAP_PM);
	init_express(cfg + CAP_EXP);
	init_msi(cfg + CAP_MSI, fn->irq_kind);
	init_serial(cfg + EXT_DSN, fn->df->mac);
	memset(fn->msix, 0, sizeof(fn->msix));
	if (fn->irq_kind == BVF_IRQ_KIND_MSIX)
		for (int i = 0; i < BVF_MAX_VECTORS; i++)
			put32(fn->msix + i * PCI_MSIX_ENTRY_SIZE +
			      PCI_MSIX_ENTRY_VECTOR_CTRL,
			      PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

void bvf_pci_reset(struct bvf_fn *fn)
{
	bvf_pci_init(fn);
}

/* Return: the bits of a byte in a BAR of @size bytes that can be set */
static uint8_t bar_mask(uint32_t size, unsigned int byte)
{
	return (uint8_t)(~(size - 1) >> (byte * 8));
}

/* Return: the bits of the byte at @off that the guest may change */
static uint8_t write_mask(const struct bvf_fn *fn, uint32_t off)
{
	bool msi = fn->irq_kind == BVF_IRQ_KIND_MSI;

	switch (off) {
	case PCI_COMMAND:
		return PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
		       PCI_COMMAND_PARITY;
	case PCI_COMMAND + 1:
		return (PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE) >> 8;
	case PCI_CACHE_LINE_SIZE:
	case PCI_INTERRUPT_LINE:
		return 0xff;
	case PCI_BASE_ADDRESS_0 ... PCI_BASE_ADDRESS_0 + 3:
		return bar_mask(BVF_BAR_REGS_SIZE, off & 3);
	case PCI_BASE_ADDRESS_2 ... PCI_BASE_ADDRESS_2 + 3:
		return bar_mask(BVF_BAR_KICK_SIZE, off & 3);
	case PCI_BASE_ADDRESS_4 ... PCI_BASE_ADDRESS_4 + 3:
		return msi ? 0 : bar_mask(BVF_BAR_MSIX_SIZE, off & 3);
	case CAP_PM + PCI_PM_CTRL:
		return PCI_PM_CTRL_STATE_MASK;
	case CAP_EXP + PCI_EXP_DEVCTL:
		return 0xff;
	case CAP_EXP + PCI_EXP_DEVCTL + 1:
		return (uint8_t)(~PCI_EXP_DEVCTL_BCR_FLR >> 8);
	case CAP_EXP + PCI_EXP_LNKCTL:
		return PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC;
	case CAP_MSI + PCI_MSI_FLAGS:
		return msi ? PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE : 0;
	case CAP_MSI + PCI_MSIX_FLAGS + 1:
		return msi ? 0 : (PCI_MSIX_FLAGS_ENABLE |
				  PCI_MSIX_FLAGS_MASKALL) >> 8;
	case CAP_MSI + PCI_MSI_ADDRESS_LO ... CAP_MSI + PCI_MSI_DATA_64 + 1:
		if (!msi)
			return 0;
		return off == CAP_MSI + PCI_MSI_ADDRESS_LO ? 0xfc : 0xff;
	default:
		return 0;
	}
}

bool bvf_pci_master(const struct bvf_fn *fn)
{
	return (get16(fn->cfg + PCI_COMMAND) & PCI_COMMAND_MASTER) &&
	       !(fn->cfg[CAP_PM + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK);
}

unsigned int bvf_pci_write(struct bvf_fn *fn, uint32_t off, const uint8_t *buf,
			   size_t len)
{
	bool was_master = bvf_pci_master(fn);
	unsigned int events = 0;

	for (size_t i = 0; i < len; i++) {
		uint32_t at = off + (uint32_t)i;
		uint8_t mask = write_mask(fn, at);

		if (at == CAP_EXP + PCI_EXP_DEVCTL + 1 &&
		    (buf[i] & (PCI_EXP_DEVCTL_BCR_FLR >> 8)))
			events |= BVF_PCI_EV_FLR;
		fn->cfg[at] = (uint8_t)((fn->cfg[at] & ~mask) | (buf[i] & mask));
	}
	if (events & BVF_PCI_EV_FLR)
		bvf_pci_reset(fn);
	if (bvf_pci_master(fn) != was_master)
		events |= BVF_PCI_EV_MASTER;
	return events;
}
