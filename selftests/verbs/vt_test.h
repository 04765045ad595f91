/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each test of this folder starts with: the device and a connected pair on it.
 * Included once a program; knows no test.
 */
#ifndef VT_TEST_H
#define VT_TEST_H

#include <unistd.h>

#include "../lib/tap.h"
#include "vt.h"

static struct vt_dev dev;
static struct vt_pair pair;

/* A machine without the driver is none to test on; a driver without a device is a failure. */
static void open_dev(void)
{
	if (!getenv("BVF_IBDEV") && access("/sys/bus/pci/drivers/bvf", F_OK))
		TAP_SKIP("bvf.ko is not loaded");
	if (vt_open(&dev))
		TAP_FAIL("no usable RDMA device: is bvf_ib loaded and an address set?");
}

static void setup(const struct vt_opts *o)
{
	static const struct vt_opts none;

	open_dev();
	TAP_EQ(vt_pair_init(&dev, &pair, o ? o : &none), 0);
}

#endif
