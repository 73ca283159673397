/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * LUO's state across kexec, its part of reboot, and /dev/liveupdate
 * (kernel/liveupdate/luo_core.c).
 */
#include <fcntl.h>
#include <libfdt.h>

#include "policy/kho_count.h"
#include "machine/machine.h"

#define pr_fmt "luo: "

bool liveupdate_enabled(struct machine *m)
{
	return m->k->luo.enabled;
}

static u32 read_fdt32(struct machine *m, phys_addr_t phys)
{
	fdt32_t word;

	phys_read(m, phys, &word, sizeof(word));
	return fdt32_to_cpu(word);
}

/* fdt_check_node_offset_() of the root: nobody has looked at the header before. */
static int check_root(struct machine *m, phys_addr_t fdt)
{
	u32 off = read_fdt32(m, fdt + offsetof(struct fdt_header, off_dt_struct));
	u64 end = (u64)off + FDT_TAGSIZE;

	if (end > read_fdt32(m, fdt + offsetof(struct fdt_header, totalsize)))
		return -FDT_ERR_BADOFFSET;
	if (read_fdt32(m, fdt + offsetof(struct fdt_header, version)) >= 17 &&
	    read_fdt32(m, fdt + offsetof(struct fdt_header, size_dt_struct)) < FDT_TAGSIZE)
		return -FDT_ERR_BADOFFSET;
	return read_fdt32(m, fdt + off) == FDT_BEGIN_NODE ? 0 : -FDT_ERR_BADOFFSET;
}

/* Up to 7.1: what the previous kernel left is an FDT. */
static int luo_read_fdt(struct machine *m, phys_addr_t phys)
{
	const char *compatible = m->k->boot.release.luo_compatible;
	struct luo *luo = &m->k->luo;
	u8 fdt[PAGE_SIZE];
	const void *val;
	int err, len;

	err = check_root(m, phys);
	/* In an FDT that libfdt refuses properties have no names. */
	if (!err && kho_read_fdt(m, phys, fdt))
		err = -FDT_ERR_NOTFOUND;
	if (!err)
		err = fdt_node_check_compatible(fdt, 0, compatible);
	if (err) {
		pr_err(m, "FDT '%s' is incompatible with '%s' [%d]", LUO_KHO_ENTRY_NAME,
		       compatible, err);
		return -EINVAL;
	}
	val = fdt_getprop(fdt, 0, LUO_FDT_LIVEUPDATE_NUM, &len);
	if (!val || len != sizeof(luo->liveupdate_num)) {
		pr_err(m, "Unable to get live update number '%s' [%d]", LUO_FDT_LIVEUPDATE_NUM,
		       len);
		return -EINVAL;
	}
	memcpy(&luo->liveupdate_num, val, sizeof(luo->liveupdate_num));
	pr_info(m, "Retrieved live update data, liveupdate number: %lld",
		(long long)luo->liveupdate_num);
	err = luo_session_setup_incoming(m, fdt);
	if (err || !m->k->boot.release.flb_compatible)
		return err;
	return luo_flb_setup_incoming(m, fdt);
}

/* 7.2 on: it is a struct luo_ser. */
static int luo_read_ser(struct machine *m, phys_addr_t phys, u64 size)
{
	const char *compatible = m->k->boot.release.luo_compatible;
	struct luo_ser ser;
	int err;

	if (size < sizeof(ser)) {
		pr_err(m, "LUO state is too small (%llu < %zu)", (unsigned long long)size,
		       sizeof(ser));
		return -EINVAL;
	}
	phys_read(m, phys, &ser, sizeof(ser));
	if (strncmp(ser.compatible, compatible, sizeof(ser.compatible))) {
		pr_err(m, "LUO state is incompatible with '%s'", compatible);
		return -EINVAL;
	}
	m->k->luo.liveupdate_num = ser.liveupdate_num;
	pr_info(m, "Retrieved live update data, liveupdate number: %lld",
		(long long)ser.liveupdate_num);
	err = luo_session_setup_incoming_ser(m, ser.sessions_pa);
	if (!err)
		luo_flb_setup_incoming_ser(m, ser.flbs_pa);
	kho_restore_free(m, phys);
	return err;
}

void luo_handover_string(struct machine *m, phys_addr_t phys, u32 size, char *buf, u32 len)
{
	u32 end = has_fix(m, FIX_BOUNDED_PRINT) ? min(size, len - 1) : len - 1, i;

	memset(buf, 0, len);
	for (i = 0; i < end; i++) {
		phys_read(m, phys + i, &buf[i], 1);
		if (!buf[i])
			break;
	}
	if (i > size)
		judge_log(m, "the kernel's log shows %u bytes of memory behind a string of the "
			  "handover", i - size);
}

static int luo_early_startup(struct machine *m)
{
	phys_addr_t phys;
	u64 size = 0;
	int err;

	if (!kho_is_enabled(m)) {
		if (liveupdate_enabled(m))
			pr_warn(m, "Disabling liveupdate because KHO is disabled");
		m->k->luo.enabled = false;
		return 0;
	}
	err = kho_retrieve_subtree(m, LUO_KHO_ENTRY_NAME, &phys, &size);
	if (err == -ENOENT)
		return 0;
	if (err) {
		pr_err(m, "failed to retrieve LUO state '%s' from KHO: %d", LUO_KHO_ENTRY_NAME,
		       err);
		return err;
	}
	if (m->k->boot.release.luo_ser)
		return luo_read_ser(m, phys, size);
	return luo_read_fdt(m, phys);
}

void luo_early_init(struct machine *m)
{
	KCALL_NAMED(m, "liveupdate_early_init");
	int err = luo_early_startup(m);

	/* luo_restore_fail(): going on could show one tenant's memory to another. */
	if (err)
		panic(m, "The incoming tree failed to initialize properly [%d], "
		      "disabling live update", err);
}

/* Up to 7.1. */
static int luo_fdt_setup(struct machine *m, phys_addr_t *state)
{
	u64 num = m->k->luo.liveupdate_num + 1;
	u8 fdt[PAGE_SIZE];
	int err;

	err = kho_alloc_preserve(m, PAGE_SIZE, state);
	if (err)
		return err;
	err = fdt_create(fdt, PAGE_SIZE);
	err |= fdt_finish_reservemap(fdt);
	err |= fdt_begin_node(fdt, "");
	err |= fdt_property_string(fdt, "compatible", m->k->boot.release.luo_compatible);
	err |= fdt_property(fdt, LUO_FDT_LIVEUPDATE_NUM, &num, sizeof(num));
	err |= luo_session_setup_outgoing(m, fdt);
	if (m->k->boot.release.flb_compatible)
		err |= luo_flb_setup_outgoing(m, fdt);
	err |= fdt_end_node(fdt);
	err |= fdt_finish(fdt);
	if (err) {
		kho_unpreserve_free(m, *state);
		return err;
	}
	phys_write(m, *state, fdt, fdt_totalsize(fdt));
	return 0;
}

/* 7.2 on. */
static int luo_ser_setup(struct machine *m, phys_addr_t *state)
{
	struct luo_ser ser = { .liveupdate_num = m->k->luo.liveupdate_num + 1 };
	int err;

	err = kho_alloc_preserve(m, sizeof(ser), state);
	if (err)
		return err;
	memcpy(ser.compatible, m->k->boot.release.luo_compatible,
	       strnlen(m->k->boot.release.luo_compatible, sizeof(ser.compatible)));
	phys_write(m, *state, &ser, sizeof(ser));
	luo_session_setup_outgoing_ser(m, *state + offsetof(struct luo_ser, sessions_pa));
	err = luo_flb_setup_outgoing_ser(m, *state + offsetof(struct luo_ser, flbs_pa));
	if (err)
		kho_unpreserve_free(m, *state);
	return err;
}

static int luo_late_startup(struct machine *m)
{
	bool ser = m->k->boot.release.luo_ser;
	phys_addr_t state;
	int err;

	err = ser ? luo_ser_setup(m, &state) : luo_fdt_setup(m, &state);
	if (err)
		goto err_print;
	err = kho_add_subtree(m, LUO_KHO_ENTRY_NAME, state,
			      ser ? sizeof(struct luo_ser) : PAGE_SIZE);
	if (!err)
		return 0;
	kho_unpreserve_free(m, state);
err_print:
	pr_err(m, "failed to prepare LUO state: %d", err);
	return err;
}

void luo_late_init(struct machine *m)
{
	if (liveupdate_enabled(m) && luo_late_startup(m))
		m->k->luo.enabled = false;
}

int liveupdate_reboot(struct machine *m)
{
	KCALL(m);
	int err;

	if (m->k->boot.release.tree)
		return tree_reboot(m);
	if (!liveupdate_enabled(m))
		return 0;
	err = luo_session_serialize(m);
	if (!err) {
		luo_flb_serialize(m);
		kho_count_serialize(m);
	}
	if (err || m->k->boot.release.kho_radix)
		return err;
	err = kho_finalize(m);
	if (err) {
		pr_err(m, "kho_finalize failed %d", err);
		if (has_fix(m, FIX_REBOOT_ABORT))
			liveupdate_reboot_abort(m);
		return -EAGAIN;
	}
	return 0;
}

void liveupdate_reboot_abort(struct machine *m)
{
	if (liveupdate_enabled(m))
		luo_session_unserialize(m);
}

/* User memory. */

static int read_user(void *dst, const struct uptr *src, u64 off, u64 size)
{
	if (!src->mem || off + size > src->size)
		return -EFAULT;
	memcpy(dst, (const char *)src->mem + off, size);
	return 0;
}

static int copy_from_user(struct machine *m, void *dst, const struct uptr *src, u64 size)
{
	task_yield(m, YIELD_COPY_FROM_USER, NULL);
	if (should_fail(m, FAIL_COPY_FROM_USER, 0, NULL))
		return -EFAULT;
	return read_user(dst, src, 0, size);
}

static int copy_to_user(struct machine *m, const struct uptr *dst, const void *src, u64 size)
{
	task_yield(m, YIELD_COPY_TO_USER, NULL);
	if (should_fail(m, FAIL_COPY_TO_USER, 0, NULL))
		return -EFAULT;
	if (!dst->mem || dst->read_only || size > dst->size)
		return -EFAULT;
	memcpy(dst->mem, src, size);
	return 0;
}

int get_user_size(struct machine *m, struct luo_ucmd *ucmd)
{
	return copy_from_user(m, &ucmd->user_size, &ucmd->ubuffer, sizeof(ucmd->user_size));
}

/* What user space knows beyond @size must be zero. */
int copy_struct_from_user(struct machine *m, void *dst, u64 size, const struct luo_ucmd *ucmd)
{
	u64 user_size = ucmd->user_size;
	u8 byte;

	for (u64 off = size; off < user_size; off++) {
		if (read_user(&byte, &ucmd->ubuffer, off, 1))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	memset(dst, 0, size);
	return copy_from_user(m, dst, &ucmd->ubuffer, min(size, user_size));
}

int luo_ucmd_respond(struct machine *m, struct luo_ucmd *ucmd, u64 kernel_size)
{
	return copy_to_user(m, &ucmd->ubuffer, ucmd->cmd, min(kernel_size, (u64)ucmd->user_size));
}

/* /dev/liveupdate. */

/* Create or retrieve, with a new descriptor for the session. */
static int luo_ioctl_session(struct machine *m, struct luo_ucmd *ucmd,
			     int (*get)(struct machine *m, const char *name, struct file **filep))
{
	struct liveupdate_ioctl_session *argp = ucmd->cmd;
	struct file *file;
	int err;

	argp->fd = get_unused_fd_flags(m, O_CLOEXEC);
	if (argp->fd < 0)
		return argp->fd;
	err = get(m, (const char *)argp->name, &file);
	if (err)
		goto err_put_fd;
	err = luo_ucmd_respond(m, ucmd, sizeof(*argp));
	if (err)
		goto err_put_file;
	fd_install(m, argp->fd, file);
	return 0;

err_put_file:
	fput(m, file);
err_put_fd:
	put_unused_fd(m, argp->fd);
	return err;
}

/* open of /dev/liveupdate: -EBUSY, -EIO. */
static int luo_open(struct machine *m, struct file *file)
{
	KCALL(m);
	struct luo *luo = &m->k->luo;

	(void)file;
	if (luo->in_use)
		return -EBUSY;
	luo->in_use = true;
	if (luo_session_deserialize(m)) {
		luo->in_use = false;
		return -EIO;
	}
	return 0;
}

static int luo_release(struct machine *m, struct file *file)
{
	(void)file;
	m->k->luo.in_use = false;
	return 0;
}

static int luo_ioctl(struct machine *m, struct file *file, unsigned int cmd, struct uptr arg)
{
	KCALL(m);
	static int (*const ops[])(struct machine *m, const char *name, struct file **filep) = {
		luo_session_create, luo_session_retrieve,
	};
	struct luo_ucmd ucmd = { .ubuffer = arg };
	struct liveupdate_ioctl_session buf;
	unsigned int nr = cmd & 0xff;
	int err;

	(void)file;
	if (nr >= ARRAY_SIZE(ops))
		return -EINVAL;
	err = get_user_size(m, &ucmd);
	if (err)
		return err;
	if (cmd != (unsigned int)LIVEUPDATE_IO(nr))
		return -ENOIOCTLCMD;
	if (ucmd.user_size < sizeof(buf))
		return -EINVAL;
	ucmd.cmd = &buf;
	err = copy_struct_from_user(m, &buf, sizeof(buf), &ucmd);
	if (err)
		return err;
	return luo_ioctl_session(m, &ucmd, ops[nr]);
}

const struct file_operations luo_fops = {
	.name = "liveupdate",
	.open = luo_open,
	.release = luo_release,
	.unlocked_ioctl = luo_ioctl,
};
