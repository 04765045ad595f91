// SPDX-License-Identifier: GPL-2.0
/*
 * Compiled, not run: golden.h as assertions about the ABI headers, and samples
 * of the ABI's structs in a section of their own. As whose code it is compiled
 * (card, provider, kernel), the one who compiles it decides.
 */
#ifdef __KERNEL__
#include <linux/module.h>
#include <linux/stddef.h>
#define LE16(x) cpu_to_le16(x)
#define LE32(x) cpu_to_le32(x)
#define LE64(x) cpu_to_le64(x)
#define BE32(x) cpu_to_be32(x)
#else
#include <stddef.h>
#define LE16(x) (x)
#define LE32(x) (x)
#define LE64(x) (x)
#define BE32(x) __builtin_bswap32(x)
#endif

#include "bvf_admin.h"
#include "bvf_base.h"
#include "bvf_eth.h"
#include "bvf_io.h"
#include "bvf_regs.h"
#include "bvf-abi.h"

#define BVF_S(s, size) \
	static_assert(sizeof(struct s) == (size));
#define BVF_F(s, f, off, size) \
	static_assert(offsetof(struct s, f) == (off) && \
		      sizeof(((struct s *)0)->f) == (size));
#define BVF_C(c, val) \
	static_assert((unsigned long long)(c) == (val##ull));
#include "golden.h"

#define BVF_SAMPLE(type, name, ...) struct type name;
static const struct {
#include "samples.h"
} __attribute__((packed)) samples
	__attribute__((used, section("bvf_samples"), aligned(8))) = {
#undef BVF_SAMPLE
#define BVF_SAMPLE(type, name, ...) .name = __VA_ARGS__,
#include "samples.h"
};

#ifdef __KERNEL__
MODULE_DESCRIPTION("bvf: layout of the ABI as the kernel compiles it");
MODULE_LICENSE("GPL");
#endif
