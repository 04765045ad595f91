// SPDX-License-Identifier: GPL-2.0
/*
 * Control socket: one request line in, one JSON text out, then it is closed.
 * Knows no request; nothing here blocks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "card.h"
#include "json.h"
#include "lib/log.h"
#include "lib/usock.h"
#include "report.h"

#define MAX_CLIENTS	16
#define MAX_LINE	512

struct client {
	struct bvf_card *card;
	struct bvf_loop_src src;	/* fd -1: free */
	char line[MAX_LINE];
	size_t line_len;
	struct bvf_json out;
	size_t sent;
};

static struct client clients[MAX_CLIENTS];

static void client_end(struct client *c)
{
	bvf_loop_del(&c->card->loop, &c->src);
	close(c->src.fd);
	c->src.fd = -1;
	free(c->out.buf);
	c->out = (struct bvf_json){ 0 };
}

static void client_write(struct client *c)
{
	ssize_t n = send(c->src.fd, c->out.buf + c->sent, c->out.len - c->sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		n = 0;
	if (n < 0 || c->sent + (size_t)n == c->out.len) {
		client_end(c);
		return;
	}
	c->sent += (size_t)n;
	if (bvf_loop_mod(&c->card->loop, &c->src, EPOLLOUT))
		client_end(c);
}

static void client_read(struct client *c)
{
	ssize_t n = recv(c->src.fd, c->line + c->line_len,
			 sizeof(c->line) - c->line_len, MSG_DONTWAIT);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_end(c);
		return;
	}
	c->line_len += (size_t)n;
	end = memchr(c->line, '\n', c->line_len);
	if (!end) {
		if (c->line_len == sizeof(c->line))
			client_end(c);
		return;
	}
	*end = '\0';
	bvf_report(c->card, c->line, &c->out);
	bvf_json_newline(&c->out);
	if (c->out.failed)
		client_end(c);
	else
		client_write(c);
}

static void client_event(struct bvf_loop_src *src, uint32_t events)
{
	struct client *c = container_of(src, struct client, src);

	if (c->out.len)
		client_write(c);
	else if (events)
		client_read(c);
}

static void listen_event(struct bvf_loop_src *src, uint32_t events)
{
	struct bvf_card *card = container_of(src, struct bvf_card, ctl);
	int fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	for (int i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &clients[i];

		if (c->src.fd >= 0)
			continue;
		*c = (struct client){
			.card = card,
			.src = { .fd = fd, .fn = client_event },
		};
		if (bvf_loop_add(&card->loop, &c->src, EPOLLIN))
			break;
		return;
	}
	close(fd);
}

int bvf_ctlsock_start(struct bvf_card *card)
{
	int err;

	for (int i = 0; i < MAX_CLIENTS; i++)
		clients[i].src.fd = -1;
	card->ctl.fn = listen_event;
	card->ctl.fd = bvf_usock_listen(card->ctl_path);
	if (card->ctl.fd < 0)
		return card->ctl.fd;
	err = bvf_loop_add(&card->loop, &card->ctl, EPOLLIN);
	if (err)
		bvf_ctlsock_stop(card);
	return err;
}

void bvf_ctlsock_stop(struct bvf_card *card)
{
	if (card->ctl.fd < 0)
		return;
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (clients[i].src.fd >= 0)
			client_end(&clients[i]);
	bvf_loop_del(&card->loop, &card->ctl);
	close(card->ctl.fd);
	card->ctl.fd = -1;
	unlink(card->ctl_path);
}
