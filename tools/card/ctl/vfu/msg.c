// SPDX-License-Identifier: GPL-2.0
/*
 * The messages of vfio-user: one table row each. Trust boundary: every length,
 * index and count in a message is the client's and is checked here, before the
 * device sees it. A bad message gets an error reply and harms nobody.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../lib/log.h"
#include "priv.h"

/*
 * QEMU takes at most 194 bytes here. Without a word on write_multiple it will
 * not use it; the transfer size keeps each message in one socket buffer, since
 * QEMU takes a short write for a whole one.
 */
static const char version_json[] =
	"{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":32768}}";
_Static_assert(sizeof(version_json) <= 194, "QEMU's limit");
_Static_assert(BVF_VFU_MAX_MSG_FDS == 16 && BVF_VFU_MAX_XFER == 32768,
	       "what the text says");

struct vfu_msg {
	const char *name;
	size_t min_len;		/* of the body */
	bool takes_fds;
	int (*fn)(struct bvf_vfu *vfu, const void *body, size_t len);
};

/*
 * Answer with what the device's op returned: at once, or with this payload
 * when it completes what it deferred.
 *
 * Return: 0, or -errno for the caller to answer
 */
static int reply(struct bvf_vfu *vfu, int ret, const void *data, size_t len)
{
	if (ret == BVF_VFU_DEFER) {
		vfu->wait_hdr = vfu->hdr;
		memcpy(vfu->wait_payload, data, len);
		vfu->wait_len = len;
		vfu->state = BVF_VFU_WAIT;
		return 0;
	}
	if (!ret)
		bvf_vfu_reply(vfu, &vfu->hdr, 0, data, len, NULL, 0);
	return ret;
}

void bvf_vfu_reply_deferred(struct bvf_vfu *vfu, int err)
{
	bvf_vfu_reply(vfu, &vfu->wait_hdr, err, vfu->wait_payload,
		      vfu->wait_len, NULL, 0);
}

static int msg_version(struct bvf_vfu *vfu, const void *body, size_t len)
{
	struct bvf_vfu_version req, rsp = { .major = 0 };

	memcpy(&req, body, sizeof(req));
	if (vfu->state != BVF_VFU_NEW)
		return -EINVAL;
	if (req.major != 0 ||
	    (len > sizeof(req) && ((const char *)body)[len - 1] != '\0'))
		return -EINVAL;
	rsp.minor = req.minor < 1 ? req.minor : 1;
	vfu->state = BVF_VFU_READY;
	vfu->cfg.ops->opened(vfu->cfg.dev);
	bvf_vfu_reply(vfu, &vfu->hdr, 0, &rsp, sizeof(rsp), version_json,
		      sizeof(version_json));
	return 0;
}

static int msg_dma_map(struct bvf_vfu *vfu, const void *body, size_t len)
{
	struct bvf_vfu_dma_map req;
	struct bvf_vfu_dma dma = { 0 };
	int err;

	(void)len;
	memcpy(&req, body, sizeof(req));
	if (req.argsz < sizeof(req) || vfu->nr_fds > 1 ||
	    req.flags & ~(BVF_VFU_DMA_F_READ | BVF_VFU_DMA_F_WRITE))
		return -EINVAL;
	dma.iova = req.iova;
	dma.size = req.size;
	dma.offset = req.offset;
	dma.writable = req.flags & BVF_VFU_DMA_F_WRITE;
	err = bvf_vfu_dma_insert(vfu, &dma, vfu->nr_fds ? vfu->fds[0] : -1);
	if (err)
		return err;
	return reply(vfu, vfu->cfg.ops->dma_changed(vfu->cfg.dev), "", 0);
}

static int msg_dma_unmap(struct bvf_vfu *vfu, const void *body, size_t len)
{
	struct bvf_vfu_dma_unmap req;
	int err;

	(void)len;
	memcpy(&req, body, sizeof(req));
	if (req.argsz < sizeof(req) || req.flags)
		return -EINVAL;
	err = bvf_vfu_dma_remove(vfu, req.iova, req.size);
	if (err)
		return err;
	return reply(vfu, vfu->cfg.ops->dma_changed(vfu->cfg.dev), &req,
		     sizeof(req));
}

static int msg_get_info(struct bvf_vfu *vfu, const void *body, size_t len)
{
	struct bvf_vfu_dev_info info;

	(void)len;
	memcpy(&info, body, sizeof(info));
	if (info.argsz < sizeof(info))
		return -EINVAL;
	info = (struct bvf_vfu_dev_info){
		.argsz = sizeof(info),
		.flags = BVF_VFU_DEV_F_RESET | BVF_VFU_DEV_F_PCI,
		.nr_regions = BVF_VFU_NR_REGIONS,
		.nr_irqs = BVF_VFU_NR_IRQS,
	};
	return reply(vfu, 0, &info, sizeof(info));
}

/* No region can be mapped: that would end QEMU's posted writes. */
static int msg_get_region_info(struct bvf_vfu *vfu, const void *body, size_t len)
{
	struct bvf_vfu_region_info info;
	uint32_t index;

	(void)len;
	memcpy(&info, body, sizeof(info));
	index = info.index;
	if (info.argsz < sizeof(info) || index >= BVF_VFU_NR_REGIONS)
		return -EINVAL;
	info = (struct bvf_vfu_region_info){
		.argsz = sizeof(info),
		.index = index,
		.size = vfu->cfg.region_size[index],
	};
	if (info.size)
		info.flags = BVF_VFU_REGION_F_READ | BVF_VFU_REGION_F_WRITE;
	return reply(vfu, 0, &info, sizeof(info));
}

static int msg_get_irq_info(struct bvf_vfu *vfu, const void *body, size_t len)
{
	struct bvf_vfu_irq_info info;
	uint32_t index;

	(void)len;
	memcpy(&info, body, sizeof(info));
	index = info.index;
	if (info.argsz < sizeof(info) || index >= BVF_VFU_NR_IRQS)
		return -EINVAL;
	info = (struct bvf_vfu_irq_info){
		.argsz = sizeof(info),
		.flags = BVF_VFU_IRQ_F_EVENTFD,
		.index = index,
		.count = vfu->cfg.irq_count[index],
	};
	return reply(vfu, 0, &info, sizeof(info));
}

static int irqs_trigger(struct bvf_vfu *vfu, const struct bvf_vfu_set_irqs *req,
			const uint8_t *wanted)
{
	for (uint32_t i = 0; i < req->count; i++)
		if (!wanted || wanted[i])
			vfu->cfg.ops->irq_trigger(vfu->cfg.dev, req->index,
						  req->start + i);
	return reply(vfu, 0, "", 0);
}

static int irqs_set(struct bvf_vfu *vfu, const struct bvf_vfu_set_irqs *req)
{
	int ret;

	/* Descriptors for all of the vectors, or for none: those go off. */
	if (vfu->nr_fds && vfu->nr_fds != req->count)
		return -EINVAL;
	ret = vfu->cfg.ops->irq_set(vfu->cfg.dev, req->index, req->start,
				    req->count, vfu->nr_fds ? vfu->fds : NULL);
	vfu->nr_fds = 0;	/* they are the device's now */
	return reply(vfu, ret, "", 0);
}

static int msg_set_irqs(struct bvf_vfu *vfu, const void *body, size_t len)
{
	struct bvf_vfu_set_irqs req;
	uint32_t data, total;

	memcpy(&req, body, sizeof(req));
	if (req.argsz < sizeof(req) || req.index >= BVF_VFU_NR_IRQS)
		return -EINVAL;
	total = vfu->cfg.irq_count[req.index];
	if (req.start > total || req.count > total - req.start ||
	    req.flags & ~(BVF_VFU_SET_DATA_MASK | BVF_VFU_SET_ACT_MASK))
		return -EINVAL;
	if ((req.flags & BVF_VFU_SET_ACT_MASK) != BVF_VFU_SET_ACT_TRIGGER)
		return -EINVAL;
	data = req.flags & BVF_VFU_SET_DATA_MASK;
	if (data != BVF_VFU_SET_DATA_EVENTFD && vfu->nr_fds)
		return -EINVAL;

	switch (data) {
	case BVF_VFU_SET_DATA_NONE:
		if (req.count)
			return irqs_trigger(vfu, &req, NULL);
		/* None at all: the whole index is switched off. */
		req.start = 0;
		req.count = total;
		return irqs_set(vfu, &req);
	case BVF_VFU_SET_DATA_BOOL:
		if (len - sizeof(req) < req.count)
			return -EINVAL;
		return irqs_trigger(vfu, &req,
				    (const uint8_t *)body + sizeof(req));
	case BVF_VFU_SET_DATA_EVENTFD:
		return irqs_set(vfu, &req);
	default:
		return -EINVAL;
	}
}

static int access_check(const struct bvf_vfu *vfu,
			const struct bvf_vfu_region_access *req)
{
	uint64_t size;

	if (req->region >= BVF_VFU_NR_REGIONS)
		return -EINVAL;
	size = vfu->cfg.region_size[req->region];
	if (!req->count || req->count > BVF_VFU_MAX_XFER ||
	    req->offset > size || req->count > size - req->offset)
		return -EINVAL;
	return 0;
}

static int msg_region_read(struct bvf_vfu *vfu, const void *body, size_t len)
{
	uint8_t data[BVF_VFU_MAX_XFER];
	struct bvf_vfu_region_access req;
	int err;

	(void)len;
	memcpy(&req, body, sizeof(req));
	err = access_check(vfu, &req);
	if (err)
		return err;
	memset(data, 0, req.count);
	err = vfu->cfg.ops->region_read(vfu->cfg.dev, req.region, req.offset,
					data, req.count);
	if (err)
		return err;
	bvf_vfu_reply(vfu, &vfu->hdr, 0, &req, sizeof(req), data, req.count);
	return 0;
}

static int msg_region_write(struct bvf_vfu *vfu, const void *body, size_t len)
{
	struct bvf_vfu_region_access req;
	int ret;

	memcpy(&req, body, sizeof(req));
	ret = access_check(vfu, &req);
	if (ret)
		return ret;
	if (len - sizeof(req) != req.count)
		return -EINVAL;
	ret = vfu->cfg.ops->region_write(vfu->cfg.dev, req.region, req.offset,
					 (const uint8_t *)body + sizeof(req),
					 req.count);
	return reply(vfu, ret, &req, sizeof(req));
}

static int msg_reset(struct bvf_vfu *vfu, const void *body, size_t len)
{
	(void)body;
	(void)len;
	return reply(vfu, vfu->cfg.ops->reset(vfu->cfg.dev), "", 0);
}

/* No feature (migration, dirty logging): ENOTTY is how vfio says so. */
static int msg_device_feature(struct bvf_vfu *vfu, const void *body, size_t len)
{
	(void)vfu;
	(void)body;
	(void)len;
	return -ENOTTY;
}

/* What has no row is answered with EOPNOTSUPP. */
static const struct vfu_msg msgs[BVF_VFU_NR_CMDS] = {
	[BVF_VFU_VERSION] = { "VERSION", sizeof(struct bvf_vfu_version),
		false, msg_version },
	[BVF_VFU_DMA_MAP] = { "DMA_MAP", sizeof(struct bvf_vfu_dma_map),
		true, msg_dma_map },
	[BVF_VFU_DMA_UNMAP] = { "DMA_UNMAP", sizeof(struct bvf_vfu_dma_unmap),
		false, msg_dma_unmap },
	[BVF_VFU_GET_INFO] = { "GET_INFO", sizeof(struct bvf_vfu_dev_info),
		false, msg_get_info },
	[BVF_VFU_GET_REGION_INFO] = { "GET_REGION_INFO",
		sizeof(struct bvf_vfu_region_info), false, msg_get_region_info },
	[BVF_VFU_GET_IRQ_INFO] = { "GET_IRQ_INFO",
		sizeof(struct bvf_vfu_irq_info), false, msg_get_irq_info },
	[BVF_VFU_SET_IRQS] = { "SET_IRQS", sizeof(struct bvf_vfu_set_irqs),
		true, msg_set_irqs },
	[BVF_VFU_REGION_READ] = { "REGION_READ",
		sizeof(struct bvf_vfu_region_access), false, msg_region_read },
	[BVF_VFU_REGION_WRITE] = { "REGION_WRITE",
		sizeof(struct bvf_vfu_region_access), false, msg_region_write },
	[BVF_VFU_RESET] = { "RESET", 0, false, msg_reset },
	[BVF_VFU_DEVICE_FEATURE] = { "DEVICE_FEATURE", 0, false,
		msg_device_feature },
};

/* Return: the table row of a well-formed command, else NULL and an errno */
static const struct vfu_msg *msg_find(const struct bvf_vfu *vfu, size_t len,
				      int *err)
{
	const struct bvf_vfu_hdr *hdr = &vfu->hdr;
	const struct vfu_msg *msg;

	*err = -EOPNOTSUPP;
	if (hdr->cmd >= BVF_VFU_NR_CMDS || !msgs[hdr->cmd].fn)
		return NULL;
	msg = &msgs[hdr->cmd];
	*err = -EINVAL;
	if (len < msg->min_len || vfu->fds_lost ||
	    (vfu->nr_fds && !msg->takes_fds))
		return NULL;
	if (vfu->state == BVF_VFU_NEW && hdr->cmd != BVF_VFU_VERSION)
		return NULL;
	return msg;
}

static void handle_command(struct bvf_vfu *vfu, size_t len)
{
	const struct vfu_msg *msg;
	int err;

	msg = msg_find(vfu, len, &err);
	if (msg)
		err = msg->fn(vfu, vfu->body, len);
	if (!err)
		return;
	bvf_warn("%s: %s message (command %u, %u bytes) refused: %s",
		 vfu->cfg.name, msg ? msg->name : "bad", vfu->hdr.cmd,
		 vfu->hdr.size, strerror(-err));
	bvf_vfu_reply(vfu, &vfu->hdr, err, NULL, 0, NULL, 0);
}

int bvf_vfu_dma_read(struct bvf_vfu *vfu, uint64_t iova, uint32_t len,
		     void (*done)(void *arg, int err, const void *data),
		     void *arg)
{
	struct bvf_vfu_hdr hdr = {
		.cmd = BVF_VFU_DMA_READ,
		.size = sizeof(hdr) + sizeof(struct bvf_vfu_dma_access),
	};
	struct bvf_vfu_dma_access req = { .iova = iova, .count = len };
	struct iovec iov[2] = {
		{ .iov_base = &hdr, .iov_len = sizeof(hdr) },
		{ .iov_base = &req, .iov_len = sizeof(req) },
	};
	int slot = 0;

	if (!bvf_vfu_connected(vfu))
		return -ENOTCONN;
	if (!len || len > BVF_VFU_MAX_XFER)
		return -EINVAL;
	while (slot < BVF_VFU_MAX_PENDING && vfu->pending[slot].used)
		slot++;
	if (slot == BVF_VFU_MAX_PENDING)
		return -EBUSY;
	hdr.id = vfu->next_id++;
	vfu->pending[slot] = (struct bvf_vfu_pending){
		.used = true, .id = hdr.id, .iova = iova, .len = len,
		.done = done, .arg = arg,
	};
	bvf_vfu_send(vfu, iov, 2);
	return 0;
}

void bvf_vfu_pending_abort(struct bvf_vfu *vfu)
{
	for (int i = 0; i < BVF_VFU_MAX_PENDING; i++) {
		struct bvf_vfu_pending req = vfu->pending[i];

		vfu->pending[i].used = false;
		if (req.used)
			req.done(req.arg, -ENOTCONN, NULL);
	}
}

/* Return: 0 if the body is the answer to @req, else -errno */
static int dma_read_result(const struct bvf_vfu *vfu,
			   const struct bvf_vfu_pending *req, size_t len)
{
	struct bvf_vfu_dma_access rsp;

	if (vfu->hdr.flags & BVF_VFU_F_ERROR)
		return -EIO;
	if (len != sizeof(rsp) + req->len)
		return -EBADMSG;
	memcpy(&rsp, vfu->body, sizeof(rsp));
	if (rsp.iova != req->iova || rsp.count != req->len)
		return -EBADMSG;
	return 0;
}

static void handle_reply(struct bvf_vfu *vfu, size_t len)
{
	for (int i = 0; i < BVF_VFU_MAX_PENDING; i++) {
		struct bvf_vfu_pending req = vfu->pending[i];
		int err;

		if (!req.used || req.id != vfu->hdr.id ||
		    vfu->hdr.cmd != BVF_VFU_DMA_READ)
			continue;
		vfu->pending[i].used = false;
		err = dma_read_result(vfu, &req, len);
		req.done(req.arg, err,
			 err ? NULL : vfu->body + sizeof(struct bvf_vfu_dma_access));
		return;
	}
	bvf_warn("%s: reply to nothing (command %u, id %u) dropped",
		 vfu->cfg.name, vfu->hdr.cmd, vfu->hdr.id);
}

/* A whole message has been read. */
void bvf_vfu_handle(struct bvf_vfu *vfu)
{
	size_t len = vfu->hdr.size - sizeof(vfu->hdr);

	switch (vfu->hdr.flags & BVF_VFU_F_TYPE_MASK) {
	case BVF_VFU_F_COMMAND:
		handle_command(vfu, len);
		break;
	case BVF_VFU_F_REPLY:
		handle_reply(vfu, len);
		break;
	default:
		bvf_warn("%s: message of unknown type dropped", vfu->cfg.name);
		bvf_vfu_reply(vfu, &vfu->hdr, -EINVAL, NULL, 0, NULL, 0);
		break;
	}
}
