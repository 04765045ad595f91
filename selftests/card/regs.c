// SPDX-License-Identifier: GPL-2.0
/*
 * Registers, the handshakes of reset and enable, and every way in which the
 * admin queue can be set up or rung wrongly.
 */
#include <sys/mman.h>

#include "pair.h"
#include "tap.h"

static struct bvf_card card;
static struct bvf_drv d;

static void setup(void)
{
	bvf_card_up(&card, tap_tmpdir(), 1);
	bvf_drv_open(&d, bvf_card_sock(&card, 0), BVF_RAM_SIZE);
	bvf_drv_pci(&d);
}

static void teardown(void)
{
	bvf_drv_close(&d);
	bvf_card_stop(&card);
}

/* Only a reset helps, and it does. */
static void want_fatal(uint32_t error)
{
	bvf_wait_for(&d, bvf_reg_read(&d, BVF_REG_STATUS) & BVF_STS_FATAL);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_ERROR), error);
	bvf_drv_start(&d);
}

TAP_TEST(values_after_reset)
{
	uint32_t lo, hi;

	setup();
	bvf_drv_reset(&d);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_MAGIC), (uint32_t)BVF_MAGIC);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_VERSION), (uint32_t)BVF_VERSION);
	TAP_OK(bvf_reg_read(&d, BVF_REG_FEATURES) & BVF_FEAT_RC);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_CTRL), 0u);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_STATUS) & ~BVF_STS_LINK, 0u);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_ERROR), (uint32_t)BVF_DEV_OK);
	lo = bvf_reg_read(&d, BVF_REG_MAC_LO);
	hi = bvf_reg_read(&d, BVF_REG_MAC_HI);
	TAP_EQ(lo & 1, 0u);			/* not a multicast address */
	TAP_NE(lo | hi, 0u);
	TAP_EQ(hi >> 16, 0u);
	teardown();
}

TAP_TEST(mac_is_that_of_describe)
{
	uint32_t lo, hi;
	uint8_t mac[6];

	setup();
	bvf_drv_start(&d);
	lo = bvf_reg_read(&d, BVF_REG_MAC_LO);
	hi = bvf_reg_read(&d, BVF_REG_MAC_HI);
	memcpy(mac, &lo, 4);
	memcpy(mac + 4, &hi, 2);
	TAP_EQ(memcmp(mac, d.desc.mac, 6), 0);
	teardown();
}

static const struct reg_row {
	const char *name;
	uint32_t off, val;
	int keeps;		/* reads back as written, while disabled */
} rw_regs[] = {
	{ "drv_features", BVF_REG_DRV_FEATURES, 0x1, 1 },
	{ "drv_features_hi", BVF_REG_DRV_FEATURES + 4, 0x80000001, 1 },
	{ "aq_sq", BVF_REG_AQ_SQ, 0x12345000, 1 },
	{ "aq_sq_hi", BVF_REG_AQ_SQ + 4, 0x1, 1 },
	{ "aq_cq", BVF_REG_AQ_CQ, 0x54321000, 1 },
	{ "aq_cq_hi", BVF_REG_AQ_CQ + 4, 0x2, 1 },
	{ "aq_shift", BVF_REG_AQ_SHIFT, 7, 1 },
	{ "magic", BVF_REG_MAGIC, 0x1, 0 },
	{ "version", BVF_REG_VERSION, 0x1, 0 },
	{ "features", BVF_REG_FEATURES, 0, 0 },
	{ "status", BVF_REG_STATUS, 0x7, 0 },
	{ "error", BVF_REG_ERROR, 0x7, 0 },
	{ "vectors", BVF_REG_VECTORS, 0x7, 0 },
	{ "mac", BVF_REG_MAC_LO, 0x7, 0 },
	{ "reserved", 0x800, 0x7, 0 },
};

TAP_TABLE(write, struct reg_row, rw_regs, row)
{
	uint32_t before;

	setup();
	bvf_drv_reset(&d);
	before = bvf_reg_read(&d, row->off);
	bvf_reg_write(&d, row->off, row->val);
	TAP_EQ(bvf_reg_read(&d, row->off), row->keeps ? row->val : before);
	bvf_drv_reset(&d);
	TAP_EQ(bvf_reg_read(&d, row->off), before);
	teardown();
}

TAP_TABLE(read_only_while_enabled, struct reg_row, rw_regs, row)
{
	uint32_t before;

	setup();
	bvf_drv_start(&d);
	before = bvf_reg_read(&d, row->off);
	bvf_reg_write(&d, row->off, ~before & 0xf);
	TAP_EQ(bvf_reg_read(&d, row->off), before);
	BVF_MUST(bvf_cmd(&d, BVF_OP_DESCRIBE, NULL, 0, NULL, 0));
	teardown();
}

static const struct width_row {
	const char *name;
	uint32_t off, len;
} widths[] = {
	{ "1_byte", 0, 1 }, { "2_bytes", 0, 2 }, { "8_bytes", 0, 8 },
	{ "off_1", 1, 4 }, { "off_2", 2, 4 }, { "3_bytes", 0, 3 },
};

TAP_TABLE(other_access_reads_zero, struct width_row, widths, row)
{
	uint64_t val = ~0ull, zero = 0;

	setup();
	TAP_EQ(vfu_region_read(&d.vfu, BVF_BAR_REGS, row->off, &val, row->len), 0);
	TAP_EQ(memcmp(&val, &zero, row->len), 0);
	teardown();
}

TAP_TABLE(other_access_ignored, struct width_row, widths, row)
{
	uint64_t val = BVF_CTRL_ENABLE;

	setup();
	bvf_drv_reset(&d);
	TAP_EQ(vfu_region_write(&d.vfu, BVF_BAR_REGS, BVF_REG_CTRL + row->off, &val,
				row->len), 0);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_CTRL), 0u);
	teardown();
}

TAP_TEST(kick_pages_read_zero)
{
	setup();
	TAP_EQ(vfu_read32(&d.vfu, BVF_BAR_KICK, 0), 0u);
	vfu_write32(&d.vfu, BVF_BAR_KICK, 4096, 0xffffffff);
	TAP_EQ(vfu_read32(&d.vfu, BVF_BAR_KICK, 4096), 0u);
	teardown();
}

TAP_TEST(kicks_of_no_context_ignored)
{
	setup();
	bvf_drv_start(&d);
	for (uint32_t i = 0; i < BVF_MAX_UCTX; i++)
		vfu_post32(&d.vfu, BVF_BAR_KICK, i * BVF_PAGE_SIZE + i, i);
	BVF_MUST(bvf_cmd(&d, BVF_OP_DESCRIBE, NULL, 0, NULL, 0));
	teardown();
}

TAP_TEST(reset_while_disabled)
{
	setup();
	for (int i = 0; i < 20; i++)
		bvf_drv_reset(&d);
	bvf_drv_start(&d);
	teardown();
}

TAP_TEST(start_and_reset_hundred_times)
{
	setup();
	for (int i = 0; i < 100; i++) {
		d.ram_next = BVF_HOLE_END;
		memset(d.ram + BVF_HOLE_END, 0, 1 << 20);
		bvf_drv_start(&d);
		bvf_drv_reset(&d);
	}
	teardown();
}

/* ---- enable ---- */

static const struct enable_row {
	const char *name;
	uint64_t sq, cq;	/* 0: as it should be; 1: zero */
	uint32_t shift;
	uint64_t features;	/* beyond what is offered */
	uint32_t error;
} enables[] = {
	{ "unknown_feature", 0, 0, 6, 1ull << 63, BVF_DEV_BAD_FEATURES },
	{ "shift_too_small", 0, 0, BVF_AQ_SHIFT_MIN - 1, 0, BVF_DEV_BAD_AQ },
	{ "shift_too_large", 0, 0, BVF_AQ_SHIFT_MAX + 1, 0, BVF_DEV_BAD_AQ },
	{ "shift_32", 0, 0, 32, 0, BVF_DEV_BAD_AQ },
	{ "shift_max", 0, 0, 0xffffffff, 0, BVF_DEV_BAD_AQ },
	{ "sq_unaligned", 0x100040, 0, 6, 0, BVF_DEV_BAD_AQ },
	{ "cq_unaligned", 0, 0x100800, 6, 0, BVF_DEV_BAD_AQ },
	{ "sq_in_a_hole", 0xa0000, 0, 6, 0, BVF_DEV_BAD_AQ },
	{ "cq_beyond_ram", 0, BVF_RAM_SIZE, 6, 0, BVF_DEV_BAD_AQ },
	{ "cq_ends_beyond_ram", 0, BVF_RAM_SIZE - 4096, 8, 0, BVF_DEV_BAD_AQ },
	{ "sq_ends_in_a_hole", 0x9f000, 0, 8, 0, BVF_DEV_BAD_AQ },
	{ "sq_wraps", ~0xfffull, 0, 8, 0, BVF_DEV_BAD_AQ },
};

TAP_TABLE(enable_with, struct enable_row, enables, row)
{
	setup();
	bvf_drv_reset(&d);
	bvf_drv_aq_setup(&d, 6);
	bvf_reg_write64(&d, BVF_REG_DRV_FEATURES, BVF_FEAT_RC | row->features);
	bvf_reg_write(&d, BVF_REG_AQ_SHIFT, row->shift);
	if (row->sq)
		bvf_reg_write64(&d, BVF_REG_AQ_SQ, row->sq);
	if (row->cq)
		bvf_reg_write64(&d, BVF_REG_AQ_CQ, row->cq);
	TAP_EQ(bvf_drv_enable(&d) & (BVF_STS_READY | BVF_STS_FATAL),
	       (uint32_t)BVF_STS_FATAL);
	want_fatal(row->error);
	teardown();
}

TAP_TEST(enable_with_each_shift)
{
	setup();
	for (uint32_t shift = BVF_AQ_SHIFT_MIN; shift <= BVF_AQ_SHIFT_MAX; shift++) {
		bvf_drv_reset(&d);
		bvf_drv_aq_setup(&d, shift);
		TAP_OK(bvf_drv_enable(&d) & BVF_STS_READY);
		for (uint32_t i = 0; i < 3u << shift; i++)
			BVF_MUST(bvf_cmd(&d, BVF_OP_DESCRIBE, NULL, 0, NULL, 0));
	}
	teardown();
}

TAP_TEST(enable_twice_changes_nothing)
{
	setup();
	bvf_drv_start(&d);
	bvf_reg_write(&d, BVF_REG_CTRL, BVF_CTRL_ENABLE);
	TAP_OK(bvf_reg_read(&d, BVF_REG_STATUS) & BVF_STS_READY);
	BVF_MUST(bvf_cmd(&d, BVF_OP_DESCRIBE, NULL, 0, NULL, 0));
	teardown();
}

/* A rejected feature's commands are unknown ones. */
TAP_TEST(commands_of_a_feature_not_taken)
{
	struct bvf_set_eth_cmd cmd = { .mtu = 1500 };

	setup();
	bvf_drv_reset(&d);
	bvf_drv_aq_setup(&d, 6);
	bvf_reg_write64(&d, BVF_REG_DRV_FEATURES, BVF_FEAT_RC);
	TAP_OK(bvf_drv_enable(&d) & BVF_STS_READY);
	TAP_EQ(bvf_cmd(&d, BVF_OP_SET_ETH, &cmd, sizeof(cmd), NULL, 0),
	       BVF_ST_BAD_OPCODE);
	teardown();
}

/* ---- the ring ---- */

TAP_TEST(many_commands_at_once)
{
	uint32_t id[64];

	setup();
	bvf_drv_start(&d);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 64; i++)
			id[i] = bvf_cmd_submit(&d, BVF_OP_DESCRIBE, NULL, 0);
		for (int i = 63; i >= 0; i--)
			BVF_MUST(bvf_cmd_wait(&d, id[i], NULL, 0));
	}
	teardown();
}

TAP_TEST(doorbell_rung_twice)
{
	setup();
	bvf_drv_start(&d);
	for (int i = 0; i < 10; i++) {
		bvf_reg_write(&d, BVF_REG_AQ_DB, d.aq_pi);
		BVF_MUST(bvf_cmd(&d, BVF_OP_DESCRIBE, NULL, 0, NULL, 0));
		bvf_reg_write(&d, BVF_REG_AQ_DB, d.aq_pi);
	}
	teardown();
}

static const struct db_row {
	const char *name;
	uint32_t ahead;
} doorbells[] = {
	{ "one_too_many", 65 }, { "far", 0x10000 }, { "half", 0x80000000 },
	{ "back", 0xffffffff },
};

TAP_TABLE(doorbell_beyond_the_ring, struct db_row, doorbells, row)
{
	setup();
	bvf_drv_start(&d);
	bvf_reg_write(&d, BVF_REG_AQ_DB, d.aq_pi + row->ahead);
	want_fatal(BVF_DEV_AQ_LOST);
	teardown();
}

TAP_TEST(doorbell_while_disabled)
{
	setup();
	bvf_drv_reset(&d);
	bvf_reg_write(&d, BVF_REG_AQ_DB, 5);
	bvf_drv_start(&d);
	teardown();
}

TAP_TEST(rings_unmapped_while_enabled)
{
	setup();
	bvf_drv_start(&d);
	TAP_EQ(vfu_dma_unmap(&d.vfu, BVF_HOLE_END, d.ram_size - BVF_HOLE_END), 0);
	bvf_cmd_submit(&d, BVF_OP_DESCRIBE, NULL, 0);
	bvf_wait_for(&d, bvf_reg_read(&d, BVF_REG_STATUS) & BVF_STS_FATAL);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_ERROR), (uint32_t)BVF_DEV_AQ_LOST);
	teardown();
}

/* QEMU unmaps and maps RAM as firmware moves windows about; objects live on. */
TAP_TEST(ram_mapped_again_while_enabled)
{
	uint64_t len;

	setup();
	bvf_drv_start(&d);
	len = d.ram_size - BVF_HOLE_END;
	for (int i = 0; i < 20; i++) {
		TAP_EQ(vfu_dma_unmap(&d.vfu, BVF_HOLE_END, len), 0);
		TAP_EQ(vfu_dma_map(&d.vfu, BVF_HOLE_END, len, d.ram_fd, BVF_HOLE_END,
				   VFU_DMA_RW, d.ram + BVF_HOLE_END), 0);
		BVF_MUST(bvf_cmd(&d, BVF_OP_DESCRIBE, NULL, 0, NULL, 0));
	}
	teardown();
}

TAP_TEST(interrupt_on_completion)
{
	setup();
	bvf_drv_start(&d);
	while (bvf_irq_take(&d, 0, 0))
		;
	BVF_MUST(bvf_cmd(&d, BVF_OP_DESCRIBE, NULL, 0, NULL, 0));
	TAP_GE(bvf_irq_take(&d, 0, 5000), 1ull);
	teardown();
}

/* The envelope. */
static const struct hdr_row {
	const char *name;
	uint16_t op, rsvd0;
	uint64_t rsvd1;
	int status;
} hdrs[] = {
	{ "opcode_0", 0, 0, 0, BVF_ST_BAD_OPCODE },
	{ "opcode_nr", BVF_OP_NR, 0, 0, BVF_ST_BAD_OPCODE },
	{ "opcode_max", 0xffff, 0, 0, BVF_ST_BAD_OPCODE },
	{ "rsvd0", BVF_OP_DESCRIBE, 1, 0, BVF_ST_BAD_RSVD },
	{ "rsvd1", BVF_OP_DESCRIBE, 0, 1ull << 63, BVF_ST_BAD_RSVD },
};

TAP_TABLE(bad_header, struct hdr_row, hdrs, row)
{
	struct bvf_cmd cmd = {
		.hdr = { .opcode = row->op, .rsvd0 = row->rsvd0, .id = 0xfeedbeef,
			 .rsvd1 = row->rsvd1 },
	};

	setup();
	bvf_drv_start(&d);
	bvf_cmd_submit_raw(&d, &cmd);
	TAP_EQ(bvf_cmd_wait(&d, 0xfeedbeef, NULL, 0), row->status);
	BVF_MUST(bvf_cmd(&d, BVF_OP_DESCRIBE, NULL, 0, NULL, 0));
	teardown();
}

/* ---- share=on ---- */

/*
 * What QEMU sends for share=off: a descriptor whose file it does not write to.
 * Its own memory, that the card only sees by DMA_READ, is another.
 */
TAP_TEST(memory_that_is_not_shared)
{
	uint64_t len;
	int wrong;

	setup();
	len = d.ram_size - BVF_HOLE_END;
	wrong = memfd_create("private", MFD_CLOEXEC);
	TAP_EQ(ftruncate(wrong, (off_t)d.ram_size), 0);
	TAP_EQ(vfu_dma_unmap(&d.vfu, BVF_HOLE_END, len), 0);
	TAP_EQ(vfu_dma_map(&d.vfu, BVF_HOLE_END, len, wrong, BVF_HOLE_END, VFU_DMA_RW,
			   d.ram + BVF_HOLE_END), 0);
	bvf_drv_reset(&d);
	bvf_drv_aq_setup(&d, 6);
	bvf_reg_write(&d, BVF_REG_CTRL, BVF_CTRL_ENABLE);
	bvf_cmd_submit(&d, BVF_OP_DESCRIBE, NULL, 0);
	bvf_wait_for(&d, bvf_reg_read(&d, BVF_REG_STATUS) & BVF_STS_FATAL);
	TAP_EQ(bvf_reg_read(&d, BVF_REG_ERROR), (uint32_t)BVF_DEV_NO_SHARE);
	TAP_OK(bvf_card_logged(&card, "share=on"));
	teardown();
}

/* A client that does not help with that is no reason not to work. */
static const struct answer_row {
	const char *name;
	enum vfu_answer answer;
} answers[] = {
	{ "refused", VFU_ANSWER_ERROR }, { "short", VFU_ANSWER_SHORT },
	{ "of_another_address", VFU_ANSWER_OTHER }, { "never", VFU_ANSWER_NEVER },
};

TAP_TABLE(dma_read_answer, struct answer_row, answers, row)
{
	setup();
	d.vfu.answer = row->answer;
	bvf_drv_start(&d);
	BVF_MUST(bvf_cmd(&d, BVF_OP_DESCRIBE, NULL, 0, NULL, 0));
	teardown();
}

TAP_TEST(shared_memory_is_checked_once)
{
	setup();
	bvf_drv_start(&d);
	TAP_LE(d.vfu.nr_dma_reads, 4u);
	teardown();
}

TAP_MAIN()
