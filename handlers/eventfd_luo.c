/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file handler of eventfds as it was posted (fs/eventfd_luo.c of "eventfd: luo: luo
 * support for preserving eventfd" v1), with what is wrong in it: docs/findings.md.
 * The eventfds themselves are the kernel's.
 */
#define LUOSIM_PREFIX	"eventfd_luo"

#include <luosim-handler.h>

#define EVENTFD_LUO_FH_COMPATIBLE	"eventfd-v1"

struct eventfd_luo_ser {
	u64 count;
	u32 flags;
} __attribute__((packed));

static bool eventfd_luo_can_preserve(struct liveupdate_file_handler *handler, struct file *file)
{
	(void)handler;
	return !strcmp(luosim_file_kind(file), "eventfd");
}

static int eventfd_luo_preserve(struct liveupdate_file_op_args *args)
{
	struct eventfd_luo_ser *ser;
	unsigned int flags;
	u64 count;
	int err;

	err = eventfd_luo_get_state(args->file, &count, &flags);
	if (err) {
		pr_err("Failed to get eventfd state: %d", err);
		return err;
	}
	ser = kho_alloc_preserve(sizeof(*ser));
	if (IS_ERR(ser)) {
		err = PTR_ERR(ser);
		pr_err("Failed to allocate preserve memory: %d", err);
		return err;
	}
	ser->count = count;
	ser->flags = flags;
	args->serialized_data = virt_to_phys(ser);
	return 0;
}

static int eventfd_luo_freeze(struct liveupdate_file_op_args *args)
{
	struct eventfd_luo_ser *ser;
	unsigned int flags;
	u64 count;
	int err;

	if (WARN_ON(!args->serialized_data))
		return -EINVAL;
	ser = phys_to_virt(args->serialized_data);
	err = eventfd_luo_get_state(args->file, &count, &flags);
	if (!err)
		ser->count = count;
	return err;
}

static void eventfd_luo_unpreserve(struct liveupdate_file_op_args *args)
{
	if (WARN_ON(!args->serialized_data))
		return;
	kho_unpreserve_free(phys_to_virt(args->serialized_data));
}

/* By way of a descriptor of the caller's; and nobody frees @ser any more. */
static int eventfd_luo_retrieve(struct liveupdate_file_op_args *args)
{
	struct eventfd_luo_ser ser;
	struct file *file;
	int fd;

	memcpy_from_phys(&ser, args->serialized_data, sizeof(ser));
	fd = eventfd_create(ser.count, ser.flags);
	if (fd < 0) {
		pr_err("Failed to create eventfd: %d", fd);
		return fd;
	}
	file = fget(fd);
	if (!file) {
		pr_err("Failed to get file from fd");
		close_fd(fd);
		return -EBADF;
	}
	close_fd(fd);
	if (strcmp(luosim_file_kind(file), "eventfd")) {
		pr_err("Failed to get context from file");
		fput(file);
		return -EINVAL;
	}
	args->file = file;
	return 0;
}

static void eventfd_luo_finish(struct liveupdate_file_op_args *args)
{
	if (args->retrieve_status || !args->serialized_data)
		return;
	luosim_restore_free(args->serialized_data);
}

static const struct liveupdate_file_ops eventfd_luo_file_ops = {
	.can_preserve = eventfd_luo_can_preserve,
	.preserve = eventfd_luo_preserve,
	.unpreserve = eventfd_luo_unpreserve,
	.freeze = eventfd_luo_freeze,
	.retrieve = eventfd_luo_retrieve,
	.finish = eventfd_luo_finish,
	.owner = THIS_MODULE,
};

static struct liveupdate_file_handler eventfd_luo_handler = {
	.ops = &eventfd_luo_file_ops, .compatible = EVENTFD_LUO_FH_COMPATIBLE,
};

static int eventfd_luo_init(void)
{
	return liveupdate_register_file_handler(&eventfd_luo_handler);
}

static void eventfd_luo_exit(void)
{
	liveupdate_unregister_file_handler(&eventfd_luo_handler);
}

static const struct luosim_kind eventfd_luo_kinds[] = {
	{ .name = "eventfd_luo", .steps = { "eventfd(3, EFD_SEMAPHORE) = NEW" } },
	{ .name = NULL },
};

static const struct luosim_field eventfd_luo_fields[] = {
	{ "count", offsetof(struct eventfd_luo_ser, count), 64 },
	{ "flags", offsetof(struct eventfd_luo_ser, flags), 32 },
	{ .name = NULL },
};

static const u8 eventfd_luo_words[] = { 2 };

LUOSIM_HANDLER_AS(eventfd_luo, .name = "eventfd_luo", .init = eventfd_luo_init,
		  .exit = eventfd_luo_exit, .fields = eventfd_luo_fields,
		  .data_words = eventfd_luo_words, .kinds = eventfd_luo_kinds);
