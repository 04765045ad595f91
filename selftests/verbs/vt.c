// SPDX-License-Identifier: GPL-2.0
/*
 * Verbs test bench: set-up, waiting, patterns.
 * Knows no test and nothing of bvf beyond its PCI id.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vt.h"

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

static bool is_bvf(struct ibv_device *d)
{
	char path[512], vendor[16] = "", device[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/device/vendor", d->ibdev_path);
	f = fopen(path, "r");
	if (f) {
		if (!fgets(vendor, sizeof(vendor), f))
			vendor[0] = 0;
		fclose(f);
	}
	snprintf(path, sizeof(path), "%s/device/device", d->ibdev_path);
	f = fopen(path, "r");
	if (f) {
		if (!fgets(device, sizeof(device), f))
			device[0] = 0;
		fclose(f);
	}
	return !strncmp(vendor, "0x1234", 6) && !strncmp(device, "0xb0f0", 6);
}

/* Prefers a RoCEv2 GID that maps an IPv4 address, else the first RoCEv2 one. */
static int pick_gid(struct vt_dev *dev)
{
	static const uint8_t v4map[12] = { [10] = 0xff, [11] = 0xff };
	struct ibv_gid_entry e;
	int i, found = -1;

	for (i = 0; i < dev->port.gid_tbl_len; i++) {
		if (ibv_query_gid_ex(dev->ctx, 1, i, &e, 0))
			continue;
		if (e.gid_type != IBV_GID_TYPE_ROCE_V2)
			continue;
		if (found < 0 || !memcmp(e.gid.raw, v4map, 12)) {
			found = i;
			dev->gid = e.gid;
		}
		if (!memcmp(e.gid.raw, v4map, 12))
			break;
	}
	dev->gid_index = found;
	return found < 0 ? -ENOENT : 0;
}

int vt_open(struct vt_dev *dev)
{
	const char *want = getenv("BVF_IBDEV");
	struct ibv_device **list, *pick = NULL;
	int i, nr;

	memset(dev, 0, sizeof(*dev));
	list = ibv_get_device_list(&nr);
	if (!list)
		return -errno;
	for (i = 0; i < nr; i++) {
		if (want ? !strcmp(list[i]->name, want) : is_bvf(list[i])) {
			pick = list[i];
			break;
		}
	}
	if (pick)
		dev->ctx = ibv_open_device(pick);
	ibv_free_device_list(list);
	if (!dev->ctx)
		return -ENODEV;
	if (ibv_query_port(dev->ctx, 1, &dev->port) || pick_gid(dev)) {
		vt_close(dev);
		return -ENODEV;
	}
	return 0;
}

void vt_close(struct vt_dev *dev)
{
	if (dev->ctx)
		ibv_close_device(dev->ctx);
	dev->ctx = NULL;
}

int vt_end_init(struct vt_dev *dev, struct vt_end *e, const struct vt_opts *o)
{
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = o->sig_all,
		.cap = {
			.max_send_wr = o->sq_depth ? o->sq_depth : VT_DEPTH,
			.max_recv_wr = o->rq_depth ? o->rq_depth : VT_DEPTH,
			.max_send_sge = VT_MAX_SGE,
			.max_recv_sge = VT_MAX_SGE,
			.max_inline_data = o->max_inline,
		},
	};
	int depth = o->cq_depth ? o->cq_depth : 4 * VT_DEPTH;

	memset(e, 0, sizeof(*e));
	e->dev = dev;
	if (posix_memalign((void **)&e->buf, 4096, VT_BUF_LEN))
		return -ENOMEM;
	memset(e->buf, 0, VT_BUF_LEN);
	e->pd = ibv_alloc_pd(dev->ctx);
	e->ch = ibv_create_comp_channel(dev->ctx);
	if (!e->pd || !e->ch)
		goto err_fini;
	e->mr = ibv_reg_mr(e->pd, e->buf, VT_BUF_LEN, o->mr_access ? o->mr_access : VT_ACCESS);
	e->scq = ibv_create_cq(dev->ctx, depth, e, e->ch, 0);
	e->rcq = ibv_create_cq(dev->ctx, depth, e, e->ch, 0);
	if (!e->mr || !e->scq || !e->rcq)
		goto err_fini;
	init.send_cq = e->scq;
	init.recv_cq = e->rcq;
	e->qp = ibv_create_qp(e->pd, &init);
	if (!e->qp)
		goto err_fini;
	return 0;

err_fini:
	vt_end_fini(e);
	return -EIO;
}

void vt_end_fini(struct vt_end *e)
{
	if (e->qp)
		ibv_destroy_qp(e->qp);
	if (e->scq)
		ibv_destroy_cq(e->scq);
	if (e->rcq)
		ibv_destroy_cq(e->rcq);
	if (e->mr)
		ibv_dereg_mr(e->mr);
	if (e->ch)
		ibv_destroy_comp_channel(e->ch);
	if (e->pd)
		ibv_dealloc_pd(e->pd);
	free(e->buf);
	memset(e, 0, sizeof(*e));
}

int vt_connect(struct vt_end *e, struct vt_end *peer, const struct vt_opts *o, uint32_t psn_skew)
{
	int rd = o->max_rd < 0 ? 0 : o->max_rd ? o->max_rd : 16;
	struct ibv_qp_attr at = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags = o->qp_access < 0 ? 0 : o->qp_access ? o->qp_access : VT_ACCESS,
	};
	int err;

	err = ibv_modify_qp(e->qp, &at, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
			    IBV_QP_ACCESS_FLAGS);
	if (err)
		return -err;
	at = (struct ibv_qp_attr) {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = peer->qp->qp_num,
		.rq_psn = 0x123456 + psn_skew,
		.max_dest_rd_atomic = rd,
		.min_rnr_timer = o->min_rnr ? o->min_rnr : 1,
		.ah_attr = {
			.is_global = 1,
			.port_num = 1,
			.grh = {
				.dgid = peer->dev->gid,
				.sgid_index = e->dev->gid_index,
				.hop_limit = 64,
			},
		},
	};
	err = ibv_modify_qp(e->qp, &at, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
			    IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
			    IBV_QP_MIN_RNR_TIMER);
	if (err)
		return -err;
	at = (struct ibv_qp_attr) {
		.qp_state = IBV_QPS_RTS,
		.sq_psn = 0x123456,
		.timeout = o->timeout ? o->timeout : 14,
		.retry_cnt = o->retry_cnt ? o->retry_cnt : 7,
		.rnr_retry = o->rnr_retry < 0 ? 0 : o->rnr_retry ? o->rnr_retry : 7,
		.max_rd_atomic = rd,
	};
	return -ibv_modify_qp(e->qp, &at, IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
			      IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
}

int vt_pair_init(struct vt_dev *dev, struct vt_pair *p, const struct vt_opts *o)
{
	int err;

	err = vt_end_init(dev, &p->a, o);
	if (err)
		return err;
	err = vt_end_init(dev, &p->b, o);
	if (err)
		goto err_a;
	err = vt_connect(&p->b, &p->a, o, o->psn_skew);
	if (!err)
		err = vt_connect(&p->a, &p->b, o, 0);
	if (!err)
		return 0;
	vt_end_fini(&p->b);
err_a:
	vt_end_fini(&p->a);
	return err;
}

void vt_pair_fini(struct vt_pair *p)
{
	vt_end_fini(&p->b);
	vt_end_fini(&p->a);
}

int vt_wait(struct ibv_cq *cq, struct ibv_wc *wc)
{
	uint64_t end = now_ms() + 10000;
	int n;

	do {
		n = ibv_poll_cq(cq, 1, wc);
		if (n)
			return n < 0 ? -EIO : 0;
	} while (now_ms() < end);
	return -ETIMEDOUT;
}

int vt_status(struct ibv_cq *cq)
{
	struct ibv_wc wc;
	int err = vt_wait(cq, &wc);

	return err ? err : (int)wc.status;
}

bool vt_quiet(struct ibv_cq *cq, int ms)
{
	uint64_t end = now_ms() + ms;
	struct ibv_wc wc;

	do {
		if (ibv_poll_cq(cq, 1, &wc))
			return false;
		usleep(1000);
	} while (now_ms() < end);
	return true;
}

int vt_recv(struct vt_end *e, uint64_t id, size_t off, uint32_t len)
{
	struct ibv_sge sge = { .addr = (uintptr_t)e->buf + off, .length = len, .lkey = e->mr->lkey };
	struct ibv_recv_wr wr = { .wr_id = id, .sg_list = &sge, .num_sge = 1 }, *bad;

	return -ibv_post_recv(e->qp, &wr, &bad);
}

int vt_post(struct vt_end *e, enum ibv_wr_opcode op, size_t off, uint32_t len,
	    const struct vt_end *to, size_t to_off, unsigned int flags)
{
	struct ibv_sge sge = { .addr = (uintptr_t)e->buf + off, .length = len, .lkey = e->mr->lkey };
	struct ibv_send_wr wr = {
		.wr_id = 0x1000 + op,
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = op,
		.send_flags = flags,
		.imm_data = htonl(0xfeed0000u + op),
	}, *bad;

	if (to) {
		wr.wr.rdma.remote_addr = (uintptr_t)to->buf + to_off;
		wr.wr.rdma.rkey = to->mr->rkey;
	}
	return -ibv_post_send(e->qp, &wr, &bad);
}

enum ibv_qp_state vt_state(struct vt_end *e)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr at;

	if (ibv_query_qp(e->qp, &at, IBV_QP_STATE, &init))
		return IBV_QPS_UNKNOWN;
	return at.qp_state;
}

bool vt_async(struct vt_dev *dev, enum ibv_event_type type, int ms)
{
	struct pollfd pfd = { .fd = dev->ctx->async_fd, .events = POLLIN };
	uint64_t end = now_ms() + ms;
	struct ibv_async_event ev;

	while (now_ms() < end) {
		if (poll(&pfd, 1, 100) <= 0)
			continue;
		if (ibv_get_async_event(dev->ctx, &ev))
			return false;
		ibv_ack_async_event(&ev);
		if (ev.event_type == type)
			return true;
	}
	return false;
}

static uint8_t pattern(size_t i, uint32_t seed)
{
	uint32_t x = (uint32_t)i * 2654435761u + seed * 40503u;

	return x >> 24 ^ x >> 8;
}

void vt_fill(uint8_t *p, size_t len, uint32_t seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = pattern(i, seed);
}

long vt_check(const uint8_t *p, size_t len, uint32_t seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != pattern(i, seed))
			return i;
	return -1;
}
