/* SPDX-License-Identifier: GPL-2.0-only */
/* What a kernel must be configured with: one table, to print and to check. */
#include <string.h>

#include "vm/config.h"

static const struct {
	const char *option;
	const char *what;	/* cannot be done without it; NULL: nothing can */
} options[] = {
	{ "64BIT", NULL },
	{ "TTY", NULL },
	{ "SERIAL_8250", NULL },
	{ "SERIAL_8250_CONSOLE", NULL },
	{ "PRINTK", NULL },
	{ "BLK_DEV_INITRD", NULL },
	{ "BINFMT_ELF", NULL },
	{ "PROC_FS", NULL },
	{ "DEVTMPFS", NULL },
	{ "SHMEM", NULL },
	{ "MEMFD_CREATE", NULL },
	{ "KEXEC_FILE", NULL },
	{ "KEXEC_HANDOVER", NULL },
	{ "LIVEUPDATE", NULL },
	{ "LIVEUPDATE_MEMFD", NULL },
	{ "RELOCATABLE", "no kexec" },
	{ "BUG", "WARNs are not said" },
	{ "KALLSYMS", "call traces have no names" },
	{ "UNWINDER_FRAME_POINTER", "call traces have functions that were not called" },
	{ "KEXEC_HANDOVER_DEBUG", "KHO does not say what the model says" },
	{ "SYSCTL", "no panic_on_warn, hugepages= and drop_caches()" },
	{ "SYSFS", "no fail alloc and shmem_enabled()" },
	{ "TMPFS", "no open_file() of tmpfs" },
	{ "EPOLL", "no open_file(epoll)" },
	{ "EVENTFD", "no open_file(eventfd)" },
	/* mm/filemap.c writes in steps of a huge page with it. */
	{ "TRANSPARENT_HUGEPAGE", "no shmem_enabled(), and writes go in steps of a page" },
	{ "HUGETLBFS", "no memfds of MFD_HUGETLB" },
	{ "DEBUG_FS", "no fail alloc" },
	{ "FAULT_INJECTION", "no fail alloc" },
	{ "FAILSLAB", "no fail alloc" },
	{ "FAIL_PAGE_ALLOC", "no fail alloc of whole pages" },
	{ "FAULT_INJECTION_DEBUG_FS", "no fail alloc" },
	{ "KCMP", "same() says by file positions what is the same file" },
};

/* What those depend on, what a small kernel has otherwise not, and what takes long to build. */
static const char fragment_head[] =
	"CONFIG_EXPERT=y\n"
	"CONFIG_SMP=y\n"
	"CONFIG_NR_CPUS=8\n"	/* a race has as many tasks at most */
	"CONFIG_HYPERVISOR_GUEST=y\n"
	"CONFIG_PARAVIRT=y\n"
	"CONFIG_KVM_GUEST=y\n"
	"CONFIG_DEBUG_KERNEL=y\n"
	"CONFIG_PRINTK_TIME=y\n"
	"CONFIG_MULTIUSER=y\n"
	"CONFIG_FUTEX=y\n"
	"CONFIG_ADVISE_SYSCALLS=y\n"
	"CONFIG_PROC_SYSCTL=y\n"	/* up to 7.2 */
	"CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE=y\n"
	"CONFIG_X86_X2APIC=y\n"
	/* Without one to choose, packing the kernel would take longer than compiling it. */
	"CONFIG_KERNEL_GZIP=y\n"
	"# CONFIG_PCI is not set\n"
	"# CONFIG_ACPI is not set\n"
	"# CONFIG_INPUT is not set\n"
	"# CONFIG_VT is not set\n"
	"# CONFIG_RANDOMIZE_BASE is not set\n"
	"# CONFIG_CRASH_DUMP is not set\n"
	"# CONFIG_RD_BZIP2 is not set\n"
	"# CONFIG_RD_LZMA is not set\n"
	"# CONFIG_RD_XZ is not set\n"
	"# CONFIG_RD_LZO is not set\n"
	"# CONFIG_RD_LZ4 is not set\n"
	"# CONFIG_RD_ZSTD is not set\n";

void config_print(GString *out)
{
	g_string_append(out, fragment_head);
	for (guint i = 0; i < G_N_ELEMENTS(options); i++)
		g_string_append_printf(out, "CONFIG_%s=y\n", options[i].option);
}

static bool is_set(const char *text, const char *option)
{
	g_autofree char *pattern = g_strdup_printf("^CONFIG_%s=y\\s*$", option);

	return g_regex_match_simple(pattern, text, G_REGEX_MULTILINE | G_REGEX_RAW, 0);
}

bool config_check(const char *text, GString *out)
{
	bool ok = true;

	for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
		if (is_set(text, options[i].option))
			continue;
		ok = ok && options[i].what != NULL;
		g_string_append_printf(out, "CONFIG_%s is not set: %s\n", options[i].option,
				       options[i].what != NULL ? options[i].what :
								 "no scenario can be run");
	}
	return ok;
}
