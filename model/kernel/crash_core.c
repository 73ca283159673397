/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The crash kernel (kernel/crash_reserve.c, crash_core.c, drivers/tty/sysrq.c): memory that is
 * set aside for it, its image, and the panic that starts it. It has that memory and no other;
 * all the rest stays as it was when the kernel crashed.
 */
#include "machine/machine.h"

#define pr_fmt ""

#define CRASH_ALIGN	(16ull << 20)

u64 crashkernel_size(const struct machine *m)
{
	return is_kdump_kernel(m) ? 0 : m->k->boot.crashkernel;
}

void reserve_crashkernel(struct machine *m)
{
	struct crash *crash = &m->k->kexec.crash;
	u64 size = crashkernel_size(m), start;

	if (!size)
		return;
	start = memblock_phys_alloc(m, size, CRASH_ALIGN);
	if (!start) {
		pr_warn(m, "cannot allocate crashkernel (size:0x%llx)", (unsigned long long)size);
		return;
	}
	pr_info(m, "crashkernel reserved: 0x%016llx - 0x%016llx (%llu MB)",
		(unsigned long long)start, (unsigned long long)(start + size),
		(unsigned long long)size >> 20);
	crash->start = PHYS_PFN(start);
	crash->end = PHYS_PFN(start + size);
}

int crash_load(struct machine *m, phys_addr_t fdt)
{
	struct crash *crash = &m->k->kexec.crash;

	if (!crash->end)
		return -EADDRNOTAVAIL;
	crash->loaded = true;
	crash->fdt = fdt;
	return 0;
}

void crash_map_memory(struct machine *m)
{
	m->first_pfn = m->crash.start;
	m->end_pfn = is_kdump_kernel(m) ? m->crash.end : m->nr_frames;
}

void crash_kexec(struct machine *m)
{
	struct crash crash = m->k->kexec.crash;

	/* A race is over where one of its tasks panics. */
	if (!crash.loaded || m->nr_tasks)
		return;
	m->panicked = false;
	m->task->call_depth = 0;
	m->task->nr_borrowed = 0;
	m->task->task_works = NULL;
	m->task->new_claim = 0;
	ledger_crash(m);
	m->crash = crash;
	machine_kexec(m, crash.fdt);
}

static int sysrq_handle_crash(struct machine *m)
{
	printk(m, LOG_INFO, "sysrq: Trigger a crash");
	panic_asked(m, "sysrq triggered crash");
}

/* panic() comes back with an error, as it does to all others. */
static int write_sysrq_trigger(struct machine *m)
{
	SYSCALL(m, sysrq_handle_crash(m));
}

int sys_sysrq_crash(struct machine *m)
{
	int err = write_sysrq_trigger(m);

	return m->panicked ? err : 0;
}
