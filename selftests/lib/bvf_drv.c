// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's RAM and the driver's start: registers, reset handshake, admin
 * queue. Knows no queue pair.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bvf_drv.h"

#define PCI_COMMAND		0x04
#define PCI_COMMAND_ON		0x0406	/* INTx off, bus master, memory */
#define PCI_CAP_PTR		0x34
#define PCI_CAP_ID_MSIX		0x11

uint64_t bvf_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void (*bvf_relax_hook)(void);

void bvf_relax(struct bvf_drv *d, uint64_t since_ns, const char *what)
{
	static uint64_t next_check;
	uint64_t waited = bvf_now_ns() - since_ns;
	int ret;

	if (waited > BVF_WAIT_MS * 1000000ull)
		bvf_fail("waited too long for %s", what);
	if (waited < 20000)
		return;
	if (waited > 300000000 && bvf_relax_hook && bvf_now_ns() > next_check) {
		bvf_relax_hook();
		next_check = bvf_now_ns() + 300000000;
	}
	ret = vfu_pump(&d->vfu, waited < 1000000 ? 0 : 1);
	if (ret == -EPIPE)
		bvf_fail("the card closed the connection, waiting for %s", what);
	if (ret > 0)
		bvf_fail("the card sent a reply to nothing");
	sched_yield();
}

/* ---- RAM ---- */

void *bvf_alloc(struct bvf_drv *d, uint64_t len, uint64_t align)
{
	uint64_t at = (d->ram_next + align - 1) & ~(align - 1);

	if (at > d->ram_size || len > d->ram_size - at)
		bvf_fail("guest RAM is used up");
	d->ram_next = at + len;
	return d->ram + at;
}

void *bvf_alloc_pages(struct bvf_drv *d, uint64_t len)
{
	return bvf_alloc(d, (len + BVF_PAGE_SIZE - 1) & ~(uint64_t)(BVF_PAGE_SIZE - 1),
			 BVF_PAGE_SIZE);
}

struct bvf_page_list bvf_pl_chain(struct bvf_drv *d,
				  const struct bvf_pl_entry *e, uint32_t nr)
{
	uint32_t pages = (nr + BVF_PL_PER_PAGE - 1) / BVF_PL_PER_PAGE;
	struct bvf_pl_page *list = bvf_alloc_pages(d, (uint64_t)pages * BVF_PAGE_SIZE);

	for (uint32_t i = 0; i < nr; i++)
		list[i / BVF_PL_PER_PAGE].e[i % BVF_PL_PER_PAGE] = e[i];
	for (uint32_t i = 0; i + 1 < pages; i++)
		list[i].next = bvf_iova(d, &list[i + 1]);
	return (struct bvf_page_list){ .iova = bvf_iova(d, list), .nr = nr };
}

static void ram_open(struct bvf_drv *d, uint64_t size)
{
	d->ram_size = size;
	d->ram_next = BVF_HOLE_END;
	d->ram_fd = memfd_create("guest-ram", MFD_CLOEXEC);
	if (d->ram_fd < 0 || ftruncate(d->ram_fd, (off_t)size))
		bvf_fail("guest RAM: %s", strerror(errno));
	d->ram = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_NORESERVE, d->ram_fd, 0);
	if (d->ram == MAP_FAILED)
		bvf_fail("guest RAM: %s", strerror(errno));
}

/* As QEMU: sent one after the other, answered later, a hole in the first MiB. */
static void ram_map(struct bvf_drv *d)
{
	struct { uint64_t at, end; uint32_t flags; } w[] = {
		{ 0, BVF_HOLE_START, VFU_DMA_RW },
		{ BVF_HOLE_END, d->ram_size, VFU_DMA_RW },
	};
	int id[2], err;

	for (int i = 0; i < 2; i++)
		id[i] = vfu_dma_map_send(&d->vfu, w[i].at, w[i].end - w[i].at,
					 d->ram_fd, w[i].at, w[i].flags,
					 d->ram + w[i].at);
	for (int i = 0; i < 2; i++) {
		err = vfu_recv_reply(&d->vfu, id[i], NULL, 0);
		if (err < 0)
			bvf_fail("DMA_MAP: %s", strerror(-err));
	}
}

/* ---- PCI ---- */

void bvf_drv_open(struct bvf_drv *d, const char *path, uint64_t ram_size)
{
	int err;

	memset(d, 0, sizeof(*d));
	for (int i = 0; i < BVF_MAX_VECTORS; i++)
		d->irq_fd[i] = -1;
	ram_open(d, ram_size);
	err = vfu_connect(&d->vfu, path);
	if (!err)
		err = vfu_negotiate(&d->vfu);
	if (err)
		bvf_fail("connect to %s: %s", path, strerror(-err));
	ram_map(d);
	err = vfu_realize(&d->vfu);
	if (err)
		bvf_fail("what QEMU asks at its start: %s", strerror(-err));
}

/* Return: offset of a capability in config space, 0 if absent */
static uint32_t pci_find_cap(struct bvf_drv *d, uint8_t id)
{
	uint32_t at = vfu_read32(&d->vfu, VFU_CONFIG, PCI_CAP_PTR) & 0xfc;

	for (int i = 0; at && i < 48; i++) {
		uint32_t head = vfu_read32(&d->vfu, VFU_CONFIG, at);

		if ((head & 0xff) == id)
			return at;
		at = head >> 8 & 0xfc;
	}
	return 0;
}

void bvf_drv_pci(struct bvf_drv *d)
{
	uint16_t command = PCI_COMMAND_ON, msix_on = 0x8000;
	uint32_t cap = pci_find_cap(d, PCI_CAP_ID_MSIX);
	uint32_t index = cap ? VFU_IRQ_MSIX : VFU_IRQ_MSI;
	int err;

	d->nr_vectors = bvf_reg_read(d, BVF_REG_VECTORS);
	if (d->nr_vectors < 1 || d->nr_vectors > BVF_MAX_VECTORS)
		bvf_fail("the function has %u vectors", d->nr_vectors);
	err = vfu_region_write(&d->vfu, VFU_CONFIG, PCI_COMMAND, &command, 2);
	if (err)
		bvf_fail("PCI command: %s", strerror(-err));
	if (cap)
		vfu_region_write(&d->vfu, VFU_CONFIG, cap + 2, &msix_on, 2);
	/* QEMU enables without a vector, then sets one vector a message. */
	err = vfu_set_irqs(&d->vfu, index, VFU_IRQ_EVENTFD_TRIGGER, 0, 1, NULL, 0);
	for (uint32_t i = 0; !err && i < d->nr_vectors; i++) {
		d->irq_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		err = vfu_set_irqs(&d->vfu, index, VFU_IRQ_EVENTFD_TRIGGER, i, 1,
				   &d->irq_fd[i], 1);
	}
	if (err)
		bvf_fail("SET_IRQS: %s", strerror(-err));
}

uint64_t bvf_irq_take(struct bvf_drv *d, uint32_t vector, int ms)
{
	struct pollfd pfd = { .fd = d->irq_fd[vector], .events = POLLIN };
	uint64_t n = 0;

	if (poll(&pfd, 1, ms) == 1 && read(pfd.fd, &n, sizeof(n)) != sizeof(n))
		n = 0;
	return n;
}

/* ---- registers and start ---- */

uint32_t bvf_reg_read(struct bvf_drv *d, uint32_t off)
{
	return vfu_read32(&d->vfu, BVF_BAR_REGS, off);
}

void bvf_reg_write(struct bvf_drv *d, uint32_t off, uint32_t val)
{
	vfu_post32(&d->vfu, BVF_BAR_REGS, off, val);
}

void bvf_reg_write64(struct bvf_drv *d, uint32_t off, uint64_t val)
{
	bvf_reg_write(d, off, (uint32_t)val);
	bvf_reg_write(d, off + 4, (uint32_t)(val >> 32));
}

void bvf_drv_reset(struct bvf_drv *d)
{
	bvf_reg_write(d, BVF_REG_CTRL, BVF_CTRL_RESET);
	bvf_wait_for(d, !bvf_reg_read(d, BVF_REG_CTRL) &&
			!(bvf_reg_read(d, BVF_REG_STATUS) & BVF_STS_RESETTING));
}

void bvf_drv_aq_setup(struct bvf_drv *d, uint32_t shift)
{
	d->aq_shift = shift;
	d->aq_pi = 0;
	d->aq_ci = 0;
	d->aq_nr_done = 0;
	d->aq_sq = bvf_alloc_pages(d, sizeof(struct bvf_cmd) << shift);
	d->aq_cq = bvf_alloc_pages(d, sizeof(struct bvf_resp) << shift);
	free(d->aq_done);
	d->aq_done = calloc((size_t)1 << shift, sizeof(struct bvf_resp));
	bvf_reg_write64(d, BVF_REG_AQ_SQ, bvf_iova(d, d->aq_sq));
	bvf_reg_write64(d, BVF_REG_AQ_CQ, bvf_iova(d, d->aq_cq));
	bvf_reg_write(d, BVF_REG_AQ_SHIFT, shift);
}

uint32_t bvf_drv_enable(struct bvf_drv *d)
{
	uint32_t sts;

	bvf_reg_write(d, BVF_REG_CTRL, BVF_CTRL_ENABLE);
	bvf_wait_for(d, (sts = bvf_reg_read(d, BVF_REG_STATUS)) &
			(BVF_STS_READY | BVF_STS_FATAL));
	return sts;
}

void bvf_drv_objects(struct bvf_drv *d)
{
	BVF_MUST(bvf_cmd(d, BVF_OP_DESCRIBE, NULL, 0, &d->desc, sizeof(d->desc)));
	BVF_MUST(bvf_create_uctx(d, true, &d->kernel));
	BVF_MUST(bvf_create_eq(d, &d->async, 0, 8, true));
	BVF_MUST(bvf_create_eq(d, &d->eq, d->nr_vectors > 1 ? 1 : 0, 8, false));
	/* ::ffff:10.0.x.y of the MAC's last bytes: the same MAC, the same GID */
	d->gid[10] = 0xff;
	d->gid[11] = 0xff;
	d->gid[12] = 10;
	memcpy(&d->gid[13], &d->desc.mac[3], 3);
	BVF_MUST(bvf_set_gid(d, 0, d->gid));
}

void bvf_drv_start(struct bvf_drv *d)
{
	if (bvf_reg_read(d, BVF_REG_MAGIC) != BVF_MAGIC)
		bvf_fail("wrong magic");
	if (BVF_VERSION_MAJOR(bvf_reg_read(d, BVF_REG_VERSION)) !=
	    BVF_VERSION_MAJOR(BVF_VERSION))
		bvf_fail("wrong version");
	bvf_drv_reset(d);
	d->features = bvf_reg_read(d, BVF_REG_FEATURES) |
		      (uint64_t)bvf_reg_read(d, BVF_REG_FEATURES + 4) << 32;
	bvf_reg_write64(d, BVF_REG_DRV_FEATURES, d->features);
	bvf_drv_aq_setup(d, 6);
	if (!(bvf_drv_enable(d) & BVF_STS_READY))
		bvf_fail("the function does not start: error %u",
			 bvf_reg_read(d, BVF_REG_ERROR));
	bvf_drv_objects(d);
}

void bvf_drv_up(struct bvf_drv *d, const char *path)
{
	bvf_drv_open(d, path, BVF_RAM_SIZE);
	bvf_drv_pci(d);
	bvf_drv_start(d);
}

void bvf_drv_close(struct bvf_drv *d)
{
	vfu_close(&d->vfu);
	for (int i = 0; i < BVF_MAX_VECTORS; i++)
		if (d->irq_fd[i] >= 0)
			close(d->irq_fd[i]);
	munmap(d->ram, d->ram_size);
	close(d->ram_fd);
	free(d->aq_done);
	memset(d, 0, sizeof(*d));
	d->vfu.fd = -1;
}
