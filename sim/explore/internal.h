/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of a world share: its slots, what objects begin with, single calls. */
#ifndef SIM_EXPLORE_INTERNAL_H
#define SIM_EXPLORE_INTERNAL_H

#include "explore/world.h"

#define WORLD_STEP	2		/* columns before a step of a scenario */
#define NO_SLOT		0xff

static inline guint out_slot(guint session)
{
	return 1 + session;
}

static inline guint in_slot(const struct world *world, guint session)
{
	return 1 + world->sessions + session;
}

static inline guint file_slot(const struct world *world, guint file)
{
	return 1 + 2 * world->sessions + file;
}

static inline guint nr_files(const struct world *world)
{
	return world->inodes * world->opens + world->words.nr_others + world->begun_files;
}

static inline guint other_slot(const struct world *world, guint nr)
{
	return file_slot(world, world->inodes * world->opens + nr);
}

/* The first slot of a process; what is said of slots above is of those of the first one. */
static inline guint first_slot(const struct world *world, guint process)
{
	return process * world->nr_slots;
}

/* The slot of the first process that is what @slot is to its own. */
static inline guint own_slot(const struct world *world, guint slot)
{
	return slot < world->nr_slots ? slot : slot - world->nr_slots;
}

static inline guint session_of(const struct world *world, guint slot)
{
	return (own_slot(world, slot) - 1) % world->sessions;
}

/* setup.c */
/** world_list_files() - the steps that make all files. */
void world_list_files(struct world *world);

/** world_scripts() - the handlers of the scenario's own. */
void world_scripts(const struct world *world, struct machine_config *config);

/** world_count() - how many files of that kind there are. */
guint world_count(const struct world *world, const char *kind);

/* ops.c */
/** world_list_ops() - into @world->ops. */
void world_list_ops(struct world *world);

/** world_parse_step() - a step that is known to be one. */
void world_parse_step(const char *text, struct op *op);

/** world_op_parse() - a step as the operation of a process. */
void world_op_parse(const struct world *world, struct world_op *op, const char *text);
void world_op_clear(gpointer op);

/** world_tries() - is the operation that --ops calls @name tried? */
bool world_tries(const struct world *world, const char *name);

/* prelude.c */
/**
 * world_list_begin() - the steps of @world->scn; the world gets what they use.
 * Return: FALSE and @error when there is one that a search cannot begin with.
 */
gboolean world_list_begin(struct world *world, GError **error);

/** world_parse_begin() - make them operations, when it is known what the world has. */
void world_parse_begin(struct world *world);

/** world_begin() - do them; what they returned goes to @out, as steps, unless it is NULL. */
void world_begin(const struct world *world, struct machine *m, struct place *place, GString *out);

/* print.c */
/** world_print_done() - an operation as steps, with what it returned and what followed. */
void world_print_done(GString *out, const struct world *world, const struct machine *m,
		      const struct world_op *op, const struct done *done);

/** world_print_step() - a line of a scenario, indented by that many columns. */
void world_print_step(GString *out, int indent, const char *call, const char *result);

/** world_print_enter() - the line from which on a process does what follows. */
void world_print_enter(GString *out, guint process);

/** world_print_slot() - the name of a descriptor. */
void world_print_slot(GString *out, const struct world *world, guint slot);

static inline const struct world_op *op_of(const struct world *world, guint nr)
{
	return &g_array_index(world->ops, struct world_op, nr);
}

/** world_call() - make the call of operation @nr; what it returned. */
gint64 world_call(const struct world *world, struct machine *m, const struct place *place,
		  guint nr);

/** world_do() - make the call of @op outside of what is searched, and what follows from it. */
void world_do(const struct world *world, struct machine *m, struct place *place,
	      const struct world_op *op, struct done *done);

/**
 * world_bind_slot() - a slot for the descriptor that @op returned, which is closed if there is
 * none; NO_SLOT if it returns none.
 */
void world_bind_slot(const struct world *world, struct machine *m, struct place *place,
		const struct world_op *op, struct done *done);

/** world_apply() - what follows from @op, which worked. */
void world_apply(const struct world *world, struct machine *m, struct place *place,
		  const struct world_op *op, struct done *done);

/** world_open_device() - the first process opens /dev/liveupdate, which is no operation. */
void world_open_device(struct machine *m, struct place *place, struct done *done);

/** world_boot() - the next kernel runs. */
void world_boot(const struct world *world, struct machine *m, struct place *place,
		struct done *done);

/* memory.c */
/** memory_made() - the call that makes memory @nr; is it a vmalloc area? */
const char *memory_made(guint nr);
bool memory_is_area(guint nr);

/** memory_begin() - a module has each; memory_boot() - and the next kernel restores it. */
void memory_begin(const struct world *world, struct place *place);
void memory_boot(const struct world *world, struct place *place);

/** memory_can() - may a module that keeps to the rules do that? */
bool memory_can(const struct place *place, const struct world_op *op);

/** memory_settle() - what follows from it when it worked. */
void memory_settle(struct place *place, const struct world_op *op);

/** memory_state() - all that as a number. */
guint64 memory_state(const struct world *world, const struct place *place);

/* process.c */
/** process_name() - "init", "child" */
const char *process_name(guint process);

/** world_start_processes() - all but the first, which every kernel starts. */
void world_start_processes(const struct world *world, struct machine *m);

/** world_enter() - what follows is done by that process. */
void world_enter(const struct world *world, struct machine *m, guint process);

/** world_receive() - the other process gets the descriptor that operation @op has sent. */
void world_receive(const struct world *world, struct machine *m, struct place *place,
		   const struct world_op *op, struct done *done);

/** world_restart() - the process of @op has ended, and another one took its place. */
void world_restart(const struct world *world, struct machine *m, struct place *place,
		   const struct world_op *op, struct done *done);

#endif
