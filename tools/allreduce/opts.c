// SPDX-License-Identifier: GPL-2.0
/*
 * Command line and launcher environment to struct bvf_ar_opts, with messages.
 * It must not open sockets or devices, nor look at anything but text.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allreduce.h"

#ifndef BVF_VERSION
#define BVF_VERSION "unknown"
#endif

enum {
	BVF_OPT_RANK = 256, BVF_OPT_NRANKS, BVF_OPT_ROOT, BVF_OPT_TRANSPORT,
	BVF_OPT_BIND, BVF_OPT_IFACE, BVF_OPT_DEVICE, BVF_OPT_IB_PORT,
	BVF_OPT_GID_INDEX, BVF_OPT_MTU, BVF_OPT_PIECE, BVF_OPT_SLOTS,
	BVF_OPT_DIRECT, BVF_OPT_POLL, BVF_OPT_EVENTS, BVF_OPT_SPIN,
	BVF_OPT_TIMEOUT, BVF_OPT_JSON, BVF_OPT_ROW_TIME, BVF_OPT_VERSION,
};

static const struct option bvf_long_opts[] = {
	{ "rank", required_argument, NULL, BVF_OPT_RANK },
	{ "nranks", required_argument, NULL, BVF_OPT_NRANKS },
	{ "root", required_argument, NULL, BVF_OPT_ROOT },
	{ "transport", required_argument, NULL, BVF_OPT_TRANSPORT },
	{ "bind", required_argument, NULL, BVF_OPT_BIND },
	{ "iface", required_argument, NULL, BVF_OPT_IFACE },
	{ "minbytes", required_argument, NULL, 'b' },
	{ "maxbytes", required_argument, NULL, 'e' },
	{ "stepfactor", required_argument, NULL, 'f' },
	{ "stepbytes", required_argument, NULL, 'i' },
	{ "iters", required_argument, NULL, 'n' },
	{ "warmup_iters", required_argument, NULL, 'w' },
	{ "warmup", required_argument, NULL, 'w' },
	{ "row-time", required_argument, NULL, BVF_OPT_ROW_TIME },
	{ "datatype", required_argument, NULL, 'd' },
	{ "op", required_argument, NULL, 'o' },
	{ "check", required_argument, NULL, 'c' },
	{ "device", required_argument, NULL, BVF_OPT_DEVICE },
	{ "ib-port", required_argument, NULL, BVF_OPT_IB_PORT },
	{ "gid-index", required_argument, NULL, BVF_OPT_GID_INDEX },
	{ "mtu", required_argument, NULL, BVF_OPT_MTU },
	{ "piece", required_argument, NULL, BVF_OPT_PIECE },
	{ "slots", required_argument, NULL, BVF_OPT_SLOTS },
	{ "direct", required_argument, NULL, BVF_OPT_DIRECT },
	{ "poll", no_argument, NULL, BVF_OPT_POLL },
	{ "events", no_argument, NULL, BVF_OPT_EVENTS },
	{ "spin", required_argument, NULL, BVF_OPT_SPIN },
	{ "timeout", required_argument, NULL, BVF_OPT_TIMEOUT },
	{ "json", optional_argument, NULL, BVF_OPT_JSON },
	{ "version", no_argument, NULL, BVF_OPT_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char bvf_help[] =
"Usage: bvf-allreduce --rank R --nranks N --root HOST:PORT [options]\n"
"       mpirun -np N bvf-allreduce --root HOST:PORT [options]\n"
"\n"
"Meeting (rank 0 listens on the root address, the others connect to it)\n"
"  --rank R, --nranks N   default: what mpirun says in the environment\n"
"  --root HOST:PORT       IPv6 as [ADDRESS]:PORT\n"
"  --transport rdma|tcp   what carries the data (rdma)\n"
"  --bind ADDR            local address of the data connections\n"
"  --iface NAME           the same, named by interface\n"
"  --timeout S            give up after S seconds without progress (60)\n"
"Sweep\n"
"  -b, --minbytes SIZE    first size (4); SIZE takes K, M, G\n"
"  -e, --maxbytes SIZE    last size (64M)\n"
"  -f, --stepfactor F     multiply by F from row to row (2)\n"
"  -i, --stepbytes SIZE   add SIZE from row to row instead\n"
"  -n, --iters N          timed operations in a row (20)\n"
"  -w, --warmup N         untimed operations before them (5)\n"
"  --row-time MS          fewer of both where a row would take longer\n"
"  -d, --datatype TYPE    f32, f16, bf16, i32, or all (f32)\n"
"  -o, --op OP            sum, min, max, or all (sum)\n"
"  -c, --check 0|1        check every element on every rank (1)\n"
"  --json[=FILE]          JSON on standard output, or also in FILE\n"
"RDMA\n"
"  --device NAME          default: the one that has the local address\n"
"  --ib-port P            default: the first active port\n"
"  --gid-index I          default: the RoCE v2 GID of the local address\n"
"  --mtu BYTES            path MTU, 256 to 4096 (the port's)\n"
"Tuning, the same on every rank\n"
"  --piece SIZE           largest pipelined piece (256K)\n"
"  --slots N              pieces in flight to a rank, 4 to 256 (16)\n"
"  --direct SIZE          up to SIZE two ranks swap whole buffers\n"
"  --poll                 never sleep while waiting, only yield\n"
"  --events               sleep at once while waiting\n"
"  --spin US              otherwise, spin this long before sleeping (100)\n"
"\n"
"  --version, --help\n";

static const char *const bvf_type_names[] = {
	[BVF_AR_F32] = "f32", [BVF_AR_F16] = "f16",
	[BVF_AR_BF16] = "bf16", [BVF_AR_I32] = "i32",
};
_Static_assert(BVF_ARRAY_SIZE(bvf_type_names) == BVF_AR_NR_TYPES, "names");

/* What nccl-tests calls them; accepted, not printed. */
static const char *const bvf_type_aliases[] = {
	[BVF_AR_F32] = "float", [BVF_AR_F16] = "half",
	[BVF_AR_BF16] = "bfloat16", [BVF_AR_I32] = "int32",
};
_Static_assert(BVF_ARRAY_SIZE(bvf_type_aliases) == BVF_AR_NR_TYPES, "names");

static const char *const bvf_redop_names[] = {
	[BVF_AR_SUM] = "sum", [BVF_AR_MIN] = "min", [BVF_AR_MAX] = "max",
};
_Static_assert(BVF_ARRAY_SIZE(bvf_redop_names) == BVF_AR_NR_REDOPS, "names");

const char *bvf_type_name(enum bvf_ar_type type)
{
	return bvf_type_names[type];
}

const char *bvf_redop_name(enum bvf_ar_redop op)
{
	return bvf_redop_names[op];
}

const char *bvf_transport_name(enum bvf_ar_transport tp)
{
	return tp == BVF_AR_TCP ? "tcp" : "rdma";
}

static int bvf_opts_bad(const char *opt, const char *val, const char *want)
{
	fprintf(stderr, "bvf-allreduce: %s %s: want %s\n", opt, val, want);
	return -EINVAL;
}

static int bvf_parse_uint(const char *opt, const char *s, uint64_t min,
			  uint64_t max, uint64_t *val)
{
	unsigned long long v;
	char want[64];
	char *end;

	errno = 0;
	v = strtoull(s, &end, 0);
	if (*s >= '0' && *s <= '9' && !*end && !errno && v >= min && v <= max) {
		*val = v;
		return 0;
	}
	snprintf(want, sizeof(want), "a number from %llu to %llu",
		 (unsigned long long)min, (unsigned long long)max);
	return bvf_opts_bad(opt, s, want);
}

static int bvf_parse_size(const char *opt, const char *s, uint64_t min,
			  uint64_t max, uint64_t *val)
{
	unsigned int shift = 0;
	char want[80];
	uint64_t v = 0;
	char *end = NULL;

	errno = 0;
	if (*s >= '0' && *s <= '9')
		v = strtoull(s, &end, 0);
	if (end && *end) {
		const char *units = "kKmMgG";
		const char *u = strchr(units, *end);

		if (u)
			shift = 10 * ((unsigned int)(u - units) / 2 + 1);
		end = u && !end[1] ? end + 1 : NULL;
	}
	if (end && !errno && v <= max >> shift && v << shift >= min) {
		*val = v << shift;
		return 0;
	}
	snprintf(want, sizeof(want), "a size from %llu to %lluM, like 512, 4K or 64M",
		 (unsigned long long)min, (unsigned long long)(max >> 20));
	return bvf_opts_bad(opt, s, want);
}

/* HOST:PORT or [ADDRESS]:PORT. */
static int bvf_parse_root(struct bvf_ar_opts *o, const char *s)
{
	const char *want = "HOST:PORT, or [ADDRESS]:PORT for IPv6";
	const char *host = s, *colon = strrchr(s, ':');
	size_t len;
	uint64_t port;

	if (!colon || colon == s)
		return bvf_opts_bad("--root", s, want);
	len = (size_t)(colon - s);
	if (*s == '[') {
		if (s[len - 1] != ']' || len < 3)
			return bvf_opts_bad("--root", s, want);
		host = s + 1;
		len -= 2;
	} else if (memchr(s, ':', len)) {
		return bvf_opts_bad("--root", s, want);
	}
	if (len >= sizeof(o->root_host))
		return bvf_opts_bad("--root", s, want);
	if (bvf_parse_uint("--root port", colon + 1, 1, 65535, &port))
		return -EINVAL;
	memcpy(o->root_host, host, len);
	o->root_host[len] = '\0';
	snprintf(o->root_port, sizeof(o->root_port), "%u", (unsigned int)port);
	return 0;
}

static int bvf_parse_types(struct bvf_ar_opts *o, const char *s)
{
	if (!strcmp(s, "all")) {
		o->types = (1u << BVF_AR_NR_TYPES) - 1;
		return 0;
	}
	for (unsigned int t = 0; t < BVF_AR_NR_TYPES; t++) {
		if (strcmp(s, bvf_type_names[t]) && strcmp(s, bvf_type_aliases[t]))
			continue;
		o->types = 1u << t;
		return 0;
	}
	return bvf_opts_bad("-d", s, "f32, f16, bf16, i32 or all");
}

static int bvf_parse_redops(struct bvf_ar_opts *o, const char *s)
{
	if (!strcmp(s, "all")) {
		o->redops = (1u << BVF_AR_NR_REDOPS) - 1;
		return 0;
	}
	for (unsigned int r = 0; r < BVF_AR_NR_REDOPS; r++) {
		if (strcmp(s, bvf_redop_names[r]))
			continue;
		o->redops = 1u << r;
		return 0;
	}
	return bvf_opts_bad("-o", s, "sum, min, max or all");
}

static int bvf_opt_meeting(struct bvf_ar_opts *o, int c, const char *arg)
{
	uint64_t v = 0;
	int err;

	switch (c) {
	case BVF_OPT_RANK:
		err = bvf_parse_uint("--rank", arg, 0, BVF_AR_MAX_RANKS - 1, &v);
		o->rank = (int)v;
		return err;
	case BVF_OPT_NRANKS:
		err = bvf_parse_uint("--nranks", arg, 1, BVF_AR_MAX_RANKS, &v);
		o->nranks = (int)v;
		return err;
	case BVF_OPT_ROOT:
		return bvf_parse_root(o, arg);
	case BVF_OPT_TRANSPORT:
		if (strcmp(arg, "tcp") && strcmp(arg, "rdma"))
			return bvf_opts_bad("--transport", arg, "rdma or tcp");
		o->transport = *arg == 't' ? BVF_AR_TCP : BVF_AR_RDMA;
		return 0;
	case BVF_OPT_BIND:
		o->bind_addr = arg;
		return 0;
	case BVF_OPT_IFACE:
		o->iface = arg;
		return 0;
	case BVF_OPT_TIMEOUT:
		err = bvf_parse_uint("--timeout", arg, 1, 86400, &v);
		o->timeout_s = (unsigned int)v;
		return err;
	default:
		return 1;
	}
}

static int bvf_opt_sweep(struct bvf_ar_opts *o, int c, const char *arg)
{
	uint64_t v = 0;
	int err;

	switch (c) {
	case 'b':
		return bvf_parse_size("-b", arg, 0, BVF_AR_MAX_BYTES, &o->min_bytes);
	case 'e':
		return bvf_parse_size("-e", arg, 0, BVF_AR_MAX_BYTES, &o->max_bytes);
	case 'i':
		return bvf_parse_size("-i", arg, 1, BVF_AR_MAX_BYTES, &o->step_bytes);
	case 'f':
		err = bvf_parse_uint("-f", arg, 2, 1 << 20, &v);
		o->factor = (unsigned int)v;
		return err;
	case 'n':
		err = bvf_parse_uint("-n", arg, 1, 1 << 30, &v);
		o->iters = (unsigned int)v;
		return err;
	case 'w':
		err = bvf_parse_uint("-w", arg, 0, 1 << 30, &v);
		o->warmup = (unsigned int)v;
		return err;
	case BVF_OPT_ROW_TIME:
		err = bvf_parse_uint("--row-time", arg, 1, 3600000, &v);
		o->row_ms = (unsigned int)v;
		return err;
	case 'c':
		err = bvf_parse_uint("-c", arg, 0, 1, &v);
		o->check = v;
		return err;
	case 'd':
		return bvf_parse_types(o, arg);
	case 'o':
		return bvf_parse_redops(o, arg);
	case BVF_OPT_JSON:
		o->json = true;
		o->json_path = arg;
		return 0;
	default:
		return 1;
	}
}

static int bvf_opt_device(struct bvf_ar_opts *o, int c, const char *arg)
{
	uint64_t v = 0;
	int err;

	switch (c) {
	case BVF_OPT_DEVICE:
		o->device = arg;
		return 0;
	case BVF_OPT_IB_PORT:
		err = bvf_parse_uint("--ib-port", arg, 1, 255, &v);
		o->ib_port = (int)v;
		return err;
	case BVF_OPT_GID_INDEX:
		err = bvf_parse_uint("--gid-index", arg, 0, 255, &v);
		o->gid_index = (int)v;
		return err;
	case BVF_OPT_MTU:
		err = bvf_parse_uint("--mtu", arg, 256, 4096, &v);
		if (!err && (v & (v - 1)))
			return bvf_opts_bad("--mtu", arg,
					    "256, 512, 1024, 2048 or 4096");
		o->mtu = (unsigned int)v;
		return err;
	default:
		return 1;
	}
}

static int bvf_opt_tuning(struct bvf_ar_opts *o, int c, const char *arg)
{
	uint64_t v = 0;
	int err;

	switch (c) {
	case BVF_OPT_PIECE:
		err = bvf_parse_size("--piece", arg, 4096, 64 << 20, &v);
		o->piece = (uint32_t)v & ~63u;
		return err;
	case BVF_OPT_SLOTS:
		err = bvf_parse_uint("--slots", arg, 4, 256, &v);
		o->slots = (uint32_t)v & ~1u;
		return err;
	case BVF_OPT_DIRECT:
		return bvf_parse_size("--direct", arg, 0, BVF_AR_MAX_BYTES,
				      &o->direct_max);
	case BVF_OPT_POLL:
		o->waiting = BVF_AR_WAIT_POLL;
		return 0;
	case BVF_OPT_EVENTS:
		o->waiting = BVF_AR_WAIT_EVENTS;
		return 0;
	case BVF_OPT_SPIN:
		err = bvf_parse_uint("--spin", arg, 0, 1000000, &v);
		o->spin_us = (unsigned int)v;
		return err;
	default:
		return 1;
	}
}

/* Rank or size as a launcher put it into the environment, else -1. */
static int bvf_env_int(const char *const *names)
{
	for (; *names; names++) {
		const char *s = getenv(*names);
		char *end;
		long v;

		if (!s || !*s)
			continue;
		v = strtol(s, &end, 10);
		if (!*end && v >= 0 && v <= BVF_AR_MAX_RANKS)
			return (int)v;
	}
	return -1;
}

static int bvf_opts_finish(struct bvf_ar_opts *o)
{
	static const char *const ranks[] = {
		"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", NULL };
	static const char *const sizes[] = {
		"OMPI_COMM_WORLD_SIZE", "PMIX_SIZE", "PMI_SIZE", NULL };
	const char *bad = NULL;

	if (o->rank < 0)
		o->rank = bvf_env_int(ranks);
	if (o->nranks < 0)
		o->nranks = bvf_env_int(sizes);

	if (o->rank < 0 || o->nranks < 1)
		bad = "--rank and --nranks are needed, or a start by mpirun";
	else if (o->rank >= o->nranks)
		bad = "--rank must be less than --nranks";
	else if (o->nranks > 1 && !o->root_host[0])
		bad = "--root HOST:PORT is needed, the same on every rank";
	else if (o->min_bytes > o->max_bytes)
		bad = "-b must not be more than -e";
	else if (!o->min_bytes && !o->step_bytes && o->max_bytes)
		bad = "-b 0 needs -i, a multiple of 0 stays 0";
	else if (o->bind_addr && o->iface)
		bad = "--bind and --iface exclude each other";
	if (!bad)
		return 0;
	fprintf(stderr, "bvf-allreduce: %s (see --help)\n", bad);
	return -EINVAL;
}

static int bvf_opt_one(struct bvf_ar_opts *o, int c, const char *arg)
{
	int err;

	err = bvf_opt_meeting(o, c, arg);
	if (err > 0)
		err = bvf_opt_sweep(o, c, arg);
	if (err > 0)
		err = bvf_opt_device(o, c, arg);
	if (err > 0)
		err = bvf_opt_tuning(o, c, arg);
	return err;
}

int bvf_opts_parse(struct bvf_ar_opts *o, int argc, char **argv)
{
	int c;

	*o = (struct bvf_ar_opts) {
		.rank = -1, .nranks = -1, .transport = BVF_AR_RDMA,
		.min_bytes = 4, .max_bytes = 64 << 20, .factor = 2,
		.iters = 20, .warmup = 5, .check = true,
		.types = 1u << BVF_AR_F32, .redops = 1u << BVF_AR_SUM,
		.piece = 256 << 10, .slots = 16, .direct_max = 16 << 10,
		.gid_index = -1, .spin_us = 100, .timeout_s = 60,
	};
	while ((c = getopt_long(argc, argv, "b:e:f:i:n:w:d:o:c:h",
				bvf_long_opts, NULL)) != -1) {
		if (c == 'h') {
			fputs(bvf_help, stdout);
			return 1;
		}
		if (c == BVF_OPT_VERSION) {
			puts("bvf-allreduce " BVF_VERSION);
			return 1;
		}
		if (c == '?' || bvf_opt_one(o, c, optarg))
			return -EINVAL;
	}
	if (optind < argc) {
		fprintf(stderr, "bvf-allreduce: unexpected argument %s (see --help)\n",
			argv[optind]);
		return -EINVAL;
	}
	return bvf_opts_finish(o);
}
