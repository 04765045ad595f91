// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory: files (regions) and DMA windows of functions into them. A file
 * is mapped once, however often and by whichever function it is given to us.
 *
 * Trust boundary: descriptors, sizes and offsets are the client's. A file that
 * is truncated later faults in sigbus.c, not here.
 *
 * A region stays while a window refers to it, and beyond that while a function
 * that had a window may have objects in it: windows come and go while firmware
 * runs, and memory under an object must not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "card.h"
#include "lib/log.h"
#include "lib/sigbus.h"

static unsigned int region_id(const struct bvf_region *region)
{
	return (unsigned int)(region - region->card->region);
}

static void region_gone(struct bvf_dp_call *call)
{
	struct bvf_region *region = container_of(call, struct bvf_region, del);

	region->dying = false;
}

static void region_added(struct bvf_dp_call *call)
{
	(void)call;
}

static void region_again(struct bvf_dp_call *call)
{
	const struct bvf_region *region = container_of(call, struct bvf_region,
						       add);

	call->fd = region->fd < 0 ? -1 : fcntl(region->fd, F_DUPFD_CLOEXEC, 3);
}

void bvf_mem_init(struct bvf_card *card)
{
	for (int i = 0; i < DRAM_MAX_REGION; i++) {
		card->region[i].card = card;
		card->region[i].fd = -1;
		card->region[i].add.done = region_added;
		card->region[i].add.again = region_again;
		card->region[i].del.done = region_gone;
	}
}

static void region_announce(struct bvf_region *region)
{
	struct bvf_card *card = region->card;
	unsigned int id = region_id(region);

	region->add.msg = (struct bvf_ipc_msg){
		.type = BVF_IPC_REGION_ADD, .id = id,
		.arg0 = card->dram->region[id].size,
	};
	region_again(&region->add);
	bvf_dp_call(card, &region->add);
}

/* A data plane that starts anew needs the files. */
void bvf_mem_resend(struct bvf_card *card)
{
	for (int i = 0; i < DRAM_MAX_REGION; i++)
		if (card->region[i].base && !card->region[i].add.busy)
			region_announce(&card->region[i]);
}

static void region_put(struct bvf_region *region)
{
	struct bvf_card *card = region->card;
	struct dram_region *dr = &card->dram->region[region_id(region)];

	if (dr->refs || region->users)
		return;
	bvf_info("region %u: released", region_id(region));
	bvf_sigbus_del(region->guard);
	munmap(region->base, dr->size);
	close(region->fd);
	region->base = NULL;
	region->fd = -1;
	/* A data plane that starts now must not wait for it. */
	memset(dr, 0, sizeof(*dr));
	region->dying = true;
	region->del.msg = (struct bvf_ipc_msg){
		.type = BVF_IPC_REGION_DEL, .id = region_id(region),
	};
	region->del.fd = -1;
	bvf_dp_call(card, &region->del);
}

/*
 * Only memory files are taken: a file of another kind might make whoever
 * touches it wait for a disk or for another process.
 */
static int file_check(int fd, struct stat *st)
{
	struct statfs fs;
	int flags;

	if (fstat(fd, st) || fstatfs(fd, &fs))
		return -errno;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) != O_RDWR)
		return -ENOTSUP;
	if (!S_ISREG(st->st_mode) || st->st_size <= 0 ||
	    (uint64_t)st->st_size > GPTR_OFF(~0ull))
		return -ENOTSUP;
	if (fs.f_type != TMPFS_MAGIC && fs.f_type != HUGETLBFS_MAGIC)
		return -ENOTSUP;
	return 0;
}

static struct bvf_region *region_find(struct bvf_card *card,
				      const struct stat *st,
				      struct bvf_region **unused)
{
	for (int i = 0; i < DRAM_MAX_REGION; i++) {
		struct bvf_region *region = &card->region[i];
		const struct dram_region *dr = &card->dram->region[i];

		if (region->base && dr->dev == st->st_dev &&
		    dr->ino == st->st_ino)
			return region;
		/* add.busy: the answer to an earlier use is still to come. */
		if (!region->base && !region->dying && !region->add.busy &&
		    !*unused)
			*unused = region;
	}
	return NULL;
}

static int region_map(struct bvf_region *region, int fd, const struct stat *st)
{
	struct dram_region *dr = &region->card->dram->region[region_id(region)];
	size_t size = (size_t)st->st_size;
	void *base;

	base = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (base == MAP_FAILED)
		return -ENOTSUP;
	/* A guest's memory is nothing for our core dump. */
	madvise(base, size, MADV_DONTDUMP);
	region->guard = bvf_sigbus_add(base, size);
	region->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (region->guard < 0 || region->fd < 0) {
		if (region->guard >= 0)
			bvf_sigbus_del(region->guard);
		munmap(base, size);
		return -ENOMEM;
	}
	region->base = base;
	region->users = 0;
	*dr = (struct dram_region){
		.size = size, .dev = st->st_dev, .ino = st->st_ino,
	};
	region_announce(region);
	bvf_info("region %u: %zu MiB of guest memory", region_id(region),
		 size >> 20);
	return 0;
}

static int region_get(struct bvf_fn *fn, int fd, uint64_t off, uint64_t len,
		      struct bvf_region **out)
{
	struct bvf_region *unused = NULL, *region;
	uint64_t size;
	struct stat st;
	int err;

	err = file_check(fd, &st);
	if (err) {
		bvf_warn("%s: memory that is no memfd, tmpfs or hugetlbfs file is not used",
			 fn->name);
		return err;
	}
	size = (uint64_t)st.st_size;
	if (off > size || len > size - off)
		return -EINVAL;
	region = region_find(fn->card, &st, &unused);
	if (!region) {
		if (!unused)
			return -ENOSPC;
		region = unused;
		err = region_map(region, fd, &st);
		if (err)
			return err;
	}
	/* Grown since it was mapped: what is beyond is not reachable. */
	size = fn->card->dram->region[region_id(region)].size;
	if (off > size || len > size - off)
		return -ENOTSUP;
	*out = region;
	return 0;
}

/* Return: index of the first window that ends after @iova */
static uint32_t window_lower(const struct dram_func *df, uint64_t iova)
{
	uint32_t lo = 0, hi = df->nr_dma;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (df->dma[mid].iova + (df->dma[mid].len - 1) < iova)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int bvf_mem_map(struct bvf_fn *fn, uint64_t iova, uint64_t len, int fd,
		uint64_t off, bool writable)
{
	struct dram_func *df = fn->df;
	struct bvf_region *region;
	uint32_t at;
	int err;

	if (df->nr_dma >= DRAM_MAX_DMA)
		return -ENOSPC;
	/*
	 * A guest's page is to be a page here: what is aligned for the guest
	 * would else lie across cache lines, and locked instructions on that
	 * stop the whole host.
	 */
	if ((iova ^ off) % BVF_PAGE_SIZE)
		return -ENOTSUP;
	err = region_get(fn, fd, off, len, &region);
	if (err)
		return err;
	at = window_lower(df, iova);
	memmove(&df->dma[at + 1], &df->dma[at],
		(df->nr_dma - at) * sizeof(df->dma[0]));
	df->dma[at] = (struct dram_dma){
		.iova = iova, .len = len,
		.ptr = GPTR((uint64_t)region_id(region), off),
		.writable = writable,
	};
	df->nr_dma++;
	fn->card->dram->region[region_id(region)].refs++;
	region->users |= 1ull << fn->index;
	return 0;
}

static bool has_window(const struct bvf_fn *fn, unsigned int id)
{
	for (uint32_t i = 0; i < fn->df->nr_dma; i++)
		if (GPTR_REGION(fn->df->dma[i].ptr) == id)
			return true;
	return false;
}

static void region_unuse(struct bvf_fn *fn, struct bvf_region *region)
{
	if (!has_window(fn, region_id(region))) {
		region->users &= ~(1ull << fn->index);
		region_put(region);
	}
}

void bvf_mem_unmap(struct bvf_fn *fn, uint64_t iova)
{
	struct dram_func *df = fn->df;
	uint32_t at = window_lower(df, iova);
	struct bvf_region *region;

	if (at == df->nr_dma || df->dma[at].iova != iova)
		return;
	region = &fn->card->region[GPTR_REGION(df->dma[at].ptr)];
	fn->card->dram->region[region_id(region)].refs--;
	memmove(&df->dma[at], &df->dma[at + 1],
		(df->nr_dma - at - 1) * sizeof(df->dma[0]));
	df->nr_dma--;
	/* Otherwise kept: firmware maps the same memory again in a moment. */
	if (fn->closing)
		region_unuse(fn, region);
}

void bvf_mem_release(struct bvf_fn *fn)
{
	for (int i = 0; i < DRAM_MAX_REGION; i++)
		if (fn->card->region[i].base &&
		    (fn->card->region[i].users & (1ull << fn->index)))
			region_unuse(fn, &fn->card->region[i]);
}

gptr_t bvf_mem_find(const struct bvf_fn *fn, uint64_t iova, bool write,
		    uint64_t *avail)
{
	const struct dram_func *df = fn->df;
	uint32_t at = window_lower(df, iova);
	const struct dram_dma *dma = &df->dma[at];

	if (!df->master || at == df->nr_dma || dma->iova > iova ||
	    (write && !dma->writable))
		return GPTR_NONE;
	/* Its file shrank: what is there now is nobody's, and only costs memory. */
	if (bvf_sigbus_faults &&
	    bvf_sigbus_faulted(fn->card->region[GPTR_REGION(dma->ptr)].guard))
		return GPTR_NONE;
	*avail = dma->len - (iova - dma->iova);
	return dma->ptr + (iova - dma->iova);
}

void *bvf_mem_ptr(const struct bvf_card *card, gptr_t ptr)
{
	return (uint8_t *)card->region[GPTR_REGION(ptr)].base + GPTR_OFF(ptr);
}

static int mem_copy(const struct bvf_fn *fn, uint64_t iova, uint8_t *in,
		    const uint8_t *out, size_t len)
{
	while (len) {
		uint64_t avail;
		gptr_t ptr = bvf_mem_find(fn, iova, out != NULL, &avail);
		size_t n;

		if (ptr == GPTR_NONE)
			return -EFAULT;
		n = avail < len ? (size_t)avail : len;
		if (out) {
			memcpy(bvf_mem_ptr(fn->card, ptr), out, n);
			out += n;
		} else {
			memcpy(in, bvf_mem_ptr(fn->card, ptr), n);
			in += n;
		}
		iova += n;
		len -= n;
	}
	return 0;
}

int bvf_mem_read(const struct bvf_fn *fn, uint64_t iova, void *buf, size_t len)
{
	return mem_copy(fn, iova, buf, NULL, len);
}

int bvf_mem_write(const struct bvf_fn *fn, uint64_t iova, const void *buf,
		  size_t len)
{
	return mem_copy(fn, iova, NULL, buf, len);
}
