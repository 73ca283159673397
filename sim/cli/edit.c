/* SPDX-License-Identifier: GPL-2.0-only */
/* The text of a scenario, changed line by line; what it then is, the parser says. */
#include <string.h>

#include "cli/edit.h"
#include "scn/setting.h"
#include "scn/tree.h"

static void append_line(GString *out, const char *indent_of, const char *text)
{
	g_string_append_len(out, indent_of, strspn(indent_of, " \t"));
	g_string_append_printf(out, "%s\n", text);
}

GString *edit_line(const char *source, guint line, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(source, "\n", -1);
	GString *out = g_string_new(NULL);

	for (guint i = 0; lines[i] != NULL; i++) {
		if (text != NULL || i + 1 != line)
			g_string_append_printf(out, "%s%s", lines[i],
					       lines[i + 1] != NULL ? "\n" : "");
		if (text != NULL && i + 1 == line)
			append_line(out, lines[i], text);
	}
	return out;
}

GString *edit_schedule(const char *source, guint line, const char *schedule)
{
	g_autofree char *heading = g_strconcat("race schedule=", schedule, NULL);
	g_autoptr(GString) with = edit_line(source, line, heading);

	return edit_line(with->str, line, NULL);
}

/* The heading of a kernel, without a comment: release and policy are not those that it had. */
static char *kernel_heading(const struct kernel_heading *k, const struct overrides *o)
{
	const GPtrArray *releases = o->releases;
	const struct release *release = k->release;
	g_autoptr(GString) text = g_string_new(NULL);

	if (releases->len > 0 && (k->number == 1 || releases->len > 1))
		release = releases->pdata[MIN(k->number, releases->len) - 1];
	g_string_append_printf(text, "kernel %u", k->number);
	if (release != NULL)
		g_string_append_printf(text, " %s", release_label(release));
	for (guint i = 0; i < k->settings->len; i++) {
		const struct setting *s = &g_array_index(k->settings, struct setting, i);

		if (s->kind != SET_POLICY || !o->policy_given)
			setting_print(text, s);
	}
	for (guint i = 0; i < o->settings->len; i++) {
		const struct setting *s = &g_array_index(o->settings, struct setting, i);

		if (s->kind != SET_MEM || k->number == 1)
			setting_print(text, s);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

GString *edit_kernels(const char *source, const struct scenario *scn, const struct overrides *o)
{
	g_auto(GStrv) lines = g_strsplit(source, "\n", -1);
	GString *out = g_string_new(NULL);

	for (guint i = 0; i < scn->steps->len; i++) {
		const struct step *step = &g_array_index(scn->steps, struct step, i);
		char **line = &lines[step->line - 1];

		if (step->kind != STEP_KERNEL)
			continue;
		g_free(*line);
		*line = kernel_heading(&step->kernel, o);
	}
	for (guint i = 0; lines[i] != NULL; i++)
		if (!g_str_has_prefix(lines[i], "runs ") && !g_str_has_prefix(lines[i], "runs\t"))
			g_string_append_printf(out, "%s%s", lines[i],
					       lines[i + 1] != NULL ? "\n" : "");
	return out;
}
