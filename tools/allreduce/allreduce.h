/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Types shared by all parts of bvf-allreduce: options, element types, buffers.
 * It must not know any transport or the wire format of the meeting.
 */
#ifndef BVF_ALLREDUCE_H
#define BVF_ALLREDUCE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define BVF_AR_MAX_RANKS	256
#define BVF_AR_MAX_BYTES	(16ULL << 30)
#define BVF_AR_TEXT_LEN		192

#define BVF_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

enum bvf_ar_type {
	BVF_AR_F32,
	BVF_AR_F16,
	BVF_AR_BF16,
	BVF_AR_I32,
	BVF_AR_NR_TYPES,
};

enum bvf_ar_redop {
	BVF_AR_SUM,
	BVF_AR_MIN,
	BVF_AR_MAX,
	BVF_AR_NR_REDOPS,
};

enum bvf_ar_transport {
	BVF_AR_RDMA,
	BVF_AR_TCP,
};

/* What to do while nothing arrives. */
enum bvf_ar_waiting {
	BVF_AR_WAIT_HYBRID,	/* spin for spin_us, then sleep on events */
	BVF_AR_WAIT_POLL,	/* spin, giving up the core between looks */
	BVF_AR_WAIT_EVENTS,	/* sleep at once */
};

struct bvf_ar_opts {
	int rank;
	int nranks;
	char root_host[256];
	char root_port[8];
	const char *bind_addr;	/* NULL: the address the ranks met on */
	const char *iface;
	enum bvf_ar_transport transport;

	uint64_t min_bytes;
	uint64_t max_bytes;
	uint64_t step_bytes;	/* 0: multiply by factor instead */
	unsigned int factor;
	unsigned int iters;
	unsigned int warmup;
	unsigned int row_ms;	/* 0: no limit on the time of one row */
	unsigned int types;	/* bit per enum bvf_ar_type */
	unsigned int redops;	/* bit per enum bvf_ar_redop */
	bool check;

	uint32_t piece;		/* bytes, largest pipelined piece */
	uint32_t slots;		/* pieces in flight towards a rank */
	uint64_t direct_max;	/* bytes up to which two ranks swap it all */

	const char *device;
	int ib_port;		/* 0: first active one */
	int gid_index;		/* -1: pick */
	unsigned int mtu;	/* 0: the port's active one */

	enum bvf_ar_waiting waiting;
	unsigned int spin_us;
	unsigned int timeout_s;

	bool json;
	const char *json_path;	/* NULL with json: standard output */
};

/* One rank's two buffers; out is where peers write finished chunks. */
struct bvf_ar_bufs {
	void *in;
	void *out;
	size_t len;		/* of each */
};

static inline uint64_t bvf_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* main.c: set by SIGINT and SIGTERM, looked at wherever a rank waits. */
extern volatile sig_atomic_t bvf_interrupted;

/* opts.c: 0 to go on, 1 when all is done (--help), -EINVAL after a message. */
int bvf_opts_parse(struct bvf_ar_opts *o, int argc, char **argv);

/* Names, for options and output alike. */
const char *bvf_type_name(enum bvf_ar_type type);
const char *bvf_redop_name(enum bvf_ar_redop op);
const char *bvf_transport_name(enum bvf_ar_transport tp);

/* mem.c: aligned to 64 bytes, zeroed; NULL if there is none. */
enum bvf_mem_use {
	BVF_MEM_IN,
	BVF_MEM_OUT,
	BVF_MEM_SLOTS,
};
void *bvf_mem_alloc(size_t len, enum bvf_mem_use use);
void bvf_mem_free(void *p, size_t len, enum bvf_mem_use use);

/* reduce.c: dst[i] = a[i] op b[i]; the three do not overlap. */
typedef void (*bvf_reduce_fn)(void *dst, const void *a, const void *b,
			      size_t count);
unsigned int bvf_type_size(enum bvf_ar_type type);
void bvf_reduce_init(void);
bvf_reduce_fn bvf_reduce_get(enum bvf_ar_type type, enum bvf_ar_redop op);

/* check.c: values that every partial sum represents exactly. */
void bvf_check_fill(void *buf, enum bvf_ar_type type, size_t count,
		    uint32_t seed, int rank, int nranks);
uint64_t bvf_check_wrong(const void *buf, enum bvf_ar_type type,
			 enum bvf_ar_redop op, size_t count, uint32_t seed,
			 int nranks);

#endif
