/* SPDX-License-Identifier: GPL-2.0-only */
/* What luosim calls: the tree's kernel from its boot to its end. */
#include <linux/init.h>
#include <linux/kexec.h>
#include <linux/kexec_handover.h>
#include <linux/liveupdate.h>
#include <linux/miscdevice.h>
#include <linux/sched.h>

#include "glue.h"
#include "supply.h"
#include "probed.h"

#define __keep __attribute__((section(".luosim_keep")))

struct attached luosim __keep;
/* Nothing that the tree's files do leaves a trace in it. */
static struct task_struct task __keep;
struct task_struct *cpu_tasks[NR_CPUS] = { &task };

/* From the linker script; see build-kernel. */
extern const initcall_t luosim_early[], luosim_early_end[], luosim_calls_end[];
extern const struct obs_kernel_param luosim_setup[], luosim_setup_end[];
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));
extern const char luosim_data[], luosim_data_end[] __asm__("_end");
extern const long long luosim_counters[], luosim_counters_end[];
extern const char __start_luosim_text[], __stop_luosim_text[];

static struct miscdevice *device;
static unsigned long handover;		/* that the boot was told of */

static void attach(const struct engine_host *host, struct machine *m)
{
	luosim.host = host;
	luosim.m = m;
}

static void leave(void)
{
	files_done();
	pages_push();
}

static unsigned int chain(const void **chain)
{
	return chain_from(luosim.frame, chain);
}

/* ---- Tasks ---- */

/* Others see what was done so far. */
static void give_way(struct engine_task *task)
{
	*task = (struct engine_task){ .frame = luosim.frame };
	memory_give_way(task);
	leave();
}

static void go_on(const struct engine_task *task)
{
	memory_go_on(task);
	files_pull();
	luosim.frame = task->frame;
}

/* ---- Boot ---- */

static void early_param_set(const char *name, bool on)
{
	char value[] = "off";

	if (on)
		strscpy(value, "on", sizeof(value));
	for (const struct obs_kernel_param *p = luosim_setup; p < luosim_setup_end; p++)
		if (p->early && !strcmp(p->str, name))
			p->setup_func(value);
}

extern void kho_memory_init(void) __weak;
extern void kho_memory_init_early(void) __weak;

static void boot_memory(const struct engine_boot *boot)
{
	memory_init(boot);
	early_param_set("kho", boot->kho);
	early_param_set("liveupdate", boot->liveupdate);
	handover = boot->fdt;
	if (boot->fdt)
		kho_populate(boot->fdt, PAGE_SIZE, __pa(boot->scratch), boot->scratch_size);
	if (kho_memory_init_early)
		kho_memory_init_early();
	kho_memory_init();
	leave();
}

static void boot_rest(void)
{
	allocator_init();
	for (const initcall_t *call = luosim_early; call < luosim_calls_end; call++)
		(*call)();
	leave();
}

/* ---- Files of the tree ---- */

SUPPLY(int, misc_register, (struct miscdevice *misc))
{
	device = misc;
	return 0;
}

static int open_device(struct file *model)
{
	struct file *file = shadow_of(model);
	int err;

	if (!device)
		return -ENODEV;
	file->f_op = device->fops;
	file->private_data = device;
	err = file->f_op->open ? file->f_op->open(file->f_inode, file) : 0;
	leave();
	return err;
}

static int release(struct file *model)
{
	struct file *file = shadow_of(model);
	int err = file->f_op->release ? file->f_op->release(file->f_inode, file) : 0;

	leave();
	return err;
}

static int ioctl(struct file *model, unsigned int cmd, const void *arg)
{
	struct file *file = shadow_of(model);
	long ret = -ENOTTY;

	if (file->f_op->unlocked_ioctl)
		ret = file->f_op->unlocked_ioctl(file, cmd, (unsigned long)arg);
	leave();
	return ret;
}

static void forget(struct file *model)
{
	void **shadow = HOST_STATIC(file_shadow, model);

	file_gone(*shadow);
}

/* ---- Reboot ---- */

static int reboot(void)
{
	int err = liveupdate_reboot();

	leave();
	return err;
}

static const void *scratch_array;
static unsigned long scratch_array_size;

SUPPLY(int, kexec_add_buffer, (struct kexec_buf *buf))
{
	scratch_array = buf->buffer;
	scratch_array_size = buf->bufsz;
	buf->image->nr_segments++;
	return 0;
}

extern int kho_fill_kimage(struct kimage *image);

static unsigned long fill_kimage(const void **scratch, unsigned long *size)
{
	struct kimage *image = HOST(own_alloc, sizeof(*image));
	unsigned long fdt;

	kho_fill_kimage(image);
	fdt = image->kho.fdt;
	*scratch = scratch_array;
	*size = scratch_array_size;
	HOST(own_free, image, sizeof(*image));
	leave();
	return fdt;
}

/* ---- What the judge asks ---- */

#ifdef PROBED_SESSIONS
extern const char luo_session_global[];

#define PROBED(type, member)	(*(const type *)(luo_session_global + PROBED_##member))
#endif

static void status(struct engine_status *status)
{
	status->kho = kho_is_enabled();
	status->kho_in = is_kho_boot() ? handover : 0;
	status->enabled = liveupdate_enabled() && device;
	status->early_maps = early_maps;
#ifdef PROBED_SESSIONS
	status->has_incoming = PROBED(bool, incoming_active);
	status->incoming = PROBED(long, incoming_count);
#endif
}

/* ---- With --coverage ---- */

extern void __gcov_dump(void) __weak;
extern char *luosim_getenv(const char *name) __asm__("getenv") __weak;

/*
 * Where luosim coverage wants the counts. Who only runs such an object leaves no files, and
 * where no machine was booted there is nothing to count.
 */
static void __attribute__((destructor)) write_counts(void)
{
	if (luosim.host && __gcov_dump && luosim_getenv && luosim_getenv("GCOV_PREFIX"))
		__gcov_dump();
}

/* ---- */

static const struct engine_member members[] = {
#include "layout.h"
	{ 0 },
};

extern const char luosim_version[], luosim_commit[], luosim_config[], luosim_lacks[],
		  luosim_kind[];

const struct engine_kernel luosim_kernel __attribute__((visibility("default"))) = {
	.abi = ENGINE_ABI,
	.version = luosim_version,
	.commit = luosim_commit,
	.config = luosim_config,
	.missing = luosim_lacks,
	.kind = luosim_kind,
	.page_size = sizeof(struct page),
	.file_size = sizeof(struct shadow_file),
	.inode_size = sizeof(struct shadow_inode),
	.file_model = offsetof(struct shadow_file, model),
	.inode_model = offsetof(struct shadow_inode, model),
	.file_op = offsetof(struct shadow_file, file.f_op),
	.file_private = offsetof(struct shadow_file, file.private_data),
	.page_private = offsetof(struct page, private),
	.data = luosim_data,
	.data_end = luosim_data_end,
	.counters = luosim_counters,
	.counters_end = luosim_counters_end,
	.glue = __start_luosim_text,
	.glue_end = __stop_luosim_text,
	.text = __ehdr_start,
	.text_end = etext,
	.members = members,
	.attach = attach,
	.chain = chain,
	.give_way = give_way,
	.go_on = go_on,
	.boot_memory = boot_memory,
	.boot_rest = boot_rest,
	.status = status,
	.open = open_device,
	.release = release,
	.ioctl = ioctl,
	.file_gone = forget,
	.reboot = reboot,
	.new_handler = new_handler,
	.register_handler = register_handler,
	.unregister_handler = unregister_handler,
	.handler_first = handler_first,
	.new_flb = new_flb,
	.register_flb = register_flb,
	.unregister_flb = unregister_flb,
	.flb_get = flb_get,
	.flb_put = flb_put,
	.kho = call_kho,
	.fill_kimage = fill_kimage,
};
