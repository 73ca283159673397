/* SPDX-License-Identifier: GPL-2.0-only */
/* The results of a set of runs of one scenario. */
#include "run/aggregate.h"
#include "scn/print.h"
#include "scn/select.h"

enum rank { RANK_CLEAN = 1, RANK_BROKEN, RANK_UNEXPECTED };

struct aggregate *aggregate_new(const struct scenario *scn, const struct release *release,
				const char *what, const char *which)
{
	struct aggregate *a = g_new0(struct aggregate, 1);

	a->what = what;
	a->which = which;
	a->scn = scn;
	a->release = release;
	a->groups = g_array_new(FALSE, TRUE, sizeof(struct group));
	a->complaints = g_ptr_array_new_with_free_func(g_free);
	a->all = ~0u;
	return a;
}

void aggregate_free(struct aggregate *a)
{
	for (guint i = 0; i < a->groups->len; i++)
		g_free(g_array_index(a->groups, struct group, i).first);
	g_array_unref(a->groups);
	g_ptr_array_unref(a->complaints);
	g_free(a->violations);
	g_free(a);
}

/* What the list says of a kernel of the release; 0 without it. */
static guint32 listed(const struct aggregate *a, enum list list)
{
	return expected_kinds(a->scn->lists[list], a->release);
}

static bool has_lists(const struct scenario *scn)
{
	for (int i = 0; i < NR_LISTS; i++)
		if (scn->lists[i]->len > 0)
			return true;
	return false;
}

/* What may come without being asked for. */
static guint32 allowed(const struct aggregate *a)
{
	return EXPECT_CLEAN | listed(a, LIST_ALWAYS) | listed(a, LIST_SOMETIMES);
}

/* A run's kinds as the lists have them. */
static guint32 with_clean(guint32 kinds)
{
	return kinds != 0 ? kinds : EXPECT_CLEAN;
}

static bool as_expected(const struct aggregate *a, const struct verdict *v)
{
	if (v->mismatches > 0 || !has_lists(a->scn))
		return v->ok;
	return (with_clean(v->causes) & ~allowed(a)) == 0 &&
	       (with_clean(v->kinds) & listed(a, LIST_NEVER)) == 0;
}

static struct group *group_of(struct aggregate *a, const struct verdict *v, const char *choice)
{
	struct group new = { .causes = v->causes, .differs = v->mismatches > 0 };

	for (guint i = 0; i < a->groups->len; i++) {
		struct group *g = &g_array_index(a->groups, struct group, i);

		if (g->causes == new.causes && g->differs == new.differs)
			return g;
	}
	new.first = g_strdup(choice);
	g_array_append_val(a->groups, new);
	return &g_array_index(a->groups, struct group, a->groups->len - 1);
}

bool aggregate_add(struct aggregate *a, const struct verdict *v, guint64 runs, const char *choice)
{
	bool expected = as_expected(a, v);
	guint rank = !expected ? RANK_UNEXPECTED : v->causes != 0 ? RANK_BROKEN : RANK_CLEAN;

	runs_add(&group_of(a, v, choice)->runs, runs);
	runs_add(&a->runs, runs);
	a->some |= with_clean(v->kinds);
	a->all &= with_clean(v->kinds);
	if (!v->ok)
		runs_add(&a->not_ok, runs);
	a->mismatches += v->mismatches;
	if (rank <= a->rank)
		return false;
	a->rank = rank;
	g_free(a->violations);
	a->violations = g_memdup2(v->violations, v->nr_violations * sizeof(*v->violations));
	a->nr_violations = v->nr_violations;
	return true;
}

/* One for each kind of @kinds: "leak ends". */
static void complain_of(struct aggregate *a, guint32 kinds, const char *text)
{
	for (guint32 bit = 1; bit != 0; bit <<= 1) {
		g_autoptr(GString) kind = g_string_new(NULL);

		if ((kinds & bit) == 0)
			continue;
		print_kinds(kind, bit);
		g_ptr_array_add(a->complaints, g_strdup_printf("%s %s", kind->str, text));
	}
}

static void complain_all(struct aggregate *a, guint32 causes)
{
	if (!has_lists(a->scn)) {
		if (a->not_ok > 0)
			g_ptr_array_add(a->complaints,
					g_strdup_printf("%" G_GUINT64_FORMAT " not as expected",
							a->not_ok));
		return;
	}
	complain_of(a, causes & ~allowed(a) & ~listed(a, LIST_NEVER), "was not expected");
	complain_of(a, a->some & listed(a, LIST_NEVER), "was never to be");
	if (!a->partial)
		complain_of(a, listed(a, LIST_SOMETIMES) & ~a->some, "was to be sometimes");
	complain_of(a, listed(a, LIST_ALWAYS) & ~a->all, "was to be always");
}

void aggregate_verdict(struct aggregate *a, struct verdict *v)
{
	guint32 causes = 0;

	for (guint i = 0; i < a->groups->len; i++)
		causes |= g_array_index(a->groups, struct group, i).causes;
	g_ptr_array_set_size(a->complaints, 0);
	complain_all(a, causes);
	*v = (struct verdict){
		.ok = a->complaints->len == 0 && a->mismatches == 0,
		.kinds = a->some & ~EXPECT_CLEAN,
		.causes = causes,
		.expected = has_lists(a->scn) ? allowed(a) & ~EXPECT_CLEAN :
						expected_kinds(a->scn->expects, a->release),
		.violations = a->violations,
		.nr_violations = a->nr_violations,
		.mismatches = a->mismatches,
		.set = a,
	};
}

void aggregate_print(GString *out, const struct aggregate *a)
{
	if (a->groups->len == 0)
		g_string_append_printf(out, "no %s", a->what);
	else if (a->runs == 0)
		g_string_append_printf(out, "some %ss: ", a->what);
	else
		g_string_append_printf(out, "%s%" G_GUINT64_FORMAT " %s%s: ",
				       a->runs == G_MAXUINT64 ? "more than " : "", a->runs,
				       a->what, a->runs == 1 ? "" : "s");
	for (guint i = 0; i < a->groups->len; i++) {
		const struct group *g = &g_array_index(a->groups, struct group, i);

		g_string_append(out, i > 0 ? ", " : "");
		if (g->runs > 0)
			g_string_append_printf(out, "%" G_GUINT64_FORMAT " ", g->runs);
		print_kinds(out, g->causes);
		g_string_append(out, g->differs ? " with other results" : "");
	}
	for (guint i = 0; i < a->complaints->len; i++)
		g_string_append_printf(out, "; %s", (char *)a->complaints->pdata[i]);
}
