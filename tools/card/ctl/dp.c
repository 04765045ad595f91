// SPDX-License-Identifier: GPL-2.0
/*
 * The data plane process: start, messages, and a new one when it has died.
 * Knows no object; what a message is about is its sender's.
 *
 * A new data plane finds all state in the DRAM. It is given the files and
 * eventfds again, then every message that the old one had not answered: each
 * asks for a state, not for a step, so it may come twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "card.h"
#include "lib/log.h"

#define DP_SHORT_LIFE_NS	1000000000ull	/* one that dies sooner counts */
#define DP_SHORT_LIVES		8		/* then the functions are stopped */
#define DP_PAUSE_NS		10000000ull	/* for each that counted */
#define DP_ANSWER_NS		10000000000ull	/* it answers in microseconds, or hangs */
#define DP_EXIT_MS		2000		/* for an orderly end */

static void dp_died(struct bvf_card *card, const char *why);

void bvf_dp_wake(struct bvf_card *card)
{
	uint64_t one = 1;

	/*
	 * Pairs with the barrier between the data plane's store of dp_asleep
	 * and its last look at what we have just written.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&card->dram->dp_asleep, __ATOMIC_RELAXED) &&
	    write(card->dp.event_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		bvf_err("cannot wake the data plane: %s", strerror(errno));
}

/* Return: 0 sent, -EAGAIN later, another -errno if the data plane is gone */
static int msg_send(struct bvf_dp *dp, const struct bvf_ipc_msg *msg, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl = { 0 };
	struct iovec iov = {
		.iov_base = (void *)msg, .iov_len = sizeof(*msg),
	};
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *c;

		mh.msg_control = ctl.buf;
		mh.msg_controllen = sizeof(ctl.buf);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (sendmsg(dp->sock.fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	return 0;
}

/* Send what is queued, as far as there is room. */
static void calls_flush(struct bvf_card *card)
{
	struct bvf_dp *dp = &card->dp;
	bool sent = false;
	int err = 0;

	if (dp->sock.fd < 0)
		return;
	while (*dp->unsent) {
		struct bvf_dp_call *call = *dp->unsent;

		if (!++dp->seq)
			dp->seq = 1;
		call->msg.seq = dp->seq;
		err = msg_send(dp, &call->msg, call->fd);
		if (err)
			break;
		if (call->fd >= 0)
			close(call->fd);
		call->fd = -1;
		dp->unsent = &call->next;
		sent = true;
	}
	if (sent) {
		__atomic_add_fetch(&card->dram->ipc_seq, 1, __ATOMIC_RELEASE);
		bvf_dp_wake(card);
	}
	/* Any other error shows as a hang-up of the socket. */
	bvf_loop_mod(&card->loop, &dp->sock,
		     err == -EAGAIN ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void calls_append(struct bvf_dp *dp, struct bvf_dp_call *call)
{
	call->next = NULL;
	*dp->tail = call;
	dp->tail = &call->next;
}

void bvf_dp_call(struct bvf_card *card, struct bvf_dp_call *call)
{
	if (!card->dp.calls)
		bvf_loop_timer_arm(&card->loop, &card->dp.watchdog,
				   DP_ANSWER_NS);
	call->busy = true;
	calls_append(&card->dp, call);
	calls_flush(card);
}

static void dp_hangs(struct bvf_loop_timer *timer)
{
	struct bvf_dp *dp = container_of(timer, struct bvf_dp, watchdog);
	struct bvf_card *card = container_of(dp, struct bvf_card, dp);

	bvf_loop_timer_arm(&card->loop, timer, DP_ANSWER_NS);
	if (dp->sock.fd >= 0)
		dp_died(card, "it does not answer");
}

/* Answers come in the order of the messages. */
static int ack_take(struct bvf_card *card, uint32_t seq)
{
	struct bvf_dp *dp = &card->dp;
	struct bvf_dp_call *call = dp->calls;

	if (!call || dp->unsent == &dp->calls || call->msg.seq != seq)
		return -EPROTO;
	dp->calls = call->next;
	if (dp->unsent == &call->next)
		dp->unsent = &dp->calls;
	if (dp->tail == &call->next)
		dp->tail = &dp->calls;
	if (dp->calls)
		bvf_loop_timer_arm(&card->loop, &dp->watchdog, DP_ANSWER_NS);
	else
		bvf_loop_timer_cancel(&card->loop, &dp->watchdog);
	call->busy = false;
	call->done(call);
	return 0;
}

static int hello_take(struct bvf_card *card, const struct bvf_ipc_msg *msg)
{
	if (msg->arg0 != DRAM_LAYOUT)
		return -EPROTO;
	bvf_dbg("data plane attached");
	if (!card->ready) {
		card->ready = true;
		bvf_card_ready(card);
	}
	return 0;
}

static void dp_event(struct bvf_loop_src *src, uint32_t events)
{
	struct bvf_dp *dp = container_of(src, struct bvf_dp, sock);
	struct bvf_card *card = container_of(dp, struct bvf_card, dp);

	(void)events;
	for (int i = 0; i < BVF_LOOP_BATCH; i++) {
		struct bvf_ipc_msg msg;
		ssize_t n = recv(src->fd, &msg, sizeof(msg), MSG_DONTWAIT);
		int err = -EPROTO;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			dp_died(card, "it has ended");
			return;
		}
		if (n == sizeof(msg) && msg.type == BVF_IPC_ACK)
			err = ack_take(card, msg.seq);
		else if (n == sizeof(msg) && msg.type == BVF_IPC_HELLO)
			err = hello_take(card, &msg);
		if (err) {
			dp_died(card, "it does not speak our language");
			return;
		}
	}
	calls_flush(card);
}

/* In the child. Never returns. */
static void child_exec(const struct bvf_dp *dp, const char *level, pid_t parent,
		       const int fds[3])
{
	char *argv[] = { "bvf-datapath", "--log-level", (char *)level, NULL };
	static const int want[3] = {
		BVF_IPC_FD_DRAM, BVF_IPC_FD_SOCK, BVF_IPC_FD_EVENT,
	};
	sigset_t none;
	int tmp[3], exe;

	/* Not to be ended by the terminal's ^C before we have had our say. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Out of the way of the numbers that are wanted. */
	exe = fcntl(dp->path_fd, F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i < 3; i++)
		tmp[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i < 3; i++)
		if (tmp[i] < 0 || dup2(tmp[i], want[i]) < 0)
			_exit(127);
	execv(dp->path, argv);
	/* In a folder that only root may enter: by what was opened as root. */
	if (errno == EACCES && exe >= 0)
		execveat(exe, "", argv, environ, AT_EMPTY_PATH);
	bvf_err("%s: %s", dp->path, strerror(errno));
	_exit(127);
}

static int dp_spawn(struct bvf_card *card)
{
	struct bvf_dp *dp = &card->dp;
	pid_t parent = getpid();
	int pair[2], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	pid = fork();
	if (pid < 0) {
		err = -errno;
		goto err_close_pair;
	}
	if (!pid) {
		int fds[3] = { card->dram_fd, pair[1], dp->event_fd };

		child_exec(dp, card->log_level, parent, fds);
	}
	close(pair[1]);
	dp->pid = pid;
	dp->started_ns = bvf_now_ns();
	dp->sock.fd = pair[0];
	dp->sock.fn = dp_event;
	err = bvf_loop_add(&card->loop, &dp->sock, EPOLLIN);
	if (!err)
		return 0;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pair[0]);
	dp->sock.fd = -1;
	return err;

err_close_pair:
	close(pair[0]);
	close(pair[1]);
	return err;
}

/* Files and eventfds first, then what the old one has left unanswered. */
static void calls_restart(struct bvf_card *card)
{
	struct bvf_dp *dp = &card->dp;
	struct bvf_dp_call *left = dp->calls;

	dp->calls = NULL;
	dp->tail = &dp->calls;
	dp->unsent = &dp->calls;
	bvf_mem_resend(card);
	for (uint32_t i = 0; i < card->nr_fn; i++)
		bvf_irq_resend(card->fn[i]);
	while (left) {
		struct bvf_dp_call *next = left->next;

		/* Its descriptor went to the old one: make it anew. */
		if (left->fd < 0 && left->again)
			left->again(left);
		calls_append(dp, left);
		left = next;
	}
	if (dp->calls)
		bvf_loop_timer_arm(&card->loop, &dp->watchdog, DP_ANSWER_NS);
	calls_flush(card);
}

static void dp_respawn(struct bvf_loop_timer *timer)
{
	struct bvf_dp *dp = container_of(timer, struct bvf_dp, respawn);
	struct bvf_card *card = container_of(dp, struct bvf_card, dp);
	int err = dp_spawn(card);

	if (err) {
		bvf_err("cannot start the data plane: %s", strerror(-err));
		bvf_loop_timer_arm(&card->loop, timer, 1000000000ull);
		return;
	}
	calls_restart(card);
}

static void dp_died(struct bvf_card *card, const char *why)
{
	struct bvf_dp *dp = &card->dp;
	int status = 0;

	bvf_loop_del(&card->loop, &dp->sock);
	close(dp->sock.fd);
	dp->sock.fd = -1;
	/* One that merely hung up must not go on beside the next one. */
	kill(dp->pid, SIGKILL);
	waitpid(dp->pid, &status, 0);
	bvf_err("data plane %d: %s (%s %d)", (int)dp->pid, why,
		WIFSIGNALED(status) ? "signal" : "exit status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	dp->pid = 0;
	if (!card->ready) {
		card->failed = true;
		card->loop.quit = 1;
		return;
	}
	if (bvf_now_ns() - dp->started_ns > DP_SHORT_LIFE_NS)
		dp->short_lives = 0;
	else
		dp->short_lives++;
	if (dp->short_lives >= DP_SHORT_LIVES) {
		/* Something in its state kills it: start without. */
		for (uint32_t i = 0; i < card->nr_fn; i++)
			if (card->fn[i]->active)
				bvf_fn_fatal(card->fn[i], BVF_DEV_CARD,
					     "the data plane dies again and again");
	}
	bvf_loop_timer_arm(&card->loop, &dp->respawn,
			   dp->short_lives * DP_PAUSE_NS);
}

int bvf_dp_start(struct bvf_card *card)
{
	struct bvf_dp *dp = &card->dp;

	dp->sock.fd = -1;
	dp->tail = &dp->calls;
	dp->unsent = &dp->calls;
	dp->respawn.fn = dp_respawn;
	dp->watchdog.fn = dp_hangs;
	dp->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (dp->event_fd < 0)
		return -errno;
	return dp_spawn(card);
}

void bvf_dp_stop(struct bvf_card *card)
{
	struct bvf_dp *dp = &card->dp;

	if (dp->sock.fd < 0)
		return;
	bvf_loop_del(&card->loop, &dp->sock);
	close(dp->sock.fd);
	dp->sock.fd = -1;
	/* It may sleep: the end of the socket wakes it as a message would. */
	__atomic_add_fetch(&card->dram->ipc_seq, 1, __ATOMIC_RELEASE);
	bvf_dp_wake(card);
	for (int i = 0; i < DP_EXIT_MS; i++) {
		if (waitpid(dp->pid, NULL, WNOHANG) == dp->pid)
			return;
		usleep(1000);
	}
	bvf_warn("data plane does not end by itself");
	kill(dp->pid, SIGKILL);
	waitpid(dp->pid, NULL, 0);
}
