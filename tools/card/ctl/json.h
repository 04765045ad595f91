/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A JSON text being written. Knows syntax, not content.
 */
#ifndef BVF_JSON_H
#define BVF_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bvf_json {
	char *buf;
	size_t len, cap;
	bool comma;		/* before the next value */
	bool failed;		/* out of memory: what is there is not whole */
};

/* key: NULL within an array */
void bvf_json_open(struct bvf_json *js, const char *key, char bracket);
void bvf_json_close(struct bvf_json *js, char bracket);
void bvf_json_str(struct bvf_json *js, const char *key, const char *val);
void bvf_json_num(struct bvf_json *js, const char *key, uint64_t val);
void bvf_json_bool(struct bvf_json *js, const char *key, bool val);

/* After the outermost close. */
void bvf_json_newline(struct bvf_json *js);

#endif
