// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory in several files and windows: objects across them, windows
 * that go and come back, and more of them than the card can take.
 */
#include <signal.h>
#include <sys/mman.h>

#include "pair.h"
#include "tap.h"

#define HIGH	(4ull << 30)	/* where a PC has its memory above the hole */
#define LEN	(16u << 20)

static struct bvf_pair p;
static uint8_t *high;		/* a's second memory */
static int high_fd;
static struct bvf_sge sge;
static struct bvf_wr wr;

static uint8_t *memory(int *fd, uint64_t len)
{
	void *mem;

	*fd = memfd_create("more-ram", MFD_CLOEXEC);
	TAP_OK(*fd >= 0);
	TAP_EQ(ftruncate(*fd, (off_t)len), 0);
	mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	TAP_OK(mem != MAP_FAILED);
	return mem;
}

static void setup(void)
{
	bvf_pair_up(&p, tap_tmpdir());
	high = memory(&high_fd, LEN);
	TAP_EQ(vfu_dma_map(&p.a.drv.vfu, HIGH, LEN, high_fd, 0, VFU_DMA_RW, high), 0);
}

static int reg(struct bvf_page_list pl, uint64_t len, struct bvf_mr *mr)
{
	struct bvf_reg_mr_cmd cmd = {
		.pl = pl, .va = 0x7000000000, .len = len, .pdn = p.a.pdn,
		.access = BVF_ACC_RW,
	};
	struct bvf_reg_mr_resp resp;
	int st = bvf_cmd(&p.a.drv, BVF_OP_REG_MR, &cmd, sizeof(cmd), &resp, sizeof(resp));

	*mr = (struct bvf_mr){ .lkey = resp.lkey, .rkey = resp.rkey, .va = cmd.va, .len = len };
	return st;
}

/* Writes the whole of an MR of a's to b, and reads it back. */
static void want_mr_works(struct bvf_mr *mr)
{
	uint32_t len = (uint32_t)mr->len;

	bvf_fill(p.b.buf, len, 4);
	sge = bvf_sge(mr, 0, len);
	wr = bvf_wr_read(&sge, &p.b.mr, 0);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_READ, BVF_CQE_OK);
	memset(p.b.buf, 0, len);
	wr.op = BVF_WR_WRITE;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(p.b.buf, len, 4);
}

TAP_TEST(memory_above_4_gib)
{
	struct bvf_page_list pl = { .iova = HIGH + 123, .nr = 1 };
	struct bvf_mr mr;

	setup();
	BVF_MUST(reg(pl, 1 << 20, &mr));
	want_mr_works(&mr);
	bvf_want_filled(high + 123, 1 << 20, 4);
	bvf_pair_down(&p);
}

TAP_TEST(mr_of_pages_of_two_files)
{
	struct bvf_pl_entry ent[64];
	struct bvf_mr mr;

	setup();
	for (uint64_t i = 0; i < 64; i++)
		ent[i] = (struct bvf_pl_entry){
			i % 2 ? HIGH + i * 8192 : bvf_iova(&p.a.drv, p.a.buf) + i * 4096, 4096 };
	BVF_MUST(reg(bvf_pl_chain(&p.a.drv, ent, 64), 64 * 4096, &mr));
	want_mr_works(&mr);
	bvf_pair_down(&p);
}

/* Neighbours in the guest, strangers on the host. */
TAP_TEST(mr_across_an_edge_of_windows)
{
	uint64_t edge;
	struct bvf_mr mr;
	uint8_t *next;
	int fd;

	setup();
	edge = p.a.drv.ram_size;
	next = memory(&fd, LEN);
	TAP_EQ(reg((struct bvf_page_list){ edge - 50000, 1, 0 }, 100000, &mr), BVF_ST_BAD_ADDR);
	TAP_EQ(vfu_dma_map(&p.a.drv.vfu, edge, LEN, fd, 0, VFU_DMA_RW, next), 0);
	BVF_MUST(reg((struct bvf_page_list){ edge - 50000, 1, 0 }, 100000, &mr));
	want_mr_works(&mr);
	TAP_EQ(memcmp(next, p.b.buf + 50000, 50000), 0);
	bvf_pair_down(&p);
}

TAP_TEST(window_at_an_offset_of_its_file)
{
	struct bvf_mr mr;
	uint8_t *mem;
	int fd;

	setup();
	mem = memory(&fd, LEN);
	TAP_EQ(vfu_dma_map(&p.a.drv.vfu, 2 * HIGH, 4 << 20, fd, 8 << 20, VFU_DMA_RW,
			   mem + (8 << 20)), 0);
	BVF_MUST(reg((struct bvf_page_list){ 2 * HIGH + 4096, 1, 0 }, 1 << 20, &mr));
	want_mr_works(&mr);
	bvf_want_filled(mem + (8 << 20) + 4096, 1 << 20, 4);
	bvf_want_zero(mem, 8 << 20);
	bvf_pair_down(&p);
}

/* Pages that are none on the host: the window is taken, but not used. */
TAP_TEST(window_at_an_odd_offset_of_its_file)
{
	struct bvf_create_uctx_cmd cmd = { .db_iova = 2 * HIGH };
	struct bvf_handle_resp resp;
	struct bvf_mr mr;
	uint8_t *mem;
	int fd;

	setup();
	mem = memory(&fd, LEN);
	TAP_EQ(vfu_dma_map(&p.a.drv.vfu, 2 * HIGH, 4 << 20, fd, 60, VFU_DMA_RW, mem + 60), 0);
	TAP_EQ(bvf_cmd(&p.a.drv, BVF_OP_CREATE_UCTX, &cmd, sizeof(cmd), &resp, sizeof(resp)),
	       BVF_ST_BAD_ADDR);
	TAP_EQ(reg((struct bvf_page_list){ 2 * HIGH, 1, 0 }, 4096, &mr), BVF_ST_BAD_ADDR);
	bvf_want_traffic(&p);
	bvf_pair_down(&p);
}

/* The most memory that a process has had, in MiB. */
static unsigned long peak_mib(pid_t pid)
{
	char path[64], line[128];
	unsigned long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	TAP_OK(f);
	while (fgets(line, sizeof(line), f) && sscanf(line, "VmHWM: %lu", &kib) != 1)
		;
	fclose(f);
	return kib >> 10;
}

/* Each entry falls apart into many extents: refused before it costs the host its memory. */
TAP_TEST(extents_without_end)
{
	enum { NR_WIN = 500, PER_LIST = 510, NR = 200 * 1000 / PER_LIST * PER_LIST };
	struct bvf_pl_entry ent[PER_LIST];
	struct bvf_page_list pl;
	struct bvf_pl_page *page;
	unsigned long before;
	struct bvf_mr mr;

	setup();
	for (uint64_t i = 0; i < NR_WIN; i++)
		TAP_EQ(vfu_dma_map(&p.a.drv.vfu, 2 * HIGH + i, 1, high_fd, i * 4096 + i,
				   VFU_DMA_RW, high + i * 4096 + i), 0);
	for (int i = 0; i < PER_LIST; i++)
		ent[i] = (struct bvf_pl_entry){ 2 * HIGH, NR_WIN };
	pl = bvf_pl_chain(&p.a.drv, ent, PER_LIST);
	page = (struct bvf_pl_page *)(p.a.drv.ram + pl.iova);
	page[1].next = pl.iova;
	pl.nr = NR;
	before = peak_mib(p.card.pid);
	TAP_EQ(reg(pl, (uint64_t)NR * NR_WIN, &mr), BVF_ST_NO_RESOURCE);
	tap_note("%lu MiB", peak_mib(p.card.pid) - before);
	TAP_OK(peak_mib(p.card.pid) - before < 1024);
	bvf_want_traffic(&p);
	bvf_pair_down(&p);
}

/* As QEMU does when firmware moves its windows: gone for a moment, then back. */
TAP_TEST(window_that_comes_back)
{
	uint64_t len;
	struct vfu *v;

	setup();
	v = &p.a.drv.vfu;
	len = p.a.drv.ram_size - BVF_HOLE_END;
	for (int i = 0; i < 50; i++) {
		int fd = dup(p.a.drv.ram_fd);

		bvf_want_traffic(&p);
		TAP_EQ(vfu_dma_unmap(v, BVF_HOLE_END, len), 0);
		TAP_EQ(vfu_dma_map(v, BVF_HOLE_END, len, fd, BVF_HOLE_END, VFU_DMA_RW,
				   p.a.drv.ram + BVF_HOLE_END), 0);
		close(fd);
	}
	bvf_want_traffic(&p);
	bvf_pair_down(&p);
}

/* A doorbell page in it, polled at that moment: it is not forgotten. */
TAP_TEST(awake_context_whose_window_comes_back)
{
	struct bvf_create_uctx_cmd cmd = { .db_iova = HIGH };
	struct bvf_db_page *db;
	struct bvf_handle_resp resp;
	int awake = 0;

	setup();
	db = (struct bvf_db_page *)high;
	BVF_MUST(bvf_cmd(&p.a.drv, BVF_OP_CREATE_UCTX, &cmd, sizeof(cmd), &resp, sizeof(resp)));
	for (int i = 0; i < 20; i++) {
		/* it finds work for a while, so stays awake */
		TAP_EQ(kill(p.card.datapath, SIGSTOP), 0);
		sge = bvf_sge(&p.a.mr, 0, BVF_BUF_LEN);
		wr = bvf_wr_write(&sge, &p.b.mr, 0);
		bvf_post_send(&p.a.qp, &wr);
		vfu_post32(&p.a.drv.vfu, BVF_BAR_KICK, resp.handle * 4096ull, 1);
		vfu_post32(&p.a.drv.vfu, BVF_BAR_KICK, p.a.u.num * 4096ull, 1);
		bvf_reg_read(&p.a.drv, BVF_REG_STATUS);
		TAP_EQ(kill(p.card.datapath, SIGCONT), 0);
		bvf_wait_for(&p.a.drv, !db->asleep || bvf_cq_peek(&p.a.scq));
		TAP_EQ(vfu_dma_unmap(&p.a.drv.vfu, HIGH, LEN), 0);
		usleep(3000);
		awake += !db->asleep;
		TAP_EQ(vfu_dma_map(&p.a.drv.vfu, HIGH, LEN, high_fd, 0, VFU_DMA_RW, high), 0);
		bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
		/* and goes to sleep as any other */
		bvf_wait_for(&p.a.drv, db->asleep);
	}
	tap_note("awake %d times of 20", awake);
	bvf_pair_down(&p);
}

TAP_TEST(mr_whose_window_is_gone)
{
	struct bvf_mr mr;

	setup();
	BVF_MUST(reg((struct bvf_page_list){ HIGH, 1, 0 }, 1 << 20, &mr));
	want_mr_works(&mr);
	TAP_EQ(vfu_dma_unmap(&p.a.drv.vfu, HIGH, LEN), 0);
	memset(high, 0, LEN);
	wr.op = BVF_WR_READ;
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_READ, BVF_CQE_LOC_PROT);
	bvf_want_zero(high, LEN);
	bvf_pair_down(&p);
}

TAP_TEST(remote_mr_whose_window_is_gone)
{
	struct bvf_mr mr;

	setup();
	BVF_MUST(reg((struct bvf_page_list){ HIGH, 1, 0 }, 1 << 20, &mr));
	TAP_EQ(vfu_dma_unmap(&p.a.drv.vfu, HIGH, LEN), 0);
	bvf_fill(p.b.buf, 4096, 1);
	sge = bvf_sge(&p.b.mr, 0, 4096);
	wr = bvf_wr_write(&sge, &mr, 0);
	bvf_post_send(&p.b.qp, &wr);
	bvf_want_cqe(&p.b.scq, &p.b.qp, BVF_WR_WRITE, BVF_CQE_REM_ACCESS);
	bvf_want_zero(high, LEN);
	bvf_pair_down(&p);
}

/* Memory for reading only, as a ROM: no queue and no local write in it. */
TAP_TEST(read_only_window)
{
	struct bvf_reg_mr_cmd cmd = { .va = 0x1000, .len = 4096 };
	struct bvf_reg_mr_resp resp;
	struct bvf_mr mr;

	setup();
	TAP_EQ(vfu_dma_unmap(&p.a.drv.vfu, HIGH, LEN), 0);
	TAP_EQ(vfu_dma_map(&p.a.drv.vfu, HIGH, LEN, high_fd, 0, VFU_DMA_R, high), 0);
	TAP_EQ(reg((struct bvf_page_list){ HIGH, 1, 0 }, 4096, &mr), BVF_ST_BAD_ADDR);
	cmd.pl = (struct bvf_page_list){ HIGH, 1, 0 };
	cmd.pdn = p.a.pdn;
	BVF_MUST(bvf_cmd(&p.a.drv, BVF_OP_REG_MR, &cmd, sizeof(cmd), &resp, sizeof(resp)));
	bvf_fill(high, 4096, 6);
	sge = (struct bvf_sge){ 0x1000, 4096, resp.lkey };
	wr = bvf_wr_write(&sge, &p.b.mr, 0);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(p.b.buf, 4096, 6);
	bvf_pair_down(&p);
}

/* Two VMs that share a memory: the card sees it as one. */
TAP_TEST(file_of_two_functions)
{
	struct bvf_reg_mr_cmd cmd = {
		.pl = { HIGH, 1, 0 }, .va = 0x5000, .len = 4096, .access = BVF_ACC_RW };
	struct bvf_reg_mr_resp resp;
	struct bvf_mr mr, other;

	setup();
	TAP_EQ(vfu_dma_map(&p.b.drv.vfu, HIGH, LEN, high_fd, 0, VFU_DMA_RW, high), 0);
	BVF_MUST(reg((struct bvf_page_list){ HIGH, 1, 0 }, 4096, &mr));
	cmd.pl.iova = HIGH + 8192;
	cmd.pdn = p.b.pdn;
	BVF_MUST(bvf_cmd(&p.b.drv, BVF_OP_REG_MR, &cmd, sizeof(cmd), &resp, sizeof(resp)));
	other = (struct bvf_mr){ .rkey = resp.rkey, .va = 0x5000 };
	bvf_fill(high, 4096, 8);
	sge = bvf_sge(&mr, 0, 4096);
	wr = bvf_wr_write(&sge, &other, 0);
	bvf_post_send(&p.a.qp, &wr);
	bvf_want_cqe(&p.a.scq, &p.a.qp, BVF_WR_WRITE, BVF_CQE_OK);
	bvf_want_filled(high + 8192, 4096, 8);
	/* a leaves; b still has it */
	TAP_EQ(vfu_dma_unmap(&p.a.drv.vfu, HIGH, LEN), 0);
	sge = bvf_sge(&p.b.mr, 0, 16);
	bvf_card_check(&p.card);
	bvf_pair_down(&p);
}

/* More files than the card has room for: refused, and room again later. */
TAP_TEST(more_files_than_there_is_room)
{
	static struct vfu v[3];
	int ok = 0, refused = 0;

	bvf_card_up(&p.card, tap_tmpdir(), 4);
	for (int round = 0; round < 2; round++) {
		ok = refused = 0;
		for (unsigned int f = 0; f < 3; f++) {
			TAP_EQ(vfu_connect(&v[f], bvf_card_sock(&p.card, f)), 0);
			TAP_EQ(vfu_negotiate(&v[f]), 0);
			for (uint64_t i = 0; i < 400; i++) {
				int fd = memfd_create("many", MFD_CLOEXEC);

				TAP_EQ(ftruncate(fd, 4096), 0);
				if (vfu_dma_map(&v[f], i << 20, 4096, fd, 0, VFU_DMA_RW, NULL))
					refused++;
				else
					ok++;
				close(fd);
			}
		}
		TAP_GE(ok, 1000);
		for (unsigned int f = 0; f < 3; f++)
			vfu_close(&v[f]);
		bvf_end_up(&p.a, bvf_card_sock(&p.card, 0));
		bvf_drv_close(&p.a.drv);
	}
	bvf_card_stop(&p.card);
}

TAP_MAIN()
