// SPDX-License-Identifier: GPL-2.0
/*
 * bvf-card as a program: its options, its folder, and who it runs as.
 */
#include <fcntl.h>

#include "pair.h"
#include "tap.h"

static struct bvf_card card;

/* Run it with these arguments until it ends by itself. Return: exit code */
static int run(char *const *args, char *out, size_t len)
{
	const char *argv[16];
	int fd[2], status, n = 1;
	size_t have = 0;
	ssize_t got;
	pid_t pid;

	bvf_card_init(&card, tap_tmpdir());
	if (access(card.argv[0], X_OK) && !getenv("BVF_CARD"))
		TAP_SKIP("no card at %s", card.argv[0]);
	argv[0] = card.argv[0];
	while (args[n - 1]) {
		argv[n] = args[n - 1];
		n++;
	}
	argv[n] = NULL;
	TAP_EQ(pipe(fd), 0);
	pid = fork();
	if (!pid) {
		dup2(fd[1], 1);
		dup2(fd[1], 2);
		close(fd[0]);
		execv(argv[0], (char **)argv);
		_exit(127);
	}
	close(fd[1]);
	while ((got = read(fd[0], out + have, len - 1 - have)) > 0)
		have += (size_t)got;
	out[have] = '\0';
	close(fd[0]);
	TAP_EQ(waitpid(pid, &status, 0), pid);
	TAP_OK(WIFEXITED(status));
	TAP_OK(!strstr(out, "Sanitizer") && !strstr(out, "runtime error"));
	return WEXITSTATUS(status);
}

#define RUN(out, ...) run((char *[]){ __VA_ARGS__, NULL }, out, sizeof(out))

TAP_TEST(version)
{
	char out[4096];

	TAP_EQ(RUN(out, "--version"), 0);
	TAP_OK(!strncmp(out, "bvf-card ", 9));
}

TAP_TEST(help)
{
	char out[8192];

	TAP_EQ(RUN(out, "--help"), 0);
	TAP_OK(strstr(out, "--function"));
}

static const struct bad_row {
	const char *name;
	char *opt, *val;
} bads[] = {
	{ "no_such_option", "--nonsense", NULL },
	{ "argument_left_over", "left-over", NULL },
	{ "functions_0", "--functions", "0" },
	{ "functions_65", "--functions", "65" },
	{ "functions_negative", "--functions", "-1" },
	{ "functions_no_number", "--functions", "many" },
	{ "function_empty_key", "--function", "name" },
	{ "function_unknown_key", "--function", "colour=red" },
	{ "function_name_with_slash", "--function", "name=../x" },
	{ "function_name_too_long", "--function",
	  "name=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ "function_group_mac", "--function", "mac=01:00:00:00:00:01" },
	{ "function_zero_mac", "--function", "mac=00:00:00:00:00:00" },
	{ "function_short_mac", "--function", "mac=02:00:00" },
	{ "function_network", "--function", "network=4294967296" },
	{ "irq", "--irq", "intx" },
	{ "log_level", "--log-level", "loud" },
};

TAP_TABLE(refused, struct bad_row, bads, row)
{
	char out[4096];

	TAP_EQ(RUN(out, row->opt, row->val), 2);
	TAP_OK(strstr(out, "bvf-card"));
}

TAP_TEST(two_of_one_name)
{
	char out[4096];

	TAP_EQ(RUN(out, "--function", "name=a", "--function", "name=a"), 2);
	TAP_OK(strstr(out, "named a"));
}

TAP_TEST(second_card_in_the_same_folder)
{
	char out[4096];
	struct bvf_card first;

	bvf_card_up(&first, tap_tmpdir(), 1);
	TAP_NE(RUN(out, "--dir", first.dir, "--functions", "1"), 0);
	TAP_OK(strstr(out, "another card"));
	{
		static struct bvf_drv d;

		bvf_drv_up(&d, bvf_card_sock(&first, 0));
		bvf_drv_close(&d);
	}
	bvf_card_stop(&first);
}

/* A folder with the sockets of a card that was killed is used again. */
TAP_TEST(folder_of_a_killed_card)
{
	static struct bvf_drv d;

	bvf_card_up(&card, tap_tmpdir(), 2);
	kill(card.pid, SIGKILL);
	waitpid(card.pid, NULL, 0);
	TAP_EQ(access(bvf_card_sock(&card, 0), F_OK), 0);
	TAP_EQ(unlink(card.log), 0);
	bvf_card_up(&card, tap_tmpdir(), 2);
	bvf_drv_up(&d, bvf_card_sock(&card, 0));
	bvf_drv_close(&d);
	bvf_card_stop(&card);
}

/* Started by root, it has nothing of root's any more. */
TAP_TEST(runs_without_privilege)
{
	char path[64], line[256];
	unsigned int seen = 0;
	pid_t pids[2];

	if (geteuid())
		TAP_SKIP("not root");
	bvf_card_up(&card, tap_tmpdir(), 1);
	pids[0] = card.pid;
	pids[1] = card.datapath;
	for (int i = 0; i < 2; i++) {
		unsigned int uid;
		unsigned long long caps;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/status", pids[i]);
		f = fopen(path, "r");
		TAP_OK(f);
		while (fgets(line, sizeof(line), f)) {
			if (sscanf(line, "Uid: %u", &uid) == 1) {
				TAP_NE(uid, 0u);
				seen++;
			}
			if (sscanf(line, "CapEff: %llx", &caps) == 1) {
				TAP_EQ(caps, 0ull);
				seen++;
			}
		}
		fclose(f);
	}
	TAP_EQ(seen, 4u);
	bvf_card_stop(&card);
}

TAP_TEST(functions_have_different_addresses)
{
	static struct bvf_drv d[8];

	bvf_card_up(&card, tap_tmpdir(), 8);
	for (unsigned int i = 0; i < 8; i++)
		bvf_drv_up(&d[i], bvf_card_sock(&card, i));
	for (int i = 0; i < 8; i++)
		for (int j = 0; j < i; j++) {
			TAP_NE(memcmp(d[i].desc.mac, d[j].desc.mac, 6), 0);
			TAP_NE(d[i].desc.guid, d[j].desc.guid);
		}
	for (int i = 0; i < 8; i++)
		bvf_drv_close(&d[i]);
	bvf_card_stop(&card);
}

TAP_TEST(configured_address)
{
	static struct bvf_drv d;
	static const uint8_t mac[6] = { 0x02, 0xab, 0xcd, 0xef, 0x12, 0x34 };

	bvf_card_init(&card, tap_tmpdir());
	bvf_card_arg(&card, "--function");
	bvf_card_arg(&card, "name=fn0,network=77,mac=02:ab:cd:ef:12:34");
	bvf_card_start(&card);
	bvf_drv_up(&d, bvf_card_sock(&card, 0));
	TAP_EQ(memcmp(d.desc.mac, mac, 6), 0);
	TAP_EQ(d.desc.network, 77u);
	bvf_drv_close(&d);
	bvf_card_stop(&card);
}

TAP_MAIN()
