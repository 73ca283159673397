/* SPDX-License-Identifier: GPL-2.0-only */
/* How large a world is, before it is searched, see estimate.h. */
#include <time.h>

#include "explore/estimate.h"

#define WHOLE	10000	/* a level of more states is one of which a sample is taken */
#define SAMPLE	300	/* states */
#define LEAST	40	/* of them, if that takes longer than ... */
#define RUNS	500000	/* ... so many operations for each level */
#define ALIKE	60	/* states of a level whose like are counted */
#define TAIL	1000	/* a level with less than this part of the states is the last one */

/* One level, of which each of @size states stands for some that differ from it in names. */
struct sampled {
	double size, alike, transitions;
};

/* A step of the sample to a state that may be of the next level. */
struct lead {
	guint32 number;
	struct origin origin;
	double weight;
};

struct estimate {
	struct ways *ways;
	GArray *levels;		/* of struct sampled */
	guint32 known;		/* states with numbers below were found earlier */
	guint32 expanded;	/* states of this level */
	GArray *steps;		/* of struct lead: from these */
	GArray *chosen;		/* some of those, with weights */
	bool whole;		/* all states of this level are expanded */
	bool symmetry, folds;	/* as of struct explore_options */
	bool left;		/* levels after the last one */
	clock_t start;
	double seen, seconds;	/* transitions as long as @whole was true, and how long they took */
};

struct estimate *estimate_new(const struct world *world, bool symmetry, bool folds, bool through)
{
	struct ways *ways = ways_new(world, through);
	struct estimate *e;

	if (ways == NULL)
		return NULL;
	e = g_new0(struct estimate, 1);
	e->ways = ways;
	e->levels = g_array_new(FALSE, TRUE, sizeof(struct sampled));
	e->steps = g_array_new(FALSE, TRUE, sizeof(struct lead));
	e->chosen = g_array_new(FALSE, TRUE, sizeof(struct lead));
	e->whole = true;
	e->symmetry = symmetry;
	e->folds = folds;
	e->start = clock();
	return e;
}

void estimate_free(struct estimate *e)
{
	if (e == NULL)
		return;
	ways_free(e->ways);
	g_array_unref(e->levels);
	g_array_unref(e->steps);
	g_array_unref(e->chosen);
	g_free(e);
}

bool estimate_samples(const struct estimate *e)
{
	return !e->whole;
}

static struct sampled *level_at(const struct estimate *e, guint i)
{
	return &g_array_index(e->levels, struct sampled, i);
}

static struct sampled *this_level(const struct estimate *e)
{
	return level_at(e, e->levels->len - 1);
}

static struct lead *lead_at(const GArray *steps, guint i)
{
	return &g_array_index(steps, struct lead, i);
}

/* ---- The next level ---- */

/* Each state once of those to which one leads. */
void estimate_step(struct estimate *e, guint32 number, const struct origin *origin)
{
	const struct lead step = { .number = number, .origin = *origin, .weight = 1 };

	if (number < e->known)
		return;
	for (guint i = e->steps->len; i > 0 && lead_at(e->steps, i - 1)->origin.parent ==
					       origin->parent; i--)
		if (lead_at(e->steps, i - 1)->number == number)
			return;
	g_array_append_val(e->steps, step);
}

static GArray *path_of(const struct states *states, const struct origin *last)
{
	GArray *path = g_array_new(FALSE, TRUE, sizeof(struct path_step));
	const struct origin *o = last;

	for (;; o = states_origin(states, o->parent)) {
		const struct path_step step = { .op = o->op, .nth = o->nth };

		g_array_prepend_val(path, step);
		if (o->parent == 0)
			return path;
	}
}

/* All over the steps, however many are taken: what leads to them. */
static void weigh(struct estimate *e, const struct states *states)
{
	guint64 start = ways_runs(e->ways);
	guint nr = e->steps->len, few = MIN(nr, SAMPLE);
	double at = 0;

	for (guint i = 0; i < few && (i < LEAST || ways_runs(e->ways) - start < RUNS); i++) {
		struct lead step = *lead_at(e->steps, nr <= SAMPLE ? i : (guint)(at * nr));
		g_autoptr(GArray) path = path_of(states, &step.origin);
		guint ways = ways_to(e->ways, path);

		step.weight = ways > 0 ? 1.0 / ways : 0;
		g_array_append_val(e->chosen, step);
		at += 0.6180339887498949;
		at -= at >= 1;
	}
}

static double weight_of(const GArray *steps)
{
	double weight = 0;

	for (guint i = 0; i < steps->len; i++)
		weight += lead_at(steps, i)->weight;
	return weight;
}

/* States by the weight of their steps, at equal distances, become the level that is expanded. */
static guint32 choose(struct estimate *e, struct states *states, const GArray *steps)
{
	guint32 first = states_nr(states), number;
	double distance = weight_of(steps) / MIN(SAMPLE, steps->len), at = distance / 2, sum = 0;

	for (guint i = 0; i < steps->len; i++) {
		const struct lead *s = lead_at(steps, i);

		for (sum += s->weight; at < sum; at += distance) {
			guint64 f[2];

			states_fingerprint(states, s->number, f);
			if (!states_append(states, f, &s->origin, &number))
				return states_nr(states);
		}
	}
	e->known = states_nr(states);
	return first;
}

/* All states of a level that was seen as a whole. */
static void take_all(struct estimate *e, const struct states *states, guint32 first, guint32 end)
{
	for (guint32 n = first; n < end; n++) {
		const struct lead step = {
			.number = n, .origin = *states_origin(states, n), .weight = 1,
		};

		g_array_append_val(e->chosen, step);
	}
}

/* By what states of this level count in the next one. */
static double growth(const struct estimate *e)
{
	return e->chosen->len == 0 ? 0 :
		weight_of(e->chosen) / e->chosen->len * e->steps->len / e->expanded;
}

/* How many states each of the level stands for, on the average. */
static double alike(struct estimate *e, const struct states *states, guint32 first, guint32 end)
{
	guint32 step = (end - first) / ALIKE + 1;
	double sum = 0, nr = 0;

	for (guint32 n = first; n < end && e->folds && n > 0; n += step, nr++) {
		g_autoptr(GArray) path = path_of(states, states_origin(states, n));

		sum += ways_alike(e->ways, path);
	}
	return nr > 0 ? sum / nr : 1;
}

/* A sample is taken from here on; false if that is for another one, which folds. */
static bool begin_sample(struct estimate *e, const struct states *states, guint32 first,
			 guint32 end)
{
	e->left = !e->symmetry && !e->folds;
	if (!e->left)
		take_all(e, states, first, end);
	e->whole = e->left;
	return !e->left;
}

static double sum_of(const struct estimate *e)
{
	double sum = 0;

	for (guint i = 0; i < e->levels->len; i++)
		sum += level_at(e, i)->size;
	return sum;
}

guint32 estimate_level(struct estimate *e, struct states *states, guint32 first)
{
	guint32 end = states_nr(states);
	struct sampled l = { .size = end - first };

	g_array_set_size(e->chosen, 0);
	if (!e->whole) {
		weigh(e, states);
		l.size = this_level(e)->size * growth(e);
	}
	if (l.size == 0 || (!e->whole && l.size < sum_of(e) / TAIL) ||
	    (e->whole && end - first > WHOLE && !begin_sample(e, states, first, end)))
		return end;
	if (!e->whole)
		first = choose(e, states, e->chosen);
	end = states_nr(states);
	l.alike = alike(e, states, first, end);
	g_array_append_val(e->levels, l);
	g_array_set_size(e->steps, 0);
	e->expanded = end - first;
	return first;
}

void estimate_level_done(struct estimate *e, guint64 transitions)
{
	struct sampled *l = this_level(e);

	l->transitions = l->size * transitions / MAX(e->expanded, 1);
	if (e->whole) {
		e->seen += transitions;
		e->seconds = (clock() - e->start) / (double)CLOCKS_PER_SEC;
	}
}

struct world_size estimate_size(const struct estimate *e)
{
	struct world_size size = {
		.exact = e->whole && !e->folds && !e->left, .each = e->seconds / MAX(e->seen, 1),
	};

	for (guint i = 0; i < e->levels->len; i++) {
		const struct sampled *l = level_at(e, i);

		size.states += l->size * l->alike;
		size.transitions += l->transitions * l->alike;
	}
	size.depth = e->levels->len > 0 ? e->levels->len - 1 : 0;
	return size;
}
