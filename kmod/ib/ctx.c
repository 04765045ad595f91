// SPDX-License-Identifier: GPL-2.0
/*
 * User contexts and the two pages that each maps: its doorbell page (memory
 * that it shares with the card) and its kick page (BAR2, write-only).
 *
 * The doorbell page may be mapped as long as its mmap entry lives, so the
 * entry owns it. A context number is the card's word and is checked before it
 * becomes an address.
 */
#include <linux/mm.h>

#include "bvf_ib.h"

enum bvf_mmap_kind {
	BVF_MMAP_DB,
	BVF_MMAP_KICK,
};

struct bvf_mmap_entry {
	struct rdma_user_mmap_entry entry;
	enum bvf_mmap_kind kind;
	unsigned long pfn;
	/* BVF_MMAP_DB */
	struct bvf_dev *bdev;
	struct page *page;		/* NULL when the card may still own it */
	dma_addr_t dma;
};

static struct bvf_mmap_entry *to_bmmap(struct rdma_user_mmap_entry *entry)
{
	return container_of(entry, struct bvf_mmap_entry, entry);
}

void bvf_mmap_free(struct rdma_user_mmap_entry *entry)
{
	struct bvf_mmap_entry *m = to_bmmap(entry);

	if (m->page)
		dma_free_pages(&m->bdev->pdev->dev, PAGE_SIZE, m->page, m->dma,
			       DMA_BIDIRECTIONAL);
	kfree(m);
}

/*
 * The page is read and written by the card behind the kernel's back for all
 * of its life: the platform has to be cache coherent, as for user rings.
 */
static int bvf_db_page_create(struct bvf_ibdev *idev, struct bvf_ucontext *uc)
{
	struct bvf_mmap_entry *m;
	int err = -ENOMEM;

	m = kzalloc_obj(*m);
	if (!m)
		return -ENOMEM;
	m->kind = BVF_MMAP_DB;
	m->bdev = idev->bdev;
	m->page = dma_alloc_pages(&idev->bdev->pdev->dev, PAGE_SIZE, &m->dma,
				  DMA_BIDIRECTIONAL, GFP_KERNEL);
	if (!m->page)
		goto err_free;
	clear_page(page_address(m->page));
	m->pfn = page_to_pfn(m->page);

	err = rdma_user_mmap_entry_insert(&uc->ibuc, &m->entry, PAGE_SIZE);
	if (err)
		goto err_free;
	uc->db = &m->entry;
	return 0;

err_free:
	bvf_mmap_free(&m->entry);
	return err;
}

static int bvf_kick_page_create(struct bvf_ibdev *idev, struct bvf_ucontext *uc)
{
	struct bvf_mmap_entry *m;
	int err;

	m = kzalloc_obj(*m);
	if (!m)
		return -ENOMEM;
	m->kind = BVF_MMAP_KICK;
	m->pfn = PHYS_PFN(idev->bdev->kick_phys + (phys_addr_t)uc->uctx * BVF_PAGE_SIZE);

	err = rdma_user_mmap_entry_insert(&uc->ibuc, &m->entry, PAGE_SIZE);
	if (err) {
		kfree(m);
		return err;
	}
	uc->kick = &m->entry;
	return 0;
}

/* The card lets go of the doorbell page first; if it does not, we keep it. */
static void bvf_ucontext_destroy(struct bvf_ibdev *idev, struct bvf_ucontext *uc)
{
	int err = bvf_cmd_destroy_uctx(idev->bdev, uc->uctx);

	if (err) {
		ibdev_err(&idev->ibdev, "context %u not destroyed: %d\n", uc->uctx, err);
		to_bmmap(uc->db)->page = NULL;
	}
}

int bvf_alloc_ucontext(struct ib_ucontext *ibuc, struct ib_udata *udata)
{
	struct bvf_ibdev *idev = to_bibdev(ibuc->device);
	const struct bvf_limits *lim = &idev->bdev->lim;
	struct bvf_ucontext *uc = to_bucontext(ibuc);
	struct bvf_alloc_ucontext_resp resp = {};
	struct bvf_alloc_ucontext_req req;
	int err;

	err = ib_copy_validate_udata_in(udata, req, reserved);
	if (err)
		return err;
	if (req.comp_mask || req.reserved)
		return -EOPNOTSUPP;

	err = bvf_db_page_create(idev, uc);
	if (err)
		return err;
	err = bvf_cmd_create_uctx(idev->bdev, to_bmmap(uc->db)->dma, &uc->uctx);
	if (err)
		goto err_free_db;
	if (!uc->uctx || uc->uctx >= BVF_MAX_UCTX) {
		err = -EIO;
		goto err_destroy;
	}
	err = bvf_kick_page_create(idev, uc);
	if (err)
		goto err_destroy;

	resp.db_mmap_key = rdma_user_mmap_get_offset(uc->db);
	resp.kick_mmap_key = rdma_user_mmap_get_offset(uc->kick);
	resp.uctx = uc->uctx;
	resp.max_qp_wr = lim->max_qp_wr;
	resp.max_cqe = lim->max_cqe;
	resp.max_sge = lim->max_sge;
	resp.max_inline = lim->max_inline;
	err = ib_respond_udata(udata, resp);
	if (err)
		goto err_free_kick;
	return 0;

err_free_kick:
	rdma_user_mmap_entry_remove(uc->kick);
err_destroy:
	bvf_ucontext_destroy(idev, uc);
err_free_db:
	rdma_user_mmap_entry_remove(uc->db);
	return err;
}

void bvf_dealloc_ucontext(struct ib_ucontext *ibuc)
{
	struct bvf_ucontext *uc = to_bucontext(ibuc);

	bvf_ucontext_destroy(to_bibdev(ibuc->device), uc);
	rdma_user_mmap_entry_remove(uc->kick);
	rdma_user_mmap_entry_remove(uc->db);
}

/* ib_core zaps the mappings and destroys the objects; nothing is left to do. */
void bvf_disassociate_ucontext(struct ib_ucontext *ibuc)
{
}

int bvf_mmap(struct ib_ucontext *ibuc, struct vm_area_struct *vma)
{
	struct rdma_user_mmap_entry *entry;
	pgprot_t prot = vma->vm_page_prot;
	struct bvf_mmap_entry *m;
	int err = -EPERM;

	entry = rdma_user_mmap_entry_get(ibuc, vma);
	if (!entry)
		return -EINVAL;
	m = to_bmmap(entry);

	if (vma->vm_flags & VM_EXEC)
		goto out_put;
	if (m->kind == BVF_MMAP_KICK) {
		if (vma->vm_flags & VM_READ)
			goto out_put;
		prot = pgprot_noncached(prot);
	}
	err = rdma_user_mmap_io(ibuc, vma, m->pfn, PAGE_SIZE, prot, entry);

out_put:
	rdma_user_mmap_entry_put(entry);
	return err;
}
