/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How near a log is to each bug. Incidents of both are compared: call chains by
 * the longest common run of functions, in which one that few bugs have counts more; messages
 * by their words. What a log says and a bug does not explain counts against the bug, and so
 * does, less, what the bug would have said besides.
 */
#include <string.h>

#include "match/score.h"

/* Nearer than this is near; and so is what is not much farther than the nearest. */
#define NEAR		0.45
#define NEAR_BEST	0.7
#define AS_NEAR		0.012
#define MAX_CANDIDATES	10
#define MAX_FRAMES	40
#define MAX_TIMES	16	/* that the same is looked at */

/* What of an incident is its function, and what are the callers. */
#define OF_FUNCTION	0.45

/* Of a crash without its first lines the trace may begin with any caller. */
static guint cut_in_front(const struct incident *a, const struct incident *b)
{
	guint at;

	if (a->kind != INCIDENT_CRASH || a->frames->len == 0 ||
	    !g_ptr_array_find_with_equal_func(b->frames, a->frames->pdata[0], g_str_equal, &at))
		return 0;
	return at;
}

static guint known_frames(const struct index *index, const struct incident *incident, guint from,
			  const char **frames, double *weights)
{
	guint nr = 0;

	for (guint i = from; i < incident->frames->len && nr < MAX_FRAMES; i++) {
		const char *name = incident->frames->pdata[i];
		double weight = index_weight(index, index->known, name);

		if (weight == 0)
			continue;
		frames[nr] = name;
		weights[nr++] = weight;
	}
	return nr;
}

static double sum(const double *weights, guint nr)
{
	double total = 0;

	for (guint i = 0; i < nr; i++)
		total += weights[i];
	return total;
}

/* Where a trace was cut off that ends with @last: what the other has after that is not held
 * against it. */
static guint cut_behind(const char **frames, guint nr, const char *last)
{
	for (guint i = nr; i-- > 0;)
		if (g_str_equal(frames[i], last))
			return i + 1;
	return nr;
}

/* The part of both chains that is in both, in that order: 0 to 1. */
static double common(const struct index *index, const struct incident *a, const struct incident *b)
{
	const char *one[MAX_FRAMES], *two[MAX_FRAMES];
	double weight[MAX_FRAMES], other[MAX_FRAMES];
	double best[MAX_FRAMES + 1][MAX_FRAMES + 1] = { 0 };
	guint n = known_frames(index, a, cut_in_front(b, a), one, weight);
	guint m = known_frames(index, b, cut_in_front(a, b), two, other);

	if (n == 0 || m == 0)
		return 0;
	if (a->cut_off)
		m = cut_behind(two, m, one[n - 1]);
	if (b->cut_off)
		n = cut_behind(one, n, two[m - 1]);
	for (guint i = 1; i <= n; i++) {
		for (guint j = 1; j <= m; j++) {
			best[i][j] = MAX(best[i - 1][j], best[i][j - 1]);
			if (g_str_equal(one[i - 1], two[j - 1]))
				best[i][j] = MAX(best[i][j],
						 best[i - 1][j - 1] + weight[i - 1]);
		}
	}
	return 2 * best[n][m] / (sum(weight, n) + sum(other, m));
}

/* The part of the words of both texts that is in both. */
static double common_words(const char *a, const char *b)
{
	g_auto(GStrv) one = g_strsplit(a, " ", -1), two = g_strsplit(b, " ", -1);
	guint n = g_strv_length(one), m = g_strv_length(two), both = 0;

	if (g_str_equal(a, b))
		return 1;
	for (guint i = 0; i < n; i++)
		both += g_strv_contains((const char *const *)two, one[i]);
	return MIN(2.0 * both / (n + m), 0.95);
}

/* Where it is. A task that hangs does so in the scheduler, which says nothing. */
static const char *function_of(const struct index *index, const struct incident *incident)
{
	guint i = 0;

	while (incident->kind == INCIDENT_STUCK && i < incident->frames->len &&
	       !g_hash_table_contains(index->known, incident->frames->pdata[i]))
		i++;
	return i < incident->frames->len ? incident->frames->pdata[i] : NULL;
}

static bool same_function(const struct index *index, const struct incident *a,
			  const struct incident *b)
{
	const char *one = function_of(index, a), *two = function_of(index, b);

	return one != NULL && two != NULL && (g_str_equal(one, two) || cut_in_front(a, b) > 0);
}

static bool is_entry(const char *name)
{
	return g_str_has_prefix(name, "sys_");
}

/* What warns in many places says nothing if none of its callers is the other's. */
static bool other_callers(const struct incident *a, const struct incident *b)
{
	guint callers = 0;

	for (guint i = 1; i < a->frames->len; i++) {
		const char *name = a->frames->pdata[i];

		if (is_entry(name))
			break;
		if (g_ptr_array_find_with_equal_func(b->frames, name, g_str_equal, NULL))
			return false;
		callers++;
	}
	return callers > 0 && b->frames->len > 1;
}

static double alike(const struct index *index, const struct incident *a, const struct incident *b)
{
	bool apart = a->stage != 0 && b->stage != 0 && a->stage != b->stage;
	double stage = apart ? 0.6 : 1, kind = 1, near;

	if ((a->kind == INCIDENT_MESSAGE) != (b->kind == INCIDENT_MESSAGE) ||
	    (a->text != NULL) != (b->text != NULL))
		return 0;
	if (a->kind != b->kind && a->kind != INCIDENT_CRASH && b->kind != INCIDENT_CRASH)
		kind = a->kind == INCIDENT_STUCK || b->kind == INCIDENT_STUCK ? 0.4 : 0.7;
	if (a->text != NULL) {
		near = common_words(a->text, b->text);
		return near >= 0.7 ? near * kind * stage : 0;
	}
	if (b->frames->len == 0 || other_callers(a, b))
		return 0;
	near = a->frames->len > 1 ? common(index, a, b) : 0.5;
	/* Where most of the callers are others, a function that many call says less. */
	if (same_function(index, a, b))
		near = (1 - OF_FUNCTION) * near + OF_FUNCTION * (near < 0.5 ? near : 1);
	else
		near *= 1 - OF_FUNCTION;
	return near * kind * stage;
}

/* A message says less than a call chain. */
static double weight_of(const struct incident *incident)
{
	return incident->kind == INCIDENT_MESSAGE ? 0.4 : 1;
}

static const struct incident *nearest(const struct index *index, const struct incident *a,
				      const GPtrArray *of, double *near)
{
	const struct incident *best = NULL;

	*near = 0;
	for (guint i = 0; i < of->len; i++) {
		double n = alike(index, a, of->pdata[i]);

		if (n > *near) {
			*near = n;
			best = of->pdata[i];
		}
	}
	return best;
}

/*
 * How much of what @s would have said is there; with panic_on_warn, up to the first WARN, and
 * where the log ends within a trace, up to that.
 */
static double said(const struct index *index, const struct signature *s, const GPtrArray *incidents,
		   bool panic_on_warn)
{
	const struct incident *last = incidents->pdata[incidents->len - 1];
	double all = 0, there = 0, near;

	for (guint i = 0; i < s->incidents->len; i++) {
		const struct incident *incident = s->incidents->pdata[i];

		all += weight_of(incident);
		nearest(index, incident, incidents, &near);
		if (near > 0.5)
			there += weight_of(incident) * near;
		if ((panic_on_warn && incident->kind == INCIDENT_WARN) ||
		    (last->text == NULL && last->cut_off && alike(index, last, incident) > 0.5))
			break;
	}
	return there / all;
}

static double errnos_in_common(const struct signature *s, const struct log *log)
{
	guint both = 0;

	for (guint i = 0; i < s->errnos->len; i++)
		both += g_ptr_array_find_with_equal_func(log->errnos, s->errnos->pdata[i],
							 g_str_equal, NULL);
	return log->errnos->len + s->errnos->len > 0 ?
	       2.0 * both / (log->errnos->len + s->errnos->len) : 0;
}

/* The kernel of @s that is of the log's release and has no fix taken out; or NULL. */
static const char *same_kernel(const struct signature *s, const char *release)
{
	const struct release *row = release != NULL ? release_find(release) : NULL;

	for (guint i = 0; row != NULL && i < s->kernels->len; i++)
		if (g_str_equal(s->kernels->pdata[i], row->name))
			return s->kernels->pdata[i];
	return NULL;
}

/* What needs a failure or a damaged handover is rarer than what needs nothing. */
static double prior(const struct bug *bug)
{
	const char *class = bug_fact(bug, "class");

	if (class == NULL || class[0] == 'S')
		return 1;
	return class[0] == 'H' ? 0.96 : 0.98;
}

static double near_signature(const struct index *index, const struct signature *s,
			     const struct episode *episode, const struct log *log)
{
	double all = 0, explained = 0, near;

	for (guint i = 0; i < episode->incidents->len; i++) {
		const struct incident *incident = episode->incidents->pdata[i];

		nearest(index, incident, s->incidents, &near);
		all += weight_of(incident);
		explained += weight_of(incident) * near;
	}
	if (explained == 0)
		return 0;
	near = explained / all *
	       (0.85 + 0.15 * said(index, s, episode->incidents, log->panic_on_warn));
	if (episode->release != NULL && same_kernel(s, episode->release) == NULL)
		near *= bug_concerns(s->bug, episode->release) ? 0.97 : 0.85;
	return near * prior(s->bug) * (0.98 + 0.02 * errnos_in_common(s, log));
}

static void candidate_free(gpointer data)
{
	struct candidate *c = data;

	g_ptr_array_unref(c->why);
	g_free(c);
}

static void explain_chain(GPtrArray *why, const struct index *index, const struct incident *a,
			  const struct incident *b)
{
	g_autoptr(GString) chain = g_string_new(NULL);
	guint both = 0, known = 0;

	for (guint i = 0; i < a->frames->len; i++) {
		const char *name = a->frames->pdata[i];

		if (!g_hash_table_contains(index->known, name))
			continue;
		known++;
		if (!g_ptr_array_find_with_equal_func(b->frames, name, g_str_equal, NULL))
			continue;
		g_string_append_printf(chain, "%s%s", both++ > 0 ? " < " : "", name);
	}
	g_ptr_array_add(why, g_strdup_printf("line %u: %u of %u functions: %s", a->line, both,
					     known, chain->str));
}

static void explain(struct candidate *c, const struct index *index, const struct episode *episode,
		    const struct log *log)
{
	g_autoptr(GString) errnos = g_string_new(NULL);

	for (guint i = 0; i < episode->incidents->len; i++) {
		const struct incident *a = episode->incidents->pdata[i], *b;
		double near;

		b = nearest(index, a, c->signature->incidents, &near);
		if (b == NULL)
			g_ptr_array_add(c->why, g_strdup_printf("line %u: not explained", a->line));
		else if (a->text != NULL)
			g_ptr_array_add(c->why, g_strdup_printf("line %u: says \"%s\"", a->line,
								b->text));
		else
			explain_chain(c->why, index, a, b);
		if (b != NULL && a->stage != 0 && a->stage != b->stage)
			g_ptr_array_add(c->why, g_strdup_printf(
				"line %u: but that is %s the first kexec", a->line,
				a->stage == 1 ? "before" : "after"));
	}
	for (guint i = 0; i < c->signature->errnos->len; i++)
		if (g_ptr_array_find_with_equal_func(log->errnos, c->signature->errnos->pdata[i],
						     g_str_equal, NULL))
			g_string_append_printf(errnos, " %s",
					       (char *)c->signature->errnos->pdata[i]);
	if (errnos->len > 0)
		g_ptr_array_add(c->why, g_strdup_printf("calls return%s", errnos->str));
	if (!c->released)
		g_ptr_array_add(c->why, g_strdup_printf("but %s should not have it",
							episode->release));
}

static gint compare_candidates(gconstpointer a, gconstpointer b)
{
	const struct candidate *one = *(struct candidate *const *)a;
	const struct candidate *two = *(struct candidate *const *)b;

	return two->nearness != one->nearness ? (gint)two->nearness - (gint)one->nearness :
	       (gint)one->rank - (gint)two->rank;
}

/* One candidate a bug, with the signature that is nearest; @near of each signature. */
static void find_candidates(const struct index *index, const struct log *log,
			    struct episode *episode)
{
	GPtrArray *found = episode->candidates;
	double best = 0;

	for (guint i = 0; i < index->signatures->len; i++) {
		const struct signature *s = index->signatures->pdata[i];
		double near = near_signature(index, s, episode, log);
		struct candidate *c = found->len > 0 ? found->pdata[found->len - 1] : NULL;

		if (near < NEAR)
			continue;
		best = MAX(best, near);
		if (c == NULL || c->bug != s->bug) {
			c = g_new0(struct candidate, 1);
			c->bug = s->bug;
			c->rank = found->len;
			c->why = g_ptr_array_new_with_free_func(g_free);
			g_ptr_array_add(found, c);
		}
		if (c->signature == NULL || near * 1000 + 0.5 > c->nearness + 1) {
			c->nearness = near * 1000 + 0.5;
			c->signature = s;
		}
	}
	g_ptr_array_sort(found, compare_candidates);
	while (found->len > MAX_CANDIDATES ||
	       (found->len > 0 && ((struct candidate *)found->pdata[found->len - 1])->nearness <
				  best * NEAR_BEST * 1000))
		g_ptr_array_remove_index(found, found->len - 1);
}

static void finish_candidates(const struct index *index, const struct log *log,
			      const struct episode *episode)
{
	guint nearest_of_rank = 0, rank = 0;

	for (guint i = 0; i < episode->candidates->len; i++) {
		struct candidate *c = episode->candidates->pdata[i];

		if (i == 0 || nearest_of_rank - c->nearness > AS_NEAR * 1000) {
			nearest_of_rank = c->nearness;
			rank = i + 1;
		}
		c->rank = rank;
		c->nearness = (c->nearness + 5) / 10;
		c->kernel = same_kernel(c->signature, episode->release);
		c->released = episode->release == NULL || c->kernel != NULL ||
			      bug_concerns(c->bug, episode->release);
		if (c->kernel == NULL)
			c->kernel = c->signature->kernels->pdata[0];
		explain(c, index, episode, log);
	}
}

static void episode_free(gpointer data)
{
	struct episode *episode = data;

	g_ptr_array_unref(episode->incidents);
	g_ptr_array_unref(episode->candidates);
	g_free(episode);
}

static struct episode *new_episode(GPtrArray *episodes)
{
	struct episode *episode = g_new0(struct episode, 1);

	episode->incidents = g_ptr_array_new();
	episode->candidates = g_ptr_array_new_with_free_func(candidate_free);
	g_ptr_array_add(episodes, episode);
	return episode;
}

/* Does @incident say anything of a kind that a bug says? */
static bool is_known(const struct index *index, const struct incident *incident)
{
	double near;

	nearest(index, incident, index->distinct, &near);
	return near > 0.3;
}

/*
 * A WARN of a place that warns once a kernel can come again only in another kernel, and
 * what comes after a panic in another log.
 */
static bool begins_another(const struct index *index, const struct episode *episode,
			   const struct incident *incident)
{
	for (guint i = 0; i < episode->incidents->len; i++) {
		const struct incident *other = episode->incidents->pdata[i];

		if (other->kind == INCIDENT_PANIC || other->boot != incident->boot)
			return true;
		if (other->kind == INCIDENT_WARN && incident->kind == INCIDENT_WARN &&
		    other->frames->len > 0 && incident->frames->len > 0 &&
		    other->stage == incident->stage &&
		    g_str_equal(other->frames->pdata[0], incident->frames->pdata[0]) &&
		    !g_hash_table_contains(index->repeats, incident->frames->pdata[0]))
			return true;
	}
	return false;
}

/* A machine that warns without end says nothing more by it. */
static bool said_enough(GHashTable *times, const struct incident *incident)
{
	g_autofree char *key = incident_key(incident);
	guint nr;

	nr = GPOINTER_TO_UINT(g_hash_table_lookup(times, key));
	if (nr < MAX_TIMES)
		g_hash_table_replace(times, g_steal_pointer(&key), GUINT_TO_POINTER(nr + 1));
	return nr == MAX_TIMES;
}

static const char *release_of(const struct episode *episode, const struct log *log)
{
	for (guint i = episode->incidents->len; i-- > 0;) {
		const struct incident *incident = episode->incidents->pdata[i];

		if (incident->release != NULL)
			return incident->release;
	}
	return log->release;
}

GPtrArray *score(const struct index *index, const struct log *log)
{
	g_autoptr(GHashTable) times = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GPtrArray *episodes = g_ptr_array_new_with_free_func(episode_free);
	struct episode *episode = NULL;

	for (guint i = 0; i < log->incidents->len; i++) {
		struct incident *incident = log->incidents->pdata[i];

		if (said_enough(times, incident) || !is_known(index, incident))
			continue;
		if (episode == NULL || begins_another(index, episode, incident))
			episode = new_episode(episodes);
		g_ptr_array_add(episode->incidents, incident);
	}
	for (guint i = 0; i < episodes->len; i++) {
		episode = episodes->pdata[i];
		episode->release = release_of(episode, log);
		find_candidates(index, log, episodes->pdata[i]);
		finish_candidates(index, log, episodes->pdata[i]);
	}
	return episodes;
}
