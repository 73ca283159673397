/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The places where a task gives way, and their names in reports. A real task may be
 * preempted anywhere, or other processors run at the same time. What is one step here and
 * several there: the allocation of pages with its limits, drop_caches and setrlimit,
 * guest_memfd under its invalidate_lock, iommufd under its own, and KVM's choice of an
 * id for a vCPU. No race within them is found. The list holds for a tree's kernel as well
 * (engine/), so that a race has as many schedules on both: what KHO remembers of pages,
 * vmalloc areas and xarrays are one step there, too.
 */
#ifndef MODEL_MACHINE_YIELD_H
#define MODEL_MACHINE_YIELD_H

#define YIELD_POINTS(point)							\
	/* between two system calls */						\
	point(YIELD_SYSCALL, "before syscall")				\
	/* locks that may sleep: lock.c */					\
	point(YIELD_MUTEX_LOCK, "before mutex_lock")				\
	point(YIELD_MUTEX_TRYLOCK, "before mutex_trylock")			\
	point(YIELD_DOWN_READ, "before down_read")				\
	point(YIELD_DOWN_WRITE, "before down_write")				\
	point(YIELD_UNLOCK, "after unlock")					\
	/* locks that do not, and so are not there but for this */		\
	point(YIELD_SPIN_LOCK, "before spin_lock")				\
	/* memory of the kernel and of the process */				\
	point(YIELD_KZALLOC, "before kzalloc")					\
	point(YIELD_ALLOC_PAGES, "before alloc_pages")				\
	point(YIELD_COPY_FROM_USER, "before copy_from_user")			\
	point(YIELD_COPY_TO_USER, "before copy_to_user")			\
	point(YIELD_FAULT, "before handle_mm_fault")					\
	/* a file's position, where it has no lock */				\
	point(YIELD_F_POS, "after file_ppos")				\
	point(YIELD_MODULE_PUT, "after module_put")				\
	/* of a tree that was built with --preempt=access: engine/race.c */	\
	point(YIELD_ACCESS, "before access")

#define YIELD_ENUM(id, name)	id,
enum yield_point { YIELD_POINTS(YIELD_ENUM) };
#undef YIELD_ENUM

#endif
