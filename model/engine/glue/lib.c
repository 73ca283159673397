/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages, locks and the other small things that the tree's files call. */
#include <linux/kern_levels.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/rwsem.h>
#include <linux/utsname.h>
#include <generated/utsrelease.h>

#include "glue.h"
#include "supply.h"

/* ---- Memory and strings that the compiler may ask for, too ---- */

SUPPLY(void *, memcpy, (void *to, const void *from, size_t n))
{
	return luosim.host->copy(to, from, n);
}

SUPPLY(void *, memmove, (void *to, const void *from, size_t n))
{
	return luosim.host->move(to, from, n);
}

SUPPLY(void *, memset, (void *mem, int byte, size_t n))
{
	return luosim.host->fill(mem, byte, n);
}

SUPPLY(int, memcmp, (const void *a, const void *b, size_t n))
{
	return luosim.host->compare(a, b, n);
}

/* ---- Where we are ---- */

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

unsigned int chain_from(const void *of, const void **chain)
{
	const void *const *frame = of;
	unsigned int depth = 0;

	while (depth < ENGINE_CHAIN) {
		const char *from = frame[1];

		if (from < __ehdr_start || from >= etext)
			break;
		chain[depth++] = from;
		frame = frame[0];
	}
	return depth;
}

unsigned int call_chain(const void **chain)
{
	return chain_from(__builtin_frame_address(0), chain);
}

/* ---- Messages ---- */

#define MAX_LINE	1024

static void print(const char *fmt, va_list ap)
{
	char line[MAX_LINE], *text = line;
	int level = LOGLEVEL_WARNING;
	size_t len = vscnprintf(line, sizeof(line), fmt, ap);

	while (len && line[len - 1] == '\n')
		line[--len] = '\0';
	while (text[0] == KERN_SOH_ASCII && text[1]) {
		if (text[1] >= '0' && text[1] <= '7')
			level = text[1] - '0';
		text += 2;
	}
	/* pr_debug() is not shown. */
	if (level < LOGLEVEL_DEBUG)
		HOST(print, level, text);
}

SUPPLY(int, _printk, (const char *fmt, ...))
{
	va_list ap;

	va_start(ap, fmt);
	print(fmt, ap);
	va_end(ap);
	return 0;
}

SUPPLY(int, ___ratelimit, (struct ratelimit_state *rs, const char *func))
{
	return HOST(ratelimit, rs);
}

static void warn(const void *where)
{
	const void *chain[ENGINE_CHAIN];

	HOST(warn, where, chain, call_chain(chain));
}

SUPPLY(void, warn_slowpath_fmt, (const char *file, int line, unsigned int taint,
				 const char *fmt, ...))
{
	va_list ap;

	warn(__builtin_return_address(0));
	if (!fmt)
		return;
	va_start(ap, fmt);
	print(fmt, ap);
	va_end(ap);
}

SUPPLY(void, __warn_printk, (const char *fmt, ...))
{
	va_list ap;

	va_start(ap, fmt);
	print(fmt, ap);
	va_end(ap);
}

SUPPLY(void, panic, (const char *fmt, ...))
{
	char text[MAX_LINE];
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	len = vscnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	HOST(stop, text);
}

/* A stub calls this for a function that is in neither half. */
void luosim_missing(const char *name)
{
	const void *chain[ENGINE_CHAIN];

	HOST(missing, name, chain, call_chain(chain));
}

/* ---- Locks ---- */

static const char *name_of(const struct lockdep_map *map)
{
	const char *name = map->name ?: "lock";

	return *name == '&' ? name + 1 : name;
}

/* What lies in a lock that nobody took yet is its static initializer's. */
static bool lock(enum engine_lock what, void *lock, const struct lockdep_map *map)
{
	struct inode *inode = inode_of_lock(lock);
	void **word = lock;
	bool taken = true;

	if (inode) {
		HOST(inode_lock, inode, what == ENGINE_WRITE || what == ENGINE_READ);
		return true;
	}
	HOST(check_freed, lock);
	if (!word[0])
		memset(word, 0, ENGINE_LOCK_SIZE);
	HOST(lock, what, lock, name_of(map), &taken);
	return taken;
}

static void lock_init(void *lock, struct lockdep_map *map, const char *name)
{
	memset(lock, 0, ENGINE_LOCK_SIZE);
	map->name = name;
}

SUPPLY(void, mutex_init_lockdep, (struct mutex *m, const char *name))
{
	lock_init(m, &m->dep_map, name);
}

/* It was spelled so for a while. */
SUPPLY(void, mutex_init_lockep, (struct mutex *m, const char *name))
{
	lock_init(m, &m->dep_map, name);
}

SUPPLY(void, __mutex_init, (struct mutex *m, const char *name))
{
	lock_init(m, &m->dep_map, name);
}

SUPPLY(void, mutex_destroy, (struct mutex *m))
{
}

SUPPLY(void, mutex_lock_nested, (struct mutex *m, unsigned int subclass))
{
	lock(ENGINE_LOCK, m, &m->dep_map);
}

SUPPLY(void, mutex_lock, (struct mutex *m))
{
	lock(ENGINE_LOCK, m, &m->dep_map);
}

SUPPLY(int, mutex_lock_interruptible_nested, (struct mutex *m, unsigned int subclass))
{
	lock(ENGINE_LOCK, m, &m->dep_map);
	return 0;
}

SUPPLY(int, mutex_lock_killable_nested, (struct mutex *m, unsigned int subclass))
{
	lock(ENGINE_LOCK, m, &m->dep_map);
	return 0;
}

SUPPLY(int, mutex_trylock, (struct mutex *m))
{
	return lock(ENGINE_TRYLOCK, m, &m->dep_map);
}

SUPPLY(int, _mutex_trylock_nest_lock, (struct mutex *m))
{
	return lock(ENGINE_TRYLOCK, m, &m->dep_map);
}

SUPPLY(void, mutex_unlock, (struct mutex *m))
{
	lock(ENGINE_UNLOCK, m, &m->dep_map);
}

SUPPLY(void, __init_rwsem, (struct rw_semaphore *sem, const char *name))
{
	lock_init(sem, &sem->dep_map, name);
}

SUPPLY(void, down_read, (struct rw_semaphore *sem))
{
	lock(ENGINE_READ, sem, &sem->dep_map);
}

SUPPLY(void, up_read, (struct rw_semaphore *sem))
{
	lock(ENGINE_READ_UNLOCK, sem, &sem->dep_map);
}

SUPPLY(void, down_write, (struct rw_semaphore *sem))
{
	lock(ENGINE_WRITE, sem, &sem->dep_map);
}

SUPPLY(void, down_write_nested, (struct rw_semaphore *sem, int subclass))
{
	lock(ENGINE_WRITE, sem, &sem->dep_map);
}

SUPPLY(void, up_write, (struct rw_semaphore *sem))
{
	lock(ENGINE_WRITE_UNLOCK, sem, &sem->dep_map);
}

/* A lock's map lies within the lock, and locks that are held are known by address. */
SUPPLY(int, lock_is_held_type, (const struct lockdep_map *map, int read))
{
	return HOST(is_held, map);
}

SUPPLY(void, lockdep_init_map_type, (struct lockdep_map *map, const char *name))
{
	map->name = name;
}

/* One processor: a spin lock keeps nobody out, unless tasks are left everywhere. */
SUPPLY(void, _raw_spin_lock, (raw_spinlock_t *spin))
{
	HOST(spin, true);
}

SUPPLY(void, _raw_spin_unlock, (raw_spinlock_t *spin))
{
	HOST(spin, false);
}

SUPPLY(unsigned long, _raw_spin_lock_irqsave, (raw_spinlock_t *spin))
{
	HOST(spin, true);
	return 0;
}

SUPPLY(void, _raw_spin_unlock_irqrestore, (raw_spinlock_t *spin, unsigned long flags))
{
	HOST(spin, false);
}

SUPPLY(void, __raw_spin_lock_init, (raw_spinlock_t *spin))
{
}

SUPPLY(void, _raw_spin_lock_irq, (raw_spinlock_t *spin))
{
	HOST(spin, true);
}

SUPPLY(void, _raw_spin_unlock_irq, (raw_spinlock_t *spin))
{
	HOST(spin, false);
}

SUPPLY(void, _raw_spin_lock_bh, (raw_spinlock_t *spin))
{
	HOST(spin, true);
}

SUPPLY(void, _raw_spin_unlock_bh, (raw_spinlock_t *spin))
{
	HOST(spin, false);
}

SUPPLY(void, lock_acquire, (struct lockdep_map *map))
{
}

SUPPLY(void, lock_release, (struct lockdep_map *map))
{
}

SUPPLY(void, fs_reclaim_acquire, (gfp_t gfp))
{
}

SUPPLY(void, fs_reclaim_release, (gfp_t gfp))
{
}

SUPPLY(int, __cond_resched, (void))
{
	return 0;
}

SUPPLY(void, __might_sleep, (const char *file, int line))
{
}

SUPPLY(void, __might_resched, (const char *file, int line, unsigned int offsets))
{
}

SUPPLY(void, __might_fault, (const char *file, int line))
{
}

/* ---- Modules: the tree's files are built in, handlers of luosim's are not ---- */

SUPPLY(bool, try_module_get, (struct module *module))
{
	return !module || HOST(module_get, module);
}

SUPPLY(void, module_put, (struct module *module))
{
	if (module)
		HOST(module_put, module);
}

/* ---- Variables ---- */

int debug_locks = 1;
nodemask_t node_states[NR_NODE_STATES] = { [0 ... NR_NODE_STATES - 1] = { { 1ul } } };
struct lockdep_map rcu_lock_map;
struct uts_namespace init_uts_ns = { .name = { .sysname = "Linux", .release = UTS_RELEASE } };
