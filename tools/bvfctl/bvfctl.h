/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bvfctl: what its files offer to each other.
 * The card's own types are not used: all it knows comes as JSON.
 */
#ifndef BVFCTL_H
#define BVFCTL_H

#include <stddef.h>
#include <stdio.h>

#define BVF_REQ_MAX	512		/* bytes of a request line */

/* sock.c */
/**
 * bvf_ask() - Send a request to the card and take its whole reply
 * @path:	control socket
 * @req:	request line, with its newline
 * @reply:	set to the reply, NUL-terminated; the caller frees it
 * @len:	set to its length
 *
 * Return: 0, or -1 after the cause and its remedy have been printed
 */
int bvf_ask(const char *path, const char *req, char **reply, size_t *len);

/* json.c */
enum bvf_tok {
	BVF_TOK_END,			/* of the text */
	BVF_TOK_BAD,			/* this is not JSON */
	BVF_TOK_OPEN,			/* { or [ */
	BVF_TOK_CLOSE,			/* } or ] */
	BVF_TOK_COMMA,
	BVF_TOK_COLON,
	BVF_TOK_STRING,
	BVF_TOK_ATOM,			/* number, true, false, null */
};

struct bvf_json {
	const char *pos, *end;
	const char *tok;		/* the last token: bytes as they stand there */
	size_t tok_len;			/* strings: without the quotes */
};

void bvf_json_init(struct bvf_json *js, const char *text, size_t len);
enum bvf_tok bvf_json_next(struct bvf_json *js);
/* Writes the last string, its escapes resolved, never a control character. */
void bvf_json_puts(const struct bvf_json *js, FILE *out);

/* print.c; all return 0, or -1 if the text is not what a card may send */
int bvf_print_text(const char *text, size_t len, FILE *out);
int bvf_print_pretty(const char *text, size_t len, FILE *out);
/* 1 if the reply is an error, whose message goes to out; 0 if it is none */
int bvf_print_error(const char *text, size_t len, FILE *out);

#endif /* BVFCTL_H */
