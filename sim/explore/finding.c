/* SPDX-License-Identifier: GPL-2.0-only */
/* What a search found: telling causes apart, and writing them down as scenarios. */
#include <string.h>

#include "explore/finding.h"
#include "explore/internal.h"
#include "explore/pairs.h"
#include "explore/twin.h"
#include "run/run.h"

#define CHAIN	2	/* callers that make a difference */

/* FNV-1a: what is found has its name from that, which is to stay as it is. */
static guint64 mix(guint64 hash, guint64 value)
{
	return (hash ^ value) * 0x100000001b3ull;
}

/* Without numbers and names, which differ between runs of one cause. */
static guint64 mix_text(guint64 hash, const char *text)
{
	bool quoted = false;

	for (const char *c = text; *c != '\0'; c++) {
		quoted ^= *c == '"';
		if (!quoted && !g_ascii_isxdigit(*c))
			hash = mix(hash, (guint8)*c);
	}
	return hash;
}

static guint64 mix_name(guint64 hash, const char *name)
{
	for (const char *c = name; *c != '\0'; c++)
		hash = mix(hash, (guint8)*c);
	return hash;
}

static guint64 mix_chain(guint64 hash, const struct event *event)
{
	for (guint i = 0; i < MIN(event->depth, CHAIN); i++)
		hash = mix_name(hash, event->chain[i]);
	return hash;
}

/* The operation that the ledger numbers so, whatever it was done with. */
static guint64 action_of(const struct world *world, guint32 op)
{
	return op < 2 ? op : 2 + op_of(world, op - 2)->action;
}

/*
 * Which operations gave up claims on the frame before the one under way. Of a frame
 * that is left, it is the last one: what came before had been given back.
 */
static guint64 mix_claims(guint64 hash, const struct world *world, const struct violation *v)
{
	guint nr = MIN(v->nr_claims, G_N_ELEMENTS(v->claims));
	guint64 all = 0;

	for (guint i = v->kind == VIOLATION_LEAK && nr > 0 ? nr - 1 : 0; i < nr; i++)
		if (v->claims[i].done_op != v->op)
			all |= 1ull << action_of(world, v->claims[i].done_op);
	return mix(hash, all & ~1ull);
}

/* "; freed in close(s0)" */
static void append_task(GString *out, const struct world *world, const char *what, guint32 op)
{
	if (op == 0)
		return;
	g_string_append_printf(out, "; %s in ", what);
	if (op >= 2)
		world_print_call(out, world, op - 2, 0);
	else
		g_string_append(out, "exit");
}

/* What the judge said, and of which operations. */
static void put_text(struct note *note, const struct world *world, const struct violation *v)
{
	g_autoptr(GString) out = g_string_new(v->text);

	append_task(out, world, "asleep", v->waits_op);
	append_task(out, world, v->kind == VIOLATION_STUCK ? "held" : "freed", v->other_op);
	g_strlcpy(note->text, out->str, sizeof(note->text));
}

static void note_violation(struct witness *w, const struct event *event)
{
	const struct violation *v = event->violation;
	struct note *note = &w->notes[w->nr];
	bool warn = v->kind == VIOLATION_WARN;

	if (w->nr == MAX_NOTES)
		return;
	*note = (struct note){ .kind = v->kind };
	note->func = warn ? w->warn_func : event->depth > 0 ? event->chain[0] : NULL;
	note->id = mix(0xcbf29ce484222325ull, v->kind);
	if (warn)
		note->id = mix(note->id, w->warn_id);
	else
		note->id = mix_claims(mix_text(mix_chain(note->id, event), v->text), w->world, v);
	put_text(note, w->world, v);
	w->nr++;
}

void witness_run(struct witness *w, struct machine *m, struct place *place, guint op, guint nth,
		 struct done *done)
{
	w->nr = 0;
	if (w->twin != NULL)
		twin_begin(w->twin);
	world_run(w->world, m, place, op, nth, done);
	if (w->twin != NULL)
		twin_run(w->twin, op, nth);
}

bool witness_hit(const struct witness *w, const struct done *done)
{
	return done->hit || (w->twin != NULL && twin_hit(w->twin));
}

void witness_forget(struct witness *w, struct machine *m)
{
	machine_forget_violations(m);
	if (w->twin != NULL)
		twin_forget(w->twin);
}

void witness_event(void *data, const struct event *event)
{
	struct witness *w = data;

	if (w->mute)
		return;
	if (w->twin != NULL)
		twin_hear(w->twin, event);
	else if (event->type == EVENT_WARN) {
		w->warn_id = mix_chain(mix_text(0, event->func), event);
		w->warn_func = event->func;
	} else if (event->type == EVENT_VIOLATION) {
		note_violation(w, event);
	}
}

/* The kinds that count; the panic of a WARN that stands alone does not count twice. */
static guint32 causes_of(const struct witness *w, const struct place *place)
{
	bool panic_on_warn = w->world->boots[MAX(place->kernel, 1) - 1].panic_on_warn;
	guint32 kinds = 0, causes;

	for (guint i = 0; i < w->nr; i++)
		kinds |= 1u << w->notes[i].kind;
	causes = run_causes(kinds, panic_on_warn);
	if (panic_on_warn && causes & 1u << VIOLATION_WARN)
		causes &= ~(1u << VIOLATION_PANIC);
	return causes;
}

/* Of each kind the first: what follows in the same operation follows from it. */
static bool is_cause(const struct witness *w, guint i, guint32 causes)
{
	enum violation_kind kind = w->notes[i].kind;

	while (i-- > 0)
		if (w->notes[i].kind == kind)
			return false;
	return causes & 1u << kind;
}

/*
 * What a failed operation leaves depends on how much there was: the cause is the
 * operation, and of a failure that was asked for what failed.
 */
static void name_cause(const struct witness *w, struct note *n, guint op, const struct done *done)
{
	if (n->kind != VIOLATION_UNCLEAN_ERROR || done == NULL)
		return;
	n->func = op_of(w->world, op)->name;
	if (!done->hit)
		return;
	n->id = mix(mix_text(mix(0, n->kind), n->func), 1 + done->failure.point);
	n->id = mix(n->id, done->failure.call);
}

static void note_refused(struct witness *w)
{
	struct note *note = &w->notes[w->nr];

	if (w->nr == MAX_NOTES)
		return;
	*note = (struct note){ .kind = FINDING_REFUSED, .id = mix(1, FINDING_REFUSED) };
	note->func = "preserve_fd";
	g_strlcpy(note->text, "EBUSY for an object that no session has", sizeof(note->text));
	w->nr++;
}

guint64 finding_id(guint64 kind, const char *func, const char *text)
{
	return mix_text(mix_name(mix(0xcbf29ce484222325ull, kind), func), text);
}

const char *finding_kind(enum violation_kind kind)
{
	if (kind == FINDING_DIFFERS)
		return "differs";
	return kind == FINDING_REFUSED ? "refused" : violation_name(kind);
}

/* What a damaged handover brings with it is lost; but no harm must come of it. */
static bool is_harm(enum violation_kind kind)
{
	return kind != VIOLATION_LOST && kind != VIOLATION_LEAK && kind != VIOLATION_WARN;
}

static void drop_harmless(struct witness *w)
{
	guint nr = 0;

	for (guint i = 0; i < w->nr; i++)
		if (is_harm(w->notes[i].kind))
			w->notes[nr++] = w->notes[i];
	w->nr = nr;
}

/* The cause is the field that was damaged; it shows in this kind and place. */
static void name_field(struct note *n, guint field)
{
	n->plain = n->id;
	n->id = mix(mix(2, n->kind), field);
	if (n->func != NULL)
		n->id = mix_name(n->id, n->func);
}

guint witness_close(struct witness *w, const struct place *place, guint op,
		    const struct done *done)
{
	guint32 causes;
	guint nr = 0;

	if (w->twin != NULL)
		return w->nr = twin_compare(w->twin, place, op, done, &w->notes[0]);
	if (place->damages > 0)
		drop_harmless(w);
	causes = causes_of(w, place);
	for (guint i = 0; i < w->nr; i++)
		if (is_cause(w, i, causes))
			w->notes[nr++] = w->notes[i];
	w->nr = nr;
	if (done != NULL && done->refused)
		note_refused(w);
	for (guint i = 0; i < w->nr; i++)
		name_cause(w, &w->notes[i], op, done);
	for (guint i = 0; i < w->nr && place->damages > 0; i++)
		name_field(&w->notes[i], place->damaged);
	return w->nr;
}

guint witness_end(struct witness *w, struct machine *m, const struct place *place)
{
	w->nr = 0;
	if (w->twin != NULL)
		twin_begin(w->twin);
	machine_end(m);
	if (w->twin != NULL)
		return w->nr = twin_end(w->twin, &w->notes[0]);
	return witness_close(w, place, 0, NULL);
}

struct finding *finding_new(const struct note *n, GArray *path, bool at_end, guint64 rank)
{
	struct finding *f = g_new0(struct finding, 1);

	f->id = n->id;
	f->plain = n->plain;
	f->kind = n->kind;
	f->func = g_strdup(n->func);
	f->text = g_strdup(n->text);
	f->path = path;
	f->at_end = at_end;
	f->rank = rank;
	return f;
}

static void finding_free(struct finding *f)
{
	g_free(f->func);
	g_free(f->text);
	g_array_unref(f->path);
	g_free(f);
}

/* By length, then rank. */
static gint finding_compare(gconstpointer a, gconstpointer b)
{
	const struct finding *x = *(struct finding *const *)a, *y = *(struct finding *const *)b;

	if (x->path->len != y->path->len)
		return x->path->len < y->path->len ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

GHashTable *findings_new(void)
{
	return g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL,
				     (GDestroyNotify)finding_free);
}

static void move_finding(struct finding *f, struct checkpoint *c)
{
	checkpoint_move(c, &f->id, sizeof(f->id));
	checkpoint_move(c, &f->kind, sizeof(f->kind));
	checkpoint_move_string(c, &f->func);
	checkpoint_move_string(c, &f->text);
	checkpoint_move_array(c, f->path);
	checkpoint_move(c, &f->at_end, sizeof(f->at_end));
	checkpoint_move(c, &f->rank, sizeof(f->rank));
	checkpoint_move(c, &f->count, sizeof(f->count));
	checkpoint_move(c, &f->plain, sizeof(f->plain));
	checkpoint_move(c, &f->told, sizeof(f->told));
}

void findings_move(GHashTable *findings, struct checkpoint *c)
{
	g_autoptr(GList) all = g_hash_table_get_values(findings);
	guint nr = g_list_length(all);
	GList *next = all;

	checkpoint_move(c, &nr, sizeof(nr));
	for (guint i = 0; i < nr; i++) {
		struct finding *f = checkpoint_is_loading(c) ? g_new0(struct finding, 1) :
							       next->data;

		if (checkpoint_is_loading(c))
			f->path = g_array_new(FALSE, TRUE, sizeof(struct path_step));
		move_finding(f, c);
		if (checkpoint_is_loading(c))
			g_hash_table_replace(findings, &f->id, f);
		else
			next = next->next;
	}
}

GPtrArray *findings_take(GHashTable *findings)
{
	GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
	GHashTableIter iter;
	gpointer f;

	g_hash_table_iter_init(&iter, findings);
	while (g_hash_table_iter_next(&iter, NULL, &f)) {
		g_hash_table_iter_steal(&iter);
		g_ptr_array_add(all, f);
	}
	g_ptr_array_sort(all, finding_compare);
	return all;
}

void findings_merge(GHashTable *into, GHashTable *from,
		    void (*found)(void *data, const struct finding *f), void *data)
{
	g_autoptr(GPtrArray) all = findings_take(from);

	g_ptr_array_set_free_func(all, NULL);
	for (guint i = 0; i < all->len; i++) {
		struct finding *f = all->pdata[i], *old = g_hash_table_lookup(into, &f->id);
		bool keep = old != NULL && finding_compare(&old, &f) <= 0;

		f->told = old != NULL ? old->told : f->plain == 0;
		if (old == NULL && f->told && found != NULL)
			found(data, f);
		if (keep) {
			old->count += f->count;
			finding_free(f);
			continue;
		}
		f->count += old != NULL ? old->count : 0;
		g_hash_table_replace(into, &f->id, f);
	}
}

static gboolean needs_no_damage(gpointer id, gpointer finding, gpointer findings)
{
	const struct finding *f = finding;

	(void)id;
	return f->plain != 0 && g_hash_table_contains(findings, &f->plain);
}

void findings_settle(GHashTable *findings,
		     void (*found)(void *data, const struct finding *f), void *data)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;

	g_hash_table_foreach_remove(findings, needs_no_damage, findings);
	g_hash_table_iter_init(&iter, findings);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		g_ptr_array_add(all, value);
	g_ptr_array_sort(all, finding_compare);
	for (guint i = 0; i < all->len; i++) {
		struct finding *f = all->pdata[i];

		if (!f->told && found != NULL)
			found(data, f);
		f->told = true;
	}
}

void path_summary(GString *out, const GArray *path, bool at_end, const struct world *world)
{
	for (guint i = 0; i < path->len; i++) {
		const struct path_step *step = &g_array_index(path, struct path_step, i);

		if (i > 0)
			g_string_append(out, "; ");
		world_print_call(out, world, step->op, step->nth);
	}
	if (at_end)
		g_string_append(out, path->len > 0 ? "; exit" : "exit");
}

/* One step, done and written down; a race by the shortest schedule that ends so. */
static void print_path_step(GString *out, struct world_race *race, const struct path_step *step,
			    bool refused)
{
	const struct world *world = race->world;
	struct machine *m = race->machine;
	struct machine_snapshot before = { 0 };
	const GArray *schedule;
	struct done done;
	guint nr;

	if (world_pair(world, step->op) == NULL) {
		world_run(world, m, race->place, step->op, step->nth, &done);
		/* It should have worked. */
		if (refused)
			done.ret = 0;
		world_print_op(out, world, m, step->op, step->nth, &done);
		return;
	}
	machine_save(m, &before);
	nr = race_search(race, step->op, NULL, NULL);
	machine_restore(m, &before);
	machine_snapshot_free(&before);
	if (step->nth >= nr) {
		g_string_append_printf(out, "  # a race that cannot be repeated: %s\n",
				       race->stopped);
		return;
	}
	schedule = race_follow(race, step->op, step->nth);
	world_print_race(out, world, m, step->op, schedule, &race->done);
}

/* The violations that came since they were forgotten last, as a mask. */
static guint32 violations_of(const struct machine *m)
{
	size_t nr;
	const struct violation *v = machine_violations(m, &nr);
	guint32 kinds = 0;

	for (size_t i = 0; i < nr; i++)
		kinds |= 1u << v[i].kind;
	return kinds;
}

/*
 * Write the operations; what they, and the end, bring of violations. @refused: the last one
 * was, and should not have been.
 */
static guint32 print_path(GString *out, const GArray *path, bool refused,
			  const struct world *world)
{
	struct witness witness = { .world = world };
	struct place place;
	struct machine *m = world_new_machine(world, &place, witness_event, &witness);
	struct world_race race;
	guint32 kinds = 0;

	race_init(&race, world, m, &place, &witness);
	for (guint i = 0; i < path->len; i++) {
		witness.nr = 0;
		print_path_step(out, &race, &g_array_index(path, struct path_step, i),
				refused && i + 1 == path->len);
		kinds |= violations_of(m);
		/* As in the search. */
		machine_forget_violations(m);
	}
	machine_end(m);
	kinds |= violations_of(m);
	race_clear(&race);
	machine_free(m);
	return kinds;
}

/* A finding is not to be; a path by which machines differ is as it is on the first. */
static void print_expect(GString *out, bool as_it_is, guint32 kinds)
{
	g_string_append(out, "\nexpect");
	for (guint kind = 0; kind < NR_VIOLATION_KINDS; kind++)
		if (as_it_is && kinds & 1u << kind)
			g_string_append_printf(out, " %s", violation_name(kind));
	g_string_append(out, as_it_is && kinds != 0 ? "\n" : " clean\n");
}

char *path_scenario(const GArray *path, enum violation_kind kind, const char *about,
		    const struct world *world, const struct overrides *overrides, const char *name)
{
	GString *out = g_string_new(NULL);
	guint32 kinds;

	g_string_append_printf(out, "scenario %s\nabout    %s.\nsource   luosim %s\n\n", name,
			       about, world->beside != NULL ? "prove" : "explore");
	world_print_handlers(out, world);
	world_print_start(out, world, overrides);
	g_string_append_c(out, '\n');
	kinds = print_path(out, path, kind == FINDING_REFUSED, world);
	print_expect(out, kind == FINDING_DIFFERS, kinds);
	return g_string_free(out, FALSE);
}

char *finding_scenario(const struct finding *f, const struct world *world,
		       const struct overrides *overrides, const char *name)
{
	g_autoptr(GString) about = g_string_new(finding_kind(f->kind));

	if (f->func != NULL)
		g_string_append_printf(about, " in %s", f->func);
	g_string_append_printf(about, ": %s", f->text);
	return path_scenario(f->path, f->kind, about->str, world, overrides, name);
}
