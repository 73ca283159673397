/* SPDX-License-Identifier: GPL-2.0-only */
/* Failures on demand: what can fail, and counting down to the time when it does. */
#include "machine/machine.h"

static const struct {
	const char *name;
	int error;
} points[NR_FAIL_POINTS] = {
	[FAIL_ALLOC] = { "alloc", -ENOMEM },
	[FAIL_COPY_FROM_USER] = { "copy_from_user", -EFAULT },
	[FAIL_COPY_TO_USER] = { "copy_to_user", -EFAULT },
	[FAIL_UNUSED_FD] = { "get_unused_fd", -EMFILE },
	[FAIL_ACCT_BLOCKS] = { "shmem_inode_acct_blocks", -ENOSPC },
	[FAIL_MODULE_GET] = { "try_module_get", 0 },
	[FAIL_FREEZE_PROCESSES] = { "freeze_processes", -EBUSY },
	[FAIL_DPM_SUSPEND_START] = { "dpm_suspend_start", FAIL_ANY_ERROR },
	[FAIL_DPM_SUSPEND_END] = { "dpm_suspend_end", FAIL_ANY_ERROR },
	[FAIL_SUSPEND_CPUS] = { "suspend_disable_secondary_cpus", FAIL_ANY_ERROR },
	[FAIL_SYSCORE_SUSPEND] = { "syscore_suspend", FAIL_ANY_ERROR },
	[FAIL_EARLY_MEMREMAP] = { "early_memremap", -EFAULT },
	[FAIL_CALLBACK] = { "callback", FAIL_ANY_ERROR },
	[FAIL_FLB] = { "flb", FAIL_ANY_ERROR },
	[FAIL_ANYWHERE] = { "any", FAIL_ANY_ERROR },
};

const char *fail_point_name(enum fail_point point)
{
	return points[point].name;
}

int fail_point_find(const char *name)
{
	for (int i = 0; i < NR_FAIL_POINTS; i++)
		if (!strcmp(points[i].name, name))
			return i;
	return -ENOENT;
}

int fail_point_error(enum fail_point point, enum handler_call call)
{
	if (point == FAIL_CALLBACK && (call == CALL_CAN_PRESERVE || call == CALL_CAN_FINISH))
		return 0;
	return points[point].error;
}

/* Of all handlers the @i-th that is not called as its module. */
static const char *other_name(unsigned int i)
{
	const struct handler_script *script;

	if (i-- == 0)
		return "tmpfs_file";
	for (unsigned int s = 0; (script = handler_shipped(s)); s++) {
		const char *const *names = handler_names(script);

		for (size_t n = 1; names && names[n]; n++)
			if (i-- == 0)
				return names[n];
	}
	return NULL;
}

const char *fail_point_target(enum fail_point point, unsigned int i)
{
	static const char *const flbs[] = { "hugetlb-v1", "iommu-v1", "pci-v1" };
	if (point == FAIL_FLB)
		return i < ARRAY_SIZE(flbs) ? flbs[i] : NULL;
	if (point != FAIL_CALLBACK)
		return NULL;
	if (i < NR_HANDLERS)
		return handler_name(i);
	return i == NR_HANDLERS ? "memfd" : other_name(i - NR_HANDLERS - 1);
}

/* Is the step that is about to be taken the one that @f is about? */
static bool is_about(const struct failure *f, enum fail_point point, enum handler_call call,
		     const char *name, bool node)
{
	if (f->point == FAIL_ANYWHERE)
		return !node || !f->no_nodes;
	if (f->point != point)
		return false;
	if ((point == FAIL_CALLBACK || point == FAIL_FLB) && f->call != call)
		return false;
	return !*f->name || (name && !strcmp(f->name, name));
}

/* What a failure that may come anywhere is at @point; what returns any errno returns -EIO. */
static struct failure failure_at(enum fail_point point, enum handler_call call, const char *name,
				 u32 nth)
{
	struct failure f = {
		.point = point, .call = call, .error = fail_point_error(point, call), .nth = nth,
	};

	if (f.error == FAIL_ANY_ERROR)
		f.error = -EIO;
	if (name)
		memcpy(f.name, name, strnlen(name, sizeof(f.name) - 1));
	return f;
}

/* Count a point among those of its kind, so that it can be asked for by itself. */
static u32 see(struct faults *faults, enum fail_point point, enum handler_call call,
	       const char *name)
{
	u32 i = 0;

	while (i < faults->nr_seen &&
	       !(faults->seen[i].point == point && faults->seen[i].call == call &&
		 faults->seen[i].name == name))
		i++;
	if (i == MAX_SEEN)
		return 0;
	if (i == faults->nr_seen) {
		faults->seen[i].point = point;
		faults->seen[i].call = call;
		faults->seen[i].name = name;
		faults->nr_seen++;
	}
	return ++faults->seen[i].nth;
}

/* Where it happens, for whoever looks for it in the sources. */
static void note_callers(struct machine *m, struct fail_stats *stats)
{
	const struct task *task = m->task;
	u32 depth = min(task->call_depth, (u32)CALL_DEPTH);

	if (task->in_tree) {
		tree_callers(m, stats->in, FAIL_CALLERS);
		return;
	}
	for (u32 i = 0; i < FAIL_CALLERS; i++)
		stats->in[i] = i < depth ? task->call[depth - 1 - i] : NULL;
}

int should_fail(struct machine *m, enum fail_point point, enum handler_call call, const char *name)
{
	struct faults *faults = &m->task->faults;
	int error = 0;
	u32 nth;

	for (u32 i = 0; i < faults->nr; i++) {
		const struct failure *f = &faults->armed[i];

		/* Those that are not meant are counted where they are asked for by themselves. */
		nth = f->point == FAIL_ANYWHERE && f->nth ? see(faults, point, call, name) : 0;
		if (!is_about(f, point, call, name, faults->node))
			continue;
		faults->reached[i]++;
		if (!f->nth)
			faults->stats.counted++;
		if (f->nth != faults->reached[i] || error)
			continue;
		faults->stats.happened++;
		faults->stats.last = *f;
		if (f->point == FAIL_ANYWHERE)
			faults->stats.last = failure_at(point, call, name, nth);
		note_callers(m, &faults->stats);
		error = faults->stats.last.error ? faults->stats.last.error : -1;
	}
	return error;
}

bool should_fail_alloc(struct machine *m)
{
	return m->task->faults.nr && should_fail(m, FAIL_ALLOC, 0, NULL);
}

int machine_fail(struct machine *m, const struct failure *failure)
{
	struct faults *faults = &m->task->faults;

	if (faults->nr == MAX_FAILURES)
		return -ENOSPC;
	faults->armed[faults->nr] = *failure;
	faults->reached[faults->nr++] = 0;
	faults->stats.armed += failure->nth != 0;
	return 0;
}

void faults_kexec(struct machine *m)
{
	struct faults *faults = &m->task->faults;
	u32 nr = 0;

	for (u32 i = 0; i < faults->nr; i++) {
		if (faults->armed[i].point != FAIL_EARLY_MEMREMAP)
			continue;
		faults->armed[nr] = faults->armed[i];
		faults->reached[nr++] = faults->reached[i];
	}
	faults->nr = nr;
}

void machine_fail_clear(struct machine *m)
{
	m->task->faults = (struct faults){ 0 };
}

void machine_fail_stats(const struct machine *m, struct fail_stats *stats)
{
	*stats = m->task->faults.stats;
}
