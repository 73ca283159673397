/* SPDX-License-Identifier: GPL-2.0-only */
/* Two operations of a world at once, see world-race.h. */
#include <string.h>

#include "explore/internal.h"
#include "explore/pairs.h"

#define NOT_WANTED	G_MAXUINT

struct pair_task {
	struct world_race *race;
	guint nr;
};

/* What makes an outcome. */
struct result_key {
	guint64 key[2];
};

/* ---- Tasks ---- */

/* On the task's own stack. */
static void task_body(void *data)
{
	const struct pair_task *task = data;
	struct world_race *race = task->race;
	struct race_done *done = &race->done;
	guint op = race->pair->ops[task->nr];

	machine_begin_op(race->machine, op + 2);
	done->done[task->nr].ret = world_call(race->world, race->machine, &race->start, op);
	machine_end_op(race->machine, done->done[task->nr].ret);
	done->returned[task->nr] = true;
}

static void task_step(void *data, guint task)
{
	const struct world_race *race = data;

	machine_task_step(race->machine, task + 1);
}

static guint process_in(const struct world_race *race, guint task)
{
	return op_of(race->world, race->pair->ops[task])->process;
}

static void begin(struct world_race *race, guint op)
{
	race->pair = world_pair(race->world, op);
	race->start = *race->place;
	memset(&race->done, 0, sizeof(race->done));
	race->witness->nr = 0;
	for (guint i = 0; i < MAX_WORLD_TASKS; i++) {
		world_enter(race->world, race->machine, process_in(race, i));
		machine_task_new(race->machine, task_body, &race->tasks[i]);
	}
	world_enter(race->world, race->machine, 0);
}

/* ---- Moments ---- */

static void save(void *data, GByteArray *rest)
{
	const struct world_race *race = data;
	const struct witness *w = race->witness;

	g_byte_array_append(rest, (const guint8 *)&race->done, sizeof(race->done));
	g_byte_array_append(rest, (const guint8 *)w->notes, w->nr * sizeof(w->notes[0]));
}

static void restore(void *data, const GByteArray *rest)
{
	struct world_race *race = data;
	struct witness *w = race->witness;
	gsize notes = rest->len - sizeof(race->done);

	memcpy(&race->done, rest->data, sizeof(race->done));
	memcpy(w->notes, rest->data + sizeof(race->done), notes);
	w->nr = notes / sizeof(w->notes[0]);
	*race->place = race->start;
}

/* ---- Outcomes ---- */

guint race_task_at(const struct world *world, const struct world_pair *pair, guint i)
{
	bool swap = op_of(world, pair->ops[1])->op.info->ends;

	return swap ? 1 - i : i;
}

/* Does task @task end the process that the other one has ended? */
static bool is_end(const struct world_race *race, guint task)
{
	return race->pair->ops[0] == race->pair->ops[1] &&
	       op_of(race->world, race->pair->ops[task])->op.info->ends;
}

/* The calls that returned: first what they opened, then what is gone by them. */
static void settle(struct world_race *race)
{
	struct race_done *done = &race->done;

	for (guint i = 0; i < MAX_WORLD_TASKS; i++) {
		world_enter(race->world, race->machine, process_in(race, i));
		done->done[i].slot = -1;
		if (done->returned[i] && done->done[i].ret >= 0)
			world_bind_slot(race->world, race->machine, race->place,
				   op_of(race->world, race->pair->ops[i]), &done->done[i]);
	}
	for (guint i = 0; i < MAX_WORLD_TASKS; i++) {
		guint task = race_task_at(race->world, race->pair, i);

		/* Two ends of a process are one. */
		if (done->done[task].slot < 0 || (i > 0 && is_end(race, task)))
			continue;
		world_enter(race->world, race->machine, process_in(race, task));
		world_apply(race->world, race->machine, race->place,
			     op_of(race->world, race->pair->ops[task]), &done->done[task]);
	}
	world_enter(race->world, race->machine, 0);
}

/* No task can take a step any more. */
static guint finish(struct world_race *race)
{
	struct machine *m = race->machine;
	guint kernel = machine_kernel(m);

	race->place->races++;
	/* The task that has started the next kernel is treated as returning there. */
	for (guint i = 0; i < MAX_WORLD_TASKS; i++)
		if (machine_task_state(m, i + 1) == TASK_DONE)
			race->done.returned[i] = true;
	machine_tasks_end(m);
	race->done.boot.left = machine_kernel(m) != kernel;
	if (!machine_panicked(m) && !race->done.boot.left)
		settle(race);
	else if (!machine_panicked(m))
		world_boot(race->world, m, race->place, &race->done.boot);
	return witness_close(race->witness, race->place, 0, NULL);
}

static void make_key(struct world_race *race, guint found, struct result_key *o)
{
	const struct machine_view view = world_view(race->world, race->place, true);

	*o = (struct result_key){ { found, 0 } };
	for (guint i = 0; i < found; i++)
		o->key[1] = o->key[1] * 0x9e3779b97f4a7c15ull + race->witness->notes[i].id;
	for (guint i = 0; race->results && found == 0 && i < MAX_WORLD_TASKS; i++)
		o->key[1] = (o->key[1] + race->done.done[i].ret) * 0x9e3779b97f4a7c15ull +
			    race->done.returned[i];
	if (found == 0) {
		guint64 f[2];

		machine_fingerprint(race->machine, race->walk, &view, f);
		o->key[0] += f[0];
		o->key[1] += f[1];
	}
}

static guint number_of(struct world_race *race, const struct result_key *o)
{
	guint i = 0;

	while (i < race->outcomes->len &&
	       memcmp(&g_array_index(race->outcomes, struct result_key, i), o, sizeof(*o)) != 0)
		i++;
	return i;
}

static guint end(void *data)
{
	struct world_race *race = data;
	guint found = finish(race), nth;
	struct result_key o;

	make_key(race, found, &o);
	nth = number_of(race, &o);
	if (nth < race->outcomes->len)
		return nth;
	g_array_append_val(race->outcomes, o);
	if (nth == race->wanted)
		return NO_ENDING;
	if (nth == MAX_OUTCOMES) {
		race->stopped = "too many outcomes of a race";
		return NO_ENDING;
	}
	if (race->outcome != NULL)
		race->outcome(race->data, nth, found);
	return nth;
}

/* ---- Races ---- */

bool race_init(struct world_race *race, const struct world *world, struct machine *machine,
	       struct place *place, struct witness *witness)
{
	*race = (struct world_race){
		.world = world, .machine = machine, .place = place, .witness = witness,
	};
	race->walk = machine_walk_new();
	race->outcomes = g_array_new(FALSE, TRUE, sizeof(struct result_key));
	race->tasks = g_new(struct pair_task, MAX_WORLD_TASKS);
	for (guint i = 0; i < MAX_WORLD_TASKS; i++)
		race->tasks[i] = (struct pair_task){ .race = race, .nr = i };
	race->all = (struct schedules){
		.machine = race->machine, .nr_tasks = MAX_WORLD_TASKS, .preemptions = NO_BOUND,
		.max_states = race->world->max_states, .reduced = !race->world->no_reduction,
		.step = task_step, .save = save, .restore = restore, .end = end, .data = race,
	};
	schedules_init(&race->all);
	return race->walk != NULL;
}

void race_clear(struct world_race *race)
{
	if (race->outcomes == NULL)
		return;
	schedules_clear(&race->all);
	g_free(race->tasks);
	g_array_unref(race->outcomes);
	machine_walk_free(race->walk);
}

static void search(struct world_race *race, guint op, guint wanted)
{
	bool mute = race->witness->mute;

	/* What breaks makes outcomes. */
	race->witness->mute = false;
	race->stopped = NULL;
	race->wanted = wanted;
	g_array_set_size(race->outcomes, 0);
	begin(race, op);
	schedules_search(&race->all);
	if (race->stopped == NULL)
		race->stopped = race->all.stopped;
	race->witness->mute = mute;
}

guint race_search(struct world_race *race, guint op,
		  void (*outcome)(void *data, guint nth, guint found), void *data)
{
	race->outcome = outcome;
	race->data = data;
	search(race, op, NOT_WANTED);
	return race->outcomes->len;
}

int race_go(struct world_race *race, guint op, guint nth)
{
	race->outcome = NULL;
	search(race, op, nth);
	if (race->outcomes->len == nth + 1 && race->stopped == NULL)
		return race->witness->nr;
	return -1;
}

const GArray *race_follow(struct world_race *race, guint op, guint nth)
{
	const GArray *schedule = g_array_index(race->all.endings, struct ending, nth).schedule;

	begin(race, op);
	for (guint i = 0; i < schedule->len; i++) {
		const struct turn *turn = &g_array_index(schedule, struct turn, i);
		guint steps = turn->steps > 0 ? turn->steps : G_MAXUINT;

		while (steps-- > 0 && schedules_ready(&race->all) >> (turn->task - 1) & 1)
			machine_task_step(race->machine, turn->task);
	}
	finish(race);
	return schedule;
}
