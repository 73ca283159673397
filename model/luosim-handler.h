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

#include "luosim-words.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;
typedef u64 phys_addr_t;

struct address_space;
struct folio;
struct inode;
struct iommufd_ctx;
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

/** struct kho_vmalloc - as in include/linux/kho/abi/kexec_handover.h: a preserved area. */
struct kho_vmalloc {
	u64 first;
	u32 total_pages;
	u16 flags;
	u16 order;
} __attribute__((packed));

/** struct mutex - what mutex_init() makes of it; @opaque is luosim's. */
struct mutex {
	u64 opaque[4];
};

/**
 * struct file_operations - of files that anon_inode_getfile() and its kin make, and that a
 *	node opens. All may be NULL.
 * @owner: THIS_MODULE: it cannot be removed while there are such files.
 * @open: of a node: @file gets its private_data; 0 or a negative errno.
 * @release: the last reference is gone.
 * @unlocked_ioctl: @arg is for copy_from_user() and copy_to_user().
 * @read, @write: @buf likewise; they move @pos.
 */
struct file_operations {
	struct module *owner;
	int (*open)(struct file *file);
	int (*release)(struct file *file);
	long (*unlocked_ioctl)(struct file *file, unsigned int cmd, unsigned long arg);
	ssize_t (*read)(struct file *file, char *buf, size_t len, s64 *pos);
	ssize_t (*write)(struct file *file, const char *buf, size_t len, s64 *pos);
	long (*fallocate)(struct file *file, int mode, s64 offset, s64 len);
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

#define LUOSIM_HANDLER_ABI	4

/* What @contents of a handler says where what is there may have been changed by others. */
#define LUOSIM_CONTENTS_ANY	UINT64_MAX

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
 * @walk_data: likewise, of serialized_data. NULL: the first @data_words there.
 * @data_words: for each handler in the order of registration; NULL: eight.
 * @driver: what is there in every kernel that has the code, also where the handler is not
 *	loaded: the nodes of devices. Before @init; may be NULL.
 * @names: what "fail callback()" calls the handlers that @init registers, in that order,
 *	with a NULL after the last. NULL: @name, and their compatible strings.
 * @calls: operations of the scenario language; ends with a NULL name. May be NULL.
 * @kinds: kinds of files for searched worlds; likewise.
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
	void (*driver)(void);
	const char *const *names;
	const u8 *data_words;
	const struct luosim_call *calls;
	const struct luosim_kind *kinds;
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
	void (*restore_free)(phys_addr_t phys);
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
	void (*printk)(int level, const char *prefix, const char *text);
	void (*warn)(const char *func);
	void *(*state)(void);
	void (*census)(s64 nr);
	void (*walk)(u64 word);
	void (*walk_folio)(struct folio *folio);
	bool (*has_fix)(const char *fix);
	struct folio *(*pfn_folio)(u64 pfn);
	bool (*folio_uptodate)(struct folio *folio, bool mark);
	void (*copy_phys)(phys_addr_t phys, void *mem, size_t size, bool to_phys);
	void *(*vcalloc)(size_t n, size_t size);
	void (*vfree)(const void *mem);
	void (*copy_vmalloc)(const void *area, size_t offset, void *mem, size_t size, bool to);
	int (*kho_preserve_vmalloc)(void *mem, struct kho_vmalloc *preservation);
	void (*kho_unpreserve_vmalloc)(const struct kho_vmalloc *preservation);
	void *(*kho_restore_vmalloc)(const struct kho_vmalloc *preservation);
	void (*mutex)(struct mutex *lock, const char *name, int what);
	int (*create_node)(const char *path, unsigned int mode,
			   const struct file_operations *fops, u32 minor);
	struct file *(*filp_open)(const char *path, int flags);
	struct inode *(*new_inode)(u32 magic, s64 size);
	void (*iput)(struct inode *inode);
	struct file *(*alloc_file)(struct inode *inode, const char *name, int flags,
				   const struct file_operations *fops, void *priv);
	struct inode *(*file_inode)(const struct file *file);
	u32 (*iminor)(const struct inode *inode);
	s64 (*i_size_read)(const struct inode *inode);
	void (*inode_lock)(struct inode *inode, bool lock);
	bool (*freeze)(struct inode *inode, int freeze);
	struct address_space *(*mapping)(struct inode *inode);
	u64 (*nrpages)(const struct address_space *mapping);
	struct folio *(*filemap_get_folio)(struct address_space *mapping, u64 index);
	struct folio *(*filemap_next_folio)(struct address_space *mapping, u64 *index, u64 end);
	int (*filemap_add_folio)(struct address_space *mapping, struct folio *folio, u64 index);
	void (*filemap_truncate)(struct address_space *mapping, u64 index, u64 end);
	struct file *(*fdget)(unsigned int fd);
	u64 (*current_mm)(void);
	void (*page_fault)(void);
	int (*pci_find)(const char *bdf);
	bool (*pci_is_virtfn)(u32 nr);
	bool (*pci_is_below)(int nr, u32 above);
	bool (*pci_removed)(u32 nr);
	int (*pci_refs)(u32 nr, bool incoming);
	void (*pci_remove)(u32 nr);
	void (*pci_rescan)(void);
	bool (*pci_incoming)(u32 nr);
	int (*pci_register_flb)(struct liveupdate_file_handler *fh);
	int (*pci_preserve)(u32 nr);
	void (*pci_unpreserve)(u32 nr);
	void (*pci_finish)(u32 nr);
	struct iommufd_ctx *(*iommufd_ctx_from_file)(struct file *file);
	int (*iommufd_attach)(struct iommufd_ctx *ictx, u32 nr, u32 hwpt);
	void (*iommufd_detach)(struct iommufd_ctx *ictx);
	int (*iommufd_device_preserve)(struct luo_session *session, struct iommufd_ctx *ictx,
				       u32 nr);
	void (*iommufd_device_unpreserve)(struct iommufd_ctx *ictx, u32 nr);
	bool (*walk_object)(const void *object);
	void (*walk_file)(struct file *file);
	void (*walk_pfn)(u64 pfn);
	void (*walk_mm)(u64 mm);
	void (*walk_vmalloc)(const struct kho_vmalloc *vmalloc, u64 nr, size_t size,
			     void (*put)(const void *entry));
	struct file *(*fget)(unsigned int fd);
	int (*close_fd)(unsigned int fd);
	int (*eventfd_create)(u64 count, unsigned int flags);
	int (*eventfd_luo_get_state)(struct file *file, u64 *count, unsigned int *flags);
	bool (*folio_test_hwpoison)(const struct folio *folio);
};

#ifndef LUOSIM_HANDLER_HOST

/*
 * LUOSIM_HANDLER() - export the handler: LUOSIM_HANDLER(.name = "dmabuf", .init = ...);
 * Once, in a shared object of one source file. LUOSIM_HANDLER_AS() names one that luosim
 * may have built in, which is what LUOSIM_BUILT_IN says.
 */
#ifdef LUOSIM_BUILT_IN
extern const struct luosim_kernel luosim_kernel_calls;
static const struct luosim_kernel *const luosim_kernel __attribute__((unused)) =
	&luosim_kernel_calls;
#define LUOSIM_HANDLER_AS(symbol, ...)						\
	extern const struct luosim_handler luosim_built_in_##symbol;		\
	const struct luosim_handler luosim_built_in_##symbol = {		\
		.abi = LUOSIM_HANDLER_ABI, __VA_ARGS__				\
	}
#else
static const struct luosim_kernel *luosim_kernel __attribute__((unused));
#define LUOSIM_HANDLER(...)							\
	extern const struct luosim_handler luosim_handler;			\
	const struct luosim_handler luosim_handler = {				\
		.abi = LUOSIM_HANDLER_ABI, .kernel = &luosim_kernel, __VA_ARGS__	\
	}
#define LUOSIM_HANDLER_AS(symbol, ...)	LUOSIM_HANDLER(__VA_ARGS__)
#endif

#define PAGE_SHIFT		12
#define PAGE_SIZE		4096ul
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define PFN_PHYS(pfn)		((phys_addr_t)(pfn) << PAGE_SHIFT)
#define PHYS_PFN(phys)		((phys) >> PAGE_SHIFT)
#define GFP_KERNEL		0
#define __GFP_ZERO		0	/* all memory is zeroed */
#define THIS_MODULE		((struct module *)&luosim_kernel)
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

#ifndef min
#define min(a, b)	((a) < (b) ? (a) : (b))
#endif
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

/** pfn_folio() - the folio of a frame, whatever that is used for; oopses where none is. */
static inline struct folio *pfn_folio(u64 pfn)
{
	return luosim_kernel->pfn_folio(pfn);
}

static inline bool folio_test_uptodate(struct folio *folio)
{
	return luosim_kernel->folio_uptodate(folio, false);
}

static inline bool folio_test_hwpoison(const struct folio *folio)
{
	return luosim_kernel->folio_test_hwpoison(folio);
}

static inline void folio_mark_uptodate(struct folio *folio)
{
	luosim_kernel->folio_uptodate(folio, true);
}

/** memcpy_from_phys() - memcpy() from phys_to_virt(@phys), over the end of its page, too. */
static inline void memcpy_from_phys(void *to, phys_addr_t phys, size_t size)
{
	luosim_kernel->copy_phys(phys, to, size, false);
}

static inline void memcpy_to_phys(phys_addr_t phys, const void *from, size_t size)
{
	luosim_kernel->copy_phys(phys, (void *)from, size, true);
}

static inline void memcpy_from_folio(void *to, struct folio *folio, size_t offset, size_t size)
{
	memcpy_from_phys(to, PFN_PHYS(folio_pfn(folio)) + offset, size);
}

static inline void memcpy_to_folio(struct folio *folio, size_t offset, const void *from,
				   size_t size)
{
	memcpy_to_phys(PFN_PHYS(folio_pfn(folio)) + offset, from, size);
}

/** vcalloc() - zeroed pages, contiguous only in virtual addresses; NULL when there are none. */
static inline void *vcalloc(size_t n, size_t size)
{
	return luosim_kernel->vcalloc(n, size);
}

/** memcpy_from_vmalloc() - memcpy() from @area + @offset, which oopses past its end. */
static inline void memcpy_from_vmalloc(void *to, const void *area, size_t offset, size_t size)
{
	luosim_kernel->copy_vmalloc(area, offset, to, size, false);
}

static inline void memcpy_to_vmalloc(void *area, size_t offset, const void *from, size_t size)
{
	luosim_kernel->copy_vmalloc(area, offset, (void *)from, size, true);
}

/** vfree() - give up what vcalloc() or kho_restore_vmalloc() returned, or NULL. */
static inline void vfree(const void *mem)
{
	luosim_kernel->vfree(mem);
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

/** luosim_restore_free() - kho_restore_free(phys_to_virt(@phys)), whatever is there. */
static inline void luosim_restore_free(phys_addr_t phys)
{
	luosim_kernel->restore_free(phys);
}

/** kho_preserve_vmalloc() - an area of vcalloc(); *@preservation says where it is. */
static inline int kho_preserve_vmalloc(void *mem, struct kho_vmalloc *preservation)
{
	return luosim_kernel->kho_preserve_vmalloc(mem, preservation);
}

static inline void kho_unpreserve_vmalloc(const struct kho_vmalloc *preservation)
{
	luosim_kernel->kho_unpreserve_vmalloc(preservation);
}

/** kho_restore_vmalloc() - NULL: it was not preserved, or cannot be had. */
static inline void *kho_restore_vmalloc(const struct kho_vmalloc *preservation)
{
	return luosim_kernel->kho_restore_vmalloc(preservation);
}

/* include/linux/mutex.h; @name is a string that stays, for reports of deadlocks. */
static inline void luosim_mutex_init(struct mutex *lock, const char *name)
{
	luosim_kernel->mutex(lock, name, 0);
}
#define mutex_init(lock)	luosim_mutex_init(lock, #lock)

static inline void mutex_lock(struct mutex *lock)
{
	luosim_kernel->mutex(lock, NULL, 1);
}

static inline void mutex_unlock(struct mutex *lock)
{
	luosim_kernel->mutex(lock, NULL, 2);
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

/**
 * luosim_create_node() - a device's node in /dev, which is there from now on: 0 or -ENOMEM.
 * @minor: what iminor() says of the inodes of its files.
 */
static inline int luosim_create_node(const char *path, unsigned int mode,
				     const struct file_operations *fops, u32 minor)
{
	return luosim_kernel->create_node(path, mode, fops, minor);
}

/** filp_open() - open a node of the handler; -ENOENT, or what its open() says. */
static inline struct file *filp_open(const char *path, int flags, unsigned int mode)
{
	(void)mode;
	return luosim_kernel->filp_open(path, flags);
}

/**
 * luosim_new_inode() - an inode that has pages, in a file system of the handler's.
 * @magic: what fstatfs(2) says of that.
 * Return: it, with one reference; NULL when there is no memory. Its pages go with it.
 */
static inline struct inode *luosim_new_inode(u32 magic, s64 size)
{
	return luosim_kernel->new_inode(magic, size);
}

static inline void iput(struct inode *inode)
{
	luosim_kernel->iput(inode);
}

/** luosim_alloc_file() - alloc_file_pseudo(): a file that takes over the caller's reference. */
static inline struct file *luosim_alloc_file(struct inode *inode, const char *name, int flags,
					     const struct file_operations *fops, void *priv)
{
	return luosim_kernel->alloc_file(inode, name, flags, fops, priv);
}

static inline struct inode *file_inode(const struct file *file)
{
	return luosim_kernel->file_inode(file);
}

static inline u32 iminor(const struct inode *inode)
{
	return luosim_kernel->iminor(inode);
}

static inline s64 i_size_read(const struct inode *inode)
{
	return luosim_kernel->i_size_read(inode);
}

static inline void inode_lock(struct inode *inode)
{
	luosim_kernel->inode_lock(inode, true);
}

static inline void inode_unlock(struct inode *inode)
{
	luosim_kernel->inode_lock(inode, false);
}

/** luosim_freeze() - its pages stay which they are, or no longer; the judge counts those. */
static inline void luosim_freeze(struct inode *inode, bool freeze)
{
	luosim_kernel->freeze(inode, freeze);
}

static inline bool luosim_frozen(struct inode *inode)
{
	return luosim_kernel->freeze(inode, -1);
}

/** inode_mapping() - inode->i_mapping. */
static inline struct address_space *inode_mapping(struct inode *inode)
{
	return luosim_kernel->mapping(inode);
}

static inline u64 mapping_nrpages(const struct address_space *mapping)
{
	return luosim_kernel->nrpages(mapping);
}

/** filemap_get_folio() - the folio of page @index, without a reference; or NULL. */
static inline struct folio *filemap_get_folio(struct address_space *mapping, u64 index)
{
	return luosim_kernel->filemap_get_folio(mapping, index);
}

/** filemap_next_folio() - the first in [*@index, @end), and *@index is where; or NULL. */
static inline struct folio *filemap_next_folio(struct address_space *mapping, u64 *index, u64 end)
{
	return luosim_kernel->filemap_next_folio(mapping, index, end);
}

/** filemap_add_folio() - it takes a reference of its own. -EEXIST, -ENOMEM. */
static inline int filemap_add_folio(struct address_space *mapping, struct folio *folio, u64 index)
{
	return luosim_kernel->filemap_add_folio(mapping, folio, index);
}

/** luosim_truncate() - drop the folios of pages [@index, @end). */
static inline void luosim_truncate(struct address_space *mapping, u64 index, u64 end)
{
	luosim_kernel->filemap_truncate(mapping, index, end);
}

/** fdget() - the process's file, for the call under way, without a reference; or NULL. */
static inline struct file *fdget(unsigned int fd)
{
	return luosim_kernel->fdget(fd);
}

/** fget() - the same with a reference, to be given to fput(). */
static inline struct file *fget(unsigned int fd)
{
	return luosim_kernel->fget(fd);
}

/** close_fd() - close(2) of the process's descriptor: 0 or -EBADF. */
static inline int close_fd(unsigned int fd)
{
	return luosim_kernel->close_fd(fd);
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

/* The line begins with LUOSIM_PREFIX and a colon; NULL: the handler's name. */
#ifndef LUOSIM_PREFIX
#define LUOSIM_PREFIX	NULL
#endif
#define pr_info(...)	luosim_printk(0, __VA_ARGS__)
#define pr_warn(...)	luosim_printk(1, __VA_ARGS__)
#define pr_err(...)	luosim_printk(2, __VA_ARGS__)
#define luosim_printk(level, ...) do {					\
	char luosim_text[200];						\
									\
	snprintf(luosim_text, sizeof(luosim_text), __VA_ARGS__);	\
	luosim_kernel->printk(level, LUOSIM_PREFIX, luosim_text);	\
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

/** eventfd_create() - posted: a descriptor of the process, of a new eventfd; or -errno. */
static inline int eventfd_create(u64 count, unsigned int flags)
{
	return luosim_kernel->eventfd_create(count, flags);
}

/** eventfd_luo_get_state() - posted: flags are those it was made with; -EINVAL: no eventfd. */
static inline int eventfd_luo_get_state(struct file *file, u64 *count, unsigned int *flags)
{
	return luosim_kernel->eventfd_luo_get_state(file, count, flags);
}

/** luosim_has_fix() - does the kernel that runs have the fix of that name? */
static inline bool luosim_has_fix(const char *fix)
{
	return luosim_kernel->has_fix(fix);
}

/** luosim_current_mm() - whose memory the call runs on: a number that no other one had. */
static inline u64 luosim_current_mm(void)
{
	return luosim_kernel->current_mm();
}

/** luosim_page_fault() - memory is touched that may have to be found: others may run. */
static inline void luosim_page_fault(void)
{
	luosim_kernel->page_fault();
}

/** pci_find() - the number of PCI device "0000:01:00.N", or another that there is; or -ENOENT. */
static inline int pci_find(const char *bdf)
{
	return luosim_kernel->pci_find(bdf);
}

/** pci_is_virtfn() - is device @nr a virtual function? */
static inline bool pci_is_virtfn(u32 nr)
{
	return luosim_kernel->pci_is_virtfn(nr);
}

/** pci_is_below() - is @nr the device @above, or behind that bridge? */
static inline bool pci_is_below(int nr, u32 above)
{
	return luosim_kernel->pci_is_below(nr, above);
}

/** pci_removed() - is there no such device now? */
static inline bool pci_removed(u32 nr)
{
	return luosim_kernel->pci_removed(nr);
}

/** pci_refs() - for how many preserved devices it stands, 1 for itself or those behind it. */
static inline int pci_refs(u32 nr, bool incoming)
{
	return luosim_kernel->pci_refs(nr, incoming);
}

/** pci_remove() - the device goes, with all behind it, which no driver must use. */
static inline void pci_remove(u32 nr)
{
	luosim_kernel->pci_remove(nr);
}

/** pci_rescan() - what is gone is found again. */
static inline void pci_rescan(void)
{
	luosim_kernel->pci_rescan();
}

/** pci_liveupdate_incoming() - was it handed over, and is not finished yet? */
static inline bool pci_liveupdate_incoming(u32 nr)
{
	return luosim_kernel->pci_incoming(nr);
}

/** pci_liveupdate_register_flb() - the PCI core's FLB is one of @fh's; its errnos. */
static inline int pci_liveupdate_register_flb(struct liveupdate_file_handler *fh)
{
	return luosim_kernel->pci_register_flb(fh);
}

/** pci_liveupdate_preserve() - -ENOENT without the FLB, -EINVAL of a virtual function, -EBUSY. */
static inline int pci_liveupdate_preserve(u32 nr)
{
	return luosim_kernel->pci_preserve(nr);
}

static inline void pci_liveupdate_unpreserve(u32 nr)
{
	luosim_kernel->pci_unpreserve(nr);
}

/** pci_liveupdate_finish() - an incoming device is like any other from here on. */
static inline void pci_liveupdate_finish(u32 nr)
{
	luosim_kernel->pci_finish(nr);
}

/** iommufd_ctx_from_file() - of an iommufd; NULL for another file. */
static inline struct iommufd_ctx *iommufd_ctx_from_file(struct file *file)
{
	return luosim_kernel->iommufd_ctx_from_file(file);
}

/**
 * iommufd_attach() - PCI device @nr uses page table @hwpt. -ENOENT: there is none of that
 *	number. -EPERM: it goes on with the one that it had in the kernel before, which is
 *	of another iommufd.
 */
static inline int iommufd_attach(struct iommufd_ctx *ictx, u32 nr, u32 hwpt)
{
	return luosim_kernel->iommufd_attach(ictx, nr, hwpt);
}

static inline void iommufd_detach(struct iommufd_ctx *ictx)
{
	luosim_kernel->iommufd_detach(ictx);
}

/**
 * iommufd_device_preserve() - device @nr is preserved with its page table. -EINVAL when that is
 *	not marked, -ENOENT when the iommufd is not in the session. Does nothing, and 0, where
 *	no handler of iommufds is loaded.
 */
static inline int iommufd_device_preserve(struct luo_session *session, struct iommufd_ctx *ictx,
					  u32 nr)
{
	return luosim_kernel->iommufd_device_preserve(session, ictx, nr);
}

static inline void iommufd_device_unpreserve(struct iommufd_ctx *ictx, u32 nr)
{
	luosim_kernel->iommufd_device_unpreserve(ictx, nr);
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

/** luosim_walk_object() - one that several refer to; true when the walk reaches it first. */
static inline bool luosim_walk_object(const void *object)
{
	return luosim_kernel->walk_object(object);
}

/** luosim_walk_file() - a file that this one refers to, and luosim_walk_pfn() a frame. */
static inline void luosim_walk_file(struct file *file)
{
	luosim_kernel->walk_file(file);
}

static inline void luosim_walk_pfn(u64 pfn)
{
	luosim_kernel->walk_pfn(pfn);
}

/** luosim_walk_mm() - what luosim_current_mm() said: which process's, or that it is gone. */
static inline void luosim_walk_mm(u64 mm)
{
	luosim_kernel->walk_mm(mm);
}

/** luosim_walk_vmalloc() - @put is called for each of @nr entries, up to 64 bytes each. */
static inline void luosim_walk_vmalloc(const struct kho_vmalloc *vmalloc, u64 nr, size_t size,
				       void (*put)(const void *entry))
{
	luosim_kernel->walk_vmalloc(vmalloc, nr, size, put);
}

#endif

#ifdef __cplusplus
}
#endif

#endif
