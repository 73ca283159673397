/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All schedules of a race. Orders of steps that lead to one state are explored
 * once: what follows from a state is kept with it, as the count of
 * schedules for each ending and what the shortest of them costs. So every
 * schedule is counted, though few are run.
 */
#include <string.h>
#include <xxhash.h>

#include "run/aggregate.h"
#include "scn/schedule.h"
#include "run/interleave.h"

/* A turn costs more than any number of steps: the shortest schedule switches least. */
#define COST_TURN	(1u << 20)

/* Schedules after a state that end alike. */
struct tally {
	guint ending;			/* its number */
	guint64 count;
	guint32 cost[MAX_TASKS];	/* of the shortest, if that task goes first */
};

struct node {
	guint64 key[2];
	struct node *child[MAX_TASKS];
	guint nr;
	struct tally tally[];
};

struct schedule_search {
	struct schedules *all;
	GHashTable *nodes;		/* of struct node, by key */
	GByteArray *path;		/* tasks that took the steps up to here */
	guint64 nr_keys;
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

/* ---- Moments ---- */

bool moment_save(const struct schedules *s, struct moment *moment)
{
	if (moment->rest == NULL)
		moment->rest = g_byte_array_new();
	g_byte_array_set_size(moment->rest, 0);
	s->save(s->data, moment->rest);
	return machine_save(s->machine, &moment->machine) == 0;
}

void moment_restore(const struct schedules *s, const struct moment *moment)
{
	s->restore(s->data, moment->rest);
	machine_restore(s->machine, &moment->machine);
}

void moment_clear(struct moment *moment)
{
	if (moment->rest != NULL)
		g_byte_array_unref(moment->rest);
	machine_snapshot_free(&moment->machine);
}

static void moment_free(gpointer moment)
{
	moment_clear(moment);
	g_free(moment);
}

static struct moment *moment_at(struct schedule_search *s, guint depth)
{
	GPtrArray *moments = s->all->moments;

	while (moments->len <= depth)
		g_ptr_array_add(moments, g_new0(struct moment, 1));
	return moments->pdata[depth];
}

/* ---- The search ---- */

guint schedules_ready(const struct schedules *s)
{
	guint ready = 0;

	for (guint i = 0; i < s->nr_tasks; i++)
		if (machine_task_state(s->machine, i + 1) == TASK_READY)
			ready |= 1u << i;
	return ready;
}

static struct node *node_new(const guint64 *key, guint nr)
{
	struct node *node = g_malloc0(sizeof(*node) + nr * sizeof(struct tally));

	memcpy(node->key, key, sizeof(node->key));
	node->nr = nr;
	return node;
}

static struct tally *tally_of(GArray *tallies, guint ending)
{
	struct tally new = { .ending = ending };

	for (guint i = 0; i < tallies->len; i++)
		if (g_array_index(tallies, struct tally, i).ending == ending)
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
		struct tally *to = tally_of(tallies, from->ending);
		guint32 best = G_MAXUINT32;

		for (guint t = 0; t < nr_tasks; t++)
			if (from->cost[t] != G_MAXUINT32)
				best = MIN(best, from->cost[t] + (t == task ? 0 : COST_TURN));
		to->cost[task] = MIN(to->cost[task], best + 1);
		runs_add(&to->count, from->count);
	}
}

/* Where the search is, in a state that it has not seen or whose orders it does not merge. */
struct choice_point {
	guint depth;
	guint last;			/* task that took the last step */
	guint preemptions;		/* so far */
};

static struct node *visit(struct schedule_search *s, struct choice_point at);

/* The order of steps that led to where the search is. */
static GArray *path_schedule(const GByteArray *path)
{
	GArray *schedule = schedule_new();

	for (guint i = 0; i < path->len; i++)
		schedule_step(schedule, path->data[i] + 1);
	return schedule;
}

static struct node *visit_leaf(struct schedule_search *s, const guint64 *key)
{
	struct schedules *all = s->all;
	guint ending = all->end(all->data);
	struct ending new = { 0 };
	struct node *node;

	if (ending == NO_ENDING)
		return NULL;
	all->tried++;
	/* Until the search is over and knows the shortest. */
	if (ending == all->endings->len) {
		new.schedule = path_schedule(s->path);
		g_array_append_val(all->endings, new);
	}
	node = node_new(key, 1);
	node->tally[0].ending = ending;
	node->tally[0].count = 1;
	return node;
}

static struct node *visit_inner(struct schedule_search *s, const guint64 *key, guint ready,
				const struct choice_point *at)
{
	const struct schedules *all = s->all;
	g_autoptr(GArray) tallies = g_array_new(FALSE, TRUE, sizeof(struct tally));
	struct node *child[MAX_TASKS] = { NULL }, *node;
	bool first = true;

	for (guint task = 0; task < all->nr_tasks; task++) {
		bool preempts = at->depth > 0 && task != at->last && ready >> at->last & 1;
		struct choice_point next = { at->depth + 1, task, at->preemptions + preempts };

		if (!(ready >> task & 1) || next.preemptions > all->preemptions)
			continue;
		if (!first)
			moment_restore(all, moment_at(s, at->depth));
		first = false;
		all->step(all->data, task);
		g_byte_array_set_size(s->path, at->depth);
		g_byte_array_append(s->path, &(guint8){ task }, 1);
		child[task] = visit(s, next);
		if (child[task] == NULL)
			return NULL;
		merge(tallies, child[task], task, all->nr_tasks);
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
static void make_key(struct schedule_search *s, const struct moment *moment,
		     const struct choice_point *at,
		     bool over, guint64 *key)
{
	const struct schedules *all = s->all;
	XXH128_hash_t hash;

	if (!all->reduced && !over) {
		key[0] = ++s->nr_keys;
		key[1] = 0;
		return;
	}
	hash = XXH3_128bits(moment->machine.mem, moment->machine.used);
	hash = XXH3_128bits_withSeed(moment->rest->data, moment->rest->len,
				     hash.low64 ^ hash.high64);
	key[0] = hash.low64;
	key[1] = hash.high64;
	if (all->preemptions != NO_BOUND && !over)
		key[1] += 1 + at->last + (guint64)at->preemptions * MAX_TASKS;
}

/* Why the search is to stop here, or NULL. */
static const char *to_stop(const struct schedule_search *s)
{
	if (g_hash_table_size(s->nodes) >= s->all->max_states)
		return "too many states, see preemptions= and --max-states";
	if (s->all->progress != NULL && !progress_step(s->all->progress, 0))
		return "interrupted";
	if (s->all->deadline != 0 && g_get_monotonic_time() > s->all->deadline)
		return TIME_LIMIT;
	return NULL;
}

/* What follows from here; NULL when the search is to stop. */
static struct node *visit(struct schedule_search *s, struct choice_point at)
{
	struct schedules *all = s->all;
	struct moment *moment = moment_at(s, at.depth);
	guint ready = schedules_ready(all);
	/* Where there is one way to go and nothing to compare, nobody comes back to it. */
	bool keep = all->reduced || at.depth == 0 || __builtin_popcount(ready) != 1;
	struct { guint64 key[2]; } key;
	struct node *node;

	if (keep && !moment_save(all, moment)) {
		all->stopped = "out of memory";
		return NULL;
	}
	make_key(s, moment, &at, ready == 0, key.key);
	node = g_hash_table_lookup(s->nodes, &key);
	if (node != NULL)
		return node;
	all->stopped = to_stop(s);
	if (all->stopped != NULL)
		return NULL;
	node = ready == 0 ? visit_leaf(s, key.key) : visit_inner(s, key.key, ready, &at);
	if (node != NULL)
		g_hash_table_add(s->nodes, node);
	return node;
}

/* ---- What it found ---- */

static const struct tally *find_tally(const struct node *node, guint ending)
{
	for (guint i = 0; i < node->nr; i++)
		if (node->tally[i].ending == ending)
			return &node->tally[i];
	return NULL;
}

/* The task that goes first in the shortest schedule after one step of @last. */
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

static GArray *shortest_schedule(const struct node *node, guint ending, guint nr_tasks)
{
	GArray *schedule = schedule_new();
	guint last = MAX_TASKS;

	for (; !is_leaf(node); node = node->child[last]) {
		last = cheapest(find_tally(node, ending), last, nr_tasks);
		schedule_step(schedule, last + 1);
	}
	/* The last turn goes on until there is nothing left to do. */
	if (schedule->len > 0)
		g_array_index(schedule, struct turn, schedule->len - 1).steps = 0;
	return schedule;
}

static void ending_clear(struct ending *ending)
{
	g_array_unref(ending->schedule);
}

static void take_stock(struct schedules *all, const struct node *root)
{
	for (guint i = 0; i < all->endings->len; i++) {
		struct ending *ending = &g_array_index(all->endings, struct ending, i);

		g_array_unref(ending->schedule);
		ending->schedule = shortest_schedule(root, i, all->nr_tasks);
		ending->count = find_tally(root, i)->count;
	}
}

void schedules_init(struct schedules *s)
{
	s->endings = g_array_new(FALSE, TRUE, sizeof(struct ending));
	g_array_set_clear_func(s->endings, (GDestroyNotify)ending_clear);
	s->moments = g_ptr_array_new_with_free_func(moment_free);
}

void schedules_clear(struct schedules *s)
{
	g_array_unref(s->endings);
	g_ptr_array_unref(s->moments);
}

void schedules_search(struct schedules *all)
{
	struct schedule_search s = {
		.all = all,
		.nodes = g_hash_table_new_full(node_hash, node_equal, g_free, NULL),
		.path = g_byte_array_new(),
	};
	const struct node *root;

	g_array_set_size(all->endings, 0);
	all->tried = 0;
	all->stopped = NULL;
	root = visit(&s, (struct choice_point){ 0 });
	if (root != NULL)
		take_stock(all, root);
	if (root != NULL || all->stopped != NULL)
		moment_restore(all, moment_at(&s, 0));
	g_hash_table_unref(s.nodes);
	g_byte_array_unref(s.path);
}
