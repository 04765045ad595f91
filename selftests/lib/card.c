// SPDX-License-Identifier: GPL-2.0
/*
 * Starting, watching and stopping bvf-card.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bvf_drv.h"
#include "card.h"
#include "fail.h"

#ifndef BVF_CARD_DEFAULT
#define BVF_CARD_DEFAULT	"../../build/card-asan/bvf-card"
#endif
#define READY_TEXT		"ready"
#define START_MS		20000
#define STOP_MS			20000

static struct bvf_card *running;	/* for its log, when the test fails */

static void sleep_ms(int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

/* Return: the log's text, to be freed */
static char *log_read(struct bvf_card *c)
{
	char *text = calloc(1, 65537);
	FILE *f = fopen(c->log, "r");

	if (!text)
		bvf_fail("out of memory");
	if (f) {
		fseek(f, 0, SEEK_END);
		fseek(f, ftell(f) > 65536 ? -65536 : -ftell(f), SEEK_END);
		text[fread(text, 1, 65536, f)] = '\0';
		fclose(f);
	}
	return text;
}

bool bvf_card_logged(struct bvf_card *c, const char *what)
{
	char *text = log_read(c);
	bool found = strstr(text, what) != NULL;

	free(text);
	return found;
}

static void log_show(struct bvf_card *c)
{
	char *text = log_read(c), *save = NULL;
	char *lines[40];
	unsigned int n = 0;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		lines[n++ % 40] = l;
	for (unsigned int i = n > 40 ? n - 40 : 0; i < n; i++)
		printf("#   card: %.200s\n", lines[i % 40]);
	fflush(stdout);
	free(text);
}

static void on_test_exit(int code, void *arg)
{
	(void)arg;
	if (code == 1 && running)
		log_show(running);
}

void bvf_card_init(struct bvf_card *c, const char *dir)
{
	const char *prog = getenv("BVF_CARD");

	memset(c, 0, sizeof(*c));
	snprintf(c->dir, sizeof(c->dir), "%s", dir);
	snprintf(c->log, sizeof(c->log), "%s/card.log", dir);
	bvf_card_arg(c, prog ? prog : BVF_CARD_DEFAULT);
	bvf_card_arg(c, "--dir");
	bvf_card_arg(c, c->dir);
}

void bvf_card_arg(struct bvf_card *c, const char *arg)
{
	if (c->argc == BVF_CARD_MAX_ARGS - 1)
		bvf_fail("too many arguments for the card");
	c->argv[c->argc++] = arg;
}

static void child_exec(struct bvf_card *c)
{
	int fd = open(c->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd < 0)
		_exit(126);
	dup2(fd, 1);
	dup2(fd, 2);
	execv(c->argv[0], (char **)c->argv);
	dprintf(2, "%s: %s\n", c->argv[0], strerror(errno));
	_exit(127);
}

static void wait_ready(struct bvf_card *c)
{
	int status;

	for (int ms = 0; ms < START_MS; ms += 2) {
		if (bvf_card_logged(c, READY_TEXT)) {
			c->datapath = bvf_card_datapath(c);
			return;
		}
		if (waitpid(c->pid, &status, WNOHANG) == c->pid) {
			c->pid = 0;
			bvf_fail("the card did not start (status %#x)", status);
		}
		sleep_ms(2);
	}
	bvf_fail("the card is not ready after %d ms", START_MS);
}

static void check_running(void)
{
	if (running)
		bvf_card_check(running);
}

void bvf_card_start(struct bvf_card *c)
{
	if (!running)
		on_exit(on_test_exit, NULL);
	bvf_relax_hook = check_running;
	running = c;
	c->argv[c->argc] = NULL;
	if (access(c->argv[0], X_OK) && !getenv("BVF_CARD")) {
		printf("# no card at %s, nor in BVF_CARD\n", c->argv[0]);
		fflush(stdout);
		_exit(4);		/* kselftest: skipped */
	}
	c->pid = fork();
	if (c->pid < 0)
		bvf_fail("fork: %s", strerror(errno));
	if (!c->pid)
		child_exec(c);
	wait_ready(c);
}

void bvf_card_up(struct bvf_card *c, const char *dir, unsigned int n)
{
	static char nr[16];

	snprintf(nr, sizeof(nr), "%u", n);
	bvf_card_init(c, dir);
	bvf_card_arg(c, "--functions");
	bvf_card_arg(c, nr);
	bvf_card_start(c);
}

const char *bvf_card_sock(struct bvf_card *c, unsigned int i)
{
	snprintf(c->sock, sizeof(c->sock), "%s/fn%u.sock", c->dir, i);
	return c->sock;
}

/* Return: parent of a process if it is the data plane, else 0 */
static pid_t datapath_parent(const char *pid)
{
	char path[300], comm[64], state;
	int ppid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%*d (%63[^)]) %c %d", comm, &state, &ppid) != 3 ||
	    strncmp(comm, "bvf-datapath", 12) || state == 'Z')
		ppid = 0;
	fclose(f);
	return ppid;
}

pid_t bvf_card_datapath(struct bvf_card *c)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	pid_t pid = 0;

	while (proc && !pid && (e = readdir(proc)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
		    datapath_parent(e->d_name) == c->pid)
			pid = atoi(e->d_name);
	if (proc)
		closedir(proc);
	return pid;
}

static void check_log(struct bvf_card *c)
{
	static const char *const bad[] = {
		"Sanitizer", "runtime error:", "Assertion", "stack smashing",
	};

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (bvf_card_logged(c, bad[i]))
			bvf_fail("the card's log has '%s'", bad[i]);
}

void bvf_card_check(struct bvf_card *c)
{
	pid_t dp = bvf_card_datapath(c);
	int status;

	check_log(c);
	if (waitpid(c->pid, &status, WNOHANG) == c->pid)
		bvf_fail("the card ended (status %#x)", status);
	if (!c->datapath_may_die && dp != c->datapath)
		bvf_fail("the data plane ended: process %d is %d now",
			 c->datapath, dp);
}

void bvf_card_stop(struct bvf_card *c)
{
	int status = 0, ms = 0;

	bvf_card_check(c);
	kill(c->pid, SIGTERM);
	while (waitpid(c->pid, &status, WNOHANG) != c->pid) {
		if ((ms += 2) > STOP_MS)
			bvf_fail("the card does not end");
		sleep_ms(2);
	}
	check_log(c);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		bvf_fail("the card ended with status %#x", status);
	running = NULL;
}
