// SPDX-License-Identifier: GPL-2.0
/*
 * bvf-card, the card's control plane: options, set-up, end. Knows no protocol.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "card.h"
#include "lib/log.h"
#include "lib/sched.h"
#include "lib/sigbus.h"

#define DEFAULT_DIR	"/run/bvf"
#define DEFAULT_USER	"nobody"

struct options {
	const char *dir;
	const char *user;
	const char *log_level;
	const char *datapath;
	enum bvf_irq_kind irq_kind;	/* of functions that do not say */
	struct bvf_fn_config fn[DRAM_MAX_FUNC];
	uint32_t nr_fn;
	uint32_t nr_plain;		/* --functions */
	char names[DRAM_MAX_FUNC][8];
};

static struct options opts;
static struct bvf_card card;
static struct bvf_loop_src signals;

static void usage(FILE *to)
{
	fputs(
"usage: bvf-card [OPTION]...\n"
"The control plane of a bvf card: serves PCI functions to QEMU by vfio-user.\n"
"\n"
"  --dir DIR           where the sockets are made (" DEFAULT_DIR ")\n"
"  --functions N       N functions, named fn0, fn1, ... (1 unless --function is given)\n"
"  --function KEY=VALUE[,KEY=VALUE]...\n"
"                      one function; may be given again. Keys:\n"
"                        name=NAME        its socket is DIR/NAME.sock\n"
"                        network=N        tenant network, 0 unless given\n"
"                        mac=xx:xx:xx:xx:xx:xx\n"
"                        irq=msix|msi     msi: can be unplugged from QEMU 11.1\n"
"                        sock=PATH        its socket, if elsewhere\n"
"  --irq msix|msi      for functions that do not say (msix)\n"
"  --user USER         as root: become this user (" DEFAULT_USER "). Sockets are mode 0600,\n"
"                      so QEMU must run as this user, or as root\n"
"  --log-level LEVEL   error, warn, info or debug (info)\n"
"  --datapath PATH     data plane program (bvf-datapath beside this one)\n"
"  --version\n"
"  --help\n", to);
}

/* ---- options ---- */

static int parse_irq(const char *val, enum bvf_irq_kind *kind)
{
	if (!strcmp(val, "msix"))
		*kind = BVF_IRQ_KIND_MSIX;
	else if (!strcmp(val, "msi"))
		*kind = BVF_IRQ_KIND_MSI;
	else
		return -EINVAL;
	return 0;
}

static int parse_num(const char *val, unsigned long max, uint32_t *num)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(val, &end, 10);
	if (errno || !*val || *end || *val == '-' || n > max)
		return -EINVAL;
	*num = (uint32_t)n;
	return 0;
}

static int parse_mac(const char *val, uint8_t mac[6])
{
	unsigned int b[6];
	int len = 0;

	if (sscanf(val, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3],
		   &b[4], &b[5], &len) != 6 || val[len])
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	/* Neither a group address nor zero. */
	return mac[0] & 1 || !(b[0] | b[1] | b[2] | b[3] | b[4] | b[5]) ?
	       -EINVAL : 0;
}

static int parse_name(const char *val)
{
	size_t len = strlen(val);

	if (!len || len >= sizeof(((struct dram_func *)0)->name) ||
	    strspn(val, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		   "0123456789-_.") != len || *val == '.' || !strcmp(val, "ctl"))
		return -EINVAL;
	return 0;
}

static int parse_function(char *text)
{
	enum { NAME, NETWORK, MAC, IRQ, SOCK };
	static char *const keys[] = {
		[NAME] = "name", [NETWORK] = "network", [MAC] = "mac",
		[IRQ] = "irq", [SOCK] = "sock", NULL,
	};
	struct bvf_fn_config *fn = &opts.fn[opts.nr_fn];
	char *val;
	int err = 0;

	if (opts.nr_fn == DRAM_MAX_FUNC)
		return -ENOSPC;
	*fn = (struct bvf_fn_config){ .irq_kind = opts.irq_kind };
	while (*text && !err) {
		int key = getsubopt(&text, keys, &val);

		if (key < 0 || !val)
			return -EINVAL;
		switch (key) {
		case NAME:
			err = parse_name(val);
			fn->name = val;
			break;
		case NETWORK:
			err = parse_num(val, 0xffffffff, &fn->network);
			break;
		case MAC:
			err = parse_mac(val, fn->mac);
			fn->has_mac = true;
			break;
		case IRQ:
			err = parse_irq(val, &fn->irq_kind);
			break;
		case SOCK:
			fn->sock = val;
			break;
		}
	}
	opts.nr_fn++;
	return err;
}

static int parse_functions(const char *arg)
{
	int err = parse_num(arg, DRAM_MAX_FUNC, &opts.nr_plain);

	if (err || opts.nr_plain)
		return err;
	fprintf(stderr, "bvf-card: --functions 0 leaves nothing to serve: give 1 to %d\n",
		DRAM_MAX_FUNC);
	return -EINVAL;
}

/* Names that were not given, and a check that all differ. */
static int name_functions(void)
{
	if (!opts.nr_fn && !opts.nr_plain)
		opts.nr_plain = 1;
	if (opts.nr_plain > DRAM_MAX_FUNC - opts.nr_fn) {
		fprintf(stderr, "bvf-card: a card has at most %d functions\n",
			DRAM_MAX_FUNC);
		return -EINVAL;
	}
	for (uint32_t i = 0; i < opts.nr_plain; i++)
		opts.fn[opts.nr_fn++] = (struct bvf_fn_config){
			.irq_kind = opts.irq_kind,
		};
	for (uint32_t i = 0; i < opts.nr_fn; i++) {
		if (!opts.fn[i].name) {
			snprintf(opts.names[i], sizeof(opts.names[i]), "fn%u",
				 i & 0xff);
			opts.fn[i].name = opts.names[i];
		}
		for (uint32_t j = 0; j < i; j++) {
			if (strcmp(opts.fn[i].name, opts.fn[j].name))
				continue;
			fprintf(stderr, "bvf-card: two functions named %s\n",
				opts.fn[i].name);
			return -EINVAL;
		}
	}
	return 0;
}

enum { OPT_DIR, OPT_FUNCTIONS, OPT_FUNCTION, OPT_IRQ, OPT_USER, OPT_LOG,
       OPT_DATAPATH, OPT_VERSION, OPT_HELP };

static const struct option long_options[] = {
	{ "dir", required_argument, NULL, OPT_DIR },
	{ "functions", required_argument, NULL, OPT_FUNCTIONS },
	{ "function", required_argument, NULL, OPT_FUNCTION },
	{ "irq", required_argument, NULL, OPT_IRQ },
	{ "user", required_argument, NULL, OPT_USER },
	{ "log-level", required_argument, NULL, OPT_LOG },
	{ "datapath", required_argument, NULL, OPT_DATAPATH },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

static int parse_one(int opt)
{
	switch (opt) {
	case OPT_DIR:
		opts.dir = optarg;
		return 0;
	case OPT_FUNCTIONS:
		return parse_functions(optarg);
	case OPT_FUNCTION:
		return parse_function(optarg);
	case OPT_IRQ:
		return parse_irq(optarg, &opts.irq_kind);
	case OPT_USER:
		opts.user = optarg;
		return 0;
	case OPT_LOG:
		opts.log_level = optarg;
		return bvf_log_parse_level(optarg) < 0 ? -EINVAL : 0;
	case OPT_DATAPATH:
		opts.datapath = optarg;
		return 0;
	case OPT_VERSION:
		printf("bvf-card %u.%u.%u\n", BVF_CARD_VERSION >> 16,
		       BVF_CARD_VERSION >> 8 & 0xff, BVF_CARD_VERSION & 0xff);
		exit(0);
	case OPT_HELP:
		usage(stdout);
		exit(0);
	default:
		return -EINVAL;
	}
}

static int parse_options(int argc, char **argv)
{
	char arg[256];
	int opt, index;

	opts.dir = DEFAULT_DIR;
	opts.log_level = "info";
	while ((opt = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		/* Parsing a function's text takes it apart. */
		snprintf(arg, sizeof(arg), "%s", optarg ? optarg : "");
		if (!parse_one(opt))
			continue;
		if (opt != '?')
			fprintf(stderr, "bvf-card: --%s: not understood: %s\n",
				long_options[index].name, arg);
		fputs("try bvf-card --help\n", stderr);
		return -EINVAL;
	}
	if (optind != argc) {
		fprintf(stderr, "bvf-card: unexpected argument %s\n",
			argv[optind]);
		return -EINVAL;
	}
	return name_functions();
}

/* ---- set-up ---- */

static const char *datapath_path(void)
{
	static char path[4096];
	ssize_t len;
	char *slash;

	if (opts.datapath)
		return opts.datapath;
	len = readlink("/proc/self/exe", path, sizeof(path) - 16);
	if (len < 0)
		return "/usr/bin/bvf-datapath";
	path[len] = '\0';
	slash = strrchr(path, '/');
	strcpy(slash + 1, "bvf-datapath");
	return path;
}

/*
 * The folder belongs to whom the card runs as, so that sockets can be made and
 * removed without privilege.
 */
static int make_dir(uid_t uid, gid_t gid)
{
	if (mkdir(opts.dir, 0755) && errno != EEXIST) {
		bvf_err("%s: %s", opts.dir, strerror(errno));
		return -errno;
	}
	if (uid && geteuid() == 0 && chown(opts.dir, uid, gid)) {
		bvf_err("%s: %s", opts.dir, strerror(errno));
		return -errno;
	}
	return 0;
}

static int drop_root(void)
{
	const char *name = opts.user ? opts.user : DEFAULT_USER;
	const struct passwd *pw;
	int err;

	if (geteuid() != 0) {
		if (opts.user) {
			bvf_err("--user needs root");
			return -EPERM;
		}
		return make_dir(0, 0);
	}
	pw = getpwnam(name);
	if (!pw) {
		bvf_err("no user named %s", name);
		return -ENOENT;
	}
	if (!pw->pw_uid)
		bvf_warn("runs as root, which it does not need");
	err = make_dir(pw->pw_uid, pw->pw_gid);
	if (err)
		return err;
	if (setgroups(0, NULL) || setgid(pw->pw_gid) || setuid(pw->pw_uid)) {
		bvf_err("cannot become %s: %s", name, strerror(errno));
		return -EPERM;
	}
	return 0;
}

/* Nothing of ours may get a number that something writes messages to. */
static void fill_std_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* A card full of functions needs some thousand descriptors. */
static void raise_limits(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl))
		return;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl))
		bvf_warn("descriptor limit: %s", strerror(errno));
}

static int make_dram(void)
{
	void *p;

	card.dram_fd = memfd_create("bvf-dram", MFD_CLOEXEC);
	if (card.dram_fd < 0 ||
	    ftruncate(card.dram_fd, sizeof(struct dram)))
		return -errno;
	p = mmap(NULL, sizeof(struct dram), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_NORESERVE, card.dram_fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	card.dram = p;
	card.dram->magic = DRAM_MAGIC;
	card.dram->layout = DRAM_LAYOUT;
	card.dram->size = sizeof(struct dram);
	return 0;
}

static void signal_event(struct bvf_loop_src *src, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(src->fd, &info, sizeof(info)) != sizeof(info))
		return;
	bvf_info("ends: signal %u", info.ssi_signo);
	card.loop.quit = 1;
}

static int take_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals.fd < 0)
		return -errno;
	signals.fn = signal_event;
	return bvf_loop_add(&card.loop, &signals, EPOLLIN);
}

static int make_functions(void)
{
	for (uint32_t i = 0; i < opts.nr_fn; i++) {
		int err = bvf_fn_create(&card, &opts.fn[i]);

		if (err) {
			bvf_err("function %s: %s", opts.fn[i].name,
				err == -EADDRINUSE ?
				"another card serves its socket" :
				err == -EEXIST ?
				"another function of its network has its MAC" :
				strerror(-err));
			return err;
		}
	}
	return 0;
}

/* The data plane has attached: all that a client needs is there. */
void bvf_card_ready(struct bvf_card *c)
{
	fprintf(stderr, "bvf-card: ready\n");
	for (uint32_t i = 0; i < c->nr_fn; i++)
		bvf_dbg("%s: network %u, socket %s", c->fn[i]->name,
			c->fn[i]->df->network, c->fn[i]->path);
}

static int start(void)
{
	int err, len;

	fill_std_fds();
	card.dp.path = datapath_path();
	card.dp.path_fd = open(card.dp.path, O_PATH | O_CLOEXEC);
	err = drop_root();
	if (err)
		return err;
	raise_limits();
	/* Kicks pass through here: be let in soon on a busy processor. */
	bvf_sched_short_slice();
	err = bvf_loop_init(&card.loop);
	if (!err)
		err = take_signals();
	if (!err)
		err = bvf_sigbus_init();
	if (!err)
		err = make_dram();
	if (err) {
		bvf_err("set-up: %s", strerror(-err));
		return err;
	}
	bvf_mem_init(&card);
	card.dir = opts.dir;
	card.log_level = opts.log_level;
	card.ctl.fd = -1;
	len = snprintf(card.ctl_path, sizeof(card.ctl_path), "%s/ctl.sock",
		       opts.dir);
	err = len < (int)sizeof(card.ctl_path) ? bvf_ctlsock_start(&card) :
						 -ENAMETOOLONG;
	if (err) {
		bvf_err("%s/ctl.sock: %s", opts.dir, err == -EADDRINUSE ?
			"another card runs here" : strerror(-err));
		return err;
	}
	err = make_functions();
	if (err)
		return err;
	err = bvf_dp_start(&card);
	if (err)
		bvf_err("cannot start the data plane: %s", strerror(-err));
	return err;
}

int main(int argc, char **argv)
{
	int err;

	card.dp.sock.fd = -1;
	card.ctl.fd = -1;
	if (parse_options(argc, argv))
		return 2;
	bvf_log_init("bvf-card",
		     (enum bvf_log_level)bvf_log_parse_level(opts.log_level));
	err = start();
	if (!err)
		err = bvf_loop_run(&card.loop);
	bvf_ctlsock_stop(&card);
	bvf_dp_stop(&card);
	for (uint32_t i = 0; i < card.nr_fn; i++)
		bvf_fn_destroy(card.fn[i]);
	return err || card.failed ? 1 : 0;
}
