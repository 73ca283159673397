/* SPDX-License-Identifier: GPL-2.0-only */
/* What the object of a tree calls: the model's memory, files, locks and judge. */
#include "engine/engine.h"
#include "lib/uapi.h"
#include "machine/machine.h"

/* ---- The heap ---- */

static void *note_object(struct machine *m, struct tree_object *object, unsigned long size)
{
	object->size = size;
	list_add_tail(&object->list, &m->k->tree_objects);
	return object + 1;
}

static struct tree_object *forget_object(void *mem)
{
	struct tree_object *object = (struct tree_object *)mem - 1;

	list_del(&object->list);
	return object;
}

static void *host_heap_alloc(struct machine *m, unsigned long size, bool tracking, bool nowait)
{
	u64 all = sizeof(struct tree_object) + size;
	struct tree_object *object = nowait ? kzalloc_nowait(m, all) : kzalloc(m, all);

	if (!object)
		return NULL;
	object->tracking = tracking;
	return note_object(m, object, size);
}

static void host_heap_free(struct machine *m, void *mem, unsigned long size)
{
	kfree(m, forget_object(mem), sizeof(struct tree_object) + size);
}

static void *host_own_alloc(struct machine *m, unsigned long size)
{
	struct tree_object *object = arena_alloc(&m->heap, sizeof(*object) + size);

	if (!object)
		simulator_panic(m, "host memory reserved for the heap is used up");
	object->own = true;
	return note_object(m, object, size);
}

/* Pages, which are not to be rounded up with what stands before them. */
static void *host_early_alloc(struct machine *m, unsigned long size)
{
	struct tree_object *object = arena_alloc_for_good(&m->heap, sizeof(*object) + size);

	if (!object)
		simulator_panic(m, "host memory reserved for the heap is used up");
	object->own = true;
	return note_object(m, object, size);
}

static void host_own_free(struct machine *m, void *mem, unsigned long size)
{
	arena_free(&m->heap, forget_object(mem), sizeof(struct tree_object) + size);
}

static void host_uncount(struct machine *m, int objects)
{
	census_add(m, CENSUS_OBJECTS, -objects);
}

static bool host_too_large(struct machine *m, unsigned long size)
{
	return size > PFN_PHYS(m->nr_frames);
}

/* ---- Frames ---- */

static unsigned long host_frame_alloc(struct machine *m, unsigned int order, bool zero,
				      bool uncounted)
{
	struct folio *folio = folio_alloc(m, (zero ? __GFP_ZERO : 0) |
					     (uncounted ? __GFP_UNTRACKED : 0), order);

	return folio ? folio_pfn(m, folio) : 0;
}

static void host_frame_free(struct machine *m, unsigned long pfn)
{
	struct page *page = pfn_to_page(m, pfn);

	page->refcount = 1;
	folio_put(m, page_folio(page));
}

static unsigned long host_top(struct machine *m)
{
	return m->top;
}

static void host_page_get(struct machine *m, unsigned long pfn, struct engine_page *page)
{
	const struct page *p = pfn_to_page(m, pfn);

	*page = (struct engine_page){
		.refcount = p->refcount, .order = p->order, .index = p->index,
		.uptodate = p->flags & PG_UPTODATE, .dirty = p->flags & PG_DIRTY };
}

static void host_page_set(struct machine *m, unsigned long pfn, const struct engine_page *page)
{
	struct page *p = pfn_to_page(m, pfn);

	if (p->flags & PG_BUDDY || page_is_fresh(m, pfn))
		return;
	p->refcount = page->refcount;
	p->flags &= ~(PG_UPTODATE | PG_DIRTY);
	p->flags |= (page->uptodate ? PG_UPTODATE : 0) | (page->dirty ? PG_DIRTY : 0);
	if (p->order != page->order)
		prep_compound_page(m, p, page->order);
}

static void host_folio_restored(struct machine *m, unsigned long pfn, unsigned long nr)
{
	ledger_restored(m, pfn, nr);
	adjust_managed_page_count(m, pfn, nr);
	for (unsigned long i = pfn; i < pfn + nr && pfn_valid(m, i); i++)
		kho_frame_restored(m, &m->memmap[i]);
}

static void host_reserve(struct machine *m, unsigned long phys, unsigned long size)
{
	kho_reserve(m, PHYS_PFN(phys), min(PHYS_PFN(phys) + DIV_ROUND_UP(size, PAGE_SIZE),
					   m->nr_frames));
}

static bool host_early_memremap(struct machine *m)
{
	return !should_fail(m, FAIL_EARLY_MEMREMAP, 0, NULL);
}

static unsigned long host_scratch(struct machine *m, unsigned long *size)
{
	*size = m->k->kho.scratch.size;
	return m->k->kho.scratch.addr;
}

static void *host_area(struct machine *m, const unsigned int *pfns, unsigned long nr,
		       unsigned int order, unsigned int vm_flags)
{
	return vm_area_of(m, pfns, nr, order, vm_flags);
}

/* ---- User memory ---- */

/* The bytes that a system call's argument has from @at on. */
static bool user_range(const struct uptr *user, const void *at, unsigned long n)
{
	u64 off = (const char *)at - (const char *)user->mem;

	return user->mem && at >= (void *)user->mem && off <= user->size && n <= user->size - off;
}

static unsigned long host_copy_from_user(struct machine *m, void *to, const void *from,
					 unsigned long n)
{
	task_yield(m, YIELD_COPY_FROM_USER, NULL);
	if (should_fail(m, FAIL_COPY_FROM_USER, 0, NULL) || !user_range(&m->task->user, from, n))
		return n;
	memcpy(to, from, n);
	return 0;
}

static unsigned long host_copy_to_user(struct machine *m, void *to, const void *from,
				       unsigned long n)
{
	task_yield(m, YIELD_COPY_TO_USER, NULL);
	if (should_fail(m, FAIL_COPY_TO_USER, 0, NULL) || m->task->user.read_only ||
	    !user_range(&m->task->user, to, n))
		return n;
	memcpy(to, from, n);
	return 0;
}

/* ---- Files ---- */

static struct file *host_file_by_fd(struct machine *m, int fd)
{
	struct file *file = fget(m, fd);

	/* In a session's ioctl it is the one to be preserved. */
	if (file && m->task->claim && !m->ledger.claims[m->task->claim - 1]->file)
		m->ledger.claims[m->task->claim - 1]->file = file;
	return file;
}

static void host_file_get_more(struct machine *m, struct file *file, long references)
{
	(void)m;
	file->f_count += references;
}

/* A file that the tree's code has no reference on any more may be gone. */
static void check_file(struct machine *m, const struct file *file)
{
	const char *callers[1];

	if (file->f_count > 0)
		return;
	tree_callers(m, callers, 1);
	judge(m, VIOLATION_USE_AFTER_FREE, 0, "%s uses a file that has been freed", callers[0]);
	panic(m, "BUG: KASAN: slab-use-after-free in %s", callers[0]);
}

static void host_file_put(struct machine *m, struct file *file)
{
	check_file(m, file);
	fput(m, file);
}

static void host_fd_install(struct machine *m, int fd, struct file *file)
{
	check_file(m, file);
	fd_install(m, fd, file);
}

static int host_get_unused_fd(struct machine *m, unsigned int flags)
{
	return get_unused_fd_flags(m, flags);
}

static struct file *host_anon_inode_getfile(struct machine *m, const char *name,
					    unsigned int flags, void *priv)
{
	return anon_inode_getfile(m, name, &tree_session_fops, priv, flags);
}

static void **host_file_shadow(struct file *file)
{
	return &file->shadow;
}

static void **host_inode_shadow(struct inode *inode)
{
	return &inode->shadow;
}

static bool host_inode_is_shmem(struct inode *inode)
{
	return inode->is_shmem;
}

static void host_file_get(struct machine *m, struct file *file, struct engine_file *f)
{
	struct inode *inode = file_inode(file);

	(void)m;
	*f = (struct engine_file){
		.inode = inode, .pos = file->f_pos, .size = i_size_read(inode),
		.mode = file->f_mode & (FMODE_READ | FMODE_WRITE | FMODE_LSEEK | FMODE_PREAD |
					FMODE_PWRITE),
		.flags = file->f_flags, .i_mode = inode->i_mode, .nlink = inode->i_nlink,
		.ino = inode->i_ino, .is_shmem = inode->is_shmem,
		.frozen = inode->flags & SHMEM_F_MAPPING_FROZEN };
}

static void host_file_set(struct machine *m, struct file *file, const struct engine_file *f)
{
	struct inode *inode = file_inode(file);

	file->f_pos = f->pos;
	if (i_size_read(inode) != f->size)
		i_size_write(m, inode, f->size);
	if (inode->is_shmem && f->frozen != !!(inode->flags & SHMEM_F_MAPPING_FROZEN))
		shmem_freeze(m, inode, f->frozen);
}

static void host_inode_lock(struct machine *m, struct inode *inode, bool lock)
{
	if (lock)
		inode_lock(m, inode);
	else
		inode_unlock(m, inode);
}

/* ---- Page caches ---- */

static long host_pin_folios(struct machine *m, struct file *file, long long start, long long end,
			    unsigned int *pfns, unsigned int max)
{
	return memfd_pin_folios(m, file, start, end, pfns, max);
}

static void host_unpin_folio(struct machine *m, unsigned long pfn)
{
	unpin_folio(m, pfn_folio(m, pfn));
}

static int host_add_to_page_cache(struct machine *m, struct inode *inode, unsigned long pfn,
				  unsigned long index)
{
	return shmem_add_to_page_cache(m, pfn_folio(m, pfn), &inode->i_mapping, index);
}

static void host_remove_folio(struct machine *m, struct inode *inode, unsigned long pfn,
			      unsigned long index)
{
	filemap_remove_folio_at(m, &inode->i_mapping, pfn_folio(m, pfn), index);
}

static int host_acct_blocks(struct machine *m, struct inode *inode, long pages)
{
	return shmem_inode_acct_blocks(m, inode, pages);
}

/* ---- What the kernel says ---- */

/* KERN_ERR is 3, KERN_WARNING 4. */
static void host_print(struct machine *m, int level, const char *text)
{
	printk(m, level <= 3 ? LOG_ERR : level == 4 ? LOG_WARN : LOG_INFO, "%s", text);
}

static void host_warn(struct machine *m, const void *where, const void *const *chain,
		      unsigned int depth)
{
	tree_push_chain(m, chain, depth);
	warn(m, tree_function(m->k->boot.release.tree, where));
	tree_pop_chain(m);
}

static void __attribute__((noreturn)) host_stop(struct machine *m, const char *text)
{
	panic(m, "%s", text);
}

static void __attribute__((noreturn)) host_missing(struct machine *m, const char *name,
						   const void *const *chain, unsigned int depth)
{
	tree_push_chain(m, chain, depth);
	simulator_panic(m, "the kernel calls %s(), which luosim does not supply", name);
}

/* ---- Locks ---- */

_Static_assert(sizeof(struct mutex) <= ENGINE_LOCK_SIZE, "a mutex fits into the tree's");
_Static_assert(sizeof(struct rw_semaphore) <= ENGINE_LOCK_SIZE, "so does a semaphore");

static void host_yield_alloc_pages(struct machine *m)
{
	task_yield(m, YIELD_ALLOC_PAGES, NULL);
}

static void host_one_step(struct machine *m, bool on)
{
	m->task->one_step += on ? 1 : -1;
}

/* Others do not run at the same time, where a task may be left at each access. */
static void host_spin(struct machine *m, bool on)
{
	if (!strcmp(m->k->boot.release.tree->kernel->kind, "access"))
		host_one_step(m, on);
}

/* Only functions of the tree call it. */
static void host_check_freed(struct machine *m, const void *lock)
{
	const char *callers[1];

	if (!freed_by(lock))
		return;
	tree_callers(m, callers, 1);
	kcall_push(m, callers[0]);
	check_freed(m, lock);
}

static bool gives_up(enum engine_lock what)
{
	return what == ENGINE_UNLOCK || what == ENGINE_READ_UNLOCK || what == ENGINE_WRITE_UNLOCK;
}

/* What a lock's class is follows from which were taken before, and is not to make states. */
static void forget_class(enum engine_lock what, void *lock)
{
	if (what == ENGINE_LOCK || what == ENGINE_TRYLOCK)
		((struct mutex *)lock)->class = 0;
	else
		((struct rw_semaphore *)lock)->class = 0;
}

static void host_lock(struct machine *m, enum engine_lock what, void *lock, const char *name,
		      bool *taken)
{
	*(const char **)lock = name;
	switch (what) {
	case ENGINE_LOCK:
		mutex_lock(m, lock);
		break;
	case ENGINE_TRYLOCK:
		*taken = mutex_trylock(m, lock);
		break;
	case ENGINE_UNLOCK:
		mutex_unlock(m, lock);
		break;
	case ENGINE_READ:
		down_read(m, lock);
		break;
	case ENGINE_READ_UNLOCK:
		up_read(m, lock);
		break;
	case ENGINE_WRITE:
		down_write(m, lock);
		break;
	case ENGINE_WRITE_UNLOCK:
		up_write(m, lock);
		break;
	}
	/* Who gave it up may find it freed. */
	if (!gives_up(what))
		forget_class(what, lock);
}

/* No lock of the kernel's is larger than this. */
#define MAX_LOCK_SIZE	256

static bool host_is_held(struct machine *m, const void *inside)
{
	const struct task *task = m->task;

	for (u32 i = 0; i < task->nr_held; i++)
		if ((uintptr_t)inside - (uintptr_t)task->held[i].lock < MAX_LOCK_SIZE)
			return true;
	return false;
}

/* ---- The judge ---- */

static int host_should_fail(struct machine *m, enum engine_callback call, const char *compatible)
{
	static const enum handler_call calls[] = {
		[ENGINE_CAN_PRESERVE] = CALL_CAN_PRESERVE, [ENGINE_PRESERVE] = CALL_PRESERVE,
		[ENGINE_FREEZE] = CALL_FREEZE, [ENGINE_RETRIEVE] = CALL_RETRIEVE,
		[ENGINE_CAN_FINISH] = CALL_CAN_FINISH,
	};

	return should_fail(m, FAIL_CALLBACK, calls[call], engine_handler_name(m, compatible));
}

static bool host_module_get(struct machine *m, void *module)
{
	return try_module_get(m, module);
}

static void host_module_put(struct machine *m, void *module)
{
	module_put(m, module);
}

/* Is @claim that on what the tree's code has as @file, NULL if it has none yet? */
static bool is_on(const struct claim *claim, const struct file *file)
{
	return file == (claim->retrieved ? claim->retrieved : claim->file);
}

/*
 * That of the running call's session which was made with @data. What lay there was given back
 * when it was retrieved, so that there may be several, of a token or file each; a session that
 * is on its way out can be asked for a file, too, where the tree does not look.
 */
static u32 claim_with(struct machine *m, const struct file *file, u64 data)
{
	const struct ledger *l = &m->ledger;
	const struct task *task = m->task;

	for (u32 i = l->first_claim; i < l->nr_claims; i++) {
		const struct claim *claim = l->claims[i];

		if (claim->data_phys != data || (claim->state != CLAIM_INCOMING &&
		    (claim->state != CLAIM_OUTGOING || !claim->kept)))
			continue;
		if (task->session && claim->in_session != task->session)
			continue;
		if (task->retrieves ? claim->token == tree_token(&task->user) :
				      is_on(claim, file))
			return i + 1;
	}
	return 0;
}

static void host_preserving(struct machine *m, struct file *file)
{
	(void)file;
	ledger_data(m, m->task->claim);
}

static void host_preserved(struct machine *m, unsigned long data, int err)
{
	struct claim *claim;

	if (err || !m->task->claim)
		return;
	claim = m->ledger.claims[m->task->claim - 1];
	claim->data_phys = data;
	claim->kept = true;
	census_add(m, CENSUS_LUO_FILES, 1);
}

static unsigned int host_acting(struct machine *m, struct file *file, unsigned long data)
{
	return ledger_act_for(m, claim_with(m, file, data));
}

static void host_acted(struct machine *m, unsigned int before)
{
	ledger_act_for(m, before);
}

static void host_frozen(struct machine *m, struct file *file, unsigned long old_data,
			unsigned long data)
{
	u32 claim = claim_with(m, file, old_data);

	if (claim)
		m->ledger.claims[claim - 1]->data_phys = data;
}

/* All files that the session has, or none any more. */
static void host_serialized(struct machine *m, const char *session, bool serialized)
{
	const struct ledger *l = &m->ledger;

	for (u32 i = l->first_claim; i < l->nr_claims; i++) {
		const struct claim *claim = l->claims[i];

		if (claim->state == CLAIM_OUTGOING && claim->kept &&
		    !strcmp(claim->session, session))
			ledger_serialize(m, i + 1, serialized);
	}
}

/* Is a retrieve that failed never tried again? */
static bool keeps_failures(const struct machine *m)
{
	u32 offset, size;

	return tree_member(m, "liveupdate_file_op_args", "retrieve_status", &offset, &size);
}

static void host_retrieved(struct machine *m, unsigned long data, struct file *file, int err)
{
	u32 claim = claim_with(m, NULL, data);

	if (!err) {
		if (claim)
			m->ledger.claims[claim - 1]->retrieved = file;
		ledger_retrieved(m, claim, file);
	} else if (claim && keeps_failures(m) && !m->ledger.claims[claim - 1]->latched) {
		m->ledger.claims[claim - 1]->latched = true;
		census_add(m, CENSUS_LATCHED, 1);
	}
}

static void host_done(struct machine *m, struct file *file, unsigned long data)
{
	u32 claim = claim_with(m, file, data);

	census_add(m, CENSUS_LUO_FILES, -1);
	if (claim && m->ledger.claims[claim - 1]->latched)
		census_add(m, CENSUS_LATCHED, -1);
	ledger_done(m, claim);
}

static void host_deserialized(struct machine *m, int err)
{
	struct luo *luo = &m->k->luo;

	if (luo->is_deserialized)
		return;
	luo->is_deserialized = true;
	luo->deserialize_err = err;
	if (!err && luo->incoming.active)
		ledger_deserialized(m);
}

/* The number of the object that a key of the tree's is the address of, as the model has it. */
static u64 managed_key(struct machine *m, unsigned long key)
{
	const struct engine_kernel *kernel = m->k->boot.release.tree->kernel;
	const struct tree_object *object;

	list_for_each_entry(object, &m->k->tree_objects, list) {
		const char *mem = (const char *)(object + 1);

		if (!object->own || key - (uintptr_t)mem >= object->size)
			continue;
		if (object->size == kernel->inode_size)
			return object_id(m, *(void *const *)(mem + kernel->inode_model));
		if (object->size == kernel->file_size)
			return object_id(m, *(void *const *)(mem + kernel->file_model));
	}
	return key;
}

static int host_manage(struct machine *m, unsigned long key)
{
	int err = xa_insert(m, &m->k->luo.preserved_files, managed_key(m, key), m);

	if (!err)
		census_add(m, CENSUS_MANAGED, 1);
	return err;
}

static void host_unmanage(struct machine *m, unsigned long key)
{
	if (xa_erase(m, &m->k->luo.preserved_files, managed_key(m, key)))
		census_add(m, CENSUS_MANAGED, -1);
}

static void host_kho_preserve(struct machine *m, unsigned long pfn, unsigned long nr, bool keep)
{
	ledger_preserve(m, pfn, nr, keep);
}

static void host_kho_restore(struct machine *m, unsigned long pfn)
{
	ledger_restoring(m, pfn, 1);
}

static void host_recalc_inode(struct machine *m, struct inode *inode, long alloced)
{
	shmem_recalc_inode(m, inode, alloced);
}

const struct engine_host engine_host = {
	.heap_alloc = host_heap_alloc, .heap_free = host_heap_free,
	.own_alloc = host_own_alloc, .own_free = host_own_free,
	.early_alloc = host_early_alloc, .uncount = host_uncount, .too_large = host_too_large,
	.frame_alloc = host_frame_alloc, .frame_free = host_frame_free,
	.top = host_top, .page_get = host_page_get, .page_set = host_page_set,
	.folio_restored = host_folio_restored, .reserve = host_reserve,
	.early_memremap = host_early_memremap, .scratch = host_scratch,
	.map = engine_map, .unmap = engine_unmap, .area = host_area,
	.copy_from_user = host_copy_from_user, .copy_to_user = host_copy_to_user,
	.file_by_fd = host_file_by_fd, .file_get_more = host_file_get_more,
	.file_put = host_file_put,
	.get_unused_fd = host_get_unused_fd, .put_unused_fd = put_unused_fd,
	.fd_install = host_fd_install, .anon_inode_getfile = host_anon_inode_getfile,
	.memfd_alloc = memfd_alloc_file, .add_seals = memfd_add_seals,
	.get_seals = memfd_get_seals,
	.file_shadow = host_file_shadow, .inode_shadow = host_inode_shadow,
	.inode_is_shmem = host_inode_is_shmem,
	.file_get = host_file_get, .file_set = host_file_set, .inode_lock = host_inode_lock,
	.pin_folios = host_pin_folios, .unpin_folio = host_unpin_folio,
	.add_to_page_cache = host_add_to_page_cache, .remove_folio = host_remove_folio,
	.acct_blocks = host_acct_blocks, .recalc_inode = host_recalc_inode,
	.print = host_print, .ratelimit = printk_allowed, .warn = host_warn, .stop = host_stop,
	.missing = host_missing, .yield_alloc_pages = host_yield_alloc_pages,
	.one_step = host_one_step, .is_held = host_is_held, .check_freed = host_check_freed,
	.lock = host_lock, .access = engine_access,
	.touch = engine_touch, .spin = host_spin,
	.call_back = engine_call_back, .registered = engine_registered,
	.module_get = host_module_get, .module_put = host_module_put,
	.should_fail = host_should_fail, .preserving = host_preserving,
	.preserved = host_preserved, .acting = host_acting, .acted = host_acted,
	.frozen = host_frozen, .serialized = host_serialized,
	.retrieved = host_retrieved, .done = host_done,
	.deserializing = tree_handover_claim, .deserialized = host_deserialized,
	.manage = host_manage, .unmanage = host_unmanage, .kho_preserve = host_kho_preserve,
	.kho_restore = host_kho_restore, .chain_begin = tree_push_chain,
	.chain_end = tree_pop_chain,
	.copy = memcpy, .move = memmove, .fill = memset, .compare = memcmp,
};
