/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * File handlers in C that are no part of luosim: what one sees of its kernel, spelled
 * as Linux spells it, and what it tells luosim of itself. docs/handler.md begins from
 * nothing.
 *
 * A handler is a shared object that exports a struct luosim_handler. It runs in many
 * machines at once, some of which go back in time: it may not write to variables of its
 * own. What a kernel's module would have in those is in luosim_state(), and everything
 * else in what kzalloc(), folio_alloc() and kho_alloc_preserve() return.
 *
 * Context: all functions here are called from callbacks only. Any of them may be the last
 * one that is called, as where the kernel panics.
 */
#ifndef LUOSIM_HANDLER_H
#define LUOSIM_HANDLER_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;
typedef u64 phys_addr_t;

struct folio;
struct module;
struct luo_session;

/**
 * struct file - an open file.
 * @f_op: of this handler's own files; NULL of any other, which it knows by nothing but
 *	what luosim_file_kind() says.
 * @private_data: the handler's.
 */
struct file {
	const struct file_operations *f_op;
	void *private_data;
};

/**
 * struct file_operations - of files that anon_inode_getfile() makes. All may be NULL.
 * @release: the last reference is gone.
 * @unlocked_ioctl: @arg is for copy_from_user() and copy_to_user().
 * @read, @write: @buf likewise; they move @pos.
 */
struct file_operations {
	int (*release)(struct file *file);
	long (*unlocked_ioctl)(struct file *file, unsigned int cmd, unsigned long arg);
	ssize_t (*read)(struct file *file, char *buf, size_t len, s64 *pos);
	ssize_t (*write)(struct file *file, const char *buf, size_t len, s64 *pos);
};

struct liveupdate_file_handler;
struct liveupdate_flb;

/**
 * struct liveupdate_file_op_args - as in include/linux/liveupdate.h.
 * @session: posted, not merged: for liveupdate_get_token_outgoing() and its kin.
 */
struct liveupdate_file_op_args {
	struct liveupdate_file_handler *handler;
	struct luo_session *session;
	int retrieve_status;
	struct file *file;
	u64 serialized_data;
	void *private_data;
};

/** struct liveupdate_file_ops - as in include/linux/liveupdate.h. */
struct liveupdate_file_ops {
	bool (*can_preserve)(struct liveupdate_file_handler *handler, struct file *file);
	int (*preserve)(struct liveupdate_file_op_args *args);
	void (*unpreserve)(struct liveupdate_file_op_args *args);
	int (*freeze)(struct liveupdate_file_op_args *args);
	void (*unfreeze)(struct liveupdate_file_op_args *args);
	int (*retrieve)(struct liveupdate_file_op_args *args);
	bool (*can_finish)(struct liveupdate_file_op_args *args);
	void (*finish)(struct liveupdate_file_op_args *args);
	unsigned long (*get_id)(struct file *file);
	struct module *owner;
};

/** struct liveupdate_file_handler - likewise; it is static, and nobody writes to it. */
struct liveupdate_file_handler {
	const struct liveupdate_file_ops *ops;
	const char compatible[48];
};

struct liveupdate_flb_op_args {
	struct liveupdate_flb *flb;
	u64 data;
	void *obj;
};

struct liveupdate_flb_ops {
	int (*preserve)(struct liveupdate_flb_op_args *args);
	void (*unpreserve)(struct liveupdate_flb_op_args *args);
	int (*retrieve)(struct liveupdate_flb_op_args *args);
	void (*finish)(struct liveupdate_flb_op_args *args);
	struct module *owner;
};

/** struct liveupdate_flb - file-lifecycle-bound data; likewise static. */
struct liveupdate_flb {
	const struct liveupdate_flb_ops *ops;
	const char compatible[48];
};

/**
 * struct luosim_operation - what open files of the handler can be told in a scenario.
 * @name: own_call(fd, "name", arg).
 * @call: returns what the step returns: a number, or a negative errno.
 */
struct luosim_operation {
	const char *name;
	long (*call)(struct file *file, u64 arg);
};

/**
 * struct luosim_field - a number in what the handler hands over of a file.
 * @name: corrupt("session[vm0].file[1].own[name]", ...).
 * @offset: in bytes, from serialized_data on.
 * @bits: 8, 16, 32 or 64.
 */
struct luosim_field {
	const char *name;
	u32 offset, bits;
};

#define LUOSIM_HANDLER_ABI	1

/**
 * struct luosim_handler - what a shared object exports as "luosim_handler".
 * @abi: LUOSIM_HANDLER_ABI.
 * @name: what scenarios and "fail callback()" call it: up to 31 letters, digits, '-', '_', '.'.
 * @kernel: &luosim_kernel, which luosim sets; LUOSIM_HANDLER() does that.
 * @init, @exit: of the module: register and unregister. 0 or a negative errno.
 * @state_size: bytes that luosim_state() gives, zeroed when the module is loaded.
 * @open: open_own("name"): a new file of the handler's kind, or an ERR_PTR(). May be NULL.
 * @operations: of its files; ends with a NULL name. May be NULL.
 * @fields: of what it hands over; likewise.
 * @contents: for the judge, a hash of what a file has and must have again when it comes
 *	back. NULL: nothing.
 * @walk_file: for searches, luosim_walk() all of a file that makes a difference later;
 *	files of which it says the same are alike. NULL: what @contents says.
 * @walk_data: likewise, of serialized_data. NULL: the first eight words there.
 */
struct luosim_handler {
	u32 abi;
	const char *name;
	const struct luosim_kernel **kernel;
	int (*init)(void);
	void (*exit)(void);
	size_t state_size;
	struct file *(*open)(void);
	const struct luosim_operation *operations;
	const struct luosim_field *fields;
	u64 (*contents)(struct file *file);
	void (*walk_file)(struct file *file);
	void (*walk_data)(u64 serialized_data);
};

/* What is behind the functions below. A handler has no use for it. */
struct luosim_kernel {
	void *(*kzalloc)(size_t size);
	void (*kfree)(void *ptr);
	struct folio *(*folio_alloc)(unsigned int order);
	void (*folio_get)(struct folio *folio);
	void (*folio_put)(struct folio *folio);
	u64 (*folio_pfn)(struct folio *folio);
	int (*kho_preserve_folio)(struct folio *folio);
	void (*kho_unpreserve_folio)(struct folio *folio);
	struct folio *(*kho_restore_folio)(phys_addr_t phys);
	void *(*kho_alloc_preserve)(size_t size);
	void (*kho_unpreserve_free)(void *mem);
	void (*kho_restore_free)(void *mem);
	void *(*map)(phys_addr_t phys, size_t size);
	phys_addr_t (*unmap)(const void *mem);
	int (*register_file_handler)(struct liveupdate_file_handler *fh);
	void (*unregister_file_handler)(struct liveupdate_file_handler *fh);
	int (*register_flb)(struct liveupdate_file_handler *fh, struct liveupdate_flb *flb);
	void (*unregister_flb)(struct liveupdate_file_handler *fh, struct liveupdate_flb *flb);
	int (*flb_get)(struct liveupdate_flb *flb, void **objp, bool incoming);
	void (*flb_put)(struct liveupdate_flb *flb, bool incoming);
	int (*get_token_outgoing)(struct luo_session *session, struct file *file, u64 *tokenp);
	int (*get_file_incoming)(struct luo_session *session, u64 token, struct file **filep);
	struct file *(*anon_inode_getfile)(const char *name, const struct file_operations *fops,
					   void *priv, int flags, bool own_inode);
	struct file *(*get_file)(struct file *file);
	void (*fput)(struct file *file);
	const char *(*file_kind)(struct file *file);
	unsigned long (*copy_user)(void *kernel, unsigned long user, size_t size, bool to_user);
	void (*printk)(int level, const char *text);
	void (*warn)(const char *func);
	void *(*state)(void);
	void (*census)(s64 nr);
	void (*walk)(u64 word);
	void (*walk_folio)(struct folio *folio);
};

#ifndef LUOSIM_HANDLER_HOST

static const struct luosim_kernel *luosim_kernel __attribute__((unused));

/**
 * LUOSIM_HANDLER() - export the handler: LUOSIM_HANDLER(.name = "dmabuf", .init = ...);
 * Once, in a shared object of one source file.
 */
#define LUOSIM_HANDLER(...)							\
	extern const struct luosim_handler luosim_handler;			\
	const struct luosim_handler luosim_handler = {				\
		.abi = LUOSIM_HANDLER_ABI, .kernel = &luosim_kernel, __VA_ARGS__	\
	}

#define PAGE_SHIFT		12
#define PAGE_SIZE		4096ul
#define PFN_PHYS(pfn)		((phys_addr_t)(pfn) << PAGE_SHIFT)
#define PHYS_PFN(phys)		((phys) >> PAGE_SHIFT)
#define GFP_KERNEL		0
#define __GFP_ZERO		0	/* all memory is zeroed */
#define THIS_MODULE		((struct module *)NULL)
#define MAX_ERRNO		4095

static inline void *ERR_PTR(long err)
{
	return (void *)err;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return (unsigned long)ptr >= (unsigned long)-MAX_ERRNO;
}

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/** kzalloc() - zeroed memory of the running kernel; NULL when there is none. */
static inline void *kzalloc(size_t size, int gfp)
{
	(void)gfp;
	return luosim_kernel->kzalloc(size);
}

static inline void kfree(void *ptr)
{
	luosim_kernel->kfree(ptr);
}

/** folio_alloc() - 2^@order zeroed pages with one reference; NULL when there are none. */
static inline struct folio *folio_alloc(int gfp, unsigned int order)
{
	(void)gfp;
	return luosim_kernel->folio_alloc(order);
}

static inline void folio_get(struct folio *folio)
{
	luosim_kernel->folio_get(folio);
}

static inline void folio_put(struct folio *folio)
{
	luosim_kernel->folio_put(folio);
}

static inline u64 folio_pfn(struct folio *folio)
{
	return luosim_kernel->folio_pfn(folio);
}

/**
 * phys_to_virt() - what is at @phys, up to the end of its page. It can be read and written
 *	to until the page is given back, and is where it is when that is asked again.
 */
static inline void *phys_to_virt(phys_addr_t phys)
{
	return luosim_kernel->map(phys, PAGE_SIZE - (phys & (PAGE_SIZE - 1)));
}

/** virt_to_phys() - the inverse, of what this and kho_alloc_preserve() have returned. */
static inline phys_addr_t virt_to_phys(const void *mem)
{
	return luosim_kernel->unmap(mem);
}

/** folio_address() - the first page of a folio. */
static inline void *folio_address(struct folio *folio)
{
	return phys_to_virt(PFN_PHYS(folio_pfn(folio)));
}

/* include/linux/kexec_handover.h. 0 or a negative errno; NULL for what was not preserved. */
static inline int kho_preserve_folio(struct folio *folio)
{
	return luosim_kernel->kho_preserve_folio(folio);
}

static inline void kho_unpreserve_folio(struct folio *folio)
{
	luosim_kernel->kho_unpreserve_folio(folio);
}

static inline struct folio *kho_restore_folio(phys_addr_t phys)
{
	return luosim_kernel->kho_restore_folio(phys);
}

/** kho_alloc_preserve() - zeroed memory that is handed over, or an ERR_PTR(). */
static inline void *kho_alloc_preserve(size_t size)
{
	return luosim_kernel->kho_alloc_preserve(size);
}

static inline void kho_unpreserve_free(void *mem)
{
	luosim_kernel->kho_unpreserve_free(mem);
}

static inline void kho_restore_free(void *mem)
{
	luosim_kernel->kho_restore_free(mem);
}

/* include/linux/liveupdate.h, with its errnos. */
static inline int liveupdate_register_file_handler(struct liveupdate_file_handler *fh)
{
	return luosim_kernel->register_file_handler(fh);
}

static inline void liveupdate_unregister_file_handler(struct liveupdate_file_handler *fh)
{
	luosim_kernel->unregister_file_handler(fh);
}

static inline int liveupdate_register_flb(struct liveupdate_file_handler *fh,
					  struct liveupdate_flb *flb)
{
	return luosim_kernel->register_flb(fh, flb);
}

static inline void liveupdate_unregister_flb(struct liveupdate_file_handler *fh,
					     struct liveupdate_flb *flb)
{
	luosim_kernel->unregister_flb(fh, flb);
}

static inline int liveupdate_flb_get_incoming(struct liveupdate_flb *flb, void **objp)
{
	return luosim_kernel->flb_get(flb, objp, true);
}

static inline void liveupdate_flb_put_incoming(struct liveupdate_flb *flb)
{
	luosim_kernel->flb_put(flb, true);
}

static inline int liveupdate_flb_get_outgoing(struct liveupdate_flb *flb, void **objp)
{
	return luosim_kernel->flb_get(flb, objp, false);
}

static inline void liveupdate_flb_put_outgoing(struct liveupdate_flb *flb)
{
	luosim_kernel->flb_put(flb, false);
}

/** liveupdate_get_token_outgoing() - posted: the token of @file in the session; -ENOENT. */
static inline int liveupdate_get_token_outgoing(struct luo_session *session, struct file *file,
						u64 *tokenp)
{
	return luosim_kernel->get_token_outgoing(session, file, tokenp);
}

/** liveupdate_get_file_incoming() - posted: the file of a token, to be given to fput(). */
static inline int liveupdate_get_file_incoming(struct luo_session *session, u64 token,
					       struct file **filep)
{
	return luosim_kernel->get_file_incoming(session, token, filep);
}

/** anon_inode_getfile() - a file over the inode that such files share, or an ERR_PTR(). */
static inline struct file *anon_inode_getfile(const char *name, const struct file_operations *fops,
					      void *priv, int flags)
{
	return luosim_kernel->anon_inode_getfile(name, fops, priv, flags, false);
}

/** anon_inode_create_getfile() - the same over an inode of its own. */
static inline struct file *anon_inode_create_getfile(const char *name,
						     const struct file_operations *fops,
						     void *priv, int flags)
{
	return luosim_kernel->anon_inode_getfile(name, fops, priv, flags, true);
}

static inline struct file *get_file(struct file *file)
{
	return luosim_kernel->get_file(file);
}

static inline void fput(struct file *file)
{
	luosim_kernel->fput(file);
}

/** copy_from_user() - how many bytes could not be copied. */
static inline unsigned long copy_from_user(void *to, const void *from, size_t size)
{
	return luosim_kernel->copy_user(to, (unsigned long)from, size, false);
}

static inline unsigned long copy_to_user(void *to, const void *from, size_t size)
{
	return luosim_kernel->copy_user((void *)from, (unsigned long)to, size, true);
}

/* The line begins with the handler's name. */
#define pr_info(...)	luosim_printk(0, __VA_ARGS__)
#define pr_warn(...)	luosim_printk(1, __VA_ARGS__)
#define pr_err(...)	luosim_printk(2, __VA_ARGS__)
#define luosim_printk(level, ...) do {					\
	char luosim_text[200];						\
									\
	snprintf(luosim_text, sizeof(luosim_text), __VA_ARGS__);	\
	luosim_kernel->printk(level, luosim_text);			\
} while (0)

static inline bool luosim_warn_on(bool condition, const char *func)
{
	if (condition)
		luosim_kernel->warn(func);
	return condition;
}
#define WARN_ON(condition)	luosim_warn_on(condition, __func__)

/** luosim_file_kind() - what a file that is not the handler's is: "eventfd", "memfd", or "". */
static inline const char *luosim_file_kind(struct file *file)
{
	return luosim_kernel->file_kind(file);
}

/** luosim_state() - what a module would have in variables: @state_size bytes. */
static inline void *luosim_state(void)
{
	return luosim_kernel->state();
}

/**
 * luosim_census() - the handler holds @nr things more, or fewer: pins, slots of a device.
 *	Things that are left behind where nothing should be, the judge calls a leak.
 */
static inline void luosim_census(s64 nr)
{
	luosim_kernel->census(nr);
}

/** luosim_walk() - one more word of a state; and luosim_walk_folio() what is in a folio. */
static inline void luosim_walk(u64 word)
{
	luosim_kernel->walk(word);
}

static inline void luosim_walk_folio(struct folio *folio)
{
	luosim_kernel->walk_folio(folio);
}

#endif

#ifdef __cplusplus
}
#endif

#endif
