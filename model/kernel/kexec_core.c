/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading the next kernel and rebooting into it (kernel/kexec_core.c, kexec_file.c, kexec.c). */
#include "machine/machine.h"

static int do_kexec_load(struct machine *m, enum kexec_image image)
{
	struct kexec *kexec = &m->k->kexec;
	int err = 0;

	if (!capable(m))
		return -EPERM;
	if (!mutex_trylock(m, &m->k->kexec.lock))
		return -EBUSY;
	if (image == KEXEC_CRASH) {
		err = crash_load(m, has_fix(m, FIX_CRASH_IMAGE) ? 0 : kho_fill_kimage(m));
	} else {
		kexec->loaded = true;
		kexec->preserve_context = image == KEXEC_JUMP;
		kexec->fdt = image == KEXEC_FILE ? kho_fill_kimage(m) : 0;
	}
	mutex_unlock(m, &m->k->kexec.lock);
	return err;
}

int sys_kexec_load(struct machine *m, enum kexec_image image)
{
	SYSCALL(m, do_kexec_load(m, image));
}

static int do_kexec_unload(struct machine *m)
{
	if (!capable(m))
		return -EPERM;
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

/* Who sleeps on a lock cannot be frozen; waiting for the gate count can. */
static int freeze_processes(struct machine *m)
{
	for (u32 id = 1; id <= m->nr_tasks; id++) {
		const struct task *task = task_of(m, id);

		if (task->waits_for && task->waits_for != &m->k->luo.closing &&
		    !task->may_go(m, task))
			return -EBUSY;
	}
	return should_fail(m, FAIL_FREEZE_PROCESSES, 0, NULL);
}

/* The other kernel runs and jumps back, unless a step on the way to it fails. */
static int kexec_jump(struct machine *m)
{
	static const enum fail_point steps[] = {
		FAIL_DPM_SUSPEND_START, FAIL_DPM_SUSPEND_END, FAIL_SUSPEND_CPUS,
		FAIL_SYSCORE_SUSPEND,
	};
	int err = freeze_processes(m);

	for (u32 i = 0; !err && i < ARRAY_SIZE(steps); i++)
		err = should_fail(m, steps[i], 0, NULL);
	return err;
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
		m->crash = (struct crash){ 0 };
		machine_kexec(m, kexec->fdt);
		return 0;
	}
	err = kexec_jump(m);
	/* This kernel goes on, and its sessions are serialized. */
	if (serialize && has_fix(m, FIX_REBOOT_ABORT))
		liveupdate_reboot_abort(m);
	if (serialize)
		judge_abort(m);
unlock:
	mutex_unlock(m, &m->k->kexec.lock);
	return err;
}

static int do_reboot(struct machine *m)
{
	KCALL_NAMED(m, "__x64_sys_reboot");
	u32 kernel = m->kernel_nr;
	int err;

	if (!capable(m))
		return -EPERM;
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
