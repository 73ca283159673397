/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * With --preempt=access: gcc calls these before each access to memory in the tree's files.
 * What is volatile there is what READ_ONCE() and WRITE_ONCE() have marked.
 */
#include "glue.h"
#include "supply.h"

#define TOUCH(at, size, write, marked) \
	HOST(touch, at, size, write, marked, __builtin_return_address(0))

#define ACCESS(name, size, write, marked)				\
	SUPPLY(void, __tsan_##name##size, (const void *at))		\
	{								\
		TOUCH(at, size, write, marked);				\
	}

#define ACCESSES(size)					\
	ACCESS(read, size, false, false)		\
	ACCESS(write, size, true, false)		\
	ACCESS(volatile_read, size, false, true)	\
	ACCESS(volatile_write, size, true, true)

#define UNALIGNED(size)						\
	ACCESS(unaligned_read, size, false, false)		\
	ACCESS(unaligned_write, size, true, false)		\
	ACCESS(unaligned_volatile_read, size, false, true)	\
	ACCESS(unaligned_volatile_write, size, true, true)

ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)
UNALIGNED(2)
UNALIGNED(4)
UNALIGNED(8)
UNALIGNED(16)

SUPPLY(void, __tsan_read_range, (const void *at, unsigned long size))
{
	TOUCH(at, size, false, false);
}

SUPPLY(void, __tsan_write_range, (const void *at, unsigned long size))
{
	TOUCH(at, size, true, false);
}

SUPPLY(void, __tsan_init, (void))
{
}
