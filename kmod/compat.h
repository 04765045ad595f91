/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place with kernel version tests: Linux 6.12 to 7.3.
 * Emulates the newest interfaces on older kernels; knows nothing of bvf.
 */
#ifndef BVF_COMPAT_H
#define BVF_COMPAT_H

#include <linux/bitops.h>
#include <linux/slab.h>
#include <linux/version.h>

/*
 * Atomic bit operation against another machine's CPU. The usual set_bit()
 * loses its lock prefix on x86 when only one CPU was found at boot.
 */
#if defined(CONFIG_X86) || defined(CONFIG_ARM64)
#include <asm/sync_bitops.h>
#else
#define sync_set_bit(nr, addr)	set_bit(nr, addr)
#endif

#ifndef __LITTLE_ENDIAN
#error "bvf shares words with the card and needs a little-endian CPU"
#endif

/* 7.0, and 6.12 as of late */
#ifndef kzalloc_obj
#define kmalloc_obj(obj, ...)	kmalloc(sizeof(obj), GFP_KERNEL)
#define kzalloc_obj(obj, ...)	kzalloc(sizeof(obj), GFP_KERNEL)
#define kvzalloc_obj(obj, ...)	kvzalloc(sizeof(obj), GFP_KERNEL)
#endif

#endif /* BVF_COMPAT_H */
