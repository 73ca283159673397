/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether two states are alike, see audit.h. Sessions, tokens and files may have changed
 * places between the two, so that operations are matched, not numbered: those that do the
 * same to different objects are a set, and each has to have its like on the other side.
 */
#include "explore/audit.h"
#include "explore/internal.h"
#include "explore/pairs.h"

#define MAX_NTH		200	/* steps of one operation that are made to fail */
#define CLOSE_ALL	G_MAXUINT

/* What an operation did: what is compared, then how to do it. */
struct audit_row {
	guint64 what;		/* is done, whatever it is done to */
	guint nth;
	gint64 ret;		/* 0 for a descriptor */
	guint64 came;		/* what else of it, as bits */
	guint64 broken;
	guint64 state[2];	/* after it; 0 where the search does not go on */
	guint op;
	guint outcome;		/* of a race; otherwise @nth */
	bool pruned;
};

struct audit {
	const struct world *world;
	bool symmetry, prune, through;
	struct machine *machine;
	struct machine_walk *walk;
	struct place place;
	struct witness witness;
	struct world_race race;
	guint64 frames[MAX_INODES];
	struct machine_snapshot first, here;
	struct place first_place, here_place;
	GArray *rows;			/* those that are being listed */
	struct audit_row row;			/* of the race under way */
};

/* ---- The machine ---- */

struct audit *audit_new(const struct world *world, bool symmetry, bool prune, bool through)
{
	struct audit *a = g_new0(struct audit, 1);

	a->world = world;
	a->symmetry = symmetry;
	a->prune = prune && symmetry;
	a->through = through;
	a->witness.world = world;
	a->walk = machine_walk_new();
	a->machine = world_new_machine(world, &a->place, witness_event, &a->witness);
	if (!race_init(&a->race, world, a->machine, &a->place, &a->witness) ||
	    a->walk == NULL || a->machine == NULL) {
		audit_free(a);
		return NULL;
	}
	machine_forget_violations(a->machine);
	world_frames(world, a->machine, &a->place, a->frames);
	a->first_place = a->place;
	if (machine_save(a->machine, &a->first) == 0)
		return a;
	audit_free(a);
	return NULL;
}

void audit_free(struct audit *a)
{
	if (a == NULL)
		return;
	machine_snapshot_free(&a->first);
	machine_snapshot_free(&a->here);
	race_clear(&a->race);
	machine_walk_free(a->walk);
	machine_free(a->machine);
	g_free(a);
}

static void go_back(struct audit *a)
{
	machine_restore(a->machine, &a->here);
	a->place = a->here_place;
	a->witness.nr = 0;
}

static void fingerprint(struct audit *a, guint64 f[2])
{
	world_fingerprint(a->world, a->machine, a->walk, &a->place, a->frames, a->symmetry, f);
}

/* False where the path cannot be done again: without memory, or as a race ended otherwise. */
static bool go_to(struct audit *a, const GArray *path)
{
	bool ok = true;

	machine_restore(a->machine, &a->first);
	a->place = a->first_place;
	for (guint i = 0; i < path->len && ok; i++) {
		const struct path_step *step = &g_array_index(path, struct path_step, i);
		struct done done;

		a->witness.nr = 0;
		if (world_pair(a->world, step->op) == NULL)
			world_run(a->world, a->machine, &a->place, step->op, step->nth, &done);
		else
			ok = race_go(&a->race, step->op, step->nth) >= 0;
		machine_forget_violations(a->machine);
	}
	a->here_place = a->place;
	return ok && machine_save(a->machine, &a->here) == 0;
}

/* ---- What operations do ---- */

/* Which of several broke first may depend on the order of descriptors. */
static guint64 broken(const struct witness *w)
{
	guint64 sum = 0;

	for (guint i = 0; i < w->nr; i++)
		sum += ((guint64)w->notes[i].kind << 32 |
			(w->notes[i].func != NULL ? g_str_hash(w->notes[i].func) : 0)) *
		       0x9e3779b97f4a7c15ull;
	return sum;
}

/* Are objects called as they are, and are no others like them? */
static bool has_names(const struct audit *a)
{
	return !a->symmetry || a->here_place.damages > 0;
}

static guint64 what_is(const struct audit *a, guint nr)
{
	const struct world_op *op = op_of(a->world, nr);

	return has_names(a) ? nr : op->action | op->process << 8;
}

/* Of a pair the greater one comes first. */
static guint64 what_of(const struct audit *a, guint nr)
{
	const struct world_pair *pair = world_pair(a->world, nr);
	guint64 one, two;

	if (pair == NULL)
		return what_is(a, nr);
	one = 1 + what_is(a, pair->ops[0]);
	two = 1 + what_is(a, pair->ops[1]);
	return MAX(one, two) << 32 | MIN(one, two);
}

static struct audit_row new_row(const struct audit *a, guint op, guint nth)
{
	return (struct audit_row){
		.what = what_of(a, op), .nth = nth, .op = op, .outcome = nth,
		.pruned = a->prune && world_redundant(a->world, &a->here_place, op),
	};
}

/* The machine is after the operation of @row, with @found violations. */
static void add_row(struct audit *a, struct audit_row *row, guint found, bool refused)
{
	row->broken = broken(&a->witness);
	row->came |= machine_panicked(a->machine);
	if ((found == 0 || refused || a->through) && !machine_panicked(a->machine)) {
		if (a->through)
			machine_forget_violations(a->machine);
		fingerprint(a, row->state);
	}
	g_array_append_val(a->rows, *row);
}

/* Of a descriptor it counts whether there was a slot for it. */
static void put_done(struct audit_row *row, const struct done *done)
{
	bool bound = done->slot >= 0 && done->slot != NO_SLOT;

	row->ret = done->ret >= 0 && done->slot != NO_SLOT ? 0 : done->ret;
	row->came = (guint64)bound << 1 | (guint64)done->refused << 2 | (guint64)done->hit << 3 |
		    (guint64)done->left << 4 | (guint64)done->booted << 5 |
		    (guint64)(done->dev < 0 ? -done->dev : 0) << 8 |
		    (guint64)(done->received < 0 ? -done->received : 0) << 24;
	if (done->hit)
		row->came |= (guint64)done->failure.point << 40;
}

/* Whether there may be one more step to fail. */
static bool list_variant(struct audit *a, guint op, guint nth)
{
	struct audit_row row = new_row(a, op, nth);
	struct done done;
	guint found;

	go_back(a);
	world_run(a->world, a->machine, &a->place, op, nth, &done);
	if ((nth > 0 && !done.hit) || (a->world->reduced && done.opened && done.ret < 0))
		return false;
	put_done(&row, &done);
	found = witness_close(&a->witness, &a->place, op, &done);
	add_row(a, &row, found, done.refused);
	return done.hit;
}

static void list_outcome(void *data, guint nth, guint found)
{
	struct audit *a = data;
	struct audit_row row = a->row;

	row.outcome = nth;
	add_row(a, &row, found, false);
}

/*
 * With the first damage it is names that count, and those of the two sides differ: it is
 * not compared, unless names count before.
 */
static void list_damages(struct audit *a, guint op)
{
	if (!world_boots(a->world, op) || !has_names(a) ||
	    a->here_place.damages >= a->world->damage)
		return;
	for (guint i = 0; i < a->world->damages->len; i++)
		list_variant(a, op, FIRST_DAMAGE + i);
}

static void list_end(struct audit *a)
{
	struct audit_row row = { .what = G_MAXUINT64, .op = CLOSE_ALL };

	go_back(a);
	witness_end(&a->witness, a->machine, &a->place);
	row.broken = broken(&a->witness);
	g_array_append_val(a->rows, row);
}

/* All that can be done where the machine is, also what pruning leaves out. */
static GArray *list(struct audit *a)
{
	const struct world *world = a->world;
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct audit_row));

	a->rows = rows;
	for (guint op = 0; op < world->ops->len; op++) {
		if (!world_enabled(world, &a->here_place, op))
			continue;
		list_variant(a, op, 0);
		for (guint nth = 1; a->here_place.faults < world->faults && nth < MAX_NTH; nth++)
			if (!list_variant(a, op, nth))
				break;
		list_damages(a, op);
	}
	for (guint i = 0; i < world->pairs->len; i++) {
		guint op = world->ops->len + i;

		if (!world_enabled(world, &a->here_place, op))
			continue;
		go_back(a);
		a->row = new_row(a, op, 0);
		race_search(&a->race, op, list_outcome, a);
	}
	list_end(a);
	return rows;
}

/* ---- Comparing ---- */

#define ORDER(a, b)	(((a) > (b)) - ((a) < (b)))

static gint same_call(const struct audit_row *x, const struct audit_row *y)
{
	gint order = ORDER(x->what, y->what);

	return order != 0 ? order : ORDER(x->nth, y->nth);
}

static gint compare_rows(gconstpointer a, gconstpointer b)
{
	const struct audit_row *x = a, *y = b;
	const gint orders[] = {
		same_call(x, y), ORDER(x->ret, y->ret), ORDER(x->came, y->came),
		ORDER(x->broken, y->broken), ORDER(x->state[0], y->state[0]),
		ORDER(x->state[1], y->state[1]),
	};

	for (guint i = 0; i < G_N_ELEMENTS(orders); i++)
		if (orders[i] != 0)
			return orders[i];
	return 0;
}

static GArray *with_row(const GArray *path, const struct audit_row *row)
{
	GArray *longer = g_array_new(FALSE, TRUE, sizeof(struct path_step));
	struct path_step step;

	g_array_append_vals(longer, path->data, path->len);
	if (row == NULL || row->op == CLOSE_ALL)
		return longer;
	step = (struct path_step){ .op = row->op, .nth = row->outcome };
	g_array_append_val(longer, step);
	return longer;
}

static char *explain(const struct audit_row *x, const struct audit_row *y)
{
	if (x == NULL || y == NULL)
		return g_strdup(x != NULL ? "only the first has an operation that does this" :
				"only the second has an operation that does this");
	if (x->ret != y->ret)
		return g_strdup_printf("one returns %" G_GINT64_FORMAT ", the other %"
				       G_GINT64_FORMAT, x->ret, y->ret);
	if (x->broken != y->broken)
		return g_strdup("they break different things");
	if (x->came != y->came)
		return g_strdup("what comes of it differs");
	return g_strdup("the states after it differ");
}

static struct audit_difference *difference_new(GArray *const paths[2],
					       const struct audit_row *const rows[2], char *text)
{
	struct audit_difference *d = g_new0(struct audit_difference, 1);

	for (guint i = 0; i < 2; i++) {
		d->paths[i] = with_row(paths[i], rows[i]);
		d->at_end = d->at_end || (rows[i] != NULL && rows[i]->op == CLOSE_ALL);
	}
	d->text = text;
	return d;
}

void difference_free(struct audit_difference *d)
{
	if (d == NULL)
		return;
	g_array_unref(d->paths[0]);
	g_array_unref(d->paths[1]);
	g_free(d->text);
	g_free(d);
}

static const struct audit_row *row_at(const GArray *rows, guint i)
{
	return i < rows->len ? &g_array_index(rows, struct audit_row, i) : NULL;
}

/* The first row without its like, and one of the other side that does the same, if any. */
static bool find_odd(GArray *const rows[2], const struct audit_row *odd[2])
{
	guint at[2] = { 0, 0 };

	odd[0] = odd[1] = NULL;
	for (;;) {
		const struct audit_row *x = row_at(rows[0], at[0]), *y = row_at(rows[1], at[1]),
		*row;
		gint order = x == NULL ? 1 : y == NULL ? -1 : compare_rows(x, y);
		guint side = order > 0;

		if (x == NULL && y == NULL)
			break;
		at[0] += order <= 0;
		at[1] += order >= 0;
		if (order == 0)
			continue;
		row = side == 0 ? x : y;
		if (odd[!side] != NULL && same_call(odd[!side], row) != 0)
			break;
		if (odd[side] == NULL)
			odd[side] = row;
		if (odd[!side] != NULL)
			break;
	}
	return odd[0] != NULL || odd[1] != NULL;
}

/* A row that pruning leaves out, with none like it that is not; and one that should be. */
static bool find_lost(const GArray *rows, const struct audit_row *odd[2])
{
	for (guint i = 0, end; i < rows->len; i = end) {
		bool kept = false;

		for (end = i; end < rows->len &&
		     compare_rows(row_at(rows, i), row_at(rows, end)) == 0; end++)
			kept = kept || !row_at(rows, end)->pruned;
		if (kept)
			continue;
		odd[0] = odd[1] = row_at(rows, i);
		for (guint j = 0; j < rows->len; j++)
			if (!row_at(rows, j)->pruned && same_call(row_at(rows, j), odd[0]) == 0)
				odd[1] = row_at(rows, j);
		return true;
	}
	return false;
}

struct audit_difference *audit_compare(struct audit *a, GArray *first, GArray *second)
{
	GArray *paths[2] = { first, second }, *rows[2] = { NULL, NULL };
	const struct audit_row *odd[2] = { NULL, NULL };
	struct audit_difference *d = NULL;
	guint64 f[2][2] = { { 0 } };
	bool ok = true, dangles = false;

	for (guint i = 0; i < 2 && ok; i++) {
		ok = go_to(a, paths[i]);
		if (!ok)
			break;
		fingerprint(a, f[i]);
		dangles = dangles || machine_walk_dangles(a->walk);
		rows[i] = list(a);
		g_array_sort(rows[i], compare_rows);
	}
	if (!ok || f[0][0] != f[1][0] || f[0][1] != f[1][1])
		d = difference_new(paths, odd, g_strdup("done again they lead elsewhere"));
	else if (dangles)
		;
	else if (find_odd(rows, odd))
		d = difference_new(paths, odd, explain(odd[0], odd[1]));
	else if (find_lost(rows[1], odd))
		d = difference_new((GArray *[]){ second, second }, odd,
				   g_strdup("pruning takes the first for the second"));
	for (guint i = 0; i < 2; i++)
		if (rows[i] != NULL)
			g_array_unref(rows[i]);
	return d;
}

/* ---- Orders ---- */

/* Do @op where the machine is; what came of it. */
static struct audit_row do_one(struct audit *a, guint op)
{
	struct audit_row row = new_row(a, op, 0);
	struct done done;

	a->witness.nr = 0;
	world_run(a->world, a->machine, &a->place, op, 0, &done);
	put_done(&row, &done);
	witness_close(&a->witness, &a->place, op, &done);
	row.broken = broken(&a->witness);
	if (!machine_panicked(a->machine))
		fingerprint(a, row.state);
	machine_forget_violations(a->machine);
	return row;
}

static bool same_state(const guint64 x[2], const guint64 y[2])
{
	return x[0] == y[0] && x[1] == y[1];
}

static bool same_result(const struct audit_row *x, const struct audit_row *y)
{
	return x->ret == y->ret && x->came == y->came && x->broken == y->broken;
}

static char *explain_orders(const struct audit_row one[2], const struct audit_row two[2],
			    const guint64 before[2], bool refused)
{
	/* one[0], two[0]; then two[1], one[1] */
	if (two[0].broken != 0)
		return g_strdup("the second breaks something");
	if (refused && (two[0].ret >= 0 || two[1].ret >= 0 ||
			!same_state(two[0].state, one[0].state) ||
			!same_state(two[1].state, before)))
		return g_strdup("the second is refused without a trace only once");
	if (refused)
		return NULL;
	if (!same_result(&one[0], &one[1]) || !same_result(&two[0], &two[1]))
		return g_strdup("one of them leads to something else after the other");
	if (!same_state(two[0].state, one[1].state))
		return g_strdup("the states after them differ");
	return NULL;
}

static GArray *in_order(const GArray *path, const struct audit_row *first,
			const struct audit_row *second)
{
	g_autoptr(GArray) longer = with_row(path, first);

	return with_row(longer, second);
}

struct audit_difference *audit_orders(struct audit *a, GArray *path, guint one, guint two,
				      bool refused)
{
	struct audit_row ones[2], twos[2];
	struct audit_difference *d;
	guint64 before[2];
	char *text;

	if (!go_to(a, path))
		return NULL;
	fingerprint(a, before);
	ones[0] = do_one(a, one);
	twos[0] = do_one(a, two);
	go_back(a);
	twos[1] = do_one(a, two);
	ones[1] = do_one(a, one);
	text = explain_orders(ones, twos, before, refused);
	if (text == NULL)
		return NULL;
	d = g_new0(struct audit_difference, 1);
	d->paths[0] = in_order(path, &ones[0], &twos[0]);
	d->paths[1] = in_order(path, &twos[0], &ones[0]);
	d->text = text;
	return d;
}

char *difference_scenario(const struct audit_difference *d, guint nr, const struct world *world,
			  const struct overrides *overrides, const char *name)
{
	g_autofree char *about = g_strdup_printf("One of two paths that were taken for one: %s",
						 d->text);

	return path_scenario(d->paths[nr], FINDING_DIFFERS, about, world, overrides, name);
}
