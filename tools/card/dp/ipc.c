// SPDX-License-Identifier: GPL-2.0
/*
 * Messages from the control plane: one table row each, served in order and
 * at once, so that an ACK can follow each.
 * Knows nothing of what the objects do; trusts the control plane's numbers
 * only as far as indexing goes.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dp.h"

struct ipc_row {
	/* @f is NULL for messages that name no function; @fd is -1 or the row's to keep */
	void (*serve)(struct bvf_dp *dp, struct bvf_func *f,
		      const struct bvf_ipc_msg *msg, int fd);
	bool per_func;
};

static void region_add(struct bvf_dp *dp, struct bvf_func *f,
		       const struct bvf_ipc_msg *msg, int fd)
{
	int err;

	(void)f;
	if (msg->id >= DRAM_MAX_REGION || fd < 0) {
		bvf_err("region %u came without a file", msg->id);
		if (fd >= 0)
			close(fd);
		return;
	}
	err = bvf_region_add(dp, msg->id, msg->arg0, fd);
	close(fd);
	/* What was tried is not waited for. */
	dp->region[msg->id].size = msg->arg0;
	if (err)
		bvf_err("region %u of %llu bytes: %s", msg->id,
			(unsigned long long)msg->arg0, strerror(-err));
}

static void region_del(struct bvf_dp *dp, struct bvf_func *f,
		       const struct bvf_ipc_msg *msg, int fd)
{
	(void)f;
	(void)fd;
	if (msg->id < DRAM_MAX_REGION)
		bvf_region_del(dp, msg->id);
}

static void dma_sync(struct bvf_dp *dp, struct bvf_func *f,
		     const struct bvf_ipc_msg *msg, int fd)
{
	(void)dp;
	(void)msg;
	(void)fd;
	bvf_mem_sync(f);
	bvf_ctx_rebind(f);
}

static void irq(struct bvf_dp *dp, struct bvf_func *f,
		const struct bvf_ipc_msg *msg, int fd)
{
	if (msg->id >= BVF_MAX_VECTORS) {
		if (fd >= 0)
			close(fd);
		return;
	}
	bvf_irq_set(f, msg->id, fd);
	/* A predecessor may have died before it raised what it had written. */
	if (fd >= 0 && dp->restarted)
		bvf_irq_raise(f, msg->id);
}

static void func_stop(struct bvf_dp *dp, struct bvf_func *f,
		      const struct bvf_ipc_msg *msg, int fd)
{
	(void)dp;
	(void)msg;
	(void)fd;
	bvf_func_stop(f);
}

/* The private half of a QP, if there is one by this number. */
static struct bvf_qp *qp_known(struct bvf_func *f, uint32_t qpn)
{
	struct bvf_qp *qp = f->qp[BVF_QPN_IDX(qpn)];

	return qp && qp->qpn == qpn ? qp : NULL;
}

/* The QP that has this number by now, set up if it was not yet. */
static struct bvf_qp *qp_by_qpn(struct bvf_func *f, uint32_t qpn)
{
	struct bvf_qp *qp = bvf_qp_get(f, BVF_QPN_IDX(qpn));

	return qp && qp->qpn == qpn ? qp : NULL;
}

static void qp_stop(struct bvf_dp *dp, struct bvf_func *f,
		    const struct bvf_ipc_msg *msg, int fd)
{
	struct bvf_qp *qp = qp_known(f, msg->id);

	(void)dp;
	(void)fd;
	if (qp)
		bvf_qp_drop(qp);
}

static void qp_flush(struct bvf_dp *dp, struct bvf_func *f,
		     const struct bvf_ipc_msg *msg, int fd)
{
	struct bvf_qp *qp = qp_by_qpn(f, msg->id);

	(void)dp;
	(void)fd;
	if (!qp)
		return;
	bvf_qp_cancel_wait(qp);
	bvf_qp_ready(qp);
}

static void qp_sqd(struct bvf_dp *dp, struct bvf_func *f,
		   const struct bvf_ipc_msg *msg, int fd)
{
	struct bvf_qp *qp = qp_by_qpn(f, msg->id);

	(void)dp;
	(void)fd;
	if (!qp)
		return;
	qp->drain = qp->d->cur_off || qp->d->wait;
	qp->drain_event = msg->arg0;
	bvf_qp_forget_peer(qp);
	if (!qp->d->wait)
		bvf_qp_ready(qp);
}

static void cq_stop(struct bvf_dp *dp, struct bvf_func *f,
		    const struct bvf_ipc_msg *msg, int fd)
{
	(void)dp;
	(void)fd;
	bvf_cq_drop(f, msg->id);
}

static void eq_stop(struct bvf_dp *dp, struct bvf_func *f,
		    const struct bvf_ipc_msg *msg, int fd)
{
	(void)fd;
	bvf_eq_flush(dp);
	bvf_eq_drop(f, msg->id);
}

/* Keys are looked up for each piece, so there is nothing to let go of. */
static void mr_stop(struct bvf_dp *dp, struct bvf_func *f,
		    const struct bvf_ipc_msg *msg, int fd)
{
	(void)dp;
	(void)f;
	(void)msg;
	(void)fd;
}

static void uctx_stop(struct bvf_dp *dp, struct bvf_func *f,
		      const struct bvf_ipc_msg *msg, int fd)
{
	(void)dp;
	(void)fd;
	bvf_ctx_drop(f, msg->id);
}

static void ethq_stop(struct bvf_dp *dp, struct bvf_func *f,
		      const struct bvf_ipc_msg *msg, int fd)
{
	(void)fd;
	if (bvf_eth_stop && msg->id < BVF_MAX_ETHQ)
		bvf_eth_stop(dp, f, (int)msg->id);
}

static void async(struct bvf_dp *dp, struct bvf_func *f,
		  const struct bvf_ipc_msg *msg, int fd)
{
	(void)dp;
	(void)fd;
	bvf_async(f, (uint8_t)msg->id, (uint8_t)msg->arg0,
		  (uint32_t)msg->arg1);
}

static const struct ipc_row rows[] = {
	[BVF_IPC_REGION_ADD]	= { region_add, false },
	[BVF_IPC_REGION_DEL]	= { region_del, false },
	[BVF_IPC_DMA_SYNC]	= { dma_sync, true },
	[BVF_IPC_IRQ]		= { irq, true },
	[BVF_IPC_FUNC_STOP]	= { func_stop, true },
	[BVF_IPC_QP_FLUSH]	= { qp_flush, true },
	[BVF_IPC_QP_STOP]	= { qp_stop, true },
	[BVF_IPC_CQ_STOP]	= { cq_stop, true },
	[BVF_IPC_EQ_STOP]	= { eq_stop, true },
	[BVF_IPC_MR_STOP]	= { mr_stop, true },
	[BVF_IPC_UCTX_STOP]	= { uctx_stop, true },
	[BVF_IPC_ETHQ_STOP]	= { ethq_stop, true },
	[BVF_IPC_ASYNC]		= { async, true },
	[BVF_IPC_QP_SQD]	= { qp_sqd, true },
};

static int ipc_send(struct bvf_dp *dp, const struct bvf_ipc_msg *msg)
{
	if (send(dp->sock, msg, sizeof(*msg), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

int bvf_ipc_hello(struct bvf_dp *dp)
{
	struct bvf_ipc_msg msg = {
		.type = BVF_IPC_HELLO,
		.arg0 = DRAM_LAYOUT,
	};

	return ipc_send(dp, &msg);
}

/* Return: false while the socket has no room for the ACK */
static bool ack(struct bvf_dp *dp, uint32_t seq)
{
	struct bvf_ipc_msg msg = { .type = BVF_IPC_ACK, .seq = seq };
	int err = ipc_send(dp, &msg);

	dp->ack_owed = err == -EAGAIN || err == -ENOBUFS ? seq : 0;
	return !dp->ack_owed;
}

/* Return: bytes received, with *fd set to the first descriptor or -1 */
static ssize_t ipc_recv(struct bvf_dp *dp, struct bvf_ipc_msg *msg, int *fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = { .iov_base = msg, .iov_len = sizeof(*msg) };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = ctl.buf,
		.msg_controllen = sizeof(ctl.buf),
	};
	struct cmsghdr *c;
	ssize_t n;

	*fd = -1;
	n = recvmsg(dp->sock, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&mh);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len >= CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	return n;
}

static void dispatch(struct bvf_dp *dp, const struct bvf_ipc_msg *msg, int fd)
{
	const struct ipc_row *row;
	struct bvf_func *f = NULL;

	if (msg->type >= sizeof(rows) / sizeof(rows[0]) ||
	    !rows[msg->type].serve ||
	    (rows[msg->type].per_func && msg->func >= DRAM_MAX_FUNC)) {
		bvf_err("message %u for function %u is not known", msg->type,
			msg->func);
		if (fd >= 0)
			close(fd);
		return;
	}
	row = &rows[msg->type];
	if (row->per_func)
		f = &dp->func[msg->func];
	row->serve(dp, f, msg, fd);
}

/* Return: whether there was a message */
bool bvf_ipc_serve(struct bvf_dp *dp)
{
	bool any = false;

	if (dp->ack_owed && !ack(dp, dp->ack_owed))
		return false;
	for (;;) {
		/* Before the look, so that a message after it is not missed. */
		uint32_t seq = bvf_load_acq(&dp->dram->ipc_seq);
		struct bvf_ipc_msg msg;
		int fd;
		ssize_t n = ipc_recv(dp, &msg, &fd);

		if (n == -EAGAIN) {
			dp->ipc_seen = seq;
			return any;
		}
		if (n == -EINTR)
			continue;
		if (n <= 0) {
			bvf_info("control plane is gone");
			dp->stop = true;
			return false;
		}
		any = true;
		if (n != sizeof(msg)) {
			bvf_err("message of %zd bytes", n);
			continue;
		}
		dispatch(dp, &msg, fd);
		if (msg.seq && !ack(dp, msg.seq))
			return true;
	}
}
