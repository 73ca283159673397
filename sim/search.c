/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All schedules of a race. Two orders of steps that lead to one state are not
 * gone into twice: what follows from a state is kept with it, as the count of
 * schedules for each verdict and what the shortest of them costs. So every
 * schedule is counted, though few are run.
 */
#include <string.h>
#include <xxhash.h>

#include "aggregate.h"
#include "progress.h"
#include "race.h"
#include "schedule.h"

/* A turn costs more than any number of steps: the shortest schedule switches least. */
#define COST_TURN	(1u << 20)

/* Schedules behind a state that end alike. */
struct tally {
	guint verdict;			/* of summary.verdicts */
	guint64 count;
	guint32 cost[MAX_TASKS];	/* of the shortest, if that task goes first */
};

struct node {
	guint64 key[2];
	struct node *child[MAX_TASKS];
	guint nr;
	struct tally tally[];
};

struct search {
	struct racing *g;
	struct race_summary *summary;
	GHashTable *nodes;		/* of struct node, by key */
	GPtrArray *moments;		/* of struct moment, by depth */
	GByteArray *path;		/* tasks that took the steps up to here */
	guint64 nr_keys;
	struct progress *progress;
};

static guint node_hash(gconstpointer node)
{
	return ((const struct node *)node)->key[0];
}

static gboolean node_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(((const struct node *)a)->key, ((const struct node *)b)->key,
		      sizeof(((const struct node *)a)->key)) == 0;
}

/* ---- Verdicts ---- */

static void verdict_clear(struct race_verdict *v)
{
	g_array_unref(v->schedule);
}

GArray *race_verdicts_new(void)
{
	GArray *verdicts = g_array_new(FALSE, TRUE, sizeof(struct race_verdict));

	g_array_set_clear_func(verdicts, (GDestroyNotify)verdict_clear);
	return verdicts;
}

/* The order of steps that led to where the search is. */
static GArray *path_schedule(const GByteArray *path)
{
	GArray *schedule = schedule_new();

	for (guint i = 0; i < path->len; i++)
		schedule_step(schedule, path->data[i] + 1);
	return schedule;
}

static guint find_verdict(struct search *s, guint32 kinds, bool differs)
{
	GArray *verdicts = s->summary->verdicts;
	struct race_verdict new = {
		.causes = run_causes(s->g->r, kinds), .kinds = kinds, .differs = differs,
	};

	for (guint i = 0; i < verdicts->len; i++) {
		struct race_verdict *v = &g_array_index(verdicts, struct race_verdict, i);

		if (v->causes != new.causes || v->differs != differs)
			continue;
		v->kinds |= kinds;
		return i;
	}
	/* Until the search is over and knows the shortest. */
	new.schedule = path_schedule(s->path);
	g_array_append_val(verdicts, new);
	return verdicts->len - 1;
}

/* Nobody can take a step any more: the rest of the scenario tells what came of it. */
static guint end_of_race(struct search *s)
{
	struct run *r = s->g->r;

	run_steps(r, racing_end(s->g));
	machine_end(r->machine);
	return find_verdict(s, run_kinds(r), r->mismatches > 0);
}

/* ---- The search ---- */

static struct node *node_new(const guint64 *key, guint nr)
{
	struct node *node = g_malloc0(sizeof(*node) + nr * sizeof(struct tally));

	memcpy(node->key, key, sizeof(node->key));
	node->nr = nr;
	return node;
}

static struct tally *tally_of(GArray *tallies, guint verdict)
{
	struct tally new = { .verdict = verdict };

	for (guint i = 0; i < tallies->len; i++)
		if (g_array_index(tallies, struct tally, i).verdict == verdict)
			return &g_array_index(tallies, struct tally, i);
	memset(new.cost, 0xff, sizeof(new.cost));
	g_array_append_val(tallies, new);
	return &g_array_index(tallies, struct tally, tallies->len - 1);
}

/* What follows when @task takes a step and @child is where that leads. */
static void merge(GArray *tallies, const struct node *child, guint task, guint nr_tasks)
{
	for (guint i = 0; i < child->nr; i++) {
		const struct tally *from = &child->tally[i];
		struct tally *to = tally_of(tallies, from->verdict);
		guint32 best = G_MAXUINT32;

		for (guint t = 0; t < nr_tasks; t++)
			if (from->cost[t] != G_MAXUINT32)
				best = MIN(best, from->cost[t] + (t == task ? 0 : COST_TURN));
		to->cost[task] = MIN(to->cost[task], best + 1);
		runs_add(&to->count, from->count);
	}
}

static struct moment *moment_at(struct search *s, guint depth)
{
	while (s->moments->len <= depth)
		g_ptr_array_add(s->moments, g_new0(struct moment, 1));
	return s->moments->pdata[depth];
}

/* Where the search is, in a state that it has not seen or whose orders it does not merge. */
struct place {
	guint depth;
	guint last;			/* task that took the last step */
	guint preemptions;		/* so far */
};

static struct node *visit(struct search *s, struct place at);

static struct node *visit_leaf(struct search *s, const guint64 *key)
{
	struct node *node = node_new(key, 1);

	node->tally[0].verdict = end_of_race(s);
	node->tally[0].count = 1;
	return node;
}

static struct node *visit_inner(struct search *s, const guint64 *key, guint ready,
				const struct place *at)
{
	const struct race *race = s->g->race;
	g_autoptr(GArray) tallies = g_array_new(FALSE, TRUE, sizeof(struct tally));
	struct node *child[MAX_TASKS] = { NULL }, *node;
	bool first = true;

	for (guint task = 0; task < race->nr_tasks; task++) {
		bool preempts = at->depth > 0 && task != at->last && ready >> at->last & 1;
		struct place next = { at->depth + 1, task, at->preemptions + preempts };

		if (!(ready >> task & 1) || next.preemptions > race->preemptions)
			continue;
		if (!first)
			moment_restore(s->g, moment_at(s, at->depth));
		first = false;
		racing_step(s->g, task);
		g_byte_array_set_size(s->path, at->depth);
		g_byte_array_append(s->path, &(guint8){ task }, 1);
		child[task] = visit(s, next);
		if (child[task] == NULL)
			return NULL;
		merge(tallies, child[task], task, race->nr_tasks);
	}
	node = node_new(key, tallies->len);
	memcpy(node->tally, tallies->data, tallies->len * sizeof(struct tally));
	memcpy(node->child, child, sizeof(child));
	return node;
}

/*
 * A state, and with a bound on preemptions what the bound has left of them. Where
 * orders are not merged every moment of the race is one of its own.
 */
static void make_key(struct search *s, const struct moment *moment, const struct place *at,
		     bool over, guint64 *key)
{
	const struct race *race = s->g->race;
	XXH128_hash_t hash;

	if (!s->summary->reduced && !over) {
		key[0] = ++s->nr_keys;
		key[1] = 0;
		return;
	}
	hash = XXH3_128bits(moment->machine.mem, moment->machine.used);
	hash = XXH3_128bits_withSeed(moment->run->data, moment->run->len,
				     hash.low64 ^ hash.high64);
	key[0] = hash.low64;
	key[1] = hash.high64;
	if (race->preemptions != NO_BOUND && !over)
		key[1] += 1 + at->last + (guint64)at->preemptions * MAX_TASKS;
}

/* What follows from here; NULL when the search is to stop. */
static struct node *visit(struct search *s, struct place at)
{
	struct moment *moment = moment_at(s, at.depth);
	guint ready = racing_ready(s->g);
	struct { guint64 key[2]; } key;
	struct node *node;

	/* Where there is one way to go and nothing to compare, nobody comes back to it. */
	if ((s->summary->reduced || __builtin_popcount(ready) != 1) &&
	    !moment_save(s->g, moment)) {
		s->summary->stopped = "out of memory";
		return NULL;
	}
	make_key(s, moment, &at, ready == 0, key.key);
	node = g_hash_table_lookup(s->nodes, &key);
	if (node != NULL)
		return node;
	if (g_hash_table_size(s->nodes) >= s->summary->max_states)
		s->summary->stopped = "too many states, see preemptions= and --max-states";
	else if (!progress_step(s->progress, 0))
		s->summary->stopped = "interrupted";
	if (s->summary->stopped != NULL)
		return NULL;
	node = ready == 0 ? visit_leaf(s, key.key) : visit_inner(s, key.key, ready, &at);
	if (node != NULL)
		g_hash_table_add(s->nodes, node);
	return node;
}

/* ---- What it found ---- */

static const struct tally *find_tally(const struct node *node, guint verdict)
{
	for (guint i = 0; i < node->nr; i++)
		if (node->tally[i].verdict == verdict)
			return &node->tally[i];
	return NULL;
}

/* The task that goes first in the shortest schedule behind one step of @last. */
static guint cheapest(const struct tally *tally, guint last, guint nr_tasks)
{
	guint best = 0, best_cost = G_MAXUINT32;

	for (guint t = 0; t < nr_tasks; t++) {
		guint32 cost = tally->cost[t];

		if (cost != G_MAXUINT32 && cost + (t != last ? COST_TURN : 0) < best_cost) {
			best = t;
			best_cost = cost + (t != last ? COST_TURN : 0);
		}
	}
	return best;
}

static bool is_leaf(const struct node *node)
{
	for (guint t = 0; t < MAX_TASKS; t++)
		if (node->child[t] != NULL)
			return false;
	return true;
}

static GArray *shortest_schedule(const struct node *node, guint verdict, guint nr_tasks)
{
	GArray *schedule = schedule_new();
	guint last = MAX_TASKS;

	for (; !is_leaf(node); node = node->child[last]) {
		last = cheapest(find_tally(node, verdict), last, nr_tasks);
		schedule_step(schedule, last + 1);
	}
	/* The last turn goes on until there is nothing left to do. */
	if (schedule->len > 0)
		g_array_index(schedule, struct turn, schedule->len - 1).steps = 0;
	return schedule;
}

static gint by_causes(gconstpointer a, gconstpointer b)
{
	const struct race_verdict *v = a, *w = b;

	if (v->causes != w->causes)
		return v->causes < w->causes ? -1 : 1;
	return v->differs - w->differs;
}

/* What to look at first: a result that nobody expected, then what broke. */
static guint badness(const struct race_verdict *v)
{
	return 2 * v->differs + (v->causes != 0);
}

/* The schedule to look at: one that goes wrong, with as few switches as can be. */
static const struct race_verdict *worst(const struct race_summary *summary)
{
	const struct race_verdict *worst = &g_array_index(summary->verdicts,
							  struct race_verdict, 0);

	for (guint i = 1; i < summary->verdicts->len; i++) {
		const struct race_verdict *v = &g_array_index(summary->verdicts,
							      struct race_verdict, i);

		if (badness(v) > badness(worst) ||
		    (badness(v) == badness(worst) && v->schedule->len < worst->schedule->len))
			worst = v;
	}
	return worst;
}

static void take_stock(struct search *s, const struct node *root)
{
	struct race_summary *summary = s->summary;

	for (guint i = 0; i < summary->verdicts->len; i++) {
		struct race_verdict *v = &g_array_index(summary->verdicts, struct race_verdict, i);

		if (root == NULL)
			continue;
		g_array_unref(v->schedule);
		v->schedule = shortest_schedule(root, i, s->g->race->nr_tasks);
		v->count = find_tally(root, i)->count;
	}
	g_array_sort(summary->verdicts, by_causes);
	if (summary->verdicts->len > 0)
		summary->shown = g_array_ref(worst(summary)->schedule);
	else
		summary->shown = schedule_new();
}

static void free_moment(gpointer data)
{
	moment_clear(data);
	g_free(data);
}

void search_race(struct racing *g, struct race_summary *summary)
{
	struct search s = {
		.g = g, .summary = summary,
		.nodes = g_hash_table_new_full(node_hash, node_equal, g_free, NULL),
		.moments = g_ptr_array_new_with_free_func(free_moment),
		.path = g_byte_array_new(),
		.progress = progress_new("states of the race"),
	};

	take_stock(&s, visit(&s, (struct place){ 0 }));
	moment_restore(g, moment_at(&s, 0));
	progress_free(s.progress);
	g_hash_table_unref(s.nodes);
	g_ptr_array_unref(s.moments);
	g_byte_array_unref(s.path);
}
