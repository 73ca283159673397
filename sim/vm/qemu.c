/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs QEMU with an initramfs that is in memory only, and reads the console until the guest
 * has said its last word. Whatever becomes of luosim, the machine ends with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/progress.h"
#include "vm/console.h"
#include "vm/newc.h"
#include "vm/qemu.h"

#define MEMORY		"512M"
/* A machine that waits for a processor is late with its first ticks. */
#define NO_CHECK	"no_timer_check"
/* What a kernel says first, and how long it may take where it runs at full speed. */
#define FIRST_LINE	"Linux version "
#define KVM_SECONDS	5u
/* How often Ctrl-C is looked for, in milliseconds. */
#define PACE		200
/* What each program but the first may take besides. */
#define SECONDS_MORE	5u
#define MAX_CONSOLE	((gsize)64 << 20)
/* Where a bzImage says that it is one. */
#define MAGIC_AT	0x202
#define MAGIC		"HdrS"

static bool vm_error(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool vm_error(GError **error, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, SCN_ERROR, 0, text);
	return false;
}

bool vm_check(const struct vm *vm, GError **error)
{
	g_autofree char *kernel = NULL, *qemu = g_find_program_in_path(vm->qemu);
	gsize len;

	if (qemu == NULL)
		return vm_error(error, "%s: not found, expected QEMU (Debian: apt-get install "
				"qemu-system-x86)", vm->qemu);
	if (vm->guest == NULL || !g_file_test(vm->guest, G_FILE_TEST_IS_REGULAR))
		return vm_error(error, "%s: not there, expected luosim as it was installed or "
				"built where there is a static libc",
				vm->guest != NULL ? vm->guest : "luosim-guest");
	if (!g_file_get_contents(vm->kernel, &kernel, &len, error))
		return false;
	if (len < MAGIC_AT + strlen(MAGIC) || memcmp(kernel + MAGIC_AT, MAGIC, strlen(MAGIC)) != 0)
		return vm_error(error, "%s: no kernel for x86, expected a bzImage", vm->kernel);
	return true;
}

/* ---- The initramfs ---- */

static void put_entry(FILE *out, const char *name, guint mode, const char *data, gsize len)
{
	newc_begin(out, name, mode, len);
	fwrite(data, 1, len, out);
	newc_end(out, len);
}

static bool put_file(FILE *out, const char *name, guint mode, const char *path, GError **error)
{
	g_autofree char *data = NULL;
	gsize len;

	if (!g_file_get_contents(path, &data, &len, error))
		return false;
	put_entry(out, name, S_IFREG | mode, data, len);
	return true;
}

/* A file without a name, which QEMU finds by its number; -1: @error says why not. */
static int make_initramfs(const struct vm *vm, const GPtrArray *programs, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	int fd = memfd_create("initramfs", MFD_CLOEXEC), copy = fd < 0 ? -1 : dup(fd);
	FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
	bool ok = out != NULL && put_file(out, "init", 0755, vm->guest, error) &&
		  put_file(out, "kernel", 0644, vm->kernel, error);

	for (guint i = 0; i < programs->len; i++) {
		g_string_append(text, i > 0 ? "0 0 next\n" : "");
		if (vm->emitted == NULL)
			program_text(text, programs->pdata[i]);
	}
	if (ok && vm->emitted != NULL)
		ok = put_file(out, "emitted", 0755, vm->emitted, error);
	if (ok) {
		put_entry(out, "program", S_IFREG | 0644, text->str, text->len);
		newc_close(out);
	}
	if ((out == NULL || fclose(out) != 0) && ok)
		ok = vm_error(error, "initramfs: %s", g_strerror(errno));
	if (ok)
		return fd;
	if (fd >= 0)
		close(fd);
	if (error != NULL && *error == NULL)
		vm_error(error, "initramfs: %s", g_strerror(errno));
	return -1;
}

/* ---- The machine ---- */

struct child {
	int initramfs;
	pid_t parent;
};

/* In the child, before QEMU. */
static void set_up_child(gpointer data)
{
	const struct child *child = data;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != child->parent)
		_exit(1);
	fcntl(child->initramfs, F_SETFD, 0);
	dup2(STDOUT_FILENO, STDERR_FILENO);
}

static GPtrArray *command_of(const struct vm *vm, const struct program *program,
			     const char *accel, int initramfs)
{
	GPtrArray *args = g_ptr_array_new_with_free_func(g_free);
	const char *const fixed[] = {
		vm->qemu, "-machine", vm->machine, "-nodefaults", "-no-user-config",
		"-display", "none", "-serial", "stdio", "-no-reboot", "-m", MEMORY,
	};

	for (guint i = 0; i < G_N_ELEMENTS(fixed); i++)
		g_ptr_array_add(args, g_strdup(fixed[i]));
	g_ptr_array_add(args, g_strdup("-smp"));
	g_ptr_array_add(args, g_strdup_printf("%u", MAX(program->tasks, 1)));
	g_ptr_array_add(args, g_strdup("-accel"));
	g_ptr_array_add(args, g_strdup(accel));
	g_ptr_array_add(args, g_strdup("-kernel"));
	g_ptr_array_add(args, g_strdup(vm->kernel));
	g_ptr_array_add(args, g_strdup("-initrd"));
	g_ptr_array_add(args, g_strdup_printf("/proc/self/fd/%d", initramfs));
	g_ptr_array_add(args, g_strdup("-append"));
	g_ptr_array_add(args, g_strdup_printf(
		"console=ttyS0 loglevel=7 printk.devkmsg=on panic=-1 reboot=t " NO_CHECK " %s%s%s",
		program->append, vm->append != NULL ? " " : "",
		vm->append != NULL ? vm->append : ""));
	g_ptr_array_add(args, NULL);
	return args;
}

/* Everything up to the guest's last word, or the end of the time; @first: for a kernel to speak. */
static void read_console(GString *text, int fd, gint64 first, gint64 deadline)
{
	char buf[65536];
	ssize_t n;

	while (text->len < MAX_CONSOLE) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		gint64 end = strstr(text->str, FIRST_LINE) != NULL ? deadline : first;
		gint64 left = end - g_get_monotonic_time();
		gsize before = text->len;

		if (left <= 0) {
			g_string_append(text, "\n" CONSOLE_TIME_LIMIT "\n");
			return;
		}
		if (progress_stopped(NULL))
			return;
		if (poll(&ready, 1, MIN(left / 1000 + 1, PACE)) <= 0)
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		g_string_append_len(text, buf, n);
		before -= MIN(before, strlen(CONSOLE_END));
		if (strstr(text->str + before, CONSOLE_END) != NULL)
			return;
	}
}

static char *run_with(const struct vm *vm, const GPtrArray *programs, const char *accel,
		      guint first, GError **error)
{
	guint seconds = vm->seconds + SECONDS_MORE * (programs->len - 1);
	g_autoptr(GPtrArray) args = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	gint64 now = g_get_monotonic_time();
	struct child child = { make_initramfs(vm, programs, error), getpid() };
	int out, status;
	GPid pid;
	bool ok;

	if (child.initramfs < 0)
		return NULL;
	args = command_of(vm, programs->pdata[0], accel, child.initramfs);
	ok = g_spawn_async_with_pipes(NULL, (char **)args->pdata, NULL,
				      G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
				      set_up_child, &child, &pid, NULL, &out, NULL, error);
	close(child.initramfs);
	if (!ok)
		return NULL;
	read_console(text, out, now + first * G_USEC_PER_SEC, now + seconds * G_USEC_PER_SEC);
	kill(pid, SIGKILL);
	close(out);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	g_spawn_close_pid(pid);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Said once: it is slower, and its first kernel was waited for. */
static void tell_tcg(const char *why)
{
	static gint told;

	if (g_atomic_int_compare_and_exchange(&told, 0, 1))
		g_printerr("luosim: /dev/kvm %s, the machine is run by QEMU's TCG\n", why);
}

char *vm_run(const struct vm *vm, const GPtrArray *programs, GError **error)
{
	/* That it can be opened does not say that a kernel runs on it. */
	static gint kvm_failed;
	g_autofree char *text = NULL;

	if (vm->accel != NULL)
		return run_with(vm, programs, vm->accel, vm->seconds, error);
	if (access("/dev/kvm", R_OK | W_OK) == 0 && !g_atomic_int_get(&kvm_failed)) {
		text = run_with(vm, programs, "kvm", MIN(KVM_SECONDS, vm->seconds), error);
		if (text == NULL || strstr(text, FIRST_LINE) != NULL)
			return g_steal_pointer(&text);
		g_atomic_int_set(&kvm_failed, 1);
		tell_tcg("runs no kernel");
	} else if (!g_atomic_int_get(&kvm_failed)) {
		tell_tcg("cannot be used");
	}
	return run_with(vm, programs, "tcg", vm->seconds, error);
}
