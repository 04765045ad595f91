/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KTAP harness: each test case runs in a process of its own, in a process
 * group of its own and against a time limit. Knows nothing of bvf.
 *
 *   TAP_TEST(name) { TAP_EQ(1 + 1, 2); }
 *   TAP_TABLE(name, row type, table, row) { TAP_EQ(row->in, row->out); }
 *   TAP_MAIN()
 *
 * A table makes one test case of each row; a row starts with its name.
 * Arguments of the program select cases by a part of their name; -l lists.
 */
#ifndef BVF_TAP_H
#define BVF_TAP_H

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TAP_SKIP_CODE	4	/* exit code of kselftest */
#define TAP_TIMEOUT	30	/* seconds a test case, unless it sets its own */

struct tap_case {
	const char *name;
	void (*fn)(const void *row);
	const void *rows;	/* table, or NULL */
	size_t row_size, nr_rows;
	unsigned int timeout;
	struct tap_case *next;
};

static struct tap_case *tap_first, **tap_last = &tap_first;

static inline void tap_register(struct tap_case *c)
{
	*tap_last = c;
	tap_last = &c->next;
}

#define TAP_REGISTER(id, ...)						\
	static void __attribute__((constructor)) tap_reg_##id(void)	\
	{								\
		static struct tap_case c = { __VA_ARGS__ };		\
		tap_register(&c);					\
	}

#define TAP_TEST_TIMEOUT(id, secs)					\
	static void tap_##id(void);					\
	static void tap_call_##id(const void *row)			\
	{								\
		(void)row;						\
		tap_##id();						\
	}								\
	TAP_REGISTER(id, .name = #id, .fn = tap_call_##id, .timeout = (secs)) \
	static void tap_##id(void)

#define TAP_TEST(id)	TAP_TEST_TIMEOUT(id, TAP_TIMEOUT)

#define TAP_TABLE(id, type, table, row)					\
	static void tap_##id(const type *row);				\
	static void tap_call_##id(const void *r)			\
	{								\
		tap_##id(r);						\
	}								\
	TAP_REGISTER(id, .name = #id, .fn = tap_call_##id, .rows = table, \
		     .row_size = sizeof(type),				\
		     .nr_rows = sizeof(table) / sizeof((table)[0]),	\
		     .timeout = TAP_TIMEOUT)				\
	static void tap_##id(const type *row)

#define tap_note(...)	(printf("# " __VA_ARGS__), putchar('\n'), fflush(stdout))

#define TAP_FAIL(fmt, ...)						\
	do {								\
		printf("# %s:%d: " fmt "\n", __FILE__, __LINE__, ##__VA_ARGS__); \
		fflush(stdout);						\
		exit(1);						\
	} while (0)

#define TAP_SKIP(fmt, ...)						\
	do {								\
		printf("# skipped: " fmt "\n", ##__VA_ARGS__);		\
		fflush(stdout);						\
		exit(TAP_SKIP_CODE);					\
	} while (0)

#define TAP_OK(cond)							\
	do {								\
		if (!(cond))						\
			TAP_FAIL("not so: %s", #cond);			\
	} while (0)

#define TAP_CMP(a, op, b)						\
	do {								\
		__typeof__(a) a_ = (a);					\
		__typeof__(b) b_ = (b);					\
		if (!(a_ op b_))					\
			TAP_FAIL("%s is %lld (%#llx), wanted %s %lld (%#llx)", \
				 #a, (long long)a_, (long long)a_, #op,	\
				 (long long)b_, (long long)b_);		\
	} while (0)

#define TAP_EQ(a, b)	TAP_CMP(a, ==, b)
#define TAP_NE(a, b)	TAP_CMP(a, !=, b)
#define TAP_GE(a, b)	TAP_CMP(a, >=, b)
#define TAP_LE(a, b)	TAP_CMP(a, <=, b)

static char tap_dir[64];

/* A directory of the test case; the harness makes and removes it. */
static inline const char *tap_tmpdir(void)
{
	return tap_dir;
}

static inline uint64_t tap_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int tap_rm_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static volatile sig_atomic_t tap_stop;	/* by this signal */

static void tap_on_signal(int sig)
{
	tap_stop = sig;
}

/* Return: exit code of the case, 128 + signal, or -1 when it ran too long */
static int tap_run(const struct tap_case *c, const void *row)
{
	uint64_t end = tap_now_ns() + c->timeout * 1000000000ull;
	int status = 0;
	pid_t pid, got;

	strcpy(tap_dir, "/tmp/bvf-test.XXXXXX");
	if (!mkdtemp(tap_dir))
		TAP_FAIL("mkdtemp: %s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		c->fn(row);
		fflush(stdout);
		_exit(0);
	}
	setpgid(pid, pid);
	while (!(got = waitpid(pid, &status, WNOHANG)) && !tap_stop && tap_now_ns() < end)
		usleep(1000);
	/* the whole group: what the case started goes with it */
	kill(-pid, SIGKILL);
	if (!got)
		waitpid(pid, &status, 0);
	nftw(tap_dir, tap_rm_one, 8, FTW_DEPTH | FTW_PHYS);
	if (tap_stop)
		exit(128 + tap_stop);
	if (!got)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int tap_selected(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strstr(name, argv[i]))
			return 1;
	return argc < 2;
}

static void tap_full_name(char *buf, size_t len, const struct tap_case *c,
			  size_t i)
{
	const char *const *row = (const void *)((const char *)c->rows +
						i * c->row_size);

	snprintf(buf, len, "%s%s%s", c->name, c->rows ? "." : "",
		 c->rows ? *row : "");
}

static int tap_nr, tap_bad, tap_skipped;

static inline void tap_report(const char *name, int code, uint64_t ns)
{
	int bad = code && code != TAP_SKIP_CODE;

	if (code < 0)
		printf("# ran too long\n");
	else if (code > 128)
		printf("# ended by signal %d\n", code - 128);
	printf("%s %d %s%s # %llu ms\n", bad ? "not ok" : "ok", ++tap_nr, name,
	       code == TAP_SKIP_CODE ? " # SKIP" : "",
	       (unsigned long long)ns / 1000000);
	fflush(stdout);
	tap_bad += bad;
	tap_skipped += code == TAP_SKIP_CODE;
}

typedef void tap_visit(const struct tap_case *c, const void *row, const char *name);

static inline void tap_show(const struct tap_case *c, const void *row, const char *name)
{
	(void)c;
	(void)row;
	puts(name);
}

static inline void tap_do(const struct tap_case *c, const void *row, const char *name)
{
	uint64_t t0 = tap_now_ns();
	int code = tap_run(c, row);

	tap_report(name, code, tap_now_ns() - t0);
}

/* Return: how many cases are selected; visit may be NULL */
static inline size_t tap_walk(int argc, char **argv, tap_visit *visit)
{
	char name[256];
	size_t n = 0;

	for (struct tap_case *c = tap_first; c; c = c->next)
		for (size_t i = 0; i < (c->rows ? c->nr_rows : 1); i++) {
			tap_full_name(name, sizeof(name), c, i);
			if (!tap_selected(name, argc, argv))
				continue;
			n++;
			if (visit)
				visit(c, (const char *)c->rows + i * c->row_size, name);
		}
	return n;
}

static int tap_main(int argc, char **argv)
{
	signal(SIGINT, tap_on_signal);
	signal(SIGTERM, tap_on_signal);
	signal(SIGHUP, tap_on_signal);
	signal(SIGPIPE, tap_on_signal);
	if (argc == 2 && !strcmp(argv[1], "-l")) {
		tap_walk(1, argv, tap_show);
		return 0;
	}
	printf("TAP version 13\n1..%zu\n", tap_walk(argc, argv, NULL));
	tap_walk(argc, argv, tap_do);
	printf("# Totals: pass:%d fail:%d skip:%d\n", tap_nr - tap_bad - tap_skipped,
	       tap_bad, tap_skipped);
	if (tap_nr && tap_skipped == tap_nr)
		return TAP_SKIP_CODE;
	return tap_bad ? 1 : 0;
}

#define TAP_MAIN()							\
	int main(int argc, char **argv)					\
	{								\
		return tap_main(argc, argv);				\
	}

#endif /* BVF_TAP_H */
