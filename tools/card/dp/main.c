// SPDX-License-Identifier: GPL-2.0
/*
 * bvf-datapath: the card's data plane. Started by bvf-card, which hands it
 * the DRAM, a socket and an eventfd; it opens nothing itself.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dp.h"
#include "lib/sched.h"
#include "lib/sigbus.h"
#include "lib/version.h"

static struct bvf_dp the_dp;

static void usage(FILE *to)
{
	fprintf(to,
		"usage: bvf-datapath [options]\n"
		"The data plane of a bvf card; bvf-card starts it.\n"
		"  --fd-dram FD      the card's DRAM (default %d)\n"
		"  --fd-sock FD      socket to the control plane (default %d)\n"
		"  --fd-event FD     eventfd that wakes the data plane (default %d)\n"
		"  --log-level LEVEL error, warn, info or debug\n"
		"  --version\n  --help\n",
		BVF_IPC_FD_DRAM, BVF_IPC_FD_SOCK, BVF_IPC_FD_EVENT);
}

static int map_dram(struct bvf_dp *dp, int fd)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st)) {
		bvf_err("descriptor %d is not the card's DRAM: %m", fd);
		return -errno;
	}
	if ((uint64_t)st.st_size < sizeof(struct dram)) {
		bvf_err("the DRAM has %llu bytes, %zu are needed",
			(unsigned long long)st.st_size, sizeof(struct dram));
		return -EPROTO;
	}
	p = mmap(NULL, sizeof(struct dram), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (p == MAP_FAILED) {
		bvf_err("mapping the DRAM: %m");
		return -errno;
	}
	madvise(p, sizeof(struct dram), MADV_DONTDUMP);
	dp->dram = p;
	return 0;
}

static int watch(struct bvf_dp *dp, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	if (epoll_ctl(dp->epoll, EPOLL_CTL_ADD, fd, &ev)) {
		bvf_err("descriptor %d cannot be waited for: %m", fd);
		return -errno;
	}
	return 0;
}

static int start(struct bvf_dp *dp, int fd_dram)
{
	int err = map_dram(dp, fd_dram);

	if (err)
		return err;
	dp->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (dp->epoll < 0)
		return -errno;
	err = watch(dp, dp->sock, EPOLLIN);
	/* Each write is an edge, so nobody has to read it. */
	if (!err)
		err = watch(dp, dp->event, EPOLLIN | EPOLLET);
	if (err)
		return err;
	bvf_copy_init();
	err = bvf_sigbus_init();
	if (!err)
		err = bvf_attach(dp);
	if (err)
		return err;
	err = bvf_ipc_hello(dp);
	if (err)
		bvf_err("control plane: %s", strerror(-err));
	return err;
}

/* Return: 0 to go on, else the exit code + 1 */
static int options(int argc, char **argv, struct bvf_dp *dp, int *fd_dram)
{
	static const struct option opts[] = {
		{ "fd-dram", required_argument, NULL, 'd' },
		{ "fd-sock", required_argument, NULL, 's' },
		{ "fd-event", required_argument, NULL, 'e' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, level;

	while ((c = getopt_long(argc, argv, "l:Vh", opts, NULL)) != -1) {
		switch (c) {
		case 'd':
			*fd_dram = atoi(optarg);
			break;
		case 's':
			dp->sock = atoi(optarg);
			break;
		case 'e':
			dp->event = atoi(optarg);
			break;
		case 'l':
			level = bvf_log_parse_level(optarg);
			if (level < 0) {
				fprintf(stderr, "bvf-datapath: no log level \"%s\"; error, warn, info or debug\n",
					optarg);
				return 3;
			}
			bvf_log_init("bvf-datapath", (enum bvf_log_level)level);
			break;
		case 'V':
			printf("bvf-datapath %u.%u.%u\n",
			       BVF_CARD_VERSION >> 16,
			       BVF_CARD_VERSION >> 8 & 0xff,
			       BVF_CARD_VERSION & 0xff);
			return 1;
		case 'h':
			usage(stdout);
			return 1;
		default:
			usage(stderr);
			return 3;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct bvf_dp *dp = &the_dp;
	int fd_dram = BVF_IPC_FD_DRAM, ret;

	dp->sock = BVF_IPC_FD_SOCK;
	dp->event = BVF_IPC_FD_EVENT;
	bvf_log_init("bvf-datapath", BVF_LOG_INFO);
	ret = options(argc, argv, dp, &fd_dram);
	if (ret)
		return ret - 1;
	signal(SIGPIPE, SIG_IGN);
	bvf_sched_short_slice();
	bvf_sched_init();
	/* Retry timers of a few microseconds are worth a precise wake-up. */
	prctl(PR_SET_TIMERSLACK, 1000);
	if (start(dp, fd_dram))
		return 1;
	bvf_sandbox();
	return bvf_run(dp) ? 1 : 0;
}
