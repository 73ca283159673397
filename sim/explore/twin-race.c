/* SPDX-License-Identifier: GPL-2.0-only */
/* Two operations at once on two machines side by side: do they end alike? See twin.h. */
#include <errno.h>

#include "explore/internal.h"
#include "explore/pairs.h"
#include "explore/twin.h"
#include "scn/words.h"

/* What came of one machine's schedules: lines, each once, and which outcome was the first. */
struct endings {
	const struct world *world;
	struct world_race *race;
	const struct world_pair *pair;
	GPtrArray *lines;
	GArray *numbers;		/* of guint */
};

static void append_result(GString *line, const struct endings *e, guint task)
{
	const struct race_done *done = &e->race->done;
	gint64 ret = done->done[task].ret;

	if (task > 0)
		g_string_append(line, ", ");
	g_string_append(line, op_of(e->world, e->pair->ops[task])->name);
	if (!done->returned[task])
		g_string_append(line, " does not return");
	else if (ret < 0 && errno_name(-ret) != NULL)
		g_string_append_printf(line, " -%s", errno_name(-ret));
	else
		g_string_append_printf(line, " %" G_GINT64_FORMAT, ret);
}

static void add_ending(void *data, guint nth, guint found)
{
	struct endings *e = data;
	g_autoptr(GString) line = g_string_new(NULL);

	for (guint i = 0; i < found; i++)
		g_string_append_printf(line, "%s%s", i > 0 ? " " : "",
				       finding_kind(e->race->witness->notes[i].kind));
	for (guint i = 0; found == 0 && i < MAX_WORLD_TASKS; i++)
		append_result(line, e, i);
	if (found == 0 && e->race->done.boot.left)
		g_string_append(line, ", the next kernel runs");
	if (g_ptr_array_find_with_equal_func(e->lines, line->str, g_str_equal, NULL))
		return;
	g_ptr_array_add(e->lines, g_strdup(line->str));
	g_array_append_val(e->numbers, nth);
}

static void endings_find(struct endings *e, struct world_race *race, guint op)
{
	*e = (struct endings){
		.world = race->world, .race = race, .pair = world_pair(race->world, op),
		.lines = g_ptr_array_new_with_free_func(g_free),
		.numbers = g_array_new(FALSE, FALSE, sizeof(guint)),
	};
	race->results = true;
	race_search(race, op, add_ending, e);
}

static void endings_clear(struct endings *e)
{
	g_ptr_array_unref(e->lines);
	g_array_unref(e->numbers);
}

/* The place of the first line that the other one has not, or -1. */
static int only_in(const struct endings *e, const struct endings *other)
{
	for (guint i = 0; i < e->lines->len; i++)
		if (!g_ptr_array_find_with_equal_func(other->lines, e->lines->pdata[i],
						      g_str_equal, NULL))
			return i;
	return -1;
}

const char *twin_race(struct world_race *first, struct world_race *second, guint op,
		      struct race_difference *d)
{
	struct endings a, b;
	const char *stopped;
	int own;

	endings_find(&a, first, op);
	endings_find(&b, second, op);
	stopped = first->stopped != NULL ? first->stopped : second->stopped;
	*d = (struct race_difference){ .differs = false };
	own = stopped == NULL ? only_in(&a, &b) : -1;
	if (own >= 0) {
		d->differs = true;
		d->nth = g_array_index(a.numbers, guint, own);
		g_strlcpy(d->first, a.lines->pdata[own], sizeof(d->first));
		g_strlcpy(d->second, "never", sizeof(d->second));
	} else if (stopped == NULL && (own = only_in(&b, &a)) >= 0) {
		d->differs = true;
		g_strlcpy(d->first, "never", sizeof(d->first));
		g_strlcpy(d->second, b.lines->pdata[own], sizeof(d->second));
	}
	endings_clear(&a);
	endings_clear(&b);
	return stopped;
}
