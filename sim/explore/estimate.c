/* SPDX-License-Identifier: GPL-2.0-only */
/* How large a world is, before it is searched, see estimate.h. */
#include "explore/estimate.h"

#define TAIL	100	/* a level with less than this part of the states is the last one */

/* One level, of which @size is estimated. */
struct sampled {
	double size, transitions;
};

struct estimate {
	guint sample;
	GArray *levels;		/* of struct sampled */
	guint32 first, end;	/* numbers of those of this level that were found */
	guint64 limit;		/* states with fingerprints up to here are expanded */
	GArray *into;		/* how many steps lead to each state of the next level */
	double spread;		/* of that, see recapture() */
	bool exact;
};

struct estimate *estimate_new(guint sample)
{
	struct estimate *e = g_new0(struct estimate, 1);

	e->sample = sample;
	e->levels = g_array_new(FALSE, TRUE, sizeof(struct sampled));
	e->into = g_array_new(FALSE, TRUE, sizeof(guint32));
	e->exact = true;
	e->spread = 1;
	return e;
}

void estimate_free(struct estimate *e)
{
	if (e == NULL)
		return;
	g_array_unref(e->levels);
	g_array_unref(e->into);
	g_free(e);
}

static struct sampled *level_at(const struct estimate *e, guint i)
{
	return &g_array_index(e->levels, struct sampled, i);
}

static struct sampled *this_level(const struct estimate *e)
{
	return level_at(e, e->levels->len - 1);
}

static guint32 expanded(const struct estimate *e)
{
	return MIN(e->end - e->first, e->sample);
}

/* ---- The next level ---- */

/* Sums over the states of the next level: steps to them, and pairs of these to one state. */
struct sums {
	double steps, pairs;
};

static struct sums sums_of(const struct estimate *e)
{
	struct sums sums = { 0 };

	for (guint i = 0; i < e->into->len; i++) {
		double nr = g_array_index(e->into, guint32, i);

		sums.steps += nr;
		sums.pairs += nr * (nr - 1);
	}
	return sums;
}

/*
 * Of N states to which m steps lead each, a share r of the steps has N r E[m] steps and
 * N r^2 E[m(m-1)] ordered pairs of steps to one state. So N is the square of the one over
 * the other, times E[m(m-1)] / E[m]^2, which is what it was in the last level that was seen
 * as a whole.
 */
static double recapture(const struct estimate *e, const struct sums *sums)
{
	return sums->steps * sums->steps / MAX(sums->pairs, 1) * e->spread;
}

static double size_behind(const struct estimate *e, const struct sums *sums)
{
	double scale = this_level(e)->size / MAX(expanded(e), 1), found = e->into->len;

	/* No step leads to more than one state, and what was found is there. */
	return e->exact ? found :
			  CLAMP(recapture(e, sums), found, MAX(sums->steps * scale, found));
}

static gint compare(gconstpointer a, gconstpointer b)
{
	guint64 x = *(const guint64 *)a, y = *(const guint64 *)b;

	return x < y ? -1 : x > y;
}

/* The fingerprint below which as many states lie as are to be expanded. */
static guint64 limit_of(const struct estimate *e, const struct states *states, guint32 first,
			guint32 end)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(guint64));

	if (end - first <= e->sample)
		return G_MAXUINT64;
	for (guint32 n = first; n < end; n++) {
		guint64 hash = states_hash(states, n);

		g_array_append_val(all, hash);
	}
	g_array_sort(all, compare);
	return g_array_index(all, guint64, e->sample - 1);
}

bool estimate_level(struct estimate *e, const struct states *states, guint32 first, guint32 end)
{
	struct sampled l = { .size = end - first };
	struct sums sums = sums_of(e);

	if (first == end)
		return false;
	if (e->levels->len > 0)
		l.size = size_behind(e, &sums);
	/* In the end only what belongs to earlier levels looks new. */
	if (!e->exact && l.size < estimate_size(e).states / TAIL)
		return false;
	if (e->exact && sums.pairs > 0)
		e->spread = sums.pairs * e->into->len / (sums.steps * sums.steps);
	g_array_append_val(e->levels, l);
	e->first = first;
	e->end = end;
	e->limit = limit_of(e, states, first, end);
	e->exact = e->exact && e->limit == G_MAXUINT64;
	g_array_set_size(e->into, 0);
	return true;
}

/* ---- This level ---- */

bool estimate_takes(const struct estimate *e, const struct states *states, guint32 number)
{
	return states_hash(states, number) <= e->limit;
}

void estimate_step(struct estimate *e, guint32 to)
{
	if (to < e->end)
		return;
	if (to - e->end >= e->into->len)
		g_array_set_size(e->into, to - e->end + 1);
	g_array_index(e->into, guint32, to - e->end)++;
}

void estimate_level_done(struct estimate *e, guint64 transitions)
{
	this_level(e)->transitions = this_level(e)->size * transitions / MAX(expanded(e), 1);
}

struct world_size estimate_size(const struct estimate *e)
{
	struct world_size size = { .exact = e->exact };

	for (guint i = 0; i < e->levels->len; i++) {
		size.states += level_at(e, i)->size;
		size.transitions += level_at(e, i)->transitions;
	}
	size.depth = e->levels->len > 0 ? e->levels->len - 1 : 0;
	return size;
}
