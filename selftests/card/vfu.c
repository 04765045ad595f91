// SPDX-License-Identifier: GPL-2.0
/*
 * The vfio-user server: what stock QEMU needs of it, and what it must survive.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "pair.h"
#include "tap.h"

static struct bvf_card card;
static struct vfu c;

static void setup_connected(void)
{
	bvf_card_up(&card, tap_tmpdir(), 2);
	TAP_EQ(vfu_connect(&c, bvf_card_sock(&card, 0)), 0);
}

static void setup(void)
{
	setup_connected();
	TAP_EQ(vfu_negotiate(&c), 0);
}

static void teardown(void)
{
	vfu_close(&c);
	bvf_card_stop(&card);
}

/* Whatever was done to function 0, a new client gets a whole device there. */
static void want_reconnect(void)
{
	static struct bvf_drv d;

	vfu_close(&c);
	bvf_drv_up(&d, bvf_card_sock(&card, 0));
	bvf_drv_close(&d);
	bvf_card_stop(&card);
}

static int ram_fd(uint64_t size)
{
	int fd = memfd_create("ram", MFD_CLOEXEC);

	TAP_OK(fd >= 0);
	TAP_EQ(ftruncate(fd, (off_t)size), 0);
	return fd;
}

TAP_TEST(version_is_what_qemu_takes)
{
	setup();
	TAP_OK(strstr(c.json, "capabilities"));
	TAP_OK(!strstr(c.json, "write_multiple"));
	/* QEMU takes short writes of larger messages for whole ones. */
	TAP_LE(c.max_xfer, 32768u);
	teardown();
}

TAP_TEST(version_without_json)
{
	uint16_t req[2] = { 0, 0 };

	setup_connected();
	TAP_OK(vfu_call(&c, VFU_VERSION, req, sizeof(req), NULL, 0) >= 4);
	teardown();
}

TAP_TEST(version_of_another_major_refused)
{
	uint16_t req[2] = { 1, 0 };

	setup_connected();
	TAP_OK(vfu_call(&c, VFU_VERSION, req, sizeof(req), NULL, 0) < 0);
	want_reconnect();
}

TAP_TEST(version_twice_refused)
{
	setup();
	TAP_OK(vfu_negotiate(&c) < 0);
	want_reconnect();
}

TAP_TEST(command_before_version_refused)
{
	struct vfu_info info = { .argsz = sizeof(info) };

	setup_connected();
	TAP_OK(vfu_call(&c, VFU_GET_INFO, &info, sizeof(info), &info,
			sizeof(info)) < 0);
	want_reconnect();
}

TAP_TEST(realize_as_qemu)
{
	setup();
	TAP_EQ(vfu_realize(&c), 0);
	teardown();
}

TAP_TEST(region_sizes)
{
	struct vfu_region_info info;
	uint64_t want[9] = {
		[BVF_BAR_REGS] = BVF_BAR_REGS_SIZE,
		[BVF_BAR_KICK] = BVF_BAR_KICK_SIZE,
		[BVF_BAR_MSIX] = BVF_BAR_MSIX_SIZE, [VFU_CONFIG] = 4096,
	};

	setup();
	for (unsigned int i = 0; i < 9; i++) {
		TAP_EQ(vfu_region_info(&c, i, &info), 0);
		TAP_EQ(info.size, want[i]);
		TAP_EQ(info.flags & 4, 0u);	/* no mmap */
	}
	TAP_OK(vfu_region_info(&c, 9, &info) < 0);
	TAP_OK(vfu_region_info(&c, ~0u, &info) < 0);
	teardown();
}

TAP_TEST(irq_counts)
{
	struct vfu_irq_info info;

	setup();
	TAP_EQ(vfu_irq_info(&c, VFU_IRQ_ERR, &info), 0);
	TAP_EQ(info.count, 1u);
	TAP_EQ(vfu_irq_info(&c, VFU_IRQ_MSIX, &info), 0);
	TAP_OK(info.count >= 1 && info.count <= BVF_MAX_VECTORS);
	TAP_EQ(info.flags & 8, 0u);		/* no NORESIZE */
	TAP_OK(vfu_irq_info(&c, 50, &info) < 0);
	teardown();
}

TAP_TEST(unknown_commands_are_answered)
{
	static const unsigned int cmds[] = { 0, 6, 14, 15, 16, 17, 18, 19, 100, 65535 };

	setup();
	for (unsigned int i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		TAP_OK(vfu_call(&c, cmds[i], "12345678", 8, NULL, 0) < 0);
	TAP_EQ(vfu_realize(&c), 0);
	teardown();
}

/* ---- framing ---- */

TAP_TEST(messages_in_single_bytes)
{
	struct {
		struct vfu_hdr h;
		struct vfu_info i;
	} m = { { 77, VFU_GET_INFO, sizeof(m), 0, 0 }, { .argsz = sizeof(m.i) } };

	setup();
	for (unsigned int i = 0; i < sizeof(m); i++)
		TAP_EQ(vfu_send_raw(&c, (char *)&m + i, 1, NULL, 0), 0);
	TAP_EQ(vfu_recv_reply(&c, 77, &m.i, sizeof(m.i)), (int)sizeof(m.i));
	TAP_GE(m.i.nr_regions, 8u);
	teardown();
}

TAP_TEST(messages_back_to_back)
{
	struct {
		struct vfu_hdr h;
		struct vfu_info i;
	} m[50];

	setup();
	for (int i = 0; i < 50; i++) {
		m[i].h = (struct vfu_hdr){ (uint16_t)(500 + i), VFU_GET_INFO,
					   sizeof(m[i]), 0, 0 };
		m[i].i = (struct vfu_info){ .argsz = sizeof(m[i].i) };
	}
	TAP_EQ(vfu_send_raw(&c, m, sizeof(m), NULL, 0), 0);
	for (int i = 0; i < 50; i++)
		TAP_EQ(vfu_recv_reply(&c, 500 + i, NULL, 0), 16);
	teardown();
}

static const struct size_row {
	const char *name;
	uint32_t size;
} bad_sizes[] = {
	{ "0", 0 }, { "1", 1 }, { "15", 15 }, { "16M", 16u << 20 },
	{ "max", 0xffffffff }, { "2G", 0x80000000 },
};

/* No way to find the next message: the connection ends, the card does not. */
TAP_TABLE(impossible_size, struct size_row, bad_sizes, row)
{
	struct vfu_hdr h = { 1, VFU_GET_INFO, row->size, 0, 0 };

	setup();
	TAP_EQ(vfu_send_raw(&c, &h, sizeof(h), NULL, 0), 0);
	TAP_EQ(vfu_pump(&c, 5000), -EPIPE);
	want_reconnect();
}

static const struct trunc_row {
	const char *name;
	uint16_t cmd;
	uint32_t len;
} truncated[] = {
	{ "dma_map_0", VFU_DMA_MAP, 0 }, { "dma_map_31", VFU_DMA_MAP, 31 },
	{ "dma_unmap_0", VFU_DMA_UNMAP, 0 }, { "dma_unmap_23", VFU_DMA_UNMAP, 23 },
	{ "get_info_0", VFU_GET_INFO, 0 }, { "get_info_15", VFU_GET_INFO, 15 },
	{ "region_info_0", VFU_GET_REGION_INFO, 0 },
	{ "region_info_31", VFU_GET_REGION_INFO, 31 },
	{ "irq_info_0", VFU_GET_IRQ_INFO, 0 }, { "irq_info_15", VFU_GET_IRQ_INFO, 15 },
	{ "set_irqs_0", VFU_SET_IRQS, 0 }, { "set_irqs_19", VFU_SET_IRQS, 19 },
	{ "region_read_0", VFU_REGION_READ, 0 },
	{ "region_read_15", VFU_REGION_READ, 15 },
	{ "region_write_0", VFU_REGION_WRITE, 0 },
	{ "region_write_15", VFU_REGION_WRITE, 15 },
	{ "version_0", VFU_VERSION, 0 }, { "version_3", VFU_VERSION, 3 },
};

/* A whole message with too little in it gets an error, nothing worse. */
TAP_TABLE(short_payload, struct trunc_row, truncated, row)
{
	uint8_t body[64];

	setup();
	memset(body, 0x20, sizeof(body));
	TAP_OK(vfu_call(&c, row->cmd, body, row->len, NULL, 0) < 0);
	TAP_EQ(vfu_realize(&c), 0);
	teardown();
}

/* The client leaves in the middle of each message. */
TAP_TABLE(eof_inside, struct trunc_row, truncated, row)
{
	struct vfu_hdr h = { 1, row->cmd, sizeof(h) + row->len + 8, 0, 0 };
	uint8_t body[64] = { 0 };

	setup();
	TAP_EQ(vfu_send_raw(&c, &h, row->len ? sizeof(h) : 7, NULL, 0), 0);
	if (row->len)
		TAP_EQ(vfu_send_raw(&c, body, row->len, NULL, 0), 0);
	want_reconnect();
}

TAP_TEST(garbage_from_a_random_source)
{
	uint8_t bytes[4096];

	setup();
	bvf_seed();
	for (int round = 0; round < 100; round++) {
		for (unsigned int i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)bvf_rand(256);
		vfu_send_raw(&c, bytes, sizeof(bytes), NULL, 0);
		vfu_close(&c);
		while (vfu_connect(&c, bvf_card_sock(&card, 0)))
			usleep(1000);
		vfu_negotiate(&c);
	}
	want_reconnect();
}

/* Headers that make sense with a body that does not. */
TAP_TEST(random_bodies)
{
	uint8_t body[64];

	setup();
	bvf_seed();
	for (int round = 0; round < 3000; round++) {
		unsigned int cmd = 2 + bvf_rand(13);

		for (unsigned int i = 0; i < sizeof(body); i++)
			body[i] = bvf_rand(3) ? 0 : (uint8_t)bvf_rand(256);
		if (cmd == VFU_RESET)
			continue;
		vfu_call(&c, cmd, body, bvf_rand(sizeof(body)), NULL, 0);
	}
	TAP_EQ(vfu_realize(&c), 0);
	teardown();
}

TAP_TEST(reply_to_nothing_ignored)
{
	struct vfu_hdr h = { 99, VFU_DMA_READ, sizeof(h), VFU_F_REPLY, 0 };

	setup();
	TAP_EQ(vfu_send_raw(&c, &h, sizeof(h), NULL, 0), 0);
	TAP_EQ(vfu_realize(&c), 0);
	teardown();
}

/* ---- regions ---- */

TAP_TEST(region_access_bounds)
{
	uint8_t buf[16];

	setup();
	TAP_EQ(vfu_region_read(&c, VFU_CONFIG, 4092, buf, 4), 0);
	TAP_OK(vfu_region_read(&c, VFU_CONFIG, 4093, buf, 4) < 0);
	TAP_OK(vfu_region_read(&c, VFU_CONFIG, ~0ull - 1, buf, 4) < 0);
	TAP_OK(vfu_region_read(&c, 9, 0, buf, 4) < 0);
	TAP_OK(vfu_region_read(&c, ~0u, 0, buf, 4) < 0);
	TAP_OK(vfu_region_read(&c, 1, 0, buf, 4) < 0);
	TAP_OK(vfu_region_write(&c, VFU_CONFIG, 4096, buf, 1) < 0);
	TAP_OK(vfu_region_write(&c, BVF_BAR_KICK, BVF_BAR_KICK_SIZE, buf, 4) < 0);
	teardown();
}

TAP_TEST(region_access_of_all_sizes)
{
	uint8_t buf[8];

	setup();
	for (uint32_t len = 1; len <= 8; len++)
		for (uint32_t off = 0; off < 72; off++) {
			TAP_EQ(vfu_region_read(&c, BVF_BAR_REGS, off, buf, len), 0);
			TAP_EQ(vfu_region_read(&c, BVF_BAR_MSIX, off, buf, len), 0);
			TAP_EQ(vfu_region_read(&c, BVF_BAR_KICK, off, buf, len), 0);
			TAP_EQ(vfu_region_read(&c, VFU_CONFIG, off, buf, len), 0);
			TAP_EQ(vfu_region_write(&c, BVF_BAR_KICK, off, buf, len), 0);
			TAP_EQ(vfu_region_write(&c, BVF_BAR_MSIX, off, buf, len), 0);
		}
	teardown();
}

TAP_TEST(write_shorter_than_its_count)
{
	struct vfu_access a = { .offset = 0, .region = VFU_CONFIG, .count = 64 };

	setup();
	TAP_OK(vfu_call(&c, VFU_REGION_WRITE, &a, sizeof(a), NULL, 0) < 0);
	a.count = 0xffffffff;
	TAP_OK(vfu_call(&c, VFU_REGION_WRITE, &a, sizeof(a), NULL, 0) < 0);
	TAP_OK(vfu_call(&c, VFU_REGION_READ, &a, sizeof(a), NULL, 0) < 0);
	TAP_EQ(vfu_realize(&c), 0);
	teardown();
}

/* Thousands of posted writes, no answer to any, and then one to the read. */
TAP_TEST(posted_writes_never_answered)
{
	setup();
	for (uint32_t i = 0; i < 20000; i++)
		vfu_post32(&c, BVF_BAR_KICK, i % 1024 * 4096, i);
	TAP_EQ(vfu_read32(&c, BVF_BAR_REGS, BVF_REG_MAGIC), (uint32_t)BVF_MAGIC);
	TAP_EQ(vfu_pump(&c, 20), 0);
	teardown();
}

TAP_TEST(bad_posted_write_not_answered)
{
	struct vfu_access a = { .offset = ~0ull, .region = 77, .count = 4 };

	setup();
	TAP_OK(vfu_send(&c, VFU_REGION_WRITE, VFU_F_NO_REPLY, &a, sizeof(a), "abcd",
			4, NULL, 0) >= 0);
	TAP_OK(vfu_send(&c, VFU_REGION_WRITE, VFU_F_NO_REPLY, &a, 3, NULL, 0, NULL,
			0) >= 0);
	TAP_OK(vfu_send(&c, 18, VFU_F_NO_REPLY, &a, 3, NULL, 0, NULL, 0) >= 0);
	TAP_EQ(vfu_pump(&c, 50), 0);
	TAP_EQ(vfu_realize(&c), 0);
	teardown();
}

/* ---- DMA ---- */

static const struct map_row {
	const char *name;
	uint64_t iova, size, offset;
	uint32_t flags, argsz;
	int fds;		/* descriptors sent along */
} bad_maps[] = {
	{ "size_0", 0, 0, 0, 3, 32, 1 },
	{ "iova_wraps", ~0xfffull, 0x2000, 0, 3, 32, 1 },
	{ "offset_wraps", 0, 0x2000, ~0xfffull, 3, 32, 1 },
	{ "beyond_the_file", 0, 0x200000, 0, 3, 32, 1 },
	{ "offset_beyond_the_file", 0, 0x1000, 0x100000, 3, 32, 1 },
	{ "unknown_flags", 0, 0x1000, 0, 0x80, 32, 1 },
	{ "argsz_0", 0, 0x1000, 0, 3, 0, 1 },
	{ "two_fds", 0, 0x1000, 0, 3, 32, 2 },
};

TAP_TABLE(bad_dma_map, struct map_row, bad_maps, row)
{
	struct vfu_dma_map req = {
		.argsz = row->argsz, .flags = row->flags, .offset = row->offset,
		.iova = row->iova, .size = row->size,
	};
	int fds[2];

	setup();
	fds[0] = ram_fd(1 << 20);
	fds[1] = ram_fd(1 << 20);
	TAP_OK(vfu_call_fds(&c, VFU_DMA_MAP, &req, sizeof(req), fds,
			    (unsigned int)row->fds, NULL, 0) < 0);
	/* and the address is still free */
	TAP_EQ(vfu_dma_map(&c, 0, 1 << 20, fds[0], 0, VFU_DMA_RW, NULL), 0);
	teardown();
}

TAP_TEST(dma_map_overlap_refused)
{
	int fd;

	setup();
	fd = ram_fd(1 << 20);
	TAP_EQ(vfu_dma_map(&c, 0x100000, 0x10000, fd, 0, VFU_DMA_RW, NULL), 0);
	TAP_OK(vfu_dma_map(&c, 0x100000, 0x10000, fd, 0, VFU_DMA_RW, NULL) < 0);
	TAP_OK(vfu_dma_map(&c, 0x10f000, 0x1000, fd, 0, VFU_DMA_RW, NULL) < 0);
	TAP_OK(vfu_dma_map(&c, 0xff000, 0x1001, fd, 0, VFU_DMA_RW, NULL) < 0);
	TAP_EQ(vfu_dma_map(&c, 0x110000, 0x10000, fd, 0x10000, VFU_DMA_RW, NULL), 0);
	teardown();
}

TAP_TEST(dma_unmap_wants_whole_windows)
{
	int fd;

	setup();
	fd = ram_fd(1 << 20);
	TAP_EQ(vfu_dma_map(&c, 0x100000, 0x10000, fd, 0, VFU_DMA_RW, NULL), 0);
	TAP_OK(vfu_dma_unmap(&c, 0x100000, 0x8000) < 0);
	TAP_OK(vfu_dma_unmap(&c, 0x200000, 0x1000) < 0);
	TAP_OK(vfu_dma_unmap(&c, ~0ull, 0x1000) < 0);
	TAP_OK(vfu_dma_unmap(&c, 0, 0) < 0);
	TAP_EQ(vfu_dma_unmap(&c, 0x100000, 0x10000), 0);
	TAP_EQ(vfu_dma_map(&c, 0x100000, 0x10000, fd, 0, VFU_DMA_RW, NULL), 0);
	teardown();
}

TAP_TEST(dma_maps_pipelined)
{
	int id[400], fd[400];

	setup();
	for (int i = 0; i < 400; i++) {
		fd[i] = ram_fd(1 << 20);
		id[i] = vfu_dma_map_send(&c, (uint64_t)i << 20, 1 << 20, fd[i], 0,
					 VFU_DMA_RW, NULL);
		close(fd[i]);
	}
	for (int i = 0; i < 400; i++)
		TAP_GE(vfu_recv_reply(&c, id[i], NULL, 0), 0);
	teardown();
}

/* QEMU maps and unmaps low RAM on each boot, each time by a new descriptor. */
TAP_TEST(dma_map_churn_of_one_file)
{
	int fd;

	setup();
	fd = ram_fd(1 << 20);
	for (int i = 0; i < 3000; i++) {
		int again = dup(fd);

		TAP_EQ(vfu_dma_map(&c, 0, 1 << 20, again, 0, VFU_DMA_RW, NULL), 0);
		close(again);
		TAP_EQ(vfu_dma_unmap(&c, 0, 1 << 20), 0);
	}
	teardown();
}

/* More windows than the card can hold get an error, not a crash. */
TAP_TEST(dma_map_without_end)
{
	int fd, ok = 0;

	setup();
	fd = ram_fd(1 << 20);
	for (uint64_t i = 0; i < 590; i++)
		ok += vfu_dma_map(&c, i * 0x2000, 0x1000, fd, 0, VFU_DMA_RW, NULL) == 0;
	TAP_GE(ok, 256);
	TAP_EQ(vfu_dma_unmap(&c, 0, 0x1000), 0);
	teardown();
}

TAP_TEST(dma_map_without_fd)
{
	setup();
	TAP_EQ(vfu_dma_map(&c, 0xfe000000, 0x1000, -1, 0, VFU_DMA_RW, NULL), 0);
	TAP_EQ(vfu_dma_unmap(&c, 0xfe000000, 0x1000), 0);
	teardown();
}

TAP_TEST(dma_map_of_what_is_no_memory)
{
	int pipefd[2];

	setup();
	TAP_EQ(pipe(pipefd), 0);
	/* Refused or held as unreachable: both are right. */
	vfu_dma_map(&c, 0, 0x1000, pipefd[0], 0, VFU_DMA_RW, NULL);
	vfu_dma_map(&c, 0x10000, 0x1000, open("/dev/null", O_RDWR), 0, VFU_DMA_RW, NULL);
	vfu_dma_map(&c, 0x20000, 0x1000, eventfd(0, 0), 0, VFU_DMA_RW, NULL);
	TAP_EQ(vfu_realize(&c), 0);
	teardown();
}

/* ---- descriptors ---- */

static int count_fds(pid_t pid)
{
	char path[64];
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		TAP_SKIP("%s: %s", path, strerror(errno));
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* They are closed soon after the answer, if not before. */
static void want_fds(pid_t pid, int want)
{
	for (int ms = 0; ms < 5000 && count_fds(pid) != want; ms++)
		usleep(1000);
	TAP_EQ(count_fds(pid), want);
}

TAP_TEST(descriptors_of_refused_messages_closed)
{
	int before, fds[VFU_MAX_FDS];

	setup();
	for (int i = 0; i < VFU_MAX_FDS; i++)
		fds[i] = eventfd(0, 0);
	TAP_EQ(vfu_realize(&c), 0);
	before = count_fds(card.pid);
	for (unsigned int cmd = VFU_DMA_UNMAP; cmd <= 19; cmd++) {
		uint8_t body[64] = { 0 };

		if (cmd != VFU_RESET)
			vfu_call_fds(&c, cmd, body, sizeof(body), fds, VFU_MAX_FDS,
				     NULL, 0);
	}
	TAP_EQ(vfu_realize(&c), 0);
	want_fds(card.pid, before);
	teardown();
}

TAP_TEST(more_descriptors_than_negotiated)
{
	int before, fds[60];

	setup();
	for (int i = 0; i < 60; i++)
		fds[i] = eventfd(0, 0);
	before = count_fds(card.pid);
	TAP_OK(vfu_call_fds(&c, VFU_DMA_MAP, &(struct vfu_dma_map){ .argsz = 32,
			    .flags = 3, .size = 4096 }, 32, fds, 60, NULL, 0) < 0);
	want_fds(card.pid, before);
	want_reconnect();
}

/* ---- interrupts ---- */

static const struct irq_row {
	const char *name;
	uint32_t index, flags, start, count, nr_fds;
} bad_irqs[] = {
	{ "index", 50, VFU_IRQ_EVENTFD_TRIGGER, 0, 1, 1 },
	{ "index_max", ~0u, VFU_IRQ_EVENTFD_TRIGGER, 0, 1, 1 },
	{ "start_beyond", VFU_IRQ_MSIX, VFU_IRQ_EVENTFD_TRIGGER, BVF_MAX_VECTORS, 1, 1 },
	{ "range_beyond", VFU_IRQ_MSIX, VFU_IRQ_EVENTFD_TRIGGER, 1, BVF_MAX_VECTORS, 0 },
	{ "range_wraps", VFU_IRQ_MSIX, VFU_IRQ_EVENTFD_TRIGGER, ~0u, 2, 2 },
	{ "fewer_fds", VFU_IRQ_MSIX, VFU_IRQ_EVENTFD_TRIGGER, 0, 2, 1 },
	{ "more_fds", VFU_IRQ_MSIX, VFU_IRQ_EVENTFD_TRIGGER, 0, 1, 2 },
	{ "fds_without_eventfd_flag", VFU_IRQ_MSIX, VFU_IRQ_NONE_TRIGGER, 0, 1, 1 },
	{ "no_data_type", VFU_IRQ_MSIX, 0x20, 0, 1, 0 },
	{ "two_data_types", VFU_IRQ_MSIX, 0x25, 0, 1, 1 },
	{ "no_action", VFU_IRQ_MSIX, 0x04, 0, 1, 1 },
	{ "unknown_flags", VFU_IRQ_MSIX, 0x1024, 0, 1, 1 },
	{ "bool_without_data", VFU_IRQ_MSIX, VFU_IRQ_BOOL_TRIGGER, 0, 4, 0 },
};

TAP_TABLE(bad_set_irqs, struct irq_row, bad_irqs, row)
{
	int fds[2];

	setup();
	fds[0] = eventfd(0, 0);
	fds[1] = eventfd(0, 0);
	TAP_OK(vfu_set_irqs(&c, row->index, row->flags, row->start, row->count, fds,
			    row->nr_fds) < 0);
	teardown();
}

TAP_TEST(irq_loopback_by_the_client)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	uint64_t n = 0;

	setup();
	TAP_EQ(vfu_set_irqs(&c, VFU_IRQ_MSIX, VFU_IRQ_EVENTFD_TRIGGER, 3, 1, &fd, 1), 0);
	TAP_EQ(vfu_set_irqs(&c, VFU_IRQ_MSIX, VFU_IRQ_NONE_TRIGGER, 3, 1, NULL, 0), 0);
	TAP_EQ(read(fd, &n, 8), 8);
	TAP_EQ(n, 1ull);
	TAP_EQ(vfu_set_irqs(&c, VFU_IRQ_MSIX, VFU_IRQ_NONE_TRIGGER, 0, 0, NULL, 0), 0);
	TAP_EQ(vfu_set_irqs(&c, VFU_IRQ_MSIX, VFU_IRQ_NONE_TRIGGER, 3, 1, NULL, 0), 0);
	TAP_EQ(read(fd, &n, 8), -1);
	teardown();
}

/* ---- connections ---- */

TAP_TEST(second_client_refused)
{
	static struct vfu second;

	setup();
	TAP_EQ(vfu_connect(&second, bvf_card_sock(&card, 0)), 0);
	TAP_OK(vfu_negotiate(&second) < 0);
	TAP_EQ(vfu_realize(&c), 0);
	teardown();
}

TAP_TEST(reconnect_at_once)
{
	setup();
	for (int i = 0; i < 50; i++) {
		vfu_close(&c);
		TAP_EQ(vfu_connect(&c, bvf_card_sock(&card, 0)), 0);
		TAP_EQ(vfu_negotiate(&c), 0);
	}
	TAP_EQ(vfu_realize(&c), 0);
	teardown();
}

TAP_TEST(socket_mode)
{
	struct stat st;

	bvf_card_up(&card, tap_tmpdir(), 1);
	TAP_EQ(stat(bvf_card_sock(&card, 0), &st), 0);
	TAP_EQ(st.st_mode & 0777, 0600u);
	bvf_card_stop(&card);
	TAP_OK(access(bvf_card_sock(&card, 0), F_OK) < 0);
}

/* The client goes at each step of the start, and comes again. */
static const struct step_row {
	const char *name;
	int steps;
} steps[] = {
	{ "connect", 0 }, { "version", 1 }, { "dma_map", 2 }, { "realize", 3 },
	{ "irqs", 4 }, { "reset", 5 }, { "aq_setup", 6 }, { "enable", 7 },
	{ "objects", 8 }, { "command_in_flight", 9 },
};

TAP_TABLE(eof_after, struct step_row, steps, row)
{
	static struct bvf_drv d;

	bvf_card_up(&card, tap_tmpdir(), 1);
	if (row->steps < 3) {
		TAP_EQ(vfu_connect(&c, bvf_card_sock(&card, 0)), 0);
		if (row->steps >= 1)
			TAP_EQ(vfu_negotiate(&c), 0);
		if (row->steps >= 2)
			TAP_EQ(vfu_dma_map(&c, 0, 1 << 20, ram_fd(1 << 20), 0,
					   VFU_DMA_RW, NULL), 0);
	} else {
		bvf_drv_open(&d, bvf_card_sock(&card, 0), BVF_RAM_SIZE);
		if (row->steps >= 4)
			bvf_drv_pci(&d);
		if (row->steps >= 5)
			bvf_drv_reset(&d);
		if (row->steps >= 6)
			bvf_drv_aq_setup(&d, 6);
		if (row->steps >= 7)
			TAP_OK(bvf_drv_enable(&d) & BVF_STS_READY);
		if (row->steps >= 8)
			bvf_drv_objects(&d);
		if (row->steps >= 9)
			bvf_cmd_submit(&d, BVF_OP_DESCRIBE, NULL, 0);
		vfu_close(&d.vfu);
		c.fd = -1;
	}
	want_reconnect();
}

/* The same, with 64 functions of which each other one stays. */
TAP_TEST(sixty_four_functions)
{
	static struct bvf_drv d[64];

	bvf_card_up(&card, tap_tmpdir(), 64);
	for (unsigned int i = 0; i < 64; i++)
		bvf_drv_up(&d[i], bvf_card_sock(&card, i));
	for (unsigned int i = 0; i < 64; i += 2)
		bvf_drv_close(&d[i]);
	for (unsigned int i = 0; i < 64; i += 2)
		bvf_drv_up(&d[i], bvf_card_sock(&card, i));
	for (unsigned int i = 0; i < 64; i++)
		bvf_drv_close(&d[i]);
	bvf_card_stop(&card);
}

TAP_MAIN()
