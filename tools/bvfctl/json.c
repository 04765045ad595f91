// SPDX-License-Identifier: GPL-2.0
/*
 * bvfctl: JSON tokens.
 * Checks tokens, not their order; knows no request and no reply.
 */
#include <stdlib.h>
#include <string.h>

#include "bvfctl.h"

void bvf_json_init(struct bvf_json *js, const char *text, size_t len)
{
	js->pos = text;
	js->end = text + len;
	js->tok = text;
	js->tok_len = 0;
}

static enum bvf_tok bvf_json_string(struct bvf_json *js)
{
	js->tok = ++js->pos;
	while (js->pos < js->end && *js->pos != '"') {
		if (*js->pos == '\\')
			js->pos++;
		js->pos++;
	}
	if (js->pos >= js->end)
		return BVF_TOK_BAD;
	js->tok_len = js->pos++ - js->tok;
	return BVF_TOK_STRING;
}

static enum bvf_tok bvf_json_atom(struct bvf_json *js)
{
	static const char chars[] = "+-.0123456789abcdefghijklmnopqrstuvwxyzE";

	js->tok = js->pos;
	while (js->pos < js->end && *js->pos && strchr(chars, *js->pos))
		js->pos++;
	js->tok_len = js->pos - js->tok;
	return js->tok_len ? BVF_TOK_ATOM : BVF_TOK_BAD;
}

enum bvf_tok bvf_json_next(struct bvf_json *js)
{
	while (js->pos < js->end && *js->pos && strchr(" \t\r\n", *js->pos))
		js->pos++;
	if (js->pos == js->end)
		return BVF_TOK_END;

	js->tok = js->pos;
	js->tok_len = 1;
	switch (*js->pos) {
	case '{':
	case '[':
		js->pos++;
		return BVF_TOK_OPEN;
	case '}':
	case ']':
		js->pos++;
		return BVF_TOK_CLOSE;
	case ',':
		js->pos++;
		return BVF_TOK_COMMA;
	case ':':
		js->pos++;
		return BVF_TOK_COLON;
	case '"':
		return bvf_json_string(js);
	default:
		return bvf_json_atom(js);
	}
}

/* One escape, at its backslash. Returns the bytes that it takes. */
static size_t bvf_json_escape(const char *s, size_t len, FILE *out)
{
	unsigned long code;
	char hex[5] = "";

	if (len < 2)
		return len;
	if (s[1] == 'u' && len >= 6) {
		memcpy(hex, s + 2, 4);
		code = strtoul(hex, NULL, 16);
		fputc(code >= 0x20 && code < 0x7f ? (int)code : '?', out);
		return 6;
	}
	fputc(strchr("\"\\/", s[1]) ? s[1] : ' ', out);
	return 2;
}

void bvf_json_puts(const struct bvf_json *js, FILE *out)
{
	size_t i = 0;

	while (i < js->tok_len) {
		unsigned char c = js->tok[i];

		if (c == '\\') {
			i += bvf_json_escape(js->tok + i, js->tok_len - i, out);
			continue;
		}
		fputc(c < 0x20 || c == 0x7f ? '?' : c, out);
		i++;
	}
}
