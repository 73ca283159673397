/* SPDX-License-Identifier: GPL-2.0-only */
/* A search by several processes, see ranks.h. */
#include <stdlib.h>
#include <string.h>

#include "explore/ranks.h"

#define BATCH	256	/* questions in one message */
#define WAITING	512	/* messages that may wait for an answer */
#define RECENT	((guint32)1 << 16)	/* states that were asked about and are remembered */
#define EAGER	10	/* looks for a message without a break */
#define MAX_BREAK	1000	/* microseconds */
#define WINDOW	((guint32)1 << 18)	/* states that are written at once */
#define TOGETHER	32	/* neighbours in a level that one rank goes on with */
#define SLACK	16	/* a rank may have this part more than the mean */

enum tag { TAG_ASK, TAG_ANSWER, TAG_PAUSE };

/* Is this state new? The owner is told no more of it. */
struct question {
	guint64 f[2];
	guint64 key;
};

/* A state of the next level. */
struct entry {
	guint64 f[2];
	guint64 key;
	guint32 rank;
	guint32 parent;		/* its node */
};

/* A state that another one is to expand; the steps to it, and the parent's row, follow. */
struct moved {
	guint64 f[2];
	guint64 key;
	guint32 rank;
};

struct ranks {
	struct net *net;
	struct states *nodes;
	struct states *owned;		/* in place of origins, keys */
	guint32 spare;
	guint32 known;			/* owned numbers from here on are new in this level */
	GArray *finders;		/* guint32: of those, who came first */
	GByteArray **losers;		/* keys for each rank: another one was before it */
	GByteArray **batches;		/* for each owner: what is not sent */
	GQueue *asked;			/* for each owner: batches that are not answered */
	guint waiting;			/* of all of them */
	struct question *recent;
	GArray *won;			/* of struct question: new, and first until now */
	GByteArray *came;
	guint32 round;			/* since the last ranks_settle() */
	bool paused, full;

	/* For checkpoints, where states have numbers in which levels follow each other: */
	GArray *numbers;		/* guint32: by owned number; or NULL */
	guint32 first, nr;		/* of this level; of all */
	GArray *places;			/* numbers of this level by place, if they have no order */
	guint32 before_first, before_nr;	/* the same of the level before */
	guint32 *before_rank;		/* places of its nodes here, which are */
	guint32 before_mine;
	void (*idle)(void *data);
	void *data;
};

struct ranks *ranks_new(struct net *net, struct states *nodes, guint64 memory,
			void (*idle)(void *data), void *data)
{
	struct states *owned = states_new(memory);
	struct ranks *r;

	if (owned == NULL)
		return NULL;
	r = g_new0(struct ranks, 1);
	r->net = net;
	r->nodes = nodes;
	r->idle = idle;
	r->data = data;
	r->owned = owned;
	r->finders = g_array_new(FALSE, FALSE, sizeof(guint32));
	r->losers = net_parts(net);
	r->batches = net_parts(net);
	r->asked = g_new(GQueue, net->size);
	for (guint i = 0; i < net->size; i++)
		g_queue_init(&r->asked[i]);
	r->recent = g_new0(struct question, RECENT);
	r->won = g_array_new(FALSE, FALSE, sizeof(struct question));
	r->came = g_byte_array_new();
	return r;
}

void ranks_free(struct ranks *r)
{
	if (r == NULL)
		return;
	states_free(r->owned);
	g_array_unref(r->finders);
	net_parts_free(r->net, r->losers);
	net_parts_free(r->net, r->batches);
	g_free(r->asked);
	g_free(r->recent);
	g_array_unref(r->won);
	g_clear_pointer(&r->numbers, g_array_unref);
	g_clear_pointer(&r->places, g_array_unref);
	g_free(r->before_rank);
	g_byte_array_unref(r->came);
	g_free(r);
}

/* ---- Whose a state is ---- */

/* Other bits than those by which it is found in the owner's table. */
static guint owner_of(const struct ranks *r, const guint64 f[2])
{
	return (unsigned __int128)f[1] * r->net->size >> 64;
}

static guint64 *key_at(const struct ranks *r, guint32 number)
{
	G_STATIC_ASSERT(sizeof(struct origin) == sizeof(guint64));
	return (guint64 *)states_origin(r->owned, number);
}

/* Rank @finder reached it; is it the first one until now? */
static bool claim(struct ranks *r, const struct question *q, guint32 finder)
{
	struct origin key;
	guint32 number, *first;

	if (states_crowded(r->owned))
		r->full |= !states_grow(r->owned);
	memcpy(&key, &q->key, sizeof(key));
	switch (r->full ? STATE_NO_ROOM : states_insert(r->owned, q->f, &key, &number, &r->spare)) {
	case STATE_NEW:
		g_array_append_val(r->finders, finder);
		return true;
	case STATE_NO_ROOM:
		r->full = true;
		return false;
	default:
		if (number < r->known || *key_at(r, number) <= q->key)
			return false;
	}
	first = &g_array_index(r->finders, guint32, number - r->known);
	g_byte_array_append(r->losers[*first], (const guint8 *)key_at(r, number), sizeof(q->key));
	*key_at(r, number) = q->key;
	*first = finder;
	return true;
}

/* ---- Questions and answers ---- */

static void send_batch(struct ranks *r, guint owner)
{
	GByteArray *batch = r->batches[owner];

	if (batch->len == 0)
		return;
	r->net->send(r->net, owner, TAG_ASK, batch->data, batch->len);
	g_queue_push_tail(&r->asked[owner], batch);
	r->batches[owner] = g_byte_array_new();
	r->waiting++;
}

static void answer(struct ranks *r, guint from)
{
	const struct question *q = (const struct question *)r->came->data;
	guint nr = r->came->len / sizeof(*q);
	g_autofree guint8 *bits = g_malloc0(nr / 8 + 1);

	for (guint i = 0; i < nr; i++)
		bits[i / 8] |= claim(r, &q[i], from) << i % 8;
	r->net->send(r->net, from, TAG_ANSWER, bits, nr / 8 + 1);
}

static void take_answer(struct ranks *r, guint from)
{
	g_autoptr(GByteArray) batch = g_queue_pop_head(&r->asked[from]);
	const struct question *q = (const struct question *)batch->data;

	r->waiting--;
	for (guint i = 0; i < batch->len / sizeof(*q); i++)
		if (r->came->data[i / 8] >> i % 8 & 1)
			g_array_append_val(r->won, q[i]);
}

static bool take_message(struct ranks *r)
{
	guint32 round;
	guint from, tag;

	if (!r->net->receive(r->net, &from, &tag, r->came))
		return false;
	switch ((enum tag)tag) {
	case TAG_ASK:
		answer(r, from);
		break;
	case TAG_ANSWER:
		take_answer(r, from);
		break;
	case TAG_PAUSE:
		memcpy(&round, r->came->data, sizeof(round));
		r->paused |= round == r->round;
	}
	return true;
}

bool ranks_poll(struct ranks *r)
{
	while (take_message(r))
		;
	return !r->paused && !r->full;
}

/* Nothing has come. */
static void breathe(struct ranks *r, guint *tries)
{
	if (++*tries <= EAGER)
		return;
	g_usleep(MIN(*tries, MAX_BREAK));
	r->idle(r->data);
}

/* What this process has asked about was found by it with a smaller key, if not by others. */
static bool is_recent(struct ranks *r, const struct question *q)
{
	struct question *place = &r->recent[q->f[0] % RECENT];

	if (place->f[0] == q->f[0] && place->f[1] == q->f[1])
		return true;
	*place = *q;
	return false;
}

void ranks_ask(struct ranks *r, const guint64 fingerprint[2], guint64 key)
{
	const struct question q = { .f = { fingerprint[0], fingerprint[1] }, .key = key };
	guint owner = owner_of(r, q.f), tries = 0;

	if (is_recent(r, &q))
		return;
	if (owner == r->net->rank) {
		if (claim(r, &q, owner))
			g_array_append_val(r->won, q);
		return;
	}
	g_byte_array_append(r->batches[owner], (const guint8 *)&q, sizeof(q));
	if (r->batches[owner]->len < BATCH * sizeof(q))
		return;
	send_batch(r, owner);
	while (r->waiting > WAITING)
		if (!take_message(r))
			breathe(r, &tries);
}

void ranks_pause(struct ranks *r)
{
	for (guint i = 0; i < r->net->size && !r->paused; i++)
		if (i != r->net->rank)
			r->net->send(r->net, i, TAG_PAUSE, &r->round, sizeof(r->round));
	r->paused = true;
}

void ranks_settle(struct ranks *r)
{
	guint tries = 0;

	for (guint i = 0; i < r->net->size; i++)
		send_batch(r, i);
	while (r->waiting > 0)
		if (!take_message(r))
			breathe(r, &tries);
	/* Others may still ask. */
	for (tries = 0; !r->net->all_here(r->net); )
		if (!take_message(r))
			breathe(r, &tries);
	r->round++;
	r->paused = false;
}

const char *ranks_reason(struct ranks *r, const char *mine)
{
	guint64 first = net_max(r->net, mine != NULL ? r->net->size - r->net->rank : 0);
	GByteArray **parts;
	const char *reason;

	if (first == 0)
		return NULL;
	parts = net_parts(r->net);
	for (guint i = 0; i < r->net->size && r->net->size - r->net->rank == first; i++)
		g_byte_array_append(parts[i], (const guint8 *)mine, strlen(mine) + 1);
	r->net->exchange(r->net, parts);
	reason = g_intern_string((const char *)parts[r->net->size - first]->data);
	net_parts_free(r->net, parts);
	return reason;
}

/* ---- The next level ---- */

static gint compare_keys(gconstpointer a, gconstpointer b)
{
	guint64 x = *(const guint64 *)a, y = *(const guint64 *)b;

	return x < y ? -1 : x > y;
}

static gint compare_questions(gconstpointer a, gconstpointer b)
{
	return compare_keys(&((const struct question *)a)->key, &((const struct question *)b)->key);
}

static gint compare_entries(gconstpointer a, gconstpointer b)
{
	guint32 x = ((const struct entry *)a)->rank, y = ((const struct entry *)b)->rank;

	return x < y ? -1 : x > y;
}

/* What another process reached first after all belongs to that one. */
static void drop_lost(struct ranks *r)
{
	g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(guint64));
	guint nr = 0, at = 0;

	r->net->exchange(r->net, r->losers);
	for (guint i = 0; i < r->net->size; i++) {
		g_array_append_vals(lost, r->losers[i]->data, r->losers[i]->len / sizeof(guint64));
		g_byte_array_set_size(r->losers[i], 0);
	}
	g_array_sort(lost, compare_keys);
	g_array_sort(r->won, compare_questions);
	for (guint i = 0; i < r->won->len; i++) {
		const struct question q = g_array_index(r->won, struct question, i);

		while (at < lost->len && g_array_index(lost, guint64, at) < q.key)
			at++;
		if (at == lost->len || g_array_index(lost, guint64, at) != q.key)
			g_array_index(r->won, struct question, nr++) = q;
	}
	g_array_set_size(r->won, nr);
}

/* So many states came of the state of the last level that has this place there. */
struct litter {
	guint32 parent, nr;
};

/* Litters that are told to one rank become the places of their first states. */
static guint64 place_litters(struct ranks *r, GByteArray **parts, guint32 first, guint32 block)
{
	g_autofree guint32 *at = g_new0(guint32, block + 1);
	g_autofree guint64 *sums = g_new(guint64, r->net->size);
	guint64 sum = 0, before = 0;

	for (guint i = 0; i < r->net->size; i++) {
		const struct litter *l = (const struct litter *)parts[i]->data;

		for (guint j = 0; j < parts[i]->len / sizeof(*l); j++) {
			at[l[j].parent - first] = l[j].nr;
			sum += l[j].nr;
		}
	}
	r->net->gather(r->net, &sum, 1, sums);
	for (guint i = 0; i < r->net->rank; i++)
		before += sums[i];
	for (guint32 i = 0, nr; i < block; i++, before += nr) {
		nr = at[i];
		at[i] = before;
	}
	for (guint i = 0; i < r->net->size; i++) {
		struct litter *l = (struct litter *)parts[i]->data;

		for (guint j = 0; j < parts[i]->len / sizeof(*l); j++)
			l[j].nr = at[l[j].parent - first];
	}
	sum = 0;
	for (guint i = 0; i < r->net->size; i++)
		sum += sums[i];
	return sum;
}

/* The node of this level that has that place in it. */
static guint32 node_at(const struct ranks_level *level, guint32 rank)
{
	guint32 low = 0, high = level->end - level->first;

	while (high - low > 1) {
		guint32 middle = low + (high - low) / 2;

		if (level->rank[middle] <= rank)
			low = middle;
		else
			high = middle;
	}
	return level->first + low;
}

/*
 * What was won, with its place in the whole level: each rank counts what comes before the
 * states of one block of the last level. Return how many there are in all.
 */
static guint64 place_won(struct ranks *r, const struct ranks_level *level, GArray *entries)
{
	GByteArray **parts = net_parts(r->net);
	g_autofree gsize *next = g_new0(gsize, r->net->size);
	guint32 block = level->total / r->net->size + 1;
	guint64 total;

	for (guint i = 0, j; i < r->won->len; i = j) {
		struct litter l = { g_array_index(r->won, struct question, i).key >> 32, 0 };

		for (j = i; j < r->won->len &&
			    g_array_index(r->won, struct question, j).key >> 32 == l.parent; j++)
			l.nr++;
		g_byte_array_append(parts[l.parent / block], (const guint8 *)&l, sizeof(l));
	}
	r->net->exchange(r->net, parts);
	total = place_litters(r, parts, r->net->rank * block, block);
	r->net->exchange(r->net, parts);
	for (guint i = 0, nr = 0; i < r->won->len; i++) {
		const struct question *q = &g_array_index(r->won, struct question, i);
		guint32 parent = q->key >> 32;
		struct entry e = { .f = { q->f[0], q->f[1] }, .key = q->key };
		const struct litter *l;

		nr = i > 0 && q[-1].key >> 32 == parent ? nr + 1 : 0;
		l = (const struct litter *)parts[parent / block]->data + next[parent / block];
		e.rank = l->nr + nr;
		e.parent = node_at(level, parent);
		g_array_append_val(entries, e);
		next[parent / block] += i + 1 == r->won->len || q[1].key >> 32 != parent;
	}
	net_parts_free(r->net, parts);
	g_array_set_size(r->won, 0);
	return total;
}

/* ---- Numbers ---- */

void ranks_number(struct ranks *r)
{
	r->numbers = g_array_new(FALSE, TRUE, sizeof(guint32));
}

static const struct origin nowhere = { .parent = G_MAXUINT32 };

/* The number of a state that is owned here. */
static guint32 owned_number(struct ranks *r, const guint64 f[2])
{
	guint32 number;

	states_insert(r->owned, f, &nowhere, &number, &r->spare);
	return number;
}

/* Owners learn which numbers new states have, and put the way to each in place of its key. */
static void number_won(struct ranks *r, const GArray *entries, guint64 total)
{
	GByteArray **parts = net_parts(r->net);

	for (guint i = 0; i < entries->len; i++) {
		const struct entry *e = &g_array_index(entries, struct entry, i);

		g_byte_array_append(parts[owner_of(r, e->f)], (const guint8 *)e, sizeof(*e));
	}
	r->net->exchange(r->net, parts);
	g_array_set_size(r->numbers, states_nr(r->owned));
	for (guint i = 0; i < r->net->size; i++) {
		const struct entry *e = (const struct entry *)parts[i]->data;

		for (guint j = 0; j < parts[i]->len / sizeof(*e); j++) {
			guint32 n = owned_number(r, e[j].f), place = e[j].key >> 32;

			g_array_index(r->numbers, guint32, n) = r->nr + e[j].rank;
			*states_origin(r->owned, n) = (struct origin){
				.parent = r->places != NULL ?
					g_array_index(r->places, guint32, place) : r->first + place,
				.op = e[j].key >> 16, .nth = e[j].key,
			};
		}
	}
	net_parts_free(r->net, parts);
	g_clear_pointer(&r->places, g_array_unref);
	r->before_first = r->first;
	r->before_nr = r->nr - r->first;
	r->first = r->nr;
	r->nr += total;
}

guint32 ranks_first(const struct ranks *r)
{
	return r->first;
}

guint32 ranks_numbers(const struct ranks *r)
{
	return r->nr;
}

/* ---- Moving states from rank to rank ---- */

static void put_moved(struct ranks *r, GByteArray *to, const struct entry *e, guint depth,
		      const struct reduction *reduction)
{
	const struct moved m = { .f = { e->f[0], e->f[1] }, .key = e->key, .rank = e->rank };
	guint steps = to->len + sizeof(m);
	struct origin o = { .parent = e->parent, .op = e->key >> 16, .nth = e->key };

	g_byte_array_append(to, (const guint8 *)&m, sizeof(m));
	g_byte_array_set_size(to, steps + depth * sizeof(guint32));
	for (guint d = depth; d-- > 0; o = *states_origin(r->nodes, o.parent)) {
		guint32 step = (guint32)o.op << 16 | o.nth;

		memcpy(to->data + steps + d * sizeof(step), &step, sizeof(step));
	}
	if (reduction != NULL)
		g_byte_array_append(to, reduction_row(reduction, e->parent),
				    reduction_row_bytes(reduction));
}

/* Nodes of the way that was received last. */
struct way {
	guint32 *steps, *nodes;
	guint nr;		/* steps with nodes */
};

/* The node that is the parent of a state that was received; false: no room. */
static bool make_way(struct ranks *r, struct way *way, const guint32 *steps, guint depth,
		     guint32 *parent)
{
	const guint64 none[2] = { 1, 1 };
	guint same = 0;

	while (same < MIN(way->nr, depth - 1) && way->steps[same] == steps[same])
		same++;
	for (guint d = same; d + 1 < depth; d++) {
		struct origin o = {
			.parent = d > 0 ? way->nodes[d - 1] : 0, .op = steps[d] >> 16,
			.nth = steps[d],
		};

		if (!states_append(r->nodes, none, &o, &way->nodes[d]))
			return false;
		way->steps[d] = steps[d];
	}
	way->nr = depth - 1;
	*parent = depth > 1 ? way->nodes[depth - 2] : 0;
	return true;
}

static bool take_moved(struct ranks *r, const GByteArray *from, GArray *entries, guint depth,
		       struct reduction *reduction)
{
	g_autofree guint32 *nodes = g_new(guint32, depth), *steps = g_new(guint32, depth);
	g_autofree guint32 *before = g_new(guint32, depth);
	struct way way = { .steps = before, .nodes = nodes };
	gsize bytes = sizeof(struct moved) + depth * sizeof(*steps) +
		      reduction_row_bytes(reduction);

	for (gsize at = 0; at < from->len; at += bytes) {
		const guint8 *row = from->data + at + sizeof(struct moved) + depth * sizeof(*steps);
		struct moved m;
		struct entry e;

		memcpy(&m, from->data + at, sizeof(m));
		memcpy(steps, from->data + at + sizeof(m), depth * sizeof(*steps));
		e = (struct entry){ .f = { m.f[0], m.f[1] }, .key = m.key, .rank = m.rank };
		if (!make_way(r, &way, steps, depth, &e.parent))
			return false;
		if (reduction != NULL)
			reduction_receive(reduction, e.parent, row);
		g_array_append_val(entries, e);
	}
	return true;
}

/* From the end of @entries to others, if somebody has many more than there are for each. */
static bool balance(struct ranks *r, GArray *entries, guint64 total, guint depth,
		    struct reduction *reduction)
{
	g_autofree guint64 *have = g_new(guint64, r->net->size);
	guint64 mine = entries->len, mean = (total + r->net->size - 1) / r->net->size, most = 0;
	GByteArray **parts;
	bool ok = true;

	r->net->gather(r->net, &mine, 1, have);
	for (guint i = 0; i < r->net->size; i++)
		most = MAX(most, have[i]);
	if (most <= mean + mean / SLACK || depth == 0)
		return true;
	parts = net_parts(r->net);
	for (guint i = 0, j = 0; i < r->net->size; i++) {
		for (; have[i] > mean; j += have[j] >= mean) {
			guint64 nr = have[j] < mean ? MIN(have[i] - mean, mean - have[j]) : 0;

			for (guint64 n = 0; n < nr && i == r->net->rank; n++)
				put_moved(r, parts[j], &g_array_index(entries, struct entry,
								      have[i] - nr + n),
					  depth, reduction);
			have[i] -= nr;
			have[j] += nr;
		}
	}
	g_array_set_size(entries, MIN(entries->len, have[r->net->rank]));
	r->net->exchange(r->net, parts);
	for (guint i = 0; i < r->net->size && ok; i++)
		ok = take_moved(r, parts[i], entries, depth, reduction);
	net_parts_free(r->net, parts);
	g_array_sort(entries, compare_entries);
	return ok;
}

static bool make_nodes(struct ranks *r, struct ranks_level *level, const GArray *entries)
{
	bool ok = true;

	g_free(r->before_rank);
	r->before_rank = level->rank;
	r->before_mine = level->end - level->first;
	g_free(level->key);
	level->rank = g_new(guint32, entries->len);
	level->key = g_new(guint64, entries->len);
	level->first = level->end = states_nr(r->nodes);
	for (guint i = 0; i < entries->len && ok; i++) {
		const struct entry *e = &g_array_index(entries, struct entry, i);
		const struct origin o = { .parent = e->parent, .op = e->key >> 16, .nth = e->key };
		guint32 number;

		ok = states_append(r->nodes, e->f, &o, &number);
		level->rank[i] = e->rank;
		level->key[i] = e->key;
		level->end += ok;
	}
	return ok;
}

bool ranks_next(struct ranks *r, struct ranks_level *level, guint depth,
		struct reduction *reduction)
{
	g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
	guint64 total;

	drop_lost(r);
	total = place_won(r, level, entries);
	if (total == 0)
		return false;
	if (r->numbers != NULL)
		number_won(r, entries, total);
	r->full |= !balance(r, entries, total, depth, reduction);
	r->full |= !make_nodes(r, level, entries);
	level->total = total;
	r->known = states_nr(r->owned);
	g_array_set_size(r->finders, 0);
	if (reduction != NULL)
		reduction_level(reduction, level->first, level->end);
	return !r->full;
}

/* ---- Checkpoints ---- */

/* What each of some states has, by number. */
struct column {
	const guint32 *order;		/* in which numbers grow, or NULL: they do */
	const guint32 *numbers;
	guint32 nr;
	const guint8 *data;
	gsize size;
};

static guint32 place_in(const struct column *column, guint32 i)
{
	return column->order != NULL ? column->order[i] : i;
}

/* The numbers from @low to @high of all ranks, at rank 0, in order; what none has is 0. */
static void collect_window(struct ranks *r, const struct column *column, guint32 *at, guint32 low,
			   guint32 high, guint8 *window)
{
	GByteArray **parts = net_parts(r->net);
	gsize step = sizeof(guint32) + column->size;

	for (; *at < column->nr && column->numbers[place_in(column, *at)] < high; ++*at) {
		guint32 i = place_in(column, *at), n = column->numbers[i] - low;

		g_byte_array_append(parts[0], (const guint8 *)&n, sizeof(n));
		g_byte_array_append(parts[0], column->data + i * column->size, column->size);
	}
	r->net->exchange(r->net, parts);
	memset(window, 0, (high - low) * column->size);
	for (guint i = 0; i < r->net->size; i++) {
		for (gsize j = 0; j < parts[i]->len; j += step) {
			guint32 n;

			memcpy(&n, parts[i]->data + j, sizeof(n));
			memcpy(window + n * column->size, parts[i]->data + j + sizeof(n),
			       column->size);
		}
	}
	net_parts_free(r->net, parts);
}

static void save_column(struct ranks *r, struct checkpoint *c, guint32 nr,
			const struct column *column)
{
	g_autofree guint8 *window = g_malloc(WINDOW * column->size);
	guint32 at = 0;

	for (guint32 low = 0, high; low < nr; low = high) {
		high = low + MIN(WINDOW, nr - low);
		collect_window(r, column, &at, low, high, window);
		if (c != NULL)
			checkpoint_move(c, window, (high - low) * column->size);
	}
}

/* The rows of a level; without @rows all is unknown. */
static void save_rows(struct ranks *r, struct checkpoint *c, gsize size, guint32 first, guint32 nr,
		      const guint8 *rows)
{
	const struct column column = {
		.numbers = r->before_rank, .nr = rows != NULL ? r->before_mine : 0,
		.data = rows, .size = size,
	};

	if (c != NULL) {
		checkpoint_move(c, &first, sizeof(first));
		checkpoint_move(c, &nr, sizeof(nr));
	}
	save_column(r, c, nr, &column);
}

static gint compare_numbers(gconstpointer a, gconstpointer b, gpointer numbers)
{
	guint32 x = ((guint32 *)numbers)[*(const guint32 *)a];
	guint32 y = ((guint32 *)numbers)[*(const guint32 *)b];

	return x < y ? -1 : x > y;
}

void ranks_save(struct ranks *r, struct checkpoint *c, const struct reduction *reduction)
{
	guint32 mine = states_nr(r->owned), *numbers = (guint32 *)r->numbers->data;
	g_autofree guint32 *order = g_new(guint32, mine);
	struct column column = {
		.order = order, .numbers = numbers, .nr = mine,
		.data = states_fingerprints(r->owned), .size = 2 * sizeof(guint64),
	};

	if (reduction != NULL) {
		save_rows(r, c, reduction_row_bytes(reduction), r->before_first, r->before_nr,
			  r->before_nr > 0 ? reduction_before(reduction) : NULL);
		save_rows(r, c, reduction_row_bytes(reduction), r->first, r->nr - r->first, NULL);
	}
	for (guint32 i = 0; i < mine; i++)
		order[i] = i;
	g_qsort_with_data(order, mine, sizeof(*order), compare_numbers, numbers);
	if (c != NULL)
		checkpoint_move(c, &r->nr, sizeof(r->nr));
	save_column(r, c, r->nr, &column);
	column.data = (const guint8 *)states_origin(r->owned, 0);
	column.size = sizeof(struct origin);
	save_column(r, c, r->nr, &column);
}

/* Neighbours have most of their way in common. */
static bool is_mine(const struct ranks *r, guint32 place)
{
	return place / TOGETHER % r->net->size == r->net->rank;
}

/* Fingerprints that are owned here, and entries of the states that are expanded here. */
static bool load_fingerprints(struct ranks *r, struct checkpoint *c, const GArray *places,
			      guint32 first, GArray *entries)
{
	g_autofree guint32 *place_of = g_new0(guint32, places->len);

	for (guint32 i = 0; i < places->len; i++)
		place_of[g_array_index(places, guint32, i) - first] = i;
	for (guint32 n = 0; n < r->nr; n++) {
		struct entry e = { .parent = n };
		guint32 mine;

		checkpoint_move(c, e.f, sizeof(e.f));
		/* A number that a thread did not use. */
		if ((e.f[0] | e.f[1]) == 0)
			continue;
		if (states_crowded(r->owned) && !states_grow(r->owned))
			return false;
		if (owner_of(r, e.f) == r->net->rank) {
			if (states_insert(r->owned, e.f, &nowhere, &mine, &r->spare) != STATE_NEW)
				return false;
			g_array_append_val(r->numbers, n);
		}
		if (n < first)
			continue;
		e.rank = place_of[n - first];
		if (is_mine(r, e.rank))
			g_array_append_val(entries, e);
	}
	return true;
}

/* The way to each of @entries as nodes, with what is known of the parents. */
static bool load_ways(struct ranks *r, const struct origin *origins, GArray *entries, guint depth,
		      const guint8 *rows, struct reduction *reduction)
{
	guint32 steps[MAX_SEARCH_DEPTH], before[MAX_SEARCH_DEPTH], nodes[MAX_SEARCH_DEPTH];
	struct way way = { .steps = before, .nodes = nodes };

	for (guint i = 0; i < entries->len; i++) {
		struct entry *e = &g_array_index(entries, struct entry, i);
		const struct origin *o = &origins[e->parent];
		guint32 parent = o->parent;

		e->key = (guint64)o->op << 16 | o->nth;
		for (guint d = depth; d-- > 0; o = &origins[o->parent])
			steps[d] = (guint32)o->op << 16 | o->nth;
		if (depth > 0 && !make_way(r, &way, steps, depth, &e->parent))
			return false;
		if (reduction != NULL && depth > 0)
			reduction_receive(reduction, e->parent,
					  rows + (parent - r->before_first) *
					  reduction_row_bytes(reduction));
	}
	return true;
}

static guint8 *load_rows(struct checkpoint *c, gsize size, guint32 *first, guint32 *nr)
{
	guint8 *rows;

	checkpoint_move(c, first, sizeof(*first));
	checkpoint_move(c, nr, sizeof(*nr));
	rows = g_malloc0_n(MAX(*nr, 1), size);
	checkpoint_move(c, rows, *nr * size);
	return rows;
}

bool ranks_load(struct ranks *r, struct checkpoint *c, struct ranks_level *level, guint depth,
		GArray *places, guint32 first, struct reduction *reduction)
{
	g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
	g_autofree guint8 *rows = NULL, *now = NULL;
	g_autofree struct origin *origins = NULL;
	guint32 skip;

	if (reduction != NULL) {
		gsize size = reduction_row_bytes(reduction);

		rows = load_rows(c, size, &r->before_first, &r->before_nr);
		now = load_rows(c, size, &skip, &skip);
	}
	checkpoint_move(c, &r->nr, sizeof(r->nr));
	if (!load_fingerprints(r, c, places, first, entries))
		return false;
	origins = g_new(struct origin, r->nr);
	checkpoint_move(c, origins, r->nr * sizeof(*origins));
	for (guint32 i = 0; i < states_nr(r->owned); i++)
		*states_origin(r->owned, i) = origins[g_array_index(r->numbers, guint32, i)];
	g_array_sort(entries, compare_entries);
	if (!load_ways(r, origins, entries, depth, rows, reduction) ||
	    !make_nodes(r, level, entries))
		return false;
	level->total = places->len;
	r->first = first;
	r->places = g_array_ref(places);
	r->known = states_nr(r->owned);
	if (reduction != NULL)
		reduction_level(reduction, level->first, level->end);
	return true;
}

/* ---- Findings ---- */

void ranks_merge(struct net *net, GHashTable *findings,
		 void (*found)(void *data, const struct finding *f), void *data)
{
	GByteArray **parts = net_parts(net);
	char *bytes = NULL;
	gsize size = 0;
	struct checkpoint *c = checkpoint_pack(&bytes, &size);

	findings_move(findings, c);
	checkpoint_end(c, NULL);
	if (net->rank > 0) {
		g_byte_array_append(parts[0], (const guint8 *)bytes, size);
		g_hash_table_remove_all(findings);
	}
	free(bytes);
	net->exchange(net, parts);
	for (guint i = 0; i < net->size && net->rank == 0; i++) {
		g_autoptr(GHashTable) theirs = findings_new();

		if (parts[i]->len == 0)
			continue;
		c = checkpoint_unpack(parts[i]->data, parts[i]->len);
		findings_move(theirs, c);
		checkpoint_end(c, NULL);
		findings_merge(findings, theirs, found, data);
	}
	net_parts_free(net, parts);
}

bool ranks_full(const struct ranks *r)
{
	return r->full;
}

guint64 ranks_owned(const struct ranks *r)
{
	return states_nr(r->owned);
}

guint64 ranks_bytes(const struct ranks *r)
{
	return states_bytes(r->owned) + states_nr(r->nodes) * (guint64)sizeof(struct origin);
}
