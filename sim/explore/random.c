/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random search, for worlds that cannot be exhausted. Half of the runs go on from where
 * an earlier one has seen something new: an operation that came out as it never had with
 * so much open and preserved, or, if it is guided, one that ran code that none had. So it
 * is drawn to where operations lead far.
 */
#include <time.h>
#include <xxhash.h>

#include "explore/edges.h"
#include "explore/random.h"
#include "explore/pairs.h"
#include "explore/ranks.h"
#include "explore/twin.h"

/* Inject a fault into one operation of this many, at one of its first steps. */
#define FAULT_ONE_IN	8
#define FAULT_STEPS	24
#define DAMAGE_ONE_IN	2
#define DAMAGE_TRIES	20
#define TRIES		1000	/* for an operation that can be done */
/* One step of this many is a race, and it takes one of the first outcomes. */
#define RACE_ONE_IN	8
#define RACE_OUTCOMES	8
#define MAX_STARTS	100000

struct walker {
	const struct world *world;
	const struct explore_options *options;
	struct machine *machine;
	struct machine_snapshot start, before;	/* a run; a race */
	struct twin_spot twin_start;
	struct place first, place;
	struct witness witness;
	struct world_race race;
	guint reached;			/* the last race of the last path that had its outcome */
	GArray *path;			/* of struct path_step: of this run */
	GHashTable *seen;		/* what came out of operations, as hashes */
	GPtrArray *starts;		/* paths that ended in something new */
	GPtrArray *new_code;		/* those that ran what none had, if it is guided */
	GHashTable *findings;		/* by id */
	guint64 transitions;
};

static void go_back(struct walker *w)
{
	machine_restore(w->machine, &w->start);
	if (w->witness.twin != NULL)
		twin_restore(w->witness.twin, &w->twin_start);
	w->place = w->first;
}

/* The same of a race; -1 if it has no such outcome. */
static int do_race(struct walker *w, const struct path_step *step, struct done *done)
{
	*done = (struct done){ 0 };
	w->transitions++;
	return race_go(&w->race, step->op, step->nth);
}

/* What is found, of which the notes of the witness are left. */
static int do_step(struct walker *w, const struct path_step *step, struct done *done)
{
	guint nr;

	if (world_pair(w->world, step->op) != NULL)
		return do_race(w, step, done);
	witness_run(&w->witness, w->machine, &w->place, step->op, step->nth, done);
	w->transitions++;
	nr = witness_close(&w->witness, &w->place, step->op, done);
	/* Violations are no end where only differences are looked for. */
	if (w->witness.twin != NULL)
		witness_forget(&w->witness, w->machine);
	return nr;
}

static bool noted(const struct walker *w, guint64 id)
{
	for (guint i = 0; i < w->witness.nr; i++)
		if (w->witness.notes[i].id == id)
			return true;
	return false;
}

/* Is @f found at the end of @path, and nothing before it? */
static bool path_shows(struct walker *w, const GArray *path, const struct finding *f)
{
	struct done done;
	int nr;

	go_back(w);
	w->reached = 0;
	for (guint i = 0; i < path->len; i++) {
		const struct path_step *step = &g_array_index(path, struct path_step, i);
		bool last = i + 1 == path->len && !f->at_end;
		bool race = world_pair(w->world, step->op) != NULL;

		if (!world_enabled(w->world, &w->place, step->op))
			return false;
		nr = do_step(w, step, &done);
		if (nr < 0)
			return false;
		if (race)
			w->reached = i;
		if (nr > 0 || last)
			return last && noted(w, f->id);
		if (step->nth > 0 && !witness_hit(&w->witness, &done) && !race)
			return false;
	}
	return f->at_end && witness_end(&w->witness, w->machine, &w->place) > 0 && noted(w, f->id);
}

/* The same, with any outcome of one of the races in @path, which may have other numbers now. */
static bool path_can_show(struct walker *w, GArray *path, const struct finding *f)
{
	if (path_shows(w, path, f))
		return true;
	for (guint i = 0; i < path->len; i++) {
		struct path_step *step = &g_array_index(path, struct path_step, i);
		const struct path_step was = *step;

		if (world_pair(w->world, step->op) == NULL)
			continue;
		w->reached = i;
		for (guint nth = 0; nth < MAX_OUTCOMES && w->reached >= i; nth++) {
			step->nth = nth;
			if (path_shows(w, path, f))
				return true;
		}
		*step = was;
	}
	return false;
}

/* Where one of the two operations of a race is enough. */
static void unrace(struct walker *w, struct finding *f)
{
	for (guint i = 0; i < MAX_WORLD_TASKS * f->path->len; i++) {
		struct path_step *step = &g_array_index(f->path, struct path_step,
							i / MAX_WORLD_TASKS);
		const struct world_pair *pair = world_pair(w->world, step->op);
		const struct path_step was = *step;

		if (pair == NULL)
			continue;
		*step = (struct path_step){ .op = pair->ops[i % MAX_WORLD_TASKS] };
		if (!path_shows(w, f->path, f))
			*step = was;
	}
}

/* Leave out steps, many at a time first, as long as it still shows. */
static void shorten(struct walker *w, struct finding *f)
{
	unrace(w, f);
	for (guint nr = f->path->len / 2; nr >= 1; nr /= 2) {
		for (guint at = 0; at + nr <= f->path->len; ) {
			g_autoptr(GArray) path = g_array_copy(f->path);

			g_array_remove_range(path, at, nr);
			if (!path_can_show(w, path, f)) {
				at++;
				continue;
			}
			g_array_unref(f->path);
			f->path = g_steal_pointer(&path);
		}
	}
}

static void add(struct walker *w, const struct note *n, bool at_end, guint64 run,
		void (*found)(void *data, const struct finding *f), void *data)
{
	struct finding *f = g_hash_table_lookup(w->findings, &n->id);

	if (f == NULL) {
		f = finding_new(n, g_array_copy(w->path), at_end, run);
		g_hash_table_insert(w->findings, &f->id, f);
		shorten(w, f);
		f->told = f->plain == 0;
		if (f->told && found != NULL)
			found(data, f);
	}
	f->count++;
}

static guint choose_op(struct walker *w, GRand *rand)
{
	const struct world *world = w->world;

	if (world->pairs->len == 0 || w->place.races == world->races ||
	    g_rand_int_range(rand, 0, RACE_ONE_IN) != 0)
		return g_rand_int_range(rand, 0, world->ops->len);
	return world->ops->len + g_rand_int_range(rand, 0, world->pairs->len);
}

/* Damage to a handover that there is here; 0: none was found. */
static guint16 choose_damage(struct walker *w, GRand *rand)
{
	for (guint i = 0; i < DAMAGE_TRIES; i++) {
		guint nr = g_rand_int_range(rand, 0, w->world->damages->len);
		bool can = world_damage(w->world, w->machine, nr);

		machine_damage_clear(w->machine);
		if (can)
			return FIRST_DAMAGE + nr;
	}
	return 0;
}

static bool choose(struct walker *w, GRand *rand, struct path_step *step)
{
	for (guint i = 0; i < TRIES; i++) {
		step->op = choose_op(w, rand);
		if (!world_enabled(w->world, &w->place, step->op))
			continue;
		step->nth = 0;
		if (world_pair(w->world, step->op) != NULL)
			step->nth = g_rand_int_range(rand, 0, RACE_OUTCOMES);
		else if (w->place.faults < w->world->faults &&
		    g_rand_int_range(rand, 0, FAULT_ONE_IN) == 0)
			step->nth = g_rand_int_range(rand, 1, FAULT_STEPS + 1);
		else if (w->place.damages < w->world->damage &&
			 world_boots(w->world, step->op) &&
			 g_rand_int_range(rand, 0, DAMAGE_ONE_IN) == 0)
			step->nth = choose_damage(w, rand);
		return true;
	}
	return false;
}

/*
 * Do a step that was chosen: if the race has fewer outcomes, take the number modulo theirs. -1
 * without memory, or if the search of the race was stopped: nothing was done.
 */
static int go_on(struct walker *w, struct path_step *step, struct done *done)
{
	struct place place = w->place;
	int nr;

	if (world_pair(w->world, step->op) == NULL) {
		nr = do_step(w, step, done);
		if (!witness_hit(&w->witness, done))
			step->nth = 0;
		return nr;
	}
	if (machine_save(w->machine, &w->before) != 0)
		return -1;
	for (guint tries = 2; tries > 0 && (nr = do_step(w, step, done)) < 0; tries--) {
		step->nth %= MAX(w->race.outcomes->len, 1);
		machine_restore(w->machine, &w->before);
		w->place = place;
	}
	return nr;
}

/* How much is open and preserved; of what an operation did, what it was and returned. */
struct coverage_key {
	guint64 files;
	gint64 error;
	guint32 op;
	guint8 kernel, open, faults, damages;
};

static bool spent(guint used, guint allowed)
{
	return allowed > 0 && used == allowed;
}

/* Remember the path if its last step came out as none has before. */
static void remember(struct walker *w, const struct path_step *last, const struct done *done)
{
	struct coverage_key o = {
		.error = MIN(done->ret, 0), .op = last->op, .kernel = w->place.kernel,
		.faults = w->place.faults, .damages = w->place.damages,
	};
	struct machine_stats stats;
	guint64 hash;

	if (w->starts->len == MAX_STARTS)
		return;
	if (w->options->edges != NULL && edges_take(w->options->edges)) {
		g_ptr_array_add(w->new_code, g_array_copy(w->path));
		return;
	}
	/* Where nothing can go wrong any more there is less to find. */
	if (spent(w->place.races, w->world->races) || spent(w->place.faults, w->world->faults) ||
	    spent(w->place.damages, w->world->damage))
		return;
	machine_stats(w->machine, &stats);
	o.files = stats.files;
	for (guint i = 0; i < G_N_ELEMENTS(w->place.fds); i++)
		o.open += w->place.fds[i] >= 0;
	hash = XXH3_64bits(&o, sizeof(o));
	if (g_hash_table_contains(w->seen, &hash))
		return;
	g_hash_table_add(w->seen, g_memdup2(&hash, sizeof(hash)));
	g_ptr_array_add(w->starts, g_array_copy(w->path));
}

/* Begin a run where an earlier one was after @len steps. */
static void start_from(struct walker *w, const GArray *path, guint len)
{
	struct done done;

	for (guint i = 0; i < len; i++)
		do_step(w, &g_array_index(path, struct path_step, i), &done);
	g_array_append_vals(w->path, path->data, len);
}

/* What surrounds a step to new code is as near to more of it as what follows. */
static void choose_start(struct walker *w, GRand *rand)
{
	bool code = w->new_code->len > 0 && g_rand_boolean(rand);
	const GPtrArray *from = code ? w->new_code : w->starts;
	const GArray *path;

	if (from->len == 0 || !g_rand_boolean(rand))
		return;
	path = from->pdata[g_rand_int_range(rand, 0, from->len)];
	start_from(w, path, path->len - (code && g_rand_boolean(rand)));
}

/* One run; what it found are the notes, of the last step or of the end. */
static bool run(struct walker *w, GRand *rand)
{
	struct path_step step;
	struct done done;

	go_back(w);
	g_array_set_size(w->path, 0);
	choose_start(w, rand);
	while (w->path->len < w->world->depth && !machine_panicked(w->machine) &&
	       choose(w, rand, &step)) {
		int nr = go_on(w, &step, &done);

		if (nr < 0)
			break;
		g_array_append_val(w->path, step);
		if (nr > 0)
			return false;
		remember(w, &step, &done);
	}
	witness_end(&w->witness, w->machine, &w->place);
	return true;
}

static void note_all(struct walker *w, bool at_end, guint64 nr,
		     void (*found)(void *data, const struct finding *f), void *data)
{
	/* Shortening a path uses the witness. */
	struct witness seen = w->witness;

	for (guint i = 0; i < seen.nr; i++)
		add(w, &seen.notes[i], at_end, nr, found, data);
}

static bool walker_start(struct walker *w)
{
	w->witness.world = w->world;
	w->machine = world_new_machine(w->world, &w->first, witness_event, &w->witness);
	w->path = g_array_new(FALSE, TRUE, sizeof(struct path_step));
	w->findings = findings_new();
	w->seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	w->starts = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
	w->new_code = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
	if (!race_init(&w->race, w->world, w->machine, &w->place, &w->witness) ||
	    w->machine == NULL ||
	    (w->world->beside != NULL && !twin_new(&w->witness, w->machine, &w->place)))
		return false;
	machine_forget_violations(w->machine);
	return machine_save(w->machine, &w->start) == 0 &&
	       (w->witness.twin == NULL || twin_save(w->witness.twin, &w->twin_start));
}

static void walker_stop(struct walker *w)
{
	race_clear(&w->race);
	machine_snapshot_free(&w->start);
	machine_snapshot_free(&w->before);
	machine_snapshot_free(&w->twin_start.snapshot);
	twin_free(w->witness.twin);
	machine_free(w->machine);
	g_array_unref(w->path);
	g_hash_table_unref(w->findings);
	g_hash_table_unref(w->seen);
	g_ptr_array_unref(w->starts);
	g_ptr_array_unref(w->new_code);
}

/* Rank 0 knows when to end; what others hear of it is any message. */
static bool others_end(struct net *net, bool ends)
{
	g_autoptr(GByteArray) data = g_byte_array_new();
	guint from, tag;

	if (net == NULL || net->rank > 0)
		return net != NULL && net->receive(net, &from, &tag, data);
	for (guint i = 1; ends && i < net->size; i++)
		net->send(net, i, 0, "", 1);
	return false;
}

/* What processes with a seed each have found and done. */
static void add_up(struct walker *w, struct explore_result *r,
		   void (*found)(void *data, const struct finding *f), void *data)
{
	struct net *net = w->options->net;
	double mine = r->transitions;

	if (net == NULL)
		return;
	ranks_merge(net, w->findings, found, data);
	r->ranks = net->size;
	r->states = net_sum(net, r->states);
	r->transitions = net_sum(net, r->transitions);
	r->cpu = net_sum(net, r->cpu * G_USEC_PER_SEC) / (double)G_USEC_PER_SEC;
	r->fullest_work = net_max(net, mine) * (double)net->size / MAX(r->transitions, 1);
	r->messages = net_sum(net, net->messages);
	r->sent = net_sum(net, net->bytes);
}

struct explore_result *explore_random(const struct world *world,
				      const struct explore_options *options, guint32 seed,
				      guint64 runs,
				      void (*found)(void *data, const struct finding *f),
				      void *data)
{
	struct walker w = { .world = world, .options = options };
	struct explore_result *r = g_new0(struct explore_result, 1);
	struct net *net = options->net;
	guint ranks = net != NULL ? net->size : 1, rank = net != NULL ? net->rank : 0;
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed + rank);
	gint64 start = g_get_monotonic_time(), end = start + options->seconds * G_USEC_PER_SEC;
	clock_t cpu = clock();

	if (walker_start(&w)) {
		for (; r->states < runs && r->stopped == NULL; r->states++) {
			bool at_end = run(&w, rand);

			note_all(&w, at_end, r->states * ranks + rank, found, data);
			if (others_end(net, false) ||
			    !progress_at(options->progress, r->states, runs))
				r->stopped = "interrupt";
			else if (options->seconds > 0 && g_get_monotonic_time() > end)
				r->stopped = "time";
		}
	} else {
		r->stopped = "memory";
	}
	if (r->stopped == NULL)
		r->stopped = "runs";
	else
		others_end(net, true);
	r->transitions = w.transitions;
	r->cpu = (clock() - cpu) / (double)CLOCKS_PER_SEC;
	add_up(&w, r, found, data);
	findings_settle(w.findings, found, data);
	r->findings = findings_take(w.findings);
	walker_stop(&w);
	r->random = true;
	r->depth = world->depth;
	r->seconds = (g_get_monotonic_time() - start) / (double)G_USEC_PER_SEC;
	return r;
}
