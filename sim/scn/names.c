/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of descriptors. With loop variables in them, which names a scenario
 * binds cannot be told without running it; so "s$i" and "s7" are compared by
 * their shape, in which variables and runs of digits are all one letter.
 */
#include "scn/names.h"

struct use {
	guint nr;
	const char *line, *at;
	char *name, *shape;
	bool template;
};

struct names {
	GHashTable *bound;		/* names without variables */
	GHashTable *bound_shapes;	/* shapes of those */
	GHashTable *templates;		/* shapes of names with variables */
	GPtrArray *words;		/* all that are bound, as written */
	GHashTable *used;		/* names in @uses */
	GArray *uses;			/* of struct use, in order, each name once */
};

static void use_clear(struct use *use)
{
	g_free(use->name);
	g_free(use->shape);
}

static GHashTable *set_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

struct names *names_new(void)
{
	struct names *names = g_new0(struct names, 1);

	names->bound = set_new();
	names->bound_shapes = set_new();
	names->templates = set_new();
	names->used = set_new();
	names->words = g_ptr_array_new_with_free_func(g_free);
	names->uses = g_array_new(FALSE, TRUE, sizeof(struct use));
	g_array_set_clear_func(names->uses, (GDestroyNotify)use_clear);
	return names;
}

void names_free(struct names *names)
{
	g_hash_table_unref(names->bound);
	g_hash_table_unref(names->bound_shapes);
	g_hash_table_unref(names->templates);
	g_hash_table_unref(names->used);
	g_ptr_array_unref(names->words);
	g_array_unref(names->uses);
	g_free(names);
}

static char *shape_of(const struct text *text)
{
	GString *shape = g_string_new(NULL);
	guint var = 0;

	for (gsize i = 0; i <= text->len; i++) {
		bool digit = i < text->len && g_ascii_isdigit(text->bytes[i]);

		for (; text->vars != NULL && var < text->vars->len &&
		       g_array_index(text->vars, struct text_var, var).at == i; var++)
			digit = true;
		if (digit && (shape->len == 0 || shape->str[shape->len - 1] != '#'))
			g_string_append_c(shape, '#');
		if (i < text->len && !g_ascii_isdigit(text->bytes[i]))
			g_string_append_c(shape, text->bytes[i]);
	}
	return g_string_free(shape, FALSE);
}

void names_add(struct names *names, const struct lex *l, const char *at,
	       const struct text *text, bool binds)
{
	g_autofree char *written = g_strndup(at, l->p - at);
	struct use use = {
		.nr = l->nr, .line = l->line, .at = at, .template = text->vars != NULL,
	};

	if (binds) {
		if (g_hash_table_contains(names->bound, written))
			return;
		g_ptr_array_add(names->words, g_strdup(written));
		g_hash_table_add(use.template ? names->templates : names->bound_shapes,
				 shape_of(text));
		g_hash_table_add(names->bound, g_steal_pointer(&written));
	} else if (g_hash_table_add(names->used, g_strdup(written))) {
		use.name = g_steal_pointer(&written);
		use.shape = shape_of(text);
		g_array_append_val(names->uses, use);
	}
}

static bool is_bound(const struct names *names, const struct use *use)
{
	return g_hash_table_contains(names->bound, use->name) ||
	       g_hash_table_contains(names->templates, use->shape) ||
	       (use->template && g_hash_table_contains(names->bound_shapes, use->shape));
}

bool names_check(struct names *names, struct lex *l)
{
	for (guint i = 0; i < names->uses->len; i++) {
		const struct use *use = &g_array_index(names->uses, struct use, i);

		if (is_bound(names, use))
			continue;
		l->nr = use->nr;
		l->line = use->line;
		if (names->words->len > 0)
			lex_unknown(l, use->at, "name", use->name, names->words,
				    names->words->len < 8);
		else
			lex_fail(l, use->at, "unknown name '%s', expected one that a step binds",
				 use->name);
		return false;
	}
	return true;
}

