// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt vectors: MSI-X, MSI, or a single one of whatever there is.
 * Says who is looked at when one fires; how is theirs.
 */
#include "core.h"

static irqreturn_t bvf_irq(int irq, void *data)
{
	struct bvf_vec *vec = data;
	struct bvf_ethq *q = READ_ONCE(vec->ethq);

	if (vec->idx == 0)
		bvf_aq_poll(vec->core);
	if (q)
		bvf_ethq_irq(q);
	/* More events than one handler should take: go on in the thread. */
	return bvf_eq_poll(&vec->eq) ? IRQ_HANDLED : IRQ_WAKE_THREAD;
}

static irqreturn_t bvf_irq_thread(int irq, void *data)
{
	struct bvf_vec *vec = data;

	while (!bvf_eq_poll(&vec->eq))
		cond_resched();
	return IRQ_HANDLED;
}

int bvf_vectors_alloc(struct bvf_core *core)
{
	struct pci_dev *pdev = core->bdev.pdev;
	unsigned int want, i;
	int nr;

	want = bvf_rd32(core, BVF_REG_VECTORS);
	if (!want || want > BVF_MAX_VECTORS) {
		dev_err(&pdev->dev, "card has %u vectors\n", want);
		return -EPROTO;
	}
	want = min(want, 1 + num_online_cpus());
	nr = pci_alloc_irq_vectors(pdev, 1, want, PCI_IRQ_MSIX | PCI_IRQ_MSI);
	if (nr < 0) {
		dev_err(&pdev->dev, "no interrupt vector: %d\n", nr);
		return nr;
	}
	core->vec = kcalloc(nr, sizeof(*core->vec), GFP_KERNEL);
	if (!core->vec) {
		pci_free_irq_vectors(pdev);
		return -ENOMEM;
	}
	core->nr_vec = nr;
	for (i = 0; i < core->nr_vec; i++) {
		struct bvf_vec *vec = &core->vec[i];

		vec->core = core;
		vec->idx = i;
		vec->irq = pci_irq_vector(pdev, i);
		spin_lock_init(&vec->eq.lock);
		vec->eq.core = core;
		snprintf(vec->name, sizeof(vec->name), "bvf%u@%s", i, pci_name(pdev));
	}
	return 0;
}

void bvf_vectors_free(struct bvf_core *core)
{
	kfree(core->vec);
	core->vec = NULL;
	core->nr_vec = 0;
	pci_free_irq_vectors(core->bdev.pdev);
}

int bvf_irqs_request(struct bvf_core *core)
{
	int node = dev_to_node(bvf_device(core));
	unsigned int i;
	int err;

	for (i = 0; i < core->nr_vec; i++) {
		struct bvf_vec *vec = &core->vec[i];

		err = request_threaded_irq(vec->irq, bvf_irq, bvf_irq_thread, 0, vec->name, vec);
		if (err) {
			bvf_irqs_free(core);
			return err;
		}
		vec->requested = true;
		if (i)
			irq_set_affinity_and_hint(vec->irq,
						  cpumask_of(cpumask_local_spread(i - 1, node)));
	}
	return 0;
}

void bvf_irqs_free(struct bvf_core *core)
{
	unsigned int i;

	for (i = 0; i < core->nr_vec; i++) {
		struct bvf_vec *vec = &core->vec[i];

		if (!vec->requested)
			continue;
		irq_update_affinity_hint(vec->irq, NULL);
		free_irq(vec->irq, vec);
		vec->requested = false;
	}
}

/* Waits for handlers that run now. */
void bvf_irqs_sync(struct bvf_core *core)
{
	unsigned int i;

	for (i = 0; i < core->nr_vec; i++)
		if (core->vec[i].requested)
			synchronize_irq(core->vec[i].irq);
}
