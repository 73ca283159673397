/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading the next kernel and rebooting into it (kernel/kexec_core.c, kexec_file.c, kexec.c). */
#include "machine.h"

static int do_kexec_load(struct machine *m, enum kexec_image image)
{
	struct kexec *kexec = &m->k->kexec;

	if (!mutex_trylock(m, &m->k->kexec.lock))
		return -EBUSY;
	kexec->loaded = true;
	kexec->preserve_context = image == KEXEC_JUMP;
	kexec->fdt = image == KEXEC_FILE ? kho_fill_kimage(m) : 0;
	mutex_unlock(m, &m->k->kexec.lock);
	return 0;
}

int sys_kexec_load(struct machine *m, enum kexec_image image)
{
	SYSCALL(m, do_kexec_load(m, image));
}

static int do_kexec_unload(struct machine *m)
{
	if (!mutex_trylock(m, &m->k->kexec.lock))
		return -EBUSY;
	m->k->kexec.loaded = false;
	mutex_unlock(m, &m->k->kexec.lock);
	return 0;
}

int sys_kexec_unload(struct machine *m)
{
	SYSCALL(m, do_kexec_unload(m));
}

/* The sessions are serialized, and this kernel goes on all the same. */
static void came_back(struct machine *m)
{
	if (has_fix(m, FIX_REBOOT_ABORT))
		liveupdate_reboot_abort(m);
	judge_abort(m);
}

static int kernel_kexec(struct machine *m)
{
	KCALL(m);
	struct kexec *kexec = &m->k->kexec;
	bool serialize;
	int err = 0;

	if (!mutex_trylock(m, &m->k->kexec.lock))
		return -EBUSY;
	if (!kexec->loaded) {
		err = -EINVAL;
		goto unlock;
	}
	serialize = !kexec->preserve_context || !has_fix(m, FIX_KEXEC_JUMP);
	if (serialize) {
		err = liveupdate_reboot(m);
		if (err) {
			judge_abort(m);
			goto unlock;
		}
	}
	if (!kexec->preserve_context) {
		machine_kexec(m, kexec->fdt);
		return 0;
	}
	/* The other kernel has run and jumped back. */
	if (serialize)
		came_back(m);
unlock:
	mutex_unlock(m, &m->k->kexec.lock);
	return err;
}

static int do_reboot(struct machine *m)
{
	KCALL_NAMED(m, "__x64_sys_reboot");
	u32 kernel = m->kernel_nr;
	int err;

	mutex_lock(m, &m->k->system_transition_mutex);
	err = kernel_kexec(m);
	/* That of the next kernel was never taken. */
	if (m->kernel_nr == kernel)
		mutex_unlock(m, &m->k->system_transition_mutex);
	return err;
}

int sys_reboot_kexec(struct machine *m)
{
	SYSCALL(m, do_reboot(m));
}
