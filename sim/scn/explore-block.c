/* SPDX-License-Identifier: GPL-2.0-only */
/* The block "explore" of a scenario: the world that luosim explore searches. */
#include <string.h>

#include "scn/explore-block.h"
#include "scn/nearest.h"
#include "scn/op.h"

#define NUMBER(_word, _min, _max, _usual, _about) {				\
	.word = #_word, .about = _about, .min = _min, .max = _max, .usual = _usual,	\
}

static const struct world_number_info numbers[NR_WORLD_NUMBERS] = {
	[WORLD_SESSIONS] = NUMBER(sessions, 1, MAX_SESSIONS, 2, "Session names"),
	[WORLD_INODES] = NUMBER(inodes, 0, MAX_INODES, 2, "Memfds"),
	[WORLD_OPENS] = NUMBER(opens, 1, MAX_OPENS, 1, "Open files of each memfd"),
	[WORLD_TOKENS] = NUMBER(tokens, 1, MAX_TOKENS, 2, "Tokens of a session"),
	[WORLD_MEMORIES] = NUMBER(memories, 0, MAX_MEMORIES, 0, "Memory of modules that call KHO"),
	[WORLD_KERNELS] = NUMBER(kernels, 1, MAX_KERNELS, 2, "Kernels, one after the other"),
	[WORLD_FAULTS] = NUMBER(faults, 0, MAX_WORLD_FAULTS, 0,
				"Faults that may be injected on one path"),
	[WORLD_DAMAGE] = NUMBER(damage, 0, MAX_WORLD_DAMAGE, 0,
				"Handovers that may be corrupted on one path"),
	[WORLD_PROCESSES] = NUMBER(processes, 1, MAX_PROCESSES, 1, "Processes"),
	[WORLD_TASKS] = NUMBER(tasks, 1, MAX_WORLD_TASKS, 1,
			       "Tasks that run concurrently"),
	[WORLD_RACES] = NUMBER(races, 0, MAX_WORLD_RACES, 1,
			       "Races on one path, with two tasks"),
	[WORLD_DEPTH] = NUMBER(depth, 1, MAX_SEARCH_DEPTH, MAX_SEARCH_DEPTH,
			       "Operations on a path"),
};

const struct world_number_info *world_number(enum world_number which)
{
	return &numbers[which];
}

/* Kinds that the model itself has. Only the first iommufd finds its memfd without seals. */
static const struct luosim_kind eventfd = {
	.name = "eventfd", .steps = { "open_file(eventfd) = NEW" },
};
static const struct luosim_kind hugetlb = {
	.name = "hugetlb", .steps = {
		"memfd_create(\"huge\", 2M, MFD_HUGETLB) = NEW", "huge_write(NEW, 0, \"h\") = 1" },
};
static const struct luosim_kind tmpfs[] = {
	{ .name = "tmpfs", .steps = {
		"mkdir(\"/t#\") = 0", "mount(\"/t#\") = 0",
		"open(\"/t#\", O_DIRECTORY) = NEW" } },
	{ .name = "tmpfs_file", .needs = "tmpfs", .steps = {
		"openat(ON, \"f#\", O_RDWR|O_CREAT) = NEW", "write(NEW, 0, \"t#\") = 2" } },
	{ .name = NULL },
};
static const struct luosim_kind iommufd = {
	.name = "iommufd", .steps = {
		"iommufd_open() = NEW",
		"add_seals(f0, F_SEAL_SEAL|F_SEAL_GROW|F_SEAL_SHRINK) = 0 / -EPERM",
		"iommufd_map(NEW, f0) = 0", "iommufd_mark(NEW) = 0" },
};

/* What preserves eventfds. */
static const struct handler_script eventfd_script = {
	.name = "counter", .accepts = 1u << FILE_EVENTFD,
};

/* ---- Lists of words ---- */

static void unknown_op(const char *word, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const struct op_info *info;
	const char *text;
	struct nearest n;

	nearest_init(&n, word);
	for (guint i = 0; (text = op_try(i, &info)) != NULL; i++) {
		g_ptr_array_add(names, op_try_name(text));
		nearest_try(&n, names->pdata[i]);
	}
	if (n.best != NULL)
		g_set_error(error, SCN_ERROR, 0, "unknown operation '%s', expected perhaps '%s'",
			    word, n.best);
	else
		g_set_error(error, SCN_ERROR, 0, "unknown operation '%s', expected one that luosim "
			    "list operations says is explored", word);
}

bool world_ops_parse(struct world_words *w, const char *text, GError **error)
{
	g_auto(GStrv) words = g_strsplit(text, ",", -1);

	w->tries = 0;
	for (guint i = 0; words[i] != NULL; i++) {
		int nr = op_try_find(words[i]);

		if (nr < 0) {
			unknown_op(words[i], error);
			return false;
		}
		g_assert(nr < 64);
		w->tries |= (guint64)1 << nr;
	}
	return true;
}

static gboolean is_called(gconstpointer kind, gconstpointer name)
{
	return g_str_equal(((const struct luosim_kind *)kind)->name, name);
}

/* Those of which one can be without a kind that is not in @all; true when there was one. */
static bool add_kinds(GPtrArray *all, const struct luosim_kind *kind)
{
	bool any = false;

	for (; kind != NULL && kind->name != NULL; kind++) {
		const char *on = kind->needs != NULL ? kind->needs : kind->uses;

		if (g_ptr_array_find_with_equal_func(all, kind->name, is_called, NULL) ||
		    (on != NULL && !g_ptr_array_find_with_equal_func(all, on, is_called, NULL)))
			continue;
		g_ptr_array_add(all, (gpointer)kind);
		any = true;
	}
	return any;
}

/* All that luosim brings along, each after the one that it belongs to or is used with. */
static GPtrArray *built_in_kinds(void)
{
	GPtrArray *all = g_ptr_array_new();
	bool more = true;

	g_ptr_array_add(all, (gpointer)&eventfd);
	g_ptr_array_add(all, (gpointer)&hugetlb);
	add_kinds(all, tmpfs);
	while (more) {
		const struct handler_script *script;

		more = false;
		for (guint i = 0; (script = handler_shipped(i)) != NULL; i++)
			more |= add_kinds(all, handler_kinds(script));
		if (!g_ptr_array_find(all, &iommufd, NULL)) {
			g_ptr_array_add(all, (gpointer)&iommufd);
			more = true;
		}
	}
	return all;
}

static bool has_own_files(const struct handler_script *script)
{
	return script->plugin != NULL || script->accepts & 1u << FILE_OWN;
}

/* The handler of that name that brings a kind of files along; or NULL. */
static const struct handler_script *find_own(const struct world_words *w, const char *name)
{
	for (guint i = 0; w->scripts != NULL && i < w->scripts->len; i++) {
		const struct handler_script *s = &g_array_index(w->scripts,
								struct handler_script, i);

		if (has_own_files(s) && g_str_equal(s->name, name))
			return s;
	}
	return NULL;
}

/* The kind of files of the handler's own, of which the next one is. */
static const struct luosim_kind *own_kind(struct world_words *w,
					  const struct handler_script *script)
{
	g_autofree char *step = g_strdup_printf("open_own(\"%s\") = NEW", script->name);
	struct luosim_kind *kind = &w->own[MIN(w->nr_others, MAX_OTHERS - 1)];

	kind->name = g_intern_string(script->name);
	kind->steps[0] = g_intern_string(step);
	return kind;
}

/* "eventfd, hugetlb, ..." */
static char *all_names(const struct world_words *w, const GPtrArray *kinds)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();

	for (guint i = 0; i < kinds->len; i++)
		g_ptr_array_add(names, (char *)((struct luosim_kind *)kinds->pdata[i])->name);
	for (guint i = 0; w->scripts != NULL && i < w->scripts->len; i++) {
		struct handler_script *s = &g_array_index(w->scripts, struct handler_script, i);

		if (has_own_files(s))
			g_ptr_array_add(names, s->name);
	}
	g_ptr_array_add(names, NULL);
	return g_strjoinv(", ", (char **)names->pdata);
}

/* Once, whatever number of files it has. */
static void load_script(struct world_words *w, const struct handler_script *script)
{
	for (guint i = 0; i < w->nr_loaded; i++)
		if (g_str_equal(w->loaded[i].name, script->name))
			return;
	w->loaded[w->nr_loaded++] = *script;
}

static bool has_kind(const struct world_words *w, const char *name)
{
	for (guint i = 0; i < w->nr_others; i++)
		if (g_str_equal(w->others[i]->name, name))
			return true;
	return false;
}

bool world_handlers_load(struct world_words *w, GError **error)
{
	for (guint i = 0; i < w->scripts->len; i++) {
		if (w->nr_loaded == G_N_ELEMENTS(w->loaded)) {
			g_set_error(error, SCN_ERROR, 0, "too many handlers, expected %zu at most",
				    G_N_ELEMENTS(w->loaded));
			return false;
		}
		load_script(w, &g_array_index(w->scripts, struct handler_script, i));
	}
	return true;
}

static bool add_other(struct world_words *w, const GPtrArray *kinds, const char *name,
		      GError **error)
{
	const struct handler_script *own = NULL;
	const struct luosim_kind *kind;
	guint i;

	if (g_ptr_array_find_with_equal_func((GPtrArray *)kinds, name, is_called, &i)) {
		kind = kinds->pdata[i];
	} else if ((own = find_own(w, name)) != NULL) {
		kind = own_kind(w, own);
	} else {
		g_autofree char *all = all_names(w, kinds);

		g_set_error(error, SCN_ERROR, 0, "unknown handler '%s', expected %s", name, all);
		return false;
	}
	if (w->nr_others == MAX_OTHERS) {
		g_set_error(error, SCN_ERROR, 0, "too many handlers, expected %u at most",
			    MAX_OTHERS);
		return false;
	}
	if (kind->needs != NULL && !has_kind(w, kind->needs)) {
		g_set_error(error, SCN_ERROR, 0, "%s without one to belong to, expected %s "
			    "before it", name, kind->needs);
		return false;
	}
	if (kind == &eventfd || own != NULL)
		load_script(w, own != NULL ? own : &eventfd_script);
	w->others[w->nr_others++] = kind;
	return true;
}

bool world_handlers_parse(struct world_words *w, const char *text, GError **error)
{
	g_auto(GStrv) words = g_strsplit(text, ",", -1);
	g_autoptr(GPtrArray) kinds = built_in_kinds();

	w->nr_others = w->nr_loaded = 0;
	for (guint i = 0; words[i] != NULL; i++)
		if (!add_other(w, kinds, words[i], error))
			return false;
	return true;
}

/* ---- The block ---- */

static bool twice(struct lex *l, const char *at, const char *word)
{
	lex_fail(l, at, "second '%s' of a world, expected one", word);
	return false;
}

/* Words joined by ',', which @parse knows. */
static bool parse_words(struct lex *l, const char *what, char **words,
			bool (*parse)(struct world_words *w, const char *text, GError **error))
{
	g_autoptr(GError) error = NULL;
	struct world_words known = { .scripts = l->handlers };
	const char *at;

	lex_blank(l);
	at = l->p;
	*words = lex_run(l, "");
	if (*words == NULL) {
		lex_expected(l, what);
		return false;
	}
	if (parse(&known, *words, &error))
		return true;
	lex_fail(l, at, "%s", error->message);
	return false;
}

bool world_block_parse(struct lex *l, const char *at, const char *word, struct world_block *block)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	enum number_style style;
	guint64 number;

	if ((block->ops != NULL && strcmp(word, "ops") == 0) ||
	    (block->handlers != NULL && strcmp(word, "handlers") == 0))
		return twice(l, at, word);
	if (strcmp(word, "ops") == 0)
		return parse_words(l, "operations joined by ','", &block->ops,
				   world_ops_parse);
	if (strcmp(word, "handlers") == 0)
		return parse_words(l, "handlers joined by ','", &block->handlers,
				   world_handlers_parse);
	for (guint i = 0; i < NR_WORLD_NUMBERS; i++) {
		if (strcmp(numbers[i].word, word) != 0) {
			g_ptr_array_add(words, (char *)numbers[i].word);
			continue;
		}
		if (block->given & 1u << i)
			return twice(l, at, word);
		lex_blank(l);
		at = l->p;
		if (!lex_magnitude(l, "a number", &number, &style))
			return false;
		block->numbers[i] = number;
		block->given |= 1u << i;
		if (number >= numbers[i].min && number <= numbers[i].max)
			return true;
		lex_fail(l, at, "number out of range, expected %u to %u", numbers[i].min,
			 numbers[i].max);
		return false;
	}
	g_ptr_array_add(words, "handlers");
	g_ptr_array_add(words, "ops");
	g_ptr_array_add(words, "end");
	lex_unknown(l, at, "line of an explore block", word, words, true);
	return false;
}

void world_block_print(GString *out, const struct world_block *block)
{
	g_string_append(out, "\nexplore\n");
	for (guint i = 0; i < NR_WORLD_NUMBERS; i++)
		if (block->given & 1u << i)
			g_string_append_printf(out, "  %-10s %u\n", numbers[i].word,
					       block->numbers[i]);
	if (block->handlers != NULL)
		g_string_append_printf(out, "  %-10s %s\n", "handlers", block->handlers);
	if (block->ops != NULL)
		g_string_append_printf(out, "  %-10s %s\n", "ops", block->ops);
	g_string_append(out, "end\n");
}
