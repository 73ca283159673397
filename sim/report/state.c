/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a machine in words. Two looks at it are compared object by object; most
 * objects are where they were, and the others are found by their keys.
 */
#include <string.h>

#include "report/state.h"
#include "report/trace.h"
#include "scn/words.h"

#define MAX_OBJECT_NAME	160

/* ---- Comparing ---- */

struct state_watch *state_watch_new(void)
{
	struct state_watch *w = g_new0(struct state_watch, 1);

	w->changes = g_array_new(FALSE, FALSE, sizeof(struct state_change));
	w->then = &w->states[0];
	w->now = &w->states[1];
	return w;
}

void state_watch_free(struct state_watch *w)
{
	if (w == NULL)
		return;
	machine_state_free(&w->states[0]);
	machine_state_free(&w->states[1]);
	g_array_unref(w->changes);
	g_free(w);
}

static bool same_object(const struct state_object *a, const struct state_object *b)
{
	return a->kind == b->kind && a->key == b->key;
}

static bool is_text(enum state_format format)
{
	return format == STATE_TEXT || format == STATE_WORD;
}

static bool same_member(const struct state_watch *w, const struct state_change *c, guint i,
			enum state_format format)
{
	guint64 before = c->before->member[i], after = c->after->member[i];

	if (format == STATE_OBJECT && before != 0 && after != 0)
		return w->then->objects[before - 1].key == w->now->objects[after - 1].key;
	if (is_text(format))
		return strcmp(w->then->strings + before, w->now->strings + after) == 0;
	return before == after;
}

static bool is_alike(const struct state_watch *w, const struct state_change *c)
{
	const struct state_member *m = state_members(c->after->kind);

	for (guint i = 0; i < MAX_STATE_MEMBERS && m[i].name != NULL; i++)
		if (!same_member(w, c, i, m[i].format))
			return false;
	return c->before->number == c->after->number &&
	       strcmp(w->then->strings + c->before->name, w->now->strings + c->after->name) == 0;
}

static guint object_hash(gconstpointer object)
{
	const struct state_object *o = object;

	return (guint)(o->key * 31 + o->kind) ^ (guint)(o->key >> 32);
}

static gboolean object_equal(gconstpointer a, gconstpointer b)
{
	return same_object(a, b);
}

/* Of a kernel that is gone nothing is left but frames and who claims them. */
static bool is_told(const struct state_watch *w, const struct state_object *o)
{
	if (w->kernel != w->kernel_then || w->then->stopped != w->now->stopped)
		return o->kind == STATE_CLAIM ||
		       (!w->now->stopped && o->kind == STATE_FOLIO) ||
		       (o->kind == STATE_KERNEL && w->kernel == w->kernel_then);
	return true;
}

static void add_change(struct state_watch *w, struct state_change c)
{
	if (!is_told(w, c.after != NULL ? c.after : c.before) ||
	    (c.before != NULL && c.after != NULL && is_alike(w, &c)))
		return;
	g_array_append_val(w->changes, c);
}

/* Those that are not where they were. */
static void find_moved(struct state_watch *w, guint from, guint then_end, guint now_end)
{
	g_autoptr(GHashTable) left = g_hash_table_new(object_hash, object_equal);

	for (guint i = from; i < then_end; i++)
		g_hash_table_add(left, &w->then->objects[i]);
	for (guint i = from; i < now_end; i++) {
		const struct state_object *now = &w->now->objects[i];
		const struct state_object *then = g_hash_table_lookup(left, now);

		add_change(w, (struct state_change){ then, now });
		if (then != NULL)
			g_hash_table_remove(left, then);
	}
	for (guint i = from; i < then_end; i++)
		if (g_hash_table_contains(left, &w->then->objects[i]))
			add_change(w, (struct state_change){ &w->then->objects[i], NULL });
}

static int compare_changes(gconstpointer a, gconstpointer b)
{
	const struct state_change *x = a, *y = b;
	const struct state_object *p = x->after != NULL ? x->after : x->before;
	const struct state_object *q = y->after != NULL ? y->after : y->before;

	if (p->kind != q->kind)
		return p->kind < q->kind ? -1 : 1;
	if (p->kind == STATE_FOLIO && !p->member[FOLIO_OWNER] != !q->member[FOLIO_OWNER])
		return p->member[FOLIO_OWNER] != 0 ? -1 : 1;
	if ((x->after == NULL) != (y->after == NULL))
		return x->after != NULL ? -1 : 1;
	return p < q ? -1 : p > q;
}

static void find_changes(struct state_watch *w)
{
	guint then = w->then->nr, now = w->now->nr, from = 0;

	g_array_set_size(w->changes, 0);
	for (; from < MIN(then, now); from++) {
		const struct state_change c = { &w->then->objects[from], &w->now->objects[from] };

		if (!same_object(c.before, c.after))
			break;
		add_change(w, c);
	}
	for (; then > from && now > from; then--, now--) {
		const struct state_change c = {
			&w->then->objects[then - 1], &w->now->objects[now - 1],
		};

		if (!same_object(c.before, c.after))
			break;
		add_change(w, c);
	}
	if (then > from || now > from)
		find_moved(w, from, then, now);
	g_array_sort(w->changes, compare_changes);
}

void state_watch_look(struct state_watch *w, struct machine *m, bool changes)
{
	struct machine_state *oldest = w->then;

	w->then = w->now;
	w->now = oldest;
	w->kernel_then = w->kernel;
	w->kernel = machine_kernel(m);
	machine_state_take(m, w->now, STATE_QUICK);
	if (changes)
		find_changes(w);
}

/* ---- Words ---- */

static void append_name(GString *out, const struct machine_state *s,
			const struct state_object *o)
{
	char name[MAX_OBJECT_NAME];

	append_printable(out, state_object_name(s, o, name, sizeof(name)));
}

static void append_object(GString *out, const char *before, const struct machine_state *s,
			  const struct state_object *o)
{
	g_string_append_printf(out, "%s%s ", before, state_kind_name(o->kind));
	append_name(out, s, o);
}

static void append_value(GString *out, const struct machine_state *s, guint64 value,
			 enum state_format format)
{
	const char *name = (gint64)value < 0 && (gint64)value > -4096 ?
				   errno_name(-(int)value) : NULL;

	if (is_text(format))
		append_printable(out, s->strings + value);
	else if (format == STATE_OBJECT)
		append_name(out, s, &s->objects[value - 1]);
	else if (format == STATE_HEX)
		g_string_append_printf(out, "%#" G_GINT64_MODIFIER "x", value);
	else if (format == STATE_SIGNED && name != NULL)
		g_string_append_printf(out, "-%s", name);
	else if (format == STATE_SIGNED)
		g_string_append_printf(out, "%" G_GINT64_FORMAT, (gint64)value);
	else
		g_string_append_printf(out, "%" G_GUINT64_FORMAT, value);
}

static bool is_nothing(const struct machine_state *s, guint64 value, enum state_format format)
{
	return is_text(format) ? s->strings[value] == '\0' : value == 0;
}

void state_print_object(GString *out, const struct machine_state *s,
			const struct state_object *o)
{
	const struct state_member *m = state_members(o->kind);
	const char *before = ": ";

	append_object(out, "", s, o);
	for (guint i = 0; i < MAX_STATE_MEMBERS && m[i].name != NULL; i++) {
		if (is_nothing(s, o->member[i], m[i].format))
			continue;
		g_string_append(out, before);
		before = ", ";
		if (m[i].format != STATE_WORD)
			g_string_append(out, m[i].name);
		if (m[i].format == STATE_FLAG)
			continue;
		if (m[i].format != STATE_WORD)
			g_string_append_c(out, ' ');
		append_value(out, s, o->member[i], m[i].format);
	}
}

static void append_or_none(GString *out, const struct machine_state *s, guint64 value,
			   enum state_format format)
{
	if (format != STATE_NUMBER && format != STATE_SIGNED && is_nothing(s, value, format))
		g_string_append(out, "none");
	else
		append_value(out, s, value, format);
}

static void append_difference(GString *out, const struct state_watch *w,
			      const struct state_change *c, guint i,
			      const struct state_member *m)
{
	if (m->format == STATE_FLAG) {
		g_string_append_printf(out, "%s%s", c->after->member[i] ? "" : "no longer ",
				       m->name);
		return;
	}
	if (m->format != STATE_WORD)
		g_string_append_printf(out, "%s ", m->name);
	append_or_none(out, w->then, c->before->member[i], m->format);
	g_string_append(out, " -> ");
	append_or_none(out, w->now, c->after->member[i], m->format);
}

void state_print_change(GString *out, const struct state_watch *w, const struct state_change *c)
{
	const struct state_member *m;
	const char *before = ": ";

	if (c->before == NULL) {
		g_string_append(out, "new ");
		state_print_object(out, w->now, c->after);
		return;
	}
	if (c->after == NULL) {
		append_object(out, "gone: ", w->then, c->before);
		return;
	}
	append_object(out, "", w->now, c->after);
	m = state_members(c->after->kind);
	for (guint i = 0; i < MAX_STATE_MEMBERS && m[i].name != NULL; i++) {
		if (same_member(w, c, i, m[i].format))
			continue;
		g_string_append(out, before);
		before = ", ";
		append_difference(out, w, c, i, &m[i]);
	}
	if (strcmp(before, ": ") == 0)
		append_object(out, ": was ", w->then, c->before);
}

/* ---- JSON ---- */

static void add_value(JsonBuilder *b, const char *name, const struct machine_state *s,
		      guint64 value, enum state_format format)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (is_text(format) || (format == STATE_OBJECT && value != 0))
		append_value(text, s, value, format);
	if (is_text(format) || format == STATE_OBJECT)
		add_string(b, name, text->str);
	else if (format == STATE_HEX)
		add_hex(b, name, value);
	else if (format == STATE_FLAG)
		add_bool(b, name, value != 0);
	else
		add_number(b, name, (gint64)value);
}

static void add_members(JsonBuilder *b, const char *name, const struct machine_state *s,
			const struct state_object *o, guint32 mask)
{
	const struct state_member *m = state_members(o->kind);

	add_object(b, name);
	for (guint i = 0; i < MAX_STATE_MEMBERS && m[i].name != NULL; i++)
		if (mask & 1u << i)
			add_value(b, m[i].name, s, o->member[i], m[i].format);
	json_builder_end_object(b);
}

static void add_name(JsonBuilder *b, const struct machine_state *s, const struct state_object *o)
{
	char name[MAX_OBJECT_NAME];

	json_builder_begin_object(b);
	add_string(b, "kind", state_kind_name(o->kind));
	add_printable(b, "name", state_object_name(s, o, name, sizeof(name)));
}

void add_objects(JsonBuilder *b, const struct machine_state *s)
{
	add_array(b, "objects");
	for (guint i = 0; i < s->nr; i++) {
		add_name(b, s, &s->objects[i]);
		add_members(b, "members", s, &s->objects[i], ~0u);
		json_builder_end_object(b);
	}
	json_builder_end_array(b);
}

static guint32 differing(const struct state_watch *w, const struct state_change *c)
{
	const struct state_member *m = state_members((c->after ? c->after : c->before)->kind);
	guint32 mask = 0;

	for (guint i = 0; i < MAX_STATE_MEMBERS && m[i].name != NULL; i++)
		if (c->before == NULL || c->after == NULL || !same_member(w, c, i, m[i].format))
			mask |= 1u << i;
	return mask;
}

void add_changes(JsonBuilder *b, const struct state_watch *w)
{
	add_array(b, "changes");
	for (guint i = 0; i < w->changes->len; i++) {
		const struct state_change *c = &g_array_index(w->changes, struct state_change, i);
		guint32 mask = differing(w, c);

		if (c->after != NULL)
			add_name(b, w->now, c->after);
		else
			add_name(b, w->then, c->before);
		if (c->before != NULL)
			add_members(b, "before", w->then, c->before, mask);
		if (c->after != NULL)
			add_members(b, "after", w->now, c->after, mask);
		json_builder_end_object(b);
	}
	json_builder_end_array(b);
}
