// SPDX-License-Identifier: GPL-2.0
/*
 * What the data plane may ask of the kernel once it runs: no files, no
 * sockets, no processes. It reads what hostile guests write all day, so that
 * a mistake in it is not a way into the host.
 *
 * A call that is not on the list fails with EPERM; nothing is killed for it.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "dp.h"

#if defined(__SANITIZE_ADDRESS__) || !defined(__x86_64__)

/* The sanitizers' reports need more than the data plane does. */
void bvf_sandbox(void)
{
}

#else

#define LOAD(off)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, off)
#define ALLOW(nr)							\
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),			\
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static const struct sock_filter filter[] = {
	LOAD(offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	REFUSE,
	LOAD(offsetof(struct seccomp_data, nr)),
	/* the hot ones first */
	ALLOW(SYS_write),
	ALLOW(SYS_epoll_pwait2),
	ALLOW(SYS_recvmsg),
	ALLOW(SYS_sendto),
	ALLOW(SYS_pread64),
	ALLOW(SYS_clock_gettime),
	ALLOW(SYS_munmap),
	ALLOW(SYS_madvise),
	ALLOW(SYS_close),
	ALLOW(SYS_brk),
	ALLOW(SYS_mremap),
	ALLOW(SYS_futex),
	ALLOW(SYS_getrandom),
	ALLOW(SYS_restart_syscall),
	ALLOW(SYS_rt_sigreturn),
	ALLOW(SYS_rt_sigaction),
	ALLOW(SYS_rt_sigprocmask),
	ALLOW(SYS_getpid),
	ALLOW(SYS_gettid),
	ALLOW(SYS_tgkill),
	ALLOW(SYS_exit_group),
	/* mmap without PROT_EXEC */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
	LOAD(offsetof(struct seccomp_data, args[2])),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	REFUSE,
};

void bvf_sandbox(void)
{
	struct sock_fprog prog = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = (struct sock_filter *)filter,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		bvf_info("no system call filter: %m");
}

#endif
