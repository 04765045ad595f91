// SPDX-License-Identifier: GPL-2.0
/*
 * PCI configuration space, BARs, MSI-X, bus mastering and FLR, as a PCI driver
 * and QEMU see them.
 */
#include <linux/pci_regs.h>

#include "pair.h"
#include "tap.h"

static struct bvf_card card;
static struct bvf_drv d;

static void setup(void)
{
	bvf_card_up(&card, tap_tmpdir(), 1);
	bvf_drv_open(&d, bvf_card_sock(&card, 0), BVF_RAM_SIZE);
}

static void teardown(void)
{
	bvf_drv_close(&d);
	bvf_card_stop(&card);
}

static uint32_t cfg_read(uint32_t off, uint32_t len)
{
	uint32_t val = 0;

	TAP_EQ(vfu_region_read(&d.vfu, VFU_CONFIG, off, &val, len), 0);
	return val;
}

static void cfg_write(uint32_t off, uint32_t val, uint32_t len)
{
	TAP_EQ(vfu_region_write(&d.vfu, VFU_CONFIG, off, &val, len), 0);
}

static uint32_t find_cap(uint8_t id)
{
	uint32_t at = cfg_read(PCI_CAPABILITY_LIST, 1);
	int n = 0;

	while (at) {
		TAP_OK(at >= 0x40 && !(at & 3));
		TAP_LE(++n, 48);
		if (cfg_read(at, 1) == id)
			return at;
		at = cfg_read(at + 1, 1);
	}
	return 0;
}

TAP_TEST(identity)
{
	setup();
	TAP_EQ(cfg_read(PCI_VENDOR_ID, 2), (uint32_t)BVF_PCI_VENDOR);
	TAP_EQ(cfg_read(PCI_DEVICE_ID, 2), (uint32_t)BVF_PCI_DEVICE);
	TAP_EQ(cfg_read(PCI_CLASS_REVISION, 4),
	       (uint32_t)(BVF_PCI_CLASS << 8 | BVF_PCI_REVISION));
	TAP_EQ(cfg_read(PCI_HEADER_TYPE, 1), 0u);
	TAP_EQ(cfg_read(PCI_INTERRUPT_PIN, 1), 0u);	/* INTx would end mmaps */
	teardown();
}

TAP_TEST(identity_is_constant)
{
	uint32_t before[16];

	setup();
	for (uint32_t i = 0; i < 16; i++)
		before[i] = cfg_read(i * 4, 4);
	for (uint32_t i = 0; i < 4096; i += 4)
		if (i < 4 || i > 7)
			cfg_write(i, i >= 0x40 && i < 0x100 ? 0 : 0xffffffff, 4);
	for (uint32_t i = 0; i < 16; i++)
		if (i != 1 && i != 3 && (i < 4 || i > 9) && i != 15)
			TAP_EQ(cfg_read(i * 4, 4), before[i]);
	teardown();
}

static const struct bar_row {
	const char *name;
	uint32_t bar;
	uint64_t size;
} bars[] = {
	{ "registers", BVF_BAR_REGS, BVF_BAR_REGS_SIZE },
	{ "kick", BVF_BAR_KICK, BVF_BAR_KICK_SIZE },
	{ "msix", BVF_BAR_MSIX, BVF_BAR_MSIX_SIZE },
};

TAP_TABLE(bar_sizing, struct bar_row, bars, row)
{
	uint32_t off = PCI_BASE_ADDRESS_0 + row->bar * 4, low;
	uint64_t mask;

	setup();
	TAP_EQ(cfg_read(off, 4) & PCI_BASE_ADDRESS_SPACE_IO, 0u);
	cfg_write(off, 0xffffffff, 4);
	low = cfg_read(off, 4);
	mask = 0xffffffff00000000ull | (low & ~15u);
	TAP_EQ(~mask + 1, row->size);
	cfg_write(off, 0xfebf0000, 4);
	TAP_EQ(cfg_read(off, 4) & ~15u, (uint32_t)(0xfebf0000 & ~(row->size - 1)));
	teardown();
}

TAP_TEST(msix_capability)
{
	uint32_t cap, flags;

	setup();
	cap = find_cap(PCI_CAP_ID_MSIX);
	TAP_OK(cap);
	flags = cfg_read(cap + PCI_MSIX_FLAGS, 2);
	TAP_EQ((flags & PCI_MSIX_FLAGS_QSIZE) + 1, bvf_reg_read(&d, BVF_REG_VECTORS));
	TAP_EQ(cfg_read(cap + PCI_MSIX_TABLE, 4), (uint32_t)BVF_BAR_MSIX);
	TAP_EQ(cfg_read(cap + PCI_MSIX_PBA, 4), (uint32_t)(BVF_BAR_MSIX | BVF_MSIX_PBA));
	cfg_write(cap + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 2);
	TAP_EQ(cfg_read(cap + PCI_MSIX_FLAGS, 2),
	       flags | PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	teardown();
}

TAP_TEST(msix_pba_reads)
{
	uint64_t pba = ~0ull;

	setup();
	TAP_EQ(vfu_region_read(&d.vfu, BVF_BAR_MSIX, BVF_MSIX_PBA, &pba, 8), 0);
	TAP_EQ(pba, 0ull);
	teardown();
}

TAP_TEST(express_capability)
{
	uint32_t cap;

	setup();
	cap = find_cap(PCI_CAP_ID_EXP);
	TAP_OK(cap);
	TAP_EQ(cfg_read(cap + PCI_EXP_FLAGS, 2) & PCI_EXP_FLAGS_VERS, 2u);
	TAP_EQ((cfg_read(cap + PCI_EXP_FLAGS, 2) & PCI_EXP_FLAGS_TYPE) >> 4,
	       (uint32_t)PCI_EXP_TYPE_ENDPOINT);
	TAP_OK(cfg_read(cap + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR);
	teardown();
}

TAP_TEST(power_management_capability)
{
	setup();
	TAP_OK(find_cap(PCI_CAP_ID_PM));
	teardown();
}

TAP_TEST(serial_number)
{
	uint32_t head, mac;

	setup();
	head = cfg_read(0x100, 4);
	TAP_EQ(head & 0xffff, (uint32_t)PCI_EXT_CAP_ID_DSN);
	/* the low half of the EUI-64 ends as the MAC does */
	mac = bvf_reg_read(&d, BVF_REG_MAC_HI) << 16 & 0xff000000;
	TAP_EQ(cfg_read(0x104, 1), mac >> 24);
	TAP_NE(cfg_read(0x104, 4) | cfg_read(0x108, 4), 0u);
	teardown();
}

/* ---- bus mastering ---- */

TAP_TEST(enable_without_bus_master)
{
	setup();
	bvf_drv_pci(&d);
	cfg_write(PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	bvf_drv_reset(&d);
	bvf_drv_aq_setup(&d, 6);
	TAP_OK(bvf_drv_enable(&d) & BVF_STS_FATAL);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_ERROR), (uint32_t)BVF_DEV_NOT_MASTER);
	cfg_write(PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	bvf_drv_start(&d);
	teardown();
}

TAP_TEST(no_memory_access_without_bus_master)
{
	static struct bvf_pair p;
	struct bvf_sge sge;
	struct bvf_wr wr;
	uint16_t off = PCI_COMMAND_MEMORY;

	bvf_pair_up(&p, tap_tmpdir());
	bvf_want_traffic(&p);
	TAP_EQ(vfu_region_write(&p.b.drv.vfu, VFU_CONFIG, PCI_COMMAND, &off, 2), 0);
	bvf_fill(p.a.buf, 4096, 3);
	sge = bvf_sge(&p.a.mr, 0, 4096);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	bvf_post_send(&p.a.qp, &wr);
	usleep(50000);
	bvf_want_zero(p.b.buf, 4096);
	bvf_card_check(&p.card);
	bvf_drv_close(&p.a.drv);
	bvf_drv_close(&p.b.drv);
	bvf_card_stop(&p.card);
}

/* ---- function level reset ---- */

static void flr(void)
{
	uint32_t cap = find_cap(PCI_CAP_ID_EXP);

	cfg_write(cap + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR, 2);
}

TAP_TEST(flr_resets_the_function)
{
	setup();
	bvf_drv_pci(&d);
	bvf_drv_start(&d);
	flr();
	bvf_wait_for(&d, !(bvf_reg_read(&d, BVF_REG_STATUS) & BVF_STS_RESETTING));
	TAP_EQ(bvf_reg_read(&d, BVF_REG_CTRL), 0u);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_STATUS) & ~BVF_STS_LINK, 0u);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_AQ_SQ), 0u);
	TAP_EQ(cfg_read(PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0u);
	bvf_drv_pci(&d);
	bvf_drv_start(&d);
	teardown();
}

TAP_TEST(flr_fifty_times)
{
	setup();
	for (int i = 0; i < 50; i++) {
		d.ram_next = BVF_HOLE_END;
		memset(d.ram + BVF_HOLE_END, 0, 1 << 20);
		bvf_drv_pci(&d);
		bvf_drv_start(&d);
		flr();
	}
	teardown();
}

TAP_TEST(vfio_reset_resets_the_function)
{
	setup();
	bvf_drv_pci(&d);
	bvf_drv_start(&d);
	TAP_EQ(vfu_reset(&d.vfu), 0);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_CTRL), 0u);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_STATUS) & ~BVF_STS_LINK, 0u);
	bvf_drv_pci(&d);
	bvf_drv_start(&d);
	teardown();
}

/* Reset while there is traffic both ways: nothing is written after it. */
static const struct reset_row {
	const char *name;
	int how;
} resets[] = { { "flr", 0 }, { "vfio", 1 }, { "ctrl", 2 }, { "dma_unmap", 3 } };

TAP_TABLE(let_go_of_memory_by, struct reset_row, resets, row)
{
	static struct bvf_pair p;
	struct vfu *v;
	struct bvf_sge sge;
	struct bvf_wr wr;
	uint64_t sum = 0, again = 0;
	uint32_t cap;
	uint16_t bit = PCI_EXP_DEVCTL_BCR_FLR;

	bvf_pair_up(&p, tap_tmpdir());
	v = &p.b.drv.vfu;
	sge = bvf_sge(&p.a.mr, 0, BVF_BUF_LEN);
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	for (int i = 0; i < 60; i++) {
		bvf_fill(p.a.buf, 64, (uint32_t)i);
		bvf_post_send(&p.a.qp, &wr);
	}
	d.vfu = *v;
	cap = find_cap(PCI_CAP_ID_EXP);
	if (row->how == 0)
		TAP_EQ(vfu_region_write(v, VFU_CONFIG, cap + PCI_EXP_DEVCTL, &bit, 2), 0);
	else if (row->how == 1)
		TAP_EQ(vfu_reset(v), 0);
	else if (row->how == 2)
		bvf_drv_reset(&p.b.drv);
	else
		TAP_EQ(vfu_dma_unmap(v, BVF_HOLE_END, p.b.drv.ram_size - BVF_HOLE_END), 0);
	memset(p.b.buf, 0, BVF_BUF_LEN);
	usleep(30000);
	for (uint32_t i = 0; i < BVF_BUF_LEN; i += 8)
		sum |= *(uint64_t *)(p.b.buf + i);
	TAP_EQ(sum, again);
	bvf_card_check(&p.card);
	bvf_drv_close(&p.a.drv);
	bvf_drv_close(&p.b.drv);
	bvf_card_stop(&p.card);
}

/* ---- irq=msi: for QEMU that cannot unplug MSI-X ---- */

TAP_TEST(msi_function)
{
	static struct bvf_end e;
	struct vfu_region_info bar;
	struct bvf_qp_attr attr;
	struct vfu_irq_info irq;
	struct bvf_eqe eqe;
	struct bvf_sge sge;
	struct bvf_wr wr;
	uint32_t cap;

	bvf_card_init(&card, tap_tmpdir());
	bvf_card_arg(&card, "--function");
	bvf_card_arg(&card, "name=fn0,irq=msi");
	bvf_card_start(&card);
	bvf_end_up(&e, bvf_card_sock(&card, 0));
	d = e.drv;
	TAP_EQ(find_cap(PCI_CAP_ID_MSIX), 0u);
	cap = find_cap(PCI_CAP_ID_MSI);
	TAP_OK(cap);
	TAP_OK(cfg_read(cap + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_64BIT);
	TAP_EQ(vfu_irq_info(&d.vfu, VFU_IRQ_MSI, &irq), 0);
	TAP_EQ(irq.count, e.drv.nr_vectors);
	TAP_EQ(vfu_region_info(&d.vfu, BVF_BAR_MSIX, &bar), 0);
	TAP_EQ(bar.size, 0ull);
	cfg_write(PCI_BASE_ADDRESS_4, 0xffffffff, 4);
	TAP_EQ(cfg_read(PCI_BASE_ADDRESS_4, 4), 0u);
	e.drv.vfu = d.vfu;

	/* its vectors work as those of MSI-X do */
	bvf_attr_to(&e.qp, &e.qp, &attr);
	BVF_MUST(bvf_to_state(&e.qp, &attr, BVF_QPS_RTS));
	while (bvf_irq_take(&e.drv, 1, 0))
		;
	bvf_eq_arm(&e.drv.eq);
	bvf_cq_arm(&e.scq, BVF_ARM_NEXT);
	sge = bvf_sge(&e.mr, 0, 8);
	wr = bvf_wr_write(&sge, &e.mr, 64);
	bvf_post_send(&e.qp, &wr);
	TAP_EQ(bvf_irq_take(&e.drv, 1, 5000), 1ull);
	bvf_eq_wait(&e.drv.eq, &eqe);
	TAP_EQ(eqe.id, e.scq.cqn);
	bvf_drv_close(&e.drv);
	bvf_card_stop(&card);
}

TAP_MAIN()
