/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of modules that call KHO, in a world: who has it, and what a module that keeps
 * to the rules may do with it. A folio may have two owners, each of which preserves and
 * restores it once; what comes of that is KHO's. Of an area a module has one description.
 */
#include "explore/internal.h"

/* In this order. */
static const struct {
	const char *made;
	bool area;
} memories[MAX_MEMORIES] = {
	{ .made = "folio_alloc(0)" },
	{ .made = "folio_alloc(1)" },
	{ .made = "vmalloc(8K)", .area = true },
};

bool memory_is_area(guint nr)
{
	return memories[nr].area;
}

static guint max_keepers(guint nr)
{
	return memory_is_area(nr) ? 1 : 2;
}

const char *memory_made(guint nr)
{
	return memories[nr].made;
}

void memory_begin(const struct world *world, struct place *place)
{
	for (guint i = 0; i < world->memories; i++)
		place->memory[i] = (struct place_memory){ .held = 1 };
	place->blob = 0;
}

void memory_boot(const struct world *world, struct place *place)
{
	for (guint i = 0; i < world->memories; i++)
		place->memory[i] = (struct place_memory){ .waiting = place->memory[i].kept };
	place->blob_in = place->blob;
	place->blob = 0;
}

bool memory_can(const struct place *place, const struct world_op *op)
{
	const struct place_memory *mem = &place->memory[op->memory];

	switch (op->op.info->on_memory) {
	case MEMORY_PRESERVES:
		return mem->held > 0 && mem->kept < max_keepers(op->memory);
	case MEMORY_UNPRESERVES:
		return mem->kept > (place->blob == 1 + op->memory);
	case MEMORY_RESTORES:
	case MEMORY_RESTORES_FREE:
		return mem->waiting > 0;
	case MEMORY_GIVES_UP:
		return mem->held > (mem->kept > 0);
	case MEMORY_NAMES:
		return mem->kept > 0;
	case MEMORY_UNNAMES:
		return place->blob == 1 + op->memory;
	default:
		return true;
	}
}

void memory_settle(struct place *place, const struct world_op *op)
{
	struct place_memory *mem = &place->memory[op->memory];

	switch (op->op.info->on_memory) {
	case MEMORY_PRESERVES:
		mem->kept++;
		break;
	case MEMORY_UNPRESERVES:
		mem->kept--;
		break;
	case MEMORY_RESTORES:
		mem->waiting--;
		mem->held++;
		break;
	case MEMORY_RESTORES_FREE:
		mem->waiting--;
		break;
	case MEMORY_GIVES_UP:
		mem->held--;
		break;
	case MEMORY_NAMES:
		place->blob = 1 + op->memory;
		break;
	case MEMORY_UNNAMES:
		place->blob = 0;
		break;
	default:
		break;
	}
}

guint64 memory_state(const struct world *world, const struct place *place)
{
	guint64 state = place->blob | place->blob_in << 4;

	for (guint i = 0; i < world->memories; i++)
		state = state << 12 | place->memory[i].held << 8 | place->memory[i].kept << 4 |
			place->memory[i].waiting;
	return state;
}
