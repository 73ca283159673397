/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * With --preempt=access: a task gives way before each access of the tree's code to memory
 * that others may have, and a data race is what another one then does there: two accesses at
 * the same time, one of which writes, and no lock that would have kept the other out.
 */
#include <stdio.h>

#include "engine/engine.h"
#include "machine/machine.h"

static bool within(const void *at, const void *from, u64 size)
{
	return (u64)((const char *)at - (const char *)from) < size;
}

/* What stands for the model's files and inodes changes when tasks give way. */
static bool is_shadow(struct machine *m, const void *at)
{
	const struct engine_kernel *kernel = m->k->boot.release.tree->kernel;
	const struct tree_object *object;

	list_for_each_entry(object, &m->k->tree_objects, list)
		if (within(at, object + 1, object->size))
			return tree_is_file(kernel, object) || tree_is_inode(kernel, object);
	return false;
}

/* Variables, objects of the heap and frames; not a stack, constants and struct pages. */
static bool is_shared(struct machine *m, const void *at)
{
	const struct luosim_tree *tree = m->k->boot.release.tree;

	if (within(at, m->heap.base, m->heap.reserved))
		return !is_shadow(m, at);
	return within(at, tree->kernel->data, tree_variables(tree)) ||
	       within(at, m->memory.ram, PFN_PHYS(m->nr_frames));
}

static bool conflict(const struct engine_touch *a, const struct engine_touch *b)
{
	const char *x = a->at, *y = b->at;

	return x && y && x < y + b->size && y < x + a->size && (a->write || b->write) &&
	       !(a->marked && b->marked);
}

static void put_side(struct machine *m, const struct task *task, char *text, u32 size)
{
	struct luosim_tree *tree = m->k->boot.release.tree;
	const struct engine_touch *t = &task->touch;
	int len = snprintf(text, size, "%s() %s %s%lu byte%s at %s, holding",
			   tree_function(tree, t->where), t->write ? "writes" : "reads",
			   t->marked ? "marked " : "", t->size, t->size == 1 ? "" : "s",
			   tree_place(tree, t->where));

	for (u32 i = 0; i < task->nr_held && len < (int)size; i++)
		len += snprintf(text + len, size - len, "%s %s", i ? "," : "",
				*(const char *const *)task->held[i].lock);
	if (!task->nr_held && len < (int)size)
		snprintf(text + len, size - len, " no lock");
}

/* Each pair of places once, however many schedules lead to it; NULL: it is known, or no room. */
static struct tree_race *new_race(struct luosim_tree *tree, const void *a, const void *b)
{
	u32 i = 0;

	for (; i < ARRAY_SIZE(tree->races) && tree->races[i].a; i++)
		if ((tree->races[i].a == a && tree->races[i].b == b) ||
		    (tree->races[i].a == b && tree->races[i].b == a))
			return NULL;
	return i < ARRAY_SIZE(tree->races) ? &tree->races[i] : NULL;
}

static bool was_judged(const struct machine *m)
{
	const struct violation *v;
	size_t nr;

	v = machine_violations(m, &nr);
	for (size_t i = 0; i < nr; i++)
		if (v[i].kind == VIOLATION_DATA_RACE)
			return true;
	return false;
}

static void report(struct machine *m, const struct task *other)
{
	struct luosim_tree *tree = m->k->boot.release.tree;
	const struct task *task = m->task;
	bool marked = task->touch.marked || other->touch.marked;
	struct tree_race *race = new_race(tree, task->touch.where, other->touch.where);
	char first[200], second[200];

	if (!race && marked)
		return;
	put_side(m, other, first, sizeof(first));
	put_side(m, task, second, sizeof(second));
	if (race) {
		race->a = task->touch.where;
		race->b = other->touch.where;
		snprintf(race->text, sizeof(race->text), "%s%s; %s",
			 marked ? "with a marked access: " : "", first, second);
	}
	/* The first is enough: what follows it makes no more states. */
	if (!marked && !was_judged(m))
		judge(m, VIOLATION_DATA_RACE, 0, "%s; %s", first, second);
}

void engine_touch(struct machine *m, const void *at, unsigned long size, bool write, bool marked,
		  const void *where)
{
	struct task *task = m->task;

	if (!task->id || !is_shared(m, at))
		return;
	task->touch = (struct engine_touch){
		.at = at, .size = size, .write = write, .marked = marked, .where = where };
	task_yield(m, YIELD_ACCESS, tree_function(m->k->boot.release.tree, where));
	for (u32 id = 1; id <= m->nr_tasks; id++) {
		const struct task *other = task_of(m, id);

		if (other != task && other->state != TASK_DONE &&
		    conflict(&task->touch, &other->touch))
			report(m, other);
	}
	task->touch.at = NULL;
}

const char *luosim_tree_race(const struct luosim_tree *tree, unsigned int i)
{
	return i < ARRAY_SIZE(tree->races) && tree->races[i].a ? tree->races[i].text : NULL;
}
