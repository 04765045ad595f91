// SPDX-License-Identifier: GPL-2.0
/*
 * The auxiliary device that bvf_ib.ko binds to.
 * It exists while the function runs; knows nothing of what drives it.
 */
#include <linux/idr.h>
#include <linux/slab.h>

#include "core.h"

static DEFINE_IDA(bvf_aux_ids);

static void bvf_aux_release(struct device *dev)
{
	struct bvf_adev *badev = to_bvf_adev(to_auxiliary_dev(dev));

	ida_free(&bvf_aux_ids, badev->adev.id);
	kfree(badev);
}

int bvf_aux_add(struct bvf_core *core)
{
	struct auxiliary_device *adev;
	struct bvf_adev *badev;
	int err;

	badev = kzalloc_obj(*badev, GFP_KERNEL);
	if (!badev)
		return -ENOMEM;
	err = ida_alloc(&bvf_aux_ids, GFP_KERNEL);
	if (err < 0) {
		kfree(badev);
		return err;
	}
	badev->bdev = &core->bdev;
	adev = &badev->adev;
	adev->id = err;
	adev->name = "rdma";
	adev->dev.parent = bvf_device(core);
	adev->dev.release = bvf_aux_release;

	err = auxiliary_device_init(adev);
	if (err) {
		ida_free(&bvf_aux_ids, adev->id);
		kfree(badev);
		return err;
	}
	err = auxiliary_device_add(adev);
	if (err) {
		auxiliary_device_uninit(adev);
		return err;
	}
	core->adev = badev;
	return 0;
}

/* Returns when the driver of the device has let go of everything. */
void bvf_aux_del(struct bvf_core *core)
{
	struct bvf_adev *badev = core->adev;

	if (!badev)
		return;
	core->adev = NULL;
	auxiliary_device_delete(&badev->adev);
	auxiliary_device_uninit(&badev->adev);
}
