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

/* How many bytes the strings of both looks have in common in front and after. */
static void find_common(struct state_watch *w)
{
	const char *then = w->then->strings, *now = w->now->strings;
	guint max = MIN(w->then->len, w->now->len), n = 0;

	while (n + 8 <= max && memcmp(then + n, now + n, 8) == 0)
		n += 8;
	while (n < max && then[n] == now[n])
		n++;
	w->same_strings = n == w->now->len && n == w->then->len;
	for (w->prefix = n; w->prefix > 0 && now[w->prefix - 1] != '\0'; )
		w->prefix--;
	for (n = 0; n < max - w->prefix; n++)
		if (then[w->then->len - n - 1] != now[w->now->len - n - 1])
			break;
	w->suffix = n;
}

/* Mostly texts are where they were, but for what was put in between. */
static bool same_text(const struct state_watch *w, guint64 before, guint64 after)
{
	if (before == after && after < w->prefix)
		return true;
	if (w->then->len - before == w->now->len - after && w->now->len - after <= w->suffix)
		return true;
	return strcmp(w->then->strings + before, w->now->strings + after) == 0;
}

static bool same_member(const struct state_watch *w, const struct state_change *c, guint i,
			enum state_format format)
{
	guint64 before = c->before->member[i], after = c->after->member[i];

	if (format == STATE_OBJECT && before != 0 && after != 0)
		return w->then->objects[before - 1].key == w->now->objects[after - 1].key;
	return is_text(format) ? same_text(w, before, after) : before == after;
}

/* Members that are numbers are the same if the whole object is. */
static bool is_alike(const struct state_watch *w, const struct state_change *c)
{
	const struct state_member *m = state_members(c->after->kind);
	bool same = memcmp(c->before, c->after, sizeof(*c->before)) == 0;

	if (w->same_strings && same)
		return true;
	for (guint i = 0; i < MAX_STATE_MEMBERS && m[i].name != NULL; i++) {
		if (same && (!is_text(m[i].format) || c->after->member[i] < w->prefix) &&
		    m[i].format != STATE_OBJECT)
			continue;
		if (!same_member(w, c, i, m[i].format))
			return false;
	}
	return c->before->number == c->after->number &&
	       same_text(w, c->before->name, c->after->name);
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
static bool is_told(const struct state_watch *w, enum state_kind kind)
{
	if (w->kernel != w->kernel_then || w->then->stopped != w->now->stopped)
		return kind == STATE_CLAIM || (!w->now->stopped && kind == STATE_FOLIO) ||
		       (kind == STATE_KERNEL && w->kernel == w->kernel_then);
	return true;
}

static void add_change(struct state_watch *w, struct state_change c)
{
	if (c.before != NULL && c.after != NULL && is_alike(w, &c))
		return;
	g_array_append_val(w->changes, c);
}

/* The objects of one kind, in both looks. */
struct state_span {
	guint then, then_end, now, now_end;
};

static struct state_change pair_at(const struct state_watch *w, guint then, guint now)
{
	return (struct state_change){ &w->then->objects[then], &w->now->objects[now] };
}

/* Those that are not where they were. */
static void find_moved(struct state_watch *w, struct state_span s)
{
	g_autoptr(GHashTable) left = NULL;

	if (s.then < s.then_end)
		left = g_hash_table_new(object_hash, object_equal);
	for (guint i = s.then; i < s.then_end; i++)
		g_hash_table_add(left, &w->then->objects[i]);
	for (guint i = s.now; i < s.now_end; i++) {
		const struct state_object *now = &w->now->objects[i];
		const struct state_object *then = left != NULL ?
						  g_hash_table_lookup(left, now) : NULL;

		add_change(w, (struct state_change){ then, now });
		if (then != NULL)
			g_hash_table_remove(left, then);
	}
	for (guint i = s.then; i < s.then_end; i++)
		if (g_hash_table_contains(left, &w->then->objects[i]))
			add_change(w, (struct state_change){ &w->then->objects[i], NULL });
}

/* Most of them are in the same order in front of, and after, what came or went. */
static void find_in(struct state_watch *w, struct state_span s)
{
	for (; s.then < s.then_end && s.now < s.now_end; s.then++, s.now++) {
		const struct state_change c = pair_at(w, s.then, s.now);

		if (!same_object(c.before, c.after))
			break;
		add_change(w, c);
	}
	for (; s.then < s.then_end && s.now < s.now_end; s.then_end--, s.now_end--) {
		const struct state_change c = pair_at(w, s.then_end - 1, s.now_end - 1);

		if (!same_object(c.before, c.after))
			break;
		add_change(w, c);
	}
	find_moved(w, s);
}

/* Where the objects of a kind are; none may be there. */
static void find_kinds(const struct machine_state *s, guint from[NR_STATE_KINDS],
		       guint to[NR_STATE_KINDS])
{
	memset(from, 0, NR_STATE_KINDS * sizeof(*from));
	memset(to, 0, NR_STATE_KINDS * sizeof(*to));
	for (guint i = 0; i < s->nr; ) {
		enum state_kind kind = s->objects[i].kind;
		guint end = s->nr;

		/* They lie side by side: [i] is one of them, [end] is not. */
		from[kind] = i;
		while (end - i > 1) {
			guint middle = i + (end - i) / 2;

			if (s->objects[middle].kind == kind)
				i = middle;
			else
				end = middle;
		}
		to[kind] = end;
		i = end;
	}
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
	guint then[NR_STATE_KINDS], then_end[NR_STATE_KINDS];
	guint now[NR_STATE_KINDS], now_end[NR_STATE_KINDS];

	g_array_set_size(w->changes, 0);
	find_common(w);
	find_kinds(w->then, then, then_end);
	find_kinds(w->now, now, now_end);
	for (int kind = 0; kind < NR_STATE_KINDS; kind++)
		if (is_told(w, kind))
			find_in(w, (struct state_span){ then[kind], then_end[kind],
						  now[kind], now_end[kind] });
	g_array_sort(w->changes, compare_changes);
}

void state_watch_look(struct state_watch *w, struct machine *m, bool changes)
{
	struct machine_state *oldest = w->then;

	w->then = w->now;
	w->now = oldest;
	w->kernel_then = w->kernel;
	w->kernel = machine_kernel(m);
	machine_state_take(m, w->now, false);
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
