/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * GLib's locks for ThreadSanitizer, which sees none of what GLib does by itself: linked in
 * place of GLib's with ld's --wrap, each tells what is behind what, and calls GLib's.
 */
#include <glib.h>
#include <sanitizer/tsan_interface.h>

/* @TAKE it, and all that was done under it is done; @GIVE it, and all so far is. */
#define TAKE(type, name)				\
	void __real_##name(type *lock);			\
	void __wrap_##name(type *lock);			\
	void __wrap_##name(type *lock)			\
	{						\
		__real_##name(lock);			\
		__tsan_acquire(lock);			\
	}
#define GIVE(type, name)				\
	void __real_##name(type *lock);			\
	void __wrap_##name(type *lock);			\
	void __wrap_##name(type *lock)			\
	{						\
		__tsan_release(lock);			\
		__real_##name(lock);			\
	}

TAKE(GMutex, g_mutex_lock)
GIVE(GMutex, g_mutex_unlock)
TAKE(GRWLock, g_rw_lock_reader_lock)
GIVE(GRWLock, g_rw_lock_reader_unlock)
TAKE(GRWLock, g_rw_lock_writer_lock)
GIVE(GRWLock, g_rw_lock_writer_unlock)

void __real_g_cond_wait(GCond *cond, GMutex *mutex);
void __wrap_g_cond_wait(GCond *cond, GMutex *mutex);
void __wrap_g_cond_wait(GCond *cond, GMutex *mutex)
{
	__tsan_release(mutex);
	__real_g_cond_wait(cond, mutex);
	__tsan_acquire(mutex);
}
