// SPDX-License-Identifier: GPL-2.0
/*
 * A JSON text being written.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

static void put(struct bvf_json *js, const char *s, size_t len)
{
	if (js->failed)
		return;
	if (js->cap - js->len < len) {
		size_t cap = js->cap ? js->cap : 1024;
		char *buf;

		while (cap - js->len < len)
			cap *= 2;
		buf = realloc(js->buf, cap);
		if (!buf) {
			js->failed = true;
			return;
		}
		js->buf = buf;
		js->cap = cap;
	}
	memcpy(js->buf + js->len, s, len);
	js->len += len;
}

static void put_string(struct bvf_json *js, const char *s)
{
	put(js, "\"", 1);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		char esc[8];

		if (c == '"' || c == '\\')
			put(js, esc, (size_t)snprintf(esc, sizeof(esc), "\\%c", c));
		else if (c < ' ')
			put(js, esc, (size_t)snprintf(esc, sizeof(esc), "\\u%04x", c));
		else
			put(js, s, 1);
	}
	put(js, "\"", 1);
}

static void put_key(struct bvf_json *js, const char *key)
{
	if (js->comma)
		put(js, ",", 1);
	js->comma = true;
	if (key) {
		put_string(js, key);
		put(js, ":", 1);
	}
}

void bvf_json_open(struct bvf_json *js, const char *key, char bracket)
{
	put_key(js, key);
	put(js, &bracket, 1);
	js->comma = false;
}

void bvf_json_close(struct bvf_json *js, char bracket)
{
	put(js, &bracket, 1);
	js->comma = true;
}

void bvf_json_str(struct bvf_json *js, const char *key, const char *val)
{
	put_key(js, key);
	put_string(js, val);
}

void bvf_json_num(struct bvf_json *js, const char *key, uint64_t val)
{
	char text[24];

	put_key(js, key);
	put(js, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, val));
}

void bvf_json_bool(struct bvf_json *js, const char *key, bool val)
{
	put_key(js, key);
	put(js, val ? "true" : "false", val ? 4 : 5);
}

void bvf_json_newline(struct bvf_json *js)
{
	put(js, "\n", 1);
}
