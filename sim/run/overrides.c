/* SPDX-License-Identifier: GPL-2.0-only */
/* The command-line options that change the kernels which scenarios run on. */
#include <string.h>

#include "run/overrides.h"
#include "scn/handler.h"
#include "scn/plugin.h"
#include "scn/select.h"
#include "scn/setting.h"

struct overrides *overrides_new(void)
{
	struct overrides *o = g_new0(struct overrides, 1);

	o->releases = g_ptr_array_new();
	o->settings = settings_new();
	return o;
}

void overrides_free(struct overrides *o)
{
	g_ptr_array_unref(o->releases);
	g_array_unref(o->settings);
	g_free(o);
}

struct overrides *overrides_copy(const struct overrides *o)
{
	struct overrides *copy = overrides_new();

	g_ptr_array_extend(copy->releases, o->releases, NULL, NULL);
	settings_append(copy->settings, o->settings);
	copy->no_reduction = o->no_reduction;
	copy->max_states = o->max_states;
	copy->time_limit = o->time_limit;
	copy->policy_given = o->policy_given;
	copy->keep_handlers = o->keep_handlers;
	return copy;
}

gboolean overrides_set(struct overrides *o, const char *what, const char *text, GError **error)
{
	struct lex l = {
		.file = what, .line = text, .p = text, .end = text + strlen(text), .error = error,
	};

	if (!setting_parse(&l, o->settings))
		return FALSE;
	if (l.p < l.end)
		lex_expected(&l, "nothing more");
	return l.p == l.end;
}

/* As overrides_set() of "policy=@name", which may be the path of a plugin. */
static gboolean policy_set(struct overrides *o, const char *what, const char *name, GError **error)
{
	g_autofree char *text = g_strdup_printf("policy=%s", name);
	g_autofree char *first = g_strndup(name, strcspn(name, ","));

	if (strchr(first, '/') != NULL && !plugin_load(first, error))
		return FALSE;
	o->policy_given = true;
	return overrides_set(o, what, text, error);
}

const char *overrides_policy_name(const struct overrides *o)
{
	const char *name = NULL;

	for (guint i = 0; i < o->settings->len; i++)
		if (g_array_index(o->settings, struct setting, i).kind == SET_POLICY)
			name = g_array_index(o->settings, struct setting, i).policy;
	return name;
}

const struct release *overrides_tree(const struct overrides *o)
{
	for (guint i = 0; i < o->releases->len; i++)
		if (((const struct release *)o->releases->pdata[i])->tree != NULL)
			return o->releases->pdata[i];
	return NULL;
}

void overrides_drop(struct overrides *o, enum setting_kind kind)
{
	for (guint i = o->settings->len; i > 0; i--)
		if (g_array_index(o->settings, struct setting, i - 1).kind == kind)
			g_array_remove_index(o->settings, i - 1);
}

gboolean releases_parse(const char *what, const char *text, GPtrArray *releases, GError **error)
{
	g_auto(GStrv) names = g_strsplit(text, ",", -1);
	struct lex l = { .file = what, .line = text, .p = text, .error = error };

	for (guint i = 0; names[i] != NULL; i++) {
		const struct release *release = release_check(&l, text, names[i]);

		if (release == NULL)
			return FALSE;
		g_ptr_array_add(releases, (gpointer)release);
	}
	return TRUE;
}

static void subject_free(gpointer data)
{
	struct subject *subject = data;

	g_free(subject->name);
	overrides_free(subject->overrides);
	g_free(subject);
}

/* What is given once for all and once for each; NULL when nothing is. */
static const char *given_twice(const struct overrides *o, const char *policies,
			       const char *releases)
{
	if (policies != NULL && releases != NULL)
		return "--releases together with --policies, expected one of them";
	if (releases != NULL && o->releases->len > 0)
		return "--kernel together with --releases, expected one of them";
	if (policies != NULL && overrides_policy_name(o) != NULL)
		return "--policy together with --policies, expected one of them";
	return NULL;
}

/* "all" are all policies, or all series: stable releases besides are had by name. */
static GStrv subject_names(const char *list, bool policies)
{
	g_autoptr(GStrvBuilder) names = NULL;
	gsize nr_presets, nr_releases;
	const struct policy *presets = policy_presets(&nr_presets);
	const struct release *table = release_table(&nr_releases);

	if (!g_str_equal(list, "all"))
		return g_strsplit(list, ",", -1);
	names = g_strv_builder_new();
	if (policies)
		for (gsize i = 0; i < nr_presets; i++)
			g_strv_builder_add(names, presets[i].name);
	else
		for (gsize i = 0; i < nr_releases; i++)
			if (!table[i].stable)
				g_strv_builder_add(names, table[i].name);
	return g_strv_builder_end(names);
}

GPtrArray *subjects_parse(const struct overrides *o, const char *policies, const char *releases,
			  GError **error)
{
	g_autoptr(GPtrArray) subjects = g_ptr_array_new_with_free_func(subject_free);
	const char *twice = given_twice(o, policies, releases);
	g_auto(GStrv) names = NULL;

	if (twice != NULL) {
		g_set_error_literal(error, SCN_ERROR, 0, twice);
		return NULL;
	}
	names = subject_names(policies != NULL ? policies : releases, policies != NULL);
	if (names[0] == NULL || g_strv_contains((const char *const *)names, "")) {
		g_set_error_literal(error, SCN_ERROR, 0, "empty name in a list of policies or "
				    "releases, expected names joined by ',', or all");
		return NULL;
	}
	for (guint i = 0; names[i] != NULL; i++) {
		struct subject *subject = g_new(struct subject, 1);

		subject->name = g_strdelimit(g_strdup(names[i]), "+", ',');
		subject->overrides = overrides_copy(o);
		g_ptr_array_add(subjects, subject);
		if (policies != NULL ?
		    !policy_set(subject->overrides, "--policies", subject->name, error) :
		    !releases_parse("--releases", names[i], subject->overrides->releases, error))
			return NULL;
	}
	return g_steal_pointer(&subjects);
}

/* "--with" and "FIX" to "with=FIX", as a kernel heading has it. */
static gboolean set_setting(const char *option, const char *value, gpointer data, GError **error)
{
	g_autofree char *text = NULL;

	if (g_str_equal(option, "--panic-on-warn"))
		text = g_strdup("panic_on_warn");
	else
		text = g_strdup_printf("%s%c%s", option + 2,
				       g_str_equal(option, "--limit") ? ':' : '=', value);
	return overrides_set(data, option, text, error);
}

static gboolean give_handler(const char *option, const char *value, gpointer data, GError **error)
{
	(void)option;
	(void)data;
	return handler_give(value, error);
}

static gboolean set_policy(const char *option, const char *value, gpointer data, GError **error)
{
	return policy_set(data, option, value, error);
}

/* --kernel R,R2... */
static gboolean set_kernels(const char *option, const char *value, gpointer data, GError **error)
{
	struct overrides *o = data;

	g_ptr_array_set_size(o->releases, 0);
	return releases_parse(option, value, o->releases, error);
}

gboolean overrides_time_limit(const char *option, const char *value, gpointer data,
			      GError **error)
{
	struct overrides *o = data;
	char *end;
	double seconds = g_ascii_strtod(value, &end);

	if (end == value || *end != '\0' || !(seconds >= 0.001 && seconds <= 1e9)) {
		g_set_error(error, SCN_ERROR, 0, "%s: found '%s', expected seconds, 0.001 to "
			    "1000000000", option, value);
		return FALSE;
	}
	o->time_limit = seconds * G_USEC_PER_SEC;
	return TRUE;
}

static GOptionGroup *overrides_group(struct overrides *o)
{
	const GOptionEntry entries[] = {
		{ "kernel", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, set_kernels,
		  "Release of kernel 1 and those that inherit it, or of each kernel", "R[,R2...]" },
		{ "handler", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, give_handler,
		  "Load a file handler for all scenarios", "PATH" },
		{ "policy", 0, 0, G_OPTION_ARG_CALLBACK, set_policy,
		  "Ownership policy of all kernels", "P" },
		{ "with", 0, 0, G_OPTION_ARG_CALLBACK, set_setting,
		  "Give all kernels a fix", "FIX" },
		{ "without", 0, 0, G_OPTION_ARG_CALLBACK, set_setting,
		  "Take a fix from all kernels", "FIX" },
		{ "limit", 0, 0, G_OPTION_ARG_CALLBACK, set_setting,
		  "Change a limit of all kernels", "NAME=N" },
		{ "mem", 0, 0, G_OPTION_ARG_CALLBACK, set_setting,
		  "Memory of the machine", "SIZE" },
		{ "panic-on-warn", 0, G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, set_setting,
		  "Set panic_on_warn in all kernels", NULL },
		{ "no-reduction", 0, 0, G_OPTION_ARG_NONE, &o->no_reduction,
		  "Run all schedules of a race one by one", NULL },
		{ "max-states", 0, 0, G_OPTION_ARG_INT, &o->max_states,
		  "Stop the search of a race at N states", "N" },
		{ 0 },
	};
	GOptionGroup *group = g_option_group_new("kernels", "", "", o, NULL);

	g_option_group_add_entries(group, entries);
	return group;
}

bool overrides_parse(struct overrides *o, const GOptionEntry *entries, const char *files,
		     const char *summary, const char *description, int argc, char **argv,
		     GError **error)
{
	g_autoptr(GOptionContext) context = g_option_context_new(files);
	GOptionGroup *group = overrides_group(o);

	g_option_group_add_entries(group, entries);
	g_option_context_set_main_group(context, group);
	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, description);
	if (!g_option_context_parse(context, &argc, &argv, error))
		return false;
	if (o->max_states >= 0)
		return true;
	g_set_error(error, SCN_ERROR, 0, "--max-states below 0, expected how many states a race "
		    "may have");
	return false;
}
