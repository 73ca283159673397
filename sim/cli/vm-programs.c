/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim vm --programs: emitted programs on a real kernel. */
#include "cli/cmd.h"
#include "cli/vm-programs.h"
#include "run/in-order.h"
#include "run/progress.h"
#include "vm/emitted.h"

struct ran {
	const char *path;
	GString *ktap;
	enum emitted_result result;
	GError *error;
};

struct programs {
	const struct vm *vm;
	struct ran *ran;
	guint nr, totals[EMITTED_SKIPPED + 1];
	struct progress *progress;
};

static void run_one(void *data, guint i)
{
	struct programs *p = data;
	struct ran *ran = &p->ran[i];

	ran->ktap = g_string_new(NULL);
	ran->result = EMITTED_FAILED;
	if (!progress_stopped(p->progress))
		ran->result = emitted_run(p->vm, ran->path, ran->ktap, &ran->error);
}

static void one_done(void *data, guint i)
{
	static const char *const words[] = { "ok  ", "FAIL", "skip" };
	struct programs *p = data;
	struct ran *ran = &p->ran[i];
	guint tests, kernels;

	progress_at(p->progress, i + 1, p->nr);
	p->totals[ran->result]++;
	emitted_count(ran->ktap->str, &tests, &kernels);
	g_print("%s %s: %u tests, %u kernels%s%s\n", words[ran->result], ran->path, tests, kernels,
		ran->error != NULL ? ", " : "", ran->error != NULL ? ran->error->message : "");
	if (ran->result == EMITTED_FAILED || p->nr == 1)
		g_print("%s", ran->ktap->str);
	g_string_free(ran->ktap, TRUE);
	g_clear_error(&ran->error);
}

int run_programs(const struct vm *vm, char **files, guint jobs)
{
	g_autoptr(GError) error = NULL;
	struct programs p = { .vm = vm, .nr = g_strv_length(files) };

	if (!vm_check(vm, &error))
		return complain("%s", error->message);
	p.ran = g_new0(struct ran, p.nr);
	for (guint i = 0; i < p.nr; i++)
		p.ran[i].path = files[i];
	p.progress = progress_new(p.nr > 1 ? "programs" : NULL);
	in_order(jobs, p.nr, run_one, one_done, &p);
	progress_free(p.progress);
	g_free(p.ran);
	if (p.nr > 1)
		g_print("%u programs: %u ok, %u failed, %u skipped\n", p.nr, p.totals[EMITTED_OK],
			p.totals[EMITTED_FAILED], p.totals[EMITTED_SKIPPED]);
	return finish_output(p.totals[EMITTED_FAILED] > 0 ? EXIT_FAILED :
			     p.totals[EMITTED_OK] > 0 ? EXIT_OK : EXIT_SKIPPED);
}
