// SPDX-License-Identifier: GPL-2.0
/*
 * bvfctl: prints replies, as text in the manner of the rdma tool, or as JSON.
 * Knows no key: what a card adds to a reply is printed without a change here.
 *
 * Text: an object is "key value" pairs on one line, an array of objects one
 * line for each, an array of values a comma-separated list.
 */
#include <string.h>

#include "bvfctl.h"

#define BVF_DEPTH_MAX	8

/* One value inside of a line, whose first token has been read. */
static int bvf_text_value(struct bvf_json *js, enum bvf_tok tok, FILE *out,
			  int depth);

/* Members of an object, or items of an array, up to the closing bracket. */
static int bvf_text_members(struct bvf_json *js, int object, FILE *out,
			    int depth)
{
	enum bvf_tok tok = bvf_json_next(js);
	int first = 1;

	if (depth > BVF_DEPTH_MAX)
		return -1;

	while (tok != BVF_TOK_CLOSE) {
		if (!first) {
			if (tok != BVF_TOK_COMMA)
				return -1;
			fputc(object ? ' ' : ',', out);
			tok = bvf_json_next(js);
		}
		first = 0;

		if (object) {
			if (tok != BVF_TOK_STRING)
				return -1;
			bvf_json_puts(js, out);
			fputc(' ', out);
			if (bvf_json_next(js) != BVF_TOK_COLON)
				return -1;
			tok = bvf_json_next(js);
		}
		if (bvf_text_value(js, tok, out, depth + 1))
			return -1;
		tok = bvf_json_next(js);
	}
	if (first && !object)
		fputc('-', out);
	return *js->tok == (object ? '}' : ']') ? 0 : -1;
}

static int bvf_text_value(struct bvf_json *js, enum bvf_tok tok, FILE *out,
			  int depth)
{
	switch (tok) {
	case BVF_TOK_STRING:
		bvf_json_puts(js, out);
		return 0;
	case BVF_TOK_ATOM:
		fwrite(js->tok, 1, js->tok_len, out);
		return 0;
	case BVF_TOK_OPEN:
		return bvf_text_members(js, *js->tok == '{', out, depth);
	default:
		return -1;
	}
}

int bvf_print_text(const char *text, size_t len, FILE *out)
{
	enum bvf_tok tok;
	struct bvf_json js;

	bvf_json_init(&js, text, len);
	tok = bvf_json_next(&js);
	if (tok != BVF_TOK_OPEN)
		return -1;

	if (*js.tok == '{') {
		if (bvf_text_members(&js, 1, out, 0))
			return -1;
		fputc('\n', out);
		return bvf_json_next(&js) == BVF_TOK_END ? 0 : -1;
	}

	tok = bvf_json_next(&js);
	while (tok != BVF_TOK_CLOSE) {
		if (bvf_text_value(&js, tok, out, 0))
			return -1;
		fputc('\n', out);
		tok = bvf_json_next(&js);
		if (tok == BVF_TOK_COMMA)
			tok = bvf_json_next(&js);
	}
	return *js.tok == ']' && bvf_json_next(&js) == BVF_TOK_END ? 0 : -1;
}

static void bvf_indent(int depth, FILE *out)
{
	fprintf(out, "\n%*s", 4 * depth, "");
}

int bvf_print_pretty(const char *text, size_t len, FILE *out)
{
	enum bvf_tok tok, last = BVF_TOK_COMMA;
	struct bvf_json js;
	int depth = 0;

	bvf_json_init(&js, text, len);
	while ((tok = bvf_json_next(&js)) != BVF_TOK_END) {
		if (tok == BVF_TOK_BAD || depth > BVF_DEPTH_MAX)
			return -1;
		if (tok == BVF_TOK_CLOSE && --depth >= 0 && last != BVF_TOK_OPEN)
			bvf_indent(depth, out);
		else if (last == BVF_TOK_OPEN && tok != BVF_TOK_CLOSE)
			bvf_indent(depth, out);
		if (depth < 0)
			return -1;

		if (tok == BVF_TOK_STRING)
			fprintf(out, "\"%.*s\"", (int)js.tok_len, js.tok);
		else
			fwrite(js.tok, 1, js.tok_len, out);

		if (tok == BVF_TOK_OPEN)
			depth++;
		if (tok == BVF_TOK_COLON)
			fputc(' ', out);
		if (tok == BVF_TOK_COMMA)
			bvf_indent(depth, out);
		last = tok;
	}
	fputc('\n', out);
	return depth ? -1 : 0;
}

int bvf_print_error(const char *text, size_t len, FILE *out)
{
	static const char key[] = "error";
	struct bvf_json js;

	bvf_json_init(&js, text, len);
	if (bvf_json_next(&js) != BVF_TOK_OPEN || *js.tok != '{' ||
	    bvf_json_next(&js) != BVF_TOK_STRING ||
	    js.tok_len != strlen(key) || memcmp(js.tok, key, js.tok_len) ||
	    bvf_json_next(&js) != BVF_TOK_COLON ||
	    bvf_json_next(&js) != BVF_TOK_STRING)
		return 0;

	fputs("bvfctl: ", out);
	bvf_json_puts(&js, out);
	fputc('\n', out);
	return 1;
}
