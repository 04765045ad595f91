// SPDX-License-Identifier: GPL-2.0
/*
 * Survive a guest memory file that is truncated under us: the faulting mapping
 * is replaced with anonymous memory, so the access goes on and harms only the
 * guest that did it.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

#include "sigbus.h"

/* Slots are written outside the handler only; base is stored last. */
static struct {
	uintptr_t base;		/* 0: free */
	size_t len;
	int faulted;
} ranges[BVF_SIGBUS_RANGES];

volatile sig_atomic_t bvf_sigbus_faults;

static void handler(int sig, siginfo_t *info, void *ctx)
{
	uintptr_t addr = (uintptr_t)info->si_addr;

	(void)ctx;
	for (int i = 0; i < BVF_SIGBUS_RANGES; i++) {
		uintptr_t base = __atomic_load_n(&ranges[i].base,
						 __ATOMIC_ACQUIRE);
		void *p;

		if (!base || addr < base || addr - base >= ranges[i].len)
			continue;
		p = mmap((void *)base, ranges[i].len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
			 -1, 0);
		if (p == MAP_FAILED)
			break;
		ranges[i].faulted = 1;
		bvf_sigbus_faults++;
		return;
	}
	/* Not guest memory: a bug of ours, end as without a handler. */
	signal(sig, SIG_DFL);
	raise(sig);
}

int bvf_sigbus_init(void)
{
	struct sigaction sa = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO,
	};

	return sigaction(SIGBUS, &sa, NULL) ? -errno : 0;
}

int bvf_sigbus_add(void *base, size_t len)
{
	for (int i = 0; i < BVF_SIGBUS_RANGES; i++) {
		if (ranges[i].base)
			continue;
		ranges[i].len = len;
		ranges[i].faulted = 0;
		__atomic_store_n(&ranges[i].base, (uintptr_t)base,
				 __ATOMIC_RELEASE);
		return i;
	}
	return -ENOSPC;
}

int bvf_sigbus_faulted(int slot)
{
	return ranges[slot].faulted;
}

int bvf_sigbus_del(int slot)
{
	__atomic_store_n(&ranges[slot].base, 0, __ATOMIC_RELEASE);
	return ranges[slot].faulted;
}
