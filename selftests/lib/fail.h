/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the library ends a program when something is not as it must be: one line
 * that names the place in the test, then exit code 1. Knows nothing of bvf.
 */
#ifndef BVF_FAIL_H
#define BVF_FAIL_H

extern const char *bvf_fail_file;
extern int bvf_fail_line;

void bvf_fail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* Remembers the caller; for macros that wrap what a test calls. */
#define BVF_HERE()	(bvf_fail_file = __FILE__, bvf_fail_line = __LINE__)

#endif /* BVF_FAIL_H */
