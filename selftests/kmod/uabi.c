// SPDX-License-Identifier: GPL-2.0
/*
 * What bvf_ib takes from user space: each wrong size, offset, length, reserved
 * byte and mapping is refused with the right errno. Speaks the uverbs write ABI
 * itself, since a provider would not ask for such things.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <sys/mman.h>

#include <rdma/ib_user_verbs.h>

#include <hw/bvf_io.h>
#include <uapi/rdma/bvf-abi.h>

#include "../lib/tap.h"

#define ACC_RW		7u	/* local write, remote write and read */
#define EXTRA_MAX	16

/* A command with the driver's part, and room for more than that. */
#define CMD(name, core_type, drv_type)		\
	struct name {				\
		struct ib_uverbs_cmd_hdr hdr;	\
		struct core_type core;		\
		struct drv_type drv;		\
		uint8_t extra[EXTRA_MAX];	\
	}

struct no_drv {
};

CMD(ctx_cmd, ib_uverbs_get_context, bvf_alloc_ucontext_req);
CMD(pd_cmd, ib_uverbs_alloc_pd, no_drv);
CMD(cq_cmd, ib_uverbs_create_cq, bvf_create_cq_req);
CMD(qp_cmd, ib_uverbs_create_qp, bvf_create_qp_req);
CMD(mr_cmd, ib_uverbs_reg_mr, no_drv);

struct ctx_resp {
	struct ib_uverbs_get_context_resp core;
	struct bvf_alloc_ucontext_resp drv;
};

struct cq_resp {
	struct ib_uverbs_create_cq_resp core;
	struct bvf_create_cq_resp drv;
};

struct qp_resp {
	struct ib_uverbs_create_qp_resp core;
	struct bvf_create_qp_resp drv;
};

struct pd_resp {
	struct ib_uverbs_alloc_pd_resp core;
	uint32_t drv[2];
};

struct mr_resp {
	struct ib_uverbs_reg_mr_resp core;
	uint32_t rsvd;
};

static int fd = -1;
static struct ctx_resp ctx;
static uint32_t pd, cq;
static uint8_t *buf;

/* The device file of the first bvf function; a skip if there is none. */
static void open_uverbs(void)
{
	char path[PATH_MAX], link[PATH_MAX];
	struct dirent *e;
	DIR *dir;

	dir = opendir("/sys/class/infiniband_verbs");
	while (dir && (e = readdir(dir))) {
		ssize_t n;

		if (strncmp(e->d_name, "uverbs", 6))
			continue;
		snprintf(path, sizeof(path), "/sys/class/infiniband_verbs/%s/device/driver",
			 e->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		if (n < 4)
			continue;
		link[n] = '\0';
		if (strcmp(link + n - 4, "/bvf"))
			continue;
		snprintf(path, sizeof(path), "/dev/infiniband/%s", e->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		break;
	}
	if (dir)
		closedir(dir);
	if (fd < 0)
		TAP_SKIP("no bvf device here");
}

/*
 * The header, then the core's struct, whose first field is where the answer goes.
 * Return: 0 or the errno
 */
static int send_cmd(void *cmd, uint32_t command, size_t len, void *resp, size_t resp_len)
{
	struct ib_uverbs_cmd_hdr *hdr = cmd;

	hdr->command = command;
	hdr->in_words = len / 4;
	hdr->out_words = resp_len / 4;
	*(uint64_t *)(hdr + 1) = (uintptr_t)resp;
	return write(fd, cmd, len) == (ssize_t)len ? 0 : errno;
}

static int get_context(const struct bvf_alloc_ucontext_req *req, size_t drv_len)
{
	struct ctx_cmd cmd = { .drv = *req };

	return send_cmd(&cmd, IB_USER_VERBS_CMD_GET_CONTEXT,
			offsetof(struct ctx_cmd, drv) + drv_len, &ctx, sizeof(ctx));
}

static uint8_t *map_buf(size_t len)
{
	uint8_t *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	TAP_OK(p != MAP_FAILED);
	return p;
}

static void setup(void)
{
	static const struct bvf_alloc_ucontext_req none;

	open_uverbs();
	TAP_EQ(get_context(&none, sizeof(none)), 0);
	buf = map_buf(1 << 20);
}

static void setup_pd(void)
{
	struct pd_cmd cmd = {};
	struct pd_resp resp = {};

	setup();
	TAP_EQ(send_cmd(&cmd, IB_USER_VERBS_CMD_ALLOC_PD, offsetof(struct pd_cmd, extra), &resp,
			sizeof(resp)), 0);
	pd = resp.core.pd_handle;
}

/* ---- context ---- */

TAP_TEST(context_request_too_short)
{
	static const struct bvf_alloc_ucontext_req none;

	open_uverbs();
	TAP_EQ(get_context(&none, 4), EINVAL);
}

TAP_TEST(context_comp_mask)
{
	static const struct bvf_alloc_ucontext_req req = { .comp_mask = 1 };

	open_uverbs();
	TAP_EQ(get_context(&req, sizeof(req)), EOPNOTSUPP);
}

TAP_TEST(context_longer_request_with_zeros)
{
	static const struct bvf_alloc_ucontext_req none;

	open_uverbs();
	TAP_EQ(get_context(&none, sizeof(none) + 8), 0);
}

/* ---- mappings ---- */

static const struct map_row {
	const char *name;
	int prot;
	size_t len;
	uint64_t off;		/* added to the key */
	int flags;
	int err;
	int kick;
} maps[] = {
	{ "db", PROT_READ | PROT_WRITE, 4096, 0, MAP_SHARED, 0, 0 },
	{ "kick", PROT_WRITE, 4096, 0, MAP_SHARED, 0, 1 },
	{ "db_too_long", PROT_READ | PROT_WRITE, 8192, 0, MAP_SHARED, EINVAL, 0 },
	{ "db_private", PROT_READ | PROT_WRITE, 4096, 0, MAP_PRIVATE, EINVAL, 0 },
	{ "db_exec", PROT_READ | PROT_EXEC, 4096, 0, MAP_SHARED, EPERM, 0 },
	{ "kick_readable", PROT_READ | PROT_WRITE, 4096, 0, MAP_SHARED, EPERM, 1 },
	{ "kick_too_long", PROT_WRITE, 8192, 0, MAP_SHARED, EINVAL, 1 },
	{ "nobody's_key", PROT_WRITE, 4096, 64 << 20, MAP_SHARED, EINVAL, 1 },
};

TAP_TABLE(map, struct map_row, maps, row)
{
	uint64_t key;
	void *p;

	setup();
	key = row->kick ? ctx.drv.kick_mmap_key : ctx.drv.db_mmap_key;
	p = mmap(NULL, row->len, row->prot, row->flags, fd, key + row->off);
	TAP_EQ(p == MAP_FAILED ? errno : 0, row->err);
	if (!row->err)
		*(volatile uint32_t *)p = row->kick;
}

/* ---- CQ: 16 entries, the record behind them, one page ---- */

static const struct cq_row {
	const char *name;
	int err;
	int depth_shift;	/* 0: as it should be */
	int dbrec_off;		/* the rest is added to what is right */
	int buf_len;
	int buf_va;
	uint32_t cqe;
	uint32_t vector;
	uint8_t rsvd;
	uint8_t extra;
	int len;
} cqs[] = {
	{ "good", 0 },
	{ "longer_with_zeros", 0, .len = 8 },
	{ "longer_with_data", EOPNOTSUPP, .len = 8, .extra = 1 },
	{ "shorter", EINVAL, .len = -8 },
	{ "reserved", EOPNOTSUPP, .rsvd = 1 },
	{ "depth_below_cqe", EINVAL, .depth_shift = 3 },
	{ "depth_17", EINVAL, .depth_shift = 17 },
	{ "depth_255", EINVAL, .depth_shift = 255 },
	{ "record_in_ring", EINVAL, .dbrec_off = -64 },
	{ "record_unaligned", EINVAL, .dbrec_off = 4 },
	{ "record_far", EINVAL, .dbrec_off = 65536 },
	{ "length_0", EINVAL, .buf_len = -4096 },
	{ "length_unaligned", EINVAL, .buf_len = 64 },
	{ "length_too_much", EINVAL, .buf_len = 1 << 24 },
	{ "address_unaligned", EINVAL, .buf_va = 64 },
	{ "address_not_mapped", EFAULT, .buf_va = 1 << 30 },
	{ "cqe_0", EINVAL, .cqe = -16 },
	{ "cqe_too_many", EINVAL, .cqe = 1 << 20 },
	{ "vector", EINVAL, .vector = 1000 },
};

static int create_cq(const struct cq_row *row, struct cq_resp *resp)
{
	struct cq_cmd cmd = {
		.core = { .cqe = 16 + row->cqe, .comp_vector = row->vector, .comp_channel = -1 },
		.drv = {
			.buf_va = (uintptr_t)buf + row->buf_va,
			.buf_len = 4096 + row->buf_len,
			.dbrec_off = 1024 + row->dbrec_off,
			.depth_shift = row->depth_shift ? row->depth_shift : 4,
			.reserved = { row->rsvd },
		},
		.extra = { row->extra },
	};

	return send_cmd(&cmd, IB_USER_VERBS_CMD_CREATE_CQ,
			offsetof(struct cq_cmd, extra) + row->len, resp, sizeof(*resp));
}

TAP_TABLE(cq, struct cq_row, cqs, row)
{
	struct cq_resp resp = {};

	setup();
	TAP_EQ(create_cq(row, &resp), row->err);
	if (!row->err)
		TAP_OK(resp.drv.cqn < BVF_MAX_CQ_IDX && resp.core.cqe >= 16);
}

/* ---- QP: 16 WQEs of 128 and 64 bytes, 3072 bytes of rings, one page ---- */

static const struct qp_row {
	const char *name;
	int err;
	int sq_off, rq_off, dbrec_off, buf_len, buf_va;
	int sq_depth, sq_stride, rq_depth, rq_stride;	/* shifts, 0: as they should be */
	uint32_t rsvd;
	uint32_t send_sge, recv_wr, inline_data;
	int type;
	int len;
} qps[] = {
	{ "good", 0 },
	{ "longer_with_zeros", 0, .len = 8 },
	{ "shorter", EINVAL, .len = -8 },
	{ "reserved", EOPNOTSUPP, .rsvd = 1 },
	{ "sq_outside", EINVAL, .sq_off = 4096 },
	{ "sq_over_the_end", EINVAL, .sq_off = 2048 + 128 },
	{ "sq_unaligned", EINVAL, .sq_off = 64 },
	{ "rq_outside", EINVAL, .rq_off = -4096 },
	{ "rq_unaligned", EINVAL, .rq_off = 32 },
	{ "record_outside", EINVAL, .dbrec_off = 1024 },
	{ "record_unaligned", EINVAL, .dbrec_off = 32 },
	{ "length_0", EINVAL, .buf_len = -4096 },
	{ "length_unaligned", EINVAL, .buf_len = 8 },
	{ "length_too_much", EINVAL, .buf_len = 1 << 20 },
	{ "address_unaligned", EINVAL, .buf_va = 8 },
	{ "address_not_mapped", EFAULT, .buf_va = 1 << 30 },
	{ "sq_depth_15", EINVAL, .sq_depth = 15 },
	{ "sq_depth_255", EINVAL, .sq_depth = 255 },
	{ "rq_depth_255", EINVAL, .rq_depth = 255 },
	{ "sq_stride_small", EINVAL, .sq_stride = 5 },
	{ "sq_stride_big", EINVAL, .sq_stride = 10 },
	{ "rq_stride_small", EINVAL, .rq_stride = 4 },
	{ "rq_stride_255", EINVAL, .rq_stride = 255 },
	{ "more_sges_than_the_stride", EINVAL, .send_sge = 8 },
	{ "more_inline_than_the_stride", EINVAL, .inline_data = 200 },
	{ "more_wrs_than_the_ring", EINVAL, .recv_wr = 17 },
	{ "uc", EOPNOTSUPP, .type = 3 },
};

TAP_TABLE(qp, struct qp_row, qps, row)
{
	static const struct cq_row plain;
	struct qp_resp resp = {};
	struct cq_resp cq_resp = {};
	struct qp_cmd cmd = {};

	setup_pd();
	TAP_EQ(create_cq(&plain, &cq_resp), 0);
	cq = cq_resp.core.cq_handle;
	buf += 65536;

	cmd.core = (struct ib_uverbs_create_qp) {
		.pd_handle = pd, .send_cq_handle = cq, .recv_cq_handle = cq,
		.max_send_wr = 16, .max_recv_wr = row->recv_wr ? row->recv_wr : 16,
		.max_send_sge = row->send_sge ? row->send_sge : 1, .max_recv_sge = 1,
		.max_inline_data = row->inline_data,
		.qp_type = row->type ? row->type : 2,
	};
	cmd.drv = (struct bvf_create_qp_req) {
		.buf_va = (uintptr_t)buf + row->buf_va,
		.buf_len = 4096 + row->buf_len,
		.sq_off = row->sq_off,
		.rq_off = 2048 + row->rq_off,
		.dbrec_off = 3072 + row->dbrec_off,
		.sq_depth_shift = row->sq_depth ? row->sq_depth : 4,
		.sq_stride_shift = row->sq_stride ? row->sq_stride : 7,
		.rq_depth_shift = row->rq_depth ? row->rq_depth : 4,
		.rq_stride_shift = row->rq_stride ? row->rq_stride : 6,
		.reserved = row->rsvd,
	};
	TAP_EQ(send_cmd(&cmd, IB_USER_VERBS_CMD_CREATE_QP,
			offsetof(struct qp_cmd, extra) + row->len, &resp, sizeof(resp)), row->err);
	if (row->err)
		return;
	TAP_EQ(resp.core.max_send_wr, 16u);
	TAP_EQ(resp.core.max_send_sge, (128u - 32) / 16);
	TAP_EQ(resp.core.max_inline_data, 128u - 32);
	TAP_EQ(resp.core.max_recv_sge, (64u - 16) / 16);
	TAP_EQ(resp.drv.qpn, resp.core.qpn);
}

/* ---- MR ---- */

static const struct mr_row {
	const char *name;
	int err;
	uint64_t start;		/* added to the buffer's address */
	uint64_t len;
	uint32_t access;	/* 0: local write, remote read and write */
} mrs[] = {
	{ "good", 0, 0, 8192, 0 },
	{ "odd_start_and_length", 0, 123, 4567, 0 },
	{ "length_0", EINVAL, 0, 0, 0 },
	{ "length_too_much", EINVAL, 0, 1ull << 62, 0 },
	{ "not_mapped", EFAULT, 1 << 30, 4096, 0 },
	{ "remote_write_without_local", EINVAL, 0, 4096, 2 },
	{ "on_demand", EOPNOTSUPP, 0, 4096, 0x41 },
	{ "window", EOPNOTSUPP, 0, 4096, 0x11 },
};

TAP_TABLE(mr, struct mr_row, mrs, row)
{
	struct mr_resp resp = {};
	struct mr_cmd cmd = {};

	setup_pd();
	cmd.core = (struct ib_uverbs_reg_mr) {
		.start = (uintptr_t)buf + row->start,
		.length = row->len,
		.hca_va = (uintptr_t)buf + row->start,
		.pd_handle = pd,
		.access_flags = row->access ? row->access : ACC_RW,
	};
	TAP_EQ(send_cmd(&cmd, IB_USER_VERBS_CMD_REG_MR, offsetof(struct mr_cmd, extra), &resp,
			sizeof(resp)), row->err);
	if (!row->err)
		TAP_OK(resp.core.lkey && resp.core.lkey != BVF_LKEY_DMA);
}

TAP_MAIN()
