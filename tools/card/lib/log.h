/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Levelled, rate-limited logging to stderr, one line an event, for both card
 * processes. Knows nothing of functions, guests or objects.
 */
#ifndef BVF_LOG_H
#define BVF_LOG_H

#include <stdint.h>

enum bvf_log_level {
	BVF_LOG_ERR,
	BVF_LOG_WARN,
	BVF_LOG_INFO,
	BVF_LOG_DEBUG,
	BVF_LOG_NR,
};

/* A burst of lines from one place in the code, then one per interval. */
struct bvf_log_limit {
	uint64_t window_ns;	/* start of the current interval */
	uint32_t used;		/* lines written in it */
	uint32_t dropped;	/* lines suppressed since the last one written */
};

/**
 * bvf_log_init() - Name the program and set the level
 * @prog:	name at the start of each line, kept by reference
 * @level:	least important level that is still written
 */
void bvf_log_init(const char *prog, enum bvf_log_level level);

/**
 * bvf_log_parse_level() - Level from its name
 * @name:	"error", "warn", "info" or "debug"
 *
 * Return: the level, -EINVAL if there is none of that name
 */
int bvf_log_parse_level(const char *name);

void bvf_log_write(enum bvf_log_level level, struct bvf_log_limit *limit,
		   const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Every use has its own limit, so a guest that provokes one message cannot
 * silence the others.
 */
#define bvf_log(level, ...)						\
	do {								\
		static struct bvf_log_limit limit_;			\
		bvf_log_write(level, &limit_, __VA_ARGS__);		\
	} while (0)

#define bvf_err(...)	bvf_log(BVF_LOG_ERR, __VA_ARGS__)
#define bvf_warn(...)	bvf_log(BVF_LOG_WARN, __VA_ARGS__)
#define bvf_info(...)	bvf_log(BVF_LOG_INFO, __VA_ARGS__)
#define bvf_dbg(...)	bvf_log(BVF_LOG_DEBUG, __VA_ARGS__)

#endif
