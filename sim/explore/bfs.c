/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exhaustive search, breadth first. A state is a number, a fingerprint and how it was
 * come to; its machine is made again by doing that. Consecutive states of a level have
 * most of their way in common: a worker keeps snapshots of the way to the state that it
 * is at, and goes back only as far as the way to the next one leads elsewhere.
 */
#include <string.h>
#include <time.h>

#include "explore/audit.h"
#include "explore/bfs.h"
#include "explore/estimate.h"
#include "explore/graph.h"
#include "explore/independent.h"
#include "explore/states.h"
#include "explore/pairs.h"
#include "explore/ranks.h"
#include "explore/twin.h"

#define MAX_NTH		200	/* allocations of one operation */
#define PATIENCE	5	/* seconds, before it is estimated how many there will be */
#define MOST_PATIENCE	60	/* that this may take */
#define CHUNK		32	/* states that a worker takes at once */

/* One state on the way. */
struct spot {
	guint32 number;
	struct machine_snapshot snapshot;
	struct place place;
	struct behind behind;
	struct twin_spot twin;
};

/* A state of a level, by its place in the level that a search by one thread would have. */
struct ranked {
	guint64 key;
	guint32 number;
};

struct search {
	const struct world *world;
	const struct explore_options *options;
	struct states *states;
	guint depth;			/* of the states that are worked on */
	guint32 first, end;		/* numbers of those */
	GArray *order;			/* of struct ranked; with one thread numbers are in order */
	guint32 *rank;			/* of each number in that order */
	guint32 next;			/* place of the next chunk */
	guint64 holes;			/* numbers that stand for no state */
	GRWLock growing;
	GMutex lock;			/* of what follows */
	struct reduction *reduction;	/* or NULL */
	struct ranks *ranks;		/* of several processes: then @states are nodes. Or NULL */
	struct ranks_level level;	/* of these, of which @first, @end and @rank are parts */
	guint64 fullest, all;		/* transitions: of the fullest rank of each level, of all */
	struct estimate *estimate;	/* only how large it is; of one thread. Or NULL */
	struct audit *audit;		/* or NULL; of one thread */
	guint64 met;			/* states that were met again, operations left out */
	struct audit_difference *difference;	/* of two that were taken for one, or NULL */
	GHashTable *findings;		/* by id */
	struct worker *workers;
	void (*found)(void *data, const struct finding *f);
	void *data;
	guint64 transitions;
	gint64 deadline;
	gint64 due;			/* when the next checkpoint is; 0: there is none */
	GError *error;			/* why it could not be written */
	bool resumed;			/* the level is there already */
	bool expects;			/* how many there will be is estimated */
	bool closed;			/* all was closed in each of its states */
	const char *stopped;		/* why; atomic, see stop() */
};

struct worker {
	struct search *search;
	struct machine *machine;
	struct machine_walk *walk;
	struct witness witness;
	struct world_race race;
	struct place place;		/* of the machine as it is */
	struct spot way[MAX_SEARCH_DEPTH + 1];
	guint at;			/* way[] is valid up to here */
	bool there;			/* the machine is at way[at] */
	guint32 spare;
	guint64 transitions;
	guint64 frames[MAX_INODES];	/* of the memfds */
	bool booted;			/* what was tried last led to the next kernel */
	enum after after;		/* its result, ... */
	gint64 ret;			/* ... and returned */
};

/* ---- Stopping ---- */

/* For all threads, which look without the lock; of several reasons the first. */
static void stop(struct search *s, const char *why)
{
	g_atomic_pointer_compare_and_exchange(&s->stopped, NULL, why);
}

static const char *why_stopped(struct search *s)
{
	return g_atomic_pointer_get(&s->stopped);
}

/* ---- Where a worker is ---- */

/* False without memory: the machine is not at a place to go on from. */
static bool save(struct worker *w, guint depth, guint32 number)
{
	struct spot *spot = &w->way[depth];

	if (machine_save(w->machine, &spot->snapshot) != 0 ||
	    (w->witness.twin != NULL && !twin_save(w->witness.twin, &spot->twin)))
		return false;
	if (w->search->reduction != NULL)
		reduction_look(w->search->reduction, w->machine, &w->place, &spot->behind);
	spot->place = w->place;
	spot->number = number;
	w->at = depth;
	w->there = true;
	return true;
}

static void restore(struct worker *w, guint depth)
{
	if (w->there && w->at == depth)
		return;
	machine_restore(w->machine, &w->way[depth].snapshot);
	if (w->witness.twin != NULL)
		twin_restore(w->witness.twin, &w->way[depth].twin);
	w->place = w->way[depth].place;
	w->at = depth;
	w->there = true;
}

static void run(struct worker *w, guint op, guint nth, struct done *done)
{
	w->there = false;
	witness_run(&w->witness, w->machine, &w->place, op, nth, done);
}

/* Do what led to a state again, with what it broke; false without memory. */
static bool do_again(struct worker *w, const struct origin *origin)
{
	struct done done;

	w->there = false;
	if (world_pair(w->search->world, origin->op) == NULL)
		run(w, origin->op, origin->nth, &done);
	else if (race_go(&w->race, origin->op, origin->nth) < 0)
		return false;
	return true;
}

static bool redo(struct worker *w, const struct origin *origin)
{
	if (!do_again(w, origin))
		return false;
	witness_forget(&w->witness, w->machine);
	return true;
}

/* Go to state @number, which is @depth operations away from the first. */
static bool go_to(struct worker *w, guint32 number, guint depth)
{
	guint32 numbers[MAX_SEARCH_DEPTH + 1];
	guint from = depth;
	bool ok = true;

	for (guint32 n = number;; n = states_origin(w->search->states, n)->parent) {
		numbers[from] = n;
		if (from == 0 || (from <= w->at && w->way[from].number == n))
			break;
		from--;
	}
	if (from < depth)
		restore(w, from);
	w->witness.mute = true;
	for (guint d = from + 1; d <= depth && ok; d++)
		ok = redo(w, states_origin(w->search->states, numbers[d])) &&
		     save(w, d, numbers[d]);
	w->witness.mute = false;
	return ok;
}

/* ---- Findings ---- */

static GArray *path_to(struct search *s, const struct worker *w, const struct origin *last)
{
	GArray *path = g_array_new(FALSE, TRUE, sizeof(struct path_step));
	struct path_step step;

	for (guint d = 1; d <= w->at; d++) {
		const struct origin *o = states_origin(s->states, w->way[d].number);

		step = (struct path_step){ .op = o->op, .nth = o->nth };
		g_array_append_val(path, step);
	}
	if (last != NULL) {
		step = (struct path_step){ .op = last->op, .nth = last->nth };
		g_array_append_val(path, step);
	}
	return path;
}

/* @rank says which of two findings of one length a search by one thread meets first. */
static void note(struct worker *w, const struct note *n, const struct origin *last, bool at_end,
		 bool again, guint64 rank)
{
	struct search *s = w->search;
	struct finding *f;
	guint length = w->at + (last != NULL);

	g_mutex_lock(&s->lock);
	f = g_hash_table_lookup(s->findings, &n->id);
	if (f == NULL || length < f->path->len || (length == f->path->len && rank < f->rank)) {
		struct finding *better = finding_new(n, path_to(s, w, last), at_end, rank);

		better->count = f != NULL ? f->count : 0;
		better->told = f != NULL ? f->told : n->plain == 0;
		if (f == NULL && better->told && s->found != NULL)
			s->found(s->data, better);
		g_hash_table_replace(s->findings, &better->id, better);
		f = better;
	}
	f->count += !again;
	if (s->options->only_first)
		stop(s, "the first finding");
	g_mutex_unlock(&s->lock);
}

/* ---- Operations ---- */

static guint64 rank_of(const struct search *s, guint32 number)
{
	return s->rank != NULL ? s->rank[number - s->first] : number - s->first;
}

/* Which of two ways to one state a search by one thread would have come first. */
static guint64 key_of(const struct search *s, const struct origin *o)
{
	return rank_of(s, o->parent) << 32 | (guint64)o->op << 16 | o->nth;
}

/* Another thread reached the state first; true if its path counts less than ours. */
static bool improve(struct search *s, guint32 number, const struct origin *origin)
{
	guint64 *word = (guint64 *)states_origin(s->states, number), old, new;
	struct origin was;

	G_STATIC_ASSERT(sizeof(*origin) == sizeof(new));
	memcpy(&new, origin, sizeof(new));
	old = __atomic_load_n(word, __ATOMIC_RELAXED);
	do {
		memcpy(&was, &old, sizeof(was));
		if (key_of(s, &was) <= key_of(s, origin))
			return false;
	} while (!__atomic_compare_exchange_n(word, &old, new, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

/* Close everything in the new state and note leaks; again, if its path was replaced. */
static void end(struct worker *w, const struct origin *last, bool again, guint64 rank)
{
	w->there = false;
	witness_end(&w->witness, w->machine, &w->place);
	for (guint i = 0; i < w->witness.nr; i++)
		note(w, &w->witness.notes[i], last, true, again, rank);
	for (guint i = 0; w->search->options->graph != NULL && i < w->witness.nr; i++)
		graph_broken(w->search->options->graph, last,
			     finding_kind(w->witness.notes[i].kind), true);
}

/* The path to a state as it was stored. */
static GArray *stored_path(struct search *s, guint32 number)
{
	GArray *path = g_array_new(FALSE, TRUE, sizeof(struct path_step));

	for (guint32 n = number; n != 0; n = states_origin(s->states, n)->parent) {
		const struct origin *o = states_origin(s->states, n);
		const struct path_step step = { .op = o->op, .nth = o->nth };

		g_array_prepend_val(path, step);
	}
	return path;
}

/* Now and then: is the state that was met again the one that was stored? */
static void audit(struct worker *w, guint32 number, const struct origin *origin)
{
	struct search *s = w->search;
	g_autoptr(GArray) stored = NULL, path = NULL;

	if (s->audit == NULL || s->difference != NULL || s->met++ % s->options->audit != 0)
		return;
	stored = stored_path(s, number);
	path = path_to(s, w, origin);
	s->difference = audit_compare(s->audit, stored, path);
	if (s->difference != NULL)
		stop(s, "audit");
}

/* Are only some states of each level expanded, to estimate how many there are? */
static bool samples(const struct search *s)
{
	return s->estimate != NULL && estimate_samples(s->estimate);
}

/* The state after an operation, which may be new. */
static void arrive(struct worker *w, const struct origin *origin, guint64 rank)
{
	struct search *s = w->search;
	guint32 number;
	guint64 f[2];
	enum seen seen;

	if (s->options->through)
		witness_forget(&w->witness, w->machine);
	world_fingerprint(s->world, w->machine, w->walk, &w->place, w->frames,
			  s->options->symmetry || s->options->folds, f);
	w->after = AFTER_CLEAN;
	if (s->ranks != NULL) {
		if (states_equal(s->states, origin->parent, f))
			w->after = AFTER_REFUSED;
		else
			ranks_ask(s->ranks, f, rank);
		return;
	}
	seen = states_insert(s->states, f, origin, &number, &w->spare);
	if (samples(s) && seen != STATE_NO_ROOM)
		estimate_step(s->estimate, number, origin);
	switch (seen) {
	case STATE_NEW:
		if (s->options->graph != NULL) {
			graph_state(s->options->graph, number, w->machine);
			graph_step(s->options->graph, origin, number);
		}
		end(w, origin, false, rank);
		break;
	case STATE_NO_ROOM:
		stop(s, "memory");
		break;
	default:
		if (number == origin->parent)
			w->after = AFTER_REFUSED;
		if (s->options->graph != NULL)
			graph_step(s->options->graph, origin, number);
		audit(w, number, origin);
		if (s->options->jobs > 1 && number >= s->end && improve(s, number, origin))
			end(w, origin, true, rank);
	}
}

/* An operation, or a race, was done, of which @found notes are with the witness. */
static void take(struct worker *w, const struct origin *origin, guint found, bool refused)
{
	guint64 rank = key_of(w->search, origin);

	w->transitions++;
	for (guint i = 0; i < found; i++)
		note(w, &w->witness.notes[i], origin, false, false, rank);
	for (guint i = 0; w->search->options->graph != NULL && i < found; i++)
		graph_broken(w->search->options->graph, origin,
			     finding_kind(w->witness.notes[i].kind), false);
	/* Machines that differ have no way in common any more. */
	if ((found == 0 || (w->witness.twin == NULL &&
			    (refused || w->search->options->through))) &&
	    !machine_panicked(w->machine))
		arrive(w, origin, rank);
}

/* Has an operation left no trace? */
static bool is_there(const struct worker *w)
{
	const struct spot *spot = &w->way[w->at];

	return machine_is_at(w->machine, &spot->snapshot) &&
	       (w->witness.twin == NULL || twin_is_at(w->witness.twin, &spot->twin));
}

/* Returns whether an allocation failed, of those asked for. */
static bool try_one(struct worker *w, guint op, guint nth)
{
	struct search *s = w->search;
	const struct origin origin = { .parent = w->way[w->at].number, .op = op, .nth = nth };
	struct done done;
	guint found;

	w->after = AFTER_UNKNOWN;
	restore(w, w->at);
	run(w, op, nth, &done);
	/* The reduced machine has no session that cannot be opened. */
	if ((nth > 0 && !witness_hit(&w->witness, &done)) ||
	    (s->world->reduced && done.opened && done.ret < 0))
		return false;
	w->booted = done.booted;
	w->ret = done.ret;
	found = witness_close(&w->witness, &w->place, op, &done);
	/* What was refused without a trace need not be undone, nor looked up. */
	if (found == 0 && nth == 0 && done.ret < 0 && is_there(w)) {
		w->transitions++;
		w->there = true;
		w->after = AFTER_REFUSED;
		return false;
	}
	take(w, &origin, found, done.refused);
	/* What worked may have led to a state in which objects have changed places. */
	if (w->after == AFTER_REFUSED && done.ret >= 0)
		w->after = AFTER_CLEAN;
	return done.hit;
}

/* A race under way, and which. */
struct raced {
	struct worker *w;
	guint op;
};

static void try_outcome(void *data, guint nth, guint found)
{
	const struct raced *raced = data;
	const struct origin origin = {
		.parent = raced->w->way[raced->w->at].number, .op = raced->op, .nth = nth,
	};

	take(raced->w, &origin, found, false);
}

/* What follows is not explored: it is not known which outcomes of two machines are equal. */
static void try_twin_race(struct worker *w, guint op)
{
	struct origin origin = { .parent = w->way[w->at].number, .op = op };
	struct note difference;
	const char *stopped;
	bool differs;
	guint nth;

	stopped = twin_raced(w->witness.twin, op, &difference, &nth, &differs);
	if (stopped != NULL)
		stop(w->search, stopped);
	w->transitions++;
	origin.nth = nth;
	if (differs)
		note(w, &difference, &origin, false, false, key_of(w->search, &origin));
}

static void try_race(struct worker *w, guint op)
{
	struct raced raced = { .w = w, .op = op };

	restore(w, w->at);
	w->there = false;
	if (w->witness.twin != NULL) {
		try_twin_race(w, op);
		return;
	}
	race_search(&w->race, op, try_outcome, &raced);
	if (w->race.stopped != NULL)
		stop(w->search, w->race.stopped);
}

/* In the order of their numbers, as key_of() has it. */
static void try_variants(struct worker *w, guint op)
{
	struct search *s = w->search;
	const struct world *world = s->world;
	const struct place *place = &w->way[w->at].place;
	enum after after;
	gint64 ret;
	bool booted;

	try_one(w, op, 0);
	booted = w->booted;
	after = w->after;
	ret = w->ret;
	for (guint nth = 1; place->faults < world->faults && nth < MAX_NTH; nth++) {
		if (!try_one(w, op, nth))
			break;
		after = AFTER_UNKNOWN;
	}
	if (s->reduction != NULL)
		reduction_set(s->reduction, w->way[w->at].number, op, after, ret);
	for (guint i = 0; booted && place->damages < world->damage && i < world->damages->len; i++)
		try_one(w, op, FIRST_DAMAGE + i);
}

/* What follows of the operation that led here, for those that it has nothing to do with. */
static void look_back(struct worker *w)
{
	struct search *s = w->search;
	const struct spot *here = &w->way[w->at], *from = w->at > 0 ? here - 1 : NULL;

	if (s->reduction != NULL)
		reduction_known(s->reduction, here->number, states_origin(s->states, here->number),
				from != NULL ? &from->place : NULL,
				from != NULL ? &from->behind : NULL);
}

/* Now and then: does it make no difference when the operation that led here is done? */
static void audit_left_out(struct worker *w, guint op, enum after after)
{
	struct search *s = w->search;
	const struct origin *origin = states_origin(s->states, w->way[w->at].number);
	g_autoptr(GArray) path = NULL;

	if (s->audit == NULL || s->difference != NULL || s->met++ % s->options->audit != 0)
		return;
	path = stored_path(s, origin->parent);
	s->difference = audit_orders(s->audit, path, origin->op, op, after != AFTER_CLEAN);
	if (s->difference != NULL)
		stop(s, "audit");
}

/* Need the operation not be done, as that which led here has nothing to do with it? */
static bool is_known(struct worker *w, guint op)
{
	struct search *s = w->search;

	enum after after;

	if (s->reduction == NULL)
		return false;
	after = reduction_after(s->reduction, w->way[w->at].number, op);
	if (after != AFTER_UNKNOWN)
		audit_left_out(w, op, after);
	return after != AFTER_UNKNOWN;
}

/* An operation that a search leaves out: a sample needs all that leads to a state. */
static void try_left_out(struct worker *w, guint op)
{
	guint64 transitions = w->transitions;

	try_one(w, op, 0);
	w->transitions = transitions;
}

static void expand(struct worker *w)
{
	const struct world *world = w->search->world;
	const struct explore_options *o = w->search->options;
	const struct spot *spot = &w->way[w->at];
	bool prune = o->prune && o->symmetry;

	look_back(w);
	for (guint op = 0; op < world->ops->len; op++) {
		if (why_stopped(w->search) != NULL)
			return;
		if (!world_enabled(world, &spot->place, op) ||
		    (prune && world_redundant(world, &spot->place, op)))
			continue;
		if (!is_known(w, op))
			try_variants(w, op);
		else if (samples(w->search))
			try_left_out(w, op);
	}
	for (guint i = 0; i < world->pairs->len && why_stopped(w->search) == NULL; i++) {
		guint op = world->ops->len + i;

		if (world_enabled(world, &spot->place, op) &&
		    !(prune && world_redundant(world, &spot->place, op)))
			try_race(w, op);
	}
}

/* ---- Checkpoints ---- */

/* What workers have counted is counted. */
static void collect(struct search *s)
{
	for (guint i = 0; i < s->options->jobs; i++) {
		s->transitions += s->workers[i].transitions;
		s->workers[i].transitions = 0;
	}
}

/* Places in the level are those of the states in @s->order. */
static void list_ranks(struct search *s)
{
	g_free(s->rank);
	s->rank = g_new(guint32, s->end - s->first);
	for (guint32 i = 0; i < s->order->len; i++)
		s->rank[g_array_index(s->order, struct ranked, i).number - s->first] = i;
}

/* Where in the levels it is. */
static void move_place(struct search *s, struct checkpoint *c)
{
	bool ordered = s->order != NULL;

	checkpoint_move(c, &s->depth, sizeof(s->depth));
	checkpoint_move(c, &s->first, sizeof(s->first));
	checkpoint_move(c, &s->end, sizeof(s->end));
	checkpoint_move(c, &s->next, sizeof(s->next));
	checkpoint_move(c, &s->holes, sizeof(s->holes));
	checkpoint_move(c, &s->transitions, sizeof(s->transitions));
	checkpoint_move(c, &ordered, sizeof(ordered));
	if (ordered && s->order == NULL)
		s->order = g_array_new(FALSE, FALSE, sizeof(struct ranked));
	if (ordered)
		checkpoint_move_array(c, s->order);
}

/* A search between two chunks; false without memory. */
static bool move_search(struct search *s, struct checkpoint *c)
{
	move_place(s, c);
	if (s->order != NULL && checkpoint_is_loading(c))
		list_ranks(s);
	findings_move(s->findings, c);
	if (s->reduction != NULL)
		reduction_move(s->reduction, c);
	return states_move(s->states, c);
}

/* No worker is within a chunk. */
static void write_checkpoint(struct search *s)
{
	const struct explore_options *o = s->options;
	struct checkpoint *c;

	g_mutex_lock(&s->lock);
	collect(s);
	c = checkpoint_save(o->checkpoint, o->what, &s->error);
	if (c != NULL) {
		move_search(s, c);
		checkpoint_end(c, &s->error);
	}
	g_mutex_unlock(&s->lock);
	s->due = g_get_monotonic_time() + o->every;
	if (s->error != NULL)
		stop(s, "a checkpoint that cannot be written");
}

/* @why: the search is to end, or NULL. */
static void keep(struct search *s, const char *why)
{
	if (s->options->checkpoint == NULL || s->ranks != NULL ||
	    (why == NULL && g_get_monotonic_time() < __atomic_load_n(&s->due, __ATOMIC_RELAXED)))
		return;
	g_rw_lock_writer_lock(&s->growing);
	if (why_stopped(s) == NULL && (why != NULL || g_get_monotonic_time() >= s->due))
		write_checkpoint(s);
	g_rw_lock_writer_unlock(&s->growing);
}

/* As a file has it that another process has written. */
static bool resume(struct search *s, GError **error)
{
	struct checkpoint *c = checkpoint_load(s->options->resume, s->options->what, error);
	bool ok;

	if (c == NULL)
		return false;
	ok = move_search(s, c);
	s->resumed = true;
	checkpoint_end(c, NULL);
	if (!ok)
		g_set_error(error, SCN_ERROR, 0, "%s: has more states than fit, expected more "
			    "--memory", s->options->resume);
	return ok;
}

/* ---- Levels ---- */

static bool out_of_time(struct worker *w)
{
	struct search *s = w->search;
	guint32 next = __atomic_load_n(&s->next, __ATOMIC_RELAXED);
	const char *why = NULL;

	g_mutex_lock(&s->lock);
	s->transitions += w->transitions;
	w->transitions = 0;
	if (why_stopped(s) == NULL &&
	    !progress_at(s->options->progress, MIN(s->first + next, s->end),
			 states_nr(s->states)))
		why = "interrupt";
	else if (s->deadline != 0 && g_get_monotonic_time() > s->deadline)
		why = "time";
	g_mutex_unlock(&s->lock);
	keep(s, why);
	if (why != NULL)
		stop(s, why);
	return why_stopped(s) != NULL;
}

static void make_room(struct search *s)
{
	if (!states_crowded(s->states))
		return;
	g_rw_lock_writer_lock(&s->growing);
	if (states_crowded(s->states) && !states_grow(s->states))
		stop(s, "memory");
	g_rw_lock_writer_unlock(&s->growing);
}

static gpointer work(gpointer data)
{
	struct worker *w = data;
	struct search *s = w->search;
	guint32 nr = s->order != NULL ? s->order->len : s->end - s->first;
	/* A race takes as long as a thousand operations. */
	guint32 chunk = s->world->tasks > 1 ? 1 : CHUNK;

	for (guint32 from = 0; from < nr && !out_of_time(w); ) {
		make_room(s);
		g_rw_lock_reader_lock(&s->growing);
		from = __atomic_fetch_add(&s->next, chunk, __ATOMIC_RELAXED);
		for (guint32 i = from; i < MIN(from + chunk, nr) && why_stopped(s) == NULL; i++) {
			guint32 number = s->order != NULL ?
				g_array_index(s->order, struct ranked, i).number : s->first + i;

			if (go_to(w, number, s->depth))
				expand(w);
			else
				stop(s, "memory");
		}
		g_rw_lock_reader_unlock(&s->growing);
	}
	return NULL;
}

static void run_level(struct search *s, struct worker *workers)
{
	GThread *threads[MAX_JOBS];
	guint jobs = s->options->jobs;

	for (guint i = 1; i < jobs; i++)
		threads[i] = g_thread_new("explore", work, &workers[i]);
	work(&workers[0]);
	for (guint i = 1; i < jobs; i++)
		g_thread_join(threads[i]);
}

static bool worker_start(struct worker *w, struct search *s)
{
	w->search = s;
	w->witness.world = s->world;
	w->witness.mute = true;
	w->walk = machine_walk_new();
	w->machine = world_new_machine(s->world, &w->place, witness_event, &w->witness);
	if (!race_init(&w->race, s->world, w->machine, &w->place, &w->witness) ||
	    w->walk == NULL || w->machine == NULL ||
	    (s->world->beside != NULL && !twin_new(&w->witness, w->machine, &w->place)))
		return false;
	machine_forget_violations(w->machine);
	w->witness.mute = false;
	world_frames(s->world, w->machine, &w->place, w->frames);
	return save(w, 0, 0);
}

static void worker_stop(struct worker *w)
{
	for (guint i = 0; i <= MAX_SEARCH_DEPTH; i++) {
		machine_snapshot_free(&w->way[i].snapshot);
		machine_snapshot_free(&w->way[i].twin.snapshot);
	}
	twin_free(w->witness.twin);
	race_clear(&w->race);
	machine_walk_free(w->walk);
	machine_free(w->machine);
}

static gint compare_ranked(gconstpointer a, gconstpointer b)
{
	guint64 x = ((const struct ranked *)a)->key, y = ((const struct ranked *)b)->key;

	return x < y ? -1 : x > y;
}

/* The level that begins at number @first, which is that after s->end, in order. */
static void sort_level(struct search *s, guint32 first, guint32 end)
{
	GArray *order = g_array_new(FALSE, FALSE, sizeof(struct ranked));

	for (guint32 n = first; n < end; n++) {
		struct ranked r = { .number = n };

		if (!states_is(s->states, n)) {
			s->holes++;
			continue;
		}
		r.key = key_of(s, states_origin(s->states, n));
		g_array_append_val(order, r);
	}
	g_array_sort(order, compare_ranked);
	if (s->order != NULL)
		g_array_unref(s->order);
	s->order = order;
}

/* From here on the states that came last are worked on; false if there are none. */
static bool next_level(struct search *s, struct worker *workers)
{
	guint32 first = s->end, end;

	if (s->estimate != NULL)
		first = estimate_level(s->estimate, s->states, first);
	end = states_nr(s->states);
	if (s->options->jobs > 1 || s->order != NULL)
		sort_level(s, first, end);
	for (guint i = 0; i < s->options->jobs; i++)
		workers[i].spare = 0;
	if (s->reduction != NULL)
		reduction_level(s->reduction, first, end);
	s->first = first;
	s->end = end;
	s->next = 0;
	if (s->order != NULL)
		list_ranks(s);
	return first < end;
}

/* ---- Several processes ---- */

/*
 * Be at a state of this level for the first time, as its number @i: only now it is known that
 * it was new, and what is left when all is closed there counts. What its operation broke must
 * not be forgotten before.
 */
static bool enter(struct worker *w, guint32 i)
{
	struct search *s = w->search;
	guint32 number = s->level.first + i;
	const struct origin *o = states_origin(s->states, number);
	guint64 key = s->level.key[i];
	size_t broken;
	bool ok;

	if (s->depth == 0) {
		end(w, NULL, false, key);
		return true;
	}
	if (!go_to(w, o->parent, s->depth - 1))
		return false;
	restore(w, s->depth - 1);
	w->witness.mute = true;
	ok = do_again(w, o);
	machine_violations(w->machine, &broken);
	w->witness.mute = false;
	if (ok && broken > 0 && !s->options->through) {
		end(w, o, false, key);
		return go_to(w, number, s->depth);
	}
	witness_forget(&w->witness, w->machine);
	if (!ok || !save(w, s->depth, number))
		return false;
	end(w, NULL, false, key);
	return true;
}

/* Time and Ctrl-C are rank 0's. */
static void look_at_clock(void *data)
{
	struct search *s = data;

	if (s->options->net->rank == 0 && out_of_time(&s->workers[0]))
		ranks_pause(s->ranks);
}

/* A round of a level: until all have expanded theirs, or have something to stop for. */
static void run_mine(struct search *s, struct worker *w, bool expanding)
{
	guint32 nr = s->level.end - s->level.first;

	for (; s->next < nr && ranks_poll(s->ranks); s->next++) {
		look_at_clock(s);
		if (s->depth == 0)
			w->way[0].number = s->level.first;
		if (why_stopped(s) != NULL)
			break;
		if (s->closed ? !go_to(w, s->level.first + s->next, s->depth) :
				!enter(w, s->next))
			stop(s, "memory");
		else if (expanding)
			expand(w);
	}
	if (ranks_full(s->ranks))
		stop(s, "memory");
	if (why_stopped(s) != NULL)
		ranks_pause(s->ranks);
	ranks_settle(s->ranks);
	if (ranks_full(s->ranks))
		stop(s, "memory");
}

static void count_work(struct search *s, guint64 transitions)
{
	struct net *net = s->options->net;

	s->fullest += net_max(net, transitions) * net->size;
	s->all += net_sum(net, transitions);
}

static void merge(struct search *s)
{
	ranks_merge(s->options->net, s->findings, s->found, s->data);
	if (s->world->damage > 0)
		findings_settle(s->findings, s->found, s->data);
}

/* What one rank has to stop for, all have. */
static void agree(struct search *s, const char *mine)
{
	const char *why = ranks_reason(s->ranks, mine);

	if (why != NULL)
		g_atomic_pointer_set(&s->stopped, why);
}

/* What is left when all is closed in the states of the level belongs to what was found. */
static void save_level(struct search *s, struct worker *w)
{
	const struct explore_options *o = s->options;
	struct checkpoint *c = NULL;
	struct search file = {
		.depth = s->depth, .first = ranks_first(s->ranks), .end = ranks_numbers(s->ranks),
		.holes = s->holes,
	};

	run_mine(s, w, false);
	s->closed = true;
	s->next = 0;
	merge(s);
	agree(s, why_stopped(s));
	if (why_stopped(s) != NULL)
		return;
	file.transitions = net_sum(o->net, s->transitions);
	if (o->net->rank == 0)
		c = checkpoint_save(o->checkpoint, o->what, &s->error);
	if (c != NULL) {
		move_place(&file, c);
		findings_move(s->findings, c);
	}
	ranks_save(s->ranks, c, s->reduction);
	if (c != NULL)
		checkpoint_end(c, &s->error);
	agree(s, s->error != NULL ? "a checkpoint that cannot be written" : NULL);
}

/* Numbers of the level's states in a file, in order. */
static GArray *places_in(const struct search *file)
{
	GArray *places = g_array_new(FALSE, FALSE, sizeof(guint32));
	guint32 nr = file->order != NULL ? file->order->len : file->end - file->first;

	for (guint32 i = 0; i < nr; i++) {
		guint32 number = file->order != NULL ?
			g_array_index(file->order, struct ranked, i).number : file->first + i;

		g_array_append_val(places, number);
	}
	return places;
}

/* Each rank reads the file. */
static bool resume_ranks(struct search *s, GError **error)
{
	struct checkpoint *c = checkpoint_load(s->options->resume, s->options->what, error);
	struct search file = { 0 };
	g_autoptr(GArray) places = NULL;
	bool ok;

	if (c == NULL)
		return false;
	move_place(&file, c);
	findings_move(s->findings, c);
	if (s->options->net->rank > 0)
		g_hash_table_remove_all(s->findings);
	places = places_in(&file);
	ok = file.next == 0;
	if (!ok)
		g_set_error(error, SCN_ERROR, 0, "%s: written within a level, expected the begin "
			    "of one, or a search by threads", s->options->resume);
	else if (!ranks_load(s->ranks, c, &s->level, file.depth, places, file.first, s->reduction))
		g_set_error(error, SCN_ERROR, 0, "%s: has more states than fit, expected more "
			    "--memory or ranks", s->options->resume);
	checkpoint_end(c, NULL);
	if (file.order != NULL)
		g_array_unref(file.order);
	s->depth = file.depth;
	s->holes = file.holes;
	s->transitions = s->options->net->rank == 0 ? file.transitions : 0;
	s->resumed = s->closed = true;
	return *error == NULL;
}

static void take_level(struct search *s)
{
	s->first = s->level.first;
	s->end = s->level.end;
	s->rank = s->level.rank;
	s->next = 0;
}

static bool next_level_of_ranks(struct search *s)
{
	bool any = ranks_next(s->ranks, &s->level, s->depth, s->reduction);

	if (ranks_full(s->ranks))
		stop(s, "memory");
	agree(s, why_stopped(s));
	take_level(s);
	s->closed = false;
	return any && why_stopped(s) == NULL;
}

/* All ranks take the same steps here. */
static void levels_of_ranks(struct search *s, struct worker *w)
{
	const struct origin root = { 0 };
	bool deep = false;

	if (s->options->net->rank == 0 && !s->resumed)
		arrive(w, &root, 0);
	ranks_settle(s->ranks);
	take_level(s);
	for (; why_stopped(s) == NULL && !deep; s->depth++) {
		guint64 before = s->transitions;

		if (!s->resumed && !next_level_of_ranks(s))
			break;
		if (s->options->checkpoint != NULL && !s->resumed)
			save_level(s, w);
		s->resumed = false;
		deep = s->depth >= s->world->depth;
		if (why_stopped(s) == NULL && !(deep && s->closed))
			run_mine(s, w, !deep);
		collect(s);
		count_work(s, s->transitions - before);
		merge(s);
		agree(s, why_stopped(s) != NULL ? why_stopped(s) : deep ? "depth" : NULL);
	}
	if (deep || why_stopped(s) == NULL)
		s->depth--;
}

/* Numbers that are of all ranks. */
static void add_up(struct search *s, struct explore_result *r)
{
	struct net *net = s->options->net;
	guint64 owned = ranks_owned(s->ranks);
	double most = net_max(net, owned);

	r->ranks = net->size;
	r->states = net_sum(net, owned);
	r->transitions = net_sum(net, s->transitions);
	r->bytes = net_sum(net, ranks_bytes(s->ranks));
	r->messages = net_sum(net, net->messages);
	r->sent = net_sum(net, net->bytes);
	r->fullest_states = most * net->size / MAX(r->states, 1);
	r->fullest_work = s->fullest / (double)MAX(s->all, 1);
	r->cpu = net_sum(net, r->cpu * G_USEC_PER_SEC) / (double)G_USEC_PER_SEC;
}

static bool ranks_start(struct search *s)
{
	const guint64 first[2] = { 1, 1 };
	const struct origin root = { 0 };
	guint32 number;

	s->ranks = ranks_new(s->options->net, s->states, s->options->memory / 2, look_at_clock, s);
	s->level.total = 1;
	if (s->ranks != NULL && s->options->checkpoint != NULL)
		ranks_number(s->ranks);
	return s->ranks != NULL && states_append(s->states, first, &root, &number);
}

/* For who waits before a terminal: how many states there will be. */
static void expect(struct search *s)
{
	const struct world *world = s->world;
	struct explore_options o = {
		.memory = s->options->memory, .jobs = 1, .progress = s->options->progress,
		.seconds = MOST_PATIENCE, .symmetry = s->options->symmetry,
		.prune = s->options->prune, .through = s->options->through, .estimate = true,
	};
	struct explore_result *r;

	if (s->expects || s->estimate != NULL || world->tasks > 1 || world->beside != NULL ||
	    progress_seconds(o.progress) < PATIENCE)
		return;
	s->expects = true;
	progress_hold(o.progress, true);
	r = explore(world, &o, NULL, NULL, NULL);
	progress_hold(o.progress, false);
	if (r == NULL)
		return;
	if (r->stopped == NULL || g_str_equal(r->stopped, "depth"))
		progress_expect(o.progress, r->size.states);
	explore_result_free(r);
}

static void levels(struct search *s, struct worker *workers)
{
	const struct origin root = { 0 };
	guint64 transitions;

	if (s->estimate == NULL)
		progress_expect(s->options->progress, 0);
	if (!s->resumed)
		arrive(&workers[0], &root, 0);
	for (; why_stopped(s) == NULL; s->depth++) {
		if (!s->resumed && !next_level(s, workers))
			break;
		s->resumed = false;
		keep(s, "a level begins");
		expect(s);
		if (s->depth >= s->world->depth) {
			stop(s, "depth");
			break;
		}
		transitions = s->transitions;
		run_level(s, workers);
		if (s->estimate != NULL)
			estimate_level_done(s->estimate, s->transitions - transitions);
		if (s->world->damage > 0)
			findings_settle(s->findings, s->found, s->data);
	}
}

static struct explore_result *result_of(struct search *s)
{
	struct explore_result *r = g_new0(struct explore_result, 1);

	r->stopped = why_stopped(s);
	r->states = states_nr(s->states) - s->holes;
	r->transitions = s->transitions;
	r->bytes = states_bytes(s->states);
	r->depth = s->ranks == NULL && s->first == s->end && s->depth > 0 ? s->depth - 1 : s->depth;
	if (s->estimate != NULL)
		r->size = estimate_size(s->estimate);
	r->findings = findings_take(s->findings);
	r->difference = g_steal_pointer(&s->difference);
	r->error = g_steal_pointer(&s->error);
	return r;
}

static struct explore_result *search(const struct world *world,
				     const struct explore_options *options,
				     void (*found)(void *data, const struct finding *f),
				     void *data, GError **error)
{
	struct search s = {
		.world = world, .options = options, .found = found, .data = data,
		.states = states_new(options->memory),
		.findings = findings_new(),
	};
	struct worker *workers = g_new0(struct worker, options->jobs);
	struct explore_result *r = NULL;
	GError *wrong = NULL;
	gint64 start = g_get_monotonic_time();
	clock_t cpu = clock();
	bool ok = s.states != NULL;

	s.workers = workers;
	g_rw_lock_init(&s.growing);
	g_mutex_init(&s.lock);
	if (options->estimate) {
		s.estimate = estimate_new(world, options->symmetry, options->folds,
					  options->through);
		ok = ok && s.estimate != NULL;
	}
	if (!options->through && options->graph == NULL)
		s.reduction = reduction_new(world, options->symmetry);
	s.deadline = options->seconds > 0 ? start + options->seconds * G_USEC_PER_SEC : 0;
	for (guint i = 0; i < options->jobs; i++)
		ok = ok && worker_start(&workers[i], &s);
	if (ok && options->audit > 0) {
		s.audit = audit_new(world, options->symmetry, options->prune, options->through);
		ok = s.audit != NULL;
	}
	if (options->net != NULL)
		ok = net_max(options->net, !(ok && ranks_start(&s))) == 0;
	if (ok && options->resume != NULL)
		ok = s.ranks != NULL ? resume_ranks(&s, &wrong) : resume(&s, &wrong);
	if (options->net != NULL)
		ok = net_max(options->net, !ok) == 0;
	if (ok) {
		if (s.ranks != NULL)
			levels_of_ranks(&s, &workers[0]);
		else
			levels(&s, workers);
		r = result_of(&s);
		r->seconds = (g_get_monotonic_time() - start) / (double)G_USEC_PER_SEC;
		r->cpu = (clock() - cpu) / (double)CLOCKS_PER_SEC;
		if (s.ranks != NULL)
			add_up(&s, r);
	} else if (wrong != NULL) {
		g_propagate_error(error, wrong);
	} else {
		g_set_error_literal(error, SCN_ERROR, 0, options->net != NULL ?
				    "a rank cannot begin, expected memory and files that all read" :
				    "not enough memory to search");
	}
	for (guint i = 0; i < options->jobs; i++)
		worker_stop(&workers[i]);
	g_free(workers);
	audit_free(s.audit);
	reduction_free(s.reduction);
	estimate_free(s.estimate);
	if (s.order != NULL)
		g_array_unref(s.order);
	g_free(s.ranks != NULL ? s.level.rank : s.rank);
	g_free(s.level.key);
	ranks_free(s.ranks);
	g_hash_table_unref(s.findings);
	states_free(s.states);
	g_mutex_clear(&s.lock);
	g_rw_lock_clear(&s.growing);
	return r;
}

struct explore_result *explore(const struct world *world, const struct explore_options *options,
			       void (*found)(void *data, const struct finding *f), void *data,
			       GError **error)
{
	struct explore_result *r = search(world, options, found, data, error), *first = r;
	struct explore_options folded = *options;

	if (r == NULL || !options->estimate || options->symmetry || r->size.exact ||
	    r->stopped != NULL)
		return r;
	folded.folds = true;
	r = search(world, &folded, found, data, error);
	if (r != NULL)
		r->size.each = first->size.each;
	explore_result_free(first);
	return r;
}

void explore_result_free(struct explore_result *r)
{
	g_ptr_array_unref(r->findings);
	difference_free(r->difference);
	g_clear_error(&r->error);
	g_free(r);
}
