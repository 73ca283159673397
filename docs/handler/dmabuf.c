/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file handler of one's own, as an example: buffers that devices share, each one folio of
 * two pages, which nobody posted. docs/handler.md goes through it.
 *
 *	cc -shared -fPIC $(pkg-config --cflags luosim) -o dmabuf.so dmabuf.c
 *	luosim dmabuf.scn
 */
#include <luosim-handler.h>

struct dmabuf_ser {
	u64 pfn;
};

static const struct luosim_field dmabuf_fields[] = {
	{ "pfn", offsetof(struct dmabuf_ser, pfn), 64 }, { NULL, 0, 0 },
};

/* The file: its private_data is the folio. */

static int dmabuf_release(struct file *file)
{
	folio_put(file->private_data);
	return 0;
}

static const struct file_operations dmabuf_fops = {
	.owner = THIS_MODULE, .release = dmabuf_release,
};

/* A file that takes the folio over, or an error, and the folio is given up. */
static struct file *dmabuf_file(struct folio *folio)
{
	struct file *file = anon_inode_create_getfile("[dmabuf]", &dmabuf_fops, folio, O_RDWR);

	if (IS_ERR(file))
		folio_put(folio);
	return file;
}

/* open_own("dmabuf") */
static struct file *dmabuf_open(void)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 1);

	return folio ? dmabuf_file(folio) : ERR_PTR(-ENOMEM);
}

/* What a device does: own_call(buf, "poke", 7) = 0, own_call(buf, "peek") = 7. */
static long dmabuf_poke(struct file *file, u64 byte)
{
	*(u8 *)folio_address(file->private_data) = byte;
	return 0;
}

static long dmabuf_peek(struct file *file, u64 unused)
{
	(void)unused;
	return *(u8 *)folio_address(file->private_data);
}

static const struct luosim_operation dmabuf_operations[] = {
	{ "poke", dmabuf_poke }, { "peek", dmabuf_peek }, { NULL, NULL },
};

/* For the judge: what must be there again when a buffer comes back. */
static u64 dmabuf_contents(struct file *file)
{
	return dmabuf_peek(file, 0);
}

/* The handler. */

static bool dmabuf_can_preserve(struct liveupdate_file_handler *handler, struct file *file)
{
	(void)handler;
	return file->f_op == &dmabuf_fops;
}

static int dmabuf_preserve(struct liveupdate_file_op_args *args)
{
	struct folio *folio = args->file->private_data;
	struct dmabuf_ser *ser = kho_alloc_preserve(sizeof(*ser));
	int err;

	if (IS_ERR(ser))
		return PTR_ERR(ser);
	err = kho_preserve_folio(folio);
	if (err) {
		kho_unpreserve_free(ser);
		return err;
	}
	ser->pfn = folio_pfn(folio);
	args->serialized_data = virt_to_phys(ser);
	return 0;
}

static void dmabuf_unpreserve(struct liveupdate_file_op_args *args)
{
	kho_unpreserve_folio(args->file->private_data);
	kho_unpreserve_free(phys_to_virt(args->serialized_data));
}

static int dmabuf_retrieve(struct liveupdate_file_op_args *args)
{
	struct dmabuf_ser *ser = phys_to_virt(args->serialized_data);
	struct folio *folio = kho_restore_folio(PFN_PHYS(ser->pfn));

	kho_restore_free(ser);
	if (!folio)
		return -EIO;
	args->file = dmabuf_file(folio);
	return IS_ERR(args->file) ? PTR_ERR(args->file) : 0;
}

/* What nobody has asked for is asked for now, and thrown away. */
static void dmabuf_finish(struct liveupdate_file_op_args *args)
{
	if (!args->retrieve_status && !dmabuf_retrieve(args))
		fput(args->file);
}

static const struct liveupdate_file_ops dmabuf_ops = {
	.can_preserve = dmabuf_can_preserve,
	.preserve = dmabuf_preserve,
	.unpreserve = dmabuf_unpreserve,
	.retrieve = dmabuf_retrieve,
	.finish = dmabuf_finish,
	.owner = THIS_MODULE,
};

static struct liveupdate_file_handler dmabuf_handler = {
	.ops = &dmabuf_ops, .compatible = "dmabuf-v1",
};

static int dmabuf_init(void)
{
	return liveupdate_register_file_handler(&dmabuf_handler);
}

static void dmabuf_exit(void)
{
	liveupdate_unregister_file_handler(&dmabuf_handler);
}

LUOSIM_HANDLER(
	.name = "dmabuf", .init = dmabuf_init, .exit = dmabuf_exit, .open = dmabuf_open,
	.operations = dmabuf_operations, .contents = dmabuf_contents, .fields = dmabuf_fields,
);
