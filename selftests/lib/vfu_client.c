// SPDX-License-Identifier: GPL-2.0
/*
 * vfio-user client: framing, the messages of stock QEMU 11.1 in its order, and
 * the answers to the server's own requests. Knows nothing of the device.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fail.h"
#include "vfu_client.h"

#define VFU_TIMEOUT_MS	20000
#define VFU_BODY_MAX	(1u << 20)

static const char qemu_json[] =
	"{\"capabilities\": {\"pgsizes\": 4096, \"max_msg_fds\": 16, "
	"\"max_dma_maps\": 65535, \"max_data_xfer_size\": 1048576, "
	"\"migration\": {\"max_bitmap_size\": 268435456, \"pgsize\": 4096}, "
	"\"write_multiple\": true}}";

int vfu_connect(struct vfu *c, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	memset(c, 0, sizeof(*c));
	c->max_fds = 1;
	c->max_xfer = 4096;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	if (connect(c->fd, (void *)&sun, sizeof(sun))) {
		int err = -errno;

		vfu_close(c);
		return err;
	}
	return 0;
}

void vfu_close(struct vfu *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static int send_all(struct vfu *c, struct iovec *iov, int nr_iov,
		    const int *fds, unsigned int nr_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(64 * sizeof(int))];
	} ctl;
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)nr_iov };
	ssize_t n;

	if (nr_fds) {
		struct cmsghdr *cm = (struct cmsghdr *)ctl.buf;

		memset(&ctl, 0, sizeof(ctl));
		msg.msg_control = ctl.buf;
		msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, nr_fds * sizeof(int));
	}
	while (msg.msg_iovlen) {
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			c->eof = errno == EPIPE || errno == ECONNRESET;
			return c->eof ? -EPIPE : -errno;
		}
		msg.msg_control = NULL;		/* they went with the first byte */
		msg.msg_controllen = 0;
		while (msg.msg_iovlen && (size_t)n >= msg.msg_iov->iov_len) {
			n -= (ssize_t)msg.msg_iov->iov_len;
			msg.msg_iov++;
			msg.msg_iovlen--;
		}
		if (msg.msg_iovlen) {
			msg.msg_iov->iov_base = (char *)msg.msg_iov->iov_base + n;
			msg.msg_iov->iov_len -= (size_t)n;
		}
	}
	return 0;
}

int vfu_send_raw(struct vfu *c, const void *bytes, size_t len, const int *fds,
		 unsigned int nr_fds)
{
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = len };

	return send_all(c, &iov, 1, fds, nr_fds);
}

int vfu_send(struct vfu *c, unsigned int cmd, uint32_t flags, const void *req,
	     size_t len, const void *data, size_t data_len, const int *fds,
	     unsigned int nr_fds)
{
	struct vfu_hdr hdr = {
		.id = c->next_id++,
		.cmd = (uint16_t)cmd,
		.size = (uint32_t)(sizeof(hdr) + len + data_len),
		.flags = flags,
	};
	struct iovec iov[3] = {
		{ .iov_base = &hdr, .iov_len = sizeof(hdr) },
		{ .iov_base = (void *)req, .iov_len = len },
		{ .iov_base = (void *)data, .iov_len = data_len },
	};
	int err = send_all(c, iov, 3, fds, nr_fds);

	return err ? err : hdr.id;
}

static int read_all(struct vfu *c, void *buf, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = recv(c->fd, (char *)buf + have, len - have, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			c->eof = true;
			return -EPIPE;
		}
		have += (size_t)n;
	}
	return 0;
}

static uint8_t *window_find(struct vfu *c, uint64_t iova, uint64_t len)
{
	for (unsigned int i = 0; i < c->nr_win; i++) {
		struct vfu_window *w = &c->win[i];

		if (iova >= w->iova && iova - w->iova <= w->size &&
		    len <= w->size - (iova - w->iova))
			return w->host ? w->host + (iova - w->iova) : NULL;
	}
	return NULL;
}

/* The server's DMA_READ or DMA_WRITE; body has the request's payload. */
static int serve_dma(struct vfu *c, const struct vfu_hdr *req, uint8_t *body,
		     size_t len)
{
	struct { uint64_t iova, count; } a;
	struct vfu_hdr hdr = { .id = req->id, .cmd = req->cmd, .flags = VFU_F_REPLY };
	struct iovec iov[3] = {
		{ .iov_base = &hdr, .iov_len = sizeof(hdr) },
		{ .iov_base = &a, .iov_len = sizeof(a) },
	};
	uint8_t *mem;
	int nr = 2;

	if (len < sizeof(a))
		bvf_fail("server sent command %u of %zu bytes", req->cmd, len);
	memcpy(&a, body, sizeof(a));
	mem = window_find(c, a.iova, a.count);
	if (c->answer == VFU_ANSWER_NEVER)
		return 0;
	if (c->answer == VFU_ANSWER_OTHER)
		a.iova ^= 4096;
	if (!mem || c->answer == VFU_ANSWER_ERROR) {
		hdr.flags |= VFU_F_ERROR;
		hdr.err = mem ? ENODEV : EFAULT;
		nr = 1;
	} else if (c->answer == VFU_ANSWER_SHORT) {
		c->nr_dma_reads++;
	} else if (req->cmd == VFU_DMA_READ) {
		iov[2] = (struct iovec){ .iov_base = mem, .iov_len = a.count };
		nr = 3;
		c->nr_dma_reads++;
	} else {
		if (a.count > len - sizeof(a))
			bvf_fail("server's DMA_WRITE is too short");
		memcpy(mem, body + sizeof(a), a.count);
		c->nr_dma_writes++;
	}
	for (int i = 0; i < nr; i++)
		hdr.size += (uint32_t)iov[i].iov_len;
	return send_all(c, iov, nr, NULL, 0);
}

/*
 * Read one message, and serve it if it is the server's own. Return: 1 when a
 * reply to us was read, 0 when something was served, -EPIPE.
 */
static int read_message(struct vfu *c, struct vfu_hdr *hdr, uint8_t *body)
{
	int err = read_all(c, hdr, sizeof(*hdr));
	size_t len;

	if (err)
		return err;
	if (hdr->size < sizeof(*hdr) || hdr->size - sizeof(*hdr) > VFU_BODY_MAX)
		bvf_fail("server sent a message of %u bytes", hdr->size);
	len = hdr->size - sizeof(*hdr);
	err = read_all(c, body, len);
	if (err)
		return err;
	if ((hdr->flags & 0xf) == VFU_F_REPLY)
		return 1;
	if (hdr->cmd != VFU_DMA_READ && hdr->cmd != VFU_DMA_WRITE)
		bvf_fail("server sent command %u", hdr->cmd);
	err = serve_dma(c, hdr, body, len);
	return err < 0 ? err : 0;
}

static int wait_readable(struct vfu *c, int ms)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	int n = poll(&pfd, 1, ms);

	return n < 0 ? -errno : n;
}

int vfu_recv_reply(struct vfu *c, int id, void *reply, size_t reply_len)
{
	static uint8_t body[VFU_BODY_MAX];
	struct vfu_hdr hdr;
	size_t len;
	int ret;

	if (id < 0)
		return id;
	do {
		ret = wait_readable(c, VFU_TIMEOUT_MS);
		if (ret <= 0)
			return ret ? ret : -ETIMEDOUT;
		ret = read_message(c, &hdr, body);
		if (ret < 0)
			return ret;
	} while (!ret);
	if (hdr.id != (uint16_t)id)
		bvf_fail("reply to message %u (command %u), waiting for %d",
			 hdr.id, hdr.cmd, id);
	if (hdr.flags & VFU_F_ERROR) {
		if (!hdr.err)
			bvf_fail("error reply without an error");
		return -(int)hdr.err;
	}
	len = hdr.size - sizeof(hdr);
	if (reply_len)
		memcpy(reply, body, len < reply_len ? len : reply_len);
	return (int)len;
}

int vfu_pump(struct vfu *c, int ms)
{
	struct timespec ts;
	int64_t now, end;
	char peek[16];

	clock_gettime(CLOCK_MONOTONIC, &ts);
	end = ts.tv_sec * 1000ll + ts.tv_nsec / 1000000 + ms;
	for (;;) {
		static uint8_t body[VFU_BODY_MAX];
		struct vfu_hdr hdr;
		ssize_t n;
		int ret;

		clock_gettime(CLOCK_MONOTONIC, &ts);
		now = ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
		ret = wait_readable(c, end > now ? (int)(end - now) : 0);
		if (ret <= 0)
			return 0;
		n = recv(c->fd, peek, sizeof(peek), MSG_PEEK);
		if (n <= 0) {
			c->eof = true;
			return -EPIPE;
		}
		if (n < (ssize_t)sizeof(hdr))
			continue;
		memcpy(&hdr, peek, sizeof(hdr));
		if ((hdr.flags & 0xf) == VFU_F_REPLY)
			return 1;
		ret = read_message(c, &hdr, body);
		if (ret < 0)
			return ret;
	}
}

int vfu_call_fds(struct vfu *c, unsigned int cmd, const void *req, size_t len,
		 const int *fds, unsigned int nr_fds, void *reply,
		 size_t reply_len)
{
	int id = vfu_send(c, cmd, 0, req, len, NULL, 0, fds, nr_fds);

	return vfu_recv_reply(c, id, reply, reply_len);
}

int vfu_call(struct vfu *c, unsigned int cmd, const void *req, size_t len,
	     void *reply, size_t reply_len)
{
	return vfu_call_fds(c, cmd, req, len, NULL, 0, reply, reply_len);
}

/* Return: the number after "name":, or def */
static uint32_t json_number(const char *json, const char *name, uint32_t def)
{
	const char *p = strstr(json, name);
	unsigned int val;

	if (!p || sscanf(p + strlen(name), "\" : %u", &val) != 1)
		return def;
	return val;
}

int vfu_negotiate(struct vfu *c)
{
	struct { uint16_t major, minor; char json[256]; } req = { 0, 0, "" }, rsp;
	int n;

	memcpy(req.json, qemu_json, sizeof(qemu_json));
	memset(&rsp, 0, sizeof(rsp));
	n = vfu_call(c, VFU_VERSION, &req, 4 + sizeof(qemu_json), &rsp, sizeof(rsp));
	if (n < 0)
		return n;
	if (rsp.major != 0)
		return -EPROTO;
	/* QEMU's receive buffer holds no more, and it wants the NUL. */
	if (n < 5 || n + sizeof(struct vfu_hdr) > 214 || rsp.json[n - 5])
		return -EBADMSG;
	memcpy(c->json, rsp.json, sizeof(c->json));
	c->max_fds = json_number(c->json, "max_msg_fds", 1);
	c->max_xfer = json_number(c->json, "max_data_xfer_size", 1u << 20);
	if (c->max_fds > VFU_MAX_FDS || c->max_xfer < 4096 ||
	    c->max_xfer > 64u << 20)
		return -ERANGE;
	return 0;
}

int vfu_region_read(struct vfu *c, unsigned int region, uint64_t off, void *buf,
		    uint32_t len)
{
	struct { struct vfu_access a; uint8_t data[65536]; } rsp;
	struct vfu_access req = { .offset = off, .region = region, .count = len };
	int n = vfu_call(c, VFU_REGION_READ, &req, sizeof(req), &rsp,
			 sizeof(req) + len);

	if (n < 0)
		return n;
	if (n != (int)(sizeof(req) + len) || rsp.a.count != len ||
	    rsp.a.offset != off || rsp.a.region != region)
		return -EBADMSG;
	memcpy(buf, rsp.data, len);
	return 0;
}

int vfu_region_write(struct vfu *c, unsigned int region, uint64_t off,
		     const void *buf, uint32_t len)
{
	struct vfu_access req = { .offset = off, .region = region, .count = len };
	struct vfu_access rsp;
	int n = vfu_send(c, VFU_REGION_WRITE, 0, &req, sizeof(req), buf, len,
			 NULL, 0);

	n = vfu_recv_reply(c, n, &rsp, sizeof(rsp));
	if (n < 0)
		return n;
	return n == sizeof(rsp) && rsp.count == len ? 0 : -EBADMSG;
}

int vfu_region_post(struct vfu *c, unsigned int region, uint64_t off,
		    const void *buf, uint32_t len)
{
	struct vfu_access req = { .offset = off, .region = region, .count = len };
	int id = vfu_send(c, VFU_REGION_WRITE, VFU_F_NO_REPLY, &req, sizeof(req),
			  buf, len, NULL, 0);

	return id < 0 ? id : 0;
}

uint32_t vfu_read32(struct vfu *c, unsigned int region, uint64_t off)
{
	uint32_t val = 0;
	int err = vfu_region_read(c, region, off, &val, 4);

	if (err)
		bvf_fail("read of region %u at %#llx: %s", region,
			 (unsigned long long)off, strerror(-err));
	return val;
}

void vfu_write32(struct vfu *c, unsigned int region, uint64_t off, uint32_t val)
{
	int err = vfu_region_write(c, region, off, &val, 4);

	if (err)
		bvf_fail("write of region %u at %#llx: %s", region,
			 (unsigned long long)off, strerror(-err));
}

void vfu_post32(struct vfu *c, unsigned int region, uint64_t off, uint32_t val)
{
	int err = vfu_region_post(c, region, off, &val, 4);

	if (err)
		bvf_fail("posted write of region %u at %#llx: %s", region,
			 (unsigned long long)off, strerror(-err));
}

int vfu_dma_map_send(struct vfu *c, uint64_t iova, uint64_t size, int fd,
		     uint64_t offset, uint32_t flags, void *host)
{
	struct vfu_dma_map req = {
		.argsz = sizeof(req), .flags = flags, .offset = offset,
		.iova = iova, .size = size,
	};

	if (c->nr_win == VFU_MAX_WINDOWS)
		bvf_fail("too many DMA windows for the client");
	c->win[c->nr_win++] = (struct vfu_window){ iova, size, host };
	return vfu_send(c, VFU_DMA_MAP, 0, &req, sizeof(req), NULL, 0, &fd,
			fd >= 0);
}

static void window_remove(struct vfu *c, uint64_t iova)
{
	for (unsigned int i = 0; i < c->nr_win; i++)
		if (c->win[i].iova == iova) {
			c->win[i] = c->win[--c->nr_win];
			return;
		}
}

int vfu_dma_map(struct vfu *c, uint64_t iova, uint64_t size, int fd,
		uint64_t offset, uint32_t flags, void *host)
{
	int id = vfu_dma_map_send(c, iova, size, fd, offset, flags, host);
	int ret = vfu_recv_reply(c, id, NULL, 0);

	/* A refused map may have had an iova that another window has. */
	if (ret < 0)
		c->nr_win--;
	return ret < 0 ? ret : 0;
}

int vfu_dma_unmap(struct vfu *c, uint64_t iova, uint64_t size)
{
	struct vfu_dma_unmap req = {
		.argsz = sizeof(req), .iova = iova, .size = size,
	};
	int ret = vfu_call(c, VFU_DMA_UNMAP, &req, sizeof(req), NULL, 0);

	if (ret < 0)
		return ret;
	window_remove(c, iova);
	return 0;
}

int vfu_region_info(struct vfu *c, unsigned int index, struct vfu_region_info *info)
{
	struct vfu_region_info req = { .argsz = sizeof(req), .index = index };
	int n = vfu_call(c, VFU_GET_REGION_INFO, &req, sizeof(req), info,
			 sizeof(*info));

	if (n < 0)
		return n;
	return n == sizeof(*info) && info->index == index ? 0 : -EBADMSG;
}

int vfu_irq_info(struct vfu *c, unsigned int index, struct vfu_irq_info *info)
{
	struct vfu_irq_info req = { .argsz = sizeof(req), .index = index };
	int n = vfu_call(c, VFU_GET_IRQ_INFO, &req, sizeof(req), info,
			 sizeof(*info));

	if (n < 0)
		return n;
	return n == sizeof(*info) && info->index == index ? 0 : -EBADMSG;
}

int vfu_set_irqs(struct vfu *c, unsigned int index, uint32_t flags,
		 uint32_t start, uint32_t count, const int *fds,
		 unsigned int nr_fds)
{
	struct vfu_set_irqs req = {
		.argsz = sizeof(req) + nr_fds * (uint32_t)sizeof(int),
		.flags = flags, .index = index, .start = start, .count = count,
	};
	int ret = vfu_call_fds(c, VFU_SET_IRQS, &req, sizeof(req), fds, nr_fds,
			       NULL, 0);

	return ret < 0 ? ret : 0;
}

int vfu_reset(struct vfu *c)
{
	int ret = vfu_call(c, VFU_RESET, NULL, 0, NULL, 0);

	return ret < 0 ? ret : 0;
}

int vfu_realize(struct vfu *c)
{
	struct vfu_info info = { .argsz = sizeof(info) };
	struct vfu_region_info reg;
	struct vfu_irq_info irq;
	static uint8_t config[4096];
	int err = vfu_call(c, VFU_GET_INFO, &info, sizeof(info), &info, sizeof(info));

	if (err < 0)
		return err;
	if (info.nr_regions < 8 || info.nr_irqs < 3 || !(info.flags & 2))
		return -EPROTO;
	for (unsigned int i = 0; i <= VFU_CONFIG; i++) {
		if (i == 6)
			continue;
		err = vfu_region_info(c, i, &reg);
		if (err)
			return err;
		/* The size of a BAR is a power of two, or QEMU ends. */
		if (i < 6 && (reg.size & (reg.size - 1)))
			return -EPROTO;
		if (reg.flags & 4)
			return -EPROTO;	/* mmap would end posted writes */
	}
	err = vfu_irq_info(c, VFU_IRQ_ERR, &irq);
	if (!err)
		err = vfu_region_read(c, VFU_CONFIG, 0, config, sizeof(config));
	if (!err)
		err = vfu_irq_info(c, VFU_IRQ_MSIX, &irq);
	if (!err)
		err = vfu_reset(c);
	return err;
}
