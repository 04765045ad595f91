/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For compiling the ABI headers as 32-bit code without a 32-bit C library.
 */
#define static_assert _Static_assert
