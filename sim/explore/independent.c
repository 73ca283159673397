/* SPDX-License-Identifier: GPL-2.0-only */
/* Which operations share nothing, and what follows of that, see independent.h. */
#include <string.h>

#include "explore/independent.h"
#include "explore/internal.h"

#define MAX_IDS		64u	/* behind one descriptor */
#define NR_BITS		63u	/* that stand for one thing; the last one for all others */

/* What an operation touches, whatever is behind its descriptors. */
struct touch {
	guint64 slots;		/* of sessions and files */
	guint64 session, file;	/* of these, as masks */
	bool apart;		/* it touches no more than that */
	bool device;		/* but for /dev/liveupdate */
	bool opens, gives;	/* an outgoing session; a file, for the first free slot */
	bool closes, empties;
	bool preserves;
};

/* Four bits for each operation in each state of a level. */
struct level {
	guint32 first, nr;
	guint8 *rows;
};

struct reduction {
	const struct world *world;
	bool symmetry;
	struct touch *touches;		/* by operation */
	gsize stride;
	struct level before, now;
	GHashTable *received, *beside;	/* rows by number, besides those of @now and @before */
};

/* ---- What operations touch ---- */

static struct touch touch_of(const struct world *world, const struct world_op *op)
{
	const struct op_info *info = op->op.info;
	struct touch t = {
		.apart = info->apart, .closes = info->closes, .empties = info->empties,
		.opens = op->gives == GIVES_OUTGOING, .gives = op->gives == GIVES_FILE,
		.preserves = op->has_token && op->has_file,
		.session = op->session > 0 ? 1ull << op->session : 0,
		.file = op->has_file ? 1ull << (op->file & 63) : 0,
	};

	t.slots = t.session;
	for (guint i = 0; i < MAX_ARGS; i++) {
		if (op->slots[i] == NO_SLOT)
			continue;
		t.apart = t.apart && op->slots[i] < world->nr_slots;
		t.device = t.device || op->slots[i] == 0;
		if (op->slots[i] > 0)
			t.slots |= 1ull << (op->slots[i] & 63);
	}
	return t;
}

/* Is it known what its operations touch? And do descriptors never run out? */
static bool is_known(const struct release *release)
{
	return release->tree == NULL && release->policy.plugin == NULL &&
	       release->limit[LIMIT_NOFILE] > 2 * MAX_WORLD_SLOTS;
}

/*
 * Other handlers' files refer to others, as what a scenario's steps leave may, and a process to
 * those of another.
 */
static bool can_reduce(const struct world *world)
{
	for (guint i = 0; i < world->kernels; i++)
		if (!is_known(&world->boots[i].release))
			return false;
	return !world->no_reduction && !world->reduced && world->beside == NULL &&
	       world->processes == 1 && world->words.nr_others == 0 &&
	       world->words.nr_loaded == 0 && world->scn == NULL;
}

struct reduction *reduction_new(const struct world *world, bool symmetry)
{
	struct reduction *r;

	if (!can_reduce(world))
		return NULL;
	r = g_new0(struct reduction, 1);
	r->world = world;
	r->symmetry = symmetry;
	r->touches = g_new(struct touch, world->ops->len);
	for (guint i = 0; i < world->ops->len; i++)
		r->touches[i] = touch_of(world, op_of(world, i));
	r->stride = (world->ops->len + 1) / 2;
	r->received = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	r->beside = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	return r;
}

void reduction_free(struct reduction *r)
{
	if (r == NULL)
		return;
	g_free(r->before.rows);
	g_free(r->now.rows);
	g_hash_table_unref(r->received);
	g_hash_table_unref(r->beside);
	g_free(r->touches);
	g_free(r);
}

static guint64 bit_of(guint64 *ids, guint *nr, guint64 id)
{
	guint i = 0;

	while (i < *nr && ids[i] != id)
		i++;
	if (i == NR_BITS)
		return 1ull << NR_BITS;
	if (i == *nr)
		ids[(*nr)++] = id;
	return 1ull << i;
}

void reduction_look(const struct reduction *r, struct machine *m, const struct place *place,
		    struct behind *behind)
{
	guint64 seen[NR_BITS], ids[MAX_IDS];
	guint nr_seen = 0;

	behind->shares = machine_shares(m);
	behind->slots[0] = 0;
	for (guint slot = 1; slot < r->world->nr_slots; slot++) {
		gsize nr = 0;

		behind->slots[slot] = 0;
		if (place->fds[slot] >= 0)
			nr = machine_behind(m, place->fds[slot], ids, MAX_IDS);
		for (gsize i = 0; i < MIN(nr, MAX_IDS); i++)
			behind->slots[slot] |= bit_of(seen, &nr_seen, ids[i]);
		if (nr > MAX_IDS)
			behind->slots[slot] = G_MAXUINT64;
	}
}

static guint64 things_in(guint64 slots, const struct behind *behind)
{
	guint64 things = 0;

	for (; slots != 0; slots &= slots - 1)
		things |= behind->slots[__builtin_ctzll(slots)];
	return things;
}

static guint free_slots(const struct world *world, const struct place *place)
{
	guint nr = 0;

	for (guint f = 0; f < nr_files(world); f++)
		nr += place->fds[file_slot(world, f)] < 0;
	return nr;
}

/*
 * A file goes to the first slot that is free, which makes a difference where slots have
 * names, or where there are not enough of them. Sessions are listed in the order in which
 * they came.
 */
static bool share_table(const struct reduction *r, const struct place *place,
			const struct touch *a, const struct touch *b)
{
	if ((a->opens && (b->opens || (b->closes && b->session != 0))) ||
	    (b->opens && a->closes && a->session != 0))
		return true;
	if ((a->gives && (b->gives || (b->closes && b->file != 0))) ||
	    (b->gives && a->closes && a->file != 0))
		return !r->symmetry || free_slots(r->world, place) < 2;
	return false;
}

static bool share(const struct reduction *r, const struct place *place,
		  const struct behind *behind, const struct touch *a, const struct touch *b)
{
	return !a->apart || (a->slots & b->slots) != 0 ||
	       (a->device && b->device && (a->closes || b->closes)) ||
	       share_table(r, place, a, b) ||
	       (things_in(a->slots, behind) & things_in(b->slots, behind)) != 0;
}

/* May @b be what ends that @a is refused? Only its file is changed by who preserves it. */
static bool may_end(guint ends, const struct behind *behind, const struct touch *a,
		    const struct touch *b)
{
	bool same = (a->session & b->session) != 0;

	return (ends & END_CLOSED && same && b->closes) ||
	       (ends & END_EMPTIED && same && (b->closes || b->empties)) ||
	       (ends & END_TOKEN && same && b->preserves) ||
	       (ends & END_FILE &&
		((a->file & b->slots) != 0 ||
		 (things_in(a->file, behind) &
		  things_in(b->preserves ? b->file : b->slots, behind)) != 0));
}

/* ---- What is known of a state ---- */

void reduction_level(struct reduction *r, guint32 first, guint32 end)
{
	GHashTable *old = r->beside;

	g_hash_table_remove_all(old);
	r->beside = r->received;
	r->received = old;
	g_free(r->before.rows);
	r->before = r->now;
	r->now = (struct level){
		.first = first, .nr = end - first, .rows = g_malloc0_n(end - first, r->stride),
	};
}

static void move_level(const struct reduction *r, struct level *level, struct checkpoint *c)
{
	checkpoint_move(c, &level->first, sizeof(level->first));
	checkpoint_move(c, &level->nr, sizeof(level->nr));
	if (checkpoint_is_loading(c)) {
		g_free(level->rows);
		level->rows = g_malloc_n(level->nr, r->stride);
	}
	checkpoint_move(c, level->rows, level->nr * r->stride);
}

void reduction_move(struct reduction *r, struct checkpoint *c)
{
	move_level(r, &r->before, c);
	move_level(r, &r->now, c);
}

static guint8 *row_of(const struct reduction *r, const struct level *level, guint32 number)
{
	return level->rows + (number - level->first) * r->stride;
}

gsize reduction_row_bytes(const struct reduction *r)
{
	return r != NULL ? r->stride : 0;
}

const guint8 *reduction_row(const struct reduction *r, guint32 number)
{
	return row_of(r, &r->now, number);
}

const guint8 *reduction_before(const struct reduction *r)
{
	return r->before.rows;
}

void reduction_receive(struct reduction *r, guint32 number, const guint8 *row)
{
	g_hash_table_replace(r->received, GUINT_TO_POINTER(number), g_memdup2(row, r->stride));
}

static enum after get(const guint8 *row, guint op)
{
	return row[op / 2] >> op % 2 * 4 & 15;
}

static void set(guint8 *row, guint op, enum after after)
{
	row[op / 2] = (row[op / 2] & ~(15u << op % 2 * 4)) | (guint)after << op % 2 * 4;
}

enum after reduction_after(const struct reduction *r, guint32 number, guint op)
{
	return get(row_of(r, &r->now, number), op);
}

/* If it was refused for a reason that lasts, which. */
static enum after reason_of(const struct op_info *info, gint64 ret)
{
	for (guint i = 0; i < MAX_REFUSALS && ret < 0; i++)
		if (info->refusals[i].error == ret)
			return AFTER_LASTING + i;
	return AFTER_REFUSED;
}

void reduction_set(struct reduction *r, guint32 number, guint op, enum after after, gint64 ret)
{
	if (after == AFTER_REFUSED)
		after = reason_of(op_of(r->world, op)->op.info, ret);
	set(row_of(r, &r->now, number), op, after);
}

/* Is it so after operation @b, too? */
static bool stays(const struct reduction *r, guint op, enum after after, guint b,
		  const struct place *place, const struct behind *behind)
{
	const struct op_info *info = op_of(r->world, op)->op.info;
	const struct touch *touches = r->touches;

	if (after == AFTER_UNKNOWN)
		return false;
	if (after >= AFTER_LASTING)
		return !may_end(info->refusals[after - AFTER_LASTING].ends, behind, &touches[op],
				&touches[b]);
	if (after == AFTER_CLEAN && (op >= b || behind->shares))
		return false;
	return !share(r, place, behind, &touches[op], &touches[b]);
}

void reduction_known(struct reduction *r, guint32 number, const struct origin *origin,
		     const struct place *place, const struct behind *behind)
{
	const guint8 *before;
	guint8 *now;

	if (place == NULL || origin->op >= r->world->ops->len || origin->nth > 0 ||
	    place->damages > 0 || !r->touches[origin->op].apart)
		return;
	before = g_hash_table_lookup(r->beside, GUINT_TO_POINTER(origin->parent));
	if (before == NULL)
		before = row_of(r, &r->before, origin->parent);
	now = row_of(r, &r->now, number);
	for (guint op = 0; op < r->world->ops->len; op++) {
		enum after after = get(before, op);

		if (stays(r, op, after, origin->op, place, behind))
			set(now, op, after);
	}
}
