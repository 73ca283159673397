/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the KTAP that an emitted program wrote on the console, one plan for each kernel. */
#include <stdio.h>
#include <string.h>

#include "vm/console.h"
#include "vm/emitted.h"

/* What the program says of the step that boots the next kernel. */
#define NEXT_KERNEL	"the next kernel answers"

/* The lines that are the program's. */
static void take_ktap(GString *ktap, const char *console)
{
	static const char *const begins[] = { "KTAP ", "1..", "ok ", "not ok ", "# ", "Bail out!" };
	g_auto(GStrv) lines = g_strsplit(console, "\n", -1);

	for (guint i = 0; lines[i] != NULL; i++)
		for (guint k = 0; k < G_N_ELEMENTS(begins); k++)
			if (g_str_has_prefix(lines[i], begins[k]))
				g_string_append_printf(ktap, "%s\n", g_strchomp(lines[i]));
}

/* The plan of a kernel is followed when the next comes, or nothing. */
struct plan {
	guint planned, done, kernels;
	bool leaves, failed, skipped;
};

static void end_plan(struct plan *p, bool last)
{
	p->failed = p->failed || p->done != p->planned || p->leaves == last;
	p->done = 0;
	p->leaves = false;
}

static void read_line(struct plan *p, const char *line)
{
	if (sscanf(line, "1..%u", &p->planned) == 1) {
		p->kernels++;
		p->skipped = strstr(line, "# SKIP") != NULL;
	} else if (g_str_has_prefix(line, "KTAP ") && p->kernels > 0) {
		end_plan(p, false);
	} else if (g_str_has_prefix(line, "not ok ") || g_str_has_prefix(line, "Bail out!")) {
		p->failed = true;
	} else if (g_str_has_prefix(line, "ok ")) {
		p->done++;
		p->leaves = strstr(line, NEXT_KERNEL) != NULL;
	}
}

enum emitted_result emitted_run(const struct vm *vm, const char *path, GString *ktap,
				GError **error)
{
	struct program program = { .append = (char *)"kho=on liveupdate=on" };
	g_autoptr(GPtrArray) programs = g_ptr_array_new();
	g_autofree char *console = NULL;
	g_auto(GStrv) lines = NULL;
	struct vm with = *vm;
	struct plan plan = { 0 };

	with.emitted = path;
	g_ptr_array_add(programs, &program);
	console = vm_run(&with, programs, error);
	if (console == NULL)
		return EMITTED_FAILED;
	take_ktap(ktap, console);
	if (strstr(console, CONSOLE_TIME_LIMIT) != NULL)
		g_string_append(ktap, "# the machine did not end in time\n");
	lines = g_strsplit(ktap->str, "\n", -1);
	for (guint i = 0; lines[i] != NULL; i++)
		read_line(&plan, lines[i]);
	if (plan.skipped)
		return EMITTED_SKIPPED;
	end_plan(&plan, true);
	return plan.failed || plan.kernels == 0 ? EMITTED_FAILED : EMITTED_OK;
}

void emitted_count(const char *ktap, guint *tests, guint *kernels)
{
	g_auto(GStrv) lines = g_strsplit(ktap, "\n", -1);

	*tests = *kernels = 0;
	for (guint i = 0; lines[i] != NULL; i++) {
		*tests += g_str_has_prefix(lines[i], "ok ");
		*kernels += g_str_has_prefix(lines[i], "1..");
	}
}
