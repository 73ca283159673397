/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading the next kernel and rebooting into it (kernel/kexec_core.c). */
#include "machine.h"

int sys_kexec_load(struct machine *m)
{
	SYSCALL_ENTER(m);
	m->k->kexec_image = true;
	m->k->kexec_fdt = kho_fill_kimage(m);
	return 0;
}

int sys_kexec_unload(struct machine *m)
{
	SYSCALL_ENTER(m);
	m->k->kexec_image = false;
	return 0;
}

static int kernel_kexec(struct machine *m)
{
	KCALL(m);
	int err;

	if (!m->k->kexec_image)
		return -EINVAL;
	err = liveupdate_reboot(m);
	if (err)
		return err;
	machine_kexec(m, m->k->kexec_fdt);
	return 0;
}

int sys_reboot_kexec(struct machine *m)
{
	SYSCALL_ENTER(m);
	KCALL_NAMED(m, "__x64_sys_reboot");
	return kernel_kexec(m);
}
