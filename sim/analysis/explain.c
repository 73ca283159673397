/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What cures a scenario that breaks: it is run with each fix that its kernels lack,
 * each policy, each release, and if none of these helps, with sets of them.
 */
#include "analysis/explain.h"
#include "run/progress.h"

#define MAX_SET		3	/* changes at once */

struct explain_search {
	const struct scenario *scn;
	const struct overrides *overrides;
	struct digest *base;
	struct explanation *x;
	struct progress *progress;
	bool stopped;
};

static void change_free(struct change *change)
{
	g_free(change->name);
	g_free(change->setting);
	g_free(change);
}

static void effect_clear(struct effect *effect)
{
	g_free(effect->words);
}

static GArray *effects_new(void)
{
	GArray *effects = g_array_new(FALSE, TRUE, sizeof(struct effect));

	g_array_set_clear_func(effects, (GDestroyNotify)effect_clear);
	return effects;
}

static struct explanation *explanation_new(const struct scenario *scn)
{
	struct explanation *x = g_new0(struct explanation, 1);

	x->scn = scn;
	x->changes = g_ptr_array_new_with_free_func((GDestroyNotify)change_free);
	x->fixes = effects_new();
	x->policies = effects_new();
	x->releases = effects_new();
	return x;
}

void explanation_free(struct explanation *x)
{
	g_array_unref(x->fixes);
	g_array_unref(x->policies);
	g_array_unref(x->releases);
	g_ptr_array_unref(x->changes);
	g_clear_pointer(&x->set, g_ptr_array_unref);
	g_clear_pointer(&x->story, story_free);
	g_free(x->set_words);
	g_free(x->words);
	g_free(x);
}

bool explanation_found(const struct explanation *x)
{
	return x->fixes->len > 0 || x->policies->len > 0 || x->set != NULL ||
	       x->first_release != NULL;
}

/* ---- Runs ---- */

/* One run more; NULL when the user wants to stop. */
static struct digest *try(struct explain_search *s, const struct overrides *overrides)
{
	struct digest *runs[2] = { s->base };

	s->stopped = s->stopped || !progress_step(s->progress, 0);
	if (s->stopped)
		return NULL;
	runs[1] = digest_run(s->scn, overrides, false);
	digest_refusals(runs, runs[0] != NULL ? 2 : 0);
	return runs[1];
}

static bool is_broken(const struct digest *d)
{
	return d->skipped == NULL && (d->causes != 0 || !d->ok);
}

/* Violations to be cured: if some are expected and some are not, the latter. */
static guint32 trouble(const struct digest *base)
{
	return base->ok || base->expected == EXPECT_ANY ? base->causes :
							  base->causes & ~base->expected;
}

/* Did @nr of @base, which is not as expected, come out otherwise in @d? */
static bool step_differs(const struct digest *base, const struct digest *d, guint nr)
{
	const struct digest_step *here = digest_step(d, nr);

	return here != NULL && here->hash != digest_step(base, nr)->hash;
}

/*
 * None of the trouble is left, and nothing else that is not expected. Where only a
 * result was the trouble, another one is the cure, not another expectation.
 */
static bool is_cured(const struct digest *base, const struct digest *d)
{
	if (d->skipped != NULL)
		return false;
	if (trouble(base) != 0)
		return (d->causes & trouble(base)) == 0 && (d->causes == 0 || d->ok);
	return d->ok && (base->mismatch == 0 || step_differs(base, d, base->mismatch));
}

/* Results count where they are the trouble: policies make others than were expected. */
static char *words_of(const struct digest *base, const struct digest *d)
{
	g_autoptr(GString) words = g_string_new(NULL);

	if (d->skipped == NULL && d->causes == 0 && d->mismatch != 0 && trouble(base) == 0)
		return g_strdup_printf("the result of line %u differs",
				       digest_step(d, d->mismatch)->line);
	digest_words(words, d);
	return g_strdup(words->str);
}

/* Run with @changes; what came out, if it is as wanted, else NULL. */
static char *try_changes(struct explain_search *s, struct change *const *changes, guint nr,
			 bool cure)
{
	struct overrides *overrides = overrides_copy(s->overrides);
	struct digest *d;
	char *words = NULL;

	for (guint i = 0; i < nr; i++)
		overrides_set(overrides, "change", changes[i]->setting, NULL);
	d = try(s, overrides);
	overrides_free(overrides);
	if (d == NULL)
		return NULL;
	if (cure ? is_cured(s->base, d) : is_broken(d) && (changes[0]->fix >= 0 || d->causes != 0))
		words = words_of(s->base, d);
	digest_free(d);
	return words;
}

/* ---- Changes ---- */

static void add_change(struct explain_search *s, int fix, int axis, const char *name, char *setting)
{
	struct change *change = g_new0(struct change, 1);

	change->fix = fix;
	change->axis = axis;
	change->name = g_strdup(name);
	change->setting = setting;
	g_ptr_array_add(s->x->changes, change);
}

static void add_fixes(struct explain_search *s)
{
	const struct fix_info *fixes = fix_table();

	for (int i = 0; i < NR_FIXES; i++) {
		bool lacks = s->base->lacks & FIX_BIT(i);

		if (s->x->broken && lacks)
			add_change(s, i, -1, fixes[i].name,
				   g_strdup_printf("with=%s", fixes[i].name));
		else if (!s->x->broken && !lacks)
			add_change(s, i, -1, fixes[i].name,
				   g_strdup_printf("without=%s", fixes[i].name));
	}
}

/* Skip policies equivalent to the kernel's or to one already tried. */
static void add_policy(struct explain_search *s, GArray *known, int axis, const char *name)
{
	struct policy policy = s->base->boot.release.policy;
	const char *bad;

	if (policy_parse(name, &policy, &bad) != 0)
		return;
	for (guint i = 0; i < known->len; i++)
		if (policy_equal(&g_array_index(known, struct policy, i), &policy))
			return;
	g_array_append_val(known, policy);
	add_change(s, -1, axis, name, g_strdup_printf("policy=%s", name));
}

static void add_policies(struct explain_search *s)
{
	g_autoptr(GArray) known = g_array_new(FALSE, FALSE, sizeof(struct policy));
	const char *const *values;
	const char *axis;
	gsize nr;
	const struct policy *presets = policy_presets(&nr);

	g_array_append_val(known, s->base->boot.release.policy);
	for (gsize i = 0; i < nr; i++)
		add_policy(s, known, -1, presets[i].name);
	for (gsize a = 0; (axis = policy_axis(a, &values)) != NULL; a++) {
		for (gsize v = 0; values[v] != NULL; v++) {
			g_autofree char *name = g_strdup_printf("%s=%s", axis, values[v]);

			add_policy(s, known, a, name);
		}
	}
}

/* ---- The search ---- */

static void try_singles(struct explain_search *s)
{
	for (guint i = 0; i < s->x->changes->len && !s->stopped; i++) {
		struct change *change = s->x->changes->pdata[i];
		struct effect effect = { .change = change, .name = change->name };

		effect.words = try_changes(s, &change, 1, s->x->broken);
		effect.clean = s->x->broken;
		if (effect.words != NULL)
			g_array_append_val(change->fix >= 0 ? s->x->fixes : s->x->policies, effect);
	}
}

/* Presets, and values of one axis, are mutually exclusive. */
static bool exclude_each_other(const struct change *a, const struct change *b)
{
	return a->fix < 0 && b->fix < 0 && (a->axis < 0 || b->axis < 0 || a->axis == b->axis);
}

/* Try all sets of @size that begin with @set[0..have) and go on past @from. */
static bool try_sets(struct explain_search *s, struct change **set, guint have, guint size,
		     guint from)
{
	const GPtrArray *changes = s->x->changes;

	if (have == size) {
		s->x->set_words = try_changes(s, set, size, true);
		return s->x->set_words != NULL;
	}
	for (guint i = from; i < changes->len && !s->stopped; i++) {
		bool excluded = false;

		set[have] = changes->pdata[i];
		for (guint j = 0; j < have; j++)
			excluded |= exclude_each_other(set[j], set[have]);
		if (!excluded && try_sets(s, set, have + 1, size, i + 1))
			return true;
	}
	return false;
}

static void find_set(struct explain_search *s)
{
	struct change *set[MAX_SET];

	for (guint size = 2; size <= MAX_SET && !s->stopped; size++) {
		if (!try_sets(s, set, 0, size, 0))
			continue;
		s->x->set = g_ptr_array_new();
		for (guint i = 0; i < size; i++)
			g_ptr_array_add(s->x->set, set[i]);
		return;
	}
}

/* Releases as they are: without the fixes and policies of the command line. */
static void try_releases(struct explain_search *s)
{
	struct explanation *x = s->x;
	gsize nr;
	const struct release *table = release_table(&nr);

	for (gsize i = 0; i < nr; i++) {
		struct overrides *overrides = overrides_copy(s->overrides);
		struct effect effect = { .name = table[i].name };
		struct digest *d;

		overrides_drop(overrides, SET_WITH);
		overrides_drop(overrides, SET_WITHOUT);
		overrides_drop(overrides, SET_POLICY);
		g_ptr_array_set_size(overrides->releases, 0);
		g_ptr_array_add(overrides->releases, (gpointer)&table[i]);
		d = try(s, overrides);
		overrides_free(overrides);
		if (d == NULL)
			return;
		effect.clean = is_cured(s->base, d);
		effect.words = words_of(s->base, d);
		g_array_append_val(x->releases, effect);
		digest_free(d);
		if (!effect.clean)
			x->first_release = NULL;
		else if (x->first_release == NULL)
			x->first_release = table[i].name;
	}
}

static void search(struct explain_search *s)
{
	struct explanation *x = s->x;

	x->broken = is_broken(s->base);
	x->words = words_of(s->base, s->base);
	x->boot = s->base->boot;
	add_fixes(s);
	add_policies(s);
	try_singles(s);
	if (!x->broken)
		return;
	if (x->fixes->len == 0 && x->policies->len == 0)
		find_set(s);
	try_releases(s);
	x->story = story_tell(s->scn, s->overrides, s->base);
}

struct explanation *explain(const struct scenario *scn, const struct overrides *overrides)
{
	struct explanation *x = explanation_new(scn);
	struct explain_search s = {
		.scn = scn, .overrides = overrides, .x = x, .progress = progress_new("runs"),
	};
	struct digest *base = try(&s, overrides);

	s.base = base;
	if (base != NULL && base->skipped == NULL)
		search(&s);
	else if (base != NULL)
		x->words = words_of(base, base);
	g_clear_pointer(&base, digest_free);
	progress_free(s.progress);
	if (s.stopped)
		g_clear_pointer(&x, explanation_free);
	return x;
}
