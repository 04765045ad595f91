// SPDX-License-Identifier: GPL-2.0
/*
 * BAR0: the function's registers. Trust boundary: offsets and values are the
 * guest's; what is not a register reads as zero and ignores writes.
 */
#include "card.h"

static uint32_t ctrl_read(const struct bvf_fn *fn)
{
	if (fn->stopping && fn->reset_pending)
		return BVF_CTRL_RESET;
	return fn->state == BVF_FN_DISABLED ? 0 : BVF_CTRL_ENABLE;
}

static uint32_t status_read(const struct bvf_fn *fn)
{
	if (fn->stopping && fn->reset_pending)
		return BVF_STS_RESETTING;
	switch (fn->state) {
	case BVF_FN_READY:
		return BVF_STS_READY | BVF_STS_LINK;
	case BVF_FN_FATAL:
		return BVF_STS_FATAL;
	default:
		return 0;
	}
}

static uint32_t mac_word(const struct bvf_fn *fn, unsigned int from)
{
	const uint8_t *mac = fn->df->mac;
	uint32_t word = mac[from] | (uint32_t)mac[from + 1] << 8;

	if (from == 0)
		word |= (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24;
	return word;
}

uint32_t bvf_regs_read(const struct bvf_fn *fn, uint32_t off)
{
	switch (off) {
	case BVF_REG_MAGIC:
		return BVF_MAGIC;
	case BVF_REG_VERSION:
		return BVF_VERSION;
	case BVF_REG_FEATURES:
		return (uint32_t)bvf_features();
	case BVF_REG_FEATURES + 4:
		return (uint32_t)(bvf_features() >> 32);
	case BVF_REG_DRV_FEATURES:
		return (uint32_t)fn->drv_features;
	case BVF_REG_DRV_FEATURES + 4:
		return (uint32_t)(fn->drv_features >> 32);
	case BVF_REG_CTRL:
		return ctrl_read(fn);
	case BVF_REG_STATUS:
		return status_read(fn);
	case BVF_REG_ERROR:
		return fn->error;
	case BVF_REG_VECTORS:
		return BVF_MAX_VECTORS;
	case BVF_REG_AQ_SQ:
		return (uint32_t)fn->aq_sq;
	case BVF_REG_AQ_SQ + 4:
		return (uint32_t)(fn->aq_sq >> 32);
	case BVF_REG_AQ_CQ:
		return (uint32_t)fn->aq_cq;
	case BVF_REG_AQ_CQ + 4:
		return (uint32_t)(fn->aq_cq >> 32);
	case BVF_REG_AQ_SHIFT:
		return fn->aq_shift;
	case BVF_REG_MAC_LO:
		return mac_word(fn, 0);
	case BVF_REG_MAC_HI:
		return mac_word(fn, 4);
	default:
		return 0;
	}
}

static void set_lo(uint64_t *reg, uint32_t val)
{
	*reg = (*reg & ~0xffffffffull) | val;
}

static void set_hi(uint64_t *reg, uint32_t val)
{
	*reg = (*reg & 0xffffffffull) | (uint64_t)val << 32;
}

static void ctrl_write(struct bvf_fn *fn, uint32_t val)
{
	if (val & BVF_CTRL_RESET)
		bvf_fn_reset(fn);
	else if (val & BVF_CTRL_ENABLE)
		bvf_fn_enable(fn);
	else if (fn->state != BVF_FN_DISABLED)
		bvf_fn_reset(fn);	/* disabling is a reset */
}

void bvf_regs_write(struct bvf_fn *fn, uint32_t off, uint32_t val)
{
	bool disabled = fn->state == BVF_FN_DISABLED && !fn->stopping;

	if (off == BVF_REG_CTRL)
		ctrl_write(fn, val);
	else if (off == BVF_REG_AQ_DB)
		bvf_aq_doorbell(fn, val);
	if (!disabled)
		return;
	switch (off) {
	case BVF_REG_DRV_FEATURES:
		set_lo(&fn->drv_features, val);
		break;
	case BVF_REG_DRV_FEATURES + 4:
		set_hi(&fn->drv_features, val);
		break;
	case BVF_REG_AQ_SQ:
		set_lo(&fn->aq_sq, val);
		break;
	case BVF_REG_AQ_SQ + 4:
		set_hi(&fn->aq_sq, val);
		break;
	case BVF_REG_AQ_CQ:
		set_lo(&fn->aq_cq, val);
		break;
	case BVF_REG_AQ_CQ + 4:
		set_hi(&fn->aq_cq, val);
		break;
	case BVF_REG_AQ_SHIFT:
		fn->aq_shift = val;
		break;
	default:
		break;
	}
}
