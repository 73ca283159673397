/* SPDX-License-Identifier: GPL-2.0-only */
/* A handler that calls all of luosim-handler.h, and says what did not do as it should. */
#include <luosim-handler.h>

#define SAY(condition) do {						\
	if (!(condition))						\
		pr_err("line %d: not " #condition, __LINE__);		\
} while (0)

struct every_state {
	u64 files;
};

struct every {
	u64 value;
	struct folio *folio;
};

struct every_ser {
	u32 value;
	u32 friend;		/* its token + 1, or 0 */
	u64 pfn;
	u8 big[8192];		/* more than a page */
};

static int every_release(struct file *file)
{
	struct every *e = file->private_data;

	folio_put(e->folio);
	kfree(e);
	((struct every_state *)luosim_state())->files--;
	luosim_census(-1);
	return 0;
}

static ssize_t every_read(struct file *file, char *buf, size_t len, s64 *pos)
{
	struct every *e = file->private_data;
	char text[16];
	int nr = snprintf(text, sizeof(text), "%d", (int)e->value);

	if (*pos || (size_t)nr > len)
		return 0;
	SAY(copy_to_user(buf + len, text, 1) == 1);
	if (copy_to_user(buf, text, nr))
		return -EFAULT;
	*pos += nr;
	return nr;
}

static ssize_t every_write(struct file *file, const char *buf, size_t len, s64 *pos)
{
	struct every *e = file->private_data;
	char digit;

	(void)pos;
	SAY(copy_to_user((char *)buf, "x", 1) == 1);
	if (!len || copy_from_user(&digit, buf, 1))
		return -EFAULT;
	e->value = digit - '0';
	*(u64 *)folio_address(e->folio) = e->value;
	return len;
}

static long every_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	u32 size;

	(void)file;
	if (copy_from_user(&size, (void *)arg, sizeof(size)))
		return -EFAULT;
	return cmd == 0xbb40 ? (long)size : -ENOTTY;
}

static const struct file_operations every_fops = {
	.release = every_release, .unlocked_ioctl = every_ioctl,
	.read = every_read, .write = every_write,
};

/* Over the one inode of such files; @folio becomes its. */
static struct file *every_file(u64 value, struct folio *folio)
{
	struct every *e = folio ? kzalloc(sizeof(*e), GFP_KERNEL) : NULL;
	struct file *file = ERR_PTR(-ENOMEM);

	if (e)
		file = anon_inode_getfile("[every]", &every_fops, e, O_RDWR);
	if (IS_ERR(file)) {
		if (folio)
			folio_put(folio);
		kfree(e);
		return file;
	}
	e->value = value;
	e->folio = folio;
	((struct every_state *)luosim_state())->files++;
	luosim_census(1);
	SAY(get_file(file) == file);
	fput(file);
	return file;
}

static struct file *every_open(void)
{
	return every_file(0, folio_alloc(GFP_KERNEL, 0));
}

static struct liveupdate_flb every_flb;

static bool every_can_preserve(struct liveupdate_file_handler *handler, struct file *file)
{
	(void)handler;
	return file->f_op == &every_fops || !strcmp(luosim_file_kind(file), "eventfd");
}

static int every_preserve(struct liveupdate_file_op_args *args)
{
	struct every *e = args->file->private_data;
	struct every_ser *ser;
	u64 token;
	void *obj;

	if (args->file->f_op != &every_fops)
		return -EOPNOTSUPP;
	SAY(liveupdate_get_token_outgoing(args->session, args->file, &token) == -ENOENT);
	SAY(!liveupdate_flb_get_outgoing(&every_flb, &obj));
	SAY(obj == luosim_state());
	liveupdate_flb_put_outgoing(&every_flb);
	ser = kho_alloc_preserve(sizeof(*ser));
	if (IS_ERR(ser))
		return PTR_ERR(ser);
	if (kho_preserve_folio(e->folio)) {
		kho_unpreserve_free(ser);
		return -ENOMEM;
	}
	ser->value = e->value;
	ser->pfn = folio_pfn(e->folio);
	ser->big[8191] = 77;
	args->private_data = ser;
	args->serialized_data = virt_to_phys(ser);
	SAY(phys_to_virt(args->serialized_data) == ser);
	return 0;
}

static void every_unpreserve(struct liveupdate_file_op_args *args)
{
	struct every *e = args->file->private_data;

	SAY(((struct every_ser *)args->private_data)->big[8191] == 77);
	kho_unpreserve_folio(e->folio);
	kho_unpreserve_free(args->private_data);
}

/* A later value is the one that is handed over. */
static int every_freeze(struct liveupdate_file_op_args *args)
{
	struct every *e = args->file->private_data;
	u64 token;

	SAY(!liveupdate_get_token_outgoing(args->session, args->file, &token));
	((struct every_ser *)args->private_data)->value = e->value;
	((struct every_ser *)args->private_data)->friend = token + 1;
	return e->value == 9 ? -EBUSY : 0;
}

static void every_unfreeze(struct liveupdate_file_op_args *args)
{
	((struct every_ser *)args->private_data)->friend = 0;
}

static struct folio *every_restore(u64 serialized_data, u32 *value)
{
	struct every_ser *ser = phys_to_virt(serialized_data);
	struct folio *folio = kho_restore_folio(PFN_PHYS(ser->pfn));

	*value = ser->value;
	kho_restore_free(ser);
	if (folio) {
		folio_get(folio);
		folio_put(folio);
		SAY(*(u64 *)folio_address(folio) == *value);
	}
	return folio;
}

static int every_retrieve(struct liveupdate_file_op_args *args)
{
	struct file *other;
	u32 value;
	void *obj;

	SAY(!liveupdate_flb_get_incoming(&every_flb, &obj));
	liveupdate_flb_put_incoming(&every_flb);
	/* A memfd that the scenario preserves under token 99. */
	if (!liveupdate_get_file_incoming(args->session, 99, &other)) {
		SAY(!other->f_op && !strcmp(luosim_file_kind(other), "memfd"));
		fput(other);
	}
	args->file = every_file(0, every_restore(args->serialized_data, &value));
	if (IS_ERR(args->file))
		return PTR_ERR(args->file);
	((struct every *)args->file->private_data)->value = value;
	pr_info("hello %u", value);
	return 0;
}

static bool every_can_finish(struct liveupdate_file_op_args *args)
{
	return args->retrieve_status > 0;
}

static void every_finish(struct liveupdate_file_op_args *args)
{
	WARN_ON(!args->file);
}

static unsigned long every_get_id(struct file *file)
{
	struct every *e = file->private_data;

	return file->f_op == &every_fops ? 1000 + e->value : 1;
}

static const struct liveupdate_file_ops every_ops = {
	.can_preserve = every_can_preserve, .preserve = every_preserve,
	.unpreserve = every_unpreserve, .freeze = every_freeze, .unfreeze = every_unfreeze,
	.retrieve = every_retrieve, .can_finish = every_can_finish, .finish = every_finish,
	.get_id = every_get_id, .owner = THIS_MODULE,
};

static struct liveupdate_file_handler every_handler = { &every_ops, "every-v1" };
static struct liveupdate_file_handler second_handler = { &every_ops, "every-v1" };
static struct liveupdate_file_handler no_handler = { NULL, "none" };

static int flb_preserve(struct liveupdate_flb_op_args *args)
{
	void *page = kho_alloc_preserve(PAGE_SIZE);

	if (IS_ERR(page))
		return PTR_ERR(page);
	args->data = virt_to_phys(page);
	args->obj = luosim_state();
	return 0;
}

static void flb_unpreserve(struct liveupdate_flb_op_args *args)
{
	kho_unpreserve_free(phys_to_virt(args->data));
}

static int flb_retrieve(struct liveupdate_flb_op_args *args)
{
	args->obj = phys_to_virt(args->data);
	return 0;
}

static void flb_finish(struct liveupdate_flb_op_args *args)
{
	kho_restore_free(args->obj);
}

static const struct liveupdate_flb_ops every_flb_ops = {
	.preserve = flb_preserve, .unpreserve = flb_unpreserve,
	.retrieve = flb_retrieve, .finish = flb_finish, .owner = THIS_MODULE,
};

static struct liveupdate_flb every_flb = { &every_flb_ops, "every-flb" };

static int every_init(void)
{
	int err = liveupdate_register_file_handler(&every_handler);

	if (err)
		return err;
	SAY(liveupdate_register_file_handler(&second_handler) == -EEXIST);
	SAY(liveupdate_register_file_handler(&no_handler) == -EINVAL);
	SAY(liveupdate_register_flb(&no_handler, &every_flb) == -EINVAL);
	err = liveupdate_register_flb(&every_handler, &every_flb);
	if (err)
		liveupdate_unregister_file_handler(&every_handler);
	return err;
}

static void every_exit(void)
{
	liveupdate_unregister_flb(&every_handler, &every_flb);
	liveupdate_unregister_file_handler(&every_handler);
}

static u64 every_contents(struct file *file)
{
	if (file->f_op != &every_fops)
		return 0;
	return ((struct every *)file->private_data)->value;
}

static void every_walk_file(struct file *file)
{
	struct every *e = file->private_data;

	if (file->f_op != &every_fops)
		return;
	luosim_walk(e->value);
	luosim_walk_folio(e->folio);
}

static void every_walk_data(u64 serialized_data)
{
	luosim_walk(*(u32 *)phys_to_virt(serialized_data));
}

static long every_hold(struct file *file, u64 nr)
{
	(void)file;
	luosim_census(nr);
	return ((struct every_state *)luosim_state())->files;
}

/* Areas, locks and what else needs no file. */
static void try_memory(void)
{
	struct mutex *lock = kzalloc(sizeof(*lock), GFP_KERNEL);
	u32 *area = vcalloc(2, PAGE_SIZE), *again, word = 0;
	struct kho_vmalloc where;

	mutex_init(lock);
	mutex_lock(lock);
	area[PAGE_SIZE / sizeof(u32)] = 41;
	memcpy_from_vmalloc(&word, area, PAGE_SIZE, sizeof(word));
	SAY(word == 41);
	word++;
	memcpy_to_vmalloc(area, PAGE_SIZE, &word, sizeof(word));
	SAY(area[PAGE_SIZE / sizeof(u32)] == 42);
	SAY(!kho_preserve_vmalloc(area, &where) && where.total_pages == 2);
	kho_unpreserve_vmalloc(&where);
	where.first = 0;
	again = kho_restore_vmalloc(&where);
	SAY(!again);
	vfree(area);
	vfree(NULL);
	mutex_unlock(lock);
	kfree(lock);
	SAY(!luosim_has_fix("no-such-fix"));
	SAY(pci_find("0000:01:00.7") == 7 && pci_find("none") == -ENOENT);
	SAY(!pci_liveupdate_incoming(7));
}

/* Files over an inode with pages: private_data is NULL, as no callback gets one. */
static int paged_open(struct file *file)
{
	return iminor(file_inode(file)) == 5 ? -EPERM : 0;
}

static const struct file_operations paged_fops = { .open = paged_open };

static void every_driver(void)
{
	SAY(!luosim_create_node("/dev/every", 0600, &paged_fops, 5));
}

/* every_new("byte"): a page that begins with it. */
static void *every_new(const struct luosim_arg *args)
{
	struct inode *inode = luosim_new_inode(0x1234, 2 * PAGE_SIZE);
	struct address_space *mapping = inode_mapping(inode);
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);
	u64 index = 0;
	char byte = 0;

	try_memory();
	SAY(PTR_ERR(filp_open("/dev/every", O_RDWR, 0)) == -EPERM);
	SAY(PTR_ERR(filp_open("/dev/none", O_RDWR, 0)) == -ENOENT);
	inode_lock(inode);
	memcpy_to_folio(folio, 1, args[0].bytes, 1);
	memcpy_from_folio(&byte, folio, 1, 1);
	SAY(args[0].len && byte == *args[0].bytes);
	folio_mark_uptodate(folio);
	SAY(!filemap_add_folio(mapping, folio, 1) && mapping_nrpages(mapping) == 1);
	SAY(filemap_get_folio(mapping, 1) == folio && !filemap_get_folio(mapping, 0));
	SAY(filemap_next_folio(mapping, &index, 9) == folio && index == 1);
	SAY(folio_test_uptodate(folio) && pfn_folio(folio_pfn(folio)) == folio);
	folio_put(folio);
	luosim_freeze(inode, true);
	SAY(luosim_frozen(inode) && i_size_read(inode) == 2 * (s64)PAGE_SIZE);
	inode_unlock(inode);
	iput(luosim_new_inode(1, 0));
	return luosim_alloc_file(inode, "[paged]", O_RDWR, &paged_fops, NULL);
}

/* every_get(FILE, LEN): the second byte of that page, LEN times; it is dropped. */
static s64 every_get(const struct luosim_arg *args)
{
	struct file *file = fdget(args[0].number);
	struct address_space *mapping;
	struct folio *folio;

	if (!file || file->f_op != &paged_fops)
		return file ? -ENOTTY : -EBADF;
	mapping = inode_mapping(file_inode(file));
	luosim_page_fault();
	folio = filemap_get_folio(mapping, 1);
	for (size_t i = 0; folio && i < args[1].len; i++)
		memcpy_from_folio(args[1].bytes + i, folio, 1, 1);
	luosim_truncate(mapping, 0, 2);
	SAY(luosim_current_mm() == luosim_current_mm());
	return folio ? (s64)args[1].len : -ENODATA;
}

static const struct luosim_call calls[] = {
	{ .name = "every_new", .params = { { "BYTE", LUOSIM_STRING, 0, 1 } }, .open = every_new,
	  .about = "a file with a page" },
	{ .name = "every_get",
	  .params = { { "FILE", LUOSIM_FD, 0, 0 }, { "LEN", LUOSIM_NUMBER, 0, 8 } },
	  .call = every_get, .reads = true, .about = "what that page begins with" },
	{ .name = NULL },
};

static const struct luosim_operation operations[] = { { "hold", every_hold }, { NULL, NULL } };

LUOSIM_HANDLER(
	.name = "every", .init = every_init, .exit = every_exit, .open = every_open,
	.state_size = sizeof(struct every_state), .operations = operations,
	.driver = every_driver, .calls = calls,
	.contents = every_contents, .walk_file = every_walk_file, .walk_data = every_walk_data,
);
