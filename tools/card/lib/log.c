// SPDX-License-Identifier: GPL-2.0
/*
 * Levelled, rate-limited logging to stderr. Each line is one write(), so lines
 * of the two card processes do not mix.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define BVF_LOG_BURST		20
#define BVF_LOG_WINDOW_NS	5000000000ull

static const char *const level_names[] = {
	[BVF_LOG_ERR]	= "error",
	[BVF_LOG_WARN]	= "warn",
	[BVF_LOG_INFO]	= "info",
	[BVF_LOG_DEBUG]	= "debug",
};
_Static_assert(sizeof(level_names) / sizeof(level_names[0]) == BVF_LOG_NR,
	       "a name for each level");

static const char *log_prog = "bvf";
static enum bvf_log_level log_level = BVF_LOG_INFO;

void bvf_log_init(const char *prog, enum bvf_log_level level)
{
	log_prog = prog;
	log_level = level;
}

int bvf_log_parse_level(const char *name)
{
	for (int i = 0; i < BVF_LOG_NR; i++)
		if (!strcmp(name, level_names[i]))
			return i;
	return -EINVAL;
}

/* Return: true if the line may be written, with the suppressed count taken */
static int limit_pass(struct bvf_log_limit *limit, uint32_t *dropped)
{
	struct timespec ts;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
	if (!limit->window_ns || now - limit->window_ns > BVF_LOG_WINDOW_NS) {
		limit->window_ns = now;
		limit->used = 0;
	}
	if (limit->used >= BVF_LOG_BURST) {
		limit->dropped++;
		return 0;
	}
	limit->used++;
	*dropped = limit->dropped;
	limit->dropped = 0;
	return 1;
}

void bvf_log_write(enum bvf_log_level level, struct bvf_log_limit *limit,
		   const char *fmt, ...)
{
	char line[512];
	uint32_t dropped = 0;
	va_list ap;
	int len, more;

	if (level > log_level || !limit_pass(limit, &dropped))
		return;

	len = snprintf(line, sizeof(line), "%s: %s: ", log_prog,
		       level_names[level]);
	va_start(ap, fmt);
	more = vsnprintf(line + len, sizeof(line) - (size_t)len, fmt, ap);
	va_end(ap);
	if (more < 0)
		return;
	len += more;
	if (dropped && (size_t)len < sizeof(line))
		len += snprintf(line + len, sizeof(line) - (size_t)len,
				" (%u like it suppressed)", dropped);
	if ((size_t)len > sizeof(line) - 1)
		len = sizeof(line) - 1;
	for (int i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ')
			line[i] = '?';
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}
