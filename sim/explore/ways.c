/* SPDX-License-Identifier: GPL-2.0-only */
/* Ways to a state, see ways.h. */
#include <string.h>

#include "explore/internal.h"
#include "explore/ways.h"

#define NAMINGS	48	/* of a state */
#define MOST	24	/* ways that are looked at */
#define SLOTS	TMP_SLOT	/* none of them */
#define A_RACE	1000	/* runs of an operation take as long as a race */

/* A way; steps get descriptors in these slots, or SLOTS. */
struct route {
	guint nr;
	struct path_step steps[MAX_SEARCH_DEPTH + 1];
	guint8 gained[MAX_SEARCH_DEPTH + 1];
	guint64 before[2];		/* the state from which the last step leads on */
	guint64 end[2];
};

/* Before each step of the way that is looked at. */
struct stand {
	struct machine_snapshot snapshot;
	struct place place;
};

struct ways {
	const struct world *world;
	bool through;
	struct machine *machine;
	struct machine_walk *walk;
	struct witness witness;
	struct world_race race;
	struct place place;
	guint64 frames[MAX_INODES];
	struct stand stands[MAX_SEARCH_DEPTH + 1];
	struct route found[MOST];
	guint nr;
	guint64 runs;
	GRand *rand;
};

static bool save(struct ways *w, guint nr)
{
	w->stands[nr].place = w->place;
	return machine_save(w->machine, &w->stands[nr].snapshot) == 0;
}

struct ways *ways_new(const struct world *world, bool through)
{
	struct ways *w = g_new0(struct ways, 1);

	w->world = world;
	w->rand = g_rand_new_with_seed(1);
	w->through = through;
	w->witness.world = world;
	w->witness.mute = true;
	w->walk = machine_walk_new();
	w->machine = world_new_machine(world, &w->place, witness_event, &w->witness);
	if (!race_init(&w->race, world, w->machine, &w->place, &w->witness) ||
	    w->walk == NULL || w->machine == NULL) {
		ways_free(w);
		return NULL;
	}
	machine_forget_violations(w->machine);
	world_frames(world, w->machine, &w->place, w->frames);
	if (save(w, 0))
		return w;
	ways_free(w);
	return NULL;
}

void ways_free(struct ways *w)
{
	if (w == NULL)
		return;
	for (guint i = 0; i <= MAX_SEARCH_DEPTH; i++)
		machine_snapshot_free(&w->stands[i].snapshot);
	g_rand_free(w->rand);
	race_clear(&w->race);
	machine_walk_free(w->walk);
	machine_free(w->machine);
	g_free(w);
}

guint64 ways_runs(const struct ways *w)
{
	return w->runs;
}

/* ---- Steps ---- */

static void look(struct ways *w, guint64 f[2])
{
	world_fingerprint(w->world, w->machine, w->walk, &w->place, w->frames, true, f);
}

/* A slot that has got a descriptor between two places. */
static guint gained(const struct place *before, const struct place *after)
{
	for (guint i = 0; i < SLOTS; i++)
		if (before->fds[i] < 0 && after->fds[i] >= 0)
			return i;
	return SLOTS;
}

static void swap(guint8 *names, guint a, guint b)
{
	guint8 name = names[a];

	names[a] = names[b];
	names[b] = name;
}

/* Each by its own name. */
static void own_names(struct world_names *names)
{
	for (guint i = 0; i <= SLOTS; i++) {
		names->slots[i] = i;
		for (guint t = 0; t < MAX_TOKENS; t++)
			names->tokens[i][t] = t;
	}
}

/* The objects of @a change places with those of @b, which does the same to others. */
static void swap_objects(struct world_names *names, const struct world_op *a,
			 const struct world_op *b)
{
	swap(names->slots, a->session, b->session);
	if (a->has_file && a->file != b->file)
		swap(names->slots, a->file, b->file);
	for (guint i = 0; i <= SLOTS && a->has_token; i++)
		swap(names->tokens[i], a->token, b->token);
}

/*
 * Do a step of a way at the end of @way, to the objects that have those @names here. A step
 * that is not possible here is left out.
 * Return: false if it breaks something, as no way leads on.
 */
static bool do_step(struct ways *w, struct route *way, const struct path_step *step,
		    const struct world_names *names)
{
	const struct place before = w->place;
	bool races = world_pair(w->world, step->op) != NULL;
	struct path_step s = { .op = step->op, .nth = step->nth };
	struct done done;
	size_t broken;

	if (!races)
		s.op = world_op_with(w->world, step->op, names);
	if ((!races && s.op == w->world->ops->len) || !world_enabled(w->world, &w->place, s.op))
		return true;
	w->runs += races ? A_RACE : 1;
	if (!races)
		witness_run(&w->witness, w->machine, &w->place, s.op, s.nth, &done);
	else if (race_go(&w->race, s.op, s.nth) < 0)
		return false;
	if (machine_panicked(w->machine))
		return false;
	machine_violations(w->machine, &broken);
	witness_forget(&w->witness, w->machine);
	way->gained[way->nr] = gained(&before, &w->place);
	way->steps[way->nr++] = s;
	return broken == 0 || w->through;
}

/* ---- Ways ---- */

/* From step @left of @way on, but @instead of that one, or nothing, and then @last. */
static bool go(struct ways *w, const struct route *way, guint left, const struct path_step *instead,
	       const struct path_step *last, struct world_names names, struct route *out)
{
	struct world_names own;
	bool ok = true;

	own_names(&own);
	machine_restore(w->machine, &w->stands[left].snapshot);
	w->place = w->stands[left].place;
	*out = *way;
	out->nr = left;
	for (guint i = left; i < way->nr && ok; i++) {
		guint nr = out->nr;
		const struct path_step *step = i == left ? instead : &way->steps[i];

		if (last == NULL && i + 1 == way->nr)
			look(w, out->before);
		ok = step == NULL || do_step(w, out, step, i == left ? &own : &names);
		names.slots[way->gained[i]] = out->nr > nr ? out->gained[nr] : SLOTS;
	}
	if (ok && last != NULL) {
		look(w, out->before);
		ok = do_step(w, out, last, &own);
	}
	if (ok)
		look(w, out->end);
	return ok;
}

static bool is_same(const guint64 a[2], const guint64 b[2])
{
	return a[0] == b[0] && a[1] == b[1];
}

/* Is @way one to where the first one leads, and from a state that is not known? False: nearer. */
static bool add(struct ways *w, const struct route *way)
{
	const struct route *first = &w->found[0];

	if (is_same(way->before, first->end) ||
	    (is_same(way->end, first->end) && way->nr < first->nr))
		return false;
	if (!is_same(way->end, first->end) || w->nr == MOST)
		return true;
	for (guint i = 0; i < w->nr; i++)
		if (is_same(w->found[i].before, way->before))
			return true;
	w->found[w->nr++] = *way;
	return true;
}

/* With @other in place of step @left, and its objects in place of that one's later, or not. */
static bool replace(struct ways *w, const struct route *way, guint left, guint op)
{
	const struct path_step *step = &way->steps[left];
	const struct path_step other = { .op = op, .nth = step->nth };
	struct world_names own, names;
	struct route out;

	own_names(&own);
	names = own;
	swap_objects(&names, op_of(w->world, step->op), op_of(w->world, op));
	return (!go(w, way, left, &other, NULL, own, &out) || add(w, &out)) &&
	       (!go(w, way, left, &other, NULL, names, &out) || add(w, &out));
}

static bool replace_each(struct ways *w, const struct route *way, guint left)
{
	const struct world *world = w->world;
	guint is = way->steps[left].op;
	bool ok = true;

	if (world_pair(world, is) != NULL)
		return true;
	for (guint op = 0; op < world->ops->len && ok; op++)
		if (op != is && op_of(world, op)->action == op_of(world, is)->action &&
		    op_of(world, op)->process == op_of(world, is)->process &&
		    world_enabled(world, &w->stands[left].place, op))
			ok = replace(w, way, left, op);
	return ok;
}

static bool look_around(struct ways *w, const struct route *way)
{
	struct route out, shorter = *way;
	struct world_names own;

	own_names(&own);
	shorter.nr--;
	for (guint left = 0; left < way->nr; left++) {
		const struct path_step *step = &way->steps[left], *last = &way->steps[shorter.nr];

		if ((go(w, way, left, NULL, step, own, &out) && !add(w, &out)) ||
		    (left < shorter.nr && go(w, &shorter, left, last, NULL, own, &out) &&
		     !add(w, &out)) ||
		    !replace_each(w, way, left))
			return false;
	}
	return true;
}

/* Do @way, which is known to be one, and be before each of its steps. */
static bool stand(struct ways *w, struct route *way)
{
	struct world_names own;
	guint nr = way->nr;

	own_names(&own);
	machine_restore(w->machine, &w->stands[0].snapshot);
	w->place = w->stands[0].place;
	way->nr = 0;
	while (way->nr < nr) {
		guint at = way->nr;

		look(w, way->before);
		if (!save(w, at) || !do_step(w, way, &way->steps[at], &own) || way->nr == at)
			return false;
	}
	look(w, way->end);
	return true;
}

guint ways_to(struct ways *w, const GArray *path)
{
	struct route *first = &w->found[0];

	first->nr = path->len;
	memcpy(first->steps, path->data, path->len * sizeof(struct path_step));
	w->nr = 1;
	for (guint i = 0; i < w->nr; i++)
		if (!stand(w, &w->found[i]) || !look_around(w, &w->found[i]))
			return 0;
	return w->nr;
}

/* ---- States that differ in names ---- */

static void shuffle(struct ways *w, guint8 *names, guint first, guint step, guint nr)
{
	for (guint i = nr; i > 1; i--)
		swap(names, first + (i - 1) * step, first + g_rand_int_range(w->rand, 0, i) * step);
}

/* A kernel has other names for sessions and tokens; what came from the last one keeps those. */
static void name_anew(struct ways *w, struct world_names *names)
{
	const struct world *world = w->world;

	for (guint s = 0; s < world->sessions; s++) {
		guint out = out_slot(s), in = in_slot(world, s);

		names->slots[in] = in_slot(world, session_of(world, names->slots[out]));
		memcpy(names->tokens[in], names->tokens[out], sizeof(names->tokens[in]));
		shuffle(w, names->tokens[out], 0, 1, world->tokens);
	}
	shuffle(w, names->slots, out_slot(0), 1, world->sessions);
}

/* The memfds of the first kernel, and the open files of each. */
static void name_files(struct ways *w, struct world_names *names)
{
	const struct world *world = w->world;
	guint8 inodes[MAX_INODES], opens[MAX_OPENS];

	for (guint i = 0; i < world->inodes; i++)
		inodes[i] = i;
	shuffle(w, inodes, 0, 1, world->inodes);
	for (guint i = 0; i < world->inodes; i++) {
		for (guint j = 0; j < world->opens; j++)
			opens[j] = j;
		shuffle(w, opens, 0, 1, world->opens);
		for (guint j = 0; j < world->opens; j++)
			names->slots[file_slot(world, i * world->opens + j)] =
				file_slot(world, inodes[i] * world->opens + opens[j]);
	}
}

/* All steps of @way in that order, with names at random or their own ones. */
static bool go_in_order(struct ways *w, const struct route *way, const guint *order, bool anew,
			struct route *out)
{
	struct world_names names;
	bool ok = true;

	own_names(&names);
	machine_restore(w->machine, &w->stands[0].snapshot);
	w->place = w->stands[0].place;
	out->nr = 0;
	if (anew) {
		name_anew(w, &names);
		name_files(w, &names);
	}
	for (guint i = 0; i < way->nr && ok; i++) {
		guint kernel = w->place.kernel, nr = out->nr;

		ok = do_step(w, out, &way->steps[order[i]], &names) && out->nr > nr;
		if (ok)
			names.slots[way->gained[order[i]]] = out->gained[nr];
		if (anew && w->place.kernel != kernel)
			name_anew(w, &names);
	}
	if (ok)
		look(w, out->end);
	return ok && is_same(out->end, way->end);
}

/* One step of @way somewhere else, if that leads to the same state. */
static void reorder(struct ways *w, struct route *way)
{
	guint order[MAX_SEARCH_DEPTH + 1], from = g_rand_int_range(w->rand, 0, way->nr);
	guint to = g_rand_int_range(w->rand, 0, way->nr);
	struct route out;

	for (guint i = 0, j = 0; i < way->nr; i++) {
		j += j == from;
		order[i] = i == to ? from : j++;
	}
	if (go_in_order(w, way, order, false, &out)) {
		memcpy(out.before, way->before, sizeof(out.before));
		*way = out;
	}
}

/* Files that were retrieved may be in any slot: where some were closed, others took theirs. */
static void shuffle_files(struct ways *w, struct place *place)
{
	guint first = file_slot(w->world, 0);

	for (guint i = nr_files(w->world); i > 1 && place->kernel > 1; i--) {
		int *a = &place->fds[first + i - 1];
		int *b = &place->fds[first + g_rand_int_range(w->rand, 0, i)], fd = *a;

		*a = *b;
		*b = fd;
	}
}

double ways_alike(struct ways *w, const GArray *path)
{
	guint64 names[NAMINGS][2];
	guint order[MAX_SEARCH_DEPTH + 1];
	struct route *way = &w->found[0], out;
	double same = 0;
	guint nr = 0;

	if (path->len == 0)
		return 1;
	way->nr = path->len;
	memcpy(way->steps, path->data, path->len * sizeof(struct path_step));
	if (!stand(w, way))
		return 1;
	for (guint i = 0; i < way->nr; i++)
		order[i] = i;
	for (guint i = 0; i < NAMINGS; i++) {
		reorder(w, way);
		if (!go_in_order(w, way, order, true, &out))
			continue;
		shuffle_files(w, &w->place);
		world_fingerprint(w->world, w->machine, w->walk, &w->place, w->frames, false,
				  names[nr]);
		for (guint j = 0; j < nr; j++)
			same += is_same(names[j], names[nr]);
		nr++;
	}
	return nr < 2 ? 1 : nr * (nr - 1) / 2.0 / MAX(same, 0.5);
}
