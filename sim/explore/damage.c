/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What may happen to a handover in a world: a list of damages, each to one field. It
 * says nothing of a state; machine_damage() tells which fields a handover there has.
 */
#include <string.h>

#include "explore/internal.h"

#define NR_INDICES	2	/* of each index of a path, but: */
#define NR_WORDS	7	/* of what a handler without fields of its own hands over */
#define NR_LEVELS	5	/* of a radix tree, counted from 1 */
#define LONGEST		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const char *const subtrees[] = { "LUO", "kexec-metadata", "state", NULL };
static const char *const flbs[] = { "hugetlb-v1", "iommu-v1", "pci-v1", NULL };

static void damage_clear(gpointer damage)
{
	struct world_damage *d = damage;

	g_free(d->field);
	g_free(d->other);
	g_strfreev(d->unless);
}

/* ---- Paths ---- */

/* What can stand for NAME. */
static GStrv names_for(const struct world *world, const char *pattern)
{
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();

	if (g_str_has_prefix(pattern, "kho.")) {
		g_strv_builder_addv(names, (const char **)subtrees);
	} else if (g_str_has_prefix(pattern, "flb[")) {
		g_strv_builder_addv(names, (const char **)flbs);
	} else {
		for (guint s = 0; s < world->sessions; s++) {
			const char name[] = { 'a' + s, '\0' };

			g_strv_builder_add(names, name);
		}
	}
	return g_strv_builder_end(names);
}

static GStrv numbers_for(guint first, guint nr)
{
	g_autoptr(GStrvBuilder) numbers = g_strv_builder_new();

	for (guint i = first; i < first + nr; i++) {
		g_autofree char *number = g_strdup_printf("%u", i);

		g_strv_builder_add(numbers, number);
	}
	return g_strv_builder_end(numbers);
}

/* What loaded handlers call what they hand over. */
static GStrv fields_for(const struct world *world)
{
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();
	const char *name;
	unsigned int bits;

	for (guint i = 0; i < world->words.nr_loaded; i++)
		for (guint f = 0; (name = handler_field(&world->words.loaded[i], f, &bits)); f++)
			g_strv_builder_add(names, name);
	return g_strv_builder_end(names);
}

/* The bits of @path, which may be such a field. */
static int bits_of(const struct world *world, const char *path)
{
	const char *dot = strrchr(path, '.'), *name;
	unsigned int bits;

	if (!g_str_has_prefix(path, "own["))
		return handover_bits(path);
	for (guint i = 0; i < world->words.nr_loaded; i++)
		for (guint f = 0; (name = handler_field(&world->words.loaded[i], f, &bits)); f++)
			if (g_str_equal(name, dot + 1))
				return bits;
	return -1;
}

/* The first word in capitals, if there is one, and what can stand for it. */
static const char *find_blank(const struct world *world, const char *pattern, gsize *len,
			      GStrv *values)
{
	const char *at = pattern;

	while (*at != '\0' && !g_ascii_isupper(*at))
		at++;
	*len = strspn(at, G_CSET_A_2_Z);
	if (g_str_has_prefix(at, "NAME"))
		*values = names_for(world, pattern);
	else if (g_str_has_prefix(at, "FIELD"))
		*values = fields_for(world);
	else if (g_str_has_prefix(at, "TOKEN"))
		*values = numbers_for(1, world->tokens);
	else
		*values = numbers_for(0, g_str_has_suffix(pattern, "word[N]") ? NR_WORDS :
								NR_INDICES);
	return *len > 0 ? at : NULL;
}

/* All paths that @pattern, of which some may be filled in, stands for. */
static void add_paths(GPtrArray *paths, const struct world *world, const char *pattern)
{
	g_auto(GStrv) values = NULL;
	gsize len;
	/* Names of subtrees are in capitals, too. */
	const char *done = strstr(pattern, "[LUO]");
	const char *at = find_blank(world, done != NULL ? done + 5 : pattern, &len, &values);

	if (at == NULL) {
		g_ptr_array_add(paths, g_strdup(pattern));
		return;
	}
	for (guint i = 0; values[i] != NULL; i++) {
		g_autofree char *path = g_strdup_printf("%.*s%s%s", (int)(at - pattern), pattern,
							values[i], at + len);

		/* A handler's own word may have capitals. */
		if (g_str_has_prefix(at, "FIELD"))
			g_ptr_array_add(paths, g_steal_pointer(&path));
		else
			add_paths(paths, world, path);
	}
}

static GPtrArray *paths_of(const struct world *world, const char *pattern)
{
	GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);

	add_paths(paths, world, pattern);
	return paths;
}

/* The object that a field lies in, or NULL. */
static char *object_of(const char *path)
{
	g_autofree char *object = g_strdup(path);
	char *dot;

	while ((dot = strrchr(object, '.')) != NULL) {
		*dot = '\0';
		if (handover_path(object) == 1)
			return g_steal_pointer(&object);
	}
	return NULL;
}

/* ---- Damages ---- */

/* What is handed over in a form that only its handler knows. */
static bool is_opaque(const char *pattern)
{
	return g_str_has_prefix(pattern, "data[");
}

/* Fields of what is handed over for "[NAME, TOKEN]", of which it has one if it is not opaque. */
static GStrv fields_instead(const struct world *world, const char *where)
{
	g_autoptr(GStrvBuilder) fields = g_strv_builder_new();
	g_autofree char *file = g_strndup(where, strcspn(where, "]") + 1);
	g_autofree char *memfd = g_strdup_printf("memfd%s.pos", file);
	g_auto(GStrv) names = fields_for(world);

	g_strv_builder_add(fields, memfd);
	for (guint i = 0; names[i] != NULL; i++) {
		g_autofree char *own = g_strdup_printf("own%s.%s", file, names[i]);

		g_strv_builder_add(fields, own);
	}
	return g_strv_builder_end(fields);
}

static void add(struct world *world, guint pattern, const char *field,
		enum luosim_damage_kind kind, guint64 number, const char *other)
{
	struct world_damage d = {
		.pattern = pattern, .kind = kind, .field = g_strdup(field), .number = number,
		.other = g_strdup(other),
	};

	if (is_opaque(field))
		d.unless = fields_instead(world, field + strlen("data"));
	g_array_append_val(world->damages, d);
}

/* The address of what is there and not meant, and of what is not there. */
static void add_addresses(struct world *world, guint pattern, const char *field)
{
	g_autoptr(GPtrArray) folios = paths_of(world, "folio[NAME, TOKEN, 0]");
	g_autofree char *own = object_of(field);

	add(world, pattern, field, DAMAGE_ADDRESS, 0, "outside");
	add(world, pattern, field, DAMAGE_ADDRESS, 0, "scratch");
	if (own != NULL)
		add(world, pattern, field, DAMAGE_ADDRESS, 0, own);
	for (guint i = 0; i < folios->len; i++)
		add(world, pattern, field, DAMAGE_ADDRESS, 0, folios->pdata[i]);
}

static void add_number(struct world *world, guint pattern, const char *field, guint bits,
		       const char *next)
{
	add(world, pattern, field, DAMAGE_NUMBER, 0, NULL);
	add(world, pattern, field, DAMAGE_NUMBER, ~0ull >> (64 - bits), NULL);
	add(world, pattern, field, DAMAGE_FLIP, 0, NULL);
	add(world, pattern, field, DAMAGE_FLIP, 1, NULL);
	if (!g_str_equal(next, field))
		add(world, pattern, field, DAMAGE_COPY, 0, next);
	if (handover_is_address(field))
		add_addresses(world, pattern, field);
}

static void add_string(struct world *world, guint pattern, const char *field)
{
	add(world, pattern, field, DAMAGE_FLIP, 0, NULL);
	add(world, pattern, field, DAMAGE_BYTES, 0, "");
	add(world, pattern, field, DAMAGE_BYTES, 0, LONGEST);
	for (guint s = 0; s < world->sessions && g_str_has_prefix(field, "session["); s++) {
		const char name[] = { 'a' + s, '\0' };

		add(world, pattern, field, DAMAGE_BYTES, 0, name);
	}
}

/* The number of that handover_field(). */
static guint field_number(const char *pattern)
{
	guint i = 0;

	while (!g_str_equal(handover_field(i), pattern))
		i++;
	return i;
}

/* Its mark in KHO's record of what is preserved, and the tables on the way to that. */
static void add_object(struct world *world, guint pattern, const char *object)
{
	guint table = field_number("OBJECT.radix[N]");
	g_autofree char *preserved = g_strconcat(object, ".preserved", NULL);

	add(world, pattern, preserved, DAMAGE_FLIP, 0, NULL);
	for (guint i = 1; i <= NR_LEVELS; i++) {
		g_autofree char *radix = g_strdup_printf("%s.radix[%u]", object, i);

		add(world, table, radix, DAMAGE_NUMBER, 0, NULL);
		add(world, table, radix, DAMAGE_ADDRESS, 0, "outside");
	}
}

void world_list_damages(struct world *world)
{
	const char *pattern;

	world->damages = g_array_new(FALSE, FALSE, sizeof(struct world_damage));
	g_array_set_clear_func(world->damages, damage_clear);
	for (guint i = 0; world->damage > 0 && (pattern = handover_field(i)) != NULL; i++) {
		g_autoptr(GPtrArray) paths = paths_of(world, pattern);

		if (is_opaque(pattern) && world->words.nr_others == 0)
			continue;
		for (guint p = 0; p < paths->len; p++) {
			const char *path = paths->pdata[p];
			int bits = bits_of(world, path);

			if (handover_path(path) == 1)
				add_object(world, i, path);
			else if (bits > 0)
				add_number(world, i, path, bits,
					   paths->pdata[(p + 1) % paths->len]);
			else if (bits == 0)
				add_string(world, i, path);
		}
	}
}

static bool has_field(struct machine *m, const char *field)
{
	const struct luosim_damage damage = { .field = field, .kind = DAMAGE_FLIP };
	bool has = machine_damage(m, &damage) == 0;

	machine_damage_clear(m);
	return has;
}

bool world_damage(const struct world *world, struct machine *m, guint nr)
{
	const struct world_damage *d = &g_array_index(world->damages, struct world_damage, nr);
	const struct luosim_damage damage = {
		.field = d->field, .kind = d->kind, .number = d->number, .other = d->other,
		.bytes = d->other, .len = d->kind == DAMAGE_BYTES ? strlen(d->other) : 0,
	};

	for (guint i = 0; d->unless != NULL && d->unless[i] != NULL; i++)
		if (has_field(m, d->unless[i]))
			return false;
	return machine_damage(m, &damage) == 0;
}

void world_print_damage(GString *out, const struct world *world, guint nr)
{
	static const char *const ops[] = {
		[DAMAGE_NUMBER] = "corrupt", [DAMAGE_FLIP] = "corrupt_bit",
		[DAMAGE_BYTES] = "corrupt_string", [DAMAGE_ADDRESS] = "corrupt_address",
		[DAMAGE_COPY] = "corrupt_copy",
	};
	const struct world_damage *d = &g_array_index(world->damages, struct world_damage, nr);

	g_string_append_printf(out, "%s(\"%s\", ", ops[d->kind], d->field);
	if (d->other != NULL)
		g_string_append_printf(out, "\"%s\")", d->other);
	else
		g_string_append_printf(out, d->number > 9 ? "0x%" G_GINT64_MODIFIER "x)" :
				       "%" G_GUINT64_FORMAT ")", d->number);
}
