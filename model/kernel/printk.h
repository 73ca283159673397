/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel says: log lines, WARN with its call chain, panic. */
#ifndef MODEL_KERNEL_PRINTK_H
#define MODEL_KERNEL_PRINTK_H

#include "luosim.h"
#include "lib/types.h"

struct machine;

#define CALL_DEPTH	32

/*
 * KCALL(m) at the top of a function puts it on the call chain until it returns.
 * Functions that the compiler inlines in a real kernel do without, so that the
 * chain of a WARN reads as it does there.
 */
#define KCALL(m)	KCALL_NAMED(m, __func__)
#define KCALL_NAMED(m, func)						\
	struct machine *__kcall						\
	__attribute__((cleanup(kcall_pop), unused)) = kcall_push(m, func)

void printk(struct machine *m, enum log_level level, const char *fmt, ...) __printf(3, 4);
/* At most ten lines from one @site in one kernel: the burst of the rate limit. */
/* May @site speak once more? */
bool printk_allowed(struct machine *m, const void *site);
void printk_ratelimited(struct machine *m, const void *site, enum log_level level,
			const char *fmt, ...) __printf(4, 5);

/* pr_fmt() is defined by the including file, as in the kernel. */
#define pr_info(m, ...)	printk(m, LOG_INFO, pr_fmt __VA_ARGS__)
#define pr_warn(m, ...)	printk(m, LOG_WARN, pr_fmt __VA_ARGS__)
#define pr_err(m, ...)	printk(m, LOG_ERR, pr_fmt __VA_ARGS__)
#define pr_warn_ratelimited(m, ...) ({					\
	static const char __site;					\
	printk_ratelimited(m, &__site, LOG_WARN, pr_fmt __VA_ARGS__);	\
})

/* The callers of @func, which may be on the chain itself; how many there are. */
u32 call_chain(const struct machine *m, const char *func, const char *chain[CALL_DEPTH]);
/* The WARN of @func; with panic_on_warn it does not return. */
void warn(struct machine *m, const char *func);
/* True the first time in one kernel. */
bool once(struct machine *m, const void *site);

#define WARN_ON(m, cond) ({						\
	bool __warned = (cond);						\
	if (__warned)							\
		warn(m, __func__);					\
	__warned;							\
})
#define WARN_ON_ONCE(m, cond)	WARN_ON_ONCE_IN(m, __func__, cond)
/* In what the kernel's compiler makes a part of @func. */
#define WARN_ON_ONCE_IN(m, func, cond) ({				\
	static const char __site;					\
	bool __warned = (cond);						\
	if (__warned && once(m, &__site))				\
		warn(m, func);						\
	__warned;							\
})

/* Stop the machine. Does not return to the caller but to the system call's. */
void panic(struct machine *m, const char *fmt, ...) __printf(2, 3) __attribute__((noreturn));
/* The same as somebody wanted it, which is no fault of the kernel's. */
void panic_asked(struct machine *m, const char *text) __attribute__((noreturn));
/* No kernel would: the program itself has no room for what is asked, or knows no such thing. */
void simulator_panic(struct machine *m, const char *fmt, ...)
	__printf(2, 3) __attribute__((noreturn));
void simulator_warn(struct machine *m, const char *fmt, ...) __printf(2, 3);
/* The kernel loops for ever in @func. */
void loop_forever(struct machine *m, const char *func) __attribute__((noreturn));
/* KASAN has seen the running function use what it may not; it says so once. */
void kasan_report(struct machine *m, const char *what);
/* A bad kernel pointer was followed. */
void oops(struct machine *m, phys_addr_t phys) __attribute__((noreturn));

#endif
