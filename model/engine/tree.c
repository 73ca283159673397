/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tree's kernel from its boot to its end: what the model calls where it would go into
 * LUO or KHO, and whose variables the object holds meanwhile.
 */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "engine/engine.h"
#include "machine/machine.h"

#define SESSION_NAME	"anon_inode:[luo_session] "

#define STUCK_AFTER	2	/* seconds of a thread's CPU time, for one call of a tree's code */

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id	_sigev_un._tid	/* older C libraries have no name for it */
#endif

static __thread struct machine *running;
static __thread u32 ticks;		/* since the tree's code was called */

/* ---- Whose variables the object holds ---- */

static void give_back(struct luosim_tree *tree)
{
	if (tree->owner)
		memcpy(tree->owner->tree_variables, tree->kernel->data, tree_variables(tree));
	tree->owner = NULL;
}

static const struct engine_kernel *enter(struct machine *m)
{
	struct luosim_tree *tree = m->k->boot.release.tree;

	running = m;
	ticks = 0;
	if (tree->owner == m)
		return tree->kernel;
	give_back(tree);
	memcpy((void *)tree->kernel->data, m->tree_variables, tree_variables(tree));
	tree->kernel->attach(&engine_host, m);
	tree->owner = m;
	return tree->kernel;
}

const struct engine_kernel *tree_begin(struct machine *m, bool *before)
{
	*before = m->task->in_tree;
	m->task->in_tree = true;
	return enter(m);
}

void tree_end(struct machine *m, bool before)
{
	struct engine_status status = { 0 };
	struct luo *luo = &m->k->luo;

	enter(m)->status(&status);
	m->k->kho.enabled = status.kho;
	m->k->kho.fdt_in = status.kho_in;
	luo->enabled = status.enabled;
	luo->incoming.active = status.has_incoming;
	luo->incoming.count = status.incoming;
	tree_take_flbs(m);
	m->k->kho.early_maps = status.early_maps;
	m->task->in_tree = before;
}

void tree_save_variables(struct machine *m)
{
	struct luosim_tree *tree = m->k ? m->k->boot.release.tree : NULL;

	if (tree && tree->owner == m)
		memcpy(m->tree_variables, tree->kernel->data, tree_variables(tree));
}

void tree_variables_changed(struct machine *m)
{
	struct luosim_tree *tree = m->k ? m->k->boot.release.tree : NULL;

	if (tree && tree->owner == m)
		tree->owner = NULL;
}

bool tree_variables_same(const struct machine *m)
{
	const struct luosim_tree *tree = m->k->boot.release.tree;

	return !tree || tree->owner != m ||
	       !memcmp(m->tree_variables, tree->kernel->data, tree_variables(tree));
}

void tree_load_variables(struct machine *m)
{
	if (m->k->boot.release.tree)
		enter(m);
}

/* ---- Tasks ---- */

void tree_give_way(struct machine *m)
{
	m->k->boot.release.tree->kernel->give_way(&m->task->tree);
}

void tree_go_on(struct machine *m)
{
	enter(m)->go_on(&m->task->tree);
}

/* ---- Bad pointers, and loops that do not end ---- */

/* The function that followed it, and its callers. */
static u32 chain_of(const struct luosim_tree *tree, const ucontext_t *context, const void **chain)
{
	const void *const *frame = (const void *const *)context->uc_mcontext.gregs[REG_RBP];
	u32 depth = 0;

	chain[depth++] = (const void *)context->uc_mcontext.gregs[REG_RIP];
	while (depth < CALL_DEPTH && frame && !((uintptr_t)frame & 7)) {
		const void *from = frame[1];

		if (from < tree->kernel->text || from >= tree->kernel->text_end)
			break;
		chain[depth++] = from;
		frame = frame[0];
	}
	return depth;
}

/* What kfree() has left is the address of nothing: who has it in a register followed it. */
static u64 poison_of(const ucontext_t *context)
{
	static const int registers[] = {
		REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10,
		REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
	};
	u64 poison = 0;

	for (u32 i = 0; i < ARRAY_SIZE(registers) && !poison; i++)
		poison = freed_by(&context->uc_mcontext.gregs[registers[i]]);
	return poison;
}

static bool is_in_tree(const struct luosim_tree *tree, const void *at)
{
	return tree && at >= tree->kernel->text && at < tree->kernel->text_end;
}

static void bad_pointer(int sig, siginfo_t *info, void *data)
{
	const ucontext_t *context = data;
	const void *at = (const void *)context->uc_mcontext.gregs[REG_RIP];
	struct luosim_tree *tree = running && running->k ? running->k->boot.release.tree : NULL;
	const void *chain[CALL_DEPTH];
	u64 poison = poison_of(context);

	if (is_in_tree(tree, at)) {
		tree_push_chain(running, chain, chain_of(tree, context, chain));
	} else if (tree && running->task->in_tree) {
		/* What the tree's code has given to a function that is luosim's. */
		tree_push_chain(running, chain, tree->kernel->chain(chain));
	} else {
		signal(sig, SIG_DFL);
		return;
	}
	if (poison)
		use_after_free(running, poison);
	engine_oops(running, info->si_addr);
}

/* In a function of luosim's the next tick will do. */
static void ticked(int sig, siginfo_t *info, void *data)
{
	const ucontext_t *context = data;
	const void *at = (const void *)context->uc_mcontext.gregs[REG_RIP];
	struct luosim_tree *tree = running && running->k ? running->k->boot.release.tree : NULL;

	(void)sig;
	(void)info;
	if (is_in_tree(tree, at) && !tree_is_glue(tree, at) && ++ticks >= STUCK_AFTER)
		loop_forever(running, tree_function(tree, at));
}

static void start_clock(void)
{
	static __thread bool started;
	const struct itimerspec second = { { 1, 0 }, { 1, 0 } };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGVTALRM };
	timer_t clock;

	event.sigev_notify_thread_id = gettid();
	if (started || timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &clock))
		return;
	started = true;
	timer_settime(clock, 0, &second, NULL);
}

static void catch_bad_code(void)
{
	struct sigaction action = {
		.sa_sigaction = bad_pointer, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	action.sa_sigaction = ticked;
	action.sa_flags |= SA_RESTART;
	sigaction(SIGVTALRM, &action, NULL);
	start_clock();
}

/* ---- Call chains ---- */

static bool is_called(const struct machine *m, const char *name)
{
	const struct task *task = m->task;

	return task->call_depth == task->tree_depth && task->call_depth > 0 &&
	       !strcmp(task->call[task->call_depth - 1], name);
}

void tree_push_chain(struct machine *m, const void *const *chain, u32 depth)
{
	struct luosim_tree *tree = m->k->boot.release.tree;

	m->task->tree_depth = m->task->call_depth;
	while (depth--) {
		const char *name = tree_function(tree, chain[depth]);

		/* That a module calls it, the model has noted already. */
		if (!tree_is_glue(tree, chain[depth]) && !is_called(m, name))
			kcall_push(m, name);
	}
}

void tree_pop_chain(struct machine *m)
{
	m->task->call_depth = m->task->tree_depth;
}

void tree_callers(struct machine *m, const char **names, u32 nr)
{
	struct luosim_tree *tree = m->k->boot.release.tree;
	const void *chain[ENGINE_CHAIN];
	u32 depth = tree->kernel->chain(chain), i = 0;

	for (u32 at = 0; at < depth && i < nr; at++)
		if (!tree_is_glue(tree, chain[at]))
			names[i++] = tree_function(tree, chain[at]);
	while (i < nr)
		names[i++] = NULL;
}

/* ---- Boot ---- */

void tree_boot_memory(struct machine *m, phys_addr_t fdt)
{
	struct luosim_tree *tree = m->k->boot.release.tree;
	const struct engine_kernel *kernel;
	u64 scratch_size = m->kho_scratch_size;

	if (engine_memory_init(m))
		simulator_panic(m, "no address space for a tree's kernel");
	engine_unmap_all(m);
	catch_bad_code();
	if (m->tree_variables_size < tree_variables(tree)) {
		m->tree_variables = arena_alloc_for_good(&m->persist, tree_variables(tree));
		m->tree_variables_size = tree_variables(tree);
	}
	memcpy(m->tree_variables, tree->fresh, tree_variables(tree));
	memset(m->memory.memmap, 0, m->top * tree->kernel->page_size);
	/* What the previous kernel's object handed over, or what the model would have. */
	if (!scratch_size) {
		const u64 area[] = { m->k->kho.scratch.addr, m->k->kho.scratch.size };

		memcpy(m->kho_scratch, area, sizeof(area));
		scratch_size = sizeof(area);
	}
	if (tree->owner == m)
		tree->owner = NULL;
	kernel = enter(m);
	kernel->boot_memory(&(struct engine_boot){
		.kho = m->k->boot.kho, .liveupdate = m->k->boot.liveupdate, .fdt = fdt,
		.scratch = m->kho_scratch, .scratch_size = scratch_size,
		.nr_frames = m->nr_frames, .physmem = m->memory.ram,
		.vmalloc = m->memory.vmalloc, .vmalloc_size = VMALLOC_SIZE,
		.memmap = m->memory.memmap, .touched = m->memory.words,
		.damaged = m->damaged });
	m->kho_scratch_size = 0;
}

void tree_boot_rest(struct machine *m)
{
	bool before;
	const struct engine_kernel *kernel = tree_begin(m, &before);

	kernel->boot_rest();
	tree_end(m, before);
}

/* ---- Files ---- */

/* What the tree's code has behind a session's file; NULL: @file is none. */
static const void *session_of(const struct machine *m, const struct file *file)
{
	const struct engine_kernel *kernel = m->k->boot.release.tree->kernel;
	const void *session = NULL;

	if (file->f_op == &tree_session_fops && file->shadow)
		memcpy(&session, (const char *)file->shadow + kernel->file_private,
		       sizeof(session));
	return session;
}

static int tree_open(struct machine *m, struct file *file)
{
	bool before;
	const struct engine_kernel *kernel = tree_begin(m, &before);
	int err = kernel->open(file);

	tree_end(m, before);
	return err;
}

static int tree_release(struct machine *m, struct file *file)
{
	const char *session = tree_session_name(file);
	bool before;
	const struct engine_kernel *kernel = tree_begin(m, &before);
	int err;

	m->task->session = session_of(m, file);
	err = kernel->release(file);
	m->task->session = NULL;
	tree_end(m, before);
	if (err && session)
		luo_session_stuck(m, session);
	return err;
}

/* The token that a session is asked for. */
u64 tree_token(const struct uptr *arg)
{
	struct liveupdate_session_fd fd = { 0 };

	if (arg->mem)
		memcpy(&fd, arg->mem, min(arg->size, sizeof(fd)));
	return fd.token;
}

const char *tree_session_name(const struct file *file)
{
	const char *name = file->f_dentry->d_name;

	if (file->f_op != &tree_session_fops || strncmp(name, SESSION_NAME, strlen(SESSION_NAME)))
		return NULL;
	return name + strlen(SESSION_NAME);
}

static int tree_ioctl(struct machine *m, struct file *file, unsigned int cmd, struct uptr arg)
{
	const char *session = tree_session_name(file);
	bool before;
	const struct engine_kernel *kernel = tree_begin(m, &before);
	u32 claim = 0;
	int err;

	if (cmd == LIVEUPDATE_SESSION_PRESERVE_FD && session)
		claim = ledger_claim(m, session, tree_token(&arg));
	m->task->user = arg;
	m->task->retrieves = cmd == LIVEUPDATE_SESSION_RETRIEVE_FD;
	m->task->session = session_of(m, file);
	if (claim)
		m->ledger.claims[claim - 1]->in_session = m->task->session;
	err = kernel->ioctl(file, cmd, arg.mem);
	m->task->session = NULL;
	m->task->retrieves = false;
	if (claim && !m->ledger.claims[claim - 1]->kept)
		ledger_done(m, claim);
	if (claim)
		ledger_act_for(m, 0);
	tree_end(m, before);
	return err;
}

const struct file_operations tree_device_fops = {
	.name = "liveupdate",
	.open = tree_open,
	.release = tree_release,
	.unlocked_ioctl = tree_ioctl,
};

const struct file_operations tree_session_fops = {
	.name = "luo_session",
	.release = tree_release,
	.unlocked_ioctl = tree_ioctl,
};

/* Does a tree's code count references wrongly? What then is used is not there any more. */
static void check_descriptors(struct machine *m, const struct file *file)
{
	const struct files_struct *files = m->task->files;

	for (u32 fd = 0; fd < files->max_fds; fd++) {
		if (files->fd[fd] != file)
			continue;
		judge(m, VIOLATION_USE_AFTER_FREE, 0, "the last reference on a file is given up, "
		      "which descriptor %u still has", fd);
		panic(m, "BUG: KASAN: slab-use-after-free of a struct file");
	}
}

void tree_file_gone(struct machine *m, struct file *file)
{
	check_descriptors(m, file);
	enter(m)->file_gone(file);
}

void tree_inode_gone(struct machine *m, struct inode *inode)
{
	engine_host.own_free(m, inode->shadow, m->k->boot.release.tree->kernel->inode_size);
}

/* ---- Reboot ---- */

phys_addr_t tree_fill_kimage(struct machine *m)
{
	const void *scratch = NULL;
	unsigned long size = 0, fdt;

	fdt = enter(m)->fill_kimage(&scratch, &size);
	m->kho_scratch_size = min(size, sizeof(m->kho_scratch));
	if (m->kho_scratch_size > 0)	/* with KHO off there is none */
		memcpy(m->kho_scratch, scratch, m->kho_scratch_size);
	return fdt;
}

int tree_reboot(struct machine *m)
{
	bool before;
	const struct engine_kernel *kernel = tree_begin(m, &before);
	int err;

	ledger_serialize_none(m);
	err = kernel->reboot();
	tree_end(m, before);
	return err;
}

/* Files of one inode are one object, as they are to the handler of memfds. */
bool tree_is_preserved(const struct machine *m, const struct file *file)
{
	const struct ledger *l = &m->ledger;

	for (u32 i = l->first_claim; i < l->nr_claims; i++) {
		const struct claim *claim = l->claims[i];

		if ((claim->state == CLAIM_OUTGOING && claim->file &&
		     claim->file->f_inode == file->f_inode) ||
		    (claim->state == CLAIM_INCOMING && claim->retrieved &&
		     claim->retrieved->f_inode == file->f_inode))
			return true;
	}
	return false;
}
