/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim list: tables of what there is, straight from the model and the operations. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "match/bugs.h"
#include "match/index.h"
#include "scn/op.h"

/* "7.1.0 to 7.1.3", "7.3.4", or "-". */
static char *covered(const struct stable_range *of)
{
	g_autofree char *first = g_strdup_printf("%u.%u.%u", of->major, of->minor, of->first);

	if (of->major == 0)
		return g_strdup("-");
	if (of->first == of->last)
		return g_steal_pointer(&first);
	return g_strdup_printf("%s to %u.%u.%u", first, of->major, of->minor, of->last);
}

static void list_releases(void)
{
	size_t nr;
	const struct release *table = release_table(&nr);

	printf("%-9s %-11s %-19s %-7s %-7s %s\n", "release", "follows", "stands for", "KHO",
	       "LUO", "policy");
	for (size_t i = 0; i < nr; i++) {
		g_autofree char *covers = covered(&table[i].covers);

		printf("%-9s %-11s %-19s %-7s %-7s %s\n", table[i].name, table[i].uname, covers,
		       table[i].kho_compatible, table[i].luo_compatible, table[i].policy.name);
	}
}

/* The first release that has @fix, or "none". */
static const char *first_with(int fix)
{
	size_t nr;
	const struct release *table = release_table(&nr);

	for (size_t i = 0; i < nr; i++)
		if (table[i].fixes & FIX_BIT(fix))
			return table[i].name;
	return "none";
}

static void list_fixes(void)
{
	printf("%-24s %-5s %-9s %s\n", "fix", "bug", "since", "what it does");
	for (int i = 0; i < NR_FIXES; i++)
		printf("%-24s %-5s %-9s %s\n", fix_table()[i].name, fix_table()[i].bug,
		       first_with(i), fix_table()[i].about);
}

/* The stable releases of a series have the same. */
static void list_limits(void)
{
	size_t nr;
	const struct release *table = release_table(&nr);

	printf("%-20s", "limit");
	for (size_t i = 0; i < nr; i++)
		if (!table[i].stable)
			printf(" %8s", table[i].name);
	for (int limit = 0; limit < NR_LIMITS; limit++) {
		printf("\n%-20s", limit_name(limit));
		for (size_t i = 0; i < nr; i++)
			if (!table[i].stable)
				printf(" %8" G_GUINT64_FORMAT, (guint64)table[i].limit[limit]);
	}
	putchar('\n');
}

static void list_policies(void)
{
	const char *const *values;
	const char *axis;
	size_t nr;
	const struct policy *table = policy_presets(&nr);

	printf("%-16s %-11s %-16s %-10s %s\n", "policy", "identity", "scope", "duplicate",
	       "restore");
	for (size_t i = 0; i < nr; i++)
		printf("%-16s %-11s %-16s %-10s %s\n", table[i].name,
		       policy_value(&table[i], 0), policy_value(&table[i], 1),
		       policy_value(&table[i], 2), policy_value(&table[i], 3));
	putchar('\n');
	for (size_t i = 0; (axis = policy_axis(i, &values)) != NULL; i++) {
		printf("%-16s", axis);
		for (size_t v = 0; values[v] != NULL; v++)
			printf(" %s", values[v]);
		putchar('\n');
	}
}

static void list_operations(void)
{
	for (const struct op_info *info = op_table(); info->name != NULL; info++) {
		g_autoptr(GString) signature = g_string_new(NULL);

		op_signature(signature, info);
		printf("%s\n    %s\n", signature->str, info->about);
		for (guint i = 0; i < MAX_TRIES && info->tries[i] != NULL; i++)
			printf("    explored as %s\n", info->tries[i]);
	}
}

static void list_files(void)
{
	for (int kind = 0; kind < NR_FILE_KINDS; kind++)
		printf("%s\n", file_kind_name(kind));
}

/* The release that has @handler, or "posted". */
static const char *handler_in(int handler)
{
	size_t nr;
	const struct release *table = release_table(&nr);

	for (size_t i = 0; i < nr; i++)
		if (table[i].handlers & HANDLER_BIT(handler))
			return table[i].name;
	return "posted";
}

static void list_handlers(void)
{
	printf("%-12s %s\n%-12s all\n", "handler", "loaded in", "memfd");
	for (int handler = 0; handler < NR_HANDLERS; handler++)
		printf("%-12s %s\n", handler_name(handler), handler_in(handler));
}

static void list_fields(void)
{
	for (gsize i = 0; handover_field(i) != NULL; i++)
		printf("%s\n", handover_field(i));
}

/* What "fail" takes: the call, where a point has several, decides on the errno. */
static void list_points(void)
{
	printf("%-24s %s\n", "point", "fails with");
	for (int point = 0; point < NR_FAIL_POINTS; point++) {
		int error = fail_point_error(point, CALL_PRESERVE);

		if (point == FAIL_ANYWHERE)
			printf("%-24s each of these in turn\n", fail_point_name(point));
		else if (error == FAIL_ANY_ERROR)
			printf("%-24s any errno\n", fail_point_name(point));
		else
			printf("%-24s %s\n", fail_point_name(point),
			       error != 0 ? errno_name(-error) : "no");
	}
}

static void list_bugs(void)
{
	g_autoptr(GPtrArray) bugs = bugs_parse(bugs_page);

	printf("%-5s %-5s %-24s %s\n", "bug", "class", "fix", "what goes wrong");
	for (guint i = 0; i < bugs->len; i++) {
		const struct bug *bug = bugs->pdata[i];
		const char *what = bug_fact(bug, "what goes wrong");

		printf("%-5s %-5s %-24s %.*s\n", bug->id, bug_fact(bug, "class"),
		       bug_fact(bug, "fix"), (int)strcspn(what, ".:;"), what);
	}
}

static const struct {
	const char *name;
	void (*list)(void);
} lists[] = {
	{ "releases", list_releases },
	{ "fixes", list_fixes },
	{ "limits", list_limits },
	{ "policies", list_policies },
	{ "operations", list_operations },
	{ "files", list_files },
	{ "handlers", list_handlers },
	{ "fields", list_fields },
	{ "points", list_points },
	{ "bugs", list_bugs },
};

int list_main(int argc, char **argv)
{
	static const char usage[] =
		"releases|fixes|limits|policies|operations|files|handlers|fields|points|bugs";
	g_autoptr(GOptionContext) context = g_option_context_new(usage);
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context, "Print a table of what there is.");
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return complain("%s", error->message);
	for (guint i = 0; argc == 2 && i < G_N_ELEMENTS(lists); i++) {
		if (strcmp(argv[1], lists[i].name) == 0) {
			lists[i].list();
			return finish_output(EXIT_OK);
		}
	}
	return complain("%s%s%s, expected luosim list %s", argc == 2 ? "unknown list '" : "which",
			argc == 2 ? argv[1] : " list", argc == 2 ? "'" : "", usage);
}
