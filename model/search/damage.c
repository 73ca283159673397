/* SPDX-License-Identifier: GPL-2.0-only */
/* Damage to a handover, see damage.h: kept until it is time, then done all at once. */
#include <libfdt.h>

#include "search/damage.h"
#include "search/handover.h"
#include "machine/machine.h"

#define MAX_DAMAGES	64

struct damage {
	struct damage *next;
	enum luosim_damage_kind kind;
	struct path path, other;
	u64 number;
	u8 *bytes;
	u32 len;
	struct handover_place place;	/* once it is time */
};

static void write_place(struct machine *m, const struct handover_place *place, u64 number)
{
	u64 word = (place_word(m, place) & ~place_mask(place)) | number << place->shift;

	if (place->big_endian)
		word = cpu_to_fdt32(word);
	phys_write(m, place->phys, &word, DIV_ROUND_UP(place->shift + place->bits, 8));
}

/* What it takes to do the damage: 0, -ENOENT, -EINVAL, -ERANGE; -EAGAIN: the reboot makes it. */
static int look_up(struct machine *m, struct damage *d)
{
	struct handover_place *place = &d->place, other;
	int err = path_find(m, &d->path, place);
	bool later = err == -EAGAIN;

	if (later)
		err = 0;
	if (!err && (d->kind == DAMAGE_ADDRESS || d->kind == DAMAGE_COPY))
		err = path_find(m, &d->other, &other);
	if (err)
		return err;
	switch (d->kind) {
	case DAMAGE_FLIP:
		return d->number < (place->bits ? place->bits : 8 * place->bytes) ? 0 : -ERANGE;
	case DAMAGE_BYTES:
		return place->bytes ? 0 : -EINVAL;
	case DAMAGE_ADDRESS:
		d->number = place->pfn ? PHYS_PFN(other.phys) : other.phys;
		break;
	case DAMAGE_COPY:
		if (!other.bits)
			return -EINVAL;
		d->number = place_read(m, &other);
		break;
	default:
		break;
	}
	if (!place->bits)
		return -EINVAL;
	if (d->number & ~(place_mask(place) >> place->shift))
		return -ERANGE;
	return later ? -EAGAIN : 0;
}

static void write_bytes(struct machine *m, const struct handover_place *place,
			const struct damage *d)
{
	phys_zero(m, place->phys, place->bytes);
	phys_write(m, place->phys, d->bytes, min(d->len, place->bytes));
}

static void flip(struct machine *m, const struct handover_place *place, u64 bit)
{
	u8 byte;

	if (place->bits) {
		write_place(m, place, place_read(m, place) ^ 1ull << bit);
		return;
	}
	phys_read(m, place->phys + bit / 8, &byte, 1);
	byte ^= 1u << bit % 8;
	phys_write(m, place->phys + bit / 8, &byte, 1);
}

static void drop(struct machine *m, struct damage *d)
{
	if (d->bytes)
		arena_free(&m->persist, d->bytes, d->len);
	arena_free(&m->persist, d, sizeof(*d));
}

void machine_damage_clear(struct machine *m)
{
	while (m->damages) {
		struct damage *d = m->damages;

		m->damages = d->next;
		drop(m, d);
	}
}

/* All is looked up before anything is written: each damage is one to what was right. */
void damage_apply(struct machine *m)
{
	struct damage *d;

	m->damaged = m->damages != NULL;
	if (m->damages && m->k->boot.release.tree)
		tree_handover_read(m, m->k->kexec.fdt);
	for (d = m->damages; d; d = d->next) {
		if (!look_up(m, d))
			continue;
		simulator_warn(m, "no field '%s' in this handover", path_pattern(&d->path));
		d->place.phys = 0;
	}
	for (d = m->damages; d; d = d->next) {
		if (!d->place.phys)
			continue;
		if (d->kind == DAMAGE_BYTES)
			write_bytes(m, &d->place, d);
		else if (d->kind == DAMAGE_FLIP)
			flip(m, &d->place, d->number);
		else
			write_place(m, &d->place, d->number);
	}
	machine_damage_clear(m);
}

static int read_damage(const struct luosim_damage *damage, struct damage *d)
{
	bool other = damage->kind == DAMAGE_ADDRESS || damage->kind == DAMAGE_COPY;

	*d = (struct damage){ .kind = damage->kind, .number = damage->number };
	if (path_read(damage->field, &d->path) || path_is_object(&d->path))
		return -EINVAL;
	if (other && path_read(damage->other, &d->other))
		return -EINVAL;
	if (d->kind == DAMAGE_COPY && path_is_object(&d->other))
		return -EINVAL;
	return 0;
}

/* It is the last of them. */
static int add_damage(struct machine *m, const struct damage *damage, const void *bytes, u64 len)
{
	struct damage **last = &m->damages, *d;
	u32 nr = 0;

	for (; *last; last = &(*last)->next)
		nr++;
	if (nr == MAX_DAMAGES)
		return -ENOSPC;
	d = arena_alloc(&m->persist, sizeof(*d));
	if (!d)
		return -ENOMEM;
	*d = *damage;
	if (d->kind == DAMAGE_BYTES) {
		d->len = min(len, PAGE_SIZE);
		d->bytes = arena_alloc(&m->persist, d->len);
		if (!d->bytes) {
			drop(m, d);
			return -ENOMEM;
		}
		memcpy(d->bytes, bytes, d->len);
	}
	*last = d;
	return 0;
}

struct trial {
	struct damage damage;
	int err;
};

static void try_damage(struct machine *m, void *data)
{
	struct trial *trial = data;

	trial->err = look_up(m, &trial->damage);
}

/* On a copy: the values are those that will be there at the end. */
static int can_be_done(struct machine *m, const struct damage *d)
{
	struct trial trial = { .damage = *d, .err = -ENOENT };
	int err = 0;

	/* What is kept of a tree's kernel are the bytes that it leaves. */
	if (m->k->boot.release.tree)
		err = tree_handover_try(m, try_damage, &trial);
	else
		try_damage(m, &trial);
	return err ? err : trial.err;
}

int machine_damage(struct machine *m, const struct luosim_damage *damage)
{
	SYSCALL_ENTER(m);
	struct damage d;
	int err = read_damage(damage, &d);

	if (!err)
		err = can_be_done(m, &d);
	return err && err != -EAGAIN ? err : add_damage(m, &d, damage->bytes, damage->len);
}
