/* SPDX-License-Identifier: GPL-2.0-only */
/* The states that a search has seen, see states.h. */
#include <string.h>
#include <sys/mman.h>

#include "explore/states.h"

#define MIN_TABLE	((guint64)1 << 17)
#define STATE_BYTES	(sizeof(struct fingerprint) + sizeof(struct origin))
/* What threads may insert before the table is looked at again. */
#define HEADROOM	((guint64)1 << 15)

struct fingerprint {
	guint64 low, high;
};

struct states {
	struct fingerprint *fingerprints;
	struct origin *origins;
	guint32 *table;		/* numbers, counted from 1; 0: free */
	guint64 table_size, max;
	guint32 nr;
};

/* Address space; memory comes as it is touched. */
static void *reserve(guint64 bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		return NULL;
	/* What is looked up lies anywhere. */
	madvise(mem, bytes, MADV_HUGEPAGE);
	return mem;
}

static void release(void *mem, guint64 bytes)
{
	if (mem != NULL)
		munmap(mem, bytes);
}

struct states *states_new(guint64 memory)
{
	struct states *s = g_new0(struct states, 1);

	s->max = CLAMP(memory / 32, HEADROOM, G_MAXUINT32 - 1);
	s->table_size = MIN_TABLE;
	s->fingerprints = reserve(s->max * sizeof(*s->fingerprints));
	s->origins = reserve(s->max * sizeof(*s->origins));
	s->table = reserve(s->table_size * sizeof(*s->table));
	if (s->fingerprints != NULL && s->origins != NULL && s->table != NULL)
		return s;
	states_free(s);
	return NULL;
}

void states_free(struct states *s)
{
	if (s == NULL)
		return;
	release(s->fingerprints, s->max * sizeof(*s->fingerprints));
	release(s->origins, s->max * sizeof(*s->origins));
	release(s->table, s->table_size * sizeof(*s->table));
	g_free(s);
}

static guint64 first_place(const struct states *s, const struct fingerprint *f)
{
	return (unsigned __int128)f->low * s->table_size >> 64;
}

static bool take_number(struct states *s, guint32 *number, guint32 *spare)
{
	if (*spare != 0) {
		*number = *spare - 1;
		*spare = 0;
		return true;
	}
	*number = __atomic_fetch_add(&s->nr, 1, __ATOMIC_RELAXED);
	if (*number < s->max)
		return true;
	__atomic_fetch_sub(&s->nr, 1, __ATOMIC_RELAXED);
	return false;
}

enum seen states_insert(struct states *s, const guint64 fingerprint[2],
			const struct origin *origin, guint32 *number, guint32 *spare)
{
	const struct fingerprint f = { fingerprint[0], fingerprint[1] };
	guint64 at = first_place(s, &f);
	bool taken = false;
	guint32 entry, mine = 0;

	/* Half of all operations are refused, and lead back. */
	*number = origin->parent;
	if (*number < states_nr(s) && memcmp(&s->fingerprints[*number], &f, sizeof(f)) == 0)
		return STATE_SEEN;
	for (;; at = at + 1 < s->table_size ? at + 1 : 0) {
		entry = __atomic_load_n(&s->table[at], __ATOMIC_ACQUIRE);
		if (entry == 0) {
			if (!taken && !take_number(s, &mine, spare))
				return STATE_NO_ROOM;
			taken = true;
			s->fingerprints[mine] = f;
			s->origins[mine] = *origin;
			if (__atomic_compare_exchange_n(&s->table[at], &entry, mine + 1, false,
							__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
				*number = mine;
				return STATE_NEW;
			}
		}
		if (memcmp(&s->fingerprints[entry - 1], &f, sizeof(f)) == 0)
			break;
	}
	/* Another thread was faster: the number is for the next state. */
	if (taken) {
		memset(&s->fingerprints[mine], 0, sizeof(f));
		*spare = mine + 1;
	}
	*number = entry - 1;
	return STATE_SEEN;
}

bool states_append(struct states *s, const guint64 fingerprint[2], const struct origin *origin,
		   guint32 *number)
{
	guint32 spare = 0;

	if (!take_number(s, number, &spare))
		return false;
	s->fingerprints[*number] = (struct fingerprint){ fingerprint[0], fingerprint[1] };
	s->origins[*number] = *origin;
	return true;
}

const guint8 *states_fingerprints(const struct states *s)
{
	return (const guint8 *)s->fingerprints;
}

bool states_equal(const struct states *s, guint32 number, const guint64 fingerprint[2])
{
	return memcmp(&s->fingerprints[number], fingerprint, sizeof(*s->fingerprints)) == 0;
}

bool states_crowded(const struct states *s)
{
	return states_nr(s) + HEADROOM > s->table_size / 5 * 4;
}

static bool make_table(struct states *s, guint64 size)
{
	guint32 *table = reserve(size * sizeof(*table));

	if (table == NULL)
		return false;
	release(s->table, s->table_size * sizeof(*s->table));
	s->table = table;
	s->table_size = size;
	for (guint32 i = 0; i < s->nr; i++) {
		const struct fingerprint *f = &s->fingerprints[i];
		guint64 at = first_place(s, f);

		if (!states_is(s, i))
			continue;
		while (table[at] != 0)
			at = at + 1 < size ? at + 1 : 0;
		table[at] = i + 1;
	}
	return true;
}

bool states_grow(struct states *s)
{
	return make_table(s, s->table_size + s->table_size / 2);
}

bool states_move(struct states *s, struct checkpoint *c)
{
	guint32 nr = s->nr;

	checkpoint_move(c, &nr, sizeof(nr));
	if (nr > s->max)
		return false;
	s->nr = nr;
	checkpoint_move(c, s->fingerprints, nr * sizeof(*s->fingerprints));
	checkpoint_move(c, s->origins, nr * sizeof(*s->origins));
	return !checkpoint_is_loading(c) ||
	       make_table(s, MAX(MIN_TABLE, (nr + HEADROOM) / 2 * 3));
}

bool states_is(const struct states *s, guint32 number)
{
	return (s->fingerprints[number].low | s->fingerprints[number].high) != 0;
}

guint32 states_nr(const struct states *s)
{
	return __atomic_load_n(&s->nr, __ATOMIC_RELAXED);
}

void states_fingerprint(const struct states *s, guint32 number, guint64 fingerprint[2])
{
	memcpy(fingerprint, &s->fingerprints[number], sizeof(s->fingerprints[number]));
}

struct origin *states_origin(const struct states *s, guint32 number)
{
	return &s->origins[number];
}

guint64 states_bytes(const struct states *s)
{
	return s->nr * (guint64)STATE_BYTES + s->table_size * sizeof(*s->table);
}

/* The table has 1.25 to 1.875 places for each. */
double states_need(double nr)
{
	return nr * (STATE_BYTES + 1.5 * sizeof(guint32));
}
