// SPDX-License-Identifier: GPL-2.0
/*
 * Failure of the library. Knows nothing of bvf.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fail.h"

const char *bvf_fail_file;
int bvf_fail_line;

void bvf_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# ");
	if (bvf_fail_file)
		printf("%s:%d: ", bvf_fail_file, bvf_fail_line);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
	exit(1);
}
