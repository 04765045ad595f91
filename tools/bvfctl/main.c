// SPDX-License-Identifier: GPL-2.0
/*
 * bvfctl: shows what a card is doing, in the manner of the rdma tool.
 * Turns the command line into a request; replies are printed elsewhere.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bvfctl.h"

#define BVF_DEFAULT_SOCK	"/run/bvf/ctl.sock"

#define BVF_EXIT_FAIL		1
#define BVF_EXIT_USAGE		2

enum bvf_arg { BVF_ARG_NAME, BVF_ARG_NUMBER };

struct bvf_key {
	const char *word;
	enum bvf_arg arg;
};

struct bvf_command {
	const char *object;
	const char *verb;		/* the first one of an object is its default */
	struct bvf_key keys[3];		/* the first also without its word */
	const char *help;
};

static const struct bvf_command bvf_commands[] = {
	{ "func", "show", { { "name", BVF_ARG_NAME } },
	  "functions: state, addresses, objects" },
	{ "qp", "show", { { "func", BVF_ARG_NAME }, { "qpn", BVF_ARG_NUMBER } },
	  "queue pairs: type, state, peer, indices" },
	{ "stat", "show", { { "func", BVF_ARG_NAME } },
	  "counters of functions" },
	{ "stat", "qp", { { "func", BVF_ARG_NAME }, { "qpn", BVF_ARG_NUMBER } },
	  "counters of queue pairs" },
	{ "network", "show", { { NULL, BVF_ARG_NAME } },
	  "tenant networks and their functions" },
	{ "version", NULL, { { NULL, BVF_ARG_NAME } },
	  "version of the card" },
};

#define BVF_NR_COMMANDS	(sizeof(bvf_commands) / sizeof(bvf_commands[0]))

static void bvf_usage(FILE *out)
{
	fputs("Usage: bvfctl [OPTIONS] OBJECT [COMMAND] [KEY VALUE]...\n\n"
	      "Options:\n"
	      "  -j, --json       print JSON\n"
	      "  -p, --pretty     print JSON for people\n"
	      "  -s, --sock PATH  control socket (else $BVF_SOCK, else "
	      BVF_DEFAULT_SOCK ")\n"
	      "  -V, --version    print the version of bvfctl\n"
	      "  -h, --help       print this\n\n"
	      "Commands:\n", out);

	for (size_t i = 0; i < BVF_NR_COMMANDS; i++) {
		const struct bvf_command *c = &bvf_commands[i];
		char line[64];
		int n;

		n = snprintf(line, sizeof(line), "%s%s%s", c->object,
			     c->verb ? " " : "", c->verb ? c->verb : "");
		for (const struct bvf_key *k = c->keys; k->word; k++)
			n += snprintf(line + n, sizeof(line) - n, " [%s %s]",
				      k->word, k->arg == BVF_ARG_NAME ?
				      "NAME" : "N");
		fprintf(out, "  %-34s %s\n", line, c->help);
	}
}

static bool bvf_is_prefix(const char *word, const char *full)
{
	return *word && !strncmp(word, full, strlen(word));
}

/* The first command whose words start with those given, as ip and rdma do. */
static const struct bvf_command *bvf_find(const char *object, const char *verb)
{
	for (size_t i = 0; i < BVF_NR_COMMANDS; i++) {
		const struct bvf_command *c = &bvf_commands[i];

		if (!bvf_is_prefix(object, c->object))
			continue;
		if (!verb || !c->verb || bvf_is_prefix(verb, c->verb))
			return c;
	}
	return NULL;
}

static const struct bvf_key *bvf_find_key(const struct bvf_command *c,
					  const char *word)
{
	for (const struct bvf_key *k = c->keys; k->word; k++)
		if (!strcmp(word, k->word))
			return k;
	return NULL;
}

static int bvf_check_value(const struct bvf_key *key, const char *value)
{
	char *end;

	if (key->arg == BVF_ARG_NAME) {
		for (const char *p = value; *p; p++)
			if (*p <= ' ' || *p > '~')
				return -1;
		return *value ? 0 : -1;
	}
	if (*value < '0' || *value > '9')
		return -1;
	errno = 0;
	return strtoull(value, &end, 0) > 0xffffffffull || errno || *end ?
	       -1 : 0;
}

static int bvf_add(char *req, const char *word)
{
	size_t used = strlen(req);
	int n = snprintf(req + used, BVF_REQ_MAX - used, "%s%s",
			 used ? " " : "", word);

	if (n < 0 || (size_t)n >= BVF_REQ_MAX - used - 1) {
		fprintf(stderr, "bvfctl: command line too long\n");
		return -1;
	}
	return 0;
}

static int bvf_add_key(char *req, const struct bvf_key *key, const char *value)
{
	char number[16];

	if (bvf_check_value(key, value)) {
		fprintf(stderr, "bvfctl: \"%s\" is not a %s\n", value,
			key->arg == BVF_ARG_NAME ? "name" : "number");
		return -1;
	}
	if (key->arg == BVF_ARG_NUMBER) {
		snprintf(number, sizeof(number), "%llu",
			 strtoull(value, NULL, 0));
		value = number;
	}
	return bvf_add(req, key->word) || bvf_add(req, value) ? -1 : 0;
}

/* Makes the request line of the words of a command. */
static int bvf_request(int nr, char **words, char *req)
{
	const struct bvf_command *c;
	const char *verb = nr > 1 ? words[1] : NULL;
	int i = 1;

	/* "func name X" and "func X": the verb may be left out */
	c = bvf_find(words[0], verb);
	if (c && verb && c->verb)
		i = 2;
	if (!c)
		c = bvf_find(words[0], NULL);
	if (!c) {
		fprintf(stderr, "bvfctl: no such object \"%s\", try \"bvfctl help\"\n",
			words[0]);
		return -1;
	}
	if (bvf_add(req, c->object) || (c->verb && bvf_add(req, c->verb)))
		return -1;

	while (i < nr) {
		const struct bvf_key *key = bvf_find_key(c, words[i]);

		if (key && i + 1 == nr) {
			fprintf(stderr, "bvfctl: \"%s\" needs a value\n", words[i]);
			return -1;
		}
		if (key)
			i++;
		else if (i + 1 == nr && c->keys[0].word)
			key = &c->keys[0];
		if (!key) {
			fprintf(stderr, "bvfctl: unknown argument \"%s\", try \"bvfctl help\"\n",
				words[i]);
			return -1;
		}
		if (bvf_add_key(req, key, words[i++]))
			return -1;
	}
	strcat(req, "\n");
	return 0;
}

enum bvf_format { BVF_TEXT, BVF_JSON, BVF_PRETTY };

static int bvf_show(const char *sock, const char *req, enum bvf_format format)
{
	char *reply;
	size_t len;
	int err = 0;

	if (bvf_ask(sock, req, &reply, &len))
		return BVF_EXIT_FAIL;

	if (bvf_print_error(reply, len, stderr)) {
		free(reply);
		return BVF_EXIT_FAIL;
	}

	if (format == BVF_JSON)
		fwrite(reply, 1, len, stdout);
	else if (format == BVF_PRETTY)
		err = bvf_print_pretty(reply, len, stdout);
	else
		err = bvf_print_text(reply, len, stdout);
	free(reply);

	if (err) {
		fprintf(stderr, "bvfctl: %s: this is not a reply of bvf-card\n", sock);
		return BVF_EXIT_FAIL;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "bvfctl: stdout: %s\n", strerror(errno));
		return BVF_EXIT_FAIL;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "pretty", no_argument, NULL, 'p' },
		{ "sock", required_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	const char *sock = getenv("BVF_SOCK");
	enum bvf_format format = BVF_TEXT;
	char req[BVF_REQ_MAX] = "";
	int opt;

	if (!sock || !*sock)
		sock = BVF_DEFAULT_SOCK;

	while ((opt = getopt_long(argc, argv, "+jps:Vh", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			format = BVF_JSON;
			break;
		case 'p':
			format = BVF_PRETTY;
			break;
		case 's':
			sock = optarg;
			break;
		case 'V':
			printf("bvfctl %s\n", BVF_VERSION);
			return 0;
		case 'h':
			bvf_usage(stdout);
			return 0;
		default:
			fprintf(stderr, "bvfctl: try \"bvfctl --help\"\n");
			return BVF_EXIT_USAGE;
		}
	}

	if (optind == argc) {
		bvf_usage(stderr);
		return BVF_EXIT_USAGE;
	}
	if (!strcmp(argv[optind], "help")) {
		bvf_usage(stdout);
		return 0;
	}
	if (bvf_request(argc - optind, argv + optind, req))
		return BVF_EXIT_USAGE;
	return bvf_show(sock, req, format);
}
